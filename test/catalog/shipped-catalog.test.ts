import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { assess } from '../../src/assess.ts';
import { loadCatalog, pickFrameworks } from '../../src/catalog/index.ts';
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

test.each(['hipaa-security-rule', 'gdpr'])('every control over nodes and audit policies has a line of %s, with its reason', (id) => {
  const links = catalog.frameworks
    .filter((framework) => framework.id === id)
    .flatMap(({ requirements }) => requirements.flatMap(({ controls }) => controls));
  const asked = catalog.controls.filter((control) => /^(NODE|KUBELET|CERT|JOIN|PROXY)-|^ETCD-007$|^AUD-0(0[7-9]|1[0-2])$/.test(control.id));
  expect(asked.length).toBeGreaterThanOrEqual(61);
  expect(asked.filter((control) => links.every((link) => link.id !== control.id)).map((control) => control.id)).toEqual([]);
  expect(links.filter(({ because }) => because === undefined)).toEqual([]);
});

describe('the CIS benchmark of a cluster', () => {
  test.each([
    ['1.30.4', '1.12.0 (not published for 1.30)'],
    ['1.31.0', '1.12.0 (not published for 1.31)'],
    ['1.32.1', '1.12.0'],
    ['v1.33.5', '1.12.0'],
    ['1.34.2', '2.0.1'],
    ['1.35.0', '2.0.1'],
    ['1.36.3', '2.0.1 (not published for 1.36)'],
    [null, '2.0.1'],
  ])('%s → %s', (version, expected) => {
    const general = pickFrameworks(catalog.frameworks, { version }).filter(({ id }) => id === 'cis-kubernetes');
    expect(general.map((framework) => framework.version)).toEqual([expected]);
  });

  const of = (version: string) =>
    catalog.frameworks.find((framework) => framework.id === 'cis-kubernetes' && framework.version === version);
  const [newest, older] = [of('2.0.1'), of('1.12.0')];

  test('1.12.0 has the ids of 2.0.1, and differs only where the two are known to differ', () => {
    expect(older?.requirements.map(({ id }) => id)).toEqual(newest?.requirements.map(({ id }) => id));
    const differing = older?.requirements.filter(
      (requirement, i) => JSON.stringify(requirement) !== JSON.stringify(newest?.requirements[i]),
    );
    expect(differing?.map(({ id, level }) => [id, level])).toEqual([
      ['3.2.2', 2],
      ['5.2.9', 1],
    ]);
    expect(newest?.requirements.find(({ id }) => id === '5.2.9')?.level).toBe(2);
    expect(older?.source).not.toBe(newest?.source);
  });

  test('a failure that only 2.0.1 asks about is none of 1.12.0', () => {
    const coversOf = (framework: typeof older) =>
      framework?.requirements.find(({ id }) => id === '3.2.2')?.controls.map(({ id, covers }) => `${id} ${covers}`);
    expect(coversOf(newest)?.slice(0, 2)).toEqual(['AUD-009 part', 'AUD-010 part']);
    expect(coversOf(older)?.slice(0, 2)).toEqual(['AUD-009 broader', 'AUD-010 broader']);
  });
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
