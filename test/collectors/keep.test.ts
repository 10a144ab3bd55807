/** What each collector keeps of objects that hold more than they should: nothing that is a key, a certificate or typed by a person. */
import { describe, expect, test } from 'vitest';
import { collectors, declarationOf } from '../../src/collectors/index.ts';
import type { ListingKind, RawObject } from '../../src/model/index.ts';
import { createScrubber } from '../../src/sources/scrub/scrub.ts';

const canary = 'QzRuNHJ5LXZhbHVl';
const marked = { $scrubbed: true };

function scrub(kind: ListingKind, object: RawObject) {
  const declaration = declarationOf(kind);
  if (declaration === undefined) throw new Error(kind);
  return createScrubber(declaration).scrub(object).body;
}

const registration = 'admissionregistration.k8s.io/v1';

test('a webhook keeps what decides, but neither its CA nor an address outside', () => {
  const body = scrub('k8s.admission/validatingwebhookconfigurations', {
    apiVersion: registration,
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'policy', annotations: { note: canary } },
    webhooks: [
      {
        name: 'a',
        clientConfig: { url: `https://policy.example.com/${canary}`, caBundle: canary },
        failurePolicy: 'Ignore',
        rules: [{ apiGroups: ['*'] }],
        namespaceSelector: { matchLabels: { a: 'b' } },
        matchConditions: [{ name: 'c', expression: 'true' }],
        admissionReviewVersions: ['v1'],
      },
      { name: 'b', clientConfig: { service: { name: 's', namespace: 'n', path: `/${canary}`, port: 443 } }, timeoutSeconds: 3 },
    ],
  });
  expect(JSON.stringify(body)).not.toContain(canary);
  expect(body['webhooks']).toEqual([
    {
      name: 'a',
      clientConfig: { url: marked, caBundle: marked },
      failurePolicy: 'Ignore',
      rules: [{ apiGroups: ['*'] }],
      namespaceSelector: { matchLabels: { a: 'b' } },
      matchConditions: [{ name: 'c', expression: 'true' }],
    },
    { name: 'b', clientConfig: { service: { name: 's', namespace: 'n', port: 443 } }, timeoutSeconds: 3 },
  ]);
});

test('a mutating policy keeps its expressions, but not what it writes into objects', () => {
  const body = scrub('k8s.admission/mutatingadmissionpolicies', {
    apiVersion: registration,
    kind: 'MutatingAdmissionPolicy',
    metadata: { name: 'p' },
    spec: {
      failurePolicy: 'Fail',
      variables: [{ name: 'v', expression: 'object' }],
      mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: `Object{spec: "${canary}"}` } }],
    },
  });
  expect(body['spec']).toEqual({
    failurePolicy: 'Fail',
    variables: [{ name: 'v', expression: 'object' }],
    mutations: [{ patchType: 'ApplyConfiguration' }],
  });
});

test('a certificate request keeps who asked and how it was decided, but neither request nor certificate', () => {
  const body = scrub('k8s.certificates/certificatesigningrequests', {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'r' },
    spec: {
      request: canary,
      signerName: 's',
      username: 'alice',
      uid: canary,
      groups: ['g'],
      extra: { k: [canary] },
      usages: ['client auth'],
    },
    status: { certificate: canary, conditions: [{ type: 'Approved', status: 'True', reason: 'R', message: canary }] },
  });
  expect(JSON.stringify(body)).not.toContain(canary);
  expect(body['spec']).toEqual({ signerName: 's', username: 'alice', groups: ['g'], usages: ['client auth'] });
  expect(body['status']).toEqual({ certificate: marked, conditions: [{ type: 'Approved', status: 'True', reason: 'R' }] });
});

test('a storage class keeps what says whether data is encrypted, and only the names of other parameters', () => {
  const body = scrub('k8s.storage/storageclasses', {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 's' },
    provisioner: 'kubernetes.io/glusterfs',
    parameters: { encrypted: 'true', restuserkey: canary, kmsKeyId: canary },
  });
  expect(body['parameters']).toEqual({ encrypted: 'true', restuserkey: marked, kmsKeyId: marked });
});

test('a volume keeps where it lies, and of other sources their type', () => {
  const spec = { csi: { driver: 'd', volumeHandle: canary, volumeAttributes: { user: canary } }, flexVolume: { options: { p: canary } } };
  const body = scrub('k8s.storage/persistentvolumes', { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'v' }, spec });
  expect(body['spec']).toEqual({ csi: { driver: 'd' }, flexVolume: { options: marked } });
});

