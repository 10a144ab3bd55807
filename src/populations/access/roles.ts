/** Every Role and ClusterRole with the wildcards in its rules. */
import { isBootstrapRole, readRules, wildcardsOf } from '../../access/index.ts';
import type { Population } from '../../model/index.ts';
import { listAt } from '../../model/index.ts';
import { nameOf, resourceOf, uniqueKeys } from '../identity.ts';

export const roles: Population = {
  name: 'roles',
  doc: 'A Role or ClusterRole, with the wildcards in its rules',
  from: ['k8s.rbac/roles', 'k8s.rbac/clusterroles'],
  *rows(input) {
    const unique = uniqueKeys();
    for (const object of input.each('k8s.rbac/clusterroles', 'k8s.rbac/roles')) {
      const role = nameOf(object.type, object.type === 'ClusterRole' ? '' : object.namespace, object.name);
      yield {
        item: unique(role),
        resource: resourceOf(object),
        evidence: [object.id],
        role,
        namespace: object.type === 'ClusterRole' ? '' : object.namespace,
        builtin: isBootstrapRole(object.type, object.name),
        wildcards: wildcardsOf(readRules(listAt(object.body, 'rules'))),
      };
    }
  },
};
