/**
 * How long what kind of thing is kept at least: evidence from when it was last in a snapshot, assessments from when they were made, and
 * payloads that name people from when what they speak of was last in effect (HIPAA 164.316(b)(2)(i): six years from creation or from when
 * last in effect, whichever is later). Nothing is erased because its time is over; only then it may be.
 */
import { allDefinitions, decodeRecord } from '../../log/index.ts';
import { at, type Instant, isObject, type Json, type JsonObject, listAt } from '../../model/index.ts';
import { isCovered, observedAt, readHolds } from './holds.ts';
import type { Stores } from '../stores.ts';

export interface Period {
  readonly years: number;
  readonly days: number;
}

export interface RetentionPolicy {
  readonly evidence: Period;
  readonly assessments: Period;
  readonly people: Period;
}

const sixYears: Period = { years: 6, days: 0 };
export const defaultRetention: RetentionPolicy = { evidence: sixYears, assessments: sixYears, people: sixYears };

/** What may be erased: its retention is over and no hold covers it. */
export interface RetentionStatus {
  /** Records of runs whose evidence may go, beginning with the oldest. */
  readonly runs: readonly { readonly cluster: string; readonly run: number; readonly leaf: number; readonly observedAt: Instant }[];
  /** Leaves of records. */
  readonly assessments: readonly number[];
  readonly people: readonly number[];
  /** How many of either kind would be there, but for a hold. */
  readonly held: number;
  /** When the first of what is kept now may go; null when there is nothing. */
  readonly next: Instant | null;
}

/** The first instant at which it need not be kept any more. On 29 February plus years: 1 March. */
export function addPeriod(at: Instant, { years, days }: Period): Instant {
  const time = new Date(at);
  time.setUTCFullYear(time.getUTCFullYear() + years);
  time.setUTCDate(time.getUTCDate() + days);
  return time.toISOString();
}

/** A record whose payload names people: until when what it says was in effect, or null while it still is. */
export interface People {
  readonly leaf: number;
  readonly at: Instant;
  readonly until: Instant | null;
  /** What the next run is compared with, or judged by: it cannot be taken out of a ledger that goes on. */
  readonly needed: boolean;
}

export function readPeople({ db, log, payloads }: Stores): People[] {
  const people: People[] = [];
  const add = (leaf: number, at: Instant, until: Instant | null, needed = false) => people.push({ leaf, at, until, needed });
  const superseded = new Map<string, Instant>();
  const changes = log.find('definition-changed').toReversed();
  const inForce = new Set(namesIn(payloads.read(changes.find(({ record }) => record.what === allDefinitions)?.leaf ?? -1)?.[0]?.value));
  for (const { leaf, record } of changes) {
    const { what, at } = record;
    // The record that closes a change holds the texts of controls: one that is still in force is in effect with all of it.
    const texts = Object.keys(objectAt(payloads.read(leaf)?.[0]?.value, 'texts'));
    const needed = what === allDefinitions && (!superseded.has(what) || texts.some((digest) => inForce.has(digest)));
    add(leaf, at, needed ? null : record.newDigest === null ? at : (superseded.get(what) ?? null), needed);
    superseded.set(what, at);
  }
  const changed = changes.filter(({ record }) => record.what === allDefinitions).toReversed();
  for (const { leaf, record } of log.find('definition-explained'))
    add(leaf, record.at, changed.find((later) => later.leaf > record.change)?.record.at ?? null);
  const released = new Map(log.find('hold-released').map(({ record }) => [record.hold, record.at]));
  for (const { leaf, record } of log.find('hold-placed')) add(leaf, record.at, released.get(record.hold) ?? null);
  const revoked = new Map(log.find('exception-revoked').map(({ record }) => [record.exception, record.at]));
  const ends = new Map<string, Instant>();
  for (const { leaf, record } of log.find('exception-requested')) {
    const end = [record.expires, revoked.get(record.exception) ?? record.expires].toSorted()[0] ?? record.expires;
    ends.set(record.exception, end);
    add(leaf, record.at, end);
  }
  for (const { leaf, record } of log.find('exception-approved')) add(leaf, record.at, ends.get(record.exception) ?? record.at);
  for (const type of ['definition-approved', 'exception-revoked', 'hold-released', 'payload-erased'] as const)
    for (const { leaf, record } of log.find(type)) add(leaf, record.at, record.at);
  // A review is in effect until the next one of its cluster.
  const next = new Map<string, Instant>();
  for (const { leaf, record } of log.find('access-reviewed').toSorted((a, b) => b.leaf - a.leaf)) {
    add(leaf, record.at, next.get(record.cluster) ?? null);
    next.set(record.cluster, record.at);
  }
  // Of any other kind nobody can say that it is over: the organization's name, who changed a key.
  const known = new Set(people.map(({ leaf }) => leaf));
  const others = db.prepare<[], { leaf: number; bytes: Buffer }>(
    `SELECT leaf, bytes FROM log WHERE leaf IN (SELECT leaf FROM payload)
       AND type NOT IN ('run-ended', 'assessed', 'definition-changed', 'hold-placed', 'hold-released', 'payload-erased')`,
  );
  for (const { leaf, bytes } of others.all()) {
    const read = known.has(leaf) ? undefined : decodeRecord(bytes);
    if (read?.known === true) add(leaf, read.record.at, null);
  }
  return people.toSorted((a, b) => a.leaf - b.leaf);
}

