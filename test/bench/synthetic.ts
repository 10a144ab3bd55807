/**
 * A cluster that nobody runs: pages as an API server would answer them, the same for the same numbers. Objects differ as those of a real
 * cluster do (names, uids, images, digests, addresses, settings per application), and are alike where those are alike.
 */
import { createHash } from 'node:crypto';
import type { ListingKind } from '../../src/model/index.ts';

export interface SyntheticCluster {
  readonly kinds: readonly ListingKind[];
  readonly objects: number;
  /** The list's pages, as bytes that nobody else holds. */
  pages(kind: ListingKind): Iterable<Uint8Array>;
  resourceVersion(): string;
  /** Changes so many pods: every second one is replaced by a new pod (another name and uid), the others get a new image digest. */
  changePods(count: number): void;
}

interface Item {
  readonly metadata: { readonly namespace: string; readonly name: string };
}

interface Source {
  /** Another one for another text. */
  readonly stamp: number;
  readonly make: () => Item;
}

interface Listed extends Source {
  readonly key: string;
  readonly text: string;
}

interface Pod {
  app: number;
  readonly slot: number;
  /** Counts the pods that stood in this place. */
  life: number;
  /** Counts the changes of this one. */
  version: number;
  resourceVersion: number;
}

const pageSize = 500;
const kinds = ['k8s.pods/pods', 'k8s.workloads/deployments', 'k8s.rbac/rolebindings', 'k8s.serviceaccounts/serviceaccounts'] as const;
/** What else is asked of every cluster and answers about a few objects, or none. */
const fewKinds = [
  'k8s.namespaces/namespaces',
  'k8s.nodes/nodes',
  'k8s.rbac/clusterroles',
  'k8s.rbac/clusterrolebindings',
  'k8s.rbac/roles',
  'k8s.workloads/replicasets',
  'k8s.workloads/statefulsets',
  'k8s.workloads/daemonsets',
  'k8s.workloads/jobs',
  'k8s.workloads/cronjobs',
  'k8s.networkpolicies/networkpolicies',
] as const;

export interface SyntheticOptions {
  /** All applications look the same but for their names: as repetitive as a cluster can be. */
  readonly alike?: boolean;
  /** Keeps the text of every object in memory: for clusters that are listed again and again. */
  readonly keep?: boolean;
  /** All that most controls over pods, RBAC and namespaces read, not only what there is most of. */
  readonly whole?: boolean;
  /** Pods as a cluster lets them in that enforces the restricted level; otherwise most break some rule. */
  readonly hardened?: boolean;
}

