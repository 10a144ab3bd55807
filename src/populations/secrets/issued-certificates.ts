/**
 * Certificates of cert-manager with what is left of their time, by what cert-manager says of them: the Secrets that hold them are not read,
 * so a certificate that somebody else put into such a Secret is not seen, and neither are those of other issuers.
 */
import type { Population, Row, StoredObject } from '../../model/index.ts';
import { listAt, textAt } from '../../model/index.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';
import { type Extension, groupListing, requireExtension } from './extensions.ts';

export const certManager: Extension = {
  group: 'cert-manager.io',
  version: 'v1',
  collector: 'certmanager',
  listings: ['k8s.certmanager/certificates'],
};

const hour = 3_600_000;

/** Of the condition `Ready`, which all of these tools have. */
export function readiness({ body }: StoredObject, type = 'Ready'): { readonly ready: boolean; readonly reason: string } {
  const condition = listAt(body, 'status', 'conditions').find((each) => textAt(each, 'type') === type);
  return { ready: textAt(condition, 'status') === 'True', reason: textAt(condition, 'reason') ?? '' };
}

function times({ body }: StoredObject, now: number): Pick<Row, string> {
  const notAfter = textAt(body, 'status', 'notAfter') ?? '';
  const ends = Date.parse(notAfter);
  if (Number.isNaN(ends)) return { notAfter: '', issued: false };
  const renewal = Date.parse(textAt(body, 'status', 'renewalTime') ?? '');
  const due = Number.isNaN(renewal) ? ends : renewal;
  return {
    notAfter,
    issued: true,
    hoursLeft: Math.floor((ends - now) / hour),
    hoursOverdue: Math.max(0, Math.floor((now - due) / hour)),
  };
}

export const issuedCertificates: Population = {
  name: 'issuedCertificates',
  doc: 'A Certificate of cert-manager, with when it ends and whether its renewal is overdue',
  from: [groupListing],
  also: certManager.listings,
  *rows(input) {
    requireExtension(input, certManager);
    const unique = uniqueKeys();
    const now = Date.parse(input.reader.at);
    for (const object of input.each(...certManager.listings)) {
      const { namespace, name, body } = object;
      yield {
        item: unique(`${segment(namespace)}/${segment(name)}`),
        resource: resourceOf(object),
        evidence: [object.id],
        namespace,
        certificate: `${namespace}/${name}`,
        secret: `${namespace}/${textAt(body, 'spec', 'secretName') ?? ''}`,
        issuer: `${textAt(body, 'spec', 'issuerRef', 'kind') ?? 'Issuer'}/${textAt(body, 'spec', 'issuerRef', 'name') ?? ''}`,
        dnsNames: listAt(body, 'spec', 'dnsNames').filter((each) => typeof each === 'string'),
        ...readiness(object),
        ...times(object, now),
      };
    }
  },
};
