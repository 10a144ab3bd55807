/**
 * Every namespace with what its network policies deny by default. A direction is denied when a policy selects all pods for it, and those
 * that select a pod of which nothing is known do not let everything through together: policies only add up.
 */
import type { Json, Population, StoredObject } from '../../model/index.ts';
import { at, isComplete, isObject, listAt, textAt } from '../../model/index.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';
import { systemNamespaces } from '../workloads/namespaces.ts';
import { summarizeWorkloads } from '../workloads/pod-parts.ts';
import { podListings } from '../workloads/pod-specs.ts';
import { everyPort, everywhere, holdMostAddresses, holdMostPorts, type Networks, networksOf, portsBetween, type Span } from './spans.ts';

type Direction = 'ingress' | 'egress';

interface Policies {
  readonly names: string[];
  readonly ids: string[];
  readonly denied: Set<Direction>;
  /** The rules that hold for every pod of which nothing is known. */
  readonly rules: Record<Direction, Json[]>;
}

function asksForNoLabel(selector: Json | undefined): boolean {
  const labels = at(selector, 'matchLabels');
  return !isObject(labels) || Object.keys(labels).length === 0;
}

/** It asks for nothing, and so selects everything; also where it is absent. */
function isEmpty(selector: Json | undefined): boolean {
  return listAt(selector, 'matchExpressions').length === 0 && asksForNoLabel(selector);
}

/** What it selects need not bear any label: everything, or everything but a few. Namespaces all have the label of their name. */
function selectsByDefault(selector: Json | undefined, given?: string): boolean {
  const isMet = (expression: Json) => {
    const [key, operator] = [textAt(expression, 'key'), textAt(expression, 'operator')];
    return operator === 'NotIn' || (key === given ? operator === 'Exists' : operator === 'DoesNotExist');
  };
  return asksForNoLabel(selector) && listAt(selector, 'matchExpressions').every(isMet);
}

/** networking/v1: without policyTypes a policy is for ingress, and for egress when it has egress rules. */
function directions(policy: StoredObject): readonly Direction[] {
  const types = listAt(policy.body, 'spec', 'policyTypes');
  if (types.length === 0) return listAt(policy.body, 'spec', 'egress').length > 0 ? ['ingress', 'egress'] : ['ingress'];
  return (['ingress', 'egress'] as const).filter((direction) =>
    types.some((type) => typeof type === 'string' && type.toLowerCase() === direction),
  );
}

/** All pods of all namespaces, or all but a few: without a namespaceSelector it would be those of the policy's own. */
function isWholeCluster(peer: Json): boolean {
  const namespaces = at(peer, 'namespaceSelector');
  return isObject(namespaces) && selectsByDefault(namespaces, 'kubernetes.io/metadata.name') && selectsByDefault(at(peer, 'podSelector'));
}

/**
 * The networks of a rule; those of nobody in particular are all. So are the pods of the whole cluster for ingress, but not for egress: the
 * world outside stays closed.
 */
function networksIn(rule: Json, direction: Direction): readonly Networks[] {
  const peers = listAt(rule, direction === 'ingress' ? 'from' : 'to');
  if (peers.length === 0 || (direction === 'ingress' && peers.some(isWholeCluster))) return [everywhere];
  return peers.map((peer) => {
    const except = listAt(peer, 'ipBlock', 'except').filter((entry) => typeof entry === 'string');
    return networksOf(textAt(peer, 'ipBlock', 'cidr') ?? '', except);
  });
}

function isPort(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536;
}

/** The ports of a rule for a protocol: without any it is for all, as is an entry without a port. A port with a name is not counted. */
function portsIn(rule: Json, protocol: string): readonly Span[] {
  const entries = listAt(rule, 'ports');
  if (entries.length === 0) return everyPort;
  return entries.flatMap((entry) => {
    if ((textAt(entry, 'protocol') ?? 'TCP').toUpperCase() !== protocol) return [];
    const [port, end] = [at(entry, 'port') ?? null, at(entry, 'endPort')];
    if (port === null) return everyPort;
    return isPort(port) ? [portsBetween(port, isPort(end) ? end : port)] : [];
  });
}

/**
 * Most addresses on most ports of a protocol. Rules add up: those for most ports by their addresses, and those for most addresses by their
 * ports.
 */
function letThroughEverything(rules: readonly Json[], direction: Direction): boolean {
  const read = rules.map((rule) => ({ rule, networks: networksIn(rule, direction) }));
  const broad = read.filter(({ networks }) => holdMostAddresses(networks)).map(({ rule }) => rule);
  return ['TCP', 'UDP', 'SCTP'].some(
    (protocol) =>
      holdMostPorts(broad.flatMap((rule) => portsIn(rule, protocol))) ||
      holdMostAddresses(read.filter(({ rule }) => holdMostPorts(portsIn(rule, protocol))).flatMap(({ networks }) => networks)),
  );
}

function add(policies: Policies, policy: StoredObject): void {
  policies.names.push(policy.name);
  policies.ids.push(policy.id);
  const selector = at(policy.body, 'spec', 'podSelector');
  for (const direction of directions(policy)) {
    if (isEmpty(selector)) policies.denied.add(direction);
    if (!selectsByDefault(selector)) continue;
    for (const rule of listAt(policy.body, 'spec', direction)) policies.rules[direction].push(rule);
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
      const policies = byNamespace.get(policy.namespace) ?? { names: [], ids: [], denied: new Set(), rules: { ingress: [], egress: [] } };
      byNamespace.set(policy.namespace, policies);
      add(policies, policy);
    }
    const listing = input.listing('k8s.networkpolicies/networkpolicies');
    // An unseen policy can deny or open everything, so without all of them nothing is known of any namespace.
    const known = listing !== undefined && isComplete(listing);
    const unique = uniqueKeys();
    for (const object of input.each('k8s.namespaces/namespaces')) {
      const policies = byNamespace.get(object.name);
      const denies = (direction: Direction) =>
        policies !== undefined && policies.denied.has(direction) && !letThroughEverything(policies.rules[direction], direction);
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
