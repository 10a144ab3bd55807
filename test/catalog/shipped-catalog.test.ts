import { join } from 'node:path';
import { array, assert, constantFrom, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assess } from '../../src/assess.ts';
import { benchmarkOfLaw, loadCatalog, pickFrameworks } from '../../src/catalog/index.ts';
import { createMemorySnapshot } from '../../src/ledger/storage/memory-snapshot.ts';
import { rollUp } from '../../src/mapping/index.ts';
import { assessmentSchema, type ControlResult, type Framework, type Outcome, outcomes as allOutcomes } from '../../src/model/index.ts';
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
    ['1.28.15', '1.11.1 (not published for 1.28)'],
    ['1.29.0', '1.11.1'],
    ['1.30.4', '1.11.1'],
    ['1.31.0', '1.11.1'],
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

  describe('1.11.1', () => {
    const oldest = of('1.11.1');
    const told = (framework: typeof oldest, id: string) => framework?.requirements.find((requirement) => requirement.id === id);

    test('has 134 recommendations, in the order of their ids', () => {
      const ids = oldest?.requirements.map(({ id }) => id) ?? [];
      expect(ids).toHaveLength(134);
      const inOrder = ids.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
      expect(ids).toEqual(inOrder);
    });

    test.each([
      ['2.1', '2.1'],
      ['2.3', '2.2'],
      ['2.4', '2.3'],
      ['2.5', '2.4'],
      ['2.6', '2.5'],
      ['2.7', '2.6'],
      ['2.8', '2.7'],
      ['5.2.10', '5.2.9'],
      ['5.2.11', '5.2.10'],
      ['5.2.12', '5.2.11'],
      ['5.2.13', '5.2.12'],
    ])('%s is what 2.0.1 has as %s, with its title, level and controls', (id, now) => {
      expect(told(newest, now)).toBeDefined();
      expect(told(oldest, id)).toEqual({ ...told(newest, now), id });
    });

    test('has one recommendation twice, one of 1.12.0, and one that no later version has', () => {
      expect(told(oldest, '2.2')).toEqual({ ...told(newest, '2.1'), id: '2.2', title: expect.stringContaining('repeats 2.1') });
      expect(told(oldest, '5.2.9')).toEqual(told(older, '5.2.9'));
      expect(told(oldest, '4.2.15')).toMatchObject({ level: 2, assessment: 'manual', section: '4.2', controls: [] });
    });

    test('has all else as 1.12.0 has it, under the same ids', () => {
      const others = /^2\.[2-8]$|^5\.2\.(9|1[0-3])$|^4\.2\.15$/;
      const rest = (framework: typeof oldest) => framework?.requirements.filter(({ id }) => !others.test(id));
      expect(rest(oldest)).toHaveLength(121);
      expect(rest(oldest)).toEqual(rest(older));
    });
  });

  test('laws are counted alike, whichever version the cluster is held against', () => {
    const laws = (clusterVersion: string, outcomes: readonly Outcome[]) => {
      const results = catalog.controls.map(({ id, title, severity }, i): ControlResult => {
        const population = { name: 'any', size: 1, tested: 1 };
        const outcome = outcomes[i % outcomes.length] ?? 'pass';
        return { id, title, severity, outcome, labels: {}, population, evidence: [], findings: [], gaps: [] };
      });
      const benchmarkOf = (law: Framework) => benchmarkOfLaw(law, catalog.frameworks);
      const all = rollUp(pickFrameworks(catalog.frameworks, { version: clusterVersion }), results, { benchmarkOf });
      return all.filter(({ framework }) => framework !== 'cis-kubernetes');
    };
    const each = property(array(constantFrom(...allOutcomes), { minLength: 1, maxLength: 50 }), (outcomes) => {
      const now = laws('1.35.0', outcomes);
      expect(now).toHaveLength(71 + 72);
      for (const version of ['1.33.0', '1.30.4', '1.20.0']) expect(laws(version, outcomes)).toEqual(now);
    });
    assert(each, { numRuns: 20 });
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
