import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import type { Ledger } from '../../src/ledger/index.ts';
import { verifyLedger } from '../../src/ledger/index.ts';
import type { EvidenceObject } from '../../src/model/index.ts';
import { type Collection, collect, identity, listing, plan, pod, pods, start } from './given.ts';
import { openForTest } from './temporary.ts';

const many = Array.from({ length: 600 }, (_, index) => pod({ namespace: `ns-${index % 7}`, name: `p-${index}` }));
const objectsOf = (ledger: Ledger) => ledger.status().kinds.reduce((sum, { objects }) => sum + objects, 0);
const reuseOf = (ledger: Ledger, run: number) =>
  JSON.parse(Buffer.from(ledger.exhibit('prod', run, pods).payload.bytes).toString()).reuse as Record<string, number>;

describe('an unchanged object', () => {
  it('is stored once, whether or not its resourceVersion tells', () => {
    const ledger = openForTest();
    collect(ledger, many);
    const ids = ledger.exhibit('prod', 1, pods).ids;
    collect(ledger, many);
    collect(
      ledger,
      many.map((object) => ({ ...object, resourceVersion: '2' })),
    );
    expect(objectsOf(ledger)).toBe(600);
    expect(ledger.exhibit('prod', 2, pods).ids).toEqual(ids);
    expect(ledger.exhibit('prod', 3, pods).ids).toEqual(ids);
    expect(reuseOf(ledger, 3)).toEqual({ reused: 0, checked: 0, differed: 0 });
    const { reused, checked, differed } = reuseOf(ledger, 2);
    expect([(reused ?? 0) + (checked ?? 0), differed]).toEqual([600, 0]);
    expect(reused).toBeGreaterThan(500);
    expect(verifyLedger(ledger.path)).toMatchObject({ ok: true, problems: [] });
  });

  it('keeps its id when others come, change and go', () => {
    const ledger = openForTest();
    collect(ledger, many);
    const changed = pod({ namespace: 'ns-0', name: 'p-0', uid: many[0]?.uid ?? '', resourceVersion: '7', image: 'other' });
    const next = [changed, ...many.slice(2), pod({ namespace: 'ns-9', name: 'new' })];
    collect(ledger, next, { resourceVersion: '101' });
    const idsOf = (run: number) => new Map([...ledger.snapshot('prod', run).objects(pods)].map(({ uid, id }) => [uid, id]));
    const [before, after] = [idsOf(1), idsOf(2)];
    expect(after.size).toBe(600);
    expect([...after].filter(([uid, id]) => before.get(uid) === id)).toHaveLength(598);
    expect(objectsOf(ledger)).toBe(602);
    expect([...ledger.snapshot('prod', 2).objects(pods)].find(({ name }) => name === 'p-0')?.body).toEqual(changed.body);
    expect(verifyLedger(ledger.path)).toMatchObject({ ok: true, problems: [] });
  });
});

