/**
 * A population is the complete list of items that controls test, or says what is missing. Gaps of the listings it reads flow into it by
 * themselves (see assessment/read-population); a population can add its own, such as an API server replica that did not answer.
 */
import type { EvidenceReader, Gap, Instant, ListingKind, StoredListing, StoredObject } from './evidence.ts';
import type { Json } from './json.ts';
import type { Technique } from './technique.ts';

export interface ResourceRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** A moment that the evidence names. `source` says where: `creationTimestamp of ClusterRoleBinding/friday`. */
export interface ExactTime {
  readonly at: Instant;
  readonly source: string;
}

/** One item. Besides these, any JSON fields that CEL sees as `item.<field>` and messages as `{field}`. */
export interface Row {
  /** Natural key, stable over time and re-creation: `subject|binding|role`, `namespace/pod/container`. Unique in the population. */
  readonly item: string;
  readonly resource: ResourceRef;
  /** Ids of the stored objects that the row was made from. */
  readonly evidence: readonly string[];
  /**
   * Since when the row has been as it is, where the evidence itself names the moment; null for a row that follows others and has no time
   * of its own.
   */
  readonly since?: ExactTime | null;
  /** What is unknown about this one row: then the row is a gap unless `expect` is already decided false. */
  readonly gaps?: readonly Gap[];
  readonly [field: string]: Json | undefined | ResourceRef | ExactTime | readonly Gap[];
}

export interface PopulationInput {
  readonly reader: EvidenceReader;
  /** Those of the catalog. */
  readonly techniques: readonly Technique[];
  /** Streams the objects of the listings, in the order given. */
  each(...kinds: readonly ListingKind[]): Iterable<StoredObject>;
  listing(kind: ListingKind): StoredListing | undefined;
  /** Says that rows stand on this listing of an earlier snapshot too (differences of counters). */
  cite(listing: StoredListing): void;
  /** Says that the population is not complete. */
  gap(gap: Gap): void;
}

export interface Population {
  /** Plural noun, camelCase: `grants`, `containers`, `apiServers`. */
  readonly name: string;
  /** One line: what a row is. */
  readonly doc: string;
  /** Listings whose gaps are this population's gaps. */
  readonly from: readonly ListingKind[];
  /** Listings that are read when there, and are no gap when not; the population decides. */
  readonly also?: readonly ListingKind[];
  /**
   * Rows of a namespace follow from its objects alone, and those of all namespaces are the rows, so what did not change in a namespace
   * need not be read again. Only for kinds that have a namespace, all of them in `from`; no own gaps, no time, no earlier run.
   */
  readonly byNamespace?: boolean;
  /**
   * Like {@link byNamespace}, where rows of a namespace follow from the object of that namespace as well, and from all objects of these
   * listings of `from`: when one of them changes, every namespace is read anew.
   */
  readonly besideNamespace?: readonly ListingKind[];
  /**
   * All that rows of a namespace follow from of those listings, as text: where that stays the same, the namespace is not read anew for
   * them. Says the same own gaps as `rows`.
   */
  readonly besideIn?: (input: PopulationInput) => (namespace: string) => string;
  readonly rows: (input: PopulationInput) => Iterable<Row>;
}
