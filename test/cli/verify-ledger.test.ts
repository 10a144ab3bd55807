/** `verify` of a ledger's own file: with whatever key somebody trusts, and with what has to be known of its keeping. */
import { createPublicKey } from 'node:crypto';
import { expect, it } from 'vitest';
import { verifyLedgerFile } from '../../src/cli/verify-ledger.ts';
import { formatVerifierKey } from '../../src/log/index.ts';
import { KubevidenceError } from '../../src/model/index.ts';
import { collect, digest, pod, signerOf } from '../ledger/given.ts';
import { openForTest } from '../ledger/temporary.ts';

const pemOf = (publicKey: Uint8Array) =>
  String(
    createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKey).toString('base64url') }, format: 'jwk' }).export({
      type: 'spki',
      format: 'pem',
    }),
  );

function ledgerFile(): string {
  const ledger = openForTest();
  collect(ledger, [pod({ name: 'a' })]);
  ledger.close();
  return ledger.path;
}

it.each([
  ['the verifier key', formatVerifierKey(signerOf())],
  ['the log key as PEM', pemOf(signerOf().publicKey)],
  ['the fingerprint of the document key', digest],
])('is known by %s', (_, trust) => {
  expect(verifyLedgerFile(ledgerFile(), trust, undefined)).toMatchObject({ ok: true, known: true, problems: [] });
});

it.each([
  ['verifier key', formatVerifierKey(signerOf('audit.example/log', 9)), /signed by other keys than the one that was given/],
  ['log key as PEM', pemOf(signerOf('x', 9).publicKey), /signed by other keys than the one that was given/],
  ['document key', 'cd'.repeat(32), /never bound the document key cdcd/],
])('is not known by another %s', (_, trust, message) => {
  const { ok, known, problems } = verifyLedgerFile(ledgerFile(), trust, undefined);
  expect([ok, known, problems]).toEqual([false, false, [expect.stringMatching(message)]]);
});

it('is known to nobody without a key, and says what happened to its keys', () => {
  const ledger = openForTest();
  ledger.rotateLogKey(signerOf('x', 2), { reason: 'r', by: 'b' });
  ledger.close();
  const { ok, known, notProved } = verifyLedgerFile(ledger.path, undefined, undefined);
  expect([ok, known]).toEqual([true, false]);
  expect(notProved.join('\n')).toMatch(/the log key [0-9a-f]{8} was replaced by/);
});

it('takes no word for a key, and no text for a certificate', () => {
  const path = ledgerFile();
  expect(() => verifyLedgerFile(path, 'trust me', undefined)).toThrow(KubevidenceError);
  expect(() => verifyLedgerFile(path, undefined, 'trust me')).toThrow(KubevidenceError);
});
