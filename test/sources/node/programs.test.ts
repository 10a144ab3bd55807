/** Who counts as a program of Kubernetes, what units start, and how configuration is put together. */
import { describe, expect, test } from 'vitest';
import { at, listAt, textAt } from '../../../src/model/index.ts';
import { wrongShape } from '../../../src/sources/files/files-shapes.ts';
import { type FileSystem, openRoot, realFiles } from '../../../src/sources/node/root.ts';
import { readUnit } from '../../../src/sources/node/systemd.ts';
import { flagValues } from '../../../src/sources/node/told.ts';
import { pem } from '../tls.ts';
import {
  apiPod,
  auditPolicy,
  collect,
  identity,
  kubeadm,
  kubeconfig,
  kubeletConfiguration,
  makeRoot,
  proc,
  staticPod,
  staticPodManifest,
  type Tree,
} from './given.ts';

const kubelet = ['/usr/bin/kubelet', '--read-only-port=0'];
const proxy = ['kube-proxy', '--config=/x'];
const full = '000001ffffffffff';
const inContainer = '/../../besteffort/pod01234567-89ab-cdef-0123-456789abcdef/x';

describe('a process is believed', () => {
  test.each<[string, readonly string[], Parameters<typeof proc>[2], boolean]>([
    ['a kubelet of the host', kubelet, {}, true],
    ['a kubelet of a person', kubelet, { uid: 1000 }, false],
    ['a kubelet of another system account', kubelet, { uid: 60 }, false],
    ['a kubelet in a pod', kubelet, { cgroup: apiPod }, false],
    ['a kubelet in a pod, as seen from a container', kubelet, { cgroup: inContainer }, false],
    ['a kubelet in a static pod', kubelet, { cgroup: staticPod }, false],
    ['an API server in a static pod', ['kube-apiserver', '--profiling=false'], { cgroup: staticPod, uid: 65_534 }, true],
    ['an API server in a pod', ['kube-apiserver', '--profiling=false'], { cgroup: apiPod }, false],
    ['an API server of a service account of the host', ['/opt/kube-apiserver', '--profiling=false'], { uid: 990 }, true],
    ['etcd of a person', ['etcd'], { uid: 1001 }, false],
    ['kube-proxy that may change the network', proxy, { cgroup: apiPod, capabilities: full }, true],
    ['kube-proxy that may not', proxy, { cgroup: apiPod }, false],
    ['kube-proxy of a static pod', proxy, { cgroup: staticPod }, true],
    ['hyperkube', ['/hyperkube', 'kubelet', '--v=2'], {}, true],
    ['a runner', ['/usr/bin/env', 'A=b', '/usr/bin/kubelet', '--v=2'], {}, true],
    ['k3s kubectl', ['/usr/local/bin/k3s', 'kubectl', 'get'], {}, false],
    ['a shell that names it', ['/bin/sh', '-c', 'kubelet'], {}, false],
    ['another program', ['/usr/bin/kubelet-tool'], {}, false],
  ])('%s', (_name, words, given, believed) => {
    const { document } = collect({ ...identity, ...proc(20, ['/sbin/init']), ...proc(30, words, given) });
    expect(listAt(document, 'programs').length).toBe(believed ? 1 : 0);
  });

  test('not without its status or cgroup', () => {
    const { ['/proc/30/cgroup']: _gone, ...rest } = proc(30, kubelet);
    expect(listAt(collect({ ...identity, ...rest }).document, 'programs')).toEqual([]);
  });
});

test('a process that may not be looked at is told, as it could be any program', () => {
  const files: FileSystem = {
    ...realFiles,
    open(path) {
      if (path.endsWith('/proc/31/cmdline')) throw Object.assign(new Error('EACCES'), { code: 'EACCES' });
      return realFiles.open(path);
    },
  };
  const { unread } = collect({ ...identity, ...proc(30, kubelet), ...proc(31, kubelet) }, { files });
  expect(unread).toEqual([{ what: 'programs', path: '/proc', reason: 'forbidden', detail: '/proc/31: EACCES' }]);
});

