import { describe, expect, test } from 'vitest';
import type { KubevidenceError } from '../../src/model/index.ts';
import { buildReportModel, describeRead, type ReportInputs } from '../../src/reporting/index.ts';
import { makeInputs } from './fixture.ts';

const inputs = makeInputs();
const model = buildReportModel(inputs);
const requirements = model.frameworks.flatMap((framework) => framework.sections.flatMap((section) => section.requirements));

describe('a report model', () => {
  test('has every requirement of every framework once, and counts that add up', () => {
    expect(requirements).toHaveLength(274);
    expect(new Set(requirements.map(({ key }) => key)).size).toBe(274);
    for (const framework of model.frameworks) {
      expect(Object.values(framework.counts).reduce((sum, count) => sum + count, 0)).toBe(framework.total);
    }
  });

  test('gives every verdict an exhibit, a gap, or what a person or provider must bring', () => {
    const unsupported = model.controls.filter(
      ({ verdict: { outcome }, exhibits, gaps }) =>
        outcome !== 'manual' && outcome !== 'providerResponsibility' && exhibits.length + gaps.length === 0,
    );
    expect(unsupported.map(({ id }) => id)).toEqual([]);
    expect(model.controls.filter(({ verdict, gaps }) => verdict.outcome === 'pass' && gaps.length > 0)).toEqual([]);
    const adrift = requirements.filter(({ exhibits, controls, needs }) => exhibits.length + controls.length === 0 && needs === null);
    expect(adrift.map(({ key }) => key)).toEqual([]);
  });

  test('leads from every exhibit back to what stands on it', () => {
    const exhibits = new Map(model.exhibits.map((exhibit) => [exhibit.id, exhibit]));
    for (const control of model.controls) {
      for (const id of control.exhibits) expect(exhibits.get(id)?.controls).toContain(control.id);
    }
    for (const requirement of requirements) {
      for (const id of requirement.exhibits) expect(exhibits.get(id)?.requirements).toContain(requirement.key);
    }
    expect(model.ipe.map(({ exhibit }) => exhibit)).toEqual([...exhibits.keys()]);
  });

  test('ranks findings worst first, excepted ones after the others, and numbers them so', () => {
    const order = ['critical', 'high', 'medium', 'low', 'info'];
    const ranks = model.findings.map(({ severity, exception }) => order.indexOf(severity) * 2 + (exception === null ? 0 : 1));
    expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
    expect(model.findings.map(({ id }) => id)).toEqual(model.findings.map((_, index) => `F-${String(index + 1).padStart(4, '0')}`));
  });

  test('groups what is missing by what closes it, and loses no gap', () => {
    const gapsOfControls = model.controls.flatMap((control) => control.gaps.map((gap) => `${control.id} ${gap.what}`));
    for (const entry of gapsOfControls) {
      const [control = '', ...what] = entry.split(' ');
      expect(model.open.some((point) => point.controls.includes(control) && point.gaps.some((gap) => gap.what === what.join(' ')))).toBe(
        true,
      );
    }
    expect(new Set(model.open.map(({ closedBy }) => closedBy)).size).toBe(model.open.length);
    expect(model.open.map(({ closedBy }) => closedBy)).toContain('Give the collector the right to read secrets');
  });

  test('words laws as laws', () => {
    const words = model.frameworks.map(({ kind, verdicts }) => [kind, verdicts.pass.word, verdicts.fail.sentence]);
    expect(words).toEqual([
      ['benchmark', 'pass', 'At least one item failed'],
      ['law', 'no deviation found', 'Deviation found; not by itself a breach'],
      ['law', 'no deviation found', 'Deviation found; not by itself a breach'],
    ]);
  });

  test('shows a failed control as excepted only when all its findings are', () => {
    const excepted = model.controls.filter(({ verdict }) => verdict.shown === 'exception');
    expect(excepted.map(({ id }) => id)).toEqual(['RBAC-008']);
    expect(excepted[0]?.verdict.outcome).toBe('fail');
  });

  test('counts coverage from scheduled runs only, and finds the longest time unseen', () => {
    const { expected, succeeded, partial, failed, missed, manual, percent, longestGap } = model.coverage;
    expect(succeeded + partial + failed + missed).toBe(expected);
    expect({ expected, failed, missed, manual, percent }).toEqual({ expected: 89, failed: 1, missed: 5, manual: 1, percent: 93 });
    expect(longestGap).toEqual({ from: '2026-09-28T00:26:00.000Z', to: '2026-10-01T00:00:00.000Z' });
  });

  test('counts a slot once however often it was tried, and a range of missed slots as that many', () => {
    const slot = '2026-08-01T06:00:00.000Z';
    const run = inputs.runs.find(({ summary }) => summary.kind === 'scheduled');
    if (run === undefined) throw new Error('no scheduled run');
    const of = (number: number, change: Partial<typeof run.summary>, slots?: number) => ({
      ...run,
      read: describeRead([]),
      listings: () => [],
      summary: { ...run.summary, number: 1000 + number, kind: 'scheduled' as const, slot, ...change },
      ...(slots !== undefined && { slots }),
    });
    const extra = [
      of(1, { status: 'failed' }),
      of(2, { status: 'succeeded' }),
      of(3, { status: 'succeeded', slot: null }),
      of(4, { status: 'missed', slot: '2026-08-02T06:00:00.000Z' }, 40),
    ];
    const { coverage } = buildReportModel({ ...inputs, judged: null, runs: [...inputs.runs, ...extra] });
    const before = buildReportModel({ ...inputs, judged: null }).coverage;
    expect([coverage.expected - before.expected, coverage.succeeded - before.succeeded]).toEqual([41, 1]);
    expect([coverage.failed - before.failed, coverage.missed - before.missed, coverage.manual - before.manual]).toEqual([0, 40, 0]);
  });

  test('tells which outcomes changed, and that a benchmark does not list the version', () => {
    expect(model.changes?.outcomes.map(({ control, before, after }) => [control, before?.shown, after?.shown])).toEqual([
      ['API-001', 'fail', 'pass'],
      ['RBAC-001', 'pass', 'fail'],
    ]);
    expect(model.frameworks.map(({ versionLabel }) => versionLabel)[0]).toBe('2.0.1, not published for Kubernetes 1.36');
  });

  test('has the version of a benchmark that was assessed by, and says when the period began with another', () => {
    const by = (assessment: ReportInputs['assessment'], version: string) => ({
      ...assessment,
      requirements: assessment.requirements.map((each) => (each.framework === 'cis-kubernetes' ? { ...each, version } : each)),
    });
    const { catalog } = inputs;
    const both = catalog.frameworks.flatMap((each) =>
      each.id === 'cis-kubernetes' ? [each, { ...each, version: '1.12.0', title: 'The one before' }] : [each],
    );
    const shown = (changes: Partial<ReportInputs>) =>
      buildReportModel({ ...inputs, catalog: { ...catalog, frameworks: both }, ...changes }).frameworks.map(({ title, total }) => [
        title,
        total,
      ]);
    const [[newest = ''] = [], ...laws] = shown({});
    expect(newest).toBe(catalog.frameworks[0]?.title);
    expect(shown({ assessment: by(inputs.assessment, '1.12.0') })).toEqual([['The one before', 131], ...laws]);
    expect(shown({ assessment: by(inputs.assessment, '1.12.0 (not published for 1.31)') })).toEqual([['The one before', 131], ...laws]);
    const unknown = { assessment: by(inputs.assessment, '1.11.1') };
    expect(() => shown(unknown)).toThrow(/cis-kubernetes 1\.11\.1 was assessed but is not in the catalog/);

    const { first } = inputs;
    if (first === null) throw new Error('the fixture has a first run');
    const upgraded = buildReportModel({ ...inputs, first: { ...first, assessment: by(first.assessment, '1.12.0') } });
    const notice = /held against 1\.12\.0,/;
    expect(upgraded.period?.notices.filter((sentence) => notice.test(sentence))).toHaveLength(1);
    expect(upgraded.limitations.filter((sentence) => notice.test(sentence))).toHaveLength(1);
    expect(model.period?.notices.filter((sentence) => /held against/.test(sentence))).toEqual([]);
  });

  test('states conditional limitations when they hold, and only then', () => {
    const { conditions } = inputs.definition;
    const stated = (changes: Partial<ReportInputs>): readonly string[] => buildReportModel({ ...inputs, ...changes }).limitations;
    expect(model.limitations).toEqual(
      expect.arrayContaining([...inputs.definition.limitations, conditions.noTimestamp, conditions.clockSkew]),
    );
    expect(model.limitations).not.toContain(conditions.periodNotOver);
    expect(stated({ timestamped: true })).not.toContain(conditions.noTimestamp);
    const early = { ...inputs.checkpoint, time: '2026-09-29T00:00:00.000Z', logStarted: '2026-07-05T00:00:00.000Z' };
    expect(stated({ checkpoint: early })).toEqual(expect.arrayContaining([conditions.periodNotOver, conditions.logStartedLate]));
  });

  test('fills the placeholders of every text', () => {
    const texts = [
      model.result,
      ...model.verification.flatMap(({ text, command, expect: expected }) => [text, command ?? '', expected ?? '']),
    ];
    expect(texts.filter((text) => /\{\w+\}/.test(text))).toEqual([]);
    expect(buildReportModel({ ...inputs, judged: null }).result).toBe(
      '10 of 30 controls deviate (70 items), 6 could not be concluded, and 11 of 12 sources of evidence were read completely.',
    );
  });

  test('is the same for the same inputs, whatever the order of runs', () => {
    expect(buildReportModel({ ...makeInputs(), runs: inputs.runs.toReversed() })).toEqual(model);
  });
});

