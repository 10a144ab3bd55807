/** Recordings that were made by another version than the one that replays them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, it } from 'vitest';
import { type AppContext, loadConfig, pickCluster, replayIntoLedger } from '../../src/app/index.ts';
import { openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { readRecordingLines, runDigest } from '../../src/sources/recording/recording-format.ts';
import { writeRecording } from '../recordings.ts';

const work = mkdtempSync(join(tmpdir(), 'kubevidence-replay-'));
afterAll(() => rmSync(work, { recursive: true }));

it('what was not collected then is a gap of the run, and nothing else is lost', async () => {
  const [seal, lines] = [runDigest(), [] as string[]];
  for await (const line of readRecordingLines(writeRecording(join(work, 'whole.jsonl.gz'), ['2026-08-17']))) {
    const kind = line.line === 'listing' ? line.listing.kind : line.line === 'objects' ? line.kind : '';
    if (kind === 'k8s.nodes/nodes') continue;
    const text = JSON.stringify(line.line === 'end' ? { ...line, lines: lines.length, sha256: seal.hex() } : line);
    if (line.line !== 'end') seal.add(text);
    lines.push(text);
  }
  const old = join(work, 'old.jsonl.gz');
  writeFileSync(old, gzipSync(`${lines.join('\n')}\n`));
  writeFileSync(
    join(work, 'kubevidence.yaml'),
    'organization: Example Clinic\nclusters: [{name: clinic}]\nsigning: {checkpoints: heads}\n',
    {
      mode: 0o600,
    },
  );
  const context: AppContext = { cwd: work, env: {}, clock: () => new Date(), uid: null, warn: () => {}, progress: () => {} };
  const config = loadConfig({ cwd: work, uid: null });
  const options = { config, cluster: pickCluster(config, undefined), files: [], record: null, dryRun: false };
  const reports = (await replayIntoLedger(context, options, old)) ?? [];
  expect(reports).toHaveLength(1);
  expect(reports[0]?.identity).toMatchObject({ name: 'clinic', version: expect.stringMatching(/^1\.36/) });
  expect(reports[0]?.listings.find(({ kind }) => kind === 'k8s.nodes/nodes')?.gaps).toHaveLength(1);
  expect(reports[0]?.listings.find(({ kind }) => kind === 'k8s.pods/pods')?.items).toBeGreaterThan(5);

  const ledger = openLedger({ path: config.ledgerPath, mode: 'read', clock: context.clock });
  const snapshot = ledger.snapshot('clinic', 1);
  expect(snapshot.listing('k8s.nodes/nodes')?.gaps).toEqual([
    expect.objectContaining({ reason: 'absent', what: 'nodes', closedBy: 'record again with this version' }),
  ]);
  expect(snapshot.listing('k8s.pods/pods')?.items).toBeGreaterThan(5);
  ledger.close();
  expect(verifyLedger(config.ledgerPath)).toMatchObject({ ok: true });
}, 30_000);
