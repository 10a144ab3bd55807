import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { collectors, declarationOf } from '../../src/collectors/index.ts';
import type { Json, JsonObject, ListingKind, RawObject } from '../../src/model/index.ts';
import { at, canonicalize, listAt } from '../../src/model/index.ts';
import { createScrubber } from '../../src/sources/index.ts';

const scrubberOf = (kind: ListingKind, keepAnnotations: string[] = []) => {
  const declaration = declarationOf(kind);
  if (declaration === undefined) throw new Error(kind);
  return createScrubber(declaration, { keepAnnotations });
};

const pod = (container: JsonObject, extra: JsonObject = {}, metadata: JsonObject = {}): RawObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'clinic', uid: 'u', resourceVersion: '7', ...metadata },
  spec: { containers: [{ name: 'c', ...container }], ...extra },
});
const containerOf = (raw: RawObject, place?: { file: string; line: number }) =>
  at(listAt(scrubberOf('k8s.pods/pods').scrub(raw, place).body, 'spec', 'containers')[0]) as JsonObject;

const mirror = {
  namespace: 'kube-system',
  annotations: { 'kubernetes.io/config.mirror': 'h', 'kubernetes.io/config.hash': 'h', 'kubernetes.io/config.source': 'file' },
  ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'nu', controller: true }],
};
const marker = { $scrubbed: true };

