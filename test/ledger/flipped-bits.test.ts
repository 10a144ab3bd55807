/** Single bits of the ledger's file: every flip is named, or nothing that any query could return is different. */
import { readFileSync, writeFileSync } from 'node:fs';
import { zstdDecompressSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { integer, assert as holds, property, tuple } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { verifyLedger } from '../../src/ledger/index.ts';
import { KubevidenceError } from '../../src/model/index.ts';
import { tamperVictim } from './tamper-given.ts';
import { temporaryPath } from './temporary.ts';

describe('a flipped bit', () => {
  it('in the name of a trigger or a table is named', () => {
    const path = tamperVictim();
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
    const path = tamperVictim();
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
    // Some ten seconds on an idle machine.
  }, 300_000);
});
