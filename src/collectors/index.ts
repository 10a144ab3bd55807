/** The registry of collectors, in the order of a collection: what identifies the cluster first. Adding one is one line here. */
import type { Collector, CollectorOptions, Gap, Listing, ListingDeclaration, ListingKind } from '../model/index.ts';
import { admission } from './admission.ts';
import { apiserver } from './apiserver.ts';
import { apiservers } from './apiservers.ts';
import { auditPolicyFile } from './audit-policy-file.ts';
import { certificates } from './certificates.ts';
import { certmanager } from './certmanager.ts';
import { cluster } from './cluster.ts';
import { configmaps } from './configmaps.ts';
import { encryptionFile } from './encryption-file.ts';
import { externalsecrets } from './externalsecrets.ts';
import { ingresses } from './ingresses.ts';
import { kubeadm } from './kubeadm.ts';
import { kubeletFile } from './kubelet-file.ts';
import { ledger } from './ledger.ts';
import { namespaces } from './namespaces.ts';
import { networkpolicies } from './networkpolicies.ts';
import { nodeEvidence, nodeEvidenceKind } from './node-evidence.ts';
import { nodes } from './nodes.ts';
import { pods } from './pods.ts';
import { providerFile } from './provider-file.ts';
import { rbac } from './rbac.ts';
import { secrets } from './secrets.ts';
import { self } from './self.ts';
import { serviceaccounts } from './serviceaccounts.ts';
import { services } from './services.ts';
import { storage } from './storage.ts';
import { storageMigrations } from './storagemigrations.ts';
import { workloads } from './workloads.ts';

export { handshakesKind, serverCertificate } from './apiserver.ts';
export { asksEachReplica, replicaAddresses, replicaAddressesKind, requestsOfReplicas } from './apiservers.ts';
export type { Program } from './flags.ts';
export { controlPlaneFlags } from './flags.ts';
export { withKeyFacts } from './encryption-keys.ts';
export { itemsFromFile } from './from-file.ts';
export { exceptionObject, ledgerExceptions, ledgerReviews, ledgerRuns, reviewObject, runObject } from './ledger.ts';
export { isNodeEvidence, nodeEvidenceKind, nodeGaps, nodeListings } from './node-evidence.ts';
export type { NodeProgram } from './node-flags.ts';
export { carriedBy, nodeFlags } from './node-flags.ts';
export type { ReadAnswer } from './provider-file.ts';
export { providerAnswerType, readProviderAnswers } from './provider-file.ts';
export type { ObservedRequest } from './secrets.ts';
export { selfSubjectRules } from './self.ts';

export const collectors: readonly Collector[] = [
  cluster,
  self,
  namespaces,
  nodes,
  rbac,
  serviceaccounts,
  pods,
  workloads,
  networkpolicies,
  services,
  ingresses,
  storage,
  storageMigrations,
  admission,
  certificates,
  apiserver,
  apiservers,
  kubeadm,
  secrets,
  configmaps,
  certmanager,
  externalsecrets,
  encryptionFile,
  auditPolicyFile,
  kubeletFile,
  nodeEvidence,
  providerFile,
  ledger,
];

/** `collectors` of kubevidence.yaml: by kind, or without its first part (`secrets` for `k8s.secrets`). */
export type CollectorSettings = Readonly<Record<string, boolean | CollectorOptions>>;

const listingsByKind = new Map(
  collectors.flatMap((collector) => collector.listings.map((listing) => [listing.kind, { collector, listing }])),
);

/** The declaration of a listing; undefined for a kind that this version does not know. */
export function declarationOf(kind: ListingKind): ListingDeclaration | undefined {
  return listingsByKind.get(kind)?.listing;
}

/** The collector that a listing belongs to. */
export function collectorOf(kind: ListingKind): Collector | undefined {
  return listingsByKind.get(kind)?.collector;
}

/** Why a listing that another version of its collector made shows less than today's populations read; null when it does not. */
export function gapOfVersion(
  { kind, collectorVersion }: Pick<Listing, 'kind' | 'collectorVersion'>,
  collector = collectorOf(kind),
): Gap | null {
  if (collector === undefined || collectorVersion === collector.version) return null;
  const { version, listings } = collector;
  const since = listings.find((listing) => listing.kind === kind)?.since ?? version;
  if (since <= collectorVersion && collectorVersion < version) return null;
  return {
    reason: 'redacted',
    what: kind,
    detail: `recorded by version ${collectorVersion} of its collector; this is version ${version}, which keeps other fields`,
    closedBy: 'read it again with this version; nothing for the past',
  };
}

/** Kinds that no API server answers: they come from `--files` or `--from`. */
export function isFileEvidence(kind: ListingKind): boolean {
  return kind.startsWith('files.') || kind === nodeEvidenceKind;
}

/** The settings of one collector; `enabled` is decided by its default when they do not say. */
export function optionsOf(collector: Collector, settings: CollectorSettings = {}): CollectorOptions & { readonly enabled: boolean } {
  const short = collector.kind.slice(collector.kind.indexOf('.') + 1);
  const setting = settings[collector.kind] ?? settings[short];
  const options: CollectorOptions = typeof setting === 'object' ? setting : {};
  const given = typeof setting === 'object' ? (setting.enabled ?? true) : setting;
  return { ...options, enabled: given ?? collector.optIn !== true };
}

/** The collectors that are on, in the order of the registry. */
export function enabledCollectors(settings: CollectorSettings = {}): readonly Collector[] {
  return collectors.filter((collector) => optionsOf(collector, settings).enabled);
}

/** The listings of the collectors that are on, in the order of the registry. */
export function declarations(settings: CollectorSettings = {}): readonly ListingDeclaration[] {
  return enabledCollectors(settings).flatMap((collector) => collector.listings);
}

/** What is missing when a listing is: the resource that it asks for, or the kind of file. */
export function whatOf(listing: ListingDeclaration): string {
  const [request] = listing.requests({});
  if (request !== undefined && listing.needs[0]?.resourceNames === undefined) return request.what;
  const accepted = listing.accepts?.[0]?.kind;
  return listing.needs.length === 0 && accepted !== undefined ? `${accepted} file` : listing.kind.slice(listing.kind.indexOf('/') + 1);
}
