/**
 * Certificates that cert-manager issues: what they are for and when they end, from their status, so that a Secret with a certificate need
 * not be read. Off unless switched on: most clusters do not serve them, and the least rights should not name what is not there.
 */
import type { Collector } from '../model/index.ts';
import { apiListing } from './listing.ts';

export const certmanager: Collector = {
  kind: 'k8s.certmanager',
  version: 1,
  title: 'Certificates of cert-manager',
  optIn: true,
  listings: [
    apiListing({
      kind: 'k8s.certmanager/certificates',
      group: 'cert-manager.io',
      version: 'v1',
      resource: 'certificates',
      type: 'Certificate',
      withoutIt: 'when certificates in Secrets end is unknown, because the Secrets are never read',
      keep: [
        { path: 'metadata.annotations', as: 'annotations' },
        'spec.commonName',
        'spec.dnsNames',
        'spec.duration',
        'spec.isCA',
        'spec.issuerRef',
        'spec.privateKey.algorithm',
        'spec.privateKey.rotationPolicy',
        'spec.privateKey.size',
        'spec.renewBefore',
        'spec.secretName',
        'status.conditions.lastTransitionTime',
        'status.conditions.reason',
        'status.conditions.status',
        'status.conditions.type',
        'status.notAfter',
        'status.notBefore',
        'status.renewalTime',
      ],
    }),
  ],
};
