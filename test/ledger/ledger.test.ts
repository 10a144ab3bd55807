import { createHmac, hash, randomUUID } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLedger, verifyLedger } from '../../src/ledger/index.ts';
import {
  decodeRecord,
  formatTlogProof,
  openCheckpoint,
  parseVerifierKey,
  verifyConsistency,
  verifyTlogProof,
} from '../../src/log/index.ts';
import { type Assessment, canonicalBytes } from '../../src/model/index.ts';
import { clockFrom, collect, create, definitions, digest, identity, listing, plan, pod, pods, signerOf, start } from './given.ts';
import { openForTest, temporaryPath } from './temporary.ts';

const three = [pod({ name: 'b' }), pod({ name: 'a' }), pod({ namespace: 'clinic', name: 'z' })];
const verified = { ok: true, problems: [] };

describe('a run', () => {
  it('is planned, put, closed, ended and read back, also by another connection', () => {
    const path = temporaryPath();
    const ledger = openForTest(path);
    const run = collect(ledger, three);
    expect(run).toMatchObject({ cluster: 'prod', number: 1, status: 'succeeded', kind: 'manual', slot: null, error: null });
    const reader = openLedger({ path, mode: 'read', clock: clockFrom() });
    for (const each of [ledger, reader]) {
      const names = [...each.snapshot('prod', 1).objects(pods)].map(({ namespace, name }) => `${namespace}/${name}`);
      expect(names).toEqual(['clinic/z', 'default/a', 'default/b']);
      expect(each.runs()).toEqual([run]);
    }
    reader.close();
    expect(verifyLedger(path)).toMatchObject({
      ...verified,
      counts: { records: 4, runs: 1, objects: 3, checkpoints: 2, unsignedRecords: 0 },
    });
  });

  it('shows its states as they come', () => {
    const path = temporaryPath();
    const ledger = openForTest(path);
    expect(plan(ledger)).toMatchObject({ number: 1, status: 'planned', endedAt: null });
    const writer = ledger.startRun({ cluster: 'prod', number: 1, identity, scope: 'files', listings: [] });
    writer.put(
      pods,
      Array.from({ length: 64 }, (_, index) => pod({ name: `p-${index}` })),
    );
    expect(ledger.run('prod', 1)).toMatchObject({ status: 'running' });
    expect(verifyLedger(path)).toMatchObject(verified);
    expect(() => plan(ledger)).toThrow('run 1 of prod has not ended');
    const end = { error: 'the server went away', identity, serverClockSkewMs: null };
    expect(writer.end({ ...end, status: 'failed' })).toMatchObject({ status: 'failed', error: 'the server went away' });
    expect(ledger.snapshot('prod', 1).listings()).toEqual([]);
    expect(ledger.snapshot('prod', 1).scope).toBe('files');
    expect(start(ledger).number).toBe(2);
    expect(verifyLedger(path)).toMatchObject(verified);
  });

  it('has a number of its own per cluster, without gaps, missed slots included', () => {
    const ledger = openForTest();
    const other = { ...identity, name: 'test' };
    collect(ledger, three);
    collect(ledger, three, { identity: other });
    expect(ledger.recordMissed({ cluster: 'prod', slot: '2026-08-14T11:00:00.000Z' })).toMatchObject({
      number: 2,
      status: 'missed',
      kind: 'scheduled',
    });
    collect(ledger, three);
    expect(ledger.runs().map(({ cluster, number, status }) => `${cluster} ${number} ${status}`)).toEqual([
      'prod 1 succeeded',
      'prod 2 missed',
      'prod 3 succeeded',
      'test 1 succeeded',
    ]);
    expect(ledger.clusters()).toMatchObject([
      { name: 'prod', uid: identity.uid, lastRun: { number: 3 } },
      { name: 'test', lastRun: { number: 1 } },
    ]);
    expect(verifyLedger(ledger.path)).toMatchObject(verified);
  });

  it('is found by the time at which it ended', () => {
    const ledger = openForTest();
    const [first, second] = [collect(ledger, three), collect(ledger, three)];
    expect(ledger.runAt('prod', second.endedAt ?? '')?.number).toBe(2);
    expect(ledger.runAt('prod', first.endedAt ?? '')?.number).toBe(1);
    expect(ledger.runAt('prod', '2026-01-01T00:00:00.000Z')).toBeUndefined();
    expect(ledger.runAt('nowhere', '2030-01-01T00:00:00.000Z')).toBeUndefined();
  });

  it('of another cluster under a known name is refused', () => {
    const ledger = openForTest();
    expect(() => ledger.checkIdentity('prod', identity)).not.toThrow();
    collect(ledger, three);
    expect(() => ledger.checkIdentity('prod', { ...identity, version: '1.37.0' })).not.toThrow();
    expect(() => ledger.checkIdentity('prod', { ...identity, uid: null })).not.toThrow();
    expect(() => ledger.checkIdentity('prod', { ...identity, uid: randomUUID() })).toThrow(expect.objectContaining({ code: 'integrity' }));
  });

  it('of another cluster is let in once somebody answers for it; what was seen of the old one is no state before it', () => {
    const ledger = openForTest();
    const [reason, by] = ['restored from the template after the fire', 'Dana'];
    const other = { ...identity, uid: randomUUID(), caFingerprint: 'cd'.repeat(32) };
    const rebind = () => ledger.rebindCluster({ cluster: 'prod', reason, by });
    expect(rebind).toThrow('found no other cluster than before');
    collect(ledger, three);
    expect(rebind).toThrow('found no other cluster than before');
    start(ledger).end({ status: 'failed', error: 'another cluster', identity: other, serverClockSkewMs: null });
    expect(rebind()).toEqual({ cluster: 'prod', from: identity.uid, to: other.uid, run: 2 });
    expect(() => ledger.checkIdentity('prod', other)).not.toThrow();
    expect(() => ledger.checkIdentity('prod', identity)).toThrow('prod is another cluster than before');
    expect(ledger.clusters()).toMatchObject([{ uid: other.uid, caFingerprint: other.caFingerprint }]);
    expect(collect(ledger, three, { identity: other })).toMatchObject({ number: 3, status: 'succeeded' });
    expect(ledger.snapshot('prod', 3).previous()).toBeNull();
    const sentence = expect.stringMatching(
      `^prod stands for another cluster since .* its kube-system UID is ${other.uid}, and was ${identity.uid}`,
    );
    expect(ledger.custody()).toEqual([sentence]);
    expect(verifyLedger(ledger.path)).toMatchObject({ ...verified, notices: [sentence] });
  });

  it('of another cluster that was let in without a word is found', () => {
    const ledger = openForTest();
    collect(ledger, three);
    collect(ledger, three, { identity: { ...identity, uid: randomUUID() } });
    expect(verifyLedger(ledger.path).problems).toEqual([
      expect.stringContaining('run 2 of prod is of another cluster than the name stood for'),
    ]);
  });

  it('gives the run before, and that of choice, failed ones left out', () => {
    const ledger = openForTest();
    collect(ledger, three.slice(0, 1));
    collect(ledger, three.slice(0, 2));
    start(ledger).end({ status: 'failed', error: 'x', identity, serverClockSkewMs: null });
    collect(ledger, three);
    const last = ledger.snapshot('prod', 4);
    expect(last.previous()?.run?.number).toBe(2);
    expect(last.previous()?.previous()?.run?.number).toBe(1);
    expect(ledger.snapshot('prod', 4, { before: 1 }).previous()?.run?.number).toBe(1);
    expect(() => ledger.snapshot('prod', 9)).toThrow('there is no run 9 of prod');
  });

  it.each([
    [
      'closes a listing twice',
      (run: ReturnType<typeof start>) => [run.close(listing(pods, 0)), run.close(listing(pods, 0))],
      'closed already',
    ],
    ['counts wrongly', (run: ReturnType<typeof start>) => run.close(listing(pods, 1)), 'says 1 items, and 0 were given'],
    [
      'succeeds without a planned listing',
      (run: ReturnType<typeof start>) => run.end({ status: 'succeeded', error: null, identity, serverClockSkewMs: null }),
      'k8s.workloads/pods was never closed',
    ],
  ])('that %s is a defect', (_, act, message) => {
    expect(() => act(start(openForTest()))).toThrow(message);
  });
});

