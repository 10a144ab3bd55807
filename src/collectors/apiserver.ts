/**
 * What one API server says about itself: its flags, its version and start, its counters; the certificate that it shows, without a request
 * of its own; and the leases that name every replica. The first three answer for whichever replica the load balancer picked, so a population must compare them with the leases.
 */
import type { Collector, JsonObject, Keep, ListingKind, RawObject } from '../model/index.ts';
import { isObject, textAt } from '../model/index.ts';
import { decodeNothing, decodeObject, notWhatWasAsked } from './decode.ts';
import { controlPlaneFlags } from './flags.ts';
import { apiListing, ownApiVersion } from './listing.ts';
import { decodeMetrics } from './metrics.ts';

// Exactly one media type: plain JSON gets 406, and older servers (1.32 to 1.35) do not have this version, which is a gap.
const page = (as: string) => `application/json;v=v1beta1;g=config.k8s.io;as=${as}`;

const flags: readonly Keep[] = [
  { path: 'flags', as: 'literal' },
  ...[...controlPlaneFlags['kube-apiserver']].sort().map((name) => `flags.${name}`),
];

export const handshakesKind: ListingKind = 'k8s.apiserver/handshakes';

/** The evidence object for a certificate that a server showed, or a CA that the kubeconfig brings. */
export function serverCertificate(facts: JsonObject): RawObject {
  const name = `${textAt(facts, 'role') ?? ''} ${textAt(facts, 'address') ?? ''} ${(textAt(facts, 'fingerprint') ?? '').slice(0, 16)}`;
  return { ...facts, apiVersion: ownApiVersion, kind: 'ServerCertificate', metadata: { name } };
}

export const apiserver: Collector = {
  kind: 'k8s.apiserver',
  version: 1,
  title: 'API server: flags, status, metrics, replicas',
  listings: [
    {
      kind: 'k8s.apiserver/flagz',
      needs: [{ verb: 'get', nonResourceURL: '/flagz' }],
      withoutIt: 'the flags of the API server are known only where it runs as a static pod, without its defaults',
      requests: () => [{ path: '/flagz', accept: page('Flagz'), paged: false, what: 'flagz' }],
      decode: decodeObject('Flagz', (object, request) => {
        if (!isObject(object['flags'])) throw notWhatWasAsked(request, 'it has no flags');
        return object;
      }),
      keep: flags,
      assurance: 'observed',
      accepts: [{ group: 'config.k8s.io', kind: 'Flagz' }],
    },
    {
      kind: 'k8s.apiserver/statusz',
      needs: [{ verb: 'get', nonResourceURL: '/statusz' }],
      withoutIt: 'the start of the API server process is known only from its metrics',
      requests: () => [{ path: '/statusz', accept: page('Statusz'), paged: false, what: 'statusz' }],
      decode: decodeObject('Statusz'),
      // Not uptimeSeconds: it says the same as startTime and changes with every run.
      keep: ['startTime', 'goVersion', 'binaryVersion', 'emulationVersion', 'minimumCompatibilityVersion'],
      assurance: 'observed',
      accepts: [{ group: 'config.k8s.io', kind: 'Statusz' }],
    },
    {
      kind: 'k8s.apiserver/metrics',
      needs: [{ verb: 'get', nonResourceURL: '/metrics' }],
      withoutIt: 'nothing shows that audit events are produced and that Secrets are written encrypted',
      requests: () => [{ path: '/metrics', accept: 'text/plain;version=0.0.4', paged: false, what: 'metrics' }],
      decode: decodeMetrics,
      keep: ['samples.labels', 'samples.value'],
      assurance: 'observed',
    },
    {
      kind: handshakesKind,
      needs: [],
      withoutIt: 'when the certificate of the API server ends, and the CA that is trusted for it, only its host shows',
      requests: () => [],
      decode: decodeNothing,
      keep: 'role address subject issuer notBefore notAfter ca key signature fingerprint spki'.split(' '),
      assurance: 'observed',
    },
    apiListing({
      kind: 'k8s.apiserver/leases',
      group: 'coordination.k8s.io',
      version: 'v1',
      resource: 'leases',
      type: 'Lease',
      namespace: 'kube-system',
      query: { labelSelector: 'apiserver.kubernetes.io/identity=kube-apiserver' },
      withoutIt: 'how many API servers there are is unknown, so what one of them says cannot stand for all',
      keep: ['spec.holderIdentity', 'spec.leaseDurationSeconds', 'spec.renewTime'],
    }),
  ],
};
