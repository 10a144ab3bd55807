/** Small random clusters in which techniques meet: a few rights that they need, on few subjects, pods, nodes and Secrets. */
import * as fc from 'fast-check';
import type { EvidenceReader, JsonObject } from '../../../src/model/index.ts';
import { isRight, parseResource } from '../../../src/access/escalation/technique.ts';
import type { RightNeed, Technique } from '../../../src/model/index.ts';
import { snapshot } from '../../populations/snapshots.ts';

const group = 'rbac.authorization.k8s.io';
const namespaces = ['a', 'b', 'kube-system'];
const subjects: readonly JsonObject[] = [
  { kind: 'User', name: 'alice' },
  { kind: 'User', name: 'bob' },
  { kind: 'Group', name: 'dev' },
  { kind: 'Group', name: 'system:authenticated' },
  { kind: 'Group', name: 'system:serviceaccounts:a' },
  { kind: 'Group', name: 'system:nodes' },
  { kind: 'Group', name: 'system:bootstrappers:x' },
  ...['x', 'y', 'gone'].flatMap((name) => ['a', 'b'].map((namespace) => ({ kind: 'ServiceAccount', name, namespace }))),
];

function rightsOf(techniques: readonly Technique[]): readonly RightNeed[] {
  return techniques.flatMap(({ needs }) => needs.flatMap((need) => (isRight(need) ? [need] : 'together' in need ? need.together : [])));
}

interface RandomWorld {
  readonly roles: readonly { readonly rules: readonly JsonObject[]; readonly place: number; readonly aggregates: boolean }[];
  readonly bindings: readonly { readonly role: number; readonly place: number; readonly subjects: readonly number[] }[];
  readonly pods: readonly { readonly place: number; readonly account: string; readonly node: number; readonly flags: number }[];
  readonly levels: readonly string[];
  readonly flags: number;
  readonly version: string;
}

/** `techniques`: their needs are what rules are about. */
export function randomWorld(techniques: readonly Technique[]): fc.Arbitrary<RandomWorld> {
  const rule = fc.constantFrom(...rightsOf(techniques)).chain(({ verbs, resources }) =>
    fc
      .record({
        verb: fc.constantFrom(...verbs),
        // Granted for requests under impersonation.
        on: fc.oneof(
          { weight: 5, arbitrary: fc.constant('') },
          {
            weight: 1,
            arbitrary: fc.constantFrom('user-info', 'serviceaccount', 'arbitrary-node').map((mode) => `impersonate-on:${mode}:`),
          },
        ),
        resource: fc.constantFrom(...resources),
        names: fc.oneof(
          { weight: 4, arbitrary: fc.constant([] as string[]) },
          {
            weight: 1,
            arbitrary: fc.uniqueArray(fc.constantFrom('x', 'web-0', 'role-0', 'binding-0', 'n1', 'a', 'dev', 'bob', 'd', '*'), {
              minLength: 1,
              maxLength: 2,
            }),
          },
        ),
      })
      .map(({ verb, on, resource: text, names }): JsonObject => {
        const { group: apiGroup, resource, subresource } = parseResource(text);
        const resources = [subresource === '' ? resource : `${resource}/${subresource}`];
        const rule = { verbs: [on + verb], apiGroups: [apiGroup], resources };
        return names.length === 0 ? rule : Object.assign(rule, { resourceNames: names });
      }),
  );
  return fc.record({
    roles: fc.array(
      fc.record({
        rules: fc.array(rule, { minLength: 1, maxLength: 4 }),
        place: fc.integer({ min: -1, max: 1 }),
        aggregates: fc.boolean(),
      }),
      { minLength: 1, maxLength: 5 },
    ),
    bindings: fc.array(
      fc.record({
        role: fc.nat(4),
        place: fc.integer({ min: -1, max: 2 }),
        subjects: fc.uniqueArray(fc.nat(subjects.length - 1), { minLength: 1, maxLength: 2 }),
      }),
      { minLength: 1, maxLength: 8 },
    ),
    pods: fc.array(fc.record({ place: fc.nat(1), account: fc.constantFrom('x', 'y'), node: fc.nat(1), flags: fc.nat(7) }), {
      maxLength: 3,
    }),
    levels: fc.array(fc.constantFrom('', 'privileged', 'baseline', 'restricted'), { minLength: 3, maxLength: 3 }),
    flags: fc.nat(31),
    version: fc.constantFrom('1.24.0', '1.33.0', '1.36.3'),
  });
}

const ref = (kind: string, name: string) => ({ apiGroup: group, kind, name });

