/**
 * Every namespace with what can refuse a pod there: the Pod Security level that it enforces, webhooks that fail closed, and admission
 * policies with a binding that denies. Selectors of namespaces are evaluated; whether the rules behind a webhook or a policy refuse what
 * is dangerous is not to be seen.
 */
import type { JsonObject, Population, PopulationInput, Row } from '../../model/index.ts';
import { at, isObject } from '../../model/index.ts';
import { actionsOf, namespaceSelectorOf, policyListings, readPolicies } from '../admission/admission-policies.ts';
import { selects } from '../admission/admission-rules.ts';
import { nameOf } from '../identity.ts';
import { podAdmission } from './pod-admission.ts';
import { readWebhooks, webhookListings } from '../admission/webhooks.ts';

interface Guard {
  readonly name: string;
  readonly evidence: readonly string[];
  readonly reaches: (labels: JsonObject) => boolean;
}

function* readGuards(input: PopulationInput): Iterable<Guard> {
  for (const { object, key, mutating, failurePolicy, seesPods, body } of readWebhooks(input)) {
    if (mutating || failurePolicy !== 'Fail' || !seesPods) continue;
    yield { name: key, evidence: [object.id], reaches: (labels) => selects(at(body, 'namespaceSelector'), labels) };
  }
  for (const { object, bindings, failurePolicy, seesPods } of readPolicies(input)) {
    if (failurePolicy !== 'Fail' || !seesPods) continue;
    for (const binding of bindings) {
      if (!actionsOf(binding).includes('Deny')) continue;
      yield {
        name: nameOf(object.type, '', object.name),
        evidence: [object.id, binding.id],
        reaches: (labels) => [object, binding].every((each) => selects(namespaceSelectorOf(each), labels)),
      };
    }
  }
}

/** By the row of the namespace, which says all of it but its labels: those follow from the object that it stands on. */
const held = new WeakMap<Row, { readonly guards: string; readonly row: Row }>();

function guarded(row: Row, guards: readonly Guard[], labels: JsonObject): Row {
  const reaching = guards.filter(({ reaches }) => reaches(labels));
  return {
    ...row,
    evidence: [...row.evidence, ...new Set(reaching.flatMap(({ evidence }) => evidence))],
    guards: [...new Set(reaching.map(({ name }) => name))].sort(),
  };
}

export const podGuards: Population = {
  name: 'podGuards',
  doc: 'A namespace, with what can refuse a pod there: its Pod Security level, webhooks that fail closed, admission policies that deny',
  from: [...podAdmission.from, ...webhookListings],
  also: [...(podAdmission.also ?? []), ...policyListings],
  *rows(input) {
    const guards = [...readGuards(input)];
    // What a guard does follows from its objects, and so from their ids.
    const ids = JSON.stringify(guards.map(({ name, evidence }) => [name, evidence]));
    const labelsOf = new Map<string, JsonObject>();
    for (const { id, body } of input.each('k8s.namespaces/namespaces')) {
      const labels = at(body, 'metadata', 'labels');
      labelsOf.set(id, isObject(labels) ? labels : {});
    }
    for (const row of podAdmission.rows(input)) {
      let known = held.get(row);
      if (known?.guards !== ids) {
        known = { guards: ids, row: guarded(row, guards, labelsOf.get(row.evidence[0] ?? '') ?? {}) };
        held.set(row, known);
      }
      yield known.row;
    }
  },
};