test('without processes, what would be started is told, and that nobody saw it run', () => {
  const tree = Object.fromEntries(Object.entries(kubeadm).filter(([path]) => !path.startsWith('/proc')));
  const { document, unread } = collect(tree);
  expect(unread).toContainEqual(expect.objectContaining({ what: 'programs', path: '/proc', reason: 'absent' }));
  expect(listAt(document, 'programs').map((entry) => textAt(entry, 'from'))).toEqual(['unit', 'manifest', 'manifest']);
  expect(listAt(document, 'host', 'roles')).toEqual(['control-plane', 'etcd', 'worker']);
});

describe('a unit', () => {
  const unit = (files: Tree, name = 'kubelet.service') => {
    const problems: string[] = [];
    const command = readUnit(openRoot(makeRoot(files)), name, ({ path, reason }) => problems.push(`${path} ${reason}`));
    return problems.length === 0 ? (command?.words ?? null) : problems;
  };
  const at = (directory: string, file = 'kubelet.service') => `${directory}/systemd/system/${file}`;
  const starts = (command: string, more = '') => `[Service]\nExecStart=${command}\n${more}`;

  test.each<[string, Tree, unknown]>([
    ['of etc goes before that of lib', { [at('/etc')]: starts('/a'), [at('/usr/lib')]: starts('/b') }, ['/a']],
    ['that is masked starts nothing', { [at('/etc')]: { link: '/dev/null' }, [at('/usr/lib')]: starts('/b') }, null],
    ['is continued over lines and comments', { [at('/etc')]: '[Service]\nExecStart=/a \\\n# no\n  --b \\\n  --c\n' }, ['/a', '--b', '--c']],
    ['in another section counts for nothing', { [at('/etc')]: '[Unit]\nExecStart=/a\n' }, null],
    ['with prefixes', { [at('/etc')]: starts('-@!/a --b') }, ['/a', '--b']],
    [
      'with quotes and escapes',
      { [at('/etc')]: starts(String.raw`/a "b c" 'd e' f\x20 g\ h "i\"j"`) },
      ['/a', 'b c', 'd e', 'f ', String.raw`g\ h`, 'i"j'],
    ],
    [
      'with drop-ins by name over all directories, the higher one of a name',
      {
        [at('/usr/lib')]: starts('/a'),
        [at('/usr/lib', 'kubelet.service.d/20-b.conf')]: '[Service]\nExecStart=\nExecStart=/b\n',
        [at('/etc', 'kubelet.service.d/30-c.conf')]: '[Service]\nEnvironment=X=1\nExecStart=\nExecStart=/c $X\n',
        [at('/usr/lib', 'kubelet.service.d/30-c.conf')]: '[Service]\nExecStart=\nExecStart=/no\n',
        [at('/etc', 'kubelet.service.d/90-x.txt')]: '[Service]\nExecStart=\nExecStart=/no\n',
      },
      ['/c', '1'],
    ],
    [
      'with a variable of several words',
      { [at('/etc')]: starts('/a $B ${B} "$B" $$C', 'Environment="B=b1 b2" D=d\n') },
      ['/a', 'b1', 'b2', 'b1 b2', '$B', '$C'],
    ],
    [
      'with a file of variables over those of the unit',
      { [at('/etc')]: starts('/a $B', 'EnvironmentFile=/e\nEnvironment=B=unit\n'), '/e': '# c\nB="from file"\n' },
      ['/a', 'from', 'file'],
    ],
    ['whose file of variables may be missing', { [at('/etc')]: starts('/a $B x', 'EnvironmentFile=-/e\n') }, ['/a', 'x']],
    ['whose file of variables must not be missing', { [at('/etc')]: starts('/a $B', 'EnvironmentFile=/e\n') }, ['/e absent']],
    ['that resets its variables', { [at('/etc')]: starts('/a $B', 'Environment=B=1\nEnvironment=\n') }, ['/a']],
  ])('%s', (_name, files, expected) => expect(unit(files)).toEqual(expected));
});

