/** Attacks on a ledger file by somebody who can write it but has no key: every one is named, or changes nothing that is read. */
import { hash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { zstdDecompressSync } from 'node:zlib';
import { integer, assert as holds, property, tuple } from 'fast-check';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { verifyLedger } from '../../src/ledger/index.ts';
import { appendLeaf, leafHash } from '../../src/log/index.ts';
import { type Assessment, KubevidenceError } from '../../src/model/index.ts';
import { collect, definitions, digest, pod } from './given.ts';
import { openForTest, temporaryPath } from './temporary.ts';

type Raw = Database.Database;

function victim(): string {
  const path = temporaryPath();
  const ledger = openForTest(path);
  const objects = Array.from({ length: 150 }, (_, index) => pod({ namespace: `ns-${index % 3}`, name: `p-${index}` }));
  collect(ledger, objects);
  collect(ledger, [...objects.slice(0, 140), pod({ name: 'new' })], { resourceVersion: '101' });
  collect(ledger, objects.slice(5), { resourceVersion: '102', identity: { ...ledger.snapshot('prod', 1).cluster, name: 'test' } });
  const catalogBytes = Buffer.from('{"controls":[]}');
  const assessment = { controls: [{ outcome: 'fail' }] } as unknown as Assessment;
  ledger.recordAssessment({
    cluster: 'prod',
    run: 2,
    at: '2026-08-14T12:30:00.000Z',
    toolVersion: '1',
    catalogDigest: hash('sha256', catalogBytes),
    catalogBytes,
    paramsDigest: digest,
    assessment,
  });
  ledger.recordDefinitions(definitions({ params: 'strict' }), { reason: 'r', requester: 'alice', approver: 'bob' });
  ledger.checkpoint();
  ledger.close();
  return path;
}

/** Raw SQL with the triggers, and the memory of foreign keys, out of the way. The triggers come back, so that only the deed is left. */
function attack(path: string, deed: (raw: Raw) => void): void {
  const raw = new Database(path);
  raw.pragma('foreign_keys = OFF');
  const triggers = raw.prepare<[], { name: string; sql: string }>("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").all();
  for (const { name } of triggers) raw.exec(`DROP TRIGGER ${name}`);
  deed(raw);
  for (const { sql } of triggers) raw.exec(sql);
  raw.close();
}

/** Makes the stored tree fit the records again: what an attacker does who knows the format. */
function rehash(raw: Raw): void {
  raw.exec('DELETE FROM node');
  const nodes = new Map<string, Uint8Array>();
  const insert = raw.prepare('INSERT INTO node VALUES (?, ?, ?)');
  for (const [size, bytes] of raw.prepare<[], Buffer>('SELECT bytes FROM log ORDER BY leaf').pluck().all().entries()) {
    for (const { level, index, hash } of appendLeaf(
      (level, index) => nodes.get(`${level}/${index}`) as Uint8Array,
      size,
      leafHash(bytes),
    )) {
      nodes.set(`${level}/${index}`, hash);
      if (level > 0) insert.run(level, index, hash);
    }
  }
}

const replace = (raw: Raw, leaf: number, from: string | RegExp, to: string) => {
  const text = raw.prepare<[number], Buffer>('SELECT bytes FROM log WHERE leaf = ?').pluck().get(leaf)?.toString() ?? '';
  expect(text.replace(from, to)).not.toBe(text);
  raw.prepare('UPDATE log SET bytes = ? WHERE leaf = ?').run(Buffer.from(text.replace(from, to)), leaf);
};

const flipBlob = (table: string, column: string) => (raw: Raw) => {
  const { place, blob } = raw
    .prepare<[], { place: number; blob: Buffer }>(`SELECT rowid AS place, ${column} AS blob FROM ${table} LIMIT 1`)
    .get() as { place: number; blob: Buffer };
  const at = blob.length >> 1;
  blob[at] = (blob[at] ?? 0) ^ 1;
  raw.prepare(`UPDATE ${table} SET ${column} = ? WHERE rowid = ?`).run(blob, place);
};

const attacks: readonly [string, (raw: Raw) => void, RegExp][] = [
  ['edits a record', (raw) => replace(raw, 3, '"status":"succeeded"', '"status":"failed"'), /tree node|root that the checkpoint/],
  [
    'edits a record and the tree',
    (raw) => (replace(raw, 3, '"items":150', '"items":151'), rehash(raw)),
    /root that the checkpoint at size 4 signs/,
  ],
  ['back-dates a record', (raw) => (replace(raw, 4, /"at":"2026/, '"at":"2025'), rehash(raw)), /root that the checkpoint/],
  ['deletes a record in the middle', (raw) => (raw.exec('DELETE FROM log WHERE leaf = 4'), rehash(raw)), /record 4 of the log is missing/],
  [
    'deletes a run and closes the gap',
    (raw) => {
      raw.exec(
        'DELETE FROM log WHERE leaf IN (2, 3); UPDATE log SET leaf = leaf - 100; UPDATE log SET leaf = leaf + 100 WHERE leaf < -98; UPDATE log SET leaf = leaf + 98 WHERE leaf < 0',
      );
      rehash(raw);
    },
    /run 2 of prod follows run 0/,
  ],
  ['cuts the tail', (raw) => (raw.exec('DELETE FROM log WHERE leaf >= 6'), rehash(raw)), /covers more than the 6 records/],
  [
    'inserts a record',
    (raw) => {
      const size = raw.prepare<[], number>('SELECT count(*) FROM log').pluck().get() ?? 0;
      raw
        .prepare('INSERT INTO log (leaf, bytes) VALUES (?, ?)')
        .run(size, raw.prepare('SELECT bytes FROM log WHERE leaf = 3').pluck().get());
      rehash(raw);
    },
    /run 1 of prod ends, and was not open/,
  ],
  [
    'swaps two records',
    (raw) => {
      raw.exec('UPDATE log SET leaf = -1 WHERE leaf = 2; UPDATE log SET leaf = 2 WHERE leaf = 3; UPDATE log SET leaf = 3 WHERE leaf = -1');
      rehash(raw);
    },
    /ends, and was not open/,
  ],
  ['writes a record as other JSON', (raw) => (replace(raw, 3, '"v":1', '"v": 1'), rehash(raw)), /not canonical JSON/],
  ['repeats a key', (raw) => (replace(raw, 3, '"v":1', '"v":1,"v":1'), rehash(raw)), /not canonical JSON/],
  ['edits a tree node', flipNode, /the tree node .* is not the hash/],
  [
    'deletes a tree node',
    (raw) => raw.exec('DELETE FROM node WHERE level = 1 AND position = 0'),
    /tree node 1\/0|nodes, and its records make/,
  ],
  ['adds a tree node', (raw) => raw.exec('INSERT INTO node VALUES (9, 9, zeroblob(32))'), /nodes, and its records make/],
  [
    'edits a checkpoint',
    (raw) => raw.exec("UPDATE checkpoint SET note = replace(note, 'audit', 'other') WHERE size = 4"),
    /checkpoint at size 4/,
  ],
  ['files a checkpoint elsewhere', (raw) => raw.exec('UPDATE checkpoint SET size = 5 WHERE size = 4'), /filed under size 5/],
  ['deletes all checkpoints', (raw) => raw.exec('DELETE FROM checkpoint'), /no checkpoint/],
  ['deletes a payload', (raw) => raw.exec('DELETE FROM payload WHERE leaf = 3'), /payload of .*record 3/],
  ['edits a payload', flipBlob('payload', 'bytes'), /payload/],
  ['edits the salts of a payload', flipBlob('payload', 'salts'), /payload/],
  [
    'exchanges two payloads',
    (raw) =>
      raw.exec(
        'UPDATE payload SET leaf = -1 WHERE leaf = 3; UPDATE payload SET leaf = 3, base = NULL WHERE leaf = 5; UPDATE payload SET leaf = 5 WHERE leaf = -1',
      ),
    /payload/,
  ],
  [
    'adds a payload',
    (raw) => raw.exec('INSERT INTO payload SELECT 1, base, salts, bytes FROM payload LIMIT 1'),
    /payloads, and the records name/,
  ],
  ['edits an object', flipBlob('block', 'bytes'), /object/],
  ['edits an id', flipBlob('block', 'entries'), /object/],
  ['deletes objects', (raw) => raw.exec('DELETE FROM block WHERE first = 1'), /is missing/],
  [
    'adds objects',
    (raw) => raw.exec('INSERT INTO block SELECT first + 100000, run, kind, entries, bytes FROM block LIMIT 1'),
    /are named by no run/,
  ],
  [
    'files objects under another kind',
    (raw) => raw.exec("UPDATE block SET kind = 'k8s.rbac/roles' WHERE first = 1"),
    /filed under k8s.rbac\/roles/,
  ],
  ['files objects under another run', (raw) => raw.exec('UPDATE block SET run = 4 WHERE first = 1'), /filed under another run/],
  ['moves objects', (raw) => raw.exec('UPDATE block SET first = first + 7 WHERE first = 1'), /object/],
  ['edits a tree', flipBlob('tree', 'bytes'), /tree|object/],
  ['edits the salt of a tree', flipBlob('tree', 'salt'), /tree \d+ is not what its id says/],
  ['edits the id of a tree', flipBlob('tree', 'id'), /not what its id says|not the one/],
  ['deletes a tree', (raw) => raw.exec('DELETE FROM tree WHERE ref = 1'), /lacks tree 1/],
  [
    'adds a tree',
    (raw) => raw.exec('INSERT INTO tree SELECT 1000, run, base, salt, id, bytes FROM tree LIMIT 1'),
    /tree 1000 is named by no run/,
  ],
  ['files a tree under another run', (raw) => raw.exec('UPDATE tree SET run = 4 WHERE ref = 1'), /tree 1 is filed under another run/],
  ['makes a tree stand on itself', (raw) => raw.exec('UPDATE tree SET base = 2 WHERE ref = 1'), /stands on itself/],
  ['edits what may be reused', (raw) => raw.exec("UPDATE reuse SET run = 1 WHERE cluster = 'prod'"), /what may be reused for prod/],
  ['deletes what may be reused', (raw) => raw.exec("DELETE FROM reuse WHERE cluster = 'prod'"), /what may be reused for prod/],
  ['adds something to reuse', (raw) => raw.exec("INSERT INTO reuse SELECT 'ghost', kind, run, bytes FROM reuse LIMIT 1"), /ghost/],
  ['edits a catalog', flipBlob('catalog', 'bytes'), /catalog/],
  ['deletes a catalog', (raw) => raw.exec('DELETE FROM catalog'), /catalog .* is missing/],
  ['adds a catalog', (raw) => raw.exec('INSERT INTO catalog SELECT zeroblob(32), bytes FROM catalog LIMIT 1'), /catalog 0+ is/],
  ['adds a table', (raw) => raw.exec('CREATE TABLE notes (text TEXT)'), /something that no ledger has: CREATE TABLE notes/],
  ['drops an index', (raw) => raw.exec('DROP INDEX log_by_type'), /lacks a part of the schema: CREATE INDEX log_by_type/],
];

function flipNode(raw: Raw): void {
  raw.exec('UPDATE node SET hash = zeroblob(32) WHERE level = 1 AND position = 1');
}

describe('verify names the attack of somebody who', () => {
  it.each(attacks)('%s', (_, deed, message) => {
    const path = victim();
    expect(verifyLedger(path)).toMatchObject({ ok: true, problems: [] });
    attack(path, deed);
    const { ok, problems } = verifyLedger(path);
    expect(ok).toBe(false);
    expect(problems.join('\n')).toMatch(message);
  });
});

describe('the triggers', () => {
  it.each([
    ['UPDATE log SET bytes = bytes WHERE leaf = 2'],
    ['DELETE FROM log WHERE leaf = 2'],
    ["INSERT OR REPLACE INTO log (leaf, bytes) VALUES (2, CAST('{}' AS BLOB))"],
    ["INSERT INTO log (leaf, bytes) VALUES (99, CAST('{}' AS BLOB))"],
    ['UPDATE node SET hash = hash'],
    ['DELETE FROM node'],
    ['INSERT OR REPLACE INTO node SELECT * FROM node LIMIT 1'],
    ['UPDATE checkpoint SET note = note'],
    ['DELETE FROM checkpoint'],
    ['INSERT OR REPLACE INTO checkpoint SELECT * FROM checkpoint LIMIT 1'],
  ])('refuse %s', (sql) => {
    const raw = new Database(victim());
    expect(() => raw.exec(sql)).toThrow('is append-only');
    raw.close();
  });

  it('are missed when they are gone', () => {
    const path = victim();
    const raw = new Database(path);
    raw.exec('DROP TRIGGER log_never_changes');
    raw.close();
    expect(verifyLedger(path).problems).toEqual([expect.stringContaining('lacks a part of the schema: CREATE TRIGGER log_never_changes')]);
  });
});

describe('a flipped bit', () => {
  it('in the name of a trigger or a table is named', () => {
    const path = victim();
    const intact = readFileSync(path);
    // How often the file says the name, besides what SQLite left behind when it split a page.
    for (const [name, times] of [
      ['log_never_changes', 2],
      ['log_by_type', 2],
      ['sqlite_autoindex_catalog_1', 1],
    ] as const) {
      const places = [...intact.toString('latin1').matchAll(new RegExp(name, 'g'))].map(({ index }) => index);
      const named = places.filter((at) => {
        const bytes = Buffer.from(intact);
        bytes[at] = (bytes[at] ?? 0) ^ 0x20;
        writeFileSync(path, bytes);
        return !verifyLedger(path).ok;
      });
      expect(named.length, name).toBeGreaterThanOrEqual(times);
    }
  });

  /**
   * Everything that any query could return, compressed columns as what they hold: some bits of a compressed stream mean nothing, and
   * where a trigger's own page would be is never read.
   */
  const contentsOf = (path: string) => {
    const raw = new Database(path, { readonly: true });
    const all = (sql: string) => raw.prepare<[], unknown[]>(sql).raw().all();
    const payload = new Map(all('SELECT leaf, bytes FROM payload WHERE base IS NULL').map(([leaf, bytes]) => [leaf, inflate(bytes)]));
    const contents = [
      ...['log', 'node', 'checkpoint', 'tree'].map((table) => all(`SELECT * FROM ${table} ORDER BY 1, 2`)),
      all('SELECT leaf, base, salts, bytes FROM payload ORDER BY 1').map(([leaf, base, salts, bytes]) => [
        leaf,
        base,
        salts,
        inflate(bytes, payload.get(base)),
      ]),
      all('SELECT bytes, first, run, kind, entries FROM block ORDER BY first').map(([bytes, ...row]) => [row, inflate(bytes)]),
      all('SELECT bytes, cluster, kind, run FROM reuse ORDER BY cluster, kind').map(([bytes, ...row]) => [row, inflate(bytes)]),
      all('SELECT digest, bytes FROM catalog ORDER BY 1').map(([digest, bytes]) => [digest, inflate(bytes)]),
      all("SELECT type, name, tbl_name, sql, iif(type = 'trigger', 0, rootpage) FROM sqlite_schema ORDER BY 1, 2"),
    ];
    raw.close();
    return contents.map((rows) => JSON.stringify(rows)).join('\n');
  };
  const inflate = (bytes: unknown, dictionary?: Buffer) =>
    zstdDecompressSync(bytes as Buffer, dictionary === undefined ? {} : { dictionary });

  it('anywhere in the file is named, or nothing that can be read is different', () => {
    const path = victim();
    const intact = readFileSync(path);
    const contents = contentsOf(path);
    const copy = temporaryPath();
    let caught = 0;
    const position = tuple(integer({ min: 0, max: intact.length - 1 }), integer({ min: 0, max: 7 }));
    const isNamed = () => {
      try {
        return !verifyLedger(copy).ok;
      } catch (error) {
        if (error instanceof KubevidenceError) return true;
        throw error;
      }
    };
    const check = property(position, ([at, bit]) => {
      const bytes = Buffer.from(intact);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
      writeFileSync(copy, bytes);
      const named = isNamed();
      caught += Number(named);
      expect(named || contentsOf(copy) === contents).toBe(true);
    });
    holds(check, { numRuns: 1000 });
    expect(caught).toBeGreaterThan(20);
  });
});
