import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { childrenOf, descend, octets, oid, oidOf, read, sequence, setOf, write } from '../../src/signing/der.ts';
import { type DocumentKey, type DocumentSigner, signDetached, verifyDetached } from '../../src/signing/index.ts';
import { anyFlip, flip, hasCommand, newSigner, run } from './fixtures.ts';

const data = Buffer.from('{"files":[]}\n');
let folder: string;
let key: DocumentKey;
let signer: DocumentSigner;
let signature: Uint8Array;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubevidence-cms-'));
  ({ key, signer } = await newSigner());
  signature = await signDetached(data, signer);
});
afterAll(() => rm(folder, { recursive: true }));

it('verifies, and says who signed', () => {
  const check = verifyDetached(signature, data);
  expect(check).toMatchObject({ ok: true, signerFingerprint: key.fingerprint, problems: [] });
  expect(check.certificate?.subject).toContain('Audit evidence');
});

it('is the same for the same content, in one piece or in several', async () => {
  expect(await signDetached([data.subarray(0, 5), data.subarray(5)], signer)).toEqual(signature);
  expect(verifyDetached(signature, [data.subarray(0, 5), data.subarray(5)]).ok).toBe(true);
});

it('signs content type, digest and certificate, and no time', () => {
  const attributes = childrenOf(descend(read(signature), 1, 0, 4, 0, 3)).map((attribute) => oidOf(descend(attribute, 0)));
  expect(attributes).toEqual(['1.2.840.113549.1.9.3', '1.2.840.113549.1.9.4', '1.2.840.113549.1.9.16.2.47']);
});

it.skipIf(!hasCommand('openssl'))('verifies with openssl, as CAdES too, and not over other content', async () => {
  const [p7s, content, certificate] = ['x.p7s', 'data', 'cert.pem'].map((name) => join(folder, name)) as [string, string, string];
  await Promise.all([writeFile(p7s, signature), writeFile(content, data), writeFile(certificate, key.certificate)]);
  const args = ['-inform', 'DER', '-in', p7s, '-content', content, '-CAfile', certificate, '-purpose', 'any', '-binary'];
  expect(run('openssl', ['cms', '-verify', ...args]).status).toBe(0);
  expect(run('openssl', ['cms', '-verify', '-cades', ...args]).status).toBe(0);
  await writeFile(content, 'something else');
  expect(run('openssl', ['cms', '-verify', ...args]).status).not.toBe(0);
});

it('says when it is the content that was changed', () => {
  const check = verifyDetached(signature, Buffer.from('{"files":[1]}\n'));
  expect(check).toMatchObject({ ok: false, signerFingerprint: null });
  expect(check.problems).toEqual(['the content is not what was signed: its SHA-256 differs from the one in the signature']);
});

it('does not survive any changed bit', () => {
  fc.assert(
    fc.property(anyFlip(signature.length), ({ position, bit }) => {
      expect(verifyDetached(flip(signature, position, bit), data)).toMatchObject({ ok: false, signerFingerprint: null });
    }),
    { numRuns: 500 },
  );
});

describe('refuses, without throwing,', () => {
  /** Rebuilds the signature with one element replaced; lengths are adjusted on the way up. */
  const replace = (path: readonly number[], change: (source: Uint8Array) => Uint8Array, element = read(signature)): Uint8Array => {
    const [index, ...rest] = path;
    if (index === undefined) return change(element.source);
    return write(element.tag, ...childrenOf(element).map((child, at) => (at === index ? replace(rest, change, child) : child.source)));
  };
  const signedData = [1, 0] as const;
  const signerInfo = [...signedData, 4, 0] as const;

  test.each<[string, () => Uint8Array]>([
    ['nothing', () => new Uint8Array()],
    ['something else', () => Buffer.from('-----BEGIN CMS-----')],
    ['bytes behind the end', () => Buffer.concat([signature, Buffer.of(0)])],
    ['a signature without its last byte', () => signature.subarray(0, -1)],
    ['an indefinite length', () => Buffer.concat([Buffer.of(0x30, 0x80), read(signature).content, Buffer.of(0, 0)])],
    ['two signers', () => replace([...signedData, 4], (set) => setOf(read(set).content, read(set).content))],
    ['no signer', () => replace([...signedData, 4], () => setOf())],
    ['two certificates', () => replace([...signedData, 3], (set) => write(0xa0, read(set).content, read(set).content))],
    ['content inside', () => replace([...signedData, 2], (info) => sequence(read(info).content, write(0xa0, octets(data))))],
    ['an unsigned attribute', () => replace(signerInfo, (info) => sequence(read(info).content, write(0xa1)))],
    [
      'no signing-certificate-v2',
      () =>
        replace([...signerInfo, 3], (set) =>
          write(
            0xa0,
            ...childrenOf(read(set))
              .slice(0, 2)
              .map((a) => a.source),
          ),
        ),
    ],
    ['another content type', () => replace([...signerInfo, 3, 0, 1, 0], () => oid('1.2.840.113549.1.7.5'))],
    ['another digest algorithm', () => replace([...signerInfo, 2], () => sequence(oid('1.3.14.3.2.26')))],
    ['an empty signature value', () => replace([...signerInfo, 5], () => octets(new Uint8Array()))],
    ['a huge file', () => new Uint8Array(1_000_000).fill(0x30)],
  ])('%s', (_, bytes) => {
    const check = verifyDetached(bytes(), data);
    expect(check).toMatchObject({ ok: false, signerFingerprint: null });
    expect(check.problems).toHaveLength(1);
  });

  it('the certificate of somebody else in place of the signer’s', async () => {
    const { signer: other } = await newSigner();
    const exchanged = replace([...signedData, 3, 0], () => other.certificate);
    expect(verifyDetached(exchanged, data)).toMatchObject({ ok: false, signerFingerprint: null });
    const foreign = read(await signDetached(data, other));
    const value = replace([...signerInfo, 5], () => descend(foreign, ...signerInfo, 5).source);
    expect(verifyDetached(value, data).problems).toEqual([
      'the signature does not hold: it was not made by the key of the certificate inside',
    ]);
  });

  it('any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(verifyDetached(bytes, data).ok).toBe(false);
      }),
    );
  });
});

it('is not made by a signer whose key is not the certificate’s', async () => {
  const { signer: other } = await newSigner();
  await expect(signDetached(data, { ...signer, sign: (bytes) => other.sign(bytes) })).rejects.toMatchObject({ code: 'configuration' });
});
