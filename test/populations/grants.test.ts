import { describe, expect, test } from 'vitest';
import type { EvidenceReader, Json } from '../../src/model/index.ts';
import { grants } from '../../src/populations/access/grants.ts';
import { roles } from '../../src/populations/access/roles.ts';
import { binding, gathersAs, read, role, snapshot } from './snapshots.ts';

const user = (name: string): Json => ({ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name });
const account = (namespace: Json, name: Json): Json => ({ kind: 'ServiceAccount', namespace, name });

function rbac(objects: { roles?: Json[]; clusterroles?: Json[]; rolebindings?: Json[]; clusterrolebindings?: Json[] }) {
  return {
    'k8s.rbac/roles': objects.roles ?? [],
    'k8s.rbac/clusterroles': objects.clusterroles ?? [],
    'k8s.rbac/rolebindings': objects.rolebindings ?? [],
    'k8s.rbac/clusterrolebindings': objects.clusterrolebindings ?? [],
  };
}

describe('keys', () => {
  test.each<[string, Json, string]>([
    ['a user', user('alice'), 'User/alice|ClusterRoleBinding/b|ClusterRole/r'],
    ['a user with a slash', user('corp/alice'), 'User/corp/alice|ClusterRoleBinding/b|ClusterRole/r'],
    [
      'a user who tries to look like a whole key',
      user('a|ClusterRoleBinding/x'),
      'User/a%7CClusterRoleBinding/x|ClusterRoleBinding/b|ClusterRole/r',
    ],
    ['an account', account('ns', 'sa'), 'ServiceAccount/ns/sa|ClusterRoleBinding/b|ClusterRole/r'],
    ['an account with a slash in its namespace', account('a/b', 'c'), 'ServiceAccount/a%2Fb/c|ClusterRoleBinding/b|ClusterRole/r'],
  ])('%s', (_name, subject, expected) => {
    const { rows } = read(grants, snapshot(rbac({ clusterroles: [role('r', [])], clusterrolebindings: [binding('b', 'r', [subject])] })));
    expect(rows.map((row) => row.item)).toEqual([expected]);
  });

  test('a subject that is listed twice holds the role once; bindings of one name (in files) stay apart', () => {
    const twice = binding('b', 'r', [user('alice'), user('alice')]);
    const { rows } = read(grants, snapshot(rbac({ clusterroles: [role('r', [])], clusterrolebindings: [twice, twice] })));
    expect(rows.map((row) => row.item)).toEqual([
      'User/alice|ClusterRoleBinding/b|ClusterRole/r',
      'User/alice|ClusterRoleBinding/b|ClusterRole/r#2',
    ]);
  });
});

describe('subjects of an odd shape', () => {
  test.each<[string, Json, number, number]>([
    ['no subjects at all', null, 0, 0],
    ['subjects that are no list', 'alice', 0, 0],
    ['an entry that is null', [null], 0, 1],
    ['no kind', [{ name: 'alice' }], 0, 1],
    ['an empty name', [user('')], 0, 1],
    ['a kind that nobody knows', [{ kind: 'Robot', name: 'r2' }], 0, 1],
    ['an account without a namespace in a ClusterRoleBinding', [{ kind: 'ServiceAccount', name: 'x' }], 0, 1],
    ['one good among bad ones', [null, user('alice'), {}], 1, 2],
  ])('%s', (_name, subjects, expectedRows, expectedGaps) => {
    const { rows, gaps } = read(
      grants,
      snapshot(rbac({ clusterroles: [role('r', [])], clusterrolebindings: [binding('b', 'r', subjects)] })),
    );
    expect([rows.length, gaps.length]).toEqual([expectedRows, expectedGaps]);
  });

  test('an account without a namespace is one of the namespace of its RoleBinding', () => {
    const { rows } = read(
      grants,
      snapshot(
        rbac({ roles: [role('r', [], 'ns')], rolebindings: [binding('b', 'r', [{ kind: 'ServiceAccount', name: 'x' }], 'ns', 'Role')] }),
      ),
    );
    expect(rows[0]?.['subject']).toBe('ServiceAccount/ns/x');
  });

  test('a user by the name of an account is that account', () => {
    const { rows } = read(grants, snapshot(rbac({ clusterrolebindings: [binding('b', 'r', [user('system:serviceaccount:ns:sa')])] })));
    expect(rows[0]).toMatchObject({ subject: 'User/system:serviceaccount:ns:sa', account: 'ns/sa' });
  });
});

