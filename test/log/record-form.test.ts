/** The fast way of reading a record accepts what the long way accepts, and says the same. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { decodeRecord, encodeRecord, type LogRecord } from '../../src/log/index.ts';
import { formOf } from '../../src/log/record-form.ts';

const at = '2026-08-14T12:00:00.000Z';
const digest = 'ab'.repeat(32);
const uuid = '0f0e0d0c-0b0a-4908-8706-050403020100';
const run = { v: 1, at, cluster: 'prod', run: 7, uuid } as const;
const ended: LogRecord = {
  type: 'run-ended',
  ...run,
  status: 'succeeded',
  startedAt: at,
  endedAt: at,
  observedAt: null,
  clusterUid: uuid,
  caFingerprint: digest,
  listings: 3,
  complete: 2,
  items: 1500,
  gaps: 0,
  serverClockSkewMs: -31,
  snapshot: digest,
  reusable: null,
};
const records: readonly LogRecord[] = [
  { type: 'run-planned', ...run, kind: 'manual', slot: null, tool: 'a b/1', collectors: { count: 2, digest }, definitions: digest },
  ended,
  { ...ended, cluster: 'prüfung "eins"', serverClockSkewMs: 0, status: 'interrupted' },
  { type: 'run-missed', ...run, slot: at },
  { type: 'run-missed', ...run, slot: at, range: { through: at, slots: 3 } },
  {
    type: 'assessed',
    v: 1,
    at,
    cluster: 'prod',
    run: 7,
    tool: 't',
    catalog: digest,
    params: digest,
    outcomes: { fail: 1, pass: 2 },
    assessment: digest,
  },
  { type: 'definition-changed', v: 1, at, what: 'control A-1', oldDigest: null, newDigest: digest, details: digest },
  { type: 'exception-revoked', v: 1, at, cluster: 'prod', exception: 'EXC-12', details: digest },
  { type: 'payload-erased', v: 1, at, cluster: null, class: 'people', ids: [digest], kind: null, reusable: null, details: digest },
];
const texts = records.map((record) => Buffer.from(encodeRecord(record)));

/** What the long way says: a record is what is written for it, byte by byte. */
function written(bytes: Buffer): LogRecord | undefined {
  try {
    const value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)) as LogRecord;
    return Buffer.from(encodeRecord(value)).equals(bytes) ? value : undefined;
  } catch {
    // No JSON, or none that we would write.
    return undefined;
  }
}

function decoded(bytes: Buffer): LogRecord | undefined {
  try {
    const read = decodeRecord(bytes);
    return read.known ? read.record : undefined;
  } catch {
    return undefined;
  }
}

describe('a record', () => {
  it.each(texts.map((bytes, index) => [records[index]?.type, bytes] as const))('of type %s reads back', (_, bytes) => {
    expect(decodeRecord(bytes)).toEqual({ known: true, record: JSON.parse(bytes.toString()) });
    expect(decoded(bytes)).toEqual(written(bytes));
  });

  it('with any byte changed, left out or put in is read as the long way reads it', () => {
    const interesting = fc.oneof(fc.constantFrom(...Buffer.from('"\\{}:,0-1eE.+ \n/~\x7f\x1f')), fc.integer({ min: 0, max: 255 }));
    const edit = fc.record({ at: fc.nat(), cut: fc.integer({ min: 0, max: 2 }), put: fc.array(interesting, { maxLength: 3 }) });
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.array(edit, { minLength: 1, maxLength: 2 }), (bytes, edits) => {
        let changed = bytes;
        for (const { at: place, cut, put } of edits) {
          const start = place % (changed.length + 1);
          changed = Buffer.concat([changed.subarray(0, start), Buffer.from(put), changed.subarray(start + cut)]);
        }
        expect(decoded(changed)).toEqual(written(changed));
      }),
      { numRuns: 3000 },
    );
  });

  it.each<[string, string, string]>([
    ['a number with a leading zero', '"run":7', '"run":07'],
    ['a number with an exponent', '"items":1500', '"items":15e2'],
    ['a number with a fraction', '"run":7', '"run":7.0'],
    ['a negative zero', '"gaps":0', '"gaps":-0'],
    ['a number that is not safe', '"items":1500', '"items":9007199254740993'],
    ['run 0', '"run":7', '"run":0'],
    ['a negative count', '"items":1500', '"items":-1500'],
    ['an escaped letter', '"prod"', '"pr\\u006fd"'],
    ['a raw control character', '"prod"', '"pr\u0001d"'],
    ['an empty name', '"prod"', '""'],
    ['a name that is too long', '"prod"', `"${'p'.repeat(254)}"`],
    ['another status', '"succeeded"', '"succeededx"'],
    ['a field twice', '"gaps":0', '"gaps":0,"gaps":0'],
    ['a field too many', '"gaps":0', '"gaps":0,"gapz":0'],
    ['a field less', '"gaps":0,', ''],
    ['a line feed behind it', '"v":1}', '"v":1}\n'],
    ['a null too many', '"snapshot":"', '"snapshot":null"'],
  ])('with %s is refused', (_, from, to) => {
    const text = texts[1]?.toString() ?? '';
    const changed = Buffer.from(text.replace(from, to));
    expect(changed.toString()).not.toBe(text);
    expect(() => decodeRecord(changed)).toThrow(/record/);
    expect(decoded(changed)).toEqual(written(changed));
  });

  it('with the largest number that is safe is read', () => {
    const bytes = Buffer.from((texts[1]?.toString() ?? '').replace('"items":1500', '"items":9007199254740991'));
    expect(decoded(bytes)).toMatchObject({ items: Number.MAX_SAFE_INTEGER });
    expect(decoded(bytes)).toEqual(written(bytes));
  });
});

describe('a form', () => {
  const a = z.string().regex(/^a+$/);
  const leaves = new Map<z.ZodType, string>([[a, '"a+"']]);

  it('is of the whole text, with keys in their order', () => {
    const form = formOf(z.strictObject({ z: a.nullable(), b: a, type: z.literal('x'), m: a.optional() }), leaves);
    expect(form?.test('{"b":"a","m":"aa","type":"x","z":null}')).toBe(true);
    expect(form?.test('{"b":"a","type":"x","z":"a"}')).toBe(true);
    expect(form?.test('{"type":"x","b":"a","z":"a"}')).toBe(false);
    expect(form?.test(' {"b":"a","type":"x","z":"a"}')).toBe(false);
  });

  it.each<[string, z.ZodType]>([
    ['a leaf that it does not know', z.strictObject({ a: z.string() })],
    ['members of any name', z.strictObject({ a, b: z.record(z.string(), a) })],
    ['a list', z.strictObject({ a, b: z.array(a) })],
    ['a demand on the whole object', z.strictObject({ a }).refine(() => false)],
    ['a demand on a member', z.strictObject({ a: a.refine(() => false) })],
    ['a demand on one that may be null', z.strictObject({ a: a.nullable().refine(() => false) })],
    ['an object that may have more', z.object({ a })],
    ['an optional first member', z.strictObject({ a: a.optional(), b: a })],
    ['a literal that JSON escapes', z.strictObject({ a: z.literal('"') })],
    ['a key that means something in an expression', z.strictObject({ 'a.b': a })],
    ['a value that is changed', z.strictObject({ a: a.transform((text) => text.length) })],
    ['a value that is made up', z.strictObject({ a: a.default('a') })],
  ])('is not made for %s', (_, schema) => {
    expect(formOf(schema, leaves)).toBeUndefined();
  });
});
