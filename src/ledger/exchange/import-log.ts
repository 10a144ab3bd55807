/** The log's part of an import: its records with the hashes over them, the checkpoints that sign them, and what stamps those. */
import { appendLeaf, decodeRecord, leafHash, type NodeReader, recordLimit } from '../../log/index.ts';
import { KubevidenceError } from '../../model/index.ts';
import { parseLine, parseRecordLine } from './export-format.ts';
import type { Stores } from '../stores.ts';

/** What takes a file: each line, then its end. */
export interface LineTaker {
  /** Longest line, in bytes. */
  readonly longest: number;
  take(text: string, line: number): void;
  end(): void;
}

/** Told of what a line holds. */
export type Seen<T = number> = (what: T, line: number) => void;

export const nothing = (): void => {};
export const megabyte = 1024 * 1024;

export function takeRecords({ db }: Stores): LineTaker {
  const insert = db.prepare<[number, Uint8Array]>('INSERT INTO log (leaf, bytes) VALUES (?, ?)');
  const insertNode = db.prepare<[number, number, Uint8Array]>('INSERT INTO node (level, position, hash) VALUES (?, ?, ?)');
  // The latest complete subtree of each level is all that the next record needs.
  const frontier: Uint8Array[] = [];
  const latest: NodeReader = (level) => frontier[level] as Uint8Array;
  return {
    longest: 6 * recordLimit,
    take(text, line) {
      const bytes = parseRecordLine(text);
      const read = decodeRecord(bytes);
      if (line === 1 && !(read.known && read.record.type === 'genesis'))
        throw new KubevidenceError('integrity', 'the log does not begin with a genesis record that this version reads');
      insert.run(line - 1, bytes);
      for (const { level, index, hash: node } of appendLeaf(latest, line - 1, leafHash(bytes))) {
        frontier[level] = node;
        if (level > 0) insertNode.run(level, index, node);
      }
    },
    end: nothing,
  };
}

export function takeCheckpoints({ db, log }: Stores, seen: Seen): LineTaker {
  const insert = db.prepare<[number, string]>('INSERT INTO checkpoint (size, note) VALUES (?, ?)');
  let last = 0;
  return {
    longest: 2 * megabyte,
    take(text, line) {
      const { size, note } = parseLine('checkpoint', text);
      insert.run(size, note);
      seen(size, line);
      last = size;
    },
    end() {
      if (last !== log.size())
        throw new KubevidenceError('integrity', `the last checkpoint covers ${last} records, and log.jsonl has ${log.size()}`);
    },
  };
}

export function takeTokens({ db }: Stores, seen: Seen): LineTaker {
  const insert = db.prepare<[number, string, Uint8Array]>('INSERT INTO token (size, at, tsr) VALUES (?, ?, ?)');
  const next = ascending();
  return {
    longest: 2 * megabyte,
    take(text, line) {
      const { size, at, tsr } = parseLine('token', text);
      next(size);
      insert.run(size, at, Buffer.from(tsr, 'base64'));
      seen(size, line);
    },
    end: nothing,
  };
}

/** Throws unless each is greater than the one before. */
export function ascending<T extends number | string = number>(start?: T): (value: T) => void {
  let last: number | string = start ?? -1;
  return (value) => {
    if (value <= last) throw new KubevidenceError('integrity', 'the line is out of order, or is there twice');
    last = value;
  };
}
