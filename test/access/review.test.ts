/** The access review's population: rows, risks, digests, what became of decisions, and the commands, which a real shell reads back. */
import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareReviews, createFollowUp, quote, readReview, type ReviewRow, revokeCommands } from '../../src/access/index.ts';
import type { JsonObject } from '../../src/model/index.ts';
import { gathersAs } from '../populations/snapshots.ts';
import { forbidden, rbacSnapshot } from './snapshot.ts';

const group = 'rbac.authorization.k8s.io';
const options = { ownerKeys: ['owner', 'team'], all: false };
type Subject = Readonly<Record<string, string>>;
const user = (name: string): Subject => ({ kind: 'User', name });
const rule = (verbs: string[], resources: string[], more: JsonObject = {}): JsonObject => ({ apiGroups: [''], verbs, resources, ...more });
const everything: JsonObject = { apiGroups: ['*'], resources: ['*'], verbs: ['*'] };

function role(name: string, rules: readonly JsonObject[], namespace = ''): JsonObject {
  return { kind: namespace === '' ? 'ClusterRole' : 'Role', metadata: { name, namespace, uid: `r-${name}` }, rules: [...rules] };
}

function bind(name: string, to: string, subjects: readonly Subject[], namespace = '', roleKind = 'ClusterRole'): JsonObject {
  const metadata = { name, namespace, uid: `u-${name}` };
  const kind = namespace === '' ? 'ClusterRoleBinding' : 'RoleBinding';
  return { kind, metadata, roleRef: { apiGroup: group, kind: roleKind, name: to }, subjects: [...subjects] };
}

const read = (objects: readonly JsonObject[], all = false) => readReview(rbacSnapshot(objects), { ...options, all });
const only = (rows: readonly ReviewRow[]): ReviewRow => rows[0] ?? expect.fail('no row');

