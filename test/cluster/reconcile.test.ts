/** A real API server's own audit log beside the runs that asked it: it confirms them, and tells what else was done with the collector's token. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rbacManifests, type Reconciliation } from '../../src/app/index.ts';
import { type CommandLine, openCommandLine } from './command-line.ts';
import { applyWorkloads, startCluster, type TestCluster } from './index.ts';

const names = { namespace: 'kubevidence', serviceAccount: 'collector' };
let cluster: TestCluster;
let line: CommandLine;

beforeAll(async () => {
  cluster = await startCluster({ node: false, controllerManager: false });
  await applyWorkloads(cluster);
  await cluster.apply(rbacManifests({}, names));
  line = openCommandLine(await cluster.serviceAccountKubeconfig(names.namespace, names.serviceAccount));
});
afterAll(async () => {
  line.remove();
  await cluster.stop();
});

/** Against what is logged so far. Something else is asked first, so that the log goes on after the last run. */
async function reconcile(): Promise<{ code: number; result: Reconciliation }> {
  await cluster.admin.send('GET', '/api/v1/nodes');
  const { code, stdout, stderr } = await line.run(
    'ledger',
    'reconcile',
    '--audit-log',
    join(cluster.dir, 'log', 'audit.log'),
    '-o',
    'json',
  );
  if (stdout === '') throw new Error(stderr);
  return { code, result: JSON.parse(stdout) as Reconciliation };
}

test('the log confirms the runs, and names everything else', async () => {
  for (const run of [1, 2]) expect([run, (await line.run('collect')).code]).toEqual([run, 0]);
  const fits = await reconcile();
  expect([fits.code, fits.result.problems, fits.result.gaps]).toEqual([0, [], []]);
  expect(fits.result.collectors).toEqual([`system:serviceaccount:${names.namespace}:${names.serviceAccount}`]);
  expect(fits.result.runs.map(({ run, status }) => [run, status])).toEqual([
    [1, expect.any(String)],
    [2, expect.any(String)],
  ]);
  // Nothing was asked under a run's name that it does not tell of, but who answers and what it may.
  for (const { claimed, seen } of fits.result.runs) expect([claimed > 20, seen > claimed]).toEqual([true, true]);

  // The second run is left out: an older copy of the ledger takes its place.
  cpSync(join(line.dir, 'evidence'), join(line.dir, 'kept'), { recursive: true });
  await line.run('collect');
  rmSync(join(line.dir, 'evidence'), { recursive: true });
  cpSync(join(line.dir, 'kept'), join(line.dir, 'evidence'), { recursive: true });
  const hidden = await reconcile();
  expect([hidden.code, hidden.result.unknownRuns.length]).toEqual([4, 1]);
  expect(hidden.result.problems).toEqual([expect.stringContaining('which this ledger does not have')]);

  // Somebody takes the collector's token.
  await expect(cluster.kubectl(['--kubeconfig', line.kubeconfig, 'get', '--raw', '/api/v1/secrets'])).rejects.toThrow('forbidden');
  const used = await reconcile();
  expect(used.result.otherRequests).toMatchObject([{ verb: 'list', path: '/api/v1/secrets', requests: 1 }]);
});
