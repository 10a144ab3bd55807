/**
 * Random audit policies and requests near what people write, for the oracle of the audit simulator: each request as the line of JSON that
 * `audit simulate --file` reads, with the HTTP request that the API server understands so (k8s.io/apiserver pkg/endpoints/request).
 */
import * as fc from 'fast-check';
import { levels, stages } from '../../src/audit/index.ts';

/** Who sends: each has credentials of its own in the test. `impersonator` is the admin with headers that say somebody else. */
export const callers = ['admin', 'alice', 'node', 'account', 'anonymous', 'refused', 'impersonator'] as const;
export type CallerName = (typeof callers)[number];

export const identities: Readonly<Record<CallerName, { readonly user?: string; readonly groups?: readonly string[] }>> = {
  admin: { user: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] },
  alice: { user: 'alice', groups: ['dev', 'ops', 'system:authenticated'] },
  node: { user: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] },
  account: {
    user: 'system:serviceaccount:shop:app',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:shop', 'system:authenticated'],
  },
  anonymous: { user: 'system:anonymous', groups: ['system:unauthenticated'] },
  refused: {},
  impersonator: { user: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] },
};

export interface Sent {
  readonly caller: CallerName;
  /** Without the caller. */
  readonly line: Readonly<Record<string, string>>;
  readonly method: string;
  readonly url: string;
}

const namespaces = ['shop', 'dev', 'kube-system'];
const names = ['db', 'web', 'app'];

const words = (text: string) => text.split(' ');
const few = <T>(arbitrary: fc.Arbitrary<T>, maxLength = 3) => fc.uniqueArray(arbitrary, { minLength: 1, maxLength });
const rarely = <T>(arbitrary: fc.Arbitrary<T[]>, weight = 2) =>
  fc.oneof({ weight, arbitrary: fc.constant<T[]>([]) }, { weight: 1, arbitrary });

const groupResources = fc
  .record({
    group: fc.constantFrom('', '', '', 'apps', 'rbac.authorization.k8s.io', 'example.com', '*'),
    resources: rarely(
      few(
        fc.constantFrom(
          ...words('secrets configmaps pods pods/* pods/exec pods/log serviceaccounts/token namespaces namespaces/* nodes deployments'),
          ...words('deployments/scale */scale */status roles clusterroles things * */* exec secret*'),
        ),
        5,
      ),
      1,
    ),
    resourceNames: rarely(few(fc.constantFrom(...names, ...namespaces, '', '*'), 5), 1),
  })
  .map(({ group, resources, resourceNames }) => (resources.length === 0 ? { group } : { group, resources, resourceNames }));

const target = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      resources: rarely(fc.array(groupResources, { minLength: 1, maxLength: 3 }), 1),
      namespaces: rarely(few(fc.constantFrom('', ...namespaces, '*')), 3),
    }),
  },
  {
    weight: 2,
    arbitrary: few(
      fc.constantFrom('/healthz', '/healthz*', '/healthz/*', '/api', '/api*', '/apis/*', '/version', '/livez*', '/nope', '/', '/*', '*'),
    ).map((nonResourceURLs) => ({ nonResourceURLs })),
  },
);

const rule = fc
  .record({
    level: fc.constantFrom(...levels),
    users: rarely(few(fc.constantFrom(...Object.values(identities).flatMap(({ user }) => user ?? []), 'bob', '*')), 4),
    userGroups: rarely(
      few(
        fc.constantFrom(
          'dev',
          'ops',
          'system:masters',
          'system:nodes',
          'system:authenticated',
          'system:unauthenticated',
          'system:serviceaccounts',
          'system:serviceaccounts:shop',
        ),
      ),
      4,
    ),
    verbs: rarely(
      few(
        fc.constantFrom('get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection', 'post', 'head', 'put', '*'),
        4,
      ),
      1,
    ),
    omitStages: rarely(few(fc.constantFrom(...stages), 2), 2),
    target,
  })
  .map(({ target: about, ...rest }) => Object.assign(rest, about));

/** How little a rule is for. */
function narrowness({ users, userGroups, verbs, ...about }: typeof rule extends fc.Arbitrary<infer T> ? T : never): number {
  const caller = [users, userGroups, verbs].filter((list) => list.length > 0).length;
  if ('nonResourceURLs' in about) return caller + 2;
  const { resources, namespaces: inside } = about;
  const named = resources.some((entry) => 'resourceNames' in entry && entry.resourceNames.length > 0);
  return caller + (resources.length === 0 ? 0 : named ? 5 : 2) + (inside.length === 0 ? 0 : 1);
}

