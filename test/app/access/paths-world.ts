/** A small cluster with ways up, as files: every kind that the graph looks at is there, if need be as an empty list, so that nothing is unread. */
const rbac = 'rbac.authorization.k8s.io';

export const user = (name: string) => ({ apiGroup: rbac, kind: 'User', name });
export const group = (name: string) => ({ apiGroup: rbac, kind: 'Group', name });
export const account = (namespace: string, name: string) => ({ kind: 'ServiceAccount', namespace, name });

export function role(name: string, rules: readonly object[], namespace?: string) {
  const kind = namespace === undefined ? 'ClusterRole' : 'Role';
  return { apiVersion: `${rbac}/v1`, kind, metadata: { name, ...(namespace !== undefined && { namespace }) }, rules };
}

/** `to`: `ClusterRole/name` or `Role/name`. */
export function bind(name: string, to: string, subjects: readonly object[], namespace?: string) {
  const [kind, roleName] = to.split('/');
  return {
    apiVersion: `${rbac}/v1`,
    kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
    metadata: { name, ...(namespace !== undefined && { namespace }) },
    roleRef: { apiGroup: rbac, kind, name: roleName },
    subjects,
  };
}

const rule = (verbs: string, resources: string, more: object = {}) => ({
  verbs: verbs.split(' '),
  apiGroups: [''],
  resources: resources.split(' '),
  ...more,
});
const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] };

/** What a terminal would obey, and what turns the direction of reading. */
export const hostile = '\u001b[31m\u001b]0;owned\u0007=cmd\u202e';

const core = (kind: string, metadata: object, more: object = {}) => ({ apiVersion: 'v1', kind, metadata, ...more });

/** Dev may start pods where an account that may do everything is at hand; carol reads one Secret; erin has a shell in an agent of the node; bob has nothing. */
export const world: readonly { readonly kind: string }[] = [
  core('Namespace', { name: 'clinic' }),
  core('Namespace', { name: 'agents' }),
  core('Namespace', { name: 'kube-system' }),
  core('ServiceAccount', { name: 'deployer', namespace: 'clinic' }),
  core('ServiceAccount', { name: 'clusterrole-aggregation-controller', namespace: 'kube-system' }),
  core('Node', { name: 'worker-1' }),
  core(
    'Pod',
    { name: 'agent', namespace: 'agents' },
    {
      spec: { nodeName: 'worker-1', containers: [{ name: 'agent', image: 'example/agent', securityContext: { privileged: true } }] },
      status: { phase: 'Running' },
    },
  ),
  role('everything', [everything]),
  role('pod-maker', [rule('create', 'pods')]),
  role('pod-reader', [rule('get list', 'pods')]),
  role('shell', [rule('get create', 'pods/exec')]),
  role('one-secret', [rule('get', 'secrets', { resourceNames: ['db'] })], 'clinic'),
  bind('deployer', 'ClusterRole/everything', [account('clinic', 'deployer')]),
  bind('dev', 'ClusterRole/pod-maker', [group('dev'), user('alice'), user(hostile)], 'clinic'),
  bind('readers', 'ClusterRole/pod-reader', [user('bob')]),
  bind('shell', 'ClusterRole/shell', [user('erin')], 'agents'),
  bind('db', 'Role/one-secret', [user('carol')], 'clinic'),
  // The API server's own.
  role('system:controller:clusterrole-aggregation-controller', [
    { verbs: ['escalate', 'get', 'list', 'patch', 'update', 'watch'], apiGroups: [rbac], resources: ['clusterroles'] },
  ]),
  bind('system:controller:clusterrole-aggregation-controller', 'ClusterRole/system:controller:clusterrole-aggregation-controller', [
    account('kube-system', 'clusterrole-aggregation-controller'),
  ]),
];

const lists = [
  ['apps/v1', 'Deployment StatefulSet DaemonSet ReplicaSet'],
  ['batch/v1', 'CronJob Job'],
  [
    'admissionregistration.k8s.io/v1',
    'ValidatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding MutatingWebhookConfiguration',
  ],
] as const;

/** Empty lists of the kinds that the world has no object of. */
export const nothingElse: readonly object[] = lists.flatMap(([apiVersion, kinds]) =>
  kinds.split(' ').map((kind) => ({ apiVersion, kind: `${kind}List`, metadata: {}, items: [] })),
);

/** One JSON text a document, as YAML reads it too. */
export function asFile(documents: readonly object[]): string {
  return documents.map((each) => JSON.stringify(each)).join('\n---\n');
}
