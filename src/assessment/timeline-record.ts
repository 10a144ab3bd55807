/**
 * What the runs of a period said, kept as what changed from run to run: nearly every run says what the one before said. Runs are added one
 * by one, in the order of their numbers, so that nobody need hold the results of all of them. Nothing is lost that a timeline asks for.
 */
import type { ExactTime, FoundSpan, RunOutcome, TimelineFinding, TimelineRecord, TimelineResult, TimelineRun } from './timeline-model.ts';

/** Since when something has been found that the run before did not find, where the evidence names no moment itself. */
export type SinceNew = (finding: TimelineFinding) => ExactTime | undefined;

export interface TimelineRecorder extends TimelineRecord {
  /** By control id; findings in the order of their items. Throws (our defect) for a run that is not later than the last one. */
  add(run: number, results: ReadonlyMap<string, TimelineResult>, sinceNew?: SinceNew): void;
}

interface Span extends FoundSpan {
  last: number;
  /** Whether no run since has said otherwise. */
  lasts: boolean;
}

/** What a control says from a run on. */
interface Change {
  readonly from: number;
  /** Undefined: the runs say nothing of it. */
  readonly outcome: RunOutcome | undefined;
}

interface ControlState {
  /** In the order of the runs; most runs say what the one before said. */
  readonly changes: Change[];
  readonly items: Map<string, Span[]>;
  /** Of the run that was added last, by item. */
  findings: readonly TimelineFinding[];
  readonly open: Map<string, Span>;
  /** Of the open ones, those that began with the last run, at a moment that only {@link SinceNew} names. */
  fresh: Span[];
  run: number;
}

export function createTimelineRecorder(): TimelineRecorder {
  const controls = new Map<string, ControlState>();
  const added = new Set<number>();
  let last = -Infinity;
  const outcomeAt = (control: string, run: number): RunOutcome | undefined => {
    const changes = added.has(run) ? controls.get(control)?.changes : undefined;
    if (changes === undefined) return undefined;
    let [low, high] = [0, changes.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((changes[middle] as Change).from <= run) low = middle + 1;
      else high = middle;
    }
    return changes[low - 1]?.outcome;
  };
  const endOf = (span: Span, state: ControlState): number => (span.lasts ? state.run : span.last);
  const spanAt = (control: string, item: string, run: number): FoundSpan | undefined => {
    const state = controls.get(control);
    if (state === undefined || outcomeAt(control, run) === undefined) return undefined;
    return state.items.get(item)?.find((span) => span.first <= run && run <= endOf(span, state));
  };
  return {
    add(run, results, sinceNew = () => undefined) {
      if (run <= last) throw new Error(`run ${run} was added after run ${last}`);
      last = run;
      added.add(run);
      for (const [control, state] of controls) {
        if (results.has(control)) continue;
        take(state, none, state.run, sinceNew);
        tell(state, run, undefined);
      }
      for (const [control, result] of results) {
        let state = controls.get(control);
        if (state === undefined) {
          state = { changes: [], items: new Map(), findings: none, open: new Map(), fresh: [], run };
          controls.set(control, state);
        }
        const { findings: before, run: lastRun, fresh } = state;
        const latest = state.changes.at(-1)?.outcome;
        state.run = run;
        const findings = result.outcome === 'fail' ? result.findings : none;
        take(state, findings, lastRun, sinceNew);
        const isSame = latest !== undefined && findings === before && fresh.length + state.fresh.length === 0;
        if (isSame && isSameResult(latest, result)) continue;
        tell(state, run, outcomeOf(result, isSame ? latest.named : namedIn(findings, state.fresh, latest?.named)));
      }
    },
    outcome: outcomeAt,
    found: (control, item, run) => spanAt(control, item, run)?.finding,
    *items(control) {
      const state = controls.get(control);
      if (state === undefined) return;
      for (const [item, spans] of state.items) yield [item, spans.map((span) => Object.assign({}, span, { last: endOf(span, state) }))];
    },
  };
}

/** Runs that are at hand as a whole. */
export function recordRuns(runs: readonly Pick<TimelineRun, 'number' | 'results'>[]): TimelineRecord {
  const recorder = createTimelineRecorder();
  for (const { number, results } of runs.toSorted((a, b) => a.number - b.number)) {
    const inOrder = [...results].map(([control, result]) => [control, { ...result, findings: sorted(result.findings) }] as const);
    if (results.size > 0) recorder.add(number, new Map(inOrder));
  }
  return recorder;
}

