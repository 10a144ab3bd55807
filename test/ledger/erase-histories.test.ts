/** Whatever was collected and erased, in whatever order: the ledger verifies, shows what is left, and holds no byte of what is not. */
import { array, assert as holds, constant, integer, oneof, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultRetention, verifyLedger } from '../../src/ledger/index.ts';
import { binding, bindings, bytesOf, nothing, order } from './erase-given.ts';
import { collect } from './given.ts';
import { openForTest, temporaryPath } from './temporary.ts';

describe('any history of runs and erasures', () => {
  it('verifies after each step, shows what was not erased, and holds no name that was', () => {
    const object = record({ slot: integer({ min: 0, max: 5 }), version: integer({ min: 0, max: 3 }) });
    const step = oneof(
      record({ do: constant('collect' as const), objects: array(object, { maxLength: 90 }) }),
      record({ do: constant('erase' as const), slot: integer({ min: 0, max: 5 }) }),
      record({ do: constant('eraseRun' as const), run: integer({ min: 1, max: 6 }) }),
    );
    const person = (slot: number, round: number) => `person${slot}of${round}@clinic.example`;
    holds(
      property(array(step, { minLength: 3, maxLength: 9 }), (steps) => {
        const path = temporaryPath();
        const ledger = openForTest(path);
        const shown = new Map<number, string[]>();
        const [erased, gone] = [new Set<string>(), new Set<number>()];
        const rounds = [0, 0, 0, 0, 0, 0];
        for (const each of steps) {
          const runs = ledger.runs('prod').length;
          if (each.do === 'collect') {
            const objects = each.objects.map(({ slot, version }, index) => {
              const user = person(slot, rounds[slot] ?? 0);
              return { ...binding(`b-${index}-${user}`, user, `${version}`), namespace: `ns-${slot}` };
            });
            for (const { body, namespace } of objects) (body['metadata'] as { namespace: string }).namespace = namespace;
            collect(ledger, objects, { kind: bindings, resourceVersion: `${100 + runs}` });
            shown.set(runs + 1, objects.map(({ name }) => name).toSorted());
          } else if (each.do === 'erase') {
            const user = person(each.slot, rounds[each.slot] ?? 0);
            if (ledger.planErasure({ ...nothing, persons: [user] }, defaultRetention).targets.length === 0) continue;
            ledger.erase({ ...nothing, persons: [user] }, defaultRetention, order);
            erased.add(user);
            // Who was erased does not come back in this history: then the bytes must not either.
            rounds[each.slot] = (rounds[each.slot] ?? 0) + 1;
          } else if (each.run <= runs && !gone.has(each.run)) {
            ledger.erase({ ...nothing, payloads: [ledger.run('prod', each.run)?.leaf ?? 0] }, defaultRetention, order);
            gone.add(each.run);
          }
          for (const [run, names] of shown) {
            const kept = gone.has(run) ? [] : names.filter((name) => ![...erased].some((user) => name.endsWith(user)));
            const reader = ledger.snapshot('prod', run);
            expect([...reader.objects(bindings)].map(({ name }) => name).toSorted()).toEqual(kept);
            expect(reader.listing(bindings)?.gaps.length).toBe(gone.has(run) ? undefined : kept.length < names.length ? 1 : 0);
          }
        }
        ledger.close();
        expect(verifyLedger(path).problems).toEqual([]);
        const { text } = bytesOf(path);
        for (const user of erased) expect(text).not.toContain(user);
      }),
      { numRuns: 12 },
    );
  });
});
