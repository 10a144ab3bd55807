/** What is read of former keys of a key service: times at which it changed, runs before, several servers, and migrations. */
import { describe, expect, test } from 'vitest';
import type { EvidenceReader, Json, JsonObject } from '../../src/model/index.ts';
import { kmsReads } from '../../src/populations/secrets/encryption-kms-reads.ts';
import type { Given } from './snapshots.ts';
import { family, flagz, lease, now, processStart, read, snapshot } from './snapshots.ts';

const seconds = Date.parse(now) / 1000;
const day = 86_400;
const prefix = 'k8s:enc:kms:v2:vault:';
const envelope = 'apiserver_envelope_encryption_key_id_hash';

interface Page {
  readonly start?: number;
  /** Key id → when it was told last. */
  readonly told: Readonly<Record<string, number>>;
  /** Key id → reads, and the time of the last one. */
  readonly reads: Readonly<Record<string, readonly [number, number]>>;
  readonly resources?: Readonly<Record<string, readonly [reads: number, stored: number]>>;
}

function page({ start = seconds - 30 * day, told, reads, resources = { secrets: [9, 9] } }: Page): Json[] {
  const ids = (type: string, pick: (value: readonly [number, number]) => number) =>
    Object.entries(reads).map(
      ([id, value]) => [{ transformation_type: type, provider_name: 'vault', key_id_hash: `sha256:${id}` }, pick(value)] as const,
    );
  const counted = Object.entries(resources).map(
    ([resource, [count]]) => [{ resource, status: 'OK', transformation_type: 'from_storage', transformer_prefix: prefix }, count] as const,
  );
  return [
    processStart(start),
    family('apiserver_storage_transformation_operations_total', ...counted),
    family(
      'apiserver_resource_objects',
      ...Object.entries(resources).map(([resource, [, stored]]) => [{ group: '', resource }, stored] as const),
    ),
    family(
      `${envelope}_status_last_timestamp_seconds`,
      ...Object.entries(told).map(([id, value]) => [{ provider_name: 'vault', key_id_hash: `sha256:${id}` }, value] as const),
    ),
    family(`${envelope}_total`, ...ids('from_storage', ([count]) => count), ...ids('to_storage', () => 1)),
    family(`${envelope}_last_timestamp_seconds`, ...ids('from_storage', ([, time]) => time), ...ids('to_storage', () => seconds)),
  ];
}

const server = (given: Page, more: Given = {}): Given => ({
  'k8s.apiserver/leases': [lease('a')],
  'k8s.apiserver/flagz': [flagz({ 'encryption-provider-config': '/e.yaml' })],
  'k8s.apiserver/metrics': page(given),
  ...more,
});

function two(pages: readonly [Page, Page], more: Given = {}): Given {
  const addresses = ['10.0.0.1:6443', '10.0.0.2:6443'];
  const named = (objects: readonly Json[], address: string) =>
    (objects as readonly { readonly metadata: { readonly name: string } }[]).map((object) =>
      Object.assign({}, object, { replica: address, metadata: { name: `${object.metadata.name}@${address}` } }),
    );
  const endpoints = [{ addresses: ['10.0.0.1', '10.0.0.2'] }];
  return {
    'k8s.apiserver/leases': [lease('a'), lease('b')],
    'k8s.apiservers/endpointslices': [{ kind: 'EndpointSlice', metadata: { name: 'kubernetes' }, endpoints, ports: [{ port: 6443 }] }],
    'k8s.apiservers/flagz': addresses.flatMap((address) => named([flagz({ 'encryption-provider-config': '/e.yaml' })], address)),
    'k8s.apiservers/metrics': pages.flatMap((each, i) => named(page({ start: seconds - 30 * day + i, ...each }), addresses[i] ?? '')),
    ...more,
  };
}

const iso = (time: number) => new Date(time * 1000).toISOString();
const migrations = (begun: number, done: number, ...resources: string[]): Given => ({
  'k8s.storagemigrations/storageversionmigrations': resources.map(
    (resource): JsonObject => ({
      kind: 'StorageVersionMigration',
      metadata: { name: `of-${resource}`, creationTimestamp: iso(begun) },
      spec: { resource: { group: '', resource } },
      status: { conditions: [{ type: 'Succeeded', status: 'True', lastTransitionTime: iso(done) }] },
    }),
  ),
});

function outcomes(reader: EvidenceReader): readonly unknown[] {
  return read(kmsReads, reader).rows.map((row) => row['former'] ?? row.gaps?.map(({ detail }) => detail));
}

/** `a` was told for the last time ten days ago; `b` is since. */
const changed = { a: seconds - 10 * day, b: seconds - 30 };
const afterChange = seconds - 10 * day + 181;
const unknown = ['data of a was read since the process started; whether it is rewritten is not known'];

