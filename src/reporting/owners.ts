/** Whose a finding or a deviation is: the owner that its namespace names at the last run. What is in no namespace is the cluster's. */
import type { OwnersInput } from './report-inputs.ts';

interface Owned {
  readonly kind?: string;
  readonly namespace?: string;
  readonly name?: string;
}

export function ownerOf(owners: OwnersInput, resource: Owned | undefined): string {
  const { kind, namespace = '', name = '' } = resource ?? {};
  const place = kind === 'Namespace' ? name : namespace;
  if (place === '') return 'cluster';
  return owners.of(place) ?? (owners.read ? 'nobody named' : 'not known: namespaces were not all read');
}
