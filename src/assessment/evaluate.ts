/**
 * One control over the rows of its population. An outcome starts at notAssessed and has to earn pass: every row answered, nothing
 * missing, and evidence to stand on. What is kept of a row is a finding or a gap, never the row.
 */
import { type Budget, CelProblem, compileMessage, compilePredicate, type Predicate, stepsPerControl, toCel } from '../catalog/index.ts';
import {
  canonicalize,
  type Control,
  type ControlResult,
  type ExactTime,
  clip,
  type Finding,
  type Gap,
  isComplete,
  type Json,
  type Outcome,
  type Row,
} from '../model/index.ts';
import type { PopulationReading } from './read-population.ts';

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
  visit(prepared: PreparedRow): void;
  /** `outside` counts rows that a namespace filter kept away. */
  conclude(reading: PopulationReading, outside: number): ControlResult;
}

export interface EvaluationOptions {
  readonly params: Readonly<Record<string, Json>>;
  readonly exceptions: readonly ItemException[];
  /** The provider that runs the control plane, when one does. */
  readonly managed: string | null;
}

interface Predicates {
  readonly where: Predicate | null;
  readonly undecided: Predicate | null;
  readonly expect: Predicate;
}

const compiled = new WeakMap<Control, Predicates>();

/** Compiled once per control of a catalog; the catalog has already shown that it compiles. */
function predicatesOf(control: Control): Predicates {
  let made = compiled.get(control);
  if (made === undefined) {
    const optional = (source: string | undefined) => (source === undefined ? null : compilePredicate(source));
    made = { where: optional(control.where), undecided: optional(control.undecided?.when), expect: compilePredicate(control.expect) };
    compiled.set(control, made);
  }
  return made;
}

export function startEvaluation(control: Control, options: EvaluationOptions): Evaluation {
  const { where, undecided, expect } = predicatesOf(control);
  const params = toCel(options.params);
  const describe = compileMessage(control.message);
  const budget: Budget = { left: stepsPerControl };
  const exceptions = new Map(options.exceptions.filter((each) => each.control === control.id).map((each) => [each.item, each.id]));
  const findings: Finding[] = [];
  const gaps = new Map<string, Gap>();
  const unanswered = new Map<string, { readonly first: string; rows: number }>();
  const times: (ExactTime | null | undefined)[] = [];
  const open: { first?: string; rows: number } = { rows: 0 };
  let size = 0;
  let tested = 0;

  /** True, false, or null where there is no answer: then that is a gap, never a row less. */
  const ask = (predicate: Predicate, { row, cel }: PreparedRow): boolean | null => {
    try {
      return predicate.test(cel, params, budget);
    } catch (error) {
      if (!(error instanceof CelProblem)) throw error;
      // What the population already said about the row explains more than the expression that stumbled over it.
      if (row.gaps === undefined || row.gaps.length === 0) {
        const known = unanswered.get(error.message);
        if (known) known.rows += 1;
        else unanswered.set(error.message, { first: row.item, rows: 1 });
      }
      return null;
    }
  };

  return {
    visit(prepared) {
      const { row } = prepared;
      size += 1;
      const inside = where === null ? true : ask(where, prepared);
      if (inside !== false) {
        tested += 1;
        times.push(row.since);
      }
      const isOpen = inside === true && undecided !== null ? ask(undecided, prepared) : false;
      if (isOpen === true) {
        open.first ??= row.item;
        open.rows += 1;
      } else if (inside === true && isOpen === false && ask(expect, prepared) === false) {
        findings.push({
          item: row.item,
          resource: row.resource,
          message: describe(row, options.params),
          evidence: [...row.evidence],
          exception: exceptions.get(row.item) ?? null,
          ...(row.since && { since: row.since }),
        });
        return;
      }
      // Also for a row that `where` leaves out: it may do so only because of what is unknown.
      for (const gap of row.gaps ?? []) gaps.set(canonicalize(gap), gap);
    },
    conclude(reading, outside) {
      const evidence = reading.listings.map(({ listing, optional }) => ({
        optional,
        shown: { kind: listing.kind, id: listing.id, items: listing.items, complete: isComplete(listing) },
      }));
      for (const gap of reading.gaps) gaps.set(canonicalize(gap), gap);
      const all = [...gaps.values(), ...[...unanswered].map(([problem, rows]) => unansweredGap(control, problem, rows))];
      const forPerson = control.undecided?.outcome === 'manual' ? undecidedGaps(control, open) : [];
      if (control.undecided?.outcome === 'notAssessed') all.push(...undecidedGaps(control, open));
      if (all.length === 0 && !evidence.some(({ optional, shown }) => !optional || shown.complete))
        all.push({ reason: 'absent', what: control.population, detail: 'nothing was read that an outcome could stand on' });
      const whenEmpty = outside > 0 ? 'notApplicable' : (control.whenEmpty ?? 'notApplicable');
      const found = decide({ failures: findings.length, gaps: all.length, forPerson: forPerson.length, tested, whenEmpty });
      all.push(...forPerson);
      const provider = providerGap(control, found, all, tested, options.managed);
      const outcome = provider === null ? found : 'providerResponsibility';
      const since = latestOf(times);
      // A pass stands on what was read whole; an optional listing that was not is nothing that it may stand on.
      const standsOn = evidence.filter(({ optional, shown }) => !(optional && outcome === 'pass' && !shown.complete));
      return {
        id: control.id,
        title: control.title,
        severity: control.severity,
        outcome,
        labels: { ...control.labels },
        population: { name: control.population, size, tested },
        evidence: standsOn.map(({ shown }) => shown),
        findings: findings.sort((a, b) => (a.item < b.item ? -1 : 1)),
        gaps: provider === null ? all : [provider, ...all],
        ...(outcome === 'pass' && since !== undefined && { since }),
      };
    },
  };
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

/** Since when all rows have been as they are: undefined as soon as one does not say. */
function latestOf(times: readonly (ExactTime | null | undefined)[]): ExactTime | undefined {
  let latest: ExactTime | undefined;
  for (const time of times) {
    if (time === undefined) return undefined;
    if (time !== null && (latest === undefined || time.at > latest.at)) latest = time;
  }
  return latest;
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

function unansweredGap(control: Control, problem: string, { first, rows }: { readonly first: string; readonly rows: number }): Gap {
  return { reason: 'error', what: manyRows(control, first, rows), detail: `${control.id} has no answer: ${clip(problem, 300)}` };
}

function undecidedGaps(control: Control, { first, rows }: { readonly first?: string; readonly rows: number }): Gap[] {
  if (control.undecided === undefined || first === undefined) return [];
  const { because: detail, closedBy } = control.undecided;
  return [{ reason: 'absent', what: manyRows(control, first, rows), detail, closedBy }];
}

function manyRows({ population }: Control, first: string, rows: number): string {
  return `${clip(first, 200)}${rows === 1 ? '' : ` and ${rows - 1} more ${population}`}`;
}
