import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rollUp, type RollUpContext, summarize } from '../../src/mapping/index.ts';
import type { ControlLink, ControlResult, Covers, Outcome, Requirement } from '../../src/model/index.ts';
import { framework, requirement } from '../catalog/given.ts';

type BenchmarkLine = readonly [Covers, Outcome];
type LawLine = readonly [ControlLink['strength'], Outcome];

const idOf = (i: number) => `TOY-${String(i + 1).padStart(3, '0')}`;

function resultsOf(outcomes: readonly Outcome[]): ControlResult[] {
  return outcomes.map((outcome, i) => ({
    id: idOf(i),
    title: '',
    severity: 'low',
    outcome,
    labels: {},
    population: { name: 'toys', size: 1, tested: 1 },
    evidence: [],
    findings: [],
    gaps: [],
  }));
}

function recommendation(lines: readonly BenchmarkLine[], changes: Partial<Requirement> = {}, context: RollUpContext = {}) {
  const controls = lines.map(([covers], i): ControlLink => ({ id: idOf(i), strength: 'partial', covers }));
  const [result] = rollUp(
    [framework({ requirements: [requirement({ ...changes, controls })] })],
    resultsOf(lines.map(([, outcome]) => outcome)),
    context,
  );
  if (result === undefined) throw new Error('no result');
  return result;
}

function lawRequirement(lines: readonly LawLine[], changes: Partial<Requirement> = {}) {
  const controls = lines.map(([strength], i): ControlLink => ({ id: idOf(i), strength }));
  const law = framework({ id: 'toy-law', kind: 'law', requirements: [requirement({ ...changes, controls })] });
  const benchmark = framework({
    requirements: [
      requirement({ id: '1.1' }),
      requirement({ id: '1.2', controls: [{ id: idOf(0), strength: 'partial', covers: 'exact' }] }),
    ],
  });
  const result = rollUp([law], resultsOf(lines.map(([, outcome]) => outcome)), { benchmarkOf: () => benchmark })[0];
  if (result === undefined) throw new Error('no result');
  return result;
}

