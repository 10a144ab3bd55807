import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideAudit } from '../../src/audit/index.ts';
import { anyRequest, anyRule, anyRules, getPath, getSecret, policyOf, secrets } from './given.ts';

const all = { level: 'Metadata' };
const pods = (...resources: string[]) => ({ level: 'Metadata', resources: [{ group: '', resources }] });
const roles = { ...getSecret, verb: 'create', apiGroup: 'rbac.authorization.k8s.io', resource: 'clusterroles', namespace: '', name: '' };

describe('the first rule that matches decides', () => {
  test.each<[string, object[], Partial<typeof getSecret>, string, number | null]>([
    ['a rule for everything', [all], {}, 'Metadata', 0],
    ['another verb', [{ level: 'None', verbs: ['list'] }, { level: 'Request' }], {}, 'Request', 1],
    [
      'a user',
      [
        { level: 'None', users: ['bob'] },
        { level: 'Request', users: ['alice'] },
      ],
      {},
      'Request',
      1,
    ],
    ['a group', [{ level: 'Metadata', userGroups: ['system:authenticated'] }], {}, 'Metadata', 0],
    ['one of two groups is enough', [{ level: 'Metadata', userGroups: ['dev', 'system:authenticated'] }], {}, 'Metadata', 0],
    ['user and group', [{ level: 'Metadata', users: ['alice'], userGroups: ['dev'] }], {}, 'None', null],
    [
      'a namespace',
      [
        { level: 'None', namespaces: ['kube-system'] },
        { level: 'Request', namespaces: ['shop'] },
      ],
      {},
      'Request',
      1,
    ],
    ['all of a group', [{ level: 'Metadata', resources: [{ group: '' }] }], {}, 'Metadata', 0],
    ['any group', [{ level: 'Metadata', resources: [{ group: '*' }] }], { apiGroup: 'apps', resource: 'deployments' }, 'Metadata', 0],
    ['another group', [{ level: 'Metadata', resources: [{ group: 'apps', resources: ['secrets'] }] }], {}, 'None', null],
    ['a name', [{ level: 'Request', resources: [{ ...secrets, resourceNames: ['db'] }] }], {}, 'Request', 0],
    ['another name', [{ level: 'Request', resources: [{ ...secrets, resourceNames: ['web'] }] }], {}, 'None', null],
    ['the second entry of resources', [{ level: 'Request', resources: [{ group: 'apps' }, secrets] }], {}, 'Request', 0],
    ['any resource below its group', [pods('*')], { resource: 'pods', subresource: 'exec' }, 'Metadata', 0],
    ['*/exec', [pods('*/exec')], { resource: 'pods', subresource: 'exec' }, 'Metadata', 0],
  ])('%s', (_name, rules, change, level, rule) => {
    expect(decideAudit(policyOf(rules), { ...getSecret, ...change })).toMatchObject({ level, rule });
  });
});

describe('traps', () => {
  test.each<[string, object[], Partial<typeof getSecret>, number | null]>([
    ['what no rule matches is not recorded', [{ level: 'Metadata', verbs: ['list'] }], {}, null],
    ['* is no pattern for verbs', [{ ...all, verbs: ['*'] }], {}, null],
    ['nor for users', [{ ...all, users: ['*'] }], {}, null],
    ['nor for groups', [{ ...all, userGroups: ['*'] }], {}, null],
    ['nor for namespaces', [{ ...all, namespaces: ['*'] }], {}, null],
    ['nor in the middle of a name', [pods('secret*')], {}, null],
    ['*/* is nothing at all', [pods('*/*')], { resource: 'pods', subresource: 'exec' }, null],
    ['impersonate is no verb of a request', [{ ...all, verbs: ['impersonate'] }], {}, null],
    ['a resource is not what is below it', [pods('pods')], { resource: 'pods', subresource: 'exec' }, null],
    ['pods/* is also pods', [pods('pods/*')], { resource: 'pods' }, 0],
    ['*/exec is not pods', [pods('*/exec')], { resource: 'pods' }, null],
    [
      'no group is the core group',
      [{ ...all, resources: [{ resources: ['deployments'] }] }],
      { apiGroup: 'apps', resource: 'deployments' },
      null,
    ],
    ['a namespace is nothing to what is in none', [{ ...all, namespaces: ['shop'] }], roles, null],
    ['the empty namespace is that of what is in none', [{ ...all, namespaces: [''] }], roles, 0],
    ['and of a list across all namespaces', [{ ...all, namespaces: [''] }], { verb: 'list', namespace: '', name: '' }, 0],
    [
      'a list across all namespaces is not one in each',
      [{ ...all, namespaces: ['shop'] }],
      { verb: 'list', namespace: '', name: '' },
      null,
    ],
    [
      'creation names nothing in its path',
      [{ ...all, resources: [{ ...secrets, resourceNames: ['db'] }] }],
      { verb: 'create', name: '' },
      null,
    ],
    ['a rule for paths is for no resource', [{ ...all, nonResourceURLs: ['*'] }], {}, null],
  ])('%s', (_name, rules, change, rule) => {
    expect(decideAudit(policyOf(rules), { ...getSecret, ...change }).rule).toBe(rule);
  });

  test('who failed to sign in is nobody, and in no group', () => {
    const nobody = { ...getSecret, user: null, groups: [] };
    const rules = [{ level: 'None', users: [''] }, { level: 'None', userGroups: ['system:unauthenticated'] }, all];
    expect(decideAudit(policyOf(rules), nobody).rule).toBe(2);
  });
});

