/**
 * What could refuse a pod besides Pod Security: validating webhooks and admission policies that deny, by namespace. Whether their rules
 * refuse what a technique needs is not to be seen, so a guarded hop is possible and not certain.
 */
import type { EvidenceReader, Json, JsonObject, ListingKind } from '../../model/index.ts';
import { at, isComplete, listAt, textAt } from '../../model/index.ts';
import { selects } from '../aggregation.ts';

export interface Guards {
  /** What is asked before a pod is stored in a namespace with these labels (undefined: not known). Undefined when it was not all read. */
  of(labels: JsonObject | undefined): readonly string[] | undefined;
}

export const guardListings: readonly ListingKind[] = [
  'k8s.admission/validatingwebhookconfigurations',
  'k8s.admission/validatingadmissionpolicies',
  'k8s.admission/validatingadmissionpolicybindings',
];

/** Some rule takes the creation of pods (admissionregistration.k8s.io/v1 Rule). */
function seesPods(rules: readonly Json[]): boolean {
  const has = (rule: Json, field: string, wanted: readonly string[]) =>
    listAt(rule, field).some((entry) => typeof entry === 'string' && wanted.includes(entry));
  return rules.some(
    (rule) =>
      has(rule, 'apiGroups', ['', '*']) &&
      has(rule, 'resources', ['pods', '*', '*/*', 'pods/*']) &&
      has(rule, 'operations', ['CREATE', '*']) &&
      textAt(rule, 'scope') !== 'Cluster',
  );
}

interface Guard {
  readonly name: string;
  readonly selectors: readonly (Json | undefined)[];
}

export function readGuards(reader: EvidenceReader): Guards {
  const known = guardListings.every((kind) => {
    const listing = reader.listing(kind);
    return listing !== undefined && isComplete(listing);
  });
  const guards: Guard[] = [];
  for (const object of reader.objects('k8s.admission/validatingwebhookconfigurations'))
    for (const webhook of listAt(object.body, 'webhooks'))
      if (seesPods(listAt(webhook, 'rules')))
        guards.push({
          name: `ValidatingWebhookConfiguration/${object.name}/${textAt(webhook, 'name') ?? ''}`,
          selectors: [at(webhook, 'namespaceSelector')],
        });
  const policies = new Map<string, Json>();
  for (const { name, body } of reader.objects('k8s.admission/validatingadmissionpolicies'))
    if (seesPods(listAt(body, 'spec', 'matchConstraints', 'resourceRules'))) policies.set(name, body);
  for (const { name, body } of reader.objects('k8s.admission/validatingadmissionpolicybindings')) {
    const policy = policies.get(textAt(body, 'spec', 'policyName') ?? '');
    if (policy === undefined || !listAt(body, 'spec', 'validationActions').includes('Deny')) continue;
    guards.push({
      name: `ValidatingAdmissionPolicyBinding/${name}`,
      selectors: [at(policy, 'spec', 'matchConstraints', 'namespaceSelector'), at(body, 'spec', 'matchResources', 'namespaceSelector')],
    });
  }
  return {
    of(labels) {
      if (!known || (labels === undefined && guards.length > 0)) return undefined;
      return guards
        .filter(({ selectors }) => selectors.every((selector) => selector === undefined || selects(selector, labels)))
        .map(({ name }) => name);
    },
  };
}
