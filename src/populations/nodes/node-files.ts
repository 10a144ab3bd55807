/**
 * Files on nodes that steer Kubernetes or carry its credentials, with the rights that they have. What a link leads to is judged, never the
 * link. A file that must be there and was not found, or not read, is a row that no control can pass (`known` is false); a file that need
 * not be there and is not, is no row at all.
 */
import type { Json, Population, Row, StoredObject } from '../../model/index.ts';
import { at, listAt, textAt } from '../../model/index.ts';
import { etcdHosts } from '../control-plane/etcd-hosts.ts';
import { segment, uniqueKeys } from '../identity.ts';
import { kubeletArguments, readKubelet, usesFile } from './kubelet-settings.ts';
import type { NodeDocument } from './node-evidence.ts';
import { nodeListings, readNodeEvidence, sayMissing } from './node-evidence.ts';

/** What the benchmarks, and people, hold modes against. */
const limits = ['400', '440', '444', '600', '640', '644', '700', '750', '755'] as const;

const controlPlaneRoles = [
  'apiserver-manifest',
  'controller-manager-manifest',
  'scheduler-manifest',
  'cni-config',
  'cni-networks',
  'admin-kubeconfig',
  'super-admin-kubeconfig',
  'scheduler-kubeconfig',
  'controller-manager-kubeconfig',
  'pki-directory',
  'pki-certificate',
  'pki-key',
  'etcd-ca',
  'etcd-pki-certificate',
  'etcd-pki-key',
  'audit-policy',
  'encryption-configuration',
  'admission-configuration',
] as const;
const etcdRoles = ['etcd-manifest', 'etcd-data'] as const;
const workerRoles = [
  'kubelet-unit',
  'kubelet-kubeconfig',
  'kubelet-config',
  'kubelet-client-ca',
  'kube-proxy-kubeconfig',
  'kube-proxy-config',
  'container-runtime-config',
  'container-runtime-socket',
  'cloud-config',
] as const;

/** One of these at least is on every such host of kubeadm; where nobody knows the installer, its absence is no answer either. */
const mustBe = new Set<string>([
  'apiserver-manifest',
  'controller-manager-manifest',
  'scheduler-manifest',
  'cni-config',
  'scheduler-kubeconfig',
  'controller-manager-kubeconfig',
  'pki-directory',
  'pki-certificate',
  'pki-key',
  'etcd-manifest',
  'etcd-data',
  'kubelet-unit',
  'kubelet-kubeconfig',
  'kubelet-config',
  'kubelet-client-ca',
]);

/** These need not be there; but somebody must have looked. */
const mayBe = new Set<string>(['admin-kubeconfig', 'kube-proxy-kubeconfig']);

/** What the kubelet puts into a volume of a pod is no file of the host. */
const isProjected = (entry: Json) => textAt(entry, 'path')?.startsWith('/var/lib/kubelet/pods/') === true;

/** What a row says of rights; `within` names the limits that the mode does not go beyond, setuid, setgid and sticky bits counted. */
function rightsOf(entry: Json): Readonly<Record<string, Json>> | undefined {
  const [mode, uid, gid] = [textAt(entry, 'mode') ?? '', at(entry, 'uid'), at(entry, 'gid')];
  if (!/^[0-7]{3,5}$/.test(mode) || typeof uid !== 'number' || typeof gid !== 'number') return undefined;
  const bits = Number.parseInt(mode, 8);
  const [owner, group] = [textAt(entry, 'owner') ?? String(uid), textAt(entry, 'group') ?? String(gid)];
  const within = limits.filter((limit) => (bits & ~Number.parseInt(limit, 8)) === 0);
  return { mode, within, uid, gid, owner, group, ownership: `${owner}:${group}` };
}

/** What they name is read as well, under their role. */
const hasContent = /-kubeconfig$|^kube(?:let|-proxy)-config$/;

/** Whatever lies below a directory of certificates and keys that was not listed. */
const inTree = new Set(['pki-certificate', 'pki-key']);

