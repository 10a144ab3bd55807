/** Outcomes in words. One place decides what a reader is shown, so that no format can word a law as a benchmark. */
import type { ControlResult, Outcome } from '../model/index.ts';
import type { ReportDefinition } from './report-definition.ts';
import { type OutcomeCounts, type ShownOutcome, shownOutcomes, type Verdict } from './shown-outcome.ts';

export type FrameworkKind = 'benchmark' | 'law' | 'policy';
export type Verdicts = Readonly<Record<ShownOutcome, Verdict>>;

/** The verdicts of a kind of framework at one moment, by what is shown. A policy speaks like a benchmark. */
export function verdictsOf(definition: ReportDefinition, kind: FrameworkKind): Verdicts {
  return wordedAs(definition.outcomes[kind === 'law' ? 'law' : 'benchmark']);
}

/** The same over a period. A law has one set of words for both. */
export function periodVerdictsOf(definition: ReportDefinition, kind: FrameworkKind): Verdicts {
  return wordedAs(definition.outcomes[kind === 'law' ? 'law' : 'period']);
}

function wordedAs(words: ReportDefinition['outcomes']['law']): Verdicts {
  const verdict = (shown: ShownOutcome): Verdict => ({ outcome: shown === 'exception' ? 'fail' : shown, shown, ...words[shown] });
  return Object.fromEntries(shownOutcomes.map((shown) => [shown, verdict(shown)])) as Verdicts;
}

/** True when every failing item of a failed control is under an approved exception. */
export function isExcepted(control: ControlResult): boolean {
  return control.outcome === 'fail' && control.findings.length > 0 && control.findings.every((finding) => finding.exception !== null);
}

export function shownOf(outcome: Outcome, excepted: boolean): ShownOutcome {
  return outcome === 'fail' && excepted ? 'exception' : outcome;
}

export function countShown(verdicts: readonly Verdict[]): OutcomeCounts {
  const counts: Record<ShownOutcome, number> = {
    fail: 0,
    exception: 0,
    notAssessed: 0,
    manual: 0,
    providerResponsibility: 0,
    pass: 0,
    notApplicable: 0,
  };
  for (const verdict of verdicts) counts[verdict.shown] += 1;
  return counts;
}
