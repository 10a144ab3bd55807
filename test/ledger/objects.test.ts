/** The objects' store by itself: neighbours and differences read back as they were, and what is erased is nowhere. */
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import type { NewObject } from '../../src/ledger/storage/blocks.ts';
import { createTables } from '../../src/ledger/storage/migrations.ts';
import { createObjectStore, type ObjectStore } from '../../src/ledger/storage/objects.ts';
import { drawSalt, saltedId } from '../../src/ledger/storage/salted.ts';
import { readNumbers, writeNumber } from '../../src/ledger/storage/varint.ts';
import { temporaryPath } from './temporary.ts';

function open(path = ':memory:') {
  const db = new Database(path);
  db.pragma('foreign_keys = ON');
  db.pragma('secure_delete = ON');
  createTables(db);
  db.prepare('INSERT INTO log (leaf, bytes) VALUES (0, ?)').run(Buffer.from('{"type":"genesis"}'));
  return { db, objects: createObjectStore(db) };
}

function made(text: string): NewObject {
  const [salt, bytes] = [drawSalt(), Buffer.from(text)];
  return { salt, bytes, id: saltedId(salt, bytes) };
}

const filler = Array.from({ length: 60 }, (_, index) => `"field${index}":"${(index * 7919).toString(36)}"`).join(',');
const body = (name: string, version: number) => `{${filler},"name":"${name}","version":${version}}`;

function writeDifference(objects: ObjectStore, like: number, text: string): number {
  const object = made(text);
  const difference = objects.differenceFrom(like, object.bytes);
  if (difference === undefined) throw new Error('the difference is not small');
  return objects.writeDifferences(0, 'k', [{ ...object, ...difference }]);
}

const textOf = (objects: ObjectStore, ref: number) => objects.bytes(ref)?.toString('utf8');

describe('a difference', () => {
  it('reads back, stands on what is stored whole, and takes a fraction of its length', () => {
    const { db, objects } = open();
    const first = objects.write(
      0,
      'k',
      ['a', 'b', 'c'].map((name) => made(body(name, 1))),
    );
    const second = writeDifference(objects, first + 1, body('b', 2));
    const third = writeDifference(objects, second, body('b', 3));
    expect([first, first + 1, second, third].map((ref) => textOf(objects, ref))).toEqual([
      body('a', 1),
      body('b', 1),
      body('b', 2),
      body('b', 3),
    ]);
    expect(objects.differenceFrom(third, Buffer.from(body('b', 4)))?.base).toBe(first + 1);
    const length = db.prepare<[number], number>('SELECT length(bytes) FROM block WHERE first = ?').pluck();
    expect(length.get(third)).toBeLessThan(body('b', 3).length / 12);
  });

  it('is not taken where it is not small, nor from what was erased', () => {
    const { objects } = open();
    const first = objects.write(0, 'k', [made(body('a', 1)), made('{"other":1}')]);
    expect(objects.differenceFrom(first + 1, Buffer.from(body('a', 2)))).toBeUndefined();
    objects.erase([first]);
    expect(objects.differenceFrom(first, Buffer.from(body('a', 2)))).toBeUndefined();
  });

  it('that stands on a difference, or on nothing, is damage', () => {
    const { db, objects } = open();
    const first = objects.write(0, 'k', [made(body('a', 1))]);
    const second = writeDifference(objects, first, body('a', 2));
    const third = writeDifference(objects, first, body('a', 3));
    const stand = (on: number) => {
      const bases: number[] = [];
      writeNumber(bases, on);
      writeNumber(bases, db.prepare<[number], number>('SELECT length(bytes) FROM block WHERE first = ?').pluck().get(third) ?? 0);
      db.prepare('UPDATE difference SET bases = ? WHERE first = ?').run(Buffer.from(bases), third);
      objects.forget();
      return () => objects.bytes(third);
    };
    expect(stand(second)).toThrow(/not stored whole/);
    expect(stand(99)).toThrow(/lacks object 99/);
    expect(stand(0)).toThrow(/cannot be decompressed/);
  });
});

