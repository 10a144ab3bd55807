/** What could not be read, and why: an entry of the document's `unread`, once per topic and path. */
import { clip } from '../../model/index.ts';
import type { Failure } from './root.ts';

export interface UnreadEntry {
  /** A file's role, or `programs`, or `files`. */
  readonly what: string;
  readonly path: string;
  readonly reason: Failure['reason'];
  readonly detail: string;
}

export type Unread = (what: string, path: string, failure: Failure) => void;

export function createUnread(before: readonly UnreadEntry[] = []): { readonly add: Unread; readonly entries: readonly UnreadEntry[] } {
  const entries = [...before];
  const seen = new Set(entries.map(({ what, path }) => JSON.stringify([what, path])));
  return {
    entries,
    add(what, path, { reason, detail }) {
      const key = JSON.stringify([what, path]);
      if (seen.has(key)) return;
      seen.add(key);
      entries.push({ what, path, reason, detail: clip(detail, 300) });
    },
  };
}
