/** Paths gained and lost between two snapshots, since what, and what is not known. */
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  comparePaths,
  concernsPaths,
  createAccessIndex,
  findPaths,
  nameOf,
  type PathDrift,
  pathListings,
} from '../../../src/access/index.ts';
import { loadTechniques } from '../../../src/catalog/index.ts';
import type { EvidenceReader, Gap, JsonObject, ListingKind } from '../../../src/model/index.ts';
import { binding, role, snapshot } from '../../populations/snapshots.ts';
import { randomWorld, readerOf } from './random-world.ts';

const techniques = loadTechniques({ techniqueDirs: [join(import.meta.dirname, '../../../techniques')] });

function sideOf(reader: EvidenceReader) {
  const index = createAccessIndex(reader);
  const question = { target: { kind: 'cluster-admin' }, builtin: true, withoutRemovals: true, withGrants: true } as const;
  return { index, report: findPaths(reader, techniques, question, index) };
}

/** As the ledger tells them: nothing came unless the earlier side was read whole, nothing went unless the later one was. */
function differencesOf(before: EvidenceReader, after: EvidenceReader) {
  const found = new Map<string, 'added' | 'removed' | 'changed'>();
  for (const kind of pathListings) {
    const objects = (reader: EvidenceReader) =>
      new Map([...reader.objects(kind)].map((each) => [nameOf(each.type, each.namespace, each.name), JSON.stringify(each.body)]));
    const isWhole = (reader: EvidenceReader) => reader.listing(kind)?.gaps.length === 0;
    const [was, is] = [objects(before), objects(after)];
    for (const [key, text] of is)
      if (!was.has(key)) {
        if (isWhole(before)) found.set(key, 'added');
      } else if (was.get(key) !== text) found.set(key, 'changed');
    for (const key of was.keys()) if (!is.has(key) && isWhole(after)) found.set(key, 'removed');
  }
  return found;
}

function compare(before: EvidenceReader, after: EvidenceReader): PathDrift {
  return comparePaths(sideOf(before), sideOf(after), differencesOf(before, after));
}

const everything = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }];
const rule = (verb: string, resource: string, group = '') => ({ apiGroups: [group], resources: [resource], verbs: [verb] });
const alice = { kind: 'User', name: 'alice' };
const robot = { kind: 'ServiceAccount', name: 'robot', namespace: 'prod' };
const admin = role('root', everything);
const robots = binding('robots', 'root', [robot]);
const execs = role('execs', [rule('create', 'pods/exec')]);
const pod = (phase: string): JsonObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'shell', namespace: 'prod', uid: 'p' },
  spec: {
    serviceAccountName: 'robot',
    nodeName: 'n1',
    containers: [{ name: 'app' }],
    volumes: [{ name: 't', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }],
  },
  status: { phase },
});
const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot', namespace: 'prod' } };
const namespace = (level: string): JsonObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'prod', labels: { 'pod-security.kubernetes.io/enforce': level } },
});

function world(objects: readonly JsonObject[], gaps: Partial<Record<ListingKind, readonly Gap[]>> = {}): EvidenceReader {
  const given: Record<ListingKind, JsonObject[]> = {};
  for (const kind of pathListings) given[kind] = [];
  for (const object of objects) {
    const plural = `${(object['kind'] as string).toLowerCase()}s`;
    const kind = pathListings.find((each) => each.endsWith(`/${plural}`));
    given[kind as ListingKind]?.push(object);
  }
  return snapshot(given, { gaps, version: '1.36.0' });
}

const held = [admin, robots, account, execs];