describe('pods', () => {
  test('literal values leave markers that name the rule; references stay', () => {
    const env = [
      { name: 'DB_PASSWORD', value: 'hunter2' },
      { name: 'LOG', value: 'info' },
      { name: 'EMPTY', value: '' },
      { name: 'URL', value: 'amqp://u:p4ss@mq' },
      { name: 'KEY', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } },
    ];
    expect(containerOf(pod({ env }))['env']).toEqual([
      { name: 'DB_PASSWORD', value: { $scrubbed: true, credential: 'name-suggests-credential' } },
      { name: 'LOG', value: marker },
      { name: 'EMPTY', value: '' },
      { name: 'URL', value: { $scrubbed: true, credential: 'url-with-password' } },
      { name: 'KEY', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } },
    ]);
  });

  test.each<[string, Json[], Json[]]>([
    [
      'assigned',
      ['--config=/etc/x', '--db-password=hunter2'],
      [
        { $scrubbed: true, flag: 'config' },
        { $scrubbed: true, flag: 'db-password', credential: 'name-suggests-credential' },
      ],
    ],
    [
      'spaced',
      ['--password', 'hunter2'],
      [
        { $scrubbed: true, flag: 'password' },
        { $scrubbed: true, credential: 'name-suggests-credential' },
      ],
    ],
    [
      'of Redis, assigned and spaced',
      ['--requirepass=hunter2', '--masterauth', 'hunter2', '--requirepass', '$(REDIS_PASSWORD)'],
      [
        { $scrubbed: true, flag: 'requirepass', credential: 'name-suggests-credential' },
        marker,
        { $scrubbed: true, credential: 'name-suggests-credential' },
        marker,
        marker,
      ],
    ],
    ['which Secrets to read', ['--secret-field-selector=type!=helm.sh/release.v1'], [{ $scrubbed: true, flag: 'secret-field-selector' }]],
    ['glued to a short flag', ['-phunter2hunter2'], [marker]],
    ['a name that is itself the secret', ['--hunter2hunter2'], [marker]],
    ['shell', ['-c', 'psql postgres://u:hunter2@db'], [marker, { $scrubbed: true, credential: 'url-with-password' }]],
    ['not even texts', [7, { a: 'hunter2' }], [marker, marker]],
  ])('arguments: %s', (_name, args, expected) => {
    expect(containerOf(pod({ args }))['args']).toEqual(expected);
  });

  test('annotations outside the harmless list leave markers; keepAnnotations adds some', () => {
    const annotations = {
      'kubectl.kubernetes.io/last-applied-configuration': '{"hunter2":1}',
      'kubernetes.io/config.source': 'api',
      'example.com/owner': 'team-a',
    };
    const raw = pod({}, {}, { annotations });
    expect(at(scrubberOf('k8s.pods/pods').scrub(raw).body, 'metadata', 'annotations')).toEqual({
      'kubectl.kubernetes.io/last-applied-configuration': marker,
      'kubernetes.io/config.source': 'api',
      'example.com/owner': marker,
    });
    const kept = scrubberOf('k8s.pods/pods', ['example.com/*']);
    expect(at(kept.scrub(raw).body, 'metadata', 'annotations', 'example.com/owner')).toBe('team-a');
    expect(kept.keepDigest).not.toBe(scrubberOf('k8s.pods/pods').keepDigest);
  });

  test('a credential rule that changed gives another digest, so that nothing scrubbed by the one before is reused', async () => {
    const rules = '../../src/sources/scrub/credential-rules.ts';
    vi.resetModules();
    vi.doMock(rules, async (original) => ({ ...(await original<object>()), credentialPatterns: ['another'] }));
    try {
      const { createScrubber: changed } = await import('../../src/sources/scrub/scrub.ts');
      const declaration = { kind: 'k8s.pods/pods' as const, keep: [] };
      expect(changed(declaration).keepDigest).not.toBe(createScrubber(declaration).keepDigest);
    } finally {
      vi.doUnmock(rules);
      vi.resetModules();
    }
  });

  test('a mirror pod of the control plane keeps known flags', () => {
    const command = [
      'kube-apiserver',
      '--audit-log-path=/var/log/a',
      '--profiling=false',
      '--new-flag=hunter2',
      '--etcd-servers=https://u:hunter2@e:2379',
      '--v',
      '2',
      'hunter2',
    ];
    expect(containerOf(pod({ command }, {}, mirror))['command']).toEqual([
      'kube-apiserver',
      '--audit-log-path=/var/log/a',
      '--profiling=false',
      { $scrubbed: true, flag: 'new-flag' },
      { $scrubbed: true, flag: 'etcd-servers', credential: 'url-with-password' },
      '--v',
      '2',
      marker,
    ]);
  });

  test('etcd configured by variables keeps the known ones', () => {
    const env = [
      { name: 'ETCD_CERT_FILE', value: '/pki/e.crt' },
      { name: 'ETCD_INITIAL_CLUSTER_TOKEN', value: 'hunter2' },
    ];
    expect(containerOf(pod({ command: ['etcd'], env }, {}, mirror))['env']).toEqual([
      { name: 'ETCD_CERT_FILE', value: '/pki/e.crt' },
      { name: 'ETCD_INITIAL_CLUSTER_TOKEN', value: { $scrubbed: true, credential: 'name-suggests-credential' } },
    ]);
  });

  test.each<[string, JsonObject]>([
    ['another namespace', { ...mirror, namespace: 'default' }],
    ['no Node behind it', { ...mirror, ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'x' }] }],
    ['not from a file', { ...mirror, annotations: { ...mirror.annotations, 'kubernetes.io/config.source': 'http' } }],
    ['labels only', { namespace: 'kube-system', labels: { component: 'kube-apiserver', tier: 'control-plane' } }],
  ])('a forged one keeps nothing: %s', (_name, metadata) => {
    const command = ['kube-apiserver', '--profiling=false'];
    expect(containerOf(pod({ command }, {}, metadata))['command']).toEqual([marker, { $scrubbed: true, flag: 'profiling' }]);
  });

  test('a static pod manifest from a file keeps known flags', () => {
    const raw = pod({ command: ['/usr/local/bin/kube-scheduler', '--profiling=false'] });
    raw['metadata'] = { name: 'kube-scheduler', namespace: 'kube-system' };
    expect(containerOf(raw, { file: 's.yaml', line: 1 })['command']).toEqual(['/usr/local/bin/kube-scheduler', '--profiling=false']);
    expect(containerOf(raw)['command']).toEqual([marker, { $scrubbed: true, flag: 'profiling' }]);
  });

  test('forged markers keep only what a scrubber could have written', () => {
    const env = [{ name: 'A', value: { $scrubbed: true, credential: 'hunter2', note: 'hunter2' } }];
    expect(containerOf(pod({ env }))['env']).toEqual([{ name: 'A', value: marker }]);
  });

  test('resourceVersion is for the cache only, and nothing undeclared is in the body', () => {
    const scrubber = scrubberOf('k8s.pods/pods');
    const raw = { ...pod({ resources: {} }), status: { podIP: '10.0.0.1', phase: 'Running' } };
    const object = scrubber.scrub(raw);
    expect(object).toMatchObject({ apiVersion: 'v1', type: 'Pod', namespace: 'clinic', name: 'p', uid: 'u', resourceVersion: '7' });
    expect(object.body).toEqual({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', namespace: 'clinic', uid: 'u' },
      spec: { containers: [{ name: 'c' }] },
      status: { phase: 'Running' },
    });
    expect(scrubber.counts()).toEqual({ undeclared: 3 });
  });
});

