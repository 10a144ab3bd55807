/**
 * One control over the rows of its population. An outcome starts at notAssessed and has to earn pass: every row answered, nothing
 * missing, and evidence to stand on. What is kept of a row is a finding or a gap, never the row.
 */
import {
  type Budget,
  CelProblem,
  compileMessage,
  compilePredicate,
  type Predicate,
  stepsPerControl,
  stepsPerRow,
  toCel,
} from '../catalog/index.ts';
import {
  canonicalize,
  type Control,
  type ControlResult,
  clip,
  type Gap,
  isComplete,
  type Json,
  type Outcome,
  type Finding,
  type Row,
} from '../model/index.ts';
import type { PopulationReading } from './read-population.ts';
import { type Answer, type Several, sortedFindings, type Tally } from './tally.ts';

/** An approved exception for one item of one control, already known to be valid at the time of the assessment. */
export interface ItemException {
  readonly id: string;
  readonly control: string;
  /** The natural key of the row. */
  readonly item: string;
}

/** A row, with itself in the numbers of CEL. Made once per row for all controls of its population. */
export interface PreparedRow {
  readonly row: Row;
  readonly cel: unknown;
}

export interface Evaluation {
  /**
   * Asks the expressions. `read` takes names of fields: rows that are equal in these have the same answer, where the budget was and is
   * {@link Evaluation.isAmple} and no expression reads rows as a whole.
   */
  answer(prepared: PreparedRow, read?: Set<string>): Answer;
  /** Of a row that fails. */
  tell(row: Row): Finding;
  /** Whether no expression of a row could reach the end of what the control may spend. */
  isAmple(): boolean;
  /** Spends what an answer took that was given before. */
  charge(answer: Answer): void;
  /** `outside` counts rows that a namespace filter kept away. */
  conclude(tally: Tally, reading: PopulationReading, outside: number): ControlResult;
}

export interface EvaluationOptions {
  readonly params: Readonly<Record<string, Json>>;
  readonly exceptions: readonly ItemException[];
  /** The provider that runs the control plane, when one does. */
  readonly managed: string | null;
}

interface Compiled {
  /** All fields of rows that they read; null where one reads rows as a whole. */
  readonly fields: ReadonlySet<string> | null;
  readonly where: Predicate | null;
  readonly undecided: Predicate | null;
  readonly expect: Predicate;
  readonly describe: ReturnType<typeof compileMessage>;
}

const compiled = new WeakMap<Control, Compiled>();

/** Compiled once per control of a catalog; the catalog has already shown that it compiles. */
function compiledOf(control: Control): Compiled {
  let made = compiled.get(control);
  if (made === undefined) {
    const optional = (source: string | undefined) => (source === undefined ? null : compilePredicate(source));
    const [where, undecided, expect] = [optional(control.where), optional(control.undecided?.when), compilePredicate(control.expect)];
    made = { where, undecided, expect, fields: readBy([where, undecided, expect]), describe: compileMessage(control.message) };
    compiled.set(control, made);
  }
  return made;
}

function readBy(predicates: readonly (Predicate | null)[]): ReadonlySet<string> | null {
  const fields = new Set<string>();
  for (const predicate of predicates) {
    if (predicate?.fields === null) return null;
    for (const field of predicate?.fields ?? []) fields.add(field);
  }
  return fields;
}

/** Fields of rows on which answers depend; null where it is the whole row. */
export function fieldsOf(control: Control): ReadonlySet<string> | null {
  return compiledOf(control).fields;
}

const noProblems: readonly string[] = [];

/** Most answers are one of a few: there can be millions, so these are not made anew. */
const usual: readonly Answer[] = Array.from({ length: 8 }, (_, bits) => {
  return { tested: (bits & 1) !== 0, open: (bits & 2) !== 0, fails: (bits & 4) !== 0, problems: noProblems, steps: 0 };
});

function answerOf(tested: boolean, open: boolean, fails: boolean, problems: readonly string[], steps: number): Answer {
  if (steps !== 0 || problems.length > 0) return { tested, open, fails, problems, steps };
  return usual[Number(tested) | (Number(open) << 1) | (Number(fails) << 2)] as Answer;
}

/** Whether no expression of a row could reach the end of a budget that has so much left. */
export function isAmple(left: number): boolean {
  return left >= 3 * stepsPerRow;
}

