/**
 * `npm run demo:record`: lives through the demo's story on a real cluster and records it with our own collectors, as the ServiceAccount
 * that has the declared rights and nothing more. Every time in the recording is then told in the story's, and the file is sealed anew.
 * Rebuilds demo/recordings, one file for each run, named after its day (and `-manual` for one apart from the schedule).
 */
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { collectLive, loadConfig, packageRoot, pickCluster, rbacManifests } from '../../src/app/index.ts';
import { readRecordingLines, runDigest } from '../../src/sources/recording/recording-format.ts';
import { startCluster } from './index.ts';
import { tellStory, ticketAnnotation } from './story.ts';
import { openStoryClock, retell } from './story-time.ts';

process.umask(0o077);
const began = Date.now();
const clock = openStoryClock(Date.now, sleep);
const cluster = await startCluster({ node: true, encryption: 'secretbox', audit: 'metadata', apiserverArgs: ['--audit-log-maxage=7'] });
const work = mkdtempSync(join(tmpdir(), 'kubevidence-demo-'));
const recording = join(work, 'run.jsonl.gz');
const told = join(work, 'recordings');
const restoreRights = () => cluster.apply(rbacManifests({}, { namespace: 'kubevidence', serviceAccount: 'collector' }));
try {
  await restoreRights();
  const kubeconfig = await cluster.serviceAccountKubeconfig('kubevidence', 'collector');
  writeFileSync(
    join(work, 'kubevidence.yaml'),
    `organization: Example Clinic\nkeepAnnotations: [${ticketAnnotation}]\nclusters:\n  - {name: clinic-prod, kubeconfig: ${JSON.stringify(kubeconfig)}}\n`,
    { mode: 0o600 },
  );
  const config = loadConfig({ cwd: work, uid: null });
  // Named as an administrator would name them, not by where this test happens to keep them.
  process.chdir(work);
  mkdirSync(told);
  for (const { at, what, change } of tellStory(restoreRights)) {
    await clock.reach(at);
    process.stdout.write(`${at}  ${what}\n`);
    if (change === undefined) await record(at);
    else await change(cluster);
  }
  const shipped = join(packageRoot, 'demo', 'recordings');
  rmSync(shipped, { recursive: true, force: true });
  cpSync(told, shipped, { recursive: true });

  async function record(at: string): Promise<void> {
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
    await tell(at);
    rmSync(recording);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
  await cluster.stop();
}

/** Writes the recorded run as the story has it. */
async function tell(at: string): Promise<void> {
  const seal = runDigest();
  const lines: string[] = [];
  const window = [began - 60_000, Date.now() + 60_000] as const;
  for await (const line of readRecordingLines(recording)) {
    const retold = retell(line, clock, window) as typeof line;
    const text = JSON.stringify(retold.line === 'end' ? { ...retold, sha256: seal.hex() } : retold);
    if (retold.line !== 'end') seal.add(text);
    lines.push(text);
  }
  const day = at.slice(0, 10);
  const file = join(told, `${day}${at.slice(11, 16) === '04:00' ? '' : '-manual'}.jsonl.gz`);
  writeFileSync(file, gzipSync(`${lines.join('\n')}\n`, { level: 9 }), { flag: 'wx', mode: 0o644 });
}
