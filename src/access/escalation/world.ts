/**
 * What a snapshot shows of everything that a technique can be about, small enough to hold: accounts, pods, workloads, nodes, namespaces,
 * token Secrets, settings. What was not read is a gap that says which hops could not be drawn; nothing is made up for it.
 */
import type { EvidenceReader, Gap, JsonObject, ListingKind, StoredObject } from '../../model/index.ts';
import { at, isComplete, isObject, listAt, textAt } from '../../model/index.ts';
import type { AccessIndex } from '../access-index.ts';
import type { Role } from '../bindings.ts';
import { readRoles } from '../bindings.ts';
import type { Guards } from './guards.ts';
import { readGuards } from './guards.ts';
import type { PodFacts } from './pod-facts.ts';
import { readPod } from './pod-facts.ts';
import type { Settings } from './settings.ts';
import { componentOf, readSettings } from './settings.ts';

export type PodSecurity = 'privileged' | 'baseline' | 'restricted' | 'unknown';

export interface NamespaceFacts {
  readonly name: string;
  /** What it enforces; `unknown` where labels alone do not decide. */
  readonly podSecurity: PodSecurity;
  /** What else could refuse a pod. Undefined when it was not all read. */
  readonly guards: readonly string[] | undefined;
}

export interface AccountFacts {
  readonly namespace: string;
  readonly name: string;
  /** Undefined when accounts were not all read and this one was not seen. */
  readonly exists: boolean | undefined;
  /** Secrets that the account itself names. */
  readonly secrets: readonly string[];
}

export interface World {
  readonly index: AccessIndex;
  readonly reader: EvidenceReader;
  readonly settings: Settings;
  /** By key, also those that nobody is bound to. */
  readonly roles: ReadonlyMap<string, Role>;
  readonly namespaces: ReadonlyMap<string, NamespaceFacts>;
  /** By namespace, then name. */
  readonly accounts: ReadonlyMap<string, ReadonlyMap<string, AccountFacts>>;
  readonly pods: ReadonlyMap<string, readonly PodFacts[]>;
  readonly podsOn: ReadonlyMap<string, readonly PodFacts[]>;
  /** Namespace → names of workloads by kubectl's name of their kind, e.g. `deployments.apps`. */
  readonly workloads: ReadonlyMap<string, ReadonlySet<string>>;
  /** Accounts that pods or templates run as, `namespace/name`. */
  readonly running: ReadonlySet<string>;
  readonly nodes: ReadonlySet<string>;
  /** Namespace → token Secrets by the inventory. Undefined when it was not read. */
  readonly tokenSecrets: ReadonlyMap<string, ReadonlySet<string>> | undefined;
  /** Names of ClusterRoles that gather the rules of others by label. */
  readonly gathering: ReadonlySet<string>;
  readonly complete: (kind: ListingKind) => boolean;
  readonly gaps: readonly Gap[];
}

const workloadKinds: readonly (readonly [ListingKind, string])[] = [
  ['k8s.workloads/deployments', 'deployments.apps'],
  ['k8s.workloads/statefulsets', 'statefulsets.apps'],
  ['k8s.workloads/daemonsets', 'daemonsets.apps'],
  ['k8s.workloads/replicasets', 'replicasets.apps'],
  ['k8s.workloads/cronjobs', 'cronjobs.batch'],
];

/** What cannot be drawn without a listing. */
const lost: readonly (readonly [readonly ListingKind[], string])[] = [
  [
    ['k8s.rbac/roles', 'k8s.rbac/clusterroles', 'k8s.rbac/rolebindings', 'k8s.rbac/clusterrolebindings'],
    'rights that it gives are missing from every path',
  ],
  [['k8s.serviceaccounts/serviceaccounts'], 'accounts that no binding names are missing, and whether the others exist is not known'],
  [['k8s.pods/pods'], 'hops through running pods, and from nodes to the accounts of their pods, are not drawn'],
  [workloadKinds.map(([kind]) => kind), 'hops that change an existing workload are only possible where the right names no workload'],
  [
    ['k8s.namespaces/namespaces'],
    'whether Pod Security keeps pods from their nodes is not known, and namespaces without a binding are missing',
  ],
  [['k8s.nodes/nodes'], 'nodes without a pod are missing'],
  [
    [
      'k8s.admission/validatingwebhookconfigurations',
      'k8s.admission/validatingadmissionpolicies',
      'k8s.admission/validatingadmissionpolicybindings',
    ],
    'whether something refuses the pods that a hop needs is not known, so that such hops are possible and not certain',
  ],
];

/** All listings that paths are read from. */
export const pathListings: readonly ListingKind[] = [
  ...lost.flatMap(([kinds]) => kinds),
  'k8s.workloads/jobs',
  'k8s.secrets/service-account-tokens',
  'k8s.apiserver/flagz',
];

