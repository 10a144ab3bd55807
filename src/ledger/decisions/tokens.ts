/**
 * Time-stamp tokens (RFC 3161) over checkpoints: each proves that the records of its checkpoint existed by then. What is stored held when
 * it was stored, over the note of a checkpoint of this log, in the one form of signing/timestamp. Records that no token covers in time stay
 * visible as a gap. Whether the authority is one to believe is not known here: that takes a certificate from outside.
 */
import { type TokenGap, tokenGaps } from '../../log/index.ts';
import { type Instant, KubevidenceError } from '../../model/index.ts';
import { verifyTimestamp } from '../../signing/index.ts';
import type { Findings } from './findings.ts';
import type { Stores } from '../stores.ts';

export interface StoredToken {
  /** Of the checkpoint that was stamped. */
  readonly size: number;
  /** What the authority says. */
  readonly at: Instant;
  /** TimeStampResp, DER. */
  readonly tsr: Uint8Array;
}

export interface Tokens {
  /** Throws `integrity` for a token that is not over the stored checkpoint of that size. A size is stamped once: the first token stays. */
  recordToken(token: Pick<StoredToken, 'size' | 'tsr'>): StoredToken;
  /** By size; up to one. */
  tokens(size?: number): StoredToken[];
  /**
   * Records, up to a size of the log, that no token covers within a day of what they say. Of those that no token covers at all it is looked
   * from the last one, whose time the gap then ends with. `window`: only records that are dated inside it; half-open.
   */
  tokenGaps(options?: { readonly size?: number; readonly window?: TokenGap }): TokenGap[];
}

export function createTokens({ db }: Pick<Stores, 'db'>): Tokens {
  const noteOf = db.prepare<[number], string>('SELECT note FROM checkpoint WHERE size = ?').pluck();
  const insert = db.prepare<[number, string, Uint8Array]>('INSERT INTO token (size, at, tsr) VALUES (?, ?, ?)');
  const timesOf = db
    .prepare<[number], string | null>("SELECT json_extract(CAST(bytes AS TEXT), '$.at') FROM log WHERE leaf < ? ORDER BY leaf")
    .pluck();
  const upTo = db.prepare<[number], StoredToken>('SELECT size, at, tsr FROM token WHERE size <= ? ORDER BY size');
  return {
    recordToken({ size, tsr }) {
      const note = noteOf.get(size);
      const { timestamp, problems } = verifyTimestamp(tsr, Buffer.from(note ?? ''), { anchors: null });
      if (note === undefined || timestamp === null)
        throw new KubevidenceError('integrity', `the token is not over a checkpoint of size ${size}: ${problems[0] ?? 'there is none'}`);
      return db
        .transaction(() => {
          const known = upTo.all(size).at(-1);
          if (known?.size === size) return known;
          insert.run(size, timestamp.time, tsr);
          return { size, at: timestamp.time, tsr };
        })
        .immediate();
    },
    tokens: (size = Number.MAX_SAFE_INTEGER) => upTo.all(size),
    tokenGaps({ size = Number.MAX_SAFE_INTEGER, window } = {}) {
      const times = timesOf.all(size);
      const tokens = upTo.all(size).map((token) => ({ size: token.size, time: token.at }));
      return tokenGaps(tokens, times, { until: times.at(-1) ?? '', ...(window !== undefined && { window }) });
    },
  };
}

/** Every stored token against the checkpoint that it names. `authorities`: certificates that one must lead to, DER; null for none. */
export function checkTokens(
  { db }: Pick<Stores, 'db'>,
  { counts, problem, notice }: Findings,
  authorities: readonly Uint8Array[] | null = null,
): void {
  const names = new Set<string>();
  const rows = db.prepare<[], StoredToken & { note: string | null }>(
    'SELECT token.size, at, tsr, note FROM token LEFT JOIN checkpoint ON checkpoint.size = token.size ORDER BY token.size',
  );
  for (const { size, at, tsr, note } of rows.iterate()) {
    counts.tokens += 1;
    const { timestamp, problems } = verifyTimestamp(tsr, Buffer.from(note ?? ''), { anchors: authorities });
    if (timestamp !== null) names.add(timestamp.authority);
    for (const each of problems) problem(`the token of the checkpoint at size ${size}: ${each}`);
    if (timestamp !== null && timestamp.time !== at)
      problem(`the token of the checkpoint at size ${size} is filed under ${at}, and says ${timestamp.time}`);
  }
  if (names.size > 0 && authorities === null)
    notice(`the time-stamp tokens are of ${[...names].slice(0, 3).join(' and ')}: whether that is who it says, only its certificate tells`);
}
