/** What all runs share, live or from files: what they are asked, what they set out to read, the thread that stores it, what they report. */
import { isFileEvidence } from '../../collectors/index.ts';
import type { ClusterIdentity, Collector, Instant, RunSummary } from '../../model/index.ts';
import { createScrubber, type FileProblem } from '../../sources/index.ts';
import type { ClusterConfig, Config } from '../config.ts';
import type { AppContext } from '../context.ts';
import { toolName } from '../context.ts';
import { describeDefinitions } from '../govern/definitions.ts';
import { ensureKeys, loadDocumentSigner } from '../keys/keys.ts';
import { checkpointsDirectory } from '../checkpoints-directory.ts';
import { timesToLive } from '../assess/time-to-live.ts';
import type { ClosedListing } from './worker-protocol.ts';
import type { WorkerClient } from './worker-client.ts';

export interface CollectOptions {
  readonly config: Config;
  readonly cluster: ClusterConfig;
  /** Joined to the run in place of the cluster's `files`; none: those. */
  readonly files: readonly string[];
  readonly record: string | null;
  /** Add to a recording that exists; for stories of several runs. */
  readonly append?: boolean;
  readonly dryRun: boolean;
  /** A run of the schedule; `slot` null: the latest one that is due. */
  readonly scheduled?: { readonly slot: Instant | null } | null;
  readonly signal?: AbortSignal;
}

export interface CollectReport {
  /** Null for a dry run. */
  readonly run: RunSummary | null;
  readonly status: 'succeeded' | 'partial' | 'failed';
  readonly identity: ClusterIdentity;
  readonly listings: readonly ClosedListing[];
  readonly requests: number;
  readonly bytes: number;
  readonly milliseconds: number;
  readonly warnings: readonly string[];
  /** What was wrong with files; the warnings tell it too. */
  readonly fileProblems: readonly FileProblem[];
  /** Server clock minus ours. */
  readonly clockSkewMs: number | null;
  readonly checkpoint: string | null;
}

/** What a reader may do about a right that is missing. */
export const giveRights = 'kubevidence manifests rbac | kubectl apply -f -';
/** Makes keys and ledger ready for a worker. A dry run touches neither. */
export async function openWorker(
  worker: WorkerClient,
  context: AppContext,
  config: Config,
  options: Pick<CollectOptions, 'record' | 'append' | 'dryRun'> & Partial<Pick<CollectOptions, 'cluster'>>,
): Promise<void> {
  const ahead = context.clock().getTime() - Date.now();
  // Two readings of one clock differ by a moment.
  const clockAheadMs = Math.abs(ahead) < 1000 ? 0 : ahead;
  const base = {
    record: options.record,
    append: options.append ?? false,
    keepAnnotations: config.keepAnnotations,
    nodeKeys: options.cluster?.nodeKeys ?? [],
    tool: toolName,
    clockAheadMs,
  };
  worker.onWarning = context.warn;
  if (options.dryRun) return worker.open({ ...base, ledger: null });
  const made = await ensureKeys(context, config);
  if (made !== null) context.warn(`made the signing keys beside the ledger; document key ${made}`);
  const signer = await loadDocumentSigner(config.keys);
  await worker.open({
    ...base,
    ledger: {
      path: config.ledgerPath,
      keys: config.keys,
      checkpoints: checkpointsDirectory(context, config),
      create: { organization: config.organization, documentKeyFingerprint: signer.fingerprint },
    },
  });
}

/** What a run sets out to read and by which definitions, as its `run-planned` record names them. */
export function describePlan(enabled: readonly Collector[], config: Config) {
  const { keepAnnotations } = config;
  const timeToLive = timesToLive(config);
  const listings = enabled.flatMap((collector) =>
    collector.listings.map((listing) => ({
      kind: listing.kind,
      collectorVersion: collector.version,
      keepDigest: createScrubber(listing, { keepAnnotations }).keepDigest,
      reusable: listing.reusable ?? false,
      timeToLiveSeconds: timeToLive(listing.kind),
    })),
  );
  const compiled = keepAnnotations.length > 0 ? [] : listings.map(({ kind, keepDigest }) => [kind, keepDigest] as const);
  return { listings, definitions: describeDefinitions(config, new Map(compiled)) };
}

/** Absent is not missing: a feature that the cluster does not have leaves a run complete. Version, own rights and files alone are nothing. */
export function statusOf(listings: readonly ClosedListing[]): CollectReport['status'] {
  const read = listings.some(
    ({ kind, gaps, items }) => !/^k8s\.(cluster|self)\//.test(kind) && (items > 0 || (gaps.length === 0 && !isFileEvidence(kind))),
  );
  if (!read) return 'failed';
  return listings.some(({ gaps }) => gaps.some((gap) => gap.reason !== 'absent')) ? 'partial' : 'succeeded';
}