describe('roles that are not found', () => {
  const given = rbac({ clusterrolebindings: [binding('b', 'gone', [user('alice')])] });

  test('are missing when all roles were read', () => {
    expect(read(grants, snapshot(given)).rows[0]).toMatchObject({ roleMissing: true, powers: [] });
  });

  test('are unknown when they were not', () => {
    const [row] = read(
      grants,
      snapshot(given, { gaps: { 'k8s.rbac/clusterroles': [{ reason: 'forbidden', what: 'clusterroles' }] } }),
    ).rows;
    expect(row).toMatchObject({ roleMissing: false, gaps: [{ reason: 'absent' }] });
  });

  test('a ClusterRole does not stand in for a Role of its name', () => {
    const { rows } = read(
      grants,
      snapshot(rbac({ clusterroles: [role('r', [])], rolebindings: [binding('b', 'r', [user('alice')], 'ns', 'Role')] })),
    );
    expect(rows[0]).toMatchObject({ role: 'Role/ns/r', roleMissing: true });
  });
});

describe('roles that files leave out', () => {
  const reader = 'extension-apiserver-authentication-reader';
  const inFiles = (objects: Parameters<typeof rbac>[0]) =>
    read(grants, snapshot(rbac({ roles: [role('r', [], 'ns')], clusterroles: [role('r', [])], ...objects }), { scope: 'files' })).rows[0];

  test.each<[string, Json[]]>([
    ['cluster-admin', [binding('b', 'cluster-admin', [user('alice')], 'ns')]],
    ['edit', [binding('b', 'edit', [user('alice')], 'ns')]],
    ['system:auth-delegator', [binding('b', 'system:auth-delegator', [user('alice')], 'ns')]],
    ["a controller's", [binding('b', 'system:controller:job-controller', [user('alice')], 'ns')]],
    ['a Role of kube-system', [binding('b', reader, [user('alice')], 'kube-system', 'Role')]],
  ])('are unknown where every API server has them: %s', (_name, rolebindings) => {
    expect(inFiles({ rolebindings })).toMatchObject({ roleMissing: false, gaps: [{ reason: 'absent' }] });
  });

  test.each<[string, Json[]]>([
    ['a name of their own', [binding('b', 'ours', [user('alice')], 'ns')]],
    ['a Role by the name of a ClusterRole', [binding('b', 'edit', [user('alice')], 'ns', 'Role')]],
    ['such a Role in another namespace', [binding('b', reader, [user('alice')], 'ns', 'Role')]],
  ])('are missing where no API server makes them: %s', (_name, rolebindings) => {
    const row = inFiles({ rolebindings });
    expect([row?.['roleMissing'], row?.gaps]).toEqual([true, undefined]);
  });

  test('are known where the files hold them', () => {
    const clusterroles = [role('edit', [{ verbs: ['get'], apiGroups: [''], resources: ['secrets'] }])];
    const row = inFiles({ clusterroles, rolebindings: [binding('b', 'edit', [user('alice')], 'ns')] });
    expect([row?.['readsSecrets'], row?.gaps]).toEqual([['get secrets'], undefined]);
  });

  test('a cluster without a default role has none', () => {
    const given = rbac({ clusterrolebindings: [binding('b', 'edit', [user('alice')])] });
    expect(read(grants, snapshot(given)).rows[0]).toMatchObject({ roleMissing: true });
  });
});

describe('what the API server sets up itself', () => {
  const controller = 'system:controller:job-controller';
  const wide = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }];
  const own = [{ verbs: ['get', 'list'], apiGroups: ['batch'], resources: ['jobs'] }];
  test.each<[string, Json, boolean]>([
    ['a controller', binding(controller, controller, [account('kube-system', 'job-controller')]), true],
    ['another account in its binding', binding(controller, controller, [account('default', 'job-controller')]), false],
    ['another role in its binding', binding(controller, 'cluster-admin', [account('kube-system', 'job-controller')]), false],
    [
      'a controller that does not exist',
      binding('system:controller:evil', 'system:controller:evil', [account('kube-system', 'evil')]),
      false,
    ],
    [
      'a label proves nothing',
      {
        ...binding('x', 'cluster-admin', [user('eve')]),
        metadata: { name: 'x', labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' } },
      },
      false,
    ],
  ])('%s', (_name, given, builtin) => {
    const clusterroles = [...['cluster-admin', 'system:controller:evil'].map((name) => role(name, wide)), role(controller, own)];
    expect(read(grants, snapshot(rbac({ clusterroles, clusterrolebindings: [given] }))).rows[0]).toMatchObject({ builtin });
  });

  test('a role that somebody widened counts for what was added, and an unread one is unknown', () => {
    const clusterrolebindings = [binding(controller, controller, [account('kube-system', 'job-controller')])];
    const added = { verbs: ['create'], apiGroups: [''], resources: ['pods/exec'] };
    const clusterroles = [role(controller, [...own, { verbs: ['create'], apiGroups: [''], resources: ['pods'] }, added])];
    const [row] = read(grants, snapshot(rbac({ clusterroles, clusterrolebindings }))).rows;
    expect(row).toMatchObject({ builtin: false, powers: ['entersPods'], createsPods: [], beyondDefault: ['create pods/exec'] });
    const [unread] = read(grants, snapshot(rbac({ clusterroles: [role('r', [])], clusterrolebindings }), { scope: 'files' })).rows;
    expect(unread).toMatchObject({ builtin: false, gaps: [{ reason: 'absent' }] });
  });
});

