/**
 * What the sources of one program's flags say of each other: what runs (`/flagz`, the process on its node) against what starts it (the
 * static pod, the manifest or unit on the node), and what kubeadm keeps for its next upgrade against both. A row is one comparison of one
 * replica; where only one source is there, nothing can contradict it and there is no row, but an API server that is alive and was not
 * compared is a gap. What a node collector read before the program was started, or before its manifest was written, is old and no
 * contradiction.
 */
import { hostOf } from '../../access/index.ts';
import type { Gap, Population, PopulationInput, ResourceRef, Row } from '../../model/index.ts';
import { at, listAt, textAt } from '../../model/index.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';
import type { NodeDocument } from '../nodes/node-evidence.ts';
import { nodeListings, readNodeEvidence } from '../nodes/node-evidence.ts';
import { controlPlaneListings, readProcesses, requireListing } from './control-plane.ts';
import type { Process } from './control-plane.ts';
import { nodeAt, readEachFlags, replicaListings, startOfAnswer } from './each-replica.ts';
import type { Difference, FlagSource } from './flag-comparison.ts';
import { compareFlags } from './flag-comparison.ts';
import type { Flags, Program } from './flags.ts';
import { agrees, readArguments, resolveFlags } from './flags.ts';
import { readTold } from './host-processes.ts';
import { isSetByKubeadm } from './kubeadm-flags.ts';
import { detectManaged } from '../provider/managed.ts';
import { readAnsweredFlags, readAnswers, readLiveLeases } from './replicas.ts';

const programs: readonly Program[] = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'etcd'];

interface Source extends FlagSource {
  readonly evidence: readonly string[];
}

/** One replica of one program with all that tells of its flags. */
interface Replica {
  readonly program: Program;
  readonly name: string;
  readonly resource: ResourceRef;
  /** First what runs. */
  readonly running: readonly Source[];
  /** First what the API shows. */
  readonly starting: readonly Source[];
  readonly gaps: readonly Gap[];
}

/** `/flagz` of a replica, and when it started where that is known. */
interface Answer {
  readonly source: Source;
  readonly since: number | undefined;
}

function sourceOf(name: string, tells: FlagSource['tells'], flags: Flags, evidence: readonly string[]): Source {
  return { name, tells, flags, evidence };
}

/** Of the only API server, or of each that was asked for itself; by node. */
function readAnswersByNode(input: PopulationInput, pods: readonly Process[]): ReadonlyMap<string, Answer> {
  const found = new Map<string, Answer>();
  for (const { address, object, flags } of readEachFlags(input)) {
    const name = nodeAt(input, address)?.name ?? pods.find((pod) => pod.flags['advertise-address'] === hostOf(address))?.node;
    const answer = { source: sourceOf('/flagz', 'all', flags, [object.id]), since: startOfAnswer(input, address) };
    if (name !== undefined) found.set(name, answer);
  }
  const answered = readAnsweredFlags(input);
  const [only, ...others] = pods;
  if (found.size === 0 && answered !== undefined && only !== undefined && others.length === 0 && readLiveLeases(input).length === 1)
    found.set(only.node, {
      source: sourceOf('/flagz', 'all', answered.flags, [answered.object.id]),
      since: startOfAnswer(input, undefined),
    });
  return found;
}

const later = (...times: readonly (number | undefined)[]) =>
  Math.max(...times.map((time) => (time === undefined || Number.isNaN(time) ? 0 : time)));

/** What a node collector read of a program, unless it is older than what the API shows. */
function readHost(
  document: NodeDocument | undefined,
  program: Program,
  version: string | null,
  since: { readonly start: number | undefined; readonly manifest: number | undefined },
): Pick<Replica, 'running' | 'starting' | 'gaps'> {
  const nothing = { running: [], starting: [], gaps: [] };
  if (document === undefined) return nothing;
  const collected = Date.parse(textAt(document.document.body, 'collectedAt') ?? '');
  const told = (from: 'process' | 'manifest' | 'unit', name: string, after: number): readonly Source[] => {
    const flags = readTold(document, program, from, version);
    return flags === undefined || collected < after ? [] : [sourceOf(name, 'given', flags, document.evidence)];
  };
  const running = told('process', 'the process that its node shows', later(since.start, since.manifest));
  const manifest = told('manifest', 'the manifest on its node', later(since.manifest));
  const starting = manifest.length > 0 ? manifest : told('unit', 'the unit on its node', 0);
  const isOld = readTold(document, program, 'process', version) !== undefined && running.length === 0;
  const gap: Gap = {
    reason: 'stale',
    what: `flags of ${program} on ${document.name}`,
    detail: 'what was read on the node is older than the process or its manifest',
    closedBy: `run kubevidence node collect on ${document.name} again`,
  };
  return { running, starting, gaps: isOld ? [gap] : [] };
}

