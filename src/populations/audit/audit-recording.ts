/**
 * Whether an audit policy that records anything is in force: by what a server has recorded since it started, which proves a policy and a
 * backend on that server; where it has recorded nothing yet, by the policy that was handed in.
 */
import { recordsAnything } from '../../audit/index.ts';
import type { ListingKind, Population, PopulationInput, Row } from '../../model/index.ts';
import { readReplicaMetrics } from '../control-plane/answering-replica.ts';
import type { ReplicaMetrics } from '../control-plane/answering-replica.ts';
import { records as countRecords } from './audit-counters.ts';
import { readSource } from './audit-policies.ts';
import { requireListing } from '../control-plane/control-plane.ts';
import { replicaListings } from '../control-plane/each-replica.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';

const policies: ListingKind = 'files.audit-policy/policies';

function* fileRows(input: PopulationInput): Iterable<Row> {
  const unique = uniqueKeys();
  for (const policy of input.each(policies)) {
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
  if (files.length > 0) {
    const gaps = files.flatMap((file) => file.gaps ?? []);
    const records = files.every((file) => file['records'] === true);
    return gaps.length > 0 ? { ...row, gaps } : { ...row, records };
  }
  const closedBy = 'kubevidence collect --files with the audit policy';
  return {
    ...row,
    gaps: [{ reason: 'absent', what: `records of ${name}`, detail: 'it has recorded nothing since it started', closedBy }],
  };
}

export const auditRecording: Population = {
  name: 'auditRecording',
  doc: 'An API server or an audit policy that was handed in, with whether it records anything',
  from: [],
  also: ['k8s.apiserver/metrics', 'k8s.apiserver/leases', ...replicaListings, 'k8s.nodes/nodes', policies],
  *rows(input) {
    const files = [...fileRows(input)];
    if (input.reader.scope === 'cluster') {
      requireListing(input, 'k8s.apiserver/leases');
      yield* serverRows(input, files);
    } else if (files.length === 0) requireListing(input, policies);
    yield* files;
  },
};
