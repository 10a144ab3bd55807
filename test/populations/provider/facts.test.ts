/** What answers say, in the cases in which a simple reading is wrong; and that values which are not known yet are no verdict. */
import { describe, expect, test } from 'vitest';
import type { JsonObject, Platform } from '../../../src/model/index.ts';
import { tooWide } from '../../../src/populations/provider/facts.ts';
import { providerClusters, providerNodePools } from '../../../src/populations/provider/provider-clusters.ts';
import { read } from '../snapshots.ts';
import { answerOf, given, nodeOf } from './given.ts';

const azure = nodeOf('a', { 'kubernetes.azure.com/cluster': 'MC_x' }, 'azure:///subscriptions/0/a');
function facts(platform: Platform, settings: JsonObject, whole = true) {
  const all = platform === 'aks' ? { nodeResourceGroup: 'MC_x', ...settings } : settings;
  return read(providerClusters, given({ answers: [answerOf(platform, all, { whole })], nodes: platform === 'aks' ? [azure] : [] })).rows[0];
}
function pools(platform: Platform, settings: JsonObject, whole = true) {
  const all = platform === 'aks' ? { nodeResourceGroup: 'MC_x', ...settings } : settings;
  return read(providerNodePools, given({ answers: [answerOf(platform, all, { whole })], nodes: platform === 'aks' ? [azure] : [] })).rows;
}

test.each<[readonly string[], readonly string[]]>([
  [['203.0.113.7', '203.0.113.0/24', '10.0.0.0/8', '2001:db8::/32'], []],
  [['0.0.0.0/0'], ['0.0.0.0/0']],
  [
    ['0.0.0.0/1', '128.0.0.0/1', '::/0', '2000::/3'],
    ['0.0.0.0/1', '128.0.0.0/1', '::/0', '2000::/3'],
  ],
  [
    ['1.2.3.4/x', '1.2.3.4/'],
    ['1.2.3.4/x', '1.2.3.4/'],
  ],
])('networks that restrict nobody: %s', (networks, wide) => {
  expect(tooWide(networks)).toEqual(wide);
});

describe('an answer that was cut down says nothing of what it lacks', () => {
  test.each<Platform>(['eks', 'gke', 'aks'])('%s', (platform) => {
    const row = facts(platform, {}, false);
    for (const field of [
      'secretsKey',
      'wideNetworks',
      'legacyAbac',
      'localCredentials',
      'networkPolicy',
      'workloadIdentity',
      'shieldedNodes',
    ])
      expect([field, row?.[field]]).toEqual([field, null]);
  });
});

describe('a value that is not known yet is no verdict', () => {
  test.each<[string, Platform, JsonObject, string]>([
    ['a state of encryption of GKE', 'gke', { databaseEncryption: { currentState: 'CURRENT_STATE_NEW', keyName: 'k' } }, 'secretsKey'],
    ['encrypted, and no key is named', 'gke', { databaseEncryption: { currentState: 'CURRENT_STATE_ENCRYPTED' } }, 'secretsKey'],
    ['a data path', 'gke', { networkConfig: { datapathProvider: 'NEW_DATAPATH' } }, 'networkPolicy'],
    ['a mode of Binary Authorization', 'gke', { binaryAuthorization: { evaluationMode: 'NEW' } }, 'imagePolicy'],
    ['a mode of posture', 'gke', { securityPostureConfig: { mode: 'NEW' } }, 'posture'],
    ['a mode of sign-in to EKS', 'eks', { accessConfig: { authenticationMode: 'NEW' } }, 'accessMode'],
    [
      'encryption by AKS',
      'aks',
      { securityProfile: { kubernetesResourceObjectEncryptionProfile: { infrastructureEncryption: 'Partly' } } },
      'secretsKey',
    ],
    ['a kind of public access', 'aks', { publicNetworkAccess: 'SecuredByPerimeter' }, 'wideNetworks'],
    ['a network policy of AKS', 'aks', { networkProfile: { networkPolicy: 'new' } }, 'networkPolicy'],
    ['a network plugin of one’s own on AKS', 'aks', { networkProfile: { networkPlugin: 'none', networkPolicy: 'none' } }, 'networkPolicy'],
  ])('%s', (_name, platform, settings, field) => {
    expect(facts(platform, settings)?.[field]).toBeNull();
  });

  test('of a pool', () => {
    expect(pools('gke', { nodePools: [{ name: 'a', config: { workloadMetadataConfig: { mode: 'NEW' } } }] })).toMatchObject([
      { metadataShielded: null },
    ]);
  });
});

test('a type of log that stands under both is off', () => {
  const logging = {
    clusterLogging: [
      { types: ['audit', 'api'], enabled: true },
      { types: ['audit'], enabled: false },
    ],
  };
  expect(facts('eks', { logging })).toMatchObject({ auditLog: 'off', logsOn: ['api'] });
});

test('no setting of logs at all is nothing on, where EKS says so', () => {
  expect(facts('eks', { logging: { clusterLogging: [] } })).toMatchObject({ auditLog: 'off', logsOn: [] });
});

test('before 1.28 EKS without a key has none', () => {
  const reader = given({ answers: [answerOf('eks', { version: '1.27' })], identity: { version: '1.27.9-eks-3abcdef' } });
  expect(read(providerClusters, reader).rows).toMatchObject([{ secretsKey: 'none' }]);
});

test('category groups of Azure stand for their categories, and only with a destination', () => {
  const with_ = (setting: JsonObject) => {
    const part = answerOf('aks', {}, { answer: 'aks-diagnostics', settings: { name: 'a', ...setting } });
    return read(providerClusters, given({ answers: [answerOf('aks', { nodeResourceGroup: 'MC_x' }), part], nodes: [azure] })).rows[0]?.[
      'auditLog'
    ];
  };
  const logs = [{ categoryGroup: 'audit', enabled: true }];
  expect(with_({ logs, storageAccountId: '/s' })).toBe('full');
  expect(with_({ logs, storageAccountId: '' })).toBe('off');
  for (const categoryGroup of ['new', '__proto__', 'constructor'])
    expect(with_({ logs: [{ categoryGroup, enabled: true }], workspaceId: '/w' })).toBeNull();
  expect(
    with_({
      logs: [
        { category: 'kube-audit', enabled: false },
        { category: 'kube-audit-admin', enabled: true },
      ],
      workspaceId: '/w',
    }),
  ).toBe('withoutReads');
});
