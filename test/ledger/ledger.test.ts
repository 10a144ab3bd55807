import { describe, expect, it } from 'vitest';
import { openLedger } from '../../src/ledger/index.ts';
import { clockFrom, collect, identity, openForTest, plan, pod, pods, start, temporaryPath } from './given.ts';

const three = [pod({ name: 'b' }), pod({ name: 'a' }), pod({ namespace: 'clinic', name: 'z' })];

describe('a run', () => {
  it('is planned, put, closed, ended and read back, also by another connection', () => {
    const path = temporaryPath();
    const ledger = openForTest(path);
    const run = collect(ledger, three);
    expect(run).toMatchObject({ cluster: 'prod', number: 1, status: 'succeeded', kind: 'manual', slot: null, error: null });
    const reader = openLedger({ path, mode: 'read', clock: clockFrom() });
    for (const each of [ledger, reader]) {
      const snapshot = each.snapshot('prod', 1);
      expect([...snapshot.objects(pods)].map(({ namespace, name }) => `${namespace}/${name}`)).toEqual(['default/a', 'default/b', 'clinic/z'].sort());
      expect(snapshot.cluster).toEqual(identity);
      expect(each.runs()).toEqual([run]);
    }
    reader.close();
  });

  it('shows its states as they come', () => {
    const ledger = openForTest();
    expect(plan(ledger)).toMatchObject({ number: 1, status: 'planned', endedAt: null });
    const writer = ledger.startRun({ cluster: 'prod', number: 1, identity, listings: [] });
    writer.put(pods, Array.from({ length: 64 }, (_, index) => pod({ name: `p-${index}` })));
    expect(ledger.run('prod', 1)).toMatchObject({ status: 'running' });
    expect(() => plan(ledger)).toThrow('run 1 of prod has not ended');
    expect(writer.end({ status: 'failed', error: 'the server went away', identity, serverClockSkewMs: null })).toMatchObject({
      status: 'failed',
      error: 'the server went away',
    });
    expect(ledger.snapshot('prod', 1).listings()).toEqual([]);
    expect(start(ledger).number).toBe(2);
  });
});
