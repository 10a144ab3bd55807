/**
 * Where pods, templates, service accounts and Ingresses name a Secret. The names are all that is read: which keys they hold is known only
 * to whoever may read the Secret. Pods of one workload that name the same Secret in the same way count once.
 */
import type { Json, ResourceRef, StoredObject } from '../../model/index.ts';
import { at, isObject, listAt, textAt } from '../../model/index.ts';
import { resourceOf, segment } from '../identity.ts';
import type { PodPart } from '../workloads/pod-parts.ts';
import { ofPod, type PodSpec } from '../workloads/pod-specs.ts';

/** In the words of findings: `env`, `all keys as env`, `volume`, `image pull secret`, `TLS of an Ingress`. */
export type SecretUse =
  | 'env'
  | 'all keys as env'
  | 'volume'
  | 'projected volume'
  | 'CSI volume'
  | 'flex volume'
  | 'image pull secret'
  | 'secret of an account'
  | 'TLS of an Ingress';

export interface SecretReference {
  /** `namespace/Deployment/web/app/env/db`; unique but for hostile names. */
  readonly key: string;
  readonly resource: ResourceRef;
  readonly evidence: readonly string[];
  readonly namespace: string;
  /** `Deployment/web`, `ServiceAccount/ci`, `Ingress/shop`. */
  readonly user: string;
  /** Empty where the whole pod, account or Ingress names it. */
  readonly container: string;
  readonly use: SecretUse;
  /** Name of the Secret, in the same namespace: no reference leads out of it. */
  readonly secret: string;
  /** `unknown`: whether a projected volume can do without is not kept by all versions. */
  readonly optional: 'yes' | 'no' | 'unknown';
}

type Named = Pick<SecretReference, 'container' | 'use' | 'secret' | 'optional'>;

const containerLists = ['containers', 'initContainers', 'ephemeralContainers'];

class NameList {
  readonly all: Named[] = [];

  add(use: SecretUse, secret: string | undefined, optional: Named['optional'], container = ''): void {
    if (secret !== undefined && secret !== '') this.all.push({ container, use, secret, optional });
  }

  pullSecretsOf(of: Json): void {
    for (const entry of listAt(of, 'imagePullSecrets')) this.add('image pull secret', textAt(entry, 'name'), 'no');
  }
}

function optionalOf(reference: Json | undefined): 'yes' | 'no' {
  return at(reference, 'optional') === true ? 'yes' : 'no';
}

function addContainer(into: NameList, of: Json): void {
  const container = textAt(of, 'name') ?? '';
  for (const entry of listAt(of, 'env')) {
    const reference = at(entry, 'valueFrom', 'secretKeyRef');
    if (reference !== undefined) into.add('env', textAt(reference, 'name'), optionalOf(reference), container);
  }
  for (const entry of listAt(of, 'envFrom')) {
    const reference = at(entry, 'secretRef');
    if (reference !== undefined) into.add('all keys as env', textAt(reference, 'name'), optionalOf(reference), container);
  }
}

function addVolume(into: NameList, volume: Json): void {
  const whole = at(volume, 'secret');
  if (whole !== undefined) into.add('volume', textAt(whole, 'secretName'), optionalOf(whole));
  for (const source of listAt(volume, 'projected', 'sources')) {
    const reference = at(source, 'secret');
    if (reference === undefined) continue;
    const optional = at(reference, 'optional');
    into.add('projected volume', textAt(reference, 'name'), optional === undefined ? 'unknown' : optional === true ? 'yes' : 'no');
  }
  into.add('CSI volume', textAt(volume, 'csi', 'nodePublishSecretRef', 'name'), 'no');
  into.add('flex volume', textAt(volume, 'flexVolume', 'secretRef', 'name'), 'no');
}

/** Two populations ask. */
const namedByPod = ofPod(({ spec }): readonly Named[] => {
  const names = new NameList();
  for (const list of containerLists) for (const container of listAt(spec, list)) addContainer(names, container);
  for (const volume of listAt(spec, 'volumes')) addVolume(names, volume);
  names.pullSecretsOf(spec);
  return names.all;
});

