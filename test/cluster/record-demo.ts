/**
 * `npm run demo:record`: lives through the demo's story on a real cluster and records it with our own collectors, as the ServiceAccount
 * that has the declared rights and nothing more. Every time in the recording is then told in the story's, and the file is sealed anew.
 * Rebuilds demo/recording.jsonl.gz.
 */
import { copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { collectLive, loadConfig, packageRoot, pickCluster, rbacManifests } from '../../src/app/index.ts';
import { readRecordingLines, runDigest } from '../../src/sources/recording-format.ts';
import { startCluster } from './index.ts';
import { tellStory } from './story.ts';
import { openStoryClock, retell } from './story-time.ts';

process.umask(0o077);
const began = Date.now();
const clock = openStoryClock(Date.now, sleep);
const cluster = await startCluster({ node: true, encryption: 'secretbox', audit: 'metadata', apiserverArgs: ['--audit-log-maxage=7'] });
const work = mkdtempSync(join(tmpdir(), 'kubevidence-demo-'));
const [recording, told] = [join(work, 'run.jsonl.gz'), join(work, 'told.jsonl.gz')];
const restoreRights = () => cluster.apply(rbacManifests({}, { namespace: 'kubevidence', serviceAccount: 'collector' }));
try {
  await restoreRights();
  const kubeconfig = await cluster.serviceAccountKubeconfig('kubevidence', 'collector');
  writeFileSync(
    join(work, 'kubevidence.yaml'),
    `organization: Example Clinic\nclusters:\n  - {name: clinic-prod, kubeconfig: ${JSON.stringify(kubeconfig)}}\n`,
    { mode: 0o600 },
  );
  const config = loadConfig({ cwd: work, uid: null });
  // Named as an administrator would name them, not by where this test happens to keep them.
  process.chdir(work);
  for (const { at, what, change } of tellStory(restoreRights)) {
    await clock.reach(at);
    process.stdout.write(`${at}  ${what}\n`);
    if (change === undefined) await record();
    else await change(cluster);
  }
  renameSync(told, join(packageRoot, 'demo', 'recording.jsonl.gz'));

  async function record(): Promise<void> {
    copyFileSync(cluster.auditPolicyFile, join(work, 'audit-policy.yaml'));
    copyFileSync(cluster.encryptionFile, join(work, 'encryption.yaml'));
    const context = { cwd: work, env: process.env, clock: () => new Date(), uid: null, warn: () => {}, progress: () => {} };
    const report = await collectLive(context, {
      config,
      cluster: pickCluster(config, undefined),
      files: ['audit-policy.yaml', 'encryption.yaml'],
      record: recording,
      dryRun: false,
    });
    process.stdout.write(`  ${report.status}, ${report.listings.reduce((sum, listing) => sum + listing.items, 0)} objects\n`);
    for (const { gaps } of report.listings) for (const gap of gaps) process.stdout.write(`  gap: ${gap.what} (${gap.reason})\n`);
    await tell();
    rmSync(recording);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
  await cluster.stop();
}

/** Adds the recorded run to what has been told. */
async function tell(): Promise<void> {
  const seal = runDigest();
  const lines: string[] = [];
  const window = [began - 60_000, Date.now() + 60_000] as const;
  for await (const line of readRecordingLines(recording)) {
    const retold = retell(line, clock, window) as typeof line;
    const text = JSON.stringify(retold.line === 'end' ? { ...retold, sha256: seal.hex() } : retold);
    if (retold.line !== 'end') seal.add(text);
    lines.push(text);
  }
  writeFileSync(told, gzipSync(`${lines.join('\n')}\n`, { level: 9 }), { flag: 'a' });
}