describe('reuse by uid and resourceVersion', () => {
  const attempts = (
    ledger: Ledger,
    options: Collection & { readonly collectorVersion?: number; readonly keepDigest?: string; readonly reusable?: boolean } = {},
  ) => {
    const who = options.identity ?? identity;
    const { number } = plan(ledger, who.name);
    const { collectorVersion = 1, keepDigest = listing(pods, 0).keepDigest, reusable = true, resourceVersion = '100' } = options;
    const run = ledger.startRun({
      cluster: who.name,
      number,
      identity: who,
      scope: 'cluster',
      listings: [{ kind: pods, collectorVersion, keepDigest, reusable }],
    });
    run.listedAt(pods, resourceVersion === 'none' ? undefined : resourceVersion);
    const reused = many.filter((object) => run.reuse(pods, { ...object, resourceVersion: '1' })).length;
    run.end({ status: 'failed', error: 'only asked', identity: who, serverClockSkewMs: null });
    return reused;
  };

  it.each([
    ['another cluster', { identity: { ...identity, uid: randomUUID() } }],
    ['an unknown cluster', { identity: { ...identity, uid: null } }],
    ['another server version', { identity: { ...identity, version: '1.36.4' } }],
    ['another collector version', { collectorVersion: 2 }],
    ['another keep-list', { keepDigest: 'cd'.repeat(32) }],
    ['an older list (etcd was restored)', { resourceVersion: '99' }],
    ['a list without a resourceVersion', { resourceVersion: 'none' }],
    ['a list with an opaque resourceVersion', { resourceVersion: 'abc' }],
    ['an aggregated API', { reusable: false }],
  ])('never happens for %s', (_, options) => {
    const ledger = openForTest();
    collect(ledger, many);
    expect(attempts(ledger)).toBeGreaterThan(500);
    expect(attempts(ledger, options)).toBe(0);
  });

  it('never happens before the list said its resourceVersion, nor for another resourceVersion', () => {
    const ledger = openForTest();
    collect(ledger, many);
    const run = start(ledger);
    expect(many.some((object) => run.reuse(pods, { ...object, resourceVersion: '1' }))).toBe(false);
    run.listedAt(pods, '100');
    expect(many.some((object) => run.reuse(pods, { ...object, resourceVersion: '2' }))).toBe(false);
  });

  it('stops, with a gap, when a sample shows an object that changed under its resourceVersion; the next run reads all', () => {
    const ledger = openForTest();
    // So many that a random sample of one in 64 misses all of them once in 10^13 runs.
    const crowd = Array.from({ length: 2000 }, (_, index) => pod({ name: `liar-${index}` }));
    const liar = (image: string): EvidenceObject[] => crowd.map(({ namespace, name, uid }) => pod({ namespace, name, uid, image }));
    collect(ledger, [...liar('a'), ...many.map(({ name }) => pod({ name }))]);
    collect(ledger, liar('b'));
    const { differed } = reuseOf(ledger, 2);
    expect(differed).toBeGreaterThan(0);
    expect(ledger.snapshot('prod', 2).listing(pods)?.gaps).toMatchObject([{ reason: 'stale', what: pods }]);
    collect(ledger, liar('b'));
    expect(reuseOf(ledger, 3)).toEqual({ reused: 0, checked: 0, differed: 0 });
    expect(ledger.snapshot('prod', 3).listing(pods)?.gaps).toEqual([]);
    expect([...ledger.snapshot('prod', 3).objects(pods)].every(({ body }) => JSON.stringify(body).includes('"image":"b"'))).toBe(true);
  });

  it('does not stand on a cache that somebody edited', () => {
    const ledger = openForTest();
    collect(ledger, many);
    const raw = new Database(ledger.path);
    raw.exec(`UPDATE reuse SET kind = '${pods}', run = 1, bytes = CAST(bytes || x'00' AS BLOB)`);
    raw.close();
    expect(verifyLedger(ledger.path).problems).toEqual([expect.stringContaining('what may be reused for prod')]);
    expect(attempts(ledger)).toBe(0);
  });
});

describe('an unchanged run', () => {
  it('costs less than 0.1 % of the first one and 4 kB', () => {
    const ledger = openForTest();
    const kinds = Array.from({ length: 24 }, (_, index) => `k8s.x/kind-${index}` as const);
    const run = () => {
      const writer = start(ledger, identity, [pods, ...kinds]);
      writer.listedAt(pods, '100');
      writer.put(
        pods,
        many.filter((object) => !writer.reuse(pods, { ...object, resourceVersion: '1' })),
      );
      writer.close(listing(pods, 600));
      for (const kind of kinds) writer.close(listing(kind, 0, { observedAt: new Date(Math.floor(Math.random() * 2e12)).toISOString() }));
      writer.end({ status: 'succeeded', error: null, identity, serverClockSkewMs: 3 });
    };
    const size = () => {
      const { bytes, kinds } = ledger.status();
      return { file: bytes.file, objects: kinds.reduce((sum, kind) => sum + kind.bytes, 0) };
    };
    run();
    const first = size();
    for (let hour = 0; hour < 24; hour++) run();
    const last = size();
    expect(last.objects).toBe(first.objects);
    expect((last.file - first.file) / 24).toBeLessThan(first.file * 0.001 + 4096);
    expect(statSync(ledger.path).isFile()).toBe(true);
  });
});