describe('inputs that do not belong together are refused', () => {
  const [first, ...others] = inputs.assessment.requirements;
  const cases: readonly (readonly [string, ReportInputs, string])[] = [
    [
      'evidence that is in no run',
      { ...inputs, runs: inputs.runs.slice(0, -1) },
      'RBAC-001 stands on k8s.rbac/clusterrolebindings, which is in no run of this report',
    ],
    [
      'a requirement without an outcome',
      { ...inputs, assessment: { ...inputs.assessment, requirements: others } },
      'cis-kubernetes 1.1.1 has no outcome',
    ],
    [
      'an outcome without a requirement',
      {
        ...inputs,
        assessment: { ...inputs.assessment, requirements: [...inputs.assessment.requirements, { ...first, id: '9.9' } as never] },
      },
      'cis-kubernetes has outcomes for requirements that its catalog does not name',
    ],
    [
      'a control that the catalog does not have',
      { ...inputs, catalog: { ...inputs.catalog, controls: inputs.catalog.controls.slice(1) } },
      'RBAC-001 was assessed but is not in the catalog of this report',
    ],
  ];
  test.each(cases)('%s', (_, given, message) => {
    expect(() => buildReportModel(given)).toThrow(expect.objectContaining({ code: 'integrity', message }) as KubevidenceError);
  });
});
