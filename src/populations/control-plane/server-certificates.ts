/**
 * Certificates that API servers showed while a run asked them, and the CAs that the collector trusts for them, with what is left of their
 * time. One server's certificate does not stand for another's: behind a load balancer those of the others are a row that is not known.
 */
import type { Population, StoredObject } from '../../model/index.ts';
import { isComplete, textAt } from '../../model/index.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';
import { countProcesses, registered, replicaListings } from './each-replica.ts';
import { readLiveLeases } from './replicas.ts';

export const serverCertificates: Population = {
  name: 'serverCertificates',
  doc: 'A certificate that an API server showed to the collector, or a CA that it is trusted by, with the days that are left of its time',
  from: ['k8s.apiserver/handshakes'],
  also: ['k8s.apiserver/leases', ...replicaListings],
  *rows(input) {
    const unique = uniqueKeys();
    const now = Date.parse(input.reader.at);
    const shown = new Set<string>();
    let first: StoredObject | undefined;
    for (const object of input.each('k8s.apiserver/handshakes')) {
      const told = (field: string) => textAt(object.body, field) ?? '';
      const ends = Date.parse(told('notAfter'));
      const [role, address] = [told('role'), told('address')];
      if (role === 'serving') shown.add(URL.parse(`https://${address}`)?.host ?? address);
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
      first ??= object;
    }
    if (first === undefined) return;
    const listing = input.listing('k8s.apiserver/leases');
    const live = readLiveLeases(input);
    const leases = live.length;
    // An address that no replica registered is one that all share, and shows one of them.
    const own = registered(input).filter((address) => shown.has(address));
    const seen = own.length > 0 ? countProcesses(input, own) : Math.min(shown.size, 1);
    if (listing !== undefined && isComplete(listing) && leases > 0 && leases <= seen) return;
    yield {
      item: unique('serving/other API servers'),
      resource: resourceOf(first),
      evidence: [first.id, ...live.map(({ id }) => id)],
      role: 'serving',
      address: `${leases > seen ? leases - seen : 'an unknown number'} of other API servers`,
      // No gap of the row: that would be one of the CAs too, which were seen.
      known: false,
    };
  },
};
