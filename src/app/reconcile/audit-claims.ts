/** What the ledger says it asked a cluster: of each run, under which Audit-IDs, when, as whom, and how often each path. */
import { parseAuditId } from '../audit-ids.ts';
import type { Ledger } from '../../ledger/index.ts';
import { type Instant, KubevidenceError, type RequestRecord, type RunSummary } from '../../model/index.ts';

export interface ClaimedPath {
  /** Answered requests; 0 where none was, though the server may have seen some. */
  count: number;
  /** Numbers of requests that the run names: `<uuid>-<n>`. */
  readonly numbers: number[];
}

export interface Claims {
  readonly run: RunSummary;
  /** User that the API server took the collector for; null when it did not say. */
  readonly actor: string | null;
  /** Path without query → what was asked of it. Empty when nothing was read, or what was read is erased. */
  readonly paths: ReadonlyMap<string, ClaimedPath>;
  /** Between which requests are to be expected, on the server's clock, in ms; and, narrower, where they must be. */
  readonly window: Span;
  readonly core: Span;
}

export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Our clock and the server's may differ by more than what was measured, and a request takes its time. */
const toleranceMs = 60_000;
const marginMs = 86_400_000;
const nothing: { actor: string | null; requests: readonly RequestRecord[] } = { actor: null, requests: [] };

/**
 * By run uuid; a recording that was replayed keeps the uuid under which it was made, which may be that of a check. Of runs that ended long before `from` or began long
 * after `to` only the uuid is known.
 */
export function readClaims(
  ledger: Ledger,
  cluster: string,
  { now, from, to }: { readonly now: Instant; readonly from: Instant | undefined; readonly to: Instant | undefined },
): Map<string, Claims> {
  const claims = new Map<string, Claims>();
  const [earliest, latest] = [from === undefined ? 0 : Date.parse(from), Date.parse(to ?? now)];
  for (const run of ledger.runs(cluster)) {
    // A replayed recording may be of any time.
    const near = Date.parse(run.endedAt ?? now) >= earliest - marginMs && Date.parse(run.plannedAt) <= latest + marginMs;
    const { actor, requests } = near || run.observedAt !== null ? readRequests(ledger, run) : nothing;
    const uuids = new Set([run.uuid, ...requests.flatMap(({ auditId }) => parseAuditId(auditId ?? '')?.uuid ?? [])]);
    for (const uuid of uuids) {
      const own = requests.filter(({ auditId }) => parseAuditId(auditId ?? '')?.uuid === uuid);
      claims.set(uuid, { run, actor, paths: countPaths(own), ...spansOf(run, uuid === run.uuid, own, now) });
    }
  }
  return claims;
}

function readRequests(ledger: Ledger, run: RunSummary): { actor: string | null; requests: readonly RequestRecord[] } {
  if (run.endedAt === null || run.status === 'missed') return nothing;
  try {
    const snapshot = ledger.snapshot(run.cluster, run.number);
    const requests = snapshot.listings().flatMap((listing) => listing.requests);
    return { actor: snapshot.cluster.actor, requests: requests.filter(({ auditId }) => auditId !== undefined) };
  } catch (error) {
    // Erased: the run stays known, and claims nothing.
    if (error instanceof KubevidenceError && error.code !== 'integrity' && error.code !== 'unreachable') return nothing;
    throw error;
  }
}

function countPaths(requests: readonly RequestRecord[]): Map<string, ClaimedPath> {
  const paths = new Map<string, ClaimedPath>();
  // Listings that were read from one answer name the same request.
  const unique = new Map(requests.map((request) => [request.auditId, request]));
  for (const { auditId, path, pages, status } of unique.values()) {
    // A refused login has no user in the audit log, and 429 and 5xx may come from what stands before the server.
    const refused = status !== null && status !== 200 && status !== 401 && status !== 429 && status < 500;
    const number = parseAuditId(auditId ?? '')?.number;
    if (number === undefined) continue;
    // A single replica was asked by its URL; the audit log has the path.
    const key = path.replace(/^https:\/\/[^/]*/, '').replace(/\?.*/s, '');
    const claimed = paths.get(key) ?? { count: 0, numbers: [] };
    claimed.count += pages + Number(refused);
    claimed.numbers.push(number);
    paths.set(key, claimed);
  }
  return paths;
}

function spansOf(run: RunSummary, own: boolean, requests: readonly RequestRecord[], now: Instant): Pick<Claims, 'window' | 'core'> {
  // The least: a `Date` header has whole seconds, and what comes late to its answer is no skew.
  const skews = requests.flatMap((request) => skewOf(request) ?? []);
  const skew = skews.length === 0 ? 0 : Math.min(...skews);
  const starts = requests.map(({ startedAt }) => Date.parse(startedAt) + skew);
  const ends = requests.map(({ endedAt }) => Date.parse(endedAt) + skew);
  // Who answers is asked between the plan and the start.
  const whole = own ? [Date.parse(run.plannedAt) + skew, Date.parse(run.endedAt ?? now) + skew] : [];
  const core = starts.length > 0 ? starts : whole;
  return {
    window: { from: Math.min(...starts, ...whole) - toleranceMs, to: Math.max(...ends, ...whole) + toleranceMs },
    core: { from: Math.min(...core), to: Math.max(...core) },
  };
}

/** The server's clock minus ours. */
function skewOf({ serverDate, startedAt }: RequestRecord): number | undefined {
  const skew = Date.parse(serverDate ?? '') - Date.parse(startedAt);
  return Number.isNaN(skew) ? undefined : skew;
}
