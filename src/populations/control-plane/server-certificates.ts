/**
 * Certificates that API servers showed while a run asked them, and the CAs that the collector trusts for them, with what is left of their
 * time. Behind a load balancer only those are seen that answered; whatever else a CA has signed, nobody sees from here.
 */
import type { Population } from '../../model/index.ts';
import { textAt } from '../../model/index.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';

export const serverCertificates: Population = {
  name: 'serverCertificates',
  doc: 'A certificate that an API server showed to the collector, or a CA that it is trusted by, with the days that are left of its time',
  from: ['k8s.apiserver/handshakes'],
  *rows(input) {
    const unique = uniqueKeys();
    const now = Date.parse(input.reader.at);
    for (const object of input.each('k8s.apiserver/handshakes')) {
      const told = (field: string) => textAt(object.body, field) ?? '';
      const ends = Date.parse(told('notAfter'));
      const [role, address] = [told('role'), told('address')];
      yield {
        item: unique(`${segment(role)}/${segment(address)}`),
        resource: resourceOf(object),
        evidence: [object.id],
        role,
        address,
        subject: told('subject'),
        issuer: told('issuer'),
        notAfter: told('notAfter'),
        known: !Number.isNaN(ends),
        ...(Number.isNaN(ends) ? {} : { daysLeft: Math.floor((ends - now) / 86_400_000) }),
      };
    }
  },
};
