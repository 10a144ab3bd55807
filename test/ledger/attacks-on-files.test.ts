/** Attacks on the files: what SQLite finds beside a ledger, what a path leads to, what would keep a verifier busy for ever, and exports. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { defaultRetention, exportLedger, importLedger, openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { KubevidenceError } from '../../src/model/index.ts';
import { append, attack, place, plant, type Raw, rehash, victim } from './attacks-given.ts';
import { nothing, order } from './erase-given.ts';
import { clockFrom, collect, pod, pods, signerOf } from './given.ts';
import { openForTest, temporaryPath } from './temporary.ts';

const at = '2026-08-14T12:20:00.000Z';
const open = (path: string, clock = clockFrom(at)) => openLedger({ path, mode: 'write', clock, signer: signerOf() });

describe('the files beside a ledger', () => {
  /** A ledger whose last run is only in its write-ahead log. */
  function unfinished() {
    const path = place();
    const ledger = open(path);
    const file = readFileSync(path);
    collect(ledger, [pod({ name: 'late' })], { definitions: ledger.definitionState()?.digest ?? '' });
    const [wal, { note }] = [readFileSync(`${path}-wal`), ledger.checkpoint()];
    return { file, wal, note };
  }

  it('a log that is taken away leaves what the file has, and the checkpoint that was kept tells', () => {
    const { file, note } = unfinished();
    const path = place({ file });
    expect(verifyLedger(path).ok).toBe(true);
    expect(verifyLedger(path, { against: note }).problems).toEqual([expect.stringContaining('the last 2 are gone')]);
  });

  it('a log that is played again over the ledger that has it changes nothing', () => {
    const { file, wal, note } = unfinished();
    const path = place({ file });
    plant(path, '-wal', wal);
    open(path).close();
    plant(path, '-wal', wal);
    expect(verifyLedger(path, { against: note })).toMatchObject({ ok: true, problems: [] });
  });

  it('an old log over a newer ledger is caught, or is not read', () => {
    const { file, wal } = unfinished();
    const path = place({ file });
    const newer = open(path);
    for (const name of ['a', 'b', 'c']) collect(newer, [pod({ name })], { definitions: newer.definitionState()?.digest ?? '' });
    const { note } = newer.checkpoint();
    newer.close();
    plant(path, '-wal', wal);
    const { ok, problems } = verifyLedger(path, { against: note });
    expect(ok ? 'the ledger as it is' : problems.join('\n')).toMatch(
      /the ledger as it is|the checkpoint that you kept|damaged|missing|is not the hash/,
    );
  });

  it('the log of another ledger is caught, or is not read', () => {
    const { note } = victim();
    const path = place();
    const other = openForTest();
    collect(other, [pod({ name: 'x' })]);
    plant(path, '-wal', readFileSync(`${other.path}-wal`));
    const said = tryVerify(path, note);
    expect(said === '' || /checkpoint|damaged|missing|other keys|malformed/.test(said), said).toBe(true);
  });

  it('a journal that would roll the ledger back is caught, or is not read', () => {
    const path = place();
    const raw = new Database(path);
    raw.pragma('journal_mode = DELETE');
    raw.exec('BEGIN IMMEDIATE; CREATE TABLE scratch (x)');
    raw.pragma('cache_spill = 1');
    const journal = existsSync(`${path}-journal`) ? readFileSync(`${path}-journal`) : Buffer.alloc(512);
    raw.exec('ROLLBACK');
    raw.close();
    plant(path, '-journal', journal);
    const said = tryVerify(path, victim().note);
    expect(said === '' || /checkpoint|damaged|malformed/.test(said), said).toBe(true);
  });

  it('a link is read as what it leads to, and has one lock with it', () => {
    const path = place();
    const link = join(dirname(path), 'link.db');
    symlinkSync(path, link);
    expect(verifyLedger(link, { against: victim().note }).ok).toBe(true);
    const ledger = open(path);
    expect(() => open(link)).toThrow(/is being written/);
    ledger.close();
  });

  it('a link to another ledger is caught by the key, the published checkpoint or the one that was kept', () => {
    const path = place();
    const other = openForTest();
    collect(other, [pod({ name: 'x' })]);
    other.close();
    renameSync(path, `${path}.true`);
    symlinkSync(other.path, path);
    expect(verifyLedger(path, { against: victim().note }).problems.join('\n')).toMatch(/records differ|are gone/);
  });

  it.each([
    ['a pipe', (path: string) => execFileSync('mkfifo', [path])],
    ['a directory', (path: string) => mkdirSync(path)],
    ['a device', (path: string) => symlinkSync('/dev/zero', path)],
    ['a link to itself', (path: string) => symlinkSync(path, path)],
  ])('%s is no ledger, and nobody waits for it', (_, make) => {
    const path = temporaryPath();
    make(path);
    for (const act of [() => verifyLedger(path), () => openLedger({ path, mode: 'read', clock: clockFrom() }), () => open(path)])
      expect(act).toThrow(KubevidenceError);
  });

  it('two names of one ledger are two ledgers to nobody', () => {
    const path = place();
    const second = join(dirname(path), 'second.db');
    linkSync(path, second);
    expect(verifyLedger(second, { against: victim().note }).ok).toBe(true);
  });

  function tryVerify(path: string, against: string): string {
    try {
      return verifyLedger(path, { against }).problems.join('\n');
    } catch (error) {
      if (!(error instanceof KubevidenceError)) throw error;
      return error.message;
    }
  }
});

