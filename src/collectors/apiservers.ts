/**
 * Each API server replica asked for itself, for clusters with several behind one address: where they are, from the EndpointSlice that they
 * keep themselves, and then what each says of itself. Off unless the configuration asks for it, because it sends the collector's
 * credentials to addresses that the cluster names (docs/decisions/0018).
 */
import type { Collector, Decoder, ListingDeclaration, ListingKind, RequestSpec } from '../model/index.ts';
import { at, isObject, listAt, textAt } from '../model/index.ts';
import { apiserver } from './apiserver.ts';
import { decodeObject, notWhatWasAsked } from './decode.ts';

export const replicaAddressesKind: ListingKind = 'k8s.apiservers/endpointslices';

const slice = { namespace: 'default', name: 'kubernetes' };

/** The name and `replica` of what one replica answered say which: metrics of two replicas have the same names. */
function ofReplica(decode: Decoder): Decoder {
  return (body, request) => {
    const replica = URL.parse(request.path)?.host;
    if (replica === undefined) throw notWhatWasAsked(request, 'no replica was asked');
    const page = decode(body, request);
    const named = page.items.map((item) => {
      const metadata = isObject(item['metadata']) ? item['metadata'] : {};
      return { ...item, metadata: { ...metadata, name: `${textAt(metadata, 'name') ?? ''}@${replica}` }, replica };
    });
    return { ...page, items: named };
  };
}

/** The same question as to whichever replica answers, put to each. */
function each(name: 'flagz' | 'statusz' | 'metrics', withoutIt: string): ListingDeclaration {
  const one = apiserver.listings.find(({ kind }) => kind === `k8s.apiserver/${name}`);
  if (one === undefined) throw new Error(`no listing of ${name}`);
  return { ...one, kind: `k8s.apiservers/${name}`, withoutIt, decode: ofReplica(one.decode), keep: ['replica', ...one.keep] };
}

export const apiservers: Collector = {
  kind: 'k8s.apiservers',
  version: 1,
  title: 'Each API server replica: flags, status, metrics',
  optIn: true,
  listings: [
    {
      kind: replicaAddressesKind,
      needs: [
        { apiGroup: 'discovery.k8s.io', resource: 'endpointslices', verb: 'get', resourceNames: [slice.name], namespace: slice.namespace },
      ],
      withoutIt: 'the API servers behind one address cannot be asked one by one',
      requests: () => [
        {
          path: `/apis/discovery.k8s.io/v1/namespaces/${slice.namespace}/endpointslices/${slice.name}`,
          paged: false,
          what: 'addresses of the API servers',
        },
      ],
      decode: decodeObject('EndpointSlice', (object, request) => {
        if (!isReplicaSlice(object)) throw notWhatWasAsked(request, 'it is another EndpointSlice');
        return object;
      }),
      keep: ['addressType', 'endpoints.addresses', 'endpoints.conditions', 'ports.name', 'ports.port', 'ports.protocol'],
      assurance: 'observed',
      accepts: [{ group: 'discovery.k8s.io', kind: 'EndpointSlice' }],
    },
    each('flagz', 'the flags of the API servers are known of one of them'),
    each('statusz', 'the start of each API server process is known only from its metrics'),
    each('metrics', 'what each API server records and encrypts is known of one of them'),
  ],
};

export function isReplicaSlice(object: unknown): boolean {
  return textAt(object, 'metadata', 'namespace') === slice.namespace && textAt(object, 'metadata', 'name') === slice.name;
}

/** Whether each replica is asked for this, once their addresses are known. */
export function asksEachReplica(kind: ListingKind): boolean {
  return kind.startsWith(`${apiservers.kind}/`) && kind !== replicaAddressesKind;
}

/** `10.0.0.1:6443`, `[fd00::1]:6443`: every address of a slice with every of its TCP ports, sorted, each once. */
export function replicaAddresses(endpointSlice: unknown): readonly string[] {
  const ports = listAt(endpointSlice, 'ports').flatMap((port) => {
    const number = at(port, 'port');
    return typeof number === 'number' && (textAt(port, 'protocol') ?? 'TCP') === 'TCP' ? [number] : [];
  });
  // Those that are not ready are asked too: they are replicas, and silence is a gap.
  const hosts = listAt(endpointSlice, 'endpoints')
    .flatMap((endpoint) => listAt(endpoint, 'addresses'))
    .filter((host) => typeof host === 'string');
  const found = hosts.flatMap((host) => ports.map((port) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)));
  return [...new Set(found)].sort();
}

/** What a listing asks each of these replicas: URLs in place of paths. */
export function requestsOfReplicas({ requests }: ListingDeclaration, addresses: readonly string[]): readonly RequestSpec[] {
  return addresses.flatMap((address) =>
    requests({}).map((request) =>
      Object.assign({}, request, { path: `https://${address}${request.path}`, what: `${request.what} of ${address}` }),
    ),
  );
}
