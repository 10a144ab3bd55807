/** Declares a listing of one API resource with its defaults: paged, observed, and unchanged when uid and resourceVersion are. */
import type { AccessRule, Assurance, Keep, ListingDeclaration, ListingKind, RequestSpec } from '../model/index.ts';
import { decodeList } from './decode.ts';

/** The apiVersion of evidence that is no API object: `Version`, `MetricFamily`, `SecretSummary`, `SelfSubjectRules`. */
export const ownApiVersion = 'kubevidence/v1';

export interface ApiListing {
  readonly kind: ListingKind;
  /** '' for the core group. */
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly type: string;
  readonly withoutIt: string;
  readonly keep: readonly Keep[];
  readonly since?: number;
  /** Asks in one namespace only. */
  readonly namespace?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly assurance?: Assurance;
}

export function apiListing(listing: ApiListing): ListingDeclaration {
  const { group, version, resource, namespace } = listing;
  const prefix = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const rule: AccessRule = { apiGroup: group, resource, verb: 'list', ...(namespace === undefined ? {} : { namespace }) };
  const request: RequestSpec = {
    path: `${prefix}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${resource}`,
    ...(listing.query === undefined ? {} : { query: listing.query }),
    paged: true,
    what: namespace === undefined ? resource : `${resource} in ${namespace}`,
  };
  return {
    kind: listing.kind,
    needs: [rule],
    withoutIt: listing.withoutIt,
    requests: () => [request],
    decode: decodeList(listing.type),
    keep: listing.keep,
    ...(listing.since === undefined ? {} : { since: listing.since }),
    assurance: listing.assurance ?? 'observed',
    accepts: [{ group, kind: listing.type }],
    reusable: true,
  };
}
