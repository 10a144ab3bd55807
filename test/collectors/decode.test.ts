import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { declarationOf } from '../../src/collectors/index.ts';
import type { ListingKind } from '../../src/model/index.ts';
import { at, KubevidenceError, listAt, textAt } from '../../src/model/index.ts';

const fixture = (name: string) => new Uint8Array(readFileSync(`test/fixtures/api/${name}`));
const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const declared = (kind: ListingKind) => {
  const found = declarationOf(kind);
  const [request] = found?.requests({ namespaces: ['clinic'] }) ?? [];
  if (found === undefined || request === undefined) throw new Error(kind);
  return { found, request };
};
const decode = (kind: ListingKind, body: Uint8Array, more: object = {}) => {
  const { found, request } = declared(kind);
  return found.decode(body, { ...request, ...more });
};

function thrown(act: () => unknown): unknown {
  try {
    act();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('what a real API server answers', () => {
  test('a list: items get the kind and apiVersion that they lack', () => {
    const page = decode('k8s.pods/pods', fixture('pods.json'));
    expect(page.items.length).toBe(5);
    expect(page.items.every((item) => item['kind'] === 'Pod' && item['apiVersion'] === 'v1')).toBe(true);
    expect(page.resourceVersion).toMatch(/^\d+$/);
    expect(page.continue).toBeUndefined();
  });
  test('/version becomes an object', () => {
    expect(decode('k8s.cluster/version', fixture('version.json')).items[0]).toMatchObject({ kind: 'Version', gitVersion: 'v1.36.3' });
  });
  test('/flagz', () => {
    expect(at(decode('k8s.apiserver/flagz', fixture('flagz.json')).items[0], 'flags', 'authorization-mode')).toBe('[Node,RBAC]');
  });
  test('/statusz', () => {
    expect(decode('k8s.apiserver/statusz', fixture('statusz.json')).items[0]).toMatchObject({ binaryVersion: '1.36.3' });
  });
  test('leases', () => {
    expect(decode('k8s.apiserver/leases', fixture('leases.json')).items).toHaveLength(1);
  });
  test('/metrics: only the families that controls stand on, without buckets, numbers as text', () => {
    const families = new Map(
      decode('k8s.apiserver/metrics', fixture('metrics.txt')).items.map((item) => [textAt(item, 'metadata', 'name') ?? '', item]),
    );
    expect(families.has('apiserver_audit_level_total')).toBe(true);
    expect(families.has('workqueue_depth')).toBe(false);
    expect(listAt(families.get('apiserver_storage_transformation_operations_total'), 'samples')).toContainEqual({
      labels: { resource: 'secrets', status: 'OK', transformation_type: 'to_storage', transformer_prefix: 'k8s:enc:secretbox:v1:' },
      value: '2',
    });
    expect([...families.keys()].some((name) => name.endsWith('_bucket'))).toBe(false);
  });
  test('Secrets as a Table: months that surely hold the creation', () => {
    const page = decode('k8s.secrets/secrets', fixture('secrets-table.json'), { observedAt: '2026-11-21T04:50:00.000Z' });
    expect(page.items[0]).toEqual({
      apiVersion: 'kubevidence/v1',
      kind: 'SecretSummary',
      metadata: { name: 'db', namespace: 'clinic' },
      type: 'Opaque',
      keys: 2,
      createdBetween: ['2026-11-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z'],
    });
  });
});

const table = (rows: unknown[]) => ({
  kind: 'Table',
  apiVersion: 'meta.k8s.io/v1',
  metadata: {},
  columnDefinitions: ['Name', 'Type', 'Data', 'Age'].map((name) => ({ name })),
  rows,
});

describe('what is not the answer is an error, never an empty list', () => {
  const pods = { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: [] };
  test.each<[string, ListingKind, unknown, RegExp]>([
    ['cut JSON', 'k8s.pods/pods', '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"na', /ends early/],
    ['broken JSON', 'k8s.pods/pods', '{"kind":"PodList",,}', /broken/],
    ['empty', 'k8s.pods/pods', '', /empty/],
    ['HTML', 'k8s.pods/pods', '<!doctype html><title>Sign in</title>', /HTML/],
    ['another list', 'k8s.pods/pods', { ...pods, kind: 'SecretList' }, /of kind SecretList, not PodList/],
    ['a Status', 'k8s.pods/pods', { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure' }, /Status/],
    ['no items', 'k8s.pods/pods', { ...pods, items: {} }, /no list of items/],
    ['a nameless item', 'k8s.pods/pods', { ...pods, items: [{ metadata: {} }] }, /metadata\.name/],
    ['a null item', 'k8s.pods/pods', { ...pods, items: [null] }, /metadata\.name/],
    ['an array', 'k8s.pods/pods', [], /no object/],
    [
      'flagz without flags',
      'k8s.apiserver/flagz',
      { kind: 'Flagz', apiVersion: 'config.k8s.io/v1beta1', metadata: { name: 'a' } },
      /no flags/,
    ],
    ['metrics that end early', 'k8s.apiserver/metrics', 'process_start_time_seconds 1\napiserver_audit_event_total 1', /ends early/],
    ['metrics that are HTML', 'k8s.apiserver/metrics', '<html></html>', /HTML/],
    ['metrics of something else', 'k8s.apiserver/metrics', 'up 1\n', /process_start_time_seconds/],
    ['a broken sample', 'k8s.apiserver/metrics', 'process_start_time_seconds 1\napiserver_audit_level_total{level="x} 1\n', /line 2/],
    ['no sample at all', 'k8s.apiserver/metrics', 'process_start_time_seconds 1\n?? 1\n', /line 2/],
    ['Secrets themselves', 'k8s.secrets/secrets', { kind: 'SecretList', apiVersion: 'v1', items: [] }, /begin as a Table/],
    [
      'a Table that carries objects',
      'k8s.secrets/secrets',
      table([{ cells: ['a', 'Opaque', 1, '5d'], object: { metadata: {} } }]),
      /carries an object/,
    ],
    ['a Table with other columns', 'k8s.secrets/secrets', { ...table([]), columnDefinitions: [{ name: 'Name' }] }, /columns/],
    [
      'another ConfigMap',
      'k8s.kubeadm/configmaps',
      { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'x', namespace: 'kube-system' } },
      /another/,
    ],
  ])('%s', (_name, kind, body, message) => {
    expect(() => decode(kind, bytes(body))).toThrow(
      expect.objectContaining({ name: 'KubevidenceError', code: 'input', message: expect.stringMatching(message) }),
    );
  });

  test('not UTF-8', () => {
    expect(() => decode('k8s.pods/pods', Buffer.from([0x7b, 0xff, 0x7d]))).toThrow(/UTF-8/);
  });

  test('errors never quote the text', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), (cut) => {
        const text = `{"kind":"PodList","apiVersion":"v1","items":[{"x":"cAnArY-7f3a"`;
        const error = thrown(() => decode('k8s.pods/pods', bytes(text.slice(0, cut))));
        expect(error).toBeInstanceOf(KubevidenceError);
        expect(String(error)).not.toContain('cAnArY');
      }),
    );
  });
});

