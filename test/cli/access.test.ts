/** `access can|check|who-can|matrix` as people type them: what is printed, and the exit code. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccessCan, AccessWhoCan } from '../../src/access/index.ts';
import { accessCanSchema, accessWhoCanSchema } from '../../src/access/index.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { clockFrom, collect, create, pod, signerOf } from '../ledger/given.ts';
import { gathersAs } from '../populations/snapshots.ts';
import { typist } from './type.ts';

const home = mkdtempSync(join(tmpdir(), 'access-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const typeLine = typist({ home, clock: clockFrom('2026-08-14T13:00:00.000Z'), columns: 160, env: { XDG_STATE_HOME: join(home, 'state') } });
const type = (...args: readonly string[]) => typeLine('access', ...args);

/** What no output may hold. */
const harmful = /[\p{Cc}\u202a-\u202e]/u;
const linesOf = (text: string) => text.split('\n');

const hostile = '\u001b[31m=cmd\u202e';
const rbac = 'rbac.authorization.k8s.io';
const bind = (kind: string, metadata: object, roleRef: string, ...subjects: object[]) => ({
  apiVersion: `${rbac}/v1`,
  kind,
  metadata,
  roleRef: { apiGroup: rbac, kind: roleRef.split('/')[0], name: roleRef.split('/')[1] },
  subjects,
});
const role = (kind: string, metadata: object, ...rules: object[]) => ({ apiVersion: `${rbac}/v1`, kind, metadata, rules });
const user = (name: string) => ({ apiGroup: rbac, kind: 'User', name });
const group = (name: string) => ({ apiGroup: rbac, kind: 'Group', name });
const world = [
  role(
    'ClusterRole',
    { name: 'everything' },
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
    { verbs: ['*'], nonResourceURLs: ['*'] },
  ),
  role('ClusterRole', { name: 'scaler' }, { verbs: ['update'], apiGroups: ['apps'], resources: ['deployments/scale'] }),
  role(
    'Role',
    { name: 'db', namespace: 'clinic' },
    { verbs: ['get', 'create'], apiGroups: [''], resources: ['secrets'], resourceNames: ['db', '=2+2'] },
  ),
  bind('ClusterRoleBinding', { name: 'friday' }, 'ClusterRole/everything', user('alice')),
  bind('RoleBinding', { name: 'scale', namespace: 'clinic' }, 'ClusterRole/scaler', group('dev'), user(hostile)),
  bind('RoleBinding', { name: 'db', namespace: 'clinic' }, 'Role/db', { kind: 'ServiceAccount', name: 'bot' }),
  bind('RoleBinding', { name: 'nodes', namespace: 'clinic' }, 'ClusterRole/everything', user('carol')),
  bind('ClusterRoleBinding', { name: 'accounts' }, 'ClusterRole/scaler', group('system:serviceaccounts:clinic')),
];

beforeAll(() => {
  writeFileSync(join(home, 'world.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items: world }));
  writeFileSync(
    join(home, 'roles.json'),
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: world.filter(({ kind }) => kind.endsWith('Role')) }),
  );
  writeFileSync(join(home, 'people.csv'), 'user,group\nerin,dev\n');
});

const from = ['--from', join(home, 'world.json')];

