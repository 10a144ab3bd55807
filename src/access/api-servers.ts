/**
 * The API servers behind one address, as far as the evidence shows what they are told: each that was asked for itself, whichever answered,
 * and static pods. One that nothing shows is named as not read: the answer of one never stands for another.
 */
import type { EvidenceReader, Instant, ListingKind, StoredObject } from '../model/index.ts';
import { at, isComplete, isMarker, isObject, listAt, textAt } from '../model/index.ts';

/** Flag → its value; `set` where the value was not kept. */
export type Flags = ReadonlyMap<string, string>;

export interface ApiServer {
  /** `the API server at 10.0.0.1:6443`. Untrusted text. */
  readonly where: string;
  /** Address that it was asked at; null for the one behind the cluster's address, and for static pods. */
  readonly address: string | null;
  readonly flags: Flags;
}

export interface ApiServers {
  /** Asked one by one. */
  readonly each: readonly ApiServer[];
  /** Whichever of them answered; undefined when its flags were not read. */
  readonly answering: ApiServer | undefined;
  readonly pods: readonly ApiServer[];
  /** Addresses at which each was to be asked; 0 where none was. */
  readonly registered: number;
  /** Why replicas are not known that register themselves and were neither heard nor seen. Untrusted text. */
  readonly unread: readonly string[];
}

const addressesKind: ListingKind = 'k8s.apiservers/endpointslices';
const eachKind: ListingKind = 'k8s.apiservers/flagz';
const answeringKind: ListingKind = 'k8s.apiserver/flagz';

export const apiServerListings: readonly ListingKind[] = [answeringKind, addressesKind, eachKind];

/** `pods`: the static pods of kube-apiserver. */
export function readApiServers(reader: EvidenceReader, pods: readonly StoredObject[]): ApiServers {
  const each = [...reader.objects(eachKind)].flatMap((object): readonly ApiServer[] => {
    const address = textAt(object.body, 'replica');
    const flags = flagsOfFlagz(object);
    if (address === undefined || flags === undefined) return [];
    return [{ where: `the API server at ${address}`, address, flags }];
  });
  const seen = pods.map((pod): ApiServer => {
    const node = textAt(pod.body, 'spec', 'nodeName') ?? '';
    return {
      where: `the API server ${node === '' ? `of pod ${pod.name}` : `on ${node}`}`,
      address: null,
      flags: flagsOfPod(pod),
    };
  });
  const registered = reader.listing(addressesKind) === undefined ? [] : registeredAddresses(reader.objects(addressesKind));
  return {
    each,
    answering: answeringServer(reader),
    pods: seen,
    registered: registered.length,
    unread: unreadOf(reader, registered, each, seen),
  };
}

function answeringServer(reader: EvidenceReader): ApiServer | undefined {
  const listing = reader.listing(answeringKind);
  if (listing === undefined || !isComplete(listing)) return undefined;
  for (const object of reader.objects(answeringKind)) {
    const flags = flagsOfFlagz(object);
    if (flags !== undefined) return { where: 'the API server that answered', address: null, flags };
  }
  return undefined;
}

/** Nothing where each was not to be asked. A static pod shows the one at the address that it is told to advertise. */
function unreadOf(
  reader: EvidenceReader,
  registered: readonly string[],
  each: readonly ApiServer[],
  pods: readonly ApiServer[],
): readonly string[] {
  const listing = reader.listing(addressesKind);
  const gaps = listing?.gaps.filter(({ reason }) => reason !== 'absent' || listing.items > 0) ?? [];
  const known = new Set([...each.map(({ address }) => address), ...pods.map(({ flags }) => flags.get('advertise-address') ?? '')]);
  const silent = registered.filter((address) => !known.has(address) && !known.has(hostOf(address)));
  return [
    ...(gaps.length === 0 ? [] : ['which API servers there are was not all read']),
    ...silent.map((address) => `the API server at ${address} does not show its flags`),
  ];
}

