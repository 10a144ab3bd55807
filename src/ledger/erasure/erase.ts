/**
 * Erasure: asked for by one person and approved by another, recorded, and then real. The record and the deletion are one transaction, so
 * neither exists without the other. Then the file is written anew without its free pages and the journal emptied, so that no byte of what is
 * gone is left in them; until that is done the ledger remembers that it is not, and whoever opens it for writing next does it. Ids stay, and
 * every proof still holds.
 */
import { type ErasableClass, isSamePerson, recordLimit, type RecordOf } from '../../log/index.ts';
import { at, type Instant, type Json, KubevidenceError, textAt } from '../../model/index.ts';
import { objectCount } from '../storage/blocks.ts';
import type { Db } from '../storage/database.ts';
import { type ErasurePlan, type ErasureRequest, type ErasureTarget, planErasure } from './erasure-plan.ts';
import { matches, nameForm } from './erasure-search.ts';
import { salted } from '../storage/payloads.ts';
import type { RetentionPolicy, RetentionStatus } from './retention.ts';
import { readRetention } from './retention.ts';
import { reuseDigest } from '../runs/reuse.ts';
import { reusableDigest, storedRun } from '../runs/run-writer.ts';
import type { Stores } from '../stores.ts';

export interface ErasureOrder {
  readonly legalBasis: string;
  readonly requester: string;
  readonly approver: string;
  /** The legal basis goes before the retention. Nothing goes before a hold. */
  readonly overrideRetention: boolean;
}

export interface ErasureReport {
  readonly plan: ErasurePlan;
  /** Leaves of the records of this erasure. */
  readonly records: readonly number[];
  /** False: a reader, or a full disk, was in the way; the next opening for writing does what is left. */
  readonly swept: boolean;
}

/** What the log says of one erasure. */
export interface Erasure {
  readonly leaf: number;
  readonly at: Instant;
  readonly cluster: string | null;
  readonly class: ErasableClass;
  readonly kind: string | null;
  readonly ids: readonly string[];
  /** Null where this was erased in its turn. */
  readonly legalBasis: string | null;
  readonly requester: string | null;
  readonly approver: string | null;
  readonly overrideRetention: boolean;
}

export interface Erasures {
  planErasure(request: ErasureRequest, policy: RetentionPolicy): ErasurePlan;
  /** All or nothing. Throws `usage` when a rule forbids it, or when there is nothing to erase. */
  erase(request: ErasureRequest, policy: RetentionPolicy, order: ErasureOrder): ErasureReport;
  /** In the order of the log. */
  erasures(): Erasure[];
  retention(policy: RetentionPolicy): RetentionStatus;
  /** Whether the file was written anew after the last erasure. */
  isSwept(): boolean;
}

/** 64 hex digits, quotes and a comma each; half of the room is left to the rest. */
const idsPerRecord = Math.floor(recordLimit / 2 / 67);

/** `commit` runs one transaction, and signs in it where there is a key. */
export function createErasures(stores: Stores, now: () => Instant, commit: <T>(act: () => T) => T): Erasures {
  return {
    planErasure: (request, policy) => planErasure(stores, request, policy, now()),
    retention: (policy) => readRetention(stores, policy, now()),
    erasures: () => readErasures(stores),
    isSwept: () => countUnswept(stores.db) === 0,
    erase(request, policy, order) {
      requireOrder(order, request.persons);
      const { db, objects } = stores;
      // What is deleted is overwritten in its page at once, also when the file cannot be written anew below.
      db.pragma('secure_delete = ON');
      try {
        const done = commit(() => {
          const plan = planErasure(stores, request, policy, now());
          requirePermission(plan.targets, order, now());
          return { plan, records: destroy(stores, request, plan, order, now()) };
        });
        return { ...done, swept: sweep(db) };
      } finally {
        objects.forget();
      }
    },
  };
}

/** Does what an erasure left to do; whether anything is left still. Outside of any transaction. */
export function sweep(db: Db): boolean {
  if (countUnswept(db) === 0) return true;
  try {
    db.exec('VACUUM');
    if (!truncateJournal(db)) return false;
    db.exec('DELETE FROM unswept');
    return true;
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (typeof code === 'string' && /^SQLITE_(FULL|BUSY|IOERR|CANTOPEN)/.test(code)) return false;
    throw error;
  }
}

export function readErasures({ log, payloads }: Stores): Erasure[] {
  return log
    .find('payload-erased')
    .map(({ leaf, record }) => {
      const details = payloads.read(leaf)?.[0]?.value;
      const said = (name: string) => (details === undefined ? null : (textAt(details, name) ?? null));
      return {
        leaf,
        at: record.at,
        cluster: record.cluster,
        class: record.class,
        kind: record.kind,
        ids: record.ids,
        legalBasis: said('legalBasis'),
        requester: said('requester'),
        approver: said('approver'),
        overrideRetention: at(details, 'overrideRetention') === true,
      };
    })
    .sort((a, b) => a.leaf - b.leaf);
}

function countUnswept(db: Db): number {
  return db.prepare<[], number>('SELECT count(*) FROM unswept').pluck().get() ?? 0;
}

/** False while a reader still needs what the journal holds. */
function truncateJournal(db: Db): boolean {
  const [result] = db.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[];
  return result?.busy === 0;
}

function requireOrder({ legalBasis, requester, approver }: ErasureOrder, persons: readonly string[]): void {
  const refuse = (message: string, next: string) => new KubevidenceError('usage', message, { next });
  for (const [what, text] of Object.entries({ 'legal basis': legalBasis, requester, approver }))
    if (text.trim() === '') throw refuse(`an erasure needs a ${what}`, 'Give --legal-basis, --requester and --approver.');
  if (isSamePerson(requester, approver))
    throw refuse('the same person cannot request and approve an erasure', 'Let somebody else approve it: --approver');
  if (matches(persons.map(nameForm), JSON.stringify([legalBasis, requester, approver])))
    throw refuse(
      'the legal basis, the requester or the approver names the person whose data shall go, and would keep the name',
      'Name the ticket or the office that handles the request.',
    );
}

