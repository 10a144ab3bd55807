/** The API server replicas that run, from their identity leases in kube-system, and what one of them said in `/flagz`. */
import { liveLeases } from '../../access/index.ts';
import type { PopulationInput, StoredObject } from '../../model/index.ts';
import { at, isComplete } from '../../model/index.ts';
import { readEachFlags, tellsFlags } from './each-replica.ts';
import type { Flags } from './flags.ts';
import { readFlagz, resolveFlags } from './flags.ts';

/** Those that hold when the evidence was read. */
export function readLiveLeases(input: PopulationInput): readonly StoredObject[] {
  return liveLeases(input.each('k8s.apiserver/leases'), input.reader.at);
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
    if (tellsFlags(object)) return { object, flags: flagsOf(object, input.reader.cluster.version) };
  }
  return undefined;
}

/** All that replicas answered: each that was asked for itself, and whichever it was. */
export function readAnswers(input: PopulationInput): readonly Flags[] {
  const answered = readAnsweredFlags(input);
  return [...readEachFlags(input).map(({ flags }) => flags), ...(answered === undefined ? [] : [answered.flags])];
}
