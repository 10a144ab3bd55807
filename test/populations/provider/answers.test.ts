/** Which answers of a provider count for a cluster, and what is said of those that do not. */
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../src/model/index.ts';
import { detectManaged, unusedAnswers } from '../../../src/populations/index.ts';
import { providerClusters, providerNodePools } from '../../../src/populations/provider/provider-clusters.ts';
import { read } from '../snapshots.ts';
import { answerOf, given, type GivenSnapshot, nodeOf } from './given.ts';

const azure = nodeOf('a', { 'kubernetes.azure.com/cluster': 'MC_x' }, 'azure:///subscriptions/0/a');
const aks = answerOf('aks', { nodeResourceGroup: 'mc_X', currentKubernetesVersion: '1.34.2' });
const eks = { version: '1.34.2-eks-3abcdef' };
const marked = nodeOf('cp', { 'node-role.kubernetes.io/control-plane': '' }, 'aws:///a/i');

describe('an answer that is of this cluster', () => {
  test.each<[string, GivenSnapshot, string]>([
    ['by the certificate of its CA', { answers: [answerOf('eks')] }, 'the certificate of its CA'],
    [
      'by one of two certificates, while the CA is rotated',
      { answers: [answerOf('gke', {}, { fingerprints: ['bb22', 'aa11'] })] },
      'the certificate of its CA',
    ],
    [
      'by its endpoint',
      { answers: [answerOf('gke', {}, { fingerprints: [] })], identity: { server: 'https://API.clinic.example:443' } },
      'the endpoint of its API server',
    ],
    [
      'by its endpoint, where the system trusts the server',
      { answers: [answerOf('eks')], identity: { caFingerprint: null, server: 'https://api.clinic.example' } },
      'the endpoint of its API server',
    ],
    ['by the resource group of all nodes', { answers: [aks], nodes: [azure] }, 'the resource group that all its nodes name'],
    [
      'in files',
      { answers: [answerOf('eks')], scope: 'files', identity: { caFingerprint: null, version: null } },
      'the files that it was given with',
    ],
    [
      'beside one of another cluster',
      { answers: [answerOf('eks', {}, { fingerprints: ['bb22'], cluster: 'arn:aws:eks:a:1:cluster/other' }), answerOf('eks')] },
      'the certificate of its CA',
    ],
  ])('%s', (_name, snapshot, boundBy) => {
    const reader = given(snapshot);
    const { rows, gaps } = read(providerClusters, reader);
    expect(gaps).toEqual([]);
    expect(rows).toMatchObject([{ told: true, boundBy, takenFrom: 'what the file says' }]);
    expect(detectManaged(reader)).toBe(rows[0]?.['provider']);
  });
});

const otherFile = nodeOf('n', {}, 'vsphere://1');

describe('an answer that does not count', () => {
  test.each<[string, GivenSnapshot, string, string]>([
    [
      'of another cluster',
      { answers: [answerOf('eks', {}, { fingerprints: ['bb22'] })], identity: eks },
      'error',
      'it is of another cluster: its CA certificate',
    ],
    [
      'of another cluster, though its endpoint is the same',
      { answers: [answerOf('eks', {}, { fingerprints: ['bb22'] })], identity: { ...eks, server: 'https://api.clinic.example' } },
      'error',
      'it is of another cluster',
    ],
    [
      'of nobody knows which',
      { answers: [answerOf('eks')], identity: { ...eks, caFingerprint: null, server: 'https://10.0.0.1' } },
      'error',
      'nothing shows that it is of this cluster',
    ],
    [
      'of AKS, and a node names another group',
      { answers: [answerOf('aks', { nodeResourceGroup: 'MC_y' })], nodes: [azure] },
      'error',
      'not all nodes name its resource group',
    ],
    ['of another provider', { answers: [answerOf('gke')], identity: eks }, 'error', 'the cluster shows itself as one of EKS'],
    [
      'too old',
      { answers: [answerOf('eks', {}, { takenAt: '2026-08-20T06:00:00Z' })], identity: eks },
      'stale',
      'more than 35 days ago (what the file says)',
    ],
    [
      'of a time to come',
      { answers: [answerOf('eks', {}, { takenAt: '2026-10-02T06:00:00Z' })], identity: eks },
      'stale',
      'a time that is to come',
    ],
    ['without a time', { answers: [answerOf('eks', {}, { takenAt: '' })], identity: eks }, 'stale', 'it does not say when it was taken'],
    [
      'of before an upgrade',
      { answers: [answerOf('eks', { version: '1.33' })], identity: eks },
      'stale',
      'ran version 1.33, and it runs 1.34',
    ],
    [
      'two that both fit',
      { answers: [answerOf('eks'), answerOf('eks', {}, { cluster: 'arn:aws:eks:a:1:cluster/other' })], identity: eks },
      'error',
      'another answer about another cluster fits as well',
    ],
    [
      'several in files',
      { answers: [answerOf('eks'), answerOf('gke')], scope: 'files', identity: { caFingerprint: null, version: null } },
      'error',
      'answers about several clusters are there',
    ],
    [
      'of EKS in files, beside a node of something else',
      { answers: [answerOf('eks')], nodes: [otherFile], scope: 'files', identity: { caFingerprint: null, version: null } },
      'error',
      'node n is none of EKS',
    ],
    [
      'a file that could not be read',
      { answers: [answerOf('eks')], identity: eks, answerGaps: [{ reason: 'error', what: 'a.json' }] },
      'error',
      '',
    ],
  ])('%s', (_name, snapshot, reason, detail) => {
    for (const population of [providerClusters, providerNodePools]) {
      const { gaps } = read(population, given(snapshot));
      expect(gaps.length).toBeGreaterThan(0);
      expect(gaps[0]).toMatchObject({ reason });
      expect(gaps[0]?.detail ?? '').toContain(detail);
    }
  });
});