describe('the risk of a grant', () => {
  const masters = { kind: 'Group', name: 'system:authenticated' };
  const anonymous = user('system:anonymous');
  it.each<[string, JsonObject[], Subject, string, string, RegExp, RegExp]>([
    ['everything', [everything], user('a'), '', 'high', /^cluster-wide$/, /^everything/],
    ['everything in a namespace', [everything], user('a'), 'shop', 'high', /^in one namespace$/, /^everything/],
    ['secrets everywhere', [rule(['get'], ['secrets'])], user('a'), '', 'high', /^cluster-wide$/, /^reads secrets$/],
    ['secrets in one namespace', [rule(['get'], ['secrets'])], user('a'), 'shop', 'medium', /^in one namespace$/, /^reads secrets$/],
    [
      'secrets of the control plane',
      [rule(['list'], ['secrets'])],
      user('a'),
      'kube-system',
      'high',
      /^in kube-system$/,
      /^reads secrets$/,
    ],
    [
      'one secret everywhere',
      [rule(['get'], ['secrets'], { resourceNames: ['x'] })],
      user('a'),
      '',
      'medium',
      /named objects only/,
      /^reads secrets \(only: x\)$/,
    ],
    ['one secret', [rule(['get'], ['secrets'], { resourceNames: ['x'] })], user('a'), 'shop', 'low', /named objects only/, /only: x/],
    [
      'a role by name',
      [{ apiGroups: [group], verbs: ['bind'], resources: ['clusterroles'], resourceNames: ['admin (only: x)'] }],
      user('a'),
      '',
      'high',
      /^cluster-wide$/,
      /binds/,
    ],
    ['a path into pods', [rule(['create'], ['pods/portforward'])], user('a'), '', 'medium', /^cluster-wide$/, /connects to pods/],
    [
      'two of different weight',
      [rule(['create'], ['pods', 'pods/portforward'])],
      user('a'),
      '',
      'high',
      /^cluster-wide: creates pods$/,
      /creates pods, connects to pods/,
    ],
    ['nothing dangerous', [rule(['get', 'list'], ['configmaps'])], user('a'), '', 'low', /no dangerous right/, /^get, list configmaps$/],
    ['nothing', [], user('a'), '', 'low', /no dangerous right/, /no rules/],
    ['secrets for everyone', [rule(['get'], ['secrets'])], masters, 'shop', 'high', /everyone who can log in/, /reads secrets/],
    ['a little for everyone', [rule(['get'], ['configmaps'])], masters, '', 'low', /everyone who can log in/, /configmaps/],
    ['a little without login', [rule(['get'], ['configmaps'])], anonymous, '', 'medium', /without logging in/, /configmaps/],
  ])('%s', (_what, rules, subject, namespace, risk, because, right) => {
    const row = only(read([role('r', rules), bind('b', 'r', [subject], namespace)]).rows);
    expect(row).toMatchObject({ risk, because: expect.stringMatching(because), right: expect.stringMatching(right) });
  });

  it('is high where the rules were not read, and low where the role is known to be missing', () => {
    const objects = [bind('b', 'gone', [user('a')])];
    expect(only(read(objects).rows)).toMatchObject({ risk: 'low', right: 'nothing: the role does not exist' });
    const unread = readReview(rbacSnapshot(objects, forbidden('clusterroles')), options);
    expect(only(unread.rows)).toMatchObject({ risk: 'high', right: 'not known' });
    expect(unread).toMatchObject({ gaps: [{ what: 'clusterroles' }], read: { roles: false } });
  });

  it('is high where files hold a role in part, whatever is known of it', () => {
    const inFiles = (rules: JsonObject[], more: JsonObject) => {
      const ours = { ...role('r', rules), metadata: { name: 'r' }, ...more };
      const { rows, gaps } = readReview(rbacSnapshot([ours, bind('b', 'r', [user('a')])], { scope: 'files' }), options);
      return { ...only(rows), gaps: gaps.map(({ what }) => what) };
    };
    const gaps = ['rules that ClusterRole/r gathers from system:aggregate-to-edit, view'];
    const because = 'the rules of the role were not all read';
    expect(inFiles([], gathersAs('edit'))).toMatchObject({ risk: 'high', because, right: 'not known', gaps });
    const right = 'get pods; the rest is not known';
    expect(inFiles([rule(['get'], ['pods'])], gathersAs('edit'))).toMatchObject({ risk: 'high', because, right, gaps });
    expect(inFiles([], {}).id).not.toBe(inFiles([], gathersAs('edit')).id);
  });

  it('shows the first rules of a long role, and counts the rest', () => {
    const rules = Array.from({ length: 5 }, (_, i) => rule(['get'], ['a', 'b', 'c', 'd', 'e', `f${i}`]));
    expect(only(read([role('r', rules), bind('b', 'r', [user('a')])]).rows).right).toBe(
      'get a, b, c, d and 2 more; get a, b, c, d and 2 more; and 3 more rules',
    );
  });
});

