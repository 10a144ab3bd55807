/**
 * The states of a snapshot, and what each yield of a technique leads to. A target comes with the reason why it is only possible; empty when
 * the evidence decides it.
 */
import type { Yield } from '../../model/index.ts';
import { textAt } from '../../model/index.ts';
import type { Binding } from '../bindings.ts';
import { nameOf, segment } from '../names.ts';
import type { Subject } from '../subjects.ts';
import type { Subject as About } from './conditions.ts';
import { check } from './conditions.ts';
import type { Held } from './constrained.ts';
import { heldBy } from './constrained.ts';
import type { Graph } from './graph.ts';
import type { Variant } from './plan.ts';
import type { PodFacts } from './pod-facts.ts';
import { impliedGroups, mastersGroup } from './states.ts';
import { accountState, identityState, nodeState, podState, secretState, stateOf } from './states.ts';
import type { AccountFacts, World } from './world.ts';
import { podsOn } from './world.ts';

/** What one drawing of a technique is about; an empty name stands for everything of its kind there. */
export interface Place {
  /** Empty where it is about no namespace. */
  readonly namespace: string;
  readonly name: string;
  /** Of a binding: the name of its role. */
  readonly role?: string;
  /** The edited role (or its kind, for any), and the scope in which it is bound. */
  readonly held?: { readonly key: string; readonly scope: string };
}

type Found = readonly [node: number, reason: string];
type Bind = (roleKey: string, namespace: string) => number | undefined;

const unsureAccount = 'whether the account exists is not known';

export class Targets {
  readonly everything: number;
  readonly #world: World;
  readonly #graph: Graph;
  /** Namespace → Secrets that are states. */
  readonly #secrets = new Map<string, Set<string>>();
  readonly #bind: Bind;
  readonly #knowsWorkloads: boolean;

  constructor(world: World, graph: Graph, secrets: readonly (readonly [string, string])[], bind: Bind) {
    this.#world = world;
    this.#graph = graph;
    this.#bind = bind;
    this.#knowsWorkloads = (['deployments', 'statefulsets', 'daemonsets', 'replicasets', 'cronjobs'] as const).every((kind) =>
      world.complete(`k8s.workloads/${kind}`),
    );
    this.everything = graph.node('state', 'cluster-admin');
    const add = (namespace: string, name: string) => this.#secrets.set(namespace, (this.#secrets.get(namespace) ?? new Set()).add(name));
    for (const [namespace, name] of secrets) add(namespace, name);
    for (const [namespace, names] of world.tokenSecrets ?? []) for (const name of names) add(namespace, name);
    // An account names any Secret as mountable; only its tokens make one the account.
    for (const accounts of world.accounts.values())
      for (const { namespace, name, secrets: named } of accounts.values())
        for (const secret of named) if (this.#holdsToken(namespace, name, secret)) add(namespace, secret);
  }

