/** Net differences between two snapshots, whatever they were stored as, and never a difference that nobody saw. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KindDifference, Ledger } from '../../src/ledger/index.ts';
import type { EvidenceObject, Gap, Listing, ListingKind } from '../../src/model/index.ts';
import { collect, identity, listing, pod, pods, start } from './given.ts';
import { openForTest } from './temporary.ts';

const nodes: ListingKind = 'k8s.nodes/nodes';
const forbidden: Gap = { reason: 'forbidden', what: 'pods' };

function of(ledger: Ledger, from: number, to: number, options = {}): KindDifference[] {
  return [...ledger.differences('prod', from, to, options)];
}

function shown(differences: readonly KindDifference[]): string[] {
  return differences.flatMap(({ items }) => items.map(({ change, namespace, name }) => `${change} ${namespace}/${name}`));
}

/** A run that read this listing as given, or not at all. */
function read(ledger: Ledger, objects: readonly EvidenceObject[] | null, change: Partial<Listing> = {}): number {
  const writer = start(ledger);
  if (objects !== null) {
    writer.put(pods, objects);
    writer.close(listing(pods, objects.length, change));
  }
  return writer.end({ status: 'partial', error: null, identity, serverClockSkewMs: null }).number;
}

const a = pod({ namespace: 'lab', name: 'a', uid: 'ua' });
const b = pod({ namespace: 'lab', name: 'b', uid: 'ub' });
const c = pod({ namespace: 'web', name: 'c', uid: 'uc' });

