/**
 * What a reader of the ledger must know of its keeping, in sentences: that it was restored over a published checkpoint, that a key was
 * replaced or revoked, that a name stands for another cluster than before. They come from the log, so nobody can keep them from whoever verifies it.
 */
import { visible } from '../model/index.ts';
import { keyIdIn } from './log-keys.ts';
import { claimedHead } from './note.ts';
import type { LogRecord, RecordOf } from './records.ts';

/**
 * What a checkpoint may come to cover later: a run is announced before anything is asked of the cluster, and signed when it ends. All other
 * records, its end too, are signed in the transaction that writes them: nobody without the key can slip in one that means anything.
 */
export const signedLater: ReadonlySet<string> = new Set<LogRecord['type']>(['run-planned']);

/** Says of any other record behind the last checkpoint what that means. */
export function describeUnsigned(leaf: number, type: string): string {
  return `record ${leaf} (${visible(type)}) is signed by no checkpoint, and a record of this type is signed when it is written: somebody without the key added it`;
}

/** What is wrong with the declaration itself, given the root of the records before it. Who signed the published note may be unknown. */
export function problemsOfRestored(leaf: number, { published, kept }: RecordOf<'ledger-restored'>, root: Uint8Array): string[] {
  const problems: string[] = [];
  if (kept.size !== leaf || kept.root !== Buffer.from(root).toString('base64'))
    problems.push(`record ${leaf} declares another log restored than the one that it is in`);
  if (!holds(published)) problems.push(`record ${leaf} says something else of the published checkpoint than the checkpoint that it quotes`);
  return problems;
}

function holds({ size, root, note }: RecordOf<'ledger-restored'>['published']): boolean {
  try {
    const head = claimedHead(note);
    return head.size === size && Buffer.from(head.root).toString('base64') === root;
  } catch {
    return false;
  }
}

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
    case 'cluster-rebound':
      return [
        `${visible(record.cluster)} stands for another cluster since ${record.at} (record ${leaf}): its kube-system UID is ${visible(record.to)}, and was ${visible(record.from)}`,
      ];
    default:
      return [];
  }
}