export function createSyntheticCluster(
  pods: number,
  { alike = false, keep = false, whole = false, hardened = false }: SyntheticOptions = {},
): SyntheticCluster {
  const seed = 'bench';
  const random = (text: string) => createHash('sha256').update(`${seed} ${text}`).digest('hex');
  const number = (text: string, below: number) => Number.parseInt(random(text).slice(0, 12), 16) % below;
  const pick = (text: string, from: readonly string[]) => from[number(text, from.length)] ?? '';
  const apps = Math.ceil(pods / 5);
  const namespaces = Math.max(4, Math.ceil(Math.sqrt(apps) * 1.5));
  let resourceVersion = 1_000_000;
  const list: Pod[] = Array.from({ length: pods }, (_, slot) => ({
    app: slot % apps,
    slot,
    life: 0,
    version: 0,
    resourceVersion: resourceVersion + number(`rv ${slot}`, 900_000),
  }));
  resourceVersion += 900_000;
  let turn = 0;

  const uid = (text: string) => random(text).replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5');
  const namespace = (app: number) => `${pick(`team ${app % namespaces}`, teams)}-${app % namespaces}`;
  const appName = (app: number) => `${pick(`word a ${app}`, words)}-${pick(`word b ${app}`, words)}-${app}`;
  const time = (text: string) => new Date(Date.UTC(2026, 0, 1) + number(text, 300 * 86_400) * 1000).toISOString().replace('.000Z', 'Z');

  let latest: { readonly app: number; readonly template: ReturnType<typeof makeTemplate> } | undefined;
  const template = (app: number) => {
    if (latest?.app !== app) latest = { app, template: makeTemplate(app) };
    return latest.template;
  };
  const makeTemplate = (ofApp: number) => {
    const name = appName(ofApp);
    const app = alike ? 0 : ofApp;
    const containers = Array.from({ length: 1 + Number(number(`sidecar ${app}`, 5) === 0) }, (_, index) => {
      const port = 8000 + number(`port ${app} ${index}`, 1000);
      return {
        name: index === 0 ? name.slice(0, 30) : 'proxy',
        image: `registry.example.com/${pick(`image ${app}`, teams)}/${name}:${number(`major ${app}`, 9)}.${number(`minor ${app}`, 40)}.${index}${hardened ? `@sha256:${random(`digest ${app}`)}` : ''}`,
        args: [
          `--listen=:${port}`,
          `--${pick(`flag ${app}`, words)}=${random(`value ${app}`).slice(0, 8)}`,
          `--log-format=${pick(`log ${app}`, ['json', 'text'])}`,
        ],
        ports: [{ name: 'http', containerPort: port, protocol: 'TCP' }],
        env: [
          { name: 'POD_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
          ...(hardened ? [] : [{ name: 'DB_PASSWORD', valueFrom: { secretKeyRef: { name: `${name}-db`, key: 'password' } } }]),
          ...Array.from({ length: number(`env ${app}`, 8) }, (_e, e) => ({
            name: `${pick(`env ${app} ${e}`, words)}_${pick(`env b ${app} ${e}`, words)}`.toUpperCase(),
            value: random(`env value ${app} ${e}`).slice(0, 12),
          })),
        ],
        resources: {
          limits: { cpu: `${100 + number(`cpu ${app}`, 20) * 50}m`, memory: `${128 * (1 + number(`memory ${app}`, 8))}Mi` },
          requests: { cpu: '50m', memory: '64Mi' },
        },
        volumeMounts: [
          { name: 'config', readOnly: true, mountPath: `/etc/${name}` },
          {
            name: `kube-api-access-${random(`token ${app}`).slice(0, 5)}`,
            readOnly: true,
            mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
          },
        ],
        readinessProbe: { httpGet: { path: '/ready', port, scheme: 'HTTP' }, timeoutSeconds: 1, periodSeconds: 10, failureThreshold: 3 },
        terminationMessagePath: '/dev/termination-log',
        imagePullPolicy: 'IfNotPresent',
        securityContext: hardened
          ? restricted
          : number(`strict ${app}`, 3) === 0
            ? { privileged: number(`root ${app}`, 20) === 0 }
            : { capabilities: { drop: ['ALL'] }, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false },
      };
    });
    return {
      labels: { app: name, 'app.kubernetes.io/part-of': namespace(ofApp), 'app.kubernetes.io/version': `${number(`minor ${app}`, 40)}` },
      spec: {
        volumes: [
          { name: 'config', configMap: { name: `${name}-config`, defaultMode: 420 } },
          {
            name: `kube-api-access-${random(`token ${app}`).slice(0, 5)}`,
            projected: {
              sources: [{ serviceAccountToken: { expirationSeconds: 3607, path: 'token', ...(hardened && { audience: 'vault' }) } }],
              defaultMode: 420,
            },
          },
        ],
        containers,
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 30,
        dnsPolicy: 'ClusterFirst',
        serviceAccountName: name,
        serviceAccount: name,
        securityContext: number(`context ${app}`, 2) === 0 ? {} : { runAsUser: 10_000 + number(`user ${app}`, 50), runAsNonRoot: true },
        schedulerName: 'default-scheduler',
        tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }],
        priority: 0,
        enableServiceLinks: true,
        preemptionPolicy: 'PreemptLowerPriority',
      },
    };
  };
  const metadata = (kind: string, name: string, app: number, version: string, more: object = {}) => ({
    name,
    namespace: namespace(app),
    uid: uid(`${kind} ${name}`),
    resourceVersion: version,
    creationTimestamp: time(`${kind} ${name}`),
    ...more,
    managedFields: [
      {
        manager: 'kube-controller-manager',
        operation: 'Update',
        apiVersion: 'v1',
        time: time(`${kind} ${name}`),
        fieldsType: 'FieldsV1',
        fieldsV1: managedFields(appName(app)),
      },
    ],
  });
  const pod = ({ app, slot, life, version, resourceVersion }: Pod) => {
    const { labels, spec } = template(app);
    const hash = random(`template ${app}`).slice(0, 10);
    const name = `${appName(app)}-${hash}-${random(`pod ${slot} ${life}`).slice(0, 5)}${slot.toString(36)}`;
    const address = `10.${number(`ip ${slot} ${life}`, 250)}.${number(`ip b ${slot} ${life}`, 250)}.${number(`ip c ${slot}`, 250)}`;
    const startedAt = time(`started ${slot} ${life}`);
    const owner = {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      name: `${appName(app)}-${hash}`,
      uid: uid(`rs ${app}`),
      controller: true,
      blockOwnerDeletion: true,
    };
    return {
      metadata: metadata('Pod', name, app, String(resourceVersion), {
        labels: { ...labels, 'pod-template-hash': hash },
        annotations: { 'checksum/config': random(`config ${app}`), 'prometheus.io/scrape': 'true' },
        ownerReferences: [owner],
      }),
      spec: { ...spec, nodeName: `node-${number(`node ${slot} ${life}`, Math.ceil(pods / 40))}` },
      status: {
        phase: 'Running',
        conditions: ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({
          type,
          status: 'True',
          lastProbeTime: null,
          lastTransitionTime: startedAt,
        })),
        hostIP: `192.0.2.${number(`node ${slot} ${life}`, 250)}`,
        podIP: address,
        podIPs: [{ ip: address }],
        startTime: startedAt,
        containerStatuses: spec.containers.map(({ name: container, image }) => ({
          name: container,
          state: { running: { startedAt } },
          lastState: {},
          ready: true,
          restartCount: version,
          image,
          imageID: `${image.split(':')[0] ?? ''}@sha256:${random(`image ${image} ${version}`)}`,
          containerID: `containerd://${random(`container ${slot} ${life} ${container} ${version}`)}`,
          started: true,
        })),
        qosClass: 'Burstable',
      },
    };
  };
  const deployment = (app: number) => {
    const { labels, spec } = template(app);
    return {
      metadata: metadata('Deployment', appName(app), app, String(500_000 + app), { labels, generation: 1 }),
      spec: { replicas: 5, selector: { matchLabels: { app: appName(app) } }, template: { metadata: { labels }, spec } },
      status: { observedGeneration: 1, replicas: 5, updatedReplicas: 5, readyReplicas: 5, availableReplicas: 5 },
    };
  };
  const binding = (app: number) => ({
    metadata: metadata('RoleBinding', `${appName(app)}-access`, app, String(600_000 + app)),
    subjects: [
      { kind: 'ServiceAccount', name: appName(app), namespace: namespace(app) },
      { kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: `team-${number(`group ${app}`, 60)}` },
    ],
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: pick(`role ${app}`, ['view', 'edit', 'admin']) },
  });
  const account = (app: number) => ({ metadata: metadata('ServiceAccount', appName(app), app, String(700_000 + app)) });

  const listOf = (kind: ListingKind): [apiVersion: string, type: string, sources: Source[]] => {
    const each = (make: (app: number) => Item) => Array.from({ length: apps }, (_, app) => ({ stamp: 0, make: () => make(app) }));
    if (kind === 'k8s.pods/pods') return ['v1', 'PodList', list.map((one) => ({ stamp: one.resourceVersion, make: () => pod(one) }))];
    if (kind === 'k8s.workloads/deployments') return ['apps/v1', 'DeploymentList', each(deployment)];
    if (kind === 'k8s.rbac/rolebindings') return ['rbac.authorization.k8s.io/v1', 'RoleBindingList', each(binding)];
    if (kind === 'k8s.serviceaccounts/serviceaccounts') return ['v1', 'ServiceAccountList', each(account)];
    const [apiVersion, type, items] = fewOf(kind);
    return [
      apiVersion,
      type,
      items.map((item) => ({ stamp: 0, make: () => ({ ...item, metadata: { namespace: '', ...item.metadata } }) })),
    ];
  };
  const named = (name: string, more: object = {}) => ({ metadata: { name, uid: uid(name), resourceVersion: '1', ...more } });
  const fewOf = (kind: ListingKind): [apiVersion: string, type: string, items: readonly (object & { metadata: { name: string } })[]] => {
    const rbac = 'rbac.authorization.k8s.io/v1';
    const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);
    switch (kind) {
      case 'k8s.namespaces/namespaces':
        return ['v1', 'NamespaceList', numbers(namespaces).map((app) => named(namespace(app), { labels: enforcing }))];
      case 'k8s.nodes/nodes':
        return ['v1', 'NodeList', numbers(Math.ceil(pods / 40)).map((node) => named(`node-${node}`))];
      case 'k8s.rbac/clusterroles':
        return [rbac, 'ClusterRoleList', Object.entries(rulesOfRoles).map(([name, rules]) => Object.assign(named(name), { rules }))];
      case 'k8s.networkpolicies/networkpolicies':
        return ['networking.k8s.io/v1', 'NetworkPolicyList', []];
      default: {
        const type = kind.slice(kind.indexOf('/') + 1);
        const group = kind.startsWith('k8s.rbac/') ? rbac : type.endsWith('jobs') ? 'batch/v1' : 'apps/v1';
        return [group, listTypes[type] ?? '', []];
      }
    }
  };
  const kept = new Map<ListingKind, Listed[]>();
  return {
    kinds: whole ? [...kinds, ...fewKinds] : kinds,
    objects: pods + 3 * apps,
    *pages(kind) {
      const [apiVersion, type, sources] = listOf(kind);
      const before = kept.get(kind);
      const listed = sources.map(({ stamp, make }, index): Listed => {
        const known = before?.[index];
        if (known?.stamp === stamp) return known;
        const item = make();
        return { stamp, key: `${item.metadata.namespace}/${item.metadata.name}`, text: keep ? JSON.stringify(item) : '', make };
      });
      if (keep) kept.set(kind, listed);
      // As an API server lists: by namespace and name.
      const sorted = listed.toSorted((a, b) => (a.key < b.key ? -1 : 1));
      for (let start = 0; start < sorted.length; start += pageSize) {
        const items = sorted.slice(start, start + pageSize).map(({ text, make }) => (text === '' ? JSON.stringify(make()) : text));
        const more = start + pageSize < sorted.length ? { continue: `${start + pageSize}` } : {};
        const head = JSON.stringify({ kind: type, apiVersion, metadata: { resourceVersion: String(resourceVersion), ...more } });
        yield Uint8Array.from(Buffer.from(`${head.slice(0, -1)},"items":[${items.join(',')}]}`));
      }
    },
    resourceVersion: () => String(resourceVersion),
    changePods(changes) {
      for (let i = 0; i < changes; i++, turn++) {
        const changed = list[number(`turn ${turn}`, list.length)] as Pod;
        if (turn % 2 === 0) changed.life++;
        else changed.version++;
        changed.resourceVersion = ++resourceVersion;
      }
    },
  };
}