/** Each took for ever, or all memory, before the verifier knew better. */
describe('nobody waits for', () => {
  const endless = 'WITH RECURSIVE more (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM more) SELECT';
  it.each<[string, (raw: Raw) => unknown, RegExp]>([
    [
      'a view without an end',
      (raw) => raw.exec(`DROP TABLE catalog; CREATE VIEW catalog AS ${endless} zeroblob(32) AS digest, zeroblob(9) AS bytes FROM more`),
      /something that no ledger has: CREATE VIEW catalog/,
    ],
    [
      'a view of the evidence without an end',
      (raw) =>
        raw.exec(
          `ALTER TABLE block RENAME TO old; CREATE VIEW block AS ${endless} n AS first, 3 AS run, 'x' AS kind, zeroblob(52) AS entries, zeroblob(9) AS bytes FROM more`,
        ),
      /something that no ledger has: CREATE VIEW block/,
    ],
    [
      'an index that takes a gigabyte a row',
      (raw) => {
        raw.unsafeMode(true);
        raw.pragma('writable_schema = ON');
        raw.exec(
          "INSERT INTO sqlite_schema SELECT 'index', 'dear', 'log', rootpage, 'CREATE INDEX dear ON log (length(hex(zeroblob(400000000))))' FROM sqlite_schema WHERE name = 'log_by_type'",
        );
        raw.pragma('writable_schema = OFF');
      },
      /something that no ledger has: CREATE INDEX dear|malformed/,
    ],
    [
      'a record of a number that nobody reaches',
      (raw) => raw.exec('UPDATE log SET leaf = 9007199254740000 WHERE leaf = 20'),
      /record 20 of the log is missing/,
    ],
    [
      'a tree of more members than there are objects',
      (raw) => raw.prepare('UPDATE tree SET base = NULL, bytes = ? WHERE ref = 1').run(Buffer.from([0xfc, 0xff, 0xff, 0x5f, 1])),
      /tree 1 cannot be read/,
    ],
    ['trees that each copy the one before', (raw) => copies(raw), /tree \d+ (?:cannot be read|is named by no run|is not what its id says)/],
    [
      'an object of more bytes than it says',
      (raw) => raw.prepare('UPDATE block SET bytes = ? WHERE first = 1').run(zstdCompressSync(Buffer.alloc(200_000_000))),
      /the block of object 1 cannot be decompressed/,
    ],
    [
      'an object that says that it is that long',
      (raw) => {
        const entries = raw.prepare<[], Buffer>('SELECT entries FROM block WHERE first = 1').pluck().get() ?? Buffer.alloc(52);
        entries.writeUInt32LE(0xffff_ffff, 48);
        raw.prepare('UPDATE block SET entries = ? WHERE first = 1').run(entries);
      },
      /the block of object 1 cannot be decompressed/,
    ],
    [
      'a payload that grows',
      (raw) => raw.prepare('UPDATE payload SET base = NULL, bytes = ? WHERE leaf = 13').run(zstdCompressSync(Buffer.alloc(300_000_000))),
      /the payload of record 13 cannot be decompressed/,
    ],
    [
      'a payload that is nothing but depth',
      (raw) =>
        raw
          .prepare('UPDATE payload SET base = NULL, bytes = ? WHERE leaf = 13')
          .run(zstdCompressSync(Buffer.from(`[${'['.repeat(200_000)}${']'.repeat(200_000)}]`))),
      /record 13/,
    ],
    ['a payload that stands on itself', (raw) => raw.exec('UPDATE payload SET base = 13 WHERE leaf = 13'), /record 13/],
    [
      'a catalog that grows',
      (raw) => raw.prepare('UPDATE catalog SET bytes = ?').run(zstdCompressSync(Buffer.alloc(300_000_000))),
      /the catalog [0-9a-f]{64} is not what its digest says/,
    ],
    [
      'what may be reused and grows',
      (raw) => raw.prepare("UPDATE reuse SET bytes = ? WHERE cluster = 'prod'").run(zstdCompressSync(Buffer.alloc(50_000_000))),
      /what may be reused for prod/,
    ],
    [
      'a token that is nothing but depth',
      (raw) => raw.prepare('UPDATE token SET tsr = ? WHERE size = 24').run(Buffer.alloc(60_000, Buffer.from('30800000', 'hex'))),
      /the token of the checkpoint at size 24/,
    ],
    [
      'a checkpoint of megabytes',
      (raw) => raw.prepare('UPDATE checkpoint SET note = ? WHERE size = 24').run(`x\n24\n${'A'.repeat(3_000_000)}\n`),
      /the checkpoint at size 24/,
    ],
    ['a schema of a version that never was', (raw) => raw.pragma('user_version = -1'), /which never existed/],
  ])('%s', (_, deed, message) => {
    const path = place();
    attack(path, (raw) => void deed(raw));
    let said: string;
    try {
      said = verifyLedger(path).problems.join('\n');
    } catch (error) {
      if (!(error instanceof KubevidenceError)) throw error;
      said = error.message;
    }
    expect(said).toMatch(message);
  });

  function copies(raw: Raw): void {
    const insert = raw.prepare('INSERT INTO tree SELECT ?, run, ?, salt, id, ? FROM tree WHERE ref = 1');
    // Each names all members of the one before twelve times: 20 members become 20 * 12^40.
    for (let ref = 1000, count = 6; ref < 1040; ref++, count *= 12) {
      const steps = Array.from({ length: 12 }, () => [...varint(Math.min(count, 2 ** 40) * 4 + 2), 0]).flat();
      insert.run(ref, ref === 1000 ? 1 : ref - 1, Buffer.from(steps));
    }
    raw.exec('UPDATE tree SET base = NULL WHERE ref = 1');
  }
  function* varint(value: number): Generator<number> {
    for (; value >= 128; value = Math.floor(value / 128)) yield (value % 128) + 128;
    yield value;
  }
});

