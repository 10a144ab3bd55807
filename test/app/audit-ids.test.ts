/** Under which Audit-IDs our requests stand in a cluster's own audit log. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nameCheck, parseAuditId } from '../../src/app/audit-ids.ts';
import { collectLive, doctor, loadConfig } from '../../src/app/index.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { serve } from '../sources/live-server.ts';
import { makeKubeconfig } from '../sources/tls.ts';

async function given() {
  const asked: string[] = [];
  const port = await serve((request, response, url) => {
    asked.push(String(request.headers['audit-id']));
    response.setHeader('date', new Date().toUTCString()).setHeader('content-type', 'application/json');
    if (url.pathname === '/version') response.end(JSON.stringify({ gitVersion: 'v1.36.3', major: '1', minor: '36' }));
    else response.writeHead(404).end('{}');
  });
  const cwd = mkdtempSync(join(tmpdir(), 'audit-ids-'));
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
  writeFileSync(join(cwd, 'kubeconfig'), makeKubeconfig(`https://127.0.0.1:${port}`, { token: 'a-token' }, {}));
  writeFileSync(join(cwd, 'kubevidence.yaml'), 'organization: Clinic\nclusters: [{name: prod, kubeconfig: kubeconfig}]\n', { mode: 0o600 });
  const config = loadConfig({ cwd, uid: process.getuid?.() ?? null });
  const env = { PATH: process.env['PATH'], HOME: cwd };
  const context = { cwd, env, clock: () => new Date(), uid: null, warn: () => {}, progress: () => {} };
  const [cluster] = config.clusters;
  if (cluster === undefined) throw new Error('no cluster');
  return {
    asked,
    config,
    context,
    cluster,
    collect: (dryRun: boolean) => collectLive(context, { config, cluster, files: [], record: null, dryRun }),
  };
}

/** All of one name, each with a number of its own. */
function requireOne(asked: readonly string[]): { readonly uuid: string; readonly isCheck: boolean } {
  const ids = asked.map((id) => parseAuditId(id) ?? { uuid: id, number: 0, isCheck: false });
  expect(new Set(ids.map(({ uuid }) => uuid)).size).toBe(1);
  expect(new Set(ids.map(({ number }) => number)).size).toBe(asked.length);
  expect(Math.max(...asked.map((id) => id.length))).toBeLessThanOrEqual(64);
  return ids[0] as { uuid: string; isCheck: boolean };
}

describe('Audit-IDs', () => {
  it('of a dry run are those of a check, of a run those that the ledger has', { timeout: 30_000 }, async () => {
    const { asked, collect, config, context } = await given();
    await collect(true);
    expect(requireOne(asked).isCheck).toBe(true);
    asked.length = 0;
    await collect(false);
    const ledger = openLedger({ path: config.ledgerPath, mode: 'read', clock: context.clock });
    expect(requireOne(asked)).toMatchObject({ isCheck: false, uuid: ledger.run('prod', 1)?.uuid });
    ledger.close();
  });

  it('of doctor are those of a check', async () => {
    const { asked, config, context, cluster } = await given();
    for await (const { what } of doctor(context, config, cluster)) expect(what).not.toBe('');
    expect(requireOne(asked).isCheck).toBe(true);
  });

  it('are short enough for any number', () => {
    expect(`${nameCheck()}-999999999`.length).toBeLessThanOrEqual(64);
    expect(parseAuditId(`${nameCheck()}-999999999`)).toMatchObject({ number: 999_999_999, isCheck: true });
  });
});
