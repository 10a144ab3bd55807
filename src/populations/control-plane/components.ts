/**
 * Controller managers, schedulers and etcd members with their flags: those that run as static pods, and those that the evidence of a host
 * shows. One that neither shows is a gap.
 */
import type { Gap, Population, PopulationInput, Row } from '../../model/index.ts';
import { controlPlaneListings, explainHidden, isMarkedControlPlane, readProcesses, requireListing } from './control-plane.ts';
import type { Process } from './control-plane.ts';
import type { Program } from './flags.ts';
import type { HostProcess } from './host-processes.ts';
import { readHostProcesses } from './host-processes.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';
import type { NodeReading } from '../nodes/node-evidence.ts';
import { nodeListings, readNodeEvidence, sawProcesses, sayMissing } from '../nodes/node-evidence.ts';
import { readAnswers, readLiveLeases } from './replicas.ts';

interface Found {
  readonly pods: readonly Process[];
  readonly hosts: readonly HostProcess[];
}

function readAll(input: PopulationInput, program: Program): Found {
  for (const kind of controlPlaneListings) if (input.reader.scope === 'cluster' || kind === 'k8s.pods/pods') requireListing(input, kind);
  const pods = readProcesses(input, program, readAnswers(input));
  const reading = readNodeEvidence(input);
  const shown = new Set(pods.map(({ node }) => node));
  const hosts = readHostProcesses(reading, program, input.reader.cluster.version, shown);
  // A node whose static pod shows the program needs no other evidence of it.
  const elsewhere = { ...reading, missing: reading.missing.filter(({ name }) => !shown.has(name)) };
  if (hosts.length > 0) sayMissing(input, elsewhere, 'control plane');
  else if (pods.length > 0 && input.reader.scope === 'cluster') {
    // etcd need not run on every node of the control plane.
    if (program !== 'etcd') sayUnseen(input, program, reading, pods);
    sayUnknownHosts(input, program, reading, pods);
  } else if (pods.length === 0) {
    input.gap({
      reason: 'absent',
      what: `flags of ${program}`,
      detail: input.reader.scope === 'cluster' ? explainHidden(input) : `no static pod of ${program} is among the files`,
      closedBy: 'its command line on every control-plane node (kubevidence node collect), or the report of the provider',
    });
  }
  return { pods, hosts };
}

/** Nodes of the control plane whose program no static pod shows, unless their processes were seen and it is not among them. */
function sayUnseen(input: PopulationInput, program: Program, { documents }: NodeReading, pods: readonly Process[]): void {
  const shown = new Set(pods.map(({ node }) => node));
  const idle = documents.filter(({ document }) => sawProcesses(document));
  for (const { name } of idle) shown.add(name);
  for (const node of input.each('k8s.nodes/nodes')) {
    if (!isMarkedControlPlane(node) || shown.has(node.name)) continue;
    input.gap({
      reason: 'absent',
      what: `flags of ${program} on ${node.name}`,
      detail: 'no static pod there shows them',
      closedBy: `run kubevidence node collect as root on ${node.name}, which shows what runs`,
    });
  }
}

/** More API servers are alive than hosts of the control plane are known: the others may run the program too. */
function sayUnknownHosts(input: PopulationInput, program: Program, { documents }: NodeReading, pods: readonly Process[]): void {
  requireListing(input, 'k8s.apiserver/leases');
  const hosts = new Set([...pods.map(({ node }) => node), ...documents.filter(({ controlPlane }) => controlPlane).map(({ name }) => name)]);
  for (const node of input.each('k8s.nodes/nodes')) if (isMarkedControlPlane(node)) hosts.add(node.name);
  const servers = readLiveLeases(input).length;
  if (servers <= hosts.size) return;
  input.gap({
    reason: 'absent',
    what: `flags of ${program}`,
    detail: `of ${servers} API servers the hosts of ${hosts.size} are known, and it may run on the others`,
    closedBy: 'run kubevidence node collect as root on every host of the control plane, which shows what runs',
  });
}

function toRow(
  program: Program,
  process: Process | HostProcess,
  key: string,
  gaps: readonly Gap[],
  more: Readonly<Record<string, number>>,
): Row {
  const { flags, lists, gates, given } = process;
  const own = 'pod' in process ? { ...process, resource: resourceOf(process.pod) } : { ...process.host, gaps: process.gaps };
  const all = [...own.gaps, ...gaps];
  return {
    item: key,
    resource: own.resource,
    evidence: own.evidence,
    ...(all.length === 0 ? {} : { gaps: all }),
    replica: nameOf(process),
    program,
    flags,
    lists,
    gates,
    given,
    ...more,
  };
}

function nameOf(process: Process | HostProcess): string {
  return 'pod' in process ? process.node || process.pod.name : process.host.name;
}

/** One that is told no list is alone, unless it asks elsewhere who the others are. */
function tellsMembers({ flags, given }: Process | HostProcess): boolean {
  return Object.hasOwn(flags, 'initial-cluster') && !given.some((flag) => flag.startsWith('discovery'));
}

function component(name: string, doc: string, program: Program): Population {
  return {
    name,
    doc,
    from: [],
    also: [...new Set([...controlPlaneListings, 'k8s.apiserver/flagz' as const, 'k8s.apiservers/flagz' as const, ...nodeListings])],
    *rows(input) {
      const unique = uniqueKeys();
      const { pods, hosts } = readAll(input, program);
      const processes = [...pods, ...hosts];
      // kubeadm gives a member the list of members at the time it joined, so the longest list is the latest.
      const members = Math.max(processes.length, 1, ...processes.map(({ lists }) => new Set(lists['initial-cluster'] ?? []).size));
      const missing = program === 'etcd' && processes.length > 0 ? members - processes.length : 0;
      const gaps: readonly Gap[] =
        missing > 0
          ? [{ reason: 'absent', what: 'flags of etcd', detail: `${missing} of ${members} members run elsewhere` }]
          : program === 'etcd' && processes.some(({ gaps: own }) => own.length === 0) && !processes.some(tellsMembers)
            ? [{ reason: 'absent', what: 'members of etcd', detail: 'how many there are does not stand in the flags of any' }]
            : [];
      for (const process of processes) {
        const key = unique(`${program}/${segment(nameOf(process))}`);
        yield toRow(program, process, key, gaps, program === 'etcd' ? { members } : {});
      }
    },
  };
}

export const controllerManagers = component(
  'controllerManagers',
  'A controller manager with its flags, defaults included',
  'kube-controller-manager',
);
export const schedulers = component('schedulers', 'A scheduler with its flags, defaults included', 'kube-scheduler');
export const etcdMembers = component('etcdMembers', 'An etcd member with its settings, defaults included', 'etcd');
