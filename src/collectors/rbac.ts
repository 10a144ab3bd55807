/** The four RBAC kinds, each complete as of one resourceVersion, or a gap that says why not. */
import type { Collector, Keep } from '../model/index.ts';
import { apiListing } from './listing.ts';

const annotations: Keep = { path: 'metadata.annotations', as: 'annotations' };
const role: readonly Keep[] = [annotations, 'rules', 'aggregationRule'];
const binding: readonly Keep[] = [annotations, 'roleRef', 'subjects'];

const listing = (resource: string, type: string, keep: readonly Keep[]) =>
  apiListing({
    kind: `k8s.rbac/${resource}`,
    group: 'rbac.authorization.k8s.io',
    version: 'v1',
    resource,
    type,
    withoutIt: 'no finding about access can be complete',
    keep,
  });

export const rbac: Collector = {
  kind: 'k8s.rbac',
  version: 1,
  title: 'Roles and bindings',
  listings: [
    listing('roles', 'Role', role),
    listing('clusterroles', 'ClusterRole', role),
    listing('rolebindings', 'RoleBinding', binding),
    listing('clusterrolebindings', 'ClusterRoleBinding', binding),
  ],
};
