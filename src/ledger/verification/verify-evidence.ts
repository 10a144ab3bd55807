/**
 * The evidence's part of a proof: from each record down to each object, everything is what its salted id says, is where the first run that
 * names it put it, and nothing is there that no record names (but what a run that is still open has written). An erased object is right only
 * when a record of erasure names its id.
 */
import { hash } from 'node:crypto';
import type { LogRecord, RecordOf } from '../../log/index.ts';
import { isComplete, type Json } from '../../model/index.ts';
import { checkDefinitions } from '../decisions/definitions.ts';
import { erasedIds } from '../erasure/erased.ts';
import type { Findings } from '../decisions/findings.ts';
import { inflateCatalog } from '../decisions/judgements.ts';
import { payloadId } from '../storage/payloads.ts';
import { type ReuseRow, reuseDigest } from '../runs/reuse.ts';
import { reusableDigest, storedRun } from '../runs/run-writer.ts';
import { isSnapshot } from '../runs/runs.ts';
import { schemaOf } from '../storage/migrations.ts';
import { idLength, saltedId } from '../storage/salted.ts';
import { indexOfSnapshots } from '../storage/schema.ts';
import type { Stores } from '../stores.ts';
import { treeBytes } from '../storage/trees.ts';
import { createDecisionCheck } from './verify-decisions.ts';
import { checkHolds } from './verify-holds.ts';
import { checkObjectBytes } from './verify-objects.ts';

interface TreeSummary {
  readonly items: number;
  readonly kind: string;
}

