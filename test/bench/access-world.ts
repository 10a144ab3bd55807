/** A synthetic cluster's RBAC objects, always the same for the same numbers: people in groups, an account for each workload, roles as charts write them. */
import type { AccessRequest } from '../../src/access/index.ts';
import type { JsonObject } from '../../src/model/index.ts';

export interface AccessScale {
  readonly subjects: number;
  readonly bindings: number;
  readonly roles: number;
}

export interface AccessWorld {
  readonly objects: readonly JsonObject[];
  /** Requests near what is granted, by users with three groups each. */
  requests(count: number): readonly AccessRequest[];
}

const group = 'rbac.authorization.k8s.io';
const apiVersion = `${group}/v1`;
const kinds: readonly (readonly [group: string, resources: readonly string[]])[] = [
  [
    '',
    [
      'pods',
      'pods/log',
      'pods/exec',
      'services',
      'configmaps',
      'secrets',
      'events',
      'serviceaccounts',
      'persistentvolumeclaims',
      'endpoints',
    ],
  ],
  ['apps', ['deployments', 'deployments/scale', 'statefulsets', 'daemonsets', 'replicasets']],
  ['batch', ['jobs', 'cronjobs']],
  ['networking.k8s.io', ['ingresses', 'networkpolicies']],
  ['rbac.authorization.k8s.io', ['roles', 'rolebindings']],
  ['example.com', ['widgets', 'widgets/status', 'gadgets']],
];
const readVerbs = ['get', 'list', 'watch'];
const writeVerbs = ['create', 'update', 'patch', 'delete', 'deletecollection'];

export function createAccessWorld({ subjects, bindings, roles }: AccessScale): AccessWorld {
  let state = 1;
  /** A linear congruential generator (Numerical Recipes): the same world each time. */
  const roll = (sides: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
  const pick = <T>(values: readonly T[]): T => values[roll(values.length)] as T;
  const namespaces = Array.from({ length: Math.max(1, Math.ceil(subjects / 25)) }, (_, i) => `team-${i}`);
  const rule = () => {
    const [apiGroup, resources] = pick(kinds);
    const some = Array.from({ length: 1 + roll(4) }, () => pick(resources));
    return {
      verbs: roll(12) === 0 ? ['*'] : [...readVerbs, ...(roll(2) === 0 ? writeVerbs : [])],
      apiGroups: [apiGroup],
      resources: roll(40) === 0 ? ['*'] : [...new Set(some)],
      ...(roll(8) === 0 && { resourceNames: [`name-${roll(50)}`] }),
    };
  };
  const clusterRoles = Array.from({ length: Math.ceil(roles / 4) }, (_, i) => ({
    apiVersion,
    kind: 'ClusterRole',
    metadata: { name: `cluster-role-${i}`, uid: `c${i}` },
    // Every tenth is as long as Kubernetes' own `admin`.
    rules: Array.from({ length: i % 10 === 0 ? 30 : 1 + roll(6) }, rule),
  }));
  const locals = Array.from({ length: roles - clusterRoles.length }, (_, i) => ({
    apiVersion,
    kind: 'Role',
    metadata: { name: `role-${i}`, namespace: namespaces[i % namespaces.length] as string, uid: `r${i}` },
    rules: Array.from({ length: 1 + roll(5) }, rule),
  }));
  const byNamespace = Map.groupBy(locals, ({ metadata }) => metadata.namespace);
  const people = Array.from({ length: subjects }, (_, i) =>
    i % 10 < 6
      ? { kind: 'ServiceAccount', namespace: namespaces[i % namespaces.length] as string, name: `account-${i}` }
      : { apiGroup: group, kind: i % 10 === 9 ? 'Group' : 'User', name: i % 10 === 9 ? `group-${i}` : `person-${i}@example.com` },
  );
  const made = Array.from({ length: bindings }, (_, i) => {
    const wide = i % 10 === 0;
    const namespace = pick(namespaces);
    const local = wide || roll(3) === 0 ? undefined : byNamespace.get(namespace);
    const roleName = local === undefined ? pick(clusterRoles).metadata.name : pick(local).metadata.name;
    return {
      apiVersion,
      kind: wide ? 'ClusterRoleBinding' : 'RoleBinding',
      metadata: { name: `binding-${i}`, uid: `b${i}`, ...(!wide && { namespace }) },
      roleRef: { apiGroup: group, kind: local === undefined ? 'ClusterRole' : 'Role', name: roleName },
      // Each subject comes at least once.
      subjects: [people[i % subjects], ...Array.from({ length: roll(3) }, () => pick(people))] as JsonObject[],
    };
  });
  const groups = people.flatMap(({ kind, name }) => (kind === 'Group' ? [name] : []));
  const request = (): AccessRequest => {
    const binding = pick(made);
    const subject = pick(binding.subjects) as { kind: string; namespace?: string; name: string };
    const [apiGroup, resources] = pick(kinds);
    const [resource = '', subresource = ''] = pick(resources).split('/');
    return {
      user: subject.kind === 'ServiceAccount' ? `system:serviceaccount:${subject.namespace ?? ''}:${subject.name}` : subject.name,
      groups: [...(subject.kind === 'Group' ? [subject.name] : []), pick(groups), pick(groups), 'system:authenticated'],
      resourceAttributes: {
        verb: pick([...readVerbs, ...writeVerbs]),
        group: apiGroup,
        resource,
        subresource,
        namespace: binding.metadata.namespace ?? pick(namespaces),
        name: roll(2) === 0 ? '' : `name-${roll(50)}`,
      },
    };
  };
  return { objects: [...clusterRoles, ...locals, ...made], requests: (count) => Array.from({ length: count }, request) };
}
