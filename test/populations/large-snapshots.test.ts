/** A snapshot too large to be held is judged a namespace at a time, and says the very same. */
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { assess } from '../../src/assess.ts';
import { loadCatalog } from '../../src/catalog/index.ts';
import type { EvidenceReader, JsonObject, ListingKind, StoredObject } from '../../src/model/index.ts';
import { populations } from '../../src/populations/index.ts';
import { type Given, snapshot } from './snapshots.ts';

const root = resolve(import.meta.dirname, '../..');
const catalog = loadCatalog({
  controlDirs: [resolve(root, 'controls')],
  mappingDirs: [resolve(root, 'mappings')],
  techniqueDirs: [resolve(root, 'techniques')],
  populations: populations.map(({ name }) => name),
});

const namespaces = Array.from({ length: 40 }, (_, number) => `team-${number}`);
const object = (kind: string, apiVersion: string, namespace: string, name: string, body: JsonObject): JsonObject => {
  const { metadata = {}, ...rest } = body;
  return { apiVersion, kind, metadata: { name, namespace, uid: `${kind}-${namespace}-${name}`, ...(metadata as JsonObject) }, ...rest };
};

const recognised = { $scrubbed: true, credential: 'jwt' };

function pod(number: number): JsonObject {
  const container = {
    name: 'app',
    image: `registry.example.com/app:${number % 7}`,
    securityContext: number % 3 === 0 ? { privileged: number % 11 === 0 } : { allowPrivilegeEscalation: false, runAsNonRoot: true },
    env: number % 5 === 0 ? [{ name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'p' } } }] : [],
  };
  const token = { name: 'vault', projected: { sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 99_999 } }] } };
  const volumes = number % 13 === 0 ? [{ name: 'host', hostPath: { path: '/var/run' } }, token] : [];
  const owner = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: `set-${number % 9}`, uid: `set-${number % 9}`, controller: true };
  return object('Pod', 'v1', namespaces[number % namespaces.length] ?? '', `pod-${number}`, {
    metadata: {
      ownerReferences: [owner],
      annotations: number % 17 === 0 ? { 'vault.hashicorp.com/agent-inject': 'true', note: recognised } : {},
    },
    spec: {
      containers: [container],
      volumes,
      serviceAccountName: number % 2 === 0 ? 'deployer' : 'default',
      nodeName: `node-${number % 20}`,
    },
    status: { phase: 'Running' },
  });
}

function largeSnapshot(pods: number): EvidenceReader {
  const rbac = 'rbac.authorization.k8s.io/v1';
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'deploy' };
  const account = { kind: 'ServiceAccount', name: 'deployer', namespace: 'team-3' };
  const mia = { kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'mia' };
  const idle = { spec: { replicas: 0, template: { spec: { hostNetwork: true, containers: [] } } } };
  const given: Given = {
    'k8s.pods/pods': Array.from({ length: pods }, (_, number) => pod(number)),
    'k8s.workloads/statefulsets': [object('StatefulSet', 'apps/v1', 'team-1', 'idle', idle)],
    'k8s.serviceaccounts/serviceaccounts': namespaces.map((name) => object('ServiceAccount', 'v1', name, 'deployer', {})),
    'k8s.ingresses/ingresses': [object('Ingress', 'networking.k8s.io/v1', 'team-2', 'web', { spec: { tls: [{ secretName: 'web' }] } })],
    'k8s.services/services': [],
    'k8s.storage/persistentvolumes': [],
    'k8s.cluster/groups': [],
    'k8s.configmaps/configmaps': namespaces.map((name) => object('ConfigMap', 'v1', name, 'c', { data: { a: recognised } })),
    'k8s.secrets/secrets': namespaces.flatMap((name, place) => [
      object('SecretSummary', 'kubevidence/v1', name, 'unused', { type: 'Opaque' }),
      ...(place % 2 === 0 ? [object('SecretSummary', 'kubevidence/v1', name, 'db', { type: 'Opaque' })] : []),
    ]),
    'k8s.namespaces/namespaces': namespaces.map((name) => object('Namespace', 'v1', '', name, {})),
    'k8s.nodes/nodes': Array.from({ length: 20 }, (_, number) => object('Node', 'v1', '', `node-${number}`, {})),
    'k8s.rbac/clusterroles': [object('ClusterRole', rbac, '', 'deploy', { rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] })],
    'k8s.rbac/clusterrolebindings': [object('ClusterRoleBinding', rbac, '', 'deploy', { roleRef, subjects: [account] })],
    'k8s.rbac/roles': [],
    'k8s.rbac/rolebindings': [object('RoleBinding', rbac, 'team-5', 'people', { roleRef, subjects: [mia] })],
    'k8s.workloads/deployments': [],
    'k8s.workloads/daemonsets': [],
    'k8s.workloads/replicasets': [],
    'k8s.workloads/jobs': [],
    'k8s.workloads/cronjobs': [],
    'k8s.networkpolicies/networkpolicies': [],
  };
  return snapshot(given, { version: '1.35.1', gaps: { 'k8s.workloads/jobs': [{ reason: 'forbidden', what: 'jobs' }] } });
}

/** The same, readable by namespaces, with a count of how often each listing was read. */
function readable(reader: EvidenceReader): { readonly reader: EvidenceReader; readonly reads: Map<ListingKind, number> } {
  const reads = new Map<ListingKind, number>();
  const byNamespace = new Map<ListingKind, Map<string, StoredObject[]>>();
  const lists = (kind: ListingKind) => {
    let known = byNamespace.get(kind);
    if (known === undefined) byNamespace.set(kind, (known = Map.groupBy(reader.objects(kind), ({ namespace }) => namespace)));
    return known;
  };
  const count = (kind: ListingKind, items: number) => reads.set(kind, (reads.get(kind) ?? 0) + items);
  return {
    reads,
    reader: {
      ...reader,
      objects(kind) {
        count(kind, reader.listing(kind)?.items ?? 0);
        return reader.objects(kind);
      },
      namespaces: (kinds) => {
        const counts = new Map<string, number>();
        for (const kind of kinds) for (const [name, list] of lists(kind)) counts.set(name, (counts.get(name) ?? 0) + list.length);
        return counts;
      },
      objectsIn(kind, namespace) {
        const list = lists(kind).get(namespace) ?? [];
        count(kind, list.length);
        return list;
      },
    },
  };
}

test('what is judged by namespaces is what is judged as a whole, and each pod is read once for all populations', () => {
  const pods = 20_400;
  const whole = largeSnapshot(pods);
  const { reader, reads } = readable(whole);
  const judged = (from: EvidenceReader) => assess({ reader: from, catalog, populations, managed: null });
  const [apart, together] = [judged(reader), judged(whole)];
  expect(apart.controls.filter(({ findings }) => findings.length > 0).length).toBeGreaterThan(10);
  expect(apart).toEqual(together);
  const failed = apart.controls.filter(({ findings }) => findings.length > 0).map(({ id }) => id);
  expect(failed).toEqual(expect.arrayContaining(['SEC-007', 'SEC-012', 'SEC-013', 'SEC-014']));
  // Besides, kube-system is looked into for the control plane's pods.
  expect(reads.get('k8s.pods/pods')).toBe(pods);
});
