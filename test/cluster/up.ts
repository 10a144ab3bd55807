/**
 * `npm run cluster:up`: leaves one cluster with the example workloads running, for people to play with, and says how to reach it;
 * `npm run cluster:down` (`--down`) ends exactly what that started. Its state lies in a fixed place in the cache, outside the checkout.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir, ClusterUnavailable, ensureBinaries, findOnPath, missingFeatures } from './binaries.ts';
import { startCluster } from './cluster.ts';
import { requireOpenssl } from './pki.ts';
import { anyRunning, endAll } from './processes.ts';
import { applyWorkloads } from './workloads.ts';

const dir = join(cacheDir, 'up');

async function up(): Promise<void> {
  requireOpenssl();
  const binaries = await ensureBinaries();
  if (anyRunning(dir)) {
    process.stdout.write('The cluster is running already.\n');
  } else {
    await endAll(dir); // what a reboot left
    mkdirSync(cacheDir, { recursive: true });
    const missing = missingFeatures(binaries);
    for (const feature of missing) process.stderr.write(`skip: ${feature}\n`);
    const cluster = await startCluster({ dir, detached: true, node: missing.length === 0 });
    await applyWorkloads(cluster);
    process.stdout.write(`Kubernetes ${cluster.version} is running at ${cluster.server}\n`);
  }
  const kubectl = findOnPath('kubectl') ? 'kubectl' : binaries.kubectl;
  process.stdout.write(`
  export KUBECONFIG=${join(dir, 'admin.conf')}
  ${kubectl} get pods -A

  mkdir -p out/try && cd out/try
  npm run kubevidence -- init
  npm run kubevidence -- collect
  npm run kubevidence -- assess

npm run cluster:down ends it.
`);
}

async function down(): Promise<void> {
  const running = anyRunning(dir);
  await endAll(dir);
  process.stdout.write(running ? 'The cluster has ended.\n' : 'No cluster was running.\n');
}

try {
  await (process.argv.includes('--down') ? down() : up());
  process.exit(0);
} catch (error) {
  if (!(error instanceof ClusterUnavailable)) throw error;
  process.stderr.write(`cluster:up: ${error.message}\n`);
  process.exit(2);
}
