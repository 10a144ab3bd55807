/**
 * The nodes of a cluster and what node collectors read on each of them. Every node is either told by one document that can be relied on, or
 * is a gap with the step that closes it: no document, one that is too old or older than the node itself, one whose signer nobody listed.
 */
import type { EvidenceReader, Gap, Instant, ListingKind, PopulationInput, ResourceRef, StoredObject } from '../../model/index.ts';
import { at, isComplete, listAt, textAt, visible } from '../../model/index.ts';
import { isMarkedControlPlane } from '../control-plane/control-plane.ts';
import { resourceOf } from '../identity.ts';
import { readLiveLeases } from '../control-plane/replicas.ts';

export const nodeListings: readonly ListingKind[] = ['node.evidence/nodes', 'k8s.nodes/nodes', 'k8s.apiserver/leases'];

/** Days for which modes, owners and settings are taken to be as they were read: a monthly collection is enough. */
const lifetimeDays = 35;
/** Clocks of nodes may be ahead of ours by so much. */
const aheadMinutes = 60;

export interface NodeDocument {
  readonly name: string;
  /** Of the Node where the cluster lists it, else of the document. */
  readonly resource: ResourceRef;
  /** The document, and the Node. */
  readonly evidence: readonly string[];
  readonly document: StoredObject;
  /** As the node says in the API, e.g. `1.36.3`; else that of the cluster; null when nobody knows. */
  readonly kubeletVersion: string | null;
  readonly installer: string;
  readonly controlPlane: boolean;
  readonly etcd: boolean;
  /** It is a node of the cluster, and not a host beside it. */
  readonly runsKubelet: boolean;
}

/** Why nothing can be said of a node. */
interface Problem {
  readonly reason: Gap['reason'];
  readonly detail: string;
  /** What is done on the node. */
  readonly step: string;
}

interface MissingNode {
  readonly name: string;
  readonly controlPlane: boolean;
  readonly problem: Problem;
}

export interface NodeReading {
  readonly documents: readonly NodeDocument[];
  readonly missing: readonly MissingNode[];
  /** What is unknown about which nodes there are; concerns every statement about all nodes. */
  readonly unlisted: readonly Gap[];
  /** What is unknown about which nodes are of the control plane. */
  readonly unmarked: readonly Gap[];
}

const collect = 'run kubevidence node collect as root on';
const into = ', and put what it writes into the directory that is given to collect --files';
const shown = 3;

/** Says which nodes of the cluster, or of its control plane alone, are not known. */
export function sayMissing(input: PopulationInput, reading: NodeReading, of: 'nodes' | 'control plane'): void {
  const { missing, unlisted, unmarked } = reading;
  const gaps = [...unlisted, ...(of === 'nodes' ? [] : unmarked)];
  gaps.push(...gapsOfMissing(of === 'nodes' ? missing : missing.filter(({ controlPlane }) => controlPlane)));
  for (const gap of gaps) input.gap(gap);
}

/** Why what a document says of this node is not to be relied on; null where it is. */
export function gapOfNode({ documents, missing }: NodeReading, name: string): Gap | null {
  if (documents.some((document) => document.name === name)) return null;
  const known = missing.find((node) => node.name === name);
  const gone: MissingNode = { name, controlPlane: false, problem: problem('stale', 'the cluster has no such node any more') };
  return gapOfGroup([known ?? gone])[0] ?? null;
}

