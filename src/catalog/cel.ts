/**
 * CEL for controls, bounded: an expression can take no more than a counted number of steps on a row, whatever the row holds, and the
 * count is the same on every machine (a clock would let a slow machine reach another outcome).
 *
 * - `matches` is RE2, linear in the text. The CEL engine has a backtracking one that it does not let go of, so an expression is printed
 *   anew from its syntax tree with calls of {@link matcherName} in its place. Literal patterns are compiled while loading.
 * - `all`, `exists`, `exists_one`, `map`, `filter` and `cel.bind` may stand at most two deep inside one another, and what they walk, and
 *   the list on the right of `in`, is charged to the budget.
 * - JSON has one kind of number and CEL two: {@link toCel} makes whole numbers `int`, as the API server's CEL sees them.
 * - A field that a row does not have is an error, and so is a result that is no bool. `has(item.x)` asks first.
 */
import { createRequire } from 'node:module';
import type * as Cel from '@marcbachmann/cel-js';
import type * as Re2 from 're2js';
import { reasonOf } from '../model/index.ts';
import { compileQuick } from './quick-answers.ts';

/** Steps for one expression on one row: list elements walked, and a share of what a pattern reads. */
export const stepsPerRow = 1_000_000;
/** Steps for all rows of one control: about ten seconds at worst. */
export const stepsPerControl = 50_000_000;
const maxPattern = 1000;
const deepest = 2;

/** What one control may still spend in one assessment. */
export interface Budget {
  left: number;
}

export interface Predicate {
  readonly source: string;
  /** Names used as `params.<name>`. */
  readonly params: ReadonlySet<string>;
  /** Names used as `item.<name>`: all that the answer can depend on. Null when the item is used as a whole. */
  readonly fields: ReadonlySet<string> | null;
  /** Mostly answered without the engine. */
  readonly quick: boolean;
  /**
   * True or false; throws {@link CelProblem} for everything else. `item` and `params` come from {@link toCel}. `read` takes names of fields:
   * items that are equal in these have the same answer.
   */
  test(item: unknown, params: unknown, budget: Budget, read?: Set<string>): boolean;
}

/** Why an expression cannot be used, or has no answer for a row: one sentence without a full stop. */
export class CelProblem extends Error {
  override readonly name = 'CelProblem';
}

const matcherName = 'matchesRe2';
const counterName = 'counted';
const iterating = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

// Evaluation is synchronous and never re-entered, so the functions below find the running evaluation's meter here.
let meter = 0;
const patterns = new Map<string, Re2.RE2JS>();

// Loaded with the first expression: whoever comes through this folder's door to read a configuration does not wait for it, nor hold it.
const load = createRequire(import.meta.url);
let loaded: ReturnType<typeof loadEngine> | undefined;

function engine(): ReturnType<typeof loadEngine> {
  return (loaded ??= loadEngine());
}

function loadEngine() {
  const cel = load('@marcbachmann/cel-js') as typeof Cel;
  const re2 = load('re2js') as typeof Re2;
  return { cel, re2, environment: createEnvironment(cel) };
}

function createEnvironment({ Environment }: typeof Cel): Cel.Environment {
  return new Environment({ homogeneousAggregateLiterals: false, limits: { maxAstNodes: 2000, maxDepth: 100 } })
    .registerVariable('item', 'dyn')
    .registerVariable('params', 'dyn')
    .registerFunction(
      `${matcherName}(string, string): bool`,
      (text: string, pattern: string) => {
        const compiled = compilePattern(pattern);
        // RE2 takes at most text × program; a real pattern on a real name takes one step or two.
        spend(1 + Math.floor((text.length * compiled.programSize()) / 64));
        return compiled.test(text);
      },
      { async: false } as object,
    )
    .registerFunction(
      `${counterName}(dyn): dyn`,
      (value: unknown) => {
        spend(1 + sizeOf(value));
        return value;
      },
      { async: false } as object,
    );
}

function spend(steps: number): void {
  meter -= steps;
  if (meter < 0) throw new CelProblem('it takes more steps than a control may');
}

function sizeOf(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  if (value instanceof Map) return value.size;
  return typeof value === 'object' && value !== null ? Object.keys(value).length : 0;
}