describe('access can', () => {
  it.each<[string, string[], number, string[]]>([
    [
      'a yes says why',
      ['get', 'secrets', '--as', 'alice', '-n', 'clinic'],
      0,
      [
        'yes',
        'get secrets in namespace clinic · as alice',
        'ClusterRoleBinding/friday → ClusterRole/everything → rule 1: * *.*',
        'system:authenticated (implied)',
      ],
    ],
    ['a no', ['get', 'secrets', '--as', 'bob'], 1, ['no', 'no binding gives it']],
    [
      'short names and subresources',
      ['update', 'deploy/scale', '--as', 'x', '--as-group', 'dev', '-n', 'clinic'],
      0,
      ['deployments.apps/scale', 'through the group dev'],
    ],
    [
      'several groups',
      ['update', 'deployments/scale', '--as', 'x', '--as-group', 'ops', 'dev', '-n', 'clinic'],
      0,
      ['groups: ops, dev; system:authenticated (implied)'],
    ],
    ['groups repeated', ['update', 'deployments/scale', '--as', 'x', '--as-group', 'ops', '--as-group', 'dev', '-n', 'clinic'], 0, ['yes']],
    [
      'the groups of an account are implied',
      ['update', 'deployments/scale', '--as', 'system:serviceaccount:clinic:web'],
      0,
      ['system:serviceaccounts, system:serviceaccounts:clinic, system:authenticated (implied)'],
    ],
    [
      'an account as populations write it',
      ['get', 'secrets', '--name', 'db', '--as', 'ServiceAccount/clinic/bot', '-n', 'clinic'],
      0,
      ['(only: db, =2+2)'],
    ],
    ['without the name', ['get', 'secrets', '--as', 'ServiceAccount/clinic/bot', '-n', 'clinic'], 1, ['no']],
    ['a path', ['get', '/metrics', '--as', 'alice'], 0, ['get /metrics', 'ClusterRoleBinding/friday']],
    ['a RoleBinding gives no nodes', ['get', 'nodes', '--as', 'carol', '-n', 'clinic'], 1, ['no', 'nodes are in no namespace']],
    ['but the Namespace that it is in', ['get', 'ns', '--name', 'clinic', '--as', 'carol'], 0, ['RoleBinding/clinic/nodes']],
    ['and not all of them', ['list', 'ns', '--as', 'carol', '-n', 'clinic'], 1, ['no']],
    [
      'the masters',
      ['get', 'x.example.com', '--as', 'x', '--as-group', 'system:masters'],
      0,
      ['before any authorizer', 'example.com is no group of Kubernetes itself'],
    ],
    ['a kubelet', ['get', 'pods', '--as', 'system:node:n', '--as-group', 'system:nodes'], 1, ['Node authorizer']],
    [
      'who is in a group, from a file',
      ['update', 'deployments/scale', '--as', 'erin', '-n', 'clinic', '--memberships', 'people.csv'],
      0,
      ['groups by the file of memberships: dev'],
    ],
    [
      'a group that may',
      ['update', 'deployments/scale', '--as', 'erin', '-n', 'clinic'],
      1,
      ['members of dev may; whether erin is one only the identity provider knows'],
    ],
    ['a verb nobody knows', ['gte', 'pods', '--as', 'bob'], 1, ['gte is no verb of Kubernetes itself']],
    [
      'hostile names are made visible',
      ['update', 'deployments/scale', '--as', hostile, '-n', 'clinic'],
      0,
      ['as \\u{1b}[31m=cmd\\u{202e}'],
    ],
  ])('%s', async (_name, args, code, texts) => {
    const { out, ...rest } = await type('can', ...args, ...from);
    expect(rest).toEqual({ code, err: '' });
    for (const text of texts) expect(out).toContain(text);
    expect(linesOf(out).filter((each) => harmful.test(each))).toEqual([]);
    expect(out).toContain('RBAC only');
  });

  it.each<[string, string[]]>([
    ['groups of nobody', ['get', 'pods', '--as-group', 'dev']],
    ['nobody', ['get', 'pods']],
    ['one word too many', ['get', 'pods', 'web', '--as', 'alice']],
    ['a path with a name', ['get', '/x', '--name', 'y', '--as', 'alice']],
    ['a format', ['get', 'pods', '--as', 'alice', '-o', 'xml']],
    ['a time for files', ['get', 'pods', '--as', 'alice', '--at', '2026-08-14']],
    ['a file of memberships that is not there', ['get', 'pods', '--as', 'alice', '--memberships', 'gone.csv']],
  ])('wrong usage: %s', async (_name, args) => {
    const { code, out, err } = await type('can', ...args, ...from);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/^kubevidence: /);
  });

  it('over what was not read, a no is not known, and a yes is a yes', async () => {
    const only = ['--from', join(home, 'roles.json'), '--as', 'bob'];
    const plain = await type('can', 'get', 'pods', '-n', 'x', ...only);
    expect([plain.code, plain.out.split('\n')[0]]).toEqual([1, 'not known']);
    expect(plain.out).toContain('not read: clusterrolebindings (absent');
    expect((await type('can', 'get', 'pods', ...only, '--strict')).code).toBe(3);
    expect((await type('can', 'get', 'pods', ...only, '--as-group', 'system:masters', '--strict')).code).toBe(0);
    const document = JSON.parse((await type('can', 'get', 'pods', ...only, '-o', 'json')).out) as AccessCan;
    expect([document.answer, document.gaps.map(({ what }) => what)]).toEqual(['notKnown', ['clusterrolebindings']]);
  });

  it('prints one document that its schema knows', async () => {
    const { out } = await type('can', 'get', 'secrets', '--as', hostile, ...from, '-o', 'json');
    expect(linesOf(out).filter((each) => harmful.test(each))).toEqual([]);
    expect(accessCanSchema.parse(JSON.parse(out))).toMatchObject({ user: hostile, answer: 'no', via: null, scope: 'files' });
    const yes = accessCanSchema.parse(JSON.parse((await type('can', 'get', 'secrets', '--as', 'alice', ...from, '-o', 'json')).out));
    expect(yes.via).toMatchObject({
      subject: 'User/alice',
      binding: 'ClusterRoleBinding/friday',
      role: 'ClusterRole/everything',
      ruleIndex: 0,
    });
  });
});

