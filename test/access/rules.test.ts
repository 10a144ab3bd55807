import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/model/index.ts';
import { allows, readRules, wildcardsOf } from '../../src/access/rules.ts';
import { rightsOf } from '../../src/access/powers.ts';

const rule = (verbs: string[], apiGroups: string[], resources: string[], resourceNames: string[] = []) => ({
  verbs,
  apiGroups,
  resources,
  resourceNames,
});

describe('what a rule allows, as the authorizer says', () => {
  test.each<[string, Json, [string, string, string, string?], boolean]>([
    ['a literal', rule(['get'], [''], ['pods']), ['get', '', 'pods'], true],
    ['another verb', rule(['get'], [''], ['pods']), ['list', '', 'pods'], false],
    ['another group', rule(['get'], ['apps'], ['pods']), ['get', '', 'pods'], false],
    ['a resource is not its subresource', rule(['create'], [''], ['pods']), ['create', '', 'pods/exec'], false],
    ['nor the other way round', rule(['get'], [''], ['pods/log']), ['get', '', 'pods'], false],
    ['* is every resource and subresource', rule(['create'], [''], ['*']), ['create', '', 'pods/exec'], true],
    ['*/exec is the subresource of every resource', rule(['create'], [''], ['*/exec']), ['create', '', 'pods/exec'], true],
    ['but not the resource', rule(['create'], [''], ['*/exec']), ['create', '', 'pods'], false],
    ['pods/* is nothing that RBAC knows', rule(['create'], [''], ['pods/*']), ['create', '', 'pods/exec'], false],
    ['a name that is listed', rule(['get'], [''], ['secrets'], ['db']), ['get', '', 'secrets', 'db'], true],
    ['a name that is not', rule(['get'], [''], ['secrets'], ['db']), ['get', '', 'secrets', 'web'], false],
    ['list has no name', rule(['list'], [''], ['secrets'], ['db']), ['list', '', 'secrets'], false],
    ['a verb is no pattern', rule(['ge*'], [''], ['pods']), ['get', '', 'pods'], false],
  ])('%s', (_name, given, [verb, group, resource, name], expected) => {
    expect(allows(readRules([given])[0] as never, verb, group, resource, name)).toBe(expected);
  });
});

describe('dangerous rights', () => {
  const rights = (rules: Json[], clusterWide = true) => rightsOf(readRules(rules), clusterWide);

  test.each<[string, Json[], keyof ReturnType<typeof rights>, readonly string[]]>([
    ['watch is reading', [rule(['watch'], [''], ['secrets'])], 'readsSecrets', ['watch secrets']],
    ['verbs are named together', [rule(['*'], [''], ['secrets'])], 'readsSecrets', ['get, list, watch secrets']],
    ['names are shown', [rule(['get'], [''], ['secrets'], ['b', 'a'])], 'readsSecrets', ['get secrets (only: a, b)']],
    [
      'a rule without names hides those with',
      [rule(['get'], [''], ['secrets'], ['a']), rule(['get'], [''], ['secrets'])],
      'readsSecrets',
      ['get secrets'],
    ],
    ['create with names is nothing', [rule(['create'], ['apps'], ['deployments'], ['a'])], 'createsPods', []],
    [
      'create on a subresource with names is something',
      [rule(['create'], [''], ['serviceaccounts/token'], ['a'])],
      'mintsTokens',
      ['create serviceaccounts/token (only: a)'],
    ],
    [
      'a Secret of the token type',
      [rule(['create'], [''], ['secrets']), rule(['list'], [''], ['secrets'])],
      'mintsTokens',
      ['create secrets and read them'],
    ],
    ['writing Secrets alone', [rule(['create'], [''], ['secrets'])], 'mintsTokens', []],
    [
      'userextras',
      [rule(['impersonate'], ['authentication.k8s.io'], ['userextras/scopes'])],
      'escalates',
      ['impersonate userextras/scopes.authentication.k8s.io'],
    ],
    [
      'constrained impersonation',
      [rule(['impersonate-on:user-info:list'], [''], ['pods'])],
      'escalates',
      ['impersonate-on:user-info:list pods'],
    ],
    ['a verb that only begins alike', [rule(['impersonated'], [''], ['pods'])], 'escalates', []],
    ['any verb on the node proxy', [rule(['delete'], [''], ['nodes/proxy'])], 'proxiesNodes', ['delete nodes/proxy']],
  ])('%s', (_name, rules, power, expected) => {
    expect(rights(rules)[power]).toEqual(expected);
  });

  test('cluster-scoped kinds are out of reach for a binding in a namespace', () => {
    const all = rights([rule(['*'], ['*'], ['*'])], false);
    expect(all.everything).toBe(true);
    for (const power of ['createsVolumes', 'proxiesNodes', 'approvesCertificates', 'changesWebhooks', 'changesPolicies'] as const)
      expect(all[power]).toEqual([]);
    expect(all.escalates).toContain('bind, escalate roles.rbac.authorization.k8s.io');
    expect(all.escalates.join()).not.toContain('clusterroles');
  });

  test.each<[string, Json[], boolean]>([
    ['one rule', [rule(['get', '*'], ['', '*'], ['x', '*'])], true],
    ['not when it is limited to names', [rule(['*'], ['*'], ['*'], ['a'])], false],
    ['not when it lacks a group', [rule(['*'], ['apps'], ['*'])], false],
  ])('everything: %s', (_name, rules, expected) => {
    expect(rights(rules).everything).toBe(expected);
  });
});

