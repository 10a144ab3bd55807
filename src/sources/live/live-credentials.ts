/**
 * Credentials of one context, kept per access and never by user name, so that two contexts that share a user name cannot take each
 * other's. Files are read again after a minute, as client-go does for tokens; a plugin's answer holds until its own expiry; what the
 * server refused (401) is dropped at once. The values live in closures only: nothing that is printed or serialised holds them.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { clip, type Clock, isObject, type JsonObject, KubevidenceError, type Place } from '../../model/index.ts';
import { type KubeconfigEntry, pathOf, readNamedFile, textOf } from './kubeconfig.ts';
import { authProviderCredentials } from './live-auth-provider.ts';
import { type Credentials, type ExecAnswer, readExecPlugin, runExecPlugin } from './live-exec.ts';

/**
 * The credentials to use now. `refused`: the server answered 401 to these, get others if there are any. Throws KubevidenceError
 * ('configuration' for what the kubeconfig says wrongly, 'unreachable' for what is expired or a plugin does not give).
 */
export type CredentialSource = (refused?: Credentials) => Promise<Credentials>;

interface CredentialOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly execTimeoutMs: number;
  /** `spec.cluster` for plugins that ask for it. */
  readonly clusterInfo: () => JsonObject;
  /** Takes sentences about the credentials that people should know; safe to print. */
  readonly warn: (sentence: string) => void;
}

const rereadAfterMs = 60_000;

/** The credentials that a user of the kubeconfig stands for. */
export function credentialsOf(user: KubeconfigEntry, options: CredentialOptions): CredentialSource {
  const exec = user.body['exec'];
  if (isObject(exec)) return execCredentials(user, exec, options);
  const provider = user.body['auth-provider'];
  if (isObject(provider)) {
    const beside = readStatic(user, options.clock);
    return authProviderCredentials(user, provider, { ...options, timeoutMs: options.execTimeoutMs, beside });
  }
  const read = () => readStatic(user, options.clock);
  const fromFiles = ['tokenFile', 'client-certificate', 'client-key'].some((key) => textOf(user, key) !== undefined);
  return fromFiles ? rereadCredentials(read, options.clock) : fixedCredentials(read);
}

/** A bearer token in a file that others rotate (a projected ServiceAccount token). */
export function tokenFileCredentials(file: string, clock: Clock): CredentialSource {
  return rereadCredentials(() => ({ authorization: readTokenFile(file, undefined) }), clock);
}

function fixedCredentials(read: () => Credentials): CredentialSource {
  let known: Credentials | undefined;
  return async () => (known ??= read());
}

function rereadCredentials(read: () => Credentials, clock: Clock): CredentialSource {
  let known: Credentials | undefined;
  let readAt = 0;
  return async (refused) => {
    const now = clock().getTime();
    if (known === undefined || refused === known || now - readAt >= rereadAfterMs || now < readAt) {
      const fresh = read();
      if (known === undefined || !same(known, fresh)) known = fresh;
      readAt = now;
    }
    return known;
  };
}

function execCredentials(user: KubeconfigEntry, exec: JsonObject, options: CredentialOptions): CredentialSource {
  const plugin = readExecPlugin(exec, user.file, user.placeOf('exec'), options.clusterInfo);
  let known: ExecAnswer | undefined;
  let running: Promise<ExecAnswer> | undefined;
  return async (refused) => {
    const expired = known?.expiresAt !== undefined && known.expiresAt <= options.clock();
    if (known !== undefined && !expired && refused !== known.credentials) return known.credentials;
    // Requests that run side by side share one start of the plugin.
    running ??= runExecPlugin(plugin, options.env, options.execTimeoutMs).finally(() => {
      running = undefined;
    });
    const answer = await running;
    if (answer.credentials.cert !== undefined && answer.credentials.key !== undefined) {
      checkPair(
        answer.credentials.cert,
        answer.credentials.key,
        `client certificate from ${clip(plugin.command, 80)}`,
        undefined,
        options.clock,
      );
    }
    known = answer;
    return answer.credentials;
  };
}

