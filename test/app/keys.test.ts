/** `keys generate|rotate|revoke`, as files and commands, and what a crash between the log and the files leaves. */
import { createPrivateKey } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type AppContext, type Config, generateKeys, loadConfig, readKeys, revokeKey, rotateKey } from '../../src/app/index.ts';
import { ensureKeys, loadDocumentSigner, loadLogSigner } from '../../src/app/keys/keys.ts';
import { openLedgerForWriting } from '../../src/app/open-ledger.ts';
import { verifyLedger } from '../../src/ledger/index.ts';
import { hasCommand, run } from '../signing/fixtures.ts';

const who = { reason: 'the yearly rotation', by: 'Ann Example' };
const tool = 'kubevidence 0.1.0';

function given(signing = '') {
  const cwd = mkdtempSync(join(tmpdir(), 'keys-'));
  onTestFinished(() => rmSync(cwd, { recursive: true }));
  const configure = (more: string): Config => {
    const text = `organization: Example\nledger: sqlite:l.db\nclusters: [{name: prod}]\nsigning:\n  checkpoints: state\n${more}`;
    writeFileSync(join(cwd, 'kubevidence.yaml'), text, { mode: 0o600 });
    return loadConfig({ cwd, uid: null });
  };
  const warnings: string[] = [];
  const context: AppContext = {
    cwd,
    env: {},
    clock: () => new Date(),
    uid: null,
    warn: (text) => warnings.push(text),
    progress: () => {},
  };
  return { cwd, context, configure, config: configure(signing), warnings, keys: join(cwd, 'keys') };
}

/** Keys for all, because RSA keys are dear to draw. */
let template: string;
beforeAll(async () => {
  template = mkdtempSync(join(tmpdir(), 'keys-'));
  const files = { log: join(template, 'log.key'), document: join(template, 'document.key'), certificate: join(template, 'document.crt') };
  const keys = { ...files, logPublicKey: null, oldLog: null, passphraseFile: null };
  await ensureKeys({ clock: () => new Date() }, { organization: 'Example', keys });
});
afterAll(() => rmSync(template, { recursive: true }));

/** With keys and an empty ledger. */
async function started(signing = '') {
  const all = given(signing);
  cpSync(template, all.keys, { recursive: true });
  await makeLedger(all.context, all.config);
  return all;
}

async function makeLedger(context: AppContext, config: Config): Promise<void> {
  const { fingerprint } = await loadDocumentSigner(config.keys);
  (await openLedgerForWriting(context, config, { create: { organization: 'Example', tool, documentKeyFingerprint: fingerprint } })).close();
}

const reopen = async (context: AppContext, config: Config) => (await openLedgerForWriting(context, config)).close();

describe('generate', () => {
  it('makes both keys once, for the owner only', async () => {
    const { context, config, keys } = given();
    expect(await generateKeys(context, config)).toMatch(/^[0-9a-f]{64}$/);
    expect(readdirSync(keys).sort()).toEqual(['document.crt', 'document.key', 'log.key']);
    for (const name of ['document.key', 'log.key']) expect(statSync(join(keys, name)).mode & 0o777).toBe(0o600);
    await expect(generateKeys(context, config)).rejects.toThrow('there are signing keys already');
  });

  it.skipIf(!hasCommand('openssl'))('protects them with a passphrase, and openssl opens them', async () => {
    const { context, config, cwd, keys } = given('  passphraseFile: secret\n');
    writeFileSync(join(cwd, 'secret'), 'correct horse\n');
    await generateKeys(context, config);
    for (const name of ['document.key', 'log.key']) {
      expect(readFileSync(join(keys, name), 'utf8')).toContain('BEGIN ENCRYPTED PRIVATE KEY');
      const open = (passphrase: string) => run('openssl', ['pkey', '-in', join(keys, name), '-passin', `pass:${passphrase}`, '-noout']);
      expect([open('correct horse').status, open('wrong').status]).toEqual([0, 1]);
    }
    await loadLogSigner(config.keys);
  });
});

