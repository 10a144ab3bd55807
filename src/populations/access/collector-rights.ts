/**
 * The rights of the account that collects, as the API server lists them (SelfSubjectRulesReview), one row per right. A right that holds in
 * every namespace that was asked is a row without a namespace; one that does not is a row per namespace.
 */
import type { Json, Population, PopulationInput, StoredObject } from '../../model/index.ts';
import { at, listAt, textAt } from '../../model/index.ts';
import { resourceOf, uniqueKeys } from '../identity.ts';

function texts(rule: Json, key: string): readonly string[] {
  return listAt(rule, key).filter((entry) => typeof entry === 'string');
}

/** `list pods`, `get configmaps/kubeadm-config`, `create selfsubjectreviews.authentication.k8s.io`, `get /metrics`. */
function rightsOf(object: StoredObject): ReadonlySet<string> {
  const rights = new Set<string>();
  for (const rule of listAt(object.body, 'resourceRules')) {
    const names = texts(rule, 'resourceNames');
    for (const group of texts(rule, 'apiGroups')) {
      for (const resource of texts(rule, 'resources')) {
        const what = group === '' ? resource : `${resource}.${group}`;
        for (const verb of texts(rule, 'verbs')) {
          if (names.length === 0) rights.add(`${verb} ${what}`);
          for (const name of names) rights.add(`${verb} ${what}/${name}`);
        }
      }
    }
  }
  for (const rule of listAt(object.body, 'nonResourceRules')) {
    for (const url of texts(rule, 'nonResourceURLs')) for (const verb of texts(rule, 'verbs')) rights.add(`${verb} ${url}`);
  }
  return rights;
}

function sayIncomplete(input: PopulationInput, object: StoredObject): void {
  const problem = textAt(object.body, 'evaluationError') ?? '';
  if (at(object.body, 'incomplete') !== true && problem === '') return;
  input.gap({
    reason: 'error',
    what: `own rights in ${object.name}`,
    detail: problem === '' ? 'an authorizer cannot list what it allows' : problem,
    closedBy: 'the rules of the other authorizer (webhook)',
  });
}

export const collectorRights: Population = {
  name: 'collectorRights',
  doc: 'A right of the account that collects the evidence',
  from: ['k8s.self/rules'],
  also: ['k8s.secrets/secrets', 'k8s.apiservers/endpointslices'],
  *rows(input) {
    const secretsCollected = input.listing('k8s.secrets/secrets') !== undefined;
    const replicasCollected = input.listing('k8s.apiservers/endpointslices') !== undefined;
    const holders = new Map<string, StoredObject[]>();
    let asked = 0;
    for (const object of input.each('k8s.self/rules')) {
      asked += 1;
      sayIncomplete(input, object);
      for (const right of rightsOf(object)) holders.set(right, [...(holders.get(right) ?? []), object]);
    }
    const unique = uniqueKeys();
    for (const [right, objects] of [...holders].sort(([a], [b]) => (a < b ? -1 : 1))) {
      // In one namespace alone nobody can tell, and to call it cluster-wide would be the wider claim.
      const everywhere = objects.length === asked && asked > 1;
      for (const object of everywhere ? objects.slice(0, 1) : objects) {
        yield {
          item: unique(everywhere ? right : `${right} in ${object.name}`),
          resource: resourceOf(object),
          evidence: everywhere ? objects.map(({ id }) => id) : [object.id],
          right,
          namespace: everywhere ? '' : object.name,
          scope: everywhere ? 'in every namespace that was asked' : `in namespace ${object.name}`,
          secretsCollected,
          replicasCollected,
        };
      }
    }
  },
};