test.each<[string, Json[]]>([
  ['null', [null]],
  ['text', ['*']],
  ['fields of other types', [{ verbs: '*', apiGroups: { 0: '*' }, resources: [['*']], resourceNames: 7 }]],
])('rules of an odd shape allow nothing: %s', (_name, rules) => {
  const read = readRules(rules);
  expect(wildcardsOf(read)).toEqual([]);
  expect(Object.values(rightsOf(read, true)).every((held) => held === false || (Array.isArray(held) && held.length === 0))).toBe(true);
});

test('wildcards are found among others and behind a slash', () => {
  expect(wildcardsOf(readRules([rule(['get', '*'], [''], ['pods', 'pods/*', '*/scale'])]))).toEqual([
    'resources */scale',
    'resources pods/*',
    'verbs *',
  ]);
});

describe('ways to reach pods, and to change the labels of namespaces', () => {
  const held = (rules: Json[], clusterWide = true) => {
    const { reachesPods, labelsNamespaces } = rightsOf(readRules(rules), clusterWide);
    return { reachesPods, labelsNamespaces };
  };
  test.each<[string, Json, boolean, ReturnType<typeof held>]>([
    [
      'port-forward',
      rule(['create'], [''], ['pods/portforward']),
      true,
      { reachesPods: ['create pods/portforward'], labelsNamespaces: [] },
    ],
    [
      '*/proxy is that of pods and of services, also in one namespace',
      rule(['get'], [''], ['*/proxy']),
      false,
      { reachesPods: ['get pods/proxy', 'get services/proxy'], labelsNamespaces: [] },
    ],
    ['the proxy of nodes is another', rule(['get'], [''], ['nodes/proxy']), true, { reachesPods: [], labelsNamespaces: [] }],
    ['pods/* is nothing', rule(['*'], [''], ['pods/*', 'namespaces/*']), true, { reachesPods: [], labelsNamespaces: [] }],
    [
      'a binding in a namespace is enough to change its labels, and not to create one',
      rule(['create', 'patch'], [''], ['namespaces']),
      false,
      { reachesPods: [], labelsNamespaces: ['patch namespaces'] },
    ],
    [
      'one namespace by its name',
      rule(['patch'], [''], ['namespaces'], ['shop']),
      true,
      { reachesPods: [], labelsNamespaces: ['patch namespaces (only: shop)'] },
    ],
    [
      'a name does not limit what has none: create gives nothing then',
      rule(['create'], [''], ['namespaces'], ['shop']),
      true,
      { reachesPods: [], labelsNamespaces: [] },
    ],
  ])('%s', (_name, given, clusterWide, expected) => {
    expect(held([given], clusterWide)).toEqual(expected);
  });
});