describe('a write that fails halfway', () => {
  it('takes its listing with it, and nothing else', () => {
    const ledger = openForTest();
    const nodes = 'k8s.nodes/nodes';
    const run = start(ledger, identity, []);
    const page = Array.from({ length: 100 }, (_, index) => pod({ name: `p-${index}` }));
    run.put(pods, page);
    // Refused by RFC 8785, after the first block of the page was written.
    expect(() => run.put(pods, [...page, { ...pod({ name: 'x' }), body: { text: '\ud800' } }])).toThrow('lone surrogate');
    expect(() => run.put(pods, page)).toThrow('closed already');
    run.put(nodes, page);
    run.close(listing(nodes, 100));
    run.end({ status: 'partial', error: 'pods: lone surrogate', identity, serverClockSkewMs: null });
    const snapshot = ledger.snapshot('prod', 1);
    expect(snapshot.listings().map(({ kind }) => kind)).toEqual([nodes]);
    expect([...snapshot.objects(nodes)]).toHaveLength(100);
    expect(verifyLedger(ledger.path)).toMatchObject({ ...verified, counts: { objects: 100 } });
    collect(ledger, page);
    expect(verifyLedger(ledger.path)).toMatchObject(verified);
  });
});

describe('the log', () => {
  it('starts with its genesis and its keys, says no names, and is signed after every run', () => {
    const ledger = openForTest();
    collect(ledger, three);
    const records = [...ledger.records()];
    expect(records.map(({ bytes }) => decodeRecord(bytes)).map((read) => (read.known ? read.record.type : ''))).toEqual([
      'genesis',
      'key-bound',
      'run-planned',
      'run-ended',
    ]);
    expect(records.every(({ bytes }) => !/Clinic|serviceaccount|6443/.test(Buffer.from(bytes).toString()))).toBe(true);
    const key = parseVerifierKey(ledger.verifierKey());
    expect(ledger.checkpoints().map(({ size, note }) => [size, openCheckpoint(note, key).size])).toEqual([
      [2, 2],
      [4, 4],
    ]);
    expect(ledger.checkpoint().size).toBe(4);
  });

  it('proves every record and every extension', () => {
    const ledger = openForTest();
    for (let run = 0; run < 4; run++) collect(ledger, three);
    const key = parseVerifierKey(ledger.verifierKey());
    const { size, note, root } = ledger.checkpoint();
    for (const { leaf, bytes } of ledger.records()) {
      const proof = formatTlogProof({ index: leaf, hashes: ledger.inclusionProof(leaf, size), checkpoint: note });
      expect(verifyTlogProof(proof, bytes, key).index).toBe(leaf);
    }
    for (const old of ledger.checkpoints()) {
      expect(verifyConsistency(old.size, size, ledger.consistencyProof(old.size, size), old.root, root)).toBe(true);
    }
    expect(() => ledger.inclusionProof(0, size + 1)).toThrow(`has ${size} records`);
  });

  it('extends the checkpoint that somebody kept, or says that it does not', () => {
    const [ledger, other] = [openForTest(), openForTest()];
    collect(ledger, three);
    const kept = ledger.checkpoint().note;
    collect(ledger, three);
    expect(verifyLedger(ledger.path, { against: kept, publicKey: signerOf().publicKey })).toMatchObject(verified);
    expect(verifyLedger(other.path, { against: kept }).problems).toEqual([expect.stringContaining('the last 2 are gone')]);
    collect(other, three);
    expect(verifyLedger(other.path, { against: kept }).problems).toEqual([expect.stringContaining('their first 4 records differ')]);
    expect(verifyLedger(ledger.path, { publicKey: signerOf('x', 9).publicKey }).ok).toBe(false);
    expect(verifyLedger(ledger.path, { against: 'nothing' }).ok).toBe(false);
  });
});

