/** What `serve` gives its scheduler: the configuration as it is now, and runs of the real worker. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createServeApp } from '../../src/app/serve.ts';
import { parseSchedule } from '../../src/schedule/index.ts';

const scheduled = (schedule: string) => `organization: Clinic\nclusters: [{name: prod, directory: manifests}]\n${schedule}`;

function given(text: string) {
  const cwd = mkdtempSync(join(tmpdir(), 'serve-app-'));
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
  const write = (config: string) => writeFileSync(join(cwd, 'kubevidence.yaml'), config, { mode: 0o600 });
  write(text);
  mkdirSync(join(cwd, 'manifests'));
  writeFileSync(join(cwd, 'manifests', 'a.yaml'), 'apiVersion: v1\nkind: Namespace\nmetadata: {name: booking}\n');
  const warnings: string[] = [];
  const context = {
    cwd,
    env: { HOME: cwd },
    clock: () => new Date(),
    uid: process.getuid?.() ?? null,
    warn: (warning: string) => void warnings.push(warning),
    progress: () => {},
  };
  return { context, write, warnings };
}

describe('the plan', () => {
  it.each([
    ['no schedule', '', 'there is no schedule to serve'],
    ['one that never fires', 'schedule: {collect: "0 0 31 2 *"}\n', 'never fires'],
    ['a schedule for judging that is none', 'schedule: {collect: "0 6 * * *", assess: often}\n', '"often" is not a schedule'],
  ])('is refused with %s', (_what, schedule, said) => {
    const { context } = given(scheduled(schedule));
    expect(() => createServeApp(context, undefined)).toThrow(said);
  });

  it('is that of the file as it is now; a wrong one is told once and not used', () => {
    const { context, write, warnings } = given(scheduled('schedule: {collect: "0 6 * * *"}\n'));
    const app = createServeApp(context, undefined);
    write(scheduled('timezone: Europe/Berlin\nschedule: {collect: "0 7 * * *", assess: "@daily"}\n'));
    const changed = { collect: parseSchedule('0 7 * * *'), assess: parseSchedule('@daily'), timezone: 'Europe/Berlin', clusters: ['prod'] };
    expect(app.plan()).toEqual(changed);
    write(scheduled('shedule: {}\n'));
    expect([app.plan(), app.plan()]).toEqual([changed, changed]);
    expect(warnings).toEqual([expect.stringMatching(/kubevidence\.yaml changed and is not used: 3: shedule: unknown key/)]);
  });
});

describe('a run', () => {
  it('takes its slot once, and says what it found missed', { timeout: 30_000 }, async () => {
    const { context } = given(scheduled('schedule: {collect: "* * * * *"}\n'));
    const app = createServeApp(context, undefined);
    const [stop, slot] = [new AbortController().signal, `${new Date().toISOString().slice(0, 16)}:00.000Z`];
    await app.begin();
    expect(app.history('prod', slot)).toEqual({ dueSince: null, missed: false, attempts: [] });
    expect(await app.collect('prod', slot, stop)).toMatchObject({
      run: { number: 1, slot, status: 'succeeded' },
      problem: null,
      missed: [],
    });
    const second = await app.collect('prod', slot, stop);
    expect(second).toMatchObject({ run: null, problem: { message: `the slot ${slot} of prod was run already, as run 1` } });
    expect(app.history('prod', slot)).toMatchObject({ dueSince: expect.any(String), missed: false, attempts: [{ number: 1 }] });
    expect((await app.assess('prod', stop)).run).toBe(1);
  });
});
