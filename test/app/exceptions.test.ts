/** Exceptions and definitions as a person uses them: files into a ledger, assessed, excepted, approved, packed, verified. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addException,
  approveDefinitions,
  approveException,
  assessCommand,
  collectFiles,
  createPackCommand,
  listDefinitionChanges,
  listExceptions,
  loadConfig,
  revokeException,
} from '../../src/app/index.ts';
import { verifyLedger } from '../../src/ledger/index.ts';
import { verifyPack } from '../../src/packs/index.ts';

const directory = mkdtempSync(join(tmpdir(), 'exceptions-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const warnings: string[] = [];
let now = Date.parse('2026-08-14T12:00:00Z');
const context = {
  cwd: directory,
  env: { HOME: directory },
  clock: () => new Date((now += 1000)),
  uid: null,
  warn: (text: string) => void warnings.push(text),
  progress: () => {},
};
const item = 'User/alice|ClusterRoleBinding/friday|ClusterRole/cluster-admin';
const order = { control: 'RBAC-001', item, expires: '2027-03-31', reason: 'handover', requester: 'Alice' };

function configure(extra = '') {
  const text = `organization: Clinic\ntimezone: Europe/Berlin\nframeworks: [gdpr]\nclusters: [{name: prod, directory: manifests}]\n${extra}`;
  writeFileSync(join(directory, 'kubevidence.yaml'), text, { mode: 0o600 });
  return loadConfig({ cwd: directory, uid: null });
}

async function collect(config: ReturnType<typeof configure>): Promise<void> {
  const [cluster] = config.clusters;
  if (cluster === undefined) throw new Error('no cluster');
  await collectFiles(context, { config, cluster, files: [], record: null, dryRun: false }, join(directory, 'manifests'));
  // The worker has the machine's clock; the story goes on after it.
  now = Math.max(now, Date.now());
}

const findingsOf = async (options = {}) =>
  (await assessCommand(context, options)).assessment.controls.find(({ id }) => id === 'RBAC-001') ?? { outcome: '', findings: [] };

beforeAll(async () => {
  mkdirSync(join(directory, 'manifests'));
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'friday' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'alice' }],
  };
  writeFileSync(join(directory, 'manifests', 'friday.json'), JSON.stringify(binding));
  now = Date.now();
  await collect(configure());
}, 30_000);

describe('an exception', () => {
  it('labels its finding once another person approved it, and changes no outcome; a pack shows and proves it', {
    timeout: 60_000,
  }, async () => {
    const config = configure();
    expect(await findingsOf()).toMatchObject({ outcome: 'fail', findings: [{ item, exception: null }] });
    const day = new Date(now + 200 * 86_400_000).toISOString().slice(0, 10);
    const { exception, warning } = await addException(context, config, { ...order, expires: day });
    expect(warning).toBeNull();
    // The last day on which it holds, in Berlin.
    expect(exception.expires).toMatch(/T2[23]:00:00\.000Z$/);
    expect(exception.expires.slice(0, 10)).toBe(day);
    expect(await findingsOf()).toMatchObject({ findings: [{ exception: null }] });
    await expect(approveException(context, config, exception.id, ' ALICE')).rejects.toMatchObject({ code: 'usage' });
    const before = new Date(now).toISOString();
    await approveException(context, config, exception.id, 'Bob');
    expect(await listExceptions(context, config, undefined)).toMatchObject([{ status: 'inForce', labelled: null }]);
    expect(await findingsOf()).toMatchObject({ outcome: 'fail', findings: [{ item, exception: 'EXC-1' }] });
    expect(await findingsOf({ at: before })).toMatchObject({ outcome: 'fail', findings: [{ exception: null }] });
    expect(await listExceptions(context, config, undefined)).toMatchObject([{ status: 'inForce', labelled: 1, approver: 'Bob' }]);

    const gone = await addException(context, config, { ...order, item: 'User/gone', expires: day });
    expect(gone.warning).toContain('for an item that is gone, or passes');
    const pack = await createPackCommand(context, { config, out: 'pack', form: 'directory' });
    expect(pack.assessment.controls.find(({ id }) => id === 'RBAC-001')?.findings).toMatchObject([{ exception: 'EXC-1' }]);
    expect(await verifyPack(join(directory, 'pack'), { trust: pack.fingerprint })).toMatchObject({ ok: true, problems: [] });

    await revokeException(context, config, exception.id, { reason: 'over', by: 'Bob' });
    expect(await findingsOf()).toMatchObject({ findings: [{ exception: null }] });
    expect(verifyLedger(config.ledgerPath)).toMatchObject({ ok: true, problems: [] });
  });

  it.each([
    ['no reason', { reason: ' ' }, '--reason is empty'],
    ['no item', { item: '' }, 'an item is empty'],
    ['a day that is none', { expires: '2026-02-30' }, 'is not a day'],
    ['a time without zone', { expires: '2026-12-31T12:00' }, 'is not a time'],
    ['an expiry that is past', { expires: '2020-01-01' }, 'would have expired'],
    ['an expiry beyond a year', { expires: '2199-01-01' }, '366 days at most'],
    ['a cluster that is none', { cluster: 'x' }, 'there is no cluster x'],
  ])('is refused with %s', async (_what, change, message) => {
    await expect(addException(context, configure(), { ...order, ...change })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(message),
    });
  });
});

describe('a change of definitions', () => {
  it('is shown until somebody else approves it', { timeout: 60_000 }, async () => {
    const people = { reason: 'ticket 7', requester: 'Ada', approver: 'Bob' };
    const config = configure('params: {RBAC-001: {allowed: ["User/alice"]}}\n');
    expect(await listDefinitionChanges(context, config)).toMatchObject({ pending: true });
    const { unexplained } = await assessCommand(context, {});
    expect(unexplained).toMatchObject([{ explanation: null, differences: [{ what: 'params RBAC-001', oldValue: null }] }]);
    const leaf = unexplained[0]?.leaf;
    await expect(approveDefinitions(context, config, { ...people, approver: 'ada' }, leaf)).rejects.toMatchObject({ code: 'usage' });
    await approveDefinitions(context, config, people, leaf);
    expect((await assessCommand(context, {})).unexplained).toEqual([]);

    const next = configure();
    expect(await approveDefinitions(context, next, people, undefined)).toMatchObject({ explanation: people, approval: null });
    await expect(approveDefinitions(context, next, people, undefined)).rejects.toThrow('those that were recorded last');
    await collect(next);
    expect((await listDefinitionChanges(context, next)).changes.filter(({ first }) => !first)).toHaveLength(2);
    expect(verifyLedger(next.ledgerPath)).toMatchObject({ ok: true, problems: [] });
  });
});
