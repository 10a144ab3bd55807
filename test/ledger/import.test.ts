/** Whatever is done to an export, the import names file and line, or what it makes exports to the very same bytes. */
import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { assert, constantFrom, integer, nat, oneof, property, record, tuple } from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportLedger, importLedger, openLedger } from '../../src/ledger/index.ts';
import { exportFiles } from '../../src/ledger/exchange/export-format.ts';
import { saltedId } from '../../src/ledger/storage/salted.ts';
import { type Assessment, canonicalize, KubevidenceError } from '../../src/model/index.ts';
import { answer, makeAuthority } from '../signing/authority.ts';
import { createTimestampRequest } from '../../src/signing/index.ts';
import { clockFrom, collect, create, digest, identity, pod, signerOf } from './given.ts';
import { temporaryPath } from './temporary.ts';

let home: string;
let intact: string;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'import-'));
  intact = join(home, 'intact');
  const path = join(home, 'ledger.db');
  const ledger = openLedger({ path, mode: 'write', clock: clockFrom(), signer: signerOf(), create });
  const objects = Array.from({ length: 30 }, (_, index) =>
    pod({ namespace: `ns-${Number(index > 24)}`, name: `p-${index}`, uid: `u-${index}` }),
  );
  collect(ledger, [pod({ name: 'odd', uid: 'u-odd', image: 'x\u0085\u202e\\u0085' }), ...objects]);
  collect(ledger, [...objects.slice(1), pod({ name: 'new', uid: 'u-new' })], { resourceVersion: '101' });
  collect(ledger, objects.slice(3), { resourceVersion: '9', identity: { ...identity, name: 'test' } });
  const catalogBytes = Buffer.from('{"controls":[]}');
  ledger.recordAssessment({
    cluster: 'prod',
    run: 2,
    at: '2026-08-14T12:30:00.000Z',
    toolVersion: '1',
    catalogDigest: hash('sha256', catalogBytes),
    catalogBytes,
    paramsDigest: digest,
    assessment: { controls: [{ outcome: 'fail' }] } as unknown as Assessment,
  });
  const { size, note } = ledger.checkpoint();
  const request = createTimestampRequest(hash('sha256', note, 'buffer'), null);
  ledger.recordToken({ size, tsr: answer(request.der, makeAuthority()) });
  ledger.close();
  exportLedger(path, intact);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** A copy of the export, changed; and what the import says to it. */
function importChanged(change: (directory: string) => void): { path: string; said: string } {
  const path = temporaryPath();
  const directory = join(dirname(path), 'export');
  cpSync(intact, directory, { recursive: true });
  change(directory);
  try {
    importLedger(directory, path);
    return { path, said: 'done' };
  } catch (error) {
    if (!(error instanceof KubevidenceError)) throw error;
    if (readdirSync(dirname(path)).join() !== 'export') throw new Error('something was left behind', { cause: error });
    const { file = '', line } = error.place ?? {};
    return { path, said: `${error.code} ${basename(file)}:${line ?? '-'} ${error.message}` };
  }
}

type Change = (lines: string[]) => string[] | undefined;
const edit = (directory: string, file: string, change: Change) => {
  const path = join(directory, file);
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  const changed = change(lines) ?? lines;
  writeFileSync(path, changed.map((line) => `${line}\n`).join(''));
  if (file === 'export.json') return;
  // Whoever knows the format counts again.
  const about = join(directory, 'export.json');
  writeFileSync(about, readFileSync(about, 'utf8').replace(new RegExp(`("${file}": )\\d+`), `$1${changed.length}`));
};
const replace =
  (line: number, from: string | RegExp, to: string): Change =>
  (lines) => {
    const before = lines[line - 1] ?? '';
    lines[line - 1] = before.replace(from, to);
    expect(lines[line - 1]).not.toBe(before);
    return lines;
  };
const without =
  (line: number): Change =>
  (lines) =>
    lines.toSpliced(line - 1, 1);
const twice =
  (line: number): Change =>
  (lines) =>
    lines.toSpliced(line, 0, lines[line - 1] ?? '');
const swapped =
  (a: number, b: number): Change =>
  (lines) =>
    lines.with(a - 1, lines[b - 1] ?? '').with(b - 1, lines[a - 1] ?? '');
/** An object exchanged by one whose id and salt fit. */
const forged =
  (line: number): Change =>
  (lines) => {
    const read = JSON.parse(lines[line - 1] ?? '') as { object: object };
    const object = { ...read.object, spec: {} };
    const salt = '11'.repeat(16);
    const id = saltedId(Buffer.from(salt, 'hex'), canonicalize(object)).toString('hex');
    const { n, cluster, run, kind } = JSON.parse(lines[line - 1] ?? '') as Record<string, unknown>;
    return lines.with(line - 1, `${JSON.stringify({ n, id, salt, cluster, run, kind }).slice(0, -1)},"object":${canonicalize(object)}}`);
  };

