/** When the log is stamped, and that an authority that does not answer stops nothing and is asked again. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import { checkTimestampAuthority, checkTokens } from '../../src/app/doctor/doctor-timestamps.ts';
import { collectFiles, type Config, loadConfig, pickCluster } from '../../src/app/index.ts';
import { ensureKeys } from '../../src/app/keys/keys.ts';
import { openLedgerForWriting } from '../../src/app/open-ledger.ts';
import { readPackTimestamps, stampFrozen } from '../../src/app/pack/pack-timestamps.ts';
import { createStamper, skewOf, stampWhenDue } from '../../src/app/keys/timestamps.ts';
import { type Ledger, openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { collect, pod } from '../ledger/given.ts';
import { answer, makeAuthority, pemOf, refuse, serve, type Server, type Wrong } from '../signing/authority.ts';

const authority = makeAuthority();
let folder: string;
let now: number;
let warnings: string[];
let server: Server;
/** What the authority does next; null: it grants, at our time. */
let wrong: Wrong | Uint8Array | null;
let config: Config;
const context = () => ({
  cwd: folder,
  env: { XDG_STATE_HOME: join(folder, 'state') },
  clock: () => new Date(now),
  uid: process.getuid?.() ?? null,
  warn: (text: string) => void warnings.push(text),
  progress: () => {},
});
const hours = (count: number) => {
  now += count * 3_600_000;
};
const generalized = (time: number) => new Date(time).toISOString().replaceAll(/[-T:]|\.\d+/g, '');

let keys: string;
beforeAll(async () => {
  keys = mkdtempSync(join(tmpdir(), 'stamps-keys-'));
  [folder, now] = [keys, Date.parse('2026-08-01T00:00:00.000Z')];
  configure('');
  await ensureKeys(context(), config);
});
afterAll(() => rmSync(keys, { recursive: true }));
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stamps-'));
  [now, warnings, wrong] = [Date.parse('2026-08-14T12:00:00.000Z'), [], null];
  server = await serve((query) => (wrong instanceof Uint8Array ? wrong : answer(query, authority, { at: generalized(now), ...wrong })));
  writeFileSync(join(folder, 'ca.pem'), pemOf(authority.root));
  configure(`timestampAuthority: {url: "${server.url}", ca: ca.pem}`);
  await write((ledger) => void collect(ledger, [pod({ name: 'a' })]));
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

function configure(authority: string) {
  const own = [`logKey: ${keys}/log`, `documentKey: ${keys}/document`, `certificate: ${keys}/document.crt`];
  const signing = [...own, ...(authority === '' ? [] : [authority])].join(', ');
  const text = `organization: Clinic\nclusters: [{name: prod, directory: m}]\nsigning: {${signing}}\n`;
  writeFileSync(join(folder, 'kubevidence.yaml'), text, { mode: 0o600 });
  config = loadConfig(context());
}

async function write<T>(act: (ledger: Ledger) => T): Promise<T> {
  const ledger = await openLedgerForWriting(context(), config, {
    create: { organization: 'Clinic', tool: 'kubevidence', documentKeyFingerprint: 'ab'.repeat(32) },
  });
  try {
    return await act(ledger);
  } finally {
    ledger.close();
  }
}

function tokens() {
  const ledger = openLedger({ path: config.ledgerPath, mode: 'read', clock: context().clock });
  try {
    return ledger.tokens();
  } finally {
    ledger.close();
  }
}

