/**
 * Rows that are equal in every field that the expressions of their population read stand for each other: the containers of a workload's
 * replicas, above all. They share one item, about which each expression is asked once (catalog/shared-answers).
 */
import { compilePredicate, shareAnswers, toCel } from '../catalog/index.ts';
import type { Control, Row } from '../model/index.ts';

/** For fewer expressions that the engine has to be asked about, comparing rows costs more than asking. */
const fewestExpressions = 5;
/** Rows after which it shows whether any are equal. */
const trial = 500;
const mostKept = 20_000;

/** Gives the item of a row in the numbers of CEL: that of an equal row, where the controls look at no more than what is equal. */
export function createItems(controls: readonly Control[]): (row: Row) => unknown {
  const predicates = controls.flatMap(({ where, undecided, expect }) =>
    [where, undecided?.when, expect].flatMap((source) => (source === undefined ? [] : [compilePredicate(source)])),
  );
  const fields = [...new Set(predicates.flatMap((predicate) => [...(predicate.fields ?? [])]))];
  let known: Map<string, unknown> | undefined = new Map();
  if (predicates.filter(({ quick }) => !quick).length < fewestExpressions || predicates.some((predicate) => predicate.fields === null))
    known = undefined;
  let rows = 0;
  return (row) => {
    // Where three of four differ, looking costs more than it saves.
    if (++rows === trial && known !== undefined && known.size > trial * 0.75) known = undefined;
    if (known === undefined) return toCel(row);
    const key = keyOf(row, fields);
    let item = known.get(key);
    if (item === undefined) {
      const made = toCel(row) as object;
      shareAnswers(made);
      if (known.size >= mostKept) known.clear();
      known.set(key, made);
      item = made;
    }
    return item;
  };
}

/** Rows are JSON, so equal texts are equal values; a field that is not there is none of them. */
function keyOf(row: Row, fields: readonly string[]): string {
  let absent = '';
  const values = fields.map((name, index) => {
    if (Object.hasOwn(row, name) && row[name] !== undefined) return row[name];
    absent += `${index} `;
    return null;
  });
  return absent + JSON.stringify(values);
}