const changes: readonly [string, string, Change, RegExp][] = [
  [
    'an edited record',
    'log.jsonl',
    replace(5, '"at":"2026', '"at":"2025'),
    /^integrity checkpoints.jsonl:3 the records do not give the root/,
  ],
  ['a record as other JSON', 'log.jsonl', replace(4, '"v":1', '"v": 1'), /^integrity log.jsonl:4 the record is not canonical/],
  ['a record with a key twice', 'log.jsonl', replace(4, '"v":1', '"v":1,"v":1'), /^integrity log.jsonl:4 the record is not canonical/],
  ['a record that is no record', 'log.jsonl', replace(4, /.*/, '[]'), /^integrity log.jsonl:4 the record has no type/],
  ['a missing record', 'log.jsonl', without(5), /^integrity checkpoints.jsonl:5 the last checkpoint covers 9 records, and log.jsonl has 8/],
  ['records in another order', 'log.jsonl', swapped(3, 5), /^integrity log.jsonl:3 /],
  ['an edited checkpoint', 'checkpoints.jsonl', replace(2, '\\n4\\n', '\\n3\\n'), /^integrity checkpoints.jsonl:2 .*checkpoint at size 4/],
  [
    'a checkpoint filed elsewhere',
    'checkpoints.jsonl',
    replace(2, '"size":4', '"size":5'),
    /^integrity checkpoints.jsonl:2 .*filed under size 5/,
  ],
  ['checkpoints in another order', 'checkpoints.jsonl', swapped(2, 3), /^integrity checkpoints.jsonl:3 the line does not fit the others/],
  ['no checkpoints', 'checkpoints.jsonl', () => [], /^integrity checkpoints.jsonl:1 the last checkpoint covers 0 records/],
  [
    'a back-dated token',
    'tokens.jsonl',
    replace(1, '"at":"2026', '"at":"2025'),
    /^integrity tokens.jsonl:1 the token .* is filed under 2025/,
  ],
  ['a token over something else', 'tokens.jsonl', replace(1, '"size":9', '"size":8'), /^integrity tokens.jsonl:1 /],
  [
    'an edited payload',
    'payloads.jsonl',
    replace(2, 'collector', 'administrator'),
    /^integrity payloads.jsonl:2 the content is not what its id/,
  ],
  [
    'a payload of another record',
    'payloads.jsonl',
    replace(1, '"record":0', '"record":1'),
    /^integrity payloads.jsonl:- the payload of record 0 is missing/,
  ],
  ['a payload of no record', 'payloads.jsonl', replace(8, '"record":8', '"record":80'), /^integrity payloads.jsonl:8 /],
  [
    'another tree for a listing',
    'payloads.jsonl',
    replace(3, /"tree":\d+/, '"tree":1'),
    /^integrity trees.jsonl:1 the tree 1 lists trees, as payloads.jsonl says/,
  ],
  [
    'no tree for a listing',
    'payloads.jsonl',
    replace(3, /"tree":\d+/, '"tree":null'),
    /^integrity trees.jsonl:4 the tree 4 lists objects, as payloads.jsonl says/,
  ],
  ['a listing without its run', 'payloads.jsonl', without(2), /^integrity payloads.jsonl:/],
  ['a missing payload', 'payloads.jsonl', without(8), /^integrity payloads.jsonl:- the payload of record 8 is missing/],
  ['a payload twice', 'payloads.jsonl', twice(1), /^integrity payloads.jsonl:1 /],
  ['an edited object', 'objects.jsonl', replace(2, 'nginx', 'nginy'), /^integrity objects.jsonl:2 the content is not what its id/],
  ['an edited id', 'objects.jsonl', replace(2, /"id":"../, '"id":"zz'), /^input objects.jsonl:2 this is no line/],
  ['an exchanged object', 'objects.jsonl', forged(2), /^integrity trees.jsonl:2 tree 2 is not what its id says/],
  [
    'an object that is told to be erased',
    'objects.jsonl',
    replace(2, /"salt":.*/, '"erased":true,"cluster":"prod","run":1,"kind":"k8s.workloads/pods"}'),
    /^integrity objects.jsonl:2 object 2 .*no record says that it was erased/,
  ],
  [
    'an object of another kind',
    'objects.jsonl',
    replace(2, 'k8s.workloads/pods', 'k8s.rbac/roles'),
    /^integrity objects.jsonl:2 object 2 is filed under/,
  ],
  [
    'an object of another run',
    'objects.jsonl',
    replace(2, '"run":1', '"run":2'),
    /^integrity objects.jsonl:\d+ object \d+ is filed under another run/,
  ],
  [
    'an object of no run',
    'objects.jsonl',
    replace(2, '"run":1', '"run":9'),
    /^integrity objects.jsonl:2 no record plans the run 9 of prod/,
  ],
  [
    'an object that no run names',
    'objects.jsonl',
    (lines) => [...lines, (lines.at(-1) ?? '').replace(/"n":\d+/, '"n":500')],
    /^integrity objects.jsonl:60 objects 500 to 500 are named by no run/,
  ],
  ['a missing object', 'objects.jsonl', without(2), /^integrity objects.jsonl:- record 3: object 2 is missing/],
  ['an object with unescaped text', 'objects.jsonl', replace(1, '\\u202e', '\u202e'), /^input objects.jsonl:1 this is no line/],
  ['an object with white space', 'objects.jsonl', replace(2, '"n":2', '"n": 2'), /^input objects.jsonl:2 this is no line/],
  ['an object with another member', 'objects.jsonl', replace(2, '"n":2', '"n":2,"x":1'), /^input objects.jsonl:2 this is no line/],
  ['an object under a number as a text', 'objects.jsonl', replace(2, '"n":2', '"n":"2"'), /^input objects.jsonl:2 this is no line/],
  ['a number beyond all', 'objects.jsonl', replace(2, '"n":2', '"n":1e300'), /^input objects.jsonl:2 this is no line/],
  ['objects in another order', 'objects.jsonl', swapped(2, 3), /^integrity objects.jsonl:3 the line is out of order/],
  ['an edited label', 'trees.jsonl', replace(4, 'ns-1', 'ns-7'), /^integrity trees.jsonl:\d+ /],
  ['a tree on another base', 'trees.jsonl', replace(6, /"base":\d+/, '"base":1'), /^(integrity|input) trees.jsonl:6 /],
  ['a tree on itself', 'trees.jsonl', replace(6, /"base":\d+/, '"base":6'), /^integrity trees.jsonl:6 the ledger lacks tree 6/],
  [
    'more members than there are',
    'trees.jsonl',
    replace(6, /\[(\d+),(\d+)\]/, '[$1,9007199254740991]'),
    /^input trees.jsonl:6 the tree has members/,
  ],
  ['a tree of another run', 'trees.jsonl', replace(1, '"run":1', '"run":2'), /^integrity trees.jsonl:1 tree 1 is filed under another run/],
  [
    'a tree that lists other things',
    'trees.jsonl',
    replace(1, '"of":"objects"', '"of":"trees"'),
    /^integrity trees.jsonl:1 the tree 1 lists objects, as payloads.jsonl says/,
  ],
  ['a missing tree', 'trees.jsonl', without(1), /^integrity trees.jsonl:- record 3: the ledger lacks tree 1/],
  ['an edited catalog', 'catalogs.jsonl', replace(1, '[]', '[1]'), /^integrity catalogs.jsonl:1 the catalog [0-9a-f]+ is not what/],
  ['a missing catalog', 'catalogs.jsonl', () => [], /^integrity catalogs.jsonl:- the catalog [0-9a-f]+ is missing/],
  ['an edited cache', 'reuse.jsonl', replace(1, '"run":2', '"run":1'), /^integrity reuse.jsonl:1 what may be reused for prod/],
  [
    'a cache in other bytes',
    'reuse.jsonl',
    replace(1, /"bytes":"..../, '"bytes":"AAAA'),
    /^integrity reuse.jsonl:1 what may be reused for prod/,
  ],
  ['a cache that is not Base64', 'reuse.jsonl', replace(1, /"bytes":"..../, '"bytes":"A*AA'), /^input reuse.jsonl:1 this is no line/],
  ['no cache', 'reuse.jsonl', () => [], /^integrity reuse.jsonl:- what may be reused for/],
  [
    'other counts',
    'export.json',
    replace(6, '9', '8'),
    /^integrity export.json:6 this says "log.jsonl": 8, and the files hold "log.jsonl": 9/,
  ],
  [
    'another ledger',
    'export.json',
    replace(3, /"ledger": "[^"]*"/, '"ledger": "00000000-0000-4000-8000-000000000000"'),
    /^integrity export.json:3 /,
  ],
  ['a format of the future', 'export.json', replace(2, 'v1', 'v2'), /^integrity export.json:2 /],
  ['less of the description', 'export.json', (lines) => lines.slice(0, 4), /^integrity export.json:/],
];

describe('an import refuses', () => {
  it.each(changes)('%s (%s)', (_, file, change, message) => {
    expect(importChanged((directory) => edit(directory, file, change)).said).toMatch(message);
  });

  it.each(['README.md', 'nothing'])('nothing when %s was changed', (file) => {
    const { path, said } = importChanged((directory) => file === 'nothing' || writeFileSync(join(directory, file), 'other'));
    expect(said).toBe('done');
    expect(existsSync(path)).toBe(true);
  });

  it.each<[string, (path: string) => void, RegExp]>([
    ['a file that is missing', (path) => rmSync(path), /^input objects.jsonl:- .* is missing/],
    ['a directory', (path) => (rmSync(path), mkdirSync(path)), /^(input|unreachable) /],
    ['a named pipe', (path) => (rmSync(path), execFileSync('mkfifo', [path])), /^input objects.jsonl:- .* is no regular file/],
    ['a link in a circle', (path) => (rmSync(path), symlinkSync('objects.jsonl', path)), /^unreachable .*ELOOP/],
    ['what is cut off', (path) => writeFileSync(path, readFileSync(path).subarray(0, 900)), /^input objects.jsonl:\d the line has no end/],
    [
      'bytes that are no text',
      (path) => writeFileSync(path, Buffer.concat([Buffer.of(0xc3, 0x28, 10), readFileSync(path)])),
      /^input objects.jsonl:1 the line is not UTF-8/,
    ],
    ['zeros', (path) => writeFileSync(path, Buffer.alloc(5000)), /^input objects.jsonl:1 the line has no end/],
    ['an empty line', (path) => writeFileSync(path, `\n${readFileSync(path, 'utf8')}`), /^input objects.jsonl:1 this is no line/],
    [
      'a line without end',
      (path) => writeFileSync(path, Buffer.alloc(120 * 1024 * 1024, 0x61)),
      /^input objects.jsonl:1 the line is longer than/,
    ],
    ['depth', (path) => writeFileSync(path, `{"n":1,"object":${'['.repeat(100_000)}}\n`), /^input objects.jsonl:1 this is no line/],
  ])('%s in place of a file', (_, change, message) => {
    expect(importChanged((directory) => change(join(directory, 'objects.jsonl'))).said).toMatch(message);
  });

  it('to write over anything', () => {
    const path = temporaryPath();
    for (const taken of [path, `${path}-wal`, `${path}-journal`]) {
      writeFileSync(taken, 'mine');
      expect(() => importLedger(intact, path)).toThrow(/exists already/);
      expect(readFileSync(taken, 'utf8')).toBe('mine');
      rmSync(taken);
    }
    expect(() => importLedger(join(intact, 'log.jsonl'), path)).toThrow(/is no directory/);
    expect(() => importLedger(join(home, 'nowhere'), path)).toThrow(/is no directory/);
  });
});

describe('a random change of an export', () => {
  const mutation = record({
    file: constantFrom(...exportFiles),
    line: nat(40),
    at: nat(2000),
    how: oneof(
      tuple(constantFrom('set' as const), integer({ min: 0x20, max: 0x17f })),
      tuple(constantFrom('delete', 'double', 'swap', 'cut', 'digit', 'drop-line', 'double-line', 'swap-lines'), nat(0xffff)),
    ),
  });

  it('is named by file and line, or is none', () => {
    let refused = 0;
    const check = property(mutation, ({ file, line, at, how: [how, value] }) => {
      const mutate: Change = (lines) => {
        if (lines.length === 0) return lines;
        const index = line % lines.length;
        const text = lines[index] ?? '';
        const place = at % Math.max(1, text.length);
        const put = (from: number, to: number, middle: string) => lines.with(index, text.slice(0, from) + middle + text.slice(to));
        switch (how) {
          case 'set':
            return put(place, place + 1, String.fromCharCode(value));
          case 'delete':
            return put(place, place + 1 + (value % 8), '');
          case 'double':
            return put(place, place, text.slice(place, place + 1 + (value % 40)));
          case 'swap':
            return put(place, place + 2, `${text[place + 1] ?? ''}${text[place] ?? ''}`);
          case 'cut':
            return put(place, text.length, '');
          case 'digit':
            return lines.with(
              index,
              text.replaceAll(/\d+/g, (digits, where: number) => (where >= place ? String(value) : digits)),
            );
          case 'drop-line':
            return lines.toSpliced(index, 1);
          case 'double-line':
            return lines.toSpliced(index, 0, text);
          default:
            return lines.with(index, lines[value % lines.length] ?? '').with(value % lines.length, text);
        }
      };
      const { path, said } = importChanged((directory) => edit(directory, file, mutate));
      if (said !== 'done') {
        refused++;
        return /^(?:input|integrity) [a-z]+/.test(said);
      }
      const again = join(dirname(path), 'again');
      exportLedger(path, again);
      return exportFiles.every((each) => readFileSync(join(again, each)).equals(readFileSync(join(dirname(path), 'export', each))));
    });
    assert(check, { numRuns: 80 });
    expect(refused).toBeGreaterThan(50);
  });
});
