/**
 * Every ValidatingAdmissionPolicy with what its bindings do. A policy without a binding is asked by nobody, and one whose bindings only
 * warn or write to the audit log refuses nothing. Which requests its expressions refuse is not evaluated.
 */
import type { Json, Population, PopulationInput, StoredObject } from '../../model/index.ts';
import { at, listAt, textAt } from '../../model/index.ts';
import { matchesCore } from './admission-rules.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';
import { requireWhereServed } from '../served.ts';

export const policyListings = ['k8s.admission/validatingadmissionpolicies', 'k8s.admission/validatingadmissionpolicybindings'] as const;

export interface Policy {
  readonly object: StoredObject;
  readonly bindings: readonly StoredObject[];
  readonly failurePolicy: string;
  /** Takes requests that create pods. */
  readonly seesPods: boolean;
}

export function actionsOf(binding: StoredObject): readonly string[] {
  return listAt(binding.body, 'spec', 'validationActions').filter((action) => typeof action === 'string');
}

/** The policy's own constraints, or those of a binding. */
export function namespaceSelectorOf(object: StoredObject): Json | undefined {
  return at(object.body, 'spec', object.type === 'ValidatingAdmissionPolicy' ? 'matchConstraints' : 'matchResources', 'namespaceSelector');
}

export function readPolicies(input: PopulationInput): readonly Policy[] {
  for (const kind of policyListings) requireWhereServed(input, kind);
  const bindings = new Map<string, StoredObject[]>();
  for (const binding of input.each(policyListings[1])) {
    const name = textAt(binding.body, 'spec', 'policyName') ?? '';
    bindings.set(name, [...(bindings.get(name) ?? []), binding]);
  }
  return [...input.each(policyListings[0])].map((object) => ({
    object,
    bindings: bindings.get(object.name) ?? [],
    failurePolicy: textAt(object.body, 'spec', 'failurePolicy') ?? 'Fail',
    seesPods: matchesCore(listAt(object.body, 'spec', 'matchConstraints', 'resourceRules'), 'pods', ['CREATE']),
  }));
}

export const admissionPolicies: Population = {
  name: 'admissionPolicies',
  doc: 'A ValidatingAdmissionPolicy, with what its bindings do when it finds something',
  from: [],
  also: policyListings,
  *rows(input) {
    const unique = uniqueKeys();
    for (const { object, bindings, failurePolicy } of readPolicies(input)) {
      const actions = [...new Set(bindings.flatMap(actionsOf))].sort();
      yield {
        item: unique(segment(object.name)),
        resource: resourceOf(object),
        evidence: [object.id, ...bindings.map(({ id }) => id)],
        policy: object.name,
        bindings: bindings.map(({ name }) => name).sort(),
        actions,
        denies: actions.includes('Deny'),
        failurePolicy,
      };
    }
  },
};
