import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/model/index.ts';
import { auditGrowth, auditLosses } from '../../src/populations/audit-counters.ts';
import { decideAudit, highestAudit, levels, lowestAudit } from '../../src/populations/audit-policy.ts';
import type { Given } from './snapshots.ts';
import { family, lease, processStart, read, snapshot } from './snapshots.ts';

const getSecret = {
  user: 'alice',
  groups: ['system:authenticated'],
  verb: 'get',
  apiGroup: '',
  resource: 'secrets',
  namespace: 'shop',
  name: 'db',
};
const secrets = { group: '', resources: ['secrets'] };

describe('the first rule that matches decides', () => {
  test.each<[string, Json[], Partial<typeof getSecret>, string, number | null]>([
    ['no rules: nothing', [], {}, 'None', null],
    ['a rule for everything', [{ level: 'Metadata' }], {}, 'Metadata', 0],
    ['another verb', [{ level: 'None', verbs: ['list'] }, { level: 'Request' }], {}, 'Request', 1],
    ['a verb is no pattern', [{ level: 'Metadata', verbs: ['*'] }], {}, 'None', null],
    [
      'a user',
      [
        { level: 'None', users: ['bob'] },
        { level: 'None', users: ['alice'] },
      ],
      {},
      'None',
      1,
    ],
    ['a group', [{ level: 'Metadata', userGroups: ['system:authenticated'] }], {}, 'Metadata', 0],
    [
      'a namespace',
      [
        { level: 'None', namespaces: ['kube-system'] },
        { level: 'Metadata', namespaces: ['shop'] },
      ],
      {},
      'Metadata',
      1,
    ],
    [
      'the empty namespace is that of cluster-wide objects',
      [{ level: 'Metadata', namespaces: [''] }],
      { resource: 'nodes', namespace: '' },
      'Metadata',
      0,
    ],
    ['all of a group', [{ level: 'Metadata', resources: [{ group: '' }] }], {}, 'Metadata', 0],
    ['any group', [{ level: 'Metadata', resources: [{ group: '*' }] }], { apiGroup: 'apps', resource: 'deployments' }, 'Metadata', 0],
    ['another group', [{ level: 'Metadata', resources: [{ group: 'apps', resources: ['secrets'] }] }], {}, 'None', null],
    ['a name', [{ level: 'Request', resources: [{ ...secrets, resourceNames: ['db'] }] }], {}, 'Request', 0],
    ['another name', [{ level: 'Request', resources: [{ ...secrets, resourceNames: ['web'] }] }], {}, 'None', null],
    [
      'a resource is not its subresource',
      [{ level: 'Metadata', resources: [{ group: '', resources: ['pods'] }] }],
      { resource: 'pods/exec' },
      'None',
      null,
    ],
    [
      'pods/* is both',
      [{ level: 'Metadata', resources: [{ group: '', resources: ['pods/*'] }] }],
      { resource: 'pods/exec' },
      'Metadata',
      0,
    ],
    [
      'and the resource itself',
      [{ level: 'Metadata', resources: [{ group: '', resources: ['pods/*'] }] }],
      { resource: 'pods' },
      'Metadata',
      0,
    ],
    ['*/exec', [{ level: 'Metadata', resources: [{ group: '', resources: ['*/exec'] }] }], { resource: 'pods/exec' }, 'Metadata', 0],
    ['a rule for paths is for no resource', [{ level: 'Metadata', nonResourceURLs: ['*'] }], {}, 'None', null],
    ['a rule with both is for resources', [{ level: 'Metadata', nonResourceURLs: ['*'], resources: [secrets] }], {}, 'Metadata', 0],
    ['entries of an odd shape', [null, 'None', { level: 'Loud', verbs: ['get'] }], {}, 'None', 0],
  ])('%s', (_name, rules, change, level, rule) => {
    expect(decideAudit(rules, { ...getSecret, ...change })).toEqual({ level, rule });
  });
});

describe('the highest level that anybody reaches', () => {
  test.each<[string, Json[], string]>([
    ['a rule for one user counts', [{ level: 'Request', users: ['bob'] }, { level: 'Metadata' }], 'Request'],
    ['a rule for one namespace counts', [{ level: 'RequestResponse', namespaces: ['dev'] }, { level: 'Metadata' }], 'RequestResponse'],
    ['a rule for one name counts', [{ level: 'Request', resources: [{ ...secrets, resourceNames: ['x'] }] }, { level: 'None' }], 'Request'],
    [
      'what stands behind a rule for everybody does not',
      [{ level: 'Metadata', resources: [secrets] }, { level: 'RequestResponse' }],
      'Metadata',
    ],
    ['a rule for another verb does not', [{ level: 'RequestResponse', verbs: ['create'] }, { level: 'Metadata' }], 'Metadata'],
  ])('%s', (_name, rules, expected) => {
    expect(highestAudit(rules, getSecret).level).toBe(expected);
  });
});

