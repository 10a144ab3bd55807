/** References to Secrets, and what can be said of them by which evidence. */
import { describe, expect, test } from 'vitest';
import type { Gap, JsonObject, ListingKind, RequestRecord, StoredListing } from '../../../src/model/index.ts';
import { populations } from '../../../src/populations/index.ts';
import { now, read, snapshot, type Given, type SnapshotOptions } from '../snapshots.ts';

function population(name: string) {
  const found = populations.find((each) => each.name === name);
  if (found === undefined) throw new Error(name);
  return found;
}

const [uses, referred] = [population('secretUses'), population('referredSecrets')];

const pod = (name: string, spec: JsonObject, owner?: string): JsonObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    namespace: 'shop',
    uid: name,
    ...(owner !== undefined && { ownerReferences: [{ kind: 'ReplicaSet', name: owner, uid: owner, controller: true }] }),
  },
  spec,
});
const secret = (name: string, type = 'Opaque', namespace = 'shop'): JsonObject => ({
  apiVersion: 'kubevidence/v1',
  kind: 'SecretSummary',
  metadata: { name, namespace },
  type,
  keys: 1,
  createdBetween: ['2026-01-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z'],
});

const listings = [...new Set([...uses.from, ...referred.from])];
const nothing = Object.fromEntries(listings.map((kind) => [kind, []])) as Given;
const having = (given: Given, options?: SnapshotOptions) => snapshot({ ...nothing, ...given }, options);

const everyWay: JsonObject = {
  containers: [
    {
      name: 'app',
      env: [
        { name: 'A', valueFrom: { secretKeyRef: { name: 'env', key: 'a' } } },
        { name: 'B', valueFrom: { secretKeyRef: { name: 'env', key: 'b', optional: true } } },
        { name: 'C', valueFrom: { secretKeyRef: { name: 'maybe', key: 'c', optional: true } } },
        { name: 'D', valueFrom: { configMapKeyRef: { name: 'none', key: 'd' } } },
      ],
    },
  ],
  initContainers: [{ name: 'setup', envFrom: [{ secretRef: { name: 'all' } }] }],
  ephemeralContainers: [{ name: 'debug', env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'env', key: 'a' } } }] }],
  imagePullSecrets: [{ name: 'pull' }, {}],
  volumes: [
    { name: 'v', secret: { secretName: 'volume' } },
    { name: 'p', projected: { sources: [{ secret: { name: 'projected', optional: false } }, { secret: { name: 'perhaps' } }] } },
    { name: 'c', csi: { driver: 'd', nodePublishSecretRef: { name: 'csi' } } },
    { name: 'f', flexVolume: { driver: 'd', secretRef: { name: 'flex' } } },
    { name: 'm', configMap: { name: 'none' } },
  ],
};

describe('references', () => {
  const account = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'ci', namespace: 'shop' },
    secrets: [{ name: 'legacy' }],
    imagePullSecrets: [{ name: 'pull' }],
  };
  const ingress = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { tls: [{ secretName: 'tls' }, {}] },
  };
  const given: Given = {
    'k8s.pods/pods': [pod('web-1', everyWay, 'web'), pod('web-2', everyWay, 'web')],
    'k8s.serviceaccounts/serviceaccounts': [account],
    'k8s.ingresses/ingresses': [ingress],
    'k8s.secrets/secrets': [secret('pull', 'kubernetes.io/dockerconfigjson')],
  };

  test('of every kind, each once for all pods of a workload', () => {
    const { rows, gaps } = read(uses, having(given));
    expect(gaps).toEqual([]);
    expect(new Set(rows.map(({ item, optional, exists }) => [item, optional, exists]))).toEqual(
      new Set([
        ['shop/Ingress/web/TLS of an Ingress/tls', false, false],
        ['shop/ReplicaSet/web/CSI volume/csi', false, false],
        ['shop/ReplicaSet/web/app/env/env', false, false],
        ['shop/ReplicaSet/web/app/env/maybe', true, false],
        ['shop/ReplicaSet/web/debug/env/env', false, false],
        ['shop/ReplicaSet/web/flex volume/flex', false, false],
        ['shop/ReplicaSet/web/image pull secret/pull', false, true],
        ['shop/ReplicaSet/web/projected volume/perhaps', false, undefined],
        ['shop/ReplicaSet/web/projected volume/projected', false, false],
        ['shop/ReplicaSet/web/setup/all keys as env/all', false, false],
        ['shop/ReplicaSet/web/volume/volume', false, false],
        ['shop/ServiceAccount/ci/image pull secret/pull', false, true],
        ['shop/ServiceAccount/ci/secret of an account/legacy', false, false],
      ]),
    );
    const found = rows.find(({ item }) => item.endsWith('web/image pull secret/pull'));
    expect(found).toMatchObject({ type: 'kubernetes.io/dockerconfigjson', secret: 'shop/pull', user: 'ReplicaSet/web' });
    expect(found?.evidence).toHaveLength(2);
    // Whether it can do without was not kept by all versions.
    expect(rows.find(({ item }) => item.endsWith('/perhaps'))?.gaps).toEqual([expect.objectContaining({ reason: 'absent' })]);
  });

  test('a Secret of a namespace that was not asked may be there', () => {
    const asked = (namespace: string, more: Partial<RequestRecord> = {}): RequestRecord => ({
      path: `/api/v1/namespaces/${namespace}/secrets?includeObject=None&limit=500`,
      status: 200,
      startedAt: now,
      endedAt: now,
      pages: 1,
      items: 0,
      bytes: 0,
      attempts: 1,
      consistency: 'consistent',
      ...more,
    });
    const told = (requests: readonly RequestRecord[], gaps: readonly Gap[] = []) => {
      const whole = having({ 'k8s.pods/pods': [pod('web', { volumes: [{ name: 'v', secret: { secretName: 'db' } }] })] });
      const limited = (kind: ListingKind): StoredListing | undefined => {
        const listing = whole.listing(kind);
        return listing === undefined || kind !== 'k8s.secrets/secrets' ? listing : { ...listing, requests, gaps };
      };
      const [row] = read(uses, { ...whole, listing: limited }).rows;
      return row?.['exists'] ?? row?.gaps?.map(({ what, reason }) => `${what}: ${reason}`);
    };
    const forbidden = (namespace: string): Gap => ({ reason: 'forbidden', what: `secrets in ${namespace}` });
    expect(told([asked('shop')])).toBe(false);
    expect(told([asked('other')])).toEqual(['secrets in shop: absent']);
    expect(told([asked('shop', { status: 403 }), asked('other')], [forbidden('shop')])).toEqual(['secrets in shop: forbidden']);
    // What was refused elsewhere says nothing of here.
    expect(told([asked('shop'), asked('other', { status: 403 })], [forbidden('other')])).toBe(false);
    expect(told([asked('shop', { consistency: 'inconsistent' })])).toEqual(['secrets: stale']);
    expect(told([asked('shop')], [{ reason: 'redacted', what: 'k8s.secrets/secrets' }])).toEqual(['k8s.secrets/secrets: redacted']);
  });

  test('files are never the whole cluster', () => {
    const [row] = read(uses, having({ 'k8s.pods/pods': [pod('web', { imagePullSecrets: [{ name: 'x' }] })] }, { scope: 'files' })).rows;
    expect(row?.gaps).toEqual([expect.objectContaining({ detail: 'files are not the whole cluster' })]);
  });
});

