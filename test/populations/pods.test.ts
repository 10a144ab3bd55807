import { describe, expect, test } from 'vitest';
import type { Json, JsonObject } from '../../src/model/index.ts';
import { containers } from '../../src/populations/workloads/containers.ts';
import { namespaces } from '../../src/populations/workloads/namespaces.ts';
import { podAdmission } from '../../src/populations/workloads/pod-admission.ts';
import { pods } from '../../src/populations/workloads/pods.ts';
import { segments } from '../../src/populations/network/segments.ts';
import { serviceAccounts } from '../../src/populations/access/service-accounts.ts';
import { tokenMounts } from '../../src/populations/secrets/token-mounts.ts';
import type { Given } from './snapshots.ts';
import { binding, flagz, lease, read, role, snapshot } from './snapshots.ts';

const empty: Given = {
  'k8s.pods/pods': [],
  'k8s.workloads/replicasets': [],
  'k8s.workloads/jobs': [],
  'k8s.workloads/deployments': [],
  'k8s.workloads/statefulsets': [],
  'k8s.workloads/daemonsets': [],
  'k8s.workloads/cronjobs': [],
  'k8s.serviceaccounts/serviceaccounts': [],
  'k8s.namespaces/namespaces': [],
  'k8s.networkpolicies/networkpolicies': [],
  'k8s.rbac/roles': [],
  'k8s.rbac/clusterroles': [],
  'k8s.rbac/rolebindings': [],
  'k8s.rbac/clusterrolebindings': [],
};

const app = { name: 'app', image: 'app' };

function object(kind: string, name: string, spec: Json, metadata: JsonObject = {}): JsonObject {
  return { apiVersion: 'v1', kind, metadata: { name, namespace: 'shop', ...metadata }, spec };
}
const pod = (name: string, spec: JsonObject, metadata: JsonObject = {}) => object('Pod', name, { containers: [app], ...spec }, metadata);
const workload = (kind: string, name: string, metadata: JsonObject = {}, spec: JsonObject = {}) =>
  object(
    kind,
    name,
    kind === 'CronJob'
      ? { jobTemplate: { spec: { template: { spec: { containers: [app], ...spec } } } } }
      : { template: { spec: { containers: [app], ...spec } } },
    metadata,
  );
const owner = (kind: string, name: string, uid: string) => ({
  ownerReferences: [{ apiVersion: 'apps/v1', kind, name, uid, controller: true }],
});
const keys = (given: Given) => read(pods, snapshot({ ...empty, ...given })).rows.map((row) => row.item);

describe('a workload counts once', () => {
  const deployment = workload('Deployment', 'web', { uid: 'd' });
  const replicaSet = workload('ReplicaSet', 'web-1', { uid: 'r', ...owner('Deployment', 'web', 'd') });
  const oldReplicaSet = workload('ReplicaSet', 'web-0', { uid: 'r0', ...owner('Deployment', 'web', 'd') });
  const cronJob = workload('CronJob', 'night', { uid: 'c' });
  const job = workload('Job', 'night-1', { uid: 'j', ...owner('CronJob', 'night', 'c') });

  test.each<[string, Given, readonly string[]]>([
    [
      'through its pods',
      {
        'k8s.pods/pods': [pod('web-1-x', {}, owner('ReplicaSet', 'web-1', 'r'))],
        'k8s.workloads/replicasets': [replicaSet, oldReplicaSet],
        'k8s.workloads/deployments': [deployment],
      },
      ['shop/web-1-x'],
    ],
    [
      'through its template when there is no pod',
      { 'k8s.workloads/replicasets': [replicaSet, oldReplicaSet], 'k8s.workloads/deployments': [deployment] },
      ['shop/Deployment/web'],
    ],
    [
      'a job of a cron job',
      {
        'k8s.pods/pods': [pod('night-1-x', {}, owner('Job', 'night-1', 'j'))],
        'k8s.workloads/jobs': [job],
        'k8s.workloads/cronjobs': [cronJob],
      },
      ['shop/night-1-x'],
    ],
    ['a cron job between two jobs', { 'k8s.workloads/cronjobs': [cronJob] }, ['shop/CronJob/night']],
    ['a ReplicaSet of nobody', { 'k8s.workloads/replicasets': [workload('ReplicaSet', 'alone', { uid: 'a' })] }, ['shop/ReplicaSet/alone']],
    [
      'a DaemonSet without a node',
      { 'k8s.workloads/daemonsets': [workload('DaemonSet', 'agent', { uid: 'a' })] },
      ['shop/DaemonSet/agent'],
    ],
    [
      'manifests without uids, by name',
      { 'k8s.pods/pods': [pod('db-0', {}, owner('StatefulSet', 'db', ''))], 'k8s.workloads/statefulsets': [workload('StatefulSet', 'db')] },
      ['shop/db-0'],
    ],
    [
      'an owner of that name with another uid is another',
      {
        'k8s.pods/pods': [pod('db-0', {}, owner('StatefulSet', 'db', 'old'))],
        'k8s.workloads/statefulsets': [workload('StatefulSet', 'db', { uid: 'new' })],
      },
      ['shop/db-0', 'shop/StatefulSet/db'],
    ],
  ])('%s', (_name, given, expected) => {
    expect(keys(given)).toEqual(expected);
  });
});