test('the latest answer counts, and what is of an earlier one is left out', () => {
  const old = answerOf('eks', { version: '1.33' }, { takenAt: '2026-09-01T06:00:00Z' });
  const { rows, gaps } = read(providerClusters, given({ answers: [old, answerOf('eks', { version: '1.34' })] }));
  expect(gaps).toEqual([]);
  expect(rows).toMatchObject([{ version: '1.34' }]);
});

test('parts join the cluster that they name, and an old one is left out, which is told', () => {
  const part = (more: JsonObject) =>
    answerOf('eks', {}, { answer: 'eks-log-group', settings: { logGroupName: '/aws/eks/clinic/cluster', retentionInDays: 30 }, ...more });
  const days = (parts: readonly JsonObject[]) => read(providerClusters, given({ answers: [answerOf('eks'), ...parts] }));
  expect(days([part({})]).rows).toMatchObject([{ logDays: 30 }]);
  expect(days([part({ cluster: 'clinic' })]).rows).toMatchObject([{ logDays: 30 }]);
  expect(days([part({ cluster: 'arn:aws:eks:eu-central-1:111122223333:cluster/other' })]).rows).toMatchObject([{ logDays: null }]);
  expect(days([part({ takenAt: '2026-08-01T00:00:00Z' })])).toMatchObject({ rows: [{ logDays: null }], gaps: [] });
  const old = given({ answers: [answerOf('eks'), part({ takenAt: '2026-08-01T00:00:00Z' })] });
  expect(unusedAnswers(old)).toMatchObject([{ reason: 'stale' }]);
});

describe('without an answer', () => {
  test("a provider's cluster has a row that tells nothing, and no gap", () => {
    expect(read(providerClusters, given({ identity: eks }))).toMatchObject({
      rows: [{ provider: 'eks', told: false, auditLog: null, secretsKey: null }],
      gaps: [],
    });
    expect(read(providerNodePools, given({ nodes: [azure] }))).toMatchObject({ rows: [{ provider: 'aks', told: false }], gaps: [] });
  });

  test('a cluster of its owner has no row, whatever lies in the directory', () => {
    expect(read(providerClusters, given({ nodes: [marked] }))).toEqual({ rows: [], gaps: [] });
    const reader = given({ nodes: [marked], answers: [answerOf('eks', {}, { fingerprints: ['bb22'] })] });
    expect(read(providerClusters, reader)).toEqual({ rows: [], gaps: [] });
    expect(detectManaged(reader)).toBeNull();
  });

  test.each([
    ['the CA', {}],
    ['the endpoint', { caFingerprint: null, server: 'https://API.clinic.example:443' }],
  ])('a node that is marked as one of the control plane is no answer where %s that was met stands in one', (_, identity) => {
    const reader = given({ nodes: [marked], answers: [answerOf('eks')], identity });
    for (const population of [providerClusters, providerNodePools])
      expect(read(population, reader)).toMatchObject({
        rows: [],
        gaps: [{ reason: 'error', detail: expect.stringContaining('is marked') as string }],
      });
    expect(detectManaged(reader)).toBeNull();
  });

  test('nobody can say that there is no provider where nodes were not read', () => {
    expect(read(providerClusters, given({ nodes: null }))).toMatchObject({
      rows: [],
      gaps: [{ what: 'who runs the control plane', reason: 'absent' }],
    });
  });
});
