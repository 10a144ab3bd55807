/**
 * Every certificate request that is still there: who asked which signer, and how it was decided. What the certificate says about its
 * holder is in the request, which is not kept.
 */
import type { Population, StoredObject } from '../../model/index.ts';
import { at, listAt, textAt } from '../../model/index.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';

function condition(request: StoredObject, type: string) {
  return listAt(request.body, 'status', 'conditions').find(
    (each) => textAt(each, 'type') === type && (textAt(each, 'status') ?? 'True') !== 'False',
  );
}

export const certificateRequests: Population = {
  name: 'certificateRequests',
  doc: 'A certificate request that is still there, with its signer, who asked, and how it was decided',
  from: ['k8s.certificates/certificatesigningrequests'],
  *rows(input) {
    const unique = uniqueKeys();
    for (const object of input.each('k8s.certificates/certificatesigningrequests')) {
      const approval = condition(object, 'Approved');
      const requester = textAt(object.body, 'spec', 'username') ?? '';
      yield {
        item: unique(segment(object.name)),
        resource: resourceOf(object),
        evidence: [object.id],
        request: object.name,
        signer: textAt(object.body, 'spec', 'signerName') ?? '',
        requester,
        byNode: requester.startsWith('system:node:') && listAt(object.body, 'spec', 'groups').includes('system:nodes'),
        approved: approval !== undefined,
        reason: textAt(approval, 'reason') ?? '',
        issued: at(object.body, 'status', 'certificate') !== undefined,
      };
    }
  },
};
