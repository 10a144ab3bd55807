/** What a memory keeps by namespaces, where it could go wrong: what is shared by all of them, and what the rows themselves do not know. */
import { beforeAll, expect, test } from 'vitest';
import { loadCatalogInForce } from '../../src/app/catalog.ts';
import { assess } from '../../src/assess.ts';
import { createAssessmentMemory } from '../../src/assessment/index.ts';
import type { EvidenceObject, JsonObject, ListingKind, Population } from '../../src/model/index.ts';
import { populations } from '../../src/populations/index.ts';
import { copyOf, createSeries, readWorld, type World } from './living-snapshots.ts';

const { catalog } = loadCatalogInForce(null);
let quiet: World;
beforeAll(async () => {
  quiet = await readWorld('2026-09-28');
});

/** Judges run after run with a memory and without; tells how many rows of a population the memory had made anew, and what both said. */
function judging(name: string) {
  const [take, memory] = [createSeries(), createAssessmentMemory()];
  let [rows, hour] = [0, 0];
  const counted = (population: Population): Population => ({
    ...population,
    *rows(input) {
      for (const row of population.rows(input)) {
        rows += 1;
        yield row;
      }
    },
  });
  const counting = populations.map((population) => (population.name === name ? counted(population) : population));
  return (world: World) => {
    const reader = take(world, `2026-09-28T${String((hour += 1)).padStart(2, '0')}:00:00.000Z`);
    const options = { reader, catalog, populations: counting };
    rows = 0;
    const remembered = assess({ ...options, remembering: { memory, contentOf: (kind) => reader.contentOf(kind) } });
    const read = rows;
    const alone = assess(options);
    expect(JSON.stringify(remembered)).toBe(JSON.stringify(alone));
    return { read, all: rows - read, controls: alone.controls.filter(({ population }) => population.name === name) };
  };
}

function objectsOf(world: World, kind: ListingKind): EvidenceObject[] {
  const list = world.objects.get(kind) ?? [];
  world.objects.set(kind, list);
  return list;
}

function binding(namespace: string, subject: JsonObject): EvidenceObject {
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const type = namespace === '' ? 'ClusterRoleBinding' : 'RoleBinding';
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' };
  const metadata = { name: 'new', ...(namespace !== '' && { namespace }) };
  return { apiVersion, type, namespace, name: 'new', uid: 'uid-new', body: { metadata, roleRef, subjects: [subject] } };
}

test('a binding has the accounts read anew that it reaches, and no others', () => {
  const [world, judge] = [copyOf(quiet), judging('serviceAccounts')];
  const accounts = objectsOf(world, 'k8s.serviceaccounts/serviceaccounts');
  const [{ namespace, name }] = accounts as [EvidenceObject];
  const near = accounts.filter((account) => account.namespace === namespace).length;
  expect(judge(world)).toMatchObject({ read: accounts.length });
  expect(near).toBeLessThan(accounts.length);

  objectsOf(world, 'k8s.rbac/rolebindings').push(binding(namespace, { kind: 'ServiceAccount', namespace, name }));
  expect(judge(world)).toMatchObject({ read: near });
  objectsOf(world, 'k8s.rbac/clusterrolebindings').push(binding('', { kind: 'User', name: 'mia' }));
  expect(judge(world)).toMatchObject({ read: 0 });
  objectsOf(world, 'k8s.rbac/clusterrolebindings').splice(-1, 1, binding('', { kind: 'Group', name: 'system:serviceaccounts' }));
  expect(judge(world)).toMatchObject({ read: accounts.length });
  objectsOf(world, 'k8s.rbac/clusterrolebindings').pop();
  objectsOf(world, 'k8s.rbac/rolebindings').splice(
    -1,
    1,
    binding(namespace, { kind: 'Group', name: `system:serviceaccounts:${namespace}` }),
  );
  expect(judge(world)).toMatchObject({ read: accounts.length });
  objectsOf(world, 'k8s.rbac/rolebindings').pop();
  expect(judge(world)).toMatchObject({ read: near });
});

test('a subject that nobody can be stays a gap of all accounts', () => {
  const [world, judge] = [copyOf(quiet), judging('serviceAccounts')];
  judge(world);
  objectsOf(world, 'k8s.rbac/clusterrolebindings').push(binding('', { kind: 'Robot', name: 'r2' }));
  const what = 'subject 1 of ClusterRoleBinding new';
  const told = judge(world);
  for (const { gaps } of told.controls) expect(gaps).toContainEqual(expect.objectContaining({ what }));
  expect(told.read).toBe(0);
  objectsOf(world, 'k8s.serviceaccounts/serviceaccounts').pop();
  const again = judge(world);
  for (const { gaps } of again.controls) expect(gaps).toContainEqual(expect.objectContaining({ what }));
  expect(again.read).toBeLessThan(again.all);
});

test('a gap that all rows share does not have all of them read anew', () => {
  const [world, judge] = [copyOf(quiet), judging('secretUses')];
  world.listings.delete('k8s.secrets/secrets');
  const { read, all, controls } = judge(world);
  expect(read).toBe(all);
  expect(controls.flatMap(({ gaps }) => gaps).length).toBeGreaterThan(0);
  const accounts = objectsOf(world, 'k8s.serviceaccounts/serviceaccounts');
  accounts.push({ ...(accounts[0] as EvidenceObject), name: 'another', uid: 'another' });
  const after = judge(world);
  expect(after.read).toBeLessThan(after.all);
});
