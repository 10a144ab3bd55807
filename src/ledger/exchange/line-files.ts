/**
 * Files of lines, written and read a megabyte at a time. A written file is on the disk when it is finished. What is read is hostile: no
 * line is longer than its limit, every line ends in a line feed and is UTF-8, and only regular files are opened.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { KubevidenceError, visible } from '../../model/index.ts';
import { guardFile } from '../storage/new-file.ts';

export interface LineWriter {
  /** A line without its line feed. */
  write(line: string): void;
  /** Returns the number of lines. */
  finish(): number;
  /** Does nothing after the first time. */
  close(): void;
}

export interface TextLine {
  readonly text: string;
  /** Counts from 1. */
  readonly line: number;
}

const chunkSize = 1024 * 1024;

/** Makes a new file of mode 0600. */
export function openLines(path: string): LineWriter {
  const file = openSync(path, 'wx', 0o600);
  let open = true;
  let count = 0;
  let pending: string[] = [];
  let length = 0;
  const flush = () => {
    const bytes = Buffer.from(pending.join(''), 'utf8');
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    pending = [];
    length = 0;
  };
  return {
    write(line) {
      pending.push(line, '\n');
      length += line.length;
      count++;
      if (length >= chunkSize) flush();
    },
    finish() {
      flush();
      fsyncSync(file);
      return count;
    },
    close() {
      if (open) closeSync(file);
      open = false;
    },
  };
}

/** Throws `input`, naming file and line, for what is no such file. */
export function* readLines(path: string, longest: number): Generator<TextLine, void, void> {
  const file = openRegular(path);
  try {
    const chunk = Buffer.alloc(chunkSize);
    let parts: Buffer[] = [];
    let length = 0;
    let line = 1;
    const fail = (message: string) => new KubevidenceError('input', message, { place: { file: path, line } });
    for (let read = readSome(path, file, chunk); read > 0; read = readSome(path, file, chunk)) {
      for (let start = 0; start < read; ) {
        const end = chunk.subarray(0, read).indexOf(10, start);
        const part = chunk.subarray(start, end < 0 ? read : end);
        length += part.length;
        if (length > longest) throw fail(`the line is longer than ${longest} bytes`);
        if (end < 0) {
          parts.push(Buffer.from(part));
          break;
        }
        const whole = parts.length === 0 ? part : Buffer.concat([...parts, part]);
        if (!isUtf8(whole)) throw fail('the line is not UTF-8');
        yield { text: whole.toString(isAscii(whole) ? 'latin1' : 'utf8'), line };
        [parts, length, line, start] = [[], 0, line + 1, end + 1];
      }
    }
    if (length > 0) throw fail('the line has no end: the file was cut off');
  } finally {
    closeSync(file);
  }
}

function openRegular(path: string): number {
  // Without O_NONBLOCK, opening a named pipe would wait for somebody who writes it.
  const file = guardFile(path, () => {
    try {
      return openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
      throw new KubevidenceError('input', `${visible(path)} is missing`, { place: { file: path }, cause });
    }
  });
  if (fstatSync(file).isFile()) return file;
  closeSync(file);
  throw new KubevidenceError('input', `${visible(path)} is no regular file`, { place: { file: path } });
}

function readSome(path: string, file: number, chunk: Buffer): number {
  return guardFile(path, () => readSync(file, chunk));
}
