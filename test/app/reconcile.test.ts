/** Every way in which a ledger and a cluster's audit log can disagree is found, and nothing else is. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { assert, asyncProperty, constantFrom, nat, string, tuple } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reconcile, type Reconciliation } from '../../src/app/index.ts';
import { KubevidenceError } from '../../src/model/index.ts';
import {
  at,
  both,
  collector,
  compare,
  edited,
  eventsOf,
  fileOf,
  home,
  hour,
  id,
  ledgerPath,
  noise,
  now,
  plainId,
  runEvents,
  unknown,
  uuids,
  whole,
} from './reconcile-given.ts';

describe('a log that fits', () => {
  it('confirms every run', async () => {
    const result = await compare(whole);
    expect(result).toMatchObject({
      verdict: 'matched',
      cluster: 'prod',
      collectors: [collector],
      problems: [],
      gaps: [],
      notes: [],
      unknownRuns: [],
      otherRequests: [],
      auditLog: { events: whole.length, unreadable: 0, first: '2026-08-14T09:00:00.000123Z', last: '2026-08-14T12:55:00.000123Z' },
    });
    expect(result.runs.map(({ run: number, claimed, seen, problems }) => [number, claimed, seen, problems])).toEqual([
      [1, 5, 8, []],
      [2, 5, 8, []],
      [3, 5, 8, []],
    ]);
  });

  it('may be in several parts, packed, in any order, and say things twice', async () => {
    const [a, b] = [fileOf(whole.slice(60)), `${fileOf([])}.gz`];
    const packed = whole.slice(0, 80).map((line) => `${line}\n`);
    writeFileSync(b, Buffer.concat([gzipSync(packed.slice(0, 10).join('')), gzipSync(packed.slice(10).join(''))]));
    const result = await reconcile({ clock: now }, { ledgerPath, files: [a, b], cluster: 'prod' });
    expect(result).toMatchObject({ verdict: 'matched', auditLog: { events: whole.length + 20 } });
  });

  it('may be of the webhook, and of whoever writes JSON in another way', async () => {
    const list = JSON.stringify({
      kind: 'EventList',
      apiVersion: 'audit.k8s.io/v1',
      items: whole.slice(0, 50).map((line) => JSON.parse(line) as object),
    });
    const spaced = whole.slice(50).map((line) => JSON.stringify(JSON.parse(line), null, 1).replaceAll('\n', ''));
    expect(await compare([list, ...spaced])).toMatchObject({ verdict: 'matched', auditLog: { events: whole.length } });
  });

  it('is not disturbed by who was not let in, by other users, nor by a last line that is still being written', async () => {
    const path = fileOf([
      ...whole,
      ...eventsOf({ auditID: `${uuids.first}-4`, seconds: 12.5 * hour, uri: '/api/v1/pods', code: 401 }),
      ...eventsOf({ auditID: '22222222-aaaa-4bbb-8ccc-000000000001-1', seconds: 12.5 * hour, uri: '/api/v1/pods', user: 'alice' }),
    ]);
    appendFileSync(path, whole[0]?.slice(0, 100) ?? '');
    const result = await reconcile({ clock: now }, { ledgerPath, files: [path], cluster: 'prod' });
    expect(result).toMatchObject({ verdict: 'matched', problems: [], gaps: [] });
  });

  it('may leave out what its policy does not log', async () => {
    const lines = whole.filter((line) => !line.includes('"/metrics"'));
    const result = await compare(lines);
    expect(result).toMatchObject({ verdict: 'matched', problems: [] });
    expect(result.notes).toEqual([expect.stringContaining('no request of any run for /metrics')]);
  });
});

const disagreements: readonly [string, readonly string[], RegExp][] = [
  [
    'a run that the ledger does not have',
    [...whole, ...runEvents(unknown, 12.5 * hour)],
    /^8 requests by system:serviceaccount:audit:collector from 2026-08-14T12:30:01.000123Z to .* with Audit-IDs of the run 33333333/,
  ],
  [
    'other uses of its credentials',
    [...whole, ...eventsOf({ auditID: plainId(99), seconds: 12.5 * hour, uri: '/api/v1/secrets?x=1', stages: both })],
    /^1 request by system:serviceaccount:audit:collector without an Audit-ID of a run/,
  ],
  [
    'a run whose requests nobody saw',
    edited(uuids.second, () => undefined),
    /^run 2 \(2026-08-14T11:00:00.000Z\) says that the server answered 5 requests, and the log has none/,
  ],
  [
    'a page that nobody saw',
    edited(uuids.second, (given) => (id(given) === 5 ? undefined : given)),
    /^run 2 says that \/api\/v1\/pods was answered 2 times, and the log has 1$/,
  ],
  [
    'a refusal that nobody saw',
    edited(uuids.second, (given) => (id(given) === 8 ? undefined : given)),
    /^run 2 says that \/api\/v1\/secrets was answered 1 time, and the log has 0$/,
  ],
  [
    'a request for something else',
    edited(uuids.second, (given) => (id(given) === 6 ? { ...given, uri: '/api/v1/pods' } : given)),
    /^request 6 of run 2 asked for \/api\/v1\/namespaces, and the log says for \/api\/v1\/pods/,
  ],
  [
    'a request of which the run does not tell',
    [...whole, ...eventsOf({ auditID: `${uuids.second}-9`, seconds: 11 * hour + 9, uri: '/api/v1/configmaps' })],
    /^run 2 does not tell of 1 request that the log has: \/api\/v1\/configmaps/,
  ],
  [
    'a change under the name of a run',
    [...whole, ...eventsOf({ auditID: `${uuids.second}-9`, seconds: 11 * hour + 9, uri: '/api/v1/namespaces/x', verb: 'delete' })],
    /^1 event with the Audit-IDs of run 2: delete \/api\/v1\/namespaces\/x, and a collector only reads/,
  ],
  [
    'another user under the name of a run',
    [...whole, ...eventsOf({ auditID: `${uuids.second}-9`, seconds: 11 * hour + 9, uri: '/api/v1/pods', user: 'mal\u202elory' })],
    /made by mal\\u\{202e\}lory, and the run was made by system/,
  ],
  [
    'somebody who took on the user',
    [...whole, ...eventsOf({ auditID: plainId(98), seconds: 12.5 * hour, uri: '/api/v1/pods', user: 'root', as: collector })],
    /^1 request by system:serviceaccount:audit:collector without an Audit-ID of a run/,
  ],
  [
    'a request long after the run',
    [...whole, ...eventsOf({ auditID: `${uuids.second}-9`, seconds: 12.5 * hour, uri: '/api/v1/pods' })],
    /^1 event with the Audit-IDs of run 2: outside of the time of the run/,
  ],
  [
    'an Audit-ID that was used again',
    [...whole, ...eventsOf({ auditID: `${uuids.second}-4`, seconds: 11 * hour + 9, uri: '/api/v1/pods' })],
    /^1 event with the Audit-IDs of run 2: the same Audit-ID stands for two requests/,
  ],
  ['a run of another cluster', [...whole, ...runEvents(uuids.test, 11.5 * hour)], /^run 1 of test has its requests in this cluster's log/],
];

describe('a log names', () => {
  it.each(disagreements)('%s', async (_, lines, message) => {
    const { verdict, problems } = await compare(lines);
    expect(verdict).toBe('mismatched');
    expect(problems.filter((problem) => !message.test(problem)).every((problem) => problem.includes('run 2'))).toBe(true);
    expect(problems.find((problem) => message.test(problem))).toBeDefined();
  });

  it('each request that belongs to no run, by who, what and from where', async () => {
    const secret = (seconds: number, name: string) =>
      eventsOf({ auditID: plainId(seconds), seconds, uri: `/api/v1/secrets?name=${name}`, stages: both });
    const { otherRequests, unknownRuns } = await compare([
      ...whole,
      ...secret(45_000, 'a'),
      ...secret(45_001, 'b'),
      ...runEvents(unknown, 45_002),
    ]);
    expect(otherRequests).toEqual([
      {
        user: collector,
        verb: 'list',
        path: '/api/v1/secrets',
        client: 'kubevidence/0.1.0',
        address: '10.0.0.7',
        requests: 2,
        first: '2026-08-14T12:30:00.000123Z',
        last: '2026-08-14T12:30:01.000123Z',
      },
    ]);
    expect(unknownRuns).toMatchObject([{ uuid: unknown, user: collector, requests: 8, path: '/version' }]);
  });

  it('no more than fits in memory, and says so', async () => {
    const lines = Array.from({ length: 3000 }, (_, index) =>
      eventsOf({ auditID: plainId(index), seconds: 45_000, uri: `/api/v1/x/${index}` }),
    ).flat();
    const { otherRequests, gaps } = await compare([...whole, ...lines]);
    expect(otherRequests).toHaveLength(1000);
    expect(gaps).toEqual(['2000 events were too many to be listed']);
  });
});

describe('what the log does not cover', () => {
  it.each<[string, { from?: string; to?: string }, readonly string[], Reconciliation['verdict'], RegExp]>([
    ['nothing asked, all there', {}, whole, 'matched', /^$/],
    ['a time within', { from: at(9.5 * hour), to: at(12.5 * hour) }, whole, 'matched', /^$/],
    [
      'a beginning that is missing',
      { from: at(4 * hour) },
      whole,
      'incomplete',
      /^the log begins at 2026-08-14T09:00:00.000123Z, after 2026-08-14T04:00:00.000Z$/,
    ],
    [
      'an end that is missing',
      { to: at(23 * hour) },
      whole.filter((line) => !/T12:[1-5]/.test(line)),
      'incomplete',
      /^the log ends at 2026-08-14T12:0.*, before 2026-08-14T13:00:00.000Z$/,
    ],
    [
      'a run that is asked for',
      { from: at(9.9 * hour), to: at(11.2 * hour) },
      whole.filter((line) => line > '' && !/T(?:09|10):/.test(line)),
      'incomplete',
      /1 run of the time asked for outside/,
    ],
    ['every run', {}, noise.slice(0, 20), 'incomplete', /^no run of this ledger lies wholly/],
    ['a time without runs', { from: at(12.5 * hour), to: at(12.9 * hour) }, whole, 'incomplete', /^no run of this ledger lies wholly/],
    [
      'lines that are no events',
      {},
      [...whole, 'x', '{"kind":"Event"}', '[]', 'null'],
      'incomplete',
      /^4 lines cannot be read as audit events, the first in line \d+ of/,
    ],
    ['a line that is too long', {}, [...whole, 'a'.repeat(40 * 1024 * 1024)], 'incomplete', /^1 line cannot be read/],
  ])('%s', async (_, options, lines, verdict, message) => {
    const result = await compare(lines, options);
    expect([result.verdict, result.problems]).toEqual([verdict, []]);
    expect(result.gaps.find((gap) => message.test(gap)) ?? '').toMatch(message);
  });

  it('a run that began before the log is not searched for what is missing', async () => {
    const cut = whole.filter(
      (line) => !line.includes(`${uuids.first}-1"`) && !line.includes(`${uuids.first}-4"`) && !/T(?:09|10:00:0[0-4])/.test(line),
    );
    const result = await compare(cut);
    expect(result).toMatchObject({ verdict: 'matched', runs: [{ run: 1, seen: 4 }, { run: 2 }, { run: 3 }] });
    expect(result.notes).toEqual([expect.stringContaining('1 run cannot be searched')]);
  });

  it('is not widened by an object that speaks of times, or hidden by one that speaks of ids', async () => {
    const liar = {
      requestObject: { auditID: plainId(7), requestReceivedTimestamp: '2020-01-01T00:00:00.000000Z', user: { username: collector } },
    };
    const lines = eventsOf({ auditID: plainId(5), seconds: 45_000, uri: '/x', user: 'mallory', extra: liar });
    const result = await compare([...whole, ...lines]);
    expect(result).toMatchObject({ verdict: 'matched', auditLog: { first: '2026-08-14T09:00:00.000123Z' } });
    const hidden = eventsOf({ auditID: plainId(6), seconds: 45_000, uri: '/api/v1/secrets', extra: liar });
    expect((await compare([...whole, ...hidden])).otherRequests).toMatchObject([{ path: '/api/v1/secrets' }]);
  });
});

describe('it refuses', () => {
  const refusal = async (act: () => Promise<unknown>): Promise<string> => {
    try {
      await act();
      return 'done';
    } catch (error) {
      if (error instanceof KubevidenceError) return `${error.code}: ${error.message}`;
      throw error;
    }
  };
  it.each<[string, () => Promise<unknown>, RegExp]>([
    ['a file that is none', () => compare(['{"kind":"Pod"}']), /^input: .* has no audit event in it/],
    ['an empty file', () => compare([]), /^input: .* has no audit event/],
    [
      'a missing file',
      () => reconcile({ clock: now }, { ledgerPath, files: [join(home, 'none')], cluster: 'prod' }),
      /^usage: cannot read/,
    ],
    ['a directory', () => reconcile({ clock: now }, { ledgerPath, files: [home], cluster: 'prod' }), /^usage: .* is no regular file/],
    ['an unknown cluster', () => compare(whole, { cluster: 'else' }), /^usage: the ledger has no run of else/],
    ['no time', () => compare(whole, { from: at(2), to: at(1) }), /^usage: there is no time between/],
    [
      'one of several clusters without its name',
      () => reconcile({ clock: now }, { ledgerPath, files: [fileOf(whole)] }),
      /^usage: the ledger has runs of 2 clusters/,
    ],
  ])('%s', async (_, act, message) => {
    expect(await refusal(act)).toMatch(message);
  });

  it('a damaged archive', async () => {
    const path = fileOf([]);
    writeFileSync(path, gzipSync(whole.join('\n')).subarray(0, 500));
    expect(await refusal(() => reconcile({ clock: now }, { ledgerPath, files: [path], cluster: 'prod' }))).toMatch(
      /^input: cannot read .*unexpected end of file/,
    );
  });

  it('to fall over anything in a line', async () => {
    const part = constantFrom(
      '{',
      '}',
      '[',
      '"auditID":"',
      `"${uuids.first}-4"`,
      '"requestReceivedTimestamp":"2026-08-14T11:00:00.000000Z"',
      ',',
      collector,
      '\\u',
      '"user":',
      'null',
      '1e999',
    );
    const broken = asyncProperty(
      tuple(nat(whole.length - 1), nat(900), string({ unit: part, maxLength: 6 })),
      async ([line, place, text]) => {
        const changed = whole.with(line, (whole[line] ?? '').slice(0, place) + text + (whole[line] ?? '').slice(place + text.length));
        const { verdict } = await compare(changed);
        expect(['matched', 'mismatched', 'incomplete']).toContain(verdict);
      },
    );
    await assert(broken, { numRuns: 60 });
  });
});
