/** What a recorder says of any run is what the run said, although it keeps only what changed. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { TimelineResult } from '../../src/assessment/timeline-model.ts';
import { createTimelineRecorder } from '../../src/assessment/timeline-record.ts';

const since = fc.constantFrom(undefined, { at: '2026-07-01T00:00:00.000Z', source: 'a' }, { at: '2026-07-02T00:00:00.000Z', source: 'b' });
const finding = fc.record({ item: fc.constantFrom('a', 'b', 'c', 'd'), uid: fc.constantFrom('1', '2'), since });
const gaps = fc.constantFrom<TimelineResult['gaps']>([], [{ reason: 'forbidden', what: 'pods', closedBy: 'a right' }]);
const result = fc.record({
  outcome: fc.constantFrom('pass', 'fail', 'fail', 'notAssessed'),
  findings: fc.uniqueArray(finding, { selector: ({ item }) => item, maxLength: 4 }),
  gaps,
  kinds: fc.constantFrom<TimelineResult['kinds']>(['k8s.pods/pods'], ['k8s.nodes/nodes']),
  byOldDefinitions: fc.constantFrom(undefined, 'pass', 'fail'),
});
/** Of up to three controls; one that is missing was not judged in that run. */
const run = fc.record({ gap: fc.integer({ min: 1, max: 3 }), x: fc.option(result), y: fc.option(result), again: fc.boolean() });

function outcomeOf({ findings: _findings, ...rest }: TimelineResult, found: TimelineResult['findings']) {
  return { ...rest, found: found.length, named: found.flatMap((each) => each.since ?? []) };
}

it('says of every run what the run said', () => {
  fc.assert(
    fc.property(fc.array(run, { maxLength: 12 }), (runs) => {
      const recorder = createTimelineRecorder();
      const said = new Map<number, ReadonlyMap<string, TimelineResult>>();
      let [number, last] = [0, new Map<string, TimelineResult>()];
      for (const { gap, x, y, again } of runs) {
        number += gap;
        const results = again
          ? last
          : new Map(
              Object.entries({ x, y }).flatMap(([control, each]): [string, TimelineResult][] => {
                if (each === null) return [];
                const { byOldDefinitions, ...rest } = each;
                const findings = each.findings
                  .map(({ item, uid, since: exact }) => ({ item, resource: { uid }, ...(exact && { since: exact }) }))
                  .toSorted((a, b) => (a.item < b.item ? -1 : 1));
                return [[control, { ...rest, findings, ...(byOldDefinitions && { byOldDefinitions }) }]];
              }),
            );
        recorder.add(number, results);
        said.set(number, results);
        last = results;
      }
      for (let at = 0; at <= number + 1; at++)
        for (const control of ['x', 'y', 'z']) {
          const expected = said.get(at)?.get(control);
          const found = expected?.outcome === 'fail' ? expected.findings : [];
          expect(recorder.outcome(control, at)).toEqual(expected && outcomeOf(expected, found));
          for (const item of ['a', 'b', 'c', 'd']) {
            const own = found.find((each) => each.item === item);
            const told = recorder.found(control, item, at);
            expect(told?.resource?.uid).toBe(own?.resource?.uid);
            expect(told?.since).toEqual(own?.since);
          }
        }
    }),
    { numRuns: 300 },
  );
});