test('a lone surrogate becomes text that has a canonical form', () => {
  const body = `{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"a","labels":{"x":"\\ud800"}}}]}`;
  expect(at(decode('k8s.pods/pods', bytes(body)).items[0], 'metadata', 'labels', 'x')).toBe('\ufffd');
});

test('kubeadm: flags of both forms, kubelet fields', () => {
  const map = (name: string, data: object) => ({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name, namespace: 'kube-system' }, data });
  const flags = (yaml: string) =>
    listAt(
      decode('k8s.kubeadm/configmaps', bytes(map('kubeadm-config', { ClusterConfiguration: yaml }))).items[0],
      'clusterConfiguration',
      'apiServer',
      'extraArgs',
    );
  expect(flags('apiServer: {extraArgs: {profiling: "false"}}')).toEqual(['--profiling=false']);
  expect(flags('apiServer: {extraArgs: [{name: profiling, value: "false"}, {name: v, value: "2"}]}')).toEqual([
    '--profiling=false',
    '--v=2',
  ]);
  const kubelet = decode('k8s.kubeadm/configmaps', bytes(map('kubelet-config', { kubelet: 'readOnlyPort: 0\n' })));
  expect(at(kubelet.items[0], 'kubeletConfiguration', 'readOnlyPort')).toBe(0);
  expect(() => flags('a: [')).toThrow(/not YAML/);
});

test('kubeadm: a tag that nobody knows is not told with the text around it', () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const data = { ClusterConfiguration: 'apiServer: {extraArgs: {oidc-client-secret: !vault hunter2}}' };
  decode(
    'k8s.kubeadm/configmaps',
    bytes({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'kubeadm-config', namespace: 'kube-system' }, data }),
  );
  expect(warn).not.toHaveBeenCalled();
  warn.mockRestore();
});

describe('metrics, by fuzz', () => {
  const label = fc.tuple(fc.stringMatching(/^[a-z_]{1,8}$/), fc.string({ maxLength: 12 }));
  const escape = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  test('what is written by the rules is read back', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(label, { selector: ([name]) => name, maxLength: 4 }),
        fc.bigInt({ min: 0n, max: 2n ** 64n }),
        (labels, value) => {
          const written = labels.map(([name, text]) => `${name}="${escape(text)}"`).join(',');
          const page = `process_start_time_seconds 1\napiserver_audit_event_total{${written}} ${value}\n`;
          const family = decode('k8s.apiserver/metrics', bytes(page)).items[1];
          expect(listAt(family, 'samples')).toEqual([{ labels: Object.fromEntries(labels), value: String(value) }]);
        },
      ),
    );
  });
  test('anything else is read or refused, and nothing else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (junk) => {
        const error = thrown(() =>
          decode('k8s.apiserver/metrics', bytes(`process_start_time_seconds 1\napiserver_audit_event_total${junk}\n`)),
        );
        expect(error === undefined || error instanceof KubevidenceError).toBe(true);
      }),
    );
  });
});
