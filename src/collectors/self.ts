/** The rights of the collector's own account, as the API server lists them (SelfSubjectRulesReview), one object per namespace asked. */
import type { Collector, Json, RawObject } from '../model/index.ts';
import { at, canonicalize } from '../model/index.ts';
import { decodeNothing } from './decode.ts';
import { ownApiVersion } from './listing.ts';

/** The evidence object for the `status` of one SelfSubjectRulesReview. The server lists the rules in another order each time; they are a set. */
export function selfSubjectRules(namespace: string, status: Json): RawObject {
  const sorted = (key: string) => {
    const rules = at(status, key);
    return Array.isArray(rules) ? { [key]: (rules as Json[]).toSorted((a, b) => (canonicalize(a) < canonicalize(b) ? -1 : 1)) } : {};
  };
  return {
    ...(status as RawObject),
    ...sorted('resourceRules'),
    ...sorted('nonResourceRules'),
    apiVersion: ownApiVersion,
    kind: 'SelfSubjectRules',
    metadata: { name: namespace, namespace },
  };
}

export const self: Collector = {
  kind: 'k8s.self',
  version: 1,
  title: 'Rights of the collector itself',
  listings: [
    {
      kind: 'k8s.self/rules',
      // Every authenticated user may ask about itself (ClusterRole system:basic-user).
      needs: [],
      withoutIt: 'whether the collector holds more rights than it declares is unknown',
      requests: () => [],
      decode: decodeNothing,
      keep: ['resourceRules', 'nonResourceRules', 'incomplete', 'evaluationError'],
      assurance: 'observed',
    },
  ],
};
