/**
 * The collection worker's entry: wires parser, scrubber and ledger in a thread of its own. It owns the only writing connection to the
 * ledger, so whatever happens in a run happens here, in order.
 */
import { parentPort } from 'node:worker_threads';
import { collectors } from '../../collectors/index.ts';
import type { Ledger, RunWriter } from '../../ledger/index.ts';
import { createPublishedHeads, openLedger } from '../../ledger/index.ts';
import type { EvidenceSink, Gap, Instant, Listing, ListingKind, RunSummary } from '../../model/index.ts';
import { KubevidenceError, reasonOf } from '../../model/index.ts';
import type { Ingest } from '../../sources/index.ts';
import { createIngest, createRecordingSink, readFiles, replayRecording } from '../../sources/index.ts';
import { loadLogSigner } from '../keys/keys.ts';
import { storeLedgerEvidence } from '../assess/ledger-evidence.ts';
import { checkNodeWith } from '../keys/node-keys.ts';
import { prepareRun } from './prepare-run.ts';
import type {
  CallMessage,
  ClosedListing,
  CollectionWorker,
  PlanArguments,
  ReplayedRun,
  ReplyMessage,
  WorkerSettings,
} from './worker-protocol.ts';

const clock = () => new Date(Date.now() + settings.clockAheadMs);

async function openForWriting({ ledger, tool }: WorkerSettings): Promise<Ledger | null> {
  if (ledger === null) return null;
  const { path, keys, checkpoints, create } = ledger;
  return openLedger({
    path,
    mode: 'write',
    clock,
    signer: await loadLogSigner(keys),
    create: { ...create, tool },
    published: createPublishedHeads(checkpoints),
    warn: (value) => parentPort?.postMessage({ id: 0, value } satisfies ReplyMessage),
  });
}

/** Everything goes to all sinks; only the ledger can say that it holds an object already. */
function tee(sinks: readonly EvidenceSink[]): EvidenceSink {
  const [first, ...others] = sinks;
  if (first !== undefined && others.length === 0) return first;
  return {
    put: (kind, objects) => {
      for (const sink of sinks) sink.put(kind, objects);
    },
    restart: (kind) => {
      for (const sink of sinks) sink.restart(kind);
    },
    close: (listing) => {
      for (const sink of sinks) sink.close(listing);
    },
  };
}

let settings: WorkerSettings = { ledger: null, record: null, append: false, keepAnnotations: [], nodeKeys: [], tool: '', clockAheadMs: 0 };
let ledger: Ledger | null = null;
let planned: {
  readonly cluster: string;
  readonly number: number;
  readonly uuid: string;
  readonly listings: PlanArguments['listings'];
} | null = null;
let writer: RunWriter | null = null;
let recording: ReturnType<typeof createRecordingSink> | null = null;
let ingest: Ingest | null = null;

function working(): Ingest {
  if (ingest === null) throw new KubevidenceError('defect', 'the run was not started');
  return ingest;
}

