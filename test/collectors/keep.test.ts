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
