/**
 * Exceptions as the records tell them: requested, then approved, perhaps revoked, expiring at the time of the request's own record, and over
 * once the cluster's name stands for another cluster, of which nobody accepted anything. What is in force at a moment follows from the records alone, so the ledger and whoever holds a pack come to the same answer. Which item an
 * exception is for stands in a payload.
 */
import type { Instant } from '../model/index.ts';
import type { LogRecord } from './records.ts';

export interface ExceptionState {
  /** `EXC-<n>`. */
  readonly id: string;
  readonly cluster: string;
  readonly control: string;
  readonly expires: Instant;
  /** The leaf and time of each step's record; null for a step that was not taken. */
  readonly requested: ExceptionStep;
  readonly approved: ExceptionStep | null;
  readonly revoked: ExceptionStep | null;
  /** The first after the request. */
  readonly rebound: ExceptionStep | null;
}

export interface ExceptionStep {
  readonly leaf: number;
  readonly at: Instant;
}

export interface ExceptionHistory {
  /** Takes the records in the order of the log; returns what is wrong with this one. */
  take(leaf: number, record: LogRecord): string[];
  /** In the order of the requests. */
  readonly all: ReadonlyMap<string, ExceptionState>;
}

export function createExceptionHistory(): ExceptionHistory {
  const all = new Map<string, ExceptionState>();
  const step = (leaf: number, record: Extract<LogRecord, { type: 'exception-approved' | 'exception-revoked' }>): string[] => {
    const { exception: id, cluster, at, type } = record;
    const state = all.get(id);
    const what = type === 'exception-approved' ? 'approved' : 'revoked';
    if (state === undefined || state.cluster !== cluster) return [`${id} is ${what}, and was never requested for this cluster`];
    if (state.revoked !== null || (what === 'approved' && state.approved !== null)) return [`${id} is ${what} a second time, or too late`];
    all.set(id, { ...state, [what]: { leaf, at } });
    return what === 'approved' && at >= state.expires ? [`${id} is approved after it expired`] : [];
  };
  const rebind = (leaf: number, { cluster, at }: LogRecord & { readonly type: 'cluster-rebound' }): void => {
    for (const [id, state] of all)
      if (state.cluster === cluster && state.rebound === null) all.set(id, { ...state, rebound: { leaf, at } });
  };
  return {
    all,
    take(leaf, record) {
      if (record.type === 'exception-approved' || record.type === 'exception-revoked') return step(leaf, record);
      if (record.type === 'cluster-rebound') rebind(leaf, record);
      if (record.type !== 'exception-requested') return [];
      const { exception: id, cluster, control, expires, at } = record;
      const expected = `EXC-${all.size + 1}`;
      const twice = all.has(id);
      if (!twice) all.set(id, { id, cluster, control, expires, requested: { leaf, at }, approved: null, revoked: null, rebound: null });
      return id === expected ? [] : [`${id} is requested where ${expected} follows: one between is missing, or it is there twice`];
    },
  };
}

/** Unapproved, expired and revoked exceptions have no effect, nor those of the cluster that the name stood for before. */
export function isInForce({ approved, revoked, rebound, expires }: ExceptionState, at: Instant): boolean {
  return approved !== null && approved.at <= at && at < expires && [revoked, rebound].every((end) => end === null || at < end.at);
}

/** Two spellings of one name are one person; nothing here can tell that one person has two names. */
export function isSamePerson(a: string, b: string): boolean {
  const plain = (name: string) => name.normalize('NFKC').trim().replace(/\s+/gu, ' ').toLowerCase();
  return plain(a) === plain(b);
}
