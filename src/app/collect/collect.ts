/**
 * One run, from plan to checkpoint: it is logged before the first request, every planned listing is closed with what it read or why not,
 * and whatever happens the run ends with a status that says so.
 */
import { randomUUID } from 'node:crypto';
import { enabledCollectors, optionsOf, selfSubjectRules } from '../../collectors/index.ts';
import type { ClusterIdentity, Collector, Gap, Instant, Json, ListingKind, RunSummary } from '../../model/index.ts';
import { KubevidenceError, at, listAt, reasonOf, textAt, visible } from '../../model/index.ts';
import type { ClusterAccess, LiveSource, PageFeed, PlannedListing } from '../../sources/index.ts';
import { createScrubber, openLiveSource, resolveCluster } from '../../sources/index.ts';
import { clockGap } from './clock-gap.ts';
import type { ClusterConfig, Config } from '../config.ts';
import type { AppContext } from '../context.ts';
import { toolName } from '../context.ts';
import { describeProblem } from '../describe-problem.ts';
import { describeDefinitions } from '../govern/definitions.ts';
import { ensureKeys, loadDocumentSigner } from '../keys/keys.ts';
import { checkpointsDirectory } from '../open-ledger.ts';
import { timesToLive } from '../assess/time-to-live.ts';
import type { ClosedListing, EndArguments } from './worker-protocol.ts';
import type { WorkerClient } from './worker-client.ts';
import { startWorker } from './worker-client.ts';

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
  /** Server clock minus ours. */
  readonly clockSkewMs: number | null;
  readonly checkpoint: string | null;
}

/** What a reader may do about a right that is missing. */
export const giveRights = 'kubevidence manifests rbac | kubectl apply -f -';
/** A run may take this long; a hanging server then ends it as partial or failed. */
const runDeadlineMs = 30 * 60_000;
/** Namespaces in which the account's own rules are asked; the others are named as a gap. */
const mostNamespacesAsked = 200;

