/** Outcomes as a reader is shown them: a mark, a word, a sentence. */
import type { Outcome } from '../model/index.ts';

/** What a reader is shown: the outcome, or that every item found to fail is under an approved exception (the outcome stays `fail`). */
export type ShownOutcome = Outcome | 'exception';
/** Worst first; the order of bars, strips and counts. */
export const shownOutcomes: readonly ShownOutcome[] = [
  'fail',
  'exception',
  'notAssessed',
  'manual',
  'providerResponsibility',
  'pass',
  'notApplicable',
];

export interface Verdict {
  readonly outcome: Outcome;
  readonly shown: ShownOutcome;
  /** Short, for a table: `fail`, `no deviation found`. */
  readonly word: string;
  /** Whole, for prose: `Deviation found; not by itself a breach`. */
  readonly sentence: string;
}

export type OutcomeCounts = Readonly<Record<ShownOutcome, number>>;
