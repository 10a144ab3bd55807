/**
 * What the ledger says of itself, stored with each run as one more exhibit: the runs of the schedule since the last one that read
 * anything, and the exceptions. Without names and reasons, which stand in the ledger alone. The composition root makes the objects.
 */
import type { Collector, ListingKind, RawObject, RunSummary } from '../model/index.ts';
import { decodeNothing } from './decode.ts';
import { ownApiVersion } from './listing.ts';

export const ledgerRuns: ListingKind = 'kubevidence.ledger/runs';
export const ledgerExceptions: ListingKind = 'kubevidence.ledger/exceptions';

/** `holdsSeconds`: how long what the run read holds, at least; null where it read nothing, and for the run that stores this. */
export function runObject(run: RunSummary, status: RunSummary['status'], holdsSeconds: number | null): RawObject {
  const { number, uuid, kind: trigger, slot, startedAt, endedAt, observedAt, error } = run;
  return {
    apiVersion: ownApiVersion,
    kind: 'Run',
    metadata: { name: String(number), uid: uuid },
    number,
    trigger,
    status,
    slot,
    startedAt,
    endedAt,
    observedAt,
    holdsSeconds,
    // Of a missed slot our own words; of other runs it may be anybody's.
    note: status === 'missed' ? error : null,
  };
}

export interface ExceptionFacts {
  readonly id: string;
  readonly control: string;
  readonly requestedAt: string;
  readonly expires: string;
  readonly approvedAt: string | null;
  /** Null while it is not approved, or where a name was erased. */
  readonly approvedByAnother: boolean | null;
  readonly revokedAt: string | null;
}

export function exceptionObject({ id, ...facts }: ExceptionFacts): RawObject {
  return { apiVersion: ownApiVersion, kind: 'Exception', metadata: { name: id }, ...facts };
}

export const ledger: Collector = {
  kind: 'kubevidence.ledger',
  version: 1,
  title: 'Runs and exceptions in the ledger',
  listings: [
    {
      kind: ledgerRuns,
      needs: [],
      withoutIt: 'whether the scheduled runs succeeded is unknown',
      requests: () => [],
      decode: decodeNothing,
      keep: ['number', 'trigger', 'status', 'slot', 'startedAt', 'endedAt', 'observedAt', 'holdsSeconds', 'note'],
      assurance: 'observed',
    },
    {
      kind: ledgerExceptions,
      needs: [],
      withoutIt: 'whether the exceptions are approved by another person is unknown',
      requests: () => [],
      decode: decodeNothing,
      keep: ['control', 'requestedAt', 'expires', 'approvedAt', 'approvedByAnother', 'revokedAt'],
      assurance: 'observed',
    },
  ],
};
