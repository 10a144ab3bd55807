/** When a live run saw what it saw: while it ran, whenever it was due; and what an attempt in vain takes away, wherever a period is cut. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadCatalogInForce, loadConfig } from '../../src/app/index.ts';
import { judgePeriod } from '../../src/app/assess/judged-period.ts';
import { type Ledger, openLedger } from '../../src/ledger/index.ts';
import type { JsonObject } from '../../src/model/index.ts';
import { create, digest, identity, listing, signerOf } from '../ledger/given.ts';

const kinds = ['k8s.rbac/clusterrolebindings', 'k8s.rbac/clusterroles', 'k8s.rbac/rolebindings', 'k8s.rbac/roles'] as const;
const [bindings, roles] = kinds;
const group = 'rbac.authorization.k8s.io';
const object = (type: string, name: string, creationTimestamp: string, rest: JsonObject) => {
  const [apiVersion, uid] = [`${group}/v1`, `uid of ${name}`];
  const body = { apiVersion, kind: type, metadata: { name, uid, creationTimestamp }, ...rest };
  return { apiVersion, type, namespace: '', name, uid, resourceVersion: randomUUID(), body };
};
const everything = object('ClusterRole', 'cluster-admin', '2025-01-01T00:00:00Z', {
  rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
});
const mallory = (created: string) =>
  object('ClusterRoleBinding', 'evil', created, {
    roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'User', apiGroup: group, name: 'mallory' }],
  });

let folder: string;
let ledger: Ledger;
let now: number;
const pass = (to: string) => void (now = Date.parse(to));
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kubevidence-judged-'));
  writeFileSync(join(folder, 'kubevidence.yaml'), 'organization: X\nclusters: [{name: prod}]\n', { mode: 0o600 });
  pass('2026-06-20T00:00:00Z');
  ledger = openLedger({ path: join(folder, 'l.db'), mode: 'write', clock: () => new Date(now), signer: signerOf(), create });
});
afterEach(() => {
  ledger.close();
  rmSync(folder, { recursive: true });
});

interface Lived {
  readonly slot?: string;
  readonly from: string;
  readonly to: string;
  /** Null: it read nothing. */
  readonly seen: readonly ReturnType<typeof object>[] | null;
}

/** A run from one moment to another; `6-30 23:30` is of 2026, UTC. */
function live({ slot, from, to, seen }: Lived): void {
  pass(at(from));
  const scheduled = slot === undefined ? { kind: 'manual' as const } : { kind: 'scheduled' as const, slot: at(slot) };
  const plan = { cluster: 'prod', uuid: randomUUID(), collectors: [{ kind: 'k8s.rbac', version: 1 }], tool: 'test', definitions: digest };
  const { number } = ledger.planRun({ ...plan, ...scheduled });
  const listings = kinds.map((kind) => ({ kind, collectorVersion: 1, keepDigest: digest, reusable: true, timeToLiveSeconds: 26 * 3600 }));
  const writer = ledger.startRun({ cluster: 'prod', number, identity, scope: 'cluster', listings });
  for (const kind of seen === null ? [] : kinds) {
    const objects = kind === bindings ? (seen ?? []) : kind === roles ? [everything] : [];
    writer.listedAt(kind, randomUUID());
    writer.put(kind, objects);
    writer.close(listing(kind, objects.length, { observedAt: new Date(now).toISOString() }));
  }
  pass(at(to));
  writer.end({ status: seen === null ? 'failed' : 'succeeded', error: null, identity, serverClockSkewMs: 0 });
}

function at(text: string): string {
  const [month, day, time] = text.split(/[- ]/);
  return `2026-${month?.padStart(2, '0')}-${day?.padStart(2, '0')}T${time}:00.000Z`;
}

async function judged(start: string, end: string) {
  pass('2026-08-10T00:00:00Z');
  const config = loadConfig({ cwd: folder, uid: null });
  const size = ledger.status().records;
  const period = { start: at(start), end: at(end) };
  const inForce = await loadCatalogInForce(null);
  const { timeline, judged: runs } = await judgePeriod({
    ledger,
    cluster: 'prod',
    period,
    size,
    asOf: new Date(now).toISOString(),
    config,
    inForce,
  });
  const control = timeline.controls.find((each) => each.control === 'RBAC-001');
  const [item] = control?.items ?? [];
  const [deviation] = item?.deviations ?? [];
  return { verdict: control?.verdict, segments: control?.segments.map(({ from, state }) => [from, state]), deviation, runs };
}

test('a run that was late saw what was there when it ran, and not when it was due', async () => {
  live({ slot: '7-2 06:00', from: '7-2 06:00', to: '7-2 06:02', seen: [] });
  live({ slot: '7-3 06:00', from: '7-3 06:50', to: '7-3 06:52', seen: [mallory('2026-07-03T06:40:00Z')] });
  live({ slot: '7-4 06:00', from: '7-4 06:50', to: '7-4 06:52', seen: [] });
  const { deviation } = await judged('7-1 00:00', '7-31 00:00');
  expect(deviation?.onset).toEqual({
    after: at('7-3 06:40'),
    by: at('7-3 06:40'),
    source: 'creationTimestamp of ClusterRoleBinding/evil',
  });
  // Seen at the earliest when the run began, gone at the latest when the next had ended.
  expect(deviation?.end).toEqual({ after: at('7-3 06:50'), by: at('7-4 06:52'), source: null });
  expect(deviation?.exposure.least).toBe(10 * 60_000);
});

test('a run that was due in one period and made in the next is of the next', async () => {
  live({ slot: '6-30 05:00', from: '6-30 05:00', to: '6-30 05:02', seen: [] });
  live({ slot: '6-30 23:30', from: '7-1 00:20', to: '7-1 00:22', seen: [mallory('2026-07-01T00:10:00Z')] });
  expect(await judged('6-30 06:00', '7-1 00:00')).toMatchObject({ verdict: 'noDeviation' });
  expect(await judged('7-1 00:00', '7-2 00:00')).toMatchObject({ verdict: 'deviation' });
});

test('what came to be while a run was reading may have been there unseen', async () => {
  live({ from: '7-2 06:00', to: '7-2 06:30', seen: [] });
  live({ from: '7-3 06:00', to: '7-3 06:30', seen: [mallory('2026-07-02T06:10:00Z')] });
  const { deviation } = await judged('7-1 00:00', '7-31 00:00');
  expect(deviation?.onset).toEqual({ after: at('7-2 06:00'), by: at('7-3 06:30'), source: null });
});

test('an attempt in vain ends what held, also where the period begins after it', async () => {
  live({ slot: '6-30 06:00', from: '6-30 06:00', to: '6-30 06:02', seen: [] });
  live({ slot: '6-30 12:00', from: '6-30 12:00', to: '6-30 12:01', seen: null });
  live({ slot: '7-1 06:00', from: '7-1 06:00', to: '7-1 06:02', seen: [] });
  const { verdict, segments, runs } = await judged('7-1 00:00', '7-1 06:30');
  expect([verdict, segments]).toEqual([
    'insufficientCoverage',
    [
      [at('7-1 00:00'), 'unknown'],
      [at('7-1 06:02'), 'pass'],
    ],
  ]);
  expect(runs).toEqual(new Set([1, 2, 3]));
});
