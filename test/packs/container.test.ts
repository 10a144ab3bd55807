import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { KubevidenceError } from '../../src/model/index.ts';
import { verifyPack, writeZip } from '../../src/packs/index.ts';
import { openPackFiles } from '../../src/packs/pack-files.ts';
import { hasCommand, run } from '../signing/fixtures.ts';
import { type RawEntry, type RawZip, rawZip } from './raw-zip.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'container-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const text = (value: string) => Buffer.from(value);
const plain: readonly RawEntry[] = [
  { name: 'a/one.json', content: text('{"a":"aaaaaaaaaaaaaaaaaaaa"}') },
  { name: 'two.txt', content: text('zwei, mit Ümläuten\n') },
];

function write(bytes: Uint8Array): string {
  const path = join(folder, 'pack.zip');
  writeFileSync(path, bytes);
  return path;
}

function readAll(bytes: Uint8Array): Record<string, string> {
  const files = openPackFiles(write(bytes));
  try {
    return Object.fromEntries(files.names.map((name) => [name, Buffer.from(files.read(name)).toString()]));
  } finally {
    files.close();
  }
}

/** The code of the error, or null when everything could be read. */
function failureOf(bytes: Uint8Array): string | null {
  try {
    readAll(bytes);
    return null;
  } catch (error) {
    return error instanceof KubevidenceError ? error.code : 'unexpected';
  }
}

describe('zip', () => {
  const whole = () => writeZip(new Map(plain.map(({ name, content }) => [name, content])));

  it('is written sorted, whatever the order of the files', async () => {
    const turned = await writeZip(new Map(plain.toReversed().map(({ name, content }) => [name, content])));
    expect(turned).toEqual(await whole());
  });

  it('holds what was put in', async () => {
    expect(readAll(await whole())).toEqual(Object.fromEntries(plain.map(({ name, content }) => [name, content.toString()])));
  });

  it('is what the raw zip of these tests is without a lie', async () => {
    expect(Buffer.from(rawZip(plain)).equals(await whole())).toBe(true);
  });

  it('takes no flipped bit, wherever', async () => {
    const zip = await whole();
    const accepted: string[] = [];
    for (let position = 0; position < zip.length; position += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        const copy = Buffer.from(zip);
        copy[position] = (copy[position] ?? 0) ^ (1 << bit);
        if (failureOf(copy) !== 'integrity') accepted.push(`${position}.${bit}`);
      }
    }
    expect(accepted).toEqual([]);
  });

  it('takes no length but its own', async () => {
    const zip = await whole();
    for (let length = 0; length < zip.length; length += 1) expect(() => readAll(zip.subarray(0, length)), `${length}`).toThrow(/zip/);
  });

  it.skipIf(!hasCommand('unzip'))('opens with unzip', async () => {
    expect(run('unzip', ['-t', write(await whole())]).output).toContain('No errors detected');
  });

  const [one, two] = plain as [RawEntry, RawEntry];
  const bomb = deflateRawSync(Buffer.alloc(20_000_000));
  it.each<[string, readonly RawEntry[], RawZip, RegExp]>([
    ['two entries of one name', [one, one], {}, /two files of one name/],
    ['names that differ in case', [one, { ...one, name: 'A/ONE.json' }], {}, /two files of one name/],
    [
      'names that differ in Unicode form',
      [
        { ...one, name: 'é.json' },
        { ...one, name: 'e\u0301.json' },
      ],
      {},
      /two files of one name/,
    ],
    ['a name that leads out', [{ ...one, name: '../one.json' }], {}, /unusable name/],
    ['a name that leads out further in', [{ ...one, name: 'a/../../one.json' }], {}, /unusable name/],
    ['an absolute name', [{ ...one, name: '/etc/one.json' }], {}, /unusable name/],
    ['a drive', [{ ...one, name: 'c:one.json' }], {}, /unusable name/],
    ['a backslash', [{ ...one, name: 'a\\one.json' }], {}, /unusable name/],
    ...['a/one.json.', 'a/one.json ', 'a. /one.json', 'a/one.json::$DATA', 'one"', 'a/o*e'].map(
      (name): [string, typeof plain, object, RegExp] => [
        `what another system takes for another name: ${name}`,
        [{ ...one, name }],
        {},
        /unusable name/,
      ],
    ),
    ['a control character', [{ ...one, name: 'one\u001b[2J.json' }], {}, /unusable name: one\\u\{1b\}/],
    ['an empty part', [{ ...one, name: 'a//one.json' }], {}, /unusable name/],
    ['a directory', [{ ...one, name: 'a/', content: text('') }], {}, /unusable name/],
    ['an empty name', [{ ...one, name: '' }], {}, /unusable name/],
    ['a symbolic link', [{ ...one, mode: 0o120777 }], {}, /no plain file/],
    ['another mode', [{ ...one, mode: 0o100755 }], {}, /no plain file/],
    ['a local header with another name', [{ ...one, local: { name: 'a/owe.json' } }], {}, /two headers .* disagree/],
    ['a local header with another size', [{ ...one, local: { size: 1 } }], {}, /two headers .* disagree/],
    ['a local header with another checksum', [{ ...one, local: { crc: 1 } }], {}, /two headers .* disagree/],
    ['a compressed file', [{ ...one, method: 8, stored: deflateRawSync(one.content) }], {}, /form that packs do not use/],
    ['a file that inflates beyond its size', [{ ...one, method: 8, stored: bomb, size: 10 }], {}, /form that packs do not use/],
    ['a stored file larger than it says', [{ ...one, stored: text('more than it says, and more'), size: 5 }], {}, /impossible sizes/],
    ['encryption', [{ ...one, flags: 0x0801 }], {}, /form that packs do not use/],
    ['a data descriptor', [{ ...one, flags: 0x0808 }], {}, /form that packs do not use/],
    ['extra fields', [{ ...one, extra: Buffer.alloc(8) }], {}, /extra fields/],
    ['a comment of a file', [{ ...one, comment: 'hello' }], {}, /extra fields or comments/],
    ['a comment', plain, { comment: 'hello' }, /does not end with its directory/],
    ['bytes before', plain, { before: text('#!/bin/sh\n') }, /bytes in the zip before/],
    ['bytes after', plain, { after: text('PK') }, /does not end with its directory/],
    ['bytes between files', [one, { ...two, gap: text('x') }], {}, /bytes in the zip before two.txt/],
    ['bytes before the directory', plain, { between: text('x') }, /bytes in the zip after/],
    ['a wrong count', plain, { count: 1 }, /lists 2 files and says 1/],
  ])('refuses %s', async (_, entries, zip, message) => {
    const bytes = rawZip(entries, zip);
    expect(() => readAll(bytes)).toThrow(message);
    expect(await verifyPack(write(bytes))).toMatchObject({ ok: false, signer: null, problems: [expect.stringMatching(message)] });
  });

  test('any bytes give problems, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        expect(await verifyPack(write(bytes))).toMatchObject({ ok: false, signer: null });
      }),
    );
  });
});

