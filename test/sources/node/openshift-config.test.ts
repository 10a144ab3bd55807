/** The configuration file of OpenShift's API server: what it stands for, where its paths lie, and what of it is never kept. */
import { describe, expect, test } from 'vitest';
import { readPopulation } from '../../../src/assessment/index.ts';
import { exampleSnapshot } from '../../../src/control-examples.ts';
import { canonicalize, type JsonObject, listAt, type Row, textAt } from '../../../src/model/index.ts';
import { apiServers } from '../../../src/populations/control-plane/api-servers.ts';
import { auditPolicy, canary, collect, openshift, openshiftConfig, proc, staticPod, staticPodManifest, type Tree } from './given.ts';

const pod = '/etc/kubernetes/static-pod-resources/kube-apiserver-pod-7';
const config = `${pod}/configmaps/config/config.yaml`;
const policy = `${pod}/configmaps/kube-apiserver-audit-policies/policy.yaml`;

const documentOf = (more: Tree = {}): JsonObject => collect({ ...openshift, ...more }, { name: 'node-1' }).document;
const withConfig = (more: object) => documentOf({ [config]: openshiftConfig(more) });
const argumentsOf = (document: JsonObject) =>
  listAt(
    listAt(document, 'programs').find((each) => textAt(each, 'from') === 'config'),
    'arguments',
  );
const unread = (document: JsonObject, what: string) =>
  listAt(document, 'unread').flatMap((each) =>
    textAt(each, 'what') === what ? [`${textAt(each, 'path')}: ${textAt(each, 'detail')}`] : [],
  );
const pathsOf = (document: JsonObject, list: string) => listAt(document, list).map((each) => textAt(each, 'path'));

describe('on a master', () => {
  const document = documentOf();

  test('its arguments are told, and what no control reads is left out', () => {
    expect(argumentsOf(document)).toEqual([
      '--anonymous-auth=true',
      '--audit-policy-file=/etc/kubernetes/static-pod-resources/configmaps/kube-apiserver-audit-policies/policy.yaml',
      '--authorization-mode=Scope',
      '--authorization-mode=SystemMasters',
      '--authorization-mode=RBAC',
      '--authorization-mode=Node',
      '--encryption-provider-config=/etc/kubernetes/static-pod-resources/secrets/encryption-config/encryption-config',
      expect.objectContaining({ $scrubbed: true, flag: 'etcd-servers' }),
      '--tls-private-key-file=/etc/kubernetes/static-pod-certs/secrets/tls.key',
      '--service-account-key-file=/etc/kubernetes/static-pod-resources/configmaps/sa-token-signing-certs',
      '--tls-cipher-suites=TLS_AES_128_GCM_SHA256',
      '--tls-cipher-suites=TLS_AES_256_GCM_SHA384',
      '--tls-min-version=VersionTLS12',
    ]);
    expect(canonicalize(document)).not.toContain(canary);
  });

  test('the audit policy and the EncryptionConfiguration are those that it names, where its volumes have them', () => {
    expect(pathsOf(document, 'auditPolicies')).toEqual([policy]);
    expect(pathsOf(document, 'encryptionConfigurations')).toEqual([`${pod}/secrets/encryption-config/encryption-config`]);
    expect(unread(document, 'audit-policy')).toEqual([]);
  });
});

describe('auditConfig', () => {
  const audit = (more: object) => ({ apiServerArguments: {}, servingInfo: {}, serviceAccountPublicKeyFiles: [], auditConfig: more });
  const inPod = '/etc/kubernetes/static-pod-resources/configmaps/kube-apiserver-audit-policies/policy.yaml';

  test('stands for flags that are not given as such', () => {
    const document = withConfig(
      audit({
        enabled: true,
        auditFilePath: '/var/log/audit.log',
        policyFile: inPod,
        maximumFileRetentionDays: 30,
        maximumRetainedFiles: 10,
      }),
    );
    expect(argumentsOf(document)).toEqual([
      '--audit-log-path=/var/log/audit.log',
      `--audit-policy-file=${inPod}`,
      '--audit-log-maxage=30',
      '--audit-log-maxbackup=10',
    ]);
    expect(pathsOf(document, 'auditPolicies')).toEqual([policy]);
    const both = withConfig({
      apiServerArguments: { 'audit-log-maxage': ['7'] },
      auditConfig: { enabled: true, maximumFileRetentionDays: 30 },
    });
    expect(argumentsOf(both)).toContain('--audit-log-maxage=7');
    expect(argumentsOf(both)).not.toContain('--audit-log-maxage=30');
  });

  test('that is off stands for nothing', () => {
    const document = withConfig(audit({ enabled: false, policyFile: inPod }));
    expect(argumentsOf(document)).toEqual([]);
    expect(pathsOf(document, 'auditPolicies')).toEqual([]);
  });

  test('whose policy stands in the file itself is not read, and says so', () => {
    const document = withConfig(audit({ enabled: true, policyConfiguration: JSON.parse(auditPolicy) as object }));
    expect(unread(document, 'audit-policy')).toEqual([`${config}: the policy stands in the configuration itself, a form that is not read`]);
  });
});

