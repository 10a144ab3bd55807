/** Runs in which little changed: what they add is small, reads back exactly, survives erasure and shows every edit. */
import Database from 'better-sqlite3';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Ledger, verifyLedger } from '../../src/ledger/index.ts';
import { createStores } from '../../src/ledger/stores.ts';
import type { EvidenceObject } from '../../src/model/index.ts';
import { collect, pod, pods } from './given.ts';
import { openForTest } from './temporary.ts';

const hex = (text: string) => createHash('sha256').update(text).digest('hex');

/** About 2 kB, of which each application has its own. */
function bigPod(index: number, life = 0, version = 0): EvidenceObject {
  const app = index % 200;
  const name = `app-${app}-${hex(`rs ${app}`).slice(0, 9)}-${hex(`pod ${index} ${life}`).slice(0, 5)}`;
  const uid = hex(`uid ${name}`).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/, '$1-$2-$3-$4-$5');
  const given = pod({ namespace: `ns-${app % 12}`, name, uid, resourceVersion: `${life * 100 + version + 1}` });
  const env = Array.from({ length: 14 }, (_, each) => ({ name: `SETTING_${each}`, value: hex(`${app} ${each}`) }));
  return { ...given, body: { ...given.body, env, status: { image: hex(`${app} ${version}`) } } };
}

const everything = (ledger: Ledger, run: number) => [...ledger.snapshot('prod', run).objects(pods)].map(({ body }) => body);
const sorted = (objects: readonly EvidenceObject[]) =>
  objects
    .toSorted((a, b) => (a.namespace < b.namespace ? -1 : a.namespace > b.namespace ? 1 : a.name < b.name ? -1 : 1))
    .map(({ body }) => body);

/** 1,000 pods, then runs that each replace five and change five. */
function changing(runs: number) {
  const ledger = openForTest();
  let now = Array.from({ length: 1000 }, (_, index) => bigPod(index));
  collect(ledger, now);
  const snapshots = [now];
  for (let run = 1; run <= runs; run++) {
    now = now.map((object, index) => {
      const turn = (index * 7 + run * 13) % 100;
      return turn === 0 && index % 2 === 0 ? bigPod(index, run) : turn === 0 ? bigPod(index, 0, run) : object;
    });
    collect(ledger, now, { resourceVersion: `${100 + run}` });
    snapshots.push(now);
  }
  return { ledger, snapshots };
}

const stored = (path: string) => {
  const db = new Database(path, { readonly: true });
  const bytes = db.prepare<[], number>('SELECT sum(payload) FROM dbstat').pluck().get() ?? 0;
  db.close();
  return bytes;
};

describe('a run with 1 % of the pods changed', () => {
  it('adds less than 2 % of the first one, and what it read reads back', () => {
    const { ledger, snapshots } = changing(6);
    const { growth, churn } = ledger.status();
    const [first, ...others] = growth;
    expect(growth.map(({ objects }) => objects)).toEqual([1000, 10, 10, 10, 10, 10, 10]);
    for (const { bytes } of others) expect(bytes).toBeLessThan((first?.bytes ?? 0) * 0.02);
    expect(growth.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(stored(ledger.path));
    expect(churn.among).toBe(1060);
    expect(churn.objects.every(({ kind, versions }) => kind === pods && versions === 2)).toBe(true);
    for (const [index, objects] of snapshots.entries()) expect(everything(ledger, index + 1)).toEqual(sorted(objects));
    expect(verifyLedger(ledger.path)).toMatchObject({ ok: true, problems: [] });
  });

  it('stores its objects as differences, and any edit of those is named', () => {
    const { ledger } = changing(2);
    ledger.close();
    const raw = new Database(ledger.path);
    const rows = raw
      .prepare<[], { first: number; bytes: Buffer; bases: Buffer }>(
        'SELECT first, block.bytes, bases FROM block JOIN difference USING (first)',
      )
      .all();
    expect(rows).toHaveLength(2);
    const [row] = rows;
    if (row === undefined) throw new Error('nothing is stored as a difference');
    const edits: [string, (value: Buffer) => void][] = [
      ['UPDATE block SET bytes = ? WHERE first = ?', (value) => value.writeUInt8((value.at(-3) ?? 0) ^ 1, value.length - 3)],
      ['UPDATE difference SET bases = ? WHERE first = ?', (value) => value.writeUInt8((value[0] ?? 0) ^ 1, 0)],
      ['UPDATE difference SET bases = ? WHERE first = ?', (value) => value.writeUInt8((value.at(-1) ?? 0) ^ 1, value.length - 1)],
    ];
    for (const [sql, edit] of edits) {
      const before = sql.includes('bases') ? row.bases : row.bytes;
      const value = Buffer.from(before);
      edit(value);
      raw.prepare(sql).run(value, row.first);
      expect(verifyLedger(ledger.path).problems.join('\n'), sql).toMatch(/objects? \d+/);
      raw.prepare(sql).run(before, row.first);
    }
    raw.exec('DELETE FROM difference');
    expect(verifyLedger(ledger.path).ok).toBe(false);
    raw.close();
  });

  it('stands on nothing that is erased', () => {
    const { ledger, snapshots } = changing(3);
    ledger.close();
    const raw = new Database(ledger.path);
    const { objects } = createStores(raw);
    const bases = new Set([...objects.blocks()].flatMap((block) => (block.bases === null ? [] : [block.first])));
    expect(bases.size).toBe(3);
    const before = [...objects.blocks()].flatMap((block) => objects.unpack(block).map((bytes) => bytes.toString('utf8')));
    // Every second one of the first run, among them what later ones stand on.
    const gone = Array.from({ length: 500 }, (_, index) => 1 + index * 2);
    raw.transaction(() => objects.erase(gone))();
    const after = [...objects.blocks()].flatMap((block) => objects.unpack(block).map((bytes) => bytes.toString('utf8')));
    expect(after).toEqual(before.map((text, index) => (index < 1000 && index % 2 === 0 ? '' : text)));
    expect(snapshots).toHaveLength(4);
    raw.close();
  });
});

describe('a run in which nearly everything changed', () => {
  it('stores neighbours together', () => {
    const ledger = openForTest();
    const all = Array.from({ length: 2500 }, (_, index) => bigPod(index));
    collect(ledger, all);
    const next = Array.from({ length: 2500 }, (_, index) => bigPod(index, 0, 1));
    collect(ledger, next, { resourceVersion: '101' });
    expect(everything(ledger, 2)).toEqual(sorted(next));
    const [first, second] = ledger.status().growth;
    expect(second?.objects).toBe(2500);
    expect(second?.bytes).toBeLessThan((first?.bytes ?? 0) * 1.2);
    expect(verifyLedger(ledger.path)).toMatchObject({ ok: true, problems: [] });
  });
});