/** Rules for little stand before rules for much, as people write them: each then decides something. */
export const anyPolicy = fc
  .record({
    omitStages: rarely(few(fc.constantFrom(...stages), 1), 1),
    rules: fc.array(rule, { minLength: 25, maxLength: 40 }),
    rest: fc.option(fc.constantFrom(...levels), { freq: 3 }),
  })
  .map(({ omitStages, rules, rest }) => {
    const sorted = rules.toSorted((a, b) => narrowness(b) - narrowness(a));
    return {
      apiVersion: 'audit.k8s.io/v1',
      kind: 'Policy',
      omitStages,
      rules: rest === null ? sorted : [...sorted, { level: rest }],
    };
  });

interface Kind {
  readonly apiGroup: string;
  readonly resource: string;
  readonly clusterScoped?: boolean;
  readonly below: readonly string[];
}

const kinds: readonly Kind[] = [
  { apiGroup: '', resource: 'secrets', below: [] },
  { apiGroup: '', resource: 'configmaps', below: [] },
  { apiGroup: '', resource: 'pods', below: ['exec', 'attach', 'portforward', 'log', 'proxy', 'status', 'eviction', 'ephemeralcontainers'] },
  { apiGroup: '', resource: 'serviceaccounts', below: ['token'] },
  { apiGroup: '', resource: 'namespaces', clusterScoped: true, below: ['status', 'finalize'] },
  { apiGroup: '', resource: 'nodes', clusterScoped: true, below: ['status', 'proxy'] },
  { apiGroup: 'apps', resource: 'deployments', below: ['scale', 'status'] },
  { apiGroup: 'rbac.authorization.k8s.io', resource: 'roles', below: [] },
  { apiGroup: 'rbac.authorization.k8s.io', resource: 'clusterroles', clusterScoped: true, below: [] },
  { apiGroup: 'example.com', resource: 'things', below: ['status', 'scale'] },
];
const methods = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETE',
} as const;
const onNone = new Set(['list', 'watch', 'create', 'deletecollection']);

/** No write changes anything: all are `dryRun=All`. */
const resourceRequest: fc.Arbitrary<Omit<Sent, 'caller'>> = fc
  .record({
    kind: fc.constantFrom(...kinds),
    verb: fc.constantFrom('get', 'get', 'list', 'watch', 'create', 'create', 'update', 'patch', 'delete', 'deletecollection'),
    namespace: fc.constantFrom(...namespaces, ''),
    name: fc.constantFrom(...names, ...namespaces),
    below: fc.nat(20),
    selected: fc.boolean(),
    headed: fc.boolean(),
  })
  .map(({ kind, verb: wanted, namespace: anywhere, name, below, selected, headed }) => {
    const { apiGroup, resource } = kind;
    const subresource = kind.below[below] ?? '';
    // What is below a resource is below one object.
    const verb =
      subresource === '' ? wanted : wanted === 'list' || wanted === 'watch' ? 'get' : wanted === 'deletecollection' ? 'delete' : wanted;
    const named = !onNone.has(verb) || subresource !== '';
    const across = verb === 'list' || verb === 'watch' || verb === 'create' || verb === 'deletecollection';
    const namespace = kind.clusterScoped === true ? '' : anywhere === '' && !(across && subresource === '') ? 'shop' : anywhere;
    const byField = selected && (verb === 'list' || verb === 'watch');
    const query = [
      ...(byField ? [`fieldSelector=metadata.name%3D${name}`] : []),
      ...(verb === 'watch' ? ['watch=1', 'timeoutSeconds=1'] : []),
      ...(verb === 'get' || verb === 'list' || verb === 'watch' ? [] : ['dryRun=All']),
    ];
    const path = [
      apiGroup === '' ? '/api/v1' : `/apis/${apiGroup}/v1`,
      ...(namespace === '' ? [] : ['namespaces', namespace]),
      resource,
      ...(named ? [name, ...(subresource === '' ? [] : [subresource])] : []),
    ].join('/');
    const method = headed && verb === 'get' && subresource === '' ? 'HEAD' : methods[verb];
    const line = { verb, apiGroup, apiVersion: 'v1', resource, subresource, namespace, name: named || byField ? name : '' };
    return { line, method, url: query.length === 0 ? path : `${path}?${query.join('&')}` };
  });

const pathRequest: fc.Arbitrary<Omit<Sent, 'caller'>> = fc
  .record({
    method: fc.constantFrom('GET', 'GET', 'GET', 'POST', 'HEAD', 'PUT'),
    path: fc.constantFrom(
      ...words('/healthz /healthz/ /healthz/ping /livez /version /metrics / /nope /nope/deeper'),
      ...words('/api /api/ /api/v1 /apis /apis/apps /apis/apps/v1 /apis/example.com/v1 /openapi/v2x'),
    ),
  })
  .map(({ method, path }) => ({ line: { verb: method.toLowerCase(), path }, method, url: path }));

export const anyRequest: fc.Arbitrary<Sent> = fc
  .record({
    caller: fc.constantFrom<CallerName>(...callers),
    about: fc.oneof({ weight: 5, arbitrary: resourceRequest }, { weight: 1, arbitrary: pathRequest }),
  })
  .map(({ caller, about }) => Object.assign({ caller }, about));
