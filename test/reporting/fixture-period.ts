/**
 * A period for the hand-made report: what its runs say, from which the timeline is built as the product builds it. RBAC-001 has its
 * failing items all the time; RBAC-004 fails for a while with hostile names; API-001 fails from a moment that the evidence names; RBAC-006
 * flips by definition; NET-002 is not judged before its control exists.
 */
import { buildTimeline, recordRuns, type TimelineResult, type TimelineRun } from '../../src/assessment/index.ts';
import type { Assessment, ControlResult, ListingKind, RequirementResult } from '../../src/model/index.ts';
import type { JudgedPeriodInput, RunInput } from '../../src/reporting/index.ts';
import { hostile, uuid } from './fixture-catalog.ts';

interface Given {
  readonly runs: readonly RunInput[];
  readonly assessment: Assessment;
  readonly requirements: readonly RequirementResult[];
  readonly period: { readonly start: string; readonly end: string };
  readonly asOf: string;
  readonly genesis: string;
}

const hostileItems = [hostile.formula, hostile.long, hostile.unbroken, hostile.override, hostile.scripts, hostile.markup, hostile.zalgo];

function finding(item: string, since?: ControlResult['findings'][number]['since']): ControlResult['findings'][number] {
  const resource = { apiVersion: 'v1', kind: 'Pod', namespace: 'team', name: item, uid: uuid(item.length) };
  return { item, resource, message: `${item} is not as it should be`, evidence: [], exception: null, ...(since && { since }) };
}

/** What the run with this place in the quarter says of a control that the last run says `last` of. */
function resultAt(last: ControlResult, place: number, evidence: ControlResult['evidence']): ControlResult {
  const own = { ...last, evidence };
  if (last.id === 'RBAC-004' && place >= 20 && place < 24)
    return { ...own, outcome: 'fail', findings: hostileItems.map((item) => finding(item)) };
  if (last.id === 'API-001' && place >= 50 && place < 53) {
    const since = { at: '2026-08-19T15:52:00.000Z', source: `creationTimestamp of Pod/${hostile.formula}` };
    return { ...own, outcome: 'fail', findings: [finding('kube-apiserver/control-plane-1', since)] };
  }
  return own;
}

export function judgedOf({ runs, assessment, requirements, period, asOf, genesis }: Given): JudgedPeriodInput {
  const told = runs.map(({ summary, listings: list }, place): TimelineRun => {
    const { number, kind, status, slot, startedAt } = summary;
    const listings = list();
    const read = listings.length > 0;
    const controls = assessment.controls.map((last) => {
      const kinds = new Set(last.evidence.map((each) => each.kind));
      const evidence = listings
        .filter((listing) => kinds.has(listing.kind))
        .map((listing) => ({ kind: listing.kind, id: listing.id, items: listing.items, complete: listing.gaps.length === 0 }));
      return resultAt(last, place, evidence);
    });
    const results = read ? controls.map((control): [string, TimelineResult] => [control.id, timelineResult(control, place)]) : [];
    return { number, kind, status, slot, startedAt, observedAt: read ? startedAt : null, timeToLive: {}, results: new Map(results) };
  });
  const timeline = buildTimeline({
    period: { from: period.start, to: period.end },
    asOf,
    genesis,
    runs: told,
    due: [],
    controls: assessment.controls.map(({ id }) => id),
    exceptions: [
      { id: 'EXC-1', control: 'RBAC-004', item: hostile.formula, from: '2026-07-22T12:00:00.000Z', to: '2026-12-31T23:00:00.000Z' },
    ],
    defaultTimeToLiveSeconds: 26 * 3600,
  });
  return { timeline, record: recordRuns(told), requirements };
}

function timelineResult({ id, outcome, findings, gaps, evidence }: ControlResult, place: number): TimelineResult {
  return {
    outcome,
    findings: findings.map(({ item, resource, message, evidence: stoodOn, since }) => ({
      item,
      resource,
      message,
      evidence: stoodOn,
      ...(since && { since }),
    })),
    gaps: gaps as TimelineResult['gaps'],
    kinds: evidence.map(({ kind }) => kind as ListingKind),
    ...(id === 'RBAC-006' && place === 40 && { byOldDefinitions: 'fail' as const }),
  };
}