describe('a CIS recommendation', () => {
  test.each<[string, readonly BenchmarkLine[], Outcome, Partial<Requirement>?]>([
    ['no control', [], 'manual'],
    ['exact passes', [['exact', 'pass']], 'pass'],
    ['exact fails', [['exact', 'fail']], 'fail'],
    [
      'a part fails',
      [
        ['part', 'fail'],
        ['exact', 'pass'],
      ],
      'fail',
    ],
    [
      'fail before not assessed',
      [
        ['part', 'fail'],
        ['part', 'notAssessed'],
      ],
      'fail',
    ],
    [
      'not assessed before manual',
      [
        ['exact', 'notAssessed'],
        ['part', 'manual'],
      ],
      'notAssessed',
    ],
    [
      'not assessed beside pass',
      [
        ['exact', 'pass'],
        ['part', 'notAssessed'],
      ],
      'notAssessed',
    ],
    [
      'a person’s part',
      [
        ['exact', 'pass'],
        ['part', 'manual'],
        ['part', 'providerResponsibility'],
      ],
      'manual',
    ],
    [
      'the provider’s part',
      [
        ['exact', 'pass'],
        ['part', 'providerResponsibility'],
      ],
      'providerResponsibility',
    ],
    [
      'only not applicable',
      [
        ['exact', 'notApplicable'],
        ['part', 'notApplicable'],
      ],
      'notApplicable',
    ],
    [
      'not applicable beside pass',
      [
        ['exact', 'pass'],
        ['part', 'notApplicable'],
      ],
      'pass',
    ],
    ['a passing part alone', [['part', 'pass']], 'notAssessed'],
    [
      'two passing parts',
      [
        ['part', 'pass'],
        ['part', 'pass'],
      ],
      'notAssessed',
    ],
    [
      'parts that are exact together',
      [
        ['part', 'pass'],
        ['part', 'pass'],
      ],
      'pass',
      { partsAreExact: true },
    ],
    [
      'parts that ask for more, together exact, all passing',
      [
        ['broader', 'pass'],
        ['broader', 'pass'],
      ],
      'pass',
      { partsAreExact: true },
    ],
    [
      'parts that ask for more, together exact, one failing: perhaps only by what is not asked',
      [
        ['broader', 'pass'],
        ['broader', 'fail'],
      ],
      'notAssessed',
      { partsAreExact: true },
    ],
    [
      'parts that are exact together, one not applicable',
      [
        ['part', 'pass'],
        ['part', 'notApplicable'],
      ],
      'pass',
      { partsAreExact: true },
    ],
    [
      'parts that are exact together, one not assessed',
      [
        ['part', 'pass'],
        ['part', 'notAssessed'],
      ],
      'notAssessed',
      { partsAreExact: true },
    ],
    ['broader fails', [['broader', 'fail']], 'notAssessed'],
    [
      'broader fails, a part passes',
      [
        ['broader', 'fail'],
        ['part', 'pass'],
      ],
      'notAssessed',
    ],
    [
      'broader fails, exact passes',
      [
        ['broader', 'fail'],
        ['exact', 'pass'],
      ],
      'pass',
    ],
    ['broader passes', [['broader', 'pass']], 'pass'],
    [
      'broader passes, a part fails',
      [
        ['broader', 'pass'],
        ['part', 'fail'],
      ],
      'fail',
    ],
    [
      'broader not assessed',
      [
        ['broader', 'notAssessed'],
        ['exact', 'pass'],
      ],
      'notAssessed',
    ],
  ])('%s', (_, lines, outcome, changes = {}) => {
    expect(recommendation(lines, changes).outcome).toBe(outcome);
  });

  test('what the benchmark calls manual is decided all the same', () => {
    expect(recommendation([['exact', 'fail']], { assessment: 'manual' }).outcome).toBe('fail');
  });

  test('without a control, the provider answers for its side on a managed cluster', () => {
    expect(recommendation([], { providerOnManaged: true }, { managed: true }).outcome).toBe('providerResponsibility');
    expect(recommendation([], { providerOnManaged: true }, { managed: false }).outcome).toBe('manual');
    expect(recommendation([], {}, { managed: true }).outcome).toBe('manual');
  });

  test('lines, counts and what a person must bring', () => {
    expect(
      recommendation(
        [
          ['exact', 'fail'],
          ['part', 'pass'],
          ['part', 'pass'],
        ],
        { needs: 'a look' },
      ),
    ).toEqual({
      framework: 'toy-benchmark',
      version: '1.0.0',
      id: '1.1',
      title: 'Toys are safe',
      outcome: 'fail',
      controls: [
        { id: 'TOY-001', strength: 'partial', covers: 'exact' },
        { id: 'TOY-002', strength: 'partial', covers: 'part' },
        { id: 'TOY-003', strength: 'partial', covers: 'part' },
      ],
      counts: { fail: 1, pass: 2 },
      needs: 'a look',
    });
    expect(recommendation([]).needs).toBe('evidence from a person: Toys are safe');
    expect(recommendation([['exact', 'pass']]).needs).toBeNull();
  });

  test('a control without a result counts as not assessed', () => {
    const given = framework({ requirements: [requirement({ controls: [{ id: 'TOY-001', strength: 'partial', covers: 'exact' }] })] });
    expect(rollUp([given], [])[0]).toMatchObject({ outcome: 'notAssessed', counts: { notAssessed: 1 } });
  });
});

