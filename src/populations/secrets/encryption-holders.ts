/**
 * Who encrypts, or says how: every API server replica with what it was seen to do and the file that is its own as far as that is known,
 * and every EncryptionConfiguration that was handed in or read on a node.
 */
import type { ListingKind, PopulationInput, ResourceRef, Row, StoredObject } from '../../model/index.ts';
import { isComplete, textAt } from '../../model/index.ts';
import { readReplicaMetrics } from '../control-plane/answering-replica.ts';
import { apiServers } from '../control-plane/api-servers.ts';
import { requireListing } from '../control-plane/control-plane.ts';
import { replicaListings } from '../control-plane/each-replica.ts';
import type { Metrics } from '../control-plane/metrics.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';
import { readNodeContents } from '../nodes/node-contents.ts';
import { readOnce } from '../read-once.ts';
import type { Decision, FileVerdict } from './encryption-files.ts';
import { judgeFile } from './encryption-files.ts';
import type { Loader } from './encryption-refusals.ts';

export const filesKind: ListingKind = 'files.encryption/encryptionconfigurations';
const nodesKind: ListingKind = 'node.evidence/nodes';

export const holderListings: readonly ListingKind[] = [
  ...new Set<ListingKind>([...(apiServers.also ?? []), 'k8s.apiserver/metrics', ...replicaListings, filesKind, nodesKind]),
];

/** A server or a file, and what is known of it. */
export interface Holder {
  readonly key: string;
  readonly name: string;
  readonly resource: ResourceRef;
  readonly evidence: readonly string[];
  /** The server's flags say that there is no configuration. */
  readonly off: boolean;
  readonly metrics: Metrics | undefined;
  /** Files of which it reads one: those of its node where they are known. */
  readonly files: readonly FileVerdict[];
  /** Ids of the objects that these files are. */
  readonly filed: readonly string[];
  /** Of a file's holder. */
  readonly object: StoredObject | undefined;
  readonly isServer: boolean;
}

interface File {
  readonly object: StoredObject;
  readonly verdict: FileVerdict;
  readonly name: string;
  /** Where it was read on a node. */
  readonly node: string | undefined;
  readonly path: string | undefined;
}

/** Servers first, then files. */
export const readHolders = readOnce((input): readonly Holder[] => {
  const given = [...input.each(filesKind)];
  const live = input.reader.scope === 'cluster';
  const servers = live || given.length === 0 ? [...apiServers.rows(input)] : [];
  const files = readFiles(input, given, loaderOf(servers, input));
  const unique = uniqueKeys();
  return [
    ...(live || given.length === 0 ? serversOf(input, servers, files) : []),
    ...files.map(
      ({ object, verdict, name }): Holder => ({
        key: unique(`file/${segment(name)}`),
        name,
        resource: resourceOf(object),
        evidence: [object.id],
        off: false,
        metrics: undefined,
        files: [verdict],
        filed: [],
        object,
        isServer: false,
      }),
    ),
  ];
});

/** What is known of the servers that load a file; where they differ, or one is not seen, it is not known. */
function loaderOf(servers: readonly Row[], input: PopulationInput): Loader {
  const { version } = input.reader.cluster;
  const all = servers.length > 0 && servers.every((row) => (row.gaps ?? []).length === 0);
  const gates = servers.map((row) => row['gates'] as Readonly<Record<string, boolean>> | undefined);
  const flags = servers.map(flagsOf);
  const reload = flags.map((each) => each['encryption-provider-config-automatic-reload'] === 'true');
  if (!all) return { version };
  return { version, kmsV1: gates.some((each) => each?.['KMSv1'] === true), reload: reload.every(Boolean) };
}

function flagsOf(row: Row): Readonly<Record<string, string>> {
  return (row['flags'] ?? {}) as Readonly<Record<string, string>>;
}

function readFiles(input: PopulationInput, given: readonly StoredObject[], loader: Loader): readonly File[] {
  const places = given.length === 0 ? undefined : readNodeContents(input, 'encryptionConfigurations');
  return given.flatMap((object) => {
    const place = places?.get(object.name);
    if (place !== undefined && place.gap !== null) {
      input.gap(place.gap);
      return [];
    }
    const name = object.place?.file ?? (object.name || 'EncryptionConfiguration');
    return [{ object, verdict: judgeFile(object, loader), name, node: place?.node, path: place?.path }];
  });
}

