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

/** Whole days from then until this was observed; undefined where that is no time. */
function daysSince(then: Instant, now: Instant): number | undefined {
  const days = Math.floor((Date.parse(now) - Date.parse(then)) / dayMs);
  return Number.isFinite(days) ? Math.max(0, days) : undefined;
}

/** Every grant that there was then was decided, and the decisions can be read. */
function isWhole({ object, open }: Review): boolean {
  return open === 0 && typeof at(object.body, 'open') === 'number' && typeof at(object.body, 'complete') === 'boolean';
}

/** What cannot be read of a review is unknown, and neither none nor today. */
function unreadOf({ object, reviewedAt }: Review): readonly Gap[] {
  const isRead = typeof at(object.body, 'open') === 'number' && daysSince(reviewedAt, reviewedAt) !== undefined;
  return isRead ? [] : [{ reason: 'error', what: `what ${object.name} says`, detail: 'when it was, or what it left open, cannot be read' }];
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
    const days = daysSince(reviewedAt, input.reader.at);
    // Another one may be the one that counts.
    for (const gap of reviews.flatMap(unreadOf)) input.gap(gap);
    const erased: Gap = { reason: 'redacted', what: `what ${object.name} says`, detail: 'it was erased' };
    yield {
      item: 'access-review',
      resource: resourceOf(object),
      evidence: [object.id],
      since: null,
      never: false,
      review: object.name,
      reviewedAt,
      ...(days === undefined ? {} : { days }),
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
    const reviews = readReviews(input);
    for (const [place, { object, reviewedAt }] of reviews.entries()) {
      const days = daysSince(reviewedAt, input.reader.at);
      // Of an erased one only the number is left. One after it in which every grant was decided stands in its place.
      const isErased = typeof at(object.body, 'complete') !== 'boolean' && countAt(object, 'revoke') > 0;
      if ((isErased && !reviews.slice(place + 1).some(isWhole)) || !Array.isArray(at(object.body, 'revokes')))
        input.gap({ reason: 'redacted', what: `what ${object.name} says`, detail: 'which grants were to be revoked was erased' });
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
          ...(days === undefined ? {} : { days }),
          stillThere: grant !== undefined,
          subject: grant?.subject.text ?? '',
          binding: grant?.binding.key ?? '',
          role: grant?.binding.roleKey ?? '',
        };
      }
    }
  },
};