describe('what nothing refers to', () => {
  const apiGroup = (name: string, ...versions: string[]): JsonObject => ({
    apiVersion: 'kubevidence/v1',
    kind: 'ApiGroup',
    metadata: { name },
    versions,
  });
  const old: Given = { 'k8s.secrets/secrets': [secret('old')] };
  const tls: Given = { 'k8s.secrets/secrets': [secret('web-tls', 'kubernetes.io/tls')] };
  const silent = { volumes: [{ name: 'v', azureFile: { secretName: { $scrubbed: true }, shareName: { $scrubbed: true } } }] };

  test.each<[string, Given, SnapshotOptions, boolean | undefined]>([
    ['all was read', old, {}, false],
    ['a pod uses it', { ...old, 'k8s.pods/pods': [pod('web', { imagePullSecrets: [{ name: 'old' }] })] }, {}, true],
    ['some pods were not read', old, { gaps: { 'k8s.pods/pods': [{ reason: 'error', what: 'pods' }] } }, undefined],
    [
      'a pod uses it, whatever else was not read',
      { ...old, 'k8s.pods/pods': [pod('web', { imagePullSecrets: [{ name: 'old' }] })] },
      { gaps: { 'k8s.workloads/jobs': [{ reason: 'forbidden', what: 'jobs' }] } },
      true,
    ],
    ['a volume names one that is not kept', { ...old, 'k8s.pods/pods': [pod('web', silent)] }, {}, undefined],
    ['stores are offered and were not read', { ...old, 'k8s.cluster/groups': [apiGroup('external-secrets.io', 'v1')] }, {}, undefined],
    [
      'stores were read and there are none',
      {
        ...old,
        'k8s.cluster/groups': [apiGroup('external-secrets.io', 'v1')],
        'k8s.externalsecrets/secretstores': [],
        'k8s.externalsecrets/clustersecretstores': [],
      },
      {},
      false,
    ],
    [
      'a store for all namespaces signs in with some Secret',
      {
        ...old,
        'k8s.cluster/groups': [apiGroup('external-secrets.io', 'v1')],
        'k8s.externalsecrets/secretstores': [],
        'k8s.externalsecrets/clustersecretstores': [{ kind: 'ClusterSecretStore', metadata: { name: 'vault' } }],
      },
      {},
      undefined,
    ],
    ['a certificate, without cert-manager', tls, {}, false],
    [
      'a certificate, whose Certificates were not read',
      { ...tls, 'k8s.cluster/groups': [apiGroup('cert-manager.io', 'v1')] },
      {},
      undefined,
    ],
    [
      'a certificate of a Certificate',
      {
        ...tls,
        'k8s.cluster/groups': [apiGroup('cert-manager.io', 'v1')],
        'k8s.certmanager/certificates': [
          { kind: 'Certificate', metadata: { name: 'web', namespace: 'shop' }, spec: { secretName: 'web-tls' } },
        ],
      },
      {},
      true,
    ],
    ['files are never the whole cluster', old, { scope: 'files' }, undefined],
  ])('%s', (_name, given, options, used) => {
    const { rows } = read(referred, having(given, options));
    expect(rows.map((row) => row['used'])).toEqual([used]);
    expect(rows[0]?.gaps === undefined).toBe(used !== undefined);
  });
});
