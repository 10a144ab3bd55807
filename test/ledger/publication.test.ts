import { chmodSync, copyFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createPublishedHeads, type Ledger, type LedgerOptions, openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { claimedHead, signCheckpoint } from '../../src/log/index.ts';
import { exitCodeOf, KubevidenceError } from '../../src/model/index.ts';
import { clockFrom, collect, create, pod, signerOf } from './given.ts';
import { temporaryPath } from './temporary.ts';

const one = [pod({ name: 'web-1' })];
const who = { reason: 'the disk died', by: 'Ann Example' };

/** A ledger that publishes beside it, as an installation does elsewhere. */
function given() {
  const path = temporaryPath();
  const directory = join(dirname(path), 'state', 'kubevidence');
  const warnings: string[] = [];
  const open = (options: Partial<LedgerOptions> = {}): Ledger => {
    const published = createPublishedHeads(directory);
    const common = { path, mode: 'write', clock: clockFrom(), signer: signerOf(), create, published } as const;
    const ledger = openLedger({ ...common, warn: (text) => warnings.push(text), ...options });
    onTestFinished(() => ledger.close());
    return ledger;
  };
  const ledger = open();
  collect(ledger, one);
  const file = join(directory, `${ledger.status().genesis.ledger}.checkpoint`);
  const published = () => readFileSync(file, 'utf8');
  /** The ledger's file as it was when `keep` was called. */
  const keep = () => {
    ledger.close();
    copyFileSync(path, `${path}.kept`);
    return () => {
      for (const end of ['-wal', '-shm']) rmSync(path + end, { force: true });
      copyFileSync(`${path}.kept`, path);
    };
  };
  return { path, directory, open, ledger, file, published, keep, warnings };
}

function refused(act: () => unknown): KubevidenceError {
  try {
    act();
  } catch (error) {
    if (error instanceof KubevidenceError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('the published checkpoint', () => {
  it('is that of the last signature, in a file for the owner only', () => {
    const { ledger, published, file, directory, warnings } = given();
    expect(published()).toBe(ledger.checkpoint().note);
    expect([statSync(file).mode & 0o777, statSync(directory).mode & 0o777]).toEqual([0o600, 0o700]);
    collect(ledger, one);
    expect(claimedHead(published()).size).toBe(6);
    expect(existsSync(`${file}.new`)).toBe(false);
    expect(warnings).toEqual([]);
  });

  it('may be behind: a crash came between the log and the publication', () => {
    const { open, ledger, file, published } = given();
    const before = published();
    collect(ledger, one);
    ledger.close();
    writeFileSync(file, before);
    expect(open().checkpoint().note).toBe(published());
    expect(claimedHead(published()).size).toBe(6);
  });

  it('in a place that cannot be used is a warning, once', () => {
    const { open, ledger, directory, warnings } = given();
    ledger.close();
    rmSync(directory, { recursive: true });
    writeFileSync(directory, 'a file');
    collect(open(), one);
    expect(warnings).toEqual([expect.stringMatching(/^cannot read the published checkpoint in .*ENOTDIR.*would not be noticed$/)]);
  });

  it.skipIf(process.getuid?.() === 0)('in a place that cannot be written is a warning', () => {
    const { open, ledger, directory, warnings } = given();
    ledger.close();
    chmodSync(directory, 0o500);
    collect(open(), one);
    chmodSync(directory, 0o700);
    expect(warnings).toEqual([expect.stringContaining('cannot be published')]);
  });

  it('that is gone is told, and published anew', () => {
    const { open, ledger, file, published, warnings } = given();
    ledger.close();
    rmSync(file);
    open();
    expect(warnings).toEqual([expect.stringContaining('no checkpoint of this ledger was published')]);
    expect(claimedHead(published()).size).toBe(4);
  });

  it.each([
    ['rubbish', 'rubbish', /cannot be compared with it: this is no signed note/],
    ['nothing', '', /cannot be compared/],
    ['another log’s', signCheckpoint({ origin: 'b', size: 1, root: Buffer.alloc(32) }, signerOf('b')).note, /it is of the log b, not of/],
  ])('that is %s stops every signature', (_, text, message) => {
    const { open, ledger, file, published } = given();
    ledger.close();
    writeFileSync(file, text);
    const error = refused(open);
    expect([exitCodeOf(error), error.message]).toEqual([4, expect.stringMatching(message)]);
    expect(published()).toBe(text);
  });

  it('is not compared where only evidence is read', () => {
    const { open, keep, published } = given();
    const restore = keep();
    const later = open();
    collect(later, one);
    later.close();
    restore();
    expect(open({ mode: 'read' }).runs()).toHaveLength(1);
    expect(claimedHead(published()).size).toBe(6);
  });
});

describe('a log that does not extend it', () => {
  it('is refused when it was cut off or restored, and nothing of it changes', () => {
    const { open, keep, published, path } = given();
    const restore = keep();
    const later = open();
    collect(later, one);
    later.close();
    restore();
    const [note, bytes] = [published(), readFileSync(path)];
    const error = refused(open);
    expect(exitCodeOf(error)).toBe(4);
    expect(error.message).toBe(
      'the log has 4 records, and its last published checkpoint covers 6: the last 2 are gone, or an older copy was put in its place',
    );
    expect(error.next).toContain('kubevidence ledger restored --reason TEXT --by NAME');
    expect([published(), readFileSync(path).equals(bytes)]).toEqual([note, true]);
    expect(verifyLedger(path, { published: note }).problems).toEqual([expect.stringContaining('the last 2 are gone')]);
  });

  it.each([
    ['as long', 1],
    ['longer', 2],
  ])('is refused as forked when it is %s', (_, runs) => {
    const { open, keep, path, published } = given();
    const restore = keep();
    const later = open();
    collect(later, one);
    later.close();
    restore();
    const fork = openLedger({ path, mode: 'write', clock: clockFrom(), signer: signerOf() });
    for (let run = 0; run < runs; run++) collect(fork, one);
    fork.close();
    const error = refused(open);
    expect([exitCodeOf(error), error.message]).toEqual([4, expect.stringContaining('disagree on the first 6 records: it was forked or')]);
    expect(verifyLedger(path, { published: published() }).problems).toEqual([expect.stringContaining('their first 6 records differ')]);
  });

  it('is found while it is written, too: another copy of it was', () => {
    const { ledger, open, path, published } = given();
    const copy = join(dirname(path), 'copy.db');
    ledger.close();
    copyFileSync(path, copy);
    const [first, second] = [open(), open({ path: copy })];
    collect(first, one);
    const error = refused(() => collect(second, one));
    expect([exitCodeOf(error), error.message]).toEqual([4, expect.stringContaining('disagree on the first 6')]);
    expect(published()).toBe(first.checkpoint().note);
  });

  it('goes on once that is declared, and says so for ever', () => {
    const { open, keep, published, path, file } = given();
    const restore = keep();
    const later = open();
    collect(later, one);
    const lost = later.checkpoint();
    later.close();
    restore();
    const restored = open({ restored: who });
    expect(claimedHead(published())).toMatchObject({ size: 5 });
    collect(restored, one);
    const said = [
      expect.stringMatching(/^the log was restored at .* \(record 4\): its last published checkpoint covered 6 records .*last 2/),
    ];
    expect(restored.custody()).toEqual(said);
    expect(restored.custody(4)).toEqual([]);
    expect(restored.status().custody).toEqual(said);
    restored.close();
    // Cut short before the next checkpoint was published: what was declared needs no second word.
    writeFileSync(file, lost.note);
    open().close();
    expect(claimedHead(published())).toMatchObject({ size: 7 });
    expect(verifyLedger(path, { published: published() })).toMatchObject({ ok: true, notices: said });
    // The person and the reason are in the payload; the record has the note that was lost, word for word.
    const [{ bytes } = { bytes: Buffer.of() }] = open({ mode: 'read' }).records(4, 5);
    expect(JSON.parse(Buffer.from(bytes).toString())).toMatchObject({ type: 'ledger-restored', published: { size: 6, note: lost.note } });
    expect(Buffer.from(bytes).toString()).not.toContain(who.by);
    expect(verifyLedger(path, { against: lost.note }).problems).toEqual([
      expect.stringMatching(/their first 6 records differ; the log admits it: it was declared restored at/),
    ]);
    expect(open().runs()).toHaveLength(2);
  });

  it('is not declared without need', () => {
    const { open, ledger } = given();
    ledger.close();
    const error = refused(() => open({ restored: who }));
    expect([exitCodeOf(error), error.message]).toEqual([2, expect.stringContaining('there is nothing to declare')]);
  });
});
