/**
 * A cluster that lives through many runs: the control plane of a real one (a recording of the demo) under as many synthetic objects as
 * wanted. Objects are scrubbed as a collection scrubs them, each once; what does not change keeps its resourceVersion.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { collectors } from '../../src/collectors/index.ts';
import type { ClusterIdentity, EvidenceObject, Gap, JsonObject, ListingKind, RawObject } from '../../src/model/index.ts';
import { createScrubber, replayRecording, type Scrubber } from '../../src/sources/index.ts';

export interface LivingCluster {
  readonly identity: ClusterIdentity;
  readonly kinds: readonly ListingKind[];
  /** In the order of an API server's list. */
  objects(kind: ListingKind): readonly EvidenceObject[];
  gaps(kind: ListingKind): readonly Gap[];
  /** How many there are, synthetic ones and those of the recording. */
  readonly size: number;
  resourceVersion(): string;
  /** What every hour changes by itself: counters of the API server and its lease. */
  live(at: Date): void;
  /** Changes so many objects or a few more, in the proportions of {@link churn}; says how many. */
  change(count: number, at: Date): number;
}

/**
 * What a thousand changed objects are: 70 rollouts (of each the deployment, its replica set and its pods, which are replaced by others),
 * 150 single pods that are replaced, 150 that get a new image digest and a restart, 30 role bindings that get or lose a subject, 30 service
 * accounts, 60 network policies and 20 namespaces. So an hour in which 1 % of the objects change a day has two or three such events.
 */
const churn = [
  ['rollout', 70],
  ['replace', 150],
  ['restart', 150],
  ['binding', 30],
  ['account', 30],
  ['policy', 60],
  ['namespace', 20],
] as const;
const events = churn.reduce((sum, [, share]) => sum + share, 0);

const [podKind, deploymentKind, setKind, bindingKind, accountKind, namespaceKind, policyKind, metricKind, leaseKind] = [
  'k8s.pods/pods',
  'k8s.workloads/deployments',
  'k8s.workloads/replicasets',
  'k8s.rbac/rolebindings',
  'k8s.serviceaccounts/serviceaccounts',
  'k8s.namespaces/namespaces',
  'k8s.networkpolicies/networkpolicies',
  'k8s.apiserver/metrics',
  'k8s.apiserver/leases',
] as const satisfies readonly ListingKind[];

const hash = (text: string) => createHash('sha256').update(text).digest('hex');
const number = (text: string, below: number) => Number.parseInt(hash(text).slice(0, 12), 16) % below;
const uidOf = (text: string) => hash(text).replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5');
const podsPerApp = 6;