test('counts say which treatment and rule met how many values', () => {
  const scrubber = scrubberOf('k8s.pods/pods');
  scrubber.scrub(pod({ env: [{ name: 'TOKEN', value: 'hunter2hunter2' }], args: ['x'] }, {}, { annotations: { a: 'b' } }));
  expect(scrubber.counts()).toEqual({ annotations: 1, arguments: 1, 'credential:name-suggests-credential': 1, literal: 1, undeclared: 1 });
});

test('encryption configuration: order and key names stay, keys do not', () => {
  const raw: RawObject = {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'EncryptionConfiguration',
    metadata: {},
    resources: [
      {
        resources: ['secrets'],
        providers: [{ identity: {} }, { secretbox: { keys: [{ name: 'k1', secret: 'aHVudGVyMg==' }] } }, { novel: { secret: 'hunter2' } }],
      },
    ],
  };
  expect(scrubberOf('files.encryption/encryptionconfigurations').scrub(raw).body['resources']).toEqual([
    { resources: ['secrets'], providers: [{ identity: {} }, { secretbox: { keys: [{ name: 'k1' }] } }, {}] },
  ]);
});

test('flagz: flags of the list keep their values, others leave markers', () => {
  const raw = {
    apiVersion: 'config.k8s.io/v1beta1',
    kind: 'Flagz',
    metadata: { name: 'apiserver' },
    flags: { 'audit-policy-file': '', 'anonymous-auth': 'true', 'new-flag': 'hunter2', 'etcd-servers': '[https://u:hunter2@e]' },
  };
  expect(scrubberOf('k8s.apiserver/flagz').scrub(raw).body['flags']).toEqual({
    'audit-policy-file': '',
    'anonymous-auth': 'true',
    'new-flag': marker,
    'etcd-servers': { $scrubbed: true, credential: 'url-with-password' },
  });
});

test('canaries planted in a real pod do not survive', () => {
  const list = JSON.parse(readFileSync('test/fixtures/api/pods.json', 'utf8')) as { items: RawObject[] };
  const scrubber = scrubberOf('k8s.pods/pods');
  const text = canonicalize(list.items.map((item) => scrubber.scrub({ ...item, apiVersion: 'v1', kind: 'Pod' }).body));
  expect(JSON.stringify(list)).toContain('CANARY');
  expect(text).not.toContain('CANARY');
  expect(text).toContain('--client-cert-auth=true');
});

describe('what people write that should hold no credential', () => {
  const object = (apiVersion: string, kind: string, more: JsonObject, metadata: JsonObject = {}): RawObject => ({
    apiVersion,
    kind,
    metadata: { name: 'n', ...metadata },
    ...more,
  });
  const url = { $scrubbed: true, credential: 'url-with-password' };
  const path = (text: Json) => ({ spec: { rules: [{ http: { paths: [{ path: text }] } }] } });
  const policy = (expression: Json) => ({ spec: { validations: [{ expression }] } });
  test.each<[string, ListingKind, RawObject, JsonObject]>([
    [
      'an expression',
      'k8s.admission/validatingadmissionpolicies',
      object('v1', 'P', policy("object.spec.x == 'amqp://u:hunter2@mq'")),
      policy(url),
    ],
    ['an expression without one', 'k8s.admission/validatingadmissionpolicies', object('v1', 'P', policy('a == b')), policy('a == b')],
    [
      'a path',
      'k8s.ingresses/ingresses',
      object('v1', 'I', path('/hook?token=hunter2hunter2')),
      path({ $scrubbed: true, credential: 'assigned-token' }),
    ],
    ['a structure in place of a text', 'k8s.ingresses/ingresses', object('v1', 'I', path({ a: 'hunter2' })), path(marker)],
    [
      'addresses of an etcd outside',
      'k8s.kubeadm/configmaps',
      object('v1', 'C', { clusterConfiguration: { etcd: { external: { endpoints: ['https://a:2379', 'https://root:hunter2@b:2379'] } } } }),
      { clusterConfiguration: { etcd: { external: { endpoints: ['https://a:2379', url] } } } },
    ],
    [
      'the hash of an encryption configuration, which is made without a salt',
      'k8s.nodes/nodes',
      object(
        'v1',
        'Node',
        {},
        { annotations: { 'k3s.io/encryption-config-hash': 'start-6e', 'rke2.io/encryption-config-hash': 'start-6e' } },
      ),
      { metadata: { name: 'n', annotations: { 'k3s.io/encryption-config-hash': marker, 'rke2.io/encryption-config-hash': marker } } },
    ],
  ])('%s', (_name, kind, raw, kept) => {
    const { body } = scrubberOf(kind).scrub(raw);
    expect(body).toMatchObject(kept);
    expect(JSON.stringify(body)).not.toContain('hunter2');
    expect(scrubberOf(kind).scrub(body).body).toEqual(body);
  });

  test('a variable of etcd', () => {
    const env = ['https://a:2380', 'https://root:hunter2@a:2380'].map((value) => ({ name: 'ETCD_INITIAL_CLUSTER', value }));
    expect(containerOf(pod({ command: ['etcd'], env }, {}, mirror))['env']).toEqual([env[0], { name: 'ETCD_INITIAL_CLUSTER', value: url }]);
  });
});

