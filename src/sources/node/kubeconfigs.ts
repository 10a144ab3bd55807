/** What a kubeconfig on the node leads to and by which kind of credential: the server and, of a certificate, what it says of itself. */
import { posix } from 'node:path';
import type { JsonObject } from '../../model/index.ts';
import { at, clip, isObject, listAt, textAt } from '../../model/index.ts';
import { describeCertificate } from '../certificate-facts.ts';
import { readCertificates } from './certificates.ts';
import type { Failure, Root } from './root.ts';
import { isFailure } from './root.ts';
import { readObject } from './yaml.ts';

export type Kubeconfig = {
  readonly server: string;
  readonly credential: 'certificate' | 'token' | 'exec' | 'none';
  readonly certificate: JsonObject | null;
  /** Why the certificate that it names could not be read. */
  readonly problem?: Failure & { readonly path: string };
};

export function readKubeconfig(root: Root, path: string): Kubeconfig | Failure {
  const config = readObject(root, path, { group: '', kind: 'Config' });
  if (isFailure(config)) return config;
  const named = (list: string, name: string | undefined, field: string) =>
    at(
      listAt(config, list).find((entry) => textAt(entry, 'name') === name),
      field,
    );
  const context = named('contexts', textAt(config, 'current-context'), 'context');
  const server = serverOf(textAt(named('clusters', textAt(context, 'cluster'), 'cluster'), 'server'));
  const user = named('users', textAt(context, 'user'), 'user');
  const has = (field: string) => isObject(user) && user[field] !== undefined && user[field] !== null && user[field] !== '';
  if (has('client-certificate-data')) {
    const pem = Buffer.from(textAt(user, 'client-certificate-data') ?? '', 'base64').toString('latin1');
    const certificate = describeCertificate(pem);
    return { server, credential: 'certificate', certificate: certificate === undefined ? null : { position: 0, ...certificate } };
  }
  if (has('client-certificate')) {
    const file = posix.resolve(posix.dirname(path), textAt(user, 'client-certificate') ?? '');
    const read = readCertificates(root, file);
    if (isFailure(read))
      return { server, credential: 'certificate', certificate: null, problem: { reason: read.reason, detail: read.detail, path: file } };
    const certificate = describeCertificate(read.pems[0] ?? '');
    return {
      server,
      credential: 'certificate',
      certificate: certificate === undefined ? null : { path: file, position: 0, ...certificate },
    };
  }
  const credential = has('token') || has('tokenFile') || has('username') ? 'token' : has('exec') || has('auth-provider') ? 'exec' : 'none';
  return { server, credential, certificate: null };
}

/** The address without what could be a credential in it. */
function serverOf(text: string | undefined): string {
  try {
    const { protocol, host, pathname } = new URL(text ?? '');
    return clip(`${protocol}//${host}${pathname === '/' ? '' : pathname}`, 512);
  } catch {
    return '';
  }
}
