/** The API server replicas that run, from their identity leases in kube-system, and what one of them said in `/flagz`. */
import type { PopulationInput, StoredObject } from '../../model/index.ts';
import { at, isComplete, textAt } from '../../model/index.ts';
import { readEachFlags } from './each-replica.ts';
import type { Flags } from './flags.ts';
import { readFlagz, resolveFlags } from './flags.ts';

/**
 * Leases that have not run out when the evidence was read: the API server renews its own every few seconds, for an hour. The servers write
 * these times, and our clock may be nearly an hour ahead of theirs. So as long as any lease holds, another one has run out only if the
 * newest says so too: otherwise a replica would be missed, and the others would pass without it.
 */
export function readLiveLeases(input: PopulationInput): readonly StoredObject[] {
  const now = Date.parse(input.reader.at);
  const leases = [...input.each('k8s.apiserver/leases')].map((lease) => ({
    lease,
    renewed: Date.parse(textAt(lease.body, 'spec', 'renewTime') ?? ''),
    seconds: at(lease.body, 'spec', 'leaseDurationSeconds'),
  }));
  const heldAt = (moment: number) =>
    leases.filter(({ renewed, seconds }) => Number.isNaN(renewed) || typeof seconds !== 'number' || renewed + seconds * 1000 >= moment);
  const newest = leases.reduce((latest, { renewed }) => (renewed > latest ? renewed : latest), -Infinity);
  const held = heldAt(now).length === 0 || newest === -Infinity ? heldAt(now) : heldAt(Math.min(now, newest));
  return held.map(({ lease }) => lease);
}

const answered = new WeakMap<StoredObject, { readonly version: string | null; readonly flags: Flags }>();

/** What one page says, for a version of Kubernetes; many populations ask. */
function flagsOf(object: StoredObject, version: string | null): Flags {
  let known = answered.get(object);
  if (known?.version !== version) {
    known = { version, flags: resolveFlags('kube-apiserver', readFlagz(at(object.body, 'flags')), version) };
    answered.set(object, known);
  }
  return known.flags;
}

/** The flags that one replica answered, or undefined. A page that was not read whole says nothing. */
export function readAnsweredFlags(input: PopulationInput): { readonly object: StoredObject; readonly flags: Flags } | undefined {
  const listing = input.listing('k8s.apiserver/flagz');
  if (listing === undefined || !isComplete(listing)) return undefined;
  for (const object of input.each('k8s.apiserver/flagz')) {
    return { object, flags: flagsOf(object, input.reader.cluster.version) };
  }
  return undefined;
}

/** All that replicas answered: each that was asked for itself, and whichever it was. */
export function readAnswers(input: PopulationInput): readonly Flags[] {
  const answered = readAnsweredFlags(input);
  return [...readEachFlags(input).map(({ flags }) => flags), ...(answered === undefined ? [] : [answered.flags])];
}
