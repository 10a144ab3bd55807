/**
 * The API server replicas that were asked one by one, at the addresses that they register in the EndpointSlice `kubernetes`. Nothing here
 * where the configuration does not ask for it. An address stands for a replica only as far as it answered; two addresses that one process
 * answers are one replica.
 */
import { hostOf, registeredAddresses } from '../../access/index.ts';
import type { EvidenceReader, Gap, ListingKind, PopulationInput, StoredObject } from '../../model/index.ts';
import { at, isObject, listAt, textAt } from '../../model/index.ts';
import { isMarkedControlPlane } from './control-plane.ts';
import type { Flags } from './flags.ts';
import { readFlagz, resolveFlags } from './flags.ts';

const addressesKind: ListingKind = 'k8s.apiservers/endpointslices';

/** What a population that looks at every replica reads. */
export const replicaListings: readonly ListingKind[] = [
  addressesKind,
  'k8s.apiservers/flagz',
  'k8s.apiservers/statusz',
  'k8s.apiservers/metrics',
];

/** `10.0.0.1:6443` of what one replica answered; undefined for the answer of whichever it was. */
export function addressOf(object: StoredObject): string | undefined {
  return textAt(object.body, 'replica');
}

/** The name that it has on its replica: `process_start_time_seconds` of `process_start_time_seconds@10.0.0.1:6443`. */
export function plainName(object: StoredObject): string {
  const address = addressOf(object);
  return address !== undefined && object.name.endsWith(`@${address}`) ? object.name.slice(0, -address.length - 1) : object.name;
}

/** Whether each replica was to be asked, in this snapshot. */
export function wereEachAsked(input: PopulationInput): boolean {
  const listing = input.listing(addressesKind);
  return listing !== undefined && (listing.items > 0 || listing.gaps.some(({ reason }) => reason !== 'absent'));
}

/** `10.0.0.1:6443`; without the port where that is 443. */
export function registered(input: PopulationInput): readonly string[] {
  return registeredAddresses(input.each(addressesKind));
}

/** There are several replicas by what they registered, or nobody knows. One that answered behind the cluster's address is the only one. */
export function areSeveral(input: PopulationInput, leases: number): boolean {
  return leases !== 1 || registered(input).length > 1;
}

/** Says which replicas did not answer this, but for those that something else shows (`isSeen`); and why no address is known. */
export function sayUnheard(input: PopulationInput, kind: ListingKind, isSeen: (address: string) => boolean = () => false): void {
  if (!wereEachAsked(input)) return;
  const addresses = registered(input);
  const listing = input.listing(kind);
  const what = kind.slice(kind.indexOf('/') + 1);
  for (const gap of input.listing(addressesKind)?.gaps ?? []) input.gap(gap);
  const answered = new Set([...input.each(kind)].flatMap((object) => addressOf(object) ?? []));
  const gaps = listing?.gaps ?? [];
  const isOf = (address: string) => (gap: Gap) =>
    gap.what.endsWith(` of ${address}`) || (!/:\d+$/.test(address) && gap.what.endsWith(` of ${address}:443`));
  for (const address of addresses) {
    if (answered.has(address) || isSeen(address)) continue;
    const why = gaps.find(isOf(address));
    input.gap(
      why ?? { reason: 'absent', what: `${what} of ${address}`, detail: 'this API server was not asked', closedBy: 'collect again' },
    );
  }
  // What concerns no single address: there were too many.
  for (const gap of gaps) if (!addresses.some((address) => isOf(address)(gap)) && addresses.length > 0) input.gap(gap);
}

/** The node that has this address, else the address. */
export function nameOfAddress(input: PopulationInput, address: string): string {
  return nodeAt(input, address)?.name ?? address;
}

const nodesByAddress = new WeakMap<EvidenceReader, ReadonlyMap<string, StoredObject>>();

/**
 * The node of the control plane that has this address inside of the cluster. Nodes write their addresses themselves, so others are not
 * believed, and neither are two of one address. Many ask, and a cluster has thousands of nodes.
 */
export function nodeAt(input: PopulationInput, address: string): StoredObject | undefined {
  // Each population still says which evidence it stands on.
  input.listing('k8s.nodes/nodes');
  let known = nodesByAddress.get(input.reader);
  if (known === undefined) {
    const found = new Map<string, StoredObject>();
    const twice = new Set<string>();
    for (const node of input.each('k8s.nodes/nodes')) {
      if (!isMarkedControlPlane(node)) continue;
      for (const each of listAt(node.body, 'status', 'addresses')) {
        const ip = textAt(each, 'type') === 'InternalIP' ? textAt(each, 'address') : undefined;
        if (ip === undefined || found.get(ip) === node) continue;
        if (found.has(ip)) twice.add(ip);
        else found.set(ip, node);
      }
    }
    for (const ip of twice) found.delete(ip);
    nodesByAddress.set(input.reader, (known = found));
  }
  return known.get(hostOf(address));
}

/** How many processes surely answer at these addresses, by the start that their metrics or `/statusz` tell. */
export function countProcesses(input: PopulationInput, addresses: readonly string[]): number {
  const starts = new Map<string | undefined, string>();
  for (const object of input.each('k8s.apiservers/statusz')) starts.set(addressOf(object), textAt(object.body, 'startTime') ?? '');
  for (const object of input.each('k8s.apiservers/metrics')) {
    if (plainName(object) !== 'process_start_time_seconds') continue;
    starts.set(addressOf(object), textAt(listAt(object.body, 'samples')[0], 'value') ?? '');
  }
  // Those of which nobody knows it may be one.
  return new Set(addresses.map((address) => starts.get(address) ?? '')).size;
}

/** When the process at this address, or the one that answered, started: milliseconds since 1970; undefined when its metrics do not say. */
export function startOfAnswer(input: PopulationInput, address: string | undefined): number | undefined {
  for (const object of input.each(address === undefined ? 'k8s.apiserver/metrics' : 'k8s.apiservers/metrics'))
    if (addressOf(object) === address && plainName(object) === 'process_start_time_seconds')
      return Number(textAt(listAt(object.body, 'samples')[0], 'value') ?? Number.NaN) * 1000;
  return undefined;
}

export interface ReplicaFlags {
  readonly address: string;
  readonly object: StoredObject;
  readonly flags: Flags;
}

const known = new WeakMap<StoredObject, { readonly version: string | null; readonly flags: Flags }>();

/** A page without a flag says nothing, not even that a default applies. */
export function tellsFlags({ body }: StoredObject): boolean {
  const flags = at(body, 'flags');
  return isObject(flags) && Object.keys(flags).length > 0;
}

/** `/flagz` of each replica that answered. */
export function readEachFlags(input: PopulationInput): readonly ReplicaFlags[] {
  const { version } = input.reader.cluster;
  const replicas: ReplicaFlags[] = [];
  for (const object of input.each('k8s.apiservers/flagz')) {
    const address = addressOf(object);
    if (address === undefined || !tellsFlags(object)) continue;
    let told = known.get(object);
    if (told?.version !== version) {
      told = { version, flags: resolveFlags('kube-apiserver', readFlagz(at(object.body, 'flags')), version) };
      known.set(object, told);
    }
    replicas.push({ address, object, flags: told.flags });
  }
  return replicas;
}
