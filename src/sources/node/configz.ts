/**
 * What the running kubelet says of its configuration (`/configz`), asked directly and not through the API server, whose way to it
 * (`nodes/proxy`) amounts to running commands on every node. The credential is one that may do nothing else, which is tried; the kubelet's
 * certificate must be of the cluster's CA and of this node. There is no insecure way: what cannot be verified is not read.
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { posix } from 'node:path';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { JsonObject } from '../../model/index.ts';
import { at, isObject, KubevidenceError, listAt, reasonOf, textAt, visible } from '../../model/index.ts';
import { parseFile } from '../files/files-parse.ts';
import type { Failure } from './root.ts';

/** From a kubeconfig whose server is the kubelet. */
export interface KubeletAccess {
  readonly url: URL;
  readonly ca: string;
  /** The name that its certificate must have, where that is not the address's. */
  readonly serverName?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
}

const timeoutMs = 10_000;
const largest = 4 * 1024 * 1024;

/** Throws KubevidenceError('configuration') for a file that is no kubeconfig of a kubelet. */
export function readKubeletAccess(file: string): KubeletAccess {
  const fail = (why: string, cause?: unknown): never => {
    throw new KubevidenceError('configuration', `${visible(file)} is no kubeconfig of a kubelet: ${why}`, {
      next: 'docs/nodes.md shows one: server, certificate-authority, and a client certificate or token.',
      ...(cause === undefined ? {} : { cause }),
    });
  };
  const bytesOf = (path: string): Buffer => {
    try {
      return readFileSync(posix.resolve(posix.dirname(file), path));
    } catch (cause) {
      return fail(`${visible(path)} cannot be read`, cause);
    }
  };
  const { objects } = parseFile(bytesOf(posix.resolve(file)));
  const config = objects.map(({ value }) => value).find((each) => each['kind'] === 'Config') ?? fail('it has no kind Config');
  const named = (list: string, name: string | undefined, field: string) =>
    at(
      listAt(config, list).find((entry) => textAt(entry, 'name') === name),
      field,
    );
  const context = named('contexts', textAt(config, 'current-context'), 'context');
  const cluster = named('clusters', textAt(context, 'cluster'), 'cluster');
  const user = named('users', textAt(context, 'user'), 'user');
  /** `x-data` in it, or the file that `x` names. */
  const pemOf = (where: unknown, field: string): string | undefined => {
    const data = textAt(where, `${field}-data`);
    const path = textAt(where, field);
    return data !== undefined
      ? Buffer.from(data, 'base64').toString('latin1')
      : path === undefined
        ? undefined
        : bytesOf(path).toString('latin1');
  };
  const server = textAt(cluster, 'server') ?? '';
  if (!URL.canParse(server) || !server.startsWith('https:')) fail('its server is no https address');
  if (at(cluster, 'insecure-skip-tls-verify') === true) fail('it skips the verification of the server, and there is no insecure way');
  const ca = pemOf(cluster, 'certificate-authority') ?? fail('it names no certificate authority');
  const cert = pemOf(user, 'client-certificate');
  const key = pemOf(user, 'client-key');
  const tokenFile = textAt(user, 'tokenFile');
  const token = textAt(user, 'token') ?? (tokenFile === undefined ? undefined : bytesOf(tokenFile).toString('utf8').trim());
  if ((cert === undefined || key === undefined) && token === undefined) fail('it has neither a client certificate nor a token');
  const serverName = textAt(cluster, 'tls-server-name');
  return {
    url: new URL(server),
    ca,
    ...(serverName === undefined ? {} : { serverName }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(token === undefined ? {} : { token }),
  };
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** The KubeletConfiguration that runs on `node`, or why it was not read. */
export async function readConfigz(access: KubeletAccess, node: string): Promise<JsonObject | Failure> {
  try {
    // Asked first: a credential that may do more must not be on a node, and is not used.
    for (const path of ['/pods', '/metrics']) {
      const { status } = await ask(access, node, path);
      if (status !== 403)
        return { reason: 'error', detail: `the credential is not limited to get nodes/configz: ${path} answered ${status} and not 403` };
    }
    const { status, body } = await ask(access, node, '/configz');
    if (status !== 200) return { reason: status === 403 || status === 401 ? 'forbidden' : 'error', detail: `/configz answered ${status}` };
    const config = at(JSON.parse(body), 'kubeletconfig');
    return isObject(config) ? config : { reason: 'error', detail: '/configz answered something else' };
  } catch (error) {
    return { reason: 'error', detail: error instanceof SyntaxError ? '/configz answered something that is not JSON' : reasonOf(error) };
  }
}

/** Serving certificates that the cluster signs are of `system:node:NAME` (kubernetes.io/kubelet-serving); others name the node. */
function isOf(peer: PeerCertificate, node: string): boolean {
  return peer.subject?.CN === `system:node:${node}` || checkServerIdentity(node, peer) === undefined;
}

function ask(access: KubeletAccess, node: string, path: string): Promise<Answer> {
  const { request } = process.getBuiltinModule('node:https');
  const { url, ca, cert, key, token, serverName } = access;
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port || 10_250,
        path,
        method: 'GET',
        agent: false,
        ca,
        ...(cert === undefined ? {} : { cert, key }),
        ...(serverName === undefined ? {} : { servername: serverName }),
        // Before anything is sent: the token is for no other kubelet either.
        checkServerIdentity: (host, peer) =>
          checkServerIdentity(host, peer) ?? (isOf(peer, node) ? undefined : new Error(`the kubelet that answers is not that of ${node}`)),
        headers: { accept: 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
        timeout: timeoutMs,
        signal: AbortSignal.timeout(timeoutMs),
      },
      (response: IncomingMessage) => {
        const pieces: Buffer[] = [];
        let size = 0;
        response.on('data', (piece: Buffer) => {
          size += piece.length;
          if (size > largest) sent.destroy(new Error('the answer is too large'));
          else pieces.push(piece);
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces).toString('utf8') }));
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end();
  });
}