/** `held`: the pods, where somebody has read them already. */
export function readWorld(reader: EvidenceReader, index: AccessIndex, held?: Iterable<HeldPod>): World {
  const complete = (kind: ListingKind) => {
    const listing = reader.listing(kind);
    return listing !== undefined && isComplete(listing);
  };
  const accounts = readAccounts(reader, index, complete('k8s.serviceaccounts/serviceaccounts'));
  const components = new Map<string, StoredObject[]>();
  const pods = new Map<string, PodFacts[]>();
  const podsOn = new Map<string, PodFacts[]>();
  const running = new Set<string>();
  const nodes = new Set<string>();
  for (const { pod, account, component, object } of knownPodsOf(reader, accounts.automount, held)) {
    add(pods, pod.namespace, pod);
    if (pod.node !== '') {
      add(podsOn, pod.node, pod);
      nodes.add(pod.node);
    }
    if (account !== '') running.add(account);
    if (object !== null) add(components, component, object);
  }
  const workloads = readWorkloads(reader, running);
  for (const { name } of reader.objects('k8s.nodes/nodes')) nodes.add(name);
  const settings = readSettings(reader, components);
  for (const account of running) {
    const [namespace = '', name = ''] = account.split('/');
    accounts.see(namespace, name);
  }
  const names = new Set([...accounts.byNamespace.keys(), ...pods.keys(), ...workloads.keys()]);
  for (const { namespace } of index.bindings) if (namespace !== '') names.add(namespace);
  return {
    index,
    reader,
    settings,
    roles: rolesOf(reader, index),
    namespaces: readNamespaces(reader, names, settings, readGuards(reader)),
    accounts: accounts.byNamespace,
    pods,
    podsOn,
    workloads,
    running,
    nodes,
    tokenSecrets: readTokenSecrets(reader, complete('k8s.secrets/service-account-tokens')),
    gathering: readGathering(reader),
    complete,
    gaps: readGaps(reader),
  };
}

/** Of an index, which was made of the same objects. */
const knownRoles = new WeakMap<AccessIndex, ReadonlyMap<string, Role>>();

function rolesOf(reader: EvidenceReader, index: AccessIndex): ReadonlyMap<string, Role> {
  let roles = knownRoles.get(index);
  if (roles === undefined) {
    roles = readRoles({
      reader,
      listing: (kind) => reader.listing(kind),
      *each(...kinds) {
        for (const kind of kinds) yield* reader.objects(kind);
      },
    });
    knownRoles.set(index, roles);
  }
  return roles;
}

interface KnownPod {
  /** That it runs as, `namespace/name`; empty for a static pod. */
  readonly account: string;
  /** Whether the account mounts its token, where that decided; null where it did not. */
  readonly mounts: { readonly told: boolean | undefined } | null;
  readonly pod: PodFacts;
  readonly component: string;
  /** Of a pod of the control plane; of others nothing more is asked. */
  readonly object: StoredObject | null;
}

/** What is known of a pod; the pod itself where its account has a say. */
export type HeldPod = KnownPod | StoredObject;

/** Of objects that are let go. */
export function holdPod(object: StoredObject): HeldPod {
  const known = factsOf(object, () => undefined);
  return known.mounts === null ? known : object;
}

function* knownPodsOf(reader: EvidenceReader, automount: Automount, held: Iterable<HeldPod> | undefined): Iterable<KnownPod> {
  // Only who reads one snapshot after the other gives the same objects again.
  const read = reader.parts === undefined ? factsOf : rememberedFacts;
  for (const each of held ?? reader.objects('k8s.pods/pods')) yield 'pod' in each ? each : read(each, automount);
}

/** A pod that did not change says the same in the next snapshot, as long as its account does. */
const knownPods = new WeakMap<StoredObject, KnownPod>();

function rememberedFacts(object: StoredObject, automount: Automount): KnownPod {
  let known = knownPods.get(object);
  if (known === undefined || (known.mounts !== null && automount(known.account) !== known.mounts.told))
    knownPods.set(object, (known = factsOf(object, automount)));
  return known;
}

type Automount = (account: string) => boolean | undefined;

function factsOf(object: StoredObject, automount: Automount): KnownPod {
  let mounts: KnownPod['mounts'] = null;
  const pod = readPod(object, (account) => {
    const told = automount(account);
    mounts = { told };
    return told;
  });
  const account = pod.account === '' ? '' : `${pod.namespace}/${pod.account}`;
  const component = componentOf(object);
  return { account, mounts, pod, component, object: component === '' ? null : object };
}

function add<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

function readAccounts(reader: EvidenceReader, index: AccessIndex, allRead: boolean) {
  const byNamespace = new Map<string, Map<string, AccountFacts>>();
  const mounts = new Map<string, boolean>();
  const put = (account: AccountFacts) => {
    let names = byNamespace.get(account.namespace);
    if (names === undefined) byNamespace.set(account.namespace, (names = new Map()));
    if (!names.has(account.name)) names.set(account.name, account);
  };
  for (const { namespace: inside, name, body } of reader.objects('k8s.serviceaccounts/serviceaccounts')) {
    const namespace = inside === '' ? 'default' : inside;
    mounts.set(`${namespace}/${name}`, at(body, 'automountServiceAccountToken') !== false);
    put({ namespace, name, exists: true, secrets: listAt(body, 'secrets').flatMap((each) => textAt(each, 'name') ?? []) });
  }
  for (const { account } of index.subjects) {
    const [namespace = '', name = ''] = account.split('/');
    if (account !== '') put({ namespace, name, exists: allRead ? false : undefined, secrets: [] });
  }
  return {
    byNamespace,
    automount: (account: string) => mounts.get(account) ?? (allRead ? true : undefined),
    /** A pod that the API server admitted runs as an account that was there. */
    see: (namespace: string, name: string) => put({ namespace, name, exists: allRead ? false : undefined, secrets: [] }),
  };
}

