/**
 * What decides on requests before they are stored: webhooks and admission policies with their bindings. CA bundles leave a marker, and so
 * does the address of a webhook outside the cluster, whose path can hold a token. Expressions are kept: a policy whose expression changed
 * is another policy; only one with a credential in it leaves a marker. Patches of mutating policies are not, because they write values into objects.
 */
import type { Collector, Keep } from '../model/index.ts';
import { apiListing } from './listing.ts';

const annotations: Keep = { path: 'metadata.annotations', as: 'annotations' };

const webhook: readonly Keep[] = [
  'webhooks.name',
  { path: 'webhooks.clientConfig.caBundle', as: 'literal' },
  'webhooks.clientConfig.service.name',
  'webhooks.clientConfig.service.namespace',
  'webhooks.clientConfig.service.port',
  { path: 'webhooks.clientConfig.url', as: 'literal' },
  'webhooks.failurePolicy',
  { path: 'webhooks.matchConditions.expression', as: 'text' },
  'webhooks.matchConditions.name',
  'webhooks.matchPolicy',
  'webhooks.namespaceSelector',
  'webhooks.objectSelector',
  'webhooks.reinvocationPolicy',
  'webhooks.rules',
  'webhooks.sideEffects',
  'webhooks.timeoutSeconds',
];

const conditions: readonly Keep[] = [{ path: 'spec.matchConditions.expression', as: 'text' }, 'spec.matchConditions.name'];
const policy: readonly Keep[] = [
  'spec.failurePolicy',
  'spec.matchConstraints',
  'spec.paramKind',
  ...conditions,
  { path: 'spec.variables.expression', as: 'text' },
  'spec.variables.name',
];
const binding: readonly Keep[] = ['spec.matchResources', 'spec.paramRef', 'spec.policyName'];

const listing = (resource: string, type: string, withoutIt: string, keep: readonly Keep[]) =>
  apiListing({
    kind: `k8s.admission/${resource}`,
    group: 'admissionregistration.k8s.io',
    version: 'v1',
    resource,
    type,
    withoutIt,
    keep: [annotations, ...keep],
    since: 1,
  });

export const admission: Collector = {
  kind: 'k8s.admission',
  version: 2,
  title: 'Admission webhooks and policies',
  listings: [
    listing(
      'validatingwebhookconfigurations',
      'ValidatingWebhookConfiguration',
      'whether policy webhooks fail open, and who sees requests, cannot be assessed',
      webhook,
    ),
    listing(
      'mutatingwebhookconfigurations',
      'MutatingWebhookConfiguration',
      'who sees and changes requests before they are stored cannot be assessed',
      webhook,
    ),
    listing('validatingadmissionpolicies', 'ValidatingAdmissionPolicy', 'which admission policies deny what they find is unknown', [
      ...policy,
      { path: 'spec.validations.expression', as: 'text' },
      'spec.validations.reason',
    ]),
    listing(
      'validatingadmissionpolicybindings',
      'ValidatingAdmissionPolicyBinding',
      'which admission policies are in force, and whether they deny or only warn, is unknown',
      [...binding, 'spec.validationActions'],
    ),
    listing('mutatingadmissionpolicies', 'MutatingAdmissionPolicy', 'which policies change objects before they are stored is unknown', [
      ...policy,
      'spec.mutations.patchType',
      'spec.reinvocationPolicy',
    ]),
    listing(
      'mutatingadmissionpolicybindings',
      'MutatingAdmissionPolicyBinding',
      'which policies change objects before they are stored is unknown',
      binding,
    ),
  ],
};
