import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { createPack, type PackVerification, verifyPack, writeZip } from '../../src/packs/index.ts';
import { signDetached } from '../../src/signing/index.ts';
import { anyFlip, flip, newSigner } from '../signing/fixtures.ts';
import { type Files, type Given, givenPack, unpack } from './given.ts';

let given: Given;
let other: Awaited<ReturnType<typeof newSigner>>['signer'];
beforeAll(async () => {
  given = await givenPack();
  ({ signer: other } = await newSigner());
});
afterAll(() => given.close());

async function verified(files: Files, trust?: string): Promise<PackVerification> {
  const path = join(given.folder, 'pack');
  rmSync(path, { recursive: true, force: true });
  return verifyPack(unpack(files, path), { trust });
}

function changed(name: string, to: Uint8Array): Files {
  return new Map(given.files).set(name, to);
}

const read = (name: string): Buffer => Buffer.from(given.files.get(name) ?? []);
const names = () => [...given.files.keys()];

describe('a flipped bit', () => {
  it('in any file of a directory is a problem that names the file', async () => {
    const path = unpack(given.files, join(given.folder, 'flipped'));
    for (const name of names()) {
      const bytes = read(name);
      const positions = new Set([0, 1, bytes.length >> 2, bytes.length >> 1, bytes.length - 2, bytes.length - 1]);
      for (const position of positions) {
        writeFileSync(join(path, name), flip(bytes, position, position % 8));
        const { ok, signer, problems } = await verifyPack(path);
        expect(ok, `${name} ${position}`).toBe(false);
        // Whatever is not listed is the manifest itself, or its signature.
        const listed = !name.startsWith('manifest.');
        expect(signer === null, name).toBe(!listed);
        expect(problems.includes(`${name} was changed: its SHA-256 is not the one in the manifest`), name).toBe(listed);
      }
      writeFileSync(join(path, name), bytes);
    }
    expect((await verifyPack(path)).ok).toBe(true);
  });

  it('anywhere in the zip is a problem', async () => {
    const zip = await writeZip(given.files);
    const path = join(given.folder, 'flipped.zip');
    await fc.assert(
      fc.asyncProperty(anyFlip(zip.length), async ({ position, bit }) => {
        writeFileSync(path, flip(zip, position, bit));
        expect(await verifyPack(path)).toMatchObject({ ok: false, known: false });
      }),
      { numRuns: 300 },
    );
  });
});

describe('files', () => {
  it('that are missing', async () => {
    for (const name of names()) {
      const files = new Map(given.files);
      files.delete(name);
      const { ok, problems } = await verified(files);
      expect(ok, name).toBe(false);
      expect(problems.join('\n'), name).toMatch(new RegExp(`${name.replaceAll('.', '\\.')}.*(?:missing|taken apart)`));
    }
  });

  it.each([
    'notes.txt',
    'manifest.json.tsr',
    'manifest.json.dsse.json',
    'report.pdf.tsr',
    'evidence/EX-0003.json',
    '.hidden',
    'Manifest.txt',
  ])('that were added: %s', async (name) => {
    const { ok, problems } = await verified(changed(name, Buffer.from('x')));
    expect(ok).toBe(false);
    expect(problems).toContain(`${name} is in the pack, and the manifest does not list it`);
  });

  it('may be joined by an empty directory', async () => {
    const path = join(given.folder, 'with-empty');
    unpack(given.files, path);
    mkdirSync(join(path, 'evidence', 'empty'));
    expect((await verifyPack(path)).ok).toBe(true);
  });

  it('whose line ends another system changed', async () => {
    for (const name of names().filter((each) => !/\.(?:pdf|xlsx|p7s)$/.test(each))) {
      const text = read(name).toString();
      if (!text.includes('\n')) continue;
      expect((await verified(changed(name, Buffer.from(text.replaceAll('\n', '\r\n'))))).ok, name).toBe(false);
    }
  });

  it('that took the place of each other', async () => {
    const files = changed('evidence/EX-0001.json', read('evidence/EX-0002.json')).set(
      'evidence/EX-0002.json',
      read('evidence/EX-0001.json'),
    );
    expect((await verified(files)).ok).toBe(false);
  });

  test('no more than a person can read is said of them', async () => {
    const files = new Map(given.files);
    for (let n = 0; n < 500; n += 1) files.set(`more/${n}`, Buffer.from('x'));
    const { problems, proved } = await verified(files);
    expect(problems).toHaveLength(200);
    expect(proved.join('\n')).not.toContain('none was added');
    files.set('keys/log-key.pem', Buffer.from('x'));
    expect((await verified(files)).proved.join('\n')).not.toContain('is signed by the log');
  });
});

describe('an exchanged key', () => {
  it('that signed the manifest alone', async () => {
    const { ok, problems } = await verified(changed('manifest.json.p7s', await signDetached(read('manifest.json'), other)));
    expect(ok).toBe(false);
    expect(problems).toContain('the manifest names another signing key than the one that signed it');
  });

  it('that signed everything anew is not the one that the log is bound to', async () => {
    const { ok, problems } = await verified(await createPack({ ...given.inputs, signer: other }));
    expect(ok).toBe(false);
    expect(problems).toEqual([`no record of the log binds its key to the signing key ${other.fingerprint}`]);
  });

  it('with a log of its own is consistent, and only trust can tell', async () => {
    const forged = await givenPack();
    try {
      const { fingerprint } = forged.signer;
      expect(await verified(forged.files)).toMatchObject({
        ok: true,
        known: false,
        headline: `consistent; signer ${fingerprint} is not known to you`,
      });
      const { ok, known, problems } = await verified(forged.files, given.signer.fingerprint);
      expect({ ok, known }).toEqual({ ok: false, known: false });
      expect(problems).toEqual([`the pack is signed by ${fingerprint}, which is not the key that you trust (${given.signer.fingerprint})`]);
    } finally {
      forged.close();
    }
  });
});
