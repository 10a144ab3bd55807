import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideAudit, keyOf, remarksOn } from '../../src/audit/index.ts';
import { anyRequest, anyRule, policyOf } from './given.ts';

const at = (rules: readonly object[]) => remarksOn(policyOf(rules)).map(({ path }) => keyOf(path));

describe('what can match nothing', () => {
  test.each<[string, object, string[]]>([
    ['users', { users: ['alice', 'system:*'] }, ['rules[0].users[1]']],
    ['groups', { userGroups: ['*'] }, ['rules[0].userGroups[0]']],
    ['namespaces', { namespaces: ['team-*'] }, ['rules[0].namespaces[0]']],
    ['verbs', { verbs: ['*'] }, ['rules[0].verbs[0]']],
    ['impersonate', { verbs: ['get', 'impersonate'] }, ['rules[0].verbs[1]']],
    ['a verb of paths for resources', { verbs: ['post'], resources: [{ group: '' }] }, ['rules[0].verbs[0]']],
    ['a verb of resources for paths', { verbs: ['list'], nonResourceURLs: ['*'] }, ['rules[0].verbs[0]']],
    ['*/*', { resources: [{ group: '', resources: ['pods', '*/*'] }] }, ['rules[0].resources[0].resources[1]']],
    ['a part of a name', { resources: [{ group: '', resources: ['secret*'] }] }, ['rules[0].resources[0].resources[0]']],
    ['more below', { resources: [{ group: '', resources: ['pods/proxy/x'] }] }, ['rules[0].resources[0].resources[0]']],
    ['nothing below', { resources: [{ group: '', resources: ['pods/'] }] }, ['rules[0].resources[0].resources[0]']],
  ])('%s', (_name, rule, expected) => {
    expect(at([{ level: 'Metadata', ...rule }])).toEqual(expected);
  });

  test.each<[string, object]>([
    ['a verb of either, without either', { verbs: ['post', 'list'] }],
    ['patterns that are some', { resources: [{ group: '*', resources: ['*', 'pods/*', '*/status', 'pods/exec'], resourceNames: ['a'] }] }],
    ['paths with a *', { nonResourceURLs: ['/healthz*', '*'] }],
  ])('but not %s', (_name, rule) => {
    expect(at([{ level: 'Metadata', ...rule }])).toEqual([]);
  });
});

test('what stands behind a rule for everything', () => {
  expect(at([{ level: 'None', verbs: ['get'] }, { level: 'Metadata' }, { level: 'Request' }])).toEqual(['rules[2]']);
});

test('what is said to match nothing changes nothing when it goes', () => {
  fc.assert(
    fc.property(anyRule, anyRequest, (rule, request) => {
      const useless = new Set(remarksOn(policyOf([rule])).map(({ path }) => keyOf(path)));
      const without = rule.verbs.filter((_, i) => !useless.has(`rules[0].verbs[${i}]`));
      // An empty list would be one for all.
      if (without.length === 0) return;
      expect(decideAudit(policyOf([{ ...rule, verbs: without }]), request)).toEqual(decideAudit(policyOf([rule]), request));
    }),
  );
});
