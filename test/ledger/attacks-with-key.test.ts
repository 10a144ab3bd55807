/**
 * Attacks by whoever holds the log key: every checkpoint is signed anew and fits. What they rewrite is caught by a checkpoint that an auditor
 * kept; what could never have been written in that order, at that time or by those people is caught without one.
 */
import { describe, expect, it } from 'vitest';
import { openLedger, type VerifyOptions, verifyLedger } from '../../src/ledger/index.ts';
import { openCheckpoint, parseVerifierKey, formatVerifierKey, signCheckpoint } from '../../src/log/index.ts';
import type { Json } from '../../src/model/index.ts';
import { verifyTimestamp } from '../../src/signing/index.ts';
import {
  append,
  attack,
  cutOut,
  lastOf,
  place,
  put,
  type Raw,
  recordAt,
  type RecordJson,
  resay,
  resign,
  stamp,
  victim,
} from './attacks-given.ts';
import { clockFrom, collect, definitions, digest, identity, pod, signerOf, start } from './given.ts';
import { openForTest, temporaryPath } from './temporary.ts';

const at = '2026-08-14T12:11:30.000Z';
const who = { reason: 'r', by: 'Mallory' };
const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

/** Attacks a copy, and signs all of it again. */
function problemsAfter(deed: (raw: Raw) => unknown, options: VerifyOptions = {}): string {
  const path = place();
  attack(path, (raw) => {
    deed(raw);
    resign(raw);
  });
  return verifyLedger(path, options).problems.join('\n');
}

const change =
  (type: string, changes: object, skip = 0) =>
  (raw: Raw) => {
    const { leaf, record } = lastOf(raw, type, skip);
    put(raw, leaf, { ...record, ...changes });
  };

