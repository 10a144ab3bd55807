/**
 * What stands behind the last checkpoint. A run's end and the checkpoint over it are one transaction, so only the announcement of a run can
 * be there: whoever writes the file without the key cannot make a run that anybody signs.
 */
import { spawn } from 'node:child_process';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { type Ledger, openLedger, verifyLedger } from '../../src/ledger/index.ts';
import type { NoteSigner } from '../../src/log/index.ts';
import { exitCodeOf, KubevidenceError } from '../../src/model/index.ts';
import { append, attack, lastOf, type Raw, rehash } from './attacks-given.ts';
import { clockFrom, collect, create, identity, listing, pod, pods, signerOf, start } from './given.ts';
import { openForTest, temporaryPath } from './temporary.ts';

const later = '2026-08-14T13:00:00.000Z';
const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const count = (raw: Raw, what: string) => raw.prepare<[], number>(`SELECT count(*) FROM ${what}`).pluck().get() ?? 0;

function place(): string {
  const ledger = openForTest();
  collect(ledger, [pod({ name: 'a' })]);
  ledger.close();
  return ledger.path;
}

/** A run as the ledger writes it, with everything that belongs to it, but the signature: what was signed goes back to `size` records. */
function forgeRun(path: string): void {
  const ledger = openLedger({ path, mode: 'write', clock: clockFrom(later), signer: signerOf() });
  const { size } = ledger.checkpoint();
  collect(ledger, [pod({ name: 'nothing-to-see' })], { resourceVersion: '101' });
  ledger.close();
  attack(path, (raw) => raw.exec(`DELETE FROM checkpoint WHERE size > ${size}`));
}

function refusalOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}

const openAgain = (path: string, clock = clockFrom('2026-08-14T14:00:00.000Z')): Ledger =>
  openLedger({ path, mode: 'write', clock, signer: signerOf() });

describe('a run behind the last checkpoint', () => {
  it('that is whole in every other way is a problem, is not signed, and stays out of what may be signed', () => {
    const path = place();
    forgeRun(path);
    expect(verifyLedger(path).problems).toEqual([
      'record 5 (run-ended) is signed by no checkpoint, and a record of this type is signed when it is written: somebody without the key added it',
    ]);
    for (let attempt = 0; attempt < 2; attempt++) {
      const refusal = refusalOf(() => openAgain(path));
      expect(refusal).toMatchObject({
        code: 'integrity',
        message: expect.stringContaining('record 5 (run-ended) is signed by no checkpoint'),
      });
      expect(exitCodeOf(refusal)).toBe(4);
    }
    attack(path, (raw) => expect([count(raw, 'checkpoint'), count(raw, 'log')]).toEqual([2, 6]));
  });

  it.each<[string, (raw: Raw) => void]>([
    ['ends a run that had ended', (raw) => append(raw, lastOf(raw, 'run-ended').record)],
    [
      'is announced and called interrupted',
      (raw) => {
        append(raw, { ...lastOf(raw, 'run-planned').record, at: later, run: 2, uuid: uuid(2) });
        const ended = lastOf(raw, 'run-ended').record;
        const times = { at: later, startedAt: later, endedAt: later };
        append(raw, {
          ...ended,
          ...times,
          run: 2,
          uuid: uuid(2),
          status: 'interrupted',
          snapshot: null,
          reusable: null,
          items: 0,
          listings: 0,
          complete: 0,
        });
      },
    ],
  ])('that %s is never signed', (_, deed) => {
    const path = place();
    attack(path, deed);
    expect(verifyLedger(path).problems.join('\n')).toMatch(/\(run-ended\) is signed by no checkpoint/);
    expect(refusalOf(() => openAgain(path))).toMatchObject({ code: 'integrity' });
  });

  it('that is only announced is interrupted, and what it left is gone', () => {
    const path = place();
    attack(path, (raw) => {
      const leaf = append(raw, { ...lastOf(raw, 'run-planned').record, at: later, run: 2, uuid: uuid(2) });
      raw.exec(`INSERT INTO block SELECT first + 1, ${leaf}, kind, entries, bytes FROM block`);
    });
    expect(verifyLedger(path)).toMatchObject({
      ok: true,
      notices: [expect.stringMatching(/^the last record \(4, run-planned\) is signed by no/)],
    });
    const ledger = openAgain(path);
    expect(ledger.run('prod', 2)).toMatchObject({ status: 'interrupted', observedAt: null });
    expect([...ledger.snapshot('prod', 2).objects(pods)]).toEqual([]);
    ledger.close();
    expect(verifyLedger(path)).toMatchObject({ ok: true, notices: [], counts: { objects: 1, unsignedRecords: 0 } });
  });
});

