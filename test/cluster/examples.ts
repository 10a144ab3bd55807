/**
 * Example objects of a small hospital's cluster: healthy workloads beside the mistakes that controls look for. `canary` stands in every
 * place whose value must never reach a ledger, a pack or an output.
 */
import type { KubeObject } from './client.ts';

const rbac = 'rbac.authorization.k8s.io';

const namespaces = [
  { name: 'clinic', owner: 'team-clinic', dataClass: 'patient', enforce: 'baseline' },
  { name: 'booking', owner: 'team-booking', dataClass: 'personal' },
  { name: 'lab-results', owner: 'team-lab', dataClass: 'patient' },
  { name: 'platform', owner: 'team-platform', dataClass: 'none', enforce: 'privileged' },
  { name: 'sandbox' },
] as const;

export function exampleNamespaces(): KubeObject[] {
  return namespaces.map((namespace) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: namespace.name,
      labels: {
        ...('owner' in namespace ? { owner: namespace.owner, 'data-class': namespace.dataClass } : {}),
        ...('enforce' in namespace ? { 'pod-security.kubernetes.io/enforce': namespace.enforce } : {}),
      },
    },
  }));
}

/** Everything but the namespaces, in the order to apply. */
export function exampleObjects(canary: string): KubeObject[] {
  return [...access(), ...secrets(canary), ...networkPolicies(), ...workloads(canary)];
}

function access(): KubeObject[] {
  const account = (namespace: string, name: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, namespace },
  });
  const user = (name: string) => ({ apiGroup: rbac, kind: 'User', name });
  const group = (name: string) => ({ apiGroup: rbac, kind: 'Group', name });
  const serviceAccount = (namespace: string, name: string) => ({ kind: 'ServiceAccount', namespace, name });
  const role = (name: string, rules: object[], namespace?: string): KubeObject => ({
    apiVersion: `${rbac}/v1`,
    kind: namespace ? 'Role' : 'ClusterRole',
    metadata: { name, ...(namespace ? { namespace } : {}) },
    rules,
  });
  const bind = (name: string, roleRef: `${'Role' | 'ClusterRole'}/${string}`, subjects: object[], namespace?: string): KubeObject => {
    const [kind, roleName] = roleRef.split('/');
    return {
      apiVersion: `${rbac}/v1`,
      kind: namespace ? 'RoleBinding' : 'ClusterRoleBinding',
      metadata: { name, ...(namespace ? { namespace } : {}) },
      roleRef: { apiGroup: rbac, kind, name: roleName },
      subjects,
    };
  };
  return [
    account('clinic', 'patient-api'),
    account('clinic', 'reporting'),
    account('platform', 'node-agent'),
    account('platform', 'deployer'),
    role('platform-everything', [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]),
    role('secret-reader', [{ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'watch'] }]),
    role('support-desk', [{ apiGroups: [''], resources: ['users', 'groups'], verbs: ['impersonate'] }]),
    role('role-keeper', [{ apiGroups: [rbac], resources: ['clusterroles', 'roles'], verbs: ['get', 'update', 'escalate', 'bind'] }]),
    role('status-page', [{ nonResourceURLs: ['/healthz', '/version'], verbs: ['get'] }]),
    role(
      'deployer',
      [{ apiGroups: ['', 'apps'], resources: ['pods', 'deployments'], verbs: ['get', 'list', 'create', 'update', 'delete'] }],
      'booking',
    ),
    bind('friday', 'ClusterRole/cluster-admin', [user('alice')]),
    bind('platform-everything', 'ClusterRole/platform-everything', [group('platform')]),
    bind('support-desk', 'ClusterRole/support-desk', [user('bob')]),
    bind('role-keeper', 'ClusterRole/role-keeper', [serviceAccount('platform', 'deployer')]),
    bind('status-page', 'ClusterRole/status-page', [group('system:unauthenticated')]),
    bind('reporting-reads-secrets', 'ClusterRole/secret-reader', [serviceAccount('clinic', 'reporting')], 'clinic'),
    bind('deployer', 'Role/deployer', [serviceAccount('platform', 'deployer')], 'booking'),
    bind('developers', 'ClusterRole/edit', [group('developers')], 'sandbox'),
    bind('default-views', 'ClusterRole/view', [serviceAccount('lab-results', 'default')], 'lab-results'),
    bind('left-behind', 'Role/removed-last-year', [user('carol')], 'sandbox'),
  ];
}

function secrets(canary: string): KubeObject[] {
  const secret = (namespace: string, name: string, type: string, stringData?: object, annotations?: object): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, ...(annotations ? { annotations } : {}) },
    type,
    ...(stringData ? { stringData } : {}),
  });
  return [
    secret('clinic', 'patient-db', 'Opaque', { username: 'patient', password: `secret-${canary}` }),
    secret('booking', 'mail', 'kubernetes.io/basic-auth', { username: 'booking', password: `secret-${canary}` }),
    secret('platform', 'deployer-token', 'kubernetes.io/service-account-token', undefined, {
      'kubernetes.io/service-account.name': 'deployer',
    }),
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'booking-settings', namespace: 'booking', annotations: { 'example.com/note': `annotation-${canary}` } },
      data: { 'settings.ini': `[mail]\npassword=configmap-${canary}\n`, theme: 'plain' },
    },
  ];
}

