/** The first hour on a real cluster, word by word: every command of docs/first-hour.md in its order, from nothing to a verified pack. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/app/index.ts';
import { install, missingTools, openReader, type Reader, readBlocks, saidBy } from '../docs/blocks.ts';
import { applyWorkloads, ensureBinaries, startCluster, type TestCluster } from './index.ts';

const blocks = readBlocks(join(packageRoot, 'docs', 'first-hour.md'));
const said = [
  ['exception list', /labels\s+1\s+finding/],
  ['kubevidence serve', /next slot 20[^]*nothing is under way/],
  ['verify pack.zip', /intact; signed by\s+[0-9a-f]{64}, the key that\s+you trust/],
  ['kubevidence doctor', /all \d+ rights that the collectors need are there/],
] as const;
const tenMinutes = 600_000;

let cluster: TestCluster;
let home = '';
let reader: Reader;
let spent = 0;

beforeAll(async () => {
  cluster = await startCluster();
  await applyWorkloads(cluster);
  home = mkdtempSync(join(tmpdir(), 'first-hour-'));
  mkdirSync(join(home, '.kube'));
  copyFileSync(cluster.kubeconfig, join(home, '.kube', 'config'));
  // What the guide says to copy from a control-plane node.
  mkdirSync(join(home, 'evidence', 'files'), { recursive: true });
  cpSync(cluster.encryptionFile, join(home, 'evidence', 'files', 'encryption.yaml'));
  cpSync(cluster.auditPolicyFile, join(home, 'evidence', 'files', 'audit-policy.yaml'));
  install(home, 'kubectl', (await ensureBinaries()).kubectl);
  // How this machine reaches the registry, and a place for global packages that is the reader's own.
  const setting = (key: string) => execFileSync('npm', ['config', 'get', key], { encoding: 'utf8' }).trim();
  const npm = ['registry', 'cache', 'cafile', 'proxy', 'https-proxy'].flatMap((key) => {
    const value = setting(key);
    return value === 'null' || value === '' ? [] : [[`npm_config_${key.replace('-', '_')}`, value] as const];
  });
  const path = [join(home, 'bin'), dirname(process.execPath), process.env['PATH'] ?? ''].join(':');
  reader = openReader(home, packageRoot, { ...Object.fromEntries(npm), npm_config_prefix: home, PATH: path });
});
afterAll(async () => {
  rmSync(home, { recursive: true, force: true });
  await cluster.stop();
});

describe('the first hour', { timeout: tenMinutes }, () => {
  for (const block of blocks) {
    it.skipIf(missingTools(block).length > 0)(`runs ${block.name}`, async () => {
      const before = Date.now();
      const { code, output } = await reader.run(block.text);
      spent += Date.now() - before;
      expect([code, output]).toEqual([0, expect.not.stringMatching(/defect|\n\s+at /)]);
      expect(output).toMatch(saidBy(block, said));
    });
  }

  it('took less than ten minutes of a machine’s time, and left complete runs', async () => {
    expect(blocks.length).toBeGreaterThan(12);
    const { output } = await reader.run('kubevidence ledger status -o json');
    const { runs } = JSON.parse(output) as { runs: { status: string }[] };
    expect(runs.map(({ status }) => status)).toEqual(['succeeded', 'succeeded']);
    expect(spent).toBeLessThan(tenMinutes);
  });
});
