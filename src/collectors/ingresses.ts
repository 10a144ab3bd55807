/** Every Ingress with its hosts, what it leads to and which certificates it names, and the classes that say which controller serves it. */
import type { Collector } from '../model/index.ts';
import { apiListing } from './listing.ts';

const base = { group: 'networking.k8s.io', version: 'v1' } as const;

export const ingresses: Collector = {
  kind: 'k8s.ingresses',
  version: 2,
  title: 'Ingresses',
  listings: [
    apiListing({
      ...base,
      kind: 'k8s.ingresses/ingresses',
      resource: 'ingresses',
      type: 'Ingress',
      withoutIt: 'whether names that lead into the cluster are served with TLS cannot be assessed',
      keep: [
        { path: 'metadata.annotations', as: 'annotations' },
        'spec.defaultBackend.resource',
        'spec.defaultBackend.service',
        'spec.ingressClassName',
        'spec.rules.host',
        'spec.rules.http.paths.backend.resource',
        'spec.rules.http.paths.backend.service',
        // The path of a webhook can hold its token.
        { path: 'spec.rules.http.paths.path', as: 'text' },
        'spec.rules.http.paths.pathType',
        'spec.tls',
      ],
      since: 1,
    }),
    apiListing({
      ...base,
      kind: 'k8s.ingresses/ingressclasses',
      resource: 'ingressclasses',
      type: 'IngressClass',
      withoutIt: 'which controller serves an Ingress is unknown',
      keep: [{ path: 'metadata.annotations', as: 'annotations' }, 'spec.controller'],
      since: 1,
    }),
  ],
};
