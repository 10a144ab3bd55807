/** Populations around bindings beside the grants: what refers to what, and what changed since an earlier run. */
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readPopulation } from '../../src/assessment/index.ts';
import { loadTechniques } from '../../src/catalog/index.ts';
import { type EvidenceReader, type Gap, isObject, type Json, type JsonObject, type ListingKind, type Row } from '../../src/model/index.ts';
import { accountGrants } from '../../src/populations/access/account-grants.ts';
import { bindingChanges } from '../../src/populations/access/binding-changes.ts';
import { escalationPaths } from '../../src/populations/access/escalation-paths.ts';
import { mastersUses } from '../../src/populations/access/masters-uses.ts';
import { roleUses } from '../../src/populations/access/role-uses.ts';
import { binding, gathersAs, read, role, snapshot } from './snapshots.ts';

const user = (name: string): Json => ({ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name });
const rbac = (
  given: Partial<Record<'roles' | 'clusterroles' | 'rolebindings' | 'clusterrolebindings', Json[]>>,
  accounts: Json[] | null = null,
) => ({
  'k8s.rbac/roles': given.roles ?? [],
  'k8s.rbac/clusterroles': given.clusterroles ?? [],
  'k8s.rbac/rolebindings': given.rolebindings ?? [],
  'k8s.rbac/clusterrolebindings': given.clusterrolebindings ?? [],
  ...(accounts !== null && { 'k8s.serviceaccounts/serviceaccounts': accounts }),
});
const forbidden = (kind: ListingKind): Partial<Record<ListingKind, Gap[]>> => ({
  [kind]: [{ reason: 'forbidden', what: kind.slice(kind.indexOf('/') + 1) }],
});
const withMetadata = (object: JsonObject, more: JsonObject): JsonObject => ({
  ...object,
  metadata: { ...(object['metadata'] as JsonObject), ...more },
});

describe('what is not seen is unknown where not everything was read', () => {
  const account = { kind: 'ServiceAccount', namespace: 'ci', name: 'bot' };
  test.each<[string, boolean, Json[], unknown]>([
    ['all were read', true, [], false],
    ['not all were read', false, [], undefined],
    ['but it is there', false, [{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'bot', namespace: 'ci' } }], true],
  ])('an account: %s', (_name, complete, accounts, exists) => {
    const given = rbac({ clusterroles: [role('r', [])], clusterrolebindings: [binding('b', 'r', [account])] }, accounts);
    const [row] = read(accountGrants, snapshot(given, complete ? {} : { gaps: forbidden('k8s.serviceaccounts/serviceaccounts') })).rows;
    expect(row?.['exists']).toBe(exists);
    expect(row?.gaps?.length ?? 0).toBe(exists === undefined ? 1 : 0);
  });

  test.each<[string, EvidenceReader['scope'], string, unknown]>([
    ['default in files, where every namespace gets one from its cluster', 'files', 'default', undefined],
    ['another in files', 'files', 'bot', false],
    ['default of a cluster', 'cluster', 'default', false],
  ])('an account that is not there: %s', (_name, scope, name, exists) => {
    const given = rbac({ clusterroles: [role('r', [])], clusterrolebindings: [binding('b', 'r', [{ ...account, name }])] }, []);
    const [row] = read(accountGrants, snapshot(given, { scope })).rows;
    expect([row?.['exists'], row?.gaps?.length]).toEqual([exists, exists === undefined ? 1 : undefined]);
  });

  test('a way to cluster-admin of who holds a role that files leave out, also in part; one that was found stands', () => {
    const everything = role('everything', [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }]);
    const clusterrolebindings = [
      binding('a', 'admin', [user('alice')]),
      binding('b', 'admin', [user('bob')]),
      binding('c', 'everything', [user('bob')]),
      binding('d', 'ours', [user('carol')]),
    ];
    const clusterroles = [everything, { ...role('ours', []), ...gathersAs('view') }];
    const rows: Row[] = [];
    const reader = snapshot(rbac({ clusterroles, clusterrolebindings }), { scope: 'files' });
    const techniques = loadTechniques({ techniqueDirs: [join(import.meta.dirname, '../../techniques')] });
    readPopulation(escalationPaths, reader, (row) => rows.push(row), techniques);
    expect(rows.map((row) => [row.item, row['reach'], row.gaps?.map(({ what }) => what)])).toEqual([
      ['User/alice', 'none', ['rules of ClusterRole/admin']],
      ['User/bob', 'certain', undefined],
      ['User/carol', 'none', ['rules that ClusterRole/ours gathers from system:aggregate-to-view']],
    ]);
  });

  test.each<[string, Json[], boolean, unknown]>([
    ['bound', [binding('b', 'r', [user('a')], 'ns')], false, 1],
    ['bound to nobody is bound', [binding('b', 'r', null, 'ns')], true, 1],
    ['not bound', [], true, 0],
    ['not seen', [], false, undefined],
  ])('a role: %s', (_name, rolebindings, complete, bindings) => {
    const given = rbac({ clusterroles: [role('r', [])], rolebindings });
    const [row] = read(roleUses, snapshot(given, complete ? {} : { gaps: forbidden('k8s.rbac/rolebindings') })).rows;
    expect(row?.['bindings']).toBe(bindings);
  });
});