function tell({ changes }: ControlState, run: number, outcome: RunOutcome | undefined): void {
  const latest = changes.at(-1)?.outcome;
  const isSame = latest === undefined || outcome === undefined ? latest === outcome : isSameOutcome(latest, outcome);
  if (changes.length === 0 || !isSame) changes.push({ from: run, outcome });
}

/** Takes the findings of `state.run`; those that are gone ended with the run `before`. Both lists are in the order of their items. */
function take(state: ControlState, findings: readonly TimelineFinding[], before: number, sinceNew: SinceNew): void {
  const old = state.findings;
  const aged = state.fresh;
  state.fresh = [];
  state.findings = findings;
  const close = (span: Span | undefined): void => {
    if (span === undefined) return;
    [span.lasts, span.last] = [false, before];
    state.open.delete(span.finding.item);
  };
  const begin = (finding: TimelineFinding, since = finding.since): void => {
    const span: Span = { first: state.run, last: state.run, lasts: true, finding, since };
    const spans = state.items.get(finding.item);
    if (spans === undefined) state.items.set(finding.item, [span]);
    else spans.push(span);
    state.open.set(finding.item, span);
    if (since !== finding.since) state.fresh.push(span);
  };
  const beginNew = (finding: TimelineFinding): void => begin(finding, finding.since ?? sinceNew(finding));
  if (old !== findings) {
    // Most of a list is the same: this loop is for that, and no array is made in it.
    let i = 0;
    let j = 0;
    while (i < old.length || j < findings.length) {
      const was = old[i];
      const is = findings[j];
      if (was === is) {
        i += 1;
        j += 1;
      } else if (is === undefined || (was !== undefined && was.item < is.item)) {
        if (was !== undefined) close(state.open.get(was.item));
        i += 1;
      } else if (was === undefined || is.item < was.item) {
        beginNew(is);
        j += 1;
      } else {
        const isOther = was.resource?.uid !== is.resource?.uid;
        if (isOther || was.since?.at !== is.since?.at || was.since?.source !== is.since?.source) {
          close(state.open.get(was.item));
          if (isOther) beginNew(is);
          else begin(is);
        }
        i += 1;
        j += 1;
      }
    }
  }
  // What was new then is found again: the moment told of it belongs to the run that found it first.
  for (const span of aged) {
    if (state.open.get(span.finding.item) !== span) continue;
    close(span);
    begin(span.finding);
  }
}

/** Of several findings for one item the last. */
function sorted(findings: readonly TimelineFinding[]): readonly TimelineFinding[] {
  return [...new Map(findings.map((each) => [each.item, each])).values()].sort((a, b) => (a.item < b.item ? -1 : 1));
}

/** The very same list as `before` where it says the same: most changes of what is found name no other moments, and lists are long. */
function namedIn(findings: readonly TimelineFinding[], fresh: readonly Span[], before: readonly ExactTime[] = []): readonly ExactTime[] {
  let count = 0;
  let named: ExactTime[] | undefined;
  for (const list of [findings, fresh])
    for (const { since } of list) {
      if (since === undefined) continue;
      if (named === undefined && since !== before[count]) named = before.slice(0, count);
      named?.push(since);
      count += 1;
    }
  return named ?? (count === before.length ? before : before.slice(0, count));
}

const none: readonly TimelineFinding[] = [];

function outcomeOf({ findings, ...result }: TimelineResult, named: readonly ExactTime[]): RunOutcome {
  return { ...result, found: result.outcome === 'fail' ? findings.length : 0, named };
}

function isSameOutcome(a: RunOutcome, b: RunOutcome): boolean {
  return a.found === b.found && isSameResult(a, b) && isSameList(a.named, b.named);
}

/** But for what was found. */
function isSameResult(a: Omit<TimelineResult, 'findings'>, b: Omit<TimelineResult, 'findings'>): boolean {
  return (
    a.outcome === b.outcome &&
    a.byOldDefinitions === b.byOldDefinitions &&
    a.since?.at === b.since?.at &&
    a.since?.source === b.since?.source &&
    isSameList(a.kinds, b.kinds) &&
    a.gaps === b.gaps
  );
}

function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
