import { describe, expect, test } from 'vitest';
import type { EvidenceReader, JsonObject, StoredObject } from '../../src/model/index.ts';
import { encryptionCoverage, secretWrites, storedSecrets } from '../../src/populations/secrets/encryption.ts';
import { judgeFile } from '../../src/populations/secrets/encryption-files.ts';
import type { Loader } from '../../src/populations/secrets/encryption-refusals.ts';
import type { Given } from './snapshots.ts';
import { family, flagz, lease, processStart, read, snapshot } from './snapshots.ts';

const secretbox = { secretbox: { keys: [{ name: 'k1' }] } };
const aescbc = { aescbc: { keys: [{ name: 'k1' }] } };
const identity = { identity: {} };
const kms = (more: object = {}) => ({ kms: { apiVersion: 'v2', name: 'vault', endpoint: 'unix:///run/kms.sock', ...more } });
const entry = (resources: string[], ...providers: JsonObject[]) => ({ resources, providers });
const file = (...resources: JsonObject[]) => ({
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'EncryptionConfiguration',
  metadata: {},
  resources,
});

function judge(...resources: JsonObject[]) {
  return verdictOf(resources);
}

function verdictOf(resources: readonly JsonObject[], loader: Loader = {}, resource = 'secrets', more: JsonObject = {}) {
  const kind = 'files.encryption/encryptionconfigurations';
  const [object] = snapshot({ [kind]: [{ ...file(...resources), ...more }] }).objects(kind);
  const verdict = judgeFile(object as StoredObject, loader);
  return { ...verdict.decide(resource), problem: verdict.problem };
}

describe('a file', () => {
  test.each<[string, JsonObject[], JsonObject]>([
    [
      'a strong provider first',
      [entry(['secrets'], secretbox, identity)],
      { covers: true, writes: 'strong', provider: 'secretbox', problem: '' },
    ],
    ['identity first', [entry(['secrets'], identity, secretbox)], { covers: true, writes: 'plain', provider: 'identity' }],
    ['aesgcm', [entry(['secrets'], { aesgcm: { keys: [{ name: 'k' }] } })], { writes: 'weak' }],
    ['kms with its version', [entry(['secrets'], kms())], { writes: 'strong', provider: 'kms v2', key: 'vault' }],
    ['kms without one is v1', [entry(['secrets'], kms({ apiVersion: '' }))], { writes: 'strong', provider: 'kms v1' }],
    ['the first entry that matches wins', [entry(['secrets'], identity), entry(['*.'], secretbox)], { writes: 'plain' }],
    ['everything', [entry(['configmaps'], secretbox), entry(['*.*'], aescbc)], { covers: true, writes: 'strong', provider: 'aescbc' }],
    ['secrets of another group are others', [entry(['secrets.example.com', '*.apps'], secretbox)], { covers: false, writes: 'plain' }],
    ['no entries', [], { problem: 'it has no resources' }],
    ['no providers', [entry(['secrets'])], { problem: 'an entry has no providers' }],
    [
      'two providers in one',
      [entry(['secrets'], { ...secretbox, ...identity })],
      { problem: 'a provider entry does not name exactly one known provider' },
    ],
    [
      'an unknown provider, which the scrubber empties',
      [entry(['secrets'], {})],
      { problem: 'a provider entry does not name exactly one known provider' },
    ],
    ['a provider without keys', [entry(['secrets'], { aescbc: { keys: [] } })], { problem: 'aescbc has no key' }],
    [
      'two keys of one name, which both read',
      [entry(['secrets'], { aescbc: { keys: [{ name: 'a' }, { name: 'a' }] } })],
      { problem: '', provider: 'aescbc', key: 'a' },
    ],
    [
      'entries about one resource add up',
      [entry(['secrets'], secretbox), entry(['secrets'], identity)],
      { writes: 'strong', readers: ['identity'] },
    ],
    ['the nearest rule wins', [entry(['secrets'], secretbox), entry(['*.'], aescbc), entry(['*.*'], identity)], { provider: 'secretbox' }],
    ['a trailing dot is the core group', [entry(['secrets.'], secretbox)], { covers: true, provider: 'secretbox' }],
    ['a null is as good as nothing', [entry(['secrets'], { ...secretbox, identity: null })], { problem: '', provider: 'secretbox' }],
    [
      'everything beside something',
      [entry(['*.*', 'secrets'], secretbox)],
      { problem: 'an entry names resources twice, or everything beside single resources' },
    ],
  ])('%s', (_name, resources, expected) => {
    expect(judge(...resources)).toMatchObject(expected);
  });
});