describe('rotate', () => {
  it('replaces the log key in the ledger and on the disk, and keeps the old file', async () => {
    const { context, config, keys } = await started();
    const before = readFileSync(join(keys, 'log.key'), 'utf8');
    const first = await readKeys(context, config);
    const rotation = await rotateKey(context, config, 'log', who);
    expect(rotation).toEqual({
      key: 'log',
      before: first.log.id,
      now: expect.stringMatching(/^[0-9a-f]{8}$/),
      kept: join(keys, `log.key.old-${first.log.id}`),
      finished: false,
    });
    expect(readFileSync(rotation.kept ?? '', 'utf8')).toBe(before);
    expect(readdirSync(keys)).not.toContain('log.key.new');
    const { log, history } = await readKeys(context, config);
    expect([log.id, log.origin]).toEqual([rotation.now, first.log.origin]);
    expect(history?.log.map(({ id, fromRecord }) => [id, fromRecord])).toEqual([
      [rotation.before, 0],
      [rotation.now, 2],
    ]);
    await reopen(context, config);
    expect(verifyLedger(config.ledgerPath)).toMatchObject({ ok: true });
  });

  it('replaces the document key and its certificate', async () => {
    const { context, config, keys } = await started();
    const before = (await readKeys(context, config)).document.fingerprint;
    const { now, kept } = await rotateKey(context, config, 'document', who);
    expect((await readKeys(context, config)).document.fingerprint).toBe(now);
    expect(kept).toBe(join(keys, `document.key.old-${before.slice(0, 8)}`));
    expect(readdirSync(keys).filter((name) => name.includes('.old-'))).toHaveLength(2);
    expect((await readKeys(context, config)).history?.document.map(({ fingerprint }) => fingerprint)).toEqual([before, now]);
    expect(verifyLedger(config.ledgerPath)).toMatchObject({ ok: true });
  });

  /** The files as they were before, beside what the new one was called: the ledger is ahead of them. */
  it('is finished when it was cut short after the log had it, wherever', async () => {
    const { context, config, keys } = await started();
    const file = (name: string) => join(keys, name);
    const { now, kept } = await rotateKey(context, config, 'log', who);
    renameSync(file('log.key'), file('log.key.new'));
    await expect(reopen(context, config)).rejects.toThrow('cannot read the key file');
    expect(await rotateKey(context, config, 'log', who)).toMatchObject({ now, kept, finished: true });
    copyFileSync(file('log.key'), file('log.key.new'));
    renameSync(kept ?? '', file('log.key'));
    await expect(reopen(context, config)).rejects.toThrow(/is not the one of the ledger/);
    expect(await rotateKey(context, config, 'log', who)).toMatchObject({ now, kept, finished: true });
    await reopen(context, config);

    const document = await rotateKey(context, config, 'document', who);
    copyFileSync(file('document.crt'), file('document.crt.new')); // the key was renamed, the certificate was not
    const old = readdirSync(keys).find((name) => name.startsWith('document.crt.old-')) ?? '';
    renameSync(file(old), file('document.crt'));
    expect(await rotateKey(context, config, 'document', who)).toMatchObject({ now: document.now, finished: true });
    expect((await readKeys(context, config)).document.fingerprint).toBe(document.now);
  });

  it('starts anew when it was cut short before the log had it', async () => {
    const { context, config, keys } = await started();
    copyFileSync(join(keys, 'log.key'), join(keys, 'log.key.new'));
    writeFileSync(join(keys, 'log.key.new'), privateKey());
    expect(await rotateKey(context, config, 'log', who)).toMatchObject({ finished: false });
    expect(existsSync(join(keys, 'log.key.new'))).toBe(false);
    await reopen(context, config);
  });

  it('leaves nothing behind without a ledger', async () => {
    const { context, config, keys } = given();
    cpSync(template, keys, { recursive: true });
    await expect(rotateKey(context, config, 'log', who)).rejects.toThrow('there is no ledger');
    expect(readdirSync(keys)).toHaveLength(3);
  });
});

