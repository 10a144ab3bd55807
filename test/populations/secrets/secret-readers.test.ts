import { expect, test } from 'vitest';
import { secretReaders } from '../../../src/populations/secrets/secret-readers.ts';
import type { Json, JsonObject } from '../../../src/model/index.ts';
import { binding, gathersAs, read, role, snapshot } from '../snapshots.ts';

const rbac = 'rbac.authorization.k8s.io';
const user = (name: string): JsonObject => ({ kind: 'User', apiGroup: rbac, name });
const group = (name: string): JsonObject => ({ kind: 'Group', apiGroup: rbac, name });
const account = (namespace: string, name: string): JsonObject => ({ kind: 'ServiceAccount', namespace, name });
const secretsRule = (verbs: Json, more: JsonObject = {}): JsonObject => ({ apiGroups: [''], resources: ['secrets'], verbs, ...more });

const namespace = (name: string): JsonObject => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

test('who can, in which namespace, and who can everywhere', () => {
  const reader = snapshot({
    'k8s.rbac/clusterroles': [
      role('watcher', [secretsRule(['watch'])]),
      role('writer', [secretsRule(['create', 'delete'])]),
      role('mixed', [secretsRule(['get'], { resourceNames: ['db', 'mail'] }), secretsRule(['list'])]),
    ],
    'k8s.rbac/roles': [role('one', [secretsRule(['get'], { resourceNames: ['db'] })], 'shop')],
    'k8s.rbac/clusterrolebindings': [
      binding('watcher', 'watcher', [user('mia'), group('system:authenticated')]),
      binding('writer', 'writer', [user('bob')]),
    ],
    'k8s.rbac/rolebindings': [
      binding('mixed', 'mixed', [user('mia'), user('system:serviceaccount:ci:bot'), account('shop', 'web'), group('dev')], 'shop'),
      binding('one', 'one', [user('eve'), group('dev')], 'shop', 'Role'),
      binding('lost', 'unknown', [user('zoe')], 'quiet'),
    ],
    'k8s.namespaces/namespaces': [namespace('shop'), namespace('quiet')],
  });
  const { rows, gaps } = read(secretReaders, reader);
  expect(gaps).toEqual([]);
  expect(rows.map(({ item }) => item)).toEqual(['all namespaces', 'namespace/quiet', 'namespace/shop']);
  expect(rows[0]).toMatchObject({
    namespace: '',
    readers: ['Group/system:authenticated', 'User/mia'],
    users: ['User/mia'],
    groups: ['Group/system:authenticated'],
    everyone: ['Group/system:authenticated'],
  });
  expect(rows[1]).toMatchObject({ readers: [], readersEverywhere: 2 });
  expect(rows[2]).toMatchObject({
    readers: ['Group/dev', 'ServiceAccount/shop/web', 'User/system:serviceaccount:ci:bot'],
    accounts: ['ServiceAccount/shop/web', 'User/system:serviceaccount:ci:bot'],
    foreignAccounts: ['User/system:serviceaccount:ci:bot'],
    limited: ['User/eve (only db)'],
  });
});

test('a binding whose role was not read leaves its namespace open, and no other', () => {
  const reader = snapshot(
    {
      'k8s.rbac/clusterroles': [],
      'k8s.rbac/roles': [],
      'k8s.rbac/clusterrolebindings': [],
      'k8s.rbac/rolebindings': [binding('b', 'r', [user('mia')], 'shop')],
      'k8s.namespaces/namespaces': [namespace('shop'), namespace('quiet')],
    },
    { gaps: { 'k8s.rbac/clusterroles': [{ reason: 'forbidden', what: 'clusterroles' }] } },
  );
  const { rows, gaps } = read(secretReaders, reader);
  expect(gaps).toHaveLength(1);
  expect(rows.map(({ item, gaps: own }) => [item, own?.length ?? 0])).toEqual([
    ['namespace/quiet', 0],
    ['namespace/shop', 1],
  ]);
});

test('a role that files hold in part leaves its namespace open, and who reads by what is known is a reader', () => {
  const reader = snapshot(
    {
      'k8s.rbac/clusterroles': [{ ...role('r', [secretsRule(['get'])]), ...gathersAs('edit') }],
      'k8s.rbac/roles': [],
      'k8s.rbac/clusterrolebindings': [],
      'k8s.rbac/rolebindings': [binding('b', 'r', [user('mia')], 'shop')],
      'k8s.namespaces/namespaces': [namespace('shop'), namespace('quiet')],
    },
    { scope: 'files' },
  );
  expect(read(secretReaders, reader).rows.map(({ item, readers, gaps }) => [item, readers, gaps?.length ?? 0])).toEqual([
    ['namespace/quiet', [], 0],
    ['namespace/shop', ['User/mia'], 1],
  ]);
});
