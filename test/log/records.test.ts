import { describe, expect, it } from 'vitest';
import {
  appendLeaf,
  decodeRecord,
  encodeRecord,
  formatTlogProof,
  inclusionProof,
  leafHash,
  type LogRecord,
  type NodeReader,
  type NoteSigner,
  parseTlogProof,
  rootHash,
  signCheckpoint,
  verifyTlogProof,
} from '../../src/log/index.ts';
import { generateKeyPairSync, sign } from 'node:crypto';

const at = '2026-08-14T12:00:00.000Z';
const digest = 'ab'.repeat(32);
const missed: LogRecord = {
  type: 'run-missed',
  v: 1,
  at,
  cluster: 'prod',
  run: 7,
  uuid: '0f0e0d0c-0b0a-4908-8706-050403020100',
  slot: at,
};

describe('records', () => {
  it('are canonical JSON and read back', () => {
    const bytes = encodeRecord(missed);
    expect(Buffer.from(bytes).toString()).toMatch(/^\{"at":.*"type":"run-missed".*"v":1\}$/);
    expect(decodeRecord(bytes)).toEqual({ known: true, record: missed });
  });

  it('of newer types and versions are readable and flagged', () => {
    const newer = Buffer.from(`{"at":"${at}","type":"witness-cosigned","v":1}`);
    expect(decodeRecord(newer)).toMatchObject({ known: false, type: 'witness-cosigned', at });
    expect(decodeRecord(Buffer.from('{"type":"genesis","v":2}'))).toMatchObject({ known: false, type: 'genesis', at: null });
  });

  it.each([
    ['white space', '{"type": "x","v":1}'],
    ['keys out of order', '{"v":1,"type":"x"}'],
    ['a duplicate key', '{"type":"x","type":"x","v":1}'],
    ['a byte order mark', '\ufeff{"type":"x","v":1}'],
    ['no object', '[]'],
    ['no version', '{"type":"x"}'],
    ['an unknown field of a known type', Buffer.from(encodeRecord(missed)).toString().replace('"cluster"', '"alice":1,"cluster"')],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['too many bytes', `{"a":"${'x'.repeat(65_536)}","type":"x","v":1}`],
  ])('with %s are refused', (_, text) => {
    expect(() => decodeRecord(Buffer.from(text as string))).toThrow(/record/);
  });

  it('that are malformed are never written', () => {
    expect(() => encodeRecord({ ...missed, run: 0 })).toThrow('a run-missed record is malformed');
    expect(() =>
      encodeRecord({
        type: 'definition-changed',
        v: 1,
        at,
        what: 'control RBAC-001',
        oldDigest: 'nope',
        newDigest: digest,
        details: digest,
      }),
    ).toThrow('malformed');
  });
});

describe('tlog-proof', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
  const signer: NoteSigner = { name: 'audit.example/log', publicKey: raw, sign: (data) => sign(null, data, privateKey) };
  const records = Array.from({ length: 11 }, (_, index) => encodeRecord({ ...missed, run: index + 1 }));
  const stored = new Map<string, Uint8Array>();
  const nodes: NodeReader = (level, index) => stored.get(`${level}/${index}`) as Uint8Array;
  for (const [size, bytes] of records.entries()) {
    for (const { level, index, hash } of appendLeaf(nodes, size, leafHash(bytes))) stored.set(`${level}/${index}`, hash);
  }
  const { note } = signCheckpoint({ origin: signer.name, size: 11, root: rootHash(nodes, 11) }, signer);
  const proofOf = (index: number, extra?: Uint8Array) =>
    formatTlogProof({ index, hashes: inclusionProof(nodes, index, 11), checkpoint: note, ...(extra ? { extra } : {}) });

  it('proves every record, and no other', () => {
    for (const [index, bytes] of records.entries()) {
      expect(verifyTlogProof(proofOf(index), bytes, signer).index).toBe(index);
      expect(() => verifyTlogProof(proofOf(index), records[(index + 1) % 11] as Uint8Array, signer)).toThrow(`is not leaf ${index}`);
    }
  });

  it('has the published form', () => {
    const lines = proofOf(4, Buffer.from('extra')).split('\n');
    expect(lines.slice(0, 3)).toEqual(['c2sp.org/tlog-proof@v1', 'extra ZXh0cmE=', 'index 4']);
    expect(lines.slice(7)).toEqual(['', ...note.split('\n')]);
    expect(parseTlogProof(proofOf(4, Buffer.from('extra')))).toMatchObject({ index: 4, checkpoint: note });
  });

  it.each([
    ['another header', (text: string) => text.replace('@v1', '@v2')],
    ['a leading zero', (text: string) => text.replace('index 4', 'index 04')],
    ['a short hash', (text: string) => text.replace(/\n[^\n]{44}\n/, '\nAAAA\n')],
    ['no checkpoint', (text: string) => text.slice(0, text.indexOf('\n\n'))],
    ['an endless path', (text: string) => text.replace('index 4\n', `index 4\n${`${Buffer.alloc(32).toString('base64')}\n`.repeat(60)}`)],
  ])('with %s is refused', (_, change) => {
    expect(() => verifyTlogProof(change(proofOf(4)), records[4] as Uint8Array, signer)).toThrow('no inclusion proof');
  });
});
