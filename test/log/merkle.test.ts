import { array, assert, nat, property, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  appendLeaf,
  consistencyProof,
  emptyRoot,
  inclusionProof,
  leafHash,
  type MerkleNode,
  nodeHash,
  type NodeReader,
  rootHash,
  verifyConsistency,
  verifyInclusion,
} from '../../src/log/index.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** The leaves and roots that the reference implementation of Certificate Transparency publishes for RFC 6962. */
const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map((text) =>
  Buffer.from(text, 'hex'),
);
const roots = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

function build(records: readonly Uint8Array[]): NodeReader {
  const stored = new Map<string, Uint8Array>();
  const read: NodeReader = (level, index) => {
    const found = stored.get(`${level}/${index}`);
    if (found === undefined) throw new Error(`no node ${level}/${index}`);
    return found;
  };
  for (const [size, record] of records.entries()) {
    for (const { level, index, hash } of appendLeaf(read, size, leafHash(record)) satisfies MerkleNode[]) {
      stored.set(`${level}/${index}`, hash);
    }
  }
  return read;
}

/** RFC 6962, section 2.1, word by word. */
function naiveRoot(records: readonly Uint8Array[]): Uint8Array {
  if (records.length === 0) return emptyRoot;
  if (records.length === 1) return leafHash(records[0] as Uint8Array);
  const k = 2 ** Math.floor(Math.log2(records.length - 1));
  return nodeHash(naiveRoot(records.slice(0, k)), naiveRoot(records.slice(k)));
}
function naivePath(m: number, records: readonly Uint8Array[]): Uint8Array[] {
  if (records.length === 1) return [];
  const k = 2 ** Math.floor(Math.log2(records.length - 1));
  return m < k
    ? [...naivePath(m, records.slice(0, k)), naiveRoot(records.slice(k))]
    : [...naivePath(m - k, records.slice(k)), naiveRoot(records.slice(0, k))];
}
function naiveSubproof(m: number, records: readonly Uint8Array[], known: boolean): Uint8Array[] {
  if (m === records.length) return known ? [] : [naiveRoot(records)];
  const k = 2 ** Math.floor(Math.log2(records.length - 1));
  return m <= k
    ? [...naiveSubproof(m, records.slice(0, k), known), naiveRoot(records.slice(k))]
    : [...naiveSubproof(m - k, records.slice(k), false), naiveRoot(records.slice(0, k))];
}

