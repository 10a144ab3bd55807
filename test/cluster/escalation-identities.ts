/** Escalations by becoming somebody else: tokens, certificates, impersonation. */
import type { Scenario } from './escalation.ts';
import {
  actAs,
  bindTo,
  certify,
  clusterRole,
  eventually,
  isAdmin,
  node,
  podOf,
  podsPath,
  rbac,
  requestToken,
  rule,
  strongRole,
  subject,
} from './escalation.ts';

const certificates = 'certificates.k8s.io';

export const identityScenarios: readonly Scenario[] = [
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
      const { metadata } = await attempt.cluster.admin.json<{ metadata: { uid: string } }>('GET', `${podsPath(attempt)}/runner`);
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
];
