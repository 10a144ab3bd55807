/**
 * Every reference to a Secret by a workload, a service account or an Ingress, with whether the Secret is there and of which type. Neither
 * can be said without the inventory of Secrets, which is collected only when it is switched on.
 */
import type { Population, PopulationInput, Row } from '../../model/index.ts';
import { textAt } from '../../model/index.ts';
import { uniqueKeys } from '../identity.ts';
import { readPodSpecs } from '../workloads/pod-parts.ts';
import { podListings } from '../workloads/pod-specs.ts';
import { inventory, readInventory, type SecretInventory } from './secret-inventory.ts';
import type { SecretReference } from './secret-references.ts';
import { referencesOfObjects, referencesOfPods } from './secret-references.ts';

function* references(input: PopulationInput): Iterable<SecretReference> {
  yield* referencesOfPods(readPodSpecs(input));
  yield* referencesOfObjects(input.each('k8s.serviceaccounts/serviceaccounts', 'k8s.ingresses/ingresses'));
}

/** What is known of the Secret that is referred to. */
function told(reference: SecretReference, known: SecretInventory): Pick<Row, string> {
  const { namespace, secret, optional } = reference;
  const found = known.find(namespace, secret);
  if (found !== undefined) return { exists: true, type: textAt(found.body, 'type') ?? '' };
  const gaps = known.unknownIn(namespace);
  if (gaps.length > 0) return { gaps };
  if (optional === 'unknown') return { gaps: [{ reason: 'absent', what: `whether ${reference.key} is optional`, detail: 'not kept' }] };
  return { exists: false, type: '' };
}

export const secretUses: Population = {
  name: 'secretUses',
  doc: 'A reference to a Secret by a workload, a service account or an Ingress, with whether the Secret is there',
  from: [...podListings, 'k8s.serviceaccounts/serviceaccounts', 'k8s.ingresses/ingresses', inventory],
  byNamespace: true,
  *rows(input) {
    const known = readInventory(input);
    const unique = uniqueKeys();
    for (const reference of references(input)) {
      const { key, resource, evidence, namespace, user, container, use, secret, optional } = reference;
      const found = known.find(namespace, secret);
      yield {
        item: unique(key),
        resource,
        evidence: found === undefined ? evidence : [...evidence, found.id],
        namespace,
        user,
        container,
        use,
        secret: `${namespace}/${secret}`,
        optional: optional === 'yes',
        ...told(reference, known),
      };
    }
  },
};