describe('a record whose bytes are no JSON any more', () => {
  it('is named, not SQLite’s trouble with it', () => {
    const path = place();
    const bytes = readFileSync(path);
    const found = bytes.indexOf('"type":"hold-placed"');
    bytes.write('"type"="hold-placed"', found, 'latin1');
    writeFileSync(path, bytes);
    const { problems } = verifyLedger(path);
    expect(problems.join('\n')).toMatch(/record 17: the record is not canonical JSON/);
  });
});

describe('evidence that a hold covers', () => {
  it('stays, and one that somebody with the key erased all the same is named', () => {
    const path = temporaryPath();
    const ledger = openForTest(path);
    collect(ledger, [pod({ name: 'a' }), pod({ name: 'b' })]);
    const [first] = [...ledger.snapshot('prod', 1).objects(pods)];
    const request = { ...nothing, ids: [first?.id ?? ''] };
    const { id } = ledger.placeHold({ scope: { cluster: 'prod', runs: { from: 1, to: 1 }, period: null }, reason: 'r', by: 'b' });
    expect(() => ledger.erase(request, defaultRetention, order)).toThrow(/under a hold/);
    ledger.releaseHold({ id, reason: 'over', by: 'b' });
    ledger.erase(request, defaultRetention, order);
    ledger.close();
    expect(verifyLedger(path)).toMatchObject({ ok: true });
    attack(path, (raw) => {
      // The release comes after the erasure now, as if the hold had still been there.
      const { bytes } = raw.prepare<[], { bytes: Buffer }>("SELECT bytes FROM log WHERE type = 'hold-released'").get() ?? {
        bytes: Buffer.alloc(0),
      };
      const released = JSON.parse(bytes.toString()) as object;
      raw.exec(
        'DELETE FROM payload WHERE leaf = 5; DELETE FROM log WHERE leaf = 5; UPDATE log SET leaf = 5 WHERE leaf = 6; UPDATE payload SET leaf = 5 WHERE leaf = 6',
      );
      append(raw, { ...released, at }, { reason: 'over', by: 'b' });
      rehash(raw);
    });
    expect(verifyLedger(path).problems).toContainEqual(`record 5 erases what the hold ${id} covered then`);
  });
});