describe('an exhibit', () => {
  it('carries what an outsider needs to check every id from the record down', () => {
    const ledger = openForTest();
    const { leaf } = collect(ledger, three);
    const exhibit = ledger.exhibit('prod', 1, pods);
    const idOf = (salt: Uint8Array, bytes: Uint8Array) => createHmac('sha256', salt).update(bytes).digest('hex');
    const record = JSON.parse(Buffer.from([...ledger.records(leaf, leaf + 1)][0]?.bytes ?? []).toString());
    expect(idOf(exhibit.snapshot.salt, exhibit.snapshot.bytes)).toBe(record.snapshot);
    expect(JSON.parse(Buffer.from(exhibit.snapshot.bytes).toString()).listings[pods]).toBe(exhibit.listing.id);
    expect(idOf(exhibit.payload.salt, exhibit.payload.bytes)).toBe(exhibit.listing.id);
    const tree = exhibit.tree ?? { id: '', salt: Buffer.alloc(0), bytes: Buffer.alloc(0) };
    expect(JSON.parse(Buffer.from(exhibit.payload.bytes).toString()).objects).toBe(tree.id);
    expect(idOf(tree.salt, tree.bytes)).toBe(tree.id);
    expect(JSON.parse(Buffer.from(tree.bytes).toString())).toEqual(exhibit.namespaces.map(({ namespace, id }) => [namespace, id]));
    for (const { salt, bytes, id, objects } of exhibit.namespaces) {
      expect(idOf(salt, bytes)).toBe(id);
      expect(JSON.parse(Buffer.from(bytes).toString())).toEqual(objects);
    }
    expect(exhibit.ids).toEqual([...ledger.snapshot('prod', 1).objects(pods)].map(({ id }) => id));
    for (const id of exhibit.ids) {
      const found = exhibit.objectWithSalt(id);
      expect(idOf(found?.salt ?? Buffer.alloc(0), found?.bytes ?? Buffer.alloc(0))).toBe(id);
      expect(Buffer.from(canonicalBytes(found?.object.body)).equals(found?.bytes ?? Buffer.alloc(0))).toBe(true);
    }
    expect(exhibit.objectWithSalt(digest)).toBeUndefined();
    expect(() => ledger.exhibit('prod', 1, 'k8s.nodes/nodes')).toThrow('has no listing');
  });
});