describe('the head of the log', () => {
  it('is stamped when there is no token yet, and then once a day', async () => {
    await stampWhenDue(context(), config);
    expect(tokens()).toEqual([expect.objectContaining({ size: 4, at: '2026-08-14T12:00:00.000Z' })]);
    for (const [later, asked] of [
      [0, 1],
      [12, 1],
      [10, 1],
      [1, 2],
      [22, 2],
      [1, 3],
    ] as const) {
      hours(later);
      await write((ledger) => void collect(ledger, [pod({ name: 'a' })]));
      await stampWhenDue(context(), config);
      expect(server.queries, `${later}`).toHaveLength(asked);
    }
    expect(tokens()).toHaveLength(3);
    expect(warnings).toEqual([]);
    expect(verifyLedger(config.ledgerPath)).toMatchObject({
      ok: true,
      notices: [expect.stringMatching(/^the time-stamp tokens are of CN=/)],
      counts: { tokens: 3 },
    });
  });

  it('is not stamped twice when nothing was logged since', async () => {
    await stampWhenDue(context(), config);
    hours(48);
    await stampWhenDue(context(), config);
    expect(server.queries).toHaveLength(1);
  });

  it('is left alone without an authority', async () => {
    configure('');
    await stampWhenDue(context(), config);
    expect(tokens()).toEqual([]);
  });

  test.each<[string, () => Wrong | Uint8Array, RegExp]>([
    [
      'refuses',
      () => refuse(2, 'closed', 14),
      /granted no token: rejected; its own clock is not available; it says "closed"; the checkpoint has no time-stamp yet/,
    ],
    [
      'answers something else',
      () => Buffer.from('<html>'),
      /does not hold: .*; the checkpoint has no time-stamp yet, and the next collect tries again$/,
    ],
    ['answers another request', () => ({ nonce: Uint8Array.of(1) }), /another request/],
  ])('waits while the authority %s, and the gap stays visible', async (_, does, message) => {
    wrong = does();
    for (let day = 0; day < 3; day += 1) {
      await stampWhenDue(context(), config);
      hours(24);
      await write((ledger) => void collect(ledger, [pod({ name: 'a' })]));
    }
    expect(warnings).toHaveLength(3);
    for (const each of warnings) expect(each).toMatch(message);
    wrong = null;
    await stampWhenDue(context(), config);
    expect(tokens()).toHaveLength(1);
    const status = await write((ledger) => ledger.status());
    expect(status.tokens.gaps).toEqual([{ from: '2026-08-14T12:00:00.000Z', to: '2026-08-17T12:00:00.000Z' }]);
    expect([...checkTokens(status)]).toEqual([
      expect.objectContaining({
        state: 'warning',
        what: 'records dated 2026-08-14T12:00:00.000Z and later have no token before 2026-08-17T12:00:00.000Z',
      }),
    ]);
  });

  it('waits while another process writes', async () => {
    await write(async () => stampWhenDue(context(), config));
    expect(warnings).toEqual([expect.stringMatching(/is being written.*; the checkpoint has no time-stamp yet/)]);
    expect(tokens()).toEqual([]);
  });

  it('is stamped although the clocks differ, with a warning', async () => {
    wrong = { at: generalized(now + 120_000) };
    await stampWhenDue(context(), config);
    expect(warnings).toEqual(["the clock of this machine is 119 s behind the time-stamping authority's"]);
    expect(tokens()).toHaveLength(1);
  });
});

it('is stamped after a collect, whose run is fine when the authority is not', async () => {
  writeFileSync(
    join(folder, 'pod.yaml'),
    'apiVersion: v1\nkind: Namespace\nmetadata: {name: a, uid: 11111111-1111-4111-8111-111111111111}\n',
  );
  const options = { config, cluster: pickCluster(config, undefined), files: [], record: null, dryRun: false };
  const collectOnce = (dryRun = false) => collectFiles(context(), { ...options, dryRun }, join(folder, 'pod.yaml'));
  await collectOnce(true);
  expect(server.queries).toHaveLength(0);
  await server.close();
  expect((await collectOnce()).status).toBe('succeeded');
  expect(warnings.join('\n')).toMatch(/cannot be asked \(ECONNREFUSED\); the checkpoint has no time-stamp yet/);
  server = await serve((query) => answer(query, authority, { at: generalized(now) }));
  config = { ...config, timestampAuthority: { url: server.url, ca: join(folder, 'ca.pem'), policy: null } };
  options.config = config;
  await collectOnce();
  expect(tokens()).toHaveLength(1);
});

