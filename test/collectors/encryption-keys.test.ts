/** What is said of keys, and that nothing else of them stays. */
import { assert, property, uint8Array } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { withKeyFacts } from '../../src/collectors/index.ts';
import type { Json } from '../../src/model/index.ts';
import { at, listAt } from '../../src/model/index.ts';

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
const good = base64(Uint8Array.from({ length: 32 }, (_, i) => (i * 97 + (i % 7) * 31 + 13) % 256));
const other = base64(Uint8Array.from({ length: 32 }, (_, i) => (i * 89 + (i % 5) * 57 + 7) % 256));

function configuration(...providers: Json[]) {
  return { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'EncryptionConfiguration', resources: [{ resources: ['secrets'], providers }] };
}

function keysOf(...providers: Json[]): Json[] {
  return listAt(withKeyFacts(configuration(...providers)), 'resources').flatMap((entry) =>
    listAt(entry, 'providers').flatMap((provider) => ['secretbox', 'aescbc', 'aesgcm'].flatMap((name) => listAt(provider, name, 'keys'))),
  );
}

const one = (secret: Json) => at(keysOf({ secretbox: { keys: [{ name: 'k1', secret }] } })[0], 'material');
const fine = { bits: 256, guessable: false, text: false, repeated: false };

describe('one key', () => {
  test.each<[string, Json, object | undefined]>([
    ['random', good, fine],
    ['of 16 bytes', base64(Buffer.from(good, 'base64').subarray(0, 16)), { ...fine, bits: 128 }],
    ['over two lines', `${good.slice(0, 20)}\n${good.slice(20)}\r\n`, fine],
    ['all zeros', base64(new Uint8Array(32)), { ...fine, guessable: true }],
    ['one byte over and over', base64(new Uint8Array(32).fill(0xa5)), { ...fine, guessable: true }],
    [
      'four bytes over and over',
      base64(Uint8Array.from({ length: 32 }, (_, i) => [1, 200, 3, 77][i % 4] ?? 0)),
      { ...fine, guessable: true },
    ],
    ['counting up', base64(Uint8Array.from({ length: 32 }, (_, i) => i)), { ...fine, guessable: true }],
    ['of the documentation', 'c2VjcmV0IGlzIHNlY3VyZQ==', { bits: 128, guessable: true, text: true, repeated: false }],
    ['a password', Buffer.from('correct horse battery staple 123').toString('base64'), { ...fine, text: true }],
    ['encoded twice', Buffer.from(good.slice(0, 32)).toString('base64'), { ...fine, text: true }],
    ['no base64', 'not base64!', { bits: null, guessable: false, text: false, repeated: false }],
    ['without its padding', good.slice(0, -1), { bits: null, guessable: false, text: false, repeated: false }],
    ['empty', '', { ...fine, bits: 0 }],
    ['a number', 7, { bits: null, guessable: false, text: false, repeated: false }],
    ['masked with stars', '********', undefined],
    ['masked with a word', '<redacted>', undefined],
  ])('%s', (_name, secret, expected) => expect(one(secret)).toEqual(expected));

  test('that is not there was not looked at', () => expect(keysOf({ secretbox: { keys: [{ name: 'k1' }] } })).toEqual([{ name: 'k1' }]));
});

describe('keys that are the same', () => {
  const repeated = (...providers: Json[]) => keysOf(...providers).map((key) => at(key, 'material', 'repeated'));
  const keyed = (provider: string, ...keys: [string, string][]) => ({
    [provider]: { keys: keys.map(([name, secret]) => ({ name, secret })) },
  });
  test.each<[string, Json[], boolean[]]>([
    ['under two names', [keyed('secretbox', ['k2', good], ['k1', good])], [true, true]],
    ['of two providers', [keyed('secretbox', ['k1', good]), keyed('aescbc', ['k1', good])], [true, true]],
    ['written in two ways', [keyed('secretbox', ['k2', good], ['k1', `${good}\n`])], [true, true]],
    ['only one of three', [keyed('secretbox', ['k3', other], ['k2', good], ['k1', good])], [false, true, true]],
    ['one key that serves two entries', [keyed('secretbox', ['k1', good]), keyed('secretbox', ['k1', good])], [false, false]],
    ['neither is base64', [keyed('secretbox', ['k2', '!'], ['k1', '!'])], [false, false]],
  ])('%s', (_name, providers, expected) => expect(repeated(...providers)).toEqual(expected));
});

test('fields that the API server does not know are told by where they are', () => {
  const body = {
    ...configuration({ secretbox: { keys: [{ name: 'k1', secrets: good }], extra: 1 } }, { kms: { kind: 'x' } }),
    metadata: {},
  };
  expect(withKeyFacts(body)['unknownFields']).toEqual(['configuration', 'keys', 'kms', 'secretbox']);
  expect(withKeyFacts(configuration({ identity: {} }))['unknownFields']).toEqual([]);
});

test('what was looked at stays as it is', () => {
  const once = withKeyFacts(configuration({ secretbox: { keys: [{ name: 'k1', secret: good }] } }));
  expect(withKeyFacts(once)).toEqual(once);
});

test('law: no key leaves', () => {
  assert(
    property(uint8Array({ minLength: 12, maxLength: 64 }), (bytes) => {
      const secret = base64(bytes);
      const text = JSON.stringify(
        withKeyFacts(
          configuration({
            aescbc: {
              keys: [
                { name: 'a', secret },
                { name: 'b', secret },
              ],
            },
          }),
        ),
      );
      return !text.includes(secret.slice(0, 12)) && !text.includes(Buffer.from(bytes).toString('hex').slice(0, 12));
    }),
  );
});
