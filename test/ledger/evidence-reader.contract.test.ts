/** What every EvidenceReader promises, whoever keeps the evidence. */
import { describe, expect, it } from 'vitest';
import { createMemorySnapshot } from '../../src/ledger/index.ts';
import type { EvidenceObject, EvidenceReader, EvidenceSink, ListingKind } from '../../src/model/index.ts';
import { identity, listing, pod, pods, start } from './given.ts';
import { openForTest } from './temporary.ts';

type Fill = (sink: EvidenceSink) => void;

const at = '2026-08-14T13:00:00.000Z';
const implementations: readonly [string, (fill: Fill, before?: Fill) => EvidenceReader][] = [
  [
    'memory',
    (fill, before) => {
      const earlier = before === undefined ? undefined : createMemorySnapshot({ scope: 'cluster', cluster: identity, at });
      if (earlier !== undefined) before?.(earlier);
      const snapshot = createMemorySnapshot({
        scope: 'cluster',
        cluster: identity,
        at,
        ...(earlier === undefined ? {} : { previous: earlier }),
      });
      fill(snapshot);
      return snapshot;
    },
  ],
  [
    'ledger',
    (fill, before) => {
      const ledger = openForTest();
      let number = 0;
      for (const write of before === undefined ? [fill] : [before, fill]) {
        const run = start(ledger, identity, []);
        write(run);
        number = run.end({ status: 'succeeded', error: null, identity, serverClockSkewMs: null, endedAt: at }).number;
      }
      return ledger.snapshot('prod', number);
    },
  ],
];

const nodes: ListingKind = 'k8s.nodes/nodes';
const named = (reader: EvidenceReader, kind: ListingKind) =>
  [...reader.objects(kind)].map(({ namespace, name, uid }) => [namespace, name, uid]);

describe.each(implementations)('the evidence reader of the %s', (_, read) => {
  it('gives objects in (namespace, name, uid) order, by UTF-16 code units, each with its body', () => {
    const objects = [
      pod({ namespace: 'b', name: 'x', uid: '2' }),
      pod({ namespace: 'b', name: 'x', uid: '1' }),
      pod({ namespace: 'a', name: 'y' }),
      pod({ namespace: 'b', name: 'B' }),
      pod({ namespace: '', name: 'cluster' }),
    ];
    const reader = read((sink) => {
      sink.put(pods, objects.slice(0, 2));
      sink.put(pods, objects.slice(2));
      sink.close(listing(pods, 5));
    });
    expect(named(reader, pods).map(([namespace, name]) => `${namespace}/${name}`)).toEqual(['/cluster', 'a/y', 'b/B', 'b/x', 'b/x']);
    expect(
      named(reader, pods)
        .slice(3)
        .map(([, , uid]) => uid),
    ).toEqual(['1', '2']);
    for (const { id, body, apiVersion, type, uid } of reader.objects(pods)) {
      expect(id).toMatch(/^[0-9a-f]{64}$/);
      const given = objects.find((object) => object.uid === uid);
      expect({ body, apiVersion, type }).toEqual({ body: given?.body, apiVersion: 'v1', type: 'Pod' });
    }
  });

  it('keeps identities and places that are not in the body', () => {
    const body = { value: 3 };
    const metric: EvidenceObject = {
      apiVersion: 'kubevidence/v1',
      type: 'MetricFamily',
      namespace: '',
      name: 'audit_events',
      uid: '',
      body,
    };
    const fromFile: EvidenceObject = { ...pod({ name: 'p' }), place: { file: 'dir/pod.yaml', line: 7 } };
    const reader = read((sink) => {
      sink.put(pods, [fromFile, { ...fromFile, place: { file: 'dir/a.yaml', line: 1 } }]);
      sink.close(listing(pods, 2));
      sink.put('k8s.apiserver/metrics', [metric]);
      sink.close(listing('k8s.apiserver/metrics', 1));
    });
    expect([...reader.objects('k8s.apiserver/metrics')]).toMatchObject([metric]);
    expect([...reader.objects(pods)].map(({ place }) => place)).toEqual([
      { file: 'dir/a.yaml', line: 1 },
      { file: 'dir/pod.yaml', line: 7 },
    ]);
  });

  it('gives listings by kind, as they were closed, also those that read nothing', () => {
    const gap = { reason: 'forbidden', what: 'nodes', closedBy: 'a right' } as const;
    const reader = read((sink) => {
      sink.put(pods, [pod({ name: 'p' })]);
      sink.close(listing(pods, 1));
      sink.close(listing(nodes, 0, { gaps: [gap] }));
    });
    expect(reader.listings().map(({ kind }) => kind)).toEqual([nodes, pods]);
    expect(reader.listing(nodes)).toEqual({ ...listing(nodes, 0, { gaps: [gap] }), id: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect([...reader.objects(nodes)]).toEqual([]);
    expect(reader.listing('k8s.rbac/roles')).toBeUndefined();
    expect([...reader.objects('k8s.rbac/roles')]).toEqual([]);
    expect(reader.cluster).toEqual(identity);
    expect(reader).toMatchObject({ scope: 'cluster', at });
  });

  it('forgets what was put before a restart', () => {
    const reader = read((sink) => {
      sink.put(
        pods,
        Array.from({ length: 200 }, (_, index) => pod({ name: `old-${index}` })),
      );
      sink.put(nodes, [pod({ name: 'other' })]);
      sink.restart(pods);
      sink.put(pods, [pod({ name: 'new' })]);
      sink.close(listing(pods, 1));
      sink.close(listing(nodes, 1));
    });
    expect(named(reader, pods).map(([, name]) => name)).toEqual(['new']);
    expect(named(reader, nodes).map(([, name]) => name)).toEqual(['other']);
  });

  it('gives the snapshot before', () => {
    const once = (name: string) => (sink: EvidenceSink) => {
      sink.put(pods, [pod({ name })]);
      sink.close(listing(pods, 1));
    };
    const reader = read(once('second'), once('first'));
    const before = reader.previous();
    expect(before === null ? null : named(before, pods).map(([, name]) => name)).toEqual(['first']);
    expect(before?.previous()).toBeNull();
  });
});
