/** Escalations through what guards or runs pods: namespaces, volumes, admission, the kubelet. */
import type { Scenario } from './escalation.ts';
import { actAs, eventually, image, isStrong, podIsAdmin, podOf, podsPath, privilegedPod, rule, runsOnNode } from './escalation.ts';

const admission = 'admissionregistration.k8s.io';

export const settingScenarios: readonly Scenario[] = [
  {
    technique: 'relabel-namespace',
    weakNamespace: true,
    labels: () => ({ 'pod-security.kubernetes.io/enforce': 'restricted' }),
    local: (fixed) => [rule('create', 'pods'), rule(fixed ? 'get' : 'patch', 'namespaces')],
    perform: async (attempt) => {
      const pod = privilegedPod(attempt.namespace);
      if ((await attempt.actor.send('POST', podsPath(attempt), pod)).status === 201)
        throw new Error('Pod Security lets a privileged pod through');
      await attempt.actor.patch(`/api/v1/namespaces/${attempt.namespace}`, {
        metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } },
      });
      return (
        (await eventually(async () => (await attempt.actor.send('POST', podsPath(attempt), pod)).status === 201, 12)) &&
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
      return (await actor.send('POST', podsPath(attempt), pod)).status === 201 && runsOnNode(attempt, 'attack');
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
        (await attempt.actor.send('POST', podsPath(attempt), podOf(attempt.namespace, 'attack', 'strong'))).status === 201;
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
