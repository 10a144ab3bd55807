/** Runs of a timeline in few words; times are read in Berlin summer time (+02:00) unless they say otherwise. */
import type { TimelineFinding, TimelineInput, TimelineResult, TimelineRun } from '../../src/assessment/index.ts';
import type { Gap, ListingKind, Outcome } from '../../src/model/index.ts';

export const day = 86_400_000;
export const hour = 3_600_000;
export const kind: ListingKind = 'k8s.rbac/clusterrolebindings';
export const forbidden: Gap = { reason: 'forbidden', what: 'networkpolicies' };

/** `2026-08-17 06:00`, in Berlin. */
export function berlin(text: string): string {
  return new Date(`${text.replace(' ', 'T')}:00+02:00`).toISOString();
}

export interface GivenResult extends Partial<Omit<TimelineResult, 'findings'>> {
  readonly findings?: readonly (string | TimelineFinding)[];
}

export function result(given: GivenResult | Outcome = {}): TimelineResult {
  const { outcome, findings = [], gaps = [], kinds = [kind], ...rest } = typeof given === 'string' ? { outcome: given } : given;
  const found = findings.map((each) => (typeof each === 'string' ? { item: each } : each));
  const missing = outcome === 'notAssessed' && gaps.length === 0 ? [forbidden] : gaps;
  return { outcome: outcome ?? (found.length > 0 ? 'fail' : 'pass'), findings: found, gaps: missing, kinds, ...rest };
}

export interface GivenRun extends Partial<Omit<TimelineRun, 'results'>> {
  /** When it was observed and began. */
  readonly at: string;
  readonly results?: Readonly<Record<string, GivenResult | Outcome>>;
  /** Seconds; default 8 days. */
  readonly holds?: number;
}

export function run(number: number, { at, results = {}, holds = 8 * 86_400, ...rest }: GivenRun): TimelineRun {
  const read = rest.status === undefined || rest.status === 'succeeded' || rest.status === 'partial';
  return {
    number,
    kind: 'scheduled',
    status: 'succeeded',
    slot: rest.kind === 'manual' ? null : at,
    startedAt: at,
    observedAt: read ? at : null,
    timeToLive: { [kind]: holds },
    results: new Map(Object.entries(results).map(([id, each]) => [id, result(each)])),
    ...rest,
  };
}

/** The third quarter, looked at after its end. */
export function input(runs: readonly TimelineRun[], change: Partial<TimelineInput> = {}): TimelineInput {
  return {
    period: { from: berlin('2026-07-01 00:00'), to: berlin('2026-10-01 00:00') },
    asOf: berlin('2026-10-02 09:00'),
    genesis: berlin('2026-06-15 06:00'),
    runs,
    controls: [...new Set(runs.flatMap(({ results }) => [...results.keys()]))].sort(),
    exceptions: [],
    due: [],
    defaultTimeToLiveSeconds: 26 * 3600,
    ...change,
  };
}