test('an aggregating role does not gather itself, nor what its selector leaves out', () => {
  const labelled = (name: string, team: string) => withMetadata(role(name, []), { labels: { team } });
  const whole = { ...labelled('whole', 'a'), aggregationRule: { clusterRoleSelectors: [{ matchLabels: { team: 'a' } }] } };
  const { rows } = read(roleUses, snapshot(rbac({ clusterroles: [labelled('a', 'a'), labelled('b', 'b'), whole] })));
  expect(rows.map((row) => [row['role'], row['gatheredBy']])).toEqual([
    ['ClusterRole/a', ['whole']],
    ['ClusterRole/b', []],
    ['ClusterRole/whole', []],
  ]);
});

test('a default role gathers by its label, also where files leave it out; a cluster without it has none that does', () => {
  const part = withMetadata(role('part', []), { labels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } });
  const gatheredBy = (scope: EvidenceReader['scope'], ...more: JsonObject[]) =>
    read(roleUses, snapshot(rbac({ clusterroles: [part, ...more] }), { scope })).rows.find(({ item }) => item.endsWith('/part'))?.[
      'gatheredBy'
    ];
  expect([gatheredBy('files'), gatheredBy('cluster')]).toEqual([['view'], []]);
  const view = { ...role('view', []), ...gathersAs('view') };
  expect([gatheredBy('files', view), gatheredBy('cluster', view)]).toEqual([['view'], ['view']]);
  expect(gatheredBy('files', role('view', []))).toEqual([]);
});

test('system:masters without any binding is incomplete, never empty', () => {
  const { rows, gaps } = read(mastersUses, snapshot(rbac({ clusterrolebindings: [binding('x', 'r', [user('system:masters')])] })));
  expect(rows).toEqual([]);
  expect(gaps.map(({ what }) => what)).toEqual(['members of system:masters']);
});

