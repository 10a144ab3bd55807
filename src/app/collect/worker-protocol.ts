/**
 * The words between a collection's two threads. The main thread downloads; the worker parses, scrubs, hashes and stores, so that raw
 * pages never meet anything but the scrubber. Bodies are transferred, not copied.
 */
import type {
  ClusterIdentity,
  ErrorDetails,
  EvidenceReader,
  Gap,
  Instant,
  ListingKind,
  RawObject,
  RequestRecord,
  RequestSpec,
  RunStatus,
  RunSummary,
} from '../../model/index.ts';
import type { FileProblem } from '../../sources/index.ts';
import type { PresentDefinitions } from '../../ledger/index.ts';
import type { LogKeyPaths } from '../config.ts';
import type { NodeKey } from '../keys/node-keys.ts';

export interface WorkerSettings {
  /** Null for `--dry-run`: everything is read and scrubbed, nothing is stored. */
  readonly ledger: {
    readonly path: string;
    readonly keys: LogKeyPaths;
    /** Directory of published checkpoints. */
    readonly checkpoints: string;
    readonly create: { readonly organization: string; readonly documentKeyFingerprint: string };
  } | null;
  readonly record: string | null;
  /** Adds a run to a recording that exists. */
  readonly append: boolean;
  readonly keepAnnotations: readonly string[];
  /** Who may sign documents of nodes; none: anybody. */
  readonly nodeKeys: readonly NodeKey[];
  readonly tool: string;
  /** Milliseconds by which the caller's clock is ahead of this machine's: not 0 only where a story is told. */
  readonly clockAheadMs: number;
}

export interface PlanArguments {
  readonly cluster: string;
  readonly uuid: string;
  /** Null for a run that a person started; `slot` null: the latest one that is due. */
  readonly scheduled: { readonly slot: Instant | null } | null;
  readonly listings: readonly {
    readonly kind: ListingKind;
    readonly collectorVersion: number;
    readonly keepDigest: string;
    readonly reusable: boolean;
    /** How long what is read holds. */
    readonly timeToLiveSeconds: number;
  }[];
  /** What decides what is collected and judged. */
  readonly definitions: PresentDefinitions;
}

export interface CloseArguments {
  readonly requests: readonly RequestRecord[];
  readonly gaps: readonly Gap[];
  readonly observedAt: Instant;
}

export interface EndArguments {
  /** `interrupted`: it was stopped before it had read everything. */
  readonly status: Extract<RunStatus, 'succeeded' | 'partial' | 'failed' | 'interrupted'>;
  readonly error: string | null;
  readonly identity: ClusterIdentity;
  readonly serverClockSkewMs: number | null;
  readonly endedAt: Instant;
}

export interface ClosedListing {
  readonly kind: ListingKind;
  readonly items: number;
  readonly gaps: readonly Gap[];
}

export interface FilesReply {
  readonly listings: readonly ClosedListing[];
  readonly files: number;
  readonly objects: number;
  readonly ignored: readonly { readonly file: string; readonly line: number; readonly kind: string }[];
  readonly problems: readonly FileProblem[];
}

/** What the worker does, each call answered in order. */
export interface CollectionWorker {
  /** First, and once. Until then the worker only loads its code. */
  open(settings: WorkerSettings): Promise<void>;
  plan(plan: PlanArguments): Promise<RunSummary | null>;
  start(identity: ClusterIdentity, scope: EvidenceReader['scope']): void;
  page(kind: ListingKind, requestIndex: number, request: RequestSpec, body: Uint8Array): PageReply;
  restart(kind: ListingKind, requestIndex: number): void;
  put(kind: ListingKind, objects: readonly RawObject[]): void;
  files(paths: readonly string[], kinds: readonly ListingKind[]): Promise<FilesReply>;
  closeListing(kind: ListingKind, outcome: CloseArguments): void;
  end(end: EndArguments): RunSummary | null;
  /** Every run of a recording, each as a run of its own, in order. */
  replay(
    path: string,
    cluster: string,
    plan: Pick<PlanArguments, 'scheduled' | 'listings' | 'definitions'>,
  ): Promise<readonly ReplayedRun[]>;
  /** The signed head of the log, as text. */
  checkpoint(): string | null;
}

export interface ReplayedRun {
  readonly run: RunSummary;
  readonly identity: ClusterIdentity;
  readonly listings: readonly ClosedListing[];
}

export interface PageReply {
  readonly items: number;
  readonly resourceVersion?: string;
  readonly continue?: string;
}

export interface CallMessage {
  readonly id: number;
  readonly method: keyof CollectionWorker;
  readonly args: readonly unknown[];
}

export interface ReplyMessage {
  /** 0: no answer, but a warning; then `value` is its text, safe to print. */
  readonly id: number;
  readonly value?: unknown;
  readonly error?: { readonly code: string; readonly message: string; readonly details: ErrorDetails; readonly stack?: string };
}
