/** Drift between two snapshots of a ledger: what is compared, by which catalog, and what the command says and returns. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseSnapshots, driftCommand } from '../../src/app/govern/drift.ts';
import { type AppContext, assessCommand, collectFiles, loadConfig } from '../../src/app/index.ts';
import { driftSchema } from '../../src/assessment/index.ts';
import { driftAction } from '../../src/cli/drift.ts';
import { type Ledger, openLedger } from '../../src/ledger/index.ts';
import type { ClusterIdentity, EvidenceObject, Gap, ListingKind, RunSummary } from '../../src/model/index.ts';
import { clockFrom, create, identity, listing, plan, pod, pods, signerOf } from '../ledger/given.ts';

const bindings: ListingKind = 'k8s.rbac/clusterrolebindings';
const roles: ListingKind = 'k8s.rbac/clusterroles';
const metrics: ListingKind = 'k8s.apiserver/metrics';
const forbidden: Gap = { reason: 'forbidden', what: 'clusterrolebindings' };

function binding(name: string, subject: string, uid = `u-${name}`): EvidenceObject {
  const metadata = { name, uid };
  const subjects = [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: subject }];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' };
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const body = { apiVersion, kind: 'ClusterRoleBinding', metadata, roleRef, subjects };
  return { apiVersion, type: 'ClusterRoleBinding', namespace: '', name, uid, resourceVersion: '1', body };
}

const admin: EvidenceObject = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  type: 'ClusterRole',
  namespace: '',
  name: 'cluster-admin',
  uid: 'u-admin',
  resourceVersion: '1',
  body: {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'cluster-admin', uid: 'u-admin' },
    rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
  },
};
const sample = (value: string): EvidenceObject => ({
  ...pod({ name: 'm' }),
  body: { kind: 'MetricFamily', metadata: { name: 'm' }, samples: [value] },
});

function write(
  ledger: Ledger,
  observedAt: string,
  seen: Partial<Record<ListingKind, readonly EvidenceObject[] | Gap>>,
  of: ClusterIdentity = identity,
  scope: 'cluster' | 'files' = 'cluster',
): void {
  const given = { 'k8s.rbac/roles': [], 'k8s.rbac/rolebindings': [], ...seen };
  const { number } = plan(ledger);
  const writer = ledger.startRun({ cluster: 'prod', number, identity: of, scope, listings: [] });
  let partial = false;
  for (const [kind, what] of Object.entries(given) as [ListingKind, readonly EvidenceObject[] | Gap][]) {
    const objects = 'reason' in what ? [] : what;
    partial ||= 'reason' in what;
    writer.put(kind, objects);
    writer.close(listing(kind, objects.length, 'reason' in what ? { gaps: [what] } : {}));
  }
  writer.end({ status: partial ? 'partial' : 'succeeded', error: null, identity: of, serverClockSkewMs: null, observedAt });
}

const directory = mkdtempSync(join(tmpdir(), 'drift-'));
const warnings: string[] = [];
let runs: readonly RunSummary[] = [];
const context: AppContext = {
  cwd: directory,
  env: {},
  clock: () => new Date('2026-08-21T06:00:00.000Z'),
  uid: null,
  warn: (text) => warnings.push(text),
  progress: () => {},
};

beforeAll(() => {
  writeFileSync(join(directory, 'kubevidence.yaml'), 'organization: Clinic\nledger: sqlite:ledger.db\nclusters: [{name: prod}]\n');
  const ledger = openLedger({ path: join(directory, 'ledger.db'), mode: 'write', clock: clockFrom(), signer: signerOf(), create });
  const web = (image: string, uid = 'w') => pod({ namespace: 'web', name: 'web', uid, image });
  write(ledger, '2026-08-10T06:00:00.000Z', { [roles]: [admin], [bindings]: [], [pods]: [web('a')], [metrics]: [sample('1')] });
  write(ledger, '2026-08-17T06:00:00.000Z', {
    [roles]: [admin],
    [bindings]: [binding('friday', 'alice\u001b[2J')],
    [pods]: [web('b', 'w2')],
    [metrics]: [sample('2')],
  });
  write(ledger, '2026-08-18T06:00:00.000Z', {
    [roles]: [admin],
    [bindings]: forbidden,
    [pods]: [web('b', 'w2')],
    [metrics]: [sample('3')],
  });
  const { number } = plan(ledger);
  ledger
    .startRun({ cluster: 'prod', number, identity, scope: 'cluster', listings: [] })
    .end({ status: 'failed', error: 'x', identity, serverClockSkewMs: null });
  runs = ledger.runs('prod');
  ledger.close();
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const outcomeOf = (drift: Awaited<ReturnType<typeof driftCommand>>, control: string) =>
  drift.outcomes.find((each) => each.control === control);

describe('drift between two snapshots', () => {
  it('names objects and outcomes, judged by one catalog', async () => {
    const drift = await driftCommand(context, { toRun: 2 });
    expect(driftSchema.parse(drift)).toEqual(drift);
    expect(drift).toMatchObject({
      from: { run: 1, at: '2026-08-10T06:00:00.000Z' },
      to: { run: 2 },
      drift: true,
      judgedBy: 'today',
      namespace: null,
    });
    expect(drift.objects).toMatchObject([
      { kind: bindings, change: 'added', type: 'ClusterRoleBinding', name: 'friday' },
      { kind: pods, change: 'changed', name: 'web', before: { uid: 'w' }, after: { uid: 'w2' } },
    ]);
    expect(outcomeOf(drift, 'RBAC-001')).toMatchObject({ before: 'pass', after: 'fail', appeared: [{ certain: true }], resolved: [] });
    expect(drift.access).toMatchObject({
      gained: [
        { subject: 'User/alice\u001b[2J', namespace: '', rights: ['* *.*'], binding: 'ClusterRoleBinding/friday', cause: 'binding' },
      ],
      lost: [],
      unknown: 0,
    });
    expect(drift.paths).toMatchObject({
      target: 'cluster-admin',
      gained: [
        {
          subject: 'User/alice\u001b[2J',
          certain: true,
          hops: [{ from: 'User/alice\u001b[2J', to: 'cluster-admin', right: expect.any(String) }],
          cause: { what: 'binding', object: 'ClusterRoleBinding/friday' },
          // Namespaces, nodes and more were read by neither run.
          known: false,
        },
      ],
      lost: [],
      unknown: 0,
    });
    // Counters differ in every run.
    expect(drift.kinds.map(({ kind }) => kind)).not.toContain(metrics);
    expect(drift.notCompared).toContain(metrics);
  });

  it('calls nothing resolved that the later run could not read', async () => {
    const drift = await driftCommand(context, {});
    expect([drift.from.run, drift.to.run]).toEqual([2, 3]);
    expect(drift.objects).toEqual([]);
    expect(drift.access).toMatchObject({ gained: [], lost: [], unknown: 1, gaps: [forbidden] });
    expect(drift.paths).toMatchObject({ gained: [], lost: [], unknown: 1 });
    expect(drift.kinds.find(({ kind }) => kind === bindings)).toMatchObject({ removed: 0, unknown: 1, after: { complete: false } });
    expect(outcomeOf(drift, 'RBAC-001')).toMatchObject({ before: 'fail', after: 'notAssessed', resolved: [{ certain: false }] });
  });

  it('looks at one namespace when asked to', async () => {
    const drift = await driftCommand(context, { toRun: 2, namespace: 'web' });
    expect(drift.objects.map(({ name }) => name)).toEqual(['web']);
    expect(drift.access).toMatchObject({ gained: [], lost: [], unknown: 0 });
    expect(drift.paths).toBeNull();
    expect(drift.kinds.map(({ kind }) => kind)).toEqual([pods, 'k8s.rbac/rolebindings', 'k8s.rbac/roles'].toSorted());
    expect(outcomeOf(drift, 'RBAC-001')).toBeUndefined();
  });

  it.each([
    [{ since: '4d' }, [2, 3]],
    [{ since: '8d' }, [1, 3]],
    [{ since: '90d' }, [1, 3]],
    [{ fromRun: 1 }, [1, 3]],
    [{ fromRun: 1, toRun: 2 }, [1, 2]],
  ])('chooses the snapshots of %j', (options, expected) => {
    expect(chooseSnapshots(runs, 'prod', options, context).map(({ number }) => number)).toEqual(expected);
  });

  it.each([
    [{ toRun: 1 }, 'usage', 'there is no snapshot of prod before run 1'],
    [{ fromRun: 2, toRun: 2 }, 'usage', 'run 2 is not before run 2'],
    [{ fromRun: 3, toRun: 1 }, 'usage', 'run 3 is not before run 1'],
    [{ toRun: 4 }, 'usage', 'run 4 of prod is failed: it has no snapshot'],
    [{ toRun: 9 }, 'usage', 'there is no run 9 of prod'],
    [{ since: 'yesterday' }, 'usage', 'yesterday is no length of time'],
    [{ since: '1h' }, 'incomplete', 'nothing was read of prod in the last 1 h'],
    [{ toRun: 1, fromRun: 1 }, 'usage', 'run 1 is not before run 1'],
    [{ since: '1d', fromRun: 1 }, 'usage', '--from-run and --since both say where to begin'],
  ])('refuses %j', (options, code, message) => {
    expect(() => chooseSnapshots(runs, 'prod', options, context)).toThrow(expect.objectContaining({ code, message }));
  });

  it('says where the ledger is younger than what was asked for', () => {
    warnings.length = 0;
    chooseSnapshots(runs, 'prod', { since: '90d' }, context);
    expect(warnings).toEqual([expect.stringContaining('compared with the first one, run 1')]);
  });
});

describe('drift from the baseline', () => {
  it('needs one that was accepted, and no other beginning', async () => {
    await expect(driftCommand(context, { baseline: true })).rejects.toMatchObject({
      code: 'usage',
      message: 'no baseline of prod was accepted yet',
    });
    await expect(driftCommand(context, { baseline: true, fromRun: 1 })).rejects.toMatchObject({ code: 'usage' });
  });

  it('begins with the accepted snapshot and says who accepted it', async () => {
    const ledger = openLedger({ path: join(directory, 'ledger.db'), mode: 'write', clock: clockFrom(), signer: signerOf() });
    ledger.acceptBaseline({ cluster: 'prod', run: 1, reason: 'go-live', by: 'Eve' });
    ledger.close();
    const drift = await driftCommand(context, { baseline: true, toRun: 2, namespace: 'web' });
    expect(drift).toMatchObject({ from: { run: 1 }, to: { run: 2 }, baseline: { by: 'Eve', reason: 'go-live' } });
    expect(driftSchema.parse(drift)).toEqual(drift);
  });
});

describe('what neither run read', () => {
  it('is not said to be without a difference', async () => {
    const cwd = mkdtempSync(join(tmpdir(), 'drift-'));
    writeFileSync(join(cwd, 'kubevidence.yaml'), 'organization: Clinic\nledger: sqlite:ledger.db\nclusters: [{name: prod}]\n');
    const ledger = openLedger({ path: join(cwd, 'ledger.db'), mode: 'write', clock: clockFrom(), signer: signerOf(), create });
    for (const day of ['10', '11']) write(ledger, `2026-08-${day}T06:00:00.000Z`, { [roles]: [admin], [bindings]: forbidden });
    ledger.close();
    const { code, text } = await print({ ...context, cwd }, { failOnDrift: true });
    const flat = text.replaceAll(/\s+/g, ' ');
    rmSync(cwd, { recursive: true });
    expect(code).toBe(0);
    expect(flat).toContain('no net difference in the 3 kinds of objects that both runs read whole, and none in outcomes');
    expect(flat).toMatch(/not known: whether anything differs of 1 kind of objects, and of \d+ controls that are not assessed in both/);
  });
});

describe('snapshots that are not of one cluster', () => {
  it('are compared with a warning', async () => {
    const cwd = mkdtempSync(join(tmpdir(), 'drift-'));
    writeFileSync(join(cwd, 'kubevidence.yaml'), 'organization: Clinic\nledger: sqlite:ledger.db\nclusters: [{name: prod}]\n');
    const ledger = openLedger({ path: join(cwd, 'ledger.db'), mode: 'write', clock: clockFrom(), signer: signerOf(), create });
    const other = { ...identity, uid: '00000000-0000-4000-8000-000000000002' };
    write(ledger, '2026-08-10T06:00:00.000Z', {});
    plan(ledger);
    ledger
      .startRun({ cluster: 'prod', number: 2, identity: other, scope: 'cluster', listings: [] })
      .end({ status: 'failed', error: 'another cluster', identity: other, serverClockSkewMs: null });
    ledger.rebindCluster({ cluster: 'prod', reason: 'rebuilt', by: 'Dana' });
    write(ledger, '2026-08-11T06:00:00.000Z', {}, other);
    write(ledger, '2026-08-12T06:00:00.000Z', {}, { ...identity, uid: null }, 'files');
    ledger.close();
    const told: string[] = [];
    const there = { ...context, cwd, warn: (text: string) => void told.push(text) };
    await driftCommand(there, { toRun: 3 });
    await driftCommand(there, {});
    rmSync(cwd, { recursive: true });
    expect(told).toEqual([
      'run 1 and run 3 of prod are of two clusters: the name was bound to another one between them',
      'run 3 and run 4 of prod: one is of files, the other of a cluster, so what no file holds counts as added or removed',
    ]);
  });
});

describe('assessments on record', () => {
  const at = mkdtempSync(join(tmpdir(), 'drift-'));
  const files = join(at, 'manifests');
  let now = Date.now();
  const there: AppContext = { ...context, cwd: at, env: { HOME: at }, clock: () => new Date((now += 1000)) };
  const configure = (cluster: string, more: string) => {
    const text = `organization: Clinic\nclusters: [{name: prod, directory: manifests${cluster}}]\n${more}`;
    writeFileSync(join(at, 'kubevidence.yaml'), text, { mode: 0o600 });
    return loadConfig({ cwd: at, uid: null });
  };
  const collect = async (config: ReturnType<typeof configure>) => {
    const [cluster] = config.clusters;
    if (cluster === undefined) throw new Error('no cluster');
    await collectFiles(there, { config, cluster, files: [], record: null, dryRun: false }, files);
    // The worker has the machine's clock.
    now = Math.max(now, Date.now());
    await assessCommand(there, {});
  };
  afterAll(() => rmSync(at, { recursive: true, force: true }));

  it('are compared only where who runs the control plane, and which frameworks count, was the same', { timeout: 60_000 }, async () => {
    mkdirSync(files);
    writeFileSync(join(files, 'pod.json'), JSON.stringify(pod({ namespace: 'web', name: 'web', image: 'a' }).body));
    await collect(configure('', ''));
    await collect(configure('', ''));
    expect(await driftCommand(there, {})).toMatchObject({ judgedBy: 'recorded', drift: false });
    await collect(configure(', managed: gke', 'frameworks: [gdpr]\n'));
    expect(await driftCommand(there, {})).toMatchObject({ judgedBy: 'today', drift: false });
    await collect(configure('', 'frameworks: [gdpr]\n'));
    expect(await driftCommand(there, {})).toMatchObject({ judgedBy: 'today', drift: false });
    await collect(configure('', ''));
    expect(await driftCommand(there, {})).toMatchObject({ judgedBy: 'today', drift: false });
  });
});

async function print(app: AppContext, options: Record<string, unknown>) {
  const lines: string[] = [];
  const terminal = {
    columns: 100,
    print: (text = '') => lines.push(text),
    note: () => {},
    status: () => {},
    style: (_: unknown, text: string) => text,
  };
  const code = await driftAction({ app, terminal }, { output: 'table', ...options }, []);
  return { code, text: lines.join('\n') };
}

describe('kubevidence drift', () => {
  const run = (options: Record<string, unknown>) => print(context, options);

  it('prints outcomes, objects with their paths, and what is unknown; nothing that controls a terminal', async () => {
    const { code, text } = await run({ toRun: 2 });
    expect(code).toBe(0);
    expect(text).toContain('net differences between the two snapshots');
    expect(text).toMatch(/CRITICAL {2}RBAC-001 {2}.*pass → fail/);
    expect(text).toContain('+ ClusterRoleBinding/friday');
    expect(text).toContain('~ Pod/web/web, re-created');
    expect(text).toContain('spec.containers["main"].image: "a" → "b"');
    const flat = text.replaceAll(/\s+/g, ' ');
    expect(flat).toContain(String.raw`paths to cluster-admin + User/alice\u{1b}[2J can now reach cluster-admin in 1 step: `);
    expect(flat).toContain('since ClusterRoleBinding/friday was added');
    expect(text).not.toContain('\u001b');
    expect((await run({})).text.replaceAll(/\s+/g, ' ')).toContain(
      'not known: 1 subject of whose paths one run, not read whole, says nothing',
    );
    expect((await run({})).text).toContain('unknown, because a run could not read it; neither added nor removed:');
  });

  it('exits 1 on drift only when asked to', async () => {
    expect((await run({ toRun: 2, failOnDrift: true })).code).toBe(1);
    const quiet = await run({ fromRun: 1, toRun: 2, namespace: 'nowhere', failOnDrift: true });
    expect(quiet.code).toBe(0);
    expect(quiet.text).toContain('no net difference');
  });

  it('prints one document for programs', async () => {
    const { text } = await run({ toRun: 2, output: 'json' });
    expect(driftSchema.parse(JSON.parse(text)).schema).toBe('kubevidence/drift/v1');
    expect(text).not.toContain('\u001b');
  });
});
