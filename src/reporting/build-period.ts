/**
 * What the timeline of a period says, as a report tells it: a standing for every control, deviations by item, worst first, and outcomes
 * that flipped by definition. Controls that failed for the same item at the same time share one deviation.
 */
import type {
  ControlTimeline,
  ItemTimeline,
  PeriodVerdict,
  StateTimeline,
  Timeline,
  TimelineDeviation,
  TimelineRecord,
  TimelineSegment,
} from '../assessment/index.ts';
import { type Outcome, severities, observedAt } from '../model/index.ts';
import type { CitedListing, ExhibitSource } from './build-exhibits.ts';
import { ownerOf } from './owners.ts';
import { showsWhoCould, trailOf, type TrailInputs } from './build-trail.ts';
import type { ReportInputs } from './report-inputs.ts';
import type { ReportDeviation, ReportFlip, ReportPeriod, ReportStanding } from './report-period.ts';
import { countShown, periodVerdictsOf, shownOf, verdictsOf } from './verdict.ts';

/** A verdict for a period as an outcome: what unknown time leaves open was not assessed. */
const outcomes: Readonly<Record<PeriodVerdict, Outcome>> = {
  deviation: 'fail',
  insufficientCoverage: 'notAssessed',
  manual: 'manual',
  providerResponsibility: 'providerResponsibility',
  noDeviation: 'pass',
  notApplicable: 'notApplicable',
};

export function outcomeOfPeriod(verdict: PeriodVerdict): Outcome {
  return outcomes[verdict];
}

/** Deviations whose evidence becomes exhibits, and the objects that those list at most; of more, the ledger has it. */
const exhibitedAtMost = { deviations: 100, objects: 250_000 };

/** A deviation before its exhibits have numbers. */
export type DeviationDraft = Omit<ReportDeviation, 'exhibits'> & { readonly evidence: readonly CitedListing[] };

export function draftDeviations(inputs: ReportInputs): readonly DeviationDraft[] {
  const { judged, runs, catalog, owners } = inputs;
  if (judged === null) return [];
  const { timeline, record } = judged;
  const severityOf = new Map(catalog.controls.map(({ id, title, severity }) => [id, { id, title, severity }]));
  const observed = new Map(runs.map(({ summary }) => [summary.number, observedAt(summary)]));
  const alike = Map.groupBy(timeline.controls.flatMap(entriesOf), ({ item, deviation }) => keyOf(item, deviation));
  const drafts = [...alike.values()].map((group): Omit<DeviationDraft, 'id' | 'evidence' | 'trail'> => {
    const [first] = group as [Entry, ...Entry[]];
    const { item, deviation, states } = first;
    const found = item === null ? undefined : record.found(first.control, item, deviation.firstBad);
    const controls = group.flatMap(({ control }) => severityOf.get(control) ?? []);
    const { firstBad, firstGood, onset, end } = deviation;
    const before = onset.by <= timeline.period.from || (observed.get(firstBad) ?? onset.by) < timeline.period.from;
    return {
      severity: severities.find((each) => controls.some(({ severity }) => severity === each)) ?? 'info',
      controls,
      item,
      message: found?.message ?? null,
      owner: ownerOf(owners, found?.resource),
      lastGood: deviation.lastGood,
      firstBad,
      lastBad: deviation.lastBad,
      firstGood,
      detectedAt: observed.get(firstBad) ?? onset.by,
      retestedAt: firstGood === null ? null : (observed.get(firstGood) ?? null),
      onset,
      end,
      exposure: deviation.exposure,
      exceptions: deviation.exceptions,
      uids: deviation.uids,
      throughout: before && (end === null || end.by >= timeline.period.until),
      timeline: { segments: states.segments },
    };
  });
  const width = Math.max(4, String(drafts.length).length);
  const evidenceOf = exhibitor(record, runs);
  const trails = trailer(inputs);
  return drafts
    .toSorted((a, b) => compare(rank(a), rank(b)))
    .map((draft, index) => {
      const isTold = !draft.throughout && index < exhibitedAtMost.deviations;
      const shown = { evidence: isTold ? evidenceOf(draft) : [], trail: isTold ? trails(draft) : null };
      return Object.assign({ id: `D-${String(index + 1).padStart(width, '0')}`, ...shown }, draft);
    });
}

