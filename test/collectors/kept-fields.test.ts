/** Who changes what is kept says so by the version: what was recorded before would pass for what is read today. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { collectorOf, collectors, gapOfVersion } from '../../src/collectors/index.ts';
import { type Collector, canonicalize } from '../../src/model/index.ts';
import keptFields from './kept-fields.json' with { type: 'json' };

const known: Readonly<Record<string, string>> = keptFields;
const listings = collectors.flatMap(({ version, listings }) => listings.map((listing) => ({ ...listing, version })));

// A new line for a new version; never another digest for one that ran.
test.each(listings)('$kind keeps in version $version what that version kept', ({ kind, version, keep }) => {
  const digest = createHash('sha256').update(canonicalize(keep)).digest('hex').slice(0, 16);
  expect({ [`${kind} ${version}`]: known[`${kind} ${version}`] }).toEqual({ [`${kind} ${version}`]: digest });
});

describe('a listing of another version', () => {
  const kind = 'k8s.pods/pods';
  const pods = (version: number, since?: number): Collector => {
    const collector = collectorOf(kind);
    if (collector === undefined) throw new Error(kind);
    const listings = collector.listings.map((listing) => Object.assign({}, listing, since === undefined ? {} : { since }));
    return { ...collector, version, listings };
  };
  const gap = (collectorVersion: number, collector: Collector) => gapOfVersion({ kind, collectorVersion }, collector)?.detail ?? null;

  test('is a gap, whichever is the older one', () => {
    expect(gap(2, pods(3))).toBe('recorded by version 2 of its collector; this is version 3, which keeps other fields');
    expect(gap(4, pods(3, 1))).toBe('recorded by version 4 of its collector; this is version 3, which keeps other fields');
  });

  test('is none where nothing is read that it did not keep', () => {
    expect([gap(1, pods(3, 2)), gap(2, pods(3, 2)), gap(3, pods(3, 2)), gap(3, pods(3))]).toEqual([
      'recorded by version 1 of its collector; this is version 3, which keeps other fields',
      null,
      null,
      null,
    ]);
    expect(gapOfVersion({ kind: 'k8s.unheard/of', collectorVersion: 1 })).toBeNull();
  });
});