describe('what the API server refuses', () => {
  const key = (bits: number | null) => ({ name: 'k', material: { bits } });
  const of = (provider: JsonObject) => [entry(['secrets'], provider)];
  test.each<[string, readonly JsonObject[], string, Loader?, JsonObject?]>([
    ['another version', of(secretbox), 'there is no version', {}, { apiVersion: 'apiserver.config.k8s.io/v1beta1' }],
    ['a field that it does not know', of(secretbox), 'does not know a field in keys', {}, { unknownFields: ['keys'] }],
    ['the same twice', [entry(['secrets', 'secrets.'], secretbox)], 'twice'],
    ['a group and one of it', [entry(['*.apps', 'deployments.apps'], secretbox)], 'twice'],
    ['capital letters', [entry(['Secrets'], secretbox)], 'capital letters'],
    ['a star alone', [entry(['*'], secretbox)], "'*' is no resource"],
    ['what has no API', [entry(['apiserveripinfo'], secretbox)], 'has no API'],
    ['events of their own group', [entry(['events.events.k8s.io'], secretbox)], 'stored in the core group'],
    ['a group that is gone', [entry(['ingresses.extensions'], secretbox)], 'no group extensions'],
    ['a resource of all groups', [entry(['pods.*'], secretbox)], 'one resource of all groups'],
    ['an entry behind a wildcard', [entry(['*.'], secretbox), entry(['secrets'], secretbox)], 'secrets is behind *.'],
    ['a wildcard behind everything', [entry(['*.*'], secretbox), entry(['*.apps'], secretbox)], '*.apps is behind *.*'],
    ['the same wildcard twice', [entry(['*.'], secretbox), entry(['*.'], secretbox)], 'is behind *.'],
    ['an identity that is a text, and left a marker', of({ identity: { $scrubbed: true } }), 'identity is no object'],
    ['no base64', of({ aescbc: { keys: [key(null)] } }), 'not base64'],
    ['an empty key', of({ aescbc: { keys: [key(0)] } }), 'is empty'],
    ['a size that AES does not have', of({ aescbc: { keys: [key(160)] } }), '160 bits'],
    ['a short key of secretbox', of({ secretbox: { keys: [key(128)] } }), '128 bits'],
    ['a key service without a name', of(kms({ name: '' })), 'no name'],
    ['without an endpoint', of(kms({ endpoint: undefined })), 'no unix socket'],
    ['at a TCP port', of(kms({ endpoint: 'tcp://127.0.0.1:1' })), 'no unix socket'],
    ['without patience', of(kms({ timeout: '0s' })), 'no positive duration'],
    ['a timeout without a unit', of(kms({ timeout: '3' })), 'no positive duration'],
    ['v2 with a cache', of(kms({ cachesize: 10 })), 'cachesize'],
    ['v1 without one', of(kms({ apiVersion: 'v1', cachesize: 0 })), 'cachesize'],
    ['v3', of(kms({ apiVersion: 'v3' })), 'does not exist'],
    ['a colon in the name of v2', of(kms({ name: 'a:b' })), 'colon'],
    ['two v2 of one name', [entry(['secrets'], kms(), kms())], 'two kms providers'],
    [
      'v1 of the same name, where it reloads',
      [entry(['secrets'], kms(), kms({ apiVersion: 'v1' }))],
      'two kms providers',
      { reload: true },
    ],
    ['v1 where it is not switched on', of(kms({ apiVersion: 'v1' })), 'is v1', { version: '1.36.3', kmsV1: false }],
  ])('%s', (_name, resources, problem, loader, more) => {
    const verdict = verdictOf(resources, loader, 'secrets', more);
    expect(verdict.problem).toContain(problem);
    expect(verdict).toMatchObject({ covers: false, writes: 'plain' });
  });

  test.each<[string, readonly JsonObject[], Loader?]>([
    ['entries before the wildcard', [entry(['secrets'], identity), entry(['*.'], secretbox), entry(['*.*'], aescbc)]],
    ['v1 of the same name, where nothing is reloaded', [entry(['secrets'], kms(), kms({ apiVersion: 'v1' }))], { reload: false }],
    ['v1 where it is switched on', of(kms({ apiVersion: 'v1' })), { version: '1.36.3', kmsV1: true }],
    ['v1 where its flags are not seen', of(kms({ apiVersion: 'v1' })), { version: '1.36.3' }],
    ['v1 of an older server', of(kms({ apiVersion: 'v1' })), { version: '1.28.9', kmsV1: false }],
    ['a timeout of parts', of(kms({ timeout: '1m1.5s' }))],
    ['keys that were not handed in', of({ aescbc: { keys: [{ name: 'k' }] } })],
  ])('but not %s', (_name, resources, loader) => expect(verdictOf(resources, loader).problem).toBe(''));

  test('before 1.27 a wildcard was the name of a resource that does not exist', () => {
    const resources = [entry(['*.*'], secretbox), entry(['secrets'], aescbc)];
    expect(verdictOf(resources, { version: '1.26.4' })).toMatchObject({ problem: '', provider: 'aescbc' });
    expect(verdictOf(resources, { version: '1.26.4' }, 'configmaps')).toMatchObject({ covers: false });
  });
});

