/**
 * Effective access as a table: subject, scope, verb and resource, each combination once, with every grant that gives it. Wildcards stay as they
 * are written, because they also cover what is added later. What is written and gives nothing is left out: patterns that are none (`pods/*`),
 * resources without a namespace through a binding in one, names on requests that have none. Groups are not spread over their members.
 */
import type { AccessIndex } from './access-index.ts';
import { builtInResources } from './resource-table.ts';
import type { Rule } from './rules.ts';
import { splitResource } from './rules.ts';

export interface AccessRow {
  /** `User/alice`, `Group/dev`, `ServiceAccount/ns/name`. */
  readonly subject: string;
  /** The namespace. Empty: cluster-wide. */
  readonly namespace: string;
  readonly verb: string;
  readonly apiGroup: string;
  /** `pods`, `pods/log`, `*`; empty for a path. */
  readonly resource: string;
  /** Empty: every name. */
  readonly resourceName: string;
  /** Empty for a resource. */
  readonly path: string;
  /** `binding → role`, each once. */
  readonly through: readonly string[];
}

const clusterScoped = new Set(
  builtInResources
    .filter(({ namespaced, plural }) => !namespaced && plural !== 'namespaces')
    .map(({ group, plural }) => `${plural}.${group}`),
);

/** Rows in the order of the subjects' texts; of one subject cluster-wide ones first. One subject's rows are in memory at a time. */
export function* accessRows(index: AccessIndex): Iterable<AccessRow> {
  for (const { text } of index.subjects) {
    const rows = new Map<string, { readonly row: Omit<AccessRow, 'subject' | 'through'>; readonly through: Set<string> }>();
    for (const { subject, binding } of index.grantsOf(text)) {
      // An account and the user of its name are two subjects; each shows what is written for it.
      if (subject.text !== text || binding.role === undefined) continue;
      const through = `${binding.key} → ${binding.roleKey}`;
      for (const row of rowsOf(binding.role.rules, binding.namespace)) {
        const key = JSON.stringify(Object.values(row));
        const known = rows.get(key);
        if (known === undefined) rows.set(key, { row, through: new Set([through]) });
        else known.through.add(through);
      }
    }
    for (const { row, through } of rows.values()) yield Object.assign({ subject: text, through: [...through] }, row);
  }
}

function* rowsOf(rules: readonly Rule[], namespace: string): Iterable<Omit<AccessRow, 'subject' | 'through'>> {
  for (const rule of rules) yield* rowsOfRule(rule, namespace);
}

function* rowsOfRule(rule: Rule, namespace: string): Iterable<Omit<AccessRow, 'subject' | 'through'>> {
  for (const verb of rule.verbs) {
    for (const apiGroup of rule.apiGroups)
      for (const resource of rule.resources) {
        if (!isEffective(resource, apiGroup, namespace)) continue;
        const nameless = (verb === 'create' || verb === 'deletecollection') && !resource.includes('/');
        const names = rule.resourceNames.length === 0 ? [''] : nameless ? [] : rule.resourceNames;
        // Empty is every name, here; a rule that names the empty one gives it to requests that name no object.
        for (const name of names)
          yield { namespace, verb, apiGroup, resource, resourceName: name === '' && rule.resourceNames.length > 0 ? '""' : name, path: '' };
      }
    if (namespace === '')
      for (const path of rule.nonResourceURLs) yield { namespace, verb, apiGroup: '', resource: '', resourceName: '', path };
  }
}

function isEffective(resource: string, group: string, namespace: string): boolean {
  const [parent, subresource] = splitResource(resource);
  if (subresource.includes('*') || (parent !== '*' && parent.includes('*'))) return false;
  return namespace === '' || !clusterScoped.has(`${parent}.${group}`);
}
