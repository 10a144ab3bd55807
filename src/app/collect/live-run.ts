/**
 * A live run, from its first request to its checkpoint: every planned listing is closed with what it read or why not, and whatever happens
 * the run ends with a status that says so.
 */
import { randomUUID } from 'node:crypto';
import {
  enabledCollectors,
  handshakesKind,
  isFileEvidence,
  optionsOf,
  selfSubjectRules,
  serverCertificate,
} from '../../collectors/index.ts';
import type { ClusterIdentity, Collector, CollectorOptions, Gap, Json, ListingKind, RunSummary } from '../../model/index.ts';
import { KubevidenceError, at, listAt, reasonOf, textAt, visible } from '../../model/index.ts';
import type { ClusterAccess, FileProblem, LiveSource, PageFeed, PlannedListing } from '../../sources/index.ts';
import { openLiveSource, resolveCluster } from '../../sources/index.ts';
import { type ClusterConfig, collectorSettings } from '../config.ts';
import type { AppContext } from '../context.ts';
import { toolName } from '../context.ts';
import { describeProblem } from '../describe-problem.ts';
import { nameCheck } from '../audit-ids.ts';
import { clockGap } from './clock-gap.ts';
import type { CollectOptions, CollectReport } from './collect.ts';
import { describePlan, giveRights, openWorker, statusOf } from './collect.ts';
import type { ClosedListing, EndArguments } from './worker-protocol.ts';
import type { WorkerClient } from './worker-client.ts';
import { startWorker } from './worker-client.ts';
import { planReplicas, type ReplicaPlan } from './replica-requests.ts';

/** A run may take this long; a hanging server then ends it as partial or failed. */
const runDeadlineMs = 30 * 60_000;
/** Namespaces in which the account's own rules are asked; the others are named as a gap. */
const mostNamespacesAsked = 200;

/** A live run. Throws `unreachable` after recording the failed run when the server could not be asked at all; `integrity` for another cluster. */
export async function collectLive(context: AppContext, options: CollectOptions, worker = startWorker()): Promise<CollectReport> {
  try {
    const { config, cluster } = options;
    const started = context.clock();
    const uuid = randomUUID();
    const enabled = enabledCollectors(collectorSettings(config, cluster));
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
  readonly #replicas: ReplicaPlan;
  #skew: number | null = null;
  #rights: Promise<void> | undefined;
  #identity: ClusterIdentity;

  constructor(context: AppContext, options: CollectOptions, worker: WorkerClient, enabled: readonly Collector[], uuid: string) {
    this.#context = context;
    this.#options = options;
    this.#worker = worker;
    this.#enabled = enabled;
    this.#uuid = uuid;
    this.#replicas = planReplicas(enabled.flatMap(({ listings }) => listings));
    this.#identity = { name: options.cluster.name, uid: null, version: null, server: null, caFingerprint: null, actor: null };
  }

  async execute(access: ClusterAccess | KubevidenceError, started: Date): Promise<CollectReport> {
    if (access instanceof KubevidenceError) return this.#fail(access);
    const source = openLiveSource(access, {
      runUuid: this.#options.dryRun ? nameCheck() : this.#uuid,
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
      await this.#tellHandshakes(source);
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
        warnings: [...access.warnings, ...problems.map(describeProblem)],
        fileProblems: problems,
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
    const startedAt = this.#context.clock().toISOString();
    for (const collector of this.#enabled) {
      const options: CollectorOptions = { ...optionsOf(collector, this.#options.config.collectors), startedAt };
      for (const listing of collector.listings) {
        if (this.#replicas.listings.includes(listing)) continue;
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
    const { planned: ofReplicas, unasked } = this.#replicas.plan();
    await source.readAll(ofReplicas, feed);
    for (const { kind, gap } of unasked) await this.#close(kind, 0, [gap], []);
    // Secrets are asked namespace by namespace, and those are known only now.
    const everywhere: CollectorOptions = { namespaces: [...new Set(this.#namespaces)].sort(), startedAt };
    await source.readAll(
      later.flatMap(({ listings }) => listings.map((listing) => ({ kind: listing.kind, requests: listing.requests(everywhere) }))),
      feed,
    );
  }

  #feed(source: LiveSource): PageFeed {
    return {
      room: () => this.#worker.room(),
      page: async (kind, requestIndex, request, body) => {
        if (kind === 'k8s.namespaces/namespaces') this.#namespaces.push(...namesIn(body));
        this.#replicas.note(kind, body);
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
        await this.#close(kind, this.#items.get(kind) ?? 0, this.#replicas.completeGaps(kind, gaps), outcome.requests);
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

  /** Certificates that were shown while the rest was read. */
  async #tellHandshakes(source: LiveSource): Promise<void> {
    if (!this.#enabled.some((collector) => collector.listings.some(({ kind }) => kind === handshakesKind))) return;
    const what = 'certificates of the API server';
    if (this.#identity.uid === null) {
      const detail = 'which cluster answers could not be read, so nothing says whose certificate it is';
      await this.#close(handshakesKind, 0, [{ reason: 'absent', what, detail, closedBy: giveRights }], []);
      return;
    }
    const certificates = source.certificates();
    const objects = certificates.map((each) => serverCertificate(each));
    const gap: Gap = {
      reason: 'absent',
      what,
      detail: 'the connection to it is not encrypted',
      closedBy: 'connect to the API server itself, by HTTPS',
    };
    await this.#worker.put(handshakesKind, objects);
    await this.#close(handshakesKind, objects.length, certificates.some(({ role }) => role === 'serving') ? [] : [gap], []);
  }

  /** Evidence that the API does not show: from `--files`, or a gap that says how to bring it. Returns what was wrong with the files. */
  async #readFiles(): Promise<readonly FileProblem[]> {
    const kinds = this.#enabled.flatMap((collector) => collector.listings.map((listing) => listing.kind)).filter(isFileEvidence);
    const { files, cluster } = this.#options;
    const paths = files.length > 0 ? files : (cluster.files ?? []);
    if (paths.length > 0) {
      const report = await this.#worker.files(paths, kinds);
      for (const listing of report.listings) this.#reports.push(listing);
      return report.problems;
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
