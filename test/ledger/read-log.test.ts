/** Logs longer than what is read at once: what is missing or changed in the middle is named by its own number, and nothing else is. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { verifyLedger } from '../../src/ledger/index.ts';
import { attack, type Raw } from './attacks-given.ts';
import { openForTest, temporaryPath } from './temporary.ts';

const slot = (index: number) => new Date(Date.UTC(2026, 7, 1) + index * 3_600_000).toISOString();
const size = 802;
let known: Buffer | undefined;

function make(): Buffer {
  const ledger = openForTest();
  const slots = Array.from({ length: size - 2 }, (_, index) => ({ slot: slot(index), through: slot(index), slots: 1 }));
  ledger.recordMissedSlots('prod', slots);
  ledger.close();
  return readFileSync(ledger.path);
}

function verifyAfter(deed: (raw: Raw) => void) {
  const path = temporaryPath();
  writeFileSync(path, (known ??= make()));
  attack(path, deed);
  return verifyLedger(path);
}

describe('a long log', () => {
  it('holds', () => {
    expect(verifyAfter(() => {})).toMatchObject({ ok: true, problems: [], counts: { records: size, runs: size - 2 } });
  });

  it.each<[string, string, readonly RegExp[]]>([
    [
      'a node that is gone',
      'DELETE FROM node WHERE level = 1 AND position = 130',
      [/tree node 1\/130 /, /has 797 nodes, and its records make 798/],
    ],
    ['a node that was changed', 'UPDATE node SET hash = zeroblob(32) WHERE level = 1 AND position = 299', [/tree node 1\/299 /]],
    ['a node that was added', 'INSERT INTO node VALUES (1, 401, zeroblob(32))', [/has 799 nodes/]],
    ['two nodes that were exchanged', exchanged('node', 'position', 140, 141, 'AND level = 1'), [/tree node 1\/140 /, /tree node 1\/141 /]],
    ['a record that is gone', 'DELETE FROM log WHERE leaf = 300', [/record 300 of the log is missing/]],
    [
      'records that are gone, more than are read at once',
      'DELETE FROM log WHERE leaf BETWEEN 256 AND 600',
      [/record 256 of the log is missing/],
    ],
    ['the last record that is gone', 'DELETE FROM log WHERE leaf = 801', [/covers more than the 801 records/]],
    ['a record without anything', "UPDATE log SET bytes = x'7b7d' WHERE leaf = 300", [/record 300: /]],
    ['two records that were exchanged', exchanged('log', 'leaf', 511, 512), [/record 511: run 511/, /record 512: run 510/, /tree node/]],
  ])('with %s', (_, sql, expected) => {
    const { ok, problems } = verifyAfter((raw) => raw.exec(sql));
    expect(ok).toBe(false);
    for (const each of expected) expect(problems.join('\n')).toMatch(each);
  });

  it('in which every other node is gone says so of each, in time', () => {
    const { problems } = verifyAfter((raw) => raw.exec('DELETE FROM node WHERE level = 1 AND position % 2 = 1'));
    expect(problems.filter((problem) => /tree node 1\/\d*[13579] /.test(problem))).toHaveLength(200);
  });
});

function exchanged(table: string, column: string, a: number, b: number, and = ''): string {
  const move = (from: number, to: number) => `UPDATE ${table} SET ${column} = ${to} WHERE ${column} = ${from} ${and};`;
  return `${move(a, -1)} ${move(b, a)} ${move(-1, b)}`;
}