test.each<[string, readonly string[], readonly string[]]>([
  ['a', ['--a=1', '--a', '2', '-a=3'], ['1', '2', '3']],
  ['a-b', ['--a_b=1'], ['1']],
  ['a', ['--a', '--b'], []],
  ['a', ['a=1', '--ab=1', 'a'], []],
])('values of --%s in %j', (flag, args, values) => expect(flagValues(args, flag)).toEqual(values));

describe("the kubelet's configuration", () => {
  const told = (args: readonly string[], files: Tree) => {
    const { document, unread } = collect({ ...identity, ...proc(30, ['/usr/bin/kubelet', ...args]), ...files });
    return { kubelet: at(document, 'kubelet'), unread };
  };

  test('is what its arguments say, merged as a JSON merge patch in the order of paths', () => {
    const { kubelet: read } = told(['--config', '/c/base.json', '--config-dir=/c/d'], {
      '/c/base.json': kubeletConfiguration({ featureGates: { A: true, B: true }, maxPods: 10, tlsCipherSuites: ['a'], readOnlyPort: 1 }),
      '/c/d/20.conf': kubeletConfiguration({ maxPods: 20, featureGates: { B: null, C: true } }),
      '/c/d/10/x.conf': kubeletConfiguration({ maxPods: 15, tlsCipherSuites: ['b'], readOnlyPort: null }),
      '/c/d/30.yaml': kubeletConfiguration({ maxPods: 99 }),
    });
    expect(at(read, 'dropIns')).toEqual(['/c/d/10/x.conf', '/c/d/20.conf']);
    expect(at(read, 'config')).toMatchObject({ featureGates: { A: true, C: true }, maxPods: 20, tlsCipherSuites: ['b'] });
    expect(at(read, 'config', 'readOnlyPort')).toBeUndefined();
  });

  test.each<[string, readonly string[], Tree, string]>([
    ['whose file is missing', ['--config=/c'], {}, '/c'],
    ['whose file is none', ['--config=/c'], { '/c': 'kind: Pod\napiVersion: v1\n' }, '/c'],
    [
      'one of whose drop-ins cannot be read',
      ['--config=/c', '--config-dir=/d'],
      { '/c': kubeletConfiguration(), '/d/1.conf': '{' },
      '/d/1.conf',
    ],
    ['whose directory is missing', ['--config=/c', '--config-dir=/d'], { '/c': kubeletConfiguration() }, '/d'],
  ])('%s is not known in part', (_name, args, files, path) => {
    const { kubelet: read, unread } = told(args, files);
    expect(at(read, 'config')).toBeUndefined();
    expect(unread).toContainEqual(expect.objectContaining({ what: 'kubelet-config', path }));
  });

  test('at a relative path lies where the process works, and is not known where that was not to be seen', () => {
    const files: Tree = { '/srv/k/c.yaml': kubeletConfiguration({ maxPods: 7, authentication: { x509: { clientCAFile: 'ca.crt' } } }) };
    const seen = collect({ ...identity, ...proc(30, ['kubelet', '--config=c.yaml']), ...files, '/proc/30/cwd': { link: '/srv/k' } });
    expect(at(seen.document, 'kubelet')).toMatchObject({ configPath: '/srv/k/c.yaml', config: { maxPods: 7 } });
    expect(listAt(seen.document, 'files')).toContainEqual({ role: 'kubelet-client-ca', path: '/srv/k/ca.crt', type: 'absent' });
    const unseen = told(['--config=c.yaml', '--kubeconfig=k.conf'], files);
    expect(at(unseen.kubelet, 'configPath')).toBeNull();
    expect(unseen.unread.map(({ what, path, reason }) => [what, path, reason])).toEqual([
      ['kubelet-config', 'c.yaml', 'absent'],
      ['kubelet-kubeconfig', 'k.conf', 'error'],
    ]);
  });

  test('says where its certificates are', () => {
    const { document } = collect({
      ...identity,
      ...proc(30, ['kubelet', '--cert-dir=/srv/pki']),
      '/srv/pki/kubelet-client-current.pem': pem.clientCert,
    });
    const paths = listAt(document, 'certificates').map((entry) => [textAt(entry, 'role'), textAt(entry, 'path')]);
    expect(paths).toEqual([['kubelet-client-certificate', '/srv/pki/kubelet-client-current.pem']]);
  });

  test('of k3s is what its unit and its file hand on together', () => {
    const { document } = collect({
      ...identity,
      '/etc/systemd/system/k3s.service': '[Service]\nExecStart=/usr/local/bin/k3s server --kubelet-arg=config=/c/k.yaml\n',
      '/etc/rancher/k3s/config.yaml': 'kubelet-arg: ["config-dir=/c/d"]\n',
      '/c/k.yaml': kubeletConfiguration({ maxPods: 1 }),
      '/c/d/1.conf': kubeletConfiguration({ readOnlyPort: 0 }),
    });
    expect(at(document, 'kubelet')).toMatchObject({
      configPath: '/c/k.yaml',
      dropIns: ['/c/d/1.conf'],
      config: { maxPods: 1, readOnlyPort: 0 },
    });
  });

  test('of k3s is not known where its file is broken', () => {
    const { unread } = collect({
      ...identity,
      '/etc/systemd/system/k3s.service': '[Service]\nExecStart=/usr/local/bin/k3s server\n',
      '/etc/rancher/k3s/config.yaml': 'protect-kernel-defaults: true\nkubelet-arg: ["anonymous-auth=false"\n',
    });
    expect(unread).toContainEqual({ what: 'programs', path: '/etc/rancher/k3s/config.yaml', reason: 'error', detail: 'it is not YAML' });
  });

  test('of a kubelet that is told none is none, whatever lies about', () => {
    const { kubelet: read, unread } = told(['--read-only-port=0'], { '/var/lib/kubelet/config.yaml': kubeletConfiguration() });
    expect(read).toEqual({ configPath: null, dropIns: [] });
    expect(unread).toEqual([]);
  });
});

