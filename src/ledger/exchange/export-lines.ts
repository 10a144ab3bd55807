/**
 * What stands in each file of an export: rows of the ledger, in their own order, one in memory at a time. Every query ends before a line is
 * handed on.
 */
import { isUtf8 } from 'node:buffer';
import { canonicalize, isObject, type Json, KubevidenceError } from '../../model/index.ts';
import type { Db } from '../storage/database.ts';
import { escapeText, type ExportFile, formatLine, unescapeText } from './export-format.ts';
import { rememberTrees, stepsOf } from './export-tree.ts';
import { inflateCatalog } from '../decisions/judgements.ts';
import { entryAt } from '../storage/blocks.ts';
import { payloadId } from '../storage/payloads.ts';
import type { ReuseRow } from '../runs/reuse.ts';
import { readRun, type SaltedBytes } from '../runs/run-payload.ts';
import type { Stores } from '../stores.ts';
import { decodeTree, type TreeRow } from '../storage/trees.ts';

type Source = Generator<string, void, void>;

/** Lines of each file, over the first `size` records; payloads must be read to their end before trees are. */
export function exportedLines(stores: Stores, size: number): Record<ExportFile, () => Source> {
  const nameOf = namesOfRuns(stores.db, size);
  // Which trees list trees, and which objects, only the listings' payloads say.
  const roots = new Set<number>();
  return {
    'log.jsonl': () => records(stores, size),
    'checkpoints.jsonl': () => checkpoints(stores, size),
    'tokens.jsonl': () => tokens(stores, size),
    'payloads.jsonl': () => payloads(stores, size, roots),
    'objects.jsonl': () => objects(stores, nameOf),
    'trees.jsonl': () => trees(stores, nameOf, roots),
    'catalogs.jsonl': () => catalogs(stores),
    'reuse.jsonl': () => reuse(stores),
  };
}

/** The payload that a record names as its own; undefined for records without one. */
export function payloadNamedBy(record: Json): string | undefined {
  const id = isObject(record) ? (record.snapshot ?? record.assessment ?? record.details) : undefined;
  return typeof id === 'string' ? id : undefined;
}

function* records({ log }: Stores, size: number): Source {
  for (const { bytes } of log.records(0, size)) yield escapeText(textOf(bytes));
}

function* checkpoints({ db }: Stores, size: number): Source {
  const next = db.prepare<[number, number], { size: number; note: string }>(
    'SELECT size, note FROM checkpoint WHERE size > ? AND size <= ? ORDER BY size LIMIT 1',
  );
  for (let row = next.get(-1, size); row !== undefined; row = next.get(row.size, size)) yield formatLine('checkpoint', row);
}

function* tokens({ db }: Stores, size: number): Source {
  const next = db.prepare<[number, number], { size: number; at: string; tsr: Buffer }>(
    'SELECT size, at, tsr FROM token WHERE size > ? AND size <= ? ORDER BY size LIMIT 1',
  );
  for (let row = next.get(-1, size); row !== undefined; row = next.get(row.size, size))
    yield formatLine('token', { size: row.size, at: row.at, tsr: row.tsr.toString('base64') });
}

function* payloads(stores: Stores, size: number, roots: Set<number>): Source {
  const { db } = stores;
  const next = db.prepare<[number, number], number>('SELECT min(leaf) FROM payload WHERE leaf > ? AND leaf < ?').pluck();
  const record = db.prepare<[number], Buffer>('SELECT bytes FROM log WHERE leaf = ?').pluck();
  const treeId = (tree: number) => stores.trees.id(tree).toString('hex');
  const line = (leaf: number, { id, salt }: Pick<SaltedBytes, 'id' | 'salt'>) => ({ record: leaf, id, salt: hex(salt) });
  for (let leaf = next.get(-1, size) ?? null; leaf !== null; leaf = next.get(leaf, size) ?? null) {
    const named = JSON.parse(record.get(leaf)?.toString('utf8') ?? 'null') as Json;
    const id = payloadNamedBy(named) ?? '';
    if (stores.payloads.erased(leaf)) {
      yield formatLine('erasedPayload', { record: leaf, id, erased: true });
    } else if (isObject(named) && named.type === 'run-ended') {
      const { snapshot, listings } = readRun(stores.payloads, leaf, id, treeId);
      yield formatLine('payload', line(leaf, snapshot), textOf(snapshot.bytes));
      for (const { payload, tree } of listings) {
        if (tree !== null) roots.add(tree);
        yield formatLine('payload', { ...line(leaf, payload), tree }, textOf(payload.bytes));
      }
    } else {
      for (const payload of stores.payloads.read(leaf) ?? [])
        yield formatLine('payload', line(leaf, { id: payloadId(payload), salt: payload.salt }), canonicalize(payload.value));
    }
  }
}

