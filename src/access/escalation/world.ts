/**
 * What a snapshot shows of everything that a technique can be about, small enough to hold: accounts, pods, workloads, nodes, namespaces,
 * token Secrets, settings. What was not read is a gap that says which hops could not be drawn; nothing is made up for it.
 */
import type { EvidenceReader, Gap, JsonObject, ListingKind, StoredObject } from '../../model/index.ts';
import { at, isComplete, isObject, listAt, textAt } from '../../model/index.ts';
import type { AccessIndex } from '../access-index.ts';
import { apiServerListings } from '../api-servers.ts';
import type { Role } from '../bindings.ts';
import { rbacGroup, readRoles } from '../bindings.ts';
import { isInEveryCluster } from '../bootstrap.ts';
import { nameOf } from '../names.ts';
import { coversGroup, coversResource, coversVerb } from '../rules.ts';
import { type District, type HeldPod, readDistricts, type Workloads, workloadKinds } from './districts.ts';
import type { Guards } from './guards.ts';
import { readGuards } from './guards.ts';
import type { PodFacts } from './pod-facts.ts';
import type { Settings } from './settings.ts';
import { readSettings } from './settings.ts';

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
  /** By namespace. */
  readonly pods: ReadonlyMap<string, readonly PodFacts[]>;
  /** By namespace. */
  readonly workloads: ReadonlyMap<string, Workloads>;
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
  ...apiServerListings,
];

/** Who is there, and what runs as whom. */
export interface Inhabitants {
  readonly listed: Accounts;
  readonly districts: ReadonlyMap<string, District>;
}

/** `held`: the pods, where somebody has read them already. */
export function readInhabitants(reader: EvidenceReader, index: AccessIndex, held?: Iterable<HeldPod>): Inhabitants {
  const listed = readAccounts(reader, index, isWhole(reader, 'k8s.serviceaccounts/serviceaccounts'));
  return { listed, districts: readDistricts(reader, listed.automount, held) };
}

export function readWorld(
  reader: EvidenceReader,
  index: AccessIndex,
  { listed, districts }: Inhabitants = readInhabitants(reader, index),
): World {
  const complete = (kind: ListingKind) => isWhole(reader, kind);
  const components = new Map<string, StoredObject[]>();
  const pods = new Map<string, readonly PodFacts[]>();
  const workloads = new Map<string, Workloads>();
  const running = new Set<string>();
  const missing: string[] = [];
  const nodes = new Set<string>();
  for (const [namespace, district] of districts) {
    if (district.pods.length > 0) pods.set(namespace, district.pods);
    if (district.workloads.size > 0) workloads.set(namespace, district.workloads);
    for (const account of district.accounts) running.add(account);
    missing.push(...missingAmong(district.accounts, listed));
    for (const node of district.nodes) nodes.add(node);
    for (const [component, pod] of district.components) add(components, component, pod);
  }
  for (const { name } of reader.objects('k8s.nodes/nodes')) nodes.add(name);
  const settings = readSettings(reader, components);
  const accounts = withRunning(listed.byNamespace, missing, complete('k8s.serviceaccounts/serviceaccounts'));
  const names = new Set([...accounts.keys(), ...pods.keys(), ...workloads.keys()]);
  for (const { namespace } of index.bindings) if (namespace !== '') names.add(namespace);
  return {
    index,
    reader,
    settings,
    roles: rolesOf(reader, index),
    namespaces: readNamespaces(reader, names, settings, readGuards(reader)),
    accounts,
    pods,
    workloads,
    running,
    nodes,
    tokenSecrets: readTokenSecrets(reader, complete('k8s.secrets/service-account-tokens')),
    gathering: readGathering(reader),
    complete,
    gaps: [...readGaps(reader), ...unreadGrants(reader, index)],
  };
}

function isWhole(reader: EvidenceReader, kind: ListingKind): boolean {
  const listing = reader.listing(kind);
  return listing !== undefined && isComplete(listing);
}

const knownPodsOn = new WeakMap<World['pods'], ReadonlyMap<string, readonly PodFacts[]>>();

