import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { type Ledger, openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { encodeRecord, formatEndorsement, keyIdIn, signCheckpoint, verifierKeyFor } from '../../src/log/index.ts';
import { clockFrom, collect, digest, pod, signerOf } from './given.ts';
import { openForTest } from './temporary.ts';

const one = [pod({ name: 'web-1' })];
const who = { reason: 'the yearly rotation', by: 'Ann Example' };
const origin = 'audit.example/log';
const [first, second, third] = [signerOf(origin, 1), signerOf('a name of its own', 2), signerOf(origin, 3)];
const keyOf = (signer: typeof first) => verifierKeyFor(origin, signer.publicKey);
const reopen = (path: string, signer = first, mode: 'read' | 'write' = 'write') => openLedger({ path, mode, clock: clockFrom(), signer });

/** One run, a rotation, one run: records 0-3, 4 (key-rotated), 5 (key-bound), 6-7. */
function rotated(): Ledger {
  const ledger = openForTest();
  collect(ledger, one);
  ledger.rotateLogKey(second, who);
  collect(ledger, one);
  return ledger;
}

describe('a rotated log key', () => {
  it('signs from its record on, and every checkpoint still holds', () => {
    const ledger = rotated();
    const { path } = ledger;
    expect(verifyLedger(path)).toMatchObject({ ok: true, problems: [], notices: [expect.stringContaining('was replaced by')] });
    const signers = ledger.checkpoints().map(({ size, note }) => [size, keyIdIn(keyOf(first)) === idOf(note) ? 'old' : 'new']);
    expect(signers).toEqual([
      [2, 'old'],
      [4, 'old'],
      [6, 'new'],
      [8, 'new'],
    ]);
    expect([ledger.verifierKey(), ledger.verifierKey(6), ledger.verifierKey(4), ledger.verifierKey(5)]).toEqual([
      keyOf(second),
      keyOf(second),
      keyOf(first),
      keyOf(second),
    ]);
    expect(ledger.keyHistory().bindings.map(({ logKey }) => logKey)).toEqual([keyOf(first), keyOf(second)]);
    for (const { publicKey } of [first, second]) expect(verifyLedger(path, { publicKey }).ok).toBe(true);
    expect(verifyLedger(path, { publicKey: third.publicKey }).problems).toEqual([expect.stringContaining('other keys than the one')]);
    for (const { note } of ledger.checkpoints()) expect(verifyLedger(path, { against: note }).ok).toBe(true);
    ledger.close();
    expect(() => reopen(path, first)).toThrow(`is not the one of the ledger`);
    const again = reopen(path, second);
    expect(again.checkpoint().size).toBe(8);
    again.close();
  });

  it('is new: neither the one in force nor one from before', () => {
    const ledger = rotated();
    expect(() => ledger.rotateLogKey(second, who)).toThrow('signs this log already, or did before');
    expect(() => ledger.rotateLogKey(first, who)).toThrow('signs this log already, or did before');
    ledger.rotateLogKey(third, who);
    expect(verifyLedger(ledger.path)).toMatchObject({ ok: true });
  });
});

describe('a revoked key', () => {
  it('is told with what it signed after the moment', () => {
    const ledger = rotated();
    ledger.revokeKey({ what: 'log', key: keyOf(first), from: '2026-01-01T00:00:00.000Z', ...who });
    const { ok, notices } = verifyLedger(ledger.path);
    expect(ok).toBe(true);
    expect(notices).toEqual([
      expect.stringContaining('was replaced by'),
      expect.stringMatching(/^the log key [0-9a-f]{8} was revoked at .*, with effect from 2026-01-01/),
      expect.stringMatching(/^the 2 checkpoints of sizes 2 to 4 were signed with the key .* from when it is revoked/),
    ]);
  });

  it.each([
    ['the log key in force', { what: 'log', key: keyOf(second) }, 'is the log key in force'],
    ['the document key in force', { what: 'document', key: digest }, 'is the document key in force'],
    ['a foreign key', { what: 'log', key: keyOf(third) }, 'was never a log key of this ledger'],
    ['a day that is to come', { what: 'log', key: keyOf(first), from: '2999-01-01T00:00:00.000Z' }, 'that is to come'],
  ] as const)('is not %s', (_, revocation, message) => {
    const ledger = rotated();
    expect(() => ledger.revokeKey({ from: '2026-01-01T00:00:00.000Z', ...who, ...revocation })).toThrow(message);
  });

  it('is not revoked twice', () => {
    const ledger = rotated();
    const revocation = { what: 'log', key: keyOf(first), from: '2026-08-14T12:00:00.000Z', ...who } as const;
    ledger.revokeKey(revocation);
    expect(() => ledger.revokeKey(revocation)).toThrow('is revoked already');
  });
});

describe('a document key', () => {
  it('is replaced by a record that says who and why, and can be revoked then', () => {
    const ledger = openForTest();
    const next = 'cd'.repeat(32);
    ledger.bindDocumentKey(next, who);
    expect(ledger.documentKey()).toBe(next);
    expect(() => ledger.bindDocumentKey(digest, who)).toThrow('is bound to this log already, or was before');
    ledger.revokeKey({ what: 'document', key: digest, from: '2026-08-14T12:00:00.000Z', ...who });
    expect(verifyLedger(ledger.path)).toMatchObject({
      ok: true,
      notices: [expect.stringContaining(`the document key ${digest} was revoked`)],
    });
  });
});

const idOf = (note: string) => Buffer.from(note.trimEnd().split(' ').at(-1) ?? '', 'base64').toString('hex', 0, 4);

/** What somebody does who can write the file, but has not the keys that it would take. */
describe('is caught:', () => {
  const tampered = (deed: (raw: Database.Database, head: { size: number; root: Uint8Array }) => void) => {
    const ledger = rotated();
    const { path } = ledger;
    const size = [...ledger.records()].length;
    const head = { size, root: ledger.rootAt(size) };
    ledger.close();
    const raw = new Database(path);
    for (const trigger of raw.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'trigger'").pluck().all())
      raw.exec(`DROP TRIGGER ${trigger}`);
    deed(raw, head);
    raw.close();
    return { path, problems: verifyLedger(path).problems.filter((each) => !each.includes('lacks a part of the schema')) };
  };
  const append = (raw: Database.Database, leaf: number, record: Parameters<typeof encodeRecord>[0]) =>
    raw.prepare('INSERT INTO log (leaf, bytes) VALUES (?, ?)').run(leaf, encodeRecord(record));
  const at = '2026-08-14T13:00:00.000Z';
  const takeover = (endorsement: string) => ({
    type: 'key-rotated' as const,
    v: 1 as const,
    at,
    oldKey: keyOf(second),
    newKey: keyOf(third),
    endorsement,
    details: digest,
  });

  it('a rotation that the key in force did not sign', () => {
    const { path, problems } = tampered((raw, head) =>
      append(raw, head.size, takeover(formatEndorsement({ origin, ...head }, keyOf(third), third))),
    );
    expect(problems.join('\n')).toContain('the key before does not vouch for it');
    expect(() => reopen(path, third)).toThrow('the key before does not vouch for it');
  });

  it('a rotation for which the revoked key before last vouches', () => {
    const { problems } = tampered((raw, head) =>
      append(raw, head.size, takeover(formatEndorsement({ origin, ...head }, keyOf(third), first))),
    );
    expect(problems.join('\n')).toContain('the key before does not vouch for it');
  });

  it('an endorsement that was given for another key or another place', () => {
    const own = signerOf(origin, 2);
    for (const endorsement of [
      formatEndorsement({ origin, size: 8, root: Buffer.alloc(32) }, keyOf(third), own),
      formatEndorsement({ origin, size: 8, root: Buffer.alloc(32) }, keyOf(first), own),
    ]) {
      const { problems } = tampered((raw, head) => append(raw, head.size, takeover(endorsement)));
      expect(problems.join('\n')).toContain('vouches for something else');
    }
  });

  it('a checkpoint signed anew with the old key', () => {
    const { problems } = tampered((raw, head) => {
      const { note } = signCheckpoint({ origin, ...head }, first);
      raw.prepare('UPDATE checkpoint SET note = ? WHERE size = ?').run(note, head.size);
    });
    expect(problems).toEqual([
      expect.stringMatching(/^the checkpoint at size 8: it is signed by the key [0-9a-f]{8}, which does not sign the log/),
    ]);
  });

  it('a checkpoint signed with a key that was revoked', () => {
    const ledger = rotated();
    const { path } = ledger;
    ledger.revokeKey({ what: 'log', key: keyOf(first), from: '2026-08-14T12:00:00.000Z', ...who });
    const head = { origin, size: 9, root: ledger.rootAt(9) };
    ledger.close();
    const raw = new Database(path);
    raw.exec('DROP TRIGGER checkpoint_never_changes');
    raw.prepare('UPDATE checkpoint SET note = ? WHERE size = 9').run(signCheckpoint(head, first).note);
    raw.close();
    expect(verifyLedger(path).problems).toContainEqual(
      expect.stringMatching(/^the checkpoint at size 9: it is signed by the key [0-9a-f]{8}, which record 8 revoked$/),
    );
  });

  it('a checkpoint with the new key from before it was in force', () => {
    const { problems } = tampered((raw) => {
      const size = 4;
      const root = Buffer.from(
        raw.prepare<[], string>('SELECT note FROM checkpoint WHERE size = 4').pluck().get()?.split('\n')[2] ?? '',
        'base64',
      );
      raw.prepare('UPDATE checkpoint SET note = ? WHERE size = 4').run(signCheckpoint({ origin, size, root }, signerOf(origin, 2)).note);
    });
    expect(problems).toEqual([expect.stringMatching(/^the checkpoint at size 4: the note is not signed by/)]);
  });
});
