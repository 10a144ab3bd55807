/**
 * The files of a pack while it is made: each is handed on as it comes, and what stays is its line in the manifest. So a pack may be larger
 * than memory.
 */
import { hash } from 'node:crypto';

/** Where the files go. A file may be written again: then its last bytes hold. */
export interface PackSink {
  write(path: string, bytes: Uint8Array): void;
}

export interface PackedFile {
  /** Lower-case hex. */
  readonly sha256: string;
  readonly size: number;
}

export interface PackedFiles {
  put(path: string, bytes: Uint8Array): void;
  /** By path. */
  readonly lines: ReadonlyMap<string, PackedFile>;
}

export function openPackedFiles(sink: PackSink): PackedFiles {
  const lines = new Map<string, PackedFile>();
  return {
    lines,
    put(path, bytes) {
      sink.write(path, bytes);
      lines.set(path, { sha256: hash('sha256', bytes), size: bytes.length });
    },
  };
}