/** `10.0.0.1:6443`, each once, sorted; as URLs write them: the port of HTTPS is left out. */
export function registeredAddresses(slices: Iterable<StoredObject>): readonly string[] {
  const found = Array.from(slices, ({ body }) => {
    const ports = listAt(body, 'ports').flatMap((port) => {
      const number = at(port, 'port');
      return typeof number === 'number' && (textAt(port, 'protocol') ?? 'TCP') === 'TCP' ? [number] : [];
    });
    return listAt(body, 'endpoints')
      .flatMap((endpoint) => listAt(endpoint, 'addresses'))
      .filter((host) => typeof host === 'string')
      .flatMap((host) => ports.map((port) => `${host.includes(':') ? `[${host}]` : host}:${port}`));
  }).flat();
  return [...new Set(found.map((address) => URL.parse(`https://${address}`)?.host ?? address))].sort();
}

/** Without the port; of an IPv6 address without its brackets. */
export function hostOf(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}

/**
 * Leases that have not run out at this moment: the API server renews its own every few seconds, for an hour. The servers write these times,
 * and our clock may be nearly an hour ahead of theirs. So as long as any lease holds, another one has run out only if the newest says so
 * too: otherwise a replica would be missed, and the others would pass without it.
 */
export function liveLeases(objects: Iterable<StoredObject>, moment: Instant): readonly StoredObject[] {
  const now = Date.parse(moment);
  const leases = Array.from(objects, (lease) => ({
    lease,
    renewed: Date.parse(textAt(lease.body, 'spec', 'renewTime') ?? ''),
    seconds: at(lease.body, 'spec', 'leaseDurationSeconds'),
  }));
  const heldAt = (time: number) =>
    leases.filter(({ renewed, seconds }) => Number.isNaN(renewed) || typeof seconds !== 'number' || renewed + seconds * 1000 >= time);
  const newest = leases.reduce((latest, { renewed }) => (renewed > latest ? renewed : latest), -Infinity);
  const held = heldAt(now).length === 0 || newest === -Infinity ? heldAt(now) : heldAt(Math.min(now, newest));
  return held.map(({ lease }) => lease);
}

/** The component of a genuine mirror pod in kube-system; empty for every other pod. */
export function componentOf(pod: StoredObject): string {
  const node = textAt(pod.body, 'spec', 'nodeName') ?? '';
  const owned = listAt(pod.body, 'metadata', 'ownerReferences').some(
    (owner) => textAt(owner, 'kind') === 'Node' && textAt(owner, 'name') === node,
  );
  const mirror = textAt(pod.body, 'metadata', 'annotations', 'kubernetes.io/config.mirror') !== undefined;
  if (!mirror || !owned || node === '' || pod.namespace !== 'kube-system' || !pod.name.endsWith(`-${node}`)) return '';
  return pod.name.slice(0, -node.length - 1);
}

export function flagsOfPod(pod: StoredObject): Flags {
  const flags = new Map<string, string>();
  for (const container of listAt(pod.body, 'spec', 'containers')) {
    for (const entry of [...listAt(container, 'command'), ...listAt(container, 'args')]) {
      if (isMarker(entry)) {
        if (entry.flag !== undefined) flags.set(entry.flag, 'set');
        continue;
      }
      const match = typeof entry === 'string' ? /^--([A-Za-z0-9_-]+)(?:=([\s\S]*))?$/.exec(entry) : null;
      if (match !== null) flags.set((match[1] ?? '').replaceAll('_', '-'), match[2] ?? 'true');
    }
  }
  return flags;
}

function flagsOfFlagz({ body }: StoredObject): Flags | undefined {
  const flags = at(body, 'flags');
  if (!isObject(flags)) return undefined;
  return new Map(Object.entries(flags).map(([name, value]) => [name, typeof value === 'string' ? value : 'set'] as const));
}

/** The entries of a list, which `/flagz` prints in brackets. */
export function splitFlag(text: string | undefined): readonly string[] {
  return (text ?? '')
    .replace(/^\[(.*)\]$/s, '$1')
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}
