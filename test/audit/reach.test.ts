import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anonymous, clusterAdmin, node, platform, unknown, workload } from '../../src/audit/callers.ts';
import type { ResourceKind } from '../../src/audit/index.ts';
import { anybody, decideAudit, highestAudit, levels, lowestAudit, nameKind, person, personOrWorkload } from '../../src/audit/index.ts';
import { decidePlain, plainRequest, reachable } from '../../src/audit/reach.ts';
import { levelInLog } from '../../src/audit/stages.ts';
import { anyRules, policyOf, secrets } from './given.ts';

const getSecrets: ResourceKind = { verb: 'get', apiGroup: '', resource: 'secrets' };
const named = { ...secrets, resourceNames: ['x'] };

describe('the highest level that anybody reaches', () => {
  test.each<[string, object[], string]>([
    ['a rule for one user counts', [{ level: 'Request', users: ['bob'] }, { level: 'Metadata' }], 'Request'],
    ['a rule for one namespace counts', [{ level: 'RequestResponse', namespaces: ['dev'] }, { level: 'Metadata' }], 'RequestResponse'],
    ['a rule for one name counts', [{ level: 'Request', resources: [named] }, { level: 'None' }], 'Request'],
    [
      'what stands behind a rule for everybody does not',
      [{ level: 'Metadata', resources: [secrets] }, { level: 'RequestResponse' }],
      'Metadata',
    ],
    ['a rule for another verb does not', [{ level: 'RequestResponse', verbs: ['create'] }, { level: 'Metadata' }], 'Metadata'],
    ['a rule for paths does not', [{ level: 'RequestResponse', nonResourceURLs: ['*'] }, { level: 'Metadata' }], 'Metadata'],
  ])('%s', (_name, rules, expected) => {
    expect(highestAudit(policyOf(rules), getSecrets, anybody).level).toBe(expected);
  });

  test('a rule for names says nothing about what is created, whose name stands in the body', () => {
    const policy = policyOf([{ level: 'Request', resources: [named] }, { level: 'Metadata' }]);
    const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];
    const reached = (kind: ResourceKind) => highestAudit(policy, kind, anybody).level;
    expect(verbs.filter((verb) => reached({ ...getSecrets, verb }) === 'Request')).toEqual([
      'get',
      'list',
      'watch',
      'update',
      'patch',
      'delete',
    ]);
  });
});

describe('stages that a rule omits', () => {
  const exec: ResourceKind = { verb: 'create', apiGroup: '', resource: 'pods', subresource: 'exec' };
  test.each<[string, object, ResourceKind, string]>([
    ['what is asked for stays', { omitStages: ['RequestReceived'] }, getSecrets, 'RequestResponse'],
    ['without the end there is no body', { omitStages: ['ResponseComplete'] }, getSecrets, 'Metadata'],
    ['without beginning and end there is nothing', { omitStages: ['RequestReceived', 'ResponseComplete'] }, getSecrets, 'None'],
    ['what runs long has a stage between', { omitStages: ['RequestReceived', 'ResponseComplete'] }, exec, 'RequestResponse'],
  ])('%s', (_name, omitted, kind, level) => {
    const policy = policyOf([{ level: 'RequestResponse', ...omitted }]);
    const bounds = [decidePlain(policy, kind, person), lowestAudit(policy, kind, personOrWorkload), highestAudit(policy, kind, anybody)];
    expect(bounds).toEqual([0, 1, 2].map(() => ({ level, rule: 0 })));
  });

  test("the policy's own hide as much", () => {
    const policy = policyOf([{ level: 'Metadata' }], { omitStages: ['RequestReceived', 'ResponseComplete'] });
    expect(lowestAudit(policy, getSecrets, personOrWorkload)).toEqual({ level: 'None', rule: 0 });
  });
});

