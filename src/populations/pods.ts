/** Every pod and every template without a pod: what it shares with its node, and whether a service account token is in it. */
import type { JsonObject, Population, PopulationInput, Row } from '../model/index.ts';
import { at, isObject, listAt, textAt } from '../model/index.ts';
import { resourceOf, segment } from './identity.ts';
import type { PodSpec } from './pod-specs.ts';
import { podListings, readPodSpecs } from './pod-specs.ts';

/** The account a pod runs as; `default` when it does not say. */
export function accountOf(spec: JsonObject): string {
  return textAt(spec, 'serviceAccountName') || textAt(spec, 'serviceAccount') || 'default';
}

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

/** Account → its automountServiceAccountToken (unset means true), by `namespace/name`. */
function readAutomount(input: PopulationInput): ReadonlyMap<string, { readonly id: string; readonly automount: boolean }> {
  const accounts = new Map<string, { readonly id: string; readonly automount: boolean }>();
  for (const account of input.each('k8s.serviceaccounts/serviceaccounts')) {
    const automount = at(account.body, 'automountServiceAccountToken') !== false;
    accounts.set(`${segment(account.namespace)}/${segment(account.name)}`, { id: account.id, automount });
  }
  return accounts;
}

/**
 * Precedence: pod, else account, else true. In a pod that the API server admitted the volume is there or not, which decides; a mirror pod
 * has neither account nor token.
 */
function mountsToken(pod: PodSpec, accountAutomounts: boolean, admitted: boolean): boolean {
  if (pod.mirror) return false;
  if (projectsToken(pod.spec)) return true;
  if (admitted && !pod.template) return false;
  const own = at(pod.spec, 'automountServiceAccountToken');
  return typeof own === 'boolean' ? own : accountAutomounts;
}

function toRow(
  pod: PodSpec,
  account: string,
  automount: { readonly id: string; readonly automount: boolean } | undefined,
  admitted: boolean,
): Row {
  const flag = (name: string) => at(pod.spec, name) === true;
  const { securityContext, volumes } = { securityContext: at(pod.spec, 'securityContext'), volumes: listAt(pod.spec, 'volumes') };
  return {
    item: pod.key,
    resource: resourceOf(pod.object),
    evidence: automount === undefined ? [pod.object.id] : [pod.object.id, automount.id],
    namespace: pod.namespace,
    workload: pod.workload,
    template: pod.template,
    mirror: pod.mirror,
    account,
    mountsToken: mountsToken(pod, automount?.automount ?? true, admitted),
    hostNetwork: flag('hostNetwork'),
    hostPID: flag('hostPID'),
    hostIPC: flag('hostIPC'),
    hostPaths: volumes.flatMap((volume) => {
      const path = at(volume, 'hostPath');
      return isObject(path) ? [textAt(path, 'path') ?? ''] : [];
    }),
    hasSecurityContext: isObject(securityContext) && Object.keys(securityContext).length > 0,
  };
}

export const pods: Population = {
  name: 'pods',
  doc: 'A pod, or a workload template that has no pod at the moment',
  from: [...podListings, 'k8s.serviceaccounts/serviceaccounts'],
  *rows(input) {
    const accounts = readAutomount(input);
    for (const pod of readPodSpecs(input)) {
      const account = accountOf(pod.spec);
      // Only a server gives a uid, so a pod with one has passed the ServiceAccount admission plugin.
      yield toRow(pod, account, accounts.get(`${segment(pod.namespace)}/${segment(account)}`), pod.object.uid !== '');
    }
  },
};
