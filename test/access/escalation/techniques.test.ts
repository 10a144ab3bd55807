/** Every technique's examples: the evidence goes the way of real evidence, and the fixed variant of each has no such hop. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadTechniques } from '../../../src/catalog/index.ts';
import { exampleSnapshot } from '../../../src/control-examples.ts';
import { oneHop } from './one-hop.ts';

const techniques = loadTechniques({ techniqueDirs: [join(import.meta.dirname, '../../../techniques')] });

describe.each(techniques)('$id', ({ id, examples }) => {
  it.each(examples)('$name', ({ given, absent, from, to, hop }) => {
    const reader = exampleSnapshot(given, id, absent);
    expect(oneHop(reader, techniques, { id, from, to })).toBe(hop);
  });
});