const knownAccounts = new WeakMap<StoredObject, string>();

/** That the pods of a workload run as, `namespace/name`; empty without a template. */
function accountOf(object: StoredObject): string {
  let account = knownAccounts.get(object);
  if (account === undefined) {
    const template = templateOf(object);
    const name = textAt(template, 'serviceAccountName') || textAt(template, 'serviceAccount') || 'default';
    account = template === undefined ? '' : `${object.namespace === '' ? 'default' : object.namespace}/${name}`;
    knownAccounts.set(object, account);
  }
  return account;
}

function templateOf({ type, body }: StoredObject): JsonObject | undefined {
  const template = type === 'CronJob' ? at(body, 'spec', 'jobTemplate', 'spec', 'template') : at(body, 'spec', 'template');
  const spec = at(template, 'spec');
  return isObject(spec) ? spec : undefined;
}

function readWorkloads(reader: EvidenceReader, running: Set<string>): ReadonlyMap<string, ReadonlySet<string>> {
  const workloads = new Map<string, Set<string>>();
  for (const [kind, resource] of [...workloadKinds, ['k8s.workloads/jobs', ''] as const]) {
    for (const object of reader.objects(kind)) {
      const namespace = object.namespace === '' ? 'default' : object.namespace;
      const account = accountOf(object);
      if (account !== '') running.add(account);
      // The template of a Job cannot be changed.
      if (resource === '') continue;
      const names = workloads.get(namespace) ?? new Set();
      workloads.set(namespace, names.add(`${resource}/${object.name}`));
    }
  }
  return workloads;
}

function readNamespaces(
  reader: EvidenceReader,
  others: ReadonlySet<string>,
  settings: Settings,
  guards: Guards,
): ReadonlyMap<string, NamespaceFacts> {
  const namespaces = new Map<string, NamespaceFacts>();
  for (const { name, body } of reader.objects('k8s.namespaces/namespaces')) {
    const given = at(body, 'metadata', 'labels');
    const labels: JsonObject = isObject(given) ? given : {};
    namespaces.set(name, {
      name,
      podSecurity: podSecurityOf(textAt(labels, 'pod-security.kubernetes.io/enforce'), settings),
      guards: guards.of(labels ?? {}),
    });
  }
  for (const name of others)
    if (!namespaces.has(name)) namespaces.set(name, { name, podSecurity: 'unknown', guards: guards.of(undefined) });
  return namespaces;
}

/** KEP-2579: a label that names no level, or none, leaves the default of the admission configuration, which is `privileged` without one. */
function podSecurityOf(label: string | undefined, { admissionFile, podSecurityDisabled }: Settings): PodSecurity {
  if (podSecurityDisabled === true || label === 'privileged') return 'privileged';
  if (label === 'baseline' || label === 'restricted') {
    // The file may exempt the namespace or the user.
    return admissionFile === undefined || admissionFile === '' ? label : 'unknown';
  }
  return admissionFile === '' ? 'privileged' : 'unknown';
}

function readTokenSecrets(reader: EvidenceReader, allRead: boolean): ReadonlyMap<string, ReadonlySet<string>> | undefined {
  if (!allRead) return undefined;
  const secrets = new Map<string, Set<string>>();
  for (const { namespace, name } of reader.objects('k8s.secrets/service-account-tokens'))
    secrets.set(namespace, (secrets.get(namespace) ?? new Set()).add(name));
  return secrets;
}

function readGathering(reader: EvidenceReader): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const { name, body } of reader.objects('k8s.rbac/clusterroles'))
    if (listAt(body, 'aggregationRule', 'clusterRoleSelectors').length > 0) keys.add(name);
  return keys;
}

/** What was not read, and which hops are missing for it. */
function readGaps(reader: EvidenceReader): readonly Gap[] {
  const gaps: Gap[] = [];
  for (const [kinds, detail] of lost) {
    for (const kind of kinds) {
      const listing = reader.listing(kind);
      const what = kind.slice(kind.indexOf('/') + 1);
      if (listing === undefined) gaps.push({ reason: 'absent', what, detail, closedBy: `collect ${what}` });
      else if (listing.gaps.length > 0)
        for (const gap of listing.gaps)
          gaps.push({ reason: gap.reason, what: gap.what, detail, ...(gap.closedBy === undefined ? {} : { closedBy: gap.closedBy }) });
      else if (!isComplete(listing)) gaps.push({ reason: 'stale', what, detail, closedBy: 'collect again' });
    }
  }
  return gaps;
}
