import { describe, expect, test } from 'vitest';
import { runExample } from '../../src/control-examples.ts';
import type { Control, ControlExample, Population } from '../../src/model/index.ts';
import { control } from '../catalog/given.ts';

/** Namespaces, and those of the run before. */
const toys: Population = {
  name: 'toys',
  doc: 'A namespace',
  from: ['k8s.namespaces/namespaces'],
  also: ['k8s.apiserver/metrics'],
  *rows(input) {
    const metrics = [...input.each('k8s.apiserver/metrics')];
    const known = new Set([...(input.reader.previous()?.objects('k8s.namespaces/namespaces') ?? [])].map((object) => object.name));
    for (const { id, name, uid, body } of input.each('k8s.namespaces/namespaces')) {
      if (name === 'odd') input.gap({ reason: 'error', what: 'odd' });
      const sharp = (body['metadata'] as { labels?: Record<string, string> }).labels?.['sharp'] === 'yes' && !known.has(name);
      yield {
        item: name,
        resource: { apiVersion: 'v1', kind: 'Namespace', namespace: '', name, uid },
        evidence: [id],
        name,
        sharp,
        families: metrics.length,
      };
    }
  },
};

const shelf: Control = control();
const run = (example: Omit<ControlExample, 'name'>) =>
  runExample(shelf, { name: 'x', ...example }, { populations: [toys], techniques: [] });
const namespace = (name: string, sharp = false) =>
  `{apiVersion: v1, kind: Namespace, metadata: {name: ${name}, labels: {sharp: "${sharp ? 'yes' : 'no'}"}}}\n`;

describe('an example that holds has no problems', () => {
  test.each<[string, Omit<ControlExample, 'name'>]>([
    ['a pass', { outcome: 'pass', given: namespace('a') }],
    ['nothing at all', { outcome: 'notApplicable' }],
    [
      'several documents',
      { outcome: 'fail', findings: ['b', 'c'], given: [namespace('a'), namespace('b', true), namespace('c', true)].join('---\n') },
    ],
    ['a list', { outcome: 'fail', findings: ['b'], given: `{kind: List, apiVersion: v1, items: [${namespace('b', true).trim()}]}` }],
    ['a forbidden listing', { outcome: 'notAssessed', gaps: [{ what: 'namespaces', reason: 'forbidden' }] }],
    ['a listing that was not collected', { outcome: 'notAssessed', gaps: [{ what: 'namespaces', reason: 'absent' }] }],
    [
      'a listing that broke off after some objects',
      { outcome: 'fail', findings: ['b'], given: namespace('b', true), gaps: [{ what: 'namespaces', reason: 'error' }] },
    ],
    [
      'a gap that the population sees by itself',
      { outcome: 'notAssessed', given: namespace('odd'), gaps: [{ what: 'odd', reason: 'error' }] },
    ],
    ['the run before', { outcome: 'pass', given: namespace('b', true), before: namespace('b') }],
  ])('%s', (_, example) => {
    expect(run(example).problems).toEqual([]);
  });

  test('evidence that is no object of Kubernetes', () => {
    const { problems, result } = run({
      outcome: 'pass',
      given: `${namespace('a')}---\n{apiVersion: kubevidence/v1, kind: MetricFamily, metadata: {name: m}, samples: []}`,
    });
    expect(problems).toEqual([]);
    expect(result.evidence.map((each) => [each.kind, each.items])).toEqual([
      ['k8s.namespaces/namespaces', 1],
      ['k8s.apiserver/metrics', 1],
    ]);
  });
});

describe('an example that does not hold says what differs', () => {
  test.each<[string, Omit<ControlExample, 'name'>, RegExp[]]>([
    [
      'the outcome',
      { outcome: 'pass', given: namespace('b', true) },
      [/the outcome is fail, not pass/, /b is a finding that the example does not name/],
    ],
    [
      'a finding that is missing',
      { outcome: 'fail', findings: ['a', 'b'], given: [namespace('a'), namespace('b', true)].join('---\n') },
      [/a is no finding/],
    ],
    [
      'a gap that is missing',
      { outcome: 'notAssessed', given: namespace('odd'), gaps: [{ what: 'even', reason: 'error' }] },
      [/no gap even \(error\)/],
    ],
    ['what was missing', { outcome: 'pass', gaps: [{ what: 'namespaces', reason: 'stale' }] }, [/not pass; missing: namespaces \(stale\)/]],
  ])('%s', (_, example, problems) => {
    const found = run(example).problems;
    expect(found).toHaveLength(problems.length);
    for (const [i, problem] of problems.entries()) expect(found[i]).toMatch(problem);
  });
});

test.each([
  ['[a', /not valid YAML/],
  ['just text', /no object/],
  ['{apiVersion: v1, kind: Elephant, metadata: {name: a}}', /no collector reads Elephant/],
])('what cannot be read: %s', (given, message) => {
  expect(() => run({ outcome: 'pass', given })).toThrow(message);
});