describe('the difference between two snapshots', () => {
  it('is nothing for an unchanged cluster, also when everything was stored anew', () => {
    const ledger = openForTest();
    collect(ledger, [a, b, c]);
    collect(ledger, [a, b, c]);
    expect(of(ledger, 1, 2)).toMatchObject([{ kind: pods, items: [], unknown: 0, before: { items: 3, complete: true } }]);
    // A listing that was not read in between leaves its successor nothing to stand on but what came before.
    read(ledger, []);
    read(ledger, [a, b, c]);
    expect(of(ledger, 1, 4)).toMatchObject([{ items: [], unknown: 0 }]);
  });

  it('names what was added, removed, changed and re-created, in the order of the objects', () => {
    const ledger = openForTest();
    collect(ledger, [a, b, c]);
    const changed = { ...pod({ namespace: 'web', name: 'c', uid: 'uc', image: 'nginx:2' }), resourceVersion: '2' };
    const again = pod({ namespace: 'lab', name: 'b', uid: 'ub2' });
    const fresh = pod({ namespace: 'new', name: 'd', uid: 'ud' });
    collect(ledger, [again, changed, fresh]);
    const [difference] = of(ledger, 1, 2);
    expect(difference?.items).toMatchObject([
      { change: 'removed', namespace: 'lab', name: 'a', type: 'Pod', apiVersion: 'v1', before: { uid: 'ua' }, after: null, paths: [] },
      { change: 'changed', namespace: 'lab', name: 'b', before: { uid: 'ub' }, after: { uid: 'ub2' } },
      { change: 'added', namespace: 'new', name: 'd', before: null, after: { uid: 'ud' } },
      {
        change: 'changed',
        namespace: 'web',
        name: 'c',
        paths: [{ path: 'spec.containers["main"].image', before: '"nginx"', after: '"nginx:2"' }],
      },
    ]);
    const ids = [...ledger.snapshot('prod', 2).objects(pods)].map(({ id }) => id);
    expect(difference?.items.flatMap(({ after }) => after?.id ?? [])).toEqual(ids);
    expect(shown(of(ledger, 1, 2, { namespace: 'lab' }))).toEqual(['removed lab/a', 'changed lab/b']);
    expect(of(ledger, 1, 2, { isWanted: (kind: ListingKind) => kind === nodes })).toEqual([]);
  });

  it.each<[string, Partial<Listing>, Partial<Listing>, readonly string[], number]>([
    ['both whole', {}, {}, ['removed lab/a', 'added web/c'], 0],
    ['the later one not whole', {}, { gaps: [forbidden] }, ['added web/c'], 1],
    ['the earlier one not whole', { gaps: [forbidden] }, {}, ['removed lab/a'], 1],
    ['neither whole', { gaps: [forbidden] }, { gaps: [forbidden] }, [], 2],
  ])('is unknown where a side could not see: %s', (_, before, after, expected, unknown) => {
    const ledger = openForTest();
    read(ledger, [a, b], before);
    read(ledger, [b, c], after);
    const differences = of(ledger, 1, 2);
    expect(shown(differences)).toEqual(expected);
    expect(differences[0]?.unknown).toBe(unknown);
  });

  it('never calls removed what a run could not list or did not try to', () => {
    const ledger = openForTest();
    read(ledger, [a, b, c]);
    read(ledger, [], { gaps: [forbidden] });
    read(ledger, null);
    for (const [from, to] of [
      [1, 2],
      [2, 1],
      [1, 3],
      [3, 1],
    ] as const)
      expect(of(ledger, from, to)).toMatchObject([{ items: [], unknown: 3 }]);
    expect(of(ledger, 1, 2)[0]?.after).toMatchObject({ items: 0, complete: false, gaps: [forbidden] });
    expect(of(ledger, 1, 3)[0]?.after).toBeNull();
    expect(of(ledger, 1, 3, { namespace: 'web' })).toMatchObject([{ unknown: 1 }]);
  });

  it('says that a listing was read by another keep-list, and leaves cluster-scoped kinds out of a namespace', () => {
    const ledger = openForTest();
    read(ledger, [a]);
    read(ledger, [a], { keepDigest: 'cd'.repeat(32) });
    expect(of(ledger, 1, 2)).toMatchObject([{ readDifferently: true, items: [] }]);
    collect(ledger, [pod({ namespace: '', name: 'n' })], { kind: nodes });
    expect(of(ledger, 2, 3, { namespace: 'lab' }).map(({ kind }) => kind)).toEqual([pods]);
    expect(() => of(ledger, 1, 9)).toThrow('there is no run 9 of prod');
  });

  it('tells objects of one name in several files apart', () => {
    const ledger = openForTest();
    const placed = (file: string, line: number, image: string): EvidenceObject => ({
      ...pod({ name: 'x', uid: '', image }),
      place: { file, line },
    });
    read(ledger, [placed('a.yaml', 1, 'one'), placed('b.yaml', 1, 'one'), placed('b.yaml', 9, 'two')]);
    read(ledger, [placed('a.yaml', 5, 'one'), placed('b.yaml', 1, 'one'), placed('b.yaml', 9, 'three')]);
    expect(of(ledger, 1, 2)[0]?.items).toMatchObject([
      { change: 'changed', name: 'x', file: 'b.yaml', paths: [{ before: '"two"', after: '"three"' }] },
    ]);
  });

  it('is what a comparison of all objects says', () => {
    const cluster = fc.array(fc.record({ namespace: fc.constantFrom('', 'a', 'b'), name: fc.nat(6), image: fc.nat(2), uid: fc.nat(1) }), {
      maxLength: 25,
    });
    const made = (given: readonly { namespace: string; name: number; image: number; uid: number }[]) =>
      [...new Map(given.map((each) => [`${each.namespace}/${each.name}`, each])).values()].map(({ namespace, name, image, uid }) =>
        pod({ namespace, name: `p${name}`, uid: `${namespace}${name}-${uid}`, image: `i${image}`, resourceVersion: `${image}` }),
      );
    const keyed = (objects: readonly EvidenceObject[]) =>
      new Map(objects.map(({ namespace, name, uid, body }) => [`${namespace}/${name}`, JSON.stringify([uid, body])]));
    fc.assert(
      fc.property(fc.array(cluster, { minLength: 2, maxLength: 4 }), (states) => {
        const ledger = openForTest();
        const runs = states.map(made);
        for (const objects of runs) collect(ledger, objects);
        const [before, after] = [keyed(runs[0] ?? []), keyed(runs.at(-1) ?? [])];
        const expected = [...new Set([...before.keys(), ...after.keys()])]
          .filter((key) => before.get(key) !== after.get(key))
          .map((key) => `${before.has(key) ? (after.has(key) ? 'changed' : 'removed') : 'added'} ${key}`);
        expect(shown(of(ledger, 1, runs.length)).toSorted()).toEqual(expected.toSorted());
      }),
      { numRuns: 8 },
    );
  });
});