export function startEvaluation(control: Control, options: EvaluationOptions): Evaluation {
  const { where, undecided, expect, describe } = compiledOf(control);
  const params = toCel(options.params);
  const budget: Budget = { left: stepsPerControl };
  const exceptions = new Map(options.exceptions.filter((each) => each.control === control.id).map((each) => [each.item, each.id]));

  /** Of the row that is judged; most have none. */
  let problems = noProblems;

  /** True, false, or null where there is no answer: then that is a gap, never a row less. */
  const ask = (predicate: Predicate, { cel }: PreparedRow, read: Set<string> | undefined): boolean | null => {
    try {
      return predicate.test(cel, params, budget, read);
    } catch (error) {
      if (!(error instanceof CelProblem)) throw error;
      problems = [...problems, error.message];
      return null;
    }
  };

  const answer = (prepared: PreparedRow, read?: Set<string>): Answer => {
    const before = budget.left;
    problems = noProblems;
    const inside = where === null ? true : ask(where, prepared, read);
    const isOpen = inside === true && undecided !== null ? ask(undecided, prepared, read) : false;
    const fails = inside === true && isOpen === false && ask(expect, prepared, read) === false;
    return answerOf(inside !== false, isOpen === true, fails, problems, before - budget.left);
  };

  return {
    answer,
    tell: (row) => ({
      item: row.item,
      resource: row.resource,
      message: describe(row, options.params),
      evidence: row.evidence as string[],
      exception: exceptions.get(row.item) ?? null,
      ...(row.since && { since: row.since }),
    }),
    isAmple: () => isAmple(budget.left),
    charge({ steps }) {
      budget.left -= steps;
    },
    conclude(tally, reading, outside) {
      const { size, tested, latest } = tally;
      const gaps = new Map(tally.gaps);
      const findings = sortedFindings(tally);
      for (const gap of reading.gaps) gaps.set(canonicalize(gap), gap);
      const all = [...gaps.values(), ...unansweredGaps(control, tally)];
      const forPerson: Gap[] = control.undecided?.outcome === 'manual' ? undecidedGaps(control, tally.open) : [];
      if (control.undecided?.outcome === 'notAssessed') all.push(...undecidedGaps(control, tally.open));
      if (size === 0 && outside === 0 && all.length === 0) forPerson.push(...unknownProviderGap(control, options.managed));
      if (all.length === 0 && !reading.listings.some(({ optional, listing }) => !optional || isComplete(listing)))
        all.push({ reason: 'absent', what: control.population, detail: 'nothing was read that an outcome could stand on' });
      const whenEmpty = outside > 0 ? 'notApplicable' : (control.whenEmpty ?? 'notApplicable');
      const found = decide({ failures: findings.length, gaps: all.length, forPerson: forPerson.length, tested, whenEmpty });
      all.push(...forPerson);
      const provider = providerGap(control, found, all, tested, options.managed);
      const outcome = provider === null ? found : 'providerResponsibility';
      return {
        id: control.id,
        title: control.title,
        severity: control.severity,
        outcome,
        labels: { ...control.labels },
        population: { name: control.population, size, tested },
        evidence: evidenceOf(reading, outcome),
        findings,
        gaps: provider === null ? all : [provider, ...all],
        ...(outcome === 'pass' && !tally.silent && latest !== null && { since: latest }),
      };
    },
  };
}

type Evidence = ControlResult['evidence'];

const shown = new WeakMap<PopulationReading, Partial<Record<'pass' | 'other', Evidence>>>();

/**
 * A pass stands on what was read whole; an optional listing that was not is nothing that it may stand on. The very same list for all controls
 * of which that is true.
 */
export function evidenceOf(reading: PopulationReading, outcome: Outcome): Evidence {
  const known = shown.get(reading) ?? {};
  shown.set(reading, known);
  return (known[outcome === 'pass' ? 'pass' : 'other'] ??= standsOn(reading, outcome));
}

function standsOn({ listings }: PopulationReading, outcome: Outcome): Evidence {
  const those = outcome === 'pass' ? listings.filter(({ optional, listing }) => !optional || isComplete(listing)) : listings;
  return those.map(({ listing }) => ({ kind: listing.kind, id: listing.id, items: listing.items, complete: isComplete(listing) }));
}

interface Counted {
  readonly failures: number;
  readonly gaps: number;
  readonly forPerson: number;
  readonly tested: number;
  readonly whenEmpty: 'pass' | 'notApplicable';
}

function decide({ failures, gaps, forPerson, tested, whenEmpty }: Counted): Outcome {
  if (failures > 0) return 'fail';
  if (gaps > 0) return 'notAssessed';
  if (forPerson > 0) return 'manual';
  return tested > 0 ? 'pass' : whenEmpty;
}

/**
 * On a managed cluster the provider answers for what the control plane does not show. Not for what could be read with a right, a retry
 * or another tool: that stays a gap of ours.
 */
function providerGap(control: Control, outcome: Outcome, gaps: readonly Gap[], tested: number, managed: string | null): Gap | null {
  if (managed === null || control.labels?.['side'] !== 'controlPlane' || outcome === 'fail') return null;
  const hidden = gaps.every((gap) => gap.reason === 'absent' || gap.reason === 'provider');
  if (!hidden || (gaps.length === 0 && tested > 0)) return null;
  return {
    reason: 'provider',
    what: control.population,
    detail: `the control plane is run by ${managed}`,
    closedBy: "the provider's report or API, or an attestation",
  };
}

/** Only the configuration says that a provider runs the cluster: its settings are not inapplicable, nobody has told them. */
function unknownProviderGap({ labels, population, undecided }: Control, managed: string | null): readonly Gap[] {
  if (managed === null || labels?.['side'] !== 'provider') return [];
  const detail = `the configuration says that ${managed} runs the cluster, and no answer of it is at hand`;
  return [{ reason: 'absent', what: population, detail, ...(undecided && { closedBy: undecided.closedBy }) }];
}

function unansweredGaps(control: Control, { unanswered }: Tally): Gap[] {
  const sorted = [...unanswered].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([problem, rows]) => {
    return { reason: 'error', what: manyRows(control, rows), detail: describeProblem(control, problem) };
  });
}

/** A row without a field was made of evidence that does not tell it. */
function describeProblem({ id }: Control, problem: string): string {
  const field = /^No such key: (\w+)$/.exec(problem)?.[1];
  return field === undefined ? `${id} has no answer: ${clip(problem, 300)}` : `the evidence does not tell ${field}`;
}

function undecidedGaps(control: Control, open: Several): Gap[] {
  if (control.undecided === undefined || open.rows === 0) return [];
  const { because: detail, closedBy } = control.undecided;
  return [{ reason: 'absent', what: manyRows(control, open), detail, closedBy }];
}

function manyRows({ population }: Control, { first, rows }: Several): string {
  return `${clip(first, 200)}${rows === 1 ? '' : ` and ${rows - 1} more ${population}`}`;
}
