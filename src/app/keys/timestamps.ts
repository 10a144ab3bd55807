/**
 * When time-stamps are asked for: over the head of the log, once a day after a collect, and over packs. An authority that cannot be reached
 * never stops the work: there is a warning, the gap stays visible, and the next occasion tries again. The ledger is not held meanwhile.
 */
import { createHash } from 'node:crypto';
import { type StoredToken } from '../../ledger/index.ts';
import { clip, type Clock, KubevidenceError } from '../../model/index.ts';
import type { Stamper, Timestamp } from '../../signing/index.ts';
import type { Config } from '../config.ts';
import type { AppContext } from '../context.ts';
import { openLedgerForReading, openLedgerForWriting } from '../open-ledger.ts';
import { askForTimestamp } from './timestamp-client.ts';

type StampContext = Pick<AppContext, 'env' | 'clock' | 'warn'>;

/** A little less than a day, so that a daily run that ends a minute earlier than yesterday's is stamped, too. */
const dailyMs = 23 * 3_600_000;
/** Above this, times of evidence are doubtful. */
const toleratedSkewMs = 60_000;

/** Has the last checkpoint stamped when the last token is a day old or there is none. Warns of what went wrong; throws only defects. */
export async function stampWhenDue(context: StampContext, config: Config): Promise<void> {
  if (config.timestampAuthority === null) return;
  await warnOf(context, async () => {
    const due = readDue(context, config);
    if (due !== null) await stampCheckpoint(context, config, due);
  });
}

/** Stamps a pack: null for what could not be stamped, and one warning; after a failure the authority is not asked again. */
export function createStamper({ clock, warn }: Pick<AppContext, 'clock' | 'warn'>, { timestampAuthority }: Config): Stamper | null {
  if (timestampAuthority === null) return null;
  let hasFailed = false;
  const warned = new Set<string>();
  const warnOnce = (text: string) => {
    if (!warned.has(text)) warn(text);
    warned.add(text);
  };
  return async (data) => {
    if (hasFailed) return null;
    try {
      const stamp = await askForTimestamp(timestampAuthority, sha256(data));
      warnOfSkew({ clock, warn: warnOnce }, stamp);
      return stamp.der;
    } catch (error) {
      hasFailed = true;
      warn(`${sentenceOf(error)}; the pack goes without a time-stamp`);
      return null;
    }
  };
}

/** By how many milliseconds the authority's clock is ahead of ours, beyond what it says of its own accuracy; 0 within it. */
export function skewOf(stamp: Pick<Timestamp, 'time' | 'accuracyMs'>, now: Date): number {
  const difference = Date.parse(stamp.time) - now.getTime();
  return Math.sign(difference) * Math.max(0, Math.abs(difference) - (stamp.accuracyMs ?? 0));
}

interface Head {
  readonly size: number;
  readonly note: string;
}

async function stampCheckpoint(context: StampContext, config: Config, { size, note }: Head): Promise<void> {
  if (config.timestampAuthority === null) return;
  const stamp = await askForTimestamp(config.timestampAuthority, sha256(Buffer.from(note)));
  warnOfSkew(context, stamp);
  const ledger = await openLedgerForWriting(context, config);
  try {
    ledger.recordToken({ size, tsr: stamp.der });
  } finally {
    ledger.close();
  }
}

function readDue({ clock }: { readonly clock: Clock }, { ledgerPath }: Config): Head | null {
  const ledger = openLedgerForReading({ clock }, { ledgerPath });
  try {
    const head = ledger.checkpoint();
    return isDue(ledger.tokens(), head, clock()) ? head : null;
  } finally {
    ledger.close();
  }
}

function isDue(tokens: readonly StoredToken[], head: Head, now: Date): boolean {
  if (tokens.some(({ size }) => size === head.size)) return false;
  return tokens.every(({ at }) => now.getTime() - Date.parse(at) >= dailyMs);
}

async function warnOf({ warn }: Pick<AppContext, 'warn'>, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    warn(`${sentenceOf(error)}; the checkpoint has no time-stamp yet, and the next collect tries again`);
  }
}

function warnOfSkew({ clock, warn }: Pick<AppContext, 'clock' | 'warn'>, stamp: Timestamp): void {
  const skew = skewOf(stamp, clock());
  if (Math.abs(skew) > toleratedSkewMs)
    warn(
      `the clock of this machine is ${Math.round(Math.abs(skew) / 1000)} s ${skew > 0 ? 'behind' : 'ahead of'} the time-stamping authority's`,
    );
}

/** Only what can be expected is a warning. */
function sentenceOf(error: unknown): string {
  if (!(error instanceof KubevidenceError) || error.code === 'defect') throw error;
  return clip(error.message, 400);
}

function sha256(data: Uint8Array): Uint8Array {
  return createHash('sha256').update(data).digest();
}