interface Server {
  readonly start?: number;
  readonly reloads?: number;
  readonly hash?: string;
  readonly to?: Readonly<Record<string, number>>;
  readonly from?: Readonly<Record<string, number>>;
  readonly stored?: number;
}

function server({ start = 100, reloads, hash = 'h', to = {}, from = {}, stored }: Server, more: Given = {}): Given {
  const samples = (type: string, counts: Readonly<Record<string, number>>) =>
    Object.entries(counts).map(
      ([prefix, value]) => [{ resource: 'secrets', status: 'OK', transformation_type: type, transformer_prefix: prefix }, value] as const,
    );
  return {
    'k8s.apiserver/leases': [lease('a')],
    'k8s.apiserver/flagz': [flagz({ 'encryption-provider-config': '/e.yaml' })],
    'k8s.apiserver/metrics': [
      processStart(start),
      family('apiserver_storage_transformation_operations_total', ...samples('to_storage', to), ...samples('from_storage', from)),
      family('apiserver_encryption_config_controller_last_config_info', [{ hash }, 1]),
      ...(reloads === undefined
        ? []
        : [family('apiserver_encryption_config_controller_automatic_reloads_total', [{ status: 'success' }, reloads])]),
      ...(stored === undefined ? [] : [family('apiserver_resource_objects', [{ group: '', resource: 'secrets' }, stored])]),
    ],
    ...more,
  };
}

/** Snapshots in their order; the last one is judged. */
function history(...servers: readonly Server[]): EvidenceReader {
  const [first, ...rest] = servers.map((each) => server(each));
  return rest.reduce((previous, each) => snapshot(each, { previous }), snapshot(first ?? {}));
}

const sb = 'k8s:enc:secretbox:v1:';

describe('writes that were seen', () => {
  test.each<[string, readonly Server[], string | undefined]>([
    ['encrypted', [{ to: { [sb]: 3, 'k1:': 3 } }], 'strong'],
    ['one in plain text, under one configuration since the start', [{ to: { [sb]: 3, '': 1 } }], 'plain'],
    ['aesgcm', [{ to: { 'k8s:enc:aesgcm:v1:': 3 } }], 'weak'],
    ['kms', [{ to: { 'k8s:enc:kms:v2:vault:': 3 } }], 'strong'],
    ['the inner series alone says nothing', [{ to: { 'k1:': 3 } }], undefined],
    ['none', [{}], undefined],
    [
      'plain text before the configuration changed',
      [
        { to: { '': 3 }, hash: 'old' },
        { to: { '': 3, [sb]: 1 }, hash: 'new', reloads: 1 },
      ],
      'strong',
    ],
    [
      'and none at all since',
      [
        { to: { '': 3 }, hash: 'old' },
        { to: { '': 3 }, hash: 'new', reloads: 1 },
      ],
      undefined,
    ],
    [
      'turned to plain text',
      [
        { to: { [sb]: 3 }, hash: 'old' },
        { to: { [sb]: 3, '': 1 }, hash: 'new', reloads: 1 },
      ],
      'plain',
    ],
    [
      'the change lies two runs back',
      [
        { to: { '': 3 }, hash: 'old' },
        { to: { '': 4, [sb]: 1 }, hash: 'new', reloads: 1 },
        { to: { '': 4, [sb]: 2 }, hash: 'new', reloads: 1 },
      ],
      'strong',
    ],
    ['the change was before the first run, where a plain write is provable', [{ to: { '': 3, [sb]: 3 }, reloads: 1 }], 'plain'],
    [
      'another process says nothing about this one',
      [
        { start: 1, to: { '': 3 } },
        { start: 2, to: { [sb]: 1 } },
      ],
      'strong',
    ],
    [
      'a file that was touched but is the same',
      [
        { to: { '': 3 }, reloads: 1, hash: 'x' },
        { to: { '': 3, [sb]: 1 }, reloads: 2, hash: 'x' },
      ],
      'strong',
    ],
  ])('%s', (_name, servers, expected) => {
    expect(read(secretWrites, history(...servers)).rows[0]?.['writes']).toBe(expected);
  });
});

