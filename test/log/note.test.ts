import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { assert, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatVerifierKey,
  type NoteSigner,
  openCheckpoint,
  openNote,
  parseVerifierKey,
  signCheckpoint,
  signNote,
} from '../../src/log/index.ts';

/** RFC 8410 section 7: a PKCS#8 Ed25519 key is this prefix and a 32-byte seed, so a test's key is the same in every run. */
function signerOf(name: string, seed: number): NoteSigner {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, seed)]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(-32);
  return { name, publicKey, sign: (data) => sign(null, data, key) };
}

// The examples that c2sp.org/signed-note publishes.
const publishedKey = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
const publishedNote =
  'This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n';

// And the one in the documentation of Go's package note, from which the format comes.
const goKey = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const goText = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const goSignature = 'x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=';

describe('signed notes', () => {
  const own = signerOf('audit.example/log', 1);
  const other = signerOf('witness.example', 2);

  it('opens the published example with its verifier key', () => {
    const key = parseVerifierKey(publishedKey);
    expect(openNote(publishedNote, key)).toBe('This is an example message.\n');
    expect(formatVerifierKey(key)).toBe(publishedKey);
    expect(openNote(`${goText}\n— PeterNeumann ${goSignature}\n`, parseVerifierKey(goKey))).toBe(goText);
  });

  it('opens what it signed, also beside signatures by others and with empty lines in the text', () => {
    assert(
      property(string({ unit: 'grapheme' }), (text) => {
        const body = `${text.replace(/\p{Cc}/gu, ' ')}\n\nsecond\n`;
        const note = signNote(body, own);
        expect(openNote(note, own)).toBe(body);
        const cosigned = note + signNote(body, other).slice(body.length + 1);
        expect(openNote(cosigned, own)).toBe(body);
        expect(openNote(cosigned, other)).toBe(body);
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ['another key', publishedNote, own, 'is not signed by audit.example/log'],
    ['the same name with another key', signNote('x\n', signerOf(own.name, 3)), own, 'is not signed by'],
    ['a changed text', signNote('x\n', own).replace('x', 'y'), own, 'does not hold'],
    ['no signature', 'x\n', own, 'no signed note'],
    ['a control character', signNote('x\n', own).replace('x', 'x\r'), own, 'no signed note'],
    ['base64 in another form', signNote('x\n', own).replace(/=\n$/, '\n'), own, 'malformed signature line'],
    ['a broken line beside a good one', `${signNote('x\n', own)}- nobody AAAA\n`, own, 'malformed signature line'],
  ])('refuses %s', (_, note, key, message) => {
    expect(() => openNote(note, key)).toThrow(message);
  });

  it.each([
    ['a name with a space', 'a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'],
    ['another id', publishedKey.replace('530d903a', '530d903b')],
    ['another algorithm', 'x+530d903a+BOkyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'],
    ['nothing', ''],
  ])('refuses a verifier key with %s', (_, text) => {
    expect(() => parseVerifierKey(text)).toThrow(/verifier key/);
  });
});

describe('checkpoints', () => {
  const own = signerOf('audit.example/log', 1);
  const root = Buffer.alloc(32, 7);

  it('round-trips', () => {
    const checkpoint = signCheckpoint({ origin: own.name, size: 20_852_163, root }, own);
    expect(checkpoint.note.split('\n').slice(0, 4)).toEqual([own.name, '20852163', root.toString('base64'), '']);
    expect(openCheckpoint(checkpoint.note, own)).toEqual(checkpoint);
  });

  it.each([
    ['of another log', 'other.example/log\n1\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n', 'is of the log other.example/log'],
    ['with a leading zero', `${own.name}\n01\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n`, 'no checkpoint'],
    ['with a short root', `${own.name}\n1\nBwcH\n`, 'no checkpoint'],
    ['with an empty extension', `${own.name}\n1\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n\n\n`, 'no checkpoint'],
    ['that is some other text', 'hello\n', 'no checkpoint'],
  ])('refuses a signed text %s', (_, text, message) => {
    expect(() => openCheckpoint(signNote(text, own), own)).toThrow(message);
  });

  it('refuses a signer whose public key is not its own', () => {
    const liar = { ...own, publicKey: signerOf('x', 9).publicKey };
    expect(() => signCheckpoint({ origin: own.name, size: 1, root }, liar)).toThrow('does not fit its public key');
  });
});
