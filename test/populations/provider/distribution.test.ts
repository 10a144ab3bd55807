/** Which distribution a cluster is, on what that stands, and that a node's word about itself hands nothing to a provider. */
import { describe, expect, test } from 'vitest';
import { describeDistribution, detectDistribution } from '../../../src/populations/index.ts';
import { serverVersions } from '../../../src/populations/control-plane/versions.ts';
import { read } from '../snapshots.ts';
import { answerOf, given, type GivenSnapshot, nodeOf } from './given.ts';

const named = (name: string) => ({ apiVersion: 'v1', kind: 'X', metadata: { name } });
const withImage = (osImage: string, kubeletVersion = 'v1.34.2') => ({ ...nodeOf('a'), status: { nodeInfo: { osImage, kubeletVersion } } });
const evidence = (name: string, installer: string) => ({ apiVersion: 'v1', kind: 'NodeEvidence', metadata: { name }, host: { installer } });

describe('is told', () => {
  test.each<[string, GivenSnapshot, string, string]>([
    [
      'EKS by its version',
      { identity: { version: '1.34.2-eks-3abcdef' } },
      'eks',
      'Amazon EKS, by the version of the API server, 1.34.2-eks-3abcdef; AWS runs the control plane',
    ],
    [
      'GKE by an answer',
      { answers: [answerOf('gke')] },
      'gke',
      'Google GKE, by an answer of the provider, bound by the certificate of its CA; Google runs the control plane',
    ],
    [
      'k3s by its version',
      { identity: { version: '1.34.2+k3s1' } },
      'k3s',
      'k3s, by the version of the API server, 1.34.2+k3s1; the control plane is its owner’s to answer for',
    ],
    [
      'AKS by the host name of its API server',
      { identity: { server: 'https://clinic-1a2b.hcp.westeurope.azmk8s.io:443' } },
      'aks',
      'perhaps Azure AKS, by the host name of the API server; that is not enough to leave the control plane to a provider',
    ],
    ['RKE2 by its version', { identity: { version: '1.34.2+rke2r1' } }, 'rke2', 'RKE2, by the version of the API server'],
    [
      'OpenShift by its API group',
      { others: { 'k8s.cluster/groups': [named('config.openshift.io')] } },
      'openshift',
      'OpenShift, by the API group config.openshift.io; the control plane is its owner’s',
    ],
    [
      'OpenShift by a namespace',
      { others: { 'k8s.namespaces/namespaces': [named('openshift-kube-apiserver')] } },
      'openshift',
      'by the namespace openshift-kube-apiserver',
    ],
    [
      'kubeadm by its ConfigMap',
      { others: { 'k8s.kubeadm/configmaps': [named('kubeadm-config')] } },
      'kubeadm',
      'by the ConfigMap kube-system/kubeadm-config',
    ],
    [
      'Talos by the image of its nodes',
      { nodes: [withImage('Talos (v1.11.0)')] },
      'talos',
      'by the image of the system of its node, which nodes write about themselves',
    ],
    [
      'kops by what was read on nodes',
      { others: { 'node.evidence/nodes': [evidence('a', 'kops'), evidence('b', 'kops')] } },
      'kops',
      'kOps, by what was read on 2 nodes; ',
    ],
    [
      'k3s of nodes in files',
      { identity: { version: null }, nodes: [withImage('Ubuntu', 'v1.34.2+k3s1')] },
      'k3s',
      'by the version of the kubelet of its node, which nodes write about themselves',
    ],
    [
      'what says more comes first',
      { identity: { version: '1.34.2+k3s1' }, others: { 'k8s.kubeadm/configmaps': [named('kubeadm-config')] } },
      'k3s',
      'k3s, by the version',
    ],
    [
      'nodes of AWS whose server says nothing of EKS',
      { nodes: [withImage('Amazon Linux', 'v1.34.2-eks-3abcdef')] },
      'eks',
      'perhaps Amazon EKS, by the version of the kubelet of its node; that is not enough to leave the control plane to a provider',
    ],
  ])('%s', (_name, snapshot, name, sentence) => {
    const found = detectDistribution(given(snapshot));
    expect(found?.name).toBe(name);
    expect(found === null ? '' : describeDistribution(found)).toContain(sentence);
  });
});

test('one node of several says nothing, nor do nodes that were not read, nor node evidence that disagrees', () => {
  expect(detectDistribution(given({ nodes: [withImage('Talos (v1.11.0)'), nodeOf('b')] }))).toBeNull();
  expect(detectDistribution(given({ nodes: null }))).toBeNull();
  expect(detectDistribution(given({ others: { 'node.evidence/nodes': [evidence('a', 'kops'), evidence('b', 'kubeadm')] } }))).toBeNull();
});

test('packaged distributions are run by their owner', () => {
  for (const snapshot of [{ identity: { version: '1.34.2+k3s1' } }, { others: { 'k8s.cluster/groups': [named('config.openshift.io')] } }])
    expect(detectDistribution(given(snapshot))?.managed).toBe(false);
});

test.each<[string, GivenSnapshot, string]>([
  ['its host name', { identity: { server: 'https://clinic-1a2b.hcp.westeurope.azmk8s.io:443' } }, 'aks'],
  ['another host name', { identity: { server: 'https://azmk8s.io.clinic.example' } }, ''],
  ['an answer', { answers: [answerOf('aks')], identity: { server: 'https://api.clinic.example:443' } }, 'aks'],
  ['nodes that were not read', { nodes: null }, ''],
])('that a version follows the calendar of AKS is told by %s', (_name, snapshot, vendor) => {
  const others = { 'k8s.cluster/version': [{ apiVersion: 'v1', kind: 'Version', metadata: { name: 'version' }, gitVersion: 'v1.30.14' }] };
  expect(read(serverVersions, given({ ...snapshot, others })).rows).toMatchObject([{ minor: '1.30', vendor }]);
});