describe('static pods', () => {
  test('paths are those of the node, by the longest mount', () => {
    const { document } = collect({
      ...identity,
      ...proc(1, ['/sbin/init']),
      '/etc/kubernetes/manifests/api.yaml': staticPodManifest(
        'kube-apiserver',
        ['--audit-policy-file=/a/b/p.yaml', '--client-ca-file=/a/ca.crt'],
        {
          '/a': '/host/a',
          '/a/b': '/host/other',
        },
      ),
    });
    const paths = listAt(document, 'files').flatMap((entry) =>
      textAt(entry, 'role') === 'audit-policy' || textAt(entry, 'path')?.startsWith('/host') ? [textAt(entry, 'path')] : [],
    );
    expect(paths).toEqual(['/host/other/p.yaml', '/host/a/ca.crt']);
  });

  test('what no volume brings lies in the image, and is told as not read', () => {
    const { unread } = collect({
      ...identity,
      '/etc/kubernetes/manifests/api.yaml': staticPodManifest('kube-apiserver', ['--audit-policy-file=/in/image.yaml'], {}),
    });
    expect(unread).toContainEqual(expect.objectContaining({ what: 'audit-policy', path: '/in/image.yaml', reason: 'absent' }));
  });

  test('are those where the configuration says, not what lies where an installer would have put them', () => {
    const { document } = collect({
      ...identity,
      ...proc(30, ['/usr/bin/kubelet', '--config=/k/c.yaml']),
      '/k/c.yaml': kubeletConfiguration({ staticPodPath: 'pods/' }),
      '/k/pods/api.yaml': staticPodManifest('kube-apiserver', ['--profiling=false']),
      '/etc/kubernetes/manifests/old.yaml': staticPodManifest('kube-scheduler', ['--profiling=true']),
    });
    const fromManifests = listAt(document, 'programs').filter((entry) => textAt(entry, 'from') === 'manifest');
    expect(fromManifests).toEqual([
      { program: 'kube-apiserver', from: 'manifest', path: '/k/pods/api.yaml', arguments: ['--profiling=false'] },
    ]);
  });

  test('do not speak for a process that was seen', () => {
    const { unread } = collect({
      ...identity,
      ...proc(30, ['kube-apiserver', '--audit-policy-file=/a.yaml'], { uid: 0 }),
      '/a.yaml': auditPolicy,
      '/etc/kubernetes/manifests/api.yaml': staticPodManifest('kube-apiserver', ['--audit-policy-file=/in/image.yaml']),
    });
    expect(unread).toEqual([]);
  });

  test.each<[string, string, string]>([
    ['audit-policy', '{"apiVersion":"audit.k8s.io/v1","kind":"Policy","rules":"none"}', 'rules: array is expected here'],
    [
      'encryption-configuration',
      '{"apiVersion":"apiserver.config.k8s.io/v1","kind":"EncryptionConfiguration"}',
      'resources: array is expected here',
    ],
  ])('%s that the API server would not load is told, and the document stays fit', (what, content, detail) => {
    const path = what === 'audit-policy' ? '/etc/kubernetes/audit/policy.yaml' : '/etc/kubernetes/enc/config.yaml';
    const { document, unread } = collect({ ...kubeadm, [path]: content });
    expect(unread).toEqual([{ what, path, reason: 'error', detail }]);
    expect(wrongShape(document, 'node.kubevidence.io', 'NodeEvidence')).toBeUndefined();
  });

  test('a manifest that cannot be read is told', () => {
    const { unread } = collect({ ...kubeadm, '/etc/kubernetes/manifests/zz.yaml': 'a: [' });
    expect(unread).toContainEqual(expect.objectContaining({ what: 'programs', path: '/etc/kubernetes/manifests/zz.yaml' }));
  });

  test('another directory that the kubelet is told is read too', () => {
    const { document } = collect({
      ...identity,
      ...proc(30, ['/usr/bin/kubelet', '--pod-manifest-path=/opt/pods']),
      '/opt/pods/etcd.json': staticPodManifest('etcd', ['--data-dir=/d'], { '/d': '/srv/etcd' }),
      '/srv/etcd': { directory: true },
    });
    const files = listAt(document, 'files').map((entry) => [textAt(entry, 'role'), textAt(entry, 'path')]);
    expect(files).toContainEqual(['etcd-manifest', '/opt/pods/etcd.json']);
    expect(files).toContainEqual(['etcd-data', '/srv/etcd']);
  });
});