function readStatic(user: KubeconfigEntry, clock: Clock): Credentials {
  const name = `user "${clip(user.name, 80)}"`;
  const tokenFile = pathOf(user, 'tokenFile');
  const token = textOf(user, 'token');
  const username = textOf(user, 'username');
  // Kubernetes lets tokenFile win over token.
  const authorization =
    tokenFile !== undefined
      ? readTokenFile(tokenFile, user.placeOf('tokenFile'))
      : token !== undefined
        ? bearer(token, `token of the ${name}`, user.placeOf('token'))
        : username !== undefined
          ? `Basic ${Buffer.from(`${username}:${textOf(user, 'password') ?? ''}`).toString('base64')}`
          : undefined;
  const cert = readPem(user, 'client-certificate', 'client certificate');
  const key = readPem(user, 'client-key', 'client key');
  if ((cert === undefined) !== (key === undefined)) {
    const missing = cert === undefined ? 'client-certificate' : 'client-key';
    throw new KubevidenceError(
      'configuration',
      `the ${name} has no ${missing} beside its ${cert === undefined ? 'client-key' : 'client-certificate'}`,
      {
        place: user.placeOf(cert === undefined ? 'client-key' : 'client-certificate'),
      },
    );
  }
  if (cert !== undefined && key !== undefined) {
    checkPair(cert, key, `client certificate of the ${name}`, user.placeOf('client-certificate-data'), clock);
  }
  return { ...(authorization && { authorization }), ...(cert && key && { cert, key }) };
}

/** `<key>-data` wins over the file `<key>`, as in client-go. */
export function readPem(entry: KubeconfigEntry, key: string, what: string): string | undefined {
  const data = textOf(entry, `${key}-data`);
  if (data !== undefined) {
    const pem = Buffer.from(data, 'base64').toString('latin1');
    if (pem.includes('-----BEGIN ')) return pem;
    throw new KubevidenceError('configuration', `the ${what} of "${clip(entry.name, 80)}" is not base64 of PEM text`, {
      place: entry.placeOf(`${key}-data`),
    });
  }
  const file = pathOf(entry, key);
  return file === undefined ? undefined : readNamedFile(file, what, entry.placeOf(key)).toString('latin1');
}

function checkPair(cert: string, key: string, what: string, place: Place | undefined, clock: Clock): void {
  const where = place === undefined ? {} : { place };
  let certificate: X509Certificate;
  let fits: boolean;
  try {
    certificate = new X509Certificate(cert);
    fits = certificate.checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw new KubevidenceError('configuration', `the ${what} or its key is not readable PEM, or the key is encrypted`, {
      ...where,
      cause: error,
    });
  }
  if (!fits) throw new KubevidenceError('configuration', `the ${what} does not belong to its key`, where);
  const until = new Date(certificate.validTo);
  if (until <= clock()) {
    throw new KubevidenceError('unreachable', `the ${what} expired at ${until.toISOString()}`, {
      ...where,
      next: 'renew it (`kubeadm certs renew admin.conf`, or get a new kubeconfig), then try again',
    });
  }
}

function readTokenFile(file: string, place: Place | undefined): string {
  const token = readNamedFile(file, 'token file', place).toString('utf8').trim();
  if (token === '') throw new KubevidenceError('configuration', `the token file ${clip(file, 200)} is empty`, place ? { place } : {});
  return bearer(token, `token in ${clip(file, 200)}`, place);
}

// A header takes no control characters, and node would quote the whole value in its complaint.
function bearer(token: string, what: string, place: Place | undefined): string {
  const text = token.trim();
  if (/^[\x21-\x7e]+$/.test(text)) return `Bearer ${text}`;
  throw new KubevidenceError('configuration', `the ${what} has characters that no HTTP header can carry`, place ? { place } : {});
}

function same(a: Credentials, b: Credentials): boolean {
  return a.authorization === b.authorization && a.cert === b.cert && a.key === b.key;
}
