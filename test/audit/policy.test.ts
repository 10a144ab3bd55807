import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keyOf, readPolicy } from '../../src/audit/index.ts';
import type { Json } from '../../src/model/index.ts';
import { anyRules, policyOf } from './given.ts';

const head = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy' };
const withRule = (rule: Json): Json => ({ ...head, rules: [{ level: 'Metadata' }, rule] });
const keys = (body: Json) => readPolicy(body).problems.map(({ path }) => keyOf(path));

describe('what the API server refuses', () => {
  test.each<[string, Json, string[]]>([
    ['no object', [], ['']],
    ['another version', { ...head, apiVersion: 'audit.k8s.io/v1beta1', rules: [{ level: 'None' }] }, ['apiVersion']],
    ['no version', { kind: 'Policy', rules: [{ level: 'None' }] }, ['apiVersion']],
    ['another kind', { ...head, kind: 'PolicyList', rules: [{ level: 'None' }] }, ['kind']],
    ['no rules', head, ['rules']],
    ['an empty list of rules', { ...head, rules: [] }, ['rules']],
    ['rules that are no list', { ...head, rules: { level: 'None' } }, ['rules']],
    ['a stage that there is not', { ...head, omitStages: ['Received'], rules: [{ level: 'None' }] }, ['omitStages[0]']],
    ['a flag that is text', { ...head, omitManagedFields: 'yes', rules: [{ level: 'None' }] }, ['omitManagedFields']],
    ['metadata that is no object', { ...head, metadata: 'x', rules: [{ level: 'None' }] }, ['metadata']],
    ['a rule that is none', withRule('None'), ['rules[1]', 'rules[1].level']],
    ['a rule that is null', withRule(null), ['rules[1].level']],
    ['no level', withRule({}), ['rules[1].level']],
    ['a level in another case', withRule({ level: 'metadata' }), ['rules[1].level']],
    ['a level that is a number', withRule({ level: 1 }), ['rules[1].level']],
    ['one user instead of a list', withRule({ level: 'None', users: 'alice' }), ['rules[1].users']],
    ['a user that YAML reads as true', withRule({ level: 'None', users: [true] }), ['rules[1].users[0]']],
    ['a group with a version', withRule({ level: 'None', resources: [{ group: 'apps/v1' }] }), ['rules[1].resources[0].group']],
    ['a group in upper case', withRule({ level: 'None', resources: [{ group: 'Apps' }] }), ['rules[1].resources[0].group']],
    ['an entry that is text', withRule({ level: 'None', resources: ['pods'] }), ['rules[1].resources[0]']],
    [
      'names without resources',
      withRule({ level: 'None', resources: [{ resourceNames: ['a'] }] }),
      ['rules[1].resources[0].resourceNames'],
    ],
    ['a path without /', withRule({ level: 'None', nonResourceURLs: ['healthz'] }), ['rules[1].nonResourceURLs[0]']],
    ['an empty path', withRule({ level: 'None', nonResourceURLs: [''] }), ['rules[1].nonResourceURLs[0]']],
    ['a * in the middle', withRule({ level: 'None', nonResourceURLs: ['/a*b'] }), ['rules[1].nonResourceURLs[0]']],
    ['two at the end', withRule({ level: 'None', nonResourceURLs: ['/a**'] }), ['rules[1].nonResourceURLs[0]']],
    ['paths and resources', withRule({ level: 'None', nonResourceURLs: ['/a'], resources: [{}] }), ['rules[1].nonResourceURLs']],
    ['paths and namespaces', withRule({ level: 'None', nonResourceURLs: ['/a'], namespaces: [''] }), ['rules[1].nonResourceURLs']],
    ['two things at once', withRule({ level: 'x', omitStages: ['y'] }), ['rules[1].level', 'rules[1].omitStages[0]']],
  ])('%s', (_name, body, expected) => {
    expect(readPolicy(body).policy).toBeNull();
    expect(keys(body)).toEqual(expected);
  });
});

describe('what it accepts', () => {
  test.each<[string, Json]>([
    ['null lists', { level: 'None', users: null, resources: null, nonResourceURLs: null }],
    ['a null entry of resources is the core group', { level: 'None', resources: [null] }],
    ['resources and namespaces', { level: 'None', resources: [{ group: '*' }], namespaces: ['', 'a'] }],
    ['any group', { level: 'None', resources: [{ group: '*', resources: ['*'], resourceNames: ['a'] }] }],
    ['verbs, users and resources that do not exist', { level: 'None', verbs: ['*'], users: ['*'], resources: [{ resources: ['*/*'] }] }],
    ['/ with a *', { level: 'None', nonResourceURLs: ['/*', '*', '/'] }],
  ])('%s', (_name, rule) => {
    expect(readPolicy(withRule(rule)).problems).toEqual([]);
  });

  test('fields it does not know, and so rules that match more than was written', () => {
    const { policy, ignored } = readPolicy(withRule({ level: 'None', resource: [{ group: '' }], usergroups: ['dev'] }));
    expect(policy?.rules[1]).toMatchObject({ resources: [], userGroups: [] });
    expect(ignored.map(({ path, message }) => `${keyOf(path)}: ${message}`)).toEqual([
      'rules[1].resource: the API server knows no such field and goes on without it; resources was meant?',
      'rules[1].usergroups: the API server knows no such field and goes on without it; userGroups was meant?',
    ]);
  });

  test('any rule as people write them', () => {
    fc.assert(
      fc.property(anyRules, (rules) => {
        expect(policyOf(rules).rules).toHaveLength(rules.length);
      }),
    );
  });
});

test('whatever it is given, it says a problem with a key or gives a policy', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.array(fc.jsonValue()), (value, rules) => {
      for (const body of [value, { ...head, rules }, withRule(value)]) {
        const { policy, problems } = readPolicy(body);
        expect(policy === null).toBe(problems.length > 0);
        expect(problems.every(({ message }) => message.length > 0 && !/\p{Cc}/u.test(message))).toBe(true);
      }
    }),
  );
});
