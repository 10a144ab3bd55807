/**
 * The vocabulary of evidence: what was asked, what came back, how completely, and what is missing. A listing is one kind of evidence in
 * one run; its items are objects that the scrubber has already passed. Nothing here can say "pass": only a complete listing or a gap.
 */
import type { JsonObject, Json } from './json.ts';

/** RFC 3339, UTC, milliseconds, `Z`: `new Date().toISOString()`. */
export type Instant = string;
export type Clock = () => Date;

/** `<collector>/<listing>`, e.g. `k8s.rbac/clusterrolebindings`, `k8s.apiserver/metrics`, `files.encryption/encryptionconfigurations`. */
export type ListingKind = `${string}/${string}`;

/** How close to the thing itself the evidence is (docs/audit-pack: IPE, "assurance class"). */
export type Assurance = 'observed' | 'configured' | 'inferred' | 'attested' | 'imported';

export type GapReason = 'forbidden' | 'absent' | 'error' | 'stale' | 'redacted' | 'provider';

/** Something that could not be read. `closedBy` is what a person does to close it. */
export interface Gap {
  readonly reason: GapReason;
  /** What is missing, e.g. `clusterrolebindings`, `secrets in clinic`, `audit policy file`. Untrusted text. */
  readonly what: string;
  /** The error as the server or parser gave it, shortened. Untrusted text. */
  readonly detail?: string;
  readonly closedBy?: string;
}

/** One HTTP exchange of a listing (all its pages), or one file; the IPE of docs/audit-pack. */
export interface RequestRecord {
  /** `<run uuid>-<n>` of the first page, n counting requests in the run; the cluster's own audit log has the same id. */
  readonly auditId?: string;
  /** Path and query without `continue`, e.g. `/api/v1/pods?limit=500`; for files the path given by the user. */
  readonly path: string;
  readonly accept?: string;
  readonly status: number | null;
  readonly startedAt: Instant;
  readonly endedAt: Instant;
  /** The server's `Date` header of the first page. */
  readonly serverDate?: string;
  readonly resourceVersion?: string;
  readonly pages: number;
  readonly items: number;
  /** Body bytes after decompression. */
  readonly bytes: number;
  /** Requests sent, retries included. */
  readonly attempts: number;
  /** `inconsistent`: continued after 410 Expired, so items are not from one resourceVersion. */
  readonly consistency: 'consistent' | 'inconsistent';
}

/** How many values each scrub rule removed or marked, by rule id. */
export type ScrubCounts = Readonly<Record<string, number>>;

/** One kind's listing in one run. Complete means: every request answered to its last page, and no gap. */
export interface Listing {
  readonly kind: ListingKind;
  readonly collectorVersion: number;
  /** Digest of the keep-list that decided what of each object is kept. */
  readonly keepDigest: string;
  readonly assurance: Assurance;
  readonly requests: readonly RequestRecord[];
  readonly gaps: readonly Gap[];
  readonly items: number;
  readonly scrubbed: ScrubCounts;
  readonly observedAt: Instant;
}

/** A listing as a snapshot holds it. `id` is the salted id of the listing's payload (IPE and the ids of its items). */
export interface StoredListing extends Listing {
  readonly id: string;
}

export function isComplete(listing: Listing): boolean {
  return listing.gaps.length === 0 && listing.requests.every((request) => request.consistency === 'consistent');
}

/** One scrubbed item of a listing, before it is stored. `body` has `apiVersion`, `kind`, `metadata` as the API has them. */
export interface EvidenceObject {
  readonly apiVersion: string;
  /** The Kubernetes kind, e.g. `ClusterRoleBinding`; for evidence that is no API object our own, e.g. `MetricFamily`. */
  readonly type: string;
  /** Empty for cluster-scoped. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Only for the ledger's cache of unchanged objects; never inside `body`. */
  readonly resourceVersion?: string;
  readonly body: JsonObject;
  /** Set when it came from a file. */
  readonly place?: { readonly file: string; readonly line: number };
}

/** As read back: `id` is HMAC-SHA256(salt, canonical body), lower-case hex. */
export interface StoredObject extends EvidenceObject {
  readonly id: string;
}

/** What the scrubber leaves in place of a value. `credential` names the rule that recognised one; the value itself is gone. */
export interface ScrubMarker {
  readonly $scrubbed: true;
  readonly credential?: string;
  /** The flag's name, for an argument of a control-plane program whose value is not kept. */
  readonly flag?: string;
}