/** Digests that the list of all definitions names. */
function namesIn(details: Json | undefined): string[] {
  return listAt(details, 'list').flatMap((entry) => (Array.isArray(entry) && typeof entry[1] === 'string' ? [entry[1]] : []));
}

function objectAt(value: Json | undefined, name: string): JsonObject {
  const found = at(value, name);
  return isObject(found) ? found : {};
}

export function readRetention(stores: Stores, policy: RetentionPolicy, now: Instant): RetentionStatus {
  const { db, log, runs } = stores;
  const gone = new Set(db.prepare<[], number>('SELECT leaf FROM payload WHERE length(bytes) = 0').pluck().all());
  const summaries = new Map(runs.all().map((run) => [run.leaf, run]));
  const observed = new Map([...summaries.values()].map((run) => [`${run.number} ${run.cluster}`, observedAt(run)]));
  const holds = readHolds(stores).filter(({ released }) => released === null);
  let [held, next] = [0, null as Instant | null];
  const isOver = (end: Instant, item: Parameters<typeof isCovered>[1]): boolean => {
    if (end > now) {
      if (next === null || end < next) next = end;
      return false;
    }
    const free = !holds.some((hold) => isCovered(hold, item));
    if (!free) held++;
    return free;
  };
  const oldRuns = log.find('run-ended').flatMap(({ leaf, record }) => {
    const summary = summaries.get(leaf);
    if (summary === undefined || record.snapshot === null || gone.has(leaf)) return [];
    const { cluster, run } = record;
    const at = observedAt(summary);
    return isOver(addPeriod(at, policy.evidence), { cluster, run, at }) ? [{ cluster, run, leaf, observedAt: at }] : [];
  });
  const assessments = log.find('assessed').flatMap(({ leaf, record: { cluster, run, at } }) => {
    if (gone.has(leaf)) return [];
    return isOver(addPeriod(at, policy.assessments), { cluster, run, at: observed.get(`${run} ${cluster}`) ?? at }) ? [leaf] : [];
  });
  const people = readPeople(stores).flatMap(({ leaf, at, until }) => {
    if (until === null || gone.has(leaf)) return [];
    return isOver(addPeriod(until, policy.people), { cluster: null, run: null, at }) ? [leaf] : [];
  });
  return { runs: oldRuns, assessments, people, held, next };
}
