/** Controller managers, schedulers and etcd members that run as static pods, with their flags. One that does not is a gap. */
import type { Gap, Population, PopulationInput, Row } from '../model/index.ts';
import { controlPlaneListings, explainHidden, readProcesses, requireListing } from './control-plane.ts';
import type { Process } from './control-plane.ts';
import type { Program } from './flags.ts';
import { resourceOf, segment, uniqueKeys } from './identity.ts';
import { readAnsweredFlags } from './replicas.ts';

function readAll(input: PopulationInput, program: Program): readonly Process[] {
  for (const kind of controlPlaneListings) if (input.reader.scope === 'cluster' || kind === 'k8s.pods/pods') requireListing(input, kind);
  const processes = readProcesses(input, program, readAnsweredFlags(input)?.flags);
  if (processes.length === 0) {
    input.gap({
      reason: 'absent',
      what: `flags of ${program}`,
      detail: input.reader.scope === 'cluster' ? explainHidden(input) : `no static pod of ${program} is among the files`,
      closedBy: 'its command line on every control-plane node, or the report of the provider',
    });
  }
  return processes;
}

function toRow(program: Program, process: Process, key: string, gaps: readonly Gap[], more: Readonly<Record<string, number>>): Row {
  const { pod, evidence, flags, lists, gates, given } = process;
  const all = [...process.gaps, ...gaps];
  return {
    item: key,
    resource: resourceOf(pod),
    evidence,
    ...(all.length === 0 ? {} : { gaps: all }),
    replica: process.node || pod.name,
    program,
    flags,
    lists,
    gates,
    given,
    ...more,
  };
}

function component(name: string, doc: string, program: Program): Population {
  return {
    name,
    doc,
    from: [],
    also: [...controlPlaneListings, 'k8s.apiserver/flagz'],
    *rows(input) {
      const unique = uniqueKeys();
      const processes = readAll(input, program);
      // kubeadm gives a member the list of members at the time it joined, so the longest list is the latest.
      const members = Math.max(processes.length, 1, ...processes.map(({ lists }) => new Set(lists['initial-cluster'] ?? []).size));
      const missing = program === 'etcd' && processes.length > 0 ? members - processes.length : 0;
      const gaps: readonly Gap[] =
        missing > 0 ? [{ reason: 'absent', what: 'flags of etcd', detail: `${missing} of ${members} members run elsewhere` }] : [];
      for (const process of processes) {
        const key = unique(`${program}/${segment(process.node || process.pod.name)}`);
        yield toRow(program, process, key, gaps, program === 'etcd' ? { members } : {});
      }
    },
  };
}

export const controllerManagers = component(
  'controllerManagers',
  'A controller manager that runs as a static pod, with its flags, defaults included',
  'kube-controller-manager',
);
export const schedulers = component(
  'schedulers',
  'A scheduler that runs as a static pod, with its flags, defaults included',
  'kube-scheduler',
);
export const etcdMembers = component(
  'etcdMembers',
  'An etcd member that runs as a static pod, with its settings, defaults included',
  'etcd',
);