describe('laws', () => {
  const kinds = collectors.flatMap((collector) => collector.listings.map((listing) => listing.kind));
  // Keys that occur in keep-lists, so that random objects reach the treated places.
  const keys = fc.constantFrom(
    'spec',
    'containers',
    'env',
    'value',
    'name',
    'args',
    'command',
    'template',
    'flags',
    'data',
    'metadata',
    'labels2',
    'annotations',
    'providers',
    'resources',
    'lifecycle',
    'preStop',
    'exec',
    'secretbox',
    'keys',
    'secret',
    'clusterConfiguration',
    'apiServer',
    'extraArgs',
    '__proto__',
    'constructor',
    '$scrubbed',
    'credential',
    'flag',
  );
  const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 6 },
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('node'), { maxLength: 3 }),
      fc.dictionary(keys, tie('node'), { maxKeys: 4 }),
    ),
  })).node;
  const object = fc
    .record({
      kind: fc.constantFrom(...kinds),
      spec: value,
      flags: value,
      data: value,
      resources: value,
      status: value,
      clusterConfiguration: value,
      annotations: value,
      mirrored: fc.boolean(),
    })
    .map(({ kind, annotations, mirrored, ...rest }) => ({
      kind,
      raw: { apiVersion: 'v1', kind: 'Pod', ...rest, metadata: { name: 'n', ...(mirrored ? mirror : { annotations }) } } as RawObject,
    }));

  test('scrubbing what was scrubbed changes nothing', () => {
    fc.assert(
      fc.property(object, ({ kind, raw }) => {
        const once = scrubberOf(kind).scrub(raw).body;
        const twice = scrubberOf(kind).scrub(once).body;
        expect(canonicalize(twice)).toBe(canonicalize(once));
      }),
      { numRuns: 500 },
    );
  });

  test('no planted value survives at a place that is not declared', () => {
    const canary = 'cAnArY-7f3a9b';
    const treated = fc.constantFrom(
      ['spec', 'containers', 0, 'env', 0, 'value'],
      ['spec', 'containers', 0, 'args', 0],
      ['spec', 'containers', 0, 'command', 1],
      ['spec', 'initContainers', 0, 'lifecycle', 'postStart', 'exec', 'command', 0],
      ['spec', 'containers', 0, 'livenessProbe', 'httpGet', 'httpHeaders', 0, 'value'],
      ['metadata', 'annotations', 'example.com/x'],
      ['spec', 'volumes', 0, 'rbd', 'user'],
    );
    const undeclared = fc
      .array(fc.constantFrom('spec', 'containers', 'x', 'env', 'data', 'status', 0, 1), { minLength: 1, maxLength: 6 })
      .map((path) => path.concat('undeclared'));
    const shape = fc.constantFrom<(text: string) => Json>(
      (text) => text,
      (text) => `--${text}`,
      (text) => `-x${text}`,
      (text) => [text],
      (text) => ({ deep: { deeper: text } }),
      (text) => ({ $scrubbed: true, credential: text }),
    );
    fc.assert(
      fc.property(fc.oneof(treated, undeclared), shape, (path, make) => {
        const raw = pod({ command: ['kube-apiserver'] }, {}, mirror);
        plant(raw, path, make(canary));
        expect(canonicalize(scrubberOf('k8s.pods/pods').scrub(raw).body)).not.toContain(canary);
      }),
      { numRuns: 500 },
    );
  });
});

function plant(root: object, path: readonly (string | number)[], value: Json): void {
  let current = root as Record<string | number, unknown>;
  for (const [index, key] of path.entries()) {
    if (index === path.length - 1) current[key] = value;
    else {
      const next = current[key];
      if (typeof next !== 'object' || next === null) current[key] = typeof path[index + 1] === 'number' ? [] : {};
      current = current[key] as Record<string | number, unknown>;
    }
  }
}
