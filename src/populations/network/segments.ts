/**
 * Every namespace with what its network policies deny by default. A direction is denied when a policy selects all pods for it and no such
 * policy lets everything through: policies only add up, so one `ingress: [{}]` for all pods undoes every default-deny.
 */
import type { Json, Population, StoredObject } from '../../model/index.ts';
import { at, isComplete, isObject, listAt, textAt } from '../../model/index.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';
import { systemNamespaces } from '../workloads/namespaces.ts';
import { summarizeWorkloads } from '../workloads/pod-parts.ts';
import { podListings } from '../workloads/pod-specs.ts';

type Direction = 'ingress' | 'egress';

interface Policies {
  readonly names: string[];
  readonly ids: string[];
  readonly denied: Set<Direction>;
  readonly opened: Set<Direction>;
}

/** It asks for nothing, and so selects everything; also where it is absent. */
function isEmpty(selector: Json | undefined): boolean {
  const labels = at(selector, 'matchLabels');
  return listAt(selector, 'matchExpressions').length === 0 && (!isObject(labels) || Object.keys(labels).length === 0);
}

function selectsAllPods(policy: StoredObject): boolean {
  return isEmpty(at(policy.body, 'spec', 'podSelector'));
}

/** networking/v1: without policyTypes a policy is for ingress, and for egress when it has egress rules. */
function directions(policy: StoredObject): readonly Direction[] {
  const types = listAt(policy.body, 'spec', 'policyTypes');
  if (types.length === 0) return listAt(policy.body, 'spec', 'egress').length > 0 ? ['ingress', 'egress'] : ['ingress'];
  return (['ingress', 'egress'] as const).filter((direction) =>
    types.some((type) => typeof type === 'string' && type.toLowerCase() === direction),
  );
}

/** The whole address space, however it is written. What is excepted from it does not make a list of what is needed. */
function isEverywhere(peer: Json): boolean {
  return /\/0+$/.test(textAt(peer, 'ipBlock', 'cidr') ?? '');
}

/** All pods of all namespaces: without a namespaceSelector it would be those of the policy's own. */
function isWholeCluster(peer: Json): boolean {
  const namespaces = at(peer, 'namespaceSelector');
  return isObject(namespaces) && isEmpty(namespaces) && isEmpty(at(peer, 'podSelector'));
}

/** An entry without a port is for all ports of its protocol. */
function isEveryPort(entry: Json): boolean {
  const port = at(entry, 'port') ?? null;
  return port === null || (port === 1 && at(entry, 'endPort') === 65_535);
}

/**
 * A rule without peers or with the whole address space, on every port. What all pods of the cluster may reach is not denied; they are no
 * everything for egress, because the world outside stays closed.
 */
function letsEverythingThrough(rule: Json, direction: Direction): boolean {
  const [peers, ports] = [listAt(rule, direction === 'ingress' ? 'from' : 'to'), listAt(rule, 'ports')];
  if (ports.length > 0 && !ports.some(isEveryPort)) return false;
  return peers.length === 0 || peers.some((peer) => isEverywhere(peer) || (direction === 'ingress' && isWholeCluster(peer)));
}

function add(policies: Policies, policy: StoredObject): void {
  policies.names.push(policy.name);
  policies.ids.push(policy.id);
  if (!selectsAllPods(policy)) return;
  for (const direction of directions(policy)) {
    const open = listAt(policy.body, 'spec', direction).some((rule) => letsEverythingThrough(rule, direction));
    (open ? policies.opened : policies.denied).add(direction);
  }
}

export const segments: Population = {
  name: 'segments',
  doc: 'A namespace, with what its network policies deny by default',
  from: ['k8s.namespaces/namespaces', ...podListings, 'k8s.networkpolicies/networkpolicies'],
  besideNamespace: [],
  *rows(input) {
    const { countIn } = summarizeWorkloads(input);
    const byNamespace = new Map<string, Policies>();
    for (const policy of input.each('k8s.networkpolicies/networkpolicies')) {
      const policies = byNamespace.get(policy.namespace) ?? { names: [], ids: [], denied: new Set(), opened: new Set() };
      byNamespace.set(policy.namespace, policies);
      add(policies, policy);
    }
    const listing = input.listing('k8s.networkpolicies/networkpolicies');
    // An unseen policy can deny or open everything, so without all of them nothing is known of any namespace.
    const known = listing !== undefined && isComplete(listing);
    const unique = uniqueKeys();
    for (const object of input.each('k8s.namespaces/namespaces')) {
      const policies = byNamespace.get(object.name);
      const denies = (direction: Direction) => policies !== undefined && policies.denied.has(direction) && !policies.opened.has(direction);
      yield {
        item: unique(segment(object.name)),
        resource: resourceOf(object),
        evidence: [object.id, ...(policies?.ids ?? [])],
        namespace: object.name,
        system: systemNamespaces.includes(object.name),
        hasWorkloads: countIn(object.name) > 0,
        policies: policies?.names ?? [],
        ...(known ? { deniesIngress: denies('ingress'), deniesEgress: denies('egress') } : { gaps: listing?.gaps ?? [] }),
      };
    }
  },
};