function* objects({ objects: store }: Stores, nameOf: NameOfRun): Source {
  for (const block of store.blocks()) {
    const { first, kind, entries } = block;
    const run = nameOf(block.run);
    if (run === undefined) continue;
    for (const [position, bytes] of store.unpack(block).entries()) {
      const { id, salt, erased } = entryAt(entries, position);
      const object = { n: first + position, id: hex(id) };
      yield erased
        ? formatLine('erasedObject', { ...object, erased, ...run, kind })
        : formatLine('object', { ...object, salt: hex(salt), ...run, kind }, textOf(bytes));
    }
  }
}

function* trees({ db, objects, trees: store }: Stores, nameOf: NameOfRun, roots: ReadonlySet<number>): Source {
  const next = db.prepare<[number], TreeRow>('SELECT ref, run, base, salt, id, bytes FROM tree WHERE ref > ? ORDER BY ref LIMIT 1');
  const idOfTree = db.prepare<[number], Buffer>('SELECT id FROM tree WHERE ref = ?').pluck();
  const known = rememberTrees((ref) => store.read(ref).members);
  const idOf = { objects: (ref: number) => objects.entry(ref).id, trees: (ref: number) => idOfTree.get(ref) ?? Buffer.alloc(0) };
  for (let tree = next.get(-1); tree !== undefined; tree = next.get(tree.ref)) {
    const { ref: n, base } = tree;
    const run = nameOf(tree.run);
    if (run === undefined) continue;
    const before = base === null ? [] : known.get(base);
    const members = decodeTree(n, tree.bytes, before);
    known.keep(n, members);
    const of = roots.has(n) ? 'trees' : 'objects';
    const steps = stepsOf(members, before, ({ ref }) => hex(idOf[of](ref)));
    yield formatLine('tree', { n, id: hex(tree.id), salt: hex(tree.salt), ...run, of, base, members: steps });
  }
}

function* catalogs({ db }: Stores): Source {
  const next = db.prepare<[Uint8Array], { digest: Buffer; bytes: Buffer }>(
    'SELECT digest, bytes FROM catalog WHERE digest > ? ORDER BY digest LIMIT 1',
  );
  for (let row = next.get(Buffer.alloc(0)); row !== undefined; row = next.get(row.digest))
    yield formatLine('catalog', { digest: hex(row.digest) }, textOf(inflateCatalog(row.bytes) ?? Buffer.alloc(0)));
}

function* reuse({ db }: Stores): Source {
  const keys = db.prepare<[], { cluster: string; kind: string }>('SELECT cluster, kind FROM reuse ORDER BY cluster, kind').all();
  const one = db.prepare<[string, string], ReuseRow>('SELECT kind, run, bytes FROM reuse WHERE cluster = ? AND kind = ?');
  for (const { cluster, kind } of keys) {
    const { run, bytes } = one.get(cluster, kind) as ReuseRow;
    yield formatLine('reuse', { cluster, kind, run, bytes: bytes.toString('base64') });
  }
}

/** Cluster and number of a run by the leaf of its plan; undefined for one that has not ended within the signed records. */
type NameOfRun = (plan: number) => { readonly cluster: string; readonly run: number } | undefined;

function namesOfRuns(db: Db, size: number): NameOfRun {
  const ended = db.prepare<[number, number], { cluster: string; run: number }>(
    `SELECT cluster, run FROM log AS plan WHERE leaf = ? AND type = 'run-planned'
       AND EXISTS (SELECT 1 FROM log WHERE type = 'run-ended' AND cluster = plan.cluster AND run = plan.run AND leaf < ?)`,
  );
  let last: { readonly plan: number; readonly name: ReturnType<NameOfRun> } | undefined;
  return (plan) => {
    if (last?.plan !== plan) last = { plan, name: ended.get(plan, size) };
    return last.name;
  };
}

/** The text of bytes that a hash covers; throws `integrity` when the export could not give them back. */
function textOf(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  if (isUtf8(bytes) && !text.includes('\n') && unescapeText(escapeText(text)) === text) return text;
  throw new KubevidenceError('integrity', 'the ledger holds bytes that are not canonical JSON (RFC 8785)');
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
