/**
 * The access review that counts now, as the cluster's ledger knew it when the run ended; and each grant that reviewers decided to revoke,
 * with whether this snapshot still has it. Who reviewed is not here, only whether it was somebody else than who prepared it.
 */
import { hash } from 'node:crypto';
import { rbacListings, readGrants, subjectKey } from '../../access/index.ts';
import type { Gap, Instant, ListingKind, Population, PopulationInput, StoredObject } from '../../model/index.ts';
import { at, listAt, textAt } from '../../model/index.ts';
import { resourceOf, uniqueKeys } from '../identity.ts';
import { requireOwnListing } from '../collection/own-listing.ts';

const kind: ListingKind = 'kubevidence.ledger/reviews';
const runs: ListingKind = 'kubevidence.ledger/runs';
const dayMs = 86_400_000;
const none = { item: 'access-review', since: null, never: true, review: '', days: 0, open: 0, decided: 0 };

interface Review {
  readonly object: StoredObject;
  /** Number of the record, by which they are in order. */
  readonly number: number;
  readonly reviewedAt: Instant;
  readonly open: number;
}

function readReviews(input: PopulationInput): readonly Review[] {
  return [...input.each(kind)]
    .map((object) => ({
      object,
      number: Number(object.name.replace('REV-', '')),
      reviewedAt: textAt(object.body, 'reviewedAt') ?? '',
      open: countAt(object, 'open'),
    }))
    .sort((a, b) => a.number - b.number);
}

function countAt({ body }: StoredObject, key: string): number {
  const count = at(body, key);
  return typeof count === 'number' ? count : 0;
}

/** Whole days from then until this was observed. */
function daysSince(then: Instant, now: Instant): number {
  const days = Math.floor((Date.parse(now) - Date.parse(then)) / dayMs);
  return Number.isFinite(days) ? Math.max(0, days) : 0;
}

export const accessReviews: Population = {
  name: 'accessReviews',
  doc: 'The latest access review in which every grant was decided, or the latest at all where there is none; one row, also for none',
  from: [],
  also: [kind, runs],
  *rows(input) {
    if (!requireOwnListing(input, kind, 'the access reviews')) return;
    const reviews = readReviews(input);
    const review = reviews.findLast(({ open }) => open === 0) ?? reviews.at(-1);
    if (review === undefined) {
      // The run that found none stands for it.
      const run = [...input.each(runs)].at(-1);
      if (run === undefined) input.gap({ reason: 'absent', what: 'access review', closedBy: 'kubevidence access review export' });
      else yield { ...none, resource: resourceOf(run), evidence: [run.id] };
      return;
    }
    const { object, reviewedAt, open } = review;
    const [byAnother, complete] = [at(object.body, 'reviewedByAnother'), at(object.body, 'complete')];
    const erased: Gap = { reason: 'redacted', what: `what ${object.name} says`, detail: 'it was erased' };
    yield {
      item: 'access-review',
      resource: resourceOf(object),
      evidence: [object.id],
      since: null,
      never: false,
      review: object.name,
      reviewedAt,
      days: daysSince(reviewedAt, input.reader.at),
      open,
      decided: ['keep', 'revoke', 'change'].reduce((sum, key) => sum + countAt(object, key), 0),
      ...(typeof complete === 'boolean' ? { complete } : { gaps: [erased] }),
      byAnother: byAnother === true,
    };
  },
};

export const accessRevokes: Population = {
  name: 'accessRevokes',
  doc: 'A grant that an access review decided to revoke, with whether it is still there',
  from: rbacListings,
  also: [kind],
  *rows(input) {
    if (!requireOwnListing(input, kind, 'the access reviews')) return;
    const grants = new Map(
      [...readGrants(input)].map((grant) => {
        const { subject, binding } = grant;
        return [hash('sha256', `${subjectKey(subject)}|${binding.key}|${binding.roleKey}`), grant];
      }),
    );
    const unique = uniqueKeys();
    for (const { object, reviewedAt } of readReviews(input)) {
      for (const revoked of listAt(object.body, 'revokes')) {
        if (typeof revoked !== 'string') continue;
        const grant = grants.get(revoked);
        yield {
          item: unique(`${object.name}|${revoked.slice(0, 16)}`),
          resource: grant === undefined ? resourceOf(object) : resourceOf(grant.binding.object),
          evidence: [object.id, ...(grant === undefined ? [] : [grant.binding.object.id])],
          since: null,
          review: object.name,
          decidedAt: reviewedAt,
          days: daysSince(reviewedAt, input.reader.at),
          stillThere: grant !== undefined,
          subject: grant?.subject.text ?? '',
          binding: grant?.binding.key ?? '',
          role: grant?.binding.roleKey ?? '',
        };
      }
    }
  },
};