/** One gap per problem, however many nodes have it: a cluster has thousands. */
function gapsOfMissing(missing: readonly MissingNode[]): readonly Gap[] {
  const groups = new Map<string, MissingNode[]>();
  for (const node of missing) {
    const key = `${node.problem.reason} ${node.problem.detail}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [node]);
    else group.push(node);
  }
  return [...groups.values()].flatMap(gapOfGroup);
}

function gapOfGroup(group: readonly MissingNode[]): readonly Gap[] {
  const [first] = group;
  if (first === undefined) return [];
  const { reason, detail, step } = first.problem;
  const names = group.map(({ name }) => name);
  const where = group.length === 1 ? first.name : listNames(names);
  return [
    { reason, what: `evidence of ${nameNodes(names)}`, detail, closedBy: `${step} ${visible(where)}${step === collect ? into : ''}` },
  ];
}

function listNames(names: readonly string[]): string {
  return names.length > shown ? `${names.slice(0, shown).join(', ')} and ${names.length - shown} more` : names.join(', ');
}

/** `node a`, `2 nodes: a, b`: a gap names some of many. */
export function nameNodes(names: readonly string[]): string {
  return names.length === 1 ? `node ${names[0] ?? ''}` : `${names.length} nodes: ${listNames(names)}`;
}

const problem = (reason: Gap['reason'], detail: string, step = collect): Problem => ({ reason, detail, step });

const collectedAt = (document: StoredObject): Instant => textAt(document.body, 'collectedAt') ?? '';

/** Why a document, if there is one, is not to be relied on; undefined when it is. `isSigned`: others of this run are signed by somebody listed. */
function problemOf(
  document: StoredObject | undefined,
  node: StoredObject | undefined,
  input: PopulationInput,
  isSigned: boolean,
): Problem | undefined {
  if (document === undefined) return problem('absent', 'nothing that was read there is at hand');
  const [now, then] = [Date.parse(input.reader.at), Date.parse(collectedAt(document))];
  const made = Date.parse(textAt(node?.body, 'metadata', 'creationTimestamp') ?? '');
  if (Number.isNaN(then)) return problem('error', 'it does not say when it was collected');
  if (then > now + aheadMinutes * 60_000) return problem('error', 'it says that it was collected at a time that is to come');
  if (now - then > lifetimeDays * 86_400_000) return problem('stale', `it was collected more than ${lifetimeDays} days ago`);
  if (then < made) return problem('stale', 'it was collected before the node joined: on another machine of that name');
  // Where nobody listed keys, whoever brings the files answers for them.
  if (!isSigned || input.reader.scope === 'files' || at(document.body, 'signer', 'listed') === true) return undefined;
  return textAt(document.body, 'signer', 'fingerprint') === undefined
    ? problem('error', 'it is not signed, though that of other nodes is', 'have it signed on')
    : problem('error', 'it is signed with a key that the configuration does not list', 'list, if it is its own, the key of');
}

/** One document per node: the latest. */
function latestByNode(input: PopulationInput): ReadonlyMap<string, StoredObject> {
  const latest = new Map<string, StoredObject>();
  for (const document of input.each('node.evidence/nodes')) {
    const known = latest.get(document.name);
    if (known === undefined || Date.parse(collectedAt(known)) < Date.parse(collectedAt(document))) latest.set(document.name, document);
  }
  return latest;
}

/** Which programs run there was seen, each of them. */
export function sawProcesses({ body }: StoredObject): boolean {
  const isHidden = listAt(body, 'unread').some((entry) => textAt(entry, 'what') === 'programs' && textAt(entry, 'path') === '/proc');
  return !isHidden && listAt(body, 'programs').some((each) => textAt(each, 'from') === 'process');
}

function hasRole(document: StoredObject, role: string): boolean {
  return listAt(document.body, 'host', 'roles').includes(role);
}

function hasKubelet(document: StoredObject): boolean {
  const starts = new Set(['kubelet', 'k3s', 'rke2']);
  return hasRole(document, 'worker') || listAt(document.body, 'programs').some((each) => starts.has(textAt(each, 'program') ?? ''));
}

function readGaps(input: PopulationInput, kind: ListingKind): readonly Gap[] {
  const listing = input.listing(kind);
  if (listing === undefined || isComplete(listing)) return [];
  const what = kind.slice(kind.indexOf('/') + 1);
  return listing.gaps.length > 0
    ? listing.gaps
    : [{ reason: 'stale', what, detail: 'the list expired while it was read', closedBy: 'collect again' }];
}

function describe(document: StoredObject, node: StoredObject | undefined, knowsNodes: boolean, input: PopulationInput): NodeDocument {
  const version = textAt(node?.body, 'status', 'nodeInfo', 'kubeletVersion')?.replace(/^v/, '');
  return {
    name: document.name,
    resource: resourceOf(node ?? document),
    evidence: node === undefined ? [document.id] : [document.id, node.id],
    document,
    kubeletVersion: version ?? input.reader.cluster.version,
    installer: textAt(document.body, 'host', 'installer') ?? 'unknown',
    controlPlane: (node !== undefined && isMarkedControlPlane(node)) || hasRole(document, 'control-plane'),
    etcd: hasRole(document, 'etcd'),
    runsKubelet: node !== undefined || (!knowsNodes && hasKubelet(document)),
  };
}

/**
 * All nodes that the API lists, and hosts of the control plane that it does not (an etcd host, a server of k0s). A document of a node that
 * the cluster does not list and that is only a worker is of a node that has gone. In files without Nodes the documents stand for themselves.
 */
export function readNodeEvidence(input: PopulationInput): NodeReading {
  // Each population still says which evidence it stands on, and that it looks at the time.
  for (const kind of nodeListings) input.listing(kind);
  const now = input.reader.at;
  let known = readings.get(input.reader);
  if (known?.now !== now) readings.set(input.reader, (known = { now, reading: readAll(input) }));
  return known.reading;
}

/** Many populations ask. */
const readings = new WeakMap<EvidenceReader, { readonly now: Instant; readonly reading: NodeReading }>();

function readAll(input: PopulationInput): NodeReading {
  const nodes = new Map([...input.each('k8s.nodes/nodes')].map((node) => [node.name, node]));
  const listing = input.listing('k8s.nodes/nodes');
  const knowsNodes = listing !== undefined && (input.reader.scope === 'cluster' || nodes.size > 0);
  const latest = latestByNode(input);
  const isSigned = [...latest.values()].some((document) => at(document.body, 'signer', 'listed') === true);
  const documents: NodeDocument[] = [];
  const missing: MissingNode[] = [];
  for (const name of [...new Set([...nodes.keys(), ...latest.keys()])].sort()) {
    const [node, document] = [nodes.get(name), latest.get(name)];
    const beside = document !== undefined && (hasRole(document, 'control-plane') || hasRole(document, 'etcd'));
    if (node === undefined && knowsNodes && !beside) continue;
    const controlPlane =
      (node !== undefined && isMarkedControlPlane(node)) || (document !== undefined && hasRole(document, 'control-plane'));
    const found = problemOf(document, node, input, isSigned);
    if (found !== undefined) missing.push({ name, controlPlane, problem: found });
    else if (document !== undefined) documents.push(describe(document, node, knowsNodes, input));
  }
  // A pass stands on a listing that was read whole, so a document that was refused or not read counts here too.
  const unlisted = [...readGaps(input, 'node.evidence/nodes'), ...(knowsNodes ? readGaps(input, 'k8s.nodes/nodes') : [])];
  if (listing === undefined && input.reader.scope === 'cluster')
    unlisted.push({
      reason: 'absent',
      what: 'nodes',
      detail: 'which nodes there are was not collected',
      closedBy: 'the right to list nodes',
    });
  if (nodes.size === 0 && latest.size === 0)
    unlisted.push({
      reason: 'absent',
      what: 'evidence of nodes',
      detail: 'no node is listed, and no document of one is there',
      closedBy: `${collect} every node${into}`,
    });
  return { documents, missing, unlisted, unmarked: unmarkedGaps(input, nodes, documents) };
}

/** As many hosts of the control plane as API servers are wanted; those that are marked and were not read are gaps of their own. */
function unmarkedGaps(
  input: PopulationInput,
  nodes: ReadonlyMap<string, StoredObject>,
  documents: readonly NodeDocument[],
): readonly Gap[] {
  const marked = [...nodes.values()].filter(isMarkedControlPlane);
  const read = documents.filter(({ controlPlane }) => controlPlane);
  const found = new Set([...marked, ...read].map(({ name }) => name)).size;
  const isLive = input.reader.scope === 'cluster';
  const leases = isLive ? readLiveLeases(input).length : 0;
  const wanted = Math.max(1, leases);
  // Marks name all hosts where no API server registers itself; a host that was read names itself alone.
  const isCounted = !isLive || (isRead(input, 'k8s.apiserver/leases') && (leases > 0 || marked.length > 0));
  if (found >= wanted && isCounted) return [];
  return [
    ...(isLive ? readGaps(input, 'k8s.apiserver/leases') : []),
    {
      reason: 'absent',
      what: 'nodes of the control plane',
      detail:
        found < wanted
          ? `of ${wanted} API ${wanted === 1 ? 'server' : 'servers'} the hosts of ${found} are known`
          : 'how many API servers there are is not known',
      closedBy:
        found < wanted
          ? `${collect} every host of the control plane${into}`
          : 'the right to list leases in kube-system, which API servers renew',
    },
  ];
}

function isRead(input: PopulationInput, kind: ListingKind): boolean {
  const listing = input.listing(kind);
  return listing !== undefined && isComplete(listing);
}
