/** `ledger backup|export|import|reconcile` as people type them: what is printed, and the exit code. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLedger } from '../../src/ledger/index.ts';
import { append, attack, lastOf } from '../ledger/attacks-given.ts';
import { clockFrom, collect, create, pod, signerOf } from '../ledger/given.ts';
import { typist } from './type.ts';

let home: string;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'port-'));
  mkdirSync(join(home, 'kubevidence'));
  writeFileSync(join(home, 'kubevidence.yaml'), 'organization: Example Clinic\nclusters:\n  - name: prod\n', { mode: 0o600 });
  const path = join(home, 'kubevidence', 'ledger.db');
  const ledger = openLedger({ path, mode: 'write', clock: clockFrom(), signer: signerOf(), create });
  collect(ledger, [pod({ name: 'a' }), pod({ name: 'b\u202e' })]);
  ledger.close();
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const type = (...args: readonly string[]) =>
  typist({ home, clock: clockFrom('2026-08-14T13:00:00.000Z'), columns: 80, env: { XDG_STATE_HOME: join(home, 'state') } })(...args);

describe('a ledger is', () => {
  it('backed up, once', async () => {
    const { code, out } = await type('ledger', 'backup', '--out', 'copy.db');
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(
        /^wrote copy\.db: \d+ kB, verified\n {2}ledger of 2026-08-14T12:00:02.000Z · 4 records · 1 run, the last 1 of prod/,
      ),
    ]);
    expect(await type('ledger', 'backup', '--out', 'copy.db')).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('exists already'),
    });
    const json = await type('ledger', 'backup', '--out', 'other.db', '-o', 'json');
    expect(JSON.parse(json.out)).toMatchObject({ runs: [{ number: 1 }], lastCheckpoint: { size: 4 } });
  });

  it('exported as it is, and says so where packs show pseudonyms', async () => {
    const pseudonyms = 'organization: Example Clinic\nclusters: [{name: prod}]\nredact: {pseudonyms: {keyFile: key}}\n';
    writeFileSync(join(home, 'pseudonyms.yaml'), pseudonyms, { mode: 0o600 });
    // Beside the same ledger; the key is not needed for it.
    const { code, out } = await type('ledger', 'export', '--out', 'raw', '--config', 'pseudonyms.yaml');
    expect([code, out]).toEqual([
      0,
      expect.stringContaining('the raw ledger: it shows names as they were read, where packs show pseudonyms'),
    ]);
    expect((await type('ledger', 'export', '--out', 'plain')).out).not.toContain('pseudonyms');
  });

  it('exported and imported, and a changed export names file and line', async () => {
    expect(await type('ledger', 'export', '--out', 'all')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^wrote all: \d+ kB, 4 records, 2 objects\nREADME\.md/),
    });
    expect(await type('ledger', 'import', '--from', 'all')).toMatchObject({ code: 2, err: expect.stringContaining('exists already') });
    expect(await type('ledger', 'import', '--from', 'all', '--ledger', 'new.db')).toMatchObject({
      code: 0,
      out: expect.stringContaining('4 records · 1 run · 2 objects'),
    });
    writeFileSync(join(home, 'all', 'objects.jsonl'), '{"n":1}\n');
    const { code, err } = await type('ledger', 'import', '--from', 'all', '--ledger', 'broken.db');
    expect([code, err.replaceAll(/\s+/g, ' ')]).toEqual([
      2,
      expect.stringMatching(/objects\.jsonl:1: this is no line that `ledger export` writes/),
    ]);
    expect(existsSync(join(home, 'broken.db'))).toBe(false);
  });

  it('not exported with a run in it that nobody signed', async () => {
    const path = join(home, 'kubevidence', 'ledger.db');
    const signed = readFileSync(path);
    attack(path, (raw) => append(raw, lastOf(raw, 'run-ended').record));
    const { code, err } = await type('ledger', 'export', '--out', 'unsigned');
    expect([code, err.replaceAll(/\s+/g, ' ')]).toEqual([4, expect.stringContaining('(run-ended) is signed by no checkpoint')]);
    expect(existsSync(join(home, 'unsigned'))).toBe(false);
    writeFileSync(path, signed);
  });

  it('held against an audit log', async () => {
    const event = (auditID: string, minute: number, username: string) =>
      `${JSON.stringify({ kind: 'Event', apiVersion: 'audit.k8s.io/v1', auditID, stage: 'ResponseComplete', requestURI: '/api/v1/pods?x', verb: 'list', user: { username }, userAgent: 'curl\u202e', requestReceivedTimestamp: `2026-08-14T12:${minute}:00.000000Z` })}\n`;
    writeFileSync(join(home, 'audit.log'), event('x', 10, 'system:serviceaccount:audit:collector') + event('y', 50, 'alice'));
    const table = await type('ledger', 'reconcile', '--audit-log', 'audit.log');
    expect(table).toMatchObject({ code: 4, out: expect.stringContaining('prod: the runs and the audit log do NOT tell the same') });
    expect(table.out.replaceAll(/\s+/g, ' ')).toContain('1 request by system:serviceaccount:audit:collector without an Audit-ID of a run');
    const json = await type('ledger', 'reconcile', '--audit-log', 'audit.log', '-o', 'json');
    expect(json.out).not.toContain('\u202e');
    expect(JSON.parse(json.out)).toMatchObject({ verdict: 'mismatched', otherRequests: [{ client: 'curl\u202e', path: '/api/v1/pods' }] });
    expect((await type('ledger', 'reconcile', '--audit-log', 'none.log')).code).toBe(2);
    expect((await type('ledger', 'reconcile', '--audit-log', 'audit.log', '--from', 'yesterday')).code).toBe(2);
  });
});