function* readReplicas(input: PopulationInput, program: Program): Iterable<Replica> {
  const { version } = input.reader.cluster;
  const pods = readProcesses(input, program, readAnswers(input)).filter(({ gaps }) => gaps.length === 0);
  const answers = program === 'kube-apiserver' ? readAnswersByNode(input, pods) : new Map<string, Answer>();
  const documents = new Map(readNodeEvidence(input).documents.map((document) => [document.name, document]));
  const names = new Set([...pods.map(({ node, pod }) => node || pod.name), ...documents.keys()]);
  for (const name of [...names].sort()) {
    const pod = pods.find((each) => (each.node || each.pod.name) === name);
    const answer = answers.get(name);
    const created = Date.parse(textAt(pod?.pod.body, 'metadata', 'creationTimestamp') ?? '');
    const document = documents.get(name);
    const host = readHost(document, program, version, { start: answer?.since, manifest: created });
    const running = [...(answer === undefined ? [] : [answer.source]), ...host.running];
    const starting = [...(pod === undefined ? [] : [sourceOf('its static pod', 'given', pod, pod.evidence)]), ...host.starting];
    const resource = pod === undefined ? document?.resource : resourceOf(pod.pod);
    if (running.length + starting.length === 0 || resource === undefined) continue;
    yield { program, name, resource, running, starting, gaps: host.gaps };
  }
}

interface Shown extends Difference {
  readonly between: readonly [string, string];
}

function value(text: string | null): string {
  return text === null ? 'not given' : text === '' ? 'empty' : text;
}

const most = 5;

/** `--profiling is true in /flagz and false in its static pod`; two values go before what one of them does not give. */
function describe(shown: readonly Shown[]): string {
  const isHalf = ({ one, other }: Shown) => Number(one === null || other === null);
  const texts = shown
    .toSorted((a, b) => isHalf(a) - isHalf(b))
    .slice(0, most)
    .map(({ flag, one, other, between: [a, b] }) => `--${flag} is ${value(one)} in ${a} and ${value(other)} in ${b}`);
  return [...texts, ...(shown.length > most ? [`${shown.length - most} more`] : [])].join('; ');
}

function compareAll(program: Program, [first, ...others]: readonly Source[]): readonly Shown[] {
  const shown = new Map<string, Shown>();
  for (const other of first === undefined ? [] : others)
    for (const difference of compareFlags(program, first as Source, other))
      if (!shown.has(difference.flag)) shown.set(difference.flag, { ...difference, between: [(first as Source).name, other.name] });
  return [...shown.values()].sort((a, b) => (a.flag < b.flag ? -1 : 1));
}

function toRow(item: string, { program, name, resource, gaps }: Replica, sources: readonly Source[], shown: readonly Shown[]): Row {
  return {
    item,
    resource,
    evidence: [...new Set(sources.flatMap(({ evidence }) => evidence))],
    ...(gaps.length === 0 ? {} : { gaps }),
    program,
    replica: name,
    sources: sources.map(({ name: each }) => each),
    differs: shown.map(({ flag }) => flag),
    shown: describe(shown),
  };
}

/** Programs of which nobody knows what they are told: their command is another one. */
function sayUnknown(input: PopulationInput): void {
  for (const program of programs)
    for (const { gaps } of readProcesses(input, program, readAnswers(input))) for (const gap of gaps) input.gap(gap);
}

/** API servers that are alive and are none of those that were compared. Where a provider runs them there is nothing to compare them with. */
function sayUncompared(input: PopulationInput, compared: number, least = 0): void {
  if (input.reader.scope === 'files' || detectManaged(input.reader) !== null) return;
  const servers = Math.max(least, readLiveLeases(input).length);
  if (servers <= compared) return;
  input.gap({
    reason: 'absent',
    what: 'flags that API servers are started with',
    detail: `${servers - compared} of ${servers} API servers show neither a static pod nor what else starts them`,
    closedBy: 'run kubevidence node collect as root on every host of the control plane',
  });
}

/** An API server whose running flags nobody read, where they could be read. */
function sayUnread(input: PopulationInput, replica: Replica): readonly Gap[] {
  if (replica.program !== 'kube-apiserver' || replica.running.length > 0 || input.reader.scope === 'files') return [];
  const several = readLiveLeases(input).length > 1;
  return [
    {
      reason: 'absent',
      what: `flags that kube-apiserver on ${replica.name} runs with`,
      detail: several && readAnsweredFlags(input) !== undefined ? 'another replica may have answered' : '/flagz was not read',
      closedBy: `${several ? 'set `apiServers: each` for this cluster' : 'get /flagz (Kubernetes 1.36)'}, or run kubevidence node collect on ${replica.name}`,
    },
  ];
}

