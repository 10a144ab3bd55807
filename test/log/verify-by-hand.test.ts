/** docs/verify-by-hand.py against files as the product exports them: it accepts what holds, and nothing that was altered. */
import { spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  appendLeaf,
  consistencyProof,
  formatConsistency,
  formatTlogProof,
  formatVerifierKey,
  inclusionProof,
  leafHash,
  type NodeReader,
  rootHash,
  signCheckpoint,
} from '../../src/log/index.ts';
import { signerOf } from '../ledger/given.ts';
import { acceptTimestamp, certificatesFromPem, createTimestampRequest } from '../../src/signing/index.ts';
import { makeOpensslAuthority } from '../signing/authority.ts';
import { hasCommand } from '../signing/fixtures.ts';

const script = join(import.meta.dirname, '..', '..', 'docs', 'verify-by-hand.py');
const able = hasCommand('python3') && hasCommand('openssl');
const origin = 'audit.example/log';
const [old, now, foreign] = [signerOf(origin, 1), signerOf(origin, 2), signerOf(origin, 3)];
const records = Array.from({ length: 13 }, (_, index) => Buffer.from(`{"at":"2026","n":${index}}`));
const stored = new Map<string, Uint8Array>();
const nodes: NodeReader = (level, index) => stored.get(`${level}/${index}`) as Uint8Array;
for (const [size, record] of records.entries())
  for (const { level, index, hash } of appendLeaf(nodes, size, leafHash(record))) stored.set(`${level}/${index}`, hash);
const checkpoint = (size: number, signer = now) => signCheckpoint({ origin, size, root: rootHash(nodes, size) }, signer).note;
const inclusion = (leaf: number, size = 13, signer = now) =>
  formatTlogProof({ index: leaf, hashes: inclusionProof(nodes, leaf, size), checkpoint: checkpoint(size, signer) });
const consistency = (from: number, to = 13) => formatConsistency(from, consistencyProof(nodes, from, to), checkpoint(to));
const keys = [old, now].map((key) => `${formatVerifierKey(key)}\n`).join('');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'by-hand-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

type Texts = readonly (string | Uint8Array)[];
interface Said {
  readonly status: number | null;
  readonly said: string;
}

function filesOf(name: string, texts: Texts): string[] {
  return texts.map((text, index) => {
    const path = join(folder, `${name}-${index}`);
    writeFileSync(path, text);
    return path;
  });
}

function python(...args: string[]): Said {
  const { status, stdout, stderr } = spawnSync('python3', args, { encoding: 'utf8', cwd: folder });
  return { status, said: `${stdout}${stderr}`.trim() };
}

/** As a person types it. */
const byHand = (what: string, ...texts: Texts): Said => python(script, what, ...filesOf(what, texts));

/** Many in one process, because starting Python takes longer than all of them. */
function byHandEach(cases: readonly { readonly what: string; readonly texts: Texts }[]): Said[] {
  const argv = cases.map(({ what, texts }, index) => [what, ...filesOf(`case${index}`, texts)]);
  const { status, said } = python('-c', driver, script, JSON.stringify(argv));
  expect(status, said).toBe(0);
  return JSON.parse(said) as Said[];
}
const driver = `
import contextlib, io, json, runpy, sys
_, script, cases = sys.argv
said = []
for case in json.loads(cases):
    sys.argv = [script, *case]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            runpy.run_path(script, run_name="__main__")
            said.append({"status": 0, "said": out.getvalue().strip()})
        except SystemExit as end:
            said.append({"status": 0 if end.code is None else 1, "said": str(end.code)})
print(json.dumps(said))
`;

const lineOf = (text: string, index: number, change: (line: string) => string) =>
  text
    .split('\n')
    .map((line, n) => (n === index ? change(line) : line))
    .join('\n');
/** Another letter in the middle of base64: other bytes of the same length. */
const other = (line: string) => `${line.slice(0, 9)}${line[9] === 'A' ? 'B' : 'A'}${line.slice(10)}`;