describe('a rewritten past holds by itself, and not against a checkpoint that was kept:', () => {
  it.each<[string, (raw: Raw) => unknown]>([
    ['another outcome of a run', change('run-ended', { gaps: 0, status: 'partial' }, 1)],
    ['a hold on fewer runs', change('hold-placed', { scope: { cluster: 'prod', runs: { from: 1, to: 1 }, period: null } })],
    ['another baseline', change('baseline-accepted', { run: 2 })],
    ['an exception for another control', change('exception-requested', { control: 'NET-001' }, 1)],
    ['a loosened definition that was so all along', (raw) => forgetChange(raw)],
    [
      'the reason of an approval',
      (raw) => resay(raw, lastOf(raw, 'definition-approved').leaf, { reason: 'x', requester: 'a', approver: 'b' }),
    ],
    ['the birth of the ledger, a year earlier', (raw) => put(raw, 0, { ...recordAt(raw, 0), at: '2025-08-14T12:00:01.000Z' })],
    ['packs that were never issued', (raw) => cutOut(raw, lastOf(raw, 'pack-issued', 1).leaf, 2)],
    [
      'the requester of an erasure',
      (raw) => resay(raw, lastOf(raw, 'payload-erased').leaf, { legalBasis: 'x', requester: 'a', approver: 'b' }),
    ],
  ])('%s', (_, deed) => {
    expect(problemsAfter(deed)).toBe('');
    const { earlierNote } = victim();
    expect(problemsAfter(deed, { against: earlierNote })).toMatch(
      /^the log (?:is not the one of the checkpoint that you kept: their first 22 records differ|has \d+ records, and the checkpoint that you kept covers 22: the last \d+ are gone)$/,
    );
    expect(problemsAfter(deed, { published: earlierNote })).toMatch(/the published checkpoint/);
  });

  it('and a token that was kept says when that checkpoint was: before the attack', () => {
    const { earlierNote } = victim();
    const token = stamp(earlierNote, '20260814120500Z');
    const { timestamp, problems } = verifyTimestamp(token, Buffer.from(earlierNote), { anchors: null });
    expect([timestamp?.time, problems]).toEqual(['2026-08-14T12:05:00.000Z', []]);
    const path = place();
    attack(path, (raw) => {
      change('run-ended', { status: 'partial' }, 1)(raw);
      resign(raw);
      const { note } = raw.prepare<[], { note: string }>('SELECT note FROM checkpoint WHERE size = 22').get() ?? { note: '' };
      expect(verifyTimestamp(token, Buffer.from(note), { anchors: null }).problems).not.toEqual([]);
    });
  });

  it('two histories for two auditors', () => {
    const { earlier } = victim();
    const notes = ['one', 'two'].map((name) => {
      const path = place({ file: earlier });
      const fork = openLedger({ path, mode: 'write', clock: clockFrom(at), signer: signerOf() });
      collect(fork, [pod({ name })], { definitions: fork.definitionState()?.digest ?? '' });
      const { note } = fork.checkpoint();
      fork.close();
      expect(verifyLedger(path, { against: note }).ok).toBe(true);
      return { path, note };
    });
    const [one, two] = notes;
    expect(verifyLedger(one?.path ?? '', { against: two?.note ?? '' }).problems).toEqual([
      'the log is not the one of the checkpoint that you kept: their first 24 records differ',
    ]);
  });

  it('an old copy, signed on as if nothing had been', () => {
    const { earlier, note } = victim();
    const path = place({ file: earlier });
    const old = openLedger({ path, mode: 'write', clock: clockFrom(at), signer: signerOf() });
    for (const name of ['a', 'b']) collect(old, [pod({ name })], { definitions: old.definitionState()?.digest ?? '' });
    old.close();
    expect(verifyLedger(path, { against: note }).problems).toEqual([
      'the log is not the one of the checkpoint that you kept: their first 24 records differ',
    ]);
  });

  it.each<[string, (raw: Raw) => void, number]>([
    ['the missed slot at its end', (raw) => cutOut(raw, 4, 1), 4],
    ['the failed run at its end', (raw) => cutOut(raw, 5, 2), 5],
    ['both', (raw) => cutOut(raw, 4, 3), 4],
  ])('a log without %s', (_, deed, left) => {
    const path = temporaryPath();
    const ledger = openForTest(path);
    collect(ledger, [pod({ name: 'a' })]);
    ledger.recordMissed({ cluster: 'prod', slot: '2026-08-14T11:00:00.000Z' });
    start(ledger).end({ status: 'failed', error: 'nothing was read', identity, serverClockSkewMs: null });
    const { note, size } = ledger.checkpoint();
    ledger.close();
    attack(path, (raw) => {
      deed(raw);
      for (const { leaf, record } of ['run-planned', 'run-ended'].map((type) => lastOf(raw, type)))
        put(raw, leaf, { ...record, run: record['run'] === 3 && left === 4 && leaf > 3 ? 2 : record['run'] });
      raw.exec('DELETE FROM reuse WHERE run > 1');
      resign(raw);
    });
    expect(verifyLedger(path).problems).toEqual([]);
    expect(verifyLedger(path, { against: note }).problems).toEqual([
      expect.stringContaining(`the checkpoint that you kept covers ${size}`),
    ]);
  });

  function forgetChange(raw: Raw): void {
    const before = recordAt(raw, 2)['newDigest'];
    cutOut(raw, 14, 3);
    const { leaf, record } = lastOf(raw, 'run-planned');
    put(raw, leaf, { ...record, definitions: before });
    const hold = lastOf(raw, 'hold-placed');
    put(raw, hold.leaf, { ...hold.record, hold: `H-${hold.leaf}` });
  }
});