export function createEvidenceCheck(stores: Stores, findings: Findings) {
  const { db, payloads, trees, runs } = stores;
  const { counts, problem, attempt } = findings;
  const treeRun = db.prepare<[number], number>('SELECT run FROM tree WHERE ref = ?').pluck();
  const recordBytes = db.prepare<[number], Buffer>('SELECT bytes FROM log WHERE leaf = ?').pluck();
  const payloadRow = db.prepare<[number], { length: number; salts: Buffer }>(
    'SELECT length(bytes) AS length, salts FROM payload WHERE leaf = ?',
  );
  const erased = erasedIds(db);
  const { blocks, blockOf, idOf } = checkObjectBytes(stores, erased, findings);
  const checked = new Map<number, TreeSummary>();
  const erasedRuns = new Set<number>();
  const catalogs = new Set<string>();
  const named = { payloads: 0, snapshots: 0 };
  const decisions = createDecisionCheck();
  /** Under the plan of the first run that names it, or of an earlier one whose evidence was erased since. */
  const isFiled = (under: number | undefined, plan: number) =>
    under === plan || (under !== undefined && under < plan && erasedRuns.has(under));
  const readTree = (ref: number, plan: number, memberId: (ref: number) => Buffer) => {
    const tree = trees.read(ref);
    if (!saltedId(tree.salt, treeBytes(tree.members, memberId)).equals(tree.id)) problem(`tree ${ref} is not what its id says`);
    if (!isFiled(treeRun.get(ref), plan)) problem(`tree ${ref} is filed under another run than the first that names it`);
    return tree.members;
  };
  /** Of one namespace. Checked once: what later runs name is the same row. */
  const checkObjects = (ref: number, plan: number, kind: string): TreeSummary => {
    const members = readTree(ref, plan, idOf);
    for (const { ref: object } of members) {
      const block = blockOf(object);
      if (block.kind !== kind) problem(`object ${object} is filed under ${block.kind} and named by ${kind}`);
      if (!block.named && !isFiled(block.run, plan)) problem(`object ${object} is filed under another run than the first that names it`);
      block.named = true;
      block.seen[object - block.first] = 1;
    }
    return { items: members.length, kind };
  };
  const checkNamespaces = (ref: number, plan: number, kind: string): TreeSummary => {
    const members = readTree(ref, plan, (namespace) => trees.id(namespace));
    return { items: members.reduce((sum, member) => sum + once(member.ref, plan, kind, checkObjects), 0), kind };
  };
  const once = (ref: number, plan: number, kind: string, check: typeof checkObjects): number => {
    const summary = checked.get(ref) ?? check(ref, plan, kind);
    checked.set(ref, summary);
    if (summary.kind !== kind) problem(`tree ${ref} is named by ${summary.kind} and by ${kind}`);
    return summary.items;
  };
  /** Erased, as a record says; one of the two alone is a problem. */
  const isGone = (leaf: number, id: string): boolean => {
    const row = payloadRow.get(leaf);
    if (!erased.has(id) || row === undefined) return false;
    if (row.length > 0) problem(`the payload of record ${leaf} is recorded as erased and is still there`);
    else if (row.salts.some((byte) => byte !== 0)) problem(`the payload of record ${leaf} is erased, and its salt is still there`);
    return row.length === 0;
  };
  // Of an id only as much as a number holds: whether it is the same one, the record says.
  const firstNamed = new Map<number, number>();
  /** Ids are salted anew for each payload: what somebody said of one thing is never what was said of another. */
  const requireFresh = (leaf: number, id: string): void => {
    const key = Number.parseInt(id.slice(0, 13), 16);
    const first = firstNamed.get(key);
    if (first === undefined) firstNamed.set(key, leaf);
    else if (recordBytes.get(first)?.includes(id) === true) problem(`record ${leaf} names the payload of record ${first} again`);
  };
  const checkRun = (leaf: number, record: RecordOf<'run-ended'>): void => {
    if (isSnapshot(record)) named.snapshots++;
    if (record.snapshot === null) return;
    named.payloads++;
    isGone(leaf, record.snapshot);
    requireFresh(leaf, record.snapshot);
    const run = storedRun(stores, { leaf, record });
    const plan = runs.planned(record.cluster, record.run)?.leaf ?? -1;
    if (run === undefined) erasedRuns.add(plan);
    if (run === undefined) return;
    const { identity } = run.details;
    if (identity.name !== record.cluster || identity.uid !== record.clusterUid || identity.caFingerprint !== record.caFingerprint)
      problem(`record ${leaf} speaks of another cluster than its payload`);
    for (const { listing, tree } of run.listings) {
      const items = tree === null ? 0 : once(tree, plan, listing.kind, checkNamespaces);
      if (items !== listing.items)
        problem(`run ${record.run} of ${record.cluster}: ${listing.kind} says ${listing.items} items and has ${items}`);
    }
    const listings = run.listings.map(({ listing }) => listing);
    const sum = (count: (listing: (typeof listings)[number]) => number) => listings.reduce((total, listing) => total + count(listing), 0);
    const found = [
      listings.length,
      sum((listing) => Number(isComplete(listing))),
      sum(({ items }) => items),
      sum(({ gaps }) => gaps.length),
    ];
    const said = [record.listings, record.complete, record.items, record.gaps];
    if (found.join() !== said.join())
      problem(`record ${leaf} counts ${said.join(', ')} listings, complete ones, items and gaps; its payload has ${found.join(', ')}`);
  };
  /** What it says; null for what was erased. */
  const checkPayload = (leaf: number, id: string): Json => {
    named.payloads++;
    requireFresh(leaf, id);
    if (isGone(leaf, id)) return null;
    const stored = payloads.read(leaf);
    if (stored?.length !== 1 || stored.map(payloadId)[0] !== id)
      problem(`the payload of record ${leaf} is missing, or is not the one that the record names`);
    return stored?.[0]?.value ?? null;
  };

  return {
    /** In leaf order. */
    record: (leaf: number, record: LogRecord): void => {
      if (record.type === 'run-ended') checkRun(leaf, record);
      if (record.type === 'assessed') catalogs.add(record.catalog);
      const id = record.type === 'assessed' ? record.assessment : 'details' in record ? record.details : undefined;
      const said = id === undefined ? null : checkPayload(leaf, id);
      for (const each of decisions.take(leaf, record, said)) problem(each);
    },
    finish(): void {
      const open = new Set(runs.open().map(({ leaf }) => leaf));
      for (const { first, count, named, run, kind, seen, ids } of blocks) {
        if (!named && !open.has(run)) problem(`objects ${first} to ${first + count - 1} are named by no run`);
        // What an erased run alone had read leaves its ids where it shared a block (erase.ts).
        for (let at = named ? seen.indexOf(0) : -1; at >= 0; at = seen.indexOf(0, at + 1))
          if (!erased.has(ids.toString('hex', at * idLength, (at + 1) * idLength)))
            problem(`object ${first + at} (${kind}) is named by no run`);
      }
      attempt('the trees', () => {
        const all = db.prepare<[], { ref: number; run: number }>('SELECT ref, run FROM tree').all();
        counts.trees = all.length;
        for (const { ref, run } of all) if (!checked.has(ref) && !open.has(run)) problem(`tree ${ref} is named by no run`);
      });
      attempt('the payloads', () => {
        counts.payloads = db.prepare<[], number>('SELECT count(*) FROM payload').pluck().get() ?? 0;
        if (counts.payloads !== named.payloads) problem(`there are ${counts.payloads} payloads, and the records name ${named.payloads}`);
      });
      attempt('the index of snapshots', () => {
        // SQLite's own check finds what is missing from an index of some rows, and not what is too much in it.
        const found =
          schemaOf(db) < indexOfSnapshots.since ? named.snapshots : (db.prepare<[], number>(indexOfSnapshots.count).pluck().get() ?? 0);
        if (found !== named.snapshots) problem(`the index of snapshots has ${found} of them, and the records have ${named.snapshots}`);
      });
      attempt('what waits to be swept', () => {
        const rows = db.prepare<[], { leaf: number; type: string | null }>(
          'SELECT unswept.leaf, type FROM unswept LEFT JOIN log USING (leaf)',
        );
        for (const { leaf, type } of rows.all())
          if (type !== 'payload-erased') problem(`record ${leaf} waits to be swept, and is no erasure`);
      });
      attempt('the definitions', () => checkDefinitions(stores, problem));
      attempt('the catalogs', () => checkCatalogs(stores, catalogs, findings));
      attempt('what may be reused', () => checkReuse(stores, problem));
      attempt('the holds', () => checkHolds(stores, problem));
    },
  };
}

