/**
 * Every API server replica with its flags. A single replica is seen through `/flagz`, which shows what runs, defaults included; several are
 * seen through their static pods. A replica that neither shows is a gap: one replica's answer never stands for another.
 */
import type { Population, PopulationInput, Row } from '../../model/index.ts';
import { controlPlaneListings, explainHidden, readProcesses, requireListing } from './control-plane.ts';
import type { Process } from './control-plane.ts';
import type { Flags } from './flags.ts';
import { agrees } from './flags.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';
import { readAnsweredFlags, readLiveLeases } from './replicas.ts';

type Source = 'flagz' | 'static pod';

/** Authorizers in their order; undefined where they stand in a file that nobody sees. AlwaysAllow is what runs when nothing is set. */
function authorizers({ flags, lists }: Flags): readonly string[] | undefined {
  if (flags['authorization-config'] !== '') return undefined;
  const modes = lists['authorization-mode'] ?? [];
  return modes.length === 0 ? ['AlwaysAllow'] : modes;
}

function fields(replica: string, source: Source, { flags, lists, gates, given }: Flags): Omit<Row, 'item' | 'resource' | 'evidence'> {
  const modes = authorizers({ flags, lists, gates, given });
  return { replica, source, flags, lists, gates, given, ...(modes === undefined ? {} : { authorizers: modes }) };
}

function podRow(key: string, process: Process): Row {
  const name = process.node === '' ? process.pod.name : process.node;
  return {
    item: key,
    resource: resourceOf(process.pod),
    evidence: process.evidence,
    ...(process.gaps.length === 0 ? {} : { gaps: process.gaps }),
    ...fields(name, 'static pod', process),
  };
}

function* liveRows(input: PopulationInput): Iterable<Row> {
  const unique = uniqueKeys();
  requireListing(input, 'k8s.apiserver/leases');
  const leases = readLiveLeases(input);
  const answered = readAnsweredFlags(input);
  const processes = readProcesses(input, 'kube-apiserver', answered?.flags);
  const [lease] = leases;
  const single = leases.length === 1;

  if (single && answered !== undefined && lease !== undefined && processes.length <= 1) {
    const [process] = processes;
    yield {
      item: `kube-apiserver/${segment(process?.node ?? lease.name)}`,
      resource: resourceOf(process?.pod ?? lease),
      evidence: [answered.object.id, lease.id, ...(process?.evidence ?? [])],
      ...fields(process?.node ?? lease.name, 'flagz', answered.flags),
    };
    return;
  }
  for (const process of processes) yield podRow(unique(`kube-apiserver/${segment(process.node)}`), process);
  if (answered !== undefined && !processes.some((process) => agrees(process, answered.flags))) {
    yield {
      item: unique('kube-apiserver/the replica that answered'),
      resource: resourceOf(answered.object),
      evidence: [answered.object.id],
      ...fields('the replica that answered', 'flagz', answered.flags),
    };
  }
  const covered = processes.length > 0 ? processes.length : answered === undefined ? 0 : 1;
  if (covered >= leases.length && covered > 0 && leases.length > 0) return;
  for (const kind of ['k8s.pods/pods', 'k8s.nodes/nodes'] as const) requireListing(input, kind);
  if (answered === undefined) requireListing(input, 'k8s.apiserver/flagz');
  input.gap({
    reason: 'absent',
    what: 'flags of API servers',
    detail:
      leases.length === 0
        ? 'no lease names the replicas'
        : `${leases.length - covered} of ${leases.length} replicas do not show theirs: ${explainHidden(input)}`,
    closedBy: 'get /flagz (Kubernetes 1.36), the command lines of all API servers, or the report of the provider',
  });
}

export const apiServers: Population = {
  name: 'apiServers',
  doc: 'An API server replica with its flags, defaults included',
  from: [],
  also: ['k8s.apiserver/leases', 'k8s.apiserver/flagz', ...controlPlaneListings],
  *rows(input) {
    if (input.reader.scope === 'cluster') yield* liveRows(input);
    else {
      requireListing(input, 'k8s.pods/pods');
      const unique = uniqueKeys();
      const processes = readProcesses(input, 'kube-apiserver', undefined);
      for (const process of processes) yield podRow(unique(`kube-apiserver/${segment(process.node || process.pod.name)}`), process);
      if (processes.length === 0) {
        input.gap({
          reason: 'absent',
          what: 'flags of API servers',
          detail: 'no static pod of kube-apiserver is among the files',
          closedBy: 'add its manifest',
        });
      }
    }
  },
};
