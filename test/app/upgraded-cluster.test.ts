/** A cluster that was upgraded between two runs: each run is held against the benchmark of its version, a period against that of its end. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type AppContext,
  assessCommand,
  createPackCommand,
  explainCommand,
  loadConfig,
  pickCluster,
  replayIntoLedger,
} from '../../src/app/index.ts';
import { explanationSchema } from '../../src/mapping/index.ts';
import { verifyPack } from '../../src/packs/index.ts';
import { readRecordingLines, runDigest } from '../../src/sources/recording/recording-format.ts';
import { typist } from '../cli/type.ts';
import { writeRecording } from '../recordings.ts';

const work = mkdtempSync(join(tmpdir(), 'kubevidence-upgraded-'));
afterAll(() => rmSync(work, { recursive: true }));
const context: AppContext = { cwd: work, env: { HOME: work }, clock: () => new Date(), uid: null, warn: () => {}, progress: () => {} };
const configure = () => loadConfig({ cwd: work, uid: null });

/** A run of the demo's cluster as one of another version would have recorded it. */
async function recordingOf(day: string, version: string): Promise<string> {
  const [seal, lines] = [runDigest(), [] as string[]];
  for await (const line of readRecordingLines(writeRecording(join(work, `${day}-made.jsonl.gz`), [day]))) {
    const text = JSON.stringify(line.line === 'end' ? { ...line, lines: lines.length, sha256: seal.hex() } : line).replaceAll(
      '1.36.3',
      version,
    );
    if (line.line !== 'end') seal.add(text);
    lines.push(text);
  }
  const path = join(work, `${day}.jsonl.gz`);
  writeFileSync(path, gzipSync(`${lines.join('\n')}\n`));
  return path;
}

beforeAll(async () => {
  writeFileSync(join(work, 'kubevidence.yaml'), 'organization: Example Clinic\nclusters: [{name: clinic}]\n', { mode: 0o600 });
  const config = configure();
  const options = { config, cluster: pickCluster(config, undefined), files: [], record: null, dryRun: false };
  for (const [day, version] of [
    ['2026-09-21', '1.30.4'],
    ['2026-09-28', '1.35.1'],
  ] as const)
    await replayIntoLedger(context, options, await recordingOf(day, version));
}, 60_000);

const show = { framework: 'cis-kubernetes', requirement: '5.2.9' };

it('is assessed by the version of each run', async () => {
  const versionOf = async (run: number) => {
    const { requirements } = (await assessCommand(context, { run, framework: 'cis-kubernetes' })).assessment;
    return [...new Set(requirements.map(({ version }) => version)), requirements.length];
  };
  expect(await versionOf(1)).toEqual(['1.11.1', 134]);
  expect(await versionOf(2)).toEqual(['2.0.1', 131]);
});

it('is explained by the version of each run, with what the outcome stands on', async () => {
  const [before, now] = [await explainCommand(context, { ...show, run: 1 }), await explainCommand(context, show)];
  for (const explanation of [before, now]) expect(explanationSchema.parse(explanation)).toEqual(explanation);
  expect([before.framework.version, before.level, before.controls.map(({ id }) => id)]).toEqual(['1.11.1', 1, ['POD-014', 'POD-021']]);
  expect([now.framework.version, now.level, now.controls.map(({ id }) => id)]).toEqual(['2.0.1', 2, ['POD-009', 'POD-021']]);
  expect([before.present?.run?.number, now.present?.run?.number]).toEqual([1, 2]);
  expect(now.present?.controls.map(({ id }) => id)).toEqual(['POD-009', 'POD-021']);
  expect(now.present?.outcome).toBe('fail');
  const [finding] = now.present?.controls[0]?.findings ?? [];
  expect(finding?.evidence[0]).toMatch(/^[0-9a-f]{64}$/);
});

it('is explained by what an id means in the version of each run', async () => {
  const explain = (requirement: string, run: number) => explainCommand(context, { ...show, requirement, run });
  const controlsOf = ({ controls }: Awaited<ReturnType<typeof explain>>) => controls.map(({ id }) => id);
  const [before, now] = [await explain('5.2.10', 1), await explain('5.2.10', 2)];
  expect([controlsOf(before), controlsOf(now)]).toEqual([
    ['POD-009', 'POD-021'],
    ['POD-010', 'POD-020'],
  ]);
  expect(before.present?.controls.map(({ id }) => id)).toEqual(['POD-009', 'POD-021']);
  expect(controlsOf(await explain('5.2.13', 1))).toEqual(['POD-011', 'POD-020']);
  expect(await explain('4.2.15', 1)).toMatchObject({ decided: 'person', present: { outcome: 'manual' } });
  await expect(explain('5.2.13', 2)).rejects.toThrow('cis-kubernetes 2.0.1 has no requirement 5.2.13, but 1.11.1 has');
});

it('has laws judged alike, whichever version of the benchmark', async () => {
  const law = (run: number) => explainCommand(context, { framework: 'gdpr', requirement: '5(1)(f)', run });
  const [before, now] = [await law(1), await law(2)];
  expect(before.recommendations.length).toBeGreaterThan(0);
  expect(before.recommendations).toEqual(now.recommendations);
});

it('has no outcome by another version than its own', async () => {
  const explanation = await explainCommand(context, { ...show, framework: 'cis-kubernetes@1.12.0' });
  expect(explanation).toMatchObject({ framework: { version: '1.12.0' }, present: null, notJudged: 'clinic is held against version 2.0.1' });
  const type = typist({ home: work, clock: context.clock, columns: 80 });
  const { code, out } = await type('frameworks', 'show', 'cis-kubernetes@1.12.0', '5.2.9');
  expect([code, out]).toEqual([0, expect.stringContaining('not judged: clinic is held against version 2.0.1')]);
  expect((await type('frameworks', 'show', 'cis-kubernetes', '5.2.9')).out).toMatch(
    /outcome +fail · clinic \(1\.35\.1\), run 2, \d+ d ago/,
  );
});

it('has the version of its end in a pack of the period, which says so and verifies', { timeout: 90_000 }, async () => {
  const out = join(work, 'pack');
  const report = await createPackCommand(context, { config: configure(), out, form: 'directory', period: '2026-Q3' });
  expect(report.notices).toContainEqual(
    expect.stringMatching(/upgraded in the period.* CIS Kubernetes Benchmark 2\.0\.1, .* held against 1\.11\.1,/),
  );
  expect(
    new Set(report.assessment.requirements.filter(({ framework }) => framework === 'cis-kubernetes').map(({ version }) => version)),
  ).toEqual(new Set(['2.0.1']));
  expect((await verifyPack(out, { trust: report.fingerprint })).ok).toBe(true);
});
