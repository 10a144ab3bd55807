/** The time-stamps of a pack: the tokens that the ledger holds up to the frozen checkpoint, and what its report may say of the times. */
import type { Ledger } from '../../ledger/index.ts';
import type { Checkpoint } from '../../log/index.ts';
import type { Instant } from '../../model/index.ts';
import type { PackTimestamps } from '../../packs/index.ts';
import type { ReportInputs } from '../../reporting/index.ts';
import type { Stamper } from '../../signing/index.ts';
import type { Config } from '../config.ts';
import { readTimestampCa } from '../keys/timestamp-client.ts';

export interface FrozenTimes {
  /** Null without an authority and without tokens. */
  readonly inPack: PackTimestamps | null;
  readonly inReport: Pick<ReportInputs, 'timestamped' | 'timestampGaps' | 'authorityUnknown'>;
}

/** So that the pack's own checkpoint has a token, which the ledger keeps. */
export async function stampFrozen(ledger: Ledger, { size, note }: Checkpoint, stamp: Stamper | null): Promise<void> {
  if (stamp === null || ledger.tokens(size).at(-1)?.size === size) return;
  const tsr = await stamp(Buffer.from(note));
  if (tsr !== null) ledger.recordToken({ size, tsr });
}

export function readPackTimestamps(
  ledger: Ledger,
  { timestampAuthority }: Pick<Config, 'timestampAuthority'>,
  frozen: {
    readonly checkpoint: Checkpoint;
    readonly stored: { readonly leaf: number };
    readonly period: { readonly start: Instant; readonly end: Instant };
    readonly stamp: Stamper | null;
  },
): FrozenTimes {
  const { checkpoint, stored, period, stamp } = frozen;
  const all = ledger.tokens(checkpoint.size);
  const isStamped = all.some(({ size }) => size > stored.leaf);
  const gaps = ledger.tokenGaps({ size: checkpoint.size, window: { from: period.start, to: period.end } });
  const ca = readTimestampCa(timestampAuthority);
  const inReport = { timestamped: isStamped, timestampGaps: all.length === 0 ? [] : gaps, authorityUnknown: isStamped && ca === null };
  if (stamp === null && all.length === 0) return { inPack: null, inReport };
  // The last one before the period, too: it covers all that is older.
  const before = all.findLastIndex(({ at }) => at <= period.start);
  const notes = new Map(ledger.checkpoints().map(({ size, note }) => [size, note]));
  const tokens = all.slice(Math.max(0, before)).map(({ size, tsr }) => ({ size, tsr, note: notes.get(size) ?? '' }));
  return { inPack: { stamp, ca, tokens }, inReport };
}
