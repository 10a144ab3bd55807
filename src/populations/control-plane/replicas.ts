/** The API server replicas that run, from their identity leases in kube-system, and what one of them said in `/flagz`. */
import { liveLeases } from '../../access/index.ts';
import type { PopulationInput, StoredObject } from '../../model/index.ts';
import { at, isComplete } from '../../model/index.ts';
import { readOnce } from '../read-once.ts';
import { readEachFlags, tellsFlags } from './each-replica.ts';
import type { Flags } from './flags.ts';
import { readFlagz, resolveFlags } from './flags.ts';

/** Those that hold when the evidence was read. */
export const readLiveLeases = readOnce((input) => liveLeases(input.each('k8s.apiserver/leases'), input.reader.at));

const answered = new WeakMap<StoredObject, { readonly version: string | null; readonly flags: Flags | undefined }>();

/** What one page says, for a version of Kubernetes; undefined where that is nothing. Many populations ask. */
function flagsOf(object: StoredObject, version: string | null): Flags | undefined {
  let known = answered.get(object);
  if (known?.version !== version) {
    const flags = tellsFlags(object) ? resolveFlags('kube-apiserver', readFlagz(at(object.body, 'flags')), version) : undefined;
    known = { version, flags };
    answered.set(object, known);
  }
  return known.flags;
}

/** The flags that one replica answered, or undefined. A page that was not read whole says nothing. */
export function readAnsweredFlags(input: PopulationInput): { readonly object: StoredObject; readonly flags: Flags } | undefined {
  const listing = input.listing('k8s.apiserver/flagz');
  if (listing === undefined || !isComplete(listing)) return undefined;
  for (const object of input.each('k8s.apiserver/flagz')) {
    const flags = flagsOf(object, input.reader.cluster.version);
    if (flags !== undefined) return { object, flags };
  }
  return undefined;
}

/** All that replicas answered: each that was asked for itself, and whichever it was. */
export function readAnswers(input: PopulationInput): readonly Flags[] {
  const answered = readAnsweredFlags(input);
  return [...readEachFlags(input).map(({ flags }) => flags), ...(answered === undefined ? [] : [answered.flags])];
}
