/**
 * Every run that a period needs, judged by the definitions that held when it was planned, and what that says over time. Where definitions
 * changed, the first run after the change is judged by both, so that an outcome that flipped by definition is told from one that flipped
 * by what was found. docs/audit-pack: "What makes it evidence", 1 and 2.
 */
import {
  assessControls,
  type AssessmentMemory,
  buildTimeline,
  createAssessmentMemory,
  createTimelineRecorder,
  type Timeline,
  type TimelineRecord,
  type TimelineRun,
} from '../../assessment/index.ts';
import { controlsNamedBy } from '../../assess.ts';
import { pickFrameworks } from '../../catalog/index.ts';
import type { Ledger, SeriesSnapshot } from '../../ledger/index.ts';
import type { Control, ControlResult, Instant, ListingKind, RunSummary, StoredListing } from '../../model/index.ts';
import { textAt, observedAt } from '../../model/index.ts';
import { populations } from '../../populations/index.ts';
import type { CatalogInForce } from '../catalog.ts';
import type { Config } from '../config.ts';
import { toolName } from '../context.ts';
import type { Period } from '../period.ts';
import { managedOf } from './assess.ts';
import { type Rules, rulesReader } from './rules-in-force.ts';
import { createTeller } from './told-results.ts';
import { defaultTimeToLiveSeconds } from './time-to-live.ts';

export interface PeriodOptions {
  readonly ledger: Ledger;
  readonly cluster: string;
  readonly period: Pick<Period, 'start' | 'end'>;
  /** Size and time of the checkpoint that everything stands on. */
  readonly size: number;
  readonly asOf: Instant;
  readonly config: Config;
  /** Where the ledger has recorded no definitions. */
  readonly inForce: CatalogInForce;
  /** Sees each snapshot that is judged, while it is at hand. */
  readonly onSnapshot?: ((run: RunSummary, listings: readonly StoredListing[]) => void) | undefined;
  /** When all are judged, and what that took is no longer held. */
  readonly onJudged?: (() => Promise<void>) | undefined;
}

export interface JudgedPeriod {
  readonly timeline: Timeline;
  /** What the runs said, as judged by the definitions that held then. */
  readonly record: TimelineRecord;
  /** Numbers of the runs that were judged, or read nothing to be judged. */
  readonly judged: ReadonlySet<number>;
}

export async function judgePeriod(options: PeriodOptions): Promise<JudgedPeriod> {
  const { ledger, cluster, period, size, asOf } = options;
  const { record, judged, runs, controls } = judgeRuns(options);
  await options.onJudged?.();
  const timeline = buildTimeline({
    period: { from: period.start, to: period.end },
    asOf,
    genesis: ledger.status().genesis.at,
    runs,
    record,
    controls,
    exceptions: ledger.exceptions(cluster, size).flatMap((exception) => {
      const { id, control, item, expires, approved, revoked, rebound } = exception;
      if (approved === null || item === null) return [];
      const [to = expires] = [expires, ...[revoked, rebound].flatMap((end) => end?.at ?? [])].sort();
      return [{ id, control, item, from: approved.at, to }];
    }),
    due: await dueSlots(options),
    defaultTimeToLiveSeconds,
  });
  return { timeline, record, judged };
}

interface JudgedRuns extends Pick<JudgedPeriod, 'record' | 'judged'> {
  readonly runs: readonly TimelineRun[];
  /** Ids of those that the timeline speaks of. */
  readonly controls: readonly string[];
}

function judgeRuns(options: PeriodOptions): JudgedRuns {
  const { ledger, cluster, period, size } = options;
  const runs = runsFor(
    // One that ended later is no part of this size of the log.
    ledger.runs(cluster).filter(({ leaf, endedAt }) => leaf < size && endedAt !== null),
    period,
  );
  const rulesOf = rulesReader(options);
  const selection = createSelection(options.config);
  const judge = createJudge(options, selection);
  const [recorder, teller] = [createTimelineRecorder(), createTeller()];
  const judged = new Set<number>();
  const snapshots = ledger.snapshots(cluster);
  const told: TimelineRun[] = [];
  let before: { readonly rules: Rules; readonly observedAt: Instant } | undefined;
  for (const run of runs) {
    if (!hasSnapshot(run)) {
      if (run.status !== 'missed') judged.add(run.number);
      told.push(tell(run, {}));
      continue;
    }
    const rules = rulesOf(run.leaf);
    const snapshot = snapshots(run.number);
    const controls = judge(rules, snapshot);
    const old = before === undefined || before.rules.key === rules.key ? undefined : judge(before.rules, snapshot);
    const { results, sinceNew } = teller({ controls, old, snapshot, before: before?.observedAt });
    recorder.add(run.number, results, sinceNew);
    options.onSnapshot?.(run, snapshot.listings());
    judged.add(run.number);
    told.push(tell(run, snapshot.timesToLive));
    before = { rules, observedAt: observedAt(run) };
  }
  const spoken = selection.ids();
  // Of the run that shows the period's end, so that both speak of the same controls.
  const ending = runs.findLast((run) => hasSnapshot(run) && observedAt(run) < period.end) ?? runs.find(hasSnapshot);
  const controls = rulesOf(ending?.leaf ?? size).catalog.controls.flatMap(({ id }) => (spoken === null || spoken.has(id) ? [id] : []));
  return { record: recorder, judged, runs: told, controls };
}