/** An answer of one of several that none of their static pods was given: something differs, and nobody can say where. */
function* strayAnswer(input: PopulationInput): Iterable<Row> {
  const answered = readAnsweredFlags(input);
  const pods = readProcesses(input, 'kube-apiserver', readAnswers(input));
  const leases = readLiveLeases(input).length;
  if (answered === undefined || leases < 2 || readEachFlags(input).length > 0 || pods.length !== leases) return;
  if (pods.some((pod) => pod.gaps.length > 0 || agrees(pod, answered.flags))) return;
  const source = sourceOf('/flagz', 'all', answered.flags, [answered.object.id]);
  // The one that it most probably is.
  const candidates = pods.map((pod) => {
    const starting = sourceOf(`the static pod on ${pod.node}`, 'given', pod, pod.evidence);
    return { starting, shown: compareAll('kube-apiserver', [source, starting]) };
  });
  const nearest = candidates.reduce((best, each) => (each.shown.length < best.shown.length ? each : best));
  if (nearest.shown.length === 0) return;
  const name = 'the replica that answered';
  const replica: Replica = { program: 'kube-apiserver', name, resource: resourceOf(answered.object), running: [], starting: [], gaps: [] };
  yield toRow(`kube-apiserver/${name}`, replica, [source, ...candidates.map(({ starting }) => starting)], nearest.shown);
}

export const runningFlags: Population = {
  name: 'runningFlags',
  doc: 'A program of the control plane, with the flags that differ between what runs and what starts it',
  from: [],
  also: [
    ...new Set([
      'k8s.apiserver/leases' as const,
      'k8s.apiserver/flagz' as const,
      'k8s.apiserver/metrics' as const,
      ...replicaListings,
      ...controlPlaneListings,
      ...nodeListings,
    ]),
  ],
  *rows(input) {
    if (input.reader.scope === 'cluster')
      for (const kind of ['k8s.apiserver/leases', ...controlPlaneListings] as const) requireListing(input, kind);
    sayUnknown(input);
    const unique = uniqueKeys();
    let servers = 0;
    for (const program of programs) {
      for (const replica of readReplicas(input, program)) {
        const sources = [...replica.running, ...replica.starting];
        const gaps = [...sayUnread(input, replica), ...replica.gaps];
        if (sources.length < 2 && gaps.length === 0) continue;
        if (program === 'kube-apiserver') servers += 1;
        const shown = compareAll(program, sources);
        yield toRow(unique(`${program}/${segment(replica.name)}`), { ...replica, gaps }, sources, shown);
      }
    }
    sayUncompared(input, servers);
    yield* strayAnswer(input);
  },
};

const kubeadmParts: Readonly<Record<Program, readonly string[]>> = {
  'kube-apiserver': ['apiServer'],
  'kube-controller-manager': ['controllerManager'],
  'kube-scheduler': ['scheduler'],
  etcd: ['etcd', 'local'],
};

export const kubeadmFlags: Population = {
  name: 'kubeadmFlags',
  doc: 'A program of the control plane that kubeadm set up, with the flags that its next upgrade would change',
  from: [],
  also: [
    ...new Set([
      'k8s.kubeadm/configmaps' as const,
      'k8s.apiserver/leases' as const,
      'k8s.apiserver/flagz' as const,
      'k8s.apiserver/metrics' as const,
      ...replicaListings,
      ...controlPlaneListings,
      ...nodeListings,
    ]),
  ],
  *rows(input) {
    const { version } = input.reader.cluster;
    const listing = input.listing('k8s.kubeadm/configmaps');
    if (listing === undefined) return requireListing(input, 'k8s.kubeadm/configmaps');
    // Where there is no such ConfigMap, kubeadm did not make the cluster.
    if (listing.gaps.length === 0) requireListing(input, 'k8s.kubeadm/configmaps');
    for (const gap of listing.gaps) if (gap.reason !== 'absent') input.gap(gap);
    const map = [...input.each('k8s.kubeadm/configmaps')].find(({ name }) => name === 'kubeadm-config');
    // That there is nothing to compare stands on what was read of the control plane, too.
    for (const kind of controlPlaneListings) input.listing(kind);
    if (map === undefined) return;
    if (input.reader.scope === 'cluster')
      for (const kind of ['k8s.apiserver/leases', ...controlPlaneListings] as const) requireListing(input, kind);
    sayUnknown(input);
    const unique = uniqueKeys();
    let servers = 0;
    for (const program of programs) {
      if (program === 'etcd' && at(map.body, 'clusterConfiguration', 'etcd', 'external') !== undefined) continue;
      const extra = readArguments(listAt(map.body, 'clusterConfiguration', ...kubeadmParts[program], 'extraArgs'));
      const kept = sourceOf('kubeadm-config', 'given', resolveFlags(program, extra, version), [map.id]);
      for (const replica of readReplicas(input, program)) {
        const [starting] = replica.starting;
        if (starting === undefined) continue;
        if (program === 'kube-apiserver') servers += 1;
        const differences = compareFlags(program, kept, starting).filter(
          // What kubeadm itself sets is not among what people add, and a flag of etcd can come from elsewhere.
          ({ flag, one }) => one !== null || !isSetByKubeadm(program, flag),
        );
        const shown = differences.map(({ flag, one, other }): Shown => ({ flag, one, other, between: [kept.name, starting.name] }));
        yield toRow(unique(`${program}/${segment(replica.name)}`), { ...replica, gaps: [] }, [kept, starting], shown);
      }
    }
    // One at least is there: kubeadm made it.
    sayUncompared(input, servers, 1);
  },
};
