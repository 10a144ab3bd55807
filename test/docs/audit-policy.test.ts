/** The guide to audit policies as a reader types it. The traps that it lists are tests in test/audit. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/app/index.ts';
import { install, openReader, type Reader, readBlocks } from './blocks.ts';

const guide = join(packageRoot, 'docs', 'audit-policy.md');
const blocks = readBlocks(guide);
/** What each block prints, in the order of the guide. */
const said: readonly RegExp[] = [
  /^Metadata\n[^]*rule 3 of 5, audit-policy\.yaml:11\n[^]*\nNone\n[^]*rule 2 of 5[^]*\nRequestResponse\n[^]*as\s+system:serviceaccount:ci:runner[^]*an event at ResponseStarted and at ResponseComplete[^]*\nMetadata\n[^]*get \/version · as system:anonymous/,
  /^\{"level":"None","rule":1,"omitStages":\["RequestReceived"\]\}\n\{"level":"Metadata","rule":4,[^\n]*\n\{"level":"Metadata","rule":4,/,
  /Secrets read +Meta 3~[^]*▲ rule 4 \(line 15\) writes bodies to the log[^]*▲ rule 2 \(line 8\) records nothing for some/,
  /^None\n[^]*rule 1 of 2, typo\.yaml:4[^]*typo\.yaml:5: rules\[0\]\.resource: the API server knows no such field[^]*typo\.yaml:7: rules\[1\]\.verbs\[0\]: there are no patterns here/,
];

let home = '';
let reader: Reader;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'audit-guide-'));
  mkdirSync(join(home, 'work'));
  install(home, 'kubevidence', process.execPath, '--disable-warning=ExperimentalWarning', join(packageRoot, 'src', 'cli', 'main.ts'));
  reader = openReader(home, join(home, 'work'), {});
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('the guide to audit policies', { timeout: 60_000 }, () => {
  for (const [i, block] of blocks.entries()) {
    it(`runs ${block.name}`, async () => {
      const { code, output } = await reader.run(block.text);
      expect([code, output]).toEqual([0, expect.not.stringMatching(/defect|\n\s+at /)]);
      expect(output).toMatch(said[i] ?? /(?!)/);
    });
  }

  it('left nothing out', () => {
    expect(blocks.length).toBe(said.length);
    const texts = blocks.map(({ text }) => text).join('\n');
    for (const command of ['simulate', 'matrix']) expect(texts).toContain(`kubevidence audit ${command}`);
    expect(
      readFileSync(guide, 'utf8')
        .split('\n')
        .filter((line) => line.length > 200),
    ).toEqual([]);
  });
});
