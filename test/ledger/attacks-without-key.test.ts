/**
 * Attacks by somebody who can write the file and knows its format, but has no key. What they change below a checkpoint breaks the checkpoint;
 * what they add behind the last one is signed by nobody, and never will be.
 */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { formatVerifierKey } from '../../src/log/index.ts';
import { canonicalBytes, exitCodeOf } from '../../src/model/index.ts';
import {
  append,
  attack,
  authority,
  cutOut,
  flipBlob,
  lastOf,
  place,
  problemsAfter,
  put,
  type Raw,
  recordAt,
  rehash,
  resign,
  seal,
  stamp,
  victim,
} from './attacks-given.ts';
import { clockFrom, collect, digest, pod, signerOf } from './given.ts';
import { makeAuthority } from '../signing/authority.ts';

it('the victim holds before anybody comes', () => {
  const { note, earlierNote } = victim();
  const authorities = [authority.root.certificate];
  for (const against of [note, earlierNote])
    expect(verifyLedger(place(), { against, authorities })).toMatchObject({ ok: true, problems: [], notices: [] });
});

const changeRecord =
  (type: string, change: object, skip = 0) =>
  (raw: Raw) => {
    const { leaf, record } = lastOf(raw, type, skip);
    put(raw, leaf, { ...record, ...change });
    rehash(raw);
  };
const root = /the records do not give the root that the checkpoint at size \d+ signs: one of the first \d+ was changed/;
const at = '2026-08-14T12:11:00.000Z';
const who = { reason: 'r', by: 'Mallory' };

describe('caught: a record below a checkpoint that is changed with its tree,', () => {
  it.each<[string, (raw: Raw) => void, RegExp]>([
    ['a failed run called a success', changeRecord('run-ended', { status: 'failed' }, 1), root],
    ['an exception for another control', changeRecord('exception-requested', { control: 'NET-001' }), root],
    ['an exception that expires later', changeRecord('exception-requested', { expires: '2027-01-01T00:00:00.000Z' }, 1), root],
    ['a hold on fewer runs', changeRecord('hold-placed', { scope: { cluster: 'prod', runs: { from: 1, to: 1 }, period: null } }), root],
    ['another baseline', changeRecord('baseline-accepted', { run: 2 }), root],
    [
      'an erasure of more',
      (raw) => changeRecord('payload-erased', { ids: [...(lastOf(raw, 'payload-erased').record['ids'] as string[]), digest] })(raw),
      root,
    ],
    ['a pack of another manifest', changeRecord('pack-issued', { manifest: 'cd'.repeat(32) }), root],
    ['a missed slot of another time', changeRecord('run-missed', { slot: '2026-08-14T11:00:00.000Z' }), root],
    ['a judgement with other counts', changeRecord('assessed', { outcomes: { pass: 2 } }), root],
    ['a definition with another digest', changeRecord('definition-changed', { newDigest: digest }, 1), root],
    ['the birth of the ledger', (raw) => (put(raw, 0, { ...recordAt(raw, 0), at: '2025-01-01T00:00:00.000Z' }), rehash(raw)), root],
    ['a time that is dated back', changeRecord('run-ended', { at: '2026-07-01T00:00:00.000Z' }, 1), root],
    ['a time that is dated ahead', changeRecord('run-ended', { at: '2027-07-01T00:00:00.000Z' }, 1), root],
    ['a type that nobody knows', changeRecord('hold-placed', { type: 'hold-placed-maybe' }), root],
    ['a newer version of its type', changeRecord('hold-placed', { v: 2 }), root],
  ])('%s', (_, deed, message) => {
    expect(problemsAfter(deed)).toMatch(message);
  });
});

