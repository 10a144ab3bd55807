/** What the tests of reconciliation start from: a ledger of three runs, and the audit log of a cluster that saw just these. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { reconcile, type Reconciliation } from '../../src/app/index.ts';
import { type Ledger, openLedger } from '../../src/ledger/index.ts';
import type { ClusterIdentity, ListingKind, RequestRecord } from '../../src/model/index.ts';
import { create, digest, identity, listing, pods, signerOf } from '../ledger/given.ts';

export const collector = 'system:serviceaccount:audit:collector';
export const uuids = {
  first: '11111111-aaaa-4bbb-8ccc-000000000001',
  second: '11111111-aaaa-4bbb-8ccc-000000000002',
  third: '11111111-aaaa-4bbb-8ccc-000000000003',
  test: '11111111-aaaa-4bbb-8ccc-00000000000f',
};
const day = Date.parse('2026-08-14T00:00:00.000Z');
export const at = (seconds: number) => new Date(day + seconds * 1000).toISOString();
export const hour = 3600;

interface Asked {
  readonly n: number;
  readonly path: string;
  readonly pages?: number;
  readonly status?: number | null;
}

const usual: readonly Asked[] = [
  { n: 4, path: '/api/v1/pods?limit=500', pages: 2 },
  { n: 6, path: '/api/v1/namespaces?limit=500' },
  { n: 7, path: '/metrics' },
  { n: 8, path: '/api/v1/secrets?limit=500', status: 403 },
];

/** A run that began `seconds` into the day and asked `asked`, one second each. */
function run(
  ledger: Ledger,
  time: { now: number },
  uuid: string,
  seconds: number,
  asked: readonly Asked[],
  who: ClusterIdentity = identity,
): void {
  time.now = seconds;
  const { number } = ledger.planRun({
    cluster: who.name,
    uuid,
    kind: 'manual',
    collectors: [],
    tool: 'kubevidence 0.1.0',
    definitions: digest,
  });
  const kinds = asked.map(({ n }): ListingKind => (n === 4 ? pods : `k8s.test/listing-${n}`));
  const listings = kinds.map((kind) => ({ kind, collectorVersion: 1, keepDigest: digest }));
  const writer = ledger.startRun({ cluster: who.name, number, identity: who, scope: 'cluster', listings });
  for (const [index, { n, path, pages = 1, status = 200 }] of asked.entries()) {
    const request: RequestRecord = {
      auditId: `${uuid}-${n}`,
      path,
      status,
      startedAt: at(seconds + n),
      endedAt: at(seconds + n + 1),
      serverDate: new Date(at(seconds + n)).toUTCString(),
      pages: status === 200 ? pages : 0,
      items: 0,
      bytes: 100,
      attempts: pages,
      consistency: 'consistent',
    };
    writer.close(listing(kinds[index] as ListingKind, 0, { requests: [request] }));
  }
  time.now = seconds + 20;
  writer.end({ status: 'partial', error: null, identity: who, serverClockSkewMs: 0 });
}

export let home: string;
export let ledgerPath: string;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'reconcile-'));
  ledgerPath = join(home, 'ledger.db');
  const time = { now: 0 };
  const ledger = openLedger({ path: ledgerPath, mode: 'write', clock: () => new Date(day + time.now * 1000), signer: signerOf(), create });
  run(ledger, time, uuids.first, 10 * hour, usual);
  run(ledger, time, uuids.second, 11 * hour, usual);
  run(ledger, time, uuids.test, 11.5 * hour, usual, { ...identity, name: 'test' });
  run(ledger, time, uuids.third, 12 * hour, usual);
  ledger.close();
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

export interface Given {
  readonly auditID: string;
  readonly seconds: number;
  readonly uri: string;
  readonly verb?: string;
  readonly user?: string;
  readonly as?: string;
  readonly code?: number;
  readonly stages?: readonly string[];
  readonly extra?: object;
}

/** As the API server writes it, member by member. */
export function eventsOf({
  auditID,
  seconds,
  uri,
  verb = 'list',
  user = collector,
  as,
  code = 200,
  stages = ['ResponseComplete'],
  extra = {},
}: Given): string[] {
  const received = at(seconds).replace('Z', '123Z');
  return stages.map((stage) =>
    JSON.stringify({
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level: 'Metadata',
      auditID,
      stage,
      requestURI: uri,
      verb,
      user: code === 401 ? {} : { username: user, uid: 'u', groups: ['system:serviceaccounts', 'system:authenticated'] },
      ...(as !== undefined && { impersonatedUser: { username: as } }),
      sourceIPs: ['10.0.0.7'],
      userAgent: 'kubevidence/0.1.0',
      objectRef: { resource: 'pods', apiVersion: 'v1' },
      ...(stage === 'ResponseComplete' && { responseStatus: { metadata: {}, code } }),
      ...extra,
      requestReceivedTimestamp: received,
      stageTimestamp: received,
      annotations: { 'authorization.k8s.io/decision': 'allow' },
    }),
  );
}

export const both = ['RequestReceived', 'ResponseComplete'];
export const plainId = (n: number) => `9a8b7c6d-0000-4000-8000-${String(n).padStart(12, '0')}`;
/** What the server logs of a run: who answers, then its listings. */
export const runEvents = (uuid: string, seconds: number, change: (given: Given) => Given | undefined = (given) => given): string[] =>
  [
    { n: 1, uri: '/version', verb: 'get' },
    { n: 2, uri: '/api/v1/namespaces?fieldSelector=metadata.name%3Dkube-system&limit=1' },
    { n: 3, uri: '/apis/authentication.k8s.io/v1/selfsubjectreviews', verb: 'create', code: 201 },
    { n: 4, uri: '/api/v1/pods?limit=500' },
    { n: 5, uri: '/api/v1/pods?limit=500&continue=abc' },
    { n: 6, uri: '/api/v1/namespaces?limit=500' },
    { n: 7, uri: '/metrics', verb: 'get' },
    { n: 8, uri: '/api/v1/secrets?limit=500', code: 403 },
  ].flatMap(({ n, ...rest }) => {
    const given = change({ auditID: `${uuid}-${n}`, seconds: seconds + n, stages: both, ...rest });
    return given === undefined ? [] : eventsOf(given);
  });
export const noise = Array.from({ length: 48 }, (_, index) =>
  eventsOf({
    auditID: plainId(index),
    seconds: 9 * hour + index * 300,
    uri: '/apis/coordination.k8s.io/v1/leases/x',
    verb: 'update',
    user: 'system:node:a',
    stages: both,
  }),
).flat();
export const whole = [
  ...noise,
  ...runEvents(uuids.first, 10 * hour),
  ...runEvents(uuids.second, 11 * hour),
  ...runEvents(uuids.third, 12 * hour),
];
export const edited = (uuid: string, from: (given: Given) => Given | undefined): string[] => [
  ...noise,
  ...[uuids.first, uuids.second, uuids.third].flatMap((each, index) =>
    runEvents(each, (10 + index) * hour, each === uuid ? from : undefined),
  ),
];
export const id = (given: Given) => Number(given.auditID.split('-').at(-1));

let files = 0;
export function fileOf(lines: readonly string[]): string {
  const path = join(home, `audit-${files++}.log`);
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
  return path;
}

export const now = () => new Date(day + 13 * hour * 1000);
export const compare = (
  lines: readonly string[],
  options: { from?: string; to?: string; cluster?: string } = {},
): Promise<Reconciliation> => reconcile({ clock: now }, { ledgerPath, files: [fileOf(lines)], cluster: 'prod', ...options });

export const unknown = '33333333-aaaa-4bbb-8ccc-000000000001';