describe('access who-can', () => {
  const ask = async (...args: string[]): Promise<AccessWhoCan> =>
    accessWhoCanSchema.parse(JSON.parse((await type('who-can', ...args, ...from, '-o', 'json')).out));

  it.each<[string, string[], readonly string[]]>([
    ['anywhere, also under some names', ['get', 'secrets'], ['ServiceAccount/clinic/bot limited', 'User/alice', 'User/carol']],
    ['under one name', ['get', 'secrets', 'db', '-n', 'clinic'], ['ServiceAccount/clinic/bot', 'User/alice', 'User/carol']],
    ['under another', ['get', 'secrets', 'x', '-n', 'clinic'], ['User/alice', 'User/carol']],
    ['elsewhere', ['get', 'secrets', '-n', 'bank'], ['User/alice']],
    ['what is in no namespace', ['get', 'nodes'], ['User/alice']],
    ['a Namespace', ['delete', 'namespaces', 'clinic'], ['User/alice', 'User/carol']],
    ['all Namespaces', ['list', 'namespaces'], ['User/alice']],
    ['a path', ['get', '/metrics'], ['User/alice']],
    ['a name does not help who creates', ['create', 'secrets'], ['User/alice', 'User/carol']],
  ])('%s', async (_name, args, expected) => {
    const { holders, complete } = await ask(...args);
    expect(holders.map(({ subject, limited }) => `${subject}${limited ? ' limited' : ''}`)).toEqual(expected);
    expect(complete).toBe(true);
  });

  it('tells the groups that only an identity provider can open, and opens them with a file', async () => {
    const { notes } = await ask('update', 'deployments/scale');
    expect(notes.join('\n')).toMatch(/who is in dev only the identity provider knows/);
    const opened = await ask('update', 'deployments/scale', '--memberships', 'people.csv');
    expect(opened.holders.find(({ subject }) => subject === 'Group/dev')?.members).toEqual(['erin']);
    expect(opened.notes.join('\n')).not.toContain('identity provider');
  });

  it('prints a table in which no name does harm', async () => {
    const { code, out } = await type('who-can', 'update', 'deployments/scale', ...from);
    expect(code).toBe(0);
    expect(out).toContain('User/\\u{1b}[31m=cmd\\u{202e}');
    expect(out).toContain('always: Group/system:masters');
    expect(linesOf(out).filter((each) => harmful.test(each))).toEqual([]);
  });

  it('is never complete over what was not read', async () => {
    const args = ['who-can', 'get', 'pods', '--from', join(home, 'roles.json')];
    const { code, out } = await type(...args);
    expect([code, out]).toEqual([0, expect.stringContaining('nothing that was read gives it')]);
    expect((await type(...args, '--strict')).code).toBe(3);
  });
});

