/**
 * The rows of a population, kept from one reading to the next with what its controls said of them: a row that is the same is not judged
 * again, and of one that changed, each control is asked again that reads what changed.
 */
import type { Control, Row } from '../model/index.ts';
import { fieldsOf } from './evaluate.ts';
import type { SaidBefore } from './row-judge.ts';

/** A row of the last reading, and what the controls of its population said of it; not where one might have come to the end of its budget. */
export interface KeptRow extends SaidBefore {
  readonly row: Row;
  reading: number;
}

/** Rows by their keys. */
export interface RowMemory {
  readonly rows: Map<string, KeptRow>;
  reading: number;
}

export function createRowMemory(): RowMemory {
  return { rows: new Map(), reading: 0 };
}

/** The rows of one reading, each as the equal one of the last reading where there is one. */
export interface KeptRows {
  readonly isRepeated: (item: string) => boolean;
  keep(row: Row): KeptRow;
  /** Drops those that are gone. */
  end(): void;
}

/** `controls`: those whose verdicts about the rows are kept. */
export function keepRows(memory: RowMemory, controls: readonly Control[]): KeptRows {
  memory.reading += 1;
  let count = 0;
  return {
    isRepeated: (item) => memory.rows.get(item)?.reading === memory.reading,
    keep(row) {
      count += 1;
      let kept = memory.rows.get(row.item);
      if (kept === undefined || !isSame(kept.row, row)) {
        kept = { row, verdicts: undefined, still: kept && stillSaid(kept, row, controls), reading: 0 };
        memory.rows.set(row.item, kept);
      }
      kept.reading = memory.reading;
      return kept;
    },
    end() {
      if (count === memory.rows.size) return;
      for (const [item, { reading }] of memory.rows) if (reading !== memory.reading) memory.rows.delete(item);
    },
  };
}

/** Answers of the controls that read nothing of what is another in this row. Their findings are to be told again. */
function stillSaid({ row: before, verdicts }: KeptRow, row: Row, controls: readonly Control[]): SaidBefore['still'] {
  if (verdicts === undefined) return undefined;
  const names = [...new Set([...Object.keys(before), ...Object.keys(row)])];
  const changed = names.filter((name) => !isSame(before[name], row[name]));
  return controls.map((control, place) => {
    const fields = fieldsOf(control);
    return fields === null || changed.some((name) => fields.has(name)) ? undefined : verdicts.answers[place];
  });
}

/** Equal as JSON, with members in the same order. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let index = 0; index < a.length; index++) if (!isSame(a[index], b[index])) return false;
    return true;
  }
  if (Array.isArray(b)) return false;
  const [left, right] = [Object.keys(a), Object.keys(b)];
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) {
    const key = left[index] as string;
    if (key !== right[index] || !isSame((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key])) return false;
  }
  return true;
}
