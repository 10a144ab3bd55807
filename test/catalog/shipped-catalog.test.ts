import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { assess } from '../../src/assess.ts';
import { loadCatalog } from '../../src/catalog/index.ts';
import { createMemorySnapshot } from '../../src/ledger/storage/memory-snapshot.ts';
import { assessmentSchema } from '../../src/model/index.ts';
import { populations } from '../../src/populations/index.ts';

const root = join(import.meta.dirname, '..', '..');
const catalog = loadCatalog({
  controlDirs: [join(root, 'controls')],
  mappingDirs: [join(root, 'mappings')],
  techniqueDirs: [join(root, 'techniques')],
  populations: populations.map((population) => population.name),
});

test.each([
  ['cis-kubernetes', 131],
  ['cis-eks', 40],
  ['cis-gke', 38],
  ['cis-aks', 41],
  ['hipaa-security-rule', 71],
  ['gdpr', 72],
])('%s has all its %i requirements', (id, count) => {
  expect(catalog.frameworks.find((framework) => framework.id === id)?.requirements).toHaveLength(count);
});

describe.each(['cluster', 'files'] as const)('nothing was read (%s)', (scope) => {
  const reader = createMemorySnapshot({
    scope,
    cluster: { name: 'empty', uid: null, version: '1.36.3', server: null, caFingerprint: null, actor: null },
    at: '2026-10-01T12:00:00.000Z',
  });
  test.each([
    [null, 0],
    ['openshift', 0],
    ['eks', 40],
    ['gke', 38],
    ['aks', 41],
  ])('nothing passes, and every requirement has an outcome (managed: %s)', (managed, ofProvider) => {
    const assessment = assess({ reader, catalog, populations, managed });
    expect(assessmentSchema.parse(assessment)).toEqual(assessment);
    const outcomes = [...assessment.controls, ...assessment.requirements].map((each) => each.outcome);
    expect(outcomes.filter((outcome) => ['pass', 'fail', 'notApplicable'].includes(outcome))).toEqual([]);
    expect(assessment.controls.filter((control) => control.gaps.length === 0)).toEqual([]);
    expect(assessment.requirements).toHaveLength(131 + ofProvider + 71 + 72);
    expect(assessment.requirements.filter(({ outcome, needs }) => outcome === 'manual' && !needs)).toEqual([]);
    expect(assessment.requirements.find(({ framework }) => framework === 'cis-kubernetes')?.version).toBe('2.0.1 (not published for 1.36)');
  });
});
