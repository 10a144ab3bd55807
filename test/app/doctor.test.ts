/** What `doctor` says of the schedule. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { doctor, loadConfig } from '../../src/app/index.ts';
import { describeDefinitions } from '../../src/app/govern/definitions.ts';
import { prepareRun } from '../../src/app/collect/prepare-run.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { create, signerOf } from '../ledger/given.ts';

const identity = { name: 'prod', uid: null, version: null, server: null, caFingerprint: null, actor: null };

function given(config: string) {
  const cwd = mkdtempSync(join(tmpdir(), 'doctor-'));
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
  mkdirSync(join(cwd, 'manifests'));
  mkdirSync(join(cwd, 'kubevidence'));
  writeFileSync(join(cwd, 'kubevidence.yaml'), `organization: Clinic\nclusters: [{name: prod, directory: manifests}]\n${config}`, {
    mode: 0o600,
  });
  let time = 0;
  let files: readonly string[] = [];
  const clock = () => new Date(time);
  const context = { cwd, env: { HOME: cwd }, clock, uid: process.getuid?.() ?? null, warn: () => {}, progress: () => {} };
  const loaded = loadConfig({ cwd, uid: context.uid });
  return {
    at: (instant: string) => (time = Date.parse(instant)),
    run: async (instant: string, status: 'succeeded' | 'failed' = 'succeeded') => {
      time = Date.parse(instant);
      const ledger = openLedger({ path: loaded.ledgerPath, mode: 'write', clock, signer: signerOf(), create });
      const scheduled = { slot: null };
      const now = new Date(time).toISOString();
      const prepared = await prepareRun(ledger, { cluster: 'prod', definitions: describeDefinitions(loaded), scheduled, now });
      const { number } = ledger.planRun({ cluster: 'prod', uuid: crypto.randomUUID(), ...prepared, collectors: [], tool: 't' });
      const run = ledger.startRun({ cluster: 'prod', number, identity, scope: 'cluster', listings: [] });
      run.end({ status, error: status === 'failed' ? 'no route to host' : null, identity, serverClockSkewMs: null });
      ledger.close();
    },
    joining: (names: readonly string[]) => (files = names.map((name) => join(cwd, name))),
    said: async () => {
      const [cluster] = loaded.clusters;
      if (cluster === undefined) throw new Error('no cluster');
      const checks: string[] = [];
      for await (const { state, what, detail } of doctor(context, loaded, { ...cluster, files: [...files] }))
        checks.push(`${state}: ${what}${detail === undefined ? '' : ` · ${detail}`}`);
      return checks;
    },
  };
}

const daily = 'timezone: Europe/Berlin\nschedule: {collect: "0 6 * * *"}\n';

describe('doctor', () => {
  it('looks for the key of pseudonyms, where they are configured', async () => {
    const checks = await given('redact: {pseudonyms: {keyFile: no.key}}\n').said();
    expect(checks).toContainEqual(expect.stringMatching(/^problem: the key of pseudonyms cannot be read: .*openssl rand -hex 32/));
    expect((await given('').said()).join()).not.toContain('pseudonyms');
  });

  it('looks for the files that join each run', async () => {
    const { said, joining } = given('');
    joining(['manifests', 'gone.yaml']);
    const checks = await said();
    expect(checks).toContainEqual(expect.stringMatching(/^ok: each run reads .*manifests too$/));
    expect(checks).toContainEqual(expect.stringMatching(/^problem: there is no .*gone\.yaml · each run says so as a gap/));
  });

  it('says when the next slot is, and that nothing is overdue', async () => {
    const { run, said } = given(daily);
    await run('2026-08-14T04:00:20Z');
    const checks = await said();
    expect(checks).toContainEqual(
      expect.stringMatching(/^ok: the next slot of the schedule is 2026-08-15T04:00:00\.000Z: Sat,? 06:00 in Europe\/Berlin/),
    );
    expect(checks).toContainEqual(
      'ok: prod: nothing is overdue; the last scheduled run is 1, succeeded, of the slot 2026-08-14T04:00:00.000Z',
    );
    expect(checks.filter((check) => check.includes('pass between two slots'))).toEqual([]);
    expect(checks).toContainEqual(expect.stringMatching(/^ok: prod is read from .*manifests/));
  });

  it('says what is overdue, and what failed', async () => {
    const { run, said, at } = given(daily);
    await run('2026-08-14T04:00:20Z');
    at('2026-08-15T04:30:00Z');
    expect(await said()).toContainEqual('ok: prod: the slot 2026-08-15T04:00:00.000Z is due now');
    at('2026-08-15T09:00:00Z');
    expect(await said()).toContainEqual(
      expect.stringMatching(/^problem: prod: overdue: nobody ran the slot 2026-08-15T04:00:00\.000Z · is kubevidence serve running/),
    );
    await run('2026-08-15T09:00:00Z', 'failed');
    expect(await said()).toContainEqual(
      expect.stringMatching(
        /^problem: prod: the run of the slot 2026-08-15.* failed: run 3, no route to host · serve tries again at 2026-08-15T09:01/,
      ),
    );
  });

  it('says when evidence does not hold until the next slot, and what to set', async () => {
    const { said, at } = given('schedule: {collect: "0 6 * * 1"}\n');
    at('2026-08-14T04:30:00Z');
    expect(await said()).toContainEqual(
      'warning: up to 7 d pass between two slots, but evidence holds for 26 h · in between, the state is unknown: run more often, or set `timeToLive: {default: 8d}`',
    );
    // Forty slots end before the weekend does.
    const workdays = given('schedule: {collect: "0 8-19 * * 1-5"}\n');
    workdays.at('2026-08-10T04:30:00Z');
    expect(await workdays.said()).toContainEqual(
      expect.stringMatching(/^warning: up to 2 d 13 h pass between two slots, but evidence holds for 26 h/),
    );
    const enough = given('schedule: {collect: "0 6 * * 1"}\ntimeToLive: {default: 8d}\n');
    enough.at('2026-08-14T04:30:00Z');
    expect((await enough.said()).filter((check) => check.includes('pass between'))).toEqual([]);
  });
});