it('every record that there is survives export and import, and says the same to whoever verifies', () => {
  const path = place();
  const [who, second] = [{ reason: 'r', by: 'b' }, signerOf('x', 2)];
  const [, size = '', root = ''] = victim().note.split('\n');
  const lost = victim().note.replace(`\n${size}\n`, '\n999\n');
  const published = { place: 'memory', read: () => lost, write: () => {} };
  const ledger = openLedger({ path, mode: 'write', clock: clockFrom(at), signer: signerOf(), published, restored: who });
  expect(root).not.toBe('');
  ledger.revokeException({ id: 'EXC-1', ...who });
  ledger.releaseHold({ id: 'H-17', ...who });
  ledger.bindDocumentKey('cd'.repeat(32), who);
  ledger.rotateLogKey(second, who);
  ledger.revokeKey({ what: 'log', key: ledger.verifierKey(2), from: at, ...who });
  ledger.closePeriod('prod', { from: '2026-01-01T00:00:00.000Z', to: '2026-08-14T12:00:00.000Z' });
  ledger.close();
  const raw = new Database(path, { readonly: true });
  const types = raw.prepare<[], string>('SELECT DISTINCT type FROM log ORDER BY type').pluck().all();
  raw.close();
  // All but the closed period, which a later record showed to be over.
  expect(types).toHaveLength(19);
  const out = join(dirname(path), 'export');
  exportLedger(path, out);
  const copy = join(dirname(path), 'copy.db');
  importLedger(out, copy);
  const [before, after] = [verifyLedger(path), verifyLedger(copy)];
  expect(before).toMatchObject({ ok: true, problems: [] });
  expect(after).toEqual(before);
  expect(before.notices.join('\n')).toMatch(/was restored at[^]*was replaced by[^]*was revoked at/);
});

