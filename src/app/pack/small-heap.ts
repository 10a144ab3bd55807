/**
 * A pack over thousands of runs is work of a minute, and most of what it makes is garbage at once: left to itself, V8 lets the heap grow to
 * several times of what lives before it looks, and keeps the pages for what may come. Here it looks earlier, and gives back what a part of
 * the work no longer needs before the next one begins. Only when garbage is collected changes, never what is computed; afterwards all is
 * as it was.
 */
import { setImmediate } from 'node:timers/promises';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Flag while the work lasts, V8's own. */
const flags = [
  // A full collection once what lives has grown by so many percent; 0: V8's own, up to 300.
  ['--heap-growing-percent=40', '--heap-growing-percent=0'],
  // Several threads for so small a space cost more than they save.
  ['--no-parallel-scavenge', '--parallel-scavenge'],
] as const;

type Collect = (options: { readonly type: 'major'; readonly flavor: 'last-resort' }) => void;
let collect: Collect | undefined;

export async function withSmallHeap<T>(work: () => Promise<T>): Promise<T> {
  for (const [lean] of flags) setFlagsFromString(lean);
  setFlagsFromString('--expose-gc');
  collect = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  tidy(collect);
  try {
    return await work();
  } finally {
    collect = undefined;
    for (const [, own] of flags) setFlagsFromString(own);
    setFlagsFromString('--incremental-marking');
    setFlagsFromString(`${growth}=2`);
  }
}

/**
 * Collects at once, not beside the work, during which the heap would grow by half as much again and what dies would be kept. Only for work
 * that makes large objects now and then: V8 looks at nothing else then.
 */
export function collectAtOnce(isSo: boolean): void {
  if (collect !== undefined) setFlagsFromString(isSo ? '--no-incremental-marking' : '--incremental-marking');
}

/** Between two parts of the work. */
export async function giveBackMemory(): Promise<void> {
  // Until the next turn of the event loop, what was awaited last is held with all that it worked on.
  await setImmediate();
  if (collect !== undefined && process.memoryUsage.rss() > small) tidy(collect);
}

/** Within a part of the work, now and then: gives back what is garbage once the process takes more bytes than that, and there may be some. */
export function giveBackGrown(most = much): void {
  if (collect !== undefined && process.memoryUsage.rss() > Math.max(most, tidied + worthwhile)) tidy(collect);
}

/** Returns pages that are empty to the system, too, and leaves the young generation as small as it began. */
function tidy(thoroughly: Collect): void {
  thoroughly({ type: 'major', flavor: 'last-resort' });
  holdYoung();
  tidied = process.memoryUsage.rss();
}

/** Bytes of the whole process; with less, a pack is done sooner without. */
const small = 300e6;
/** With more, garbage is given back within a part of the work too. */
const much = 420e6;
/** Less is not worth looking for. */
const worthwhile = 30e6;

/** What the process took when it was last tidied. */
let tidied = 0;

const growth = '--semi-space-growth-factor';

/** Half of the young generation, in MB: most of what a run is judged with dies in it, and it stays small beside what lives. */
const young = 8;

/** Makes the young generation as large as it shall be, and keeps it so. */
function holdYoung(): void {
  setFlagsFromString(`${growth}=${Math.max(1, Math.floor(young / youngNow()))}`);
  // It grows when as much as it holds has survived in it.
  const survivors: number[][] = [];
  for (let more = 200; more > 0 && youngNow() < young; more--) survivors.push(Array.from({ length: 10_000 }, () => more));
  setFlagsFromString(`${growth}=1`);
}

function youngNow(): number {
  const space = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
  // Without the head of each page.
  const bytes = (space?.space_used_size ?? 0) + (space?.space_available_size ?? 0);
  return Math.max(1, Math.round(bytes / 1024 / 1024));
}