const methods: CollectionWorker = {
  async open(given) {
    settings = given;
    ledger = await openForWriting(given);
  },
  async plan({ cluster, uuid, scheduled, listings, definitions }) {
    const into = ledger;
    let run: RunSummary | null = null;
    if (into !== null) {
      const prepared = await prepareRun(into, { cluster, definitions, scheduled, now: clock().toISOString() });
      run = into.planRun({ cluster, uuid, ...prepared, tool: settings.tool, collectors: versionsOf(listings) });
    }
    planned = { cluster, uuid, listings, number: run?.number ?? 0 };
    return run;
  },
  start(identity, scope) {
    if (planned === null) throw new KubevidenceError('defect', 'the run was not planned');
    const sinks: EvidenceSink[] = [];
    if (ledger !== null) {
      ledger.checkIdentity(planned.cluster, identity);
      writer = ledger.startRun({ cluster: planned.cluster, number: planned.number, identity, scope, listings: planned.listings });
      sinks.push(writer);
    }
    if (settings.record !== null) {
      const header = { uuid: planned.uuid, identity, tool: settings.tool, observedAt: clock().toISOString() };
      recording = createRecordingSink(settings.record, header, { append: settings.append });
      sinks.push(recording);
    }
    ingest = createIngest({ collectors, sink: tee(sinks), keepAnnotations: settings.keepAnnotations, clock });
  },
  page(kind, requestIndex, request, body) {
    try {
      return working().page(kind, requestIndex, request, body);
    } finally {
      // Gives the page's memory back now; the collector would let dozens of raw pages pile up.
      (body.buffer as ArrayBuffer).transfer(0);
    }
  },
  restart: (kind) => working().restart(kind),
  put: (kind, objects) =>
    working().putRaw(
      kind,
      objects.map((raw) => ({ raw })),
    ),
  files(paths, kinds) {
    const wanted = collectors.flatMap((collector) => collector.listings).filter(({ kind }) => kinds.includes(kind));
    return readFiles({
      paths,
      declarations: wanted,
      ingest: working(),
      clock,
      assurance: 'configured',
      unreadable: 'tell',
      checkNode: checkNodeWith(settings.nodeKeys),
    });
  },
  closeListing(kind, outcome) {
    working().close(kind, outcome);
  },
  end(end) {
    recording?.end({ status: end.status === 'interrupted' ? 'failed' : end.status, identity: end.identity, endedAt: end.endedAt });
    if (planned === null || ledger === null) return null;
    // A run that failed before it could read anything is started only to be ended.
    writer ??= ledger.startRun({
      cluster: planned.cluster,
      number: planned.number,
      identity: end.identity,
      scope: 'cluster',
      listings: [],
    });
    if (ingest !== null && end.status !== 'failed') storeOwn(writer, ledger, planned.cluster, planned.listings);
    return writer.end(end);
  },
  async replay(path, cluster, plan) {
    const into = ledger;
    if (into === null) throw new KubevidenceError('defect', 'a replay needs a ledger');
    const runs: ReplayedRun[] = [];
    const closed = new Map<ListingKind, ClosedListing>();
    const now = clock().toISOString();
    const prepared = await prepareRun(into, { cluster, definitions: plan.definitions, scheduled: plan.scheduled, now });
    await replayRecording(path, {
      collectors,
      keepAnnotations: settings.keepAnnotations,
      startRun({ uuid, identity }) {
        into.checkIdentity(cluster, identity);
        const collected = versionsOf(plan.listings);
        const { number } = into.planRun({
          cluster,
          uuid,
          ...prepared,
          tool: settings.tool,
          collectors: collected,
        });
        const opened = into.startRun({
          cluster,
          number,
          identity: { ...identity, name: cluster },
          scope: 'cluster',
          listings: plan.listings,
        });
        closed.clear();
        writer = {
          ...opened,
          close(listing) {
            closed.set(listing.kind, listing);
            opened.close(listing);
          },
        };
        return writer;
      },
      endRun({ status, identity, observedAt }) {
        if (writer !== null) storeOwn(writer, into, cluster, plan.listings);
        for (const listing of plan.listings) if (!closed.has(listing.kind)) writer?.close(notRecorded(listing, observedAt));
        const known = { ...identity, name: cluster };
        const run = writer?.end({ status, error: null, identity: known, serverClockSkewMs: null, observedAt });
        const listings = Array.from(closed.values(), ({ kind, items, gaps }) => ({ kind, items, gaps }));
        if (run) runs.push({ run, identity: known, listings });
      },
    });
    return runs;
  },
  checkpoint: () => ledger?.checkpoint().note ?? null,
};

function storeOwn(sink: RunWriter, into: Ledger, cluster: string, listings: PlanArguments['listings']): readonly ListingKind[] {
  const kinds = listings.map(({ kind }) => kind);
  return storeLedgerEvidence({ ledger: into, cluster, number: sink.number, sink, kinds, clock });
}

/** What is collected today and was not when the recording was made. */
function notRecorded({ kind, collectorVersion, keepDigest }: PlanArguments['listings'][number], observedAt: Instant): Listing {
  const gap: Gap = {
    reason: 'absent',
    what: kind.slice(kind.indexOf('/') + 1),
    detail: 'the recording does not have it: it was made by a version that did not collect it, or without it',
    closedBy: 'record again with this version',
  };
  return { kind, collectorVersion, keepDigest, assurance: 'imported', requests: [], gaps: [gap], items: 0, scrubbed: {}, observedAt };
}

function versionsOf(listings: PlanArguments['listings']) {
  return listings.map(({ kind, collectorVersion }) => ({ kind, version: collectorVersion }));
}

let queue: Promise<void> = Promise.resolve();
parentPort?.on('message', (call: CallMessage) => {
  queue = queue.then(() => answer(call));
});

async function answer({ id, method, args }: CallMessage): Promise<void> {
  let reply: ReplyMessage;
  try {
    reply = { id, value: await (methods[method] as (...args: readonly unknown[]) => unknown)(...args) };
  } catch (error) {
    reply = { id, error: describe(error) };
  }
  parentPort?.postMessage(reply);
}

function describe(error: unknown): NonNullable<ReplyMessage['error']> {
  if (!(error instanceof KubevidenceError)) {
    const stack = error instanceof Error ? error.stack : undefined;
    return { code: 'unexpected', message: reasonOf(error), details: {}, ...(stack !== undefined && { stack }) };
  }
  const { code, message, place, means, next } = error;
  return { code, message, details: { ...(place && { place }), ...(means && { means }), ...(next && { next }) } };
}
