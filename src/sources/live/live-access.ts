/**
 * From a context to everything a request needs: where the server is, whom to trust there, who we are. Resolving fails before the first
 * request for everything that can be known without one, and what weakens the connection is told in `warnings`, never silently done.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { at, clip, type Clock, type JsonObject, KubevidenceError, listAt, type Place, textAt } from '../../model/index.ts';
import {
  findEntry,
  type Kubeconfig,
  type KubeconfigEntry,
  type KubeconfigOptions,
  readKubeconfig,
  readNamedFile,
  textOf,
} from './kubeconfig.ts';
import { type CredentialSource, credentialsOf, readPem, tokenFileCredentials } from './live-credentials.ts';

export interface ClusterOptions extends KubeconfigOptions {
  /** Default: the kubeconfig's current context. */
  readonly context?: string | undefined;
  /** Use the ServiceAccount of the pod we run in; no kubeconfig is read. */
  readonly inCluster?: boolean | undefined;
  /** Default 15 s. */
  readonly execTimeoutMs?: number | undefined;
  readonly clock?: Clock;
}

/** How to connect, without credentials. */
export interface ServerConnection {
  readonly url: URL;
  /** PEM. Absent: the certificates that the system trusts. */
  readonly ca?: string;
  /** The server's certificate is not checked at all. */
  readonly insecure: boolean;
  /** The name that the certificate must have instead of the URL's. */
  readonly serverName?: string;
  readonly proxy?: URL;
}

/** One cluster, ready to be asked. Holds no credential as a value: `credentials` is a function, so printing an access prints none. */
export interface ClusterAccess {
  readonly contextName: string;
  readonly server: string;
  /** SHA-256 over the DER of the first CA certificate, hex; null when the system's roots or none are used. */
  readonly caFingerprint: string | null;
  /** Sentences, safe to print. */
  readonly warnings: readonly string[];
  readonly connection: ServerConnection;
  readonly credentials: CredentialSource;
  /** Impersonation headers that the kubeconfig's user asks for. */
  readonly headers: Readonly<Record<string, string | string[]>>;
}

const defaultExecTimeoutMs = 15_000;
/** Where the kubelet mounts a pod's ServiceAccount. */
const serviceAccountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * Resolves a context, and gets its credentials once, so that a missing file, an expired certificate or a failing plugin is told here.
 * Throws KubevidenceError: 'configuration' for what the kubeconfig says wrongly, 'unreachable' for credentials that cannot be had.
 */
export async function resolveCluster(options: ClusterOptions): Promise<ClusterAccess> {
  const access = options.inCluster === true ? resolveInCluster(options) : resolveContext(readKubeconfig(options), options);
  await access.credentials();
  return access;
}

