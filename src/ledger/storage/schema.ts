/**
 * The tables of a ledger, version by version: a new ledger runs every statement in order, an older one those that it lacks
 * (migrations.ts), so that both declare the same. What the log says is written once: triggers refuse every UPDATE and DELETE of it and
 * every INSERT that is not the next leaf (so that INSERT OR REPLACE, which fires no DELETE trigger, cannot replace one). Columns by which
 * records are found are computed from the record's bytes, so there is no second copy that could say something else.
 */

/** "KubE" in ASCII: `PRAGMA application_id`, byte 68 of the file. */
export const applicationId = 0x4b75_6245;

const appendOnly = (table: string, next: string): string[] => [
  `CREATE TRIGGER ${table}_never_changes BEFORE UPDATE ON ${table} BEGIN SELECT RAISE(ABORT, '${table} is append-only'); END`,
  `CREATE TRIGGER ${table}_never_shrinks BEFORE DELETE ON ${table} BEGIN SELECT RAISE(ABORT, '${table} is append-only'); END`,
  `CREATE TRIGGER ${table}_only_grows BEFORE INSERT ON ${table} WHEN ${next} BEGIN SELECT RAISE(ABORT, '${table} is append-only'); END`,
];

const fromRecord = (column: string, type: 'TEXT' | 'INTEGER'): string =>
  `${column} ${type} GENERATED ALWAYS AS (json_extract(CAST(bytes AS TEXT), '$.${column}')) VIRTUAL`;

const member = (name: string): string => `json_extract(CAST(bytes AS TEXT), '$.${name}')`;

/** Of records: ends of runs that stored a snapshot; whether one names no cluster; whether one says what the next run may reuse. */
export const isOfSnapshot = `type = 'run-ended' AND ${member('status')} IN ('succeeded', 'partial')`;
export const namesNoCluster = `(${member('clusterUid')} IS NULL)`;
export const saysWhatToReuse = `${member('reusable')} IS NOT NULL`;

const schema1: readonly string[] = [
  // The record's RFC 8785 bytes, as they were hashed.
  `CREATE TABLE log (leaf INTEGER PRIMARY KEY, bytes BLOB NOT NULL CHECK (length(bytes) < 65536), ${fromRecord('type', 'TEXT')}, ${fromRecord('cluster', 'TEXT')}, ${fromRecord('run', 'INTEGER')}) STRICT`,
  `CREATE INDEX log_by_type ON log (type, cluster, run)`,
  // Hashes of complete subtrees (RFC 6962) of level 1 and above; those of level 0 follow from the records.
  `CREATE TABLE node (level INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL CHECK (length(hash) = 32), PRIMARY KEY (level, position)) STRICT, WITHOUT ROWID`,
  // Signed notes; `size` repeats what the note says, and verify compares them.
  `CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT`,
  // Salted payloads that the record at `leaf` names, compressed together; `base` is the payload whose bytes serve as dictionary.
  `CREATE TABLE payload (leaf INTEGER PRIMARY KEY REFERENCES log (leaf), base INTEGER REFERENCES payload (leaf), salts BLOB NOT NULL, bytes BLOB NOT NULL) STRICT`,
  // Neighbouring objects of one listing: `entries` is (id, salt, length) for objects first, first + 1, …; `run` is the leaf of its plan.
  `CREATE TABLE block (first INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES log (leaf), kind TEXT NOT NULL, entries BLOB NOT NULL CHECK (length(entries) > 0 AND length(entries) % 52 = 0), bytes BLOB NOT NULL) STRICT`,
  // Ordered lists of objects or of trees; see trees.ts.
  `CREATE TABLE tree (ref INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES log (leaf), base INTEGER REFERENCES tree (ref), salt BLOB NOT NULL CHECK (length(salt) = 16), id BLOB NOT NULL CHECK (length(id) = 32), bytes BLOB NOT NULL) STRICT`,
  // Which object a uid and resourceVersion stood for when `kind` was last listed, in `run`; see reuse.ts.
  `CREATE TABLE reuse (cluster TEXT NOT NULL, kind TEXT NOT NULL, run INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (cluster, kind)) STRICT`,
  // Catalogs by SHA-256, each stored once.
  `CREATE TABLE catalog (digest BLOB PRIMARY KEY CHECK (length(digest) = 32), bytes BLOB NOT NULL) STRICT`,
  ...appendOnly('log', 'NEW.leaf <> (SELECT coalesce(max(leaf) + 1, 0) FROM log)'),
  ...appendOnly('node', 'EXISTS (SELECT 1 FROM node WHERE level = NEW.level AND position = NEW.position)'),
  ...appendOnly('checkpoint', 'NEW.size <= (SELECT max(size) FROM checkpoint)'),
];

const schema2: readonly string[] = [
  // RFC 3161 timestamp tokens over the note of the checkpoint of that size; they may come late, and in any order.
  `CREATE TABLE token (size INTEGER PRIMARY KEY REFERENCES checkpoint (size), at TEXT NOT NULL, tsr BLOB NOT NULL) STRICT`,
  ...appendOnly('token', 'EXISTS (SELECT 1 FROM token WHERE size = NEW.size)'),
  // Of blocks whose objects each stand on an object that is stored whole: for each, that one's number and the length of its own frame; see blocks.ts.
  `CREATE TABLE difference (first INTEGER PRIMARY KEY REFERENCES block (first), bases BLOB NOT NULL) STRICT`,
  // Records of erasure after which the file was not yet rewritten: its free pages or its journal may still hold what is gone (erase.ts).
  `CREATE TABLE unswept (leaf INTEGER PRIMARY KEY REFERENCES log (leaf)) STRICT`,
];

const schema3: readonly string[] = [
  // The first one and the last one are found in one step, however many runs failed before or after it.
  `CREATE INDEX log_of_snapshots ON log (cluster, ${namesNoCluster}, run) WHERE ${isOfSnapshot}`,
];

/** How many entries it has, whatever the rows say; from which version on there is one. */
export const indexOfSnapshots = { since: 3, count: `SELECT count(*) FROM log INDEXED BY log_of_snapshots WHERE ${isOfSnapshot}` };

/**
 * The statements of each version, which stand on those before. A version that was released never changes: whatever comes later is a new
 * one, with a stored ledger of its predecessor in test/ledger/fixtures.
 */
export const schemas: readonly (readonly string[])[] = [schema1, schema2, schema3];

/** `PRAGMA user_version`. */
export const schemaVersion = schemas.length;