describe('directory', () => {
  const directory = (name: string, make: (path: string) => unknown): string => {
    const path = join(folder, name);
    mkdirSync(path);
    make(path);
    return path;
  };

  it('is read without its empty directories', () => {
    const path = directory('plain', (root) => {
      mkdirSync(join(root, 'a', 'empty'), { recursive: true });
      writeFileSync(join(root, 'a', 'one.json'), '1');
      writeFileSync(join(root, 'two'), '2');
    });
    const files = openPackFiles(path);
    expect(files.names).toEqual(['a/one.json', 'two']);
    expect(Buffer.from(files.read('a/one.json')).toString()).toBe('1');
  });

  it.each<[string, (root: string) => unknown, RegExp]>([
    ['a link to a file', (root) => symlinkSync('/etc/hostname', join(root, 'one.json')), /one.json is neither a file nor a directory/],
    ['a link to a directory', (root) => symlinkSync('/etc', join(root, 'evidence')), /evidence is neither a file nor a directory/],
    ['a link to nothing', (root) => symlinkSync('/does/not/exist', join(root, 'x')), /x is neither/],
    ['a backslash', (root) => writeFileSync(join(root, 'a\\b'), ''), /unusable name/],
    ['a control character', (root) => writeFileSync(join(root, 'a\nb'), ''), /unusable name: a\\u\{a\}b/],
    [
      'names that differ in case',
      (root) => [writeFileSync(join(root, 'A'), ''), writeFileSync(join(root, 'a'), '')],
      /two files of one name/,
    ],
  ])('refuses %s', async (name, make, message) => {
    const path = directory(`with ${name}`, make);
    expect(() => openPackFiles(path)).toThrow(message);
    expect((await verifyPack(path)).problems).toEqual([expect.stringMatching(message)]);
  });
});

describe('what is no pack', () => {
  it('is wrong usage when it is not there, and no problem of integrity', async () => {
    await expect(verifyPack(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'usage' });
    await expect(verifyPack('/dev/null')).rejects.toMatchObject({ code: 'usage' });
  });

  it('is wrong usage when the trusted key is none', async () => {
    for (const trust of [
      '',
      'abc',
      'ab'.repeat(31),
      '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
      '-----BEGIN PUBLIC KEY-----\n',
    ])
      await expect(verifyPack(folder, { trust })).rejects.toMatchObject({ code: 'usage' });
  });

  it('lacks a manifest', async () => {
    const path = join(folder, 'empty');
    mkdirSync(path);
    expect(await verifyPack(path)).toMatchObject({
      ok: false,
      headline: 'does NOT hold: one problem',
      problems: [expect.stringMatching(/no manifest.json/)],
    });
  });
});
