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

type Path = readonly (string | number)[];
/** What is proved of exhibits and of the judgement. */
const stands = ({ proved }: PackVerification) => proved.filter((line) => /exhibits?\b|assessment/.test(line));
const every =
  '2 exhibits of 5 items: every id is the one computed anew, from 4 objects that are shown up to the records of the runs, and every inclusion proof holds';
const tied = (what: string) =>
  `2 exhibits, in part shown with pseudonyms: ids computed anew tie ${what} to the records of the runs, and every inclusion proof holds`;
const judged =
  'the assessment of run 2 is the one that the log recorded, by the enclosed catalog and parameters: 2 controls on 1 listing and 2 objects, all of which the exhibits show';
const logged = 'the log recorded an assessment of run 2 under the id in the pack, by the enclosed catalog and parameters: 1 fail, 1 pass';

beforeAll(async () => {
  given = await givenPack();
});
afterAll(() => given.close());

describe('a pack with pseudonyms', () => {
  it('of which nothing shows a name is proved as any other', async () => {
    const result = await verified(await made({}));
    expect(result).toMatchObject({ ok: true, problems: [] });
    expect(said(result)).toEqual([]);
    expect(result.proved.join('\n')).toContain('from 4 objects that are shown up to the records of the runs');
  });

  it.each<[string, Readonly<Record<string, string>>, readonly RegExp[], readonly string[]]>([
    [
      'an object',
      { nginx: 'person-1' },
      [/^what 4 objects of 2 exhibits say, which are shown with pseudonyms/, /^what the parameters say: they are shown with pseudonyms/],
      [
        tied('5 items and what 0 objects say'),
        'the assessment of run 2 is the one that the log recorded, by the enclosed catalog: 2 controls on 1 listing and 2 objects, all of which the exhibits name',
      ],
    ],
    [
      'a namespace',
      { batch: 'person-2' },
      [
        /^what 2 objects of 2 exhibits say, which are shown with pseudonyms: the ids of 0 are tied to the log, and/,
        /^which items 2 lists of exhibits held/,
        /^what the assessment says: it is shown with pseudonyms, and the signer may have changed anything in it: which control has which outcome/,
        /^what 1 request or approval of exceptions says: it is shown with pseudonyms/,
      ],
      [tied('0 items and what 0 objects say'), logged],
    ],
    [
      'the run',
      { 'audit:collector': 'person-3' },
      [/^that the listings of 2 exhibits, with their items and objects, are those of the runs that the log recorded, because/],
      [tied('0 items and what 0 objects say'), judged],
    ],
    [
      'a request',
      { Alice: 'person-4', Bob: 'person-5' },
      [/^what 2 requests and approvals of exceptions say: they are shown with pseudonyms/],
      [every, judged],
    ],
  ])('in %s says so, and what is proved all the same', async (_, words, expected, proved) => {
    const result = await verified(await made(words));
    expect(result).toMatchObject({ ok: true, problems: [] });
    const lines = said(result);
    for (const pattern of expected) expect(lines).toContainEqual(expect.stringMatching(pattern));
    expect(lines).toHaveLength(expected.length);
    expect(stands(result)).toEqual(proved);
    const shown = [...(await made(words))].filter(([name]) => /^(?:evidence|assessments)\//.test(name));
    expect(shown.map(([, bytes]) => Buffer.from(bytes).toString()).join('\n')).not.toContain(Object.keys(words)[0]);
  });

  it('in the catalog says so', async () => {
    const catalog = JSON.parse(Buffer.from(given.inputs.catalog.bytes).toString()) as object;
    const result = await verified(await made({}, canonicalBytes({ ...catalog, pseudonymised: 1 })));
    expect(result).toMatchObject({ ok: true, problems: [] });
    expect(said(result)).toEqual([expect.stringMatching(/^what the catalog says: .* also of controls that ship$/)]);
    expect(stands(result)).toEqual([every, judged.replace('catalog and ', '')]);
  });
});

describe('what a signer can make up where one name is said to be hidden', () => {
  /** The part loses its salt, and its id is the one that the part above names. */
  const hide = (files: Files, file: string, path: Path) => {
    edit(files, file, [...path, 'salt'], undefined);
    edit(files, file, [...path, 'pseudonymised'], 1);
  };
  const announce = (files: Files) =>
    reseal(files, given.signer, (manifest) => {
      manifest.format = 'kubevidence/manifest/v2';
      manifest.pseudonyms = { key: '00112233445566ff' };
    });
  const name = 'evidence/EX-0001.json';
  const read = (files: Files, file: string): unknown => JSON.parse(Buffer.from(files.get(file) ?? []).toString());

  it.each<[string, Path, string, RegExp]>([
    ['run', ['runPayload'], '3 items and what 2 objects say', /^that the listings of 1 exhibit, with their items and objects,/],
    ['listing', ['listingPayload'], '3 items and what 2 objects say', /^how 1 listing was read, which items it held and what/],
    ['tree', ['tree'], '3 items and what 2 objects say', /^which items 1 list of exhibits held, and what the objects in it say/],
    ['list', ['namespaces', 0], '4 items and what 3 objects say', /^which items 1 list of exhibits held, and what the objects in it say/],
  ])('below a %s counts for nothing that is proved', async (_, path, what, gap) => {
    const files = new Map(given.files);
    const idOf = (...of: Path): unknown => of.reduce((value, key) => Reflect.get(value as object, key) as unknown, read(files, name));
    const steps: [Path, Path, () => unknown][] = [
      [['objects', 0], ['metadata', 'name'], () => 'friday'],
      [['namespaces', 0], [0], () => idOf('objects', 0, 'id')],
      [['tree'], [0, 1], () => idOf('namespaces', 0, 'id')],
      [['listingPayload'], ['objects'], () => idOf('tree', 'id')],
      [['runPayload'], ['listings', 'k8s.workloads/pods'], () => idOf('listingPayload', 'id')],
    ];
    const last = steps.findIndex(([part]) => part.join() === path.join());
    // All that is below is made anew, with ids that fit.
    for (const [n, [part, place, value]] of steps.slice(0, last + 1).entries())
      edit(files, name, [...part, 'value', ...place], value(), n < last ? part : undefined);
    hide(files, name, path);
    const result = await verified(await announce(files));
    expect(result).toMatchObject({ ok: true, problems: [] });
    expect(stands(result)[0]).toBe(tied(what));
    expect(said(result)).toEqual([expect.stringMatching(gap)]);
  });

  it('as items: what is said of further ones speaks only of those that are tied to the log', async () => {
    const files = new Map(given.files);
    edit(files, name, ['objects'], []);
    edit(
      files,
      name,
      ['namespaces', 0, 'value'],
      ['ab', 'cd', 'ef'].map((each) => each.repeat(32)),
      ['namespaces', 0],
    );
    edit(files, name, ['namespaces'], [Reflect.get(Reflect.get(read(files, name) as object, 'namespaces') as object, 0)]);
    const { id, namespace } = (Reflect.get(read(files, name) as object, 'namespaces') as { id: string; namespace: string }[])[0] ?? {};
    edit(files, name, ['tree', 'value'], [[namespace, id]], ['tree']);
    edit(
      files,
      name,
      ['listingPayload', 'value', 'objects'],
      Reflect.get(Reflect.get(read(files, name) as object, 'tree') as object, 'id'),
    );
    edit(files, name, ['listingPayload', 'value', 'listing', 'items'], 3);
    hide(files, name, ['listingPayload']);
    const result = await verified(await announce(files));
    expect(result).toMatchObject({ ok: true, problems: [] });
    expect(result.notProved.filter((line) => line.includes('further item'))).toEqual([
      'the content of 1 further item, which no finding of the enclosed assessment cites: the pack holds the ids, the ledger the rest',
    ]);
  });

  it('in a judgement: outcomes are traded, findings thrown away, and rules changed', async () => {
    const files = new Map(given.files);
    const assessment = 'assessments/run-2.json';
    for (const [n, outcome] of ['pass', 'fail'].entries()) edit(files, assessment, ['value', 'controls', n, 'outcome'], outcome);
    edit(files, assessment, ['value', 'controls', 0, 'findings'], []);
    edit(files, 'assessments/exceptions.json', ['exceptions'], []);
    hide(files, assessment, []);
    edit(files, 'controls/catalog.json', ['controls', 0, 'expect'], 'true');
    edit(files, 'controls/catalog.json', ['pseudonymised'], 1);
    const result = await verified(await announce(files));
    expect(result).toMatchObject({ ok: true, problems: [] });
    expect(stands(result)).toEqual([every, logged.replace('catalog and ', '')]);
    expect(said(result)).toEqual([expect.stringMatching(/^what the assessment says: /), expect.stringMatching(/^what the catalog says: /)]);
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
