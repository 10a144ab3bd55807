/**
 * Takes the lines of an export into an empty ledger, file by file in the order of `exportFiles`. Here each line is held against what is in
 * it and before it; that everything fits together is for the ledger's own verification, whose problems {@link Importer.placeOf} finds in
 * the files.
 */
import { hash } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { canonicalize, isObject, type Json, KubevidenceError, visible } from '../../model/index.ts';
import { type ExportFile, isErased, type Line, parseLine, parseTextLine } from './export-format.ts';
import { membersOf, rememberTrees, stepsOf, textOfMembers } from './export-tree.ts';
import { ascending, type LineTaker, megabyte, nothing, type Seen, takeCheckpoints, takeRecords, takeTokens } from './import-log.ts';
import { createPlaces } from './import-places.ts';
import { blockBytes, blockObjects, type NewObject } from '../storage/blocks.ts';
import type { SaltedPayload } from '../storage/payloads.ts';
import { saltedId, saltLength } from '../storage/salted.ts';
import type { Stores } from '../stores.ts';
import { encodeTree } from '../storage/trees.ts';

export interface Importer {
  readonly files: Readonly<Record<ExportFile, LineTaker>>;
  /** Where the thing stands that a problem of the verification speaks of. */
  placeOf(problem: string): { readonly file: ExportFile; readonly line?: number } | undefined;
}

export function createImporter(stores: Stores): Importer {
  const places = createPlaces();
  const planOf = plansOfRuns(stores);
  // Trees that list trees: those that listings name.
  const roots = new Set<number>();
  return {
    placeOf: (problem) => places.find(problem),
    files: {
      'log.jsonl': takeRecords(stores),
      'checkpoints.jsonl': takeCheckpoints(stores, (size, line) => places.checkpoints.add(size, line)),
      'tokens.jsonl': takeTokens(stores, (size, line) => places.tokens.add(size, line)),
      'payloads.jsonl': takePayloads(stores, roots, (leaf, line) => places.payloads.add(leaf, line)),
      'objects.jsonl': takeObjects(stores, planOf, (n, line) => places.objects.add(n, line)),
      'trees.jsonl': takeTrees(stores, planOf, roots, (n, line) => places.trees.add(n, line)),
      'catalogs.jsonl': takeCatalogs(stores, (digest, line) => places.catalogs.set(digest, line)),
      'reuse.jsonl': takeReuse(stores, (cluster, line) => places.reuse.set(visible(cluster), line)),
    },
  };
}

type PayloadLine = Line<'payload'> & { readonly value: Json; readonly bytes: Buffer };

function takePayloads({ db, payloads }: Stores, roots: Set<number>, seen: Seen): LineTaker {
  const recordOf = db.prepare<[number], Buffer>('SELECT bytes FROM log WHERE leaf = ?').pluck();
  const insertErased = db.prepare<[number, Uint8Array]>('INSERT INTO payload (leaf, base, salts, bytes) VALUES (?, NULL, ?, zeroblob(0))');
  // Payloads of records of one type and cluster are alike, and compress each other.
  const alike = new Map<string, number>();
  const next = ascending();
  let group: PayloadLine[] = [];
  const flush = () => {
    const leaf = group[0]?.record;
    if (leaf === undefined) return;
    const record = JSON.parse(recordOf.get(leaf)?.toString('utf8') ?? 'null') as Json;
    const type = isObject(record) ? record.type : undefined;
    const key = canonicalize([type, isObject(record) ? record.cluster : null]);
    payloads.write(leaf, type === 'run-ended' ? group.map(storedOfRun) : group.map(storedAlone), alike.get(key));
    alike.set(key, leaf);
    group = [];
  };
  return {
    longest: 256 * megabyte,
    take(text, line) {
      if (isErased(text)) {
        const { record } = parseLine('erasedPayload', text);
        flush();
        next(record);
        insertErased.run(record, Buffer.alloc(saltLength));
        seen(record, line);
        return;
      }
      const { text: value, ...head } = parseTextLine('payload', text);
      const bytes = Buffer.from(value, 'utf8');
      requireId(head, bytes);
      if (head.record !== group[0]?.record) {
        flush();
        next(head.record);
        seen(head.record, line);
      }
      if (typeof head.tree === 'number') roots.add(head.tree);
      group.push({ ...head, value: requireCanonical(value), bytes });
    },
    end: flush,
  };
}

/** A run's payloads are stored without the ids that follow from what is beside them; see run-payload.ts. */
function storedOfRun({ salt, value, tree }: PayloadLine, index: number): SaltedPayload {
  const own = index === 0;
  if (!isObject(value) || own !== (tree === undefined))
    throw new KubevidenceError('integrity', 'the payload of a run is not the first of its record, or one of a listing is');
  const { listings: _listings, ...details } = value;
  const { objects: _objects, ...listing } = value;
  return { salt: Buffer.from(salt, 'hex'), value: own ? details : { ...listing, tree: tree ?? null } };
}

function storedAlone({ salt, value, tree, bytes }: PayloadLine): SaltedPayload {
  if (tree !== undefined) throw new KubevidenceError('integrity', 'only payloads of listings name a tree');
  return { salt: Buffer.from(salt, 'hex'), value, bytes };
}