/** The access of a pod's own ServiceAccount. `directory` is where it is mounted. */
export function resolveInCluster(options: Pick<ClusterOptions, 'env' | 'clock'>, directory = serviceAccountDirectory): ClusterAccess {
  const host = options.env['KUBERNETES_SERVICE_HOST'];
  const port = options.env['KUBERNETES_SERVICE_PORT'];
  const tokenFile = join(directory, 'token');
  if (!host || !port || !existsSync(tokenFile)) {
    const missing = host && port ? `${tokenFile} does not exist` : 'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set';
    throw new KubevidenceError('configuration', `\`inCluster\` needs a pod with a ServiceAccount, and ${missing}`, {
      next: 'run in a pod with automountServiceAccountToken, or name a kubeconfig context instead',
    });
  }
  const ca = readNamedFile(join(directory, 'ca.crt'), 'cluster CA', undefined).toString('latin1');
  const url = readServer(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`, undefined);
  return {
    contextName: 'in-cluster',
    server: url.href.replace(/\/$/, ''),
    caFingerprint: fingerprintCa(ca, undefined),
    warnings: [],
    connection: { url, ca, insecure: false },
    credentials: tokenFileCredentials(tokenFile, options.clock ?? systemClock),
    headers: {},
  };
}

function resolveContext(config: Kubeconfig, options: ClusterOptions): ClusterAccess {
  const contextName = options.context ?? config.currentContext;
  if (!contextName) {
    throw new KubevidenceError('configuration', 'the kubeconfig has no current context', {
      place: { file: config.files[0] ?? '', key: 'current-context' },
      next: `name one with --context: ${clip([...config.contexts.keys()].slice(0, 12).join(', '), 300)}`,
    });
  }
  const context = findEntry(config, 'contexts', contextName);
  const clusterName = textOf(context, 'cluster');
  if (clusterName === undefined) {
    throw new KubevidenceError('configuration', `the context "${clip(contextName, 80)}" names no cluster`, {
      place: context.placeOf('cluster'),
    });
  }
  const cluster = findEntry(config, 'clusters', clusterName, context.placeOf('cluster'));
  const userName = textOf(context, 'user');
  const user = userName === undefined ? undefined : findEntry(config, 'users', userName, context.placeOf('user'));
  const warnings = [`contexts/${contextName}`, `clusters/${clusterName}`, `users/${userName}`].flatMap(
    (key) => config.collisions.get(key) ?? [],
  );
  const connection = readConnection(cluster, warnings);
  if (connection.proxy === undefined && (options.env['HTTPS_PROXY'] || options.env['https_proxy'])) {
    warnings.push("HTTPS_PROXY is not used: set the cluster's proxy-url in the kubeconfig when the API server is behind a proxy");
  }
  if (user === undefined) warnings.push(`the context "${clip(contextName, 80)}" names no user: requests are anonymous`);
  return {
    contextName,
    server: connection.url.href.replace(/\/$/, ''),
    caFingerprint: connection.ca === undefined ? null : fingerprintCa(connection.ca, cluster.placeOf('certificate-authority-data')),
    warnings,
    connection,
    credentials:
      user === undefined
        ? () => anonymous
        : credentialsOf(user, {
            env: options.env,
            clock: options.clock ?? systemClock,
            execTimeoutMs: options.execTimeoutMs ?? defaultExecTimeoutMs,
            clusterInfo: () => describeForPlugin(cluster, connection),
            warn: (sentence) => warnings.push(sentence),
          }),
    headers: user === undefined ? {} : readImpersonation(user),
  };
}

const anonymous = Promise.resolve({});
const systemClock: Clock = () => new Date();

function readConnection(cluster: KubeconfigEntry, warnings: string[]): ServerConnection {
  const server = textOf(cluster, 'server');
  const name = clip(cluster.name, 80);
  if (server === undefined)
    throw new KubevidenceError('configuration', `the cluster "${name}" names no server`, { place: cluster.placeOf('server') });
  const url = readServer(server, cluster.placeOf('server'));
  const insecure = cluster.body['insecure-skip-tls-verify'] === true;
  const ca = readPem(cluster, 'certificate-authority', 'cluster CA');
  if (insecure && ca !== undefined) {
    throw new KubevidenceError(
      'configuration',
      `the cluster "${name}" has a CA and insecure-skip-tls-verify, which contradict each other`,
      {
        place: cluster.placeOf('insecure-skip-tls-verify'),
        next: 'remove insecure-skip-tls-verify',
      },
    );
  }
  if (insecure) {
    warnings.push(
      `the certificate of ${clip(url.host, 120)} is not checked (insecure-skip-tls-verify): whoever answers there could be anyone`,
    );
  }
  if (url.protocol === 'http:') warnings.push(`the connection to ${clip(url.host, 120)} is not encrypted`);
  const serverName = textOf(cluster, 'tls-server-name');
  const proxy = textOf(cluster, 'proxy-url');
  return {
    url,
    insecure,
    ...(ca !== undefined && { ca }),
    ...(serverName !== undefined && { serverName }),
    ...(proxy !== undefined && { proxy: readProxy(proxy, cluster.placeOf('proxy-url')) }),
  };
}

function readServer(text: string, place: Place | undefined): URL {
  const url = URL.parse(text.includes('://') ? text : `https://${text}`);
  const where = place === undefined ? {} : { place };
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.username !== '' || url.search !== '') {
    throw new KubevidenceError('configuration', 'the server of the cluster is not a URL such as https://10.0.0.1:6443', where);
  }
  // `kubectl proxy` listens there; anywhere else a credential would travel in the clear.
  if (url.protocol === 'http:' && !/^(localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname)) {
    throw new KubevidenceError('configuration', `the server ${clip(url.host, 120)} is asked without TLS`, {
      ...where,
      next: 'use its https:// address',
    });
  }
  return url;
}

function readProxy(text: string, place: Place): URL {
  const url = URL.parse(text);
  if (url !== null && ['http:', 'https:', 'socks5:', 'socks5h:'].includes(url.protocol) && url.hostname !== '') return url;
  throw new KubevidenceError('configuration', 'proxy-url must be an http://, https:// or socks5:// URL', { place });
}

function fingerprintCa(pem: string, place: Place | undefined): string {
  try {
    return createHash('sha256').update(new X509Certificate(pem).raw).digest('hex');
  } catch (error) {
    throw new KubevidenceError('configuration', 'the cluster CA is not a PEM certificate', { ...(place && { place }), cause: error });
  }
}

function readImpersonation(user: KubeconfigEntry): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  const name = textOf(user, 'as');
  if (name !== undefined) headers['impersonate-user'] = name;
  const uid = textOf(user, 'as-uid');
  if (uid !== undefined) headers['impersonate-uid'] = uid;
  const groups = listAt(user.body, 'as-groups').map(String);
  if (groups.length > 0) headers['impersonate-group'] = groups;
  for (const key of Object.keys((at(user.body, 'as-user-extra') ?? {}) as JsonObject)) {
    headers[`impersonate-extra-${encodeURIComponent(key.toLowerCase())}`] = listAt(user.body, 'as-user-extra', key).map(String);
  }
  const unfit = Object.values(headers)
    .flat()
    .some((value) => !/^[\x20-\x7e]*$/.test(value));
  if (unfit)
    throw new KubevidenceError('configuration', 'an impersonated name has characters that no HTTP header can carry', {
      place: user.placeOf('as'),
    });
  return headers;
}

/** `ExecCredential.spec.cluster` (client.authentication.k8s.io/v1). */
function describeForPlugin(cluster: KubeconfigEntry, connection: ServerConnection): JsonObject {
  const extension = listAt(cluster.body, 'extensions').find((entry) => textAt(entry, 'name') === 'client.authentication.k8s.io/exec');
  const config = at(extension, 'extension');
  return {
    server: textOf(cluster, 'server'),
    'tls-server-name': connection.serverName,
    'insecure-skip-tls-verify': connection.insecure || undefined,
    'certificate-authority-data': connection.ca === undefined ? undefined : Buffer.from(connection.ca, 'latin1').toString('base64'),
    'proxy-url': connection.proxy?.href,
    config,
  };
}
