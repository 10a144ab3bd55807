/**
 * The main thread's side of a collection worker: calls in order, replies by id, and a bounded queue of pages. A worker that dies rejects
 * everything that waits for it, so that a collection can end as failed instead of hanging.
 */
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { ErrorCode } from '../../model/index.ts';
import { KubevidenceError } from '../../model/index.ts';
import type { CallMessage, CollectionWorker, ReplyMessage } from './worker-protocol.ts';

/** Pages that may wait in the worker's queue; with 500 objects each about 5 MB, so memory stays flat. */
const queueLimit = 3;

/**
 * Room for the objects that are under way, 64 at a time, so that they die where they are born, and pages with them. More costs memory: with
 * 48 the first collection of the benchmark takes 20 MB more, and is no faster.
 */
const youngMb = 24;

type Remote = {
  readonly [K in keyof CollectionWorker]: (...args: Parameters<CollectionWorker[K]>) => Promise<Awaited<ReturnType<CollectionWorker[K]>>>;
};

export interface WorkerClient extends Remote {
  /** Resolves when another page may be sent. */
  room(): Promise<void>;
  close(): Promise<void>;
  /** Is told what the worker has to say that is no failure. */
  onWarning: (text: string) => void;
}

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/** Starts the thread, which loads its code meanwhile; `open` comes first. */
export function startWorker(): WorkerClient {
  // The source runs as it is by type stripping; the built package has worker.js beside this file.
  const worker = new Worker(new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url), {
    resourceLimits: { maxYoungGenerationSizeMb: youngMb },
    env: environment(),
  });
  const waiting = new Map<number, Waiting>();
  const hungry: (() => void)[] = [];
  let lastId = 0;
  let pages = 0;
  let dead: unknown = null;

  const fail = (error: unknown) => {
    dead ??= error;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
    for (const wake of hungry.splice(0)) wake();
  };
  worker.on('message', (reply: ReplyMessage) => {
    if (reply.id === 0) return client.onWarning(String(reply.value));
    const call = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (reply.error) call?.reject(revive(reply.error));
    else call?.resolve(reply.value as never);
  });
  worker.on('error', fail);
  worker.on('exit', (code) => {
    if (code !== 0 || waiting.size > 0) fail(new KubevidenceError('defect', `the collection worker ended with code ${code}`));
  });

  function call<T>(method: keyof CollectionWorker, args: readonly unknown[], transfer: ArrayBuffer[] = []): Promise<T> {
    if (dead !== null) return Promise.reject(dead);
    const message: CallMessage = { id: ++lastId, method, args };
    return new Promise<T>((resolve, reject) => {
      waiting.set(message.id, { resolve, reject });
      worker.postMessage(message, transfer);
    });
  }

  const client: WorkerClient = {
    onWarning: () => {},
    open: (...args) => call('open', args),
    plan: (...args) => call('plan', args),
    start: (...args) => call('start', args),
    async page(kind, requestIndex, request, body) {
      pages += 1;
      try {
        // Only a view over its whole buffer can be given away; a slice of a pool is copied.
        const whole = body.byteLength === body.buffer.byteLength ? body : new Uint8Array(body);
        return await call('page', [kind, requestIndex, request, whole], [whole.buffer as ArrayBuffer]);
      } finally {
        pages -= 1;
        for (const wake of hungry.splice(0)) wake();
      }
    },
    restart: (...args) => call('restart', args),
    put: (...args) => call('put', args),
    files: (...args) => call('files', args),
    closeListing: (...args) => call('closeListing', args),
    end: (...args) => call('end', args),
    replay: (...args) => call('replay', args),
    checkpoint: () => call('checkpoint', []),
    async close() {
      await worker.terminate();
    },
    async room() {
      const full = () => pages >= queueLimit && dead === null;
      while (full()) await new Promise<void>((resolve) => hungry.push(resolve));
      if (dead !== null) throw dead;
    },
  };
  return client;
}

/** The cache of compiled code that this thread uses, if any: a thread finds it in its environment. */
function environment(): NodeJS.ProcessEnv {
  const cache = getCompileCacheDir();
  return cache === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(cache) };
}

function revive(error: NonNullable<ReplyMessage['error']>): Error {
  if (error.code !== 'unexpected') return new KubevidenceError(error.code as ErrorCode, error.message, error.details);
  const unexpected = new Error(error.message);
  if (error.stack) unexpected.stack = error.stack;
  return unexpected;
}
