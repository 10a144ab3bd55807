/** Kinds that only some clusters offer: of what is not there nothing is missing, of what is there and was not read something is. */
import { describe, expect, test } from 'vitest';
import type { Gap, JsonObject, ListingKind } from '../../../src/model/index.ts';
import { issuedCertificates } from '../../../src/populations/secrets/issued-certificates.ts';
import { managedSecrets } from '../../../src/populations/secrets/managed-secrets.ts';
import { secretStores } from '../../../src/populations/secrets/secret-stores.ts';
import { type Given, read, snapshot } from '../snapshots.ts';

const offers = (name: string, ...versions: string[]): JsonObject => ({
  apiVersion: 'kubevidence/v1',
  kind: 'ApiGroup',
  metadata: { name },
  versions,
});
const object = (kind: string, name: string, spec: JsonObject, status: JsonObject = {}): JsonObject => ({
  apiVersion: 'x/v1',
  kind,
  metadata: { name, namespace: 'shop' },
  spec,
  status,
});
const ready = { conditions: [{ type: 'Ready', status: 'True', reason: 'Ready' }] };
const listing: ListingKind = 'k8s.certmanager/certificates';
const groups: ListingKind = 'k8s.cluster/groups';

describe('what is missing', () => {
  const notServed: Gap = { reason: 'absent', what: 'certificates', detail: '404: the server could not find the requested resource' };

  test.each<[string, Given, Readonly<Partial<Record<ListingKind, readonly Gap[]>>>, readonly (string | undefined)[]]>([
    ['not offered, not asked', { [groups]: [offers('apps', 'v1')] }, {}, []],
    ['not offered, asked in vain', { [groups]: [offers('apps', 'v1')], [listing]: [] }, { [listing]: [notServed] }, []],
    ['offered, not asked', { [groups]: [offers('cert-manager.io', 'v1')] }, {}, ['not collected in this run']],
    ['offered and read', { [groups]: [offers('cert-manager.io', 'v1')], [listing]: [] }, {}, []],
    [
      'offered in an older version',
      { [groups]: [offers('cert-manager.io', 'v1beta1')], [listing]: [] },
      { [listing]: [notServed] },
      ['cert-manager.io is offered, but not as v1'],
    ],
    ['groups not read', {}, {}, ['not collected in this run', 'not collected in this run']],
  ])('%s', (_name, given, gaps, expected) => {
    expect(read(issuedCertificates, snapshot(given, { gaps })).gaps.map(({ detail }) => detail)).toEqual(expected);
  });
});

test('of a certificate: what is left, and what is overdue', () => {
  // Judged at noon of the first of October.
  const certificates = [
    object('Certificate', 'good', { secretName: 's' }, { ...ready, notAfter: '2026-10-11T12:00:00Z', renewalTime: '2026-10-02T12:00:00Z' }),
    object('Certificate', 'late', { secretName: 's' }, { ...ready, notAfter: '2026-10-02T12:00:00Z', renewalTime: '2026-09-30T12:00:00Z' }),
    object('Certificate', 'odd', { secretName: 's' }, { ...ready, notAfter: '2026-09-30T12:00:00Z', renewalTime: 'soon' }),
    object('Certificate', 'new', { secretName: 's' }, {}),
  ];
  const { rows } = read(issuedCertificates, snapshot({ [groups]: [offers('cert-manager.io', 'v1')], [listing]: certificates }));
  expect(
    rows.map(({ certificate, issued, hoursLeft, hoursOverdue, ready: isReady }) => [certificate, issued, hoursLeft, hoursOverdue, isReady]),
  ).toEqual([
    ['shop/good', true, 240, 0, true],
    ['shop/late', true, 24, 24, true],
    ['shop/new', false, undefined, undefined, false],
    ['shop/odd', true, -24, 24, true],
  ]);
});