function takeObjects({ objects }: Stores, planOf: PlanOf, seen: Seen): LineTaker {
  const next = ascending();
  let block:
    | { readonly first: number; readonly run: number; readonly kind: string; readonly objects: NewObject[]; bytes: number }
    | undefined;
  const flush = () => {
    if (block !== undefined) objects.write(block.run, block.kind, block.objects, block.first);
    block = undefined;
  };
  return {
    longest: 96 * megabyte,
    take(text, line) {
      const read = isErased(text)
        ? { ...parseLine('erasedObject', text), text: '', salt: '00'.repeat(saltLength) }
        : parseTextLine('object', text);
      const bytes = Buffer.from(read.text, 'utf8');
      if (!('erased' in read)) requireId(read, bytes);
      const run = planOf(read);
      next(read.n);
      seen(read.n, line);
      const full = block !== undefined && (block.objects.length >= blockObjects || block.bytes >= blockBytes);
      const fits = block?.run === run && block.kind === read.kind && block.first + block.objects.length === read.n;
      if (full || !fits) flush();
      block ??= { first: read.n, run, kind: read.kind, objects: [], bytes: 0 };
      block.objects.push({ id: Buffer.from(read.id, 'hex'), salt: Buffer.from(read.salt, 'hex'), bytes });
      block.bytes += bytes.length;
    },
    end: flush,
  };
}

function takeTrees({ db, objects, trees }: Stores, planOf: PlanOf, roots: ReadonlySet<number>, seen: Seen): LineTaker {
  const insert = db.prepare<[number, number, number | null, Uint8Array, Uint8Array, Uint8Array]>(
    'INSERT INTO tree (ref, run, base, salt, id, bytes) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const idOf = {
    objects: (ref: number) => objects.entry(ref).id.toString('hex'),
    trees: (ref: number) => trees.read(ref).id.toString('hex'),
  };
  const ofTree = (n: number) => (roots.has(n) ? 'trees' : 'objects');
  const known = rememberTrees((ref) =>
    trees.read(ref).members.map(({ ref: member, label }) => ({ ref: member, label, id: idOf[ofTree(ref)](member) })),
  );
  const next = ascending();
  return {
    longest: 96 * megabyte,
    take(text, line) {
      const { n, id, salt, of, base, members: steps, ...run } = parseLine('tree', text);
      next(n);
      if (of !== ofTree(n)) throw new KubevidenceError('integrity', `the tree ${n} lists ${ofTree(n)}, as payloads.jsonl says`);
      const before = base === null ? [] : known.get(base);
      const members = membersOf(steps, before);
      requireId({ id, salt }, Buffer.from(textOfMembers(members), 'utf8'));
      if (JSON.stringify(stepsOf(members, before, (member) => member.id)) !== JSON.stringify(steps))
        throw new KubevidenceError('integrity', `the tree ${n} is not written as an export writes it`);
      insert.run(n, planOf(run), base, Buffer.from(salt, 'hex'), Buffer.from(id, 'hex'), encodeTree(members, before));
      known.keep(n, members);
      seen(n, line);
    },
    end: nothing,
  };
}

function takeCatalogs({ db }: Stores, seen: Seen<string>): LineTaker {
  const insert = db.prepare<[Uint8Array, Uint8Array]>('INSERT INTO catalog (digest, bytes) VALUES (?, ?)');
  const next = ascending<string>('');
  return {
    longest: 256 * megabyte,
    take(text, line) {
      const { digest, text: catalog } = parseTextLine('catalog', text);
      if (hash('sha256', catalog) !== digest) throw new KubevidenceError('integrity', `the catalog ${digest} is not what its digest says`);
      next(digest);
      insert.run(Buffer.from(digest, 'hex'), zstdCompressSync(catalog));
      seen(digest, line);
    },
    end: nothing,
  };
}

function takeReuse({ reuse }: Stores, seen: Seen<string>): LineTaker {
  const next = ascending<string>('');
  return {
    longest: 256 * megabyte,
    take(text, line) {
      const { cluster, kind, run, bytes } = parseLine('reuse', text);
      // The order of their UTF-8 bytes, as SQLite sorts.
      next(Buffer.from(`${cluster}\u0000${kind}`, 'utf8').toString('hex'));
      reuse.write(cluster, { kind: kind as `${string}/${string}`, run, bytes: Buffer.from(bytes, 'base64') });
      seen(cluster, line);
    },
    end: nothing,
  };
}

/** Leaf of the plan of a run. */
type PlanOf = (run: { readonly cluster: string; readonly run: number }) => number;

function plansOfRuns({ db }: Stores): PlanOf {
  const find = db
    .prepare<[string, number], number>("SELECT leaf FROM log WHERE type = 'run-planned' AND cluster = ? AND run = ? ORDER BY leaf LIMIT 1")
    .pluck();
  let last: { readonly cluster: string; readonly run: number; readonly plan: number } | undefined;
  return ({ cluster, run }) => {
    if (last?.cluster === cluster && last.run === run) return last.plan;
    const plan = find.get(cluster, run);
    if (plan === undefined) throw new KubevidenceError('integrity', `no record plans the run ${run} of ${visible(cluster)}`);
    last = { cluster, run, plan };
    return plan;
  };
}

function requireId({ id, salt }: { readonly id: string; readonly salt: string }, bytes: Uint8Array): void {
  if (saltedId(Buffer.from(salt, 'hex'), bytes).toString('hex') === id) return;
  throw new KubevidenceError('integrity', `the content is not what its id ${id} says`);
}

function requireCanonical(text: string): Json {
  const value = parse(text);
  if (value === undefined || canonicalize(value) !== text)
    throw new KubevidenceError('integrity', 'the content is not canonical JSON (RFC 8785)');
  return value;
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
