/** What a reader keeps of a run is what is stored of it, also where that has become something else meanwhile. */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { defaultRetention, type Ledger, openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { nothing, order } from './erase-given.ts';
import { clockFrom, collect, pod, pods } from './given.ts';
import { openForTest, temporaryPath } from './temporary.ts';

const objects = Array.from({ length: 20 }, (_, index) => pod({ namespace: `ns-${index % 3}`, name: `p-${index}` }));

/** Runs that are each described by how they differ from the first. */
function ledgerOfRuns(path: string): Ledger {
  const ledger = openForTest(path);
  for (const run of [1, 2, 3]) collect(ledger, objects.slice(run), { resourceVersion: `10${run}` });
  return ledger;
}

const read = (ledger: Ledger, run: number) => ({
  items: ledger.snapshot('prod', run).listing(pods)?.items,
  id: ledger.exhibit('prod', run, pods).payload.id,
});

it('runs that are read by turns are each what they are', () => {
  const path = temporaryPath();
  const ledger = ledgerOfRuns(path);
  const alone = [1, 2, 3].map((run) => {
    const fresh = openLedger({ path, mode: 'read', clock: clockFrom() });
    const found = read(fresh, run);
    fresh.close();
    return found;
  });
  expect(alone.map(({ items }) => items)).toEqual([19, 18, 17]);
  for (const run of [1, 2, 1, 1, 3, 2, 2, 3]) expect(read(ledger, run)).toEqual(alone[run - 1]);
});

it('a listing reads back whatever the order in which its keys stand in canonical form', () => {
  const ledger = openForTest();
  const scrubbed = { 9: 1, 10: 2, b: 3, a: 4 };
  collect(ledger, objects, { listing: { scrubbed } });
  expect(ledger.snapshot('prod', 1).listing(pods)?.scrubbed).toEqual(scrubbed);
  expect(ledger.exhibit('prod', 1, pods).payload.bytes.toString()).toContain('"scrubbed":{"10":2,"9":1,"a":4,"b":3}');
});

it('of a run that was just read, nothing is said once it is erased', () => {
  const path = temporaryPath();
  const ledger = ledgerOfRuns(path);
  const reader = openLedger({ path, mode: 'read', clock: clockFrom() });
  expect([read(ledger, 1).items, read(reader, 1).items]).toEqual([19, 19]);
  ledger.erase({ ...nothing, payloads: [ledger.run('prod', 1)?.leaf ?? -1] }, defaultRetention, order);
  for (const each of [ledger, reader]) expect(each.snapshot('prod', 1).listings()).toEqual([]);
  reader.close();
  expect(verifyLedger(path)).toMatchObject({ ok: true, problems: [] });
});

it('what others stand on is read anew once other bytes are stored', () => {
  const path = temporaryPath();
  ledgerOfRuns(path).close();
  const reader = openLedger({ path, mode: 'read', clock: clockFrom() });
  expect(read(reader, 2).items).toBe(18);
  const raw = new Database(path);
  const [first] = raw
    .prepare<[], { leaf: number; bytes: Buffer }>(
      'SELECT leaf, bytes FROM payload WHERE base IS NULL AND leaf IN (SELECT base FROM payload)',
    )
    .all();
  expect(first).toBeDefined();
  const changed = Buffer.from(
    zstdDecompressSync(first?.bytes ?? '')
      .toString('utf8')
      .replaceAll('500', '400'),
  );
  raw.prepare('UPDATE payload SET bytes = ? WHERE leaf = ?').run(zstdCompressSync(changed), first?.leaf);
  raw.close();
  expect(() => read(reader, 3)).toThrow(/payload of the run|cannot be decompressed/);
  reader.close();
});
