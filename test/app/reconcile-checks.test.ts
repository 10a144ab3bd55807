/** What stands in a cluster's audit log as a check of ours, and belongs to no run. */
import { describe, expect, it } from 'vitest';
import { type Given, both, collector, compare, eventsOf, runEvents, unknown, uuids, whole } from './reconcile-given.ts';

describe('checks', () => {
  const check = (n: number, seconds: number, change: Partial<Given> = {}) =>
    eventsOf({
      auditID: `check-44444444-aaaa-4bbb-8ccc-00000000000${n}-1`,
      seconds,
      uri: '/version',
      verb: 'get',
      stages: both,
      ...change,
    });

  it('are no unknown runs: they are listed with who, when, from where and how many, and told', async () => {
    const second = runEvents('check-44444444-aaaa-4bbb-8ccc-000000000002', 45_100);
    const result = await compare([...whole, ...check(1, 45_000), ...second]);
    expect(result).toMatchObject({ verdict: 'matched', problems: [], gaps: [], unknownRuns: [], otherRequests: [] });
    const one = { user: collector, client: 'kubevidence/0.1.0', address: '10.0.0.7', path: '/version' };
    expect(result.checks).toEqual([
      {
        ...one,
        uuid: 'check-44444444-aaaa-4bbb-8ccc-000000000002',
        requests: 8,
        first: '2026-08-14T12:31:41.000123Z',
        last: '2026-08-14T12:31:48.000123Z',
      },
      {
        ...one,
        uuid: 'check-44444444-aaaa-4bbb-8ccc-000000000001',
        requests: 1,
        first: '2026-08-14T12:30:00.000123Z',
        last: '2026-08-14T12:30:00.000123Z',
      },
    ]);
    expect(result.notes).toEqual([
      expect.stringMatching(
        /^2 checks .* with 9 requests by system:serviceaccount:audit:collector from 2026-08-14T12:30:00.000123Z to 2026-08-14T12:31:48.000123Z: no ledger has them/,
      ),
    ]);
  });

  it('from somewhere else under the same name stand apart', async () => {
    const elsewhere = check(1, 45_001, { extra: { sourceIPs: ['203.0.113.9'], userAgent: 'curl/8' } });
    const { checks } = await compare([...whole, ...check(1, 45_000), ...elsewhere]);
    expect(checks.map(({ address, client, requests }) => [address, client, requests])).toEqual([
      ['10.0.0.7', 'kubevidence/0.1.0', 1],
      ['203.0.113.9', 'curl/8', 1],
    ]);
  });

  it.each<[string, Partial<Given>]>([
    ['a change', { verb: 'delete', uri: '/api/v1/namespaces/x' }],
    ['a watch', { verb: 'watch', uri: '/api/v1/secrets?watch=1' }],
    ['asking what others may', { verb: 'create', uri: '/apis/authorization.k8s.io/v1/subjectaccessreviews' }],
  ])('cannot hide %s', async (_, change) => {
    const { verdict, problems, checks, otherRequests } = await compare([...whole, ...check(1, 45_000, change)]);
    expect({ verdict, checks }).toEqual({ verdict: 'mismatched', checks: [] });
    expect(problems).toEqual([expect.stringContaining('without an Audit-ID of a run')]);
    expect(otherRequests).toMatchObject([{ verb: change.verb, requests: 1 }]);
  });

  it.each([
    ['CHECK-44444444-aaaa-4bbb-8ccc-000000000001-1'],
    ['check-check-44444444-aaaa-4bbb-8ccc-000000000001-1'],
    ['check-1'],
    ['check-44444444-aaaa-4bbb-8ccc-000000000001-1x'],
  ])('are not what is only called like one: %s', async (auditID) => {
    const { verdict, checks } = await compare([...whole, ...check(1, 45_000, { auditID })]);
    expect({ verdict, checks }).toEqual({ verdict: 'mismatched', checks: [] });
  });

  it('with the uuid of a run say nothing of that run', async () => {
    const { verdict, runs, checks } = await compare([
      ...whole,
      ...check(1, 45_000, { auditID: `check-${uuids.second}-4`, uri: '/api/v1/pods' }),
    ]);
    expect(verdict).toBe('matched');
    expect(runs.map(({ seen }) => seen)).toEqual([8, 8, 8]);
    expect(checks).toMatchObject([{ uuid: `check-${uuids.second}`, requests: 1 }]);
  });

  it('in any number leave room for what else is to be told, and are counted', async () => {
    const many = Array.from({ length: 1500 }, (_, index) =>
      check(1, 45_000, { auditID: `check-44444444-aaaa-4bbb-8ccc-${String(index).padStart(12, '0')}-1` }),
    ).flat();
    const { verdict, checks, unknownRuns, gaps } = await compare([...whole, ...many, ...runEvents(unknown, 45_100)]);
    expect(verdict).toBe('mismatched');
    expect([checks.length, unknownRuns.length, gaps]).toEqual([1000, 1, ['1000 events were too many to be listed']]);
  });
});