describe('an erased object', () => {
  it('leaves its id, and nothing of its bytes or salt in any row, also where others stood on it', () => {
    const path = temporaryPath();
    const { db, objects } = open(path);
    const secret = 'Zebediah-Quartermaine';
    const person = made(`{${filler},"name":"${secret}"}`);
    const first = objects.write(0, 'k', [made(body('a', 1)), person, made(body('c', 1))]);
    const later = writeDifference(objects, first + 1, `{${filler},"name":"${secret}","version":2}`);
    const other = writeDifference(objects, first + 1, body('d', 1));
    const beside = writeDifference(objects, first, body('a', 2));
    db.transaction(() => objects.erase([first + 1, later]))();
    db.exec('VACUUM');
    expect([first, other, beside, first + 2].map((ref) => textOf(objects, ref))).toEqual([
      body('a', 1),
      body('d', 1),
      body('a', 2),
      body('c', 1),
    ]);
    for (const gone of [first + 1, later]) {
      expect(objects.bytes(gone)).toBeUndefined();
      expect(objects.entry(gone)).toMatchObject({ erased: true, salt: Buffer.alloc(16) });
    }
    expect(objects.refsOf(person.id)).toEqual([first + 1]);
    const everything = [...objects.blocks()].flatMap((block) => objects.unpack(block)).map((bytes) => bytes.toString('utf8'));
    expect(everything.join()).not.toContain(secret);
    db.close();
    const file = readFileSync(path);
    expect(file.includes(person.salt)).toBe(false);
    expect(file.includes(Buffer.from(secret))).toBe(false);
  });

  it('changes no other, whatever stands on what', () => {
    const step = fc.oneof(
      fc.record({ act: fc.constant('whole' as const), count: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ act: fc.constant('differ' as const), from: fc.nat(), count: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ act: fc.constant('erase' as const), which: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const { db, objects } = open();
        const expected = new Map<number, string | undefined>();
        let version = 0;
        const next = () => body(`n${version % 5}`, version++);
        for (const each of steps) {
          const refs = [...expected.keys()];
          if (each.act === 'whole') {
            const texts = Array.from({ length: each.count }, next);
            const first = objects.write(0, 'k', texts.map(made));
            for (const [position, text] of texts.entries()) expected.set(first + position, text);
          } else if (each.act === 'differ' && refs.length > 0) {
            const like = refs[each.from % refs.length] as number;
            const written = Array.from({ length: each.count }, next).flatMap((text) => {
              const object = made(text);
              const difference = objects.differenceFrom(like, object.bytes);
              return difference === undefined ? [] : [{ ...object, ...difference, text }];
            });
            if (written.length === 0) continue;
            const first = objects.writeDifferences(0, 'k', written);
            for (const [position, { text }] of written.entries()) expected.set(first + position, text);
          } else if (each.act === 'erase' && refs.length > 0) {
            const gone = each.which.map((index) => refs[index % refs.length] as number);
            objects.erase(gone);
            for (const ref of gone) expected.set(ref, undefined);
          }
        }
        for (const [ref, text] of expected) expect(textOf(objects, ref)).toBe(text);
        objects.forget();
        for (const [ref, text] of expected) expect(textOf(objects, ref)).toBe(text);
        db.close();
      }),
      { numRuns: 60 },
    );
  });
});

describe('a number', () => {
  it('reads back, and a cut one does not', () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeNat()), (numbers) => {
        const out: number[] = [];
        for (const each of numbers) writeNumber(out, each);
        expect(readNumbers(Uint8Array.from(out))).toEqual(numbers);
        expect(readNumbers(Uint8Array.from([...out, 128]))).toBeUndefined();
      }),
    );
    expect(readNumbers(Uint8Array.from({ length: 9 }, () => 255))).toBeUndefined();
  });
});
