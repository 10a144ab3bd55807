import Database from 'better-sqlite3';
import { createLogStore } from '../../src/ledger/log-store.ts';
import { openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { clockFrom, collect, pod, create, digest, signerOf } from '../ledger/given.ts';
import { existsSync } from 'node:fs';
const path = '/tmp/million.db';
const clock = clockFrom();
if (!existsSync(path)) {
  openLedger({ path, mode: 'write', clock, signer: signerOf(), create }).close();
  const db = new Database(path);
  db.pragma('journal_mode=WAL');
  const log = createLogStore(db);
  const s = performance.now();
  const N = Number(process.argv[2] ?? 1e6);
  let at = Date.parse('2026-08-14T13:00:00.000Z');
  for (let start = log.size(); start < N; ) {
    db.transaction(() => {
      for (let i = 0; i < 20000 && start < N; i++) {
        start++;
        const runNo = Math.floor(start / 3) + 1;
        const t = new Date((at += 1000)).toISOString();
        if (start % 3 === 0)
          log.append({
            type: 'run-planned',
            v: 1,
            at: t,
            cluster: 'prod',
            run: runNo,
            uuid: '11111111-2222-4333-8444-555555555555',
            kind: 'scheduled',
            slot: t,
            tool: 'kubevidence 0.1.0',
            collectors: { count: 20, digest },
            definitions: digest,
          } as any);
        else if (start % 3 === 1)
          log.append({
            type: 'run-ended',
            v: 1,
            at: t,
            cluster: 'prod',
            run: runNo,
            uuid: '11111111-2222-4333-8444-555555555555',
            status: 'failed',
            startedAt: t,
            endedAt: t,
            observedAt: null,
            clusterUid: null,
            caFingerprint: null,
            listings: 0,
            complete: 0,
            items: 0,
            gaps: 0,
            serverClockSkewMs: null,
            snapshot: null,
            reusable: null,
          } as any);
        else
          log.append({
            type: 'pack-issued',
            v: 1,
            at: t,
            cluster: 'prod',
            period: { from: t, to: t },
            number: 1,
            checkpoint: 3,
            manifest: digest,
            documentKeyFingerprint: digest,
          } as any);
      }
    })();
  }
  db.close();
  console.log('built', (performance.now() - s).toFixed(0));
  const l = openLedger({ path, mode: 'write', clock, signer: signerOf() });
  l.close();
}
for (const mode of ['read', 'write', 'read', 'write'] as const) {
  const s = performance.now();
  const l = openLedger({ path, mode, clock, signer: signerOf() });
  const o = performance.now() - s;
  const n = l.checkpoints().at(-1)!.size;
  const t1 = performance.now();
  l.inclusionProof(n >> 1, n);
  const t2 = performance.now();
  l.consistencyProof(3, n);
  const t3 = performance.now();
  l.clusters();
  const t4 = performance.now();
  console.log(
    mode,
    'open',
    o.toFixed(1),
    'size',
    n,
    'incl',
    (t2 - t1).toFixed(2),
    'cons',
    (t3 - t2).toFixed(2),
    'clusters',
    (t4 - t3).toFixed(2),
  );
  l.close();
}
const s = performance.now();
const c = process.cpuUsage();
const v = verifyLedger(path);
const c2 = process.cpuUsage(c);
console.log(
  'verify',
  v.ok,
  v.problems.slice(0, 2),
  (performance.now() - s).toFixed(0),
  'cpu',
  ((c2.user + c2.system) / 1000).toFixed(0),
  'rec/s',
  (v.counts.records / ((c2.user + c2.system) / 1e6)).toFixed(0),
);
