/**
 * Every container of every pod and of every template without a pod: init and ephemeral containers are containers like the others. Settings
 * are the effective ones: the container's, else the pod's, else what Kubernetes does when nobody says anything.
 */
import type { Json, Population, Row } from '../../model/index.ts';
import { at, isMarker, isObject, listAt, textAt } from '../../model/index.ts';
import { segment, uniqueKeys } from '../identity.ts';
import type { PodSpec } from './pod-specs.ts';
import { ofPod, podListings } from './pod-specs.ts';
import { readPodSpecs } from './pod-parts.ts';

const lists = [
  ['containers', 'container'],
  ['initContainers', 'init'],
  ['ephemeralContainers', 'ephemeral'],
] as const;

/** All of a container and its pod that the facts follow from; undefined where it is not there. */
interface Source {
  readonly image: string;
  /** The security contexts of the container and of its pod. */
  readonly own: Json | undefined;
  readonly pod: Json | undefined;
  /** What the pod's annotation says of AppArmor for this container. */
  readonly appArmor: string | undefined;
  readonly ports: Json | undefined;
  readonly env: Json | undefined;
  readonly envFrom: Json | undefined;
  readonly command: Json | undefined;
  readonly args: Json | undefined;
  readonly livenessProbe: Json | undefined;
  readonly readinessProbe: Json | undefined;
  readonly startupProbe: Json | undefined;
  readonly lifecycle: Json | undefined;
}

function sourceOf(pod: PodSpec, container: Json, name: string): Source {
  const of = isObject(container) ? container : {};
  return {
    image: textAt(container, 'image') ?? '',
    own: of['securityContext'],
    pod: at(pod.spec, 'securityContext'),
    appArmor: textAt(pod.metadata, 'annotations', `container.apparmor.security.beta.kubernetes.io/${name}`),
    ports: of['ports'],
    env: of['env'],
    envFrom: of['envFrom'],
    command: of['command'],
    args: of['args'],
    livenessProbe: of['livenessProbe'],
    readinessProbe: of['readinessProbe'],
    startupProbe: of['startupProbe'],
    lifecycle: of['lifecycle'],
  };
}

/** The container's setting, else the pod's. */
function effective({ own, pod }: Source, ...path: readonly string[]): Json | undefined {
  return at(own, ...path) ?? at(pod, ...path);
}

function words(value: unknown, ...path: readonly string[]): readonly string[] {
  return listAt(value, ...path).filter((entry) => typeof entry === 'string');
}

/** Which rule recognised a literal as a credential, if any did. */
function credentialIn(value: unknown): string | undefined {
  return isMarker(value) ? value.credential : undefined;
}

/** `env DB_PASSWORD (rule)`, `args[2] (rule)`: where a literal was recognised as a credential. The value itself was never kept. */
function literalCredentials(container: Source): readonly string[] {
  const found: string[] = [];
  for (const entry of listAt(container, 'env')) {
    const rule = credentialIn(at(entry, 'value'));
    if (rule !== undefined) found.push(`env ${textAt(entry, 'name') ?? ''} (${rule})`);
  }
  for (const list of ['command', 'args'] as const)
    for (const [index, entry] of listAt(container, list).entries()) {
      const rule = credentialIn(entry);
      if (rule !== undefined) found.push(`${list}[${index}] (${rule})`);
    }
  for (const place of ['livenessProbe', 'readinessProbe', 'startupProbe'] as const) lookInto(container[place], place, found);
  for (const hook of ['postStart', 'preStop']) lookInto(at(container.lifecycle, hook), hook, found);
  return found;
}

function lookInto(handler: Json | undefined, place: string, found: string[]): void {
  if (handler === undefined) return;
  for (const [index, entry] of listAt(handler, 'exec', 'command').entries()) {
    const rule = credentialIn(entry);
    if (rule !== undefined) found.push(`${place} command[${index}] (${rule})`);
  }
  for (const header of listAt(handler, 'httpGet', 'httpHeaders')) {
    const rule = credentialIn(at(header, 'value'));
    if (rule !== undefined) found.push(`${place} header ${textAt(header, 'name') ?? ''} (${rule})`);
  }
}