describe('the lowest level that a person or a workload reaches', () => {
  const clusterWide: ResourceKind = {
    verb: 'create',
    apiGroup: 'rbac.authorization.k8s.io',
    resource: 'clusterroles',
    clusterScoped: true,
  };
  const namespaces: ResourceKind = { verb: 'delete', apiGroup: '', resource: 'namespaces', clusterScoped: true };
  const request = { level: 'Request' };
  test.each<[string, object[], ResourceKind, string, number | null]>([
    ['one rule for all', [request], getSecrets, 'Request', 0],
    ['one user left out', [{ level: 'None', users: ['bob'] }, request], getSecrets, 'None', 0],
    ['components left out', [{ level: 'None', users: ['system:kube-proxy'] }, request], getSecrets, 'Request', 1],
    ['a component and a person left out', [{ level: 'None', users: ['system:kube-proxy', 'bob'] }, request], getSecrets, 'None', 0],
    ['an account of kube-system', [{ level: 'None', users: ['system:serviceaccount:kube-system:x'] }, request], getSecrets, 'Request', 1],
    ['an account elsewhere', [{ level: 'None', users: ['system:serviceaccount:kube-system2:x'] }, request], getSecrets, 'None', 0],
    ['who did not sign in', [{ level: 'None', users: ['system:anonymous'] }, request], getSecrets, 'None', 0],
    ['administrators are people', [{ level: 'None', userGroups: ['system:masters'] }, request], getSecrets, 'None', 0],
    ['nodes are not', [{ level: 'None', userGroups: ['system:nodes'] }, request], getSecrets, 'Request', 1],
    ['a lower rule before a higher one', [{ level: 'Metadata', namespaces: ['dev'] }, request], getSecrets, 'Metadata', 0],
    ['a rule for some, and then nothing', [{ level: 'Request', namespaces: ['dev'] }], getSecrets, 'None', null],
    [
      'the two groups are everybody',
      [{ ...request, userGroups: ['system:unauthenticated', 'system:authenticated'] }],
      getSecrets,
      'Request',
      0,
    ],
    ['one of them is not', [{ ...request, userGroups: ['system:authenticated'] }], getSecrets, 'None', null],
    ['a namespace is nothing to what is in none', [{ level: 'None', namespaces: ['dev'] }, request], clusterWide, 'Request', 1],
    ['the empty namespace is where it is', [{ level: 'None', namespaces: ['', 'dev'] }, request], clusterWide, 'None', 0],
    ['a Namespace is in itself', [{ level: 'None', namespaces: ['dev'] }, request], namespaces, 'None', 0],
    ['and not where nothing is', [{ level: 'None', namespaces: [''] }, request], namespaces, 'Request', 1],
    [
      'the empty namespace is a list across all',
      [{ level: 'None', namespaces: [''] }, request],
      { ...getSecrets, verb: 'list' },
      'None',
      0,
    ],
  ])('%s', (_name, rules, kind, level, rule) => {
    expect(lowestAudit(policyOf(rules), kind, personOrWorkload)).toEqual({ level, rule });
  });
});

describe('kinds of callers', () => {
  test.each<[string, object, string[]]>([
    ['a user', { users: ['alice'] }, ['person', 'clusterAdmin']],
    ['a group of people', { userGroups: ['dev'] }, ['person', 'clusterAdmin']],
    ['system:masters', { userGroups: ['system:masters'] }, ['clusterAdmin']],
    ['everybody who signed in', { userGroups: ['system:authenticated'] }, ['person', 'clusterAdmin', 'workload', 'platform', 'node']],
    ['all service accounts', { userGroups: ['system:serviceaccounts'] }, ['workload', 'platform']],
    ['those of one namespace', { userGroups: ['system:serviceaccounts:shop'] }, ['workload']],
    ['those of kube-system', { userGroups: ['system:serviceaccounts:kube-system'] }, ['platform']],
    ['one of kube-system', { users: ['system:serviceaccount:kube-system:a'] }, ['platform']],
    ['nodes', { userGroups: ['system:nodes'] }, ['node']],
    ['one node', { users: ['system:node:a'] }, ['node']],
    ['who did not sign in', { users: ['system:anonymous'] }, ['anonymous']],
    ['a component', { users: ['system:kube-proxy'] }, []],
    ['nobody in particular', {}, ['person', 'clusterAdmin', 'workload', 'platform', 'node', 'anonymous', 'unknown']],
  ])('a rule for %s', (_name, rule, expected) => {
    const kinds = { person, clusterAdmin, workload, platform, node, anonymous, unknown };
    const policy = policyOf([{ level: 'Metadata', ...rule }]);
    expect(Object.entries(kinds).flatMap(([name, kind]) => ([...reachable(policy, getSecrets, kind)].length > 0 ? [name] : []))).toEqual(
      expected,
    );
  });
});