describe('access check', () => {
  const spec = (name: string, verb = 'get') =>
    JSON.stringify({ user: name, groups: [], resourceAttributes: { verb, resource: 'secrets', namespace: 'clinic' } });
  const check = async (lines: readonly string[], source = 'world.json', ...more: string[]) => {
    writeFileSync(join(home, 'tuples.jsonl'), lines.join('\n'));
    const { code, out, err } = await type('check', '--file', 'tuples.jsonl', '-o', 'jsonl', '--from', join(home, source), ...more);
    return {
      code,
      err,
      answers:
        out === '' ? [] : out.split('\n').map((line) => JSON.parse(line) as { allowed: boolean; reason: string; evaluationError?: string }),
    };
  };

  it('answers in order, and implies nothing', async () => {
    const bot = {
      user: 'system:serviceaccount:clinic:bot',
      resourceAttributes: { verb: 'update', group: 'apps', resource: 'deployments', subresource: 'scale' },
    };
    const { code, answers } = await check([
      spec('alice'),
      spec('bob'),
      '',
      JSON.stringify(bot),
      JSON.stringify({ ...bot, groups: ['system:serviceaccounts:clinic'] }),
      JSON.stringify({
        user: '',
        groups: ['system:masters'],
        nonResourceAttributes: { verb: 'x', path: '' },
        resourceAttributes: null,
        extra: { a: ['b'] },
      }),
    ]);
    expect(code).toBe(0);
    expect(answers.map(({ allowed }) => allowed)).toEqual([true, false, false, true, true]);
    expect(answers[0]?.reason).toBe('ClusterRoleBinding/friday → ClusterRole/everything → rule 1: * *.*');
    expect(answers.filter(({ allowed, reason }) => allowed && reason === '')).toEqual([]);
  });

  it.each<[string, string, RegExp]>([
    ['no JSON', '{"user":', /not JSON/],
    ['no object', '[1]', /no object/],
    ['null', 'null', /no object/],
    ['nobody', '{"resourceAttributes":{"verb":"get"}}', /neither a user nor a group/],
    ['a user that is no text', '{"user":7,"resourceAttributes":{}}', /user is no text/],
    ['groups that are none', '{"user":"a","groups":"dev","resourceAttributes":{}}', /groups/],
    ['a group that is none', '{"user":"a","groups":[null],"resourceAttributes":{}}', /groups/],
    ['nothing asked', '{"user":"a"}', /exactly one/],
    ['two things asked', '{"user":"a","resourceAttributes":{},"nonResourceAttributes":{}}', /exactly one/],
    ['attributes that are none', '{"user":"a","resourceAttributes":[]}', /resourceAttributes is no object/],
    ['a verb that is no text', '{"user":"a","resourceAttributes":{"verb":["get"]}}', /resourceAttributes\.verb is no text/],
    ['a path that is no text', '{"user":"a","nonResourceAttributes":{"path":{}}}', /nonResourceAttributes\.path is no text/],
    ['a line without end', `{"user":"${'x'.repeat(1100 * 1024)}"}`, /longer than 1 MiB/],
    ['control characters', '\u0000\u001b[31m', /not JSON/],
  ])('a broken line is named, the others are answered: %s', async (_name, line, message) => {
    const { code, err, answers } = await check([spec('alice'), line, spec('bob'), spec('alice')]);
    expect(code).toBe(2);
    expect(err).toMatch(/^kubevidence: tuples\.jsonl:2: /);
    expect(err).toMatch(message);
    expect(linesOf(err).filter((each) => harmful.test(each))).toEqual([]);
    expect(answers.map(({ allowed }) => allowed)).toEqual([true, false, false, true]);
    expect(answers[1]?.evaluationError).toMatch(message);
    expect(answers[2]?.evaluationError).toBeUndefined();
  });

  it('names the first broken lines and counts the rest', async () => {
    const { code, err } = await check(Array.from({ length: 30 }, () => 'x'));
    expect([code, err.split('\n').length, err.split('\n').at(-1)]).toEqual([2, 21, 'kubevidence: and 10 more broken lines']);
  });

  it('says what is not known, and why', async () => {
    const { code, answers } = await check([spec('alice')], 'roles.json');
    expect([code, answers]).toEqual([
      0,
      [{ allowed: false, reason: '', evaluationError: 'not known: clusterrolebindings (absent), rolebindings (absent)' }],
    ]);
    expect((await check([spec('alice')], 'roles.json', '--strict')).code).toBe(3);
  });

  it('reads a file of no lines, with Windows ends, or without an end', async () => {
    expect(await check([])).toEqual({ code: 0, err: '', answers: [] });
    expect((await check([`\ufeff${spec('alice')}\r`, `${spec('bob')}\r`, ''])).answers.map(({ allowed }) => allowed)).toEqual([
      true,
      false,
    ]);
  });

  it.each([
    ['no such file', ['--file', 'gone.jsonl']],
    ['a directory', ['--file', '.']],
    ['another format', ['--file', 'people.csv', '-o', 'json']],
  ])('wrong usage: %s', async (_name, args) => {
    expect((await type('check', ...args, ...from)).code).toBe(2);
  });
});