describe('merkle', () => {
  it('hashes the published RFC 6962 tree', () => {
    expect(hex(emptyRoot)).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    const nodes = build(leaves);
    expect(leaves.map((_, index) => hex(rootHash(nodes, index + 1)))).toEqual(roots);
    expect(inclusionProof(nodes, 5, 8).map(hex)).toEqual([
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ]);
    expect(consistencyProof(nodes, 6, 8).map(hex)).toEqual([
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ]);
  });

  /** Nodes of that tree by their names in its published proofs; the paths are those of the reference implementation's tests. */
  const named = {
    a: '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
    b: '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
    c: '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    d: 'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    first: '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    two: 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  } as const;

  it.each<[number, number, (keyof typeof named)[]]>([
    [0, 1, []],
    [0, 8, ['a', 'b', 'c']],
    [2, 3, ['two']],
    [1, 5, ['first', 'b', 'd']],
  ])('gives the published inclusion proof of leaf %i in %i', (leaf, size, path) => {
    const nodes = build(leaves);
    const proof = path.map((name) => Buffer.from(named[name], 'hex'));
    expect(inclusionProof(nodes, leaf, size).map(hex)).toEqual(proof.map(hex));
    const root = Buffer.from(roots[size - 1] ?? '', 'hex');
    expect(verifyInclusion(leafHash(leaves[leaf] ?? Buffer.of()), leaf, size, proof, root)).toBe(true);
  });

  it.each<[number, number, (keyof typeof named)[]]>([
    [1, 1, []],
    [1, 8, ['a', 'b', 'c']],
    [2, 5, ['b', 'd']],
  ])('gives the published consistency proof from %i to %i', (from, to, path) => {
    const nodes = build(leaves);
    const proof = path.map((name) => Buffer.from(named[name], 'hex'));
    expect(consistencyProof(nodes, from, to).map(hex)).toEqual(proof.map(hex));
    const [old, now] = [roots[from - 1], roots[to - 1]].map((root) => Buffer.from(root ?? '', 'hex'));
    expect(verifyConsistency(from, to, proof, old ?? Buffer.of(), now ?? Buffer.of())).toBe(true);
  });

  it('agrees with the naive reference for every pair of sizes up to 20', () => {
    const records = Array.from({ length: 20 }, (_, index) => Buffer.from(`record ${index}`));
    const nodes = build(records);
    for (let to = 1; to <= records.length; to++) {
      const all = records.slice(0, to);
      for (let from = 0; from <= to; from++) {
        const expected = from === 0 ? [] : naiveSubproof(from, all, true);
        const proof = consistencyProof(nodes, from, to);
        expect(proof.map(hex), `${from} to ${to}`).toEqual(expected.map(hex));
        expect(verifyConsistency(from, to, proof, naiveRoot(all.slice(0, from)), naiveRoot(all)), `${from} to ${to}`).toBe(true);
      }
    }
  });

  it('agrees with the naive reference for random trees, and refuses any other leaf, index, hash or root', () => {
    const records = array(uint8Array({ maxLength: 8 }), { minLength: 1, maxLength: 70 });
    assert(
      property(records, nat(), nat(), (all, a, b) => {
        const nodes = build(all);
        const [index, root] = [a % all.length, naiveRoot(all)];
        const leaf = leafHash(all[index] as Uint8Array);
        const path = inclusionProof(nodes, index, all.length);
        expect(hex(rootHash(nodes, all.length))).toBe(hex(root));
        expect(path.map(hex)).toEqual(naivePath(index, all).map(hex));
        expect(verifyInclusion(leaf, index, all.length, path, root)).toBe(true);
        const flip = (bytes: Uint8Array) => bytes.map((byte, at) => (at === b % 32 ? byte ^ 1 : byte));
        expect(verifyInclusion(flip(leaf), index, all.length, path, root)).toBe(false);
        expect(verifyInclusion(leaf, index, all.length, path, flip(root))).toBe(false);
        expect(verifyInclusion(leaf, index, all.length, [...path, leaf], root)).toBe(false);
        expect(verifyInclusion(leaf, index, all.length, path.slice(0, -1), root)).toBe(path.length === 0);
        for (let at = 0; at < path.length; at++) {
          expect(verifyInclusion(leaf, index, all.length, path.with(at, flip(path[at] as Uint8Array)), root)).toBe(false);
        }
        const from = 1 + (b % all.length);
        const [proof, old] = [consistencyProof(nodes, from, all.length), naiveRoot(all.slice(0, from))];
        expect(verifyConsistency(from, all.length, proof, old, root)).toBe(true);
        expect(verifyConsistency(from, all.length, proof, flip(old), root)).toBe(false);
        expect(verifyConsistency(from, all.length, proof, old, flip(root))).toBe(false);
        expect(verifyConsistency(from, all.length, [...proof, leaf], old, root)).toBe(false);
        for (let at = 0; at < proof.length; at++) {
          expect(verifyConsistency(from, all.length, proof.with(at, flip(proof[at] as Uint8Array)), old, root)).toBe(false);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('takes sizes beyond 32 bits', () => {
    const size = 2 ** 40 + 1;
    const nodes: NodeReader = (level) => leafHash(Buffer.of(level));
    const proof = inclusionProof(nodes, 2 ** 40 - 1, size);
    expect(proof).toHaveLength(41);
    expect(verifyInclusion(leafHash(Buffer.of(0)), 2 ** 40, size, [nodes(40, 0)], rootHash(nodes, size))).toBe(true);
  });

  it.each([
    ['a leaf beyond the log', () => inclusionProof(build(leaves), 8, 8), 'a log of 8 records has no record 8'],
    ['a negative leaf', () => inclusionProof(build(leaves), -1, 8), 'has no record -1'],
    ['a shrinking log', () => consistencyProof(build(leaves), 8, 7), 'from 8 records to 7'],
  ])('refuses %s', (_, act, message) => {
    expect(act).toThrow(message);
  });
});