describe('Secrets in storage', () => {
  test.each<[string, readonly Server[], string | undefined]>([
    ['all read encrypted', [{ from: { [sb]: 5, 'k1:': 5 }, stored: 5 }], 'encrypted'],
    ['one of them plain', [{ from: { [sb]: 5, identity: 1 }, stored: 5 }], 'plain'],
    ['one of an unknown form', [{ from: { [sb]: 5, unknown: 1 }, stored: 5 }], 'plain'],
    ['fewer reads than Secrets', [{ from: { [sb]: 4 }, stored: 5 }], undefined],
    ['no reads, no Secrets', [{ stored: 0 }], undefined],
    ['a gauge that failed', [{ from: { [sb]: 5 }, stored: -1 }], undefined],
    [
      'plain reads of yesterday',
      [
        { from: { identity: 1, [sb]: 5 }, stored: 5 },
        { from: { identity: 1, [sb]: 9 }, stored: 5 },
      ],
      undefined,
    ],
    [
      'plain reads since',
      [
        { from: { identity: 1, [sb]: 5 }, stored: 5 },
        { from: { identity: 2, [sb]: 9 }, stored: 5 },
      ],
      'plain',
    ],
    [
      'after a restart',
      [
        { start: 1, from: { identity: 1 }, stored: 5 },
        { start: 2, from: { [sb]: 5 }, stored: 5 },
      ],
      'encrypted',
    ],
  ])('%s', (_name, servers, expected) => {
    expect(read(storedSecrets, history(...servers)).rows[0]?.['stored']).toBe(expected);
  });
});

describe('a file beside a server', () => {
  const withFile = (...resources: JsonObject[]) =>
    snapshot(server({}, { 'files.encryption/encryptionconfigurations': [file(...resources)] }));

  test('speaks for a server that has written nothing yet', () => {
    expect(read(secretWrites, withFile(entry(['secrets'], secretbox))).rows.map((row) => row['writes'])).toEqual(['strong', 'strong']);
    expect(read(encryptionCoverage, withFile(entry(['configmaps'], secretbox))).rows.map((row) => row['covers'])).toEqual([false, false]);
  });

  test('does not speak against what was seen', () => {
    const seen = snapshot(
      server({ to: { '': 2 } }, { 'files.encryption/encryptionconfigurations': [file(entry(['secrets'], secretbox))] }),
    );
    expect(read(secretWrites, seen).rows.map((row) => row['writes'])).toEqual(['plain', 'strong']);
  });

  test('is never good when the server would refuse it', () => {
    const seen = snapshot(server({ to: { [sb]: 2 } }, { 'files.encryption/encryptionconfigurations': [file(entry(['secrets'], {}))] }));
    expect(read(secretWrites, seen).rows.map((row) => row['writes'])).toEqual(['invalid', 'invalid']);
  });
});

test('without metrics and flags nothing is known, and the reasons are named', () => {
  const gaps = {
    'k8s.apiserver/metrics': [{ reason: 'forbidden' as const, what: 'metrics' }],
    'k8s.apiserver/flagz': [{ reason: 'forbidden' as const, what: 'flagz' }],
  };
  const reader = snapshot(
    {
      'k8s.apiserver/leases': [lease('a')],
      'k8s.apiserver/metrics': [],
      'k8s.apiserver/flagz': [],
      'k8s.pods/pods': [],
      'k8s.nodes/nodes': [],
    },
    { gaps },
  );
  const reading = read(secretWrites, reader);
  expect(reading.rows).toEqual([]);
  expect(reading.gaps.map((gap) => gap.what)).toEqual(expect.arrayContaining(['metrics', 'flagz', 'flags of API servers']));
});
