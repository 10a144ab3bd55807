/** Several servers, files of several nodes, what earlier keys wrote, migrations, and key services over runs. */
import { describe, expect, test } from 'vitest';
import type { EvidenceReader, Json, JsonObject, ListingKind } from '../../src/model/index.ts';
import { resourceWrites, secretWrites, storedSecrets } from '../../src/populations/secrets/encryption.ts';
import { kmsKeys, kmsServices } from '../../src/populations/secrets/encryption-kms.ts';
import { encryptionAgreement, encryptionKeys, encryptionReloads, secretReads } from '../../src/populations/secrets/encryption-state.ts';
import type { Given } from './snapshots.ts';
import { family, flagz, lease, now, processStart, read, snapshot } from './snapshots.ts';

const filesKind: ListingKind = 'files.encryption/encryptionconfigurations';
const sb = 'k8s:enc:secretbox:v1:';
const cbc = 'k8s:enc:aescbc:v1:';
const seconds = Date.parse(now) / 1000;

const keyed = (provider: string, ...names: string[]) => ({ [provider]: { keys: names.map((name) => ({ name })) } });
const file = (name: string, ...providers: JsonObject[]) => ({
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'EncryptionConfiguration',
  metadata: { name },
  resources: [{ resources: ['secrets'], providers }],
});

interface Page {
  readonly start?: number;
  readonly to?: Readonly<Record<string, number>>;
  readonly from?: Readonly<Record<string, number>>;
  readonly stored?: number;
  readonly hash?: string;
  readonly reloads?: number;
  readonly reloaded?: Readonly<Record<string, number>>;
  readonly kms?: Readonly<Record<string, number>>;
}

function page({ start = seconds - 86_400, to = {}, from = {}, stored, hash, reloads, reloaded = {}, kms = {} }: Page): Json[] {
  const samples = (type: string, counts: Readonly<Record<string, number>>) =>
    Object.entries(counts).map(
      ([prefix, value]) => [{ resource: 'secrets', status: 'OK', transformation_type: type, transformer_prefix: prefix }, value] as const,
    );
  const controller = 'apiserver_encryption_config_controller';
  return [
    processStart(start),
    family('apiserver_storage_transformation_operations_total', ...samples('to_storage', to), ...samples('from_storage', from)),
    ...(stored === undefined ? [] : [family('apiserver_resource_objects', [{ group: '', resource: 'secrets' }, stored])]),
    ...(hash === undefined ? [] : [family(`${controller}_last_config_info`, [{ hash }, 1])]),
    ...(reloads === undefined ? [] : [family(`${controller}_automatic_reloads_total`, [{ status: 'success' }, reloads])]),
    family(
      `${controller}_automatic_reload_last_timestamp_seconds`,
      ...Object.entries(reloaded).map(([status, value]) => [{ status }, value] as const),
    ),
    family(
      'apiserver_envelope_encryption_key_id_hash_status_last_timestamp_seconds',
      ...Object.entries(kms).map(([id, value]) => [{ provider_name: 'vault', key_id_hash: id }, value] as const),
    ),
  ];
}

const server = (given: Page, more: Given = {}): Given => ({
  'k8s.apiserver/leases': [lease('a')],
  'k8s.apiserver/flagz': [flagz({ 'encryption-provider-config': '/e.yaml' })],
  'k8s.apiserver/metrics': page(given),
  ...more,
});

/** Two replicas that were asked one by one, on nodes of their own. */
function replicas(pages: readonly [Page, Page], more: Given = {}): Given {
  const addresses = ['10.0.0.1:6443', '10.0.0.2:6443'];
  const named = (objects: readonly Json[], address: string) =>
    (objects as readonly { readonly metadata: { readonly name: string } }[]).map((object) =>
      Object.assign({}, object, { replica: address, metadata: { name: `${object.metadata.name}@${address}` } }),
    );
  const nodes = ['n1', 'n2'].map((name, i) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'node-role.kubernetes.io/control-plane': '' } },
    status: { addresses: [{ type: 'InternalIP', address: `10.0.0.${i + 1}` }] },
  }));
  const endpoints = [{ addresses: ['10.0.0.1', '10.0.0.2'] }];
  return {
    'k8s.apiserver/leases': [lease('a'), lease('b')],
    'k8s.nodes/nodes': nodes,
    'k8s.pods/pods': [],
    'k8s.apiservers/endpointslices': [{ kind: 'EndpointSlice', metadata: { name: 'kubernetes' }, endpoints, ports: [{ port: 6443 }] }],
    'k8s.apiservers/flagz': addresses.flatMap((address) => named([flagz({ 'encryption-provider-config': '/e.yaml' })], address)),
    'k8s.apiservers/metrics': pages.flatMap((each, i) => named(page({ start: 100 + i, ...each }), addresses[i] ?? '')),
    ...more,
  };
}

