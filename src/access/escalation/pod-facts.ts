/** What a pod gives to whoever is inside it: its account's token, the Secrets it is given, and its node where nothing holds it back. */
import type { Json, StoredObject } from '../../model/index.ts';
import { at, isObject, listAt, textAt } from '../../model/index.ts';
import { componentOf } from '../api-servers.ts';

/** How a pod reaches its node's root; `certain` when the specification alone is enough. */
export interface NodeReach {
  readonly by: string;
  readonly certain: boolean;
}

export interface PodFacts {
  readonly namespace: string;
  readonly name: string;
  /** Empty while it is not scheduled. */
  readonly node: string;
  /** Empty for a static pod, which has none. */
  readonly account: string;
  /** Whether a token of the account for the Kubernetes API is inside; undefined when the account decides and was not read. */
  readonly token: boolean | undefined;
  /** Secrets whose values are inside, by volume or environment. */
  readonly secrets: readonly string[];
  /** Secrets that only its node needs, to pull images. */
  readonly pullSecrets: readonly string[];
  /** Undefined in manifests. */
  readonly running: boolean | undefined;
  readonly mirror: boolean;
  /** Of a static pod of the control plane: `etcd`, `kube-apiserver`. Else empty. */
  readonly component: string;
  readonly reach: NodeReach | undefined;
}

/** `automount`: of an account by `namespace/name`, asked only where it decides; undefined when it is not known. */
export function readPod(pod: StoredObject, automount: (account: string) => boolean | undefined): PodFacts {
  const spec = at(pod.body, 'spec');
  const mirror = textAt(pod.body, 'metadata', 'annotations', 'kubernetes.io/config.mirror') !== undefined;
  const namespace = pod.namespace === '' ? 'default' : pod.namespace;
  const account = mirror ? '' : textAt(spec, 'serviceAccountName') || textAt(spec, 'serviceAccount') || 'default';
  const phase = textAt(pod.body, 'status', 'phase');
  return {
    namespace,
    name: pod.name,
    node: textAt(spec, 'nodeName') ?? '',
    account,
    token: mirror ? false : mountsToken(spec, pod.uid !== '', () => automount(`${namespace}/${account}`)),
    secrets: secretsOf(spec),
    pullSecrets: listAt(spec, 'imagePullSecrets').flatMap((each) => textAt(each, 'name') ?? []),
    running: phase === undefined ? undefined : phase === 'Running',
    mirror,
    component: mirror ? componentOf(pod) : '',
    reach: nodeReach(spec),
  };
}

/** No audience, or the API server's own: other tokens are of no use there. */
function isApiToken(token: Json | undefined): boolean {
  const audience = textAt(token, 'audience') ?? '';
  return isObject(token) && (audience === '' || /^(https?:\/\/)?kubernetes(\.default)?(\.svc|\/|$)/.test(audience) || audience === 'api');
}

/** In a pod that the API server admitted the volume is there or not; in a manifest pod, account and default decide, in this order. */
function mountsToken(spec: unknown, admitted: boolean, accountMounts: () => boolean | undefined): boolean | undefined {
  const projected = listAt(spec, 'volumes').some((volume) =>
    listAt(volume, 'projected', 'sources').some((source) => isApiToken(at(source, 'serviceAccountToken'))),
  );
  if (projected || admitted) return projected;
  const own = at(spec, 'automountServiceAccountToken');
  return typeof own === 'boolean' ? own : accountMounts();
}

const containerLists = ['containers', 'initContainers', 'ephemeralContainers'] as const;

function containersOf(spec: unknown): readonly Json[] {
  return containerLists.flatMap((list) => listAt(spec, list) as Json[]);
}

function secretsOf(spec: unknown): readonly string[] {
  const names = new Set<string>();
  const add = (name: string | undefined) => {
    if (name !== undefined && name !== '') names.add(name);
  };
  for (const volume of listAt(spec, 'volumes')) {
    add(textAt(volume, 'secret', 'secretName'));
    for (const source of listAt(volume, 'projected', 'sources')) add(textAt(source, 'secret', 'name'));
  }
  for (const container of containersOf(spec)) {
    for (const variable of listAt(container, 'env')) add(textAt(variable, 'valueFrom', 'secretKeyRef', 'name'));
    for (const source of listAt(container, 'envFrom')) add(textAt(source, 'secretRef', 'name'));
  }
  return [...names];
}

/** Directories of the host that make whoever writes them root there, or hold the credentials of its pods and its kubelet. */
const openDirectories = new Set([
  '/',
  '/etc',
  '/root',
  '/home',
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/opt',
  '/boot',
  '/dev',
  '/var',
  '/var/lib',
  '/var/run',
  '/run',
]);
const openBelow = [
  '/etc/kubernetes',
  '/etc/cron',
  '/etc/systemd',
  '/etc/ssh',
  '/root',
  '/var/lib/kubelet',
  '/var/lib/etcd',
  '/var/lib/docker',
  '/var/lib/containerd',
  '/var/lib/rancher',
  '/var/spool/cron',
];
const sockets = /(^|\/)(docker|containerd|crio|cri-dockerd|podman|cri)\.sock$/;
/** Reading these is enough: credentials of the kubelet, of pods, or of the control plane. */
const tellsBelow = ['/etc/kubernetes', '/var/lib/kubelet', '/var/lib/etcd', '/root'];
const tellsDirectories = new Set(['/', '/etc', '/var', '/var/lib']);

const isBelow = (path: string, directories: readonly string[]) =>
  directories.some(
    (directory) => path === directory || path.startsWith(`${directory}/`) || (directory === '/etc/cron' && path.startsWith(directory)),
  );

function hostPathReach(spec: unknown): NodeReach | undefined {
  const mounted = new Map<string, boolean>();
  for (const container of containersOf(spec))
    for (const mount of listAt(container, 'volumeMounts')) {
      const name = textAt(mount, 'name') ?? '';
      mounted.set(name, (mounted.get(name) ?? true) && at(mount, 'readOnly') === true);
    }
  for (const volume of listAt(spec, 'volumes')) {
    const hostPath = at(volume, 'hostPath');
    const readOnly = mounted.get(textAt(volume, 'name') ?? '');
    if (!isObject(hostPath) || readOnly === undefined) continue;
    const path = (textAt(hostPath, 'path') ?? '').replace(/(.)\/+$/, '$1');
    const opens = !readOnly && (openDirectories.has(path) || isBelow(path, openBelow));
    const tells = tellsDirectories.has(path) || isBelow(path, tellsBelow);
    if (opens || tells || sockets.test(path)) return { by: `it mounts ${path} of its node`, certain: true };
  }
  return undefined;
}

function nodeReach(spec: unknown): NodeReach | undefined {
  const capabilities = new Set<string>();
  for (const container of containersOf(spec)) {
    if (at(container, 'securityContext', 'privileged') === true) return { by: 'it runs a privileged container', certain: true };
    for (const capability of listAt(container, 'securityContext', 'capabilities', 'add'))
      if (typeof capability === 'string') capabilities.add(capability.replace(/^CAP_/, '').toUpperCase());
  }
  const path = hostPathReach(spec);
  if (path !== undefined) return path;
  const all = capabilities.has('ALL');
  if (at(spec, 'hostPID') === true && (all || capabilities.has('SYS_PTRACE')))
    return { by: 'it sees its node’s processes and may trace them', certain: true };
  for (const capability of ['SYS_ADMIN', 'SYS_MODULE', 'DAC_READ_SEARCH'])
    if (all || capabilities.has(capability)) return { by: `it has the capability ${capability}`, certain: false };
  return undefined;
}
