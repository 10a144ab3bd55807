/**
 * Escalations performed on a real cluster: for each the graph finds the way before, the way is real, and without the right, or with what
 * forbids it, there is no way and none is found.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccessPaths } from '../../src/access/index.ts';
import { openCommandLine } from './command-line.ts';
import { actAs, clusterRole, credentialOf, everything, isAdmin, nameOf, node, objectsOf, strongRole, userOf } from './escalation.ts';
import { scenarios } from './escalation-scenarios.ts';
import { startCluster, type TestCluster } from './index.ts';
import { waitFor } from './processes.ts';

let cluster: TestCluster;
let found: AccessPaths;

beforeAll(async () => {
  cluster = await startCluster({ node: true, audit: 'none', encryption: 'none', apiserverArgs: ['--enable-bootstrap-token-auth=true'] });
  await cluster.apply([clusterRole(strongRole, [everything])]);
  const objects = scenarios.flatMap((scenario) => [false, true].flatMap((fixed) => objectsOf(scenario, fixed)));
  const first = objects.filter(({ kind }) => kind === 'Namespace' || kind === 'ServiceAccount');
  await cluster.apply(first.filter(({ kind }) => kind === 'Namespace'));
  await cluster.apply(first.filter(({ kind }) => kind === 'ServiceAccount'));
  const pods = objects.filter(({ kind }) => kind === 'Pod');
  await cluster.apply(objects.filter((object) => !first.includes(object) && !pods.includes(object)));
  await cluster.apply(pods);
  await waitFor('the pods', 120_000, [], cluster.dir, async () => {
    const { items } = await cluster.admin.json<{ items: { metadata: { name: string }; status: { phase?: string } }[] }>(
      'GET',
      '/api/v1/pods',
    );
    const runners = items.filter(({ metadata }) => metadata.name === 'runner');
    return runners.length === pods.length && runners.every(({ status }) => status.phase === 'Running');
  });
  const line = openCommandLine(cluster.kubeconfig, 'collectors: {secrets: true}\n');
  try {
    const collected = await line.run('collect');
    if (collected.code !== 0) throw new Error(collected.stderr);
    const { stdout, stderr } = await line.run('access', 'paths', '-o', 'json');
    if (stdout === '') throw new Error(stderr);
    found = JSON.parse(stdout) as AccessPaths;
  } finally {
    line.remove();
  }
}, 600_000);
afterAll(async () => {
  await cluster?.stop();
});

describe.each(scenarios.map((scenario) => [nameOf(scenario), scenario] as const))('%s', (_name, scenario) => {
  const pathsOf = (fixed: boolean) => found.paths.filter(({ from }) => from === `User/${userOf(scenario, fixed)}`);
  const attempt = async (fixed: boolean) => {
    const user = userOf(scenario, fixed);
    const credential = credentialOf(await cluster.userKubeconfig(user));
    const actor = actAs(cluster, credential);
    expect(await isAdmin(actor), 'it is no administrator to begin with').toBe(false);
    return scenario.perform({ cluster, namespace: user, user, actor, credential });
  };

  it('is found before, and is real', async () => {
    const paths = pathsOf(false);
    expect(paths.flatMap(({ hops }) => hops.map(({ technique }) => technique))).toContain(scenario.technique);
    expect(paths.some(({ certain }) => certain)).toBe((scenario.hop ?? 'certain') === 'certain');
    expect(await attempt(false)).toBe(true);
  });

  it('fixed, is neither found nor works', async () => {
    const paths = pathsOf(true);
    expect(paths.filter(({ certain }) => certain)).toEqual([]);
    expect(paths.length > 0).toBe(scenario.fixed === 'possible');
    expect(await attempt(true)).toBe(false);
  });
});

it('performs enough of the techniques', () => {
  expect(new Set(scenarios.map(({ technique }) => technique)).size).toBeGreaterThanOrEqual(20);
  expect(found.gaps).toEqual([]);
  // Whoever may start a privileged pod has the node, and whoever has this one has its control plane.
  expect(
    found.paths.flatMap(({ hops }) => hops).some(({ from, technique }) => from === `Node/${node}` && technique === 'control-plane-node'),
  ).toBe(true);
});