function namedByObject({ type, body }: StoredObject): readonly Named[] {
  const names = new NameList();
  if (type === 'Ingress')
    for (const entry of listAt(body, 'spec', 'tls')) names.add('TLS of an Ingress', textAt(entry, 'secretName'), 'no');
  else {
    names.pullSecretsOf(body);
    for (const entry of listAt(body, 'secrets')) names.add('secret of an account', textAt(entry, 'name'), 'no');
  }
  return names.all;
}

function isSame(a: readonly Named[], b: readonly Named[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ container, use, secret, optional }, place) => {
      const other = b[place];
      return secret === other?.secret && use === other.use && container === other.container && optional === other.optional;
    })
  );
}

type User = Pick<SecretReference, 'resource' | 'evidence' | 'namespace' | 'user'>;

/** Each once; of what a name is given twice, one that must be there counts. */
class References {
  readonly #found = new Map<string, SecretReference>();

  add(from: User, named: readonly Named[]): void {
    for (const each of named) {
      const place = each.container === '' ? '' : `/${segment(each.container)}`;
      const key = `${segment(from.namespace)}/${from.user}${place}/${each.use}/${segment(each.secret)}`;
      const known = this.#found.get(key);
      if (known === undefined) this.#found.set(key, { key, ...from, ...each });
      else if (known.optional !== 'no' && each.optional !== 'yes' && each.optional !== known.optional)
        this.#found.set(key, { ...known, optional: each.optional });
    }
  }

  all(): Iterable<SecretReference> {
    return this.#found.values();
  }
}

export function referencesOfPods(pods: Iterable<PodSpec>): Iterable<SecretReference> {
  const references = new References();
  // Replicas name what the one before them names.
  const last = new Map<string, Map<string, readonly Named[]>>();
  for (const pod of pods) {
    const named = namedByPod(pod);
    if (named.length === 0) continue;
    const { resource, evidence, namespace, workload } = pod;
    let inNamespace = last.get(namespace);
    if (inNamespace === undefined) last.set(namespace, (inNamespace = new Map()));
    const before = inNamespace.get(workload);
    if (before !== undefined && isSame(before, named)) continue;
    inNamespace.set(workload, named);
    references.add({ resource, evidence, namespace, user: workload }, named);
  }
  return references.all();
}

/** Of service accounts and Ingresses. */
export function referencesOfObjects(objects: Iterable<StoredObject>): Iterable<SecretReference> {
  const references = new References();
  for (const object of objects) {
    const { type, id, namespace, name } = object;
    const from = { resource: resourceOf(object), evidence: [id], namespace, user: `${type}/${name}` };
    references.add(from, namedByObject(object));
  }
  return references.all();
}

/** Volumes whose Secret is named in a part of the spec that is not kept: core/v1, sources that came before CSI. */
const silentVolumes = ['azureFile', 'cephfs', 'iscsi', 'rbd', 'scaleIO', 'storageos'];

/** Names of Secrets that pods refer to, each with one that does; and whether a volume names one that is not kept. */
export interface PodReferences {
  readonly users: ReadonlyMap<string, { readonly user: string; readonly id: string }>;
  readonly silent: boolean;
}

export function summarizeReferences({ pods }: PodPart): PodReferences {
  const users = new Map<string, { readonly user: string; readonly id: string }>();
  let silent = false;
  for (const pod of pods) {
    const { object, workload, spec } = pod;
    for (const { secret } of namedByPod(pod)) if (!users.has(secret)) users.set(secret, { user: workload, id: object.id });
    silent ||= listAt(spec, 'volumes').some((volume) => isObject(volume) && silentVolumes.some((type) => namesSecret(volume[type])));
  }
  return { users, silent };
}

function namesSecret(source: Json | undefined): boolean {
  return isObject(source) && ['secretRef', 'secretName'].some((field) => source[field] !== undefined && source[field] !== '');
}
