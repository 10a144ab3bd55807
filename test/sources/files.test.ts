import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { collectors, declarations } from '../../src/collectors/index.ts';
import { createMemorySnapshot } from '../../src/ledger/storage/memory-snapshot.ts';
import type { ListingKind } from '../../src/model/index.ts';
import { at, canonicalize, isComplete, KubevidenceError } from '../../src/model/index.ts';
import { parseFile } from '../../src/sources/files/files-parse.ts';
import { createIngest, readFiles } from '../../src/sources/index.ts';

const now = '2026-11-21T00:00:00.000Z';
const clock = () => new Date(now);
let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'files-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(name: string, content: string | Uint8Array): string {
  const path = join(root, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

async function read(...paths: string[]) {
  const cluster = { name: 'files', uid: null, version: null, server: null, caFingerprint: null, actor: null };
  const snapshot = createMemorySnapshot({ scope: 'files', cluster, at: now });
  const ingest = createIngest({ collectors, sink: snapshot, clock });
  const report = await readFiles({
    paths: paths.length > 0 ? paths : [root],
    declarations: declarations({ secrets: true }),
    ingest,
    clock,
    assurance: 'imported',
  });
  const names = (kind: ListingKind) => [...snapshot.objects(kind)].map(({ name }) => name);
  const gaps = (kind: ListingKind) => snapshot.listing(kind)?.gaps ?? [];
  return { report, snapshot, names, gaps };
}

const roleNamed = (name: string) =>
  `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: ${name}}, rules: [{verbs: [get], resources: [pods], apiGroups: [""]}]}`;

describe('forms', () => {
  test.each<[string, string, string]>([
    ['multi-document YAML', 'a.yaml', `${roleNamed('a')}\n---\n# nothing\n---\n${roleNamed('b')}\n`],
    ['a List as YAML', 'a.yml', `apiVersion: v1\nkind: List\nitems:\n- ${roleNamed('a')}\n- ${roleNamed('b')}\n`],
    [
      'a typed list as JSON, whose items lack their kind',
      'a.json',
      JSON.stringify({
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleList',
        metadata: {},
        items: ['a', 'b'].map((name) => ({ metadata: { name }, rules: [] })),
      }),
    ],
    [
      'a JSON array',
      'a.json',
      JSON.stringify(['a', 'b'].map((name) => ({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name } }))),
    ],
    ['with a byte order mark', 'a.yaml', `\ufeff${roleNamed('a')}\n---\n${roleNamed('b')}\n`],
  ])('%s', async (_name, file, text) => {
    write(file, text);
    const { report, names, snapshot } = await read();
    expect(report).toMatchObject({ files: 1, objects: 2, ignored: [], problems: [] });
    expect(names('k8s.rbac/clusterroles')).toEqual(['a', 'b']);
    expect(snapshot.listing('k8s.rbac/clusterroles')).toMatchObject({
      gaps: [],
      items: 2,
      assurance: 'imported',
      requests: [{ path: join(root, file), items: 2, status: null }],
    });
  });

  test('each object remembers its line', async () => {
    const items = ['a', 'b'].map((name) => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name, annotations: { 'x"{[': 'items' } },
    }));
    write('a.json', JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, null, 2));
    write('b.yaml', `\n${roleNamed('c')}\n---\napiVersion: v1\nkind: List\nitems:\n- ${roleNamed('d')}\n- ${roleNamed('e')}\n`);
    const { snapshot } = await read();
    expect([...snapshot.objects('k8s.rbac/clusterroles')].map(({ name, place }) => `${name}:${place?.line}`)).toEqual([
      'a:5',
      'b:15',
      'c:2',
      'd:7',
      'e:8',
    ]);
  });

  test('booleans are those of Kubernetes, timestamps stay text', async () => {
    write(
      'a.yaml',
      'apiVersion: v1\nkind: Pod\nmetadata: {name: p, creationTimestamp: 2026-01-01T00:00:00Z}\nspec: {hostNetwork: yes, containers: [{name: c}]}\n',
    );
    const { snapshot } = await read();
    const [pod] = [...snapshot.objects('k8s.pods/pods')];
    expect(at(pod?.body, 'spec', 'hostNetwork')).toBe(true);
    expect(at(pod?.body, 'metadata', 'creationTimestamp')).toBe('2026-01-01T00:00:00Z');
  });

  test('an empty typed list says that there is none', async () => {
    write('a.json', JSON.stringify({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleList', metadata: {}, items: [] }));
    const { snapshot } = await read();
    const listing = snapshot.listing('k8s.rbac/roles');
    expect(listing && isComplete(listing)).toBe(true);
  });

  test('the first page of a list is not the list', async () => {
    write(
      'a.json',
      JSON.stringify({
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleList',
        metadata: { continue: 'x' },
        items: [{ metadata: { name: 'a' } }],
      }),
    );
    const { gaps } = await read();
    expect(gaps('k8s.rbac/roles')).toMatchObject([{ reason: 'error', detail: 'it is only the first page of a list' }]);
    expect(gaps('k8s.pods/pods')).toMatchObject([{ reason: 'absent' }]);
  });
});

describe('completeness', () => {
  test('nothing in an empty directory is complete', async () => {
    const { report, snapshot } = await read();
    expect(report.files).toBe(0);
    expect(snapshot.listings().length).toBe(declarations({ secrets: true }).length);
    expect(snapshot.listings().filter(isComplete)).toEqual([]);
    expect(snapshot.listing('k8s.rbac/clusterrolebindings')?.gaps).toEqual([
      {
        reason: 'absent',
        what: 'clusterrolebindings',
        detail: 'no file holds it',
        closedBy: 'add what kubectl get clusterrolebindings prints, as YAML or JSON',
      },
    ]);
  });

  test('listings by name need the object of that name', async () => {
    write('a.yaml', '{apiVersion: v1, kind: ConfigMap, metadata: {name: mine, namespace: default}, data: {a: cAnArY}}');
    const other = await read();
    expect(other.gaps('k8s.kubeadm/configmaps')).toMatchObject([{ reason: 'absent' }]);
    expect(other.report.ignored).toMatchObject([{ line: 1, kind: 'v1 ConfigMap' }]);
    write(
      'a.yaml',
      '{apiVersion: v1, kind: ConfigMap, metadata: {name: kubeadm-config, namespace: kube-system}, data: {ClusterConfiguration: "apiServer: {extraArgs: {profiling: \'false\', x: cAnArY}}"}}',
    );
    const { snapshot, gaps } = await read();
    expect(gaps('k8s.kubeadm/configmaps').map(({ what }) => what)).toEqual([
      'configmaps/kubelet-config',
      'configmaps/kube-apiserver-legacy-service-account-token-tracking',
    ]);
    const [map] = [...snapshot.objects('k8s.kubeadm/configmaps')];
    expect(at(map?.body, 'clusterConfiguration', 'apiServer', 'extraArgs')).toEqual(['--profiling=false', { $scrubbed: true, flag: 'x' }]);
    expect(at(map?.body, 'data')).toEqual({ ClusterConfiguration: { $scrubbed: true } });
  });

  test('kube-system gives the identity', async () => {
    write(
      'a.yaml',
      '{apiVersion: v1, kind: Namespace, metadata: {name: kube-system, uid: u-1}}\n---\n{apiVersion: v1, kind: Namespace, metadata: {name: b}}',
    );
    const { snapshot, names } = await read();
    expect(names('k8s.namespaces/namespaces')).toEqual(['b', 'kube-system']);
    expect([...snapshot.objects('k8s.cluster/identity')].map(({ uid }) => uid)).toEqual(['u-1']);
  });

  test('Secrets become summaries, and no value survives', async () => {
    write(
      'a.yaml',
      'apiVersion: v1\nkind: Secret\nmetadata: {name: t, namespace: clinic, creationTimestamp: "2026-03-14T00:00:00Z", annotations: {x: cAnArY}, labels: {kubernetes.io/legacy-token-last-used: "2026-01-01"}}\ntype: kubernetes.io/service-account-token\ndata: {token: Y0FuQXJZ, ca: cAnArY}\nstringData: {token: cAnArY}\n',
    );
    const { snapshot, names } = await read();
    expect([...snapshot.objects('k8s.secrets/secrets')][0]?.body).toEqual({
      apiVersion: 'kubevidence/v1',
      kind: 'SecretSummary',
      metadata: { name: 't', namespace: 'clinic' },
      type: 'kubernetes.io/service-account-token',
      keys: 2,
      createdBetween: ['2026-03-01T00:00:00.000Z', '2026-04-01T00:00:00.000Z'],
    });
    expect(names('k8s.secrets/service-account-tokens')).toEqual(['t']);
    expect(names('k8s.secrets/legacy-token-last-used')).toEqual(['t']);
    expect(names('k8s.secrets/legacy-token-invalid-since')).toEqual([]);
    const everything = canonicalize(snapshot.listings().map(({ kind }) => Array.from(snapshot.objects(kind))));
    expect(everything).not.toMatch(/cAnArY|Y0FuQXJZ/);
  });

  test('the same object twice is one; two versions of one are a gap', async () => {
    write('a.yaml', roleNamed('a'));
    write('b.yaml', roleNamed('a'));
    expect((await read()).names('k8s.rbac/clusterroles')).toEqual(['a']);
    write('b.yaml', roleNamed('a').replace('get', 'list'));
    const { report, gaps, names } = await read();
    expect(report.problems).toMatchObject([{ file: join(root, 'b.yaml'), line: 1, key: 'metadata.name' }]);
    expect(gaps('k8s.rbac/clusterroles')).toMatchObject([{ reason: 'error' }]);
    expect(gaps('k8s.rbac/roles')).toMatchObject([{ reason: 'absent' }]);
    expect(names('k8s.rbac/clusterroles')).toEqual(['a']);
  });

  test('configuration files: nameless, several of a kind', async () => {
    write(
      'enc.yaml',
      'apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources: [{resources: [secrets], providers: [{secretbox: {keys: [{name: k, secret: cAnArY}]}}]}]',
    );
    write(
      'k1.yaml',
      'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nreadOnlyPort: 0\nstaticPodURLHeader: {Authorization: [cAnArY]}',
    );
    write('k2.yaml', 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nreadOnlyPort: 10255');
    const { snapshot, report } = await read();
    expect(report).toMatchObject({ objects: 3, problems: [] });
    expect([...snapshot.objects('files.kubelet/kubeletconfigurations')].map(({ body }) => body['readOnlyPort'])).toEqual([0, 10255]);
    expect(canonicalize(snapshot.listings().map(({ kind }) => Array.from(snapshot.objects(kind))))).not.toContain('cAnArY');
  });

  test.each([
    ['under identity', '{identity: {keys: [{name: k, secret: cAnArY}]}}'],
    ['as identity', '{identity: cAnArY}'],
    ['in a list under identity', '{identity: [{secret: cAnArY}]}'],
    ['beside its list', '{aescbc: {secret: cAnArY, keys: [{name: k}]}}'],
    ['in its name', '{aescbc: {keys: [{name: {secret: cAnArY}}]}}'],
    ['beside a provider', '{secret: cAnArY, identity: {}}'],
    ['in a number', '{kms: {name: v, cachesize: {secret: cAnArY}}}'],
    ['in an address', '{kms: {name: v, endpoint: "https://kv:cAnArY@vault.example"}}'],
  ])('no key of an EncryptionConfiguration is kept, wherever it slipped: %s', async (_place, provider) => {
    write(
      'enc.yaml',
      `apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources: [{resources: [secrets], providers: [${provider}]}]`,
    );
    const { snapshot } = await read();
    const kept = Array.from(snapshot.objects('files.encryption/encryptionconfigurations'));
    expect(kept).toHaveLength(1);
    expect(canonicalize(kept)).not.toContain('cAnArY');
  });
});

describe('bad input', () => {
  const deep = (open: string, close: string, times: number) => open.repeat(times) + close.repeat(times);
  test.each<[string, string | Uint8Array, RegExp, object]>([
    ['broken YAML', 'apiVersion: v1\nkind: [', /not valid YAML/, {}],
    ['broken JSON', '{"apiVersion": "v1",\n "kind": "Pod", "metadata": {"name": "cAnArY"', /not valid YAML/, {}],
    ['a key twice', 'apiVersion: v1\nkind: Pod\nkind: Role\n', /duplicate key/, { line: 3 }],
    ['UTF-16', Buffer.from('\ufeffkind: Pod', 'utf16le'), /UTF-16/, {}],
    ['not UTF-8', Uint8Array.of(0x61, 0xff, 0x0a), /not UTF-8/, {}],
    ['NUL', 'a: \0', /NUL/, {}],
    [
      'an alias bomb',
      `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n`,
      /aliases/,
      {},
    ],
    ['an alias to nothing', 'a: *cAnArY\n', /aliases/, {}],
    ['deep YAML', `a: ${deep('[', ']', 20_000)}`, /nested|not valid/, {}],
  ])('%s is a gap of every listing', async (_name, content, message, place) => {
    write('bad.yaml', content);
    write('good.yaml', roleNamed('a'));
    const { report, snapshot, names } = await read();
    expect(report.problems).toEqual([
      expect.objectContaining({ file: join(root, 'bad.yaml'), message: expect.stringMatching(message), ...place }),
    ]);
    expect(JSON.stringify(report)).not.toContain('cAnArY');
    expect(names('k8s.rbac/clusterroles')).toEqual(['a']);
    expect(snapshot.listings().filter(isComplete)).toEqual([]);
  });

  test.each<[string, string, ListingKind, string]>([
    ['no name', '{apiVersion: v1, kind: ServiceAccount, metadata: {}}', 'k8s.serviceaccounts/serviceaccounts', 'metadata.name'],
    ['no metadata', '{apiVersion: v1, kind: ServiceAccount}', 'k8s.serviceaccounts/serviceaccounts', 'metadata'],
    [
      'subjects that are no list',
      '{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: a}, roleRef: {kind: ClusterRole, name: x}, subjects: {kind: User, name: cAnArY}}',
      'k8s.rbac/clusterrolebindings',
      'subjects',
    ],
    [
      'verbs that are no texts',
      '{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: a}, rules: [{verbs: [1]}]}',
      'k8s.rbac/roles',
      'rules.0.verbs.0',
    ],
    [
      'a pod without containers',
      '{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: []}}',
      'k8s.pods/pods',
      'spec.containers',
    ],
    [
      'a switch that is a text',
      '{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {hostPID: "true", containers: [{name: c}]}}',
      'k8s.pods/pods',
      'spec.hostPID',
    ],
    [
      'providers that are no list',
      '{apiVersion: apiserver.config.k8s.io/v1, kind: EncryptionConfiguration, resources: [{resources: [secrets], providers: {}}]}',
      'files.encryption/encryptionconfigurations',
      'resources.0.providers',
    ],
    [
      'no number',
      '{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {priority: .nan, containers: [{name: c}]}}',
      'k8s.pods/pods',
      'spec.priority',
    ],
    [
      'no Unicode',
      '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {"x": "\\ud800"}}, "spec": {"containers": [{"name": "c"}]}}',
      'k8s.pods/pods',
      'metadata.labels.x',
    ],
  ])('%s is a gap of its listing, naming file, line and key', async (_name, content, kind, key) => {
    const file = write('bad.yaml', `\n${content}`);
    const { report, gaps, snapshot } = await read();
    expect(report.problems).toEqual([expect.objectContaining({ file, line: 2, key })]);
    expect(JSON.stringify([report, snapshot.listings()])).not.toContain('cAnArY');
    expect(gaps(kind)[0]).toMatchObject({ reason: 'error', what: file });
    expect(gaps('k8s.nodes/nodes').map(({ reason }) => reason)).toEqual(['absent']);
  });

  test('deeply nested JSON does not end the process', async () => {
    write('a.json', deep('[', ']', 200_000));
    write('b.json', `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","labels":${deep('{"a":', '}', 150_000).replace('}', '1}')}}}`);
    const { report, snapshot } = await read();
    expect(report.problems.map(({ message }) => message)).toEqual(['it is nested too deeply']);
    expect(snapshot.listings().filter(isComplete)).toEqual([]);
  });

  test('what is unknown is ignored, and said to be', async () => {
    write('crd.yaml', '{apiVersion: example.com/v1, kind: Thing, metadata: {name: a}}');
    write('values.yaml', 'replicas: 3\n');
    write('notes.txt', 'x');
    const { report, snapshot } = await read();
    expect(report.ignored).toEqual([
      { file: join(root, 'crd.yaml'), line: 1, kind: 'example.com/v1 Thing' },
      { file: join(root, 'notes.txt'), line: 0, kind: 'not a .yaml, .yml or .json file' },
      { file: join(root, 'values.yaml'), line: 1, kind: '(no apiVersion and kind)' },
    ]);
    expect(report.problems).toEqual([]);
    expect(snapshot.listings().filter(isComplete)).toEqual([]);
  });

  test('FIFOs, loops and links to directories are not read; a file is read once', async () => {
    const file = write('sub/a.yaml', roleNamed('a'));
    symlinkSync(file, join(root, 'link.yaml'));
    symlinkSync(root, join(root, 'sub', 'loop'));
    symlinkSync('self.yaml', join(root, 'self.yaml'));
    execFileSync('mkfifo', [join(root, 'pipe.yaml')]);
    const { report, names } = await read();
    expect(names('k8s.rbac/clusterroles')).toEqual(['a']);
    expect(report.ignored.map(({ file: path, kind }) => `${path.slice(root.length + 1)}: ${kind}`)).toEqual([
      'pipe.yaml: not a regular file',
      'self.yaml: a link that leads to no file',
      'sub/a.yaml: the same file as one that was read',
      'sub/loop: not a .yaml, .yml or .json file',
    ]);
  });

  test('what is given must exist and be a file or directory', async () => {
    execFileSync('mkfifo', [join(root, 'pipe')]);
    await expect(read(join(root, 'none'))).rejects.toThrow(
      expect.objectContaining({ code: 'input', message: expect.stringContaining('ENOENT') }),
    );
    await expect(read(join(root, 'pipe'))).rejects.toThrow(KubevidenceError);
  });

  test('a huge file is refused before it is read', async () => {
    const file = write('huge.json', '');
    truncateSync(file, 257 * 1024 * 1024);
    const { report } = await read();
    expect(report.problems).toMatchObject([{ file, message: expect.stringContaining('larger than 256 MiB') }]);
  });
});

test('any text is read or refused, never thrown at the user', () => {
  const piece = fc.constantFrom(
    'apiVersion: v1',
    'kind: Pod',
    'items:',
    '- ',
    '  ',
    '{',
    '}',
    '[',
    ']',
    '"',
    ':',
    '&a ',
    '*a',
    '---',
    '\n',
    '\t',
    '!!binary x',
    '? ',
    '| ',
    '#',
    'kind: List',
    '<<: ',
    '%YAML 1.2',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ unit: 'binary', maxLength: 6 })), { maxLength: 25 }), (pieces) => {
      const parsed = parseFile(Buffer.from(pieces.join('')));
      expect(parsed.objects.every(({ line }) => line >= 1)).toBe(true);
    }),
    { numRuns: 500 },
  );
});
