/**
 * Escalation as one would do it by hand: start with one subject and try every technique on everything, with everybody who is in hand, until
 * nothing new comes. Slow, without a graph, and with the authorizer's own answers; the truth for small worlds.
 */
import type { AccessIndex } from '../../../src/access/index.ts';
import { allows, type Rule } from '../../../src/access/index.ts';
import { check } from '../../../src/access/escalation/conditions.ts';
import { impliedGroups } from '../../../src/access/escalation/states.ts';
import { isRight, parseResource } from '../../../src/access/escalation/technique.ts';
import type { Need, RightNeed, Technique, Yield } from '../../../src/model/index.ts';
import type { World } from '../../../src/access/escalation/world.ts';

type Carrier = Subject | Masked | { readonly rules: readonly Rule[]; readonly role: string; readonly scope: string };

interface Subject {
  readonly user: string;
  readonly groups: readonly string[];
}

/** A subject that acts as another in the requests that it is granted for. */
interface Masked {
  readonly by: Subject;
  readonly as: Subject;
  readonly mode: string;
}

interface About {
  readonly namespace: string;
  readonly name: string;
  readonly role?: string;
  readonly roleName?: string;
  readonly scope?: string;
}

const everything: readonly Rule[] = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], resourceNames: [], nonResourceURLs: [] }];

export class Naive {
  readonly #world: World;
  readonly #index: AccessIndex;
  readonly #techniques: readonly Technique[];
  readonly #secrets: readonly (readonly [string, string])[];
  readonly #names: readonly string[];