describe('somebody who writes the file while a run is open', () => {
  const meanwhile = (path: string, deed: (raw: Raw) => void) => {
    const raw = new Database(path);
    deed(raw);
    raw.close();
  };
  it.each<[string, (raw: Raw) => void, RegExp]>([
    [
      'ends it',
      (raw) =>
        append(raw, { ...lastOf(raw, 'run-ended').record, at: later, run: 2, uuid: lastOf(raw, 'run-planned').record['uuid'] as string }),
      /record 5 \(run-ended\)|is closed already/,
    ],
    [
      'announces another one',
      (raw) => append(raw, { ...lastOf(raw, 'run-planned').record, cluster: 'other', run: 1, uuid: uuid(9) }),
      /record 5 \(run-planned\)/,
    ],
    [
      'changes its announcement',
      (raw) => {
        raw.exec('DROP TRIGGER log_never_changes');
        const { leaf, record } = lastOf(raw, 'run-planned');
        raw.prepare('UPDATE log SET bytes = ? WHERE leaf = ?').run(Buffer.from(JSON.stringify({ ...record, kind: 'scheduled' })), leaf);
      },
      /record 4 \(run-planned\)/,
    ],
  ])('and %s finds that nothing is signed', (_, deed, message) => {
    const path = place();
    const ledger = openAgain(path);
    const writer = start(ledger);
    writer.put(pods, [pod({ name: 'b' })]);
    writer.close(listing(pods, 1, { resourceVersion: '101' }));
    meanwhile(path, (raw) => {
      // A second connection has the triggers against it, and the tree to keep.
      for (const name of ['node_never_shrinks', 'node_only_grows']) raw.exec(`DROP TRIGGER ${name}`);
      deed(raw);
      rehash(raw);
    });
    const refusal = refusalOf(() => writer.end({ status: 'succeeded', error: null, identity, serverClockSkewMs: 0 }));
    expect(refusal).toMatchObject({ message: expect.stringMatching(message) });
    expect(refusalOf(() => ledger.recordMissed({ cluster: 'test', slot: later }))).toMatchObject({ code: 'integrity' });
    ledger.close();
    meanwhile(path, (raw) => expect(count(raw, 'checkpoint')).toBe(2));
  });
});

describe('a key that cannot be reached when a run ends', () => {
  it('leaves the run open: it can be ended again, and is whole then', () => {
    const path = temporaryPath();
    const key = signerOf();
    let reachable = true;
    const signer: NoteSigner = {
      ...key,
      sign(data) {
        if (!reachable) throw new KubevidenceError('unreachable', 'the key command failed');
        return key.sign(data);
      },
    };
    const ledger = openLedger({ path, mode: 'write', clock: clockFrom(), signer, create });
    collect(ledger, [pod({ name: 'a', uid: 'u-a' })]);
    const writer = start(ledger);
    writer.put(pods, [pod({ name: 'a', uid: 'u-a', image: 'other' })]);
    writer.close(listing(pods, 1, { resourceVersion: '101' }));
    const end = () => writer.end({ status: 'succeeded', error: null, identity, serverClockSkewMs: 0 });
    reachable = false;
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(end).toThrow('the key command failed');
      expect(ledger.run('prod', 2)?.status).toBe('running');
      expect(verifyLedger(path)).toMatchObject({ ok: true, counts: { unsignedRecords: 1 } });
    }
    reachable = true;
    expect(end()).toMatchObject({ number: 2, status: 'succeeded' });
    expect(end).toThrow('run 2 is closed already');
    ledger.close();
    expect(verifyLedger(path)).toMatchObject({ ok: true, problems: [], notices: [], counts: { runs: 2, unsignedRecords: 0 } });
  });

  it('writes nothing when the ledger is opened without it', () => {
    const path = place();
    expect(() => openLedger({ path, mode: 'write', clock: clockFrom() })).toThrow('nothing is written unsigned');
  });
});

describe('a process killed', () => {
  const child = new URL('./crash-child.ts', import.meta.url).pathname;
  /** Kills the child as soon as it says something, or `afterMs` later. */
  const kill = (path: string, afterMs: number) =>
    new Promise<void>((resolve, reject) => {
      const started = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', child, 'sign', path], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let timer: NodeJS.Timeout | undefined;
      started.stdout.on('data', (said: Buffer) => {
        if (String(said).includes('signing')) timer ??= setTimeout(() => started.kill('SIGKILL'), afterMs);
      });
      started.on('error', reject);
      started.on('close', () => {
        clearTimeout(timer);
        resolve();
      });
    });

  it('while its end is being signed leaves the run signed or open, never ended and unsigned', { timeout: 30_000 }, async () => {
    const path = place();
    let open = 0;
    for (const afterMs of [0, 0, 1, 3, 10, 30]) {
      await kill(path, afterMs);
      const { ok, problems, counts, notices } = verifyLedger(path);
      expect({ ok, problems }).toEqual({ ok: true, problems: [] });
      expect(counts.unsignedRecords).toBeLessThanOrEqual(1);
      // The child's clock begins anew each time, and some records are dated back.
      const told = notices.filter((notice) => notice.includes('signed by no checkpoint'));
      expect(told).toHaveLength(counts.unsignedRecords);
      expect(told.filter((notice) => !notice.includes('run-planned)'))).toEqual([]);
      open += counts.unsignedRecords;
      const ledger = openAgain(path, clockFrom());
      const statuses = ledger.runs('prod').map(({ status }) => status);
      expect(statuses.filter((status) => status !== 'succeeded' && status !== 'interrupted')).toEqual([]);
      ledger.close();
      expect(verifyLedger(path)).toMatchObject({ ok: true, problems: [], counts: { unsignedRecords: 0 } });
    }
    expect(open).toBeGreaterThan(0);
  });
});