describe('former keys', () => {
  test.each<[string, Page, unknown]>([
    ['read three minutes after the change', { told: changed, reads: { a: [1, afterChange], b: [8, seconds] } }, ['a']],
    ['read while a server could still write with it', { told: changed, reads: { a: [1, afterChange - 2], b: [8, seconds] } }, unknown],
    ['of which the time is not told', { told: changed, reads: { a: [1, Number.NaN], b: [8, seconds] } }, unknown],
    ['of which the time is none', { told: changed, reads: { a: [1, 1e300], b: [8, seconds] } }, unknown],
    ['several', { told: changed, reads: { a: [1, seconds], z: [2, seconds - day], b: [8, seconds] } }, ['a', 'z']],
    ['none, of all there is', { told: { b: seconds }, reads: { b: [9, seconds] } }, []],
    [
      'none, of all that it was seen to encrypt',
      { told: { b: seconds }, reads: { b: [9, seconds] }, resources: { secrets: [9, 9], configmaps: [0, 4] } },
      [],
    ],
    [
      'none, of two resources that it encrypts, one of which was not all read',
      { told: { b: seconds }, reads: { b: [9, seconds] }, resources: { secrets: [9, 9], configmaps: [3, 4] } },
      ['3 reads do not show all configmaps (4)'],
    ],
    ['none, and nothing was counted', { told: { b: seconds }, reads: {}, resources: {} }, ['no read was counted']],
    ['none, by a start that is no time', { start: Number.NaN, told: { b: seconds }, reads: { a: [1, seconds] } }, unknown],
  ])('%s', (_name, given, expected) => {
    expect(outcomes(snapshot(server(given)))).toEqual([expected]);
  });

  test('a row says which key it is, of which data was read, and when', () => {
    const given = { told: changed, reads: { a: [1, seconds - day], b: [8, seconds] } } satisfies Page;
    const [row] = read(kmsReads, snapshot(server(given))).rows;
    expect(row).toMatchObject({
      item: 'kube-apiserver/a/vault',
      keyId: 'b',
      reason: `b is its key, and data of a was read at ${iso(seconds - day)}`,
    });
  });

  test('a run before tells what was read since; of a process that is gone it does not', () => {
    const given = (count: number, start?: number): Page => ({
      told: changed,
      reads: { a: [count, seconds - day], b: [8, seconds] },
      ...(start === undefined ? {} : { start }),
    });
    const after = (before: Page) => outcomes(snapshot(server(given(5)), { previous: snapshot(server(before)) }));
    expect(after(given(5))).toEqual([unknown]);
    expect(after(given(4))).toEqual([['a']]);
    expect(after(given(5, seconds - 60 * day))).toEqual([['a']]);
  });

  test('each server answers for itself', () => {
    const stale = { told: changed, reads: { a: [1, seconds], b: [8, seconds] } } satisfies Page;
    expect(outcomes(snapshot(two([stale, { told: changed, reads: { b: [9, seconds] } }])))).toEqual([['a'], []]);
  });

  test.each<[string, number, Given, readonly unknown[]]>([
    ['after the change', afterChange + 30, migrations(afterChange + 1, afterChange + 60, 'secrets'), [[]]],
    ['in which data of the former key was read', seconds - day, migrations(afterChange + 1, seconds, 'secrets'), [[]]],
    ['after which data of the former key was read', seconds - day, migrations(afterChange + 1, seconds - 2 * day, 'secrets'), [['a']]],
    ['before the change', seconds - day, migrations(afterChange - 60, afterChange - 30, 'secrets'), [['a']]],
    ['of something else', seconds - day, migrations(afterChange + 1, seconds, 'configmaps'), [['a']]],
  ])('a migration %s', (_name, last, more, expected) => {
    expect(outcomes(snapshot(server({ told: changed, reads: { a: [1, last], b: [8, seconds] } }, more)))).toEqual(expected);
  });

  test('a migration of one resource says nothing of the others, and one under two keys nothing at all', () => {
    const reads = { a: [1, seconds - 20 * day], b: [8, seconds] } as const;
    const more = migrations(seconds - day, seconds - day + 60, 'secrets');
    const both = { secrets: [9, 9], configmaps: [4, 4] } as const;
    expect(outcomes(snapshot(server({ told: changed, reads, resources: both }, more)))).toEqual([unknown]);
    expect(outcomes(snapshot(server({ told: changed, reads }, more)))).toEqual([[]]);
    const other = { told: { a: seconds }, reads: { a: [9, seconds] } } as const;
    expect(outcomes(snapshot(two([{ told: changed, reads }, other], more)))).toEqual([unknown, []]);
  });
});