describe('the lowest level that a person or a workload reaches', () => {
  const clusterWide = { ...getSecret, verb: 'create', apiGroup: 'rbac.authorization.k8s.io', resource: 'clusterroles', namespace: '' };
  test.each<[string, Json[], typeof getSecret, string, number | null]>([
    ['no rules', [], getSecret, 'None', null],
    ['one rule for all', [{ level: 'Request' }], getSecret, 'Request', 0],
    ['one user left out', [{ level: 'None', users: ['bob'] }, { level: 'Request' }], getSecret, 'None', 0],
    ['components left out', [{ level: 'None', users: ['system:kube-proxy'] }, { level: 'Request' }], getSecret, 'Request', 1],
    [
      'a component and a person left out',
      [{ level: 'None', users: ['system:kube-proxy', 'bob'] }, { level: 'Request' }],
      getSecret,
      'None',
      0,
    ],
    [
      'an account of kube-system',
      [{ level: 'None', users: ['system:serviceaccount:kube-system:x'] }, { level: 'Request' }],
      getSecret,
      'Request',
      1,
    ],
    [
      'an account elsewhere',
      [{ level: 'None', users: ['system:serviceaccount:kube-system2:x'] }, { level: 'Request' }],
      getSecret,
      'None',
      0,
    ],
    ['who did not sign in', [{ level: 'None', users: ['system:anonymous'] }, { level: 'Request' }], getSecret, 'None', 0],
    ['administrators are people', [{ level: 'None', userGroups: ['system:masters'] }, { level: 'Request' }], getSecret, 'None', 0],
    ['nodes are not', [{ level: 'None', userGroups: ['system:nodes'] }, { level: 'Request' }], getSecret, 'Request', 1],
    ['a lower rule before a higher one', [{ level: 'Metadata', namespaces: ['dev'] }, { level: 'Request' }], getSecret, 'Metadata', 0],
    ['a rule for some, and then nothing', [{ level: 'Request', namespaces: ['dev'] }], getSecret, 'None', null],
    [
      'the two groups are everybody',
      [{ level: 'Metadata', userGroups: ['system:unauthenticated', 'system:authenticated'] }],
      getSecret,
      'Metadata',
      0,
    ],
    ['one of them is not', [{ level: 'Metadata', userGroups: ['system:authenticated'] }], getSecret, 'None', null],
    [
      'a namespace is nothing to what is in none',
      [{ level: 'None', namespaces: ['dev'] }, { level: 'Metadata' }],
      clusterWide,
      'Metadata',
      1,
    ],
    ['the empty namespace is where it is', [{ level: 'None', namespaces: ['', 'dev'] }, { level: 'Metadata' }], clusterWide, 'None', 0],
  ])('%s', (_name, rules, request, level, rule) => {
    expect(lowestAudit(rules, request)).toEqual({ level, rule });
  });

  test('is never above what somebody gets, who is no component, and that never above the highest', () => {
    const some = fc.subarray(['alice', 'bob', 'system:kube-proxy']);
    const rule = fc.record(
      {
        level: fc.constantFrom(...levels),
        users: some,
        userGroups: fc.subarray(['system:authenticated', 'system:unauthenticated', 'system:nodes', 'dev']),
        verbs: fc.subarray(['get', 'list']),
        namespaces: fc.subarray(['', 'shop', 'dev']),
        resources: fc.constantFrom(
          [],
          [{ group: '', resources: ['secrets'] }],
          [{ group: '', resources: ['secrets'], resourceNames: ['db'] }],
        ),
      },
      { requiredKeys: ['level'] },
    );
    const rank = (level: string) => (levels as readonly string[]).indexOf(level);
    fc.assert(
      fc.property(
        fc.array(rule, { maxLength: 5 }),
        fc.constantFrom('alice', 'bob', 'carol'),
        fc.constantFrom(['system:authenticated'], ['system:authenticated', 'dev'], ['system:unauthenticated']),
        fc.constantFrom('shop', 'dev', 'prod'),
        fc.constantFrom('db', 'web'),
        (rules, user, groups, namespace, name) => {
          const request = { ...getSecret, user, groups, namespace, name };
          const got = rank(decideAudit(rules, request).level);
          expect(rank(lowestAudit(rules, request).level)).toBeLessThanOrEqual(got);
          expect(rank(highestAudit(rules, request).level)).toBeGreaterThanOrEqual(got);
        },
      ),
    );
  });
});

describe('counters', () => {
  const server = (start: number, levels: Readonly<Record<string, number>>, errors = 0): Given => ({
    'k8s.apiserver/leases': [lease('a')],
    'k8s.apiserver/metrics': [
      processStart(start),
      family('apiserver_audit_level_total', ...Object.entries(levels).map(([level, value]) => [{ level }, value] as const)),
      family('apiserver_audit_error_total', [{ plugin: 'log' }, errors]),
    ],
  });

  test.each<[string, Given, Given | undefined, number | undefined]>([
    ['records grew', server(1, { Metadata: 9, Request: 2 }), server(1, { Metadata: 5 }), 6],
    ['None does not count', server(1, { None: 99 }), server(1, { None: 9 }), 0],
    ['another process', server(2, { Metadata: 9 }), server(1, { Metadata: 5 }), undefined],
    ['no earlier run', server(1, { Metadata: 9 }), undefined, undefined],
  ])('%s', (_name, present, before, expected) => {
    const reader = snapshot(present, before === undefined ? {} : { previous: snapshot(before) });
    expect(read(auditGrowth, reader).rows[0]?.['newRecords']).toBe(expected);
  });

  test('the same process is found behind runs that another replica answered', () => {
    const first = snapshot(server(1, { Metadata: 5 }));
    const second = snapshot(server(7, { Metadata: 70 }), { previous: first });
    expect(read(auditGrowth, snapshot(server(1, { Metadata: 8 }), { previous: second })).rows[0]).toMatchObject({ newRecords: 3 });
  });

  test.each<[string, number, number | undefined, number | undefined]>([
    ['none ever', 0, undefined, 0],
    ['some, nobody knows when', 3, undefined, undefined],
    ['all of them before', 3, 3, 0],
    ['one since', 4, 3, 1],
  ])('losses: %s', (_name, present, before, expected) => {
    const reader = snapshot(
      server(1, { Metadata: 9 }, present),
      before === undefined ? {} : { previous: snapshot(server(1, { Metadata: 5 }, before)) },
    );
    expect(read(auditLosses, reader).rows[0]?.['lost']).toBe(expected);
  });
});
