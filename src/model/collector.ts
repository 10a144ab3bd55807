/**
 * A collector declares, reads, and never judges: which listings it makes, which right each needs, what is lost without it, which fields
 * are kept. The least ClusterRole, the reference page and `doctor` are generated from these declarations.
 */
import type { AccessRule } from './access.ts';
import type { Assurance, Instant, ListingKind, RawObject } from './evidence.ts';

/** What a user may set under `collectors.<kind>` in kubevidence.yaml, and what a run adds. */
export interface CollectorOptions {
  readonly enabled?: boolean;
  /** Only these namespaces (secrets). Absent: all. */
  readonly namespaces?: readonly string[];
  /** Of a run: when it began, which questions about the last days count back from. */
  readonly startedAt?: Instant;
}

/** One HTTP request (with its pages) of a listing. */
export interface RequestSpec {
  /** Absolute URL path, e.g. `/apis/apps/v1/deployments`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Exactly one media type. Default `application/json`. */
  readonly accept?: string;
  /** Follow `continue` with `limit=500`. */
  readonly paged: boolean;
  /** For the gap when it fails, e.g. `clusterroles`, `secrets in clinic`. */
  readonly what: string;
}

/** One decoded page. `items` are not yet scrubbed. */
export interface DecodedPage {
  readonly items: readonly RawObject[];
  readonly resourceVersion?: string;
  readonly continue?: string;
}

/** Turns a page's bytes into items; throws KubevidenceError('input') when the bytes are not what the request asked for. Pure. */
export type Decoder = (body: Uint8Array, request: RequestSpec) => DecodedPage;

/**
 * A path that keeps its value: dots between keys, arrays transparent (`spec.containers.securityContext`); what lies below a kept path is
 * kept whole. `as` keeps less: `text` a text, number or boolean (or a list of them) that no rule takes for a credential, for what people
 * write and what should hold none; `literal` leaves a marker, `arguments` a marker per entry but flags of known control-plane programs in
 * genuine mirror pods, `annotations` values of harmless keys and markers for the others, `names` only the keys of a map.
 */
export type Keep = string | { readonly path: string; readonly as: 'text' | 'literal' | 'arguments' | 'annotations' | 'names' };

export interface ListingDeclaration {
  readonly kind: ListingKind;
  readonly needs: readonly AccessRule[];
  /** Completes "Without it …": what an assessment cannot say. */
  readonly withoutIt: string;
  readonly requests: (options: CollectorOptions) => readonly RequestSpec[];
  readonly decode: Decoder;
  readonly keep: readonly Keep[];
  /** The first version of the collector that kept all that is read of this listing today. Absent: the present one. */
  readonly since?: number;
  readonly assurance: Assurance;
  /** Kinds of objects that a file source files under this listing. Group without version; core is ''. */
  readonly accepts?: readonly { readonly group: string; readonly kind: string }[];
  /** True where uid + resourceVersion identify an unchanged object (Kubernetes' own contract; never aggregated APIs). */
  readonly reusable?: boolean;
}

export interface Collector {
  /** e.g. `k8s.rbac`. */
  readonly kind: string;
  /** Raised whenever keep-lists or decoding change what is stored. */
  readonly version: number;
  readonly title: string;
  /** Off unless the configuration turns it on. */
  readonly optIn?: boolean;
  readonly listings: readonly ListingDeclaration[];
}