export async function createLivingCluster(recording: string, wanted: number, begins: Date): Promise<LivingCluster> {
  const scrubbers = new Map<ListingKind, Scrubber>();
  const scrub = (kind: ListingKind, raw: RawObject): EvidenceObject => {
    let scrubber = scrubbers.get(kind);
    if (scrubber === undefined) {
      const declaration = collectors.flatMap(({ listings }) => listings).find((listing) => listing.kind === kind);
      if (declaration === undefined) throw new Error(`no collector reads ${kind}`);
      scrubbers.set(kind, (scrubber = createScrubber(declaration)));
    }
    return scrubber.scrub(raw);
  };
  let version = 1_000_000;
  const store = new Map<ListingKind, Map<string, EvidenceObject>>();
  const sorted = new Map<ListingKind, readonly EvidenceObject[]>();
  const keyOf = ({ namespace, name }: Pick<EvidenceObject, 'namespace' | 'name'>) => `${namespace}/${name}`;
  const ofKind = (kind: ListingKind) => {
    const found = store.get(kind) ?? new Map<string, EvidenceObject>();
    store.set(kind, found);
    return found;
  };
  const set = (kind: ListingKind, object: EvidenceObject) => {
    ofKind(kind).set(keyOf(object), object);
    sorted.delete(kind);
  };
  const put = (kind: ListingKind, raw: RawObject): EvidenceObject => {
    const metadata = raw['metadata'] as JsonObject;
    const object = scrub(kind, { ...raw, metadata: { ...metadata, resourceVersion: String(++version) } });
    set(kind, object);
    return object;
  };

  const gaps = new Map<ListingKind, readonly Gap[]>();
  let found: ClusterIdentity | undefined;
  await replayRecording(join(import.meta.dirname, '..', '..', 'demo', 'recordings', recording), {
    collectors,
    startRun: ({ identity }) => {
      found = identity;
      return {
        put: (kind, objects) => {
          for (const object of objects) set(kind, object);
        },
        restart: (kind) => store.delete(kind),
        close: (listing) => {
          ofKind(listing.kind);
          gaps.set(listing.kind, listing.gaps);
        },
      };
    },
  });
  if (found === undefined) throw new Error(`${recording} holds no run`);

  const recorded = [...store.values()].reduce((sum, objects) => sum + objects.size, 0);
  // Pods, and for each application a deployment, a replica set, an account and half a binding.
  const apps = Math.max(4, Math.round((wanted - recorded) / (podsPerApp + 3.62)));
  const namespaces = Math.max(2, Math.round(apps * 0.06));
  const namespaceOf = (app: number) => `team-${app % namespaces}`;
  const appName = (app: number) => `app-${app}-${hash(`app ${app}`).slice(0, 4)}`;
  const isLax = (app: number) => number(`lax ${app}`, 3) === 0;
  const created = (text: string) => new Date(begins.getTime() - number(text, 200 * 86_400) * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  const rollouts = Array.from({ length: apps }, () => 0);

  const template = (app: number) => {
    const name = appName(app);
    const [lax, turn] = [isLax(app), rollouts[app] ?? 0];
    return {
      metadata: { labels: { app: name, 'app.kubernetes.io/version': `1.${turn}` } },
      spec: {
        serviceAccountName: name,
        automountServiceAccountToken: !lax,
        securityContext: lax ? {} : { runAsNonRoot: true, runAsUser: 10_000, seccompProfile: { type: 'RuntimeDefault' } },
        volumes: [{ name: 'config', configMap: { name: `${name}-config` } }],
        containers: [
          {
            name: 'main',
            image: `registry.example.com/${name}:1.${turn}`,
            env: [{ name: 'DB_PASSWORD', valueFrom: { secretKeyRef: { name: `${name}-db`, key: 'password' } } }],
            ports: [{ containerPort: 8080 }],
            volumeMounts: [{ name: 'config', mountPath: '/etc/app', readOnly: true }],
            securityContext: lax
              ? { privileged: number(`privileged ${app}`, 40) === 0 }
              : { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
          },
        ],
      },
    };
  };
  const owner = (kind: string, name: string) => [
    { apiVersion: 'apps/v1', kind, name, uid: uidOf(`${kind} ${name}`), controller: true, blockOwnerDeletion: true },
  ];
  const named = (kind: string, app: number, name: string) => ({
    name,
    namespace: namespaceOf(app),
    uid: uidOf(`${kind} ${name}`),
    creationTimestamp: created(`${kind} ${name}`),
  });
  const pods: { name: string; life: number; version: number; at: Date | null }[] = [];
  const putPod = (slot: number): void => {
    const [app, pod] = [slot % apps, pods[slot]];
    if (pod === undefined) return;
    const { metadata, spec } = template(app);
    const set = `${appName(app)}-set`;
    pod.name = `${set}-${hash(`pod ${slot} ${pod.life}`).slice(0, 5)}${slot.toString(36)}`;
    const at = pod.at === null ? {} : { creationTimestamp: pod.at.toISOString().replace(/\.\d+Z$/, 'Z') };
    const image = spec.containers[0]?.image ?? '';
    put(podKind, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...named('Pod', app, pod.name), ...at, labels: metadata.labels, ownerReferences: owner('ReplicaSet', set) },
      spec: { ...spec, nodeName: `node-${slot % 100}` },
      status: {
        phase: 'Running',
        containerStatuses: [
          { name: 'main', image, imageID: `${image}@sha256:${hash(`${image} ${pod.version}`)}`, restartCount: pod.version, ready: true },
        ],
      },
    });
  };
  const putWorkload = (app: number): void => {
    const [deployment, set] = [appName(app), `${appName(app)}-set`];
    const [generation, selector] = [(rollouts[app] ?? 0) + 1, { matchLabels: { app: deployment } }];
    const rest = { spec: { replicas: podsPerApp, selector, template: template(app) }, status: { replicas: podsPerApp } };
    put(deploymentKind, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { ...named('Deployment', app, deployment), generation },
      ...rest,
    });
    put(setKind, {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { ...named('ReplicaSet', app, set), generation, ownerReferences: owner('Deployment', deployment) },
      ...rest,
    });
  };
  const members = Array.from({ length: apps }, () => 1);
  const putBinding = (app: number): void => {
    const rbac = 'rbac.authorization.k8s.io';
    put(bindingKind, {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: named('RoleBinding', app, `${appName(app)}-access`),
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: ['view', 'edit', 'admin'][number(`role ${app}`, 3)] ?? 'view' },
      subjects: Array.from({ length: members[app] ?? 1 }, (_, index) => ({
        kind: 'Group',
        apiGroup: rbac,
        name: `team-${number(`group ${app} ${index}`, 60)}`,
      })),
    });
  };
  const accounts = Array.from({ length: apps }, () => 0);
  const putAccount = (app: number): void => {
    put(accountKind, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { ...named('ServiceAccount', app, appName(app)), annotations: { 'example.com/rotation': String(accounts[app]) } },
      automountServiceAccountToken: (accounts[app] ?? 0) % 2 === 0,
    });
  };
  const turns = Array.from({ length: namespaces }, () => ({ policy: 0, labels: 0 }));
  const putNamespace = (index: number): void => {
    const level = ['restricted', 'baseline', 'privileged'][index % 3] ?? 'baseline';
    put(namespaceKind, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: `team-${index}`,
        uid: uidOf(`namespace ${index}`),
        creationTimestamp: created(`namespace ${index}`),
        labels: { 'pod-security.kubernetes.io/enforce': level, 'example.com/turn': String(turns[index]?.labels) },
      },
      status: { phase: 'Active' },
    });
  };
  const putPolicy = (index: number): void => {
    const turn = turns[index]?.policy ?? 0;
    put(policyKind, {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: {
        name: 'default',
        namespace: `team-${index}`,
        uid: uidOf(`policy ${index}`),
        creationTimestamp: created(`policy ${index}`),
      },
      spec: {
        podSelector: {},
        policyTypes: ['Ingress'],
        ingress: [{ from: [{ podSelector: { matchLabels: { turn: String(turn) } } }] }],
      },
    });
  };

  for (let index = 0; index < namespaces; index++) for (const make of [putNamespace, putPolicy]) make(index);
  for (let app = 0; app < apps; app++) {
    for (const make of [putWorkload, putAccount]) make(app);
    if (app % 2 === 0) putBinding(app);
  }
  for (let slot = 0; slot < apps * podsPerApp; slot++) {
    pods.push({ name: '', life: 0, version: 0, at: null });
    putPod(slot);
  }

  const replacePod = (slot: number, since: string, at: Date): void => {
    const pod = pods[slot];
    if (pod === undefined) return;
    ofKind(podKind).delete(`${namespaceOf(slot % apps)}/${pod.name}`);
    Object.assign(pod, { life: pod.life + 1, version: 0, at: new Date(at.getTime() - 1000 * number(`since ${since}`, 3000)) });
    putPod(slot);
  };
  let turn = 0;
  let hours = 0;
  const actions: Readonly<Record<(typeof churn)[number][0], (turn: number, at: Date) => void>> = {
    replace: (now, at) => replacePod(number(`replace ${now}`, pods.length), String(now), at),
    restart(now) {
      const slot = number(`restart ${now}`, pods.length);
      const pod = pods[slot];
      if (pod === undefined) return;
      pod.version += 1;
      putPod(slot);
    },
    rollout(now, at) {
      const app = number(`rollout ${now}`, apps);
      rollouts[app] = (rollouts[app] ?? 0) + 1;
      putWorkload(app);
      for (let slot = app; slot < pods.length; slot += apps) replacePod(slot, `${now} ${slot}`, at);
    },
    binding(now) {
      const app = 2 * number(`binding ${now}`, Math.floor(apps / 2));
      members[app] = (members[app] ?? 1) === 1 ? 2 : 1;
      putBinding(app);
    },
    account(now) {
      const app = number(`account ${now}`, apps);
      accounts[app] = (accounts[app] ?? 0) + 1;
      putAccount(app);
    },
    policy(now) {
      const index = number(`policy ${now}`, namespaces);
      (turns[index] ?? { policy: 0 }).policy += 1;
      putPolicy(index);
    },
    namespace(now) {
      const index = number(`namespace ${now}`, namespaces);
      (turns[index] ?? { labels: 0 }).labels += 1;
      putNamespace(index);
    },
  };
  return {
    identity: { ...found, name: 'bench' },
    kinds: [...store.keys()].sort(),
    objects(kind) {
      let list = sorted.get(kind);
      if (list === undefined) {
        list = [...ofKind(kind).entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
        sorted.set(kind, list);
      }
      return list;
    },
    gaps: (kind) => gaps.get(kind) ?? [],
    get size() {
      return [...store.values()].reduce((sum, objects) => sum + objects.size, 0);
    },
    resourceVersion: () => String(version),
    live(at) {
      hours += 1;
      for (const object of Array.from(ofKind(metricKind).values())) set(metricKind, { ...object, body: grown(object, hours, begins) });
      for (const object of Array.from(ofKind(leaseKind).values())) {
        const spec = { ...(object.body['spec'] as JsonObject), renewTime: at.toISOString().replace('Z', '000Z') };
        set(leaseKind, { ...object, body: { ...object.body, spec }, resourceVersion: String(++version) });
      }
    },
    change(count, at) {
      const before = version;
      const isDone = () => version - before >= count;
      while (!isDone()) {
        turn += 1;
        // Spread, so that few changes are of all sorts too.
        let place = number(`event ${turn}`, events);
        const [action] = churn.find(([, share]) => (place -= share) < 0) ?? churn[0];
        actions[action](turn, at);
      }
      return version - before;
    },
  };
}

const growing = new Set(['apiserver_audit_event_total', 'apiserver_audit_level_total', 'apiserver_authorization_decisions_total']);

/** Counters that count on; the API server's process is as old as the ledger. */
function grown({ name, body }: EvidenceObject, hours: number, begins: Date): JsonObject {
  if (name === 'process_start_time_seconds') return { ...body, samples: [{ labels: {}, value: String(begins.getTime() / 1000 - 60) }] };
  if (!growing.has(name)) return body;
  const samples = (body['samples'] as readonly JsonObject[]).map((sample) => {
    return Object.assign(sample, { value: String(Number(sample['value']) + (hours > 1 ? 100 : 0)) });
  });
  return { ...body, samples };
}