  constructor(world: World, techniques: readonly Technique[], secrets: readonly (readonly [string, string])[]) {
    this.#world = world;
    this.#index = world.index;
    this.#techniques = techniques;
    const tokens = [...(world.tokenSecrets ?? [])].flatMap(([ns, names]) => [...names].map((name) => [ns, name] as const));
    this.#secrets = [...secrets, ...tokens];
    this.#names = [...new Set([...world.roles.values()].flatMap(({ rules }) => rules.flatMap((rule) => rule.resourceNames)))].filter(
      (name) => name !== '',
    );
  }

  /** Everything that `from` can come to. `certain`: only by hops that the evidence decides. */
  reach(from: string, certain: boolean): ReadonlySet<string> {
    const states = new Set([from]);
    for (let before = -1; before !== states.size; ) {
      before = states.size;
      for (const technique of this.#techniques)
        for (const about of this.#abouts(technique, states))
          if (technique.needs.every((need) => this.#met(need, technique, about, states, certain)))
            for (const each of technique.yields)
              for (const [state, reason] of this.#yielded(technique, each, about)) if (!certain || reason === '') states.add(state);
    }
    return states;
  }

  *#abouts({ over, needs }: Technique, states: ReadonlySet<string>): Iterable<About> {
    const { namespaces, pods, accounts, nodes, workloads } = this.#world;
    const subjects = this.#index.subjects.filter(({ account }) => account === '');
    const edited = needs.some((need) => 'holds' in need);
    switch (over) {
      case 'cluster':
        yield { namespace: '', name: '' };
        return;
      case 'node':
      case 'nodeIdentity':
        for (const name of nodes) yield { namespace: '', name };
        return;
      case 'user':
        for (const name of new Set([...subjects.filter(({ kind }) => kind === 'User').map(({ name: user }) => user), ...this.#names]))
          yield { namespace: '', name };
        return;
      case 'group':
        for (const name of new Set([
          'system:masters',
          ...subjects.filter(({ kind }) => kind === 'Group').map(({ name: group }) => group),
          ...this.#names,
        ]))
          yield { namespace: '', name };
        return;
      case 'clusterRole':
        if (edited) yield* this.#edited(states, 'ClusterRole', '');
        else yield* this.#bindable('ClusterRole', '');
        return;
      case 'clusterRoleBinding':
      case 'roleBinding': {
        const wanted = JSON.stringify(needs).includes('"bind"],"resources":["clusterroles.') ? 'ClusterRole/' : 'Role/';
        for (const { object, namespace, roleKey, role } of this.#index.bindings)
          if ((namespace === '') === (over === 'clusterRoleBinding') && roleKey.startsWith(wanted) && role !== undefined)
            yield { namespace, name: object.name, role: roleKey, roleName: roleKey.slice(roleKey.lastIndexOf('/') + 1) };
        return;
      }
      default:
    }
    for (const namespace of namespaces.keys()) {
      if (over === 'namespace') yield { namespace, name: '' };
      if (over === 'pod') for (const { name } of pods.get(namespace) ?? []) yield { namespace, name };
      if (over === 'workload')
        for (const [kind, names] of workloads.get(namespace) ?? []) for (const name of names) yield { namespace, name: `${kind}/${name}` };
      if (over === 'account' || over === 'missingAccount')
        for (const { name, exists } of accounts.get(namespace)?.values() ?? [])
          if ((exists === false) === (over === 'missingAccount')) yield { namespace, name };
      if (over === 'secret') for (const [inside, name] of this.#secrets) if (inside === namespace) yield { namespace, name };
      if (over === 'clusterRoleInNamespace') yield* this.#bindable('ClusterRole', namespace);
      if (over === 'role') yield* edited ? this.#edited(states, 'Role', namespace) : this.#bindable('Role', namespace);
    }
  }

  *#bindable(kind: string, namespace: string): Iterable<About> {
    const prefix = kind === 'Role' ? `Role/${namespace}/` : 'ClusterRole/';
    for (const key of this.#world.roles.keys()) if (key.startsWith(prefix)) yield { namespace, name: key.slice(prefix.length), role: key };
    // cluster-admin is always there, under a name that no rule of these worlds has.
    if (kind === 'ClusterRole') yield { namespace, name: 'cluster-admin', role: '' };
  }

  *#edited(states: ReadonlySet<string>, kind: string, namespace: string): Iterable<About> {
    const prefix = kind === 'Role' ? `Role/${namespace}/` : 'ClusterRole/';
    for (const state of states) {
      const carrier = this.#carrier(state);
      if (carrier === undefined || 'mode' in carrier) continue;
      const held =
        'rules' in carrier
          ? [[carrier.role, carrier.scope] as const]
          : this.#index.grantsFor(carrier.user, carrier.groups).map(({ binding }) => [binding.roleKey, binding.namespace] as const);
      for (const [role, scope] of held)
        if (role.startsWith(prefix) && this.#world.roles.has(role)) yield { namespace, name: role.slice(prefix.length), role, scope };
    }
  }

  #carrier(state: string): Carrier | undefined {
    const [, node] = /^User\/system:node:(.+) with Group\/system:nodes$/.exec(state) ?? [];
    if (node !== undefined) return { user: `system:node:${node}`, groups: ['system:nodes', 'system:authenticated'] };
    const [, everywhere] = /^every right in (.+)$/.exec(state) ?? [];
    if (everywhere !== undefined) return { rules: everything, role: '', scope: everywhere };
    const [, role, scope = ''] = /^((?:Cluster)?Role\/\S+?)(?: in (.+))?$/.exec(state) ?? [];
    if (role !== undefined) return { rules: this.#world.roles.get(role)?.rules ?? [], role, scope };
    const [kind, ...rest] = state.split('/');
    if (kind === 'User') return { user: rest.join('/'), groups: impliedGroups('User', rest.join('/'), '') };
    if (kind === 'Group') return { user: '', groups: [rest.join('/'), ...impliedGroups('Group', rest.join('/'), '')] };
    if (kind === 'ServiceAccount')
      return {
        user: `system:serviceaccount:${rest[0]}:${rest[1]}`,
        groups: impliedGroups('ServiceAccount', rest[1] ?? '', rest[0] ?? ''),
      };
    return undefined;
  }

  #met(need: Need, technique: Technique, about: About, states: ReadonlySet<string>, certain: boolean): boolean {
    const plain = [...states].flatMap((state) => this.#carrier(state) ?? []);
    const carriers = [...plain, ...plain.flatMap((carrier) => ('user' in carrier ? this.#masks(carrier, certain) : []))];
    if (isRight(need)) return carriers.some((carrier) => this.#has(carrier, need, technique, about));
    if ('together' in need) return carriers.some((carrier) => need.together.every((each) => this.#has(carrier, each, technique, about)));
    if ('holds' in need) return true;
    if (need.controls === 'everything') return states.has('cluster-admin');
    if (need.controls === 'anyNode') return [...states].some((state) => state.startsWith('Node/'));
    return states.has(this.#object(technique, about));
  }

  readonly #masked = new Map<string, readonly Masked[]>();

  /** Constrained impersonation: whom a subject may act as, in part. */
  #masks(by: Subject, certain: boolean): readonly Masked[] {
    const verdict = check('constrainedImpersonation', this.#world, {});
    if (verdict === false || (certain && verdict !== true)) return [];
    const key = JSON.stringify(by);
    const known = this.#masked.get(key);
    if (known !== undefined) return known;
    const may = (verb: string, resource: string, namespace: string, name: string) =>
      this.#can(by, verb, `${resource}.authentication.k8s.io`, namespace, name);
    const subjects = this.#index.subjects.filter(({ account }) => account === '');
    const named = (kind: string) => [...subjects.filter((subject) => subject.kind === kind).map(({ name }) => name), ...this.#names];
    const masks: Masked[] = [];
    for (const name of new Set(named('User')))
      if (may('impersonate:user-info', 'users', '', name))
        masks.push({ by, mode: 'user-info', as: { user: name, groups: impliedGroups('User', name, '') } });
    if (['', ...this.#names].some((name) => may('impersonate:user-info', 'users', '', name)))
      for (const name of new Set(['system:masters', ...named('Group')]))
        if (may('impersonate:user-info', 'groups', '', name))
          masks.push({ by, mode: 'user-info', as: { user: '', groups: [name, ...impliedGroups('Group', name, '')] } });
    for (const accounts of this.#world.accounts.values())
      for (const { namespace, name, exists } of accounts.values())
        if (exists !== false && may('impersonate:serviceaccount', 'serviceaccounts', namespace, name))
          masks.push({
            by,
            mode: 'serviceaccount',
            as: { user: `system:serviceaccount:${namespace}:${name}`, groups: impliedGroups('ServiceAccount', name, namespace) },
          });
    for (const name of this.#world.nodes)
      if (may('impersonate:arbitrary-node', 'nodes', '', name))
        masks.push({ by, mode: 'arbitrary-node', as: { user: `system:node:${name}`, groups: ['system:nodes', 'system:authenticated'] } });
    this.#masked.set(key, masks);
    return masks;
  }

  #has(carrier: Carrier, need: RightNeed, { over }: Technique, about: About): boolean {
    const inNamespace = about.namespace !== '';
    const scope = need.scope ?? (inNamespace ? 'namespace' : 'cluster');
    const namespaces = scope === 'namespace' ? [about.namespace] : scope === 'cluster' ? [''] : ['', ...this.#world.namespaces.keys()];
    const names = (verb: string, text: string): readonly string[] => {
      // What is created has no name yet.
      if (verb === 'create' && !text.includes('/')) return [''];
      const wanted = need.names ?? 'none';
      if (typeof wanted !== 'string') return wanted;
      if (wanted === 'none') return [''];
      if (wanted === 'namespace') return [about.namespace];
      if (wanted === 'any') return ['', ...this.#names];
      if (wanted === 'role') return [about.roleName ?? ''];
      return [over === 'workload' ? about.name.slice(about.name.indexOf('/') + 1) : about.name];
    };
    const resources =
      over === 'workload' && need.names === 'object' ? need.resources.filter((each) => about.name.startsWith(`${each}/`)) : need.resources;
    return need.verbs.some((verb) =>
      resources.some((text) =>
        namespaces.some((namespace) => names(verb, text).some((name) => this.#can(carrier, verb, text, namespace, name))),
      ),
    );
  }

  #can(carrier: Carrier, verb: string, text: string, namespace: string, name: string): boolean {
    const { group, resource, subresource } = parseResource(text);
    if ('mode' in carrier) {
      if (verb.startsWith('impersonate')) return false;
      // What the API server asks within a request, it asks of the impersonated one.
      const within = ['bind', 'escalate', 'approve'].includes(verb) || subresource === 'nodeclient';
      return (
        this.#can(carrier.as, verb, text, namespace, name) &&
        (within || this.#can(carrier.by, `impersonate-on:${carrier.mode}:${verb}`, text, namespace, name))
      );
    }
    if ('user' in carrier) {
      const resourceAttributes = { verb, group, resource, subresource, namespace, name };
      return this.#index.can({ user: carrier.user, groups: carrier.groups, resourceAttributes }).allowed;
    }
    if (carrier.scope !== '' && carrier.scope !== namespace) return false;
    return carrier.rules.some((rule) => allows(rule, verb, group, subresource === '' ? resource : `${resource}/${subresource}`, name));
  }

  #object({ over }: Technique, { namespace, name }: About): string {
    if (over === 'pod') return `Pod/${namespace}/${name}`;
    if (over === 'account' || over === 'missingAccount') return `ServiceAccount/${namespace}/${name}`;
    if (over === 'secret') return `Secret/${namespace}/${name}`;
    if (over === 'node') return `Node/${name}`;
    if (over === 'nodeIdentity') return `User/system:node:${name} with Group/system:nodes`;
    return `${over === 'group' ? 'Group' : 'User'}/${name}`;
  }

  *#yielded(technique: Technique, { what, when, undecided }: Yield, about: About): Iterable<readonly [string, string]> {
    const { world } = { world: this.#world };
    const namespace = world.namespaces.get(about.namespace);
    const pod = technique.over === 'pod' ? world.pods.get(about.namespace)?.find(({ name }) => name === about.name) : undefined;
    const verdict = check(when, world, { ...(namespace && { namespace }), ...(pod && { pod }), name: about.name });
    if (verdict === false) return;
    const reason = verdict === true ? (undecided ?? '') : verdict;
    for (const state of this.#states(technique, what, about)) yield [state, reason];
  }

  *#states(technique: Technique, what: Yield['what'], about: About): Iterable<string> {
    const { accounts, pods, nodes, running, namespaces } = this.#world;
    const podsOn = Map.groupBy([...pods.values()].flat(), ({ node }) => node);
    const account = (namespace: string, name: string) => `ServiceAccount/${namespace}/${name}`;
    const pod = pods.get(about.namespace)?.find(({ name }) => name === about.name);
    const wanted = (namespace: string, names: readonly string[]) =>
      this.#secrets
        .filter(([inside, name]) => inside === namespace && names.includes(name))
        .map(([inside, name]) => `Secret/${inside}/${name}`);
    switch (what) {
      case 'object':
        yield this.#object(technique, about);
        return;
      case 'everything':
        yield 'cluster-admin';
        return;
      case 'accounts':
        for (const { name, exists } of accounts.get(about.namespace)?.values() ?? [])
          if (exists !== false) yield account(about.namespace, name);
        return;
      case 'allAccounts':
        for (const each of running) yield `ServiceAccount/${each}`;
        return;
      case 'accountOfPod':
        if (pod !== undefined && pod.account !== '') yield account(pod.namespace, pod.account);
        return;
      case 'nodeOfPod':
        if (pod !== undefined && pod.node !== '') yield `Node/${pod.node}`;
        return;
      case 'secretsOfPod':
        yield* wanted(about.namespace, pod?.secrets ?? []);
        return;
      case 'accountOfSecret':
        for (const { name, secrets, exists } of accounts.get(about.namespace)?.values() ?? [])
          if (exists !== false && (secrets.includes(about.name) || about.name.startsWith(`${name}-token-`)))
            yield account(about.namespace, name);
        return;
      case 'accountsOfNode':
        for (const each of podsOn.get(about.name) ?? []) if (each.account !== '') yield account(each.namespace, each.account);
        return;
      case 'secretsOfNode':
        for (const each of podsOn.get(about.name) ?? []) yield* wanted(each.namespace, [...each.secrets, ...each.pullSecrets]);
        return;
      case 'podsOfNode':
        for (const each of podsOn.get(about.name) ?? []) yield `Pod/${each.namespace}/${each.name}`;
        return;
      case 'secrets':
        for (const [inside, name] of this.#secrets) if (inside === about.namespace) yield `Secret/${inside}/${name}`;
        return;
      case 'allSecrets':
        for (const [inside, name] of this.#secrets) yield `Secret/${inside}/${name}`;
        return;
      case 'allNodes':
        for (const name of nodes) yield `Node/${name}`;
        return;
      case 'identityOfNode':
        yield `User/system:node:${about.name} with Group/system:nodes`;
        return;
      case 'allNodeIdentities':
        for (const name of nodes) yield `User/system:node:${name} with Group/system:nodes`;
        return;
      case 'allSubjects':
        for (const { text, account: own } of this.#index.subjects)
          if (text !== 'Group/system:masters') yield own === '' ? text : `ServiceAccount/${own}`;
        for (const name of nodes) yield `User/system:node:${name} with Group/system:nodes`;
        return;
      case 'bootstrapGroups':
        for (const { kind, name } of this.#index.subjects)
          if (kind === 'Group' && name.startsWith('system:bootstrappers')) yield `Group/${name}`;
        return;
      case 'boundRole':
        if (about.role === '') yield about.namespace === '' ? 'cluster-admin' : `every right in ${about.namespace}`;
        else yield about.namespace === '' ? `${about.role}` : `${about.role} in ${about.namespace}`;
        return;
      case 'fullRole':
        if ((about.scope ?? '') === '') yield 'cluster-admin';
        else if (namespaces.has(about.scope ?? '')) yield `every right in ${about.scope}`;
        return;
      case 'controllerAccounts':
        for (const { subjects, role } of this.#index.bindings)
          if (role?.rules.some(({ apiGroups }) => apiGroups.includes('example.com')) === true)
            for (const { account: own } of subjects) if (running.has(own)) yield `ServiceAccount/${own}`;
    }
  }
}