describe('what cannot have been written so is caught without anything that was kept:', () => {
  const approve = (exception: string, when: string) => ({ type: 'exception-approved', v: 1, at: when, cluster: 'prod', exception });
  const run = (raw: Raw, changes: object) => {
    const planned = { ...lastOf(raw, 'run-planned').record, at, run: 5, uuid: uuid(5), ...changes };
    append(raw, planned);
    return planned as RecordJson;
  };
  const failed = {
    status: 'failed',
    at,
    startedAt: at,
    endedAt: at,
    observedAt: null,
    snapshot: null,
    reusable: null,
    clusterUid: null,
    caFingerprint: null,
  };
  const none = { listings: 0, complete: 0, items: 0, gaps: 0, run: 5, uuid: uuid(5) };

  it.each<[string, (raw: Raw) => unknown, RegExp]>([
    [
      'an approval by the requester',
      (raw) => resay(raw, 11, { approver: ' ALICE ' }),
      /record 11: EXC-1 was requested and approved by one person/,
    ],
    [
      'an approval after it expired',
      (raw) => append(raw, approve('EXC-2', '2026-08-14T13:00:00.000Z'), { approver: 'Bob' }),
      /record 24: EXC-2 is approved after it expired/,
    ],
    [
      'an approval for another exception',
      (raw) => replay(raw, 11, { exception: 'EXC-2' }),
      /record 24 names the payload of record 11 again/,
    ],
    [
      'an approval for another cluster',
      (raw) => append(raw, { ...approve('EXC-2', at), cluster: 'test' }, { approver: 'Bob' }),
      /EXC-2 is approved, and was never requested for this cluster/,
    ],
    ['an approval again', (raw) => append(raw, approve('EXC-1', at), { approver: 'Carol' }), /EXC-1 is approved a second time/],
    [
      'an approval of what was revoked',
      (raw) => (
        append(raw, { ...approve('EXC-2', at), type: 'exception-revoked' }, who), append(raw, approve('EXC-2', at), { approver: 'Bob' })
      ),
      /EXC-2 is approved a second time, or too late/,
    ],
    [
      'an exception whose number was skipped',
      (raw) => append(raw, { ...lastOf(raw, 'exception-requested').record, exception: 'EXC-4' }, { requester: 'Z' }),
      /EXC-4 is requested where EXC-3 follows/,
    ],
    [
      'a change of definitions approved by its requester',
      (raw) => resay(raw, 16, { reason: 'r', requester: 'Bob', approver: 'bob' }),
      /the change of definitions in record 15 was requested and approved by one person/,
    ],
    [
      'a change of definitions approved again',
      (raw) => append(raw, { type: 'definition-approved', v: 1, at, change: 15 }, { reason: 'r', requester: 'a', approver: 'b' }),
      /the change of definitions in record 15 is approved a second time/,
    ],
    [
      'a change of definitions explained afterwards, as if it had been before',
      (raw) => append(raw, { type: 'definition-explained', v: 1, at, change: 15 }, { reason: 'r', requester: 'a', approver: 'b' }),
      /a change of definitions is explained, and record 15, which is named as it, is none that was just closed/,
    ],
    [
      'a change of definitions that is hidden in its summary',
      (raw) => put(raw, 14, { ...recordAt(raw, 14), what: 'params other' }),
      /are not what changed between the definitions/,
    ],
    [
      'a run by definitions that were never recorded',
      (raw) => run(raw, { definitions: digest }),
      /run 5 of prod is planned by other definitions/,
    ],
    ['a run whose number was skipped', (raw) => run(raw, { run: 6 }), /run 6 of prod follows run 4: the runs between are missing/],
    ['a run whose number is there twice', (raw) => run(raw, { run: 4 }), /run 4 of prod follows run 4/],
    [
      'a run with the uuid of another cluster’s',
      (raw) => run(raw, { uuid: lastOf(raw, 'run-planned', 1).record['uuid'] }),
      /run 5 of prod has the uuid of an earlier run/,
    ],
    [
      'another cluster’s evidence',
      (raw) => replayRun(raw),
      /record 25 names the payload of record 8 again[^]*record 25 speaks of another cluster than its payload/,
    ],
    [
      'a run that ends twice',
      (raw) => append(raw, { ...lastOf(raw, 'run-ended').record, at, snapshot: null, reusable: null }),
      /run 4 of prod ends, and was not open/,
    ],
    [
      'a run that began before it was planned',
      (raw) => (
        run(raw, {}), append(raw, { ...lastOf(raw, 'run-ended').record, ...failed, ...none, startedAt: '2026-07-14T12:00:00.000Z' })
      ),
      /run 5 of prod says that it began at 2026-07-14T12:00:00.000Z, before it was planned/,
    ],
    [
      'a run that ended before it began',
      (raw) => (run(raw, {}), append(raw, { ...lastOf(raw, 'run-ended').record, ...failed, ...none, endedAt: '2026-08-14T12:00:00.000Z' })),
      /run 5 of prod says that it ended before it began/,
    ],
    [
      'a run that ends after its record',
      (raw) => (run(raw, {}), append(raw, { ...lastOf(raw, 'run-ended').record, ...failed, ...none, endedAt: '2026-09-14T12:00:00.000Z' })),
      /run 5 of prod says that it ended at 2026-09-14T12:00:00.000Z, after its record/,
    ],
    [
      'a judgement with other counts',
      change('assessed', { outcomes: { pass: 2 } }),
      /record 13: it counts other outcomes than the assessment has/,
    ],
    ['a judgement of a run that is not over', (raw) => change('assessed', { run: 4 })(raw), /run 4 of prod is judged before it ended/],
    [
      'a baseline of a run that is not over',
      change('baseline-accepted', { run: 4 }),
      /run 4 of prod is accepted as a baseline before it ended/,
    ],
    ['a pack whose number was skipped', change('pack-issued', { number: 3 }), /pack 3 of a period is issued, and it is its pack number 2/],
    ['a pack on a checkpoint that was to come', change('pack-issued', { checkpoint: 24 }), /pack 2 of a period is issued/],
    ['a hold named after another record', change('hold-placed', { hold: 'H-3' }), /the hold H-3 is named after another record/],
    [
      'the release of a hold that was never placed',
      (raw) => append(raw, { type: 'hold-released', v: 1, at, hold: 'H-3' }, who),
      /the hold H-3 is released, and was never placed/,
    ],
    [
      'the release of a hold again',
      (raw) => [1, 2].map(() => append(raw, { type: 'hold-released', v: 1, at, hold: 'H-17' }, who)),
      /the hold H-17 is released, and was so before/,
    ],
    [
      'an erasure by one person',
      (raw) => resay(raw, lastOf(raw, 'payload-erased').leaf, { legalBasis: 'x', requester: 'CISO', approver: 'ciso' }),
      /the erasure was requested and approved by one person/,
    ],
    [
      'an erasure of evidence that is still there',
      (raw) => erased(raw, 'object', [someObject(raw)]),
      /object \d+ .* is recorded as erased and is still there/,
    ],
    [
      'an erasure of a run that is still there',
      (raw) => erased(raw, 'run', [recordAt(raw, 4)['snapshot']]),
      /the payload of record 4 is recorded as erased and is still there/,
    ],
    [
      'an erasure of a judgement that is still there',
      (raw) => erased(raw, 'assessment', [lastOf(raw, 'assessed').record['assessment']]),
      /the payload of record 13 is recorded as erased and is still there/,
    ],
    [
      'an erasure of a judgement that a hold covers',
      (raw) => {
        const { leaf, record } = lastOf(raw, 'assessed');
        raw.prepare("UPDATE payload SET base = NULL, salts = zeroblob(length(salts)), bytes = x'' WHERE leaf = ?").run(leaf);
        erased(raw, 'assessment', [record['assessment']]);
      },
      /record 24 erases what the hold H-17 covered then/,
    ],
    [
      'an erasure that leaves the salt',
      (raw) => {
        const { leaf, record } = lastOf(raw, 'assessed');
        raw.prepare("UPDATE payload SET base = NULL, bytes = x'' WHERE leaf = ?").run(leaf);
        erased(raw, 'assessment', [record['assessment']]);
      },
      /the payload of record 13 is erased, and its salt is still there/,
    ],
    [
      'a restored log that is another one',
      (raw) => append(raw, { type: 'ledger-restored', v: 1, at, published: published(), kept: { size: 3, root: published().root } }, who),
      /record 24 declares another log restored than the one that it is in/,
    ],
    [
      'a restored log, over another checkpoint than it quotes',
      (raw) =>
        append(
          raw,
          { type: 'ledger-restored', v: 1, at, published: { ...published(), size: 99 }, kept: { size: 24, root: published().root } },
          who,
        ),
      /record 24 says something else of the published checkpoint than the checkpoint that it quotes/,
    ],
    [
      'a key that the one before does not vouch for',
      (raw) =>
        append(
          raw,
          {
            type: 'key-rotated',
            v: 1,
            at,
            oldKey: formatVerifierKey(signerOf()),
            newKey: formatVerifierKey(signerOf('audit.example/log', 9)),
            endorsement: published().note,
          },
          who,
        ),
      /the key before vouches for something else than record 24 says/,
    ],
    [
      'a key that is revoked, and still signs',
      (raw) => append(raw, { type: 'key-revoked', v: 1, at, what: 'log', key: formatVerifierKey(signerOf()), from: at }, who),
      /record 24 revokes the key that is in force, and names no other/,
    ],
    [
      'a document key bound to another log key',
      (raw) =>
        append(
          raw,
          { type: 'key-bound', v: 1, at, logKey: formatVerifierKey(signerOf('audit.example/log', 9)), documentKeyFingerprint: digest },
          who,
        ),
      /record 24 binds a key that does not sign this log then/,
    ],
    ['a second genesis', (raw) => append(raw, { ...recordAt(raw, 0), at }, { organization: 'Other' }), /record 24 is a genesis record/],
    [
      'a period that is closed before it is over',
      (raw) => append(raw, { type: 'period-closed', v: 1, at, cluster: 'prod', period: { from: at, to: '2026-10-01T00:00:00.000Z' } }),
      /closed before it is over/,
    ],
  ])('%s', (_, deed, message) => {
    expect(problemsAfter(deed)).toMatch(message);
  });

  const published = () => {
    const { note } = victim();
    const [, size, root = ''] = note.split('\n');
    return { size: Number(size), root, note };
  };
  const erased = (raw: Raw, kind: string, ids: readonly (Json | undefined)[]) =>
    append(
      raw,
      {
        type: 'payload-erased',
        v: 1,
        at,
        cluster: 'prod',
        class: kind,
        ids,
        kind: null,
        reusable: lastOf(raw, 'run-ended').record['reusable'],
      },
      { legalBasis: 'x', requester: 'a', approver: 'b' },
    );
  const someObject = (raw: Raw) =>
    raw.prepare<[], Buffer>('SELECT substr(entries, 1, 32) FROM block WHERE first = 1').pluck().get()?.toString('hex');
  const replay = (raw: Raw, leaf: number, changes: object) => {
    const into = append(raw, { ...recordAt(raw, leaf), at, ...changes });
    raw.prepare('INSERT INTO payload SELECT ?, base, salts, bytes FROM payload WHERE leaf = ?').run(into, leaf);
  };
  const replayRun = (raw: Raw) => {
    const { uuid: own } = run(raw, {});
    replay(raw, 8, { cluster: 'prod', run: 5, uuid: own, startedAt: at, endedAt: at, reusable: null });
  };
});

