/**
 * Whether an audit policy that records anything is in force: by what a server has recorded since it started, which proves a policy and a
 * backend on that server. A policy that was handed in is judged by itself, and speaks for no server that has recorded nothing.
 */
import { recordsAnything } from '../../audit/index.ts';
import type { Population, PopulationInput, Row } from '../../model/index.ts';
import { readReplicaMetrics } from '../control-plane/answering-replica.ts';
import type { ReplicaMetrics } from '../control-plane/answering-replica.ts';
import { records as countRecords } from './audit-counters.ts';
import { policies, readPolicies, readSource } from './audit-policies.ts';
import { requireListing } from '../control-plane/control-plane.ts';
import { replicaListings } from '../control-plane/each-replica.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';
import { nodeListings } from '../nodes/node-evidence.ts';

function* fileRows(input: PopulationInput): Iterable<Row> {
  const unique = uniqueKeys();
  for (const policy of readPolicies(input)) {
    const name = policy.place?.file ?? (policy.name || 'policy');
    const read = readSource(policy);
    yield {
      item: unique(`file/${segment(name)}`),
      resource: resourceOf(policy),
      evidence: [policy.id],
      holder: name,
      ...(read.policy === null ? { gaps: [read.gap] } : { records: recordsAnything(read.policy) }),
    };
  }
}

function* serverRows(input: PopulationInput, files: readonly Row[]): Iterable<Row> {
  const replicas = readReplicaMetrics(input);
  if (replicas.length === 0) requireListing(input, 'k8s.apiserver/metrics');
  const unique = uniqueKeys();
  for (const each of replicas) yield serverRow(unique(each.replica.key), each, files);
}

function serverRow(item: string, { replica: { name, evidence }, metrics }: ReplicaMetrics, files: readonly Row[]): Row {
  const row: Row = { item, resource: resourceOf(metrics.object), evidence: [...metrics.evidence, ...evidence], holder: name };
  if (countRecords(metrics) > 0) return { ...row, records: true };
  const isTold = files.length > 0 && files.every(({ gaps = [] }) => gaps.length === 0);
  if (isTold && files.some((file) => file['records'] === false)) return { ...row, records: false };
  // A policy that would record and did not is not shown to be in force: it may be of another server, or have no backend.
  const detail = `it has recorded nothing since it started${files.length > 0 ? ', whatever the policy that was handed in says' : ''}`;
  const closedBy = 'collect again after some requests; then look at --audit-policy-file and --audit-log-path of this API server';
  return { ...row, gaps: [{ reason: 'absent', what: `records of ${name}`, detail, closedBy }] };
}

export const auditRecording: Population = {
  name: 'auditRecording',
  doc: 'An API server or an audit policy that was handed in, with whether it records anything',
  from: [],
  also: [...new Set(['k8s.apiserver/metrics' as const, ...replicaListings, ...nodeListings, policies])],
  *rows(input) {
    const files = [...fileRows(input)];
    // One that was there and could not be read may be that of a server.
    if (files.length > 0) for (const gap of input.listing(policies)?.gaps ?? []) if (gap.reason !== 'absent') input.gap(gap);
    if (input.reader.scope === 'cluster') {
      requireListing(input, 'k8s.apiserver/leases');
      yield* serverRows(input, files);
    } else if (files.length === 0) requireListing(input, policies);
    yield* files;
  },
};