describe('the effective setting of a container', () => {
  const row = (spec: JsonObject) => read(containers, snapshot({ ...empty, 'k8s.pods/pods': [pod('web', spec)] })).rows[0];
  const one = (securityContext: JsonObject) => ({ containers: [{ ...app, securityContext }] });

  test.each<[string, JsonObject, JsonObject]>([
    ['nothing is said', {}, { privileged: false, allowPrivilegeEscalation: true, mayRunAsRoot: true, seccomp: '', dropsNetRaw: false }],
    [
      'the pod says it',
      { securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } } },
      { mayRunAsRoot: false, seccomp: 'RuntimeDefault' },
    ],
    ['the container says otherwise', { securityContext: { runAsNonRoot: true }, ...one({ runAsNonRoot: false }) }, { mayRunAsRoot: true }],
    ['a user of the pod', { securityContext: { runAsUser: 1000 } }, { mayRunAsRoot: false }],
    ['user 0', one({ runAsUser: 0 }), { mayRunAsRoot: true }],
    [
      'a privileged container escalates, whatever it says',
      one({ privileged: true, allowPrivilegeEscalation: false, seccompProfile: { type: 'RuntimeDefault' } }),
      { allowPrivilegeEscalation: true, seccomp: 'Unconfined' },
    ],
    [
      'capabilities with their prefix',
      one({ capabilities: { drop: ['CAP_NET_RAW'] } }),
      { dropsNetRaw: true, dropsAllCapabilities: false },
    ],
    [
      'values of another type are no values',
      one({ privileged: 'true', runAsUser: '1000', allowPrivilegeEscalation: 'false' }),
      { privileged: false, mayRunAsRoot: true, allowPrivilegeEscalation: true },
    ],
  ])('%s', (_name, spec, expected) => {
    expect(row(spec)).toMatchObject(expected);
  });

  test('markers of credentials are found in every place, without a value', () => {
    const marker = (credential: string) => ({ $scrubbed: true, credential });
    const container = {
      ...app,
      env: [
        { name: 'A', value: marker('one') },
        { name: 'B', value: { $scrubbed: true } },
      ],
      args: [marker('two')],
      livenessProbe: { httpGet: { httpHeaders: [{ name: 'Authorization', value: marker('three') }] } },
      lifecycle: { preStop: { exec: { command: ['x', marker('four')] } } },
    };
    expect(row({ containers: [container] })?.['literalCredentials']).toEqual([
      'env A (one)',
      'args[0] (two)',
      'livenessProbe header Authorization (three)',
      'preStop command[1] (four)',
    ]);
  });

  test('containers of one name (in files) stay apart', () => {
    const all = read(
      containers,
      snapshot({ ...empty, 'k8s.pods/pods': [pod('web', { containers: [app, app, {}], initContainers: [app] })] }),
    );
    expect(all.rows.map((each) => each.item)).toEqual(['shop/web/app', 'shop/web/app#2', 'shop/web/', 'shop/web/app#3']);
  });
});