/** Another Ed25519 key (RFC 8410, section 7). */
const privateKey = (seed = 9) =>
  createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, seed)]),
    format: 'der',
    type: 'pkcs8',
  }).export({ type: 'pkcs8', format: 'pem' });

describe('a log key behind a command', () => {
  const script = (file: string) =>
    `const { readFileSync } = require('node:fs'); const { sign, createPublicKey } = require('node:crypto');
     const key = readFileSync(${JSON.stringify(file)}); const input = readFileSync(0);
     process.stdout.write(process.argv[1] === 'public' ? createPublicKey(key).export({ type: 'spki', format: 'pem' }) : sign(null, input, key))`;
  const argv = (file: string, ...more: string[]) => JSON.stringify([process.execPath, '-e', script(file), ...more]);
  const behind = (file: string) => `  logKey: ${argv(file)}\n  logPublicKey: ${argv(file, 'public')}\n`;

  it('makes a ledger and signs it, and is taken over from a file and by another command', async () => {
    const { context, configure, config: files, keys, cwd } = await started();
    writeFileSync(join(cwd, 'one.key'), privateKey(1));
    writeFileSync(join(cwd, 'two.key'), privateKey(2));
    const first = (await readKeys(context, files)).log;
    // The configuration names the new key; until the log has it, it is not the one in force.
    const one = configure(behind('one.key'));
    await expect(reopen(context, one)).rejects.toThrow('is not the one of the ledger');
    await expect(rotateKey(context, one, 'log', who)).rejects.toThrow('is behind a command, and cannot be drawn here');
    const rotation = await rotateKey(context, configure(`${behind('one.key')}  oldLogKey: keys/log.key\n`), 'log', who);
    expect(rotation).toMatchObject({ before: first.id, kept: join(keys, 'log.key'), finished: false });
    await reopen(context, one);
    const two = configure(`${behind('two.key')}  oldLogKey: ${argv('one.key')}\n`);
    await rotateKey(context, two, 'log', who);
    await reopen(context, configure(behind('two.key')));
    expect((await readKeys(context, two)).history?.log).toHaveLength(3);
    expect(verifyLedger(two.ledgerPath)).toMatchObject({ ok: true });
  });

  it('can be the first key, and then no log key is drawn', async () => {
    const { context, cwd, config, keys } = given(behind('one.key'));
    writeFileSync(join(cwd, 'one.key'), privateKey(1));
    await ensureKeys(context, config);
    expect(readdirSync(keys).sort()).toEqual(['document.crt', 'document.key']);
    await makeLedger(context, config);
    expect(verifyLedger(config.ledgerPath)).toMatchObject({ ok: true });
  });

  it('needs its public key in the configuration', () => {
    expect(() => given('  logKey: [sign]\n')).toThrow('a log key behind a command needs its public key');
  });
});

describe('revoke', () => {
  it('replaces a key that is in force, and tells both', async () => {
    const { context, config } = await started();
    const { log, document } = await readKeys(context, config);
    const revoked = await revokeKey(context, config, { id: log.id, from: '2026-01-01T00:00:00.000Z', ...who });
    expect(revoked).toMatchObject({ key: 'log', id: log.id, rotation: { before: log.id, finished: false } });
    await revokeKey(context, config, { id: document.fingerprint.toUpperCase(), ...who });
    const { history, ...now } = await readKeys(context, config);
    expect([now.log.id, now.document.fingerprint]).not.toContain(log.id);
    expect(history?.log.map(({ revokedFrom }) => revokedFrom)).toEqual(['2026-01-01T00:00:00.000Z', null]);
    expect(history?.document.map(({ revokedFrom }) => revokedFrom)).toEqual([expect.stringMatching(/^20/), null]);
    expect(verifyLedger(config.ledgerPath)).toMatchObject({ ok: true });
  });

  it.each([
    ['rubbish', /neither the id of a log key nor/],
    ['01234567', /was never a log key of this ledger/],
    ['ab'.repeat(32), /was never a document key/],
  ])('refuses %s', async (id, message) => {
    const { context, config } = await started();
    await expect(revokeKey(context, config, { id, ...who })).rejects.toThrow(message);
  });
});