/** Snapshots in their order; the last one is judged. */
function history(...given: readonly Given[]): EvidenceReader {
  const [first = {}, ...rest] = given;
  return rest.reduce((previous: EvidenceReader, each) => snapshot(each, { previous }), snapshot(first));
}

describe('several servers', () => {
  test('each is told by its own page', () => {
    const { rows, gaps } = read(secretWrites, snapshot(replicas([{ to: { [sb]: 1 } }, { to: { '': 1 } }])));
    expect(rows.map(({ item, writes }) => [item, writes])).toEqual([
      ['kube-apiserver/n1', 'strong'],
      ['kube-apiserver/n2', 'plain'],
    ]);
    expect(gaps).toEqual([]);
  });

  test('and by the file of its own node', () => {
    const [strong, plain] = [file('n1', keyed('secretbox', 'k1')), file('n2', { identity: {} }, keyed('secretbox', 'k1'))];
    const node = (name: string, configuration: JsonObject) => ({
      apiVersion: 'node.kubevidence.io/v1',
      kind: 'NodeEvidence',
      metadata: { name },
      collectedAt: now,
      host: { roles: ['control-plane'] },
      encryptionConfigurations: [{ path: '/etc/kubernetes/enc.yaml', configuration }],
    });
    const more = { [filesKind]: [strong, plain], 'node.evidence/nodes': [node('n1', strong), node('n2', plain)] };
    const { rows } = read(secretWrites, snapshot(replicas([{}, {}], more)));
    expect(rows.map(({ item, writes }) => [item, writes])).toEqual([
      ['kube-apiserver/n1', 'strong'],
      ['kube-apiserver/n2', 'plain'],
      ['file/n1', 'strong'],
      ['file/n2', 'plain'],
    ]);
  });

  test('the file of one node is not that of the others', () => {
    const strong = file('n1', keyed('secretbox', 'k1'));
    const node = {
      apiVersion: 'node.kubevidence.io/v1',
      kind: 'NodeEvidence',
      metadata: { name: 'n1' },
      collectedAt: now,
      host: { roles: ['control-plane'] },
      encryptionConfigurations: [{ path: '/etc/kubernetes/enc.yaml', configuration: strong }],
    };
    const reader = snapshot(replicas([{}, {}], { [filesKind]: [strong], 'node.evidence/nodes': [node] }));
    expect(read(secretWrites, reader).rows.map(({ item, writes, gaps }) => [item, writes, gaps?.length])).toEqual([
      ['kube-apiserver/n1', 'strong', undefined],
      ['kube-apiserver/n2', undefined, 1],
      ['file/n1', 'strong', undefined],
    ]);
    expect(read(encryptionKeys, reader).gaps.map(({ what }) => what)).toContain('EncryptionConfiguration file');
  });

  test('files that nobody can tell apart say nothing where they differ', () => {
    const more = { [filesKind]: [file('x', keyed('secretbox', 'k1')), file('y', { identity: {} })] };
    const { rows } = read(secretWrites, snapshot(replicas([{}, {}], more)));
    expect(rows.slice(0, 2).map(({ writes, gaps }) => [writes, gaps?.length])).toEqual([
      [undefined, 1],
      [undefined, 1],
    ]);
  });

  test.each<[string, readonly [Page, Page], boolean[], number]>([
    ['one file', [{ hash: 'sha256:1' }, { hash: 'sha256:1' }], [true, true], 0],
    ['two', [{ hash: 'sha256:1' }, { hash: 'sha256:2' }], [false, false], 0],
    ['hashes that an older server does not publish', [{}, {}], [true, true], 2],
  ])('loaded %s', (_name, pages, agrees, gaps) => {
    const { rows } = read(encryptionReloads, snapshot(replicas(pages)));
    expect(rows.map((row) => row['agrees'])).toEqual(agrees);
    expect(rows.filter((row) => row.gaps !== undefined)).toHaveLength(gaps);
  });
});