function compilePattern(pattern: string): Re2.RE2JS {
  const known = patterns.get(pattern);
  if (known) return known;
  if (pattern.length > maxPattern) throw new CelProblem(`a pattern is longer than ${maxPattern} characters`);
  let made: Re2.RE2JS;
  try {
    made = engine().re2.RE2JS.compile(pattern);
  } catch (cause) {
    throw new CelProblem(`not a pattern that RE2 knows: ${reasonOf(cause)}`, { cause });
  }
  // Patterns that come from rows could be as many as rows.
  if (patterns.size >= 1000) patterns.clear();
  patterns.set(pattern, made);
  return made;
}

// The check while loading and the first evaluation ask for the same expressions. Bounded, for tools that make up many.
const predicates = new Map<string, Predicate>();

/** Checks and compiles an expression, or gives the one that it made before. Throws {@link CelProblem}. */
export function compilePredicate(source: string): Predicate {
  let made = predicates.get(source);
  if (made === undefined) {
    made = compile(source);
    if (predicates.size >= 1000) predicates.clear();
    predicates.set(source, made);
  }
  return made;
}

function compile(source: string): Predicate {
  const used: Used = { params: new Set(), fields: new Set(), whole: false };
  try {
    const { environment } = engine();
    const { ast } = environment.parse(source);
    const text = print(ast, 0, used);
    const checked = environment.check(text);
    if (!checked.valid) throw new CelProblem(checked.error?.summary ?? 'it does not type-check');
    if (checked.type !== 'bool' && checked.type !== 'dyn') throw new CelProblem(`it gives ${checked.type}, not bool`);
    let run: ReturnType<typeof environment.parse> | undefined;
    const ask: Predicate['test'] = (item, values, budget) => evaluate((run ??= environment.parse(text)), { item, params: values }, budget);
    const quick = compileQuick(ast);
    const test: Predicate['test'] = (item, values, budget, read) => {
      const answer = quick?.(item, values, read);
      if (answer === undefined || answer.steps > Math.min(stepsPerRow, budget.left - 1)) {
        for (const field of used.fields) read?.add(field);
        return ask(item, values, budget);
      }
      budget.left -= answer.steps;
      return answer.result;
    };
    const { params, fields, whole } = used;
    return { source, params, fields: whole ? null : fields, quick: quick !== null, test };
  } catch (cause) {
    throw problemOf(cause);
  }
}

function evaluate(
  run: (context: { item: unknown; params: unknown }) => unknown,
  context: { item: unknown; params: unknown },
  budget: Budget,
): boolean {
  if (budget.left <= 0) throw new CelProblem('the control has used up its steps on other rows');
  const start = Math.min(stepsPerRow, budget.left);
  meter = start;
  try {
    const result = run(context);
    if (typeof result !== 'boolean') throw new CelProblem('the result is not true or false');
    return result;
  } catch (cause) {
    throw problemOf(cause);
  } finally {
    budget.left -= start - meter;
  }
}

function problemOf(cause: unknown): CelProblem {
  if (cause instanceof CelProblem) return cause;
  const { ParseError, TypeError: CelTypeError, EvaluationError } = engine().cel;
  if (cause instanceof ParseError || cause instanceof CelTypeError || cause instanceof EvaluationError) {
    return cause.cause instanceof CelProblem ? cause.cause : new CelProblem(cause.summary, { cause });
  }
  return new CelProblem(reasonOf(cause), { cause });
}

/** What an expression reads. */
interface Used {
  readonly params: Set<string>;
  readonly fields: Set<string>;
  /** The item itself, not only fields of it. */
  whole: boolean;
}