describe('judgements', () => {
  const assessment = { controls: [{ outcome: 'pass' }, { outcome: 'fail' }, { outcome: 'pass' }] } as unknown as Assessment;
  const catalogBytes = Buffer.from('{"controls":[]}');
  const entry = {
    cluster: 'prod',
    run: 1,
    at: '2026-08-14T12:30:00.000Z',
    toolVersion: '0.1.0',
    catalogDigest: hash('sha256', catalogBytes),
    catalogBytes,
    paramsDigest: digest,
    assessment,
  };

  it('are recorded once per run, catalog, parameters and tool', () => {
    const ledger = openForTest();
    expect(() => ledger.recordAssessment(entry)).toThrow('run 1 of prod has not ended');
    collect(ledger, three);
    const first = ledger.recordAssessment(entry);
    expect(ledger.recordAssessment(entry)).toEqual(first);
    ledger.recordAssessment({ ...entry, toolVersion: '0.2.0' });
    expect(ledger.assessments('prod', 1).map(({ toolVersion, assessment }) => [toolVersion, assessment])).toEqual([
      ['0.1.0', assessment],
      ['0.2.0', assessment],
    ]);
    expect(Buffer.from(ledger.catalog(entry.catalogDigest)).equals(catalogBytes)).toBe(true);
    expect(() => ledger.recordAssessment({ ...entry, toolVersion: '3', catalogBytes: Buffer.from('other') })).toThrow(
      'not that of its bytes',
    );
    expect(verifyLedger(ledger.path)).toMatchObject({ ...verified, counts: { catalogs: 1 } });
  });

  it('on definitions keep people out of the log; packs are numbered per period', () => {
    const ledger = openForTest();
    ledger.recordDefinitions(definitions({ 'control RBAC-001': 'x' }), { reason: 'new', requester: 'alice', approver: 'bob' });
    for (const { bytes } of ledger.records(2)) expect(Buffer.from(bytes).toString()).not.toMatch(/alice|bob/);
    const period = { from: '2026-07-01T00:00:00.000Z', to: '2026-10-01T00:00:00.000Z' };
    const pack = { cluster: 'prod', period, checkpoint: 2, manifestDigest: digest, documentKeyFingerprint: digest };
    expect(
      [pack, pack, { ...pack, period: { ...period, to: '2026-08-01T00:00:00.000Z' } }].map((each) => ledger.recordPack(each).number),
    ).toEqual([1, 2, 1]);
    expect(ledger.packs('prod')).toHaveLength(3);
    expect(verifyLedger(ledger.path)).toMatchObject(verified);
  });
});

describe('the files', () => {
  it('are their owner’s alone, and one database', () => {
    const path = join(dirname(temporaryPath()), 'deep', 'ledger.db');
    const ledger = openForTest(path);
    collect(ledger, three);
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(dirname(path))) expect([name, statSync(join(dirname(path), name)).mode & 0o777]).toEqual([name, 0o600]);
    ledger.close();
    expect(existsSync(`${path}-wal`)).toBe(false);
    expect(create.organization).toBe('Example Clinic');
  });
});

describe('a period', () => {
  const period = { from: '2026-06-30T22:00:00.000Z', to: '2026-09-30T22:00:00.000Z' };
  const types = (ledger: ReturnType<typeof openForTest>) =>
    [...ledger.records()].map(({ bytes }) => (JSON.parse(Buffer.from(bytes).toString('utf8')) as { type: string }).type);

  it.each([
    ['is closed by the first that needs it', ['2026-10-02T08:00:00.000Z', '2026-10-02T09:00:00.000Z'], 1],
    ['is not closed before it is over', ['2026-09-30T21:59:59.999Z'], 0],
  ])('%s', (_, times, closed) => {
    let now = '2026-09-28T04:00:00.000Z';
    const path = temporaryPath();
    const ledger = openForTest(path, () => new Date(now));
    collect(ledger, [pod({ name: 'a' })]);
    for (const time of times) {
      now = time;
      ledger.closePeriod('prod', period);
    }
    expect(types(ledger).filter((type) => type === 'period-closed')).toHaveLength(closed);
    ledger.close();
    expect(verifyLedger(path)).toMatchObject({ ok: true });
  });
});
