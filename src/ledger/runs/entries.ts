/**
 * What is remembered of each object of a listing until it ends: who it is and where it is stored. 100,000 of them as JavaScript objects would
 * be most of what lives in the heap, and the collector keeps several times that as room to grow; here their texts lie in buffers beside it.
 */

export interface EntryText {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly file: string;
  /** See identity.ts. */
  readonly label: string;
  /** By which the next run finds it; see reuse.ts. */
  readonly key: string;
  readonly resourceVersion: string | null;
}

export interface Entry extends EntryText {
  readonly index: number;
  /** The object's number; 0 until it is stored. */
  readonly ref: number;
}

export interface Entries {
  readonly size: number;
  /** Returns its index; they count from 0. */
  add(text: EntryText, ref: number): number;
  store(index: number, ref: number): void;
  /** In no order that means anything. */
  all(): Iterable<Entry>;
  /** Sorted. */
  namespaces(): string[];
  /** Of one namespace, by (name, uid, file). */
  inNamespace(namespace: string): Entry[];
}

const chunkBytes = 1024 * 1024;
/** UTF-8 of a UTF-16 code unit takes at most so many bytes. */
const widest = 3;

export function createEntries(): Entries {
  const chunks: Buffer[] = [];
  const byNamespace = new Map<string, number[]>();
  let used = chunkBytes;
  let size = 0;
  /** For each entry its chunk, where in it the text starts and ends, and its ref. */
  let columns = new Float64Array(4 * 1024);

  const get = (namespace: string, index: number): Entry => {
    const [chunk = 0, start, end, ref = 0] = columns.subarray(index * 4, index * 4 + 4);
    const text = (chunks[chunk] as Buffer).toString('utf8', start, end);
    const [name, uid, file, label, key, resourceVersion] = JSON.parse(text) as [string, string, string, string, string, string | null];
    return { index, namespace, name, uid, file, label, key: key === '' ? uid : key, resourceVersion, ref };
  };
  return {
    get size() {
      return size;
    },
    add({ namespace, name, uid, file, label, key, resourceVersion }, ref) {
      const text = JSON.stringify([name, uid, file, label, key === uid ? '' : key, resourceVersion]);
      const room = text.length * widest;
      if (used + room > (chunks.at(-1)?.length ?? 0)) {
        chunks.push(Buffer.allocUnsafe(Math.max(chunkBytes, room)));
        used = 0;
      }
      const start = used;
      used += chunks.at(-1)?.write(text, start) ?? 0;
      if (size * 4 === columns.length) {
        const longer = new Float64Array(columns.length * 2);
        longer.set(columns);
        columns = longer;
      }
      columns.set([chunks.length - 1, start, used, ref], size * 4);
      const together = byNamespace.get(namespace);
      // A part of a page's text would keep the whole of it.
      if (together === undefined) byNamespace.set(JSON.parse(JSON.stringify(namespace)) as string, [size]);
      else together.push(size);
      return size++;
    },
    store(index, ref) {
      columns[index * 4 + 3] = ref;
    },
    *all() {
      for (const [namespace, indexes] of byNamespace) for (const index of indexes) yield get(namespace, index);
    },
    namespaces: () => [...byNamespace.keys()].sort(order),
    inNamespace: (namespace) =>
      (byNamespace.get(namespace) ?? [])
        .map((index) => get(namespace, index))
        .sort((a, b) => order(a.name, b.name) || order(a.uid, b.uid) || order(a.file, b.file)),
  };
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
