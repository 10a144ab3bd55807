/** What the reader finds on a node of each installer. */
import { describe, expect, test } from 'vitest';
import { at, canonicalize, type Json, type JsonObject, listAt, textAt } from '../../../src/model/index.ts';
import { canary, collect, isRoot, kubeadm, trees } from './given.ts';

const read = Object.fromEntries(Object.entries(trees).map(([name, tree]) => [name, collect(tree)]));
const documentOf = (installer: string): JsonObject => read[installer]?.document ?? {};
const filesOf = (document: JsonObject, role: string) =>
  listAt(document, 'files').filter((entry) => textAt(entry, 'role') === role && at(entry, 'mode') !== undefined);
const pathsOf = (document: JsonObject, role: string) => filesOf(document, role).map((entry) => textAt(entry, 'path'));
const programs = (document: JsonObject, program: string) =>
  listAt(document, 'programs').filter((entry) => textAt(entry, 'program') === program);

test.each(Object.keys(trees))('%s is known by its signs, and its document holds no secret', (installer) => {
  const document = documentOf(installer);
  expect(textAt(document, 'host', 'installer')).toBe(installer);
  expect(listAt(document, 'host', 'installerSigns')).not.toEqual([]);
  const text = canonicalize(document);
  expect(text).not.toContain(canary);
  expect(text).not.toContain('PRIVATE KEY');
  // Nor in what the reader says beside it.
  expect(JSON.stringify({ ...read[installer], document: null })).not.toContain(canary);
});

test.each<[string, readonly string[]]>([
  ['kubeadm', ['control-plane', 'etcd', 'worker']],
  ['k3s', ['control-plane', 'worker']],
  ['rke2', ['control-plane', 'worker']],
  ['talos', ['control-plane', 'etcd', 'worker']],
  ['openshift', ['control-plane', 'worker']],
  ['kops', ['control-plane', 'worker']],
  ['eks', ['worker']],
  ['gke', ['worker']],
  ['aks', ['worker']],
])('the roles of %s', (installer, roles) => {
  expect(listAt(documentOf(installer), 'host', 'roles')).toEqual(roles);
});

test.each<[string, string | null, readonly string[], JsonObject]>([
  ['kubeadm', '/var/lib/kubelet/config.yaml', [], { readOnlyPort: 0 }],
  [
    'k3s',
    null,
    ['00-k3s-defaults.conf', '50-own.conf'].map((name) => `/var/lib/rancher/k3s/agent/etc/kubelet.conf.d/${name}`),
    { readOnlyPort: 0, maxPods: 50 },
  ],
  ['rke2', null, ['/var/lib/rancher/rke2/agent/etc/kubelet.conf.d/00-rke2-defaults.conf'], { readOnlyPort: 0 }],
  ['talos', '/etc/kubernetes/kubelet.yaml', [], { readOnlyPort: 0 }],
  ['openshift', '/etc/kubernetes/kubelet.conf', [], { readOnlyPort: 0 }],
  ['kops', '/var/lib/kubelet/kubelet.conf', [], { readOnlyPort: 0 }],
  [
    'eks',
    '/etc/kubernetes/kubelet/config.json',
    ['/etc/kubernetes/kubelet/config.json.d/40-nodeadm.conf'],
    { readOnlyPort: 0, maxPods: 17 },
  ],
  ['gke', '/home/kubernetes/kubelet-config.yaml', [], { readOnlyPort: 10_255 }],
  ['aks', '/etc/default/kubeletconfig.json', [], { readOnlyPort: 0 }],
])('the kubelet of %s', (installer, configPath, dropIns, config) => {
  const kubelet = at(documentOf(installer), 'kubelet');
  expect(at(kubelet, 'configPath')).toBe(configPath);
  expect(at(kubelet, 'dropIns')).toEqual(dropIns);
  expect(at(kubelet, 'config')).toMatchObject(config);
});

test.each<[string, string, string]>([
  ['kubeadm', 'client-certificate', ''],
  ['rke2', 'hostname-override', 'rke2-1'],
  ['eks', 'hostname-override', 'ip-10-0-0-1.ec2.internal'],
  ['gke', 'hostname', 'node-1'],
])('the name of a node of %s comes from its %s', (installer, from, name) => {
  // The fixture's client certificate names no node, so kubeadm falls back; see names.test.ts for certificates.
  const expected = installer === 'kubeadm' ? ['hostname', 'node-1'] : [from, name];
  expect([textAt(documentOf(installer), 'host', 'nameFrom'), textAt(documentOf(installer), 'metadata', 'name')]).toEqual(expected);
});

/** What is said of the key that the roots hold; the key itself is nowhere. */
const material = { bits: 144, guessable: false, text: true, repeated: false };

