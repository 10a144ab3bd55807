/**
 * The dangerous rights that rules really give, in the words of an auditor's questions: evidence-sources section 4. What leads how far is the
 * business of the escalation graph; here each right stands for itself.
 */
import type { Rule } from './rules.ts';
import { allows, coversGroup, coversResource, splitResource } from './rules.ts';

/** A thing one may do, in the words of a request; `clusterScoped` kinds are out of reach for a binding in a namespace. */
interface Act {
  readonly verbs: readonly string[];
  readonly group: string;
  readonly resource: string;
  readonly clusterScoped?: boolean;
}

const anyVerb = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];
const write = ['create', 'update', 'patch', 'delete', 'deletecollection'];

function changes(...resources: readonly string[]): Act[] {
  return resources.map((resource) => ({ verbs: write, group: 'admissionregistration.k8s.io', resource, clusterScoped: true }));
}

/** The rights that lead further than they look: evidence-sources section 4, one list per question of an auditor. */
const dangerous = {
  readsSecrets: [{ verbs: ['get', 'list', 'watch'], group: '', resource: 'secrets' }],
  createsPods: [
    { verbs: ['create'], group: '', resource: 'pods' },
    { verbs: ['create'], group: '', resource: 'replicationcontrollers' },
    ...['deployments', 'daemonsets', 'statefulsets', 'replicasets'].map((resource) => ({ verbs: ['create'], group: 'apps', resource })),
    ...['jobs', 'cronjobs'].map((resource) => ({ verbs: ['create'], group: 'batch', resource })),
  ],
  escalates: [
    { verbs: ['bind', 'escalate'], group: 'rbac.authorization.k8s.io', resource: 'roles' },
    { verbs: ['bind', 'escalate'], group: 'rbac.authorization.k8s.io', resource: 'clusterroles', clusterScoped: true },
    { verbs: ['impersonate'], group: '', resource: 'serviceaccounts' },
    { verbs: ['impersonate'], group: '', resource: 'users', clusterScoped: true },
    { verbs: ['impersonate'], group: '', resource: 'groups', clusterScoped: true },
    { verbs: ['impersonate'], group: 'authentication.k8s.io', resource: 'uids', clusterScoped: true },
  ],
  mintsTokens: [{ verbs: ['create'], group: '', resource: 'serviceaccounts/token' }],
  entersPods: [
    { verbs: ['create', 'get'], group: '', resource: 'pods/exec' },
    { verbs: ['create', 'get'], group: '', resource: 'pods/attach' },
    { verbs: ['update', 'patch'], group: '', resource: 'pods/ephemeralcontainers' },
  ],
  reachesPods: [
    { verbs: ['create', 'get'], group: '', resource: 'pods/portforward' },
    { verbs: anyVerb, group: '', resource: 'pods/proxy' },
    { verbs: anyVerb, group: '', resource: 'services/proxy' },
  ],
  labelsNamespaces: [
    { verbs: ['create'], group: '', resource: 'namespaces', clusterScoped: true },
    // A request for one namespace counts as a request inside it, so a binding there is enough. The API server lets status and finalize
    // change labels as well (pkg/registry/core/namespace/strategy.go).
    ...['namespaces', 'namespaces/status', 'namespaces/finalize'].map((resource) => ({ verbs: ['update', 'patch'], group: '', resource })),
  ],
  createsVolumes: [{ verbs: ['create'], group: '', resource: 'persistentvolumes', clusterScoped: true }],
  proxiesNodes: [{ verbs: anyVerb, group: '', resource: 'nodes/proxy', clusterScoped: true }],
  approvesCertificates: [
    { verbs: ['update', 'patch'], group: 'certificates.k8s.io', resource: 'certificatesigningrequests/approval', clusterScoped: true },
    { verbs: ['approve'], group: 'certificates.k8s.io', resource: 'signers', clusterScoped: true },
  ],
  changesWebhooks: changes('validatingwebhookconfigurations', 'mutatingwebhookconfigurations'),
  changesPolicies: changes(
    'validatingadmissionpolicies',
    'validatingadmissionpolicybindings',
    'mutatingadmissionpolicies',
    'mutatingadmissionpolicybindings',
  ),
} satisfies Record<string, readonly Act[]>;

export type Power = keyof typeof dangerous;
export const powerNames = Object.keys(dangerous) as readonly Power[];

/** What a role gives where it is bound. Each power lists the rights it stands on: `get, list secrets`, `patch pods (only: a, b)`. */
export type Rights = Readonly<Record<Power, readonly string[]>> & {
  /** Every verb on every resource of every group: cluster-admin under any name. */
  readonly everything: boolean;
};

