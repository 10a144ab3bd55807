/** Everything that is kept in the one database, each part with the only code that knows its tables. */
import type { Gap, Listing } from '../model/index.ts';
import type { Db } from './storage/database.ts';
import { createLogStore, type LogStore } from './storage/log-store.ts';
import { createObjectStore, type ObjectStore } from './storage/objects.ts';
import { createPayloadStore, type PayloadStore } from './storage/payloads.ts';
import { createRunReader, type RunReader } from './runs/run-payload.ts';
import { createReuseStore, type ReuseStore } from './runs/reuse.ts';
import { createRuns, type Runs } from './runs/runs.ts';
import { createTreeStore, type TreeStore } from './storage/trees.ts';

export interface Stores {
  readonly db: Db;
  readonly log: LogStore;
  readonly payloads: PayloadStore;
  readonly objects: ObjectStore;
  readonly trees: TreeStore;
  readonly reuse: ReuseStore;
  readonly runs: Runs;
  readonly readRun: RunReader;
  readonly gapOf: GapOf;
}

/** What today's reader misses in a listing that was made before; null for nothing. */
export type GapOf = (listing: Listing) => Gap | null;

export function createStores(db: Db, gapOf: GapOf = () => null): Stores {
  const [log, payloads] = [createLogStore(db), createPayloadStore(db)];
  return {
    db,
    log,
    payloads,
    objects: createObjectStore(db),
    trees: createTreeStore(db),
    reuse: createReuseStore(db),
    runs: createRuns(db, log, payloads),
    readRun: createRunReader(payloads),
    gapOf,
  };
}