test.each<[string, readonly string[], readonly string[]]>([
  ['kubeadm', ['/etc/kubernetes/audit/policy.yaml'], ['/etc/kubernetes/enc/config.yaml']],
  ['k3s', ['/etc/rancher/k3s/audit.yaml'], ['/var/lib/rancher/k3s/server/cred/encryption-config.json']],
  ['rke2', ['/etc/rancher/rke2/audit-policy.yaml'], ['/var/lib/rancher/rke2/server/cred/encryption-config.json']],
  [
    'talos',
    ['/system/config/kubernetes/kube-apiserver/auditpolicy.yaml'],
    ['/system/secrets/kubernetes/kube-apiserver/encryptionconfig.yaml'],
  ],
  ['kops', [], ['/srv/kubernetes/kube-apiserver/encryptionconfig.yaml']],
  ['eks', [], []],
])('the audit policy and the encryption configuration of %s, where the API server reads them', (installer, policies, encryption) => {
  const document = documentOf(installer);
  expect(listAt(document, 'auditPolicies').map((entry) => textAt(entry, 'path'))).toEqual(policies);
  expect(listAt(document, 'encryptionConfigurations').map((entry) => textAt(entry, 'path'))).toEqual(encryption);
  for (const entry of listAt(document, 'encryptionConfigurations'))
    expect(at(entry, 'configuration')).toEqual({
      apiVersion: 'apiserver.config.k8s.io/v1',
      resources: [{ resources: ['secrets'], providers: [{ aescbc: { keys: [{ name: 'key1', material }] } }, { identity: {} }] }],
      unknownFields: [],
    });
});

describe('kubeadm', () => {
  const document = documentOf('kubeadm');

  test('a file has its mode and its owner, by id and by name', () => {
    expect(filesOf(document, 'etcd-data')).toEqual([
      {
        role: 'etcd-data',
        path: '/var/lib/etcd',
        type: 'directory',
        mode: '0700',
        uid: isRoot ? 60 : process.getuid?.(),
        gid: isRoot ? 60 : process.getgid?.(),
        owner: isRoot ? 'etcd' : null,
        group: isRoot ? 'etcd' : null,
      },
    ]);
    expect(filesOf(document, 'kubelet-client-certificate')[0]).toMatchObject({
      type: 'symlink',
      target: '/var/lib/kubelet/pki/kubelet-client-2026.pem',
      mode: '0600',
    });
  });

  test('what is not there is told as absent, globs too', () => {
    const absent = listAt(document, 'files').filter((entry) => textAt(entry, 'type') === 'absent');
    expect(absent).toContainEqual({ role: 'super-admin-kubeconfig', path: '/etc/kubernetes/super-admin.conf', type: 'absent' });
    expect(absent).toContainEqual({ role: 'container-runtime-config', path: '/etc/crio/crio.conf.d/*', type: 'absent' });
  });

  test('its PKI has certificates and keys apart, those of etcd too', () => {
    expect(pathsOf(document, 'pki-certificate')).toEqual(
      ['apiserver.crt', 'ca.crt', 'sa.pub'].map((name) => `/etc/kubernetes/pki/${name}`),
    );
    expect(pathsOf(document, 'pki-key')).toEqual(['ca.key', 'sa.key'].map((name) => `/etc/kubernetes/pki/${name}`));
    expect(pathsOf(document, 'etcd-pki-key')).toEqual(['/etc/kubernetes/pki/etcd/server.key']);
    expect(pathsOf(document, 'pki-directory')).toEqual(['/etc/kubernetes/pki', '/etc/kubernetes/pki/etcd']);
    expect(pathsOf(document, 'etcd-ca')).toEqual(['/etc/kubernetes/pki/etcd/ca.crt']);
    const certificates = listAt(document, 'certificates');
    expect(certificates.map((entry) => `${textAt(entry, 'role')} ${textAt(entry, 'path')}`).sort()).toEqual([
      'etcd-ca /etc/kubernetes/pki/etcd/ca.crt',
      'etcd-pki-certificate /etc/kubernetes/pki/etcd/ca.crt',
      'kubelet-client-ca /etc/kubernetes/pki/ca.crt',
      'kubelet-client-certificate /var/lib/kubelet/pki/kubelet-client-current.pem',
      'pki-certificate /etc/kubernetes/pki/apiserver.crt',
      'pki-certificate /etc/kubernetes/pki/ca.crt',
    ]);
    for (const entry of certificates) expect(textAt(entry, 'fingerprint')).toMatch(/^[0-9a-f]{64}$/);
  });

  test('programs have the flags that are evidence, and markers for all else', () => {
    expect(programs(document, 'kubelet')).toEqual([
      {
        program: 'kubelet',
        from: 'process',
        path: '/proc/700',
        arguments: [
          '--kubeconfig=/etc/kubernetes/kubelet.conf',
          '--config=/var/lib/kubelet/config.yaml',
          '--container-runtime-endpoint=unix:///run/containerd/containerd.sock',
        ],
      },
      {
        program: 'kubelet',
        from: 'unit',
        path: '/usr/lib/systemd/system/kubelet.service',
        arguments: [
          '--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf',
          '--kubeconfig=/etc/kubernetes/kubelet.conf',
          '--config=/var/lib/kubelet/config.yaml',
          '--container-runtime-endpoint=unix:///run/containerd/containerd.sock',
          '--pod-infra-container-image=pause:3.10',
          { $scrubbed: true, flag: 'token', credential: 'name-suggests-credential' },
        ],
      },
    ]);
    expect(programs(document, 'kube-apiserver').map((entry) => textAt(entry, 'from'))).toEqual(['process', 'manifest']);
    expect(listAt(programs(document, 'etcd')[0], 'arguments')).toEqual([
      '--data-dir=/var/lib/etcd',
      { $scrubbed: true, flag: 'initial-cluster-token', credential: 'name-suggests-credential' },
    ]);
  });

  test('kubeconfigs show where they lead and what kind of credential they hold', () => {
    expect(
      listAt(document, 'kubeconfigs').map((entry) => [textAt(entry, 'role'), textAt(entry, 'credential'), textAt(entry, 'server')]),
    ).toEqual([
      ['kubelet-kubeconfig', 'certificate', 'https://10.0.0.1:6443'],
      ['admin-kubeconfig', 'certificate', 'https://10.0.0.1:6443'],
      ['scheduler-kubeconfig', 'token', 'https://10.0.0.1:6443'],
    ]);
    expect(at(listAt(document, 'kubeconfigs')[0] as Json, 'certificate', 'path')).toBe('/var/lib/kubelet/pki/kubelet-client-current.pem');
  });

  test("kube-proxy's configuration is found where the kubelet put it for the pod", () => {
    expect(at(document, 'kubeProxy')).toEqual({
      configPath: '/var/lib/kubelet/pods/3f/volumes/kubernetes.io~configmap/kube-proxy/config.conf',
      config: {
        metricsBindAddress: '127.0.0.1:10249',
        mode: 'iptables',
        clientConnection: { kubeconfig: '/var/lib/kube-proxy/kubeconfig.conf' },
      },
    });
    expect(at(document, 'containerRuntime')).toEqual({
      name: 'containerd',
      endpoint: '/run/containerd/containerd.sock',
      configPath: '/etc/containerd/config.toml',
    });
  });

  test('everything of it was read', () => expect(read['kubeadm']?.unread).toEqual([]));

  test('an API server without an audit policy has none, whatever lies about', () => {
    const { '/etc/kubernetes/manifests/kube-apiserver.yaml': _m, '/proc/800/cmdline': _c, ...rest } = kubeadm;
    expect(listAt(collect(rest).document, 'auditPolicies')).toEqual([]);
  });
});