test('the controller manager has such a file, too', () => {
  const resources = '/etc/kubernetes/static-pod-resources';
  const path = `${resources}/kube-controller-manager-pod-3/configmaps/config/config.yaml`;
  const document = documentOf({
    ...proc(311, ['kube-controller-manager', `--openshift-config=${resources}/configmaps/config/config.yaml`, '--profiling=true'], {
      cgroup: staticPod,
    }),
    '/etc/kubernetes/manifests/kube-controller-manager-pod.yaml': staticPodManifest(
      'kube-controller-manager',
      ['exec hyperkube kube-controller-manager'],
      { [resources]: `${resources}/kube-controller-manager-pod-3` },
      ['/bin/bash', '-ec'],
    ),
    [path]: JSON.stringify({
      apiVersion: 'kubecontrolplane.config.openshift.io/v1',
      kind: 'KubeControllerManagerConfig',
      extendedArguments: { 'use-service-account-credentials': ['true'], 'cluster-signing-key-file': ['/x/tls.key'] },
    }),
  });
  expect(listAt(document, 'programs')).toContainEqual({
    program: 'kube-controller-manager',
    from: 'config',
    path,
    arguments: ['--use-service-account-credentials=true', '--cluster-signing-key-file=/x/tls.key'],
  });
  // A path that no volume brings from the node is told.
  expect(unread(document, 'pki-key')).toEqual([
    '/x/tls.key: kube-controller-manager reads it in its container, where no volume of the node brings it',
  ]);
});

test.each<[string, Tree, string]>([
  ['is no file', { [config]: { directory: true } }, `${config}: it is no regular file`],
  ['is of another kind', { [config]: openshiftConfig({ kind: 'Other' }) }, `${config}: it holds no KubeAPIServerConfig`],
  ['is no YAML', { [config]: `{${canary}` }, `${config}: line `],
  [
    'has too many values',
    { [config]: openshiftConfig({ apiServerArguments: { v: Array.from({ length: 1001 }, () => 1) } }) },
    `${config}: it has more than 1000 values`,
  ],
  [
    'lies where no volume brings it',
    proc(310, ['kube-apiserver', '--openshift-config=/elsewhere/config.yaml'], { cgroup: staticPod }),
    '/elsewhere/config.yaml: kube-apiserver reads it in its container, where no volume of the node brings it',
  ],
])('a file that %s is told, and nothing of it is', (_name, more, said) => {
  const document = documentOf(more);
  expect(unread(document, 'programs')).toEqual([expect.stringContaining(said)]);
  expect(argumentsOf(document)).toEqual([]);
  expect(canonicalize(document)).not.toContain(canary);
});

describe('as a row of the API servers', () => {
  function rowOf(document: JsonObject): Row {
    const node = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'node-1', uid: 'n', labels: { 'node-role.kubernetes.io/control-plane': '' } },
    };
    const fresh = { ...document, collectedAt: '2026-10-01T06:00:00.000Z' };
    const rows: Row[] = [];
    readPopulation(apiServers, exampleSnapshot(`${JSON.stringify(node)}\n---\n${JSON.stringify(fresh)}`, 'a node'), (row) =>
      rows.push(row),
    );
    expect(rows).toHaveLength(1);
    return rows[0] as Row;
  }

  test('what the file says counts, and defaults of Kubernetes do not', () => {
    const row = rowOf(documentOf());
    expect(row).toMatchObject({ source: 'node', authorizers: ['Scope', 'SystemMasters', 'RBAC', 'Node'] });
    expect(row['flags']).toMatchObject({ 'anonymous-auth': 'true', 'tls-min-version': 'VersionTLS12' });
    expect(row['flags']).not.toHaveProperty('profiling');
    expect(row.gaps ?? []).toEqual([]);
  });

  test('without the file nothing is known of its flags', () => {
    const row = rowOf(documentOf({ [config]: '{}' }));
    expect(row['flags']).toEqual({});
    expect(row.gaps?.map(({ detail }) => detail)).toEqual(['its settings stand in the file of --openshift-config, which was not read']);
  });
});