/** A request that creates an object has no name yet, so a rule with resourceNames never allows it; one on a subresource has one. */
function nameable(act: Act, verb: string): boolean {
  return act.resource.includes('/') || (verb !== 'create' && verb !== 'deletecollection');
}

function describe(act: Act, verbs: readonly string[], names = ''): string {
  return `${verbs.join(', ')} ${act.resource}${act.group === '' ? '' : `.${act.group}`}${names === '' ? '' : ` (only: ${names})`}`;
}

/** One text per act, and one more per set of names that it is limited to. */
function heldRights(rules: readonly Rule[], acts: readonly Act[], clusterWide: boolean): readonly string[] {
  return acts
    .filter((act) => clusterWide || act.clusterScoped !== true)
    .flatMap((act) => {
      const [resource, subresource] = splitResource(act.resource);
      const onResource = rules.filter((rule) => coversGroup(rule, act.group) && coversResource(rule, resource, subresource));
      if (onResource.length === 0) return [];
      const free: string[] = [];
      const limited = new Map<string, string[]>();
      for (const verb of act.verbs) {
        const covering = onResource.filter((rule) => rule.verbs.some((v) => v === '*' || v === verb));
        if (covering.some((rule) => rule.resourceNames.length === 0)) free.push(verb);
        else if (covering.length > 0 && nameable(act, verb)) {
          const names = [...new Set(covering.flatMap((rule) => rule.resourceNames))].sort().join(', ');
          limited.set(names, [...(limited.get(names) ?? []), verb]);
        }
      }
      const all = free.length === 0 ? [] : [describe(act, free)];
      return all.concat([...limited].map(([names, verbs]) => describe(act, verbs, names)));
    });
}

/** Verbs of constrained impersonation (`impersonate:user-info`, `impersonate-on:…`), and `impersonate` on any userextras key. */
function otherImpersonation(rules: readonly Rule[], clusterWide: boolean): readonly string[] {
  const held = new Set<string>();
  for (const rule of rules) {
    for (const verb of rule.verbs) if (/^impersonate(:|-on:)/.test(verb)) held.add(`${verb} ${rule.resources.join(', ')}`);
    if (!clusterWide || !rule.verbs.some((v) => v === '*' || v === 'impersonate') || !coversGroup(rule, 'authentication.k8s.io')) continue;
    for (const resource of rule.resources)
      if (resource.startsWith('userextras/')) held.add(`impersonate ${resource}.authentication.k8s.io`);
  }
  return [...held];
}

/** A Secret of type service-account-token is filled with a token by the control plane: create one, read it back. */
function tokenSecrets(rules: readonly Rule[]): readonly string[] {
  const can = (verb: string) => rules.some((rule) => allows({ ...rule, resourceNames: [] }, verb, '', 'secrets'));
  const creates = rules.some((rule) => allows(rule, 'create', '', 'secrets'));
  return creates && ['get', 'list', 'watch'].some(can) ? ['create secrets and read them'] : [];
}

/** Whether the rules together give every verb on every resource of every group. */
function givesEverything(rules: readonly Rule[]): boolean {
  return rules.some(
    (rule) => rule.verbs.includes('*') && rule.apiGroups.includes('*') && rule.resources.includes('*') && rule.resourceNames.length === 0,
  );
}

/**
 * The rights that a role's rules give through a cluster-wide binding, or through one in a namespace. `given`: rules that are held beside them;
 * then the rights that only these give are left out, and those stay that need both.
 */
export function rightsOf(rules: readonly Rule[], clusterWide: boolean, given: readonly Rule[] = []): Rights {
  const all = allRights([...given, ...rules], clusterWide);
  if (given.length === 0) return all;
  const own = allRights(given, clusterWide);
  const beyond = powerNames.map((power) => [power, all[power].filter((right) => !own[power].includes(right))] as const);
  return { ...all, ...Object.fromEntries(beyond), everything: all.everything && !own.everything };
}

function allRights(rules: readonly Rule[], clusterWide: boolean): Rights {
  const held = (power: Power) => heldRights(rules, dangerous[power], clusterWide);
  return {
    readsSecrets: held('readsSecrets'),
    createsPods: held('createsPods'),
    escalates: [...held('escalates'), ...otherImpersonation(rules, clusterWide)],
    mintsTokens: [...held('mintsTokens'), ...tokenSecrets(rules)],
    entersPods: held('entersPods'),
    reachesPods: held('reachesPods'),
    labelsNamespaces: held('labelsNamespaces'),
    createsVolumes: held('createsVolumes'),
    proxiesNodes: held('proxiesNodes'),
    approvesCertificates: held('approvesCertificates'),
    changesWebhooks: held('changesWebhooks'),
    changesPolicies: held('changesPolicies'),
    everything: givesEverything(rules),
  };
}