test('a ConfigMap keeps its keys, and which rule recognised a credential, but no text', () => {
  const body = scrub('k8s.configmaps/configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'settings', annotations: { note: canary } },
    data: { 'app.yaml': `db:\n  password: ${canary}\n`, SMTP_PASSWORD: canary, LOGO: canary, EMPTY: '' },
    binaryData: { 'key.p12': canary },
    immutable: true,
  });
  expect(JSON.stringify(body)).not.toContain(canary);
  expect(body['data']).toEqual({
    'app.yaml': { ...marked, credential: 'written-password' },
    SMTP_PASSWORD: { ...marked, credential: 'name-suggests-credential' },
    LOGO: marked,
    EMPTY: '',
  });
  expect(body['binaryData']).toEqual({ 'key.p12': marked });
});

test('of what brings Secrets, neither values nor stores nor how they are signed in to are kept', () => {
  const given: readonly (readonly [ListingKind, string, string, RawObject, RawObject])[] = [
    [
      'k8s.externalsecrets/externalsecrets',
      'external-secrets.io/v1',
      'ExternalSecret',
      {
        secretStoreRef: { name: 'v', kind: 'SecretStore' },
        target: { name: 't', template: { data: { a: canary } } },
        data: [{ remoteRef: { key: canary } }],
      },
      { secretStoreRef: { name: 'v', kind: 'SecretStore' }, target: { name: 't' } },
    ],
    [
      'k8s.externalsecrets/secretstores',
      'external-secrets.io/v1',
      'SecretStore',
      { provider: { vault: { server: canary, auth: { tokenSecretRef: { name: canary } } } } },
      { provider: { vault: marked } },
    ],
    [
      'k8s.externalsecrets/secretproviderclasses',
      'secrets-store.csi.x-k8s.io/v1',
      'SecretProviderClass',
      { provider: 'vault', parameters: { objects: canary }, secretObjects: [{ secretName: 's', data: [{ key: canary }] }] },
      { provider: 'vault', secretObjects: [{ secretName: 's' }] },
    ],
    [
      'k8s.externalsecrets/sealedsecrets',
      'bitnami.com/v1alpha1',
      'SealedSecret',
      { encryptedData: { password: canary }, template: { data: { a: canary }, metadata: { annotations: { a: canary } } } },
      { encryptedData: { password: marked }, template: { metadata: {} } },
    ],
    [
      'k8s.externalsecrets/kustomizations',
      'kustomize.toolkit.fluxcd.io/v1',
      'Kustomization',
      { decryption: { provider: 'sops', secretRef: { name: 'age' } }, postBuild: { substitute: { a: canary } } },
      { decryption: { provider: 'sops', secretRef: { name: 'age' } } },
    ],
    [
      'k8s.certmanager/certificates',
      'cert-manager.io/v1',
      'Certificate',
      { secretName: 's', dnsNames: ['a'], keystores: { jks: { password: canary } } },
      { secretName: 's', dnsNames: ['a'] },
    ],
  ];
  for (const [listing, apiVersion, kind, spec, kept] of given) {
    const status = { conditions: [{ type: 'Ready', status: 'False', message: canary }] };
    const body = scrub(listing, { apiVersion, kind, metadata: { name: 'x' }, spec, status });
    expect([listing, body['spec']]).toEqual([listing, kept]);
    expect(JSON.stringify(body)).not.toContain(canary);
  }
});

describe('the list of API groups', () => {
  const declaration = declarationOf('k8s.cluster/groups');
  const request = { path: '/apis', paged: false, what: 'groups' };
  const decode = (value: unknown) => declaration?.decode(Buffer.from(JSON.stringify(value)), request);

  test('gives one object for each group', () => {
    const groups = [{ name: 'apps', versions: [{ version: 'v2' }, { version: 'v1' }], preferredVersion: { version: 'v1' } }];
    expect(decode({ kind: 'APIGroupList', apiVersion: 'v1', groups })?.items).toEqual([
      { apiVersion: 'kubevidence/v1', kind: 'ApiGroup', metadata: { name: 'apps' }, versions: ['v1', 'v2'] },
    ]);
  });
  test.each([
    [{ kind: 'Status', message: 'no' }, /of kind Status/],
    [{ kind: 'APIGroupList' }, /no list of groups/],
    [{ kind: 'APIGroupList', groups: [{ versions: [] }] }, /a group has no name/],
  ])('is nothing else: %j', (value, message) => {
    expect(() => decode(value)).toThrow(message);
  });
});

test('no collector keeps the content of certificates, requests or CA bundles', () => {
  const whole = collectors.flatMap(({ listings }) => listings.flatMap(({ keep }) => keep.filter((entry) => typeof entry === 'string')));
  expect(whole.filter((path) => /caBundle|status\.certificate|spec\.request$/.test(path))).toEqual([]);
});