describe('a token for the API', () => {
  const account = (automount?: boolean) => ({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default', namespace: 'shop' },
    ...(automount === undefined ? {} : { automountServiceAccountToken: automount }),
  });
  const projected = (token: JsonObject) => ({ volumes: [{ name: 't', projected: { sources: [{ serviceAccountToken: token }] } }] });

  test.each<[string, Json[], JsonObject, JsonObject, boolean]>([
    ['by default, in a manifest', [account()], {}, {}, true],
    ['switched off on the account', [account(false)], {}, {}, false],
    ['the pod wins', [account(false)], { automountServiceAccountToken: true }, {}, true],
    ['the pod wins the other way', [account(true)], { automountServiceAccountToken: false }, {}, false],
    ['a pod that was admitted without the volume has none', [account(true)], {}, { uid: 'u' }, false],
    [
      'a pod that was admitted with it has one, whatever the account says now',
      [account(false)],
      projected({ path: 'token' }),
      { uid: 'u' },
      true,
    ],
    ['an audience of the API', [account(false)], projected({ audience: 'https://kubernetes.default.svc' }), {}, true],
    ['another audience', [account(false)], projected({ audience: 'vault' }), {}, false],
    ['another audience that begins alike', [account(false)], projected({ audience: 'https://kubernetes.default.evil.example' }), {}, false],
    ['a mirror pod has no account', [account(true)], {}, { annotations: { 'kubernetes.io/config.mirror': 'h' } }, false],
  ])('%s', (_name, accounts, spec, metadata, expected) => {
    const given = { ...empty, 'k8s.serviceaccounts/serviceaccounts': accounts, 'k8s.pods/pods': [pod('web', spec, metadata)] };
    expect(read(tokenMounts, snapshot(given)).rows[0]?.['mountsToken']).toBe(expected);
  });

  test('is unknown where the account decides and accounts were not read', () => {
    const given = { ...empty, 'k8s.pods/pods': [pod('a', {}), pod('b', { automountServiceAccountToken: false })] };
    const { rows } = read(
      tokenMounts,
      snapshot(given, { gaps: { 'k8s.serviceaccounts/serviceaccounts': [{ reason: 'forbidden', what: 'serviceaccounts' }] } }),
    );
    expect(rows.map((row) => row['mountsToken'])).toEqual([undefined, false]);
  });
});

test('roles reach an account by its name, as a user, and through groups', () => {
  const group = (name: string) => [{ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name }];
  const given = {
    ...empty,
    'k8s.serviceaccounts/serviceaccounts': [{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'shop' } }],
    'k8s.rbac/clusterroles': [role('r', [])],
    'k8s.rbac/clusterrolebindings': [
      binding('direct', 'r', [{ kind: 'ServiceAccount', namespace: 'shop', name: 'default' }]),
      binding('user', 'r', [{ kind: 'User', name: 'system:serviceaccount:shop:default' }]),
      binding('all', 'r', group('system:serviceaccounts')),
      binding('mine', 'r', group('system:serviceaccounts:shop')),
      binding('others', 'r', group('system:serviceaccounts:clinic')),
      binding('system:service-account-issuer-discovery', 'system:service-account-issuer-discovery', group('system:serviceaccounts')),
    ],
    'k8s.pods/pods': [pod('web', {}), pod('static', {}, { annotations: { 'kubernetes.io/config.mirror': 'h' } })],
  };
  const [row] = read(serviceAccounts, snapshot(given)).rows;
  const names = ((row?.['roles'] ?? []) as string[]).map((text) => /ClusterRoleBinding\/(\S+)/.exec(text)?.[1]);
  expect(names).toEqual(['direct', 'user', 'mine', 'all']);
  expect(row?.['usedBy']).toEqual(['Pod/web']);
});