describe('what was written before', () => {
  const writes = { to: { [sb]: 4, 'k2:': 4 }, stored: 5, hash: 'h' };
  test.each<[string, readonly Page[], readonly string[] | undefined]>([
    ['nothing', [{ ...writes, from: { [sb]: 5, 'k2:': 5 } }], []],
    ['a key', [{ ...writes, from: { [sb]: 5, 'k2:': 4, 'k1:': 1 } }], ['key k1']],
    ['a provider', [{ ...writes, from: { [sb]: 5, 'k2:': 5, [cbc]: 1, 'k1:': 1 } }], ['aescbc', 'key k1']],
    ['plain text', [{ ...writes, from: { [sb]: 5, 'k2:': 5, identity: 1 } }], ['plain text']],
    [
      'a key, read before the earlier run only',
      [
        { ...writes, from: { [sb]: 6, 'k2:': 5, 'k1:': 1 } },
        { ...writes, from: { [sb]: 8, 'k2:': 7, 'k1:': 1 } },
      ],
      undefined,
    ],
    [
      'a key that was the present one until the reload',
      [
        { to: { [sb]: 4, 'k1:': 4 }, from: { [sb]: 5, 'k1:': 5 }, stored: 5, hash: 'old' },
        { to: { [sb]: 6, 'k1:': 4, 'k2:': 2 }, from: { [sb]: 7, 'k1:': 7 }, stored: 5, hash: 'new', reloads: 1 },
      ],
      undefined,
    ],
    [
      'and that is read after it',
      [
        { to: { [sb]: 4, 'k1:': 4 }, from: { [sb]: 5, 'k1:': 5 }, stored: 5, hash: 'old' },
        { to: { [sb]: 6, 'k1:': 4, 'k2:': 2 }, from: { [sb]: 7, 'k1:': 7 }, stored: 5, hash: 'new', reloads: 1 },
        { to: { [sb]: 7, 'k1:': 4, 'k2:': 3 }, from: { [sb]: 9, 'k1:': 9 }, stored: 5, hash: 'new', reloads: 1 },
      ],
      ['key k1'],
    ],
  ])('%s', (_name, pages, outdated) => {
    const [row] = read(secretReads, history(...pages.map((each) => server(each)))).rows;
    expect(row?.['outdated']).toEqual(outdated);
    expect(row?.gaps !== undefined).toBe(outdated === undefined);
  });
});

describe('a migration', () => {
  const start = Date.parse('2026-09-30T00:00:00Z') / 1000;
  const migration = (created: string, type = 'Succeeded', resource = 'secrets') => ({
    apiVersion: 'storagemigration.k8s.io/v1beta1',
    kind: 'StorageVersionMigration',
    metadata: { name: 'm', creationTimestamp: created },
    spec: { resource: { group: '', resource } },
    status: { conditions: [{ type, status: 'True' }] },
  });
  test.each<[string, JsonObject, string | undefined]>([
    ['that began after the configuration took effect', migration('2026-09-30T10:00:00Z'), 'encrypted'],
    ['that began before', migration('2026-09-29T10:00:00Z'), undefined],
    ['that runs', migration('2026-09-30T10:00:00Z', 'Running'), undefined],
    ['of something else', migration('2026-09-30T10:00:00Z', 'Succeeded', 'configmaps'), undefined],
  ])('%s', (_name, object, stored) => {
    const given = server(
      { start, to: { [sb]: 2, 'k1:': 2 }, from: { [sb]: 1, 'k1:': 1 }, stored: 5 },
      { 'k8s.storagemigrations/storageversionmigrations': [object] },
    );
    expect(read(storedSecrets, snapshot(given)).rows[0]?.['stored']).toBe(stored);
    expect(read(secretReads, snapshot(given)).rows[0]?.['outdated']).toEqual(stored === undefined ? undefined : []);
  });
});

describe('declared and seen', () => {
  const declares = (...providers: JsonObject[]): Given => ({ [filesKind]: [file('x', ...providers)] });
  test.each<[string, Page, Given, boolean | undefined]>([
    ['the same', { to: { [sb]: 1, 'k1:': 1 } }, declares(keyed('secretbox', 'k1')), true],
    ['another key', { to: { [sb]: 1, 'k0:': 1 } }, declares(keyed('secretbox', 'k1', 'k0')), false],
    ['another provider', { to: { [cbc]: 1, 'k1:': 1 } }, declares(keyed('secretbox', 'k1')), false],
    ['identity, as declared', { to: { '': 1 } }, declares({ identity: {} }), true],
    [
      'writes that may be older than the last reload',
      { to: { '': 1, [sb]: 1, 'k1:': 1 }, reloads: 1 },
      declares(keyed('secretbox', 'k1')),
      undefined,
    ],
    ['nothing written', {}, declares(keyed('secretbox', 'k1')), undefined],
    [
      'two files that differ only in what writes',
      { to: { [sb]: 1, 'k1:': 1 } },
      { [filesKind]: [file('x', keyed('secretbox', 'k0')), file('y', keyed('secretbox', 'k1'))] },
      undefined,
    ],
  ])('%s', (_name, given, more, agrees) => {
    expect(read(encryptionAgreement, snapshot(server(given, more))).rows[0]?.['agrees']).toBe(agrees);
  });
});