test('in files an aggregated role has the rules of the roles that its selector finds', () => {
  const part = {
    ...role('part', [{ verbs: ['get'], apiGroups: [''], resources: ['secrets'] }]),
    metadata: { name: 'part', labels: { agg: 'yes' } },
  };
  const whole = { ...role('whole', []), aggregationRule: { clusterRoleSelectors: [{ matchLabels: { agg: 'yes' } }] } };
  const given = rbac({ clusterroles: [part, whole], clusterrolebindings: [binding('b', 'whole', [user('alice')])] });
  expect(read(grants, snapshot(given, { scope: 'files' })).rows[0]).toMatchObject({ readsSecrets: ['get secrets'] });
  expect(read(grants, snapshot(given)).rows[0]).toMatchObject({ readsSecrets: [] });
});

test('in files an aggregated role is known in part where it gathers roles that they leave out', () => {
  const ours = { ...role('ours', [{ verbs: ['get'], apiGroups: [''], resources: ['secrets'] }]), ...gathersAs('edit') };
  const clusterrolebindings = [binding('b', 'ours', [user('alice')]), binding('empty', 'ours', [])];
  const given = rbac({ clusterroles: [ours], clusterrolebindings });
  const gaps = [{ what: 'rules that ClusterRole/ours gathers from system:aggregate-to-edit, view' }];
  expect(read(grants, snapshot(given, { scope: 'files' })).rows).toMatchObject([
    { roleMissing: false, readsSecrets: ['get secrets'], gaps },
  ]);
  expect(read(grants, snapshot(given)).rows[0]?.gaps).toBeUndefined();
  const inCluster = { ...ours, metadata: { name: 'ours', uid: 'u' } };
  expect(read(grants, snapshot({ ...given, 'k8s.rbac/clusterroles': [inCluster] }, { scope: 'files' })).rows[0]?.gaps).toBeUndefined();
});

test('the wildcards of a role are those that it gathers in files too, and unknown are those of roles that they leave out', () => {
  const part = {
    ...role('part', [{ verbs: ['*'], apiGroups: [''], resources: ['pods'] }]),
    metadata: { name: 'part', labels: { agg: 'yes' } },
  };
  const whole = { ...role('whole', []), aggregationRule: { clusterRoleSelectors: [{ matchLabels: { agg: 'yes' } }] } };
  const given = rbac({ clusterroles: [part, whole, { ...role('ours', []), ...gathersAs('view') }] });
  const found = (scope: EvidenceReader['scope']) =>
    read(roles, snapshot(given, { scope })).rows.map((row) => [row.item, row['wildcards'], row.gaps?.map(({ what }) => what)]);
  expect(found('files')).toEqual([
    ['ClusterRole/ours', [], ['rules that ClusterRole/ours gathers from system:aggregate-to-view']],
    ['ClusterRole/part', ['verbs *'], undefined],
    ['ClusterRole/whole', ['verbs *'], undefined],
  ]);
  expect(found('cluster')).toEqual([
    ['ClusterRole/ours', [], undefined],
    ['ClusterRole/part', ['verbs *'], undefined],
    ['ClusterRole/whole', [], undefined],
  ]);
});

test('ten thousand subjects of one binding are ten thousand rows', () => {
  const subjects = Array.from({ length: 10_000 }, (_, index) => user(`user-${index}`));
  const { rows, gaps } = read(
    grants,
    snapshot(rbac({ clusterroles: [role('r', null)], clusterrolebindings: [binding('b', 'r', subjects)] })),
  );
  expect([rows.length, gaps.length]).toEqual([10_000, 0]);
});
