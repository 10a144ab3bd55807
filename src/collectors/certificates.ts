/**
 * Certificate requests: who asked which signer for what, and how it was decided. Neither the request nor the certificate is kept, only
 * that one was issued. The controller manager deletes decided requests after an hour, so this is what was there, never all there was.
 */
import type { Collector } from '../model/index.ts';
import { apiListing } from './listing.ts';

export const certificates: Collector = {
  kind: 'k8s.certificates',
  version: 1,
  title: 'Certificate requests',
  listings: [
    apiListing({
      kind: 'k8s.certificates/certificatesigningrequests',
      group: 'certificates.k8s.io',
      version: 'v1',
      resource: 'certificatesigningrequests',
      type: 'CertificateSigningRequest',
      withoutIt: 'which certificates the cluster was asked for is unknown',
      keep: [
        { path: 'metadata.annotations', as: 'annotations' },
        'spec.expirationSeconds',
        'spec.groups',
        'spec.signerName',
        'spec.usages',
        'spec.username',
        { path: 'status.certificate', as: 'literal' },
        'status.conditions.lastUpdateTime',
        'status.conditions.reason',
        'status.conditions.status',
        'status.conditions.type',
      ],
    }),
  ],
};