test('what brings Secrets, from where, and into which', () => {
  const of = (resource: string): ListingKind => `k8s.externalsecrets/${resource}`;
  const marked = { $scrubbed: true };
  const { rows } = read(
    managedSecrets,
    snapshot({
      [groups]: [],
      [of('externalsecrets')]: [object('ExternalSecret', 'db', { secretStoreRef: { name: 'vault' }, target: { name: 'db-login' } }, ready)],
      [of('clustersecretstores')]: [{ kind: 'ClusterSecretStore', metadata: { name: 'vault' }, spec: { provider: { vault: marked } } }],
      [of('secretproviderclasses')]: [object('SecretProviderClass', 'keys', { provider: 'azure', secretObjects: [{ secretName: 'tls' }] })],
      [of('sealedsecrets')]: [object('SealedSecret', 'mail', {}, { conditions: [{ type: 'Synced', status: 'True' }] })],
      [of('kustomizations')]: [
        object('Kustomization', 'plain', {}),
        object('Kustomization', 'sealed', { decryption: { provider: 'sops' }, sourceRef: { kind: 'GitRepository', name: 'apps' } }, ready),
      ],
    }),
  );
  expect(rows.map(({ item, tool, origin, secrets, reports, ready: isReady }) => [item, tool, origin, secrets, reports, isReady])).toEqual([
    ['ExternalSecret/shop/db', 'External Secrets Operator', 'SecretStore/vault', ['db-login'], true, true],
    ['ClusterSecretStore/vault', 'External Secrets Operator', 'vault', [], true, false],
    ['SecretProviderClass/shop/keys', 'Secrets Store CSI driver', 'azure', ['tls'], false, false],
    ['SealedSecret/shop/mail', 'Sealed Secrets', 'repository', ['mail'], true, true],
    ['Kustomization/shop/sealed', 'Flux with sops', 'GitRepository/apps', [], true, true],
  ]);
});

test.each<[string, JsonObject, string | undefined, boolean]>([
  ['just fetched', {}, '2026-10-01T11:30:00Z', false],
  ['fetched three hours ago, by the hour', {}, '2026-10-01T09:00:00Z', false],
  ['fetched longer ago', {}, '2026-10-01T08:59:59Z', true],
  ['as long ago, by the day', { refreshInterval: '24h' }, '2026-10-01T08:59:59Z', false],
  ['days ago, by the day', { refreshInterval: '24h' }, '2026-09-29T10:59:59Z', true],
  ['who knows when', {}, undefined, true],
  ['some time', {}, 'yesterday', true],
  ['once', { refreshPolicy: 'CreatedOnce' }, '2026-01-01T00:00:00Z', false],
  ['on change', { refreshPolicy: 'OnChange' }, undefined, false],
  ['once, in the older way', { refreshInterval: '0s' }, '2026-01-01T00:00:00Z', false],
])('an ExternalSecret that was fetched %s', (_what, spec, refreshTime, isOld) => {
  const kind: ListingKind = 'k8s.externalsecrets/externalsecrets';
  const status = { ...ready, ...(refreshTime !== undefined && { refreshTime }) };
  const { rows } = read(managedSecrets, snapshot({ [groups]: [], [kind]: [object('ExternalSecret', 'db', spec, status)] }));
  expect(rows[0]?.gaps?.map(({ reason, what }) => [reason, what])).toEqual(isOld ? [['stale', 'ExternalSecret/shop/db']] : undefined);
  // What is not ready fails, however old that is.
  const failing = { ...status, conditions: [{ type: 'Ready', status: 'False' }] };
  const other = read(managedSecrets, snapshot({ [groups]: [], [kind]: [object('ExternalSecret', 'db', spec, failing)] }));
  expect(other.rows[0]).toMatchObject({ ready: false });
  expect(other.rows[0]?.gaps).toBeUndefined();
});

test('what is encrypted in a repository is told apart from a store', () => {
  const { rows } = read(
    secretStores,
    snapshot({
      'k8s.cluster/identity': [{ kind: 'Namespace', metadata: { name: 'kube-system' } }],
      [groups]: [offers('bitnami.com', 'v1alpha1'), offers('external-secrets.io', 'v1')],
      'k8s.externalsecrets/kustomizations': [object('Kustomization', 'sealed', { decryption: { provider: 'sops' } })],
    }),
  );
  expect(rows).toEqual([expect.objectContaining({ tools: ['External Secrets Operator'], sealed: ['Flux with SOPS', 'Sealed Secrets'] })]);
  expect(rows[0]?.evidence).toHaveLength(4);
});
