/** Keys behind real external programs: openssl, and small scripts that answer in every way that is wrong. */
import { createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  certificateFromPem,
  createCommandDocumentSigner,
  createCommandLogSigner,
  generateLogKey,
  type KeyCommand,
  type LogKey,
  signDetached,
  verifyDetached,
} from '../../src/signing/index.ts';
import { exitCodeOf, KubevidenceError } from '../../src/model/index.ts';
import { hasCommand, newSigner } from './fixtures.ts';

let folder: string;
let key: LogKey;
let foreign: LogKey;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'command-'));
  [key, foreign] = [await generateLogKey(), await generateLogKey()];
  writeFileSync(join(folder, 'log.key'), key.privateKey);
  writeFileSync(join(folder, 'log.pub'), key.publicKey);
});
afterAll(() => rmSync(folder, { recursive: true }));

const data = Buffer.from('a checkpoint\n');
const publicKey = () => join(folder, 'log.pub');
/** What stands between reading standard input and the end of the program; `sign()` gives the signature. */
const script = (body: string, deadlineMs = 20_000): KeyCommand => ({
  argv: [
    process.execPath,
    '-e',
    `const input = require('node:fs').readFileSync(0);
     const sign = () => require('node:crypto').sign(null, input, require('node:fs').readFileSync('log.key'));
     ${body}`,
  ],
  cwd: folder,
  deadlineMs,
});

function refused(act: () => unknown): KubevidenceError {
  try {
    act();
  } catch (error) {
    if (error instanceof KubevidenceError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('a log key behind a command', () => {
  it.each([
    ['raw bytes', 'process.stdout.write(sign())'],
    ['base64', "console.log(sign().toString('base64'))"],
    ['base64 in lines', "console.log(sign().toString('base64').replace(/(.{64})/g, '$1\\n'))"],
  ])('answers with %s', (_, body) => {
    const signer = createCommandLogSigner(script(body), publicKey());
    expect(signer.fingerprint).toBe(key.fingerprint);
    expect(verify(null, data, createPublicKey(key.publicKey), signer.sign(data))).toBe(true);
  });

  it.skipIf(!hasCommand('openssl'))('is openssl, which prints the public key, too', () => {
    // openssl pkeyutl wants a file for Ed25519, so a script stands before it, as in practice.
    const argv = ['sh', '-c', 'cat > data && exec openssl pkeyutl -sign -rawin -inkey log.key -in data'];
    const printing = { argv: ['openssl', 'pkey', '-in', 'log.key', '-pubout'], cwd: folder };
    const signer = createCommandLogSigner({ argv, cwd: folder }, printing);
    expect(signer.rawPublicKey).toHaveLength(32);
    expect(verify(null, data, createPublicKey(key.publicKey), signer.sign(data))).toBe(true);
  });

  it('gets its arguments as they are, by no shell', () => {
    const argv = [process.execPath, '-e', 'process.stderr.write(JSON.stringify(process.argv.slice(1))); process.exit(3)', '$(id); *', "'"];
    expect(refused(() => createCommandLogSigner({ argv, cwd: folder }, publicKey()).sign(data)).message).toContain(`["$(id); *","'"]`);
  });

  it.each<[string, string, number, RegExp]>([
    [
      'fails',
      "console.error('token is locked\\nask Bob\\u001b[31m'); process.exit(7)",
      5,
      /ended with status 7; it says: token is locked; ask Bob\\u\{1b\}\[31m$/,
    ],
    ['dies', "process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 1e6)", 5, /ended with signal SIGTERM$/],
    ['says nothing', '', 2, /answers with 0 bytes that are no signature/],
    ['says too much', 'process.stdout.write(Buffer.concat([sign(), sign()]))', 2, /answers with 128 bytes/],
    ['floods', "process.stdout.write('x'.repeat(200_000))", 5, /failed/],
    [
      'signs something else',
      "process.stdout.write(require('node:crypto').sign(null, Buffer.of(1), require('node:fs').readFileSync('log.key')))",
      2,
      /is no signature by the public log key/,
    ],
  ])('that %s is refused', (_, body, code, message) => {
    const error = refused(() => createCommandLogSigner(script(body), publicKey()).sign(data));
    expect([exitCodeOf(error), error.message]).toEqual([code, expect.stringMatching(message)]);
  });

  it('has a deadline', () => {
    const error = refused(() => createCommandLogSigner(script('setInterval(() => {}, 1e6)', 300), publicKey()).sign(data));
    expect([exitCodeOf(error), error.message]).toEqual([5, expect.stringContaining('gave no answer within 0.3 s')]);
  });

  it('must be there, and have an Ed25519 public key of its own', async () => {
    const missing = { argv: [join(folder, 'nobody')], cwd: folder };
    expect(refused(() => createCommandLogSigner(missing, publicKey()).sign(data)).message).toMatch(/nobody failed: .*ENOENT/);
    expect(refused(() => createCommandLogSigner(missing, join(folder, 'none.pub'))).message).toMatch(/cannot read the public key/);
    writeFileSync(join(folder, 'rsa.pub'), (await newSigner()).key.certificate);
    expect(refused(() => createCommandLogSigner(missing, join(folder, 'rsa.pub'))).message).toContain('is rsa, not Ed25519');
    writeFileSync(join(folder, 'other.pub'), foreign.publicKey);
    const signer = createCommandLogSigner(script('process.stdout.write(sign())'), join(folder, 'other.pub'));
    expect(refused(() => signer.sign(data)).message).toContain('no signature by the public log key');
    expect(createCommandLogSigner(missing, new Uint8Array(readPublic(foreign))).fingerprint).toBe(foreign.fingerprint);
  });
});

const readPublic = ({ publicKey: pem }: LogKey) => createPublicKey(pem).export({ type: 'spki', format: 'der' }).subarray(-32);

describe('a document key behind a command', () => {
  it.skipIf(!hasCommand('openssl'))('signs what people open', async () => {
    const { key: document } = await newSigner();
    writeFileSync(join(folder, 'document.key'), document.privateKey);
    const argv = ['openssl', 'dgst', '-sha256', '-sign', 'document.key'];
    const signer = createCommandDocumentSigner({ argv, cwd: folder }, certificateFromPem(document.certificate));
    const seal = await signDetached(data, signer);
    expect(verifyDetached(seal, data)).toMatchObject({ ok: true, problems: [] });
    expect(signer.fingerprint).toBe(document.fingerprint);
    const { key: other } = await newSigner();
    const wrong = createCommandDocumentSigner({ argv, cwd: folder }, certificateFromPem(other.certificate));
    await expect(wrong.sign(data)).rejects.toThrow('is no signature by the certificate of');
    expect(readFileSync(join(folder, 'document.key'), 'utf8')).toBe(document.privateKey);
  });
});
