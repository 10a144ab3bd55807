/** `access paths` as a function: over files and over a ledger, each target, every spelling of a subject, what is not known, what people mistype. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PathsOptions } from '../../../src/app/access/paths.ts';
import { accessPaths, collectFiles, loadConfig } from '../../../src/app/index.ts';
import { openLedger } from '../../../src/ledger/index.ts';
import { exitCodeOf, KubevidenceError } from '../../../src/model/index.ts';
import { clockFrom, collect as collectPods, create, pod, signerOf } from '../../ledger/given.ts';
import { gathersAs } from '../../populations/snapshots.ts';
import { asFile, bind, group, hostile, nothingElse, role, user, world } from './paths-world.ts';

const home = mkdtempSync(join(tmpdir(), 'paths-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

let now = Date.parse('2026-08-14T12:00:00Z');
const context = {
  cwd: home,
  env: { HOME: home, XDG_STATE_HOME: join(home, 'state') },
  clock: () => new Date((now += 1000)),
  uid: process.getuid?.() ?? null,
  warn: () => {},
  progress: () => {},
};
const complete = [...world, ...nothingElse];
function write(name: string, documents: readonly object[]): string {
  writeFileSync(join(home, name), asFile(documents));
  return name;
}
const paths = ({ from = 'world.yaml', ...options }: PathsOptions) => accessPaths(context, { from: join(home, from), ...options });
const climbers = async (options: PathsOptions) => [...new Set((await paths(options)).paths.map(({ from }) => from))];
const steps = async (options: PathsOptions) =>
  (await paths(options)).paths.filter(({ kind }) => kind === 'shortest').map(({ hops }) => hops.map(({ technique }) => technique));

beforeAll(() => {
  write('world.yaml', complete);
});

const dev = ['Group/dev', `User/${hostile}`, 'User/alice'];
const deployer = 'ServiceAccount/clinic/deployer';
const aggregator = 'ServiceAccount/kube-system/clusterrole-aggregation-controller';

describe('over files', () => {
  it('finds everybody who climbs to cluster-admin, each hop with its right, and what to remove', async () => {
    const found = await paths({});
    expect(found).toMatchObject({ scope: 'files', run: null, target: 'cluster-admin', subjects: 4, builtin: 1, complete: true, gaps: [] });
    expect(new Set(found.paths.map(({ from }) => from))).toEqual(new Set([...dev, deployer]));
    expect(found.paths.find(({ from }) => from === 'User/alice')).toEqual({
      from: 'User/alice',
      to: 'cluster-admin',
      kind: 'shortest',
      certain: true,
      builtin: false,
      hops: [
        {
          technique: 'create-pod',
          from: 'User/alice',
          to: deployer,
          right: 'create pods in clinic',
          through: 'RoleBinding/clinic/dev → ClusterRole/pod-maker → rule 1: create pods',
          certain: true,
        },
        {
          technique: 'hold-everything',
          from: deployer,
          to: 'cluster-admin',
          right: '* *.*',
          through: 'ClusterRoleBinding/deployer → ClusterRole/everything → rule 1: * *.*',
          certain: true,
        },
      ],
    });
    expect(found.removals[0]).toEqual({ binding: 'ClusterRoleBinding/deployer', role: 'ClusterRole/everything', cuts: 4, of: 4 });
    expect(found.cut).toEqual({ bindings: ['ClusterRoleBinding/deployer'], cuts: 4, keep: 0, minimum: true });
    expect(found.notes).toEqual([expect.stringMatching(/^RBAC only/)]);
  });

  it.each<[string, string, readonly string[]]>([
    ['a Secret that one may read by its name', 'secret:clinic/db', ['User/carol']],
    ['another Secret beside it', 'secret:clinic/other', []],
    ['a Secret elsewhere', 'secret:kube-system/db', []],
    ['a node', 'node:worker-1', ['User/erin']],
  ])('%s: whoever gets there without being administrator', async (_name, to, expected) => {
    const found = await paths({ to });
    const short = found.paths.filter(({ hops }) => !hops.some((hop) => hop.to === 'cluster-admin' || hop.technique === 'create-pod'));
    expect([...new Set(short.map(({ from }) => from))]).toEqual(expected);
    expect(found.target).toBe(to);
    // Whoever is administrator has it too.
    expect(new Set(found.paths.map(({ from }) => from))).toEqual(new Set([...dev, deployer, ...expected]));
  });

  it('tells the paths that the cluster is made with only when asked', async () => {
    expect(await climbers({})).not.toContain(aggregator);
    const all = await paths({ all: true });
    expect(all.paths.filter(({ builtin }) => builtin).map(({ from }) => from)).toEqual([aggregator]);
    expect([all.subjects, all.builtin]).toEqual([4, 1]);
  });

  it('knows no end of ways while a role that every API server has is not among the files', async () => {
    write('unread.yaml', [...complete, bind('ops', 'ClusterRole/admin', [user('bob')], 'clinic')]);
    expect(await paths({ from: 'unread.yaml' })).toMatchObject({ complete: false, gaps: [{ what: 'rules of ClusterRole/admin' }] });
  });

  it('knows no end of ways while a role gathers such a role', async () => {
    write('gathers.yaml', [
      ...complete,
      { ...role('ours', []), ...gathersAs('edit') },
      bind('ops', 'ClusterRole/ours', [user('bob')], 'clinic'),
    ]);
    const what = 'rules that ClusterRole/ours gathers from system:aggregate-to-edit, view';
    expect(await paths({ from: 'gathers.yaml' })).toMatchObject({ complete: false, gaps: [{ what }] });
  });

  it('cannot be told a grant of one’s own as the cluster’s', async () => {
    const mine = bind('system:controller:clusterrole-aggregation-controller', 'ClusterRole/everything', [user('mallory')]);
    write('mine.yaml', [...complete.filter((each) => !JSON.stringify(each).includes('aggregation')), mine]);
    expect(await climbers({ from: 'mine.yaml' })).toContain('User/mallory');
  });

  it.each<[string, readonly string[]]>([
    ['User/alice', ['User/alice']],
    ['alice', ['User/alice']],
    ['Group/dev', ['Group/dev']],
    ['dev', []],
    ['ServiceAccount/clinic/deployer', [deployer]],
    ['system:serviceaccount:clinic:deployer', [deployer]],
    ['User/system:serviceaccount:clinic:deployer', [deployer]],
    ['ServiceAccount/clinic/gone', []],
    ['bob', []],
    ['User/bob', []],
    ['nobody@example.com', []],
    [hostile, [`User/${hostile}`]],
  ])('from %j alone', async (subject, expected) => {
    const found = await paths({ subject });
    expect([...new Set(found.paths.map(({ from }) => from))]).toEqual(expected);
    expect(found.complete).toBe(true);
  });

  it('gives somebody whom no binding names what everybody has', async () => {
    write('open.yaml', [...complete, bind('open', 'ClusterRole/pod-maker', [group('system:authenticated')], 'clinic')]);
    const from = 'open.yaml';
    expect(await steps({ from, subject: 'stranger' })).toEqual([['create-pod', 'hold-everything']]);
    expect(await steps({ from, subject: 'ServiceAccount/clinic/new' })).toEqual([['create-pod', 'hold-everything']]);
    expect(await steps({ from, subject: 'system:anonymous' })).toEqual([]);
  });

  it('finds the masters for whoever may become one', async () => {
    const rules = [{ verbs: ['impersonate'], apiGroups: [''], resources: ['groups'], resourceNames: ['system:masters'] }];
    const users = { verbs: ['impersonate'], apiGroups: [''], resources: ['users'] };
    write('masters.yaml', [...complete, role('actor', [...rules, users]), bind('actor', 'ClusterRole/actor', [user('frank')])]);
    expect((await steps({ from: 'masters.yaml', subject: 'frank' })).flat()).toContain('impersonate-group');
  });
});

describe('what was not read', () => {
  const without = (kind: string) => complete.filter((each) => (each as { kind: string }).kind.replace(/List$/, '') !== kind);

  it.each([
    ['Role', 'roles', /rights that it gives are missing/],
    ['ClusterRoleBinding', 'clusterrolebindings', /./],
    ['Pod', 'pods', /hops through running pods/],
    ['Node', 'nodes', /./],
  ])('makes an answer without %s incomplete, and names the kind', async (kind, what, detail) => {
    write('part.yaml', without(kind));
    const found = await paths({ from: 'part.yaml' });
    expect(found.complete).toBe(false);
    expect(found.gaps.map((gap) => gap.what)).toContain(what);
    expect(found.gaps.find((gap) => gap.what === what)?.detail).toMatch(detail);
    expect(found.gaps.every(({ closedBy }) => closedBy !== undefined)).toBe(true);
  });

  it('makes a hop that needs a pod possible where guards were not read, and certain where they were', async () => {
    write('part.yaml', without('ValidatingWebhookConfiguration'));
    const found = await paths({ from: 'part.yaml', subject: 'alice' });
    expect(found.paths.map(({ certain }) => certain)).toEqual([false]);
    expect(found.paths[0]?.hops[0]).toMatchObject({
      technique: 'create-pod',
      certain: false,
      because: expect.stringContaining('not all read'),
    });
  });

  it('gives no path through bindings that were not read, and never a complete answer', async () => {
    write(
      'roles.yaml',
      complete.filter((each) => !(each as { kind: string }).kind.endsWith('Binding')),
    );
    expect(await paths({ from: 'roles.yaml' })).toMatchObject({ paths: [], subjects: 0, removals: [], cut: null, complete: false });
  });

  it('is complete over an empty cluster that was read', async () => {
    write('empty.yaml', [
      ...nothingElse,
      ...['Role', 'ClusterRole', 'RoleBinding', 'ClusterRoleBinding'].map((kind) => ({
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: `${kind}List`,
        items: [],
      })),
      ...['Namespace', 'ServiceAccount', 'Node', 'Pod'].map((kind) => ({ apiVersion: 'v1', kind: `${kind}List`, items: [] })),
    ]);
    expect(await paths({ from: 'empty.yaml' })).toMatchObject({ paths: [], subjects: 0, builtin: 0, cut: null, complete: true, gaps: [] });
  });
});

describe('wrong usage', () => {
  const targets = /Write cluster-admin, secret:NAMESPACE\/NAME or node:NAME\./;
  const subjects = /Write User\/alice, Group\/dev or ServiceAccount\/NAMESPACE\/NAME\./;
  it.each<[string, PathsOptions, RegExp, RegExp]>([
    ['an unknown target', { to: 'root' }, /^root is no target$/, targets],
    ['no target', { to: '' }, /is no target$/, targets],
    ['a Secret without a namespace', { to: 'secret:db' }, /^secret:db is no target$/, targets],
    ['a Secret with too much', { to: 'secret:a/b/c' }, /is no target$/, targets],
    ['a node without a name', { to: 'node:' }, /is no target$/, targets],
    ['a kind that is none of them', { to: 'pod:a/b' }, /is no target$/, targets],
    ['a target that writes on the terminal', { to: hostile }, /^\\u\{1b\}\[31m/, targets],
    ['a node that is mistyped', { to: 'node:worker-l' }, /^there is no node worker-l in this evidence$/, /^Did you mean worker-1\?$/],
    ['a node that is nowhere near', { to: 'node:zzzzzzzzzz' }, /^there is no node zzzzzzzzzz/, /^Name one of its nodes\.$/],
    ['no subject', { subject: '' }, /is no subject$/, subjects],
    ['an account without a namespace', { subject: 'ServiceAccount/deployer' }, /is no subject$/, subjects],
    ['an account with too much', { subject: 'ServiceAccount/a/b/c' }, /is no subject$/, subjects],
    ['files and a run', { run: 1 }, /^--from reads files/, /^Leave one of them out\.$/],
    ['files and a time', { at: '2026-08-14' }, /^--from reads files/, /^Leave one of them out\.$/],
    ['files that are not there', { from: 'gone.yaml' }, /gone\.yaml/, /./],
  ])('names what to write: %s', async (_name, options, message, next) => {
    const error = await paths(options).then(
      () => expect.fail('it was accepted'),
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(KubevidenceError);
    expect((error as KubevidenceError).message).toMatch(message);
    expect((error as KubevidenceError).next).toMatch(next);
    expect(exitCodeOf(error)).toBe(2);
  });

  it('a node is not refused where nodes were not read', async () => {
    write(
      'part.yaml',
      complete.filter((each) => (each as { kind: string }).kind !== 'Node'),
    );
    expect(await paths({ from: 'part.yaml', to: 'node:worker-l' })).toMatchObject({ target: 'node:worker-l', complete: false });
  });
});

describe('over a ledger', () => {
  const friday = bind('friday', 'ClusterRole/everything', [user('dave')]);
  let between = '';

  beforeAll(async () => {
    writeFileSync(join(home, 'kubevidence.yaml'), 'organization: Clinic\nclusters: [{name: prod, directory: manifests}, {name: pods}]\n', {
      mode: 0o600,
    });
    mkdirSync(join(home, 'manifests'));
    const config = loadConfig({ cwd: home, uid: null });
    const [cluster] = config.clusters;
    if (cluster === undefined) throw new Error('no cluster');
    for (const documents of [complete, [...complete, friday]]) {
      write('manifests/all.yaml', documents);
      // The collecting worker has the machine's clock.
      now = Math.max(now, Date.now());
      await collectFiles(context, { config, cluster, files: [], record: null, dryRun: false }, join(home, 'manifests'));
      now = Math.max(now, Date.now()) + 60_000;
      if (between === '') between = new Date(now - 30_000).toISOString();
    }
  }, 30_000);

  const prod = (options: PathsOptions) => accessPaths(context, { cluster: 'prod', ...options });

  it('answers for the latest run, for a past one and for a moment', async () => {
    const latest = await prod({ subject: 'dave' });
    expect(latest).toMatchObject({ cluster: { name: 'prod' }, run: { number: 2 }, paths: [{ from: 'User/dave', certain: true }] });
    expect(await prod({ subject: 'dave', run: 1 })).toMatchObject({ run: { number: 1 }, paths: [] });
    expect(await prod({ subject: 'dave', at: between })).toMatchObject({ run: { number: 1 }, paths: [] });
    expect((await prod({ run: 1 })).subjects).toBe(4);
    expect((await prod({})).subjects).toBe(5);
  });

  it('refuses a run and a time that are not there', async () => {
    await expect(prod({ run: 7 })).rejects.toMatchObject({ code: 'usage' });
    await expect(prod({ at: 'yesterday' })).rejects.toMatchObject({ code: 'usage' });
    await expect(prod({ at: '2020-01-01T00:00:00Z' })).rejects.toMatchObject({ code: 'usage' });
    await expect(accessPaths(context, { cluster: 'other' })).rejects.toBeInstanceOf(KubevidenceError);
  });

  it('is not known for a run that did not read RBAC', async () => {
    const path = join(home, 'kubevidence', 'small.db');
    const ledger = openLedger({ path, mode: 'write', clock: clockFrom(), signer: signerOf(), create });
    collectPods(ledger, [pod({ name: 'a' })]);
    ledger.close();
    writeFileSync(join(home, 'small.yaml'), 'organization: Clinic\nledger: sqlite:kubevidence/small.db\nclusters: [{name: prod}]\n', {
      mode: 0o600,
    });
    const found = await accessPaths(context, { configPath: 'small.yaml' });
    expect(found).toMatchObject({ scope: 'cluster', paths: [], complete: false });
    expect(found.gaps.map(({ what }) => what)).toEqual(
      expect.arrayContaining(['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings']),
    );
  });
});
