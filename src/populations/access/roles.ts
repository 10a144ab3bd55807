/**
 * Every Role and ClusterRole with the wildcards in its rules, those that it gathers by label included; of one that the API server makes, in
 * those that somebody added.
 */
import { addedRules, eachRole, isBootstrapRole, wildcardsOf } from '../../access/index.ts';
import type { Population } from '../../model/index.ts';
import { nameOf, resourceOf, uniqueKeys } from '../identity.ts';

export const roles: Population = {
  name: 'roles',
  doc: 'A Role or ClusterRole, with the wildcards in its rules',
  from: ['k8s.rbac/roles', 'k8s.rbac/clusterroles'],
  *rows(input) {
    const unique = uniqueKeys();
    for (const [object, held] of eachRole(input)) {
      const role = nameOf(object.type, object.type === 'ClusterRole' ? '' : object.namespace, object.name);
      const { rules, gaps } = held;
      const added = addedRules(held);
      yield {
        item: unique(role),
        resource: resourceOf(object),
        evidence: [object.id],
        ...(gaps.length > 0 && { gaps }),
        role,
        namespace: object.type === 'ClusterRole' ? '' : object.namespace,
        builtin: isBootstrapRole(object.type, object.name) && added.length === 0,
        wildcards: wildcardsOf(added.length === 0 ? rules : added),
      };
    }
  },
};
