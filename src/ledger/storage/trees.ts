/**
 * Trees as git has them: a listing's tree lists its namespaces' trees, a namespace's tree its objects, in (name, uid) order. A tree's id is
 * salted and covers the ids of everything below it: RFC 8785 bytes of a list whose members are `"<id>"` or `["<label>","<id>"]`. What is
 * stored is much less: the internal numbers of the members, as runs of consecutive numbers, or as an edit of the predecessor when that is
 * smaller. A tree equal to its predecessor is its predecessor.
 */
import { canonicalize, KubevidenceError } from '../../model/index.ts';
import type { Db } from './database.ts';
import { drawSalt, idLength, saltedId } from './salted.ts';
import { writeNumber } from './varint.ts';

/** A namespace's tree under its name, or an object, whose label is empty unless its identity does not follow from its body. */
export interface Member {
  readonly ref: number;
  readonly label: string;
}

export interface Tree {
  readonly ref: number;
  readonly id: Buffer;
  readonly salt: Buffer;
  readonly members: readonly Member[];
  /** How many edits it takes to make it from a whole one. */
  readonly depth: number;
}

export interface TreeRow {
  readonly ref: number;
  readonly run: number;
  readonly base: number | null;
  readonly salt: Buffer;
  readonly id: Buffer;
  readonly bytes: Buffer;
}

export interface TreeStore {
  /** Stores a tree in the caller's transaction, or returns `before` when nothing differs. `idOf` gives the id of a member's number. */
  write(run: number, members: readonly Member[], idOf: (ref: number) => Buffer, before?: Tree): Tree;
  read(ref: number): Tree;
  /** The same, for whoever has read trees on which this one may stand, and gives their members. */
  readOn(ref: number, known: (ref: number) => readonly Member[] | undefined): Omit<Tree, 'depth'>;
  /** Of a tree whose members nobody asks for. */
  id(ref: number): Buffer;
  dropRun(run: number): void;
  /** Deletes trees; what stood on them is first written whole. In the caller's transaction. */
  erase(refs: readonly number[]): void;
}

/** Of one tree: more than etcd could hold of anything, and what damaged bytes may make us allocate. */
const mostMembers = 4_000_000;
/** Reading a tree follows at most this many edits. */
const deepest = 64;

export function createTreeStore(db: Db): TreeStore {
  const insert = db.prepare<[number, number | null, Uint8Array, Uint8Array, Uint8Array]>(
    'INSERT INTO tree (run, base, salt, id, bytes) VALUES (?, ?, ?, ?, ?)',
  );
  const selectId = db.prepare<[number], Buffer>('SELECT id FROM tree WHERE ref = ?').pluck();
  const select = db.prepare<[number], TreeRow>('SELECT ref, run, base, salt, id, bytes FROM tree WHERE ref = ?');
  // A tree stands only on earlier ones, so the latest goes first.
  const ofRun = db.prepare<[number], number>('SELECT ref FROM tree WHERE run = ? ORDER BY ref DESC').pluck();
  const remove = db.prepare<[number]>('DELETE FROM tree WHERE ref = ?');
  const standingOn = db.prepare<[number], number>('SELECT ref FROM tree WHERE base = ?').pluck();
  const makeWhole = db.prepare<[Uint8Array, number]>('UPDATE tree SET base = NULL, bytes = ? WHERE ref = ?');

  const row = (ref: number): TreeRow => {
    const found = select.get(ref);
    if (found === undefined) throw new KubevidenceError('integrity', `the ledger lacks tree ${ref}`);
    return found;
  };
  const readOn = (ref: number, known: (ref: number) => readonly Member[] | undefined): Tree => {
    const chain = [row(ref)];
    let members: readonly Member[] = [];
    for (let next = chain[0]?.base ?? null; next !== null; next = chain.at(-1)?.base ?? null) {
      // A tree stands only on earlier ones: a damaged row cannot make us run in circles.
      if (chain.length > deepest || next >= (chain.at(-1)?.ref ?? 0))
        throw new KubevidenceError('integrity', `tree ${ref} stands on itself`);
      const base = known(next);
      if (base !== undefined) {
        members = base;
        break;
      }
      chain.push(row(next));
    }
    for (const { ref: at, bytes } of chain.toReversed()) members = decodeTree(at, bytes, members);
    const { id, salt } = chain[0] as TreeRow;
    return { ref, id, salt, members, depth: chain.length - 1 };
  };
  return {
    write(run, members, idOf, before) {
      if (before !== undefined && sameMembers(before.members, members)) return before;
      const salt = drawSalt();
      const id = saltedId(salt, treeBytes(members, idOf));
      const whole = encodeTree(members);
      const edit = before === undefined || before.depth >= deepest ? undefined : encodeTree(members, before.members);
      const edited = edit !== undefined && before !== undefined && edit.length < whole.length / 2;
      const { lastInsertRowid } = insert.run(run, edited ? before.ref : null, salt, id, edited ? edit : whole);
      return { ref: Number(lastInsertRowid), id, salt, members, depth: edited ? before.depth + 1 : 0 };
    },
    read: (ref) => readOn(ref, () => undefined),
    readOn,
    id: (ref) => selectId.get(ref) ?? row(ref).id,
    dropRun(run) {
      for (const ref of ofRun.all(run)) remove.run(ref);
    },
    erase(refs) {
      const gone = new Set(refs);
      for (const ref of gone) {
        for (const next of standingOn.all(ref)) if (!gone.has(next)) makeWhole.run(encodeTree(this.read(next).members), next);
      }
      for (const ref of refs.toSorted((a, b) => b - a)) remove.run(ref);
    },
  };
}

