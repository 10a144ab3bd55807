import { array, assert, dictionary, jsonValue, nat, property, record, string, stringMatching } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { skimList } from '../../src/sources/live/skim.ts';

interface Item {
  readonly metadata: Record<string, unknown>;
  readonly [key: string]: unknown;
}

const list = (items: readonly unknown[], more: object = {}) =>
  Buffer.from(`${JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: { resourceVersion: '9', ...more }, items })}\n`);
const item = (name: string, more: object = {}): Item => ({
  metadata: { name, namespace: 'n', uid: `u-${name}`, resourceVersion: '3', ...more },
  spec: { containers: [{ name: '}]"\\' }] },
});

describe('skimming a list', () => {
  test('finds every item, whatever it holds, and can give some of them back', () => {
    const name = stringMatching(/^[ -~]{0,40}$/);
    const metadata = record({
      name,
      namespace: name,
      uid: name,
      resourceVersion: name,
      labels: dictionary(string(), string()),
    });
    const items = array(record({ metadata, spec: jsonValue() }), { maxLength: 8 });
    assert(
      property(items, nat(255), (made, choice) => {
        const skimmed = skimList(list(made));
        expect(skimmed?.items.length).toBe(made.length);
        for (const [i, { identity }] of (skimmed?.items ?? []).entries()) {
          if (identity === null) continue;
          const { name: n, namespace, uid, resourceVersion } = made[i]?.metadata ?? {};
          expect(identity).toEqual({ name: n, namespace, uid, resourceVersion });
        }
        const chosen = (skimmed?.items ?? []).filter((_each, i) => ((choice >> i) & 1) === 1);
        const back = JSON.parse(skimmed?.only(chosen).toString('utf8') ?? '') as { kind: string; items: unknown[] };
        expect(back.kind).toBe('PodList');
        expect(back.items).toEqual(JSON.parse(JSON.stringify(made.filter((_each, i) => ((choice >> i) & 1) === 1))));
      }),
    );
  });

  test.each([
    ['a plain item', item('a'), { namespace: 'n', name: 'a', uid: 'u-a', resourceVersion: '3' }],
    [
      'a generated name',
      { metadata: { name: 'a', generateName: 'a-', namespace: 'n', uid: 'u', resourceVersion: '3' } },
      expect.objectContaining({ uid: 'u' }),
    ],
    ['no namespace', { metadata: { name: 'a', uid: 'u', resourceVersion: '3' } }, expect.objectContaining({ namespace: '' })],
    ['another order', { metadata: { uid: 'u', name: 'a', resourceVersion: '3' } }, null],
    ['an escape', { metadata: { name: 'a"b', uid: 'u', resourceVersion: '3' } }, null],
    ['a name beyond ASCII', { metadata: { name: 'ä', uid: 'u', resourceVersion: '3' } }, null],
    ['no resourceVersion', { metadata: { name: 'a', uid: 'u', resourceVersion: '' } }, null],
    ['a uid that only an owner has', { metadata: { name: 'a', ownerReferences: [{ uid: 'u', resourceVersion: '3' }] } }, null],
    ['another first field', { kind: 'Pod', ...item('a') }, null],
  ])('says who an item is, or does not know: %s', (_what, made, identity) => {
    expect(skimList(list([made]))?.items.map((each) => each.identity)).toEqual([identity]);
  });

  const whole = list([item('a'), item('b')]);
  test.each([
    ['a page that ends early', whole.subarray(0, -20)],
    ['a page that ends after an item', whole.subarray(0, whole.lastIndexOf(']'))],
    ['bytes behind the page', Buffer.concat([whole, Buffer.from('{"kind":"Status"}')])],
    ['another kind', Buffer.from('{"kind":"Status","metadata":{},"items":[]}')],
    ['an item that is no object', list([item('a'), 'b'])],
    ['no list', Buffer.from('{"kind":"PodList","metadata":{}}')],
    ['HTML', Buffer.from('<html>,"items":[')],
    ['nothing', Buffer.from('')],
  ])('leaves to the parser: %s', (_what, bytes) => {
    expect(skimList(bytes)).toBeNull();
  });

  test('an empty list has no items', () => {
    const skimmed = skimList(list([]));
    expect(skimmed?.items).toEqual([]);
    expect(JSON.parse(skimmed?.only([]).toString('utf8') ?? '')).toMatchObject({ kind: 'PodList', items: [] });
  });

  test('every prefix of a page is refused', () => {
    for (let length = 0; length < whole.length - 2; length++) expect(skimList(whole.subarray(0, length))).toBeNull();
  });
});
