/** The graph against escalation by hand on random small worlds: who reaches what, how surely, and what taking bindings away really does. */
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAccessIndex, findPaths, type PathsReport, type Target } from '../../../src/access/index.ts';
import { readWorld } from '../../../src/access/escalation/world.ts';
import { loadTechniques } from '../../../src/catalog/index.ts';
import { Naive } from './naive.ts';
import { randomWorld, readerOf } from './random-world.ts';

const techniques = loadTechniques({ techniqueDirs: [join(import.meta.dirname, '../../../techniques')] });

const targets: readonly (readonly [Target, string])[] = [
  [{ kind: 'cluster-admin' }, 'cluster-admin'],
  [{ kind: 'secret', namespace: 'a', name: 's' }, 'Secret/a/s'],
  [{ kind: 'node', name: 'n1' }, 'Node/n1'],
];
const runs = Number(process.env['FC_RUNS'] ?? 30);

const sourcesOf = ({ paths }: PathsReport) => new Set(paths.map(({ from }) => from));

describe('against escalation by hand', () => {
  it.each(targets)('finds exactly the subjects that reach %o, and is certain of exactly those that are', (target, state) => {
    fc.assert(
      fc.property(randomWorld(techniques), (world) => {
        const reader = readerOf(world);
        const index = createAccessIndex(reader);
        const naive = new Naive(readWorld(reader, index), techniques, target.kind === 'secret' ? [[target.namespace, target.name]] : []);
        const { paths } = findPaths(reader, techniques, { target, builtin: true, withoutRemovals: true }, index);
        const subjects = new Set([
          ...index.subjects.map(({ text, account }) => (account === '' ? text : `ServiceAccount/${account}`)),
          'ServiceAccount/a/x',
        ]);
        for (const subject of subjects) {
          if (subject.endsWith('/gone')) continue;
          const found = paths.find(({ from, kind }) => from === subject && kind === 'shortest');
          expect([subject, found !== undefined]).toEqual([subject, naive.reach(subject, false).has(state)]);
          expect([subject, found?.certain ?? false]).toEqual([subject, naive.reach(subject, true).has(state)]);
        }
      }),
      { numRuns: runs },
    );
  });

  it('tells paths whose every hop starts from what is in hand', () => {
    fc.assert(
      fc.property(randomWorld(techniques), (world) => {
        const { paths } = findPaths(readerOf(world), techniques, {
          target: { kind: 'cluster-admin' },
          builtin: true,
          withoutRemovals: true,
        });
        for (const { from, hops, certain } of paths) {
          const inHand = new Set([from]);
          for (const hop of hops) {
            expect(inHand).toContain(hop.from);
            inHand.add(hop.to);
          }
          expect(hops.at(-1)?.to).toBe('cluster-admin');
          expect(certain).toBe(hops.every((hop) => hop.certain));
        }
      }),
      { numRuns: runs },
    );
  });
});

describe('taking bindings away', () => {
  const admin = { target: { kind: 'cluster-admin' }, withoutRemovals: true } as const;
  /** Who of those that had a path still has one; somebody whom no binding names any more may have it by groups of everybody. */
  const left = (world: Parameters<typeof readerOf>[0], without: readonly number[], before: ReadonlySet<string>) => {
    const reader = readerOf(world, without);
    const after = sourcesOf(findPaths(reader, techniques, admin));
    return [...before].filter((subject) => after.has(subject) || findPaths(reader, techniques, { ...admin, subject }).paths.length > 0);
  };

  it('cuts what it says, and no single binding cuts more', () => {
    fc.assert(
      fc.property(randomWorld(techniques), (world) => {
        const report = findPaths(readerOf(world), techniques, { ...admin, withoutRemovals: false });
        const before = sourcesOf(report);
        const cuts = new Map(
          [...world.bindings.keys()].map((index) => [`binding-${index}`, before.size - left(world, [index], before).length]),
        );
        for (const { binding, cuts: said } of report.removals)
          expect([binding, said]).toEqual([binding, cuts.get(binding.split('/').at(-1) ?? '')]);
        expect(report.removals[0]?.cuts ?? 0).toBe(Math.max(0, ...cuts.values()));
      }),
      { numRuns: Math.ceil(runs / 3) },
    );
  });

  it('the cut leaves no path, and is as small as it says', () => {
    fc.assert(
      fc.property(randomWorld(techniques), (world) => {
        const report = findPaths(readerOf(world), techniques, { ...admin, withoutRemovals: false });
        const { cut } = report;
        const before = sourcesOf(report);
        expect(cut === null).toBe(before.size === 0);
        if (cut === null) return;
        const indexes = cut.bindings.map((binding) => Number(/binding-(\d+)$/.exec(binding)?.[1]));
        expect(left(world, indexes, before).length).toBe(cut.keep);
        if (!cut.minimum || cut.keep > 0) return;
        for (let subset = 0; subset < 1 << world.bindings.length; subset++) {
          const without = [...world.bindings.keys()].filter((index) => (subset & (1 << index)) !== 0);
          expect([without, without.length >= indexes.length || left(world, without, before).length > 0]).toEqual([without, true]);
        }
      }),
      { numRuns: Math.ceil(runs / 5) },
    );
  });
});