/** Secrets that reach the container as environment variables: `PASSWORD from db/password`, `all keys of db`. */
function secretEnvironment(container: Source): readonly string[] {
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

function hostPorts(container: Source): readonly number[] {
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

/**
 * distribution/reference: `[registry/]path[:tag][@digest]`. The first part is a registry when it looks like a host. Docker Hub has two
 * names, and its images without an owner are those of `library`, also where it is named.
 */
function parseImage(image: string): Image {
  const [named = '', digest] = image.split('@');
  const colon = named.lastIndexOf(':');
  const tagged = colon > named.lastIndexOf('/');
  const name = tagged ? named.slice(0, colon) : named;
  const first = name.includes('/') ? name.slice(0, name.indexOf('/')) : '';
  const isHost = first === 'localhost' || /[.:]/.test(first);
  const pinned = digest !== undefined && /^sha(256|512):[0-9a-f]{64,128}$/.test(digest);
  const isHub = !isHost || first === 'docker.io' || first === 'index.docker.io';
  const path = isHost ? name.slice(first.length + 1) : name;
  const repository = isHub ? `docker.io/${path.includes('/') ? '' : 'library/'}${path}` : name;
  return { repository: name === '' ? '' : repository, tag: tagged ? named.slice(colon + 1) : pinned ? '' : 'latest', pinned };
}

/** As Kubernetes and runtimes take them: in any case, with CAP_ before them or without. */
function capabilities(own: Json | undefined, list: 'add' | 'drop'): readonly string[] {
  return words(own, 'capabilities', list).map((name) => name.toUpperCase().replace(/^CAP_/, ''));
}

/** What AppArmor and SELinux are told to leave alone, of the container, of the pod, or in the annotation of old. */
function unconfined(source: Source, privileged: boolean): readonly string[] {
  const profile = effective(source, 'appArmorProfile', 'type');
  const selinux = effective(source, 'seLinuxOptions');
  const type = textAt(selinux, 'type') ?? '';
  return [
    ...(privileged ? ['privileged'] : []),
    ...(profile === 'Unconfined' || (profile === undefined && source.appArmor === 'unconfined') ? ['AppArmor: Unconfined'] : []),
    ...(confinedTypes.has(type) ? [] : [`SELinux: type ${type}`]),
    ...['user', 'role'].flatMap((field) => (textAt(selinux, field) ? [`SELinux: ${field} ${textAt(selinux, field)}`] : [])),
  ];
}

// Pod Security Standards, baseline: SELinux types that keep a container confined.
const confinedTypes: ReadonlySet<string> = new Set(['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t']);

/** Runtimes drop ALL before they add, and each other name afterwards. */
function dropsNetRaw(added: readonly string[], dropped: readonly string[]): boolean {
  return dropped.includes('NET_RAW') || (dropped.includes('ALL') && !added.includes('NET_RAW') && !added.includes('ALL'));
}

/** What is so for every container of this source: those of a workload's replicas have the same. */
function factsOf(source: Source) {
  const { image, own } = source;
  const privileged = at(own, 'privileged') === true;
  const runAsUser = effective(source, 'runAsUser');
  const [added, dropped] = [capabilities(own, 'add'), capabilities(own, 'drop')];
  return {
    image,
    ...parseImage(image),
    privileged,
    // Kubernetes allows it unless told otherwise, and always for privileged containers.
    allowPrivilegeEscalation: privileged || at(own, 'allowPrivilegeEscalation') !== false,
    // Proven by a user other than 0, or by the kubelet's own refusal (runAsNonRoot).
    mayRunAsRoot: !(effective(source, 'runAsNonRoot') === true || (typeof runAsUser === 'number' && runAsUser > 0)),
    readOnlyRootFilesystem: at(own, 'readOnlyRootFilesystem') === true,
    // Runtimes give a privileged container everything, whatever it says of seccomp, /proc, AppArmor, SELinux and capabilities.
    seccomp: privileged ? 'Unconfined' : (textOf(effective(source, 'seccompProfile', 'type')) ?? ''),
    addedCapabilities: [...words(own, 'capabilities', 'add'), ...(privileged ? ['ALL (privileged)'] : [])],
    procMount: privileged ? 'Unmasked' : (textAt(own, 'procMount') ?? 'Default'),
    unconfined: unconfined(source, privileged),
    dropsNetRaw: !privileged && dropsNetRaw(added, dropped),
    dropsAllCapabilities: !privileged && dropped.includes('ALL'),
    hostProcess: effective(source, 'windowsOptions', 'hostProcess') === true,
    hostPorts: hostPorts(source),
    secretEnvironment: secretEnvironment(source),
    literalCredentials: literalCredentials(source),
  };
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

const known = new Map<string, ReturnType<typeof factsOf>>();
/** A few MB. */
const mostKnown = 5000;

/** The facts, by the text of their source: made once for all replicas. */
function rememberedFacts(source: Source): ReturnType<typeof factsOf> {
  const key = JSON.stringify(source);
  let facts = known.get(key);
  if (facts === undefined) {
    facts = factsOf(source);
    if (known.size >= mostKnown) known.clear();
    known.set(key, facts);
  }
  return facts;
}

function toRow(pod: PodSpec, container: Json, kind: string, name: string, key: string): Row {
  return {
    item: key,
    resource: pod.resource,
    evidence: pod.evidence,
    namespace: pod.namespace,
    workload: pod.workload,
    template: pod.template,
    mirror: pod.mirror,
    // What the pod itself says: a kubelet of another system refuses it then. A nodeSelector alone takes no field of Linux from it.
    os: textAt(pod.spec, 'os', 'name') ?? '',
    container: name,
    kind,
    ...rememberedFacts(sourceOf(pod, container, name)),
  };
}

const rowsOf = ofPod((pod): readonly Row[] => {
  const unique = uniqueKeys();
  return lists.flatMap(([list, kind]) =>
    listAt(pod.spec, list).map((container) => {
      const name = textAt(container, 'name') ?? '';
      return toRow(pod, container, kind, name, unique(`${pod.key}/${segment(name)}`));
    }),
  );
});

export const containers: Population = {
  name: 'containers',
  doc: 'A container (init and ephemeral ones too) of a pod, or of a workload template that has no pod at the moment',
  from: podListings,
  byNamespace: true,
  *rows(input) {
    for (const pod of readPodSpecs(input)) yield* rowsOf(pod);
  },
};
