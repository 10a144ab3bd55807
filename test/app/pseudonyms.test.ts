/** Pseudonyms: the same for the same name, unlike for unlike ones, and put wherever a name stands for itself. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { keyIdOf, readPseudonymKey } from '../../src/app/keys/pseudonym-key.ts';
import { documentWords } from '../../src/app/pack/document-words.ts';
import { createNameMatcher } from '../../src/app/pack/name-matcher.ts';
import { createNameFinder, type NameClass, type NameScope } from '../../src/app/pack/personal-names.ts';
import { createPseudonyms, type PseudonymOptions } from '../../src/app/pack/pseudonyms.ts';
import { clip, type Json } from '../../src/model/index.ts';

const scope: NameScope = { users: true, groups: true, collector: true, people: true, annotations: ['example.com/owner', 'team/*'] };
const key = Buffer.alloc(32, 7);

function pseudonymsOf(names: readonly (string | readonly [string, NameClass])[], more: Partial<PseudonymOptions> = {}) {
  const given = new Map<string, NameClass>(names.map((each) => (typeof each === 'string' ? [each, 'person'] : each)));
  return createPseudonyms(given, { key, cluster: 'prod', scope, words: '', ...more });
}

const told = (text: string, names: readonly string[], words = '') => {
  const { all, replace } = pseudonymsOf(names, { words });
  const { value } = replace(text);
  return all
    .entries()
    .reduce((shown, [name, pseudonym]) => shown.replaceAll(pseudonym, `<${name}>`), typeof value === 'string' ? value : '');
};

describe('a pseudonym', () => {
  it('is the same for the same name, key and cluster, whatever else is in the pack', () => {
    const one = pseudonymsOf(['alice']).all.get('alice');
    expect(one).toMatch(/^person-[0-9a-hjkmnp-tv-z]{10}$/);
    expect(pseudonymsOf(['bob', 'alice', 'Alice']).all.get('alice')).toBe(one);
    expect(pseudonymsOf(['alice'], { cluster: 'test' }).all.get('alice')).not.toBe(one);
    expect(pseudonymsOf(['alice'], { key: Buffer.alloc(32, 8) }).all.get('alice')).not.toBe(one);
    // Written in another Unicode form it is the same name.
    const { all } = pseudonymsOf(['Jose\u0301', 'Jos\u00e9']);
    expect(all.get('Jose\u0301')).toBe(all.get('Jos\u00e9'));
    expect(pseudonymsOf([['ops', 'group']]).all.get('ops')).toMatch(/^group-/);
  });

  it('is another one for another name, however short it is made', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(
          fc.string({ minLength: 1 }).map((name) => name.normalize('NFC')),
          { maxLength: 60 },
        ),
        (names) => {
          const { all } = pseudonymsOf(names, { shortest: 1 });
          expect(new Set(all.values()).size).toBe(names.length);
          // None is the beginning of another, so that cutting one off does not make it another.
          const list = [...all.values()].sort();
          expect(list.some((each, n) => n > 0 && each.startsWith(list[n - 1] ?? ''))).toBe(false);
        },
      ),
    );
  });

  it('is longer where two begin alike, in any order of names', () => {
    const names = Array.from({ length: 40 }, (_, n) => `user-${n}`);
    const forwards = pseudonymsOf(names, { shortest: 1 }).all;
    const backwards = pseudonymsOf(names.toReversed(), { shortest: 1 }).all;
    expect(backwards).toEqual(forwards);
    for (const [name, whole] of pseudonymsOf(names).all) expect(whole.startsWith(forwards.get(name) ?? 'x')).toBe(true);
  });

  it('tells of its key which one it is, and nothing else', () => {
    expect(keyIdOf(key)).toMatch(/^[0-9a-f]{16}$/);
    expect(keyIdOf(Buffer.alloc(32, 8))).not.toBe(keyIdOf(key));
  });
});

describe('a name in a text', () => {
  it.each<[string, string, readonly string[], string]>([
    ['alone', 'alice', ['alice'], '<alice>'],
    ['among others', 'User/alice|RoleBinding/shop/alice-admin|x', ['alice'], 'User/<alice>|RoleBinding/shop/<alice>-admin|x'],
    ['in another case', 'asked ALICE, Alice', ['alice'], 'asked <alice>, <alice>'],
    ['the longest', 'bob alice@x.example', ['alice', 'alice@x.example'], 'bob <alice@x.example>'],
    ['not inside a word', 'malice, alice2, chalice', ['alice'], 'malice, alice2, chalice'],
    ['written exactly like this', 'Alice alice ALICE', ['Alice', 'alice'], '<Alice> <alice> <Alice>'],
    ['encoded in a key', 'User/a%7Cb%25c|x', ['a|b%c'], 'User/<a|b%c>|x'],
    ['encoded in a URL', '/users/al%20ice%40x', ['al ice@x'], '/users/<al ice@x>'],
    ['as JSON', '{"reason":"by\\nalice and \\u0007alice, a\\"b"}', ['alice', 'a"b'], '{"reason":"by\\n<alice> and \\u0007<alice>, <a"b>"}'],
    ['made visible', 'x a\\u{202e}b y', ['a\u202eb'], 'x <a\u202eb> y'],
    ['with punctuation at its ends', '(@bob!) @bob!x', ['@bob!'], '(<@bob!>) <@bob!>x'],
    ['of another script', 'Привет, Анна. Анной', ['Анна'], 'Привет, <Анна>. Анной'],
    ['that is longer in lower case', 'User/İpek@x|y, İPEK@X', ['İpek@x'], 'User/<İpek@x>|y, <İpek@x>'],
    ['with a letter that depends on the next', 'by ΝΙΚΟΣ.Α, νικος.α', ['ΝΙΚΟΣ.Α'], 'by <ΝΙΚΟΣ.Α>, <ΝΙΚΟΣ.Α>'],
    ['in the other form of Unicode', 'by jose\u0301', ['jos\u00e9'], 'by <jos\u00e9>'],
    ['of two syllables', 'by 王芳, 王芳-edit', ['王芳'], 'by <王芳>, <王芳>-edit'],
    ['encoded in a key and made visible', 'User/a\\u{202e}b%7Cc|x', ['a\u202eb|c'], 'User/<a\u202eb|c>|x'],
    ['as JSON and made visible', '["User/a\\"\\u{202e}b"]', ['a"\u202eb'], '["User/<a"\u202eb>"]'],
    ['beside an emoji', '👩alice👩', ['alice'], '👩<alice>👩'],
  ])('%s', (_, text, names, expected) => {
    expect(told(text, names)).toBe(expected);
  });

  it('is found where it was cut off', () => {
    const text = `subjects: ${'x, '.repeat(20)}User/alice.longname@clinic.example`;
    const wrong: string[] = [];
    for (let limit = 75; limit < text.length + 12; limit += 1) {
      const cut = clip(text.padEnd(200, '.'), limit);
      if (cut.includes('User/al') && !told(cut, ['alice.longname@clinic.example']).includes('User/<alice.longname@clinic.example>'))
        wrong.push(cut);
    }
    expect(wrong).toEqual([]);
  });

  it('that is a word of our own texts stays, but where it is said to be a name', () => {
    const names = ['admin', 'view', '4711', 'xy'];
    expect(told('the admin may view 4711 xy', names, 'ClusterRole admin, view')).toBe('the admin may view 4711 xy');
    expect(told('User/admin and User/4711', names, 'admin')).toBe('User/<admin> and User/<4711>');
    expect(told('the user "admin" is no admin', names, 'admin')).toBe('the user "<admin>" is no admin');
    const { replace } = pseudonymsOf(names, { words: 'admin' });
    expect(replace({ kind: 'ClusterRole', name: 'admin', requester: 'admin' })).toMatchObject({
      replaced: 1,
      value: { kind: 'ClusterRole', name: 'admin', requester: expect.stringMatching(/^person-/) as string },
    });
  });

  it('is replaced and nothing else is, in any text', () => {
    const name = fc.constantFrom('alice', 'bob@x.example', 'a|b', 'Zoë', 'x"y');
    const other = fc.string({ unit: 'grapheme' });
    fc.assert(
      fc.property(fc.array(fc.oneof(name, other)), (parts) => {
        const matcher = createNameMatcher(['alice', 'bob@x.example', 'a|b', 'Zoë', 'x"y'].map((each) => [each, each] as const));
        const text = parts.join(' ');
        // Put back as it was, it is the same text.
        expect(matcher.substitute(text, (of, start) => (start < 0 ? null : text.slice(start, start + of.length)))).toBe(text);
        expect(matcher.substitute(text, () => null)).toBe(text);
      }),
    );
  });

  it('costs time that grows with the text, not with the names', () => {
    const names = Array.from({ length: 20_000 }, (_, n) => `user-${n}@clinic.example`);
    const { replace } = pseudonymsOf(names);
    const text = 'User/user-19999@clinic.example holds something, and nobody else does. '.repeat(2000);
    // Looking for each name in turn would outlast this test's time limit.
    expect(replace(text).replaced).toBe(2000);
  });
});

describe('the finder', () => {
  const found = (value: Json, change: Partial<NameScope> = {}) => {
    const finder = createNameFinder({ ...scope, ...change }, []);
    finder.take(value);
    return [...finder.names.keys()].sort();
  };
  const annotated: Json = { metadata: { annotations: { 'example.com/owner': 'dora', 'team/lead': 'emil', other: 'x' } } };
  it.each<[string, Json, Partial<NameScope>, readonly string[]]>([
    [
      'subjects',
      {
        subjects: [
          { kind: 'User', name: 'alice' },
          { kind: 'Group', name: 'dev' },
          { kind: 'ServiceAccount', name: 'sa' },
        ],
      },
      {},
      ['alice', 'dev'],
    ],
    [
      'subjects without groups',
      {
        subjects: [
          { kind: 'User', name: 'alice' },
          { kind: 'Group', name: 'dev' },
        ],
      },
      { groups: false },
      ['alice'],
    ],
    ['no accounts of the system', { subjects: [{ kind: 'User', name: 'system:kube-proxy' }], username: 'system:node:n1' }, {}, []],
    ['who asked for a certificate', { spec: { username: 'bob', groups: ['dev'] } }, { groups: false }, ['bob']],
    ['users of an audit policy', { rules: [{ users: ['carl', 'system:x'], userGroups: ['ops'] }] }, {}, ['carl', 'ops']],
    [
      'whom a role may act as',
      {
        rules: [
          { verbs: ['impersonate'], resources: ['users'], resourceNames: ['eve'] },
          { resources: ['pods'], resourceNames: ['p'] },
        ],
      },
      {},
      ['eve'],
    ],
    ['annotations', annotated, {}, ['dora', 'emil']],
    ['labels of the same key', { metadata: { labels: { 'example.com/owner': 'dora', other: 'x' } } }, {}, ['dora']],
    ['whom a server refused', 'pods is forbidden: User "gina" cannot list', {}, ['gina']],
    ['whose credentials are missing', 'the token of the user "gina" expired, user "system:x"', {}, ['gina']],
    ['neither without the collector', 'User "gina" cannot list', { collector: false }, []],
    ['no annotations', annotated, { annotations: [] }, []],
    ['the collector', { actor: 'fred', caFingerprint: null }, {}, ['fred']],
    ['no collector', { actor: 'fred', caFingerprint: null }, { collector: false }, []],
    ['people', { requester: 'a b', approver: 'c', by: 'd', revokedBy: null }, {}, ['a b', 'c', 'd']],
    ['no instants', { onset: { after: null, by: '2026-08-14T15:52:00.000Z' } }, {}, []],
    ['parameters', { allowed: ['User/gus', 'Group/dev', 'User/system:x'] }, {}, ['dev', 'gus']],
    ['expressions', 'item.subject in ["User/ida", \'Group/dev\']', {}, ['dev', 'ida']],
    ['items', ['User/a%7Cb|RoleBinding/x|y', 'User/with space|ClusterRole/z'], {}, ['a|b', 'with space']],
  ])('knows %s', (_, value, change, names) => {
    expect(found(value, change)).toEqual(names);
  });
});

describe('the key', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pseudonym-key-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'key');
  const written = (text: string, mode = 0o600) => {
    rmSync(file, { force: true });
    writeFileSync(file, text, { mode });
    return () => readPseudonymKey(file);
  };
  it('is 256 bits or more, in hex, of its owner and group', () => {
    expect(written(`${'0a'.repeat(32)}\n`)()).toEqual(Buffer.alloc(32, 10));
    expect(written('AB'.repeat(40), 0o440)()).toHaveLength(40);
    expect(written('0a'.repeat(31))).toThrow(/holds no key of pseudonyms: 64 hexadecimal/);
    expect(written('correct horse battery staple')).toThrow(/holds no key of pseudonyms/);
    expect(written('0a'.repeat(32), 0o604)).toThrow(/open to everybody/);
    expect(() => readPseudonymKey(join(folder, 'none'))).toThrow(/cannot be read/);
  });
});

it('the words of documents are all that the types of report and judgement name', () => {
  const source = join(import.meta.dirname, '..', '..', 'src');
  const files = [
    // Words of techniques stand in the catalog only, and there they are not touched.
    ...readdirSync(join(source, 'model')).flatMap((name) => (name === 'technique.ts' ? [] : [join('model', name)])),
    ...['report-model', 'report-audit', 'report-paths', 'report-period', 'shown-outcome'].map((name) => join('reporting', `${name}.ts`)),
    join('assessment', 'timeline-model.ts'),
  ];
  const known = new Set(documentWords.split(/\s+/));
  const literals = files.flatMap((file) =>
    readFileSync(join(source, file), 'utf8')
      .split('\n')
      // A union or a list of words; not a call, an import or a comparison.
      .filter((line) => /^\s*(?:export (?:type|const)|\||'|readonly |type )/.test(line) && !/import|from '/.test(line))
      .flatMap((line) => line.match(/'[A-Za-z][A-Za-z0-9]*'/g) ?? []),
  );
  expect([...new Set(literals)].map((word) => word.slice(1, -1)).filter((word) => !known.has(word))).toEqual([]);
});