describe('the population', () => {
  const view = role('view', [rule(['get'], ['pods'])]);
  const admin = role('cluster-admin', [everything]);
  const masters = bind('cluster-admin', 'cluster-admin', [{ kind: 'Group', name: 'system:masters' }]);

  it('leaves built-in grants out, and counts them', () => {
    const objects = [view, admin, masters, bind('b', 'view', [user('a')])];
    expect(read(objects)).toMatchObject({ builtin: 1, rows: [{ item: 'User/a|ClusterRoleBinding/b|ClusterRole/view' }] });
    expect(read(objects, true).rows).toHaveLength(2);
    expect(read(objects, true).digest).not.toBe(read(objects).digest);
  });

  it('has one digest, whatever the order of the objects and whoever owns a namespace', () => {
    const objects = [view, admin, bind('a', 'view', [user('x'), user('y')], 'shop'), bind('b', 'cluster-admin', [user('x')])];
    const { digest } = read(objects);
    expect(read(objects.toReversed()).digest).toBe(digest);
    const owned = rbacSnapshot(objects);
    expect(readReview(owned, { ...options, ownerKeys: [] }).digest).toBe(digest);
    const changes = [
      [view, admin, bind('a', 'view', [user('x')], 'shop'), bind('b', 'cluster-admin', [user('x')])],
      [role('view', [rule(['get', 'list'], ['pods'])]), ...objects.slice(1)],
    ];
    for (const changed of changes) expect(read(changed).digest).not.toBe(digest);
    expect(readReview(rbacSnapshot(objects, forbidden('roles')), options).digest).not.toBe(digest);
  });

  it('is grouped by owner: by label, by annotation, of the account for what holds cluster-wide, or nobody', () => {
    const namespace = (name: string, metadata: JsonObject): JsonObject => ({ kind: 'Namespace', metadata: { name, ...metadata } });
    const objects = [
      view,
      admin,
      bind('low', 'view', [user('a')], 'shop'),
      bind('high', 'cluster-admin', [user('b')], 'shop'),
      bind('lab', 'cluster-admin', [{ kind: 'ServiceAccount', name: 'bot', namespace: 'lab' }]),
      bind('none', 'view', [user('c')], 'bare'),
      bind('wide', 'view', [user('d')]),
    ];
    const reader = rbacSnapshot(objects);
    const listed = [
      namespace('shop', { labels: { owner: 'team-web' } }),
      namespace('lab', { labels: { owner: '' }, annotations: { team: 'team-lab' } }),
      namespace('bare', {}),
    ].map((body) => ({ body, name: (body['metadata'] as JsonObject)['name'] as string }));
    const withNamespaces = {
      ...reader,
      objects: (kind: Parameters<typeof reader.objects>[0]) =>
        kind === 'k8s.namespaces/namespaces' ? (listed as never) : reader.objects(kind),
      listing: (kind: Parameters<typeof reader.listing>[0]) =>
        reader.listing(kind === 'k8s.namespaces/namespaces' ? 'k8s.rbac/roles' : kind),
    };
    expect(readReview(withNamespaces, options).rows.map(({ owner, risk, name }) => `${owner} ${risk} ${name}`)).toEqual([
      'team-lab high bot',
      'team-web high b',
      'team-web low a',
      '(cluster-wide) low d',
      '(no owner) low c',
    ]);
    expect(read(objects).rows.map(({ owner }) => owner)).toContain('(namespaces not read)');
  });

  it('names what differs from another one', () => {
    const before = read([view, bind('a', 'view', [user('x'), user('y')]), bind('b', 'view', [user('z')])]);
    const after = read([role('view', [rule(['get'], ['secrets'])]), bind('a', 'view', [user('x'), user('w')]), bind('b', 'view', [])]);
    expect(compareReviews(before, before)).toEqual([]);
    expect(compareReviews(before, after).map(({ text }) => text)).toEqual([
      'User/x through ClusterRoleBinding/a → ClusterRole/view: gave get pods; gives reads secrets',
      'User/y through ClusterRoleBinding/a → ClusterRole/view: is gone',
      'User/z through ClusterRoleBinding/b → ClusterRole/view: is gone',
      'User/w through ClusterRoleBinding/a → ClusterRole/view: is new (high: cluster-wide)',
    ]);
  });
});

describe('what became of a decision', () => {
  const view = role('view', [rule(['get'], ['pods'])]);
  const decided = only(read([view, bind('a', 'view', [user('x')], 'shop')]).rows);
  it.each<[string, JsonObject[], string, RegExp | null]>([
    ['nothing', [view, bind('a', 'view', [user('x')], 'shop')], 'stillThere', null],
    ['the subject is gone', [view, bind('a', 'view', [user('y')], 'shop')], 'done', null],
    ['the binding is gone', [view], 'done', null],
    ['the role gives less', [role('view', []), bind('a', 'view', [user('x')], 'shop')], 'changed', /now gives nothing/],
    ['the binding is of another role', [role('w', []), bind('a', 'w', [user('x')], 'shop')], 'changed', /now gives ClusterRole\/w/],
    ['another binding took its place', [view, bind('b', 'view', [user('x')])], 'elsewhere', /through ClusterRoleBinding\/b/],
    ['another namespace is not here', [view, bind('b', 'view', [user('x')], 'lab')], 'done', null],
  ])('%s', (_what, objects, state, detail) => {
    const found = createFollowUp(read(objects))(decided);
    expect(found.state).toBe(state);
    expect(found.detail ?? '').toMatch(detail ?? /^$/);
  });

  it('is not known where bindings were not read', () => {
    const unread = readReview(rbacSnapshot([view], forbidden('rolebindings')), options);
    expect(createFollowUp(unread)(decided).state).toBe('notKnown');
  });
});

