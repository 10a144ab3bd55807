/** Escalations through RBAC itself: bindings and roles that give what one does not hold. */
import type { Scenario } from './escalation.ts';
import { bindTo, clusterRole, eventually, everything, isAdmin, rbac, requestToken, rule, subject } from './escalation.ts';

export const rightScenarios: readonly Scenario[] = [
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
];