/** The pods of a node. */
export function podsOn({ pods }: World, node: string): readonly PodFacts[] {
  let byNode = knownPodsOn.get(pods);
  if (byNode === undefined) {
    const lists = new Map<string, PodFacts[]>();
    for (const inside of pods.values()) for (const pod of inside) if (pod.node !== '') add(lists, pod.node, pod);
    knownPodsOn.set(pods, (byNode = lists));
  }
  return byNode.get(node) ?? [];
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

function add<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

interface Accounts {
  readonly byNamespace: ReadonlyMap<string, ReadonlyMap<string, AccountFacts>>;
  /** Whether an account, `namespace/name`, mounts its token; undefined when it is not known. */
  readonly automount: (account: string) => boolean | undefined;
}

/** What was read last with an index: the same accounts and bindings name the same. */
const lastAccounts = new WeakMap<AccessIndex, { readonly from: readonly unknown[]; readonly accounts: Accounts }>();

function readAccounts(reader: EvidenceReader, index: AccessIndex, allRead: boolean): Accounts {
  const lists = reader.parts?.('k8s.serviceaccounts/serviceaccounts') ?? null;
  const from = [allRead, ...(lists?.values() ?? [])];
  const last = lists === null ? undefined : lastAccounts.get(index);
  if (last?.from.length === from.length && from.every((each, at) => each === last.from[at])) return last.accounts;
  const byNamespace = new Map<string, Map<string, AccountFacts>>();
  const mounts = new Map<string, boolean>();
  for (const { namespace: inside, name, body } of reader.objects('k8s.serviceaccounts/serviceaccounts')) {
    const namespace = inside === '' ? 'default' : inside;
    mounts.set(`${namespace}/${name}`, at(body, 'automountServiceAccountToken') !== false);
    put(byNamespace, { namespace, name, exists: true, secrets: secretsOf(body) });
  }
  for (const { account } of index.subjects) if (account !== '') put(byNamespace, unlisted(account, allRead));
  const accounts = { byNamespace, automount: (account: string) => mounts.get(account) ?? (allRead ? true : undefined) };
  if (lists !== null) lastAccounts.set(index, { from, accounts });
  return accounts;
}

/** That an account names. */
export function secretsOf(account: JsonObject): readonly string[] {
  return listAt(account, 'secrets').flatMap((each) => textAt(each, 'name') ?? []);
}

function put(byNamespace: Map<string, Map<string, AccountFacts>>, account: AccountFacts): void {
  let names = byNamespace.get(account.namespace);
  if (names === undefined) byNamespace.set(account.namespace, (names = new Map()));
  if (!names.has(account.name)) names.set(account.name, account);
}

/** `account`: `namespace/name`, of one that is not in the list. */
function unlisted(account: string, allRead: boolean): AccountFacts {
  const [namespace = '', name = ''] = account.split('/');
  return { namespace, name, exists: allRead ? false : undefined, secrets: [] };
}

const knownMissing = new WeakMap<District['accounts'], { readonly of: Accounts; readonly missing: readonly string[] }>();

/** Accounts of a district that are not listed. */
function missingAmong(running: District['accounts'], of: Accounts): readonly string[] {
  const known = knownMissing.get(running);
  if (known?.of === of) return known.missing;
  const isListed = (account: string) => {
    const slash = account.indexOf('/');
    return of.byNamespace.get(account.slice(0, slash))?.has(account.slice(slash + 1)) === true;
  };
  const missing = [...running].filter((account) => !isListed(account));
  knownMissing.set(running, { of, missing });
  return missing;
}

/** A pod that the API server admitted runs as an account that was there. The very same accounts where none is to be added. */
function withRunning(listed: Accounts['byNamespace'], missing: readonly string[], allRead: boolean): Accounts['byNamespace'] {
  if (missing.length === 0) return listed;
  const all = new Map(Array.from(listed, ([namespace, names]) => [namespace, new Map(names)]));
  for (const account of missing) put(all, unlisted(account, allRead));
  return all;
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
      podSecurity: podSecurityOf(podSecurityLabel(body), settings),
      guards: guards.of(labels ?? {}),
    });
  }
  for (const name of others)
    if (!namespaces.has(name)) namespaces.set(name, { name, podSecurity: 'unknown', guards: guards.of(undefined) });
  return namespaces;
}

export function podSecurityLabel(body: JsonObject): string | undefined {
  return textAt(body, 'metadata', 'labels', 'pod-security.kubernetes.io/enforce');
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

/** What is given, or can be bound, and is not known: ways may lead through it for whoever reaches those who have it. */
export function unreadGrants(reader: EvidenceReader, index: AccessIndex): readonly Gap[] {
  return [...index.roleGaps, ...unreadToBind(reader, index, rolesOf(reader, index))];
}

/** Roles that somebody may bind by name, and of which files do not say, or not wholly, what they give. Nobody need hold them. */
function unreadToBind({ scope }: EvidenceReader, { bindings }: AccessIndex, roles: ReadonlyMap<string, Role>): readonly Gap[] {
  if (scope !== 'files') return [];
  const gaps = new Map<string, Gap>();
  for (const { role, namespace, subjects } of bindings) {
    for (const rule of subjects.length === 0 ? [] : (role?.rules ?? [])) {
      if (!coversVerb(rule, 'bind') || !coversGroup(rule, rbacGroup)) continue;
      const within = namespace === '' ? ['kube-public', 'kube-system'] : [namespace];
      const keys = [
        ...(coversResource(rule, 'clusterroles', '') ? rule.resourceNames.map((name) => nameOf('ClusterRole', '', name)) : []),
        ...(coversResource(rule, 'roles', '')
          ? within.flatMap((each) => rule.resourceNames.map((name) => nameOf('Role', each, name)))
          : []),
      ];
      for (const key of keys) {
        for (const gap of roles.get(key)?.gaps ?? []) gaps.set(gap.what, gap);
        if (roles.has(key) || !isInEveryCluster(key)) continue;
        const what = `rules of ${key}`;
        gaps.set(what, { reason: 'absent', what, closedBy: 'add the role to the files, as the API server has it' });
      }
    }
  }
  return [...gaps.values()];
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
