/** Attacks on a ledger file by somebody who can write it but has no key: every one is named, or changes nothing that is read. */
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { verifyLedger } from '../../src/ledger/index.ts';
import { attack, flipBlob, type Raw, rehash } from './attacks-given.ts';
import { tamperVictim as victim } from './tamper-given.ts';

const replace = (raw: Raw, leaf: number, from: string | RegExp, to: string) => {
  const text = raw.prepare<[number], Buffer>('SELECT bytes FROM log WHERE leaf = ?').pluck().get(leaf)?.toString() ?? '';
  expect(text.replace(from, to)).not.toBe(text);
  raw.prepare('UPDATE log SET bytes = ? WHERE leaf = ?').run(Buffer.from(text.replace(from, to)), leaf);
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
