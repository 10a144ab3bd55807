/** A default role counts as Kubernetes' own as far as it gives what Kubernetes gave it in some version, and no further. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  addedPart,
  beyondDefault,
  createAccessIndex,
  findPaths,
  readReview,
  revokeCommands,
  rightsThrough,
} from '../../src/access/index.ts';
import { readRules } from '../../src/access/rules.ts';
import { isBootstrapGrant, isBootstrapRole, isDefaultRole, isInEveryCluster } from '../../src/access/bootstrap.ts';
import { defaultRulesOf } from '../../src/access/default-roles.ts';
import { defaultRolesText } from '../../src/access/default-roles-data.ts';
import { loadTechniques } from '../../src/catalog/index.ts';
import type { Json, JsonObject } from '../../src/model/index.ts';
import { binding, role } from '../populations/snapshots.ts';
import { rbacSnapshot } from './snapshot.ts';

const objects = (verbs: string[], apiGroup: string, resources: string[], resourceNames: string[] = []): JsonObject => ({
  verbs,
  apiGroups: [apiGroup],
  resources,
  resourceNames,
});
const urls = (...nonResourceURLs: string[]): JsonObject => ({ verbs: ['get'], nonResourceURLs });
const beyond = (key: string, ...rules: Json[]) => beyondDefault({ key, rules: readRules(rules) });

const techniques = loadTechniques({ techniqueDirs: ['techniques'] });

describe('the roles that API servers make', () => {
  const texts = defaultRolesText.trim().split(/\n(?! )/);

  test('are each there once, with rules of a known form', () => {
    const keys = texts.map((text) => text.split('\n')[0] ?? '');
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.filter((key) => !/^(ClusterRole\/[^/]+|Role\/kube-(system|public)\/[^/]+)$/.test(key))).toEqual([]);
    const rules = texts.flatMap((text) => text.split('\n').slice(1));
    const list = '[^|, ]+(,[^|, ]+)*';
    const form = new RegExp(String.raw`^ ${list}(\|[^|, ]*\|${list}(\|${list})?|\|[/*][^| ]*)$`);
    expect(rules.filter((rule) => !form.test(rule))).toEqual([]);
    expect(rules.length).toBeGreaterThan(200);
    // Every start of a command may read it.
    expect(defaultRolesText.length).toBeLessThan(50_000);
  });

  test.each([
    'admin',
    'cluster-admin',
    'edit',
    'system:basic-user',
    'system:kube-scheduler',
    'system:node',
    'system:kubelet-api-admin',
    'view',
  ])('have %s among them', (name) => {
    expect(isDefaultRole('ClusterRole', name)).toBe(true);
    expect(isInEveryCluster(`ClusterRole/${name}`)).toBe(true);
    expect(isDefaultRole('Role', name)).toBe(false);
  });

  test('have controllers among them, also those of an alpha feature', () => {
    for (const name of ['job-controller', 'storage-version-garbage-collector', 'podcertificaterequestcleaner']) {
      const key = `ClusterRole/system:controller:${name}`;
      expect(isBootstrapRole('ClusterRole', `system:controller:${name}`)).toBe(true);
      expect(isBootstrapGrant(`ClusterRoleBinding/system:controller:${name}`, key, `ServiceAccount/kube-system/${name}`)).toBe(true);
    }
    expect(isBootstrapRole('ClusterRole', 'system:controller:evil')).toBe(false);
  });

  test('have the roles of all grants of the control plane, and rules but for those that gather them', () => {
    for (const key of [
      'Role/kube-system/extension-apiserver-authentication-reader',
      'Role/kube-public/system:controller:bootstrap-signer',
      'ClusterRole/system:volume-scheduler',
      'ClusterRole/system:kube-dns',
      'ClusterRole/system:monitoring',
    ])
      expect(defaultRulesOf(key)?.length).toBeGreaterThan(0);
    const empty = texts.filter((text) => !text.includes('\n'));
    expect(empty).toEqual(['ClusterRole/admin', 'ClusterRole/edit', 'ClusterRole/view']);
    expect(defaultRulesOf('ClusterRole/view')).toBeUndefined();
  });
});

describe('beyond what Kubernetes gave', () => {
  test.each<[string, string, JsonObject[], readonly string[]]>([
    ['less than all of it', 'ClusterRole/system:discovery', [urls('/api', '/version')], []],
    ['one path of those it has', 'ClusterRole/system:discovery', [urls('/apis/apps')], []],
    ['paths that it had long ago', 'ClusterRole/system:discovery', [urls('/swagger.json', '/swaggerapi/*')], []],
    ['another path beside them', 'ClusterRole/system:discovery', [urls('/api'), urls('/api', '/metrics')], ['get /api, /metrics']],
    ['every path', 'ClusterRole/system:public-info-viewer', [urls('*')], ['get *']],
    ['another verb', 'ClusterRole/system:public-info-viewer', [{ ...urls('/version'), verbs: ['get', 'post'] }], ['get, post /version']],
    ['objects', 'ClusterRole/system:public-info-viewer', [objects(['list'], '', ['pods'])], ['list pods']],
    ['a rule that gives nothing', 'ClusterRole/system:public-info-viewer', [objects([], '', ['pods'])], []],
    ['a role of which nothing is known', 'ClusterRole/ours', [objects(['list'], '', ['pods'])], []],
    ['its own rules, of a component', 'ClusterRole/system:kube-scheduler', [objects(['create'], '', ['pods/binding'])], []],
    ['others', 'ClusterRole/system:kube-scheduler', [objects(['get'], '', ['secrets'])], ['get secrets']],
    ['a verb of all', 'ClusterRole/system:kube-scheduler', [objects(['*'], '', ['pods'])], ['* pods']],
    [
      'what 1.27 still gave, and upgrades leave',
      'ClusterRole/system:kube-scheduler',
      [objects(['get', 'update'], '', ['endpoints'], ['kube-scheduler'])],
      [],
    ],
    ['the same of every name', 'ClusterRole/system:kube-scheduler', [objects(['update'], '', ['endpoints'])], ['update endpoints']],
    [
      'what the aggregation controller had before 1.16',
      'ClusterRole/system:controller:clusterrole-aggregation-controller',
      [objects(['*'], '*', ['*'])],
      ['* *.*'],
    ],
    [
      'a Role',
      'Role/kube-system/system:controller:token-cleaner',
      [objects(['get', 'delete'], '', ['secrets']), objects(['create'], '', ['secrets'])],
      ['create secrets'],
    ],
    ['a Role of that name elsewhere', 'Role/shop/system:controller:token-cleaner', [objects(['create'], '', ['secrets'])], []],
    ['a role that others add to by a label', 'ClusterRole/view', [objects(['get'], 'example.com', ['widgets'])], []],
    ['a role that has everything', 'ClusterRole/cluster-admin', [objects(['*'], 'example.com', ['*']), urls('/metrics')], []],
  ])('%s', (_name, key, rules, expected) => {
    expect(beyond(key, ...rules)).toEqual(expected);
  });

  test('a real cluster has nothing of it', () => {
    const lines = gunzipSync(readFileSync('demo/recordings/2026-06-29.jsonl.gz')).toString('utf8').trim().split('\n');
    let compared = 0;
    for (const line of lines) {
      const { kind, objects: recorded = [] } = JSON.parse(line) as { kind?: string; objects?: { body: Body }[] };
      if (kind !== 'k8s.rbac/clusterroles' && kind !== 'k8s.rbac/roles') continue;
      for (const { body } of recorded) {
        const { name, namespace } = body.metadata;
        const key = namespace === undefined ? `ClusterRole/${name}` : `Role/${namespace}/${name}`;
        compared += defaultRulesOf(key) === undefined ? 0 : 1;
        expect([key, ...beyond(key, ...(body.rules ?? []))]).toEqual([key]);
      }
    }
    expect(compared).toBeGreaterThan(60);
  });
});

interface Body {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly Json[];
}

describe('a grant of a widened role', () => {
  const name = 'system:controller:generic-garbage-collector';
  const own = objects(['get', 'list', 'watch', 'patch', 'update', 'delete'], '*', ['*']);
  const collector = { kind: 'ServiceAccount', namespace: 'kube-system', name: 'generic-garbage-collector' };
  const alice = { kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'alice' };
  const read = (rules: JsonObject[], subjects = [collector]) => rbacSnapshot([role(name, rules), binding(name, name, subjects)]);
  const partsOf = (...given: Parameters<typeof read>) =>
    createAccessIndex(read(...given)).bindings.flatMap((each) => each.subjects.map((subject) => addedPart(each, subject)));

  test('is one of what was added', () => {
    expect(partsOf([own])).toEqual([undefined]);
    const [part] = partsOf([own, objects(['create'], '', ['pods', 'configmaps'])]);
    expect(part?.role?.rules.map(({ verbs, resources }) => [verbs, resources])).toEqual([[['create'], ['pods', 'configmaps']]]);
    const rights = part && rightsThrough(part);
    expect([rights?.createsPods, rights?.readsSecrets, rights?.everything]).toEqual([['create pods'], [], false]);
  });

  test('counts what takes both', () => {
    const [part] = partsOf([own, objects(['create'], '', ['secrets'])]);
    expect(part && rightsThrough(part).mintsTokens).toEqual(['create secrets and read them']);
  });

  test('is whole for whom Kubernetes does not bind', () => {
    const [, foreign] = partsOf([own, objects(['create'], '', ['pods'])], [collector, { ...alice, namespace: '' }]);
    expect(foreign?.role?.rules).toHaveLength(2);
  });

  test('is reviewed, and what was added is named and to be taken out of the role', () => {
    const snapshot = read([own, objects(['list'], 'example.com', ['widgets']), objects(['create'], '', ['pods'])]);
    const { rows, builtin } = readReview(snapshot, { ownerKeys: [], all: false });
    expect(builtin).toBe(0);
    expect(rows).toMatchObject([{ risk: 'high', right: 'beyond the default: create pods' }]);
    const [all] = readReview(snapshot, { ownerKeys: [], all: true }).rows;
    expect(all?.right).toMatch(/^reads secrets, creates pods/);
    const commands = revokeCommands(
      snapshot,
      [{ subject: rows[0]?.subject ?? '', binding: rows[0]?.binding ?? '', role: rows[0]?.role ?? '' }],
      null,
    );
    expect(commands[0]?.note).toContain(`take out of ClusterRole/${name} what was added to it`);
  });

  test.each<[string, JsonObject, number, readonly string[]]>([
    ['leads nowhere', objects(['create'], '', ['configmaps']), 0, []],
    [
      'opens a way, also with what it had',
      objects(['escalate'], 'rbac.authorization.k8s.io', ['clusterroles']),
      1,
      [`ClusterRoleBinding/${name} (what was added to its role)`],
    ],
  ])('is a step of ways where what was added is one: %s', (_what, added, sources, removals) => {
    const found = findPaths(read([own, added]), techniques, { target: { kind: 'cluster-admin' } });
    expect([found.sources, found.removals.map((removal) => removal.binding)]).toEqual([sources, removals]);
    expect(found.cut?.bindings ?? []).toEqual(removals);
  });
});