describe('a requirement of a law', () => {
  test.each<[string, readonly LawLine[], Outcome, Partial<Requirement>?]>([
    ['nothing in the cluster', [], 'manual', { kubernetes: 'none' }],
    ['no control', [], 'manual'],
    [
      'supporting lines only',
      [
        ['supporting', 'fail'],
        ['supporting', 'pass'],
      ],
      'manual',
    ],
    [
      'a supporting failure does not move it',
      [
        ['partial', 'pass'],
        ['supporting', 'fail'],
      ],
      'pass',
    ],
    [
      'a supporting gap does not move it',
      [
        ['partial', 'pass'],
        ['supporting', 'notAssessed'],
      ],
      'pass',
    ],
    [
      'fail first',
      [
        ['partial', 'notAssessed'],
        ['partial', 'fail'],
        ['partial', 'manual'],
      ],
      'fail',
    ],
    [
      'then not assessed',
      [
        ['partial', 'notAssessed'],
        ['partial', 'manual'],
        ['partial', 'pass'],
      ],
      'notAssessed',
    ],
    [
      'then manual',
      [
        ['partial', 'providerResponsibility'],
        ['partial', 'manual'],
        ['partial', 'pass'],
      ],
      'manual',
    ],
    [
      'then the provider',
      [
        ['partial', 'providerResponsibility'],
        ['partial', 'pass'],
      ],
      'providerResponsibility',
    ],
    [
      'then pass',
      [
        ['partial', 'notApplicable'],
        ['partial', 'pass'],
      ],
      'pass',
    ],
    [
      'only not applicable',
      [
        ['partial', 'notApplicable'],
        ['supporting', 'pass'],
      ],
      'notApplicable',
    ],
  ])('%s', (_, lines, outcome, changes = {}) => {
    expect(lawRequirement(lines, changes).outcome).toBe(outcome);
  });

  test('recommendations that no control decides are counted and move nothing', () => {
    expect(lawRequirement([['partial', 'pass']], { cis: ['1.1', '1.2'] })).toMatchObject({
      outcome: 'pass',
      counts: { pass: 1, notAssessed: 1 },
    });
    expect(lawRequirement([['partial', 'notAssessed']], { cis: ['1.1'] }).counts).toEqual({ notAssessed: 2 });
    expect(lawRequirement([['partial', 'pass']], { cis: ['1.2'] }).counts).toEqual({ pass: 1 });
  });
});

test('every requirement is listed and counted in the summary', () => {
  const given = framework({ requirements: [requirement(), requirement({ id: '1.2' })] });
  const results = rollUp([given, framework({ id: 'toy-law', kind: 'law' })], []);
  expect(results.map((result) => `${result.framework} ${result.id}`)).toEqual(['toy-benchmark 1.1', 'toy-benchmark 1.2', 'toy-law 1.1']);
  expect(summarize(results)).toEqual({
    'toy-benchmark': { fail: 0, notAssessed: 0, manual: 2, providerResponsibility: 0, pass: 0, notApplicable: 0 },
    'toy-law': { fail: 0, notAssessed: 0, manual: 1, providerResponsibility: 0, pass: 0, notApplicable: 0 },
  });
});

describe('laws of the roll-up', () => {
  const outcome = fc.constantFrom<Outcome>('pass', 'fail', 'notAssessed', 'notApplicable', 'manual', 'providerResponsibility');
  const covers = fc.constantFrom<Covers>('exact', 'part', 'broader');
  const lines = fc.array(fc.tuple(covers, outcome), { minLength: 1, maxLength: 4 });
  const lawLines = fc.array(fc.tuple(fc.constantFrom<ControlLink['strength']>('partial', 'supporting'), outcome), {
    minLength: 1,
    maxLength: 4,
  });
  const good = (each: Outcome) => each === 'pass' || each === 'notApplicable';

  test('losing the evidence of a control never makes a requirement good', () => {
    fc.assert(
      fc.property(lines, fc.nat(3), fc.boolean(), (given, at, partsAreExact) => {
        const lost = given.map((line, i) => (i === at % given.length ? ([line[0], 'notAssessed'] as const) : line));
        expect(good(recommendation(lost, { partsAreExact }).outcome)).toBe(false);
      }),
    );
    fc.assert(
      fc.property(lawLines, fc.nat(3), (given, at) => {
        const lost = given.map((line, i) => (i === at % given.length ? ([line[0], 'notAssessed'] as const) : line));
        const moves = lost[at % given.length]?.[0] === 'partial' || !good(lawRequirement(given).outcome);
        expect(moves && good(lawRequirement(lost).outcome)).toBe(false);
      }),
    );
  });

  test('a pass has a pass below it, and nothing that stands against it', () => {
    fc.assert(
      fc.property(lines, fc.boolean(), (given, partsAreExact) => {
        if (recommendation(given, { partsAreExact }).outcome !== 'pass') return;
        expect(given.some(([, each]) => each === 'pass')).toBe(true);
        expect(given.every(([kind, each]) => good(each) || (kind === 'broader' && each === 'fail'))).toBe(true);
      }),
    );
  });

  test('the order of the lines does not matter', () => {
    fc.assert(
      fc.property(lines, (given) => {
        expect(recommendation([...given].reverse()).outcome).toBe(recommendation(given).outcome);
      }),
    );
  });
});