describe('a pack', () => {
  const frozen = (ledger: Ledger) => ({
    checkpoint: ledger.checkpoint(),
    stored: { leaf: 3 },
    period: { start: '2026-07-01T00:00:00.000Z', end: '2026-10-01T00:00:00.000Z' },
  });

  it('stands on the tokens of the log, with its own checkpoint stamped', async () => {
    await write(async (ledger) => {
      const stamp = createStamper(context(), config);
      await stampFrozen(ledger, ledger.checkpoint(), stamp);
      await stampFrozen(ledger, ledger.checkpoint(), stamp);
      expect(server.queries).toHaveLength(1);
      const { inPack, inReport } = readPackTimestamps(ledger, config, { ...frozen(ledger), stamp });
      expect(inReport).toEqual({
        timestamped: true,
        authorityUnknown: false,
        timestampGaps: [],
      });
      expect(inPack).toMatchObject({ ca: pemOf(authority.root), tokens: [{ size: 4, note: ledger.checkpoint().note }] });
    });
  });

  it('tells of records of its period that an older checkpoint with a token does not cover', async () => {
    await stampWhenDue(context(), config);
    hours(72);
    await write((ledger) => void collect(ledger, [pod({ name: 'a' })]));
    hours(30);
    await write(async (ledger) => {
      const { note } = ledger.checkpoints().find(({ size }) => size === 2) ?? { note: '' };
      const tsr = await createStamper(context(), config)?.(Buffer.from(note));
      ledger.recordToken({ size: 2, tsr: tsr ?? new Uint8Array() });
      await stampFrozen(ledger, ledger.checkpoint(), createStamper(context(), config));
      const gaps = (start: string) =>
        readPackTimestamps(ledger, config, { ...frozen(ledger), period: { start, end: '2026-10-01T00:00:00.000Z' }, stamp: null }).inReport
          .timestampGaps;
      const gap = { from: '2026-08-17T12:00:00.000Z', to: '2026-08-18T18:00:00.000Z' };
      expect(gaps('2026-07-01T00:00:00.000Z')).toEqual([gap]);
      expect(gaps('2026-08-18T00:00:00.000Z')).toEqual([]);
    });
  });

  it('has none without an authority and without tokens, and says so', async () => {
    await write((ledger) => {
      const { inPack, inReport } = readPackTimestamps(ledger, { timestampAuthority: null }, { ...frozen(ledger), stamp: null });
      expect(inPack).toBeNull();
      expect(inReport).toEqual({ timestamped: false, authorityUnknown: false, timestampGaps: [] });
    });
    expect(createStamper(context(), { ...config, timestampAuthority: null })).toBeNull();
  });

  it('keeps the tokens of the log when no authority is configured any more', async () => {
    await stampWhenDue(context(), config);
    await write((ledger) => {
      const { inPack, inReport } = readPackTimestamps(ledger, { timestampAuthority: null }, { ...frozen(ledger), stamp: null });
      expect(inPack).toMatchObject({ stamp: null, ca: null, tokens: [{ size: 4 }] });
      expect(inReport).toMatchObject({ timestamped: true, authorityUnknown: true });
    });
  });

  it('goes without after a failure, which is told once', async () => {
    wrong = refuse(2, '');
    const stamp = createStamper(context(), config);
    expect([await stamp?.(Buffer.from('a')), await stamp?.(Buffer.from('b'))]).toEqual([null, null]);
    expect(server.queries).toHaveLength(1);
    expect(warnings).toEqual([expect.stringMatching(/rejected; the pack goes without a time-stamp$/)]);
  });
});

describe('doctor', () => {
  const checks = async () => {
    const found = [];
    for await (const check of checkTimestampAuthority(context(), config)) found.push(check);
    return found;
  };

  it('says that it answers, and how far its clock is', async () => {
    expect((await checks()).map(({ state, what }) => [state, what])).toEqual([
      ['ok', expect.stringMatching(/^the time-stamping authority 127\.0\.0\.1:\d+ answers: CN=Stamps ec$/)],
      ['ok', "the clock agrees with the time-stamping authority's within 1 s"],
    ]);
    wrong = { at: generalized(now - 300_000) };
    expect(await checks()).toContainEqual(
      expect.objectContaining({ state: 'problem', what: "the clock is 299 s ahead of the time-stamping authority's" }),
    );
  });

  it('says what is missing, and what that costs', async () => {
    configure(`timestampAuthority: "${server.url}"`);
    expect(await checks()).toContainEqual(
      expect.objectContaining({ state: 'warning', what: expect.stringMatching(/^TSA not established/) }),
    );
    configure('');
    expect(await checks()).toEqual([expect.objectContaining({ state: 'warning', what: 'no time-stamping authority is configured' })]);
    configure('timestampAuthority: "http://127.0.0.1:1/"');
    expect(await checks()).toEqual([
      expect.objectContaining({ state: 'warning', what: expect.stringMatching(/127\.0\.0\.1:1 cannot be asked/) }),
    ]);
  });
});

test.each<[string, number | null, number]>([
  ['2026-08-14T12:00:00.000Z', null, 0],
  ['2026-08-14T12:00:01.000Z', 500, 500],
  ['2026-08-14T11:59:58.000Z', 500, -1500],
  ['2026-08-14T12:00:01.000Z', 1000, 0],
])('the clock of %s, give or take %s ms', (time, accuracyMs, skew) => {
  expect(skewOf({ time, accuracyMs }, new Date('2026-08-14T12:00:00.000Z')) + 0).toBe(skew);
});