/** Makes keys and ledger ready for a worker. A dry run touches neither. */
export async function openWorker(
  worker: WorkerClient,
  context: AppContext,
  config: Config,
  options: Pick<CollectOptions, 'record' | 'append' | 'dryRun'>,
): Promise<void> {
  const ahead = context.clock().getTime() - Date.now();
  // Two readings of one clock differ by a moment.
  const clockAheadMs = Math.abs(ahead) < 1000 ? 0 : ahead;
  const base = {
    record: options.record,
    append: options.append ?? false,
    keepAnnotations: config.keepAnnotations,
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

/** A live run. Throws `unreachable` after recording the failed run when the server could not be asked at all; `integrity` for another cluster. */
export async function collectLive(context: AppContext, options: CollectOptions, worker = startWorker()): Promise<CollectReport> {
  try {
    const { config, cluster } = options;
    const started = context.clock();
    const uuid = randomUUID();
    const enabled = enabledCollectors(config.collectors);
    const access = await resolve(context, cluster);
    await openWorker(worker, context, config, options);
    await worker.plan({ cluster: cluster.name, uuid, scheduled: options.scheduled ?? null, ...describePlan(enabled, config) });
    const run = new LiveRun(context, options, worker, enabled, uuid);
    return await run.execute(access, started);
  } finally {
    await worker.close();
  }
}

/** A wrong configuration is no attempt to collect, and throws; credentials that cannot be had are one, and it failed. */
async function resolve(
  { env, clock }: AppContext,
  { kubeconfig, context, inCluster }: ClusterConfig,
): Promise<ClusterAccess | KubevidenceError> {
  try {
    return await resolveCluster({ kubeconfig, context, inCluster, env, clock });
  } catch (error) {
    if (error instanceof KubevidenceError && error.code === 'unreachable') return error;
    throw error;
  }
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
    ({ kind, gaps, items }) => !/^k8s\.(cluster|self)\//.test(kind) && (items > 0 || (gaps.length === 0 && !kind.startsWith('files.'))),
  );
  if (!read) return 'failed';
  return listings.some(({ gaps }) => gaps.some((gap) => gap.reason !== 'absent')) ? 'partial' : 'succeeded';
}

/** The state of one live run; methods in the order in which they happen. */
class LiveRun {
  readonly #context: AppContext;
  readonly #options: CollectOptions;
  readonly #worker: WorkerClient;
  readonly #enabled: readonly Collector[];
  readonly #uuid: string;
  readonly #reports: ClosedListing[] = [];
  readonly #namespaces: string[] = [];
  readonly #items = new Map<ListingKind, number>();
  #skew: number | null = null;
  #rights: Promise<void> | undefined;
  #identity: ClusterIdentity;

  constructor(context: AppContext, options: CollectOptions, worker: WorkerClient, enabled: readonly Collector[], uuid: string) {
    this.#context = context;
    this.#options = options;
    this.#worker = worker;
    this.#enabled = enabled;
    this.#uuid = uuid;
    this.#identity = { name: options.cluster.name, uid: null, version: null, server: null, caFingerprint: null, actor: null };
  }

  async execute(access: ClusterAccess | KubevidenceError, started: Date): Promise<CollectReport> {
    if (access instanceof KubevidenceError) return this.#fail(access);
    const source = openLiveSource(access, {
      runUuid: this.#uuid,
      clock: this.#context.clock,
      deadlineMs: runDeadlineMs,
      signal: this.#options.signal,
      userAgent: toolName,
      onProgress: (event) =>
        this.#context.progress(
          event.type === 'page'
            ? `${event.kind}: ${event.items} items, ${event.pages} pages`
            : `${event.path}: ${event.why}, again in ${Math.round(event.waitMs / 1000)} s`,
        ),
    });
    try {
      try {
        await this.#identify(source, access);
        await this.#worker.start(this.#identity, 'cluster');
      } catch (error) {
        return await this.#fail(error);
      }
      await this.#read(source);
      await (this.#rights ?? this.#readOwnRights(source));
      if (this.#isStopped())
        return await this.#fail(new KubevidenceError('incomplete', 'the run was stopped before it had read everything'));
      const problems = await this.#readFiles();
      const status = statusOf(this.#reports);
      const run = await this.#end(status, status === 'failed' ? 'nothing could be read' : null);
      const checkpoint = await this.#worker.checkpoint();
      return {
        run,
        status,
        identity: this.#identity,
        listings: this.#reports,
        requests: source.stats.requests,
        bytes: source.stats.bytes,
        milliseconds: this.#context.clock().getTime() - started.getTime(),
        warnings: [...access.warnings, ...problems],
        clockSkewMs: this.#skew,
        checkpoint,
      };
    } finally {
      source.close();
    }
  }

  /** Who answers, and as whom; asked before anything is stored, because another cluster behind the name must not be. */
  async #identify(source: LiveSource, access: ClusterAccess): Promise<void> {
    const before = this.#context.clock().getTime();
    const version = await source.get('/version');
    if (version.serverDate !== undefined) {
      const middle = (before + this.#context.clock().getTime()) / 2;
      // The header has whole seconds; half of one is the best guess.
      const skew = Date.parse(version.serverDate) + 500 - middle;
      if (Number.isFinite(skew)) this.#skew = Math.round(skew);
    }
    if (version.status === 401)
      throw new KubevidenceError(
        'unreachable',
        `${visible(this.#options.cluster.name)} does not accept these credentials (401 Unauthorized)`,
        {
          next: 'Log in again, or check the user of the context: kubectl auth whoami.',
        },
      );
    const kubeSystem = await source.get('/api/v1/namespaces', { query: { fieldSelector: 'metadata.name=kube-system', limit: '1' } });
    const review = await source.post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'SelfSubjectReview',
    });
    this.#identity = {
      ...this.#identity,
      server: access.server,
      caFingerprint: access.caFingerprint,
      version: textAt(parseAnswer(version), 'gitVersion')?.replace(/^v/, '') ?? null,
      uid: textAt(listAt(parseAnswer(kubeSystem), 'items')[0], 'metadata', 'uid') ?? null,
      actor: textAt(parseAnswer(review), 'status', 'userInfo', 'username') ?? null,
    };
  }

  async #read(source: LiveSource): Promise<void> {
    const planned: PlannedListing[] = [];
    const later: Collector[] = [];
    for (const collector of this.#enabled) {
      const options = optionsOf(collector, this.#options.config.collectors);
      for (const listing of collector.listings) {
        const requests = listing.requests(options);
        if (requests.length > 0) planned.push({ kind: listing.kind, requests });
        else if (listing.needs.length > 0 && !later.includes(collector)) later.push(collector);
      }
    }
    // The largest lists first, so that the last to end is a short one.
    const weight = (kind: ListingKind) => (kind === 'k8s.pods/pods' ? 0 : kind === 'k8s.workloads/replicasets' ? 1 : 2);
    planned.sort((a, b) => weight(a.kind) - weight(b.kind));
    const feed = this.#feed(source);
    await source.readAll(planned, feed);
    // Secrets are asked namespace by namespace, and those are known only now.
    const namespaces = [...new Set(this.#namespaces)].sort();
    await source.readAll(
      later.flatMap(({ listings }) => listings.map((listing) => ({ kind: listing.kind, requests: listing.requests({ namespaces }) }))),
      feed,
    );
  }

  #feed(source: LiveSource): PageFeed {
    return {
      room: () => this.#worker.room(),
      page: async (kind, requestIndex, request, body) => {
        if (kind === 'k8s.namespaces/namespaces') this.#namespaces.push(...namesIn(body));
        const page = await this.#worker.page(kind, requestIndex, request, body);
        this.#items.set(kind, (this.#items.get(kind) ?? 0) + page.items);
        return page;
      },
      restart: (kind, requestIndex) => {
        this.#items.delete(kind);
        if (kind === 'k8s.namespaces/namespaces') this.#namespaces.length = 0;
        // A dead worker is told by the page that follows.
        this.#worker.restart(kind, requestIndex).catch(() => {});
      },
      close: async (kind, outcome) => {
        const gaps = outcome.gaps.map((gap) =>
          gap.reason === 'forbidden' && gap.closedBy === undefined ? { ...gap, closedBy: giveRights } : gap,
        );
        await this.#close(kind, this.#items.get(kind) ?? 0, gaps, outcome.requests);
        if (kind === 'k8s.namespaces/namespaces') {
          // Beside the large lists, which take longer.
          this.#rights = this.#readOwnRights(source);
          this.#rights.catch(() => {}); // awaited later, unless reading fails first
        }
      },
    };
  }

  /** SelfSubjectRulesReview lists cluster-wide rights in every answer, and those of one namespace: so each namespace is asked. */
  async #readOwnRights(source: LiveSource): Promise<void> {
    const kind = 'k8s.self/rules';
    if (!this.#enabled.some((collector) => collector.listings.some((listing) => listing.kind === kind))) return;
    const all = [...new Set(this.#namespaces)].sort();
    const asked = all.length > 0 ? all.slice(0, mostNamespacesAsked) : ['default', 'kube-system'];
    const gaps: Gap[] = [];
    if (all.length === 0)
      gaps.push({ reason: 'forbidden', what: 'own rights in namespaces that could not be listed', closedBy: giveRights });
    if (all.length > asked.length)
      gaps.push({
        reason: 'absent',
        what: `own rights in ${all.length - asked.length} further namespaces`,
        detail: `only ${asked.length} are asked in a run`,
      });
    const answers = await Promise.all(spread(asked, 4).map((part) => this.#askRules(source, part)));
    for (const answer of answers) gaps.push(...answer.gaps);
    const objects = answers.flatMap((answer) => answer.objects);
    await this.#worker.put(kind, objects);
    await this.#close(kind, objects.length, gaps, []);
  }

  async #askRules(
    source: LiveSource,
    namespaces: readonly string[],
  ): Promise<{ objects: ReturnType<typeof selfSubjectRules>[]; gaps: Gap[] }> {
    const objects: ReturnType<typeof selfSubjectRules>[] = [];
    const gaps: Gap[] = [];
    for (const namespace of namespaces) {
      const what = `own rights in ${namespace}`;
      try {
        const answer = await source.post('/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectRulesReview',
          spec: { namespace },
        });
        const status = at(parseAnswer(answer), 'status');
        if (answer.status === 201 && status !== undefined) objects.push(selfSubjectRules(namespace, status));
        else gaps.push({ reason: answer.status === 403 ? 'forbidden' : 'error', what, detail: `status ${answer.status}` });
      } catch (error) {
        gaps.push({ reason: 'error', what, detail: visible(reasonOf(error)) });
      }
    }
    return { objects, gaps };
  }

  /** Evidence that the API does not show: from `--files`, or a gap that says how to bring it. Returns what was wrong with the files. */
  async #readFiles(): Promise<readonly string[]> {
    const kinds = this.#enabled
      .flatMap((collector) => collector.listings.map((listing) => listing.kind))
      .filter((kind) => kind.startsWith('files.'));
    const { files, cluster } = this.#options;
    const paths = files.length > 0 ? files : (cluster.files ?? []);
    if (paths.length > 0) {
      const report = await this.#worker.files(paths, kinds);
      for (const listing of report.listings) this.#reports.push(listing);
      return report.problems.map(describeProblem);
    }
    for (const kind of kinds)
      await this.#close(
        kind,
        0,
        [
          {
            reason: 'absent',
            what: kind.slice(kind.indexOf('/') + 1),
            detail: 'the API does not show it',
            closedBy: 'kubevidence collect --files PATH',
          },
        ],
        [],
      );
    return [];
  }

  async #close(
    kind: ListingKind,
    items: number,
    gaps: readonly Gap[],
    requests: Parameters<WorkerClient['closeListing']>[1]['requests'],
  ): Promise<void> {
    // The listing that says which cluster this is also says how far its clock can be believed.
    const clock = kind === this.#enabled[0]?.listings[0]?.kind ? clockGap(this.#skew) : null;
    const all = clock === null ? gaps : [...gaps, clock];
    await this.#worker.closeListing(kind, { requests, gaps: all, observedAt: this.#context.clock().toISOString() });
    this.#reports.push({ kind, items, gaps: all });
  }

  #end(status: EndArguments['status'], error: string | null): Promise<RunSummary | null> {
    return this.#worker.end({
      status,
      error,
      identity: this.#identity,
      serverClockSkewMs: this.#skew,
      endedAt: this.#context.clock().toISOString(),
    });
  }

  #isStopped(): boolean {
    return this.#options.signal?.aborted === true;
  }

  async #fail(error: unknown): Promise<never> {
    await this.#end(this.#isStopped() ? 'interrupted' : 'failed', visible(reasonOf(error)));
    throw error;
  }
}

function parseAnswer(answer: { readonly body: Buffer; readonly status: number }): Json {
  if (answer.status >= 300) return null;
  try {
    return JSON.parse(answer.body.toString('utf8')) as Json;
  } catch (cause) {
    throw new KubevidenceError('unreachable', 'the server answered with something that is not JSON', {
      cause,
      next: 'Check that the kubeconfig names an API server and no proxy or web page.',
    });
  }
}

function namesIn(body: Uint8Array): string[] {
  try {
    return listAt(JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')), 'items').flatMap(
      (item) => textAt(item, 'metadata', 'name') ?? [],
    );
  } catch {
    return []; // The worker reports what is wrong with the page.
  }
}

/** `items` dealt out to at most `parts` lists. */
function spread<T>(items: readonly T[], parts: number): T[][] {
  return Array.from({ length: Math.min(parts, items.length) }, (_, part) => items.filter((_item, i) => i % parts === part));
}
