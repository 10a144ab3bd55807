/**
 * Every API server replica with its flags. What a replica says in `/flagz` shows what runs, defaults included; where each is asked for
 * itself that is the word of each, else that of the only one. Others are seen through their static pods, or through what a node collector
 * read on their hosts. A replica that nothing shows is a gap: one replica's answer never stands for another.
 */
import { hostOf } from '../../access/index.ts';
import type { Gap, Population, PopulationInput, ResourceRef, Row, StoredObject } from '../../model/index.ts';
import { nodeListings, readNodeEvidence, sayMissing } from '../nodes/node-evidence.ts';
import { controlPlaneListings, explainHidden, readProcesses, requireListing } from './control-plane.ts';
import type { Process } from './control-plane.ts';
import type { ReplicaFlags } from './each-replica.ts';
import { areSeveral, countProcesses, nodeAt, readEachFlags, replicaListings, sayUnheard, wereEachAsked } from './each-replica.ts';
import type { Flags } from './flags.ts';
import { agrees } from './flags.ts';
import type { HostProcess } from './host-processes.ts';
import { readHostProcesses } from './host-processes.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';
import { readOnce } from '../read-once.ts';
import { readAnswers, readAnsweredFlags, readLiveLeases } from './replicas.ts';

type Source = 'flagz' | 'static pod' | 'node';

/** One way in which a replica shows its flags. */
interface Seen {
  readonly name: string;
  readonly source: Source;
  /** Where it was asked for itself. */
  readonly address?: string;
  readonly resource: ResourceRef;
  readonly evidence: readonly string[];
  readonly gaps: readonly Gap[];
  readonly flags: Flags;
}

/** Authorizers in their order; undefined where they stand in a file that nobody sees. AlwaysAllow is what runs when nothing is set. */
function authorizers({ flags, lists, given }: Flags): readonly string[] | undefined {
  const modes = lists['authorization-mode'] ?? [];
  // Both are never given.
  if (modes.length > 0 && given.includes('authorization-mode')) return modes;
  if (flags['authorization-config'] !== '') return undefined;
  return modes.length === 0 ? ['AlwaysAllow'] : modes;
}

function toRow({ name, source, address, resource, evidence, gaps, flags: told }: Seen, item: string): Row {
  const modes = authorizers(told);
  const { flags, lists, gates, given } = told;
  return {
    item,
    resource,
    evidence,
    ...(gaps.length === 0 ? {} : { gaps }),
    replica: name,
    source,
    ...(address === undefined ? {} : { address }),
    flags,
    lists,
    gates,
    given,
    ...(modes === undefined ? {} : { authorizers: modes }),
  };
}

function ofPod(process: Process): Seen {
  const { pod, node, evidence, gaps } = process;
  return { name: node === '' ? pod.name : node, source: 'static pod', resource: resourceOf(pod), evidence, gaps, flags: process };
}

function ofHost(process: HostProcess): Seen {
  const { host, gaps } = process;
  return { name: host.name, source: 'node', resource: host.resource, evidence: host.evidence, gaps, flags: process };
}

function ofAnswer(object: StoredObject, flags: Flags): Seen {
  return { name: 'the replica that answered', source: 'flagz', resource: resourceOf(object), evidence: [object.id], gaps: [], flags };
}

/** Whether the server of a node is at an address: that of its node, or the one that it was told to advertise. Undefined: nobody knows. */
function isAt(input: PopulationInput, node: string, { flags }: Flags, address: string): boolean | undefined {
  const found = nodeAt(input, address);
  if (found !== undefined) return found.name === node;
  const advertised = flags['advertise-address'];
  return advertised === undefined ? undefined : advertised === hostOf(address);
}

interface Known {
  readonly seen: readonly Seen[];
  /** Of them, how many are surely different replicas. */
  readonly count: number;
}

/** The replicas that answered for themselves, and those that did not and that a static pod shows. */
function seeEach(input: PopulationInput, each: readonly ReplicaFlags[], processes: readonly Process[]): Known {
  const seen = each.map(({ address, object, flags }): Seen => {
    const process = processes.find((one) => isAt(input, one.node, one, address) === true);
    const name = process?.node || (nodeAt(input, address)?.name ?? address);
    const evidence = [object.id, ...(process?.evidence ?? [])];
    return { name, source: 'flagz', address, resource: resourceOf(process?.pod ?? object), evidence, gaps: [], flags };
  });
  const others = processes.filter((process) => !each.some(({ address }) => isAt(input, process.node, process, address) === true));
  const surely = others.filter((process) => isElsewhere(input, process.node, process, each));
  const answered = countProcesses(
    input,
    each.map(({ address }) => address),
  );
  return { seen: [...seen, ...others.map(ofPod)], count: answered + surely.length };
}

/** Surely at none of the addresses that answered. One of unknown address may be any of them, whatever its manifest says by now. */
function isElsewhere(input: PopulationInput, node: string, flags: Flags, each: readonly ReplicaFlags[]): boolean {
  return each.every(({ address }) => isAt(input, node, flags, address) === false);
}