function requirePermission(targets: readonly ErasureTarget[], { overrideRetention }: ErasureOrder, now: Instant): void {
  if (targets.length === 0)
    throw new KubevidenceError('usage', 'nothing in the ledger matches, or all of it is erased already', {
      next: 'See what would go: --dry-run',
    });
  const holds = [...new Set(targets.flatMap((target) => target.holds))];
  if (holds.length > 0) {
    const held = targets.filter((target) => target.holds.length > 0).length;
    throw new KubevidenceError('usage', `${held} of ${targets.length} things to erase are under a hold (${holds.join(', ')})`, {
      means: 'Nothing was erased; no legal basis goes before a hold.',
      next: 'See it, and release it if it is over: kubevidence ledger hold --list',
    });
  }
  const kept = targets.filter(({ retainUntil }) => retainUntil === null || retainUntil > now);
  if (kept.length === 0 || overrideRetention) return;
  const until = kept.some(({ retainUntil }) => retainUntil === null)
    ? 'some of it is still in effect'
    : `the last of it until ${kept.reduce((last, { retainUntil }) => (retainUntil !== null && retainUntil > last ? retainUntil : last), '')}`;
  throw new KubevidenceError('usage', `${kept.length} of ${targets.length} things to erase are to be kept (${until})`, {
    means: 'Nothing was erased.',
    next: 'When the legal basis goes before the retention, say so: --override-retention',
  });
}

/** Appends the records and deletes what they name, in the caller's transaction; returns the records' leaves. */
function destroy(stores: Stores, { cluster }: ErasureRequest, plan: ErasurePlan, order: ErasureOrder, now: Instant): number[] {
  const { db, log, objects, payloads, trees } = stores;
  const { legalBasis, requester, approver, overrideRetention } = order;
  const targets = new Set(plan.targets.filter((target) => target.class === 'object').map((target) => target.place));
  const orphans = new Set(plan.orphans.objects);
  const refs = [...new Set([...targets, ...orphans])].filter((ref) => !objects.entry(ref).erased);
  const ids = new Map<string, Pick<RecordOf<'payload-erased'>, 'cluster' | 'class' | 'kind'> & { readonly ids: string[] }>();
  const name = (erased: Pick<ErasureTarget, 'cluster' | 'class' | 'kind' | 'ids'>) => {
    const key = JSON.stringify([erased.class, erased.cluster, erased.kind]);
    const group = ids.get(key) ?? { cluster: erased.cluster, class: erased.class, kind: erased.kind, ids: [] };
    group.ids.push(...erased.ids);
    ids.set(key, group);
  };
  for (const target of plan.targets) name(target);
  const gone = plan.targets.filter((target) => target.class === 'run');
  const reusable = dropReusable(stores, cluster, new Set(refs), new Set(gone.flatMap(({ runs }) => runs)));
  objects.erase(refs);
  // Nothing stands on them or names them any more. What shares its block with what stays leaves its id there, and a record names it.
  for (const block of orphans.size === 0 ? [] : objects.blocks()) {
    const own = Array.from({ length: objectCount(block) }, (_, position) => block.first + position);
    const lost = own.filter((ref) => orphans.has(ref));
    if (lost.length === own.length) objects.dropBlock(block.first);
    else for (const ref of lost) name({ cluster, class: 'object', kind: block.kind, ids: [objects.entry(ref).id.toString('hex')] });
  }
  for (const target of plan.targets) if (target.class !== 'object') payloads.erase(target.place);
  trees.erase(plan.orphans.trees);

  const details: Json = { legalBasis, requester, approver, overrideRetention };
  const unswept = db.prepare<[number]>('INSERT INTO unswept (leaf) VALUES (?)');
  const leaves: number[] = [];
  for (const { ids: all, ...group } of ids.values()) {
    const sorted = [...new Set(all)].toSorted();
    for (let start = 0; start < sorted.length; start += idsPerRecord) {
      const own = salted(details);
      const leaf = log.append({
        type: 'payload-erased',
        v: 1,
        at: now,
        ...group,
        ids: sorted.slice(start, start + idsPerRecord),
        reusable: group.cluster === null ? null : reusable,
        details: own.id,
      });
      payloads.write(leaf, [own]);
      unswept.run(leaf);
      leaves.push(leaf);
    }
  }
  return leaves;
}

/**
 * Takes what is erased out of what the next run may reuse: it names objects by their uid, or by their name. Returns the digest of what is
 * left, under the salt of the run that left it; null when nothing may be reused any more, also when somebody had edited it.
 */
function dropReusable(stores: Stores, cluster: string, refs: ReadonlySet<number>, runs: ReadonlySet<number>): string | null {
  const { reuse } = stores;
  const last = stores.runs.lastReusable(cluster);
  if (refs.size === 0 && runs.size === 0) return last === undefined ? null : reusableDigest(stores, last);
  const run = last === undefined || runs.has(last.record.run) ? undefined : storedRun(stores, last);
  const before = reuse.rows(cluster);
  if (last === undefined || run === undefined || reuseDigest(run.snapshot.salt, before) !== reusableDigest(stores, last)) {
    reuse.drop(cluster);
    return null;
  }
  reuse.forget(cluster, refs, runs);
  return reuseDigest(run.snapshot.salt, reuse.rows(cluster));
}