test('keys that were not looked at are gaps, each by its name', () => {
  const keys = [{ name: 'k1', material: { bits: 256, guessable: false, text: true, repeated: false } }, { name: 'k0' }];
  const { rows } = read(encryptionKeys, snapshot(server({}, { [filesKind]: [file('x', { secretbox: { keys } })] })));
  expect(rows.map(({ item, bits, reason, gaps }) => [item, bits, reason, gaps?.[0]?.what])).toEqual([
    ['file/x/secretbox key k1', 256, 'is text, not random bytes, has 256 bits', undefined],
    ['file/x/secretbox key k0', undefined, '', 'secretbox key k0 of x'],
  ]);
});

test('files alone do not show what servers do', () => {
  const reader = snapshot({ [filesKind]: [file('x', keyed('secretbox', 'k1'))] }, { scope: 'files' });
  for (const population of [secretReads, encryptionReloads, encryptionAgreement]) {
    const { rows, gaps } = read(population, reader);
    expect([population.name, rows, gaps.map(({ what }) => what)]).toEqual([population.name, [], ['API servers']]);
  }
});

test('every resource has a row that a file or a counter names', () => {
  const entries = { resources: [{ resources: ['widgets.example.com', '*.apps'], providers: [keyed('secretbox', 'k1')] }] };
  const { rows } = read(resourceWrites, snapshot(server({ to: { [sb]: 1 } }, { [filesKind]: [{ ...file('x'), ...entries }] })));
  const of = (item: string) => rows.find((row) => row.item === item)?.['writes'];
  expect(['secrets', 'widgets.example.com', 'deployments.apps', 'configmaps'].map((name) => of(`kube-apiserver/a/${name}`))).toEqual([
    'strong',
    'strong',
    'strong',
    'plain',
  ]);
});

describe('a key service', () => {
  const day = 86_400;
  const row = (...pages: readonly Page[]) => {
    const [found] = read(kmsKeys, history(...pages.map((each) => server(each)))).rows;
    return [found?.['atLeastDays'], found?.['atMostDays'], found?.gaps?.length];
  };
  test.each<[string, readonly Page[], unknown[]]>([
    ['that changed while the process ran', [{ kms: { a: seconds - 3 * day, b: seconds } }], [3, 3, undefined]],
    ['that never changed', [{ start: seconds - 9 * day, kms: { a: seconds } }], [9, undefined, 1]],
    [
      'that changed between two runs',
      [
        { start: seconds - 9 * day, kms: { a: seconds - 5 * day } },
        { start: seconds - 2 * day, kms: { b: seconds } },
      ],
      [2, 5, undefined],
    ],
    [
      'that changed in a process that is gone',
      [
        { start: seconds - 9 * day, kms: { a: seconds - 7 * day, b: seconds - 3 * day } },
        { start: seconds - 2 * day, kms: { b: seconds } },
      ],
      [7, 7, undefined],
    ],
    [
      'of which runs saw the same all the time',
      [
        { start: seconds - 400 * day, kms: { a: seconds - 30 * day } },
        { start: seconds - 2 * day, kms: { a: seconds } },
      ],
      [400, undefined, 1],
    ],
  ])('%s', (_name, pages, expected) => expect(row(...pages)).toEqual(expected));

  test('that is silent', () => {
    expect(read(kmsServices, snapshot(server({ kms: { a: seconds - 600 } }))).rows[0]?.['silentMinutes']).toBe(10);
  });

  test('that the file names, and no page shows', () => {
    const kms = { kms: { apiVersion: 'v2', name: 'vault', endpoint: 'unix:///run/kms.sock' } };
    const { rows } = read(kmsServices, snapshot(server({}, { [filesKind]: [file('x', kms)] })));
    expect(rows.map(({ item, gaps }) => [item, gaps?.length])).toEqual([['kube-apiserver/a', 1]]);
  });
});
