import { describe, expect, test } from 'vitest';
import { assess, type AssessOptions } from '../src/assess.ts';
import { makeCatalog } from '../src/catalog/index.ts';
import { assessmentSchema, KubevidenceError } from '../src/model/index.ts';
import { snapshot, toys } from './assessment/given.ts';
import { control, framework, requirement } from './catalog/given.ts';

const exact = (id: string) => [{ id, strength: 'partial', covers: 'exact' }] as const;
const catalog = makeCatalog({
  controls: [control(), control({ id: 'TOY-002', expect: 'item.sharp' }), control({ id: 'TOY-003' })],
  frameworks: [
    framework({ version: '1.0', kubernetesVersions: ['1.30'] }),
    framework({
      version: '2.0',
      kubernetesVersions: ['1.34'],
      requirements: [
        requirement({ controls: exact('TOY-001') }),
        requirement({ id: '1.2', controls: exact('TOY-002') }),
        requirement({ id: '1.3' }),
      ],
    }),
    framework({ id: 'toy-cloud', platform: 'eks', requirements: [requirement({ providerOnManaged: true })] }),
    framework({
      id: 'toy-law',
      kind: 'law',
      requirements: [
        requirement({ id: 'a', cis: ['1.1', '1.3'], controls: [{ id: 'TOY-001', strength: 'partial' }] }),
        requirement({ id: 'b', kubernetes: 'none', needs: 'a letter' }),
      ],
    }),
  ],
  techniques: [],
});

function run(options: Partial<AssessOptions> = {}) {
  return assess({ catalog, populations: [toys], reader: snapshot({ toys: [{ name: 'knife', fields: { sharp: true } }] }), ...options });
}

test('an assessment is what its schema says, and JSON keeps it', () => {
  const assessment = run();
  expect(assessmentSchema.parse(JSON.parse(JSON.stringify(assessment)))).toEqual(assessment);
  expect(assessment).toMatchObject({
    scope: 'cluster',
    cluster: { name: 'shop', uid: null, version: '1.35.1' },
    at: '2026-10-01T12:00:00.000Z',
    run: null,
  });
  expect(assessment.controls.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual(['TOY-001 fail', 'TOY-002 pass', 'TOY-003 fail']);
});

test('every requirement of the benchmark that fits and of every law is there', () => {
  expect(
    run().requirements.map(({ framework: id, version, id: requirementId, outcome }) => `${id} ${version} ${requirementId} ${outcome}`),
  ).toEqual([
    'toy-benchmark 2.0 (not published for 1.35) 1.1 fail',
    'toy-benchmark 2.0 (not published for 1.35) 1.2 pass',
    'toy-benchmark 2.0 (not published for 1.35) 1.3 manual',
    'toy-law 1.0.0 a fail',
    'toy-law 1.0.0 b manual',
  ]);
  expect(run().summary['toy-law']).toMatchObject({ fail: 1, manual: 1, pass: 0 });
});

test('the same snapshot gives the same assessment', () => {
  const reader = snapshot({ toys: [{ name: 'knife', fields: { sharp: true } }], gaps: [{ reason: 'error', what: 'x' }] });
  expect(JSON.stringify(run({ reader }))).toBe(JSON.stringify(run({ reader })));
});

test("a provider's benchmark is there for its clusters, and laws know nothing of its ids", () => {
  const shown = run({ managed: 'eks' }).requirements.map(({ framework: id, id: requirementId, outcome, counts }) => [
    `${id} ${requirementId} ${outcome}`,
    counts,
  ]);
  expect(shown).toEqual([
    ['toy-benchmark 1.1 fail', { fail: 1 }],
    ['toy-benchmark 1.2 pass', { pass: 1 }],
    ['toy-benchmark 1.3 manual', {}],
    ['toy-cloud 1.1 providerResponsibility', {}],
    // Of the two that the law names, 1.1 has a control in the general benchmark, and none in the provider's.
    ['toy-law a fail', { fail: 1, notAssessed: 1 }],
    ['toy-law b manual', {}],
  ]);
  expect(run({ managed: 'gke' }).summary).toEqual(run().summary);
});

describe('filters', () => {
  test('a framework: its requirements and its controls, with the benchmark still known', () => {
    const { controls, requirements, summary } = run({ frameworks: ['toy-law'] });
    expect(controls.map((each) => each.id)).toEqual(['TOY-001']);
    expect(requirements.map((each) => each.id)).toEqual(['a', 'b']);
    expect(requirements[0]?.counts).toEqual({ fail: 1, notAssessed: 1 });
    expect(Object.keys(summary)).toEqual(['toy-law']);
  });

  test('a control: itself and what it supports', () => {
    const { controls, requirements } = run({ controlIds: ['TOY-002'] });
    expect(controls.map((each) => each.id)).toEqual(['TOY-002']);
    expect(requirements.map((each) => each.id)).toEqual(['1.2']);
  });

  test("a provider's benchmark is left out elsewhere, and refused alone", () => {
    expect(Object.keys(run({ frameworks: ['toy-law', 'toy-cloud'] }).summary)).toEqual(['toy-law']);
    expect(Object.keys(run({ frameworks: ['toy-law', 'toy-cloud'], managed: 'eks' }).summary)).toEqual(['toy-cloud', 'toy-law']);
    expect(() => run({ frameworks: ['toy-cloud'], managed: 'aks' })).toThrow(
      expect.objectContaining({ code: 'usage', message: 'toy-cloud is for clusters that EKS runs, and this is none of them' }),
    );
  });

  test.each([
    [{ frameworks: ['toy-lav'] }, 'there is no framework "toy-lav"', 'Did you mean "toy-law"?'],
    [{ controlIds: ['TOY-04'] }, 'there is no control "TOY-04"', 'Did you mean "TOY-001"?'],
    [{ controlIds: ['ELEPHANT-1'] }, 'there is no control "ELEPHANT-1"', 'List them: kubevidence controls list'],
  ])('unknown: %j', (options, message, next) => {
    let caught: unknown;
    try {
      run(options);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(KubevidenceError);
    expect(caught).toMatchObject({ code: 'usage', message, next });
  });
});
