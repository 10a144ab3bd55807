/** The guide to access as a reader types it, over a directory of manifests; what people do between two commands, the test does. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/app/index.ts';
import { asFile, bind, nothingElse, user, world } from '../app/access/paths-world.ts';
import { columnOf, decideAll, edit } from '../reporting/review-given.ts';
import { install, openReader, type Reader, readBlocks } from './blocks.ts';

const blocks = readBlocks(join(packageRoot, 'docs', 'access.md'));
/** What each command prints, in the order of the guide; every block has a line here. */
const said: readonly (readonly [command: string, said: RegExp])[] = [
  ['can list secrets', /^yes\n[^]*\nyes\n[^]*\nyes\n[^]*through the group dev/],
  ['--name db', /^yes\n[^]*Role\/clinic\/one-secret[^]*\(only:\s+db\)/],
  ['access check', /"allowed":true,"reason":"RoleBinding\/clinic\/dev [^]*"allowed":false/],
  ['access matrix', /Group\/dev[^]*User\/carol[^]*matrix\.csv: \d+ rows of effective access/],
  ['--memberships', /members: erin@example\.com, frank@example\.com[^]*\nyes\n[^]*groups by the file of memberships: dev/],
  ['techniques list', /create-pod +\d +[^]*create-pod · privilege \d of 5[^]*gives/],
  ['access paths --all', /clusterrole-aggregation-controller · 1 hop · built/],
  [
    'access paths',
    /can reach cluster-admin, certainly[^]*create-pod → ServiceAccount\/clinic\/deployer[^]*remove ClusterRoleBinding\/deployer[^]*reach secret:clinic\/db[^]*User\/carol · 1 hop[^]*reach node:worker-1[^]*node-of-pod/,
  ],
  ['kubevidence drift', /effective access, by RBAC\n[^]*dave[^]*paths to cluster-admin\n[^]*dave[^]*- ClusterRoleBinding\/friday/],
  ['review export', /review\.xlsx: \d+ grants of clinic to review[^]*prepared by Ada Example/],
  [
    'review import',
    /7 keep, 1 revoke, 0 change, 0 open[^]*reviewed by Ben Example, prepared by Ada Example[^]*kubectl delete clusterrolebinding\.rbac\.authorization\.k8s\.io\/friday/,
  ],
  ['review status', /1 access review;[^]*done +revoke +User\/dave through ClusterRoleBinding\/friday/],
  ['assess --control REV-001', /"id": "REV-001"[^]*?"outcome": "pass"[^]*"id": "REV-002"[^]*?"outcome": "pass"/],
];

let home = '';
let reader: Reader;
const evidence = () => join(home, 'evidence');
const manifests = (documents: readonly object[]) => writeFileSync(join(home, 'manifests', 'all.yaml'), asFile(documents));
const friday = bind('friday', 'ClusterRole/everything', [user('dave')]);

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'access-guide-'));
  mkdirSync(join(home, 'manifests'));
  mkdirSync(evidence());
  manifests([...world, ...nothingElse, friday]);
  const main = join(packageRoot, 'src', 'cli', 'main.ts');
  install(home, 'kubevidence', process.execPath, '--disable-warning=ExperimentalWarning', main);
  reader = openReader(home, evidence(), {});
  const config = 'organization: Example Clinic\nclusters: [{name: clinic, directory: ../manifests}]\n';
  writeFileSync(join(evidence(), 'kubevidence.yaml'), config, { mode: 0o600 });
  const { code, output } = await reader.run('kubevidence collect');
  if (code !== 0) throw new Error(output);
}, 60_000);
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** The reviewers decide each row, and revoke the grant of friday. */
async function decide(): Promise<void> {
  const today = new Date(`${new Date().toISOString().slice(0, 10)}T00:00:00Z`);
  const filled = await edit(readFileSync(join(evidence(), 'review.xlsx')), (sheet) => {
    decideAll(sheet);
    for (let row = 2; row <= sheet.rowCount; row++) {
      sheet.getCell(`${columnOf.date}${row}`).value = today;
      if (sheet.getCell(`${columnOf.subject}${row}`).text === 'dave') sheet.getCell(`${columnOf.decision}${row}`).value = 'revoke';
    }
  });
  writeFileSync(join(evidence(), 'reviewed.xlsx'), filled);
}

describe('the guide to access', { timeout: 60_000 }, () => {
  for (const block of blocks) {
    it(`runs ${block.name}`, async () => {
      if (block.text.includes('review import')) await decide();
      // A person ran the printed command.
      if (block.text.includes('review status')) manifests([...world, ...nothingElse]);
      const { code, output } = await reader.run(block.text);
      expect([code, output]).toEqual([0, expect.not.stringMatching(/defect|\n\s+at /)]);
      expect(output).toMatch(said.find(([command]) => block.text.includes(command))?.[1] ?? /(?!)/);
    });
  }

  it('left nothing out', () => {
    const texts = blocks.map(({ text }) => text).join('\n');
    for (const command of ['can', 'check', 'who-can', 'matrix', 'paths', 'review export', 'review import', 'review status'])
      expect(texts).toContain(`kubevidence access ${command}`);
    expect(blocks.length).toBe(said.length);
  });
});