describe('the name', () => {
  const withNode = (name: string) => kubeconfig({ token: 'x' }).replace('"c"', JSON.stringify(name));
  test.each<[string, Tree, string | undefined, string, string]>([
    ['as given', {}, 'given-1', 'given', 'given-1'],
    ['of the host, in lower case', { '/etc/hostname': 'Node-A.Example\n' }, undefined, 'hostname', 'node-a.example'],
    [
      'of the kernel where etc has none',
      { '/etc/hostname': '#\n', '/proc/sys/kernel/hostname': 'kernel-1\n' },
      undefined,
      'hostname',
      'kernel-1',
    ],
    ['that the kubelet is told', proc(30, ['kubelet', '--hostname-override', 'told-1']), undefined, 'hostname-override', 'told-1'],
  ])('%s', (_name, files, given, from, expected) => {
    const { document } = collect({ ...identity, ...files }, given === undefined ? {} : { name: given });
    expect([textAt(document, 'host', 'nameFrom'), textAt(document, 'metadata', 'name')]).toEqual([from, expected]);
  });

  test('that differs from what the kubelet is told is said', () => {
    const { otherNames } = collect({ ...identity, ...proc(30, ['kubelet', '--hostname-override=told-1']) }, { name: 'given-1' });
    expect(otherNames).toEqual(['told-1']);
  });

  test('that cannot be told, or is none, ends it with a way out', () => {
    expect(() => collect({ '/etc/hostname': ' \n' })).toThrow(/name cannot be told/);
    expect(() => collect(identity, { name: 'No Name' })).toThrow(/is no name of a Node/);
    expect(() => collect({ '/usr/x': withNode('y') })).toThrow(/it has no etc/);
  });
});
