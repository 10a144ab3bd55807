/**
 * Random EncryptionConfigurations against the code of the API server itself: what it refuses, and which provider and key write each
 * resource, must be what the product says of the same bytes.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { askOracle, buildOracle, judgeText, oracleVersion, prefixOf, type Question } from './encryption-oracle.ts';

const cases = 3000;
const seed = Number(process.env['SEED'] ?? 20_261_121);
const asked = ['secrets', 'configmaps', 'pods', 'events', 'deployments.apps', 'widgets.example.com', 'leases.coordination.k8s.io'];

const oracle = buildOracle();

const often = <T>(common: fc.Arbitrary<T>, rare: fc.Arbitrary<T>, weight = 60) =>
  fc.oneof({ weight, arbitrary: common }, { weight: 1, arbitrary: rare });
const base64 = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes).toString('base64'));

const resource = often(
  fc.constantFrom(
    'secrets',
    'configmaps',
    'pods',
    'events',
    'deployments.apps',
    'widgets.example.com',
    '*.apps',
    '*.example.com',
    '*.',
    '*.*',
    'secrets.',
  ),
  fc.constantFrom(
    '*',
    'Secrets',
    'apiserveripinfo',
    'serviceipallocations',
    'events.events.k8s.io',
    '*.events.k8s.io',
    '*.extensions',
    'pods.*',
    '.*',
    '',
    '.',
  ),
  70,
);
const name = often<unknown>(fc.constantFrom('k1', 'k2', 'k3'), fc.constantFrom('', null, 1));
const secret = (...lengths: number[]) =>
  often<unknown>(
    fc.constantFrom(...lengths).chain(base64),
    fc.oneof(
      fc.constantFrom(
        '',
        null,
        7,
        'AAAA',
        'not base64!',
        'YWJjZGVmZ2hpamtsbW5vcA',
        'YWJjZGVmZ2hpamtsbW5vcB==',
        'YWJjZGVmZ2hp\namtsbW5vcA==',
        '=',
        '====',
      ),
      fc.constantFrom(15, 16, 17, 24, 31, 32, 33).chain(base64),
    ),
  );
const extra = fc.constantFrom({}, { extra: 1 }, { Name: 'k1' });
const rarely = often<object>(fc.constant({}), extra, 300);
const keyed = (provider: string, ...lengths: number[]) =>
  fc
    .tuple(fc.array(fc.tuple(name, secret(...lengths), rarely), { minLength: 1, maxLength: 2 }), rarely, fc.nat(150))
    .map(([keys, more, empty]) => ({
      [provider]: empty === 0 ? { keys: [] } : { keys: keys.map(([of, value, field]) => ({ name: of, secret: value, ...field })), ...more },
    }));
const kms = fc
  .record({
    apiVersion: often<unknown>(fc.constantFrom('v2', 'v2', 'v1', ''), fc.constantFrom('v3', null, undefined)),
    name: often<unknown>(fc.constantFrom('a', 'b', 'c', 'd', 'a:b'), fc.constantFrom('', null)),
    endpoint: often<unknown>(
      fc.constantFrom('unix:///run/kms.sock', 'unix:///@kms', 'UNIX:///kms', 'unix://host/kms', 'unix:kms'),
      fc.constantFrom('', 'tcp://localhost:1', '/run/kms.sock', 'unix:///a%zz', 'unix:///a\n', 'unix://host:x/kms', null, 1),
    ),
    timeout: often<unknown>(
      fc.constantFrom('1ms', '1.5ms', '.5ms', '100us', '1ms1us', '+1ms'),
      fc.constantFrom('0s', '-1s', '1', '', '1ms ', 'ms', '0.1ns', 3),
    ),
    cachesize: often<unknown>(fc.constant(undefined), fc.constantFrom(0, 10, -1, null, 1.5, '5', 3e9), 6),
    more: rarely,
  })
  .map(({ more, ...settings }) => ({ kms: { ...settings, ...more } }));
const provider = often<object>(
  fc.oneof(fc.constant({ identity: {} }), keyed('secretbox', 32), keyed('aescbc', 16, 24, 32), keyed('aesgcm', 16, 24, 32), kms),
  fc.constantFrom(
    {},
    { identity: null },
    { identity: { a: 1 } },
    { rot13: {} },
    { identity: {}, kms: null },
    { identity: {}, secretbox: { keys: [] } },
  ),
  120,
);
const entry = fc
  .tuple(fc.uniqueArray(resource, { minLength: 1, maxLength: 2 }), fc.array(provider, { minLength: 1, maxLength: 2 }), rarely, fc.nat(200))
  .map(([resources, providers, more, twice]) =>
    Object.assign({ resources: twice === 0 ? [...resources, ...resources] : resources, providers }, more),
  );
const configuration = fc
  .tuple(
    fc.array(entry, { minLength: 1, maxLength: 3 }),
    often<object>(fc.constant({}), fc.constantFrom({ metadata: {} }, { extra: [] }, { apiVersion: 'apiserver.config.k8s.io/v1beta1' }), 60),
  )
  .map(([resources, more]) =>
    Object.assign({ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'EncryptionConfiguration', resources }, more),
  );

describe.skipIf(oracle === undefined)('random configurations', () => {
  test.each([false, true])(
    'are refused, and decide, as in the API server (KMS v1 switched on: %s)',
    async (kmsV1) => {
      const sample = fc.sample(fc.tuple(configuration, fc.boolean()), { numRuns: cases, seed: seed + Number(kmsV1) });
      const questions = sample.map(([body, reload]): Question => ({ file: JSON.stringify(body), reload, resources: asked }));
      const answers = await askOracle(oracle ?? '', questions, kmsV1 ? 'KMSv1=true' : undefined);
      const totals = { refused: 0, taken: 0, decisions: 0, encrypted: 0 };
      const differing = questions.flatMap(({ file, reload }, i): object[] => {
        const answer = answers[i] ?? { error: 'no answer', prefixes: null };
        const said = judgeText(file, { version: oracleVersion, kmsV1, reload });
        if (typeof said === 'string' || answer.prefixes === null) {
          totals.refused += 1;
          return typeof said === 'string' && answer.error !== '' ? [] : [{ file, reload, said, error: answer.error }];
        }
        totals.taken += 1;
        return asked.flatMap((each) => {
          totals.decisions += 1;
          const [ours, theirs] = [prefixOf(said, each), answer.prefixes?.[each]];
          if (theirs !== '') totals.encrypted += 1;
          return ours === theirs ? [] : [{ file, resource: each, ours, theirs }];
        });
      });
      process.stdout.write(`encryption oracle: ${cases} files, ${JSON.stringify(totals)}, ${differing.length} differ\n`);
      expect(differing.slice(0, 3)).toEqual([]);
      // Neither side of the question may be rare.
      expect(Math.min(totals.refused, totals.taken)).toBeGreaterThan(cases / 5);
      expect(totals.encrypted).toBeGreaterThan(totals.decisions / 5);
    },
    120_000,
  );
});
