import { createPrivateKey, createPublicKey, verify } from 'node:crypto';
import { chmod, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import {
  certificateFromPem,
  certificateInfo,
  createDocumentSigner,
  createLogSigner,
  type DocumentKey,
  fingerprintOf,
  generateDocumentKey,
  generateLogKey,
  readKeyFile,
  writeKeyFile,
} from '../../src/signing/index.ts';
import { hasCommand, newSigner, run, validFrom } from './fixtures.ts';

let folder: string;
let key: DocumentKey;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubevidence-keys-'));
  ({ key } = await newSigner());
});
afterAll(() => rm(folder, { recursive: true }));

describe('the log key', () => {
  it('is Ed25519, and signs', async () => {
    const { privateKey, publicKey, fingerprint } = await generateLogKey();
    const signer = createLogSigner(createPrivateKey(privateKey));
    const data = Buffer.from('checkpoint');
    expect(signer.rawPublicKey).toHaveLength(32);
    expect(signer.fingerprint).toBe(fingerprint);
    expect(verify(null, data, createPublicKey(publicKey), signer.sign(data))).toBe(true);
  });

  it('cannot be an RSA key', () => {
    expect(() => createLogSigner(createPrivateKey(key.privateKey))).toThrow('the log key is rsa, not Ed25519');
  });
});

describe('the document key', () => {
  it('has a certificate with the names, the validity and the fingerprint that were asked for', () => {
    const info = certificateInfo(certificateFromPem(key.certificate));
    expect(info).toMatchObject({
      subject: 'CN=Audit evidence,O=Acme\\, Inc.',
      issuer: 'CN=Audit evidence,O=Acme\\, Inc.',
      notBefore: '2026-01-01T00:00:00Z',
      notAfter: '2031-01-01T00:00:00Z',
      fingerprint: key.fingerprint,
    });
    const spki = createPublicKey(key.privateKey).export({ type: 'spki', format: 'der' });
    expect(fingerprintOf(spki)).toBe(key.fingerprint);
  });

  it.skipIf(!hasCommand('openssl'))('is a certificate to openssl: no CA, two usages, trusted by itself', async () => {
    const file = join(folder, 'certificate.pem');
    await writeFile(file, key.certificate);
    expect(run('openssl', ['verify', '-x509_strict', '-check_ss_sig', '-CAfile', file, file]).output).toContain('OK');
    const { output } = run('openssl', ['x509', '-in', file, '-noout', '-text']);
    expect(output).toContain('Version: 3 (0x2)');
    expect(output).toMatch(/Basic Constraints: critical\s+CA:FALSE/);
    expect(output).toMatch(/Key Usage: critical\s+Digital Signature, Non Repudiation\n/);
    expect(output).toContain('Public-Key: (3072 bit)');
  });

  it('belongs to its certificate alone', async () => {
    const other = await newSigner();
    expect(() => createDocumentSigner(createPrivateKey(key.privateKey), certificateFromPem(other.key.certificate))).toThrow(
      'does not belong',
    );
  });

  test.each([
    ['empty', ''],
    ['too long', 'x'.repeat(65)],
    ['invisible', 'Acme\u202e'],
  ])('refuses an %s organization', async (_, organization) => {
    const subject = { organization, commonName: 'x', notBefore: validFrom, years: 1 };
    await expect(generateDocumentKey(subject)).rejects.toMatchObject({ code: 'configuration' });
  });
});

describe('key files', () => {
  it('are for the owner only, and never replaced', async () => {
    const path = join(folder, 'new.pem');
    await writeKeyFile(path, key.privateKey);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await expect(writeKeyFile(path, key.privateKey)).rejects.toMatchObject({ code: 'usage' });
    expect(createPublicKey(await readKeyFile(path)).equals(createPublicKey(key.privateKey))).toBe(true);
  });

  test.each([0o604, 0o602, 0o666])('with mode %o are refused', async (mode) => {
    const path = join(folder, `mode-${mode}.pem`);
    await writeKeyFile(path, key.privateKey);
    await chmod(path, mode);
    await expect(readKeyFile(path)).rejects.toMatchObject({ code: 'configuration' });
  });

  it('may be for a group', async () => {
    const path = join(folder, 'group.pem');
    await writeKeyFile(path, key.privateKey);
    await chmod(path, 0o640);
    expect((await readKeyFile(path)).asymmetricKeyType).toBe('rsa');
  });

  it('may be links, as mounted Secrets are', async () => {
    const path = join(folder, 'linked.pem');
    await writeKeyFile(path, key.privateKey);
    await symlink(path, join(folder, 'link.pem'));
    expect((await readKeyFile(join(folder, 'link.pem'))).type).toBe('private');
  });

  it('with a passphrase need it', async () => {
    const { privateKey } = await generateLogKey('correct horse');
    const path = join(folder, 'protected.pem');
    await writeKeyFile(path, privateKey);
    expect(privateKey).toContain('BEGIN ENCRYPTED PRIVATE KEY');
    expect((await readKeyFile(path, 'correct horse')).asymmetricKeyType).toBe('ed25519');
    await expect(readKeyFile(path)).rejects.toThrow('none was given');
    await expect(readKeyFile(path, 'wrong')).rejects.toThrow('the passphrase is wrong, or the file is damaged');
  });

  test.each([
    ['a certificate', (): string => key.certificate],
    ['a PKCS#1 key', (): string => createPrivateKey(key.privateKey).export({ type: 'pkcs1', format: 'pem' }).toString()],
    ['a damaged key', (): string => key.privateKey.replace(/^M.{8}/m, 'AAAAAAAAA')],
    ['something large', (): string => 'x'.repeat(70_000)],
  ])('with %s are refused', async (name, content) => {
    const path = join(folder, `${name}.pem`);
    await writeFile(path, content(), { mode: 0o600 });
    await expect(readKeyFile(path)).rejects.toMatchObject({ name: 'KubevidenceError', code: 'configuration' });
  });

  it('that are missing, folders or FIFOs are refused without waiting', async () => {
    await expect(readKeyFile(join(folder, 'none'))).rejects.toMatchObject({ code: 'unreachable' });
    await expect(readKeyFile(folder)).rejects.toMatchObject({ code: 'configuration' });
    const fifo = join(folder, 'fifo');
    expect(run('mkfifo', [fifo]).status).toBe(0);
    await expect(readKeyFile(fifo)).rejects.toThrow('not a regular file');
  });
});

describe('reading certificates', () => {
  test.each([
    ['PEM text', (): Uint8Array => Buffer.from(key.certificate)],
    ['trailing bytes', (): Uint8Array => Buffer.concat([certificateFromPem(key.certificate), Buffer.of(0)])],
    ['nothing', (): Uint8Array => new Uint8Array()],
    ['too many bytes', (): Uint8Array => new Uint8Array(20_000).fill(0x30)],
  ])('refuses %s', (_, bytes) => {
    expect(() => certificateInfo(bytes())).toThrow('the certificate cannot be used');
  });

  it('refuses a PEM text with two certificates', () => {
    expect(() => certificateFromPem(key.certificate + key.certificate)).toThrow('2 PEM certificates');
  });
});