describe('access matrix', () => {
  it('has each combination once, with what gives it, and no formula', async () => {
    const { code, out } = await type('matrix', '--out', 'm.csv', ...from);
    expect([code, out]).toEqual([0, expect.stringContaining('m.csv: 8 rows of effective access, 6 subjects')]);
    const lines = readFileSync(join(home, 'm.csv'), 'utf8').trimEnd().split('\r\n');
    expect(lines).toEqual([
      'subject,scope,verb,apiGroup,resource,resourceName,nonResourceURL,through',
      'Group/dev,clinic,update,apps,deployments/scale,,,RoleBinding/clinic/scale → ClusterRole/scaler',
      'Group/system:serviceaccounts:clinic,cluster-wide,update,apps,deployments/scale,,,ClusterRoleBinding/accounts → ClusterRole/scaler',
      'ServiceAccount/clinic/bot,clinic,get,,secrets,db,,RoleBinding/clinic/db → Role/clinic/db',
      `ServiceAccount/clinic/bot,clinic,get,,secrets,"'=2+2",,RoleBinding/clinic/db → Role/clinic/db`,
      'User/\\u{1b}[31m=cmd\\u{202e},clinic,update,apps,deployments/scale,,,RoleBinding/clinic/scale → ClusterRole/scaler',
      'User/alice,cluster-wide,*,*,*,,,ClusterRoleBinding/friday → ClusterRole/everything',
      'User/alice,cluster-wide,*,,,,*,ClusterRoleBinding/friday → ClusterRole/everything',
      'User/carol,clinic,*,*,*,,,RoleBinding/clinic/nodes → ClusterRole/everything',
    ]);
  });

  it('says in the file what was not read', async () => {
    const { code } = await type('matrix', '--out', 'm.csv', '--from', join(home, 'roles.json'), '--strict');
    expect(code).toBe(3);
    expect(readFileSync(join(home, 'm.csv'), 'utf8')).toContain('(not read),,,,,,,clusterrolebindings: absent');
  });

  it.each([
    ['bound', [bind('ClusterRoleBinding', { name: 'b' }, 'ClusterRole/view', user('alice'))], 'rules of ClusterRole/view'],
    [
      'gathered',
      [
        { ...role('ClusterRole', { name: 'ours' }), ...gathersAs('edit') },
        bind('ClusterRoleBinding', { name: 'b' }, 'ClusterRole/ours', user('alice')),
      ],
      'rules that ClusterRole/ours gathers from system:aggregate-to-edit, view',
    ],
  ])('says in the file which default role it lacks that is %s', async (_how, objects, what) => {
    writeFileSync(join(home, 'lacking.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [...world, ...objects] }));
    const { code, out } = await type('matrix', '--out', 'm.csv', '--from', join(home, 'lacking.json'), '--strict');
    expect([code, out.replace(/\s+/g, ' ')]).toEqual([3, expect.stringContaining(`not read: ${what} (absent)`)]);
    expect(readFileSync(join(home, 'm.csv'), 'utf8')).toMatch(new RegExp(`^\\(not read\\),,,,,,,"?${what}: absent`, 'm'));
  });

  it('leaves nothing behind where it cannot write', async () => {
    mkdirSync(join(home, 'taken.csv', 'x'), { recursive: true });
    const { code, err } = await type('matrix', '--out', 'taken.csv', ...from);
    expect([code, err]).toEqual([2, expect.stringContaining('taken.csv cannot be written')]);
    expect(readdirSync(home).filter((name) => name.endsWith('.part'))).toEqual([]);
  });
});

describe('from a ledger', () => {
  it('a run that did not collect RBAC answers not known', async () => {
    mkdirSync(join(home, 'kubevidence'));
    writeFileSync(join(home, 'kubevidence.yaml'), 'organization: Example Clinic\nclusters:\n  - name: prod\n', { mode: 0o600 });
    const path = join(home, 'kubevidence', 'ledger.db');
    const ledger = openLedger({ path, mode: 'write', clock: clockFrom(), signer: signerOf(), create });
    collect(ledger, [pod({ name: 'a' })]);
    ledger.close();
    const { code, out } = await type('can', 'get', 'pods', '--as', 'alice', '--run', '1', '-o', 'json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ answer: 'notKnown', scope: 'cluster', run: { number: 1 }, cluster: { name: 'prod' } });
    expect((await type('can', 'get', 'pods', '--as', 'alice', '--run', '7')).code).toBe(2);
    expect((await type('who-can', 'get', 'pods', '--at', 'yesterday')).code).toBe(2);
  });
});
