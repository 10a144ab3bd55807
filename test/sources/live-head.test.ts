import { array, check, jsonValue, property, record, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { peekHead } from '../../src/sources/live/live-head.ts';

describe('peekHead', () => {
  it('gives what JSON.parse gives, or null', () => {
    const text = string({ unit: 'binary' });
    const metadata = record({ resourceVersion: text, continue: text }, { requiredKeys: [] });
    const law = property(metadata, array(jsonValue(), { maxLength: 3 }), (given, items) => {
      const body = Buffer.from(JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: given, items }));
      const parsed = (JSON.parse(body.toString()) as { metadata: typeof given }).metadata;
      const head = peekHead(body);
      return (
        head === null ||
        (head.continue === (parsed.continue || undefined) && head.resourceVersion === (parsed.resourceVersion || undefined))
      );
    });
    expect(check(law)).toMatchObject({ failed: false });
  });

  it.each([
    ['{"items":[],"kind":"PodList","metadata":{}}'],
    ['{"kind":"Pod","metadata":{},"items":[]}'],
    ['{"kind":"PodList","metadata":null,"items":[]}'],
    ['{"kind":"PodList","metadata":{"continue":"\\",\\"items\\":["}}'],
    ['<html>,"items":['],
    [''],
  ])('is null for %s', (body) => expect(peekHead(Buffer.from(body))).toBeNull());

  it('sees an indented Table', () => {
    expect(peekHead(Buffer.from('{\n  "kind": "Table",\n  "metadata": {\n "continue": "x" },\n  "columnDefinitions": [\n'))).toEqual({
      continue: 'x',
      resourceVersion: undefined,
    });
  });
});
