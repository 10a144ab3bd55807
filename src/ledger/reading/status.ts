/** What `ledger status` shows: runs, what fills the file, and how far the log is signed. */
import type { TokenGap } from '../../log/index.ts';
import type { RunSummary } from '../../model/index.ts';
import { type Churn, readChurn, readGrowth, type RunGrowth } from './growth.ts';
import { readCustody } from '../storage/log-store.ts';
import type { Stores } from '../stores.ts';
import { createTokens } from '../decisions/tokens.ts';

export interface KindSize {
  readonly kind: string;
  readonly objects: number;
  /** As stored: compressed, with ids and salts. */
  readonly bytes: number;
}

export interface LedgerStatus {
  readonly records: number;
  readonly runs: readonly RunSummary[];
  readonly kinds: readonly KindSize[];
  /** Stored bytes that belong to no kind. */
  readonly bytes: {
    readonly log: number;
    readonly trees: number;
    readonly payloads: number;
    readonly reuse: number;
    readonly catalogs: number;
    readonly file: number;
  };
  readonly lastCheckpoint: { readonly size: number; readonly root: string } | null;
  /** Time-stamp tokens over checkpoints, and the records that none covers within a day of what they say, seen from the last record. */
  readonly tokens: {
    readonly count: number;
    readonly last: { readonly size: number; readonly at: string } | null;
    readonly gaps: readonly TokenGap[];
  };
  /** In (cluster, run) order. */
  readonly growth: readonly RunGrowth[];
  readonly churn: Churn;
  /** What a reader must know of the ledger's keeping, in sentences: restored, keys replaced or revoked. */
  readonly custody: readonly string[];
  /** When the ledger was made. */
  readonly genesis: { readonly at: string; readonly ledger: string; readonly origin: string };
}

export function readStatus(stores: Stores): LedgerStatus {
  const { db, log, runs } = stores;
  const sum = (sql: string) => db.prepare<[], number | null>(sql).pluck().get() ?? 0;
  const kinds = db
    .prepare<[], KindSize>(
      `SELECT kind, sum(length(entries) / 52) AS objects, sum(length(entries) + length(block.bytes) + coalesce(length(bases), 0)) AS bytes
         FROM block LEFT JOIN difference USING (first) GROUP BY kind ORDER BY bytes DESC, kind`,
    )
    .all();
  const last = log.lastCheckpoint();
  const { at, ledger, origin } = log.genesis();
  return {
    records: log.size(),
    runs: runs.all(),
    kinds,
    bytes: {
      log: sum('SELECT sum(length(bytes)) FROM log'),
      trees: sum('SELECT sum(length(bytes) + length(id) + length(salt)) FROM tree'),
      payloads: sum('SELECT sum(length(bytes) + length(salts)) FROM payload'),
      reuse: sum('SELECT sum(length(bytes)) FROM reuse'),
      catalogs: sum('SELECT sum(length(bytes)) FROM catalog'),
      file: Number(db.pragma('page_count', { simple: true })) * Number(db.pragma('page_size', { simple: true })),
    },
    lastCheckpoint: last === undefined ? null : { size: last.size, root: Buffer.from(last.root).toString('base64') },
    tokens: readTokens(stores),
    growth: readGrowth(stores),
    churn: readChurn(stores),
    custody: readCustody(log),
    genesis: { at, ledger, origin },
  };
}

function readTokens(stores: Stores): LedgerStatus['tokens'] {
  const tokens = createTokens(stores);
  const all = tokens.tokens();
  const last = all.at(-1);
  return { count: all.length, last: last === undefined ? null : { size: last.size, at: last.at }, gaps: tokens.tokenGaps() };
}
