/**
 * The guides as a reader types them: every command that needs no cluster, over a directory of manifests. What is left out here, installing and
 * `kubectl`, runs in test/cluster/guide.test.ts on a real one.
 */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/app/index.ts';
import { install, missingTools, openReader, type Reader, readBlocks, saidBy } from './blocks.ts';

const saidToOrganization = [
  ['exception list', /in force\s+until .*, labels\s+1\s+finding/],
  ['kubevidence serve', /collects clinic at "0 6 \* \* \*" in .*; next slot 20/],
  ['verify pack.zip', /intact; signed by\s+[0-9a-f]{64}, the key that\s+you trust/],
] as const;
const saidToAuditor = [
  ['cms', /(CMS )?Verification successful\n[^]*: OK/],
  ['pdfsig', /Signature is Valid/],
  ['consistency', /extends the one of \d+ that you kept/],
  ['for exhibit', /^the record is record \d+ of the log/m],
  ['kubevidence verify', /the key that\s+you trust/],
] as const;

const docs = join(packageRoot, 'docs');
const manifests = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: friday}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: alice}]
---
apiVersion: v1
kind: Namespace
metadata: {name: booking}
`;
const kubeconfig = {
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
  users: [],
  contexts: [{ name: 'kubevidence', context: { cluster: 'c', user: 'u' } }],
};

let home = '';
let reader: Reader;
let auditor: Reader;
let fingerprint = '';
const evidence = () => join(home, 'evidence');

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'guides-'));
  mkdirSync(join(home, 'manifests'));
  mkdirSync(join(home, 'auditor'));
  writeFileSync(join(home, 'manifests', 'all.yaml'), manifests);
  writeFileSync(join(home, 'kubeconfig'), JSON.stringify(kubeconfig));
  const main = join(packageRoot, 'src', 'cli', 'main.ts');
  install(home, 'kubevidence', process.execPath, '--disable-warning=ExperimentalWarning', main);
  reader = openReader(home, home, { KUBECONFIG: join(home, 'kubeconfig') });
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const needsCluster = /\bnpm |\bkubectl /;

describe('the first hour', { timeout: 120_000 }, () => {
  for (const block of readBlocks(join(docs, 'first-hour.md'))) {
    const missing = missingTools(block);
    it.skipIf(needsCluster.test(block.text) || missing.length > 0)(`runs ${block.name}`, async () => {
      // A directory of manifests has everything in one place.
      const { code, output } = await reader.run(block.text.replace(' --files files', ''));
      expect([code, output]).toEqual([0, expect.not.stringContaining('defect')]);
      expect(output).toMatch(saidBy(block, saidToOrganization));
      // Manifests instead of the cluster that the reader has.
      if (block.text.includes('kubevidence init'))
        await reader.run("sed -i 's|    context: kubevidence|    directory: ../manifests|' kubevidence.yaml");
    });
  }
});

describe('the page for auditors', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    const given = join(home, 'auditor');
    for (const [from, to] of [
      [join(evidence(), 'pack.zip'), 'pack.zip'],
      [join(evidence(), 'checkpoint.txt'), 'kept.txt'],
      [join(docs, 'verify-by-hand.py'), 'verify-by-hand.py'],
    ] as const)
      copyFileSync(from, join(given, to));
    copyFileSync(join(given, 'kept.txt'), join(evidence(), 'kept.txt'));
    const { output } = await reader.run('kubevidence keys show -o json', evidence());
    ({ fingerprint } = (JSON.parse(output) as { document: { fingerprint: string } }).document);
    auditor = openReader(home, given, { FINGERPRINT: fingerprint });
    // The organization goes on.
    await reader.run('kubevidence collect', evidence());
  }, 60_000);

  for (const block of readBlocks(join(docs, 'for-auditors.md'))) {
    const missing = missingTools(block);
    it.skipIf(missing.length > 0)(`runs ${block.name}`, async () => {
      const ofTheOrganization = block.text.includes('kubevidence ledger');
      const { code, output } = await (ofTheOrganization ? reader.run(block.text, evidence()) : auditor.run(block.text));
      expect([code, output]).toEqual([0, expect.not.stringMatching(/FAILED|DOES NOT HOLD|defect/)]);
      if (ofTheOrganization) copyFileSync(join(evidence(), 'proof.txt'), join(home, 'auditor', 'proof.txt'));
      expect(output).toMatch(saidBy(block, [['dgst', new RegExp(`^${fingerprint} .stdin$`, 'm')], ...saidToAuditor]));
    });
  }

  it('left nothing out', () => {
    const texts = readBlocks(join(docs, 'for-auditors.md')).map(({ text }) => text);
    expect(texts.length).toBeGreaterThan(7);
    expect(existsSync(join(evidence(), 'backup.db'))).toBe(true);
  });
});
