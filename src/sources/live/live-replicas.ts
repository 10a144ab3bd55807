/**
 * Connections to single API server replicas, for the same credentials. Their addresses come from the cluster, so whoever can write there
 * could name any host: a connection is made only where the kubeconfig brings the cluster's own CA, the host must show a certificate of that
 * CA for `kubernetes.default.svc` before it learns anything of our credentials, no proxy is used, and addresses that belong to this machine
 * or to its link are refused (docs/decisions/0018).
 */
import { BlockList, isIP } from 'node:net';
import { connect } from 'node:tls';
import { clip, KubevidenceError } from '../../model/index.ts';
import { explain, TransportFailure } from './http-failure.ts';
import type { ServerConnection } from './live-access.ts';

const serverName = 'kubernetes.default.svc';

const own = new BlockList();
own.addSubnet('127.0.0.0', 8, 'ipv4');
own.addAddress('::1', 'ipv6');

/** This network, links (metadata services of clouds among them), multicast and broadcast: nowhere an API server is reached from outside. */
const never = new BlockList();
never.addSubnet('0.0.0.0', 8, 'ipv4');
never.addSubnet('169.254.0.0', 16, 'ipv4');
never.addSubnet('224.0.0.0', 3, 'ipv4');
never.addAddress('::', 'ipv6');
never.addSubnet('fe80::', 10, 'ipv6');
never.addSubnet('ff00::', 8, 'ipv6');
// AWS answers for metadata here, in the range of private addresses.
never.addAddress('fd00:ec2::254', 'ipv6');

function isIn(list: BlockList, host: string): boolean {
  // An IPv4 address inside an IPv6 one is checked as what it is.
  return list.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4');
}

function isOwnMachine({ url }: ServerConnection): boolean {
  const host = hostOf(url);
  return host === 'localhost' || (isIP(host) !== 0 && isIn(own, host));
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

/** How to reach one replica of this cluster; `url` is its address without a path. Throws `unreachable` for what must not be tried. */
export function connectionToReplica(cluster: ServerConnection, url: URL): ServerConnection {
  const host = hostOf(url);
  const refuse = (why: string, next: string): never => {
    throw new KubevidenceError('unreachable', `${clip(url.host, 120)} was not asked: ${why}`, { next });
  };
  if (url.protocol !== 'https:' || isIP(host) === 0)
    return refuse('it is no IP address for HTTPS', 'look who wrote the EndpointSlice kubernetes in default');
  if (cluster.ca === undefined || cluster.insecure)
    return refuse(
      'the kubeconfig does not bring the CA of the cluster, so its certificate could not be verified',
      'set certificate-authority-data in the kubeconfig, or turn `apiServers: each` off',
    );
  if (isIn(never, host) || (isIn(own, host) && !isOwnMachine(cluster)))
    return refuse(
      'the address belongs to this machine or to its link, where no API server of a cluster is',
      'look who wrote the EndpointSlice kubernetes in default',
    );
  return { url, ca: cluster.ca, insecure: false, serverName };
}

/**
 * A handshake without credentials, which every connection to a replica waits for: node verifies a server when the handshake is over, and by
 * then it has shown a client certificate. Rejects with TransportFailure.
 */
export function proveReplica(connection: ServerConnection, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const { url, ca, serverName = '' } = connection;
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: hostOf(url),
      port: Number(url.port || 443),
      ...(ca !== undefined && { ca }),
      servername: serverName,
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
    });
    const end = (failure?: TransportFailure) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      socket.destroy();
      if (failure === undefined) resolve();
      else reject(failure);
    };
    const abort = () => end(new TransportFailure('the request was given up', 'never'));
    const late = () => end(new TransportFailure(`no answer from ${clip(url.host, 120)} within ${timeoutMs / 1000} s`, 'later'));
    const timer = setTimeout(late, timeoutMs);
    signal.addEventListener('abort', abort, { once: true });
    socket.once('secureConnect', () => end());
    socket.on('error', (error) => end(explain(error, connection, false)));
    if (signal.aborted) abort();
  });
}