describe('gained paths', () => {
  it.each([
    ['a binding', [admin], [admin, binding('friday', 'root', [alice])], ['binding', 'ClusterRoleBinding/friday'], 1],
    [
      'an entry of a binding',
      [admin, binding('friday', 'root', [])],
      [admin, binding('friday', 'root', [alice])],
      ['subject', 'ClusterRoleBinding/friday'],
      1,
    ],
    [
      'a rule of a role',
      [role('r', [rule('get', 'pods')]), binding('b', 'r', [alice])],
      [role('r', everything), binding('b', 'r', [alice])],
      ['role', 'ClusterRole/r'],
      1,
    ],
    [
      'what a role aggregates',
      [{ ...role('r', []), aggregationRule: { clusterRoleSelectors: [] } }, binding('b', 'r', [alice])],
      [{ ...role('r', everything), aggregationRule: { clusterRoleSelectors: [] } }, binding('b', 'r', [alice])],
      ['aggregation', 'ClusterRole/r'],
      1,
    ],
    [
      'a pod that runs with a powerful account',
      [...held, binding('shells', 'execs', [alice], 'prod')],
      [...held, binding('shells', 'execs', [alice], 'prod'), pod('Running')],
      ['object', 'Pod/prod/shell'],
      3,
    ],
    [
      'the right on the first of several hops',
      [...held, pod('Running')],
      [...held, binding('shells', 'execs', [alice], 'prod'), pod('Running')],
      ['binding', 'RoleBinding/prod/shells'],
      3,
    ],
    [
      'the right on the last of several hops',
      [admin, account, execs, binding('shells', 'execs', [alice], 'prod'), pod('Running')],
      [...held, binding('shells', 'execs', [alice], 'prod'), pod('Running')],
      ['binding', 'ClusterRoleBinding/robots'],
      3,
    ],
  ] as const)('through %s', (_what, before, after, [what, object], steps) => {
    const drift = compare(world(before), world(after));
    const change = drift.gained.find(({ subject }) => subject === 'User/alice');
    expect(change).toMatchObject({ certain: true, known: true, cause: { what, object } });
    expect(change?.hops).toHaveLength(steps);
    expect(change?.hops.at(-1)).toMatchObject({ to: 'cluster-admin' });
    expect(change?.hops[0]).not.toHaveProperty('grants');
    expect(drift).toMatchObject({ target: 'cluster-admin', lost: [], confirmed: [], weakened: [], unknown: 0, gaps: [] });
    expect(compare(world(after), world(before)).lost).toEqual(drift.gained);
  });

  it('are none where somebody climbs otherwise than before, and for what the cluster is made with', () => {
    const before = world([admin, binding('monday', 'root', [alice])]);
    expect(compare(before, world([admin, binding('friday', 'root', [alice])]))).toMatchObject({ gained: [], lost: [] });
    const masters = binding('cluster-admin', 'cluster-admin', [{ kind: 'Group', name: 'system:masters' }]);
    expect(compare(world([]), world([role('cluster-admin', everything), masters])).gained).toEqual([]);
  });

  it('become certain where nothing else is asked about a pod any more', () => {
    const webhook = (name: string): JsonObject => ({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name },
      webhooks: [{ name: 'pods', rules: [{ apiGroups: [''], resources: ['pods'], operations: ['CREATE'] }] }],
    });
    const objects = [...held, role('pods', [rule('create', 'pods')]), binding('b', 'pods', [alice], 'prod'), namespace('restricted')];
    const drift = compare(world([...objects, webhook('guard')]), world(objects));
    expect(drift).toMatchObject({ gained: [], lost: [], weakened: [] });
    expect(drift.confirmed).toMatchObject([
      { subject: 'User/alice', certain: true, cause: { what: 'change', object: 'ValidatingWebhookConfiguration/guard' } },
    ]);
  });

  it('are there where a namespace lets pods onto their nodes, possibly or not', () => {
    const objects = [...held, role('pods', [rule('create', 'pods')]), binding('b', 'pods', [alice], 'shop')];
    const shop = (level: string) => ({ ...namespace(level), metadata: { ...(namespace(level)['metadata'] as JsonObject), name: 'shop' } });
    const nodes = [{ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } }, pod('Running')];
    const drift = compare(world([...objects, ...nodes, shop('restricted')]), world([...objects, ...nodes, shop('privileged')]));
    expect(drift.gained).toMatchObject([{ subject: 'User/alice', cause: { what: 'change', object: 'Namespace/shop' } }]);
  });
});

