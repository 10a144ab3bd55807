/**
 * What attacks on a ledger start from: one with everything in it (three clusters' runs, a missed slot, exceptions, holds, definitions, a
 * judgement, a baseline, an erasure, a token, packs), and the tools of somebody who knows the format, with the log key or without.
 */
import { createHash, createHmac, hash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { zstdCompressSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { openLedger, type VerifyOptions, verifyLedger } from '../../src/ledger/index.ts';
import { appendLeaf, leafHash, type NoteSigner, rootHash, signCheckpoint } from '../../src/log/index.ts';
import { type Assessment, canonicalBytes, type EvidenceObject, type Json } from '../../src/model/index.ts';
import { acceptTimestamp, createTimestampRequest } from '../../src/signing/index.ts';
import { answer, type Authority, makeAuthority } from '../signing/authority.ts';
import { bindings, nothing, order, others } from './erase-given.ts';
import { clockFrom, collect, create, definitions, digest, identity, pod, signerOf } from './given.ts';
import { temporaryPath } from './temporary.ts';

export type Raw = Database.Database;

export const authority = makeAuthority();

/** A token over a note, made at a time (`20260814120005Z`). */
export function stamp(note: string, at: string, by: Authority = authority): Uint8Array {
  const request = createTimestampRequest(new Uint8Array(createHash('sha256').update(note).digest()));
  return acceptTimestamp(answer(request.der, by, { at }), request, { anchors: null }).der;
}

export interface Victim {
  /** The whole file, without a journal. */
  readonly file: Buffer;
  /** As it was before the last run and everything after it. */
  readonly earlier: Buffer;
  /** Signed notes of both moments: what an auditor kept. */
  readonly note: string;
  readonly earlierNote: string;
}

let known: Victim | undefined;

/** Made once for each test file: what is attacked is a copy. */
export function victim(): Victim {
  known ??= makeVictim();
  return known;
}

export function place({ file }: Pick<Victim, 'file'> = victim()): string {
  const path = temporaryPath();
  writeFileSync(path, file);
  return path;
}

const assessment = {
  controls: [
    { id: 'POD-001', outcome: 'fail', findings: [{ item: 'default/p-1', exception: 'EXC-1', evidence: [] }] },
    { id: 'POD-002', outcome: 'pass', findings: [] },
  ],
} as unknown as Assessment;

/** Objects this long are stored by their differences when little of them changes. */
function large(object: EvidenceObject): EvidenceObject {
  const text = hash('sha512', object.name).repeat(20);
  return { ...object, body: { ...object.body, metadata: { ...(object.body['metadata'] as object), annotations: { text } } } };
}

function makeVictim(): Victim {
  const path = temporaryPath();
  const ledger = openLedger({ path, mode: 'write', clock: clockFrom(), signer: signerOf(), create });
  const stampHead = (at: string) => {
    const { size, note } = ledger.checkpoint();
    ledger.recordToken({ size, tsr: stamp(note, at) });
  };
  const pods = Array.from({ length: 20 }, (_, n) => large(pod({ namespace: `ns-${n % 3}`, name: `p-${n}`, uid: `u-${n}` })));
  const changed = large(pod({ namespace: 'ns-2', name: 'p-5', uid: 'u-5', resourceVersion: '2', image: 'other' }));
  const planned = ledger.recordDefinitions(definitions({ params: 'strict', schedule: 'hourly' }));
  collect(ledger, pods, { definitions: planned });
  const later = pods.flatMap((each, n) => (n === 0 ? [] : n === 5 ? [changed] : [each]));
  collect(ledger, later, { resourceVersion: '101', definitions: planned });
  collect(ledger, others(8), { identity: { ...identity, name: 'test' }, kind: bindings, definitions: planned });
  ledger.recordMissed({ cluster: 'prod', slot: '2026-08-14T12:00:30.000Z' });
  stampHead('20260814120100Z');
  const exception = {
    cluster: 'prod',
    control: 'POD-001',
    item: 'default/p-1',
    justification: 'a vendor image',
    compensatingControl: null,
    ticket: null,
    requester: 'Alice',
  };
  ledger.requestException({ ...exception, expires: '2026-12-31T00:00:00.000Z' });
  ledger.approveException({ id: 'EXC-1', approver: 'Bob' });
  ledger.requestException({ ...exception, item: 'default/p-2', expires: '2026-08-14T13:00:00.000Z' });
  const catalogBytes = Buffer.from('{"controls":[]}');
  const judged = { cluster: 'prod', run: 2, toolVersion: '1', paramsDigest: digest, catalogBytes };
  const at = '2026-08-14T12:01:00.000Z';
  ledger.recordAssessment({ ...judged, at, catalogDigest: hash('sha256', catalogBytes), assessment, exceptionsAt: at });
  const loosened = ledger.recordDefinitions(definitions({ params: 'loose', schedule: 'hourly' }));
  ledger.approveDefinitions(ledger.definitionState()?.leaf ?? -1, { reason: 'r', requester: 'alice', approver: 'bob' });
  ledger.placeHold({ scope: { cluster: 'prod', runs: { from: 1, to: 2 }, period: null }, reason: 'litigation', by: 'Legal' });
  ledger.acceptBaseline({ cluster: 'prod', run: 1, reason: 'as built', by: 'Ann' });
  const period = { from: '2026-08-14T00:00:00.000Z', to: '2026-08-15T00:00:00.000Z' };
  const pack = { cluster: 'prod', period, checkpoint: 2, manifestDigest: digest, documentKeyFingerprint: digest };
  ledger.recordPack(pack);
  ledger.recordPack(pack);
  const keep = { years: 0, days: 0 };
  const [first] = [...ledger.snapshot('test', 1).objects(bindings)];
  ledger.erase({ ...nothing, cluster: 'test', ids: [first?.id ?? ''] }, { evidence: keep, assessments: keep, people: keep }, order);
  const earlierNote = ledger.checkpoint().note;
  ledger.close();
  const earlier = readFileSync(path);
  const again = openLedger({ path, mode: 'write', clock: clockFrom('2026-08-14T12:10:00.000Z'), signer: signerOf() });
  collect(again, later.slice(3), { resourceVersion: '102', definitions: loosened });
  const { size, note } = again.checkpoint();
  again.recordToken({ size, tsr: stamp(note, '20260814121100Z') });
  again.close();
  return { file: readFileSync(path), earlier, note, earlierNote };
}

/** Raw SQL with the triggers, and the memory of foreign keys, out of the way. The triggers come back, so that only the deed is left. */
export function attack(path: string, deed: (raw: Raw) => void): void {
  const raw = new Database(path);
  raw.pragma('foreign_keys = OFF');
  const triggers = raw.prepare<[], { name: string; sql: string }>("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").all();
  for (const { name } of triggers) raw.exec(`DROP TRIGGER ${name}`);
  deed(raw);
  for (const { sql } of triggers) raw.exec(sql);
  raw.close();
}

/** Attacks a copy of the victim; what is wrong with it then. */
export function problemsAfter(deed: (raw: Raw) => void, options: VerifyOptions = {}): string {
  const path = place();
  attack(path, deed);
  return verifyLedger(path, options).problems.join('\n');
}

export interface RecordJson {
  type: string;
  at: string;
  [name: string]: Json;
}

/** The record at a leaf, or the last of a type. */
export function recordAt(raw: Raw, leaf: number): RecordJson {
  const bytes = raw.prepare<[number], Buffer>('SELECT bytes FROM log WHERE leaf = ?').pluck().get(leaf);
  return JSON.parse(bytes?.toString() ?? 'null') as RecordJson;
}

export function lastOf(raw: Raw, type: string, skip = 0): { readonly leaf: number; readonly record: RecordJson } {
  const leaf = raw.prepare<[string, number], number>('SELECT leaf FROM log WHERE type = ? ORDER BY leaf DESC LIMIT 1 OFFSET ?');
  const found = leaf.pluck().get(type, skip) as number;
  return { leaf: found, record: recordAt(raw, found) };
}

/** Writes other bytes where a record was. */
export function put(raw: Raw, leaf: number, record: object): void {
  raw.prepare('UPDATE log SET bytes = ? WHERE leaf = ?').run(canonicalBytes(record), leaf);
}

export function sizeOf(raw: Raw): number {
  return raw.prepare<[], number>('SELECT max(leaf) + 1 FROM log').pluck().get() ?? 0;
}

/** A salted payload as the ledger writes one. */
export function seal(value: Json): { readonly id: string; readonly salt: Buffer; readonly value: Json } {
  const salt = randomBytes(16);
  return { id: createHmac('sha256', salt).update(canonicalBytes(value)).digest('hex'), salt, value };
}

/** Appends a record, with the payload that it names when `details` are given, and its tree nodes; nothing is signed. */
export function append(raw: Raw, record: object, details?: Json): number {
  const leaf = sizeOf(raw);
  const payload = details === undefined ? undefined : seal(details);
  raw
    .prepare('INSERT INTO log (leaf, bytes) VALUES (?, ?)')
    .run(leaf, canonicalBytes(payload === undefined ? record : { ...record, details: payload.id }));
  if (payload !== undefined)
    raw
      .prepare('INSERT INTO payload (leaf, base, salts, bytes) VALUES (?, NULL, ?, ?)')
      .run(leaf, payload.salt, zstdCompressSync(canonicalBytes([payload.value])));
  rehash(raw);
  return leaf;
}

/** Another payload for a record, which names it. */
export function resay(raw: Raw, leaf: number, details: Json): void {
  const payload = seal(details);
  put(raw, leaf, { ...recordAt(raw, leaf), details: payload.id });
  raw
    .prepare('UPDATE payload SET base = NULL, salts = ?, bytes = ? WHERE leaf = ?')
    .run(payload.salt, zstdCompressSync(canonicalBytes([payload.value])), leaf);
}

/** Takes records out and closes the gap, in every table that speaks of leaves. */
export function cutOut(raw: Raw, from: number, count: number): void {
  for (const [table, column] of [
    ['log', 'leaf'],
    ['payload', 'leaf'],
    ['block', 'run'],
    ['tree', 'run'],
  ] as const) {
    if (table === 'log' || table === 'payload') raw.exec(`DELETE FROM ${table} WHERE ${column} >= ${from} AND ${column} < ${from + count}`);
    raw.exec(`UPDATE ${table} SET ${column} = -${column} WHERE ${column} >= ${from}`);
    raw.exec(`UPDATE ${table} SET ${column} = -${column} - ${count} WHERE ${column} < 0`);
  }
  raw.exec(`UPDATE payload SET base = base - ${count} WHERE base >= ${from}`);
  rehash(raw);
}

/** Makes the stored tree fit the records again. */
export function rehash(raw: Raw): void {
  raw.exec('DELETE FROM node');
  const insert = raw.prepare('INSERT INTO node VALUES (?, ?, ?)');
  for (const { level, index, node } of nodesOf(raw)) if (level > 0) insert.run(level, index, node);
}

function* nodesOf(
  raw: Raw,
): Generator<{ readonly size: number; readonly level: number; readonly index: number; readonly node: Uint8Array }> {
  const nodes = new Map<string, Uint8Array>();
  const find = (level: number, index: number) => nodes.get(`${level}/${index}`) as Uint8Array;
  for (const [size, bytes] of raw.prepare<[], Buffer>('SELECT bytes FROM log WHERE leaf >= 0 ORDER BY leaf').pluck().all().entries()) {
    for (const { level, index, hash: node } of appendLeaf(find, size, leafHash(bytes))) {
      nodes.set(`${level}/${index}`, node);
      yield { size, level, index, node };
    }
  }
}

/** Whoever has the log key: the tree fits again, and every checkpoint is signed anew over what is there now. */
export function resign(raw: Raw, by: NoteSigner = signerOf()): void {
  rehash(raw);
  const nodes = new Map([...nodesOf(raw)].map(({ level, index, node }) => [`${level}/${index}`, node]));
  const find = (level: number, index: number) => nodes.get(`${level}/${index}`) as Uint8Array;
  const end = sizeOf(raw);
  const sizes = raw.prepare<[], number>('SELECT size FROM checkpoint').pluck().all();
  raw.exec('DELETE FROM checkpoint; DELETE FROM token');
  const insert = raw.prepare('INSERT INTO checkpoint (size, note) VALUES (?, ?)');
  for (const size of new Set([...sizes.filter((each) => each <= end), end]))
    insert.run(size, signCheckpoint({ origin: by.name, size, root: rootHash(find, size) }, by).note);
}

/** Flips a bit in the middle of one blob. */
export const flipBlob =
  (table: string, column: string, where = '1') =>
  (raw: Raw): void => {
    const row = raw
      .prepare<[], { place: number; blob: Buffer }>(`SELECT rowid AS place, ${column} AS blob FROM ${table} WHERE ${where} LIMIT 1`)
      .get();
    if (row === undefined) throw new Error(`there is no ${table}`);
    const at = row.blob.length >> 1;
    row.blob[at] = (row.blob[at] ?? 0) ^ 1;
    raw.prepare(`UPDATE ${table} SET ${column} = ? WHERE rowid = ?`).run(row.blob, row.place);
  };

/** Puts files that SQLite looks for beside a database. */
export function plant(path: string, suffix: '-wal' | '-shm' | '-journal', bytes: Uint8Array): void {
  if (existsSync(path + suffix)) throw new Error(`${suffix} is there`);
  writeFileSync(path + suffix, bytes);
}
