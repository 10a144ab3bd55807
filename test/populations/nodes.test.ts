import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Gap, Json, JsonObject } from '../../src/model/index.ts';
import { readSeconds } from '../../src/populations/nodes/kubelet-settings.ts';
import { etcdTrust, nodeCertificates } from '../../src/populations/nodes/node-certificates.ts';
import { controlPlaneFiles, etcdFiles, nodeFiles } from '../../src/populations/nodes/node-files.ts';
import { kubeletSettings, kubeProxies } from '../../src/populations/nodes/node-kubelets.ts';
import type { Given, SnapshotOptions } from './snapshots.ts';
import { lease, node, now, read, snapshot } from './snapshots.ts';

const worker = (name: string) => node(name, {});
const api = '/etc/kubernetes/manifests/kube-apiserver.yaml';

function file(role: string, path: string, mode = '0600', more: JsonObject = {}): JsonObject {
  return { role, path, type: 'file', mode, uid: 0, gid: 0, owner: 'root', group: 'root', ...more };
}

function evidence(name: string, more: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'node.kubevidence.io/v1',
    kind: 'NodeEvidence',
    metadata: { name },
    collectedAt: '2026-10-01T06:00:00Z',
    host: { installer: 'kubeadm', roles: ['worker'] },
    ...more,
  };
}

const host = (...roles: readonly string[]): JsonObject => ({ installer: 'kubeadm', roles });
const kubeletOf = (entries: readonly string[], kubelet: JsonObject = {}, from = 'process'): JsonObject => ({
  programs: [{ program: 'kubelet', from, path: '/proc/1', arguments: entries }],
  kubelet: { configPath: null, dropIns: [], config: null, ...kubelet },
});

function given(nodes: readonly Json[], documents: readonly Json[], leases: readonly Json[] = []): Given {
  return { 'k8s.nodes/nodes': nodes, 'node.evidence/nodes': documents, 'k8s.apiserver/leases': leases };
}

const whats = (gaps: readonly Gap[]) => gaps.map(({ reason, what }) => `${reason}: ${what}`);

