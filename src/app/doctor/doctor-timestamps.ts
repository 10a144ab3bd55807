/** What `doctor` says of time-stamps: whether the authority answers with tokens that hold, its clock beside ours, and records without a token. */
import { randomBytes } from 'node:crypto';
import type { LedgerStatus } from '../../ledger/index.ts';
import { clip, KubevidenceError } from '../../model/index.ts';
import type { Config } from '../config.ts';
import type { AppContext } from '../context.ts';
import { askForTimestamp } from '../keys/timestamp-client.ts';
import { skewOf } from '../keys/timestamps.ts';

/** A check of `doctor` that never decides its exit code. */
interface Check {
  readonly state: 'ok' | 'warning' | 'problem';
  readonly what: string;
  readonly detail?: string;
}

/** Asks for a token over random bytes, which is kept nowhere. */
export async function* checkTimestampAuthority(
  { clock }: Pick<AppContext, 'clock'>,
  { timestampAuthority }: Pick<Config, 'timestampAuthority'>,
): AsyncGenerator<Check> {
  if (timestampAuthority === null) {
    yield {
      state: 'warning',
      what: 'no time-stamping authority is configured',
      detail: "all times rest on the collector's clock; name one: signing.timestampAuthority in kubevidence.yaml",
    };
    return;
  }
  const before = clock().getTime();
  try {
    const stamp = await askForTimestamp(timestampAuthority, randomBytes(32));
    // The token was made somewhere between.
    const skew = skewOf(stamp, new Date((before + clock().getTime()) / 2));
    const seconds = Math.round(Math.abs(skew) / 1000);
    const host = clip(new URL(timestampAuthority.url).host, 120);
    yield { state: 'ok', what: `the time-stamping authority ${host} answers: ${stamp.authority}` };
    if (!stamp.established)
      yield {
        state: 'warning',
        what: 'TSA not established: no certificate says whose tokens to expect',
        detail: 'get it from the authority, and name it: signing.timestampAuthority.ca',
      };
    yield seconds > 60
      ? {
          state: 'problem',
          what: `the clock is ${seconds} s ${skew > 0 ? 'behind' : 'ahead of'} the time-stamping authority's`,
          detail: 'times of evidence are doubtful above 60 s: set the clock',
        }
      : { state: 'ok', what: `the clock agrees with the time-stamping authority's within ${Math.max(1, seconds)} s` };
  } catch (error) {
    if (!(error instanceof KubevidenceError)) throw error;
    yield {
      state: 'warning',
      what: error.message,
      detail: `runs go on, and wait for their time-stamp. ${error.next ?? ''}`.trimEnd(),
    };
  }
}

/** Of the records from the log's birth to its last. */
export function* checkTokens({ tokens }: Pick<LedgerStatus, 'tokens'>): Generator<Check> {
  if (tokens.count === 0) return;
  const detail = "until then the collector's clock alone says when they were written";
  for (const { from, to } of tokens.gaps.slice(-3))
    yield { state: 'warning', what: `records dated ${from} and later have no token before ${to}`, detail };
  if (tokens.gaps.length > 3) yield { state: 'warning', what: `and ${tokens.gaps.length - 3} earlier gaps of this kind` };
}