/**
 * Judges one run after the other, each by what differs from the one before (assessment/memory). What another version of the program
 * recorded is taken as it was recorded, and so is everything where evidence was erased since; our own judgement comes out the same again,
 * and costs less than reading it.
 */
function createJudge(
  { ledger, cluster, config, size }: PeriodOptions,
  selection: Selection,
): (by: Rules, snapshot: SeriesSnapshot) => readonly ControlResult[] {
  const wasErased = ledger.erasures().some((erasure) => erasure.cluster === cluster);
  // Of the rules that hold: those before them are asked once more, for the first run after the change.
  let kept: { readonly key: string; readonly memory: AssessmentMemory } | undefined;
  return (by, snapshot) => {
    const [recorded] = ledger.assessments(cluster, snapshot.run.number, (head) => {
      const isSame = head.catalogDigest === by.catalog.digest && head.paramsDigest === by.paramsDigest;
      return isSame && head.leaf < size && (wasErased || head.toolVersion !== toolName);
    });
    if (recorded !== undefined) return recorded.assessment.controls;
    if (kept?.key !== by.key) kept = { key: by.key, memory: createAssessmentMemory() };
    const remembering = { memory: kept.memory, contentOf: (kind: ListingKind) => snapshot.contentOf(kind) };
    const [params, managed] = [by.configured, managedOf(config, snapshot)];
    return assessControls(selection.of(by, { version: snapshot.cluster.version, managed }), {
      reader: snapshot,
      populations,
      techniques: by.catalog.techniques,
      params,
      managed,
      remembering,
    });
  };
}

interface Selection {
  /** The same value for the same rules and cluster. */
  of(by: Rules, facts: Parameters<typeof pickFrameworks>[1]): readonly Control[];
  /** Ids of all that were chosen; null: whatever there is. */
  ids(): ReadonlySet<string> | null;
}

/** Where the configuration names frameworks, the controls that support anything in them. */
function createSelection({ frameworks: wanted }: Config): Selection {
  const chosen = new Map<string, readonly Control[]>();
  return {
    of({ key, catalog }, facts) {
      if (wanted === null) return catalog.controls;
      const name = JSON.stringify([key, facts]);
      const known = chosen.get(name);
      if (known !== undefined) return known;
      const fitting = pickFrameworks(catalog.frameworks, facts).filter(({ id }) => wanted.includes(id));
      const controls = controlsNamedBy(fitting, catalog.controls);
      chosen.set(name, controls);
      return controls;
    },
    ids: () => (wanted === null ? null : new Set([...chosen.values()].flatMap((controls) => controls.map(({ id }) => id)))),
  };
}

/**
 * The last snapshot before the period, whatever was attempted since, as that may end what it said, and the first snapshot after the period,
 * which bounds what was open.
 */
function runsFor(runs: readonly RunSummary[], { start, end }: PeriodOptions['period']): readonly RunSummary[] {
  const opening = runs.findLast((run) => hasSnapshot(run) && observedAt(run) < start);
  const next = runs.find((run) => hasSnapshot(run) && observedAt(run) >= end);
  const [from, to] = [opening === undefined ? start : observedAt(opening), next === undefined ? end : observedAt(next)];
  return runs.filter((run) => run === opening || run === next || (observedAt(run) >= from && observedAt(run) < to));
}

function hasSnapshot({ status }: RunSummary): boolean {
  return status === 'succeeded' || status === 'partial';
}

function tell(run: RunSummary, timeToLive: TimelineRun['timeToLive']): TimelineRun {
  const { number, kind, status, slot, startedAt } = run;
  const seen = hasSnapshot(run) ? observedAt(run) : null;
  const imported = importedLate(run) ? { imported: { provenFrom: run.endedAt } } : {};
  const began = run.observedAt === null ? { began: startedAt } : {};
  return { number, kind, status, slot, startedAt, observedAt: seen, timeToLive, results: new Map(), ...began, ...imported };
}

/** A recording that was taken over as it was made is as good as a run; a later one proves nothing of the time before. */
function importedLate({ observedAt: observed, endedAt }: RunSummary): boolean {
  return observed !== null && endedAt !== null && Date.parse(endedAt) - Date.parse(observed) > 60_000;
}

/** Slots of the schedules that were in force, each for its time. */
async function dueSlots({ ledger, period, asOf, size }: PeriodOptions): Promise<Instant[]> {
  const changes = ledger.definitionChanges().filter(({ leaf }) => leaf < size);
  if (changes.length === 0) return [];
  const { parseSchedule, slotsBetween } = await import('../../schedule/index.ts');
  const until = asOf < period.end ? asOf : period.end;
  return changes.flatMap(({ leaf, at }, index) => {
    const list = ledger.definitionState(leaf + 1)?.list ?? [];
    const valueOf = (what: string) => list.find((each) => each.what === what)?.value;
    const [expression, timezone] = [textAt(valueOf('schedule'), 'collect'), valueOf('timezone')];
    if (expression === undefined || typeof timezone !== 'string') return [];
    const next = changes[index + 1]?.at ?? until;
    const [from, to] = [at < period.start ? period.start : at, next < until ? next : until];
    // Half-open as the period: a slot at its very beginning is due in it.
    const justBefore = new Date(Date.parse(from) - 1).toISOString();
    return slotsBetween(parseSchedule(expression), timezone, justBefore, to).filter((slot) => slot < to);
  });
}
