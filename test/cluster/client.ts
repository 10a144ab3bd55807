/** A plain HTTPS client for one API server with one client certificate over keep-alive connections: for the harness, not under test. */
import { readFileSync } from 'node:fs';
import { Agent, request as httpsRequest } from 'node:https';

export type ApiResponse = { readonly status: number; readonly headers: NodeJS.Dict<string | string[]>; readonly body: string };
export type ApiRequest = { readonly accept?: string; readonly body?: unknown; readonly contentType?: string };

/** A Kubernetes object as the tests write it. */
export type KubeObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [key: string]: unknown };
  readonly [key: string]: unknown;
};

export type ApiClient = {
  /** One request; any status is an answer, only a broken connection throws. */
  send(method: string, path: string, options?: ApiRequest): Promise<ApiResponse>;
  /** The parsed JSON of a 2xx answer; anything else throws, with the server's message. */
  json<T = unknown>(method: string, path: string, options?: ApiRequest): Promise<T>;
  close(): void;
};

export function openClient(server: string, files: { ca: string; cert: string; key: string }, connections = 16): ApiClient {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: connections,
    ca: readFileSync(files.ca),
    cert: readFileSync(files.cert),
    key: readFileSync(files.key),
  });
  const send: ApiClient['send'] = (method, path, { accept = 'application/json', body, contentType = 'application/json' } = {}) =>
    new Promise((resolve, reject) => {
      const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
      const headers = { accept, ...(bytes ? { 'content-type': contentType, 'content-length': bytes.length } : {}) };
      const request = httpsRequest(new URL(path, server), { method, agent, headers, timeout: 60_000 }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString('utf8') }),
        );
      });
      request.on('timeout', () => request.destroy(new Error(`no answer to ${method} ${path} within 60 s`)));
      request.on('error', reject);
      request.end(bytes);
    });
  return {
    send,
    async json<T>(method: string, path: string, options?: ApiRequest) {
      const { status, body } = await send(method, path, options);
      if (status < 200 || status > 299) throw new Error(`${method} ${path}: ${status} ${body.slice(0, 500)}`);
      return JSON.parse(body) as T;
    },
    close: () => agent.destroy(),
  };
}
