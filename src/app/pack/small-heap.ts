/**
 * A pack over thousands of runs is work of a minute, and most of what it makes is garbage at once: left to itself, V8 lets the heap grow to
 * several times of what lives before it looks, and keeps the pages for what may come. Here it looks earlier, and gives back what a part of
 * the work no longer needs before the next one begins. Only when garbage is collected changes, never what is computed; afterwards all is
 * as it was.
 */
import { setImmediate } from 'node:timers/promises';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Flag, value while the work lasts, V8's own value. */
const flags = [
  // The young generation stays as small as it is when the work begins.
  ['--semi-space-growth-factor', 1, 2],
  // A full collection once what lives has grown by so many percent; 0: V8's own, up to 300.
  ['--heap-growing-percent', 50, 0],
] as const;

type Collect = (options: { readonly type: 'major'; readonly flavor: 'last-resort' }) => void;
let collect: Collect | undefined;
/** What the heap held when it was tidy. */
let tidied = 0;

export async function withSmallHeap<T>(work: () => Promise<T>): Promise<T> {
  for (const [flag, lean] of flags) setFlagsFromString(`${flag}=${lean}`);
  // Several threads for so small a space cost more than they save.
  setFlagsFromString('--no-parallel-scavenge');
  setFlagsFromString('--expose-gc');
  collect = runInNewContext('gc') as Collect;
  tidied = heapBytes();
  setFlagsFromString('--no-expose-gc');
  try {
    return await work();
  } finally {
    collect = undefined;
    for (const [flag, , own] of flags) setFlagsFromString(`${flag}=${own}`);
    setFlagsFromString('--parallel-scavenge');
  }
}

/** Within a part of the work: costs up to a second, and matters where the heap is hundreds of MB. */
export function tidyHeap(): void {
  if (heapBytes() > tidied + worthwhile) tidy();
}

/** Between two parts of the work. */
export async function giveBackMemory(): Promise<void> {
  // Until the next turn of the event loop, what was awaited last is held with all that it worked on.
  await setImmediate();
  if (process.memoryUsage.rss() > small) tidy();
}

/** Returns pages that are empty to the system, too. */
function tidy(): void {
  collect?.({ type: 'major', flavor: 'last-resort' });
  tidied = heapBytes();
}

/** Bytes of the whole process; with less, a pack is done sooner without. */
const small = 300e6;

/** Bytes of garbage; less is not worth the time. */
const worthwhile = 64e6;

function heapBytes(): number {
  return getHeapStatistics().used_heap_size;
}
