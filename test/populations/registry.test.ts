import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadCatalog } from '../../src/catalog/index.ts';
import { collectors } from '../../src/collectors/index.ts';
import type { Json, JsonObject, ListingKind } from '../../src/model/index.ts';
import { describeRule, isObject } from '../../src/model/index.ts';
import { populations } from '../../src/populations/index.ts';
import { family, flagz, lease, mirrorPod, node, now, processStart, read, snapshot } from './snapshots.ts';

const root = join(import.meta.dirname, '..', '..');
const catalog = loadCatalog({
  controlDirs: [join(root, 'controls')],
  mappingDirs: [join(root, 'mappings')],
  populations: populations.map(({ name }) => name),
});
const kinds = [...new Set(populations.flatMap(({ from, also = [] }) => [...from, ...also]))];

test('names are unique, and every population is tested by a control', () => {
  const names = populations.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((name) => !catalog.controls.some((control) => control.population === name))).toEqual([]);
});

test('every listing that a population reads is one that a collector makes', () => {
  const made = new Set(collectors.flatMap((collector) => collector.listings.map((listing) => listing.kind)));
  expect(kinds.filter((kind) => !made.has(kind))).toEqual([]);
});

test('every control is named by a framework', () => {
  const named = new Set(
    catalog.frameworks.flatMap(({ requirements }) => requirements.flatMap(({ controls }) => controls.map(({ id }) => id))),
  );
  expect(catalog.controls.map(({ id }) => id).filter((id) => !named.has(id))).toEqual([]);
});

test('RUN-002 knows exactly the rights that the collectors declare', () => {
  const declared = new Set<string>();
  for (const collector of collectors) {
    if (collector.optIn === true) continue;
    for (const rule of collector.listings.flatMap(({ needs }) => needs)) {
      if (rule.resourceNames === undefined) declared.add(describeRule(rule));
      else for (const name of rule.resourceNames) declared.add(describeRule({ ...rule, resourceNames: [name] }));
    }
  }
  const control = catalog.controls.find(({ id }) => id === 'RUN-002');
  expect(control?.params['declared']?.default).toEqual([...declared].sort());
});

describe('nothing that stands in an object makes a population throw, or gives two rows one key', () => {
  // Field names that populations look at, so that odd values get to where they hurt.
  const words = [
    'spec',
    'metadata',
    'rules',
    'subjects',
    'roleRef',
    'kind',
    'name',
    'namespace',
    'labels',
    'annotations',
    'ownerReferences',
    'containers',
  ];
  const more = [
    'command',
    'env',
    'value',
    'securityContext',
    'volumes',
    'samples',
    'flags',
    'resources',
    'providers',
    'resourceRules',
    'verbs',
    'webhooks',
    'namespaceSelector',
    'matchExpressions',
    'tls',
    'hosts',
    'parameters',
    'conditions',
    'status',
    'files',
    'programs',
    'arguments',
    'kubelet',
    'config',
    'configz',
    'certificates',
    '__proto__',
    'constructor',
  ];
  const { odd } = fc.letrec((tie) => ({
    odd: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom<Json>(null, true, 0, '', 'x', '|/%', 'system:masters', '--profiling=false', 'kube-apiserver', []),
      fc.array(tie('odd'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...words, ...more), tie('odd'), { maxKeys: 5 }),
    ),
  }));

  test.each(populations.map((population) => [population.name, population] as const))('%s', (_name, population) => {
    const read_ = [...population.from, ...(population.also ?? [])];
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...read_), odd, fc.constantFrom('a', 'b', '')), { maxLength: 8 }), (objects) => {
        const given: Record<ListingKind, Json[]> = Object.fromEntries(read_.map((kind) => [kind, [] as Json[]]));
        for (const [kind, body, name] of objects) {
          const base = typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as JsonObject) : { spec: body as Json };
          given[kind]?.push({
            // So that what a node says is looked at.
            ...(kind === 'node.evidence/nodes' && { collectedAt: now, host: { installer: 'kubeadm', roles: ['control-plane', 'etcd'] } }),
            ...base,
            metadata: { ...(isObject(base['metadata']) ? base['metadata'] : {}), name, namespace: 'kube-system' },
          });
        }
        // Something genuine beside it, so that the walk does not end early.
        given['k8s.apiserver/leases']?.push(lease('l'));
        given['k8s.apiserver/metrics']?.push(processStart(), family('apiserver_audit_level_total', [{ level: 'None' }, 1]));
        given['k8s.apiserver/flagz']?.push(flagz({ profiling: 'true' }));
        given['k8s.nodes/nodes']?.push(node('n'));
        given['k8s.pods/pods']?.push(mirrorPod('kube-apiserver', 'n', ['--profiling']));
        for (const scope of ['cluster', 'files'] as const) {
          const reading = read(population, snapshot(given, { scope }));
          for (const row of reading.rows) expect(row.evidence.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 60 },
    );
  });
});