describe('which nodes a statement about all of them needs', () => {
  const signed = (name: string, listed: boolean) => evidence(name, { signer: { fingerprint: 'f', listed } });
  test.each<[string, Given, SnapshotOptions, readonly string[]]>([
    ['all were read', given([worker('a'), worker('b')], [evidence('a'), evidence('b')]), {}, []],
    ['one was not', given([worker('a'), worker('b')], [evidence('a')]), {}, ['absent: evidence of node b']],
    ['none was', given([worker('a')], []), {}, ['absent: evidence of node a']],
    ['there is neither a node nor a document', given([], []), {}, ['absent: evidence of nodes']],
    ['a node that has gone is none', given([worker('a')], [evidence('a'), evidence('gone')]), {}, []],
    ['too old', given([worker('a')], [evidence('a', { collectedAt: '2026-08-26T12:00:00Z' })]), {}, ['stale: evidence of node a']],
    ['just not too old', given([worker('a')], [evidence('a', { collectedAt: '2026-08-27T12:00:00Z' })]), {}, []],
    ['of tomorrow', given([worker('a')], [evidence('a', { collectedAt: '2026-10-02T12:00:00Z' })]), {}, ['error: evidence of node a']],
    ['a clock that is a little ahead', given([worker('a')], [evidence('a', { collectedAt: '2026-10-01T12:30:00Z' })]), {}, []],
    ['of no time', given([worker('a')], [evidence('a', { collectedAt: 'soon' })]), {}, ['error: evidence of node a']],
    ['the latest of two counts', given([worker('a')], [evidence('a', { collectedAt: '2026-01-01T00:00:00Z' }), evidence('a')]), {}, []],
    [
      'of the machine that bore the name before',
      given([{ ...worker('a'), metadata: { name: 'a', creationTimestamp: '2026-10-01T07:00:00Z' } }], [evidence('a')]),
      {},
      ['stale: evidence of node a'],
    ],
    [
      'signed by somebody who is not listed, where others are',
      given([worker('a'), worker('b')], [signed('a', false), signed('b', true)]),
      {},
      ['error: evidence of node a'],
    ],
    ['signed where no keys are listed', given([worker('a')], [signed('a', false)]), {}, []],
    ['nobody signs', given([worker('a'), worker('b')], [evidence('a'), evidence('b')]), {}, []],
    [
      'one is not signed where others are',
      given([worker('a'), worker('b')], [evidence('a'), signed('b', true)]),
      {},
      ['error: evidence of node a'],
    ],
    [
      'files without a list of nodes, which is a gap of its own',
      given([], [evidence('a')]),
      { scope: 'files', gaps: { 'k8s.nodes/nodes': [{ reason: 'absent', what: 'nodes' }] } },
      [],
    ],
    ['files without a list of nodes stand for themselves', { 'node.evidence/nodes': [signed('a', false)] }, { scope: 'files' }, []],
    [
      'files with a list of nodes do not',
      given([worker('a'), worker('b')], [evidence('a')]),
      { scope: 'files' },
      ['absent: evidence of node b'],
    ],
    ['nodes were not collected', { 'node.evidence/nodes': [evidence('a')] }, {}, ['absent: nodes']],
    [
      'nodes could not be listed',
      given([], [evidence('a')]),
      { gaps: { 'k8s.nodes/nodes': [{ reason: 'forbidden', what: 'nodes' }] } },
      ['forbidden: nodes'],
    ],
    [
      'a document could not be read',
      given([worker('a')], [evidence('a')]),
      { gaps: { 'node.evidence/nodes': [{ reason: 'error', what: 'b.json' }] } },
      ['error: b.json'],
    ],
  ])('%s', (_name, objects, options, expected) => {
    expect(whats(read(nodeFiles, snapshot(objects, options)).gaps)).toEqual(expected);
  });

  test('a thousand nodes are one gap', () => {
    const nodes = Array.from({ length: 1000 }, (_, i) => worker(`n${String(i).padStart(4, '0')}`));
    const { gaps } = read(nodeFiles, snapshot(given(nodes, [])));
    expect(whats(gaps)).toEqual(['absent: evidence of 1000 nodes: n0000, n0001, n0002 and 997 more']);
  });

  test('a gap says the step that closes it, on which node', () => {
    const [gap] = read(nodeFiles, snapshot(given([worker('a')], []))).gaps;
    expect(gap?.closedBy).toMatch(/kubevidence node collect as root on a\b/);
  });
});