function* liveRows(input: PopulationInput): Iterable<Row> {
  const unique = uniqueKeys();
  requireListing(input, 'k8s.apiserver/leases');
  const leases = readLiveLeases(input);
  const answered = readAnsweredFlags(input);
  const each = readEachFlags(input);
  const processes = readProcesses(input, 'kube-apiserver', readAnswers(input));
  const [lease] = leases;

  if (leases.length === 1 && answered !== undefined && lease !== undefined && processes.length <= 1 && each.length === 0) {
    const [process] = processes;
    const name = process?.node ?? lease.name;
    const evidence = [answered.object.id, lease.id, ...(process?.evidence ?? [])];
    const seen = { ...ofAnswer(answered.object, answered.flags), name, resource: resourceOf(process?.pod ?? lease), evidence };
    yield toRow(seen, `kube-apiserver/${segment(name)}`);
    if (areSeveral(input, leases.length)) sayUnheard(input, 'k8s.apiservers/flagz');
    return;
  }
  const known: Known = each.length > 0 ? seeEach(input, each, processes) : { seen: processes.map(ofPod), count: processes.length };
  const hosts = hostsBeside(input, known.seen);
  for (const seen of [...known.seen, ...hosts.map(ofHost)]) yield toRow(seen, unique(`kube-apiserver/${segment(seen.name)}`));
  const told = [...processes, ...hosts, ...each.map(({ flags }) => flags)];
  if (answered !== undefined && !told.some((flags) => agrees(flags, answered.flags)))
    yield toRow(ofAnswer(answered.object, answered.flags), unique('kube-apiserver/the replica that answered'));
  sayUnheard(input, 'k8s.apiservers/flagz', (address) => {
    const node = nodeAt(input, address)?.name;
    return (
      processes.some((process) => isAt(input, process.node, process, address) === true) || hosts.some(({ host }) => host.name === node)
    );
  });
  const besides = hosts.filter((process) => isElsewhere(input, process.host.name, process, each)).length;
  const covered = Math.max(known.count + besides, answered === undefined ? 0 : 1);
  if (covered < leases.length || leases.length === 0) sayUncovered(input, leases.length, covered);
}

/** What node collectors read on the hosts of the control plane whose API server nothing else shows. */
function hostsBeside(input: PopulationInput, seen: readonly Seen[]): readonly HostProcess[] {
  const names = new Set(seen.map(({ name }) => name));
  return readHostProcesses(readNodeEvidence(input), 'kube-apiserver', input.reader.cluster.version, names);
}

function sayUncovered(input: PopulationInput, leases: number, covered: number): void {
  for (const kind of ['k8s.pods/pods', 'k8s.nodes/nodes'] as const) requireListing(input, kind);
  if (readAnswers(input).length === 0) requireListing(input, 'k8s.apiserver/flagz');
  const each =
    leases > 1 && !wereEachAsked(input) ? 'set `apiServers: each` for this cluster (Kubernetes 1.36)' : 'get /flagz (Kubernetes 1.36)';
  input.gap({
    reason: 'absent',
    what: 'flags of API servers',
    detail:
      leases === 0
        ? 'no lease names the replicas'
        : `${leases - covered} of ${leases} replicas do not show theirs: ${explainHidden(input)}`,
    closedBy: `${each}, the command lines of all API servers (kubevidence node collect), or the report of the provider`,
  });
}

function* fileRows(input: PopulationInput): Iterable<Row> {
  requireListing(input, 'k8s.pods/pods');
  const unique = uniqueKeys();
  const pods = readProcesses(input, 'kube-apiserver', []).map(ofPod);
  const hosts = hostsBeside(input, pods);
  for (const seen of [...pods, ...hosts.map(ofHost)]) yield toRow(seen, unique(`kube-apiserver/${segment(seen.name)}`));
  if (hosts.length > 0) sayMissing(input, readNodeEvidence(input), 'control plane');
  else if (pods.length === 0) {
    input.gap({
      reason: 'absent',
      what: 'flags of API servers',
      detail: 'no static pod of kube-apiserver is among the files',
      closedBy: 'add its manifest',
    });
  }
}

/** Lazily: whoever has read enough stands on no more. */
export function* eachApiServer(input: PopulationInput): Iterable<Row> {
  yield* input.reader.scope === 'cluster' ? liveRows(input) : fileRows(input);
}

const readApiServers = readOnce((input) => [...eachApiServer(input)]);

export const apiServers: Population = {
  name: 'apiServers',
  doc: 'An API server replica with its flags, defaults included',
  from: [],
  also: [
    ...new Set([
      'k8s.apiserver/leases' as const,
      'k8s.apiserver/flagz' as const,
      ...replicaListings,
      ...controlPlaneListings,
      ...nodeListings,
    ]),
  ],
  rows: readApiServers,
};