describe('caught: a record that is gone or moved, with all that names it closed up,', () => {
  it.each<[string, (raw: Raw) => void, RegExp]>([
    [
      'the missed run',
      (raw) => cutOut(raw, lastOf(raw, 'run-missed').leaf, 1),
      /run 4 of prod follows run 2: the runs between are missing/,
    ],
    ['a whole run', (raw) => cutOut(raw, 5, 2), /run 3 of prod follows run 1: the runs between are missing/],
    [
      'the last run, with its checkpoint',
      (raw) => (cutOut(raw, 22, 2), raw.exec('DELETE FROM checkpoint WHERE size > 22')),
      /token names a row of checkpoint that is missing/,
    ],
    ['the change of a definition', (raw) => cutOut(raw, 14, 2), /is planned by other definitions than those that were recorded/],
    ['one difference of a change', (raw) => cutOut(raw, 14, 1), /are not what changed between the definitions/],
    ['the hold', (raw) => cutOut(raw, lastOf(raw, 'hold-placed').leaf, 1), root],
    ['the erasure', (raw) => cutOut(raw, lastOf(raw, 'payload-erased').leaf, 1), /has no content, and no record says that it was erased/],
    [
      'the first pack',
      (raw) => cutOut(raw, lastOf(raw, 'pack-issued', 1).leaf, 1),
      /pack 2 of a period is issued, and it is its pack number 1/,
    ],
    [
      'the request of an exception',
      (raw) => cutOut(raw, lastOf(raw, 'exception-requested', 1).leaf, 1),
      /EXC-1 is approved, and was never requested/,
    ],
    ['the genesis', (raw) => cutOut(raw, 0, 1), /record 0 is a key-bound record: the first one, and only that, is the genesis/],
  ])('%s', (_, deed, message) => {
    expect(problemsAfter(deed)).toMatch(message);
  });
});

const forged: readonly [string, (raw: Raw) => unknown, RegExp][] = [
  ['releases the hold', (raw) => append(raw, { type: 'hold-released', v: 1, at, hold: 'H-17' }, who), /record 24 \(hold-released\)/],
  [
    'approves an exception',
    (raw) => append(raw, { type: 'exception-approved', v: 1, at, cluster: 'prod', exception: 'EXC-2' }, { approver: 'Mallory' }),
    /record 24 \(exception-approved\)/,
  ],
  [
    'revokes an exception',
    (raw) => append(raw, { type: 'exception-revoked', v: 1, at, cluster: 'prod', exception: 'EXC-1' }, who),
    /record 24 \(exception-revoked\)/,
  ],
  [
    'claims an erasure, and destroys a payload',
    (raw) => {
      const { leaf, record } = lastOf(raw, 'assessed');
      raw.prepare("UPDATE payload SET base = NULL, salts = zeroblob(length(salts)), bytes = x'' WHERE leaf = ?").run(leaf);
      append(
        raw,
        { type: 'payload-erased', v: 1, at, cluster: 'prod', class: 'assessment', ids: [record['assessment']], kind: null, reusable: null },
        { legalBasis: 'none', requester: 'x', approver: 'y', overrideRetention: true },
      );
    },
    /record 24 \(payload-erased\)/,
  ],
  [
    'accepts another baseline',
    (raw) => append(raw, { type: 'baseline-accepted', v: 1, at, cluster: 'prod', run: 2 }, who),
    /baseline-accepted/,
  ],
  [
    'approves a change of definitions',
    (raw) => append(raw, { type: 'definition-approved', v: 1, at, change: 2 }, { reason: 'r', requester: 'x', approver: 'y' }),
    /record 24 \(definition-approved\)/,
  ],
  [
    'binds a document key',
    (raw) => append(raw, { type: 'key-bound', v: 1, at, logKey: recordAt(raw, 0)['logKey'], documentKeyFingerprint: 'cd'.repeat(32) }, who),
    /record 24 \(key-bound\)/,
  ],
  [
    'revokes a key',
    (raw) => append(raw, { type: 'key-revoked', v: 1, at, what: 'document', key: 'cd'.repeat(32), from: at }, who),
    /record 24 \(key-revoked\)/,
  ],
  [
    'counts a pack that was never made',
    (raw) => {
      const { record } = lastOf(raw, 'pack-issued');
      append(raw, { ...record, at, number: 3 });
    },
    /record 24 \(pack-issued\)/,
  ],
  [
    'judges again',
    (raw) => {
      const { record } = lastOf(raw, 'assessed');
      const payload = seal({ controls: [] });
      append(raw, { ...record, at, outcomes: {}, assessment: payload.id });
    },
    /record 24 \(assessed\)/,
  ],
  [
    'says that a slot was missed',
    (raw) => append(raw, { ...lastOf(raw, 'run-missed').record, at, run: 5, uuid: uuid(7) }),
    /record 24 \(run-missed\)/,
  ],
  ['adds a record that nobody knows', (raw) => append(raw, { type: 'tomorrow', v: 9, at }), /record 24 \(tomorrow\)/],
];
const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