describe('the control plane', () => {
  const cp = (name: string, more: JsonObject = {}) => evidence(name, { host: host('control-plane', 'etcd', 'worker'), ...more });
  test('a worker without evidence is no gap of it, another node of it is', () => {
    const of = (...nodes: readonly JsonObject[]) => whats(read(controlPlaneFiles, snapshot(given(nodes, [cp('cp')]))).gaps);
    expect(of(node('cp'), worker('w'))).toEqual([]);
    expect(of(node('cp'), node('cp-2'))).toEqual(['absent: evidence of node cp-2']);
  });

  test('where no node is marked, as many hosts as API servers are wanted', () => {
    const of = (leases: number, hosts: number) => {
      const names = ['a', 'b', 'c'].slice(0, hosts);
      const all = given(
        [worker('w'), ...names.map(worker)],
        names.map((name) => cp(name)),
        Array.from({ length: leases }, (_, i) => lease(`${i}`)),
      );
      return whats(read(controlPlaneFiles, snapshot(all)).gaps);
    };
    expect(of(1, 1)).toEqual([]);
    expect(of(3, 3)).toEqual([]);
    expect(of(3, 2)).toEqual(['absent: nodes of the control plane']);
    expect(of(0, 0)).toEqual(['absent: nodes of the control plane']);
  });

  test('files without a host of it are a gap, as given', () => {
    const of = (document: JsonObject) =>
      whats(read(controlPlaneFiles, snapshot({ 'node.evidence/nodes': [document] }, { scope: 'files' })).gaps);
    expect(of(cp('cp'))).toEqual([]);
    expect(of(evidence('w'))).toEqual(['absent: nodes of the control plane']);
  });

  test('more API servers than marked nodes', () => {
    const of = (leases: number) =>
      whats(
        read(
          controlPlaneFiles,
          snapshot(
            given(
              [node('cp')],
              [cp('cp')],
              Array.from({ length: leases }, (_, i) => lease(`${i}`)),
            ),
          ),
        ).gaps,
      );
    expect(of(1)).toEqual([]);
    expect(of(2)).toEqual(['absent: nodes of the control plane']);
  });

  test('a host that the API does not list counts', () => {
    const { rows } = read(controlPlaneFiles, snapshot(given([worker('w')], [cp('beside', { files: [file('apiserver-manifest', api)] })])));
    expect(rows.find(({ item }) => item.includes('manifests'))?.item).toBe(`beside/apiserver-manifest${api}`);
  });

  test('what kubeadm puts there and is not there is unknown; what somebody may take away is not, where somebody looked', () => {
    const { rows } = read(controlPlaneFiles, snapshot(given([node('cp')], [cp('cp')])));
    expect(rows.every((row) => row['known'] === false)).toBe(true);
    expect(rows.map((row) => row['role'])).toEqual([
      'apiserver-manifest',
      'controller-manager-manifest',
      'scheduler-manifest',
      'cni-config',
      'admin-kubeconfig',
      'scheduler-kubeconfig',
      'controller-manager-kubeconfig',
      'pki-directory',
      'pki-certificate',
      'pki-key',
    ]);
    expect(
      read(controlPlaneFiles, snapshot(given([node('cp')], [cp('cp', { host: { installer: 'k3s', roles: ['control-plane'] } })]))).rows,
    ).toEqual([]);
  });

  test('members of etcd that were not read are a gap', () => {
    const started = (members: number) => ({
      programs: [
        {
          program: 'etcd',
          from: 'process',
          path: '/proc/2',
          arguments: [`--initial-cluster=${Array.from({ length: members }, (_, i) => `m${i}=https://h${i}:2380`).join(',')}`],
        },
      ],
    });
    const of = (...documents: readonly JsonObject[]) => whats(read(etcdFiles, snapshot(given([node('cp')], documents))).gaps);
    expect(of(cp('cp', started(1)))).toEqual([]);
    expect(of(cp('cp', started(3)))).toEqual(['absent: evidence of etcd hosts']);
    expect(of(cp('cp', started(2)), evidence('etcd', { host: host('etcd') }))).toEqual([]);
    expect(of(evidence('cp', { host: host('control-plane') }))).toEqual(['absent: evidence of etcd hosts']);
  });

  test('k3s with SQLite has no etcd; with a store that it is told, nobody knows', () => {
    const of = (type: string, ...entries: readonly Json[]) => {
      const server = evidence('s', {
        host: { installer: 'k3s', roles: ['control-plane', 'worker'] },
        programs: [{ program: 'k3s', from: 'unit', path: '/u', arguments: ['--disable=traefik', ...entries] }],
        files: [{ role: 'etcd-data', path: '/var/lib/rancher/k3s/server/db/etcd', type }],
      });
      return whats(read(etcdFiles, snapshot(given([node('s')], [server]))).gaps);
    };
    expect(of('absent')).toEqual([]);
    expect(of('directory')).toEqual(['absent: evidence of etcd hosts']);
    expect(of('absent', { $scrubbed: true, flag: 'datastore-endpoint' })).toEqual(['absent: evidence of etcd hosts']);
  });
});

test('what the kubelet puts into the volume of a pod is no kubeconfig of the host', () => {
  const path = '/var/lib/kubelet/pods/u/volumes/kubernetes.io~configmap/kube-proxy/kubeconfig.conf';
  const { rows } = read(
    nodeFiles,
    snapshot(given([worker('w')], [evidence('w', { files: [file('kube-proxy-kubeconfig', path, '0644')] })])),
  );
  expect(rows.map((row) => row['role'])).not.toContain('kube-proxy-kubeconfig');
});

describe('modes and owners', () => {
  const rowOf = (entry: JsonObject) =>
    read(nodeFiles, snapshot(given([worker('w')], [evidence('w', { files: [entry] })]))).rows.find(
      (row) => row['role'] === 'kubelet-kubeconfig',
    );
  const path = '/etc/kubernetes/kubelet.conf';

  test('a mode is within a limit exactly where it has no other bit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0o7777 }), (mode) => {
        const within = rowOf(file('kubelet-kubeconfig', path, mode.toString(8).padStart(4, '0')))?.['within'] as readonly string[];
        for (const limit of ['400', '600', '640', '644', '700', '755'])
          expect(within.includes(limit)).toBe((mode | Number.parseInt(limit, 8)) === Number.parseInt(limit, 8));
      }),
      { numRuns: 200 },
    );
  });

  test.each<[string, JsonObject, JsonObject]>([
    ['numbers decide', { uid: 1000, gid: 0, owner: 'root' }, { uid: 1000, gid: 0, ownership: 'root:root', known: true }],
    ['ids without a name', { uid: 7, gid: 8, owner: null, group: null }, { ownership: '7:8', known: true }],
    ['a link', { type: 'symlink', target: '/srv/x', mode: '0644' }, { type: 'symlink', target: '/srv/x', mode: '0644', known: true }],
    ['a link that leads nowhere', { type: 'symlink', target: '/srv/x', mode: null }, { known: false }],
    ['unreadable', { type: 'unreadable', mode: null, uid: null, gid: null }, { known: false }],
    ['no octal number', { mode: 'rw-------' }, { known: false }],
  ])('%s', (_name, more, expected) => {
    expect(rowOf({ ...file('kubelet-kubeconfig', path), ...more })).toMatchObject(expected);
  });
});

