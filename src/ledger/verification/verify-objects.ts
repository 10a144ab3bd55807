/**
 * Every stored object against its salted id. What is stored whole is checked block by block; what stands on another object is checked in
 * the order of what it stands on, many at a time, so that each block is decompressed once for all of them. Of an object only its id is
 * remembered, 32 bytes.
 */
import { type Block, decodeBases, type Difference, entryAt, entryLength, objectCount, unpackOn } from '../storage/blocks.ts';
import type { Findings } from '../decisions/findings.ts';
import { idLength, saltedId } from '../storage/salted.ts';
import type { Stores } from '../stores.ts';

/** What is remembered of a block once its bytes were checked. */
export interface BlockSummary {
  readonly first: number;
  readonly count: number;
  readonly run: number;
  readonly kind: string;
  readonly ids: Buffer;
  /** Whether a run names one of its objects, and which. */
  named: boolean;
  readonly seen: Uint8Array;
}

export interface CheckedObjects {
  readonly blocks: readonly BlockSummary[];
  /** Throws when there is no such object. */
  readonly blockOf: (ref: number) => BlockSummary;
  readonly idOf: (ref: number) => Buffer;
}

interface Waiting extends Difference {
  readonly block: Block;
  readonly position: number;
}

const waitingAtMost = 16_384;

export function checkObjectBytes({ objects }: Stores, erased: ReadonlySet<string>, findings: Findings): CheckedObjects {
  const { problem, attempt, counts } = findings;
  const blocks: BlockSummary[] = [];
  let waiting: Waiting[] = [];
  const check = ({ first, kind, entries }: Block, position: number, bytes: Buffer): void => {
    const entry = entryAt(entries, position);
    const name = () => `object ${first + position} (${kind}, id ${entry.id.toString('hex')})`;
    const documented = erased.size > 0 && erased.has(entry.id.toString('hex'));
    if (entry.erased && documented && entry.salt.every((byte) => byte === 0)) return;
    if (documented) problem(`${name()} is recorded as erased and is still there`);
    else if (entry.erased) problem(`${name()} has no content, and no record says that it was erased`);
    else if (!saltedId(entry.salt, bytes).equals(entry.id)) problem(`${name()} is not what its id says`);
  };
  const checkWaiting = (): void => {
    waiting.sort((a, b) => a.base - b.base);
    for (const each of waiting) {
      const { block, position } = each;
      attempt(`object ${block.first + position}`, () =>
        check(block, position, unpackOn(block, position, each.frame, objects.baseOf(each))),
      );
    }
    waiting = [];
  };
  let end = -Infinity;
  for (const block of objects.blocks()) {
    const { first, run, kind, entries, bases } = block;
    const count = objectCount(block);
    if (first < end) problem(`object ${first} is stored twice`);
    end = first + count;
    attempt(`objects ${first} to ${end - 1}`, () => {
      if (bases === null) for (const [position, bytes] of objects.unpack(block).entries()) check(block, position, bytes);
      else for (const [position, difference] of decodeBases(bases, block).entries()) waiting.push({ ...difference, block, position });
    });
    if (waiting.length >= waitingAtMost) checkWaiting();
    counts.objects += count;
    const ids = Buffer.alloc(count * idLength);
    for (let position = 0; position < count; position++)
      entries.copy(ids, position * idLength, position * entryLength, position * entryLength + idLength);
    blocks.push({ first, count, run, kind, ids, named: false, seen: new Uint8Array(count) });
  }
  checkWaiting();
  let hint: BlockSummary | undefined;
  const blockOf = (ref: number): BlockSummary => {
    if (hint === undefined || ref < hint.first || ref >= hint.first + hint.count) hint = findBlock(blocks, ref);
    if (hint === undefined) throw new Error(`object ${ref} is missing`);
    return hint;
  };
  return {
    blocks,
    blockOf,
    idOf(ref) {
      const { first, ids } = blockOf(ref);
      return ids.subarray((ref - first) * idLength, (ref - first + 1) * idLength);
    },
  };
}

function findBlock(blocks: readonly BlockSummary[], ref: number): BlockSummary | undefined {
  let [low, high] = [0, blocks.length - 1];
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const block = blocks[middle] as BlockSummary;
    if (ref < block.first) high = middle - 1;
    else if (ref >= block.first + block.count) low = middle + 1;
    else return block;
  }
  return undefined;
}
