/** A local API server of a test's own making, a source that asks it, and a feed that parses as the worker does. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach } from 'vitest';
import { KubevidenceError, type ListingKind, type RequestSpec } from '../../src/model/index.ts';
import {
  type ListingOutcome,
  type LiveOptions,
  type LiveProgress,
  type LiveSource,
  openLiveSource,
  type PageFeed,
  type PlannedListing,
  resolveCluster,
} from '../../src/sources/index.ts';
import { makeKubeconfig, pem } from './tls.ts';

export type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => void;
export const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

export function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
}

export function serve(handler: Handler, tls: ServerOptions = {}): Promise<number> {
  return listen(
    createServer({ cert: pem.serverCert, key: pem.serverKey, ...tls }, (request, response) =>
      handler(request, response, new URL(request.url ?? '/', 'https://x')),
    ),
  );
}

export const directory = mkdtempSync(join(tmpdir(), 'live-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
export const runUuid = '5f3c9f0e-0000-4000-8000-000000000001';

export interface Opened extends LiveSource {
  readonly slept: number[];
  readonly events: LiveProgress[];
}

export async function open(
  port: number,
  options: Partial<LiveOptions> = {},
  user: object = { token: 'a-token' },
  cluster: object = {},
): Promise<Opened> {
  const file = join(directory, `config-${port}`);
  writeFileSync(file, makeKubeconfig(`https://127.0.0.1:${port}`, user, cluster));
  const access = await resolveCluster({ kubeconfig: file, env: { PATH: process.env['PATH'] } });
  const slept: number[] = [];
  const events: LiveProgress[] = [];
  const source = openLiveSource(access, {
    runUuid,
    clock: () => new Date('2026-07-01T00:00:00Z'),
    userAgent: 'kubevidence/test',
    sleep: async (ms) => void slept.push(ms),
    onProgress: (event) => events.push(event),
    ...options,
  });
  cleanups.push(() => source.close());
  return Object.assign(Object.create(source) as LiveSource, { slept, events });
}

/** A feed that parses as the worker does. */
export class Pages implements PageFeed {
  readonly items: unknown[] = [];
  readonly closed: [ListingKind, ListingOutcome][] = [];
  readonly log: string[] = [];
  async page(_kind: ListingKind, index: number, _request: RequestSpec, body: Uint8Array) {
    this.log.push(`page ${index}`);
    // As a worker that takes the buffer: it must be whole and of its own.
    if (body.byteLength !== body.buffer.byteLength) throw new Error('a view on a part of a buffer');
    const taken = structuredClone(body, { transfer: [body.buffer as ArrayBuffer] });
    await Promise.resolve();
    let list: { items?: unknown[]; rows?: unknown[]; metadata: { resourceVersion?: string; continue?: string } };
    try {
      list = JSON.parse(Buffer.from(taken).toString('utf8')) as typeof list;
    } catch {
      throw new KubevidenceError('input', 'not JSON');
    }
    const items = list.items ?? list.rows ?? [];
    this.items.push(...items);
    const { resourceVersion, continue: token } = list.metadata;
    return {
      items: items.length,
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(token !== undefined && { continue: token }),
    };
  }
  async room(): Promise<void> {}
  restart(_kind: ListingKind, index: number): void {
    this.log.push(`restart ${index}`);
    this.items.length = 0;
  }
  close(kind: ListingKind, outcome: ListingOutcome): void {
    this.closed.push([kind, outcome]);
  }
}

export const page = (items: readonly unknown[], more?: string, resourceVersion = '7') =>
  JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: { resourceVersion, ...(more && { continue: more }) }, items });
export const send = (response: ServerResponse, status: number, body: string | Buffer, headers: Record<string, string> = {}) =>
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers }).end(body);
export const status = (code: number, message: string, extra: object = {}) =>
  JSON.stringify({ kind: 'Status', metadata: {}, message, code, ...extra });
export const pods: PlannedListing = { kind: 'k8s.pods/pods', requests: [{ path: '/api/v1/pods', paged: true, what: 'pods' }] };
export const table = 'application/json;as=Table;g=meta.k8s.io;v=v1';
export const secrets: PlannedListing = {
  kind: 'k8s.secrets/secrets',
  requests: [{ path: '/api/v1/secrets', query: { includeObject: 'None' }, accept: table, paged: true, what: 'secrets' }],
};

export async function read(handler: Handler, planned = pods, options: Partial<LiveOptions> = {}) {
  const source = await open(await serve(handler), options);
  const feed = new Pages();
  const outcome = await source.readListing(planned, feed);
  return { source, feed, outcome, record: outcome.requests[0], gap: outcome.gaps[0] };
}