describe('kubelets', () => {
  const rowOf = (more: JsonObject, version = 'v1.36.3') => {
    const of = { ...worker('w'), status: { nodeInfo: { kubeletVersion: version } } };
    return read(kubeletSettings, snapshot(given([of], [evidence('w', more)]))).rows[0];
  };
  const file = ['--config=/c'];

  test.each<[string, JsonObject, JsonObject]>([
    [
      'defaults with a file',
      kubeletOf(file, { config: {} }),
      { source: 'configuration file', anonymousAuth: false, authorizationMode: 'Webhook', readOnlyPort: 0 },
    ],
    [
      'defaults without one',
      kubeletOf([]),
      { source: 'flags', anonymousAuth: true, authorizationMode: 'AlwaysAllow', readOnlyPort: 10255 },
    ],
    ['a flag over the file', kubeletOf([...file, '--read-only-port', '10255'], { config: { readOnlyPort: 0 } }), { readOnlyPort: 10255 }],
    [
      'a directory of drop-ins alone is a file',
      kubeletOf(['--config-dir=/d'], { config: { readOnlyPort: 1 } }),
      { readOnlyPort: 1, anonymousAuth: false },
    ],
    [
      'the running one over both',
      kubeletOf([...file, '--read-only-port=1'], { config: {}, configz: { podPidsLimit: 5 } }),
      { source: 'configz', readOnlyPort: 0, podPidsLimit: 5 },
    ],
    ['a file that was not read', kubeletOf(file, { problem: 'no YAML' }), { source: 'nothing', hostnameOverride: '' }],
    ['a unit where a variable is left', kubeletOf([...file, '$ARGS'], { config: {} }, 'unit'), { source: 'nothing' }],
    ['a unit where none is', kubeletOf(file, { config: {} }, 'unit'), { source: 'configuration file' }],
    [
      'a value of another type',
      kubeletOf(file, { config: { readOnlyPort: '0', rotateCertificates: 'yes' } }),
      { source: 'configuration file', unknown: ['readOnlyPort', 'rotateCertificates', 'differs'] },
    ],
    ['an empty running configuration is none', kubeletOf(file, { config: {}, configz: {} }), { source: 'configuration file' }],
    [
      'a certificate of its own',
      kubeletOf(file, { config: {}, configz: { podPidsLimit: -1, tlsCertFile: '/var/lib/kubelet/pki/kubelet.crt' } }),
      {
        servingCertificate: 'selfSigned',
        // What a kubelet always prints and did not is not compared.
        differs: ['authorizationMode', 'streamingIdleSeconds'],
      },
    ],
    [
      'a directory of its own',
      kubeletOf([...file, '--cert-dir=/x'], { config: { tlsCertFile: '/x/kubelet.crt' } }),
      { servingCertificate: 'selfSigned' },
    ],
    [
      'flags and file name no certificate, so the one that it serves is its own',
      kubeletOf(file, { config: {}, configz: { podPidsLimit: -1, tlsCertFile: '/srv/x.crt' } }),
      { servingCertificate: 'selfSigned' },
    ],
    [
      'its certificate is signed by a CA that it made',
      {
        ...kubeletOf([...file, '--tls-cert-file=/srv/x.crt'], { config: {} }),
        certificates: [{ path: '/srv/x.crt', position: 0, issuer: 'CN=w-ca@1795237084', subject: 'CN=w@1795237084' }],
      },
      { servingCertificate: 'selfSigned' },
    ],
    [
      'its certificate is signed by another',
      {
        ...kubeletOf([...file, '--tls-cert-file=/srv/kubelet.crt'], { config: {} }),
        certificates: [{ path: '/srv/kubelet.crt', position: 0, issuer: 'CN=kubernetes', subject: 'CN=system:node:w' }],
      },
      { servingCertificate: 'given' },
    ],
    [
      'a file of that name, given by a flag',
      kubeletOf([...file, '--tls-cert-file=/srv/kubelet.crt'], { config: {} }),
      { servingCertificate: 'given' },
    ],
    [
      'two kubelets: whose arguments are those of the node?',
      {
        programs: ['/a', '/b'].map((config) => ({ program: 'kubelet', from: 'process', path: '/p', arguments: [`--config=${config}`] })),
        kubelet: { config: {} },
      },
      { source: 'nothing' },
    ],
    ['all beta gates off', kubeletOf(file, { config: { featureGates: { AllBeta: false } } }), { rotatesServing: false }],
  ])('%s', (_name, more, expected) => {
    expect(rowOf(more)).toMatchObject(expected);
  });

  test.each<[string, number | undefined]>([
    ['v1.26.15', 5],
    ['v1.27.0', 50],
    ['v1.36.3-eks-0a1b2c3', 50],
    ['unknown', undefined],
  ])('the default rate of events of %s', (version, rate) => {
    expect(rowOf(kubeletOf(file, { config: {} }), version)?.['eventRecordQPS']).toBe(rate);
  });

  const ofK3s = (entries: readonly Json[], dropIn = '/var/lib/rancher/k3s/agent/etc/kubelet.conf.d/00-k3s-defaults.conf'): JsonObject => ({
    programs: [{ program: 'k3s', from: 'unit', path: '/u', arguments: entries }],
    kubelet: { configPath: null, dropIns: [dropIn], config: { readOnlyPort: 0, serverTLSBootstrap: false } },
  });
  test.each<[string, JsonObject, JsonObject]>([
    ['what it wrote itself', ofK3s([]), { source: 'configuration file', anonymousAuth: false, readOnlyPort: 0 }],
    ['what it is told goes over that', ofK3s(['--kubelet-arg=read-only-port=10255']), { readOnlyPort: 10255 }],
    ['in two words', ofK3s(['--kubelet-arg', 'read-only-port=10255']), { readOnlyPort: 10255 }],
    ['of some flag that was not kept', ofK3s([{ $scrubbed: true, flag: 'kubelet-arg' }]), { source: 'nothing' }],
    ['of something that was not kept', ofK3s([{ $scrubbed: true }]), { source: 'nothing' }],
    ['another flag that was not kept', ofK3s([{ $scrubbed: true, flag: 'token' }]), { source: 'configuration file' }],
    ['before 1.32', ofK3s([], '/etc/10-mine.conf'), { source: 'nothing' }],
  ])('of k3s: %s', (_name, more, expected) => {
    expect(rowOf(more)).toMatchObject(expected);
    expect(rowOf(more)?.['unknown']).toContain('hostnameOverride');
  });

  test('durations as Go writes them', () => {
    expect(['4h0m0s', '1.5h', '90s', '0', '0s', '100ms', '-1s', 'soon', '5', ''].map(readSeconds)).toEqual([
      14400,
      5400,
      90,
      0,
      0,
      0.1,
      -1,
      undefined,
      undefined,
      undefined,
    ]);
    fc.assert(
      fc.property(fc.nat(99), fc.nat(59), fc.nat(59), (h, m, s) => {
        expect(readSeconds(`${h}h${m}m${s}s`)).toBe(h * 3600 + m * 60 + s);
      }),
    );
  });
});

