/** Every pod and every template without a pod, with whether a service account token for the Kubernetes API is in it. */
import type { Gap, JsonObject, Population, PopulationInput, Row, StoredObject } from '../../model/index.ts';
import { at, isComplete, isObject, listAt, textAt } from '../../model/index.ts';
import { segment } from '../identity.ts';
import type { PodSpec } from '../workloads/pod-specs.ts';
import { accountOf, ofPod, podListings } from '../workloads/pod-specs.ts';
import { readPodSpecs } from '../workloads/pod-parts.ts';

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

/** By `namespace/name`. */
function readAccounts(input: PopulationInput): ReadonlyMap<string, StoredObject> {
  const accounts = new Map<string, StoredObject>();
  for (const account of input.each('k8s.serviceaccounts/serviceaccounts'))
    accounts.set(`${segment(account.namespace)}/${segment(account.name)}`, account);
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

const accountKeyOf = ofPod((pod) => `${segment(pod.namespace)}/${segment(accountOf(pod.spec))}`);

/** `account`: undefined where it is not known; `allKnown`: then there is none. */
function toRow(pod: PodSpec, account: StoredObject | undefined, allKnown: boolean, gaps: readonly Gap[]): Row {
  // Unset means true.
  const automount = account === undefined ? allKnown || undefined : at(account.body, 'automountServiceAccountToken') !== false;
  // Only a server gives a uid, so a pod with one has passed the ServiceAccount admission plugin.
  const mounts = mountsToken(pod, automount, pod.object.uid !== '');
  return {
    item: pod.key,
    resource: pod.resource,
    evidence: account === undefined ? pod.evidence : [...pod.evidence, account.id],
    // Then the gap is that of the accounts' listing; the row must not be decided.
    ...(mounts === undefined ? { gaps } : { mountsToken: mounts }),
    namespace: pod.namespace,
    workload: pod.workload,
    template: pod.template,
    account: accountOf(pod.spec),
  };
}

interface Made {
  readonly account: StoredObject | undefined;
  readonly row: Row;
}

/** The last row that was made of a pod when all accounts were known. */
const last = ofPod((): { made?: Made } => ({}));

export const tokenMounts: Population = {
  name: 'tokenMounts',
  doc: 'A pod, or a workload template that has no pod at the moment, with whether a token for the Kubernetes API is in it',
  from: [...podListings, 'k8s.serviceaccounts/serviceaccounts'],
  byNamespace: true,
  *rows(input) {
    const accounts = readAccounts(input);
    const listing = input.listing('k8s.serviceaccounts/serviceaccounts');
    const allKnown = listing !== undefined && isComplete(listing);
    for (const pod of readPodSpecs(input)) {
      const account = accounts.get(accountKeyOf(pod));
      const kept = last(pod);
      if (!allKnown) yield toRow(pod, account, allKnown, listing?.gaps ?? []);
      else {
        if (kept.made === undefined || kept.made.account !== account) kept.made = { account, row: toRow(pod, account, allKnown, []) };
        yield kept.made.row;
      }
    }
  },
};