export function isMarker(value: unknown): value is ScrubMarker {
  return typeof value === 'object' && value !== null && (value as { $scrubbed?: unknown }).$scrubbed === true;
}

export interface ClusterIdentity {
  /** The configured name, the cluster's key everywhere. */
  readonly name: string;
  /** UID of the namespace kube-system. */
  readonly uid: string | null;
  /** `gitVersion` without `v`, e.g. `1.36.3`. */
  readonly version: string | null;
  readonly server: string | null;
  /** SHA-256 over the DER of the first CA certificate that the client trusts for this server, hex. */
  readonly caFingerprint: string | null;
  /** Who the API server says we are (SelfSubjectReview), when it answered. */
  readonly actor: string | null;
}

export type RunKind = 'scheduled' | 'manual';
export type RunStatus = 'planned' | 'running' | 'succeeded' | 'partial' | 'failed' | 'interrupted' | 'missed';

/** A run as projected from the log. `endedAt` is null while it is open. */
export interface RunSummary {
  readonly cluster: string;
  readonly number: number;
  readonly uuid: string;
  readonly kind: RunKind;
  readonly status: RunStatus;
  readonly plannedAt: Instant;
  readonly startedAt: Instant;
  readonly endedAt: Instant | null;
  /** Scheduled slot, when there was one. */
  readonly slot: Instant | null;
  /** Leaf index of its `run-ended` (or `run-planned`) record in the log. */
  readonly leaf: number;
  readonly error: string | null;
  /** For a replayed recording: when the evidence was observed. Null for a live run. */
  readonly observedAt: Instant | null;
}

/** Read access to one snapshot; the only way in which populations see evidence. Implementations: ledger and memory, one contract test. */
export interface EvidenceReader {
  readonly scope: 'cluster' | 'files';
  readonly cluster: ClusterIdentity;
  /** When the evidence was observed (end of the run). */
  readonly at: Instant;
  readonly run: RunSummary | null;
  listings(): readonly StoredListing[];
  listing(kind: ListingKind): StoredListing | undefined;
  /** Items of one listing in (namespace, name, uid) order; streams, so that a large cluster is never in memory at once. */
  objects(kind: ListingKind): Iterable<StoredObject>;
  /** The same by namespace, where many snapshots are read: of a namespace that did not change it is the very same list. Null: too many. */
  parts?(kind: ListingKind): ReadonlyMap<string, readonly StoredObject[]> | null;
  /** The same for snapshots that are read one after the other: what is remembered from one to the next is held as long as this. */
  readonly series?: object;
  /** How many items of these listings each namespace holds, '' for those without one; where a snapshot can be read by {@link objectsIn}. */
  namespaces?(kinds: readonly ListingKind[]): ReadonlyMap<string, number>;
  /** The items of one namespace, as {@link objects} gives them. */
  objectsIn?(kind: ListingKind, namespace: string): Iterable<StoredObject>;
  /** Of the reader of a namespace: that of its snapshot. */
  readonly whole?: EvidenceReader;
  /** The latest snapshot before this one of the same cluster, or null. For counters that only mean something as a difference. */
  previous(): EvidenceReader | null;
}

/** Where a run's evidence goes: ledger, memory or a recording. Called from one thread, listing by listing or interleaved. */
export interface EvidenceSink {
  put(kind: ListingKind, objects: readonly EvidenceObject[]): void;
  /** Drops what was put for a listing so far: its list expired (410) and starts again. */
  restart(kind: ListingKind): void;
  /**
   * Says the resourceVersion of a list before its first objects come, so that `reuse` can tell a restored etcd from an unchanged cluster.
   * Whether `reuse` may be true for this listing.
   */
  listedAt?(kind: ListingKind, resourceVersion: string | undefined): boolean;
  /**
   * True when the last snapshot holds this object unchanged (same uid and resourceVersion): it is then part of this snapshot too and
   * need not be scrubbed or put. Absent where nothing can be reused.
   */
  reuse?(kind: ListingKind, object: Pick<EvidenceObject, 'namespace' | 'name' | 'uid'> & { readonly resourceVersion: string }): boolean;
  /** The listing's final record. Every planned listing is closed exactly once, also one that read nothing. */
  close(listing: Listing): void;
}

/** An item before scrubbing; lives only inside the parser's thread. */
export type RawObject = Record<string, Json | undefined>;
