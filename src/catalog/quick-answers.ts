/**
 * Expressions of the usual shapes, answered without the CEL engine, which takes some hundred times as long: fields and parameters, literals,
 * `!`, `&&`, `||`, comparisons, `in`, `+` and `startsWith` of texts, `size` of lists, and `all` or `exists` over empty ones. Only what is
 * certain is answered: where a field is missing, a value is of another type, or anything else stands in the way, the answer is undefined, and
 * the engine is to be asked. So an answer and its steps are the engine's (test/catalog/quick-answers.property.test.ts).
 */
import type * as Cel from '@marcbachmann/cel-js';

/** Undefined: ask the engine. `steps` are those that the engine would have taken. */
export type QuickAnswer = { readonly result: boolean; readonly steps: number } | undefined;

/** What is known of a part: a value as toCel gives it, or undefined. */
type Part = (item: Values, params: Values) => unknown;
type Values = Readonly<Record<string, unknown>>;

const unknown: Part = () => undefined;

// Evaluation is synchronous and never re-entered.
let steps = 0;
let noted: Set<string> | undefined;

/** `item` and `params` come from toCel; `read` takes the fields of the item that were looked at. Null for an expression of another shape. */
export function compileQuick(ast: Cel.ASTNode): ((item: unknown, params: unknown, read?: Set<string>) => QuickAnswer) | null {
  const part = compilePart(ast);
  if (part === unknown) return null;
  return (item, params, read) => {
    // A row with a hostile name for a field is a Map.
    if (!isPlain(item) || !isPlain(params)) return undefined;
    steps = 0;
    noted = read;
    const result = part(item, params);
    return typeof result === 'boolean' ? { result, steps } : undefined;
  };
}

function isPlain(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !(value instanceof Map);
}

function compilePart(node: Cel.ASTNode): Part {
  switch (node.op) {
    case 'value': {
      const { args: value } = node;
      return isScalar(value) ? () => value : unknown;
    }
    case '.':
      return field(node.args[0], node.args[1]);
    case 'list': {
      const list = node.args.map((each) => (each.op === 'value' ? each.args : undefined));
      return list.every((each) => typeof each === 'string') ? () => list : unknown;
    }
    case '!_':
      return unary(node.args, negate);
    case '&&':
    case '||': {
      const [left, right] = [compilePart(node.args[0]), compilePart(node.args[1])];
      const decides = node.op === '||';
      if (left === unknown) return unknown;
      return (item, params) => {
        const first = left(item, params);
        if (typeof first !== 'boolean' || first === decides) return first;
        const second = right(item, params);
        return typeof second === 'boolean' ? second : undefined;
      };
    }
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
    case '+':
    case 'in':
      return binary(node.args[0], node.args[1], operators[node.op]);
    case 'call': {
      const [name, [list, ...others]] = node.args;
      if (name !== 'size' || list === undefined || others.length > 0) return unknown;
      return unary(list, sizeOf);
    }
    case 'rcall': {
      const [name, receiver, args] = node.args;
      const [only, ...others] = args;
      if (name === 'startsWith' && only !== undefined && others.length === 0) return binary(receiver, only, startsWith);
      if ((name !== 'all' && name !== 'exists') || args.length !== 2) return unknown;
      // Of an empty list nothing is asked.
      return unary(receiver, (list) => (isEmpty(list) ? name === 'all' : undefined));
    }
    default:
      return unknown;
  }
}

function unary(operand: Cel.ASTNode, act: (value: unknown) => unknown): Part {
  const of = compilePart(operand);
  return of === unknown ? unknown : (item, params) => act(of(item, params));
}

function binary(one: Cel.ASTNode, other: Cel.ASTNode, act: (left: unknown, right: unknown) => unknown): Part {
  const left = compilePart(one);
  const right = compilePart(other);
  if (left === unknown || right === unknown) return unknown;
  return (item, params) => act(left(item, params), right(item, params));
}

function field(from: Cel.ASTNode, name: string): Part {
  if (from.op !== 'id') return unknown;
  if (from.args === 'item')
    return (item) => {
      noted?.add(name);
      return Object.hasOwn(item, name) ? item[name] : undefined;
    };
  if (from.args === 'params') return (_, params) => (Object.hasOwn(params, name) ? params[name] : undefined);
  return unknown;
}

/** CEL's texts, bools and ints. */
function isScalar(value: unknown): value is string | boolean | bigint {
  return typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint';
}

function negate(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? !value : undefined;
}

function isEqual(left: unknown, right: unknown): boolean | undefined {
  return typeof left === typeof right && isScalar(left) ? left === right : undefined;
}

function ordered(compare: (left: bigint, right: bigint) => boolean) {
  return (left: unknown, right: unknown) => (typeof left === 'bigint' && typeof right === 'bigint' ? compare(left, right) : undefined);
}

const operators = {
  '==': isEqual,
  '!=': (left: unknown, right: unknown) => negate(isEqual(left, right)),
  '<': ordered((left, right) => left < right),
  '<=': ordered((left, right) => left <= right),
  '>': ordered((left, right) => left > right),
  '>=': ordered((left, right) => left >= right),
  '+': (left: unknown, right: unknown) => (typeof left === 'string' && typeof right === 'string' ? left + right : undefined),
  in: contains,
};

function startsWith(text: unknown, start: unknown): boolean | undefined {
  return typeof text === 'string' && typeof start === 'string' ? text.startsWith(start) : undefined;
}

/** As the engine charges for what it walks: one step, and one for each member. */
function contains(wanted: unknown, list: unknown): boolean | undefined {
  if (!Array.isArray(list) || typeof wanted !== 'string') return undefined;
  steps += 1 + list.length;
  for (const each of list) {
    if (typeof each !== 'string') return undefined;
    if (each === wanted) return true;
  }
  return false;
}

function sizeOf(list: unknown): bigint | undefined {
  return Array.isArray(list) ? BigInt(list.length) : undefined;
}

function isEmpty(list: unknown): boolean {
  if (!Array.isArray(list) || list.length > 0) return false;
  steps += 1;
  return true;
}
