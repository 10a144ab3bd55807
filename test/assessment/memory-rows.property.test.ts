/**
 * Judging with a memory a population that is read whole at every run, because it looks at the time: rows that stay, change in what a control
 * reads or in what none does, come, go and change places; gaps and listings that come and go. The reference judges without a memory.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { assessControls, createAssessmentMemory } from '../../src/assessment/index.ts';
import type { Gap, Population } from '../../src/model/index.ts';
import { control } from '../catalog/given.ts';
import { labelsListing, type Shop, snapshot, type Toy, toys, toysListing } from './given.ts';

const timed: Population = {
  ...toys,
  *rows(input) {
    expect(input.reader.at).not.toBe('');
    yield* toys.rows(input);
  },
};
// Of this one, no listing must be there.
const loose: Population = { ...timed, name: 'loose', from: [], also: [toysListing, labelsListing] };
const populations = [timed, loose];
const controls = [
  { expect: '!item.sharp' },
  { expect: 'item.colour == "red"', where: 'item.sharp' },
  { expect: 'item.parts.all(part, part != "glass")', message: '{name} of {colour} {unread}' },
  { undecided: { when: 'has(item.colour)', outcome: 'manual', because: 'taste', closedBy: 'a person' } as const, expect: '!item.sharp' },
  // Reads the item as a whole.
  { expect: 'item != 1' },
].flatMap((changes, index) => populations.map(({ name }) => control({ id: `${name}-${index}`, population: name, ...changes })));

const gaps: readonly Gap[] = [
  { reason: 'redacted', what: 'the colour' },
  { reason: 'forbidden', what: 'toys' },
];
const fields = fc.record(
  {
    sharp: fc.boolean(),
    colour: fc.constantFrom('red', 'blue', null),
    parts: fc.constantFrom<string[][]>([], ['wood'], ['glass']),
    unread: fc.nat(2),
  },
  { requiredKeys: [] },
);
const toy = fc.record({ fields, gaps: fc.subarray([...gaps]) }, { requiredKeys: ['fields'] });
const shop = fc.record({
  places: fc.shuffledSubarray([0, 1, 2, 3]),
  edits: fc.dictionary(fc.constantFrom('0', '1', '2', '3'), toy, { maxKeys: 2 }),
  gaps: fc.constantFrom(undefined, undefined, gaps),
  labels: fc.constantFrom(undefined, [], [], gaps),
  inconsistent: fc.constantFrom(false, false, true),
  unread: fc.constantFrom(false, false, true),
});

test('results are those of judging without a memory', () => {
  fc.assert(
    fc.property(fc.array(toy, { minLength: 4, maxLength: 4 }), fc.array(shop, { minLength: 2, maxLength: 8 }), (first, shops) => {
      const known = new Map<number, Toy>();
      const put = (place: number, each: Omit<Toy, 'name'>) => known.set(place, { name: `toy-${place}`, ...each });
      for (const [place, each] of first.entries()) put(place, each);
      const memory = createAssessmentMemory();
      for (const { places, edits, gaps: missing, labels, inconsistent, unread } of shops) {
        for (const [place, each] of Object.entries(edits)) put(Number(place), each);
        const given: Shop = {
          toys: places.flatMap((place) => known.get(place) ?? []),
          ...(missing && { gaps: missing }),
          ...(labels && { labels }),
          inconsistent,
          unread,
        };
        const reader = snapshot(given);
        const contentOf = () => null;
        const remembered = assessControls(controls, { reader, populations, remembering: { memory, contentOf } });
        expect(JSON.stringify(remembered)).toBe(JSON.stringify(assessControls(controls, { reader, populations })));
      }
    }),
    { numRuns: 300 },
  );
});
