/**
 * Every container of every pod and of every template without a pod: init and ephemeral containers are containers like the others. Settings
 * are the effective ones: the container's, else the pod's, else what Kubernetes does when nobody says anything.
 */
import type { Json, Population, Row } from '../model/index.ts';
import { at, isMarker, isObject, listAt, textAt } from '../model/index.ts';
import { resourceOf, segment, uniqueKeys } from './identity.ts';
import type { PodSpec } from './pod-specs.ts';
import { podListings, readPodSpecs } from './pod-specs.ts';

const lists = [
  ['containers', 'container'],
  ['initContainers', 'init'],
  ['ephemeralContainers', 'ephemeral'],
] as const;

/** The container's setting, else the pod's. */
function effective(pod: PodSpec, container: Json, ...path: readonly string[]): Json | undefined {
  return at(container, 'securityContext', ...path) ?? at(pod.spec, 'securityContext', ...path);
}

function words(value: unknown, ...path: readonly string[]): readonly string[] {
  return listAt(value, ...path).filter((entry) => typeof entry === 'string');
}

/** `env DB_PASSWORD (rule)`, `args[2] (rule)`: where a literal was recognised as a credential. The value itself was never kept. */
function literalCredentials(container: Json): readonly string[] {
  const found: string[] = [];
  const look = (place: string, value: unknown) => {
    if (isMarker(value) && value.credential !== undefined) found.push(`${place} (${value.credential})`);
  };
  for (const entry of listAt(container, 'env')) look(`env ${textAt(entry, 'name') ?? ''}`, at(entry, 'value'));
  for (const list of ['command', 'args']) for (const [index, entry] of listAt(container, list).entries()) look(`${list}[${index}]`, entry);
  for (const place of ['livenessProbe', 'readinessProbe', 'startupProbe']) lookInto(at(container, place), place, look);
  for (const hook of ['postStart', 'preStop']) lookInto(at(container, 'lifecycle', hook), hook, look);
  return found;
}

function lookInto(handler: Json | undefined, place: string, look: (place: string, value: unknown) => void): void {
  for (const [index, entry] of listAt(handler, 'exec', 'command').entries()) look(`${place} command[${index}]`, entry);
  for (const header of listAt(handler, 'httpGet', 'httpHeaders'))
    look(`${place} header ${textAt(header, 'name') ?? ''}`, at(header, 'value'));
}

/** Secrets that reach the container as environment variables: `PASSWORD from db/password`, `all keys of db`. */
function secretEnvironment(container: Json): readonly string[] {
  const single = listAt(container, 'env').flatMap((entry) => {
    const ref = at(entry, 'valueFrom', 'secretKeyRef');
    return isObject(ref) ? [`${textAt(entry, 'name') ?? ''} from ${textAt(ref, 'name') ?? ''}/${textAt(ref, 'key') ?? ''}`] : [];
  });
  const whole = listAt(container, 'envFrom').flatMap((entry) => {
    const ref = at(entry, 'secretRef');
    return isObject(ref) ? [`all keys of ${textAt(ref, 'name') ?? ''}`] : [];
  });
  return [...single, ...whole];
}

function hostPorts(container: Json): readonly number[] {
  return listAt(container, 'ports').flatMap((port) => {
    const number = at(port, 'hostPort');
    return typeof number === 'number' && number !== 0 ? [number] : [];
  });
}

interface Image {
  /** With its registry, as the kubelet completes it: `docker.io/library/nginx`. */
  readonly repository: string;
  /** `latest` when neither a tag nor a digest is given. */
  readonly tag: string;
  readonly pinned: boolean;
}

/** distribution/reference: `[registry/]path[:tag][@digest]`. The first part is a registry when it looks like a host. */
function parseImage(image: string): Image {
  const [named = '', digest] = image.split('@');
  const colon = named.lastIndexOf(':');
  const tagged = colon > named.lastIndexOf('/');
  const name = tagged ? named.slice(0, colon) : named;
  const first = name.includes('/') ? name.slice(0, name.indexOf('/')) : '';
  const isHost = first === 'localhost' || /[.:]/.test(first);
  const pinned = digest !== undefined && /^sha(256|512):[0-9a-f]{64,128}$/.test(digest);
  const repository = isHost ? name : `docker.io/${first === '' ? 'library/' : ''}${name}`;
  return { repository: name === '' ? '' : repository, tag: tagged ? named.slice(colon + 1) : pinned ? '' : 'latest', pinned };
}