describe('changes since an earlier run', () => {
  const old = withMetadata(binding('b', 'r', [user('a'), user('b')]), { uid: 'u1' });
  const changes = (now: Json[], before: Json[] | null, earlier: Json[] | null = null) => {
    const first = earlier === null ? undefined : snapshot(rbac({ clusterrolebindings: earlier }));
    const previous =
      before === null
        ? snapshot(rbac({}), { gaps: forbidden('k8s.rbac/clusterrolebindings'), ...(first && { previous: first }) })
        : snapshot(rbac({ clusterrolebindings: before }), { ...(first && { previous: first }) });
    return read(bindingChanges, snapshot(rbac({ clusterrolebindings: now }), { previous }));
  };

  test.each<[string, Json, string | undefined]>([
    ['nothing', old, undefined],
    ['subjects in another order', { ...old, subjects: [user('b'), user('a')] }, undefined],
    ['a subject twice', { ...old, subjects: [user('a'), user('b'), user('a')] }, undefined],
    ['a label', withMetadata(old, { labels: { x: 'y' } }), undefined],
    ['one subject less', { ...old, subjects: [user('a')] }, 'changed'],
    ['one more', { ...old, subjects: [user('a'), user('b'), user('c')] }, 'changed'],
    ['another object of the name', withMetadata(old, { uid: 'u2' }), 'deleted and made anew'],
  ])('%s', (_name, now, change) => {
    expect(changes([now], [old]).rows.map((row) => row['change'])).toEqual(change === undefined ? [] : [change]);
  });

  test('a run that could not read them does not hide what changed beside it', () => {
    const added = binding('new', 'r', [user('c')]);
    const { rows, gaps } = changes([old, added], null, [old]);
    expect([rows.map(({ item }) => item), gaps]).toEqual([['ClusterRoleBinding/new'], []]);
    expect(changes([old], null).gaps.map(({ reason }) => reason)).toEqual(['absent']);
  });

  test('says since when a new binding is there, and nothing of one that changed', () => {
    const created = withMetadata(binding('new', 'r', [user('c')]), { creationTimestamp: '2026-08-14T15:52:00Z' });
    expect(changes([created], []).rows[0]?.since).toEqual({
      at: '2026-08-14T15:52:00.000Z',
      source: 'creationTimestamp of ClusterRoleBinding/new',
    });
    expect(changes([{ ...created, subjects: [] }], [created]).rows[0]).not.toHaveProperty('since');
  });

  test('of annotations it has values, and the names of those that were not kept', () => {
    const annotations = { a: 'x', b: { $scrubbed: true }, c: 7 };
    expect(changes([withMetadata(binding('new', 'r', []), { annotations })], []).rows[0]).toMatchObject({
      annotations: { a: 'x' },
      hidden: ['b', 'c'],
      annotationsBefore: {},
      hiddenBefore: [],
    });
  });

  test('of a binding that changed it has those of before too: they stay on it', () => {
    const annotated = (binding: JsonObject, annotations: JsonObject) => withMetadata(binding, { annotations });
    const before = annotated(old, { a: 'x', b: { $scrubbed: true } });
    const after = annotated({ ...old, subjects: [user('a')] }, { a: 'x', b: 'y' });
    expect(changes([after], [before]).rows[0]).toMatchObject({
      annotations: { a: 'x', b: 'y' },
      hidden: [],
      annotationsBefore: { a: 'x' },
      hiddenBefore: ['b'],
    });
  });

  test('so has one that was made anew, which says since when it is there', () => {
    const before = withMetadata(old, { annotations: { a: 'x' } });
    const [row] = changes([withMetadata(before, { uid: 'u2', creationTimestamp: '2026-08-14T15:52:00Z' })], [before]).rows;
    expect(row).toMatchObject({ annotations: { a: 'x' }, annotationsBefore: { a: 'x' }, since: { at: '2026-08-14T15:52:00.000Z' } });
    expect(row?.evidence).toHaveLength(2);
  });

  test('nothing in an object makes it throw, and a snapshot does not differ from itself', () => {
    const odd = fc.dictionary(
      fc.constantFrom('subjects', 'roleRef', 'metadata', 'kind', 'x'),
      fc.oneof(fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>, fc.constant([user('a'), null, {}] as Json)),
    );
    const named = fc.tuple(odd, fc.constantFrom('a', 'b')).map(([body, name]) => {
      const metadata = Object.assign({}, isObject(body['metadata']) ? body['metadata'] : {}, { name, uid: name });
      return Object.assign({}, body, { metadata }) as Json;
    });
    fc.assert(
      fc.property(fc.array(named, { maxLength: 4 }), fc.array(named, { maxLength: 4 }), (now, before) => {
        changes(now, before);
        const once = now.filter((each, i) => now.findIndex((other) => nameIn(other) === nameIn(each)) === i);
        expect(changes(once, once).rows).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

function nameIn(object: Json): unknown {
  return ((object as JsonObject)['metadata'] as JsonObject)['name'];
}
