import { getHeapSpaceStatistics } from 'node:v8';
import { expect, it } from 'vitest';
import { giveBackGrown, giveBackMemory, withSmallHeap } from '../../src/app/pack/small-heap.ts';

const youngBytes = () => getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_size ?? 0;

/** Most of it survives a few collections, which makes V8 enlarge the young generation. */
function keepBusy(): number {
  const kept: number[][] = [];
  for (let round = 0; round < 4000; round++) {
    kept.push(Array.from({ length: 1000 }, (_, place) => place * 1.5));
    if (kept.length > 300) kept.shift();
  }
  return kept.length;
}

it('gives what the work gives, and throws what it throws', async () => {
  await expect(withSmallHeap(async () => 7)).resolves.toBe(7);
  await expect(withSmallHeap(() => Promise.reject(new Error('so')))).rejects.toThrow('so');
});

it('lets the young generation not grow while the work lasts', async () => {
  const [before, after] = await withSmallHeap(async () => {
    const size = youngBytes();
    keepBusy();
    await giveBackMemory();
    keepBusy();
    return [size, youngBytes()];
  });
  expect(after).toBeLessThanOrEqual(before);
});

it('gives back what is garbage once the process has grown, and not before', async () => {
  const [kept, left] = await withSmallHeap(async () => {
    await giveBackMemory();
    const before = process.memoryUsage.rss();
    let much: number[][] | undefined = Array.from({ length: 40 }, () => Array.from({ length: 300_000 }, (_, place) => place * 1.5));
    giveBackGrown(Infinity);
    const grown = process.memoryUsage.rss();
    expect(much).toHaveLength(40);
    much = undefined;
    await new Promise(setImmediate);
    giveBackGrown(before);
    return [grown - before, process.memoryUsage.rss() - before] as const;
  });
  expect(kept).toBeGreaterThan(60e6);
  expect(left).toBeLessThan(kept / 2);
});

it('asks for nothing outside of such work', async () => {
  await expect(giveBackMemory()).resolves.toBeUndefined();
  expect(() => giveBackGrown(0)).not.toThrow();
});
