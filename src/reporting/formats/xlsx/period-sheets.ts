/** The period as sheets: every state of every control and item, and every deviation with its bounds. */
import type { ReportModel, ReportStanding, TimelineSegment, Verdict } from '../../report-model.ts';
import { causeWords, exposureText, shownState, stateWords, trailText } from '../wording.ts';
import { list, moment, number, type SheetContent, type Value, words } from './content.ts';

/** One exhibit is a link; several are text, because a cell leads to one place only. */
export function exhibitCell(model: ReportModel, ids: readonly string[]): Value {
  const [only] = ids;
  if (only === undefined || ids.length > 1) return list(ids);
  return { jump: 'evidence', row: model.exhibits.findIndex((exhibit) => exhibit.id === only) + 1, shown: only };
}

/** The control as a whole first, then of each item that failed what the control does not say already. */
export function timeline(model: ReportModel): SheetContent {
  const exhibits = Map.groupBy(
    model.exhibits.flatMap(({ id, run, controls }) => controls.map((control) => ({ id, key: `${run} ${control}` }))),
    ({ key }) => key,
  );
  const row = (control: string, item: string | null, segment: TimelineSegment): Value[] => [
    control,
    item,
    { moment: segment.from },
    { moment: segment.to },
    hours(Date.parse(segment.to) - Date.parse(segment.from)),
    { verdict: stateVerdict(segment) },
    causeWords[segment.cause],
    segment.run,
    segment.lastRun,
    segment.source,
    segment.gaps.map(({ what, reason }) => `${what} (${reason})`).join('; '),
    list(segment.missed.map(String)),
    list(segment.exceptions),
    exhibitCell(
      model,
      (exhibits.get(`${segment.run ?? ''} ${control}`) ?? []).map(({ id }) => id),
    ),
  ];
  return {
    columns: [
      ...words({ Control: 10, Item: 44 }),
      moment('From'),
      moment('To'),
      number('Hours'),
      ...words({ State: 16, Cause: 36 }),
      number('Run'),
      number('Confirmed last by run'),
      ...words({ 'Source of the moment': 30, Missing: 26, 'Missed runs': 10, 'Exceptions in force': 16, Exhibits: 20 }),
    ],
    rows: model.controls.flatMap(({ id, period }) =>
      period === null
        ? []
        : [
            ...period.timeline.segments.map((segment) => row(id, null, segment)),
            ...ownSegments(period.timeline).map(({ item, segment }) => row(id, item, segment)),
          ],
    ),
  };
}

/** Without the time in which an item was in order, and without unknown time that is the control's: thousands of rows that say nothing new. */
function ownSegments({ segments: whole, items }: ReportStanding['timeline']): { item: string; segment: TimelineSegment }[] {
  const keyOf = ({ from, to }: TimelineSegment) => `${from} ${to}`;
  const unknown = new Set(whole.filter(({ state }) => state === 'unknown').map(keyOf));
  return items.flatMap(({ item, segments }) =>
    segments
      .filter((segment) => segment.state === 'fail' || (segment.state === 'unknown' && !unknown.has(keyOf(segment))))
      .map((segment) => ({ item, segment })),
  );
}

function stateVerdict(segment: TimelineSegment): Verdict {
  const { state } = segment;
  const word = `${stateWords[state]}${segment.excepted === 'all' ? ', under exception' : ''}`;
  return { outcome: state === 'unknown' ? 'notAssessed' : state, shown: shownState(segment), word, sentence: '' };
}

/** One decimal. */
function hours(milliseconds: number): number {
  return Math.round(milliseconds / 360_000) / 10;
}

export function deviations(model: ReportModel): SheetContent {
  const rows = (model.period?.deviations ?? []).map((each): Value[] => {
    const { onset, end, exposure } = each;
    return [
      each.id,
      each.severity,
      list(each.controls.map(({ id }) => id)),
      each.item,
      each.message,
      each.owner,
      { moment: onset.after },
      { moment: onset.by },
      onset.source,
      each.lastGood,
      each.firstBad,
      { moment: each.detectedAt },
      { moment: end?.after ?? null },
      { moment: end?.by ?? null },
      end === null ? 'lasts' : end.source,
      each.firstGood,
      { moment: each.retestedAt },
      hours(exposure.least),
      exposure.most === null ? null : hours(exposure.most),
      exposureText(exposure),
      each.throughout ? 'yes' : 'no',
      list(each.exceptions),
      each.trail === null ? null : trailText(each.trail, model.meta.timezone),
      list(each.uids),
      exhibitCell(model, each.exhibits),
    ];
  });
  return {
    columns: [
      ...words({ Deviation: 11, Severity: 10, Controls: 30, Item: 40, 'What was found': 40, Owner: 18 }),
      moment('Began after'),
      moment('Began not later than'),
      ...words({ 'Source of the begin': 26 }),
      number('Last good run'),
      number('Detected by run'),
      moment('Detected'),
      moment('Ended after'),
      moment('Ended not later than'),
      ...words({ 'Source of the end': 26 }),
      number('Retested by run'),
      moment('Retested'),
      number('Hours at least'),
      number('Hours at most'),
      ...words({ Exposure: 26, 'All the period': 10, Exceptions: 16, 'Audit log of that time': 44, UIDs: 20, Exhibits: 34 }),
    ],
    rows,
  };
}
