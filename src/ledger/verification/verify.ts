/**
 * Proves a ledger, or names what is wrong with it. Every byte that means something is checked: the log against its tree and its signed
 * checkpoints, the numbering of runs, each payload, tree and object against the salted ids below the records, and the tables themselves
 * against the schema. It reads one consistent state while others write, in memory that grows by 32 bytes an object.
 */
import Database from 'better-sqlite3';
import { createTokenTimes } from '../../log/index.ts';
import { KubevidenceError, reasonOf, visible } from '../../model/index.ts';
import { type Db, openForReading } from '../storage/database.ts';
import type { Findings, LedgerCounts } from '../decisions/findings.ts';
import { declared, schemaOf } from '../storage/migrations.ts';
import { createStores } from '../stores.ts';
import { checkTokens, createTokens } from '../decisions/tokens.ts';
import { createEvidenceCheck } from './verify-evidence.ts';
import { checkLog, type KeptCheckpoint } from './verify-log.ts';

export interface VerifyOptions {
  /** A checkpoint published earlier (signed note): the log must extend it. */
  readonly against?: string;
  /** The last published checkpoint, where it is kept outside the ledger's directory: the same. */
  readonly published?: string;
  /** The log's Ed25519 key (32 bytes) as the reader knows it; default: the one that the ledger names itself. */
  readonly publicKey?: Uint8Array;
  /** Fingerprint of the document key as the reader knows it (hex); the log must have bound it. */
  readonly documentKey?: string;
  /** Certificates of the time-stamping authorities that the reader trusts, DER; every token must lead to one of them. */
  readonly authorities?: readonly Uint8Array[];
}

export interface VerifiedLedger {
  readonly ok: boolean;
  /** One sentence each, without untrusted control characters. */
  readonly problems: readonly string[];
  /** What holds and has to be known all the same: a restored log, keys that were replaced or revoked. */
  readonly notices: readonly string[];
  readonly counts: Readonly<LedgerCounts>;
}

// A ledger that was overwritten has a problem per object; nobody reads more than these.
const mostProblems = 200;

/** Throws `unreachable` when the file is no database, `input` when it is no ledger or a newer one; everything else is a problem. */
export function verifyLedger(path: string, options: VerifyOptions = {}): VerifiedLedger {
  const counts: LedgerCounts = {
    records: 0,
    unknownRecords: 0,
    unsignedRecords: 0,
    runs: 0,
    checkpoints: 0,
    payloads: 0,
    trees: 0,
    objects: 0,
    catalogs: 0,
    tokens: 0,
  };
  const problems: string[] = [];
  const problem = (message: string) => {
    if (problems.length < mostProblems) problems.push(visible(message));
  };
  const notices: string[] = [];
  const notice = (message: string) => {
    if (notices.length < mostProblems) notices.push(visible(message));
  };
  const attempt = (what: string, check: () => void) => {
    try {
      check();
    } catch (error) {
      problem(`${what}: ${reasonOf(error)}`);
    }
  };
  const findings: Findings = { counts, problem, notice, attempt };
  let opened: ReturnType<typeof openForReading> | undefined;
  try {
    opened = openForReading(path);
    const { db } = opened;
    // One state, whatever a writer commits meanwhile.
    db.exec('BEGIN');
    // Views and indexes of somebody else would be asked instead of our tables, and could take for ever to answer.
    if (checkTables(db, findings)) {
      checkStructure(db, findings);
      attempt('the ledger', () => checkContents(db, options, findings));
    } else problem('nothing that the tables hold was checked: they are not those of a ledger');
  } catch (error) {
    if (error instanceof KubevidenceError && error.code !== 'integrity') throw error;
    problem(reasonOf(error));
  } finally {
    opened?.close();
  }
  return { ok: problems.length === 0, problems, notices, counts };
}

/** False when the file declares what no ledger does; what is missing alone is read around. */
function checkTables(db: Db, { problem, attempt }: Findings): boolean {
  let readable = false;
  attempt('the tables', () => {
    const found = declarations(db);
    for (const [row, sql] of emptyLedger(schemaOf(db)))
      if (!found.delete(row)) problem(`the file lacks a part of the schema: ${titleOf(sql)}`);
    for (const sql of found.values()) problem(`the file has something that no ledger has: ${titleOf(sql)}`);
    readable = found.size === 0;
  });
  return readable;
}

function checkStructure(db: Db, { problem, attempt }: Findings): void {
  attempt('the file', () => {
    for (const line of db.prepare<[], string>('PRAGMA integrity_check(20)').pluck().all())
      if (line !== 'ok') problem(`the file is damaged: ${line}`);
  });
  attempt('the references', () => {
    const broken = db.pragma('foreign_key_check') as { table: string; rowid: number; parent: string }[];
    for (const { table, rowid, parent } of broken.slice(0, 20))
      problem(`row ${rowid} of ${table} names a row of ${parent} that is missing`);
  });
}

/** What a file declares, names and statements; only the pages where its tables start are its own business. */
function declarations(db: Db): Map<string, string> {
  const rows = db.prepare<[], string[]>('SELECT type, name, tbl_name, sql FROM sqlite_schema').raw().all();
  return new Map(rows.map((row) => [JSON.stringify(row), row[3] ?? row[1] ?? '']));
}

function emptyLedger(version: number): Map<string, string> {
  const db = new Database(':memory:');
  try {
    for (const statement of declared(version)) db.exec(statement);
    return declarations(db);
  } finally {
    db.close();
  }
}

function checkContents(db: Db, { against, published, publicKey, documentKey, authorities }: VerifyOptions, findings: Findings): void {
  const stores = createStores(db);
  const kept: KeptCheckpoint[] = [
    ...(published === undefined ? [] : [{ name: 'the published checkpoint', note: published }]),
    ...(against === undefined ? [] : [{ name: 'the checkpoint that you kept', note: against }]),
  ];
  const evidence = createEvidenceCheck(stores, findings);
  const times = createTokenTimes(
    createTokens(stores)
      .tokens()
      .map(({ size, at }) => ({ size, time: at })),
  );
  const onRecord: typeof evidence.record = (leaf, record) => {
    times.take(leaf, record.at);
    evidence.record(leaf, record);
  };
  checkLog(stores, { kept, publicKey, documentKey, findings, onRecord });
  evidence.finish();
  findings.attempt('the time-stamp tokens', () => checkTokens(stores, findings, authorities));
  for (const each of times.sentences()) findings.notice(each);
}

function titleOf(sql: string): string {
  return sql.slice(0, sql.indexOf('(') < 0 ? 80 : Math.min(sql.indexOf('('), 80)).trim();
}
