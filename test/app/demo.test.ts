/** The whole main job on the quarter that ships: replay, judge, pack, verify; what it tells, and what an attacker would do to it. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import exceljs from 'exceljs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AppContext, createPackCommand, loadCatalogInForce, loadConfig, runDemo } from '../../src/app/index.ts';
import { judgePeriod } from '../../src/app/assess/judged-period.ts';
import type { Timeline } from '../../src/assessment/index.ts';
import { openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { verifyPack } from '../../src/packs/index.ts';

let work: string;
let demo: Awaited<ReturnType<typeof runDemo>>;
const context = (cwd: string): AppContext => ({
  cwd,
  env: {},
  clock: () => new Date(),
  uid: process.getuid?.() ?? null,
  warn: (text) => {
    throw new Error(text);
  },
  progress: () => {},
});

/** For a hang; no test is about the time that the demo takes. */
const hangs = 300_000;

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'kubevidence-demo-'));
  demo = await runDemo({ ...context(work), warn: () => {} }, 'demo', () => {});
}, hangs);
afterAll(() => rmSync(work, { recursive: true }));

describe('the demo', () => {
  it('lives through a quarter, and judges its last run', () => {
    expect(demo.runs.map(({ number, status }) => `${number} ${status}`)).toEqual(
      // On 24 August nobody collected; that slot has the number 10.
      Array.from({ length: 16 }, (_, index) => `${index + 1} ${index === 5 ? 'partial' : index === 9 ? 'missed' : 'succeeded'}`),
    );
    expect(demo.judged.assessment.requirements).toHaveLength(131 + 71 + 72);
  });

  it('lets no verdict stand without what it stands on', () => {
    const unfounded = demo.judged.assessment.controls.filter(({ outcome, evidence, gaps }) => {
      if (outcome === 'pass') return evidence.length === 0 || gaps.length > 0 || evidence.some(({ complete }) => !complete);
      return outcome === 'notAssessed' && gaps.length === 0;
    });
    expect(unfounded.map(({ id }) => id)).toEqual([]);
    expect(demo.judged.assessment.controls.filter(({ outcome }) => outcome === 'pass').length).toBeGreaterThan(20);
  });

  it('leaves open what no evidence of the quarter decides, and little else', () => {
    const open = demo.judged.assessment.controls.filter(({ outcome }) => outcome === 'notAssessed');
    expect(open.length).toBeLessThan(15);
    // Somebody who reads the demo is told how to close each of them.
    expect(
      open.flatMap(({ id, gaps }) =>
        gaps.every(({ closedBy }) => closedBy !== undefined && closedBy !== 'record again with this version') ? [] : [id],
      ),
    ).toEqual([]);
  });

  it('makes a pack and a ledger that verify', () => {
    expect(demo.verification).toMatchObject({ ok: true, known: true, problems: [] });
    expect(verifyLedger(join(demo.directory, 'ledger', 'ledger.db'))).toMatchObject({ ok: true, problems: [] });
  });

  it('says DEMO in what people open', () => {
    const readme = readFileSync(join(demo.pack.directory ?? '', 'README-verify.txt'), 'utf8');
    expect(readme).toMatch(/^DEMO/);
  });

  it('gives the same bytes again for the same checkpoint', async () => {
    const config = loadConfig({ cwd: demo.directory, uid: null });
    const again = await createPackCommand(context(demo.directory), {
      config,
      out: 'again',
      form: 'directory',
      demo: true,
      checkpoint: demo.pack.checkpoint.size,
    });
    const files = (directory: string | null) =>
      readdirSync(directory ?? '', { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const [first, second] = [files(demo.pack.directory), files(again.directory)];
    expect(second.map(({ name }) => name).sort()).toEqual(first.map(({ name }) => name).sort());
    for (const { parentPath, name } of first) {
      const other = join(parentPath.replace(demo.pack.directory ?? '', again.directory ?? ''), name);
      expect(readFileSync(other).equals(readFileSync(join(parentPath, name))), name).toBe(true);
    }
  });

  it(
    'is caught when any byte of any file of the pack is flipped',
    async () => {
      const copy = join(work, 'copy');
      cpSync(demo.pack.directory ?? '', copy, { recursive: true });
      const files = readdirSync(copy, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      expect(files.length).toBeGreaterThan(30);
      for (const [i, { parentPath, name }] of files.entries()) {
        // Every third file, so that the test stays short; packs/ has the suite that goes deeper.
        if (i % 3 !== 0) continue;
        const path = join(parentPath, name);
        const bytes = readFileSync(path);
        const flipped = Buffer.from(bytes);
        const at = Math.floor(bytes.length / 2);
        flipped[at] = (flipped[at] ?? 0) ^ 1;
        writeFileSync(path, flipped);
        expect((await verifyPack(copy, {})).ok, path).toBe(false);
        writeFileSync(path, bytes);
      }
      expect((await verifyPack(copy, {})).ok).toBe(true);
    },
    hangs,
  );

  it('is not written over another pack', async () => {
    const config = loadConfig({ cwd: demo.directory, uid: null });
    await expect(createPackCommand(context(demo.directory), { config, out: 'pack', form: 'both' })).rejects.toThrow('exists already');
  });
});

/** The story as the timeline tells it: each line of it can be read off. */
describe("the demo's quarter", () => {
  let timeline: Timeline;
  beforeAll(async () => {
    const config = loadConfig({ cwd: demo.directory, uid: null });
    const ledger = openLedger({ path: config.ledgerPath, mode: 'read', clock: () => new Date() });
    const period = { name: '2026-Q3', start: '2026-06-30T22:00:00.000Z', end: '2026-09-30T22:00:00.000Z' };
    const inForce = await loadCatalogInForce(config);
    const options = { ledger, cluster: 'clinic-prod', period, size: ledger.status().records, asOf: '2026-10-02T08:00:00.000Z', config };
    ({ timeline } = await judgePeriod({ ...options, inForce }));
    ledger.close();
  }, hangs);
  const of = (control: string) => {
    const found = timeline.controls.find((each) => each.control === control);
    if (found === undefined) throw new Error(`no timeline of ${control}`);
    return found;
  };
  /** `from state`, to the minute, UTC. */
  const told = (control: string) => of(control).segments.map(({ from, state }) => `${from.slice(5, 16)} ${state}`);
  const item = (control: string, name: string) => of(control).items.find((each) => each.item.includes(name))?.deviations[0];

  it('has 13 slots, of which 11 succeeded, one is partial and one missed, and two runs apart', () => {
    expect(timeline.coverage).toMatchObject({ expected: 13, succeeded: 11, partial: 1, missed: 1, failed: 0, manual: 2, percent: 92 });
    expect(timeline.period.progress).toBe('over');
  });

  it('opens with an audit log that is kept for 7 days, until it is kept for 30', () => {
    expect(told('AUD-004')).toEqual(['06-30T22:00 fail', '08-25T09:30 unknown', '08-31T04:00 pass']);
  });

  it('labels the false positive in booking, and does not hide it', () => {
    expect(of('SEC-001').segments.map(({ from, state, excepted }) => `${from.slice(5, 16)} ${state} ${excepted}`)).toEqual([
      '06-30T22:00 pass none',
      '07-10T13:20 fail none',
      '07-13T13:40 fail all',
      '08-25T09:30 unknown none',
      '08-31T04:00 fail all',
    ]);
    expect(of('SEC-001').verdict).toBe('deviation');
    // The copy of the same manifest in an annotation, which has an exception of its own.
    expect(of('SEC-014').segments.map(({ state, excepted }) => `${state} ${excepted}`)).toEqual([
      'pass none',
      'fail none',
      'fail all',
      'unknown none',
      'fail all',
    ]);
  });

  it('does not know the network while a right is missing, and bounds when the default-deny went', () => {
    expect(told('NET-001')).toContain('08-03T04:00 unknown');
    expect(item('NET-001', 'lab-results')).toMatchObject({ lastGood: 5, firstBad: 7, firstGood: 8 });
  });

  it('tells to the minute since when alice had cluster-admin, and bounds until when', () => {
    const alice = item('RBAC-001', 'User/alice');
    expect(alice?.onset).toMatchObject({ by: '2026-08-14T15:52:00.000Z', source: 'creationTimestamp of ClusterRoleBinding/friday' });
    const hours = (milliseconds = 0) => Math.floor(milliseconds / 3_600_000);
    expect([hours(alice?.exposure.least), hours(alice?.exposure.most ?? undefined)]).toEqual([2 * 24 + 12, 2 * 24 + 17]);
  });

  it('says that what alice did can no longer be told: the log of that time had gone before the next run', async () => {
    const workbook = new exceljs.Workbook();
    await workbook.xlsx.readFile(join(demo.pack.directory ?? '', 'workbook.xlsx'));
    const sheet = workbook.getWorksheet('Deviations');
    const rows = sheet?.getSheetValues().flatMap((row) => (Array.isArray(row) ? [Array.from(row, String)] : [])) ?? [];
    const trailOf = (item: string) =>
      rows.find((row) => row.some((cell) => cell.startsWith(item)))?.find((cell) => cell.startsWith('Files are kept'));
    expect(trailOf('User/alice|')).toMatch(/for 7 days, as run 9 shows, the last before 2026-08-24 11:30, .*can no longer be told/);
    expect(trailOf('Group/clinic-breakglass|')).toMatch(/for 30 days, as run 16 shows; none of this time before 2026-10-03 16:00/);
  });

  it('knows nothing from the end of the time to live until the run after the missed one', () => {
    expect(of('RBAC-001').segments).toContainEqual(expect.objectContaining({ state: 'unknown', cause: 'expired', run: 9, missed: [10] }));
    expect(told('RBAC-001')).toContain('08-25T09:30 unknown');
  });

  it('judges both sides of a changed parameter', () => {
    expect(of('RBAC-001').flips).toMatchObject([{ run: 12, before: 'fail', after: 'pass' }]);
  });

  it('knows from the reload metric how long new Secrets were written in plain text', () => {
    expect(told('ENC-002').slice(-2)).toEqual(['09-09T08:14 fail', '09-18T07:40 pass']);
    expect(told('ENC-003').slice(-2)).toEqual(['09-14T04:00 fail', '09-21T04:00 pass']);
  });

  it('reads the node, the certificates and the Secrets with the run that takes them in, in the time of the story', () => {
    for (const control of ['NODE-001', 'KUBELET-001', 'CERT-001', 'CERT-004', 'SEC-007'])
      expect([control, ...told(control)]).toEqual([control, '06-30T22:00 pass', '08-25T09:30 unknown', '08-31T04:00 pass']);
    const [token] = demo.judged.assessment.controls.find(({ id }) => id === 'SEC-004')?.findings ?? [];
    expect(token?.message).toMatch(/created after 2026-03-01T.*never since 2026-03-02$/);
    expect(told('SEC-017').at(-1)).toBe('09-14T04:00 fail');
  });

  it('sees the excess right of report-exporter go', () => {
    expect(item('RBAC-003', 'report-exporter')).toMatchObject({ lastBad: 15, firstGood: 16 });
  });
});