interface Entry {
  readonly control: string;
  readonly item: string | null;
  readonly deviation: TimelineDeviation;
  readonly states: StateTimeline;
}

/** By item; a control that failed without naming one, as a whole. */
function entriesOf({ control, items, ...whole }: ControlTimeline): readonly Entry[] {
  const entries = (states: StateTimeline, item: string | null): Entry[] =>
    states.deviations.map((deviation) => ({ control, item, deviation, states }));
  return items.length === 0 ? entries(whole, null) : items.flatMap((each: ItemTimeline) => entries(each, each.item));
}

/** Exceptions are of a control and an item: what one control excepts is no other's. */
function keyOf(item: string | null, { lastGood, firstBad, lastBad, firstGood, onset, end, exceptions }: TimelineDeviation): string {
  return JSON.stringify([item, lastGood, firstBad, lastBad, firstGood, onset, end, exceptions]);
}

/** What the run that detected a deviation read, and the run that retested it; nothing once that becomes too much. */
function exhibitor(record: TimelineRecord, runs: ReportInputs['runs']) {
  const byNumber = new Map(runs.map((run) => [run.summary.number, run]));
  const shown = new Set<string>();
  let objects = 0;
  return ({ controls, firstBad, firstGood }: Pick<ReportDeviation, 'controls' | 'firstBad' | 'firstGood'>): readonly CitedListing[] => {
    const cited = [firstBad, ...(firstGood === null ? [] : [firstGood])].flatMap((run) =>
      [...new Set(controls.flatMap(({ id }) => record.outcome(id, run)?.kinds ?? []))].map((kind) => ({ run, kind })),
    );
    const more = cited.filter(({ run, kind }) => !shown.has(`${run} ${kind}`));
    const size = more.reduce((sum, { run, kind }) => {
      return (
        sum +
        (byNumber
          .get(run)
          ?.listings()
          .find((listing) => listing.kind === kind)?.items ?? 0)
      );
    }, 0);
    if (objects + size > exhibitedAtMost.objects) return [];
    objects += size;
    for (const { run, kind } of more) shown.add(`${run} ${kind}`);
    return cited;
  };
}

function trailer({ catalog, runs, checkpoint, auditLogAt }: ReportInputs) {
  const whoCould = new Set(catalog.controls.filter(showsWhoCould).map(({ id }) => id));
  const settings = new Map<number, ReturnType<typeof auditLogAt>>();
  const inputs: TrailInputs = {
    runs: runs
      .filter(({ summary: { status } }) => status === 'succeeded' || status === 'partial')
      .map(({ summary }) => ({ number: summary.number, at: observedAt(summary) }))
      .toSorted((a, b) => compare([a.at, a.number], [b.at, b.number])),
    settingAt(run) {
      const setting = settings.get(run) ?? auditLogAt(run);
      settings.set(run, setting);
      return setting;
    },
    now: checkpoint.time,
  };
  return (draft: Pick<DeviationDraft, 'controls' | 'lastGood' | 'firstBad' | 'lastBad' | 'onset' | 'end'>) =>
    draft.controls.some(({ id }) => whoCould.has(id)) ? trailOf(draft, inputs) : null;
}

function rank({
  throughout,
  severity,
  onset,
  item,
}: Pick<DeviationDraft, 'throughout' | 'severity' | 'onset' | 'item'>): readonly (string | number)[] {
  return [throughout ? 1 : 0, severities.indexOf(severity), onset.by, item ?? ''];
}