describe('the commands', () => {
  const hostile = `a'; rm -rf / #$(x)\`\n\u001b[31m\u202e`;
  const objects = [
    role('view', [rule(['get'], ['pods'])]),
    bind('one', 'view', [user('x')]),
    bind('many', 'view', [user('x'), { kind: 'ServiceAccount', name: 'bot' }, user(hostile), user('y'), user('x')], 'shop'),
    bind(hostile, 'view', [user('x')], 'shop'),
    bind('--all', 'view', [user('x'), user('y')]),
  ];
  const revoke = (subject: string, binding: string) => ({ subject, binding, role: 'ClusterRole/view' });
  const commands = (...revokes: ReturnType<typeof revoke>[]) =>
    revokeCommands(rbacSnapshot(objects), revokes, 'prod eu').map((each) => each.command);
  /** The words that a shell makes of a command. */
  const wordsOf = (command: string): string[] =>
    execFileSync('bash', ['-c', `kubectl() { printf '%s\\0' "$@"; }; ${command}`], { encoding: 'utf8' })
      .split('\0')
      .slice(0, -1);

  it('delete a binding of which nothing is left, also under a name like an option', () => {
    expect(wordsOf(commands(revoke('User/x', 'ClusterRoleBinding/one'))[0] ?? '')).toEqual([
      '--context=prod eu',
      'delete',
      'clusterrolebinding.rbac.authorization.k8s.io/one',
    ]);
    const both = commands(revoke('User/x', 'ClusterRoleBinding/--all'), revoke('User/y', 'ClusterRoleBinding/--all'));
    expect(wordsOf(both[0] ?? '')).toEqual(['--context=prod eu', 'delete', 'clusterrolebinding.rbac.authorization.k8s.io/--all']);
  });

  it('remove subjects in one patch, from the last to the first, and only where they still stand', () => {
    const [command = '', ...more] = commands(revoke(`User/${hostile}`, 'RoleBinding/shop/many'), revoke('User/x', 'RoleBinding/shop/many'));
    expect(more).toEqual([]);
    expect(command).toMatch(/^[ -~]*$/);
    const words = wordsOf(command);
    expect(words.slice(0, 5)).toEqual([
      '--context=prod eu',
      'patch',
      '--namespace=shop',
      'rolebinding.rbac.authorization.k8s.io/many',
      '--type=json',
    ]);
    const test = (position: number, field: string, value: string) => ({ op: 'test', path: `/subjects/${position}/${field}`, value });
    expect(JSON.parse(words[5]?.replace('--patch=', '') ?? '')).toEqual([
      { op: 'test', path: '/metadata/uid', value: 'u-many' },
      ...[0, 2, 4].flatMap((at) => [test(at, 'kind', 'User'), test(at, 'name', at === 2 ? hostile : 'x')]),
      ...[4, 2, 0].map((at) => ({ op: 'remove', path: `/subjects/${at}` })),
    ]);
  });

  it('reach a binding with a hostile name, and leave alone what is gone', () => {
    const [command = ''] = commands(revoke('User/x', `RoleBinding/shop/${hostile.replaceAll('/', '%2F')}`));
    expect(wordsOf(command).at(-1)).toBe(`rolebinding.rbac.authorization.k8s.io/${hostile}`);
    expect(commands(revoke('User/nobody', 'ClusterRoleBinding/one'), revoke('User/x', 'ClusterRoleBinding/none'))).toEqual([]);
  });

  it('say where the API server makes a binding anew', () => {
    const own = [role('cluster-admin', [everything]), bind('cluster-admin', 'cluster-admin', [{ kind: 'Group', name: 'system:masters' }])];
    const revokes = [{ subject: 'Group/system:masters', binding: 'ClusterRoleBinding/cluster-admin', role: 'ClusterRole/cluster-admin' }];
    expect(revokeCommands(rbacSnapshot(own), revokes, null)).toMatchObject([{ note: expect.stringContaining('makes this binding anew') }]);
  });

  it('are one word of a shell for any text', () => {
    const words: string[] = [];
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 12 }), (text) => {
        // No argument of a program can hold it.
        const word = text.replaceAll('\0', '');
        words.push(word);
      }),
      { numRuns: 400 },
    );
    const command = `kubectl ${words.map(quote).join(' ')}`;
    expect(command).toMatch(/^[ -~]*$/);
    expect(wordsOf(command)).toEqual(words);
  });
});
