/**
 * The collection worker's entry: wires parser, scrubber and ledger in a thread of its own. It owns the only writing connection to the
 * ledger, so whatever happens in a run happens here, in order.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { collectors, declarationOf } from '../collectors/index.ts';
import type { Ledger, RunWriter } from '../ledger/index.ts';
import { openLedger } from '../ledger/index.ts';
import type { EvidenceSink, ListingDeclaration, ListingKind } from '../model/index.ts';
import { KubevidenceError, reasonOf } from '../model/index.ts';
import type { Ingest } from '../sources/index.ts';
import { createIngest, createRecordingSink, readFiles } from '../sources/index.ts';
import { loadLogSigner } from './keys.ts';
import type { CallMessage, CollectionWorker, PlanArguments, ReplyMessage, WorkerSettings } from './worker-protocol.ts';

process.umask(0o077);
const settings = workerData as WorkerSettings;
const clock = () => new Date();

async function openForWriting(): Promise<Ledger | null> {
  if (settings.ledger === null) return null;
  const { path, logKey, passphraseFile, create } = settings.ledger;
  return openLedger({ path, mode: 'write', clock, signer: await loadLogSigner(logKey, passphraseFile), create });
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

const ledger = await openForWriting();
let planned: { readonly cluster: string; readonly number: number; readonly uuid: string; readonly listings: PlanArguments['listings'] } | null = null;
let writer: RunWriter | null = null;
let recording: ReturnType<typeof createRecordingSink> | null = null;
let ingest: Ingest | null = null;

function working(): Ingest {
  if (ingest === null) throw new KubevidenceError('defect', 'the run was not started');
  return ingest;
}

const methods: CollectionWorker = {
  plan(plan) {
    const { cluster, uuid, kind, slot, listings, definitions } = plan;
    const run = ledger?.planRun({ cluster, uuid, kind, slot, definitions, tool: settings.tool, collectors: listings.map((listing) => ({ kind: listing.kind, version: listing.collectorVersion })) });
    planned = { cluster, uuid, listings, number: run?.number ?? 0 };
    return run ?? null;
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
      recording = createRecordingSink(settings.record, { uuid: planned.uuid, identity, tool: settings.tool, observedAt: clock().toISOString() });
      sinks.push(recording);
    }
    ingest = createIngest({ collectors, sink: tee(sinks), keepAnnotations: settings.keepAnnotations, clock });
  },
  page: (kind, requestIndex, request, body) => working().page(kind, requestIndex, request, body),
  restart: (kind) => working().restart(kind),
  put: (kind, objects) => working().putRaw(kind, objects.map((raw) => ({ raw }))),
  files: (paths, kinds) =>
    readFiles({ paths, declarations: kinds.map(declared), ingest: working(), clock, closeAs: settings.filesAssurance }),
  closeListing(kind, outcome) {
    working().close(kind, outcome);
  },
  end(end) {
    recording?.end({ status: end.status, identity: end.identity, endedAt: end.endedAt });
    if (planned === null || ledger === null) return null;
    // A run that failed before it could read anything is started only to be ended.
    writer ??= ledger.startRun({ cluster: planned.cluster, number: planned.number, identity: end.identity, scope: 'cluster', listings: [] });
    return writer.end(end);
  },
  checkpoint: () => ledger?.checkpoint().note ?? null,
};

function declared(kind: ListingKind): ListingDeclaration {
  const found = declarationOf(kind);
  if (found === undefined) throw new KubevidenceError('defect', `unknown listing ${kind}`);
  return found;
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