/** Places of a role at which files were not looked at, though some may be there: of each node a few at most. */
function unlooked({ body }: StoredObject, role: string): readonly string[] {
  const files = listAt(body, 'files');
  const known = new Set(files.filter((entry) => rightsOf(entry) !== undefined).map((entry) => placeOf(entry, 'role')));
  const closed = inTree.has(role)
    ? files.filter((entry) => textAt(entry, 'role') === 'pki-directory' && textAt(entry, 'type') === 'unreadable')
    : [];
  // A path that is absent is on no node (it comes from a ConfigMap, say); content that was not read says nothing of rights.
  const unread = listAt(body, 'unread').filter((entry) => {
    const [what, reason, path] = [textAt(entry, 'what') ?? '', textAt(entry, 'reason'), textAt(entry, 'path') ?? ''];
    if (reason === 'absent') return false;
    if (what === 'pki-directory') return inTree.has(role) || role === what;
    const isContent = known.has(placeOf(entry, 'what')) || (hasContent.test(role) && path.startsWith('/') && !path.includes('*'));
    return what === role && !isContent;
  });
  return [...new Set([...closed, ...unread].map((entry) => textAt(entry, 'path') ?? ''))].sort();
}

function placeOf(entry: Json, of: 'role' | 'what'): string {
  return `${textAt(entry, of) ?? ''} ${textAt(entry, 'path') ?? ''}`;
}

/** The file is not there, and need not be: no row. */
function* rowsOf(node: NodeDocument, roles: readonly string[]): Iterable<Row> {
  const files = listAt(node.document.body, 'files');
  for (const role of roles) {
    const entries = files.filter((entry) => textAt(entry, 'role') === role);
    const there = entries.filter((entry) => textAt(entry, 'type') !== 'absent' && !isProjected(entry));
    const base = { resource: node.resource, evidence: node.evidence, node: node.name, role, installer: node.installer };
    for (const entry of there) {
      const [path, type] = [textAt(entry, 'path') ?? '', textAt(entry, 'type') ?? 'unreadable'];
      const rights = rightsOf(entry);
      const target = textAt(entry, 'target');
      const item = `${segment(node.name)}/${role}${path.startsWith('/') ? '' : '/'}${path}`;
      yield { ...base, item, path, type, ...(target === undefined ? {} : { target }), known: rights !== undefined, ...rights };
    }
    if (there.length === 0 && isMissing(node, role, entries.length > 0))
      yield { ...base, item: `${segment(node.name)}/${role}`, path: '', type: 'absent', known: false };
    const told = new Set(there.map((entry) => textAt(entry, 'path') ?? ''));
    for (const path of unlooked(node.document, role)) {
      if (told.has(path) && role !== 'pki-directory') continue;
      yield { ...base, item: `${segment(node.name)}/${role}/files in ${path}`, path, type: 'unreadable', known: false };
    }
  }
}

function isMissing(node: NodeDocument, role: string, isNamed: boolean): boolean {
  if (mayBe.has(role)) return !isNamed && (node.installer === 'kubeadm' || node.installer === 'unknown');
  if (role === 'cloud-config') return node.installer === 'aks';
  if (!mustBe.has(role)) return false;
  if (role === 'kubelet-config') return usesFile(kubeletArguments(node)) !== false;
  if (role === 'kubelet-client-ca') return readKubelet(node).values.clientCAFile !== '';
  return isNamed || node.installer === 'kubeadm' || node.installer === 'unknown';
}

function* rowsOfAll(nodes: readonly NodeDocument[], roles: readonly string[]): Iterable<Row> {
  const unique = uniqueKeys();
  for (const node of nodes) for (const row of rowsOf(node, roles)) yield { ...row, item: unique(row.item) };
}

export const controlPlaneFiles: Population = {
  name: 'controlPlaneFiles',
  doc: 'A file on a node of the control plane that steers it or carries its credentials, with mode and owner',
  from: [],
  also: nodeListings,
  *rows(input) {
    const reading = readNodeEvidence(input);
    sayMissing(input, reading, 'control plane');
    yield* rowsOfAll(
      reading.documents.filter(({ controlPlane }) => controlPlane),
      controlPlaneRoles,
    );
  },
};

export const etcdFiles: Population = {
  name: 'etcdFiles',
  doc: 'The manifest or the data directory of an etcd member, with mode and owner',
  from: [],
  also: nodeListings,
  *rows(input) {
    const reading = readNodeEvidence(input);
    sayMissing(input, reading, 'control plane');
    yield* rowsOfAll(etcdHosts(input, reading), etcdRoles);
  },
};

export const nodeFiles: Population = {
  name: 'nodeFiles',
  doc: 'A file on a node that the kubelet, kube-proxy or the container runtime uses, with mode and owner',
  from: [],
  also: nodeListings,
  *rows(input) {
    const reading = readNodeEvidence(input);
    sayMissing(input, reading, 'nodes');
    yield* rowsOfAll(
      reading.documents.filter(({ runsKubelet }) => runsKubelet),
      workerRoles,
    );
  },
};