/** The objects as a real cluster would hold them. `without`: indexes of bindings that are left out. */
export function readerOf({ roles, bindings, pods, levels, flags, version }: RandomWorld, without: readonly number[] = []): EvidenceReader {
  const bit = (number: number) => (flags & (1 << number)) !== 0;
  const mirror = (component: string, args: readonly string[]): JsonObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${component}-n2`,
      namespace: 'kube-system',
      uid: component,
      annotations: { 'kubernetes.io/config.mirror': 'x' },
      ownerReferences: [{ kind: 'Node', name: 'n2' }],
    },
    spec: { nodeName: 'n2', containers: [{ name: component, command: [component, ...args] }] },
    status: { phase: 'Running' },
  });
  const made = roles.map(({ rules, place, aggregates }, index): JsonObject => {
    const namespace = namespaces[place];
    return {
      apiVersion: `${group}/v1`,
      kind: namespace === undefined ? 'ClusterRole' : 'Role',
      metadata: { name: `role-${index}`, uid: `r${index}`, ...(namespace === undefined ? {} : { namespace }) },
      ...(aggregates && namespace === undefined
        ? { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { to: `${index}` } }] } }
        : {}),
      rules: [...rules],
    };
  });
  const bound = bindings.flatMap(({ role, place, subjects: chosen }, index): JsonObject[] => {
    const target = made[role % made.length] as JsonObject;
    const local = target['kind'] === 'Role';
    const namespace = local ? ((target['metadata'] as JsonObject)['namespace'] as string) : namespaces[place];
    if (without.includes(index)) return [];
    return [
      {
        apiVersion: `${group}/v1`,
        kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
        metadata: { name: `binding-${index}`, ...(namespace === undefined ? {} : { namespace }) },
        roleRef: ref(target['kind'] as string, (target['metadata'] as JsonObject)['name'] as string),
        subjects: chosen.map((each) => subjects[each] as JsonObject),
      },
    ];
  });
  const of = (objects: readonly JsonObject[], kind: string) => objects.filter((object) => object['kind'] === kind);
  return snapshot(
    {
      'k8s.rbac/roles': of(made, 'Role'),
      'k8s.rbac/clusterroles': of(made, 'ClusterRole'),
      'k8s.rbac/rolebindings': of(bound, 'RoleBinding'),
      'k8s.rbac/clusterrolebindings': of(bound, 'ClusterRoleBinding'),
      'k8s.namespaces/namespaces': namespaces.map((name, index) => ({
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name, labels: levels[index] === '' ? {} : { 'pod-security.kubernetes.io/enforce': levels[index] ?? '' } },
      })),
      'k8s.serviceaccounts/serviceaccounts': ['a', 'b'].flatMap((namespace) =>
        ['x', 'y'].map((name) => ({
          apiVersion: 'v1',
          kind: 'ServiceAccount',
          metadata: { name, namespace },
          secrets: name === 'x' ? [{ name: 't' }] : [],
        })),
      ),
      'k8s.nodes/nodes': ['n1', 'n2'].map((name) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name } })),
      'k8s.pods/pods': [
        ...(bit(0) ? [mirror('kube-apiserver', ['--authorization-mode=Node,RBAC', '--enable-bootstrap-token-auth=true'])] : []),
        ...(bit(1) ? [mirror('kube-controller-manager', ['--cluster-signing-cert-file=ca.crt'])] : []),
        ...pods.map(
          ({ place, account, node, flags: own }, index): JsonObject => ({
            apiVersion: 'v1',
            kind: 'Pod',
            metadata: { name: `web-${index}`, namespace: namespaces[place] ?? 'a', uid: `p${index}` },
            spec: {
              serviceAccountName: account,
              nodeName: `n${node + 1}`,
              containers: [{ name: 'app', ...((own & 1) !== 0 ? { securityContext: { privileged: true } } : {}) }],
              volumes: [
                ...((own & 2) !== 0 ? [{ name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }] : []),
                ...((own & 4) !== 0 ? [{ name: 's', secret: { secretName: 's' } }] : []),
              ],
            },
            status: { phase: 'Running' },
          }),
        ),
      ],
      'k8s.workloads/deployments': [
        {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata: { name: 'd', namespace: 'a' },
          spec: { template: { spec: { serviceAccountName: 'x' } } },
        },
      ],
      ...Object.fromEntries(['statefulsets', 'daemonsets', 'replicasets', 'cronjobs', 'jobs'].map((kind) => [`k8s.workloads/${kind}`, []])),
      ...(bit(2)
        ? {
            'k8s.secrets/service-account-tokens': [
              { apiVersion: 'v1', kind: 'SecretSummary', metadata: { name: 't', namespace: 'a' } },
              { apiVersion: 'v1', kind: 'SecretSummary', metadata: { name: 'y-token-1', namespace: 'b' } },
            ],
          }
        : {}),
      'k8s.admission/validatingwebhookconfigurations': bit(3)
        ? [
            {
              apiVersion: 'admissionregistration.k8s.io/v1',
              kind: 'ValidatingWebhookConfiguration',
              metadata: { name: 'guard' },
              webhooks: [{ name: 'w', rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }] }],
            },
          ]
        : [],
      ...(bit(4) ? { 'k8s.admission/validatingadmissionpolicies': [], 'k8s.admission/validatingadmissionpolicybindings': [] } : {}),
    },
    { version },
  );
}
