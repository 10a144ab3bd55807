/**
 * The period of a pack: which one, which run shows its end, and what all of its runs say over time. A period that has not begun, that the
 * ledger is younger than, or in which nothing was read gets a pack as well; it concludes nothing.
 */
import type { Timeline } from '../../assessment/index.ts';
import { pickFrameworks } from '../../catalog/index.ts';
import type { Ledger } from '../../ledger/index.ts';
import { rollUp } from '../../mapping/index.ts';
import type { Assessment, Catalog, ControlResult, EvidenceReader, Outcome, RequirementResult, RunSummary } from '../../model/index.ts';
import { KubevidenceError } from '../../model/index.ts';
import { type JudgedPeriodInput, outcomeOfPeriod } from '../../reporting/index.ts';
import { managedOf } from '../assess/assess.ts';
import type { CatalogInForce } from '../catalog.ts';
import type { Config } from '../config.ts';
import { judgePeriod } from '../assess/judged-period.ts';
import { parsePeriod, type Period, quarterOf } from '../period.ts';

/** When a run's evidence was observed, which decides the period it belongs to. */
export function observed(run: RunSummary): string {
  return run.observedAt ?? (run.status === 'missed' ? run.slot : null) ?? run.endedAt ?? run.plannedAt;
}

export const withSnapshot = (run: RunSummary) => run.status === 'succeeded' || run.status === 'partial';

export const isInside = (run: RunSummary, period: Pick<Period, 'start' | 'end'>) =>
  observed(run) >= period.start && observed(run) < period.end;

/** The named period; else the last closed quarter with a snapshot in it; else the quarter of the latest snapshot. */
export function choosePeriod(runs: readonly RunSummary[], name: string | undefined, timezone: string, now: string): Period {
  const read = runs.filter(withSnapshot);
  const latest = read.at(-1);
  if (latest === undefined)
    throw new KubevidenceError('usage', 'no run has read anything yet, so there is nothing to pack', {
      next: 'Collect first: kubevidence collect',
    });
  if (name !== undefined) return parsePeriod(name, timezone);
  const quarters = read.map((run) => quarterOf(observed(run), timezone));
  return quarters.findLast((quarter) => quarter.end <= now) ?? quarterOf(observed(latest), timezone);
}

/** The last that read something in the period; where none did, the last before it, else the first after it. */
export function shownRun(runs: readonly RunSummary[], period: Period): RunSummary {
  const read = runs.filter(withSnapshot);
  const run = read.findLast((each) => isInside(each, period)) ?? read.findLast((each) => observed(each) < period.end) ?? read.at(0);
  if (run === undefined)
    throw new KubevidenceError('usage', 'no run had read anything by then', { next: 'See the runs: kubevidence ledger status' });
  return run;
}

export interface PackPeriod {
  readonly judged: JudgedPeriodInput;
  /** What the report shows as of the period's end: what the run says, unless it lies outside the period. */
  readonly shown: Assessment;
}

export interface PackPeriodOptions {
  readonly ledger: Ledger;
  readonly cluster: string;
  readonly period: Period;
  readonly config: Config;
  readonly inForce: CatalogInForce;
  /** Of the checkpoint. */
  readonly size: number;
  readonly asOf: string;
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
  const fitting = pickFrameworks(catalog.frameworks, reader.cluster.version);
  const frameworks = fitting.filter(({ id }) => spoken.has(id));
  const benchmark = fitting.find(({ kind }) => kind === 'benchmark');
  return (controls) => rollUp(frameworks, controls, { managed: typeof managedOf(config, reader) === 'string', benchmark });
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

/** Ids of objects that findings of the assessment and of the period's deviations stand on, where their evidence is an exhibit. */
export function citedObjects(
  assessment: Assessment,
  { assessments }: JudgedPeriodInput,
  deviations: readonly {
    readonly firstBad: number;
    readonly item: string | null;
    readonly controls: readonly { readonly id: string }[];
    readonly exhibits: readonly string[];
  }[],
): ReadonlySet<string> {
  const cited = new Set(assessment.controls.flatMap((control) => control.findings.flatMap((finding) => finding.evidence)));
  for (const { firstBad, item, controls, exhibits } of deviations) {
    if (exhibits.length === 0) continue;
    for (const control of assessments.get(firstBad)?.controls ?? [])
      if (controls.some(({ id }) => id === control.id))
        for (const finding of control.findings) if (finding.item === item) for (const id of finding.evidence) cited.add(id);
  }
  return cited;
}
