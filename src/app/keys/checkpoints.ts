/**
 * Checkpoints for others to keep: signing one now, proving that the log extends an older one, and declaring openly that it does not extend
 * the published one.
 */
import { type Accountable, createPublishedHeads } from '../../ledger/index.ts';
import { type Checkpoint, claimedHead, formatConsistency, openLogCheckpoint } from '../../log/index.ts';
import { KubevidenceError } from '../../model/index.ts';
import type { AppContext } from '../context.ts';
import type { Config } from '../config.ts';
import { checkpointsDirectory } from '../checkpoints-directory.ts';
import { openLedgerForReading, openLedgerForWriting } from '../open-ledger.ts';

export interface SignedHead {
  /** Signed note. */
  readonly note: string;
  readonly size: number;
  /** Of the checkpoint that was given: its size, and the proof that the log extends it (c2sp.org/tlog-witness). */
  readonly extends: { readonly size: number; readonly proof: string } | null;
}

/** The signed head of the log, signed now. Throws `integrity` when the log does not extend `against`. */
export async function signCheckpoint(context: AppContext, config: Config, against?: string): Promise<SignedHead> {
  const ledger = await openLedgerForWriting(context, config);
  try {
    const head = ledger.checkpoint();
    if (against === undefined) return { note: head.note, size: head.size, extends: null };
    const old = openOlder(against, head, ledger.keyHistory());
    const roots = ledger.rootAt(old.size);
    if (Buffer.compare(roots, old.root) !== 0)
      throw new KubevidenceError('integrity', `the log is not the one of that checkpoint: their first ${old.size} records differ`);
    const proof = formatConsistency(old.size, ledger.consistencyProof(old.size, head.size), head.note);
    return { note: head.note, size: head.size, extends: { size: old.size, proof } };
  } finally {
    ledger.close();
  }
}

function openOlder(note: string, head: Checkpoint, keys: Parameters<typeof openLogCheckpoint>[1]): Checkpoint {
  const { size } = claimedHead(note);
  if (size > head.size) {
    throw new KubevidenceError(
      'integrity',
      `the log has ${head.size} records, and that checkpoint covers ${size}: the last ${size - head.size} are gone`,
    );
  }
  return openLogCheckpoint(note, keys);
}

/** The log goes on without what was published, and says so for ever. */
export async function declareRestored(
  context: AppContext,
  config: Config,
  who: Accountable,
): Promise<{ readonly said: string; readonly size: number }> {
  const ledger = await openLedgerForWriting(context, config, { restored: who });
  try {
    return { said: ledger.custody().at(-1) ?? '', size: ledger.checkpoint().size };
  } finally {
    ledger.close();
  }
}

/** The last published checkpoint of the configured ledger; undefined when there is none, or no way to read it. */
export function readPublished(context: Pick<AppContext, 'env' | 'clock'>, config: Config): string | undefined {
  try {
    const ledger = openLedgerForReading(context, config);
    const { genesis } = ledger.status();
    ledger.close();
    return createPublishedHeads(checkpointsDirectory(context, config)).read(genesis.ledger) ?? undefined;
  } catch {
    // Whoever asks has more to say about a ledger that cannot be read.
    return undefined;
  }
}
