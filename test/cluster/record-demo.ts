/**
 * `npm run demo:record`: lives through the demo's story on a real cluster and records it with our own collectors, as the ServiceAccount
 * that has the declared rights and nothing more, and with what a node's collector reads on its node. Every time in the recording is then
 * told in the story's, and the file is sealed anew. Rebuilds demo/recordings (or a directory that is named), one file for each run, named
 * after its day (and `-manual` for one apart from the schedule).
 */
import { spawnSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { collectLive, loadConfig, packageRoot, pickCluster, rbacManifests, toolVersion } from '../../src/app/index.ts';
import { createdBetween } from '../../src/collectors/secrets.ts';
import { canonicalize, type JsonObject } from '../../src/model/index.ts';
import { createLogSigner, generateLogKey, signJson } from '../../src/signing/index.ts';
import { collectNode } from '../../src/sources/index.ts';
import { readRecordingLines, runDigest } from '../../src/sources/recording/recording-format.ts';
import { startCluster } from './index.ts';
import { nodeName } from './node.ts';
import { collectors, tellStory, ticketAnnotation } from './story.ts';
import { ageText, openStoryClock, retell } from './story-time.ts';

// What a node's collector reads is this machine: in namespaces of their own its processes are the story's alone, and its name is the node's.
if (hostname() !== nodeName) {
  const inside = ['--pid', '--fork', '--kill-child', '--mount-proc', '--uts', 'sh', '-c', 'hostname "$0" && "$@"; exit $?', nodeName];
  const { status, error } = spawnSync('unshare', [...inside, process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    stdio: 'inherit',
  });
  if (error !== undefined) throw error;
  process.exit(status ?? 1);
}

process.umask(0o077);
const shipped = join(packageRoot, 'demo', 'recordings');
const out = process.argv[2] === undefined ? shipped : resolve(process.argv[2]);
const began = Date.now();
const clock = openStoryClock(Date.now, sleep);
const cluster = await startCluster({
  // A path of the clinic's node, which its node evidence names.
  dir: '/srv/control-plane',
  node: true,
  encryption: 'secretbox',
  audit: 'metadata',
  apiserverArgs: ['--audit-log-maxage=7'],
  // As kubeadm makes them.
  validity: { authorities: 3650, certificates: 365 },
});
const nodeSigner = createLogSigner(createPrivateKey((await generateLogKey()).privateKey));
const work = mkdtempSync(join(tmpdir(), 'kubevidence-demo-'));
const recording = join(work, 'run.jsonl.gz');
const told = join(work, 'recordings');
const restoreRights = () => cluster.apply(rbacManifests(collectors, { namespace: 'kubevidence', serviceAccount: 'collector' }));
try {
  await restoreRights();
  const kubeconfig = await cluster.serviceAccountKubeconfig('kubevidence', 'collector');
  const settings = {
    organization: 'Example Clinic',
    keepAnnotations: [ticketAnnotation],
    collectors,
    clusters: [{ name: 'clinic-prod', kubeconfig, nodeKeys: [{ node: nodeName, key: nodeSigner.fingerprint }] }],
  };
  writeFileSync(join(work, 'kubevidence.yaml'), JSON.stringify(settings), { mode: 0o600 });
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
  rmSync(out, { recursive: true, force: true });
  cpSync(told, out, { recursive: true });

  async function record(at: string): Promise<void> {
    const evidence = `${nodeName}.json`;
    writeFileSync(join(work, evidence), readNode());
    const context = { cwd: work, env: process.env, clock: () => new Date(), uid: null, warn: () => {}, progress: () => {} };
    const report = await collectLive(context, {
      config,
      cluster: pickCluster(config, undefined),
      files: [evidence],
      record: recording,
      dryRun: false,
    });
    process.stdout.write(`  ${report.status}, ${report.listings.reduce((sum, listing) => sum + listing.items, 0)} objects\n`);
    for (const { gaps } of report.listings) for (const gap of gaps) process.stdout.write(`  gap: ${gap.what} (${gap.reason})\n`);
    for (const warning of report.warnings) process.stdout.write(`  warning: ${warning}\n`);
    await tell(at, await secretsCreated());
    rmSync(recording);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
  await cluster.stop();
}

/** Times of the recording, milliseconds: the oldest is in a kubelet's own certificate, which it dates back by an hour. */
function recorded(): readonly [from: number, to: number] {
  return [began - 2 * 3_600_000, Date.now() + 60_000];
}

/** What the node's collector reads, told in the story's time before it is signed: who takes it in checks the signature. */
function readNode(): string {
  const tool = { name: 'kubevidence', version: toolVersion };
  const { document, unread } = collectNode({ root: '/', name: nodeName, tool, clock: () => new Date() });
  for (const { what, path, detail } of unread) process.stdout.write(`  unread on the node: ${what} ${path} (${detail})\n`);
  return `${canonicalize(signJson(retell(document, clock, recorded()) as JsonObject, nodeSigner))}\n`;
}

/** When each Secret was made in reality, milliseconds; by namespace/name. */
async function secretsCreated(): Promise<ReadonlyMap<string, number>> {
  const columns = 'custom-columns=:metadata.namespace,:metadata.name,:metadata.creationTimestamp';
  const rows = (await cluster.kubectl(['get', 'secrets', '--all-namespaces', '--no-headers', '-o', columns])).trim().split('\n');
  return new Map(
    rows.map((row) => row.trim().split(/\s+/)).map(([namespace, name, time]) => [`${namespace}/${name}`, Date.parse(time ?? '')]),
  );
}

/** The age of a Secret is a text in the server's table, of which months are kept: made anew from when it was made in the story. */
function retellAge(object: { readonly body: JsonObject }, created: ReadonlyMap<string, number>, seen: string): object {
  const { namespace, name } = object.body['metadata'] as { readonly namespace: string; readonly name: string };
  const real = created.get(`${namespace}/${name}`);
  if (real === undefined) throw new Error(`nobody knows when Secret ${namespace}/${name} was made`);
  return { ...object, body: { ...object.body, createdBetween: createdBetween(ageText(Date.parse(seen) - clock.toStory(real)), seen) } };
}

/** Writes the recorded run as the story has it. */
async function tell(at: string, created: ReadonlyMap<string, number>): Promise<void> {
  const seal = runDigest();
  const lines: string[] = [];
  const window = recorded();
  for await (const line of readRecordingLines(recording)) {
    const said = retell(line, clock, window) as typeof line;
    const retold =
      said.line === 'objects' && said.kind.startsWith('k8s.secrets/')
        ? { ...said, objects: said.objects.map((object) => retellAge(object as { body: JsonObject }, created, at)) }
        : said;
    const text = JSON.stringify(retold.line === 'end' ? { ...retold, sha256: seal.hex() } : retold);
    if (retold.line !== 'end') seal.add(text);
    lines.push(text);
  }
  const day = at.slice(0, 10);
  const file = join(told, `${day}${at.slice(11, 16) === '04:00' ? '' : '-manual'}.jsonl.gz`);
  writeFileSync(file, gzipSync(`${lines.join('\n')}\n`, { level: 9 }), { flag: 'wx', mode: 0o644 });
}
