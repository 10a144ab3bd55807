import { describe, expect, test } from 'vitest';
import { collectors, declarationOf } from '../../src/collectors/index.ts';
import { createMemorySnapshot } from '../../src/ledger/storage/memory-snapshot.ts';
import type { EvidenceSink, RequestRecord, RequestSpec } from '../../src/model/index.ts';
import { isComplete } from '../../src/model/index.ts';
import { createIngest } from '../../src/sources/index.ts';

const cluster = { name: 'c', uid: null, version: null, server: null, caFingerprint: null, actor: null };
const at = '2026-11-21T00:00:00.000Z';
const clock = () => new Date(at);
const start = (extra: Partial<EvidenceSink> = {}) => {
  const snapshot = createMemorySnapshot({ scope: 'cluster', cluster, at });
  return { snapshot, ingest: createIngest({ collectors, sink: { ...snapshot, ...extra }, clock }) };
};
const request = declarationOf('k8s.pods/pods')?.requests({})[0] as RequestSpec;
const record: RequestRecord = {
  path: '/api/v1/pods',
  status: 200,
  startedAt: at,
  endedAt: at,
  pages: 1,
  items: 2,
  bytes: 1,
  attempts: 1,
  consistency: 'consistent',
};
const page = (names: string[], more: object = {}) =>
  Buffer.from(
    JSON.stringify({
      kind: 'PodList',
      apiVersion: 'v1',
      metadata: { resourceVersion: '9', ...more },
      items: names.map((name) => ({
        metadata: { name, namespace: 'n', uid: `u-${name}`, resourceVersion: '3' },
        spec: { containers: [{ name: 'c', env: [{ name: 'A', value: 'cAnArY' }] }] },
      })),
    }),
  );
const end = { requests: [record], gaps: [], observedAt: at };

describe('a listing', () => {
  test('of two pages', () => {
    const { ingest, snapshot } = start();
    expect(ingest.page('k8s.pods/pods', 0, request, page(['a'], { continue: 'next' }))).toEqual({
      items: 1,
      resourceVersion: '9',
      continue: 'next',
    });
    expect(ingest.page('k8s.pods/pods', 0, request, page(['b']))).toEqual({ items: 1, resourceVersion: '9' });
    const closed = ingest.close('k8s.pods/pods', end);
    expect(closed).toMatchObject({ kind: 'k8s.pods/pods', items: 2, collectorVersion: 2, assurance: 'observed', scrubbed: { literal: 2 } });
    expect(isComplete(closed)).toBe(true);
    expect([...snapshot.objects('k8s.pods/pods')].map(({ name }) => name)).toEqual(['a', 'b']);
    expect(JSON.stringify([...snapshot.objects('k8s.pods/pods')])).not.toContain('cAnArY');
  });

  test('that starts again counts and keeps only what came after', () => {
    const { ingest, snapshot } = start();
    ingest.page('k8s.pods/pods', 0, request, page(['a', 'b']));
    ingest.restart('k8s.pods/pods');
    ingest.page('k8s.pods/pods', 0, request, page(['c']));
    expect(ingest.close('k8s.pods/pods', end)).toMatchObject({ items: 1, scrubbed: { literal: 1 } });
    expect([...snapshot.objects('k8s.pods/pods')].map(({ name }) => name)).toEqual(['c']);
  });

  test('that is unchanged is neither scrubbed nor put, and says so', () => {
    const asked: string[] = [];
    const { ingest, snapshot } = start({
      reuse: (kind, { namespace, name, uid, resourceVersion }) => {
        asked.push(`${kind} ${namespace}/${name} ${uid} ${resourceVersion}`);
        return name === 'a';
      },
    });
    ingest.page('k8s.pods/pods', 0, request, page(['a', 'b']));
    expect(ingest.close('k8s.pods/pods', end)).toMatchObject({ items: 2, scrubbed: { literal: 1, 'unchanged-objects': 1 } });
    expect([...snapshot.objects('k8s.pods/pods')].map(({ name }) => name)).toEqual(['b']);
    expect(asked).toEqual(['k8s.pods/pods n/a u-a 3', 'k8s.pods/pods n/b u-b 3']);
  });

  test('that is unchanged is not even parsed where its page can be skimmed, and asked about once', () => {
    const asked: string[] = [];
    const sink: Partial<EvidenceSink> = {
      listedAt: () => true,
      reuse: (_kind, { name }) => {
        asked.push(name);
        return name !== 'b';
      },
    };
    const { ingest, snapshot } = start(sink);
    const bytes = Buffer.from(page(['a', 'b', 'c'], { continue: 'next' }).toString().replace('cAnArY', 'not\\qJSON'));
    expect(ingest.page('k8s.pods/pods', 0, request, bytes)).toEqual({ items: 3, resourceVersion: '9', continue: 'next' });
    expect(asked).toEqual(['a', 'b', 'c']);
    expect(ingest.close('k8s.pods/pods', end)).toMatchObject({ items: 3, scrubbed: { literal: 1, 'unchanged-objects': 2 } });
    expect([...snapshot.objects('k8s.pods/pods')].map(({ name }) => name)).toEqual(['b']);
  });

  test('whose changed part is broken keeps what was unchanged, and counts no more than that', () => {
    const { ingest, snapshot } = start({ listedAt: () => true, reuse: (_kind, { name }) => name === 'b' });
    const bytes = Buffer.from(page(['a', 'b']).toString().replace('cAnArY', 'not\\qJSON'));
    expect(() => ingest.page('k8s.pods/pods', 0, request, bytes)).toThrow(/the JSON is broken/);
    expect(ingest.close('k8s.pods/pods', { ...end, gaps: [{ reason: 'error', what: 'pods' }] })).toMatchObject({ items: 1 });
    expect([...snapshot.objects('k8s.pods/pods')]).toEqual([]);
  });

  test('a page that is not the answer stores nothing and leaves the listing open', () => {
    const { ingest, snapshot } = start();
    expect(() => ingest.page('k8s.pods/pods', 0, request, Buffer.from('<html>'))).toThrow(/not what was asked for/);
    ingest.close('k8s.pods/pods', { ...end, gaps: [{ reason: 'error', what: 'pods' }] });
    expect(snapshot.listing('k8s.pods/pods')).toMatchObject({ items: 0, gaps: [{ reason: 'error', what: 'pods' }] });
  });

  test('that nothing was asked for is a gap, not an empty success', () => {
    const { ingest } = start();
    const closed = ingest.close('k8s.secrets/secrets', { requests: [], gaps: [], observedAt: at });
    expect(closed.gaps).toEqual([{ reason: 'absent', what: 'k8s.secrets/secrets', detail: 'nothing was asked for' }]);
    expect(isComplete(closed)).toBe(false);
  });

  test('of an unknown kind is refused', () => {
    expect(() => start().ingest.page('k8s.unknown/things', 0, request, page([]))).toThrow(/not known to this version/);
  });
});

test('objects made elsewhere pass the scrubber too', () => {
  const { ingest, snapshot } = start();
  ingest.putRaw('k8s.self/rules', [
    { raw: { apiVersion: 'kubevidence/v1', kind: 'SelfSubjectRules', metadata: { name: 'n' }, resourceRules: [], note: 'x' } },
  ]);
  ingest.close('k8s.self/rules', end);
  expect([...snapshot.objects('k8s.self/rules')][0]?.body).toEqual({
    apiVersion: 'kubevidence/v1',
    kind: 'SelfSubjectRules',
    metadata: { name: 'n' },
    resourceRules: [],
  });
});
