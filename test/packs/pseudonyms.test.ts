/** Packs that show names as pseudonyms, made by the packer alone: what a signer may leave unproved, and what nobody may. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canonicalBytes, isObject, type Json } from '../../src/model/index.ts';
import { createPack, type PackVerification, type Pseudonymise, verifyPack } from '../../src/packs/index.ts';
import { edit, type Files, type Given, givenPack, reseal, unpack } from './given.ts';

/** Replaces words in every text. */
function replacing(words: Readonly<Record<string, string>>): Pseudonymise {
  return (value) => {
    let replaced = 0;
    const walk = (each: Json): Json => {
      if (typeof each === 'string')
        return Object.entries(words).reduce(
          (text, [word, by]) => (text.includes(word) ? ((replaced += 1), text.replaceAll(word, by)) : text),
          each,
        );
      if (Array.isArray(each)) return (each as readonly Json[]).map(walk);
      return isObject(each) ? Object.fromEntries(Object.entries(each).map(([key, member]) => [key, walk(member ?? null)])) : each;
    };
    const shown = walk(value);
    return { value: shown, replaced };
  };
}

let given: Given;
const made = (words: Readonly<Record<string, string>>, catalog = given.inputs.catalog.bytes) =>
  createPack({ ...given.inputs, pseudonyms: { key: '00112233445566ff', replace: replacing(words), catalog } });
async function verified(files: Files): Promise<PackVerification> {
  const path = join(given.folder, 'pack');
  rmSync(path, { recursive: true, force: true });
  return verifyPack(unpack(files, path), { trust: given.signer.fingerprint });
}
const said = ({ notProved }: PackVerification) => notProved.filter((line) => line.includes('pseudonym'));

beforeAll(async () => {
  given = await givenPack();
});
afterAll(() => given.close());

describe('a pack with pseudonyms', () => {
  it('of which nothing shows a name is proved as any other', async () => {
    const result = await verified(await made({}));
    expect(result).toMatchObject({ ok: true, problems: [] });
    expect(said(result)).toEqual([]);
    expect(result.proved.join('\n')).toContain('from 4 cited objects up to the records of the runs');
  });

  it.each<[string, Readonly<Record<string, string>>, readonly RegExp[]]>([
    [
      'an object',
      { nginx: 'person-1' },
      [/^what 4 objects of 2 exhibits say, which are shown with pseudonyms/, /^that the log recorded, word for word, the parameters:/],
    ],
    [
      'a namespace',
      { batch: 'person-2' },
      [
        /^what 2 objects of 2 exhibits say/,
        /^which items 2 lists of exhibits held/,
        /^that the log recorded, word for word, the assessment:/,
        /^that the log recorded, word for word, 1 request or approval of exceptions:/,
      ],
    ],
    [
      'the run',
      { 'audit:collector': 'person-3' },
      [/^that the listings of 2 exhibits are those of the runs that the log recorded, because/],
    ],
    [
      'a request',
      { Alice: 'person-4', Bob: 'person-5' },
      [/^that the log recorded, word for word, 2 requests and approvals of exceptions:/],
    ],
  ])('in %s says so, and what is proved all the same', async (_, words, expected) => {
    const result = await verified(await made(words));
    expect(result).toMatchObject({ ok: true, problems: [] });
    const lines = said(result);
    for (const pattern of expected) expect(lines).toContainEqual(expect.stringMatching(pattern));
    expect(lines).toHaveLength(expected.length);
    const shown = [...(await made(words))].filter(([name]) => /^(?:evidence|assessments)\//.test(name));
    expect(shown.map(([, bytes]) => Buffer.from(bytes).toString()).join('\n')).not.toContain(Object.keys(words)[0]);
  });

  it('in the catalog says so', async () => {
    const catalog = JSON.parse(Buffer.from(given.inputs.catalog.bytes).toString()) as object;
    const result = await verified(await made({}, canonicalBytes({ ...catalog, pseudonymised: 1 })));
    expect(result).toMatchObject({ ok: true, problems: [] });
    expect(said(result)).toEqual([expect.stringMatching(/^that the log recorded, word for word, the catalog's own controls:/)]);
  });
});

describe('a signer cannot', () => {
  const names = { nginx: 'person-1' };
  it.each<[string, (files: Files) => void, RegExp]>([
    [
      'show an object under an id that no list holds',
      (files) => edit(files, 'evidence/EX-0001.json', ['objects', 0, 'id'], 'ab'.repeat(32)),
      /the object abab.* is in no tree/,
    ],
    [
      'show a run under another id than the record names',
      (files) =>
        edit(files, 'evidence/EX-0001.json', ['runPayload'], {
          id: 'ab'.repeat(32),
          pseudonymised: 1,
          value: { identity: { name: 'prod', uid: '11111111-2222-4333-8444-555555555555' }, listings: {} },
        }),
      /names another payload of the run/,
    ],
    [
      'say that no name was replaced',
      (files) => edit(files, 'evidence/EX-0001.json', ['objects', 0, 'pseudonymised'], 0),
      /not in the form of an exhibit/,
    ],
    [
      'show a salt that does not fit',
      (files) => edit(files, 'evidence/EX-0001.json', ['objects', 0], { id: 'ab'.repeat(32), salt: '00'.repeat(16), value: {} }),
      /is not what its id says/,
    ],
    [
      'show both',
      (files) => edit(files, 'evidence/EX-0001.json', ['objects', 0, 'salt'], '00'.repeat(16)),
      /not in the form of an exhibit/,
    ],
  ])('%s', async (_, change, problem) => {
    const files = await made(names);
    change(files);
    const { ok, problems } = await verified(await reseal(files, given.signer));
    expect(ok).toBe(false);
    expect(problems.join('\n')).toMatch(problem);
  });

  it('show pseudonyms without saying so in the manifest', async () => {
    const files = await reseal(await made({ ...names, Alice: 'person-4' }), given.signer, (manifest) => {
      manifest.format = 'kubevidence/manifest/v1';
      Reflect.deleteProperty(manifest, 'pseudonyms');
    });
    const { ok, problems } = await verified(files);
    expect(ok).toBe(false);
    expect(problems).toEqual([
      'evidence/EX-0001.json is shown with pseudonyms, and the manifest does not say that the pack shows any',
      'evidence/EX-0002.json is shown with pseudonyms, and the manifest does not say that the pack shows any',
      'the judgement is shown with pseudonyms, and the manifest does not say that the pack shows any',
    ]);
  });

  it('put other outcomes into an assessment with pseudonyms', async () => {
    const files = await made({ 'an image': 'person-6' });
    edit(files, 'assessments/run-2.json', ['value', 'controls', 0, 'outcome'], 'pass');
    const { ok, problems } = await verified(await reseal(files, given.signer));
    expect({ ok, problems }).toEqual({ ok: false, problems: ['the outcomes that the log counted are not those of the assessment'] });
  });
});
