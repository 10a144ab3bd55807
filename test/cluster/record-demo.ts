/**
 * `npm run demo:record`: lives through the demo's story on a real cluster and records it with our own collectors, as the ServiceAccount
 * that has the declared rights and nothing more. Rebuilds demo/recording.jsonl.gz.
 */
import { copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collectLive, loadConfig, packageRoot, pickCluster, rbacManifests } from '../../src/app/index.ts';
import { applyWorkloads, startCluster } from './index.ts';

process.umask(0o077);
const cluster = await startCluster({ node: true, encryption: 'secretbox', audit: 'metadata' });
const work = mkdtempSync(join(tmpdir(), 'kubevidence-demo-'));
const recording = join(work, 'recording.jsonl.gz');
try {
  await applyWorkloads(cluster);
  await cluster.apply(rbacManifests({}, { namespace: 'kubevidence', serviceAccount: 'collector' }));
  await removeFriday();
  const kubeconfig = await cluster.serviceAccountKubeconfig('kubevidence', 'collector');
  writeFileSync(
    join(work, 'kubevidence.yaml'),
    `organization: Example Clinic\nclusters:\n  - {name: clinic-prod, kubeconfig: ${JSON.stringify(kubeconfig)}}\n`,
    { mode: 0o600 },
  );
  const config = loadConfig({ cwd: work, uid: null });
  const record = async (what: string, files: readonly string[] = []) => {
    process.stdout.write(`${what}\n`);
    copyFileSync(cluster.auditPolicyFile, join(work, 'audit-policy.yaml'));
    copyFileSync(cluster.encryptionFile, join(work, 'encryption.yaml'));
    const context = { cwd: work, env: process.env, clock: () => new Date(), uid: null, warn: () => {}, progress: () => {} };
    const report = await collectLive(context, {
      config,
      cluster: pickCluster(config, undefined),
      files,
      record: recording,
      append: true,
      dryRun: false,
    });
    process.stdout.write(`  ${report.status}, ${report.listings.reduce((sum, listing) => sum + listing.items, 0)} objects\n`);
    for (const { gaps } of report.listings) for (const gap of gaps) process.stdout.write(`  gap: ${gap.what} (${gap.reason})\n`);
  };
  // Named as an administrator would name them, not by where this test happens to keep them.
  process.chdir(work);
  const files = ['audit-policy.yaml', 'encryption.yaml'];
  await record('1: the opening state', files);
  await cluster.apply([fridayBinding()]);
  await record('2: somebody gave alice cluster-admin', files);
  await removeFriday();
  // Reloaded by the same process, so that its counters go on.
  await cluster.rewriteEncryption('identity-first');
  await cluster.kubectl(['-n', 'clinic', 'create', 'secret', 'generic', 'report-key', '--from-literal=key=demo']);
  await record('3: alice has it no more; new Secrets are written in plain text', files);
  renameSync(recording, join(packageRoot, 'demo', 'recording.jsonl.gz'));
} finally {
  rmSync(work, { recursive: true, force: true });
  await cluster.stop();
}

function fridayBinding() {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'friday' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'alice' }],
  };
}

async function removeFriday(): Promise<void> {
  await cluster.kubectl(['delete', 'clusterrolebinding', 'friday', '--ignore-not-found']);
}
