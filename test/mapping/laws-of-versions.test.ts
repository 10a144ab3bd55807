/** A law names recommendations by the ids of the newest version; what those ids mean in the version of the cluster does not matter to it. */
import { expect, test } from 'vitest';
import { assess } from '../../src/assess.ts';
import { makeCatalog } from '../../src/catalog/index.ts';
import { createMemorySnapshot } from '../../src/ledger/storage/memory-snapshot.ts';
import type { Population } from '../../src/model/index.ts';
import { control, framework, requirement } from '../catalog/given.ts';

const decided = [{ id: 'TOY-001', strength: 'partial', covers: 'exact' } as const];
/** The newest version leaves 1.1 to a person; the one before leaves 1.2, and has another 1.1. */
const newest = framework({
  version: '10.0.0',
  kubernetesVersions: ['1.35'],
  requirements: [requirement({ id: '1.1' }), requirement({ id: '1.2', controls: decided })],
});
const before = framework({
  version: '9.0.0',
  kubernetesVersions: ['1.30'],
  requirements: [requirement({ id: '1.1', controls: decided }), requirement({ id: '1.2' })],
});
const law = framework({
  id: 'toy-law',
  kind: 'law',
  requirements: [
    requirement({ id: 'A', cis: ['1.1'] }),
    requirement({ id: 'B', cis: ['1.2'] }),
    requirement({ id: 'C', cis: ['1.1', '1.2'] }),
  ],
});
const catalog = makeCatalog({ controls: [control()], frameworks: [before, law, newest], techniques: [] });

const toys: Population = { name: 'toys', doc: 'toys', from: [], rows: () => [] };

test('a benchmark of somebody else, which comes first by its id, takes nothing from what the law leaves open', () => {
  const own = framework({ id: 'a-baseline', requirements: [requirement({ id: '1.1', controls: decided })] });
  const reader = createMemorySnapshot({
    scope: 'cluster',
    cluster: { name: 'toys', uid: null, version: '1.35.1', server: null, caFingerprint: null, actor: null },
    at: '2026-10-01T12:00:00.000Z',
  });
  const withOwn = makeCatalog({ controls: [control()], frameworks: [before, law, newest, own], techniques: [] });
  const { requirements } = assess({ reader, catalog: withOwn, populations: [toys] });
  const counted = requirements.filter((each) => each.framework === 'toy-law').map(({ id, counts }) => [id, counts]);
  expect(counted).toEqual([
    ['A', { notAssessed: 1 }],
    ['B', {}],
    ['C', { notAssessed: 1 }],
  ]);
});

test.each([
  ['1.35.1', '10.0.0'],
  ['1.30.4', '9.0.0'],
  ['1.20.0', '9.0.0 (not published for 1.20)'],
])('a cluster of %s is held against %s, and the law is counted by the newest', (version, expected) => {
  const reader = createMemorySnapshot({
    scope: 'cluster',
    cluster: { name: 'toys', uid: null, version, server: null, caFingerprint: null, actor: null },
    at: '2026-10-01T12:00:00.000Z',
  });
  const { requirements } = assess({ reader, catalog, populations: [toys] });
  expect(new Set(requirements.filter((each) => each.framework === 'toy-benchmark').map((each) => each.version))).toEqual(
    new Set([expected]),
  );
  const counted = requirements.filter((each) => each.framework === 'toy-law').map(({ id, outcome, counts }) => [id, outcome, counts]);
  expect(counted).toEqual([
    ['A', 'manual', { notAssessed: 1 }],
    ['B', 'manual', {}],
    ['C', 'manual', { notAssessed: 1 }],
  ]);
});
