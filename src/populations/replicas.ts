/** The API server replicas that run, from their identity leases in kube-system, and what one of them said in `/flagz`. */
import type { PopulationInput, StoredObject } from '../model/index.ts';
import { at, isComplete, textAt } from '../model/index.ts';
import type { Flags } from './flags.ts';
import { readFlagz, resolveFlags } from './flags.ts';

/** Leases that have not run out when the evidence was read: the API server renews its own every few seconds, for an hour. */
export function readLiveLeases(input: PopulationInput): readonly StoredObject[] {
  const now = Date.parse(input.reader.at);
  return [...input.each('k8s.apiserver/leases')].filter((lease) => {
    const renewed = Date.parse(textAt(lease.body, 'spec', 'renewTime') ?? '');
    const seconds = at(lease.body, 'spec', 'leaseDurationSeconds');
    return Number.isNaN(renewed) || typeof seconds !== 'number' || renewed + seconds * 1000 >= now;
  });
}

/** The flags that one replica answered, or undefined. A page that was not read whole says nothing. */
export function readAnsweredFlags(input: PopulationInput): { readonly object: StoredObject; readonly flags: Flags } | undefined {
  const listing = input.listing('k8s.apiserver/flagz');
  if (listing === undefined || !isComplete(listing)) return undefined;
  for (const object of input.each('k8s.apiserver/flagz')) {
    return { object, flags: resolveFlags('kube-apiserver', readFlagz(at(object.body, 'flags')), input.reader.cluster.version) };
  }
  return undefined;
}
