/** Snapshots for tests: objects as the API has them, filed by listing, and the rows of a population over them. */
import { readPopulation } from '../../src/assessment/index.ts';
import { createMemorySnapshot } from '../../src/ledger/storage/memory-snapshot.ts';
import type { EvidenceReader, Gap, Json, JsonObject, ListingKind, Population, Row } from '../../src/model/index.ts';
import { textAt } from '../../src/model/index.ts';

export const now = '2026-10-01T12:00:00.000Z';

export interface Given {
  readonly [kind: ListingKind]: readonly Json[];
}

export interface SnapshotOptions {
  readonly scope?: EvidenceReader['scope'];
  readonly gaps?: Readonly<Partial<Record<ListingKind, readonly Gap[]>>>;
  readonly previous?: EvidenceReader;
  readonly version?: string;
}

/** Listings that are named are read and complete, unless `gaps` says otherwise; all others are absent. */
export function snapshot(given: Given, { scope = 'cluster', gaps = {}, previous, version }: SnapshotOptions = {}): EvidenceReader {
  const cluster = { name: 'test', uid: 'u', version: version ?? null, server: null, caFingerprint: null, actor: null };
  const memory = createMemorySnapshot({ scope, cluster, at: now, ...(previous === undefined ? {} : { previous }) });
  for (const [key, objects] of Object.entries(given)) {
    const kind = key as ListingKind;
    const stored = (objects as readonly Json[]).map((body) => ({
      apiVersion: textAt(body, 'apiVersion') ?? 'v1',
      type: textAt(body, 'kind') ?? '',
      namespace: textAt(body, 'metadata', 'namespace') ?? '',
      name: textAt(body, 'metadata', 'name') ?? '',
      uid: textAt(body, 'metadata', 'uid') ?? '',
      body: body as JsonObject,
    }));
    memory.put(kind, stored);
    memory.close({
      kind,
      collectorVersion: 1,
      keepDigest: '',
      assurance: 'observed',
      requests: [],
      gaps: gaps[kind] ?? [],
      items: stored.length,
      scrubbed: {},
      observedAt: now,
    });
  }
  return memory;
}

/** The aggregationRule of a role that gathers what a default role does (`edit`). */
export function gathersAs(name: string): JsonObject {
  const matchLabels = { [`rbac.authorization.k8s.io/aggregate-to-${name}`]: 'true' };
  return { aggregationRule: { clusterRoleSelectors: [{ matchLabels }] } };
}

export interface Reading {
  readonly rows: readonly Row[];
  readonly gaps: readonly Gap[];
}

/** Throws when two rows have one key. */
export function read(population: Population, reader: EvidenceReader): Reading {
  const rows: Row[] = [];
  const { gaps } = readPopulation(population, reader, (row) => rows.push(row));
  return { rows, gaps };
}

const rbac = 'rbac.authorization.k8s.io';

export function role(name: string, rules: Json, namespace = ''): JsonObject {
  return { apiVersion: `${rbac}/v1`, kind: namespace === '' ? 'ClusterRole' : 'Role', metadata: { name, namespace }, rules };
}

export function binding(name: string, roleName: string, subjects: Json, namespace = '', roleKind = 'ClusterRole'): JsonObject {
  const kind = namespace === '' ? 'ClusterRoleBinding' : 'RoleBinding';
  return {
    apiVersion: `${rbac}/v1`,
    kind,
    metadata: { name, namespace },
    roleRef: { apiGroup: rbac, kind: roleKind, name: roleName },
    subjects,
  };
}

export function lease(name: string, more: JsonObject = {}): JsonObject {
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace: 'kube-system' }, spec: more };
}

export function node(name: string, labels: JsonObject = { 'node-role.kubernetes.io/control-plane': '' }): JsonObject {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, uid: `uid-${name}`, labels } };
}

export function flagz(flags: JsonObject): JsonObject {
  return { apiVersion: 'config.k8s.io/v1beta1', kind: 'Flagz', metadata: { name: 'apiserver' }, flags };
}

/** An object that a test changes as it likes. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Loose = Record<string, any>;

/** A mirror pod as the kubelet of `on` makes it; `change` makes it another. */
export function mirrorPod(program: string, on: string, args: readonly Json[], change: (pod: Loose) => void = () => undefined): JsonObject {
  const pod: Loose = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${program}-${on}`,
      namespace: 'kube-system',
      uid: `pod-${program}-${on}`,
      labels: { component: program },
      annotations: { 'kubernetes.io/config.mirror': 'h', 'kubernetes.io/config.hash': 'h', 'kubernetes.io/config.source': 'file' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: on, uid: `uid-${on}`, controller: true }],
    },
    spec: { nodeName: on, containers: [{ name: program, command: [program, ...args] }] },
  };
  change(pod);
  return pod;
}

export function family(name: string, ...samples: readonly (readonly [JsonObject, number])[]): JsonObject {
  return {
    apiVersion: 'kubevidence/v1',
    kind: 'MetricFamily',
    metadata: { name },
    samples: samples.map(([labels, value]) => ({ labels, value: String(value) })),
  };
}

export const processStart = (value = 1795237084.94) => family('process_start_time_seconds', [{}, value]);
