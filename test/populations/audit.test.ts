import { describe, expect, test } from 'vitest';
import { auditPolicyRequests } from '../../src/populations/audit/audit-policies.ts';
import { auditRecording } from '../../src/populations/audit/audit-recording.ts';
import { auditGrowth, auditLosses } from '../../src/populations/audit/audit-counters.ts';
import type { Given } from './snapshots.ts';
import { family, lease, processStart, read, snapshot } from './snapshots.ts';

describe('a policy', () => {
  const given = (...rules: object[]) => ({ 'files.audit-policy/policies': [{ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules }] });

  test('is asked about each request, with the rules that decide', () => {
    const { rows, gaps } = read(auditPolicyRequests, snapshot(given({ level: 'None', users: ['bob'] }, { level: 'Request' }) as Given));
    expect(gaps).toEqual([]);
    expect(rows.find(({ request }) => request === 'get pods/exec')).toMatchObject({
      about: 'containers',
      level: 'Request',
      rule: 'rule 2',
      highest: 'Request',
      lowest: 'None',
      lowestRule: 'rule 1',
    });
  });

  test.each([
    [
      'a level that there is not',
      { level: 'Loud' },
      'rules[0].level: it must be one of None, Metadata, Request, RequestResponse, not Loud',
    ],
    [
      'paths and resources in one rule',
      { level: 'Metadata', nonResourceURLs: ['/healthz'], namespaces: ['a'] },
      'rules[0].nonResourceURLs: a rule is for paths or for resources, never for both',
    ],
  ])('that no API server starts with is a gap: %s', (_, rule, detail) => {
    const { rows, gaps } = read(auditPolicyRequests, snapshot(given(rule) as Given));
    expect(rows).toEqual([]);
    expect(gaps).toMatchObject([{ reason: 'error', detail }]);
  });
});

describe('whether a policy that was handed in records anything', () => {
  const metadata = { level: 'Metadata' };
  test.each<[string, object[], boolean | undefined]>([
    ['a rule that does', [{ level: 'None', verbs: ['get'] }, metadata], true],
    ['only None', [{ level: 'None' }], false],
    ['None for everything in front of it', [{ level: 'None' }, metadata], false],
    ['all its stages left out', [{ ...metadata, omitStages: ['RequestReceived', 'ResponseStarted', 'ResponseComplete'] }], false],
    ['one that no API server starts with', [metadata, { level: 'Loud' }], undefined],
  ])('%s', (_, rules, expected) => {
    const policy = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules };
    const [row] = read(auditRecording, snapshot({ 'files.audit-policy/policies': [policy] } as unknown as Given, { scope: 'files' })).rows;
    expect([row?.['records'], row?.gaps?.length ?? 0]).toEqual([expected, expected === undefined ? 1 : 0]);
  });
});

describe('counters', () => {
  const server = (start: number, levels: Readonly<Record<string, number>>, errors = 0): Given => ({
    'k8s.apiserver/leases': [lease('a')],
    'k8s.apiserver/metrics': [
      processStart(start),
      family('apiserver_audit_level_total', ...Object.entries(levels).map(([level, value]) => [{ level }, value] as const)),
      family('apiserver_audit_error_total', [{ plugin: 'log' }, errors]),
    ],
  });

  test.each<[string, Given, Given | undefined, number | undefined]>([
    ['records grew', server(1, { Metadata: 9, Request: 2 }), server(1, { Metadata: 5 }), 6],
    ['None does not count', server(1, { None: 99 }), server(1, { None: 9 }), 0],
    ['another process', server(2, { Metadata: 9 }), server(1, { Metadata: 5 }), undefined],
    ['no earlier run', server(1, { Metadata: 9 }), undefined, undefined],
  ])('%s', (_name, present, before, expected) => {
    const reader = snapshot(present, before === undefined ? {} : { previous: snapshot(before) });
    expect(read(auditGrowth, reader).rows[0]?.['newRecords']).toBe(expected);
  });

  test('the same process is found behind runs that another replica answered', () => {
    const first = snapshot(server(1, { Metadata: 5 }));
    const second = snapshot(server(7, { Metadata: 70 }), { previous: first });
    expect(read(auditGrowth, snapshot(server(1, { Metadata: 8 }), { previous: second })).rows[0]).toMatchObject({ newRecords: 3 });
  });

  test.each<[string, number, number | undefined, number | undefined]>([
    ['none ever', 0, undefined, 0],
    ['some, nobody knows when', 3, undefined, undefined],
    ['all of them before', 3, 3, 0],
    ['one since', 4, 3, 1],
  ])('losses: %s', (_name, present, before, expected) => {
    const reader = snapshot(
      server(1, { Metadata: 9 }, present),
      before === undefined ? {} : { previous: snapshot(server(1, { Metadata: 5 }, before)) },
    );
    expect(read(auditLosses, reader).rows[0]?.['lost']).toBe(expected);
  });
});
