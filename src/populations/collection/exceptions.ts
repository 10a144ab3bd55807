/**
 * Every exception of the cluster, as its ledger knew it when the run ended: approved or not, by whom only as far as it was another person.
 * Names and reasons are not here.
 */
import type { Gap, ListingKind, Population } from '../../model/index.ts';
import { at, textAt } from '../../model/index.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';
import { requireOwnListing } from './own-listing.ts';

const kind: ListingKind = 'kubevidence.ledger/exceptions';
const dayMs = 86_400_000;

export const exceptions: Population = {
  name: 'exceptions',
  doc: 'An exception for one item of one control, with its approval and expiry',
  from: [],
  also: [kind],
  *rows(input) {
    if (!requireOwnListing(input, kind, 'the exceptions')) return;
    const unique = uniqueKeys();
    for (const object of input.each(kind)) {
      const { body, name } = object;
      const now = Date.parse(input.reader.at);
      const [requestedAt, expires] = [textAt(body, 'requestedAt') ?? '', textAt(body, 'expires') ?? ''];
      const approved = textAt(body, 'approvedAt') !== undefined;
      const byAnother = at(body, 'approvedByAnother');
      const expired = !(now < Date.parse(expires));
      const waitingDays = Math.floor((now - Date.parse(requestedAt)) / dayMs);
      const erased: Gap = { reason: 'redacted', what: `who requested and approved ${name}`, detail: 'a name was erased' };
      const state = expired ? `expired at ${expires}` : approved ? 'was approved by its requester' : `has waited ${waitingDays} days`;
      yield {
        item: unique(segment(name)),
        resource: resourceOf(object),
        evidence: [object.id],
        exception: name,
        control: textAt(body, 'control') ?? '',
        expires,
        expired,
        approved,
        revoked: textAt(body, 'revokedAt') !== undefined,
        waitingDays: Number.isFinite(waitingDays) ? waitingDays : 0,
        state,
        ...(approved && typeof byAnother !== 'boolean' ? { gaps: [erased] } : { approvedByAnother: approved && byAnother === true }),
      };
    }
  },
};
