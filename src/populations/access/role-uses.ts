/**
 * Every Role and ClusterRole, and what refers to it: bindings, and cluster roles that gather its rules by label. A role without any is
 * unused only when all bindings could be read. The default roles gather too, also where files leave them out.
 */
import { defaultGatherers, isDefaultRole, rbacListings, roleRefOf, selects } from '../../access/index.ts';
import type { Gap, ListingKind, Population, StoredObject } from '../../model/index.ts';
import { at, isComplete, listAt } from '../../model/index.ts';
import { nameOf, resourceOf, uniqueKeys } from '../identity.ts';

const bindings: readonly ListingKind[] = ['k8s.rbac/clusterrolebindings', 'k8s.rbac/rolebindings'];

export const roleUses: Population = {
  name: 'roleUses',
  doc: 'A Role or ClusterRole, with the bindings and the aggregating roles that refer to it',
  from: rbacListings,
  *rows(input) {
    const users = new Map<string, number>();
    for (const binding of input.each(...bindings)) {
      const { roleKey } = roleRefOf(binding);
      users.set(roleKey, (users.get(roleKey) ?? 0) + 1);
    }
    const roles = [...input.each('k8s.rbac/clusterroles', 'k8s.rbac/roles')];
    const gathering = roles.flatMap((object) => {
      const selectors = object.type === 'ClusterRole' ? listAt(object.body, 'aggregationRule', 'clusterRoleSelectors') : [];
      return selectors.length === 0 ? [] : [{ name: object.name, selectors }];
    });
    if (input.reader.scope === 'files')
      for (const [name, matchLabels] of defaultGatherers)
        if (!roles.some((role) => role.type === 'ClusterRole' && role.name === name))
          gathering.push({ name, selectors: [{ matchLabels }] });
    const gatherersOf = (role: StoredObject) =>
      role.type !== 'ClusterRole'
        ? []
        : gathering.filter(
            ({ name, selectors }) =>
              name !== role.name && selectors.some((selector) => selects(selector, at(role.body, 'metadata', 'labels'))),
          );
    const complete = bindings.every((kind) => {
      const listing = input.listing(kind);
      return listing !== undefined && isComplete(listing);
    });
    const unique = uniqueKeys();
    for (const object of roles) {
      const namespace = object.type === 'ClusterRole' ? '' : object.namespace;
      const role = nameOf(object.type, namespace, object.name);
      const bound = users.get(role) ?? 0;
      const unknown: Gap = { reason: 'absent', what: `bindings to ${role}`, closedBy: 'list all bindings' };
      yield {
        item: unique(role),
        resource: resourceOf(object),
        evidence: [object.id],
        role,
        namespace,
        default: isDefaultRole(object.type, object.name),
        gatheredBy: gatherersOf(object).map(({ name }) => name),
        ...(bound > 0 || complete ? { bindings: bound } : { gaps: [unknown] }),
      };
    }
  },
};