describe('times that contradict a token, or each other, are told:', () => {
  it.each<[string, string, RegExp]>([
    [
      'dated back',
      '2026-06-01T00:00:00.000Z',
      /record 24: dated more than a minute before the record before[^]*records 24, 25: dated before a time-stamp token/,
    ],
    ['dated ahead', '2027-06-01T00:00:00.000Z', /records 24, 25: dated after the time-stamp token that covers them/],
  ])('a run %s', (_, when, message) => {
    const path = place();
    const ledger = openLedger({ path, mode: 'write', clock: clockFrom(when), signer: signerOf() });
    collect(ledger, [pod({ name: 'a' })], { definitions: ledger.definitionState()?.digest ?? '' });
    const { size, note } = ledger.checkpoint();
    ledger.recordToken({ size, tsr: stamp(note, '20260814122000Z') });
    ledger.close();
    expect(verifyLedger(path).notices.join('\n')).toMatch(message);
  });
});

describe('signed with another key,', () => {
  it('a checkpoint among those of the log', () => {
    const path = place();
    attack(path, (raw) => {
      const { note } = raw.prepare<[], { note: string }>('SELECT note FROM checkpoint WHERE size = 22').get() ?? { note: '' };
      const head = openCheckpoint(note, parseVerifierKey(formatVerifierKey(signerOf())));
      const stranger = signCheckpoint(head, signerOf('audit.example/log', 9));
      raw.prepare('UPDATE checkpoint SET note = ? WHERE size = 22').run(stranger.note);
    });
    expect(verifyLedger(path).problems).toEqual([
      expect.stringMatching(/^the checkpoint at size 22: the note is not signed by audit\.example\/log/),
    ]);
  });

  it('a whole log, which then is refused by whoever has the right one', () => {
    const path = place();
    attack(path, (raw) => {
      const stranger = signerOf('audit.example/log', 9);
      for (const leaf of [0, 1]) put(raw, leaf, { ...recordAt(raw, leaf), logKey: formatVerifierKey(stranger) });
      resign(raw, stranger);
    });
    expect(() => openLedger({ path, mode: 'write', clock: clockFrom(at), signer: signerOf() })).toThrow(
      /the log key is not the one of the ledger/,
    );
    expect(verifyLedger(path, { publicKey: signerOf().publicKey }).problems).toEqual([
      'the log is signed by other keys than the one that was given',
    ]);
  });
});

