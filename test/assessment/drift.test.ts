/** Which controls came to another outcome or other findings, and what the other side may not have seen. */
import { describe, expect, it } from 'vitest';
import { compareOutcomes } from '../../src/assessment/index.ts';
import type { Assessment, Gap } from '../../src/model/index.ts';

type Result = Assessment['controls'][0];
const gap: Gap = { reason: 'forbidden', what: 'pods' };
const resource = { apiVersion: 'v1', kind: 'Pod', namespace: 'a', name: 'b', uid: 'c' };
const control = (id: string, outcome: Result['outcome'], items: readonly string[] = [], change: Partial<Result> = {}): Result => ({
  id,
  title: id,
  severity: 'low',
  outcome,
  labels: {},
  population: { name: 'pods', size: 1, tested: 1 },
  evidence: [],
  findings: items.map((item) => ({ item, resource, message: `${item} is wrong`, evidence: [], exception: null })),
  gaps: [],
  ...change,
});
const of = (...controls: Result[]) => ({ controls });

describe('changed outcomes', () => {
  it('are none where nothing but a message or an exception differs, or only one side has the control', () => {
    const was = control('A', 'fail', ['x']);
    const is = {
      ...was,
      findings: was.findings.map(({ item }) => ({ item, resource, message: 'other', evidence: [], exception: 'EXC-1' })),
    };
    expect(compareOutcomes(of(was, control('GONE', 'fail', ['x'])), of(is, control('NEW', 'fail', ['x'])))).toEqual([]);
  });

  it('come worst first, with findings that appeared and were resolved', () => {
    const before = of(control('A', 'pass'), control('B', 'fail', ['x', 'y']), control('C', 'pass', [], { severity: 'critical' }));
    const after = of(
      control('A', 'fail', ['z']),
      control('B', 'fail', ['y', 'w']),
      control('C', 'notApplicable', [], { severity: 'critical' }),
    );
    const changes = compareOutcomes(before, after, [{ id: 'EXC-1', control: 'B', item: 'w' }]);
    expect(changes.map(({ control: id, before: was, after: is }) => [id, was, is])).toEqual([
      ['C', 'pass', 'notApplicable'],
      ['A', 'pass', 'fail'],
      ['B', 'fail', 'fail'],
    ]);
    expect(changes[2]).toMatchObject({
      appeared: [{ item: 'w', certain: true, exception: 'EXC-1' }],
      resolved: [{ item: 'x', certain: true, exception: null }],
    });
  });

  it('are uncertain where the other side could not see everything', () => {
    const [whole, partly] = [control('A', 'fail', ['x', 'y']), control('A', 'fail', ['y', 'z'], { gaps: [gap] })];
    expect(compareOutcomes(of(whole), of(partly))).toMatchObject([
      { appeared: [{ item: 'z', certain: true }], resolved: [{ item: 'x', certain: false }], gaps: [gap] },
    ]);
    expect(compareOutcomes(of(partly), of(whole))).toMatchObject([
      { appeared: [{ item: 'x', certain: false }], resolved: [{ item: 'z', certain: true }] },
    ]);
  });
});
