import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createItems } from '../../src/assessment/equal-rows.ts';
import { toCel } from '../../src/catalog/index.ts';
import type { Control, Row } from '../../src/model/index.ts';

const control = (expressions: Pick<Control, 'expect'> & Partial<Pick<Control, 'where'>>) => expressions as Control;
// What the engine has to be asked about: a list of fields is no quick answer's.
const reading = [
  control({ where: '[item.a] == [1]', expect: 'has(item.b)' }),
  control({ where: '[item.c] != [2]', expect: 'item.b.size() > 0' }),
  control({ expect: '[item.a].exists(a, a in params.x)' }),
];
const resource = { apiVersion: 'v1', kind: 'Pod', namespace: 'ns', name: 'pod', uid: '' };
const rowOf = (fields: Record<string, unknown>, item = 'x') => ({ item, resource, evidence: ['id'], ...fields }) as Row;

test('rows share an item exactly when they are equal in what is read', () => {
  const fields = fc.record(
    { a: fc.constantFrom(1, 2, '1', null), b: fc.constantFrom('', 'b', null, ['b']), c: fc.constantFrom(0, 2), unread: fc.nat(3) },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.array(fields, { minLength: 2, maxLength: 12 }), (rows) => {
      const itemOf = createItems(reading);
      const items = rows.map((row, index) => itemOf(rowOf(row, String(index))));
      const read = (row: (typeof rows)[number]) => Object.fromEntries(Object.entries(row).filter(([name]) => name !== 'unread'));
      for (const [i, one] of rows.entries())
        for (const [j, other] of rows.entries())
          expect(items[i] === items[j]).toBe(i === j || JSON.stringify(sorted(read(one))) === JSON.stringify(sorted(read(other))));
    }),
  );
});

test('each row is its own item where a control reads the whole item, or where there is little to ask', () => {
  for (const controls of [[...reading, control({ expect: 'size(item) > 3' })], reading.slice(2)]) {
    const itemOf = createItems(controls);
    expect(itemOf(rowOf({ a: 1 }))).toEqual(toCel(rowOf({ a: 1 })));
    expect(itemOf(rowOf({ a: 1 }))).not.toBe(itemOf(rowOf({ a: 1 })));
  }
});

function sorted(value: object): object {
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