/** The expression again, in full parentheses, with our functions in place; `depth` counts enclosing comprehensions. */
function print(node: Cel.ASTNode, depth: number, used: Used): string {
  const again = (each: Cel.ASTNode) => print(each, depth, used);
  switch (node.op) {
    case 'value':
      return node.input.slice(node.start, node.end);
    case 'id':
      if (node.args === 'item') used.whole = true;
      return node.args;
    case '.': {
      const [from, name] = node.args;
      if (from.op === 'id' && from.args === 'params') used.params.add(name);
      if (from.op !== 'id' || from.args !== 'item') return `${operand(from, again)}.${name}`;
      used.fields.add(name);
      return `item.${name}`;
    }
    case '[]': {
      const [from, key] = node.args;
      if (from.op === 'id' && from.args === 'params') {
        if (key.op !== 'value' || typeof key.args !== 'string') throw new CelProblem('a parameter must be named: params.name');
        used.params.add(key.args);
      }
      return `${operand(from, again)}[${again(key)}]`;
    }
    case 'list':
      return `[${node.args.map(again).join(', ')}]`;
    case 'map':
      return `{${node.args.map(([key, value]) => `${again(key)}: ${again(value)}`).join(', ')}}`;
    case '?:':
      return `(${again(node.args[0])} ? ${again(node.args[1])} : ${again(node.args[2])})`;
    case '!_':
      return `!(${again(node.args)})`;
    case '-_':
      return `-(${again(node.args)})`;
    case 'call':
      return printCall(node.args[0], node.args[1], again);
    case 'rcall':
      return printMethod(node.args, depth, used);
    case 'in':
      return `(${again(node.args[0])} in ${counterName}(${again(node.args[1])}))`;
    case '.?':
    case '[?]':
      throw new CelProblem('optional access (.?) is not supported; ask with has()');
    default:
      return `(${again(node.args[0])} ${node.op} ${again(node.args[1])})`;
  }
}

function operand(node: Cel.ASTNode, again: (node: Cel.ASTNode) => string): string {
  return node.op === 'id' || node.op === '.' ? again(node) : `(${again(node)})`;
}

function printCall(name: string, args: readonly Cel.ASTNode[], again: (node: Cel.ASTNode) => string): string {
  if (name === matcherName || name === counterName) throw new CelProblem(`there is no function ${name}`);
  return `${name}(${args.map(again).join(', ')})`;
}

function printMethod([name, receiver, args]: [string, Cel.ASTNode, Cel.ASTNode[]], depth: number, used: Used): string {
  const again = (each: Cel.ASTNode) => print(each, depth, used);
  if (name === 'matches') {
    const [pattern] = args;
    if (args.length !== 1 || pattern === undefined) throw new CelProblem('matches takes one pattern');
    if (pattern.op === 'value' && typeof pattern.args === 'string') compilePattern(pattern.args);
    return `${matcherName}(${again(receiver)}, ${again(pattern)})`;
  }
  const binds = name === 'bind' && receiver.op === 'id' && receiver.args === 'cel';
  if (!binds && !iterating.has(name)) return `${operand(receiver, again)}.${name}(${args.map(again).join(', ')})`;
  if (depth === deepest)
    throw new CelProblem(`${name} stands inside more than ${deepest - 1} other comprehension; at most ${deepest} may be nested`);
  const [variable] = args;
  if (variable?.op === 'id' && (variable.args === 'item' || variable.args === 'params'))
    throw new CelProblem(`${name} cannot use ${variable.args} as its own variable`);
  const inside = args.map((each) => print(each, depth + 1, used)).join(', ');
  return binds ? `cel.bind(${inside})` : `${counterName}(${again(receiver)}).${name}(${inside})`;
}

/**
 * A JSON value as CEL sees it: whole numbers become BigInt (CEL's int), everything else stays as it is and is not copied. Objects with a
 * key that JavaScript gives a meaning of its own (labels are hostile) become Maps.
 */
export function toCel(value: unknown): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    let copy: unknown[] | undefined;
    for (let i = 0; i < value.length; i++) {
      const each = toCel(value[i]);
      if (each !== value[i]) (copy ??= [...(value as unknown[])])[i] = each;
    }
    return copy ?? value;
  }
  let copy: Record<string, unknown> | undefined;
  for (const key in value) {
    if (key === 'constructor' || key === '__proto__')
      return new Map(Object.entries(value).map(([name, each]) => [name, toCel(each)] as const));
    const each = (value as Record<string, unknown>)[key];
    const made = toCel(each);
    if (made !== each) (copy ??= { ...value })[key] = made;
  }
  return copy ?? value;
}
