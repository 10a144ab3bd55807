/** How long what was read holds: as configured, as recorded, and as of a later moment. */
import { describe, expect, it } from 'vitest';
import { chooseRun } from '../../src/app/assess/assess.ts';
import { formatDuration, parseDuration } from '../../src/app/duration.ts';
import { asOf, defaultTimeToLiveSeconds, timesToLive } from '../../src/app/assess/time-to-live.ts';
import { collectors } from '../../src/collectors/index.ts';
import { createMemorySnapshot } from '../../src/ledger/index.ts';
import type { ListingKind } from '../../src/model/index.ts';
import { collect, digest, identity, listing, plan, pod, pods } from '../ledger/given.ts';
import { openForTest } from '../ledger/temporary.ts';

describe('a length of time', () => {
  it.each([
    ['26h', 93_600],
    ['8d', 691_200],
    ['1d12h', 129_600],
    ['90m', 5400],
    ['2w', 1_209_600],
    ['45s', 45],
    ['0h', null],
    ['', null],
    ['1', null],
    ['h', null],
    ['1.5h', null],
    ['-1h', null],
    ['1 h', null],
    ['9999999d', null],
  ])('%j is %j seconds', (text, seconds) => expect(parseDuration(text)).toBe(seconds));

  it.each([
    [0, '0 s'],
    [59, '59 s'],
    [93_600, '26 h'],
    [773_760, '8 d 22 h'],
    [172_800, '2 d'],
    [3661, '1 h 1 min'],
  ])('%d seconds read %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));
});

describe('the configured time to live', () => {
  const of = (timeToLive: Record<string, string>) => timesToLive({ file: 'kubevidence.yaml', timeToLive });
  it('is that of the listing, else of its collector, else the default', () => {
    const holds = of({ 'k8s.rbac/roles': '1h', 'k8s.rbac': '2h', pods: '3h', default: '4h' });
    expect(
      (['k8s.rbac/roles', 'k8s.rbac/rolebindings', 'k8s.pods/pods', 'k8s.nodes/nodes'] as const).map((kind) => holds(kind) / 3600),
    ).toEqual([1, 2, 3, 4]);
    expect(of({})('k8s.pods/pods')).toBe(defaultTimeToLiveSeconds);
  });

  it('is refused for what is not collected, and for what is no time', () => {
    expect(() => of({ 'k8s.pod': '1h' })).toThrow('nothing that is collected is called k8s.pod');
    expect(() => of({ pods: 'soon' })).toThrow('soon is no length of time');
    for (const { kind } of collectors) expect(of({ [kind]: '1h' })(`${kind}/x`)).toBe(3600);
  });
});

describe('a snapshot as of a later moment', () => {
  const nodes: ListingKind = 'k8s.nodes/nodes';
  const snapshot = () => {
    const sink = createMemorySnapshot({ scope: 'cluster', cluster: identity, at: '2026-08-14T12:00:00.000Z' });
    for (const kind of [pods, nodes]) {
      sink.put(kind, [pod({ name: 'a' })]);
      sink.close(listing(kind, 1));
    }
    return sink;
  };

  it('has no objects of a kind that no longer holds, and says why', () => {
    const recorded = { [pods]: 3600, [nodes]: 7200 };
    const reader = snapshot();
    expect(asOf(reader, '2026-08-14T12:59:59.999Z', recorded)).toBe(reader);
    const later = asOf(reader, '2026-08-14T13:00:00.000Z', recorded);
    expect([...later.objects(pods)]).toEqual([]);
    expect(later.listing(pods)).toMatchObject({ items: 0, gaps: [{ reason: 'stale', what: 'pods' }] });
    expect(later.listing(pods)?.gaps[0]?.detail).toBe(
      'read at 2026-08-14T12:00:00.000Z, and its time to live of 1 h ended at 2026-08-14T13:00:00.000Z',
    );
    expect([...later.objects(nodes)]).toHaveLength(1);
    expect(later.listings().map(({ kind, gaps }) => [kind, gaps.length])).toEqual([
      [nodes, 0],
      [pods, 1],
    ]);
  });

  it('holds for the default where the run recorded nothing', () => {
    expect(asOf(snapshot(), '2026-08-15T13:59:59.999Z', {}).listing(pods)?.gaps).toEqual([]);
    expect(asOf(snapshot(), '2026-08-15T14:00:00.000Z', {}).listing(pods)?.gaps).toHaveLength(1);
  });
});

describe('the ledger', () => {
  it('keeps with a run how long its listings hold', () => {
    const ledger = openForTest();
    const { number } = plan(ledger);
    const planned = { kind: pods, collectorVersion: 1, keepDigest: digest };
    const writer = ledger.startRun({
      cluster: 'prod',
      number,
      identity,
      scope: 'cluster',
      listings: [{ ...planned, timeToLiveSeconds: 3600 }],
    });
    writer.close(listing(pods, 0));
    writer.end({ status: 'succeeded', error: null, identity, serverClockSkewMs: null });
    expect(ledger.timesToLive('prod', 1)).toEqual({ [pods]: 3600 });
    collect(ledger, []);
    expect(ledger.timesToLive('prod', 2)).toEqual({});
  });

  it('gives the run that decides the state at a moment: a later attempt that read nothing ends it from when it began', () => {
    const ledger = openForTest();
    const write = (status: 'succeeded' | 'failed', endedAt: string, observedAt: string | null = null) => {
      const { number } = plan(ledger);
      const writer = ledger.startRun({ cluster: 'prod', number, identity, scope: 'cluster', listings: [] });
      if (status === 'succeeded') writer.close(listing(pods, 0));
      return writer.end({ status, error: null, identity, serverClockSkewMs: null, endedAt, observedAt });
    };
    write('succeeded', '2026-08-14T13:00:00.000Z', '2026-08-01T06:00:00.000Z');
    const failed = write('failed', '2026-08-14T14:00:00.000Z');
    const at = (text: string) => chooseRun(ledger.runs('prod'), 'prod', { at: text }, (instant) => ledger.runAt('prod', instant)).number;
    expect(() => at('2026-08-01T05:59:59Z')).toThrow('no run of prod had ended by');
    expect([at('2026-08-01T06:00Z'), at('2026-08-14'), at(failed.startedAt), at('2026-08-14T23:00Z')]).toEqual([1, 1, 2, 2]);
  });

  it('is that of the last run that somebody ran, not of a slot that was missed', () => {
    const ledger = openForTest();
    collect(ledger, []);
    ledger.recordMissed({ cluster: 'prod', slot: '2026-08-14T14:00:00.000Z' });
    const choose = (options: { run?: number }) => chooseRun(ledger.runs('prod'), 'prod', options, () => undefined).number;
    expect(ledger.runs('prod').map(({ status }) => status)).toEqual(['succeeded', 'missed']);
    expect(choose({})).toBe(1);
    expect(() => choose({ run: 2 })).toThrow('nobody collected at the slot that is run 2 of prod');
  });
});