const restricted = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' },
};
const enforcing = { 'pod-security.kubernetes.io/enforce': 'baseline' };
const listTypes: Readonly<Record<string, string>> = {
  clusterrolebindings: 'ClusterRoleBindingList',
  roles: 'RoleList',
  replicasets: 'ReplicaSetList',
  statefulsets: 'StatefulSetList',
  daemonsets: 'DaemonSetList',
  jobs: 'JobList',
  cronjobs: 'CronJobList',
};
const reading = { apiGroups: ['', 'apps'], resources: ['pods', 'deployments', 'services'], verbs: ['get', 'list', 'watch'] };
const rulesOfRoles: Readonly<Record<string, readonly object[]>> = {
  view: [reading],
  edit: [reading, { apiGroups: ['apps'], resources: ['deployments/scale'], verbs: ['update', 'patch'] }],
  admin: [reading, { apiGroups: ['', 'apps'], resources: ['configmaps', 'deployments'], verbs: ['create', 'update', 'patch', 'delete'] }],
};

/** What a controller owns: close to half of the bytes of a page. */
function managedFields(app: string): object {
  const paths = 'args command env image imagePullPolicy name ports readinessProbe resources securityContext volumeMounts'.split(' ');
  const container = Object.fromEntries(paths.map((path) => [`f:${path}`, path === 'env' || path === 'ports' ? { '.': {} } : {}]));
  return {
    'f:metadata': {
      'f:annotations': { '.': {}, 'f:checksum/config': {} },
      'f:labels': { '.': {}, 'f:app': {}, 'f:app.kubernetes.io/part-of': {}, 'f:app.kubernetes.io/version': {}, 'f:pod-template-hash': {} },
      'f:ownerReferences': { '.': {}, [`k:{"uid":"${createHash('sha1').update(app).digest('hex').slice(0, 32)}"}`]: {} },
    },
    'f:spec': {
      'f:containers': { [`k:{"name":"${app}"}`]: { '.': {}, ...container } },
      'f:dnsPolicy': {},
      'f:enableServiceLinks': {},
      'f:restartPolicy': {},
      'f:schedulerName': {},
      'f:securityContext': {},
      'f:serviceAccount': {},
      'f:serviceAccountName': {},
      'f:terminationGracePeriodSeconds': {},
      'f:volumes': {
        '.': {},
        'k:{"name":"config"}': { '.': {}, 'f:configMap': { '.': {}, 'f:defaultMode': {}, 'f:name': {} }, 'f:name': {} },
      },
    },
    'f:status': {
      'f:conditions': {
        'k:{"type":"Ready"}': { '.': {}, 'f:lastProbeTime': {}, 'f:lastTransitionTime': {}, 'f:status': {}, 'f:type': {} },
      },
      'f:containerStatuses': {},
      'f:hostIP': {},
      'f:phase': {},
      'f:podIP': {},
      'f:podIPs': {},
      'f:startTime': {},
    },
  };
}

const teams = 'billing search ingest portal claims lab pharmacy imaging records identity gateway reporting'.split(' ');
const words =
  'amber anchor apple arrow atlas basil beacon birch cedar cobalt comet coral crane delta ember falcon fern flint forge garnet glade harbor hazel indigo iris jade juniper kestrel lagoon larch lotus maple marble meadow nectar nova oak onyx opal orchid otter pebble pine plume quartz quill raven reef river sable sage slate spruce tide topaz tulip umber vale violet willow wren zephyr'.split(
    ' ',
  );