describe('never signed: a forged record behind the last checkpoint that', () => {
  it.each(forged)('%s', (_, deed, name) => {
    const path = place();
    attack(path, deed);
    const problems = verifyLedger(path).problems.join('\n');
    expect(problems).toMatch(/is signed by no checkpoint/);
    expect(problems).toMatch(name);
    let refusal: unknown;
    try {
      openLedger({ path, mode: 'write', clock: clockFrom(at), signer: signerOf() }).close();
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toMatchObject({ code: 'integrity', message: expect.stringMatching(name) });
    expect(exitCodeOf(refusal)).toBe(4);
  });

  it('plans a run: it is told, and ends as interrupted', () => {
    const path = place();
    attack(path, (raw) => append(raw, { ...lastOf(raw, 'run-planned').record, at, run: 5, uuid: uuid(5) }));
    const { ok, notices } = verifyLedger(path, { authorities: [authority.root.certificate] });
    expect([ok, notices]).toEqual([true, [expect.stringMatching(/^the last record \(24, run-planned\) is signed by no checkpoint yet/)]]);
    const warnings: string[] = [];
    const ledger = openLedger({ path, mode: 'write', clock: clockFrom(at), signer: signerOf(), warn: (text) => warnings.push(text) });
    expect(warnings).toEqual([expect.stringContaining('run 5 of prod')]);
    expect(ledger.run('prod', 5)?.status).toBe('interrupted');
    ledger.close();
  });
});

describe('caught in the tables:', () => {
  const row = (table: string, column: string, where: string) => (raw: Raw) =>
    raw.prepare<[], Buffer>(`SELECT ${column} FROM ${table} WHERE ${where}`).pluck().get() as Buffer;
  it.each<[string, (raw: Raw) => unknown, RegExp]>([
    [
      'a record before the first',
      (raw) => {
        const payload = seal(who);
        raw
          .prepare('INSERT INTO log (leaf, bytes) VALUES (-1, ?)')
          .run(Buffer.from(JSON.stringify({ at, details: payload.id, hold: 'H-17', type: 'hold-released', v: 1 })));
      },
      /the log has 1 record before its first one/,
    ],
    [
      'a record far behind the last',
      (raw) => raw.prepare('INSERT INTO log (leaf, bytes) SELECT 9007199254740990, bytes FROM log WHERE leaf = 3').run(),
      /record 24 of the log is missing/,
    ],
    ['a checkpoint of a size below none', (raw) => raw.exec('UPDATE checkpoint SET size = -5 WHERE size = 5'), /checkpoint .*-5/],
    ['an object that no tree names, among others', (raw) => addObject(raw), /object \d+ .* is named by no run/],
    [
      'objects before the first',
      (raw) => raw.exec('INSERT INTO block SELECT -500, run, kind, entries, bytes FROM block LIMIT 1'),
      /objects -500 to -\d+ are named by no run/,
    ],
    [
      'the payload of a hold for that of a baseline',
      (raw) =>
        raw.exec(
          'UPDATE payload SET leaf = -1 WHERE leaf = 17; UPDATE payload SET leaf = 17 WHERE leaf = 18; UPDATE payload SET leaf = 18 WHERE leaf = -1',
        ),
      /the payload of record 17 is missing, or is not the one/,
    ],
    [
      'two runs’ payloads exchanged',
      (raw) => {
        raw.exec('UPDATE payload SET base = NULL WHERE base IS NOT NULL');
        raw.exec(
          'UPDATE payload SET leaf = -1 WHERE leaf = 4; UPDATE payload SET leaf = 4 WHERE leaf = 8; UPDATE payload SET leaf = 8 WHERE leaf = -1',
        );
      },
      /the payload of the run in record 4 is not the one that the record names/,
    ],
    [
      'two objects’ salts exchanged',
      (raw) => {
        const entries = row('block', 'entries', 'first = 1')(raw);
        const [one, two] = [Buffer.from(entries.subarray(32, 48)), Buffer.from(entries.subarray(84, 100))];
        two.copy(entries, 32);
        one.copy(entries, 84);
        raw.prepare('UPDATE block SET entries = ? WHERE first = 1').run(entries);
      },
      /object 1 \(k8s\.workloads\/pods, id [0-9a-f]{64}\) is not what its id says/,
    ],
    [
      'two objects’ ids exchanged',
      (raw) => {
        const entries = row('block', 'entries', 'first = 1')(raw);
        const [one, two] = [Buffer.from(entries.subarray(0, 32)), Buffer.from(entries.subarray(52, 84))];
        two.copy(entries, 0);
        one.copy(entries, 52);
        raw.prepare('UPDATE block SET entries = ? WHERE first = 1').run(entries);
      },
      /object 1 .* is not what its id says|tree \d+ is not what its id says/,
    ],
    [
      'the trees of two runs exchanged',
      (raw) =>
        raw.exec('UPDATE tree SET ref = -1 WHERE ref = 4; UPDATE tree SET ref = 4 WHERE ref = 7; UPDATE tree SET ref = 7 WHERE ref = -1'),
      /tree|object/,
    ],
    ['what an object stands on', flipBlob('difference', 'bases'), /object|stand on/],
    ['that objects stand on others', (raw) => raw.exec('DELETE FROM difference'), /block of object|cannot be decompressed/],
    ['evidence that is missing without an erasure', (raw) => wipe(raw, 'pods'), /has no content, and no record says that it was erased/],
    ['the salt of an erased object put back', (raw) => saltErased(raw), /is recorded as erased and is still there/],
    ['an erased object put back', (raw) => raw.exec("DELETE FROM log WHERE type = 'payload-erased'"), /is missing|no record says/],
    [
      'what may be reused, of a cluster whose object was erased',
      (raw) => raw.exec("UPDATE reuse SET bytes = (SELECT bytes FROM reuse WHERE cluster = 'prod') WHERE cluster = 'test'"),
      /what may be reused for test/,
    ],
    [
      'what may be reused, under another kind',
      (raw) => raw.exec("UPDATE reuse SET kind = 'k8s.rbac/roles' WHERE cluster = 'prod'"),
      /what may be reused for prod/,
    ],
    ['an erasure that waits to be swept and never was', (raw) => raw.exec('INSERT INTO unswept VALUES (4)'), /record 4 .* is no erasure/],
    [
      'a token with another time',
      (raw) => raw.exec("UPDATE token SET at = '2026-08-01T00:00:00.000Z' WHERE size = 10"),
      /token of the checkpoint at size 10 is filed under/,
    ],
    [
      'the token of another checkpoint',
      (raw) => raw.exec('UPDATE token SET tsr = (SELECT tsr FROM token WHERE size = 10) WHERE size = 24'),
      /token of the checkpoint at size 24: it is of other data/,
    ],
    [
      'two tokens exchanged',
      (raw) =>
        raw.exec(
          'UPDATE token SET size = -1 WHERE size = 10; UPDATE token SET size = 10 WHERE size = 24; UPDATE token SET size = 24 WHERE size = -1',
        ),
      /token of the checkpoint at size 10: it is of other data/,
    ],
    [
      'a token for a checkpoint that is not there',
      (raw) => raw.exec('INSERT INTO token SELECT 23, at, tsr FROM token WHERE size = 10'),
      /row 23 of token names a row of checkpoint that is missing/,
    ],
    [
      'an old checkpoint again, as the last',
      (raw) => raw.exec('UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE size = 10) WHERE size = 24'),
      /checkpoint filed under size 24 is of size 10/,
    ],
    [
      'a checkpoint of another log',
      (raw) => raw.exec("UPDATE checkpoint SET note = replace(note, 'audit.example/log', 'other.example/log')"),
      /the checkpoint at size 2: /,
    ],
    ['the schema’s number set back', (raw) => raw.pragma('user_version = 1'), /something that no ledger has: CREATE TABLE token/],
    [
      'a view in place of the catalogs',
      (raw) => raw.exec('ALTER TABLE catalog RENAME TO hidden; CREATE VIEW catalog AS SELECT * FROM hidden'),
      /something that no ledger has: CREATE VIEW catalog/,
    ],
    [
      'a trigger that undoes what is written',
      (raw) => raw.exec('CREATE TRIGGER undo AFTER INSERT ON payload BEGIN DELETE FROM payload WHERE leaf = NEW.leaf; END'),
      /something that no ledger has: CREATE TRIGGER undo/,
    ],
    [
      'a trigger whose name is right',
      (raw) => raw.exec('DROP INDEX log_by_type; CREATE INDEX log_by_type ON log (type)'),
      /lacks a part of the schema: CREATE INDEX log_by_type/,
    ],
    ['a column that is computed otherwise', (raw) => recolumn(raw), /lacks a part of the schema: CREATE TABLE log/],
  ])('%s', (_, deed, message) => {
    expect(problemsAfter(deed)).toMatch(message);
  });

  function addObject(raw: Raw): void {
    const first = raw.prepare<[], number>('SELECT max(first) FROM block').pluck().get();
    const block = raw
      .prepare<[number], { entries: Buffer; bytes: Buffer }>('SELECT entries, bytes FROM block WHERE first = ?')
      .get(first ?? 0);
    if (block === undefined) throw new Error('no block');
    const extra = seal({ planted: true });
    const bytes = canonicalBytes(extra.value);
    const entry = Buffer.alloc(52);
    Buffer.from(extra.id, 'hex').copy(entry);
    extra.salt.copy(entry, 32);
    entry.writeUInt32LE(bytes.length, 48);
    raw
      .prepare('UPDATE block SET entries = ?, bytes = ? WHERE first = ?')
      .run(Buffer.concat([block.entries, entry]), zstdCompressSync(Buffer.concat([zstdDecompressSync(block.bytes), bytes])), first);
  }

  function wipe(raw: Raw, kind: string): void {
    const block = raw
      .prepare<[string], { first: number; entries: Buffer }>('SELECT first, entries FROM block WHERE kind LIKE ? LIMIT 1')
      .get(`%${kind}`);
    for (let end = 52; end <= (block?.entries.length ?? 0); end += 52) block?.entries.fill(0, end - 20, end);
    raw.prepare('UPDATE block SET entries = ?, bytes = ? WHERE first = ?').run(block?.entries, zstdCompressSync(''), block?.first);
  }

  function saltErased(raw: Raw): void {
    const block = raw
      .prepare<[], { first: number; entries: Buffer }>("SELECT first, entries FROM block WHERE kind LIKE '%rolebindings'")
      .get();
    const { entries, first } = block as { first: number; entries: Buffer };
    for (let at = 0; at < entries.length; at += 52) if (entries.readUInt32LE(at + 48) === 0) entries[at + 33] = 1;
    raw.prepare('UPDATE block SET entries = ? WHERE first = ?').run(entries, first);
  }

  function recolumn(raw: Raw): void {
    raw.unsafeMode(true);
    raw.pragma('writable_schema = ON');
    raw.exec("UPDATE sqlite_schema SET sql = replace(sql, '$.cluster', '$.origin') WHERE name = 'log'");
    raw.pragma('writable_schema = OFF');
  }
});

describe('told, though nothing of the evidence is false:', () => {
  it('a checkpoint that is gone takes nothing with it while a later one stands', () => {
    expect(problemsAfter((raw) => raw.exec('DELETE FROM checkpoint WHERE size = 9'))).toBe('');
  });

  it('tokens that are gone leave a gap that is seen', () => {
    const path = place();
    attack(path, (raw) => raw.exec('DELETE FROM token'));
    expect(verifyLedger(path)).toMatchObject({ ok: true, counts: { tokens: 0 } });
  });

  it('a token by an authority that nobody knows is none where the right one is given', () => {
    const path = place();
    const stranger = makeAuthority('rsa');
    attack(path, (raw) => {
      const note = raw.prepare<[], string>('SELECT note FROM checkpoint WHERE size = 24').pluck().get() ?? '';
      const dated = stamp(note, '20260801000000Z', stranger);
      raw.prepare('UPDATE token SET tsr = ?, at = ? WHERE size = 24').run(dated, '2026-08-01T00:00:00.000Z');
    });
    const { problems } = verifyLedger(path, { authorities: [authority.root.certificate] });
    expect(problems).toEqual([expect.stringMatching(/^the token of the checkpoint at size 24: the certificate of .* does not lead/)]);
    expect(verifyLedger(place(), { authorities: [authority.root.certificate] })).toMatchObject({ ok: true });
    expect(verifyLedger(path).notices.join('\n')).toMatch(/time-stamp token/);
  });
});

describe('caught with what somebody kept elsewhere:', () => {
  it('an old copy in place of the new one', () => {
    const { earlier, note } = victim();
    const path = place({ file: earlier });
    expect(verifyLedger(path).ok).toBe(true);
    expect(verifyLedger(path, { against: note }).problems).toEqual([
      'the log has 22 records, and the checkpoint that you kept covers 24: the last 2 are gone',
    ]);
  });

  it('another ledger altogether, signed by another key', () => {
    const path = place();
    attack(path, (raw) => resign(raw, signerOf('audit.example/log', 9)));
    expect(verifyLedger(path).problems.join('\n')).toMatch(/the checkpoint at size 2: the note is not signed by audit\.example\/log/);
    attack(path, (raw) => {
      const stranger = signerOf('audit.example/log', 9);
      put(raw, 0, { ...recordAt(raw, 0), logKey: formatVerifierKey(stranger) });
      put(raw, 1, { ...recordAt(raw, 1), logKey: formatVerifierKey(stranger) });
      resign(raw, stranger);
    });
    expect(verifyLedger(path).ok).toBe(true);
    expect(verifyLedger(path, { against: victim().earlierNote }).problems).toContainEqual(
      expect.stringContaining('the log is not the one of the checkpoint that you kept: their first 22 records differ'),
    );
    expect(verifyLedger(path, { publicKey: signerOf().publicKey }).problems).toEqual([
      'the log is signed by other keys than the one that was given',
    ]);
  });

  it('a copy that went on by itself', () => {
    const { earlier, note } = victim();
    const path = place({ file: earlier });
    const fork = openLedger({ path, mode: 'write', clock: clockFrom(at), signer: signerOf() });
    collect(fork, [pod({ name: 'forked' })], { definitions: fork.definitionState()?.digest ?? '' });
    fork.close();
    expect(verifyLedger(path, { against: note }).problems).toEqual([
      'the log is not the one of the checkpoint that you kept: their first 24 records differ',
    ]);
  });

  it('a forged declaration that it was restored', () => {
    const { earlier, note } = victim();
    const path = place({ file: earlier });
    const lines = note.split('\n');
    const published = { size: Number(lines[1]), root: lines[2] ?? '', note };
    attack(path, (raw) => {
      const kept = { size: 22, root: recordRoot(raw) };
      append(raw, { type: 'ledger-restored', v: 1, at, published, kept }, who);
    });
    expect(verifyLedger(path, { published: note }).problems.join('\n')).toMatch(/record 22 \(ledger-restored\) is signed by no checkpoint/);
    const heads = { place: 'memory', read: () => note, write: () => {} };
    const open = () => openLedger({ path, mode: 'write', clock: clockFrom(at), signer: signerOf(), published: heads });
    expect(open).toThrow(/record 22 \(ledger-restored\)/);
  });
});

function recordRoot(raw: Raw): string {
  return raw.prepare<[], string>('SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1').pluck().get()?.split('\n')[2] ?? '';
}
