/**
 * What a reader of the ledger must know of its keeping, in sentences: that it was restored over a published checkpoint, that a key was
 * replaced or revoked. They come from the log, so nobody can keep them from whoever verifies it.
 */
import { keyIdIn } from './log-keys.ts';
import type { LogRecord } from './records.ts';

/** None for records that say nothing about the keeping. */
export function describeCustody(leaf: number, record: LogRecord): string[] {
  switch (record.type) {
    case 'ledger-restored': {
      const { published, kept } = record;
      const what =
        published.size > kept.size
          ? `its last published checkpoint covered ${published.size} records (root ${published.root}), and it went on from ${kept.size} (root ${kept.root}): what the last ${published.size - kept.size} said is lost to it`
          : `its first ${published.size} records are not those of its last published checkpoint (root ${published.root}); it went on from ${kept.size} (root ${kept.root})`;
      return [`the log was restored at ${record.at} (record ${leaf}): ${what}`];
    }
    case 'key-rotated':
      return [`the log key ${keyIdIn(record.oldKey)} was replaced by ${keyIdIn(record.newKey)} at ${record.at} (record ${leaf})`];
    case 'key-revoked': {
      const key = record.what === 'log' ? keyIdIn(record.key) : record.key;
      return [`the ${record.what} key ${key} was revoked at ${record.at}, with effect from ${record.from} (record ${leaf})`];
    }
    default:
      return [];
  }
}