describe('paths', () => {
  test.each<[string, object, string, boolean]>([
    ['itself', { nonResourceURLs: ['/healthz'] }, '/healthz', true],
    ['not what is below it', { nonResourceURLs: ['/healthz'] }, '/healthz/etcd', false],
    ['a * at the end is any text', { nonResourceURLs: ['/healthz*'] }, '/healthz-of-mine', true],
    ['and none', { nonResourceURLs: ['/healthz*'] }, '/healthz', true],
    ['* is all', { nonResourceURLs: ['*'] }, '/version', true],
    ['a rule for resources is for no path', { resources: [{ group: '*' }] }, '/version', false],
    ['nor is one for namespaces', { namespaces: [''] }, '/version', false],
    ['a rule without either is for paths too', {}, '/version', true],
  ])('%s', (_name, rule, path, matches) => {
    expect(decideAudit(policyOf([{ level: 'Metadata', ...rule }]), { ...getPath, path }).rule).toBe(matches ? 0 : null);
  });
});

describe('stages and managed fields', () => {
  const policy = policyOf(
    [
      { level: 'Metadata', verbs: ['get'], omitStages: ['Panic', 'RequestReceived'], omitManagedFields: false },
      { level: 'Metadata', verbs: ['list'] },
    ],
    { omitStages: ['RequestReceived'], omitManagedFields: true },
  );
  test.each([
    ["a rule's own and the policy's", 'get', { omitStages: ['RequestReceived', 'Panic'], omitManagedFields: false }],
    ["the policy's", 'list', { omitStages: ['RequestReceived'], omitManagedFields: true }],
    ["the policy's where no rule matches", 'create', { rule: null, omitStages: ['RequestReceived'], omitManagedFields: true }],
  ])('%s', (_name, verb, expected) => {
    expect(decideAudit(policy, { ...getSecret, verb })).toMatchObject(expected);
  });
});

describe('laws', () => {
  const rank = (rule: number | null) => rule ?? Number.POSITIVE_INFINITY;

  test('what stands behind the rule that decides changes nothing, and what stands before it decides or changes nothing', () => {
    fc.assert(
      fc.property(anyRules, anyRule, anyRequest, (rules, another, request) => {
        const { level, rule } = decideAudit(policyOf(rules), request);
        const after = decideAudit(policyOf([...rules, another]), request);
        expect(rule === null ? [null, rules.length] : [rule]).toContain(after.rule);
        expect(after.level).toBe(after.rule === rules.length ? another.level : level);
        const before = decideAudit(policyOf([another, ...rules]), request);
        expect([0, rule === null ? null : rule + 1]).toContain(before.rule);
        expect(before.level).toBe(before.rule === 0 ? another.level : level);
      }),
    );
  });

  test('one policy after the other is the second one where the first has no rule', () => {
    fc.assert(
      fc.property(anyRules, anyRules, anyRequest, (first, second, request) => {
        const whole = decideAudit(policyOf([...first, ...second]), request);
        const one = decideAudit(policyOf(first), request);
        const two = decideAudit(policyOf(second), request);
        expect(whole.level).toBe(one.rule === null ? two.level : one.level);
        expect(whole.rule).toBe(one.rule ?? (two.rule === null ? null : first.length + two.rule));
      }),
    );
  });

  test('another group of the caller is decided no later, and by the same rule where no rule names it', () => {
    fc.assert(
      fc.property(anyRules, anyRequest, fc.constantFrom('dev', 'system:nodes', 'unnamed'), (rules, request, group) => {
        const before = decideAudit(policyOf(rules), request).rule;
        const after = decideAudit(policyOf(rules), { ...request, groups: [...request.groups, group] }).rule;
        expect(rank(after)).toBeLessThanOrEqual(rank(before));
        expect(group !== 'unnamed' || after === before).toBe(true);
      }),
    );
  });

  test('a rule that loses a restriction decides no fewer requests', () => {
    fc.assert(
      fc.property(anyRule, fc.constantFrom('users', 'userGroups', 'verbs', 'namespaces'), anyRequest, (rule, key, request) => {
        const before = decideAudit(policyOf([rule]), request).rule;
        // Without the namespaces that were its only restriction to resources, a rule is also one for paths.
        const after = decideAudit(policyOf([{ ...rule, [key]: [] }]), request).rule;
        expect(rank(after)).toBeLessThanOrEqual(rank(before));
      }),
    );
  });

  test('the order of what a rule lists, and saying it twice, changes nothing', () => {
    const turned = (value: unknown): unknown => (Array.isArray(value) ? [...value.toReversed(), ...value] : value);
    fc.assert(
      fc.property(anyRules, anyRequest, (rules, request) => {
        const other = rules.map((rule) => Object.fromEntries(Object.entries(rule).map(([key, value]) => [key, turned(value)])));
        expect(decideAudit(policyOf(other), request)).toEqual(decideAudit(policyOf(rules), request));
      }),
    );
  });
});
