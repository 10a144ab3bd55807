/**
 * Every admission webhook, with what it sees and what happens when it does not answer; and where each one that is called through a Service
 * sends requests. Settings are the effective ones: Kubernetes fails closed and waits ten seconds when nobody says otherwise.
 */
import type { Json, ListingKind, Population, PopulationInput, Row, StoredObject } from '../../model/index.ts';
import { at, isObject, listAt, textAt } from '../../model/index.ts';
import { matchesCore } from './admission-rules.ts';
import { nameOf, resourceOf, segment, uniqueKeys } from '../identity.ts';

export const webhookListings: readonly ListingKind[] = [
  'k8s.admission/validatingwebhookconfigurations',
  'k8s.admission/mutatingwebhookconfigurations',
];

export interface Webhook {
  readonly object: StoredObject;
  /** `ValidatingWebhookConfiguration/policy/pods.example.com`. Unique. */
  readonly key: string;
  readonly name: string;
  readonly mutating: boolean;
  readonly failurePolicy: string;
  /** Takes requests that create pods. */
  readonly seesPods: boolean;
  readonly body: Json;
}

const writes = ['CREATE', 'UPDATE', 'DELETE'];

export function* readWebhooks(input: PopulationInput): Iterable<Webhook> {
  const unique = uniqueKeys();
  for (const object of input.each(...webhookListings)) {
    for (const body of listAt(object.body, 'webhooks')) {
      const name = textAt(body, 'name') ?? '';
      yield {
        object,
        key: unique(`${nameOf(object.type, '', object.name)}/${segment(name)}`),
        name,
        mutating: object.type === 'MutatingWebhookConfiguration',
        failurePolicy: textAt(body, 'failurePolicy') ?? 'Fail',
        seesPods: matchesCore(listAt(body, 'rules'), 'pods', ['CREATE']),
        body,
      };
    }
  }
}

function toRow({ object, key, name, mutating, failurePolicy, seesPods, body }: Webhook): Row {
  const timeout = at(body, 'timeoutSeconds');
  return {
    item: key,
    resource: resourceOf(object),
    evidence: [object.id],
    configuration: object.name,
    webhook: name,
    mutating,
    failurePolicy,
    timeoutSeconds: typeof timeout === 'number' ? timeout : 10,
    outside: at(body, 'clientConfig', 'url') !== undefined,
    seesPods,
    seesSecrets: matchesCore(listAt(body, 'rules'), 'secrets', writes),
  };
}

export const webhooks: Population = {
  name: 'webhooks',
  doc: 'A webhook that is asked before objects are stored, with what it sees and what happens when it does not answer',
  from: webhookListings,
  *rows(input) {
    for (const webhook of readWebhooks(input)) yield toRow(webhook);
  },
};

export const webhookServices: Population = {
  name: 'webhookServices',
  doc: 'A webhook that is called through a Service of the cluster, with whether that Service is there',
  from: [...webhookListings, 'k8s.services/services'],
  *rows(input) {
    const there = new Map<string, StoredObject>();
    for (const service of input.each('k8s.services/services')) there.set(nameOf('', service.namespace, service.name), service);
    for (const webhook of readWebhooks(input)) {
      const target = at(webhook.body, 'clientConfig', 'service');
      if (!isObject(target)) continue;
      const [namespace, name] = [textAt(target, 'namespace') ?? '', textAt(target, 'name') ?? ''];
      const service = there.get(nameOf('', namespace, name));
      const row = toRow(webhook);
      yield {
        ...row,
        evidence: service === undefined ? row.evidence : [...row.evidence, service.id],
        service: `${namespace}/${name}`,
        serviceExists: service !== undefined,
      };
    }
  },
};
