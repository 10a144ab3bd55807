/** Every pod and every template without a pod, with whether a service account token for the Kubernetes API is in it. */
import type { JsonObject, Population, PopulationInput } from '../model/index.ts';
import { at, isComplete, isObject, listAt, textAt } from '../model/index.ts';
import { resourceOf, segment } from './identity.ts';
import type { PodSpec } from './pod-specs.ts';
import { accountOf, podListings, readPodSpecs } from './pod-specs.ts';

/** A token that the Kubernetes API accepts: no audience, or the API's own. Tokens for other audiences are of no use there. */
function isApiToken(token: unknown): boolean {
  const audience = textAt(token, 'audience') ?? '';
  return isObject(token) && (audience === '' || /^(https?:\/\/)?kubernetes(\.default)?(\.svc|\/|$)/.test(audience) || audience === 'api');
}

function projectsToken(spec: JsonObject): boolean {
  return listAt(spec, 'volumes').some((volume) =>
    listAt(volume, 'projected', 'sources').some((source) => isApiToken(at(source, 'serviceAccountToken'))),
  );
}

interface Automount {
  readonly id: string;
  readonly automount: boolean;
}

/** Account → its automountServiceAccountToken (unset means true), by `namespace/name`. */
function readAutomount(input: PopulationInput): ReadonlyMap<string, Automount> {
  const accounts = new Map<string, Automount>();
  for (const account of input.each('k8s.serviceaccounts/serviceaccounts')) {
    const automount = at(account.body, 'automountServiceAccountToken') !== false;
    accounts.set(`${segment(account.namespace)}/${segment(account.name)}`, { id: account.id, automount });
  }
  return accounts;
}

/**
 * Precedence: pod, else account, else true. In a pod that the API server admitted the volume is there or not, which decides; a mirror pod
 * has neither account nor token. Undefined when the account decides and is not known.
 */
function mountsToken(pod: PodSpec, accountAutomounts: boolean | undefined, admitted: boolean): boolean | undefined {
  if (pod.mirror) return false;
  if (projectsToken(pod.spec)) return true;
  if (admitted && !pod.template) return false;
  const own = at(pod.spec, 'automountServiceAccountToken');
  return typeof own === 'boolean' ? own : accountAutomounts;
}

export const tokenMounts: Population = {
  name: 'tokenMounts',
  doc: 'A pod, or a workload template that has no pod at the moment, with whether a token for the Kubernetes API is in it',
  from: [...podListings, 'k8s.serviceaccounts/serviceaccounts'],
  *rows(input) {
    const accounts = readAutomount(input);
    const listing = input.listing('k8s.serviceaccounts/serviceaccounts');
    const allKnown = listing !== undefined && isComplete(listing);
    for (const pod of readPodSpecs(input)) {
      const account = accountOf(pod.spec);
      const found = accounts.get(`${segment(pod.namespace)}/${segment(account)}`);
      // Only a server gives a uid, so a pod with one has passed the ServiceAccount admission plugin.
      const mounts = mountsToken(pod, found?.automount ?? (allKnown ? true : undefined), pod.object.uid !== '');
      yield {
        item: pod.key,
        resource: resourceOf(pod.object),
        evidence: found === undefined ? [pod.object.id] : [pod.object.id, found.id],
        // Then the gap is that of the accounts' listing; the row must not be decided.
        ...(mounts === undefined ? { gaps: listing?.gaps ?? [] } : { mountsToken: mounts }),
        namespace: pod.namespace,
        workload: pod.workload,
        template: pod.template,
        account,
      };
    }
  },
};
