/**
 * What the API server counts of its own audit log. Requests are counted by level before their stages are omitted, so events are what is
 * recorded; where a page does not show them, requests of level Metadata and above are. A counter at 0 proves nothing; growth between two runs of one process proves that records are made.
 */
import type { Gap, ListingKind, Population, PopulationInput, Row } from '../../model/index.ts';
import type { AnsweringReplica } from '../control-plane/answering-replica.ts';
import { readReplicaMetrics } from '../control-plane/answering-replica.ts';
import { replicaListings } from '../control-plane/each-replica.ts';
import { resourceOf, uniqueKeys } from '../identity.ts';
import type { Metrics } from '../control-plane/metrics.ts';
import { readEarlier, sum } from '../control-plane/metrics.ts';

const from: readonly ListingKind[] = ['k8s.apiserver/metrics', 'k8s.apiserver/leases'];
const also: readonly ListingKind[] = [...replicaListings, 'k8s.nodes/nodes'];
const recording = new Set(['Metadata', 'Request', 'RequestResponse']);

/** Since the process started. */
export function records(metrics: Metrics): number {
  const events = 'apiserver_audit_event_total';
  if (metrics.families.has(events)) return sum(metrics, events);
  return sum(metrics, 'apiserver_audit_level_total', ({ level }) => recording.has(level ?? ''));
}

/** Events that a backend could not write, and requests that were refused because of it. */
function losses(metrics: Metrics): number {
  return sum(metrics, 'apiserver_audit_error_total') + sum(metrics, 'apiserver_audit_requests_rejected_total');
}

function baseRow(item: string, { name, evidence }: AnsweringReplica, metrics: Metrics): Row {
  return {
    item,
    resource: resourceOf(metrics.object),
    evidence: [...metrics.evidence, ...evidence],
    replica: name,
    processStart: metrics.process,
    records: records(metrics),
  };
}

const noEarlierRun: Gap = {
  reason: 'absent',
  what: 'an earlier run of the same API server process',
  detail: 'counters only mean something as a difference',
  closedBy: 'collect a second time, before the API server restarts',
};

/** `toRow` counts since an earlier page of the same process, which the row then stands on too; null when there is none. */
function* eachReplica(input: PopulationInput, toRow: (row: Row, metrics: Metrics, earlier: () => Metrics | null) => Row): Iterable<Row> {
  const unique = uniqueKeys();
  for (const { replica, metrics } of readReplicaMetrics(input)) {
    const earlier = () => {
      const [before] = readEarlier(input, metrics.process);
      const page = before?.read();
      if (page !== undefined) input.cite(page.listing);
      return page ?? null;
    };
    yield toRow(baseRow(unique(replica.key), replica, metrics), metrics, earlier);
  }
}

export const auditGrowth: Population = {
  name: 'auditGrowth',
  doc: 'An API server process, with what it has recorded in its audit log since an earlier run',
  from,
  also,
  *rows(input) {
    yield* eachReplica(input, (row, metrics, findEarlier) => {
      const earlier = findEarlier();
      if (earlier === null) return { ...row, gaps: [noEarlierRun] };
      return { ...row, evidence: [...row.evidence, ...earlier.evidence], newRecords: records(metrics) - records(earlier) };
    });
  },
};

export const auditLosses: Population = {
  name: 'auditLosses',
  doc: 'An API server process that records, with the audit events that it lost since an earlier run',
  from,
  also,
  *rows(input) {
    yield* eachReplica(input, (row, metrics, findEarlier) => {
      const total = losses(metrics);
      if (total === 0) return { ...row, lost: 0 };
      // Losses of which nobody knows when they were: an earlier run of the same process tells.
      const earlier = findEarlier();
      if (earlier === null) return { ...row, gaps: [noEarlierRun] };
      return { ...row, evidence: [...row.evidence, ...earlier.evidence], lost: total - losses(earlier) };
    });
  },
};