describe('what was not read', () => {
  const forbidden = (kind: ListingKind) => ({ [kind]: [{ reason: 'forbidden' as const, what: kind }] });
  const friday = binding('friday', 'root', [alice]);

  it('holds a path perhaps: neither gained nor lost', () => {
    const [blind, seen] = [world([admin], forbidden('k8s.rbac/clusterrolebindings')), world([admin, friday])];
    expect(compare(blind, seen)).toMatchObject({ gained: [], lost: [], unknown: 1, gaps: [{ reason: 'forbidden' }] });
    expect(compare(seen, blind)).toMatchObject({ gained: [], lost: [], unknown: 1 });
  });

  it('does not hide that a path is new, only that it is the first', () => {
    const drift = compare(world([admin], forbidden('k8s.pods/pods')), world([admin, friday]));
    expect(drift).toMatchObject({ gained: [{ known: false, cause: { what: 'binding' } }], unknown: 0 });
  });
});

describe('whatever the worlds', () => {
  it('tells exactly who reaches the target on one side only, and the same from the other side', () => {
    fc.assert(
      fc.property(randomWorld(techniques), randomWorld(techniques), (one, other) => {
        const [before, after] = [readerOf(one), readerOf(other)];
        const [forth, back] = [compare(before, after), compare(after, before)];
        expect([back.lost, back.gained]).toEqual([forth.gained, forth.lost]);
        expect([back.weakened, back.confirmed, back.unknown]).toEqual([forth.confirmed, forth.weakened, forth.unknown]);
        const [was, is] = [sideOf(before), sideOf(after)].map(({ report }) => new Set(report.paths.map(({ from }) => from)));
        for (const { subject, hops } of forth.gained) {
          expect([was?.has(subject), is?.has(subject)]).toEqual([false, true]);
          expect(hops.at(-1)?.to).toBe('cluster-admin');
        }
        if (forth.unknown > 0) return;
        const added = sideOf(after).report.paths.filter(({ builtin }) => !builtin);
        const expected = new Set(added.flatMap(({ from }) => (was?.has(from) ? [] : [from])));
        expect(new Set(forth.gained.map(({ subject }) => subject))).toEqual(expected);
      }),
      { numRuns: Number(process.env['FC_RUNS'] ?? 30) },
    );
  });

  it('reads no listing that is not among those it says', () => {
    fc.assert(
      fc.property(randomWorld(techniques), (one) => {
        const reader = readerOf(one);
        const asked = new Set<string>();
        const spy = Object.create(reader) as EvidenceReader;
        Object.assign(spy, {
          objects: (kind: ListingKind) => (asked.add(kind), reader.objects(kind)),
          listing: (kind: ListingKind) => (asked.add(kind), reader.listing(kind)),
        });
        sideOf(spy);
        expect([...asked].filter((kind) => !pathListings.some((each) => each === kind))).toEqual([]);
      }),
      { numRuns: 5 },
    );
  });
});

describe('what concerns paths', () => {
  it.each([
    ['k8s.pods/pods', 'added', [], 0, true],
    ['k8s.pods/pods', 'changed', ['status.conditions[0].status', 'metadata.resourceVersion'], 0, false],
    ['k8s.pods/pods', 'changed', ['status.phase'], 0, true],
    ['k8s.pods/pods', 'changed', ['status.phase2'], 3, true],
    ['k8s.nodes/nodes', 'changed', ['metadata.labels.x'], 0, false],
    ['k8s.nodes/nodes', 'removed', [], 0, true],
    ['k8s.namespaces/namespaces', 'changed', ['metadata.labels["pod-security.kubernetes.io/enforce"]'], 0, true],
    ['k8s.rbac/clusterroles', 'changed', ['rules[0].verbs[1]'], 0, true],
    ['k8s.rbac/clusterroles', 'changed', ['metadata.annotations.x'], 0, false],
  ] as const)('%s %s %j', (kind, change, paths, more, expected) => {
    expect(concernsPaths(kind, change, paths, more)).toBe(expected);
  });
});
