/** A snapshot of RBAC objects, filed by kind. */
import type { EvidenceReader, Gap, JsonObject, ListingKind } from '../../src/model/index.ts';
import { snapshot, type SnapshotOptions } from '../populations/snapshots.ts';

const plurals: Readonly<Record<string, ListingKind>> = {
  Role: 'k8s.rbac/roles',
  ClusterRole: 'k8s.rbac/clusterroles',
  RoleBinding: 'k8s.rbac/rolebindings',
  ClusterRoleBinding: 'k8s.rbac/clusterrolebindings',
};

/** All four listings are there and complete, unless `gaps` says otherwise. */
export function rbacSnapshot(objects: readonly JsonObject[], options: SnapshotOptions = {}): EvidenceReader {
  const given: Record<ListingKind, JsonObject[]> = {};
  for (const kind of Object.values(plurals)) given[kind] = [];
  for (const object of objects) given[plurals[object['kind'] as string] ?? 'k8s.rbac/roles']?.push(object);
  return snapshot(given, options);
}

export function forbidden(...resources: readonly string[]): { readonly gaps: Readonly<Record<ListingKind, readonly Gap[]>> } {
  return { gaps: Object.fromEntries(resources.map((what) => [`k8s.rbac/${what}`, [{ reason: 'forbidden' as const, what }]])) };
}
