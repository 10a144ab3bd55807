/**
 * The Merkle tree of the log (RFC 6962, section 2.1), and nothing else: hashes in, hashes and proofs out. A tree of n leaves is known by
 * the hashes of its complete subtrees, which never change once their last leaf is there; {@link NodeReader} gives them, wherever they are
 * kept. Sizes are safe integers; shifts would cut them to 32 bits, so halving is written as division.
 */
import { hash } from 'node:crypto';
import { KubevidenceError } from '../model/index.ts';

/** The hash of the complete subtree over the leaves [index * 2^level, (index + 1) * 2^level). Level 0 is the leaf hash itself. */
export type NodeReader = (level: number, index: number) => Uint8Array;

export interface MerkleNode {
  readonly level: number;
  readonly index: number;
  readonly hash: Uint8Array;
}

/** By way of a text: node takes twice as long to make a buffer of its own for each digest. */
const sha256 = (data: Uint8Array): Uint8Array => Buffer.from(hash('sha256', data, 'binary'), 'latin1');
/** 0x00 and then a record; with room for most. */
const leafInput = Buffer.alloc(16_384);
/** 0x01 and two hashes. */
const nodeInput = Buffer.alloc(65, 1);

/** MTH({}). */
export const emptyRoot: Uint8Array = sha256(Buffer.alloc(0));

export function leafHash(record: Uint8Array): Uint8Array {
  const length = 1 + record.length;
  const input = length > leafInput.length ? Buffer.alloc(length) : leafInput;
  input.set(record, 1);
  return sha256(input.subarray(0, length));
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  if (left.length !== 32 || right.length !== 32) throw new KubevidenceError('integrity', 'a hash of the tree is not 32 bytes long');
  nodeInput.set(left, 1);
  nodeInput.set(right, 33);
  return sha256(nodeInput);
}

/** The complete subtrees that exist once a leaf follows `size` others: its own hash first, then every parent that it completes. */
export function appendLeaf(nodes: NodeReader, size: number, leaf: Uint8Array): MerkleNode[] {
  const added: MerkleNode[] = [{ level: 0, index: size, hash: leaf }];
  let [level, index, current] = [0, size, leaf];
  while (index % 2 === 1) {
    current = nodeHash(nodes(level, index - 1), current);
    level += 1;
    index = (index - 1) / 2;
    added.push({ level, index, hash: current });
  }
  return added;
}

/** MTH over the first `size` leaves. */
export function rootHash(nodes: NodeReader, size: number): Uint8Array {
  return size === 0 ? emptyRoot : rangeHash(nodes, 0, size);
}

/** PATH(leaf, D[size]), from the leaf's sibling upwards. */
export function inclusionProof(nodes: NodeReader, leaf: number, size: number): Uint8Array[] {
  if (!(Number.isSafeInteger(leaf) && Number.isSafeInteger(size) && leaf >= 0 && leaf < size)) {
    throw new KubevidenceError('usage', `a log of ${size} records has no record ${leaf}`);
  }
  const proof: Uint8Array[] = [];
  let [begin, end] = [0, size];
  while (end - begin > 1) {
    const middle = begin + splitOf(end - begin);
    const left = leaf < middle;
    proof.push(left ? rangeHash(nodes, middle, end) : rangeHash(nodes, begin, middle));
    if (left) end = middle;
    else begin = middle;
  }
  return proof.toReversed();
}

/** PROOF(from, D[to]). Empty for equal sizes and for `from` 0. */
export function consistencyProof(nodes: NodeReader, from: number, to: number): Uint8Array[] {
  if (!(Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && from <= to)) {
    throw new KubevidenceError('usage', `there is no consistency proof from ${from} records to ${to}`);
  }
  if (from === 0 || from === to) return [];
  const proof: Uint8Array[] = [];
  let [begin, end] = [0, to];
  let whole = true;
  // `whole`: the old tree covers [begin, ...) from its very start, so its root is known to the verifier and not repeated.
  while (end !== from || begin === 0) {
    const middle = begin + splitOf(end - begin);
    if (from <= middle) {
      proof.push(rangeHash(nodes, middle, end));
      end = middle;
      if (from === middle) break;
    } else {
      proof.push(rangeHash(nodes, begin, middle));
      begin = middle;
      whole = false;
    }
  }
  if (!whole) proof.push(rangeHash(nodes, begin, end));
  return proof.toReversed();
}

/** RFC 9162, section 2.1.3.2. */
export function verifyInclusion(leaf: Uint8Array, index: number, size: number, proof: readonly Uint8Array[], root: Uint8Array): boolean {
  if (!(Number.isSafeInteger(index) && Number.isSafeInteger(size) && index >= 0 && index < size) || leaf.length !== 32) return false;
  let [node, last, current] = [index, size - 1, leaf];
  for (const sibling of proof) {
    if (last === 0 || sibling.length !== 32) return false;
    if (node % 2 === 1 || node === last) {
      current = nodeHash(sibling, current);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      current = nodeHash(current, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && same(current, root);
}

/** RFC 9162, section 2.1.4.2; the empty log is a prefix of every log and needs no proof. */
export function verifyConsistency(
  from: number,
  to: number,
  proof: readonly Uint8Array[],
  fromRoot: Uint8Array,
  toRoot: Uint8Array,
): boolean {
  if (!(Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && from <= to)) return false;
  if (from === to) return proof.length === 0 && same(fromRoot, toRoot);
  if (from === 0) return proof.length === 0 && same(fromRoot, emptyRoot);
  // When `from` is a power of two, its root is itself a node of the new tree and starts the path.
  const path = isPowerOfTwo(from) ? [fromRoot, ...proof] : proof;
  const [first, ...rest] = path;
  if (first === undefined || path.some((hash) => hash.length !== 32)) return false;
  let [node, last] = [from - 1, to - 1];
  while (node % 2 === 1) [node, last] = [half(node), half(last)];
  let [old, current] = [first, first];
  for (const sibling of rest) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      old = nodeHash(sibling, old);
      current = nodeHash(sibling, current);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      current = nodeHash(current, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && same(old, fromRoot) && same(current, toRoot);
}

function rangeHash(nodes: NodeReader, begin: number, end: number): Uint8Array {
  const size = end - begin;
  if (isPowerOfTwo(size) && begin % size === 0) return nodes(Math.log2(size), begin / size);
  const middle = begin + splitOf(size);
  return nodeHash(rangeHash(nodes, begin, middle), rangeHash(nodes, middle, end));
}

/** The largest power of two below `size`. */
function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

function isPowerOfTwo(size: number): boolean {
  let power = 1;
  while (power < size) power *= 2;
  return power === size;
}

const half = (value: number): number => Math.floor(value / 2);
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
