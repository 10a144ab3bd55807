/** What is remembered of a listing's objects reads back whatever they are called, in the order in which trees list them. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { createEntries, type EntryText } from '../../src/ledger/runs/entries.ts';

const text = fc.string({ unit: 'binary', maxLength: 40 });
const entry = fc.record<EntryText>({
  namespace: fc.constantFrom('', 'a', 'a-b', 'é', 'zz'),
  name: text,
  uid: text,
  file: text,
  label: text,
  key: text,
  resourceVersion: fc.option(text),
});
const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

it('reads back, sorted', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 200 }), (given) => {
      const entries = createEntries();
      const known = given.map((each, index) => {
        const key = index % 2 === 0 && each.uid !== '' ? each.uid : each.key === '' ? 'k' : each.key;
        return { ...each, key, index, ref: index + 7 };
      });
      for (const each of known) expect(entries.add(each, 0)).toBe(each.index);
      for (const { index, ref } of known) entries.store(index, ref);
      expect(entries.size).toBe(given.length);
      const sorted = known.toSorted(
        (a, b) => order(a.namespace, b.namespace) || order(a.name, b.name) || order(a.uid, b.uid) || order(a.file, b.file),
      );
      expect(entries.namespaces().flatMap((namespace) => entries.inNamespace(namespace))).toEqual(sorted);
      expect([...entries.all()].sort((a, b) => a.index - b.index)).toEqual(known);
    }),
    { numRuns: 50 },
  );
});

it('holds more than one buffer, and one that is longer than usual', () => {
  const entries = createEntries();
  const names = Array.from({ length: 3000 }, (_, index) => `${index}`.padStart(index === 1500 ? 2_000_000 : 500, 'x'));
  const common = { namespace: 'n', uid: '', file: '', label: '', key: 'k', resourceVersion: null };
  for (const [index, name] of names.entries()) entries.add({ ...common, name }, index);
  expect(new Set(entries.inNamespace('n').map(({ name }) => name))).toEqual(new Set(names));
});
