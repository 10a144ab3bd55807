/**
 * The least rights that the enabled collectors need, as Kubernetes manifests. Generated from what collectors declare, so it can't drift
 * from what they ask; a cluster test applies it, collects with it, and removes each rule in turn.
 */
import { stringify } from 'yaml';
import { type CollectorSettings, enabledCollectors, optionsOf } from '../collectors/index.ts';
import type { AccessRule } from '../model/index.ts';

interface PolicyRule {
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
  verbs: string[];
}

export interface ManifestOptions {
  readonly namespace: string;
  readonly serviceAccount: string;
}

export const collectorRole = 'kubevidence-collector';

/** Namespace, ServiceAccount, one ClusterRole with its binding, and one Role with binding per namespace that only some rules need. */
export function rbacManifests(settings: CollectorSettings, { namespace, serviceAccount }: ManifestOptions): string {
  const rules = enabledCollectors(settings).flatMap((collector) => {
    // Where namespaces are configured, the right is given in each of them and nowhere else.
    const { namespaces } = optionsOf(collector, settings);
    const needs = collector.listings.flatMap((listing) => listing.needs);
    return namespaces === undefined ? needs : namespaces.flatMap((each) => needs.map((rule) => inNamespace(rule, each)));
  });
  const subjects = [{ kind: 'ServiceAccount', name: serviceAccount, namespace }];
  const rbac = 'rbac.authorization.k8s.io';
  const documents: object[] = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: serviceAccount, namespace }, automountServiceAccountToken: false },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: { name: collectorRole },
      rules: policyRules(rules.filter((rule) => !rule.namespace)),
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: collectorRole },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: collectorRole },
      subjects,
    },
  ];
  for (const place of [...new Set(rules.flatMap((rule) => rule.namespace ?? []))].sort()) {
    documents.push(
      {
        apiVersion: `${rbac}/v1`,
        kind: 'Role',
        metadata: { name: collectorRole, namespace: place },
        rules: policyRules(rules.filter((rule) => rule.namespace === place)),
      },
      {
        apiVersion: `${rbac}/v1`,
        kind: 'RoleBinding',
        metadata: { name: collectorRole, namespace: place },
        roleRef: { apiGroup: rbac, kind: 'Role', name: collectorRole },
        subjects,
      },
    );
  }
  return documents.map((document) => stringify(document, { lineWidth: 0 })).join('---\n');
}

function inNamespace(rule: AccessRule, namespace: string): AccessRule {
  return { ...rule, namespace };
}

/** Rules of one group and verb set in one PolicyRule, sorted, without repeats. */
function policyRules(rules: readonly AccessRule[]): PolicyRule[] {
  const merged = new Map<string, PolicyRule>();
  const add = (list: string[], value: string) => (list.includes(value) ? list : [...list, value].sort());
  for (const rule of rules) {
    if (rule.nonResourceURL !== undefined) {
      const known = merged.get(`url ${rule.verb}`);
      merged.set(`url ${rule.verb}`, { nonResourceURLs: add(known?.nonResourceURLs ?? [], rule.nonResourceURL), verbs: [rule.verb] });
      continue;
    }
    const names = rule.resourceNames ?? [];
    const key = `${rule.apiGroup ?? ''} ${rule.verb} ${names.length > 0 ? `${rule.resource ?? ''} by name` : ''}`;
    const known = merged.get(key);
    merged.set(key, {
      apiGroups: [rule.apiGroup ?? ''],
      resources: add(known?.resources ?? [], rule.resource ?? ''),
      ...(names.length > 0 && { resourceNames: names.reduce(add, known?.resourceNames ?? []) }),
      verbs: [rule.verb],
    });
  }
  return [...merged.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, rule]) => rule);
}
