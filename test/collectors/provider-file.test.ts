/** What is taken from a provider's answer: known fields of the right type, whose cluster it is, and when it was taken; never anything else. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { array, assert, boolean, constant, constantFrom, dictionary, integer, letrec, oneof, property, string } from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { collectors, type ReadAnswer, readProviderAnswers } from '../../src/collectors/index.ts';
import { type Json, type JsonObject, listAt, textAt } from '../../src/model/index.ts';
import { createScrubber } from '../../src/sources/scrub/scrub.ts';

const fixtures = join(import.meta.dirname, '..', 'fixtures', 'providers');
const load = (path: string) => JSON.parse(readFileSync(join(fixtures, path), 'utf8')) as JsonObject;
const modified = new Date('2026-11-01T00:00:00Z');
const objects = (document: unknown) =>
  (readProviderAnswers(document, modified) ?? []).map((answer: ReadAnswer) => {
    if ('problem' in answer) throw new Error(`${answer.problem.key}: ${answer.problem.message}`);
    return answer.object;
  });
const problem = (document: unknown) => {
  const [answer] = readProviderAnswers(document, modified) ?? [];
  return answer !== undefined && 'problem' in answer ? answer.problem : answer;
};
const listing = collectors.find(({ kind }) => kind === 'files.provider')?.listings[0];
if (listing === undefined) throw new Error('no listing');

const all = ['eks', 'gke', 'aks'].flatMap((vendor) =>
  readdirSync(join(fixtures, vendor))
    .filter((file) => file !== 'nodes.json')
    .map((file) => `${vendor}/${file}`),
);

describe.each(all)('%s', (path) => {
  const document = JSON.parse(readFileSync(join(fixtures, path), 'utf8')) as Json;
  const items = (Array.isArray(document) ? document : [document]) as Json[];

  it('is recognised, of its cluster and with its time', () => {
    for (const object of items.flatMap(objects)) {
      expect(textAt(object, 'cluster')?.toLowerCase()).toMatch(/clinic$/);
      expect(object).toMatchObject({ takenAt: '2026-11-20T06:00:00.000Z', takenFrom: 'what the file says', kind: 'ProviderAnswer' });
    }
  });

  it('leaves credentials, tags and newer fields behind, and the scrubber keeps all that is left', () => {
    for (const object of items.flatMap(objects)) {
      expect(JSON.stringify(object)).not.toMatch(/canary|BEGIN CERT|PRIVATE KEY/);
      expect(createScrubber(listing).scrub(object).body).toEqual(object);
    }
  });
});

test('what only looks like an answer is none', () => {
  const others: unknown[] = [
    null,
    3,
    [],
    {},
    { cluster: 'prod' },
    { cluster: { name: 'x' } },
    { clusters: ['a'] },
    { logGroups: [{ logGroupName: '/aws/lambda/x' }] },
    { nodegroup: {} },
    { type: 'Microsoft.Compute/virtualMachines', id: '/x' },
    { value: [{ id: '/subscriptions/0/x' }] },
  ];
  for (const other of others) expect(readProviderAnswers(other, modified)).toBeUndefined();
});

describe('a wrong type is told by its key', () => {
  const eks = () => structuredClone(load('eks/describe-cluster.json')) as { cluster: Record<string, unknown> };
  const gke = () => structuredClone(load('gke/describe.json')) as Record<string, unknown>;
  test.each<[string, unknown, string, string]>([
    [
      'a text for a list',
      { cluster: { ...eks().cluster, encryptionConfig: 'yes' } },
      'cluster.encryptionConfig',
      'a list is expected here',
    ],
    ['an object for a text', { cluster: { ...eks().cluster, version: { token: 'canary' } } }, 'cluster.version', 'a text is expected here'],
    [
      'deep inside of lists',
      { cluster: { ...eks().cluster, logging: { clusterLogging: [{ types: ['audit', 3] }] } } },
      'cluster.logging.clusterLogging[0].types[1]',
      'a text is expected here',
    ],
    ['a text for a flag', { ...gke(), legacyAbac: { enabled: 'false' } }, 'legacyAbac.enabled', 'true or false is expected here'],
    ['a list for an object', { ...gke(), networkConfig: [] }, 'networkConfig', 'an object is expected here'],
    ['a huge text', { ...gke(), status: 'x'.repeat(5000) }, 'status', 'a text of at most 4096 characters is expected here'],
    [
      'a huge list',
      { ...gke(), nodePools: Array.from({ length: 2001 }, () => ({})) },
      'nodePools',
      'a list of at most 2000 entries is expected here',
    ],
    ['half a surrogate', { ...gke(), status: '\ud800' }, 'status', 'its text is no Unicode'],
    [
      'no certificate',
      { ...gke(), masterAuth: { clusterCaCertificate: 'canary' } },
      'masterAuth.clusterCaCertificate',
      'certificates in base64 are expected here',
    ],
    [
      'a time without a zone',
      { ...gke(), takenAt: '2026-11-20T06:00:00' },
      'takenAt',
      'a time such as 2026-08-14T12:00:00Z is expected here',
    ],
    ['a time that is none', { ...gke(), takenAt: 1763618400 }, 'takenAt', 'a time such as 2026-08-14T12:00:00Z is expected here'],
    ['no cluster', { ...gke(), selfLink: null }, 'selfLink', 'the cluster is to be named here'],
  ])('%s', (_name, document, key, message) => {
    expect(problem(document)).toEqual({ key, message });
    expect(JSON.stringify(problem(document))).not.toContain('canary');
  });
});

test('when it was taken: what it says, else the date of the response, else the time of the file, which is named as no proof', () => {
  const { takenAt: _, ...silent } = load('eks/describe-cluster.json');
  expect(objects(silent)[0]).toMatchObject({ takenAt: modified.toISOString(), takenFrom: "the file's time, which is no proof" });
  const response = { ...silent, ResponseMetadata: { HTTPHeaders: { date: 'Fri, 20 Nov 2026 05:00:00 GMT' } } };
  expect(objects(response)[0]).toMatchObject({ takenAt: '2026-11-20T05:00:00.000Z', takenFrom: 'the date of the response' });
});

test('the answers of REST and of the CLI of Azure are one', () => {
  const { id, name, type, location, takenAt, ...properties } = load('aks/show.json');
  const access = { authorizedIPRanges: ['203.0.113.0/24'], enablePrivateCluster: false };
  const rest = { id, name, type, location, takenAt, properties: { ...properties, apiServerAccessProfile: access } } as Json;
  expect(objects(rest)).toEqual(objects(load('aks/show.json')));
  const [setting] = load('aks/diagnostic-settings.json') as unknown as JsonObject[];
  const { logs, workspaceId, id: of, name: called, takenAt: when } = setting ?? {};
  const value = { takenAt: when, value: [{ id: of, name: called, properties: { logs, workspaceId } }] } as Json;
  expect(objects(value)[0]).toEqual(objects(setting)[0]);
});

test('of what an add-on is configured with only the setting that is asked for is taken', () => {
  const settings = (configurationValues: string) => {
    const answer = load('eks/describe-addon.json');
    return objects({ ...answer, addon: { ...(answer['addon'] as JsonObject), configurationValues } })[0]?.['settings'];
  };
  expect(settings('{"env":{"API":"canary"},"enableNetworkPolicy": "true"}')).toMatchObject({
    configurationValues: '"enableNetworkPolicy": "true"}',
  });
  expect(settings('env:\n  API: canary\nenableNetworkPolicy: false\nx: y')).toMatchObject({
    configurationValues: '\nenableNetworkPolicy: false\n',
  });
  expect(settings('{"apiKey":"canary"}')).toMatchObject({ configurationValues: '' });
  // As a recording of an older version has it.
  const [object = {}] = objects(load('eks/describe-addon.json'));
  const whole = { ...object, settings: { configurationValues: 'env:\n  DD_PASSWORD: canary\n' } } as JsonObject;
  expect(createScrubber(listing).scrub(whole).body['settings']).toEqual({
    configurationValues: { $scrubbed: true, credential: 'written-password' },
  });
});

test('a part of an answer is taken, and is not whole', () => {
  const { cluster } = load('eks/describe-cluster.json') as unknown as { cluster: JsonObject };
  expect(objects(cluster)[0]?.['whole']).toBe(true);
  expect(objects({ arn: cluster['arn'], version: '1.34' })[0]).toMatchObject({ whole: false, settings: { version: '1.34' } });
});

test('the CA is kept as fingerprints of all its certificates', () => {
  const of = (text: string) => `-----BEGIN CERTIFICATE-----\n${Buffer.from(text).toString('base64')}\n-----END CERTIFICATE-----\n`;
  const data = Buffer.from(of('old') + of('new')).toString('base64');
  const [answer] = objects({ ...load('gke/describe.json'), masterAuth: { clusterCaCertificate: data } });
  expect(listAt(answer, 'fingerprints')).toHaveLength(2);
});

test('whatever a file holds: no crash, and nothing that the scrubber would drop', () => {
  const names = [
    'cluster',
    'arn',
    'type',
    'id',
    'masterAuth',
    'currentMasterVersion',
    'logging',
    'nodePools',
    'properties',
    'selfLink',
    'takenAt',
    'settings',
  ];
  const value = letrec((tie) => ({
    any: oneof(
      { maxDepth: 4 },
      constantFrom(
        'arn:aws:eks:a:1:cluster/x',
        'Microsoft.ContainerService/managedClusters',
        'https://container.googleapis.com/v1/projects/a/clusters/b',
      ),
      string(),
      integer(),
      boolean(),
      constant(null),
      array(tie('any'), { maxLength: 3 }),
      dictionary(constantFrom(...names, '__proto__', 'x'), tie('any'), { maxKeys: 6 }),
    ),
  })).any;
  assert(
    property(value, (document) => {
      const answers = readProviderAnswers(document, modified) ?? [];
      const kept = answers.flatMap((answer) => ('object' in answer ? [answer.object] : []));
      expect(kept.map((object) => createScrubber(listing).scrub(object).body)).toEqual(kept);
      expect(answers.filter((answer) => 'problem' in answer && answer.problem.message === '')).toEqual([]);
    }),
    { numRuns: 500 },
  );
});