function compare(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  for (const [index, left] of a.entries()) {
    const right = b[index];
    if (right !== undefined && left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

/** With the numbers of its exhibits. */
export function finishDeviations(drafts: readonly DeviationDraft[], sources: readonly ExhibitSource[]): readonly ReportDeviation[] {
  return drafts.map(({ evidence, ...draft }) => {
    if (evidence.length === 0) return { ...draft, exhibits: [] };
    const wanted = new Set(evidence.map(({ run, kind }) => `${run} ${kind}`));
    const cited = sources.filter(({ run, listing }) => wanted.has(`${run.summary.number} ${listing.kind}`));
    return { ...draft, exhibits: cited.map(({ id }) => id) };
  });
}

export function standingOf(
  control: string,
  inputs: ReportInputs,
  deviations: readonly Pick<ReportDeviation, 'id' | 'controls'>[],
): ReportStanding | null {
  const timeline = inputs.judged?.timeline.controls.find((each) => each.control === control);
  if (timeline === undefined) return null;
  const states = new Set(timeline.segments.flatMap(({ state }) => (state === 'unknown' ? [] : [state])));
  return {
    verdict: periodVerdictsOf(inputs.definition, 'benchmark')[shownOf(outcomeOfPeriod(timeline.verdict), isExceptedThroughout(timeline))],
    timeline,
    changed: states.size > 1,
    deviations: deviations.filter(({ controls }) => controls.some(({ id }) => id === control)).map(({ id }) => id),
  };
}

/** All items that were found to fail were under an exception whenever they were known to fail. */
function isExceptedThroughout({ segments }: StateTimeline): boolean {
  const failing = segments.filter(({ state }) => state === 'fail');
  return failing.length > 0 && failing.every(({ excepted }) => excepted === 'all');
}

export function buildPeriod(
  inputs: ReportInputs,
  standings: readonly (ReportStanding | null)[],
  deviations: readonly ReportDeviation[],
  notices: readonly string[],
): ReportPeriod | null {
  if (inputs.judged === null) return null;
  const { timeline } = inputs.judged;
  const known = standings.filter((standing) => standing !== null);
  return {
    ...timeline.period,
    notices,
    counts: countShown(known.map(({ verdict }) => verdict)),
    total: known.length,
    verdicts: periodVerdictsOf(inputs.definition, 'benchmark'),
    deviations,
    flips: flipsOf(inputs, timeline),
    unknown: unknownOf(timeline),
    unrecorded: timeline.coverage.unrecorded,
    doubtful: timeline.doubtful,
  };
}

function flipsOf({ definition, catalog }: ReportInputs, { controls }: Timeline): readonly ReportFlip[] {
  const verdicts = verdictsOf(definition, 'benchmark');
  const titles = new Map(catalog.controls.map(({ id, title }) => [id, title]));
  return controls
    .flatMap(({ control, flips }) =>
      flips.map(({ run, at, before, after }) => ({
        control,
        title: titles.get(control) ?? '',
        run,
        at,
        before: verdicts[before],
        after: verdicts[after],
      })),
    )
    .toSorted((a, b) => compare([a.run, a.control], [b.run, b.control]));
}

/** Unknown segments of controls, the same ones together; what differs in its gaps only is one. */
function unknownOf({ controls }: Timeline): ReportPeriod['unknown'] {
  const segments = controls.flatMap((control) => control.segments.filter(({ state }) => state === 'unknown'));
  const alike = Map.groupBy(segments, ({ from, to, cause, run }) => JSON.stringify([from, to, cause, run]));
  return [...alike.values()]
    .map((group) => {
      const [{ from, to, cause, run, missed }] = group as [TimelineSegment, ...TimelineSegment[]];
      const gaps = new Map(group.flatMap((each) => each.gaps.map((gap) => [`${gap.reason} ${gap.what}`, gap])));
      return { from, to, cause, run, missed, gaps: [...gaps.values()], controls: group.length };
    })
    .toSorted((a, b) => compare([a.from, a.to], [b.from, b.to]));
}
