/** Packs of periods that are not covered: each is made, verifies, says so, and concludes nothing that was not seen in it. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collectFiles, createPackCommand, loadConfig } from '../../src/app/index.ts';
import { choosePeriod, shownRun } from '../../src/app/pack/pack-period.ts';
import type { RunSummary } from '../../src/model/index.ts';
import { verifyPack } from '../../src/packs/index.ts';

const directory = mkdtempSync(join(tmpdir(), 'pack-period-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let now = 0;
const context = {
  cwd: directory,
  env: { HOME: directory },
  clock: () => new Date((now += 1000)),
  uid: null,
  warn: () => {},
  progress: () => {},
};
const configure = () => loadConfig({ cwd: directory, uid: null });

beforeAll(async () => {
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'friday' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'alice' }],
  };
  mkdirSync(join(directory, 'manifests'));
  writeFileSync(join(directory, 'manifests', 'friday.json'), JSON.stringify(binding));
  const text = 'organization: Clinic\nframeworks: [gdpr]\nclusters: [{name: prod, directory: manifests}]\n';
  writeFileSync(join(directory, 'kubevidence.yaml'), text, { mode: 0o600 });
  now = Date.now();
  const config = configure();
  const [cluster] = config.clusters;
  if (cluster === undefined) throw new Error('no cluster');
  await collectFiles(context, { config, cluster, files: [], record: null, dryRun: false }, join(directory, 'manifests'));
  // The worker has the machine's clock.
  now = Date.now() + 1000;
}, 30_000);

const year = new Date().getUTCFullYear();

describe('a pack of a period', () => {
  const cases: readonly (readonly [string, string, boolean, RegExp])[] = [
    ['that has not begun', `${year + 2}-Q1`, false, /had not begun/],
    ["before the ledger's birth", `${year - 1}-Q1`, true, /started after the period was over/],
  ];
  it.each(cases)('%s is made, verifies, and passes nothing', { timeout: 60_000 }, async (_, period, over, notice) => {
    const out = join(directory, period);
    const report = await createPackCommand(context, { config: configure(), out, form: 'directory', period });
    expect(report.period.over).toBe(over);
    expect(report.result).toMatch(/^Insufficient coverage: nothing was read in the period/);
    expect(report.notices.some((sentence) => notice.test(sentence))).toBe(true);
    expect((await verifyPack(out, { trust: report.fingerprint })).ok).toBe(true);
  });

  it('that is half over tells of its beginning only, and is the same again at its checkpoint', { timeout: 60_000 }, async () => {
    const options = { config: configure(), form: 'directory', period: String(year) } as const;
    const first = await createPackCommand(context, { ...options, out: join(directory, 'half') });
    expect(first.notices).toEqual(
      expect.arrayContaining([expect.stringMatching(/was not over/), expect.stringMatching(/log started after/)]),
    );
    expect(first.result).toMatch(/^[1-9]\d* of \d+ controls deviated/);
    await createPackCommand(context, { ...options, out: join(directory, 'again'), checkpoint: first.checkpoint.size });
    const manifest = (name: string) => readFileSync(join(directory, name, 'manifest.json'), 'utf8');
    expect(manifest('again')).toBe(manifest('half'));
  });

  it('is judged by the definitions of its last run, whatever they are today', { timeout: 90_000 }, async () => {
    const options = { form: 'directory', period: String(year) } as const;
    const first = await createPackCommand(context, { ...options, config: configure(), out: join(directory, 'old') });
    const before = readFileSync(join(directory, 'kubevidence.yaml'), 'utf8');
    writeFileSync(join(directory, 'kubevidence.yaml'), `${before}params: {RBAC-001: {allowed: [User/alice]}}\n`, { mode: 0o600 });
    const at = { config: configure(), checkpoint: first.checkpoint.size };
    await createPackCommand(context, { ...options, ...at, out: join(directory, 'same') });
    const read = (name: string, file = 'manifest.json') => readFileSync(join(directory, name, file), 'utf8');
    expect(read('same')).toBe(read('old'));
    // One of today knows of the change, and judges and encloses what held when the run was made.
    const later = await createPackCommand(context, { ...options, config: configure(), out: join(directory, 'later') });
    const outcome = ({ assessment }: typeof later) => assessment.controls.find(({ id }) => id === 'RBAC-001')?.outcome;
    expect([outcome(first), outcome(later)]).toEqual(['fail', 'fail']);
    const params = readdirSync(join(directory, 'later', 'controls')).find((name) => name.startsWith('params'));
    expect(read('later', `controls/${params}`)).toBe(read('old', `controls/${params}`));
    expect((await verifyPack(join(directory, 'later'), { trust: later.fingerprint })).ok).toBe(true);
  });
});

describe('the run that a pack shows', () => {
  const run = (number: number, observedAt: string, status: RunSummary['status'] = 'succeeded'): RunSummary => ({
    cluster: 'prod',
    number,
    uuid: '',
    kind: 'scheduled',
    status,
    plannedAt: observedAt,
    startedAt: observedAt,
    endedAt: observedAt,
    slot: observedAt,
    leaf: number,
    error: null,
    observedAt,
  });
  const runs = [
    run(1, '2026-06-29T04:00:00.000Z'),
    run(2, '2026-07-06T04:00:00.000Z', 'partial'),
    run(3, '2026-09-28T04:00:00.000Z', 'missed'),
    run(4, '2026-10-05T04:00:00.000Z'),
  ];
  const quarter = (name: string) => choosePeriod(runs, name, 'UTC', '2026-10-06T00:00:00.000Z');

  it('is the last that read something in the period, else the last before it, else the first after it', () => {
    expect(shownRun(runs, quarter('2026-Q3')).number).toBe(2);
    expect(shownRun(runs, quarter('2026-09')).number).toBe(2);
    expect(shownRun(runs, quarter('2027-Q1')).number).toBe(4);
    expect(shownRun(runs, quarter('2026-Q1')).number).toBe(1);
  });

  it('is, without a name, of the last closed quarter with a reading, else of the latest', () => {
    expect(choosePeriod(runs, undefined, 'UTC', '2026-10-06T00:00:00.000Z').name).toBe('2026-Q3');
    expect(choosePeriod(runs.slice(0, 2), undefined, 'UTC', '2026-07-07T00:00:00.000Z').name).toBe('2026-Q2');
    expect(choosePeriod(runs.slice(3), undefined, 'UTC', '2026-10-06T00:00:00.000Z').name).toBe('2026-Q4');
    expect(() => choosePeriod(runs.slice(2, 3), undefined, 'UTC', '2026-10-06T00:00:00.000Z')).toThrow(/nothing to pack/);
  });
});