describe('k3s', () => {
  const document = documentOf('k3s');

  test('tells its arguments by its unit and its configuration', () => {
    expect(programs(document, 'k3s')).toEqual([
      {
        program: 'k3s',
        from: 'unit',
        path: '/etc/systemd/system/k3s.service',
        arguments: [
          '--kube-apiserver-arg=audit-policy-file=/etc/rancher/k3s/audit.yaml',
          { $scrubbed: true, flag: 'token', credential: 'name-suggests-credential' },
        ],
      },
      {
        program: 'k3s',
        from: 'config',
        path: '/etc/rancher/k3s/config.yaml',
        arguments: [
          { $scrubbed: true, flag: 'token', credential: 'name-suggests-credential' },
          '--protect-kernel-defaults=true',
          '--kubelet-arg=streaming-connection-idle-timeout=5m',
          { $scrubbed: true, flag: 'kube-apiserver-arg', credential: 'name-suggests-credential' },
        ],
      },
    ]);
  });

  test('a file that holds certificate and key in JSON counts as a key', () => {
    expect(pathsOf(document, 'pki-key')).toContain('/var/lib/rancher/k3s/server/tls/dynamic-cert.json');
  });

  test('another data directory moves its paths', () => {
    const moved = Object.fromEntries(
      Object.entries(trees['k3s'] ?? {}).map(([path, entry]) => [path.replace('/var/lib/rancher/k3s', '/data/k3s'), entry]),
    );
    const { document: other } = collect({ ...moved, '/etc/rancher/k3s/config.yaml': 'data-dir: /data/k3s\n' });
    expect(pathsOf(other, 'etcd-data')).toEqual(['/data/k3s/server/db/etcd']);
    expect(pathsOf(other, 'kubelet-kubeconfig')).toEqual(['/data/k3s/agent/kubelet.kubeconfig']);
  });
});

test('a script that starts a program in a static pod hides its arguments, and its process shows them', () => {
  expect(programs(documentOf('openshift'), 'kube-apiserver')).toEqual([
    { program: 'kube-apiserver', from: 'process', path: '/proc/310', arguments: [expect.objectContaining({ $scrubbed: true })] },
    expect.objectContaining({ from: 'config' }),
  ]);
});

test('a node without any sign is read where most installers put things', () => {
  const { document } = collect({ '/etc/hostname': 'plain', '/etc/kubernetes/pki/ca.key': 'x' });
  expect(textAt(document, 'host', 'installer')).toBe('unknown');
  expect(pathsOf(document, 'pki-key')).toEqual(['/etc/kubernetes/pki/ca.key']);
});