describe('kube-proxy', () => {
  test.each<[string, boolean]>([
    ['', true],
    ['127.0.0.1:10249', true],
    ['127.0.0.1', true],
    ['localhost:10249', true],
    ['[::1]:10249', true],
    ['::1', true],
    ['0.0.0.0:10249', false],
    [':10249', false],
    ['[::]:10249', false],
    ['::', false],
    ['127.0.0.1.example.com:10249', false],
    ['10.127.0.1:10249', false],
  ])('%s', (address, loopback) => {
    const more = {
      programs: [{ program: 'kube-proxy', from: 'process', path: '/proc/3', arguments: ['--config=/p'] }],
      kubeProxy: { configPath: '/p', config: { metricsBindAddress: address } },
    };
    const { rows } = read(kubeProxies, snapshot(given([worker('w')], [evidence('w', more)])));
    expect(rows).toMatchObject([{ known: true, loopback }]);
  });
});

describe('certificates', () => {
  const certificate = (path: string, spki: string, more: JsonObject = {}): JsonObject => ({
    role: 'pki-certificate',
    path,
    position: 0,
    subject: 'CN=a',
    issuer: 'CN=b',
    notAfter: '2026-10-11T12:00:00Z',
    ca: true,
    key: 'RSA 2048',
    signature: 'sha256WithRSAEncryption',
    spki,
    ...more,
  });

  test('days are whole days that are left', () => {
    const of = (notAfter: string) => {
      const more = { host: host('worker'), certificates: [certificate('/x.crt', 's', { notAfter })] };
      return read(nodeCertificates, snapshot(given([node('w')], [evidence('w', more)]))).rows[0]?.['daysLeft'];
    };
    expect(['2026-10-11T12:00:00Z', '2026-10-11T11:59:59Z', now, '2026-10-01T11:59:59Z', 'never'].map(of)).toEqual([
      10,
      9,
      0,
      -1,
      undefined,
    ]);
  });

  test('one that could not be read is a gap, one that is not there is none', () => {
    const unread = [
      { what: 'pki-certificate', path: '/a.crt', reason: 'error', detail: 'not PEM' },
      { what: 'etcd-ca', path: '/b.crt', reason: 'absent', detail: '' },
      { what: 'kubelet-config', path: '/c.yaml', reason: 'error', detail: '' },
    ];
    const { gaps } = read(
      nodeCertificates,
      snapshot(given([node('w')], [evidence('w', { unread, certificates: [certificate('/x.crt', 's')] })])),
    );
    expect(whats(gaps)).toEqual(['error: /a.crt on node w']);
  });

  test('CAs are compared over all hosts, by key, at the paths that the programs are told', () => {
    const document = (name: string, roles: readonly string[], program: string, flag: string, spki: string) =>
      evidence(name, {
        host: host(...roles),
        programs: [{ program, from: 'process', path: '/proc/4', arguments: [`--${flag}=/ca.crt`] }],
        certificates: [certificate('/ca.crt', spki), certificate('/etc/kubernetes/pki/etcd/ca.crt', 'unused')],
      });
    const shared = (...members: readonly string[]) =>
      read(
        etcdTrust,
        snapshot(
          given(
            [node('cp')],
            [
              document('cp', ['control-plane'], 'kube-apiserver', 'client-ca-file', 'k'),
              ...members.map((spki, i) => document(`etcd-${i}`, ['etcd'], 'etcd', 'trusted-ca-file', spki)),
            ],
          ),
        ),
      ).rows.map((row) => row['shared']);
    expect(shared('e', 'k')).toEqual([[], ['CN=a']]);
  });
});