/** What a tree's id covers, in RFC 8785 form. */
export function treeBytes(members: readonly Member[], idOf: (ref: number) => Buffer): Buffer {
  return members.length > 0 && members.every(({ label }) => label === '') ? listOfIds(members, idOf) : labelled(members, idOf);
}

function labelled(members: readonly Member[], idOf: (ref: number) => Buffer): Buffer {
  const hexOf = ({ ref }: Member) => idOf(ref).toString('hex');
  return Buffer.from(treeText(members, hexOf), 'utf8');
}

/** The same as a text, for whoever has ids in hex. */
export function treeText<T extends Member>(members: readonly T[], hexOf: (member: T) => string): string {
  const texts = members.map((member) => {
    const [id, { label }] = [hexOf(member), member];
    return label === '' ? `"${id}"` : `[${canonicalize(label)},"${id}"]`;
  });
  return `[${texts.join(',')}]`;
}

/** The same; put together without a text for each of the thousands that a namespace may have. */
function listOfIds(members: readonly Member[], idOf: (ref: number) => Buffer): Buffer {
  // For each: quotes, digits, and a comma, or the bracket that ends the list.
  const bytes = Buffer.alloc(1 + members.length * (2 * idLength + 3), ',');
  bytes[0] = 0x5b;
  let at = 1;
  for (const { ref } of members) {
    const id = idOf(ref);
    bytes[at++] = 0x22;
    for (let i = 0; i < idLength; i++) {
      const byte = id[i] as number;
      bytes[at++] = hexDigits[byte >>> 4] as number;
      bytes[at++] = hexDigits[byte & 15] as number;
    }
    bytes[at++] = 0x22;
    at++;
  }
  bytes[at - 1] = 0x5d;
  return bytes;
}

const hexDigits = Buffer.from('0123456789abcdef');

/**
 * Steps, each a number (varint) that holds a count and in its two low bits what it counts: 0 consecutive numbers without labels, 1 members
 * with a label each, 2 members copied from the base. Then the first number or position, then the labels (length, UTF-8).
 */
export function encodeTree(members: readonly Member[], base: readonly Member[] = []): Buffer {
  const out: number[] = [];
  const places = new Map(base.map((member, place) => [keyOf(member), place]));
  let at = 0;
  while (at < members.length) {
    const member = members[at] as Member;
    const place = places.get(keyOf(member));
    let end = at + 1;
    if (place !== undefined) {
      while (end < members.length && sameMember(members[end], base[place + end - at])) end++;
      writeNumber(out, (end - at) * 4 + 2);
      writeNumber(out, place);
    } else {
      const labelled = member.label !== '';
      const fits = (next: Member) => next.ref === member.ref + end - at && (next.label !== '') === labelled && !places.has(keyOf(next));
      while (end < members.length && fits(members[end] as Member)) end++;
      writeNumber(out, (end - at) * 4 + (labelled ? 1 : 0));
      writeNumber(out, member.ref);
      if (labelled) for (const { label } of members.slice(at, end)) writeText(out, label);
    }
    at = end;
  }
  return Buffer.from(out);
}

/** Throws `integrity` for bytes that {@link encodeTree} does not write. */
export function decodeTree(ref: number, bytes: Buffer, base: readonly Member[]): Member[] {
  const members: Member[] = [];
  let at = 0;
  const broken = () => new KubevidenceError('integrity', `tree ${ref} cannot be read`);
  const number = (): number => {
    let [value, scale] = [0, 1];
    for (;;) {
      const byte = bytes[at++];
      if (byte === undefined || scale > 2 ** 49) throw broken();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
  };
  while (at < bytes.length) {
    const head = number();
    const [kind, count, start] = [head % 4, Math.floor(head / 4), number()];
    // Damaged bytes may promise more than memory holds.
    if (count === 0 || kind === 3 || members.length + count > mostMembers) throw broken();
    if (kind === 2) {
      if (start + count > base.length) throw broken();
      for (let i = 0; i < count; i++) members.push(base[start + i] as Member);
      continue;
    }
    for (let i = 0; i < count; i++) {
      let label = '';
      if (kind === 1) {
        const length = number();
        if (length === 0 || at + length > bytes.length) throw broken();
        label = bytes.toString('utf8', at, at + length);
        at += length;
      }
      members.push({ ref: start + i, label });
    }
  }
  return members;
}

function sameMembers(a: readonly Member[], b: readonly Member[]): boolean {
  return a.length === b.length && a.every((member, index) => sameMember(member, b[index]));
}

function sameMember(a: Member | undefined, b: Member | undefined): boolean {
  return a !== undefined && b !== undefined && a.ref === b.ref && a.label === b.label;
}

function keyOf({ ref, label }: Member): number | string {
  return label === '' ? ref : `${ref} ${label}`;
}

function writeText(out: number[], text: string): void {
  const bytes = Buffer.from(text, 'utf8');
  writeNumber(out, bytes.length);
  for (const byte of bytes) out.push(byte);
}
