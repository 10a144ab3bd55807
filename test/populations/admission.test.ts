import { describe, expect, test } from 'vitest';
import { createMemorySnapshot } from '../../src/ledger/storage/memory-snapshot.ts';
import type { Gap, Json, JsonObject, ListingKind } from '../../src/model/index.ts';
import { matchesCore, selects } from '../../src/populations/admission/admission-rules.ts';
import { populations } from '../../src/populations/index.ts';
import { read, snapshot } from './snapshots.ts';

const population = (name: string) => {
  const found = populations.find((each) => each.name === name);
  if (found === undefined) throw new Error(name);
  return found;
};

describe('a selector of labels', () => {
  const labels: JsonObject = { tier: 'web', 'kubernetes.io/metadata.name': 'shop' };
  const by = (key: string, operator: string, ...values: string[]): Json => ({ matchExpressions: [{ key, operator, values }] });
  test.each<[string, Json | undefined, boolean]>([
    ['nothing', undefined, true],
    ['an empty one', {}, true],
    ['equal labels', { matchLabels: { tier: 'web' } }, true],
    ['other labels', { matchLabels: { tier: 'web', env: 'prod' } }, false],
    ['In', by('tier', 'In', 'db', 'web'), true],
    ['In, others', by('tier', 'In', 'db'), false],
    ['In, without the label', by('env', 'In', 'prod'), false],
    ['NotIn', by('kubernetes.io/metadata.name', 'NotIn', 'shop'), false],
    ['NotIn, without the label', by('env', 'NotIn', 'prod'), true],
    ['Exists', by('env', 'Exists'), false],
    ['DoesNotExist', by('env', 'DoesNotExist'), true],
    ['an inherited name is no label', by('constructor', 'Exists'), false],
    ['both must hold', { matchLabels: { tier: 'web' }, matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] }, false],
  ])('%s', (_, selector, expected) => {
    expect(selects(selector, labels)).toBe(expected);
  });
});

describe('rules', () => {
  const rule = (apiGroups: Json, resources: Json, operations: Json, scope?: string): Json => ({
    apiGroups,
    resources,
    operations,
    ...(scope === undefined ? {} : { scope }),
  });
  test.each<[string, Json, boolean]>([
    ['by name', rule([''], ['secrets'], ['CREATE']), true],
    ['everything', rule(['*'], ['*/*'], ['*']), true],
    ['namespaced only', rule(['*'], ['*'], ['*'], 'Namespaced'), true],
    ['cluster-wide objects only', rule(['*'], ['*'], ['*'], 'Cluster'), false],
    ['another group', rule(['apps'], ['*'], ['*']), false],
    ['another resource', rule([''], ['pods', 'secretsx'], ['*']), false],
    ['another operation', rule(['*'], ['*'], ['CONNECT']), false],
    ['no lists', rule('*', '*', '*'), false],
    ['null', null, false],
  ])('%s', (_, each, expected) => {
    expect(matchesCore([each], 'secrets', ['CREATE', 'UPDATE'])).toBe(expected);
  });
});

/** A server that answers 404 for a kind, as older ones do. */
function withStatus(kinds: Readonly<Record<ListingKind, { readonly status: number; readonly gaps: readonly Gap[] }>>) {
  const at = '2026-10-01T12:00:00.000Z';
  const cluster = { name: 'test', uid: 'u', version: '1.29.0', server: null, caFingerprint: null, actor: null };
  const memory = createMemorySnapshot({ scope: 'cluster', cluster, at });
  for (const [kind, { status, gaps }] of Object.entries(kinds)) {
    const request = {
      path: '/',
      status,
      startedAt: at,
      endedAt: at,
      pages: 1,
      items: 0,
      bytes: 0,
      attempts: 1,
      consistency: 'consistent' as const,
    };
    memory.close({
      kind: kind as ListingKind,
      collectorVersion: 1,
      keepDigest: '',
      assurance: 'observed',
      requests: [request],
      gaps,
      items: 0,
      scrubbed: {},
      observedAt: at,
    });
  }
  return memory;
}