  /** Subjects of bindings and accounts as states, with the groups that each is in. Returns those that somebody can be. */
  drawSubjects(): ReadonlyMap<string, number> {
    const sources = new Map<string, number>();
    const groups = new Set<string>([mastersGroup]);
    for (const { kind, name } of this.#world.index.subjects) if (kind === 'Group') groups.add(name);
    const join = (node: number, kind: Subject['kind'], name: string, namespace: string) => {
      for (const group of impliedGroups(kind, name, namespace))
        if (groups.has(group)) this.#graph.edge(node, this.#state(`Group/${group}`));
    };
    for (const subject of this.#world.index.subjects) {
      if (subject.account !== '') continue;
      const node = this.#state(stateOf(subject));
      if (!sources.has(subject.text)) join(node, subject.kind, subject.name, '');
      sources.set(subject.text, node);
    }
    for (const accounts of this.#world.accounts.values())
      for (const { namespace, name, exists } of accounts.values()) {
        const text = accountState(namespace, name);
        const node = this.#state(text);
        join(node, 'ServiceAccount', name, namespace);
        // Nobody is an account that does not exist, but some may create it.
        if (exists !== false) sources.set(text, node);
      }
    for (const node of this.#world.nodes) {
      const identity = this.#state(identityState(node));
      for (const text of [`User/system:node:${node}`, 'Group/system:nodes', 'Group/system:authenticated']) {
        const known = this.#graph.find('state', text);
        if (known !== undefined) this.#graph.edge(identity, known);
      }
    }
    return sources;
  }

  /** What a technique can be about whose needs are states alone. */
  *places({ technique, spread }: Variant): Iterable<Place> {
    if (technique.over === 'group') yield { namespace: '', name: mastersGroup };
    else if (technique.over === 'node' || technique.over === 'nodeIdentity')
      for (const name of this.#world.nodes) yield { namespace: '', name };
    else if (!spread) yield { namespace: '', name: '' };
    else if (technique.over === 'pod')
      for (const [namespace, pods] of this.#world.pods) for (const { name } of pods) yield { namespace, name };
    else if (technique.over === 'secret')
      for (const [namespace, names] of this.#secrets) for (const name of names) yield { namespace, name };
  }

  /** The state that a technique starts from. */
  controlled(what: 'object' | 'anyNode' | 'everything', place: Place, over: Variant['technique']['over']): number {
    if (what === 'everything') return this.everything;
    if (what === 'anyNode') {
      const known = this.#graph.find('choice', 'any node');
      if (known !== undefined) return known;
      const node = this.#graph.node('choice', 'any node');
      for (const name of this.#world.nodes) this.#graph.edge(this.#state(nodeState(name)), node);
      return node;
    }
    return this.#object(over, place.namespace, place.name);
  }

  /** Where a technique leads from this place: with each state the reason why it is only possible, or nothing. */
  *of(variant: Variant, place: Place): Iterable<Found> {
    for (const each of variant.technique.yields)
      for (const [node, reason] of this.#found(variant, each, place)) yield [node, reason === '' ? (each.undecided ?? '') : reason];
  }

  /** Whom an impersonation is about, with what they are granted; `any` for all of a kind together. */
  *impersonated(
    variant: Variant,
    place: Place,
  ): Iterable<{ readonly text: string; readonly held: readonly Held[]; readonly reason: string }> {
    const { over } = variant.technique;
    const reason = check(variant.technique.yields[0]?.when, this.#world, {});
    if (reason === false) return;
    const everybody: Held[] = [];
    for (const [name] of this.#objects(over, place)) {
      const text = this.#graph.textOf(this.#object(over, place.namespace, name));
      const held = heldBy(this.#world.index, over, place.namespace, name);
      if (place.name === '') everybody.push(...held);
      else if (held.length > 0) yield { text, held, reason: reason === true ? '' : reason };
    }
    const whoever = { user: 'any user', group: 'any group', account: `any account of ${place.namespace}` }[over as string] ?? 'any node';
    if (everybody.length > 0) yield { text: whoever, held: everybody, reason: reason === true ? '' : reason };
  }

  #state(text: string): number {
    return this.#graph.node('state', text);
  }

  #object(over: Variant['technique']['over'], namespace: string, name: string): number {
    switch (over) {
      case 'pod':
        return this.#state(podState(namespace, name));
      case 'account':
      case 'missingAccount':
        return this.#state(accountState(namespace, name));
      case 'secret':
        return this.#state(secretState(namespace, name));
      case 'node':
        return this.#state(nodeState(name));
      case 'nodeIdentity':
        return this.#state(identityState(name));
      case 'group':
        return this.#state(`Group/${name}`);
      default:
        return this.#state(`User/${name}`);
    }
  }

  *#found(variant: Variant, { what, when }: Yield, place: Place): Iterable<Found> {
    const { over } = variant.technique;
    const namespace = place.namespace === '' ? undefined : this.#world.namespaces.get(place.namespace);
    const verdict = (about: About): string | undefined => {
      const found = check(when, this.#world, { ...(namespace !== undefined && { namespace }), ...about });
      return found === false ? undefined : found === true ? '' : found;
    };
    if (over === 'pod') {
      for (const pod of this.#podsAt(place)) {
        const reason = verdict({ pod });
        if (reason !== undefined) for (const [node, why] of this.#ofPod(what, pod)) yield [node, reason || why];
      }
      return;
    }
    if (over === 'workload' && !this.#hasWorkload(variant.workload, place)) return;
    const unsure = over === 'workload' && place.name === '' && !this.#knowsWorkloads ? 'which workloads there are was not read' : '';
    if (what === 'object') {
      for (const [name, why, about] of this.#objects(over, place)) {
        const reason = verdict({ name, ...about });
        if (reason !== undefined) yield [this.#object(over, place.namespace, name), reason || why];
      }
      return;
    }
    const names = over === 'node' || over === 'nodeIdentity' ? this.#namesOfNodes(place) : [place.name];
    for (const name of names) {
      const reason = verdict({ name: place.held === undefined ? name : place.name });
      if (reason !== undefined)
        for (const [node, why] of this.#led(variant, what, { ...place, name })) yield [node, reason || unsure || why];
    }
  }

  #podsAt({ namespace, name }: Place): readonly PodFacts[] {
    const pods = this.#world.pods.get(namespace) ?? [];
    return name === '' ? pods : pods.filter((pod) => pod.name === name);
  }

  #namesOfNodes({ name }: Place): Iterable<string> {
    return name === '' ? this.#world.nodes : this.#world.nodes.has(name) ? [name] : [];
  }

  #hasWorkload(resource: string, place: Place): boolean {
    const names = this.#world.workloads.get(place.namespace)?.get(resource);
    if (place.name !== '') return names?.has(place.name) ?? false;
    return !this.#knowsWorkloads || names !== undefined;
  }

  *#ofPod(what: Yield['what'], pod: PodFacts): Iterable<Found> {
    const { namespace } = pod;
    if (what === 'object') yield [this.#state(podState(namespace, pod.name)), ''];
    else if (what === 'accountOfPod' && pod.account !== '') yield [this.#state(accountState(namespace, pod.account)), ''];
    else if (what === 'nodeOfPod' && pod.node !== '') yield [this.#state(nodeState(pod.node)), ''];
    else if (what === 'secretsOfPod') yield* this.#secretsAmong(namespace, pod.secrets);
  }

  *#secretsAmong(namespace: string, names: readonly string[]): Iterable<Found> {
    const wanted = this.#secrets.get(namespace);
    for (const name of names) if (wanted?.has(name)) yield [this.#state(secretState(namespace, name)), ''];
  }

  /** The objects that a technique is about: name, doubt, facts. */
  *#objects(over: Variant['technique']['over'], { namespace, name }: Place): Iterable<readonly [string, string, About]> {
    const fits = (each: string) => name === '' || each === name;
    switch (over) {
      case 'account':
        for (const account of this.#accountsIn(namespace)) if (fits(account.name)) yield [account.name, doubt(account), { account }];
        return;
      case 'missingAccount':
        for (const account of this.#world.accounts.get(namespace)?.values() ?? [])
          if (account.exists === false) yield [account.name, '', { account }];
        return;
      case 'secret':
        for (const each of this.#secrets.get(namespace) ?? []) if (fits(each)) yield [each, '', {}];
        return;
      case 'node':
      case 'nodeIdentity':
        for (const each of this.#world.nodes) if (fits(each)) yield [each, '', {}];
        return;
      case 'user':
      case 'group': {
        if (name !== '') {
          yield [name, '', {}];
          return;
        }
        const kind = over === 'user' ? 'User' : 'Group';
        for (const subject of this.#world.index.subjects) if (subject.kind === kind && subject.account === '') yield [subject.name, '', {}];
        if (over === 'group') yield [mastersGroup, '', {}];
        return;
      }
      default:
    }
  }

  *#accountsIn(namespace: string): Iterable<AccountFacts> {
    for (const account of this.#world.accounts.get(namespace)?.values() ?? []) if (account.exists !== false) yield account;
  }

  /** A node between abilities and many states, filled when it is first asked for. */
  #choice(text: string, fill: () => Iterable<Found>): Found {
    const known = this.#graph.find('choice', text);
    if (known !== undefined) return [known, ''];
    const node = this.#graph.node('choice', text);
    for (const [state, reason] of fill()) this.#graph.edge(node, state, reason);
    return [node, ''];
  }

  *#led(variant: Variant, what: Yield['what'], place: Place): Iterable<Found> {
    const { namespace, name } = place;
    const { over } = variant.technique;
    const world = this.#world;
    const states = (texts: Iterable<string>) => [...texts].map((text): Found => [this.#state(text), '']);
    switch (what) {
      case 'everything':
        yield [this.everything, ''];
        return;
      case 'accounts':
        yield this.#choice(`accounts of ${namespace}`, () =>
          [...this.#accountsIn(namespace)].map((account): Found => [this.#state(accountState(namespace, account.name)), doubt(account)]),
        );
        return;
      case 'allAccounts':
        yield this.#choice('accounts of pods', () => states([...world.running].map((account) => `ServiceAccount/${account}`)));
        return;
      case 'controllerAccounts':
        yield this.#choice('accounts of operators', () => states(operatorsOf(world).map((account) => `ServiceAccount/${account}`)));
        return;
      case 'secrets':
        yield* states([...(this.#secrets.get(namespace) ?? [])].map((each) => secretState(namespace, each)));
        return;
      case 'allSecrets':
        yield this.#choice('Secrets', () =>
          states([...this.#secrets].flatMap(([inside, names]) => [...names].map((each) => secretState(inside, each)))),
        );
        return;
      case 'accountOfSecret':
        for (const account of this.#accountsIn(namespace))
          if (this.#holdsToken(namespace, account.name, name)) yield [this.#state(accountState(namespace, account.name)), ''];
        return;
      case 'accountsOfNode':
        for (const pod of podsOn(world, name)) if (pod.account !== '') yield [this.#state(accountState(pod.namespace, pod.account)), ''];
        return;
      case 'secretsOfNode':
        for (const pod of podsOn(world, name)) yield* this.#secretsAmong(pod.namespace, [...pod.secrets, ...pod.pullSecrets]);
        return;
      case 'podsOfNode':
        for (const pod of podsOn(world, name)) yield [this.#state(podState(pod.namespace, pod.name)), ''];
        return;
      case 'allNodes':
        yield this.#choice('nodes', () => states([...world.nodes].map(nodeState)));
        return;
      case 'identityOfNode':
        yield [this.#state(identityState(name)), ''];
        return;
      case 'allNodeIdentities':
        yield this.#choice('identities of nodes', () => states([...world.nodes].map(identityState)));
        return;
      case 'allSubjects':
        yield this.#choice('subjects', () =>
          states([
            ...world.index.subjects.filter(({ text }) => text !== `Group/${mastersGroup}`).map(stateOf),
            ...[...world.nodes].map(identityState),
          ]),
        );
        return;
      case 'bootstrapGroups':
        yield* states(
          world.index.subjects
            .filter(({ kind, name: group }) => kind === 'Group' && group.startsWith('system:bootstrappers'))
            .map(({ text }) => text),
        );
        return;
      case 'boundRole': {
        const isBinding = over === 'roleBinding' || over === 'clusterRoleBinding';
        const local = isBinding ? variant.roleKind === 'Role' : over === 'role';
        const ofKind = local ? nameOf('Role', namespace, '') : nameOf('ClusterRole', '', '');
        const wanted = isBinding ? place.role : name;
        const every = () => {
          if (isBinding) return [...new Set(this.boundIn(namespace, variant.roleKind).map(({ role }) => ofKind + segment(role)))];
          return local ? this.#rolesIn(ofKind) : [''];
        };
        const keys = wanted === undefined || wanted === '' ? every() : [ofKind + segment(wanted)];
        for (const key of keys) {
          const bound = this.#bind(key, namespace);
          if (bound !== undefined) yield [bound, ''];
        }
        return;
      }
      case 'fullRole': {
        const bound = this.#bind('', place.held?.scope ?? namespace);
        if (bound !== undefined) yield [bound, ''];
        return;
      }
      default:
    }
  }

  #bindings: ReadonlyMap<string, readonly Binding[]> | undefined;

  /** The bindings that hold in a scope and refer to a role of this kind, by name, with the role's. */
  boundIn(namespace: string, roleKind: string): readonly { readonly binding: string; readonly role: string }[] {
    this.#bindings ??= Map.groupBy(this.#world.index.bindings, (binding) => binding.namespace);
    return (this.#bindings.get(namespace) ?? []).flatMap(({ object, role }) =>
      role !== undefined && textAt(object.body, 'roleRef', 'kind') === roleKind
        ? [{ binding: object.name, role: textAt(object.body, 'roleRef', 'name') ?? '' }]
        : [],
    );
  }

  #rolesIn(prefix: string): readonly string[] {
    return [...this.#world.roles.keys()].filter((key) => key.startsWith(prefix));
  }

  /** Whether a Secret is a token of the account: by the inventory and the account's own list, or by the name that the control plane gave it. */
  #holdsToken(namespace: string, account: string, secret: string): boolean {
    const inventory = this.#world.tokenSecrets;
    if (inventory !== undefined && !(inventory.get(namespace)?.has(secret) ?? false)) return false;
    const named = this.#world.accounts.get(namespace)?.get(account)?.secrets.includes(secret) ?? false;
    return inventory === undefined ? named && secret.startsWith(`${account}-token-`) : named || secret.startsWith(`${account}-token-`);
  }
}

function doubt({ exists }: AccountFacts): string {
  return exists === undefined ? unsureAccount : '';
}

const knownReaders = new WeakMap<World['index'], readonly string[]>();

/** Accounts of pods that may read resources of groups that are not Kubernetes' own: operators, which act on what such objects say. */
export function operatorsOf({ index, running }: Pick<World, 'index' | 'running'>): readonly string[] {
  let readers = knownReaders.get(index);
  if (readers === undefined) {
    const own = /^$|^\*$|^(apps|batch|autoscaling|policy|extensions)$|\.k8s\.io$/;
    const foreign = index.bindings.filter(({ role }) => role?.rules.some(({ apiGroups }) => apiGroups.some((group) => !own.test(group))));
    readers = [...new Set(foreign.flatMap(({ subjects }) => subjects.map(({ account }) => account)))];
    knownReaders.set(index, readers);
  }
  return readers.filter((account) => running.has(account));
}