/**
 * Those that a server can read: of its node; else what was handed in without a node. Files of other nodes stand for it only where there
 * are at least as many nodes with files as servers, so that one of them must be its own.
 */
function filesOf(files: readonly File[], servers: number, node: string, path?: string): Pick<Holder, 'files' | 'filed'> {
  const own = files.filter((file) => file.node === node);
  const used = own.length > 1 ? own.filter((file) => file.path === path) : own;
  const handedIn = files.filter((file) => file.node === undefined);
  const nodes = new Set(files.flatMap((file) => file.node ?? []));
  const any = handedIn.length > 0 ? handedIn : nodes.size >= servers ? files : [];
  const found = used.length > 0 ? used : own.length > 0 ? own : any;
  return { files: found.map(({ verdict }) => verdict), filed: found.map(({ object }) => object.id) };
}

/** What the file of this holder says of a resource; undefined without a file, or where several could be its and they differ. */
export function declared(
  { files: [first, ...others] }: Holder,
  resource = 'secrets',
): (Decision & Pick<FileVerdict, 'problem'>) | undefined {
  if (first === undefined) return undefined;
  const decision = first.decide(resource);
  const same = others.every((other) => {
    const { covers, writes } = other.decide(resource);
    return covers === decision.covers && writes === decision.writes && (other.problem === '') === (first.problem === '');
  });
  return same ? { ...decision, problem: first.problem } : undefined;
}

function serversOf(input: PopulationInput, servers: readonly Row[], files: readonly File[]): readonly Holder[] {
  const pages = input.reader.scope === 'cluster' ? [...readReplicaMetrics(input)] : [];
  const only = servers.length === 1 && pages.length === 1 ? pages[0] : undefined;
  const count = Math.max(servers.length, pages.length);
  const paired = new Set<Metrics>();
  const holders = servers.map((row): Holder => {
    const page = only ?? pages.find(({ replica }) => replica.key === row.item);
    if (page !== undefined) paired.add(page.metrics);
    const flags = flagsOf(row);
    const name = textAt(row, 'replica') ?? row.item;
    return {
      key: row.item,
      name,
      resource: row.resource,
      evidence: [...row.evidence, ...(page?.metrics.evidence ?? [])],
      off: flags['encryption-provider-config'] === '',
      metrics: page?.metrics,
      ...filesOf(files, count, nodeOf(input, name), flags['encryption-provider-config']),
      object: undefined,
      isServer: true,
    };
  });
  if (pages.length === 0 && servers.length === 0 && input.reader.scope === 'cluster') requireListing(input, 'k8s.apiserver/metrics');
  for (const { metrics, replica } of pages) {
    if (paired.has(metrics)) continue;
    holders.push({
      key: `${replica.key}/metrics`,
      name: replica.name,
      resource: resourceOf(metrics.object),
      evidence: [...metrics.evidence, ...replica.evidence],
      off: false,
      metrics,
      ...filesOf(files, count, nodeOf(input, replica.name)),
      object: undefined,
      isServer: true,
    });
  }
  return holders;
}

/** A replica is named after its node or its lease, which has the name of its host on a label. */
function nodeOf(input: PopulationInput, replica: string): string {
  for (const lease of input.each('k8s.apiserver/leases'))
    if (lease.name === replica) return textAt(lease.body, 'metadata', 'labels', 'kubernetes.io/hostname') ?? replica;
  return replica;
}

/** Where a verdict stands on files, one that was there and could not be read is a gap: it may be that of a server, or a later one. */
export function requireFiles(input: PopulationInput): void {
  for (const gap of input.listing(filesKind)?.gaps ?? []) if (gap.reason !== 'absent') input.gap(gap);
}

/** Where a server's metrics were needed and could not be read, that is the gap. */
export function requireMetrics(input: PopulationInput, { isServer }: Holder): void {
  const listing = input.listing('k8s.apiserver/metrics');
  if (isServer && input.reader.scope === 'cluster' && (listing === undefined || !isComplete(listing)))
    requireListing(input, 'k8s.apiserver/metrics');
}