it('is under 100 lines of plain Python', () => {
  const source = readFileSync(script, 'utf8');
  expect(source.split('\n').length - 1).toBeLessThan(100);
  expect(source.match(/^import .*/gm)).toEqual(['import base64, hashlib, os, re, subprocess, sys, tempfile']);
});

describe.skipIf(!able)('by hand', () => {
  it('holds what is right, as a person types it', () => {
    expect(byHand('checkpoint', checkpoint(6, old), keys)).toEqual({
      status: 0,
      said: expect.stringContaining(`the log ${origin} had 6 records with the root ${Buffer.from(rootHash(nodes, 6)).toString('base64')}`),
    });
    expect(byHand('inclusion', inclusion(7), Buffer.concat([records[7] ?? Buffer.of(), Buffer.from('\n')]), keys)).toEqual({
      status: 0,
      said: `the record is record 7 of the log ${origin} of 13 records`,
    });
    expect(byHand('consistency', checkpoint(6, old), consistency(6), keys)).toEqual({
      status: 0,
      said: `the log ${origin} of 13 records extends the one of 6 that you kept`,
    });
    expect(byHand('checkpoint', checkpoint(6, foreign), keys)).toEqual({
      status: 1,
      said: 'DOES NOT HOLD: no key that you gave signed this checkpoint',
    });
    expect(byHand('nothing')).toMatchObject({ status: 1, said: expect.stringContaining('verify-by-hand.py checkpoint') });
  });

  it('holds every record, and every older size', () => {
    const each = records.map((record, leaf) => ({ what: 'inclusion', texts: [inclusion(leaf), record, keys] }));
    const sizes = records.map((_, index) => ({ what: 'consistency', texts: [checkpoint(index + 1), consistency(index + 1), keys] }));
    expect(byHandEach([...each, ...sizes]).filter(({ status }) => status !== 0)).toEqual([]);
  });

  const wrong: readonly (readonly [string, string, Texts, RegExp])[] = [
    ['a checkpoint of another size', 'checkpoint', [lineOf(checkpoint(13), 1, () => '14'), keys], /signature on the checkpoint/],
    ['a checkpoint of another root', 'checkpoint', [lineOf(checkpoint(13), 2, other), keys], /signature on the checkpoint/],
    ['a checkpoint by a foreign key', 'checkpoint', [checkpoint(13, foreign), keys], /no key that you gave/],
    [
      'a key under another id',
      'checkpoint',
      [checkpoint(13), keys.replaceAll(/\+[0-9a-f]{8}\+/g, '+01234567+')],
      /no Ed25519 verifier key/,
    ],
    ['no checkpoint', 'checkpoint', ['', keys], /DOES NOT HOLD/],
    ['another record', 'inclusion', [inclusion(5), records[6] ?? '', keys], /not in the log/],
    ['another place', 'inclusion', [inclusion(5).replace('index 5', 'index 4'), records[5] ?? '', keys], /not in the log/],
    ['a place behind the log', 'inclusion', [inclusion(5).replace('index 5', 'index 13'), records[5] ?? '', keys], /not in the log/],
    ['a changed hash', 'inclusion', [lineOf(inclusion(5), 3, other), records[5] ?? '', keys], /not in the log/],
    ['a hash less', 'inclusion', [inclusion(5).replace(/(index 5\n).*\n/, '$1'), records[5] ?? '', keys], /too short|not in the log/],
    ['a proof under a foreign checkpoint', 'inclusion', [inclusion(5, 13, foreign), records[5] ?? '', keys], /no key that you gave/],
    [
      'another older log',
      'consistency',
      [signCheckpoint({ origin, size: 6, root: Buffer.alloc(32) }, now).note, consistency(6), keys],
      /another log/,
    ],
    [
      'another log of the same size',
      'consistency',
      [signCheckpoint({ origin, size: 13, root: Buffer.alloc(32) }, now).note, consistency(13), keys],
      /another log/,
    ],
    ['a proof from another size', 'consistency', [checkpoint(6), consistency(7), keys], /another log/],
    ['a changed hash of it', 'consistency', [checkpoint(6), lineOf(consistency(6), 1, other), keys], /another log/],
    ['a proof without hashes', 'consistency', [checkpoint(6), `old 6\n\n${checkpoint(13)}`, keys], /DOES NOT HOLD/],
    ['a log that is shorter', 'consistency', [checkpoint(13), formatConsistency(13, [], checkpoint(6)), keys], /another log/],
  ];

  it('refuses what is wrong, and says what', () => {
    const said = byHandEach(wrong.map(([, what, texts]) => ({ what, texts })));
    for (const [index, [name, , , message]] of wrong.entries()) {
      expect(said[index], name).toMatchObject({ status: 1, said: expect.stringMatching(/^DOES NOT HOLD: /) });
      expect(said[index]?.said, name).toMatch(message);
    }
  });

  it('refuses a proof in which any one bit was flipped', () => {
    const proofs = [
      { what: 'inclusion', proof: inclusion(5), rest: [records[5] ?? '', keys] },
      { what: 'consistency', proof: consistency(6), rest: [keys], first: checkpoint(6) },
    ];
    const cases = proofs.flatMap(({ what, proof, rest, first }) =>
      Array.from({ length: 50 }, (_, n) => {
        const bytes = Buffer.from(proof);
        const at = (n * 7919) % bytes.length;
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (n % 8));
        return { what, texts: first === undefined ? [bytes, ...rest] : [first, bytes, ...rest], at };
      }),
    );
    const accepted = byHandEach(cases).flatMap(({ status }, index) => (status === 0 ? [cases[index]?.at] : []));
    expect(accepted).toEqual([]);
  });

  /** TimeStampResp (RFC 3161 section 2.4.2) with a PKIFreeText in its status. */
  const withStatusText = (der: Uint8Array, text: string): Uint8Array => {
    const wrap = (tag: number, ...parts: Uint8Array[]) => {
      const body = Buffer.concat(parts);
      const length = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff];
      return Buffer.concat([Buffer.of(tag, ...length), body]);
    };
    // SEQUENCE with a long length, then the status: SEQUENCE { INTEGER 0 }.
    const [status, token] = [Buffer.from(der.subarray(4, 9)), Buffer.from(der.subarray(9))];
    expect(status.toString('hex')).toBe('3003020100');
    return wrap(0x30, wrap(0x30, status.subarray(2), wrap(0x30, wrap(0x0c, Buffer.from(text)))), token);
  };

  it('holds a token of a timestamp authority over a checkpoint, and over nothing else', async () => {
    const tsa = makeOpensslAuthority(join(folder, 'tsa'), 'ec');
    const authority = readFileSync(tsa.ca, 'utf8');
    const note = checkpoint(13);
    const request = createTimestampRequest(hash('sha256', note, 'buffer'));
    const { der } = acceptTimestamp(await tsa.answer(request.der), request, { anchors: certificatesFromPem(authority, 'root.pem') });
    expect(byHand('token', note, der, authority)).toEqual({ status: 0, said: expect.stringMatching(/ existed at .* GMT$/) });
    // The status text around the token is signed by nobody, and openssl prints it first.
    const told = byHand('token', note, der, authority).said;
    const lied = byHand('token', note, withStatusText(der, '\nTime stamp: Jan  1 00:00:00 2001 GMT\n'), authority);
    expect(lied.said.replace(/^.* existed/, '')).toBe(told.replace(/^.* existed/, ''));
    const foreign = readFileSync(makeOpensslAuthority(join(folder, 'foreign'), 'ec').ca, 'utf8');
    const wrong: readonly Texts[] = [
      [checkpoint(12), der, authority],
      [note, der.with(der.length - 20, (der.at(-20) ?? 0) ^ 1), authority],
      [note, der, foreign],
    ];
    for (const said of byHandEach(wrong.map((texts) => ({ what: 'token', texts }))))
      expect(said).toEqual({ status: 1, said: expect.stringMatching(/^DOES NOT HOLD: /) });
  });
});