describe('what network policies deny by default', () => {
  const shop = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
  const policy = (spec: JsonObject, name = 'p') => object('NetworkPolicy', name, spec);
  const all = { podSelector: {} };
  const everywhere = [{ ipBlock: { cidr: '0.0.0.0/0' } }];
  const some = { matchLabels: { a: 'b' } };
  const allBut = (cidr: string) => ({ ipBlock: { cidr, except: ['10.0.0.0/8'] } });
  /** Denies both, with a rule for one. */
  const opened = (direction: 'ingress' | 'egress', rule: JsonObject) =>
    policy({ ...all, policyTypes: ['Ingress', 'Egress'], [direction]: [rule] });

  test.each<[string, readonly JsonObject[], boolean, boolean]>([
    ['none', [], false, false],
    ['both', [policy({ ...all, policyTypes: ['Ingress', 'Egress'] })], true, true],
    ['without types a policy is for ingress', [policy(all)], true, false],
    ['and for egress when it has such rules', [policy({ ...all, egress: [{ to: [{ podSelector: {} }] }] })], true, true],
    [
      'empty selectors in other words',
      [policy({ podSelector: { matchLabels: {}, matchExpressions: [] }, policyTypes: ['Ingress'] })],
      true,
      false,
    ],
    ['some pods only', [policy({ podSelector: { matchLabels: { a: 'b' } }, policyTypes: ['Ingress'] })], false, false],
    [
      'a rule with peers keeps the denial',
      [policy({ ...all, policyTypes: ['Ingress'], ingress: [{ from: [{ podSelector: {} }] }] })],
      true,
      false,
    ],
    ['everything is let in', [policy({ ...all, policyTypes: ['Ingress'], ingress: [{}] })], false, false],
    ['everything is let in from everywhere', [policy({ ...all, policyTypes: ['Ingress'], ingress: [{ from: everywhere }] })], false, false],
    ['an entry without a port is every port', [opened('ingress', { ports: [{ protocol: 'TCP' }] })], false, true],
    ['all ports by their numbers', [opened('egress', { ports: [{ port: 1, endPort: 65535 }] })], true, false],
    ['most ports are all but a few', [opened('egress', { ports: [{ port: 1024, endPort: 65535 }] })], true, false],
    ['many ports are not most', [opened('egress', { ports: [{ port: 1, endPort: 32767 }, { port: 1.5 }, { port: 'web' }] })], true, true],
    ['the address space less a range, in other words', [opened('egress', { to: [allBut('10.0.0.0/0')] })], true, false],
    ['the address space of IPv6 less a range', [opened('ingress', { from: [allBut('::/0')] })], false, true],
    ['half of the address space, less a range', [opened('egress', { to: [allBut('0.0.0.0/1')] })], true, true],
    ['all pods of the cluster come in', [opened('ingress', { from: [{ namespaceSelector: {} }] })], false, true],
    [
      'in other words',
      [opened('ingress', { from: [{ namespaceSelector: { matchLabels: {} }, podSelector: { matchExpressions: [] } }] })],
      false,
      true,
    ],
    ['all pods of the cluster are not the world', [opened('egress', { to: [{ namespaceSelector: {} }] })], true, true],
    ['some pods of all namespaces', [opened('ingress', { from: [{ namespaceSelector: {}, podSelector: some }] })], true, true],
    ['all pods of some namespaces', [opened('ingress', { from: [{ namespaceSelector: some }] })], true, true],
    ['all pods of the cluster, on one port', [opened('ingress', { from: [{ namespaceSelector: {} }], ports: [{ port: 80 }] })], true, true],
    ['one port only', [policy({ ...all, policyTypes: ['Ingress'], ingress: [{ ports: [{ port: 80 }] }] })], true, false],
    ['another policy opens it', [policy(all, 'deny'), policy({ ...all, ingress: [{}] }, 'open')], false, false],
  ])('%s', (_name, policies, ingress, egress) => {
    const { rows } = read(
      segments,
      snapshot({ ...empty, 'k8s.namespaces/namespaces': [shop], 'k8s.networkpolicies/networkpolicies': policies }),
    );
    expect(rows[0]).toMatchObject({ deniesIngress: ingress, deniesEgress: egress });
  });

  test('is unknown where policies were not read', () => {
    const given = { ...empty, 'k8s.namespaces/namespaces': [shop] };
    const gaps = { 'k8s.networkpolicies/networkpolicies': [{ reason: 'forbidden' as const, what: 'networkpolicies' }] };
    expect(read(segments, snapshot(given, { gaps })).rows[0]).not.toHaveProperty('deniesIngress');
  });
});

describe('Pod Security levels', () => {
  const labelled = (level: string) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'shop', labels: { 'pod-security.kubernetes.io/enforce': level } },
  });
  test.each([
    ['restricted', 'restricted'],
    ['Restricted', ''],
    ['', ''],
  ])('%j enforces %j', (label, expected) => {
    expect(read(podAdmission, snapshot({ ...empty, 'k8s.namespaces/namespaces': [labelled(label)] })).rows[0]).toMatchObject({
      enforces: expected,
    });
  });

  test('say nothing where the API server has an admission configuration file', () => {
    const given = {
      ...empty,
      'k8s.namespaces/namespaces': [labelled('')],
      'k8s.apiserver/leases': [lease('a')],
      'k8s.apiserver/flagz': [flagz({ 'admission-control-config-file': '/a.yaml' })],
    };
    const [row] = read(podAdmission, snapshot(given)).rows;
    expect(row).not.toHaveProperty('enforces');
    expect(row?.gaps).toHaveLength(1);
  });
});

test('workloads are counted in the namespace they are in, templates included', () => {
  const shop = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
  const given = {
    ...empty,
    'k8s.namespaces/namespaces': [shop, { ...shop, metadata: { name: 'empty' } }],
    'k8s.pods/pods': [pod('a', {}), pod('b', {})],
    'k8s.workloads/deployments': [workload('Deployment', 'c')],
  };
  expect(read(namespaces, snapshot(given)).rows.map((row) => [row.item, row['workloads']])).toEqual([
    ['empty', 0],
    ['shop', 3],
  ]);
});