describe('laws', () => {
  const rank = (level: string) => (levels as readonly string[]).indexOf(level);
  const kind = fc.constantFrom<ResourceKind>(
    getSecrets,
    { ...getSecrets, verb: 'list' },
    { ...getSecrets, verb: 'create' },
    { verb: 'create', apiGroup: '', resource: 'pods', subresource: 'exec' },
    { verb: 'delete', apiGroup: 'rbac.authorization.k8s.io', resource: 'roles' },
  );
  const where = fc.record({ namespace: fc.constantFrom('shop', 'dev', 'prod'), name: fc.constantFrom('db', 'web') });

  test('what somebody gets is a rule that was reached, between the lowest and the highest', () => {
    const who = fc.constantFrom(
      { user: 'alice', groups: ['system:authenticated'] },
      { user: 'bob', groups: ['dev', 'system:authenticated'] },
      { user: 'system:anonymous', groups: ['system:unauthenticated'] },
      { user: 'system:serviceaccount:shop:app', groups: ['system:serviceaccounts', 'system:serviceaccounts:shop', 'system:authenticated'] },
    );
    fc.assert(
      fc.property(anyRules, kind, who, where, (rules, asked, caller, { namespace, name }) => {
        const policy = policyOf(rules);
        const plain = plainRequest(asked, person);
        const request = { ...plain, ...caller, namespace, ...('name' in plain && plain.name !== '' && { name }) };
        const got = decideAudit(policy, request);
        const left = rank(levelInLog(request, got));
        expect([null, ...[...reachable(policy, asked, personOrWorkload)].map(({ rule }) => rule)]).toContain(got.rule);
        expect(rank(lowestAudit(policy, asked, personOrWorkload).level)).toBeLessThanOrEqual(left);
        expect(rank(highestAudit(policy, asked, anybody).level)).toBeGreaterThanOrEqual(left);
      }),
    );
  });

  test('a plain caller meets no rule for some only, unless it has no name there', () => {
    const callers = fc.constantFrom(person, clusterAdmin, workload, platform, node, anonymous, unknown);
    fc.assert(
      fc.property(anyRules, kind, callers, (rules, asked, caller) => {
        const policy = policyOf(rules);
        const { rule } = decideAudit(policy, plainRequest(asked, caller));
        const reached = [...reachable(policy, asked, caller)];
        expect([null, ...reached.map((each) => each.rule)]).toContain(rule);
        // A rule for all of them is reached at the latest.
        const last = reached.find(({ match }) => match === 'always')?.rule;
        expect(last === undefined || (rule !== null && rule <= last)).toBe(true);
      }),
    );
  });
});

test('a request is told as people say it', () => {
  expect(nameKind({ verb: 'create', apiGroup: '', resource: 'serviceaccounts', subresource: 'token' })).toBe(
    'create serviceaccounts/token',
  );
  expect(nameKind({ verb: 'delete', apiGroup: 'apps', resource: 'deployments' })).toBe('delete deployments.apps');
  expect(nameKind({ verb: 'get', path: '/healthz' })).toBe('get /healthz');
});
