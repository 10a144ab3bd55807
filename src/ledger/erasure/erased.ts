/**
 * Which salted ids the log says were erased. The log alone says so: an object without bytes that no such record names was not erased, it
 * was destroyed by somebody else.
 */
import { isObject } from '../../model/index.ts';
import { type Block, entryAt, objectCount } from '../storage/blocks.ts';
import type { Db } from '../storage/database.ts';
import type { Stores } from '../stores.ts';

/** Ids of objects and payloads, hex; empty in a ledger where nothing was ever erased. */
export interface ErasedIds extends ReadonlySet<string> {
  /** Of the listings that lost objects. */
  readonly kinds: ReadonlySet<string>;
  /** Numbers of the objects of a kind that have no content. */
  refsOf(kind: string): ReadonlySet<number>;
}

export function erasedIds(db: Db): ErasedIds {
  const [ids, kinds] = [new Set<string>(), new Set<string>()];
  for (const bytes of db.prepare<[], Buffer>("SELECT bytes FROM log WHERE type = 'payload-erased'").pluck().iterate()) {
    const record: unknown = JSON.parse(bytes.toString('utf8'));
    if (!isObject(record)) continue;
    for (const id of Array.isArray(record['ids']) ? record['ids'] : []) if (typeof id === 'string') ids.add(id);
    if (typeof record['kind'] === 'string') kinds.add(record['kind']);
  }
  const refs = new Map<string, ReadonlySet<number>>();
  const refsOf = (kind: string): ReadonlySet<number> => {
    const known = refs.get(kind) ?? findErased(db, kind);
    refs.set(kind, known);
    return known;
  };
  return Object.assign(ids, { kinds, refsOf });
}

function findErased(db: Db, kind: string): Set<number> {
  const refs = new Set<number>();
  for (const block of db
    .prepare<[string], Pick<Block, 'first' | 'entries'>>('SELECT first, entries FROM block WHERE kind = ?')
    .iterate(kind))
    for (let position = 0; position < objectCount(block); position++)
      if (entryAt(block.entries, position).erased) refs.add(block.first + position);
  return refs;
}

/** Whether the payload of a record is gone, and a record of erasure says so. */
export function isErased({ db, payloads }: Pick<Stores, 'db' | 'payloads'>, leaf: number, id: string): boolean {
  return payloads.erased(leaf) && erasedIds(db).has(id);
}

/** Leaf of the last record by which something of a cluster was erased; -1 when nothing was. */
export function lastErasure({ log }: Pick<Stores, 'log'>, cluster: string): number {
  return log.find('payload-erased', cluster).at(-1)?.leaf ?? -1;
}