function networkPolicies(): KubeObject[] {
  const policy = (namespace: string, name: string, spec: object): KubeObject => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace },
    spec,
  });
  const from = [{ podSelector: { matchLabels: { app: 'web' } } }];
  return [
    policy('clinic', 'default-deny', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] }),
    policy('booking', 'web-to-store', { podSelector: { matchLabels: { app: 'store' } }, policyTypes: ['Ingress'], ingress: [{ from }] }),
  ];
}

function workloads(canary: string): KubeObject[] {
  const hardened = {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    runAsUser: 10_001,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  };
  const resources = { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '64Mi' } };
  const image = (name: string) => `registry.example.com/${name}:1.4.2`;
  const keyOf = (name: string, key: string) => ({ valueFrom: { secretKeyRef: { name, key } } });
  const workload = (kind: string, namespace: string, app: string, podSpec: object, spec: object = { replicas: 1 }): KubeObject => ({
    apiVersion: 'apps/v1',
    kind,
    metadata: { name: app, namespace, labels: { app } },
    spec: {
      ...spec,
      selector: { matchLabels: { app } },
      template: { metadata: { labels: { app }, annotations: { 'example.com/contact': `template-${canary}` } }, spec: podSpec },
    },
  });
  return [
    workload(
      'Deployment',
      'clinic',
      'patient-api',
      {
        serviceAccountName: 'patient-api',
        automountServiceAccountToken: false,
        containers: [
          {
            name: 'api',
            image: image('patient-api'),
            env: [
              { name: 'DB_PASSWORD', ...keyOf('patient-db', 'password') },
              { name: 'LOG_LEVEL', value: 'info' },
            ],
            securityContext: hardened,
            resources,
          },
        ],
      },
      { replicas: 2 },
    ),
    workload('Deployment', 'clinic', 'reporting', {
      serviceAccountName: 'reporting',
      containers: [{ name: 'reporting', image: image('reporting'), envFrom: [{ secretRef: { name: 'patient-db' } }], resources }],
    }),
    workload('Deployment', 'booking', 'web', {
      containers: [
        {
          name: 'web',
          image: image('web'),
          command: ['/web', `--session-key=command-${canary}`],
          args: [`--password=argument-${canary}`],
          env: [
            { name: 'DATABASE_URL', value: `postgres://booking:env-${canary}@store.booking:5432/booking` },
            { name: 'SMTP_PASSWORD', ...keyOf('mail', 'password') },
          ],
          lifecycle: { preStop: { exec: { command: ['/bin/sh', '-c', `curl -H "X-Key: hook-${canary}" localhost/stop`] } } },
          resources,
        },
      ],
    }),
    workload(
      'Deployment',
      'lab-results',
      'archive',
      {
        containers: [
          {
            name: 'archive',
            image: image('archive'),
            // Of no replica, because a kubelet would send it to the address that the fake runtime made up.
            readinessProbe: {
              httpGet: { path: '/ready', port: 8080, httpHeaders: [{ name: 'Authorization', value: `Bearer probe-${canary}` }] },
            },
            resources,
          },
        ],
      },
      { replicas: 0 },
    ),
    workload(
      'StatefulSet',
      'booking',
      'store',
      { containers: [{ name: 'store', image: image('store'), resources }] },
      { replicas: 1, serviceName: 'store' },
    ),
    workload(
      'DaemonSet',
      'platform',
      'node-agent',
      {
        serviceAccountName: 'node-agent',
        hostNetwork: true,
        hostPID: true,
        containers: [
          {
            name: 'agent',
            image: image('node-agent'),
            securityContext: { privileged: true },
            volumeMounts: [{ name: 'root', mountPath: '/host', readOnly: true }],
            resources,
          },
        ],
        volumes: [{ name: 'root', hostPath: { path: '/' } }],
      },
      {},
    ),
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'import', namespace: 'lab-results' },
      spec: {
        schedule: '0 3 1 1 *',
        jobTemplate: {
          spec: {
            template: {
              spec: {
                restartPolicy: 'Never',
                // Here and in no Deployment: containers of the fake runtime never end, so a pod with an init container would never run.
                initContainers: [{ name: 'fetch', image: image('fetch'), command: ['/fetch', `--token=init-${canary}`] }],
                containers: [{ name: 'import', image: image('import'), args: [`--key=job-${canary}`] }],
              },
            },
          },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'debug', namespace: 'sandbox', annotations: { 'example.com/note': `pod-${canary}` } },
      spec: {
        containers: [
          {
            name: 'debug',
            image: 'registry.example.com/toolbox',
            env: [{ name: 'API_TOKEN', value: `literal-${canary}` }],
            securityContext: { privileged: true },
          },
        ],
      },
    },
  ];
}
