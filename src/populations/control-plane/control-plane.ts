/**
 * The processes of the control plane that run as static pods, with their flags. Labels prove nothing: a pod counts only when it is the
 * mirror of a file on its node (annotations config.mirror and config.source, the Node as owner, by uid, and the name that the kubelet
 * gives it), and that node is one of the control plane, which a node cannot say of itself (NodeRestriction keeps `node-role` from it).
 */
import type { EvidenceReader, Gap, Json, ListingKind, PopulationInput, StoredObject } from '../../model/index.ts';
import { at, isComplete, isMarker, isObject, listAt, textAt } from '../../model/index.ts';
import type { Flags, Given, Program } from './flags.ts';
import { addFlag, agrees, readArguments, resolveFlags } from './flags.ts';

export const controlPlaneListings: readonly ListingKind[] = ['k8s.pods/pods', 'k8s.nodes/nodes'];

export interface Process extends Flags {
  readonly pod: StoredObject;
  /** Empty for a manifest that is on no node. */
  readonly node: string;
  readonly evidence: readonly string[];
  readonly gaps: readonly Gap[];
}

interface Nodes {
  readonly byName: ReadonlyMap<string, StoredObject>;
  readonly anyMarked: boolean;
}

const marks = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];

export function isMarkedControlPlane(node: StoredObject): boolean {
  const labels = at(node.body, 'metadata', 'labels');
  return (
    marks.some((mark) => isObject(labels) && Object.hasOwn(labels, mark)) ||
    listAt(node.body, 'spec', 'taints').some((taint) => marks.includes(textAt(taint, 'key') ?? ''))
  );
}

function readNodes(input: PopulationInput): Nodes {
  const byName = new Map<string, StoredObject>();
  let anyMarked = false;
  for (const node of input.each('k8s.nodes/nodes')) {
    byName.set(node.name, node);
    anyMarked ||= isMarkedControlPlane(node);
  }
  return { byName, anyMarked };
}

/** Adds the gaps of a listing that an outcome needs here, as a population's `from` would. */
export function requireListing(input: PopulationInput, kind: ListingKind): void {
  const listing = input.listing(kind);
  const what = kind.slice(kind.indexOf('/') + 1);
  if (listing === undefined) input.gap({ reason: 'absent', what, detail: 'not collected in this run' });
  else if (listing.gaps.length > 0) for (const gap of listing.gaps) input.gap(gap);
  else if (!isComplete(listing))
    input.gap({ reason: 'stale', what, detail: 'the list expired while it was read', closedBy: 'collect again' });
}

/** The mirror of a file on this node, and not a pod that somebody made to look like one. */
function isMirrorOf(pod: StoredObject, node: StoredObject): boolean {
  const annotation = (name: string) => textAt(pod.body, 'metadata', 'annotations', `kubernetes.io/config.${name}`);
  const mirror = annotation('mirror');
  return (
    mirror !== undefined &&
    mirror === annotation('hash') &&
    annotation('source') === 'file' &&
    textAt(pod.body, 'spec', 'nodeName') === node.name &&
    pod.name.endsWith(`-${node.name}`) &&
    listAt(pod.body, 'metadata', 'ownerReferences').some(
      (owner) =>
        textAt(owner, 'kind') === 'Node' &&
        textAt(owner, 'apiVersion') === 'v1' &&
        textAt(owner, 'name') === node.name &&
        textAt(owner, 'uid') === node.uid,
    )
  );
}

/** The last part of a path, as a program's name. */
function programOf(container: Json): string {
  const first = listAt(container, 'command')[0];
  return typeof first === 'string' ? first.slice(first.lastIndexOf('/') + 1) : '';
}

function readVariables(container: Json): Given {
  const given: Given = new Map();
  for (const entry of listAt(container, 'env')) {
    const name = textAt(entry, 'name') ?? '';
    if (!name.startsWith('ETCD_')) continue;
    const value = at(entry, 'value');
    addFlag(given, name.slice(5).toLowerCase().replaceAll('_', '-'), typeof value === 'string' ? value : null);
  }
  return given;
}

interface Told {
  readonly node: StoredObject | undefined;
  readonly version: string | null;
  readonly process: Process | undefined;
}

const told = new WeakMap<StoredObject, Map<Program, Told>>();

/** What a pod says of itself follows from it, its node and the version alone; many populations ask. */
function readProcess(program: Program, pod: StoredObject, node: StoredObject | undefined, version: string | null): Process | undefined {
  const ofPod = told.get(pod) ?? new Map<Program, Told>();
  told.set(pod, ofPod);
  let known = ofPod.get(program);
  if (known === undefined || known.node !== node || known.version !== version) {
    known = { node, version, process: tellProcess(program, pod, node, version) };
    ofPod.set(program, known);
  }
  return known.process;
}

