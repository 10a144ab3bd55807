/** Policies and requests for the tests of src/audit. */
import * as fc from 'fast-check';
import type { AuditPolicy, AuditRequest } from '../../src/audit/index.ts';
import { levels, readPolicy, stages } from '../../src/audit/index.ts';
import type { Json } from '../../src/model/index.ts';

/** Throws when the API server would refuse it. */
export function policyOf(rules: readonly object[], rest: object = {}): AuditPolicy {
  const { policy, problems } = readPolicy({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: rules as Json[], ...rest });
  if (policy === null) throw new Error(JSON.stringify(problems));
  return policy;
}

export const getSecret = {
  user: 'alice',
  groups: ['system:authenticated'],
  verb: 'get',
  apiGroup: '',
  resource: 'secrets',
  subresource: '',
  namespace: 'shop',
  name: 'db',
};
export const getPath = { user: 'alice', groups: ['system:authenticated'], verb: 'get', path: '/healthz' };
export const secrets = { group: '', resources: ['secrets'] };

const apiGroups = ['', 'apps', 'rbac.authorization.k8s.io'];
const someOf = (...texts: string[]) => fc.subarray(texts, { maxLength: 3 });
const entry = fc
  .record({
    group: fc.constantFrom(...apiGroups, '*'),
    resources: someOf('secrets', 'pods', 'pods/*', 'pods/exec', '*/status', '*', '*/*', 'deployments', 'roles'),
    resourceNames: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, someOf('db', 'web', '')),
  })
  .map((each) => (each.resources.length === 0 ? { group: each.group } : each));
const mostly = <T>(arbitrary: fc.Arbitrary<T[]>) => fc.oneof({ weight: 2, arbitrary: fc.constant<T[]>([]) }, arbitrary);
const caller = {
  users: mostly(someOf('alice', 'bob', 'system:kube-proxy', 'system:anonymous', 'system:serviceaccount:shop:app')),
  userGroups: mostly(someOf('system:authenticated', 'system:unauthenticated', 'system:nodes', 'dev')),
  verbs: mostly(someOf('get', 'list', 'create', 'delete', '*')),
  omitStages: mostly(someOf(...stages)),
};

/** Rules as people write them, each on its own one that the API server accepts. */
export const anyRule = fc
  .record({
    level: fc.constantFrom(...levels),
    ...caller,
    target: fc.oneof(
      fc.record({ resources: fc.array(entry, { maxLength: 2 }), namespaces: mostly(someOf('', 'shop', 'dev', 'kube-system')) }),
      fc.record({ nonResourceURLs: someOf('/healthz', '/healthz*', '/api*', '*') }),
    ),
  })
  .map(({ target, ...rest }) => Object.assign(rest, target));
export const anyRules = fc.array(anyRule, { minLength: 1, maxLength: 6 });

const callers = {
  user: fc.constantFrom('alice', 'bob', 'carol', 'system:anonymous', 'system:kube-proxy', 'system:serviceaccount:shop:app', null),
  groups: someOf('system:authenticated', 'system:unauthenticated', 'system:nodes', 'dev'),
};
export const anyRequest: fc.Arbitrary<AuditRequest> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      ...callers,
      verb: fc.constantFrom('get', 'list', 'create', 'delete', 'watch'),
      apiGroup: fc.constantFrom(...apiGroups),
      resource: fc.constantFrom('secrets', 'pods', 'deployments', 'roles'),
      subresource: fc.constantFrom('', '', 'exec', 'status'),
      namespace: fc.constantFrom('', 'shop', 'dev', 'prod'),
      name: fc.constantFrom('', 'db', 'web', 'other'),
    }),
  },
  fc.record({ ...callers, verb: fc.constantFrom('get', 'post'), path: fc.constantFrom('/healthz', '/healthz/etcd', '/api', '/version') }),
);