function checkCatalogs({ db }: Stores, named: ReadonlySet<string>, { problem, counts }: Findings): void {
  const stored = new Set<string>();
  for (const { digest, bytes } of db.prepare<[], { digest: Buffer; bytes: Buffer }>('SELECT digest, bytes FROM catalog').all()) {
    const name = digest.toString('hex');
    const raw = inflateCatalog(bytes);
    stored.add(name);
    if (raw === undefined || hash('sha256', raw) !== name) problem(`the catalog ${name} is not what its digest says`);
    if (!named.has(name)) problem(`the catalog ${name} is named by no record`);
  }
  for (const name of named) if (!stored.has(name)) problem(`the catalog ${name} is missing`);
  counts.catalogs = stored.size;
}

function checkReuse(stores: Stores, problem: (message: string) => void): void {
  const { db, runs, reuse } = stores;
  const known = new Set(runs.names());
  for (const cluster of db.prepare<[], string>('SELECT DISTINCT cluster FROM reuse').pluck().all()) {
    if (!known.has(cluster)) problem(`something may be reused for ${cluster}, which has no run`);
  }
  for (const cluster of known) {
    const last = stores.runs.lastReusable(cluster);
    const run = storedRun(stores, last);
    const rows: ReuseRow[] = reuse.rows(cluster);
    const said = run === undefined || last === undefined ? null : reusableDigest(stores, last);
    const holds = run === undefined || said === null ? rows.length === 0 : reuseDigest(run.snapshot.salt, rows) === said;
    if (!holds) problem(`what may be reused for ${cluster} is not what its last run left`);
  }
}
