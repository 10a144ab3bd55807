import { assert, jsonValue, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalBytes, canonicalize, parseCanonical } from '../../src/model/index.ts';

describe('canonical JSON (RFC 8785)', () => {
  it('gives the bytes of the RFC’s own example (section 3.2.4)', () => {
    const example = {
      numbers: JSON.parse('[333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001]') as number[],
      string: '\u20ac$\u000f\nA\'B"\\\\"/',
      literals: [null, true, false],
    };
    expect(canonicalBytes(example).toString('utf8')).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('sorts keys by UTF-16 code units (section 3.2.3)', () => {
    const value = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 };
    expect(Object.values(JSON.parse(canonicalize(value)) as Record<string, number>).length).toBe(7);
    expect([...canonicalize(value).matchAll(/":(\d)/g)].map((match) => match[1]).join('')).toBe('2467153');
  });

  it('is what JSON.parse reads back, whatever the order of keys', () => {
    assert(
      property(jsonValue(), (value) => {
        const text = canonicalize(value);
        expect(canonicalize(JSON.parse(text))).toBe(text);
        expect(parseCanonical(Buffer.from(text))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it.each(['{"a":1,"a":2}', '{"b":1,"a":2}', '{ "a":1}', '{"a":1.0}', '"\\u0041"'])('refuses %j as canonical', (text) => {
    expect(() => parseCanonical(Buffer.from(text))).toThrow('not canonical JSON');
  });

  it('refuses a byte order mark', () => {
    expect(() => parseCanonical(Buffer.from('\ufeff{}'))).toThrow('is not valid JSON');
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, '\ud800', () => 1])('refuses what JSON cannot hold', (value) => {
    expect(() => canonicalize(value)).toThrow(/JSON/);
  });
});
