/**
 * The period of a pack: which one, which run shows its end, and what all of its runs say over time. A period that has not begun, that the
 * ledger is younger than, or in which nothing was read gets a pack as well; it concludes nothing.
 */
import type { Timeline } from '../../assessment/index.ts';
import { benchmarkOfLaw, pickFrameworks } from '../../catalog/index.ts';
import { rollUp } from '../../mapping/index.ts';
import type {
  Assessment,
  Catalog,
  ControlResult,
  EvidenceReader,
  Framework,
  Outcome,
  RequirementResult,
  RunSummary,
} from '../../model/index.ts';
import { KubevidenceError, observedAt } from '../../model/index.ts';
import { type JudgedPeriodInput, outcomeOfPeriod, type ReportExhibit } from '../../reporting/index.ts';
import { managedOf } from '../assess/assess.ts';
import { type JudgedPeriod, judgePeriod, type PeriodOptions } from '../assess/judged-period.ts';
import { parsePeriod, type Period, quarterOf } from '../period.ts';

export const withSnapshot = (run: RunSummary) => run.status === 'succeeded' || run.status === 'partial';

export const isInside = (run: RunSummary, period: Pick<Period, 'start' | 'end'>) =>
  observedAt(run) >= period.start && observedAt(run) < period.end;

/** The named period; else the last closed quarter with a snapshot in it; else the quarter of the latest snapshot. */
export function choosePeriod(runs: readonly RunSummary[], name: string | undefined, timezone: string, now: string): Period {
  const read = runs.filter(withSnapshot);
  const latest = read.at(-1);
  if (latest === undefined)
    throw new KubevidenceError('usage', 'no run has read anything yet, so there is nothing to pack', {
      next: 'Collect first: kubevidence collect',
    });
  if (name !== undefined) return parsePeriod(name, timezone);
  const quarters = read.map((run) => quarterOf(observedAt(run), timezone));
  return quarters.findLast((quarter) => quarter.end <= now) ?? quarterOf(observedAt(latest), timezone);
}

/** The last that read something in the period; where none did, the last before it, else the first after it. */
export function shownRun(runs: readonly RunSummary[], period: Period): RunSummary {
  const read = runs.filter(withSnapshot);
  const run = read.findLast((each) => isInside(each, period)) ?? read.findLast((each) => observedAt(each) < period.end) ?? read.at(0);
  if (run === undefined)
    throw new KubevidenceError('usage', 'no run had read anything by then', { next: 'See the runs: kubevidence ledger status' });
  return run;
}

export interface PackPeriod {
  readonly judged: JudgedPeriodInput & Pick<JudgedPeriod, 'judged'>;
  /** What the report shows as of the period's end: what the run says, unless it lies outside the period. */
  readonly shown: Assessment;
}

export interface PackPeriodOptions extends PeriodOptions {
  readonly period: Period;
  readonly run: RunSummary;
  readonly assessment: Assessment;
  readonly catalog: Catalog;
  /** Of the run. */
  readonly reader: EvidenceReader;
}

export async function readPackPeriod(options: PackPeriodOptions): Promise<PackPeriod> {
  const { period, run, assessment } = options;
  const judged = await judgePeriod(options);
  const roll = roller(options);
  const verdicts = verdictsOf(judged.timeline);
  const ofPeriod = assessment.controls.map((control): ControlResult => {
    return { ...control, outcome: verdicts.get(control.id) ?? 'notAssessed' };
  });
  const shown = isInside(run, period) ? assessment : concludeNothing(assessment, roll);
  return { judged: { ...judged, requirements: roll(ofPeriod) }, shown };
}

function verdictsOf({ controls }: Timeline): ReadonlyMap<string, Outcome> {
  return new Map(controls.map(({ control, verdict }) => [control, outcomeOfPeriod(verdict)]));
}

type Roll = (controls: readonly ControlResult[]) => readonly RequirementResult[];

/** Rolls up to the requirements that the assessment speaks of, as it did itself. */
function roller({ assessment, catalog, config, reader }: PackPeriodOptions): Roll {
  const spoken = new Set(assessment.requirements.map(({ framework }) => framework));
  const managed = managedOf(config, reader);
  const fitting = pickFrameworks(catalog.frameworks, { version: reader.cluster.version, managed });
  const frameworks = fitting.filter(({ id }) => spoken.has(id));
  const benchmarkOf = (law: Framework) => benchmarkOfLaw(law, catalog.frameworks);
  return (controls) => rollUp(frameworks, controls, { managed: managed !== null, benchmarkOf });
}

/** Evidence from outside the period says nothing of it. */
function concludeNothing(assessment: Assessment, roll: Roll): Assessment {
  const gap = {
    reason: 'stale',
    what: 'evidence of the period',
    detail: 'no run of the period read anything',
    closedBy: 'nothing for the past; for what comes, run the collector on a schedule',
  } as const;
  const controls = assessment.controls.map((control): ControlResult => {
    const left = control.outcome === 'manual' || control.outcome === 'providerResponsibility';
    const { name } = control.population;
    // The evidence stays named: the pack holds what the log recorded of the run, wherever the run lies.
    const nothing = { population: { name, size: 0, tested: 0 }, findings: [], since: undefined };
    return { ...control, ...nothing, ...(left ? {} : { outcome: 'notAssessed' as const, gaps: [gap] }) };
  });
  return { ...assessment, controls, requirements: [...roll(controls)] };
}

/**
 * Which objects an exhibit shows: in the evidence of the assessment those that its findings stand on, and everywhere those of the
 * deviations that cite the exhibit.
 */
export function citedObjects(
  assessment: Assessment,
  { record }: Pick<JudgedPeriodInput, 'record'>,
  deviations: readonly CitingDeviation[],
): (exhibit: Pick<ReportExhibit, 'id' | 'listing'>) => ReadonlySet<string> {
  const byFindings = new Set(assessment.controls.flatMap((control) => control.findings.flatMap((finding) => finding.evidence)));
  const assessed = new Set(assessment.controls.flatMap((control) => control.evidence.map(({ id }) => id)));
  const byExhibit = new Map<string, Set<string>>();
  for (const { firstBad, item, controls, exhibits } of deviations)
    for (const exhibit of exhibits) {
      const ids = byExhibit.get(exhibit) ?? new Set();
      byExhibit.set(exhibit, ids);
      for (const { id: control } of item === null ? [] : controls)
        for (const id of record.found(control, item ?? '', firstBad)?.evidence ?? []) ids.add(id);
    }
  return ({ id, listing }) => {
    const own = byExhibit.get(id) ?? new Set();
    return assessed.has(listing) ? new Set([...byFindings, ...own]) : own;
  };
}

interface CitingDeviation {
  readonly firstBad: number;
  readonly item: string | null;
  readonly controls: readonly { readonly id: string }[];
  readonly exhibits: readonly string[];
}
