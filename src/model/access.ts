/** A right that a collector needs, in the words of an RBAC PolicyRule; `namespace` asks for it in one namespace only (a Role). */
export interface AccessRule {
  readonly apiGroup?: string;
  readonly resource?: string;
  readonly verb: 'get' | 'list';
  readonly resourceNames?: readonly string[];
  readonly namespace?: string;
  /** Paths such as `/metrics`; then no resource is named. */
  readonly nonResourceURL?: string;
}

/** `list clusterroles.rbac.authorization.k8s.io`, `get /metrics`, `get configmaps/kubeadm-config in kube-system`. */
export function describeRule(rule: AccessRule): string {
  if (rule.nonResourceURL !== undefined) return `${rule.verb} ${rule.nonResourceURL}`;
  const group = rule.apiGroup ? `.${rule.apiGroup}` : '';
  const names = rule.resourceNames?.length ? `/${rule.resourceNames.join(',')}` : '';
  return `${rule.verb} ${rule.resource ?? ''}${group}${names}${rule.namespace ? ` in ${rule.namespace}` : ''}`;
}