/** What AppArmor and SELinux are told to leave alone, of the container, of the pod, or in the annotation of old. */
function unconfined(pod: PodSpec, container: Json): readonly string[] {
  const annotation = `container.apparmor.security.beta.kubernetes.io/${textAt(container, 'name') ?? ''}`;
  const profile = effective(pod, container, 'appArmorProfile', 'type');
  const selinux = effective(pod, container, 'seLinuxOptions');
  const type = textAt(selinux, 'type') ?? '';
  return [
    ...(profile === 'Unconfined' || (profile === undefined && textAt(pod.metadata, 'annotations', annotation) === 'unconfined')
      ? ['AppArmor: Unconfined']
      : []),
    ...(confinedTypes.has(type) ? [] : [`SELinux: type ${type}`]),
    ...['user', 'role'].flatMap((field) => (textAt(selinux, field) ? [`SELinux: ${field} ${textAt(selinux, field)}`] : [])),
  ];
}

// Pod Security Standards, baseline: SELinux types that keep a container confined.
const confinedTypes: ReadonlySet<string> = new Set(['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t']);

function toRow(pod: PodSpec, container: Json, kind: string, key: string): Row {
  const privileged = at(container, 'securityContext', 'privileged') === true;
  const runAsUser = effective(pod, container, 'runAsUser');
  const image = textAt(container, 'image') ?? '';
  const dropped = words(container, 'securityContext', 'capabilities', 'drop').map((name) => name.toUpperCase());
  return {
    item: key,
    resource: resourceOf(pod.object),
    evidence: [pod.object.id],
    namespace: pod.namespace,
    workload: pod.workload,
    template: pod.template,
    mirror: pod.mirror,
    container: textAt(container, 'name') ?? '',
    kind,
    image,
    ...parseImage(image),
    privileged,
    // Kubernetes allows it unless told otherwise, and always for privileged containers.
    allowPrivilegeEscalation: privileged || at(container, 'securityContext', 'allowPrivilegeEscalation') !== false,
    // Proven by a user other than 0, or by the kubelet's own refusal (runAsNonRoot).
    mayRunAsRoot: !(effective(pod, container, 'runAsNonRoot') === true || (typeof runAsUser === 'number' && runAsUser > 0)),
    readOnlyRootFilesystem: at(container, 'securityContext', 'readOnlyRootFilesystem') === true,
    seccomp: privileged ? 'Unconfined' : (textOf(effective(pod, container, 'seccompProfile', 'type')) ?? ''),
    addedCapabilities: words(container, 'securityContext', 'capabilities', 'add'),
    procMount: textAt(container, 'securityContext', 'procMount') ?? 'Default',
    unconfined: unconfined(pod, container),
    dropsNetRaw: dropped.some((name) => name === 'ALL' || name === 'NET_RAW' || name === 'CAP_NET_RAW'),
    dropsAllCapabilities: dropped.includes('ALL'),
    hostProcess: effective(pod, container, 'windowsOptions', 'hostProcess') === true,
    hostPorts: hostPorts(container),
    secretEnvironment: secretEnvironment(container),
    literalCredentials: literalCredentials(container),
  };
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export const containers: Population = {
  name: 'containers',
  doc: 'A container (init and ephemeral ones too) of a pod, or of a workload template that has no pod at the moment',
  from: podListings,
  *rows(input) {
    for (const pod of readPodSpecs(input)) {
      const unique = uniqueKeys();
      for (const [list, kind] of lists) {
        for (const container of listAt(pod.spec, list)) {
          yield toRow(pod, container, kind, unique(`${pod.key}/${segment(textAt(container, 'name') ?? '')}`));
        }
      }
    }
  },
};