describe('admission policies of a server', () => {
  const both = (status: number, gaps: readonly Gap[]) =>
    withStatus({
      'k8s.admission/validatingadmissionpolicies': { status, gaps },
      'k8s.admission/validatingadmissionpolicybindings': { status, gaps },
    });
  test('that does not serve them are none, and no gap', () => {
    const gaps: Gap[] = [{ reason: 'absent', what: 'validatingadmissionpolicies', detail: '404' }];
    expect(read(population('admissionPolicies'), both(404, gaps))).toEqual({ rows: [], gaps: [] });
  });
  test.each<[number, Gap['reason']]>([
    [403, 'forbidden'],
    [500, 'error'],
    [406, 'absent'],
  ])('that answers %i are a gap', (status, reason) => {
    const { gaps } = read(population('admissionPolicies'), both(status, [{ reason, what: 'x' }]));
    expect(gaps.map((gap) => gap.reason)).toEqual([reason, reason]);
  });
  test('that were not collected are a gap', () => {
    expect(read(population('admissionPolicies'), withStatus({})).gaps).toHaveLength(2);
  });
});

test('a webhook without settings has those of Kubernetes', () => {
  const { rows } = read(
    population('webhooks'),
    snapshot({
      'k8s.admission/validatingwebhookconfigurations': [
        {
          apiVersion: 'v1',
          kind: 'ValidatingWebhookConfiguration',
          metadata: { name: 'a|b' },
          webhooks: [{ name: 'x/y' }, { name: 'x/y' }],
        },
      ],
      'k8s.admission/mutatingwebhookconfigurations': [],
    }),
  );
  expect(rows.map(({ item }) => item)).toEqual([
    'ValidatingWebhookConfiguration/a%7Cb/x%2Fy',
    'ValidatingWebhookConfiguration/a%7Cb/x%2Fy#2',
  ]);
  expect(rows[0]).toMatchObject({ failurePolicy: 'Fail', timeoutSeconds: 10, mutating: false, outside: false, seesPods: false });
});

describe('the image of a container', () => {
  const digest = `sha256:${'0'.repeat(64)}`;
  test.each([
    ['nginx', 'docker.io/library/nginx', 'latest', false],
    ['nginx:1', 'docker.io/library/nginx', '1', false],
    ['team/app', 'docker.io/team/app', 'latest', false],
    ['localhost/app', 'localhost/app', 'latest', false],
    ['registry:5000/app', 'registry:5000/app', 'latest', false],
    ['registry.example.com/a/b:v1', 'registry.example.com/a/b', 'v1', false],
    [`registry.example.com/a@${digest}`, 'registry.example.com/a', '', true],
    [`a:1@${digest}`, 'docker.io/library/a', '1', true],
    ['a@sha256:0', 'docker.io/library/a', 'latest', false],
    ['', '', 'latest', false],
  ])('%s', (image, repository, tag, pinned) => {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'n' }, spec: { containers: [{ name: 'c', image }] } };
    const given = Object.fromEntries(population('containers').from.map((kind) => [kind, kind === 'k8s.pods/pods' ? [pod] : []]));
    expect(read(population('containers'), snapshot(given)).rows[0]).toMatchObject({ image, repository, tag, pinned });
  });
});

describe('the kubelet of a node', () => {
  test.each([
    ['v1.36.1', 'v1.36.9', 0],
    ['v1.36.1', 'v1.33.0-eks-1', 3],
    ['v1.36.1+k3s1', 'v1.37.0', -1],
    ['v1.36.1', 'v2.1.0', undefined],
    ['v1.36.1', '', undefined],
    ['unknown', 'v1.36.1', undefined],
  ])('API server %s, kubelet %s', (gitVersion, kubeletVersion, behind) => {
    const given = {
      'k8s.cluster/version': [{ apiVersion: 'kubevidence/v1', kind: 'Version', metadata: { name: 'version' }, gitVersion }],
      'k8s.nodes/nodes': [{ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, status: { nodeInfo: { kubeletVersion } } }],
    };
    const [row] = read(population('kubelets'), snapshot(given)).rows;
    expect(row?.['behind']).toBe(behind);
    expect(row?.gaps === undefined).toBe(behind !== undefined);
  });
});