describe('whatever the ledger itself decides is signed at once:', () => {
  it.each<[string, (ledger: ReturnType<typeof openForTest>) => unknown]>([
    ['definitions', (ledger) => ledger.recordDefinitions(definitions({ a: '2' }))],
    ['a missed slot', (ledger) => ledger.recordMissed({ cluster: 'prod', slot: at })],
    ['missed slots', (ledger) => ledger.recordMissedSlots('prod', [{ slot: at, through: at, slots: 1 }])],
    ['a hold', (ledger) => ledger.placeHold({ scope: { cluster: null, runs: null, period: null }, ...who })],
    ['a baseline', (ledger) => ledger.acceptBaseline({ cluster: 'prod', run: 1, ...who })],
    ['a document key', (ledger) => ledger.bindDocumentKey('cd'.repeat(32), who)],
    ['another log key', (ledger) => ledger.rotateLogKey(signerOf('x', 2), who)],
    ['a closed period', (ledger) => ledger.closePeriod('prod', { from: '2026-01-01T00:00:00.000Z', to: '2026-02-01T00:00:00.000Z' })],
    [
      'a pack',
      (ledger) =>
        ledger.recordPack({
          cluster: 'prod',
          period: { from: at, to: at },
          checkpoint: 2,
          manifestDigest: digest,
          documentKeyFingerprint: digest,
        }),
    ],
  ])('%s', (_, act) => {
    const ledger = openForTest();
    collect(ledger, [pod({ name: 'a' })]);
    act(ledger);
    expect(verifyLedger(ledger.path)).toMatchObject({ ok: true, counts: { unsignedRecords: 0 } });
  });
});
