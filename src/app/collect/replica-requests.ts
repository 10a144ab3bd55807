/**
 * What each API server replica is asked, once their addresses were read. Whatever keeps a replica from being asked leaves a gap that says
 * so; a slice that names more hosts than any control plane has is not believed beyond the first of them.
 */
import { asksEachReplica, replicaAddresses, replicaAddressesKind, requestsOfReplicas } from '../../collectors/index.ts';
import type { Gap, ListingDeclaration, ListingKind } from '../../model/index.ts';
import type { PlannedListing } from '../../sources/index.ts';

/** Nobody runs more API servers for one cluster; each that does not answer costs time. */
const mostReplicas = 16;

const reachIt = 'let the collector reach this API server at its own address, or run kubevidence node collect on its host';

export interface ReplicaPlan {
  /** Notes the addresses that a page of the EndpointSlice names. */
  note(kind: ListingKind, body: Uint8Array): void;
  readonly listings: readonly ListingDeclaration[];
  /** What to ask now, and what is closed with a gap instead. */
  plan(): { readonly planned: readonly PlannedListing[]; readonly unasked: readonly { readonly kind: ListingKind; readonly gap: Gap }[] };
  /** The gaps of a listing with what closes them, and what was not asked. */
  completeGaps(kind: ListingKind, gaps: readonly Gap[]): readonly Gap[];
}

export function planReplicas(declared: readonly ListingDeclaration[]): ReplicaPlan {
  const listings = declared.filter(({ kind }) => asksEachReplica(kind));
  let addresses: readonly string[] = [];
  return {
    listings,
    note(kind, body) {
      if (kind === replicaAddressesKind) addresses = addressesIn(body);
    },
    plan() {
      const asked = addresses.slice(0, mostReplicas);
      if (asked.length > 0)
        return { planned: listings.map((listing) => ({ kind: listing.kind, requests: requestsOfReplicas(listing, asked) })), unasked: [] };
      const detail = 'the addresses of the API servers are not known';
      const unasked = listings.map(({ kind }) => ({ kind, gap: { reason: 'absent' as const, what: whatOf(kind), detail } }));
      return { planned: [], unasked };
    },
    completeGaps(kind, gaps) {
      if (!asksEachReplica(kind)) return gaps;
      const told = gaps.map((gap) => (gap.reason === 'error' && gap.closedBy === undefined ? { ...gap, closedBy: reachIt } : gap));
      const more = addresses.length - mostReplicas;
      if (more <= 0) return told;
      return [
        ...told,
        {
          reason: 'error',
          what: `${whatOf(kind)} at ${more} further addresses`,
          detail: `no cluster has more than ${mostReplicas} API servers, so no more are asked`,
          closedBy: 'look who wrote the EndpointSlice kubernetes in default',
        },
      ];
    },
  };
}

function whatOf(kind: ListingKind): string {
  return `${kind.slice(kind.indexOf('/') + 1)} of each API server`;
}

function addressesIn(body: Uint8Array): readonly string[] {
  try {
    return replicaAddresses(JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')));
  } catch {
    return []; // The worker reports what is wrong with the page.
  }
}
