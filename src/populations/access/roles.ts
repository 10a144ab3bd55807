/** Every Role and ClusterRole with the wildcards in its rules, those that it gathers by label included. */
import { eachRole, isBootstrapRole, wildcardsOf } from '../../access/index.ts';
import type { Population } from '../../model/index.ts';
import { nameOf, resourceOf, uniqueKeys } from '../identity.ts';

export const roles: Population = {
  name: 'roles',
  doc: 'A Role or ClusterRole, with the wildcards in its rules',
  from: ['k8s.rbac/roles', 'k8s.rbac/clusterroles'],
  *rows(input) {
    const unique = uniqueKeys();
    for (const [object, { rules, gaps }] of eachRole(input)) {
      const role = nameOf(object.type, object.type === 'ClusterRole' ? '' : object.namespace, object.name);
      yield {
        item: unique(role),
        resource: resourceOf(object),
        evidence: [object.id],
        ...(gaps.length > 0 && { gaps }),
        role,
        namespace: object.type === 'ClusterRole' ? '' : object.namespace,
        builtin: isBootstrapRole(object.type, object.name),
        wildcards: wildcardsOf(rules),
      };
    }
  },
};