function tellProcess(program: Program, pod: StoredObject, node: StoredObject | undefined, version: string | null): Process | undefined {
  const containers = listAt(pod.body, 'spec', 'containers');
  const container = containers.find((each) => programOf(each) === program);
  const gaps: Gap[] = [];
  const unseen = (detail: string) => gaps.push({ reason: 'absent', what: `flags of ${program} in pod ${pod.name}`, detail });
  if (container === undefined && textAt(pod.body, 'metadata', 'labels', 'component') !== program) return undefined;
  if (container === undefined) unseen('its command is not the program itself');
  const entries = [...listAt(container, 'command'), ...listAt(container, 'args')];
  // etcd: a flag on the command line wins over the variable of its name.
  const raw = program === 'etcd' && container !== undefined ? readVariables(container) : new Map<string, string | null>();
  for (const [name, value] of readArguments(entries)) raw.set(name, value);
  const nameless = entries.some((entry) => isMarker(entry) && at(entry, 'flag') === undefined);
  if (program === 'etcd' && (raw.has('config-file') || nameless)) unseen('settings may come from a configuration file');
  // Then nothing is known: not even that a default applies.
  const unknown: Flags = { flags: {}, lists: {}, gates: {}, given: [...raw.keys()].sort() };
  return {
    ...(gaps.length > 0 ? unknown : resolveFlags(program, raw, version)),
    pod,
    node: node?.name ?? '',
    evidence: node === undefined ? [pod.id] : [pod.id, node.id],
    gaps,
  };
}

interface StaticPods {
  /** Some node of the cluster is marked as control plane. */
  readonly anyMarked: boolean;
  /** A manifest that is on no node has none. */
  readonly pods: readonly { readonly pod: StoredObject; readonly node: StoredObject | undefined }[];
}

const staticPods = new WeakMap<EvidenceReader, StaticPods>();

/** Mirror pods of kube-system, whatever their node. Many populations ask, so one snapshot's pods are walked once for all of them. */
function readStaticPods(input: PopulationInput): StaticPods {
  // Each population still says which evidence it stands on.
  for (const kind of controlPlaneListings) input.listing(kind);
  const known = staticPods.get(input.reader);
  if (known !== undefined) return known;
  const { byName, anyMarked } = readNodes(input);
  const pods: { readonly pod: StoredObject; readonly node: StoredObject | undefined }[] = [];
  const inSystem = input.reader.parts?.('k8s.pods/pods')?.get('kube-system') ?? input.reader.objectsIn?.('k8s.pods/pods', 'kube-system');
  for (const pod of inSystem ?? (input.reader.parts?.('k8s.pods/pods') ? [] : input.each('k8s.pods/pods'))) {
    if (pod.namespace !== 'kube-system') continue;
    const node = byName.get(textAt(pod.body, 'spec', 'nodeName') ?? '');
    if (node !== undefined && isMirrorOf(pod, node)) pods.push({ pod, node });
    else if (input.reader.scope === 'files' && pod.uid === '') pods.push({ pod, node: undefined });
  }
  const found = { anyMarked, pods };
  staticPods.set(input.reader, found);
  return found;
}

/**
 * The genuine processes of one program. Where no node is marked as control plane (clusters made by hand), a node counts whose API server
 * pod was given what the API server itself says in `/flagz`. In files a manifest without a uid is what the kubelet would start.
 */
export function readProcesses(input: PopulationInput, program: Program, answers: readonly Flags[]): readonly Process[] {
  const { version } = input.reader.cluster;
  const { anyMarked, pods } = readStaticPods(input);
  const proven = new Set<string>();
  if (!anyMarked && answers.length > 0) {
    for (const { pod, node } of pods) {
      const process = readProcess('kube-apiserver', pod, node, version);
      if (process !== undefined && node !== undefined && answers.some((flagz) => agrees(process, flagz))) proven.add(node.name);
    }
  }
  return pods.flatMap(({ pod, node }) => {
    if (node !== undefined && !isMarkedControlPlane(node) && !proven.has(node.name)) return [];
    const process = readProcess(program, pod, node, version);
    return process === undefined ? [] : [process];
  });
}

const distributions: readonly (readonly [string, string])[] = [
  [
    'k3s.io/node-args',
    'k3s runs the control plane inside its own process; its arguments are in the annotation k3s.io/node-args of the nodes',
  ],
  [
    'rke2.io/node-args',
    'RKE2 runs the control plane from its own configuration; its arguments are in the annotation rke2.io/node-args of the nodes',
  ],
];

/** Why no process of the control plane is seen, where the nodes tell it. */
export function explainHidden(input: PopulationInput): string {
  for (const node of input.each('k8s.nodes/nodes')) {
    const annotations = at(node.body, 'metadata', 'annotations');
    for (const [name, why] of distributions) if (isObject(annotations) && Object.hasOwn(annotations, name)) return why;
  }
  return 'no mirror pod on a control-plane node shows them';
}