describe('an export that was edited is not imported:', () => {
  let kept: ReadonlyMap<string, string> | undefined;
  const exported = () => {
    if (kept !== undefined) return kept;
    const out = join(dirname(temporaryPath()), 'export');
    exportLedger(place(), out);
    kept = new Map(readdirSync(out).map((name) => [name, readFileSync(join(out, name), 'utf8')]));
    return kept;
  };
  const linesOf = (files: Map<string, string>, name: string) => (files.get(name) ?? '').split('\n').slice(0, -1);
  const write = (files: Map<string, string>, name: string, lines: readonly string[]) =>
    files.set(name, lines.map((line) => `${line}\n`).join(''));
  const line = (name: string, edit: (lines: string[]) => unknown) => (files: Map<string, string>) => {
    const lines = linesOf(files, name);
    edit(lines);
    write(files, name, lines);
  };
  const replace = (name: string, from: string | RegExp, to: string) => (files: Map<string, string>) => {
    const text = files.get(name) ?? '';
    expect(text.replace(from, to)).not.toBe(text);
    files.set(name, text.replace(from, to));
  };
  it.each<[string, (files: Map<string, string>) => unknown, RegExp]>([
    ['a record', replace('log.jsonl', '"status":"succeeded"', '"status":"failed"'), /root|record/],
    ['a record that is gone', line('log.jsonl', (lines) => lines.splice(9, 1)), /run|record/],
    ['a record twice', line('log.jsonl', (lines) => lines.splice(5, 0, lines[5] ?? '')), /run|record/],
    [
      'two records in another order',
      line('log.jsonl', (lines) => lines.splice(5, 2, lines[6] ?? '', lines[5] ?? '')),
      /only payloads of listings name a tree/,
    ],
    ['the last records', line('log.jsonl', (lines) => lines.splice(20)), /checkpoint|record/],
    ['a record with another space', replace('log.jsonl', '"type":"hold-placed"', '"type": "hold-placed"'), /canonical/],
    ['a checkpoint of another size', replace('checkpoints.jsonl', '{"size":22', '{"size":21'), /checkpoint/],
    ['a checkpoint that is gone, the last', line('checkpoints.jsonl', (lines) => lines.pop()), /the last checkpoint covers/],
    ['an old checkpoint again', line('checkpoints.jsonl', (lines) => lines.push(lines[0] ?? '')), /out of order|UNIQUE|append-only/],
    ['a token of another time', replace('tokens.jsonl', /"at":"[^"]*"/, '"at":"2026-01-01T00:00:00.000Z"'), /token/],
    ['two tokens exchanged', line('tokens.jsonl', (lines) => lines.splice(0, 2, ...swapped(lines, '"size":'))), /token/],
    ['a payload’s words', replace('payloads.jsonl', 'litigation', 'mitigation'), /content is not what its id/],
    ['a payload’s salt', replace('payloads.jsonl', /"salt":"[0-9a-f]{4}/, '"salt":"0000'), /content is not what its id/],
    ['a payload under another record', replace('payloads.jsonl', '{"record":18,', '{"record":17,'), /order|record/],
    [
      'a payload called erased',
      line('payloads.jsonl', (lines) => lines.push('{"record":23,"id":"' + 'ab'.repeat(32) + '","erased":true}')),
      /order|record 23/,
    ],
    ['an object', replace('objects.jsonl', '"image":"nginx"', '"image":"other"'), /content is not what its id/],
    ['an object that is gone', line('objects.jsonl', (lines) => lines.splice(3, 1)), /object|tree/],
    ['an object of another run', replace('objects.jsonl', '"run":1', '"run":2'), /filed under another run|object/],
    ['an object of another kind', replace('objects.jsonl', '"kind":"k8s.workloads/pods"', '"kind":"k8s.rbac/roles"'), /object|kind/],
    [
      'an object called erased',
      line('objects.jsonl', (lines) => lines.splice(0, 1, erasedLine(lines[0] ?? ''))),
      /no record says that it was erased/,
    ],
    [
      'an erased object’s words put back',
      line('objects.jsonl', (lines) =>
        lines.splice(
          lines.findIndex((each) => each.includes('"erased":true')),
          1,
        ),
      ),
      /object|tree/,
    ],
    [
      'a tree’s members',
      replace('trees.jsonl', /"members":\[\[(\d+),"[0-9a-f]{64}"\]/, `"members":[[$1,"${'ab'.repeat(32)}"]`),
      /not what its id|tree|written/,
    ],
    [
      'a tree that copies itself without end',
      line('trees.jsonl', (lines) => lines.splice(edited(lines), 1, bomb(lines[edited(lines)] ?? ''))),
      /more than 4000000 members/,
    ],
    ['a catalog', replace('catalogs.jsonl', '{"controls":[]}', '{"controls":[1]}'), /catalog/],
    ['what may be reused', replace('reuse.jsonl', '"run":', '"run":1'), /may be reused/],
    ['what may be reused of a cluster that is none', replace('reuse.jsonl', '"cluster":"test"', '"cluster":"zzz"'), /may be reused for/],
    ['the description', replace('export.json', '"ledger": "', '"ledger": "0'), /this says/],
    ['a file that is gone', (files) => files.delete('tokens.jsonl'), /missing/],
    ['a line without its end', (files) => files.set('log.jsonl', (files.get('log.jsonl') ?? '').trimEnd()), /has no end/],
    ['a line that is longer than any', line('log.jsonl', (lines) => lines.splice(3, 0, 'x'.repeat(1_000_000))), /longer than/],
  ])('%s', (_, deed, message) => {
    const files = new Map(exported());
    deed(files);
    const directory = join(dirname(temporaryPath()), 'edited');
    mkdirSync(directory);
    for (const [name, text] of files) writeFileSync(join(directory, name), text);
    const target = join(dirname(directory), 'imported.db');
    let error: unknown;
    try {
      importLedger(directory, target);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(KubevidenceError);
    expect((error as KubevidenceError).message).toMatch(message);
    expect((error as KubevidenceError).place?.file).toContain(directory);
    expect(existsSync(target)).toBe(false);
  });

  it('by a link to a file elsewhere, or a pipe, it is not read for ever', () => {
    const directory = join(dirname(temporaryPath()), 'piped');
    mkdirSync(directory);
    for (const [name, text] of exported()) if (name !== 'log.jsonl') writeFileSync(join(directory, name), text);
    execFileSync('mkfifo', [join(directory, 'log.jsonl')]);
    expect(() => importLedger(directory, join(dirname(directory), 'x.db'))).toThrow(/no regular file/);
  });

  it('by nobody, it is', () => {
    const directory = join(dirname(temporaryPath()), 'whole');
    mkdirSync(directory);
    for (const [name, text] of exported()) writeFileSync(join(directory, name), text);
    const target = join(dirname(directory), 'x.db');
    importLedger(directory, target);
    expect(verifyLedger(target, { against: victim().note }).ok).toBe(true);
    const copy = join(dirname(directory), 'again.db');
    copyFileSync(target, copy);
    expect(verifyLedger(copy).ok).toBe(true);
  });

  function swapped([one = '', two = '']: readonly string[], after: string): [string, string] {
    const size = (text: string) => /"size":(\d+)/.exec(text)?.[1] ?? '';
    return [
      one.replace(`${after}${size(one)}`, `${after}${size(one)}`).replace(/"at".*/, two.slice(two.indexOf('"at"'))),
      two.replace(/"at".*/, one.slice(one.indexOf('"at"'))),
    ];
  }
  function erasedLine(text: string): string {
    const { n, id, cluster, run, kind } = JSON.parse(text) as Record<string, unknown>;
    return JSON.stringify({ n, id, erased: true, cluster, run, kind });
  }
  /** Where a tree is an edit of another. */
  function edited(lines: readonly string[]): number {
    return lines.findIndex((each) => /"base":\d/.test(each));
  }
  function bomb(text: string): string {
    const tree = JSON.parse(text) as { members: unknown[] };
    tree.members = Array.from({ length: 1_500_000 }, () => [0, 3]);
    return JSON.stringify(tree);
  }
});
