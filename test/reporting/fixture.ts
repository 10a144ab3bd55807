/**
 * A hand-made quarter of a cluster, large and unfriendly: 274 requirements, 30 controls, hostile and very long names, runs that failed
 * or were missed, gaps of every kind. Everything is derived from small tables, so that the same call gives the same inputs.
 */
import { join } from 'node:path';
import type { Assessment, Catalog, ControlResult, ListingKind, RunSummary, StoredListing } from '../../src/model/index.ts';
import { describeRead, loadReportDefinition, type ReportBinding, type ReportInputs, type RunInput } from '../../src/reporting/index.ts';
import { control, controlTable, frameworkOf, hex, hostile, items, requirementResults, result, shapes, uuid } from './fixture-catalog.ts';
import { manyPolicies } from './fixture-audit.ts';
import { manyPaths } from './fixture-paths.ts';
import { judgedOf } from './fixture-period.ts';

export { hostile } from './fixture-catalog.ts';

export const definitionPath = join(import.meta.dirname, '../../reports/audit-pack.yaml');

const iso = (base: string, minutes: number): string => new Date(Date.parse(base) + minutes * 60_000).toISOString();

const kinds: readonly ListingKind[] = [
  'k8s.apiserver/flags',
  'k8s.apiserver/metrics',
  'k8s.core/namespaces',
  'k8s.core/nodes',
  'k8s.core/pods',
  'k8s.core/serviceaccounts',
  'k8s.network/networkpolicies',
  'k8s.rbac/clusterrolebindings',
  'k8s.rbac/clusterroles',
  'k8s.rbac/rolebindings',
  'k8s.rbac/roles',
  'k8s.secrets/secrets',
];

function listing(kind: ListingKind, index: number, run: number, at: string): StoredListing {
  const gap =
    kind === 'k8s.secrets/secrets'
      ? [
          {
            reason: 'forbidden' as const,
            what: 'secrets',
            detail: 'HTTP 403',
            closedBy: 'kubevidence manifests rbac --with secrets | kubectl apply -f -',
          },
        ]
      : [];
  const count = gap.length > 0 ? 0 : 17 + index * 23;
  return {
    id: hex(run * 100 + index),
    kind,
    collectorVersion: 1,
    keepDigest: hex(index),
    assurance: 'observed',
    requests: [
      {
        auditId: `${uuid(run)}-${index + 1}`,
        path: `/apis/rbac.authorization.k8s.io/v1/${kind.split('/')[1] ?? ''}?limit=500&resourceVersionMatch=NotOlderThan`,
        status: gap.length > 0 ? 403 : 200,
        startedAt: at,
        endedAt: iso(at, 0.02),
        serverDate: iso(at, run === 7 ? 2 : 0.01),
        resourceVersion: String(880_000 + run),
        pages: 1 + (index % 3),
        items: count,
        bytes: count * 900,
        attempts: 1,
        consistency: 'consistent',
      },
    ],
    gaps: gap,
    items: count,
    scrubbed: { annotations: index * 4, env: index % 2 === 0 ? 3 : 0 },
    observedAt: iso(at, 0.02),
  };
}

const start = '2026-07-01T00:00:00.000Z';

function runs(count: number): RunInput[] {
  return Array.from({ length: count }, (_, index): RunInput => {
    const number = index + 79;
    const at = iso(start, 26 + index * 24 * 60);
    const status: RunSummary['status'] =
      index === count - 1 ? 'partial' : index === 11 ? 'failed' : index % 17 === 16 ? 'missed' : index % 9 === 8 ? 'partial' : 'succeeded';
    const read = status === 'succeeded' || status === 'partial';
    const listings = read ? kinds.map((kind, place) => listing(kind, place, index === 6 ? 7 : number, at)) : [];
    return {
      recordHash: hex(number),
      read: describeRead(listings),
      listings: () => listings,
      summary: {
        cluster: 'prod-eu',
        number,
        uuid: uuid(number),
        kind: index === 20 ? 'manual' : 'scheduled',
        status,
        plannedAt: at,
        startedAt: at,
        endedAt: status === 'missed' ? null : iso(at, 1.4),
        slot: index === 20 ? null : at,
        leaf: 300 + index * 3,
        error: status === 'failed' ? `connection refused by ${hostile.escape}` : null,
        observedAt: null,
      },
    };
  });
}

export interface FixtureOptions {
  readonly bindings?: number;
  readonly demo?: boolean;
  readonly period?: boolean;
  readonly runs?: number;
}

/** The inputs of the hand-made report. */
export function makeInputs({ bindings = 40, demo = true, period = true, runs: runCount = 90 }: FixtureOptions = {}): ReportInputs {
  const allRuns = runs(runCount);
  const last = allRuns.at(-1);
  const first = allRuns[0];
  if (last === undefined || first === undefined) throw new Error('the fixture needs a run');
  const results = controlTable.map((row) => result(row, last.listings()));
  const frameworks = shapes.map(frameworkOf);
  const assessment: Assessment = {
    schema: 'kubevidence/assessment/v1',
    scope: 'cluster',
    cluster: { name: 'prod-eu', uid: uuid(1), version: '1.36.3' },
    at: last.summary.endedAt ?? start,
    run: { number: last.summary.number, startedAt: last.summary.startedAt, endedAt: last.summary.endedAt },
    controls: results,
    requirements: frameworks.flatMap((framework) => requirementResults(framework, results)),
    summary: {},
  };
  const catalog: Catalog = { controls: controlTable.map(control), frameworks, techniques: [], digest: hex(5), bytes: new Uint8Array() };
  const before = Array.from(
    results,
    (entry): ControlResult =>
      entry.id === 'RBAC-001'
        ? { ...entry, outcome: 'pass', findings: [] }
        : entry.id === 'API-001'
          ? { ...entry, outcome: 'fail' }
          : entry,
  );
  const rows = Array.from(
    { length: bindings },
    (_, index): ReportBinding => ({
      subject: index < items.length ? (items[index] ?? '') : `ServiceAccount/team-${index}/deployer`,
      role: `ClusterRole/edit-${index % 7}`,
      scope: index % 3 === 0 ? 'cluster-wide' : `namespace team-${index}`,
      binding: `RoleBinding/team-${index}/edit`,
      created: iso(start, -index * 60),
      uid: uuid(index),
    }),
  );
  const wholePeriod = { name: '2026-Q3', start, end: '2026-10-01T00:00:00.000Z' };
  const checkpointTime = iso('2026-10-01T00:00:00.000Z', 12);
  const logStarted = '2026-06-20T08:00:00.000Z';
  const { requirements } = assessment;
  const judged = { runs: allRuns, assessment, requirements, period: wholePeriod, asOf: checkpointTime, genesis: logStarted };
  return {
    definition: loadReportDefinition(definitionPath),
    organization: 'Clinic & Sons <Holding> GmbH, Zürich',
    timezone: 'Europe/Zurich',
    pack: '2026-Q3/1',
    period: period ? wholePeriod : null,
    judged: period ? judgedOf(judged) : null,
    demo,
    draft: false,
    toolVersion: '0.1.0',
    checkpoint: {
      origin: 'kubevidence.example/prod-eu',
      size: 612,
      root: hex(9),
      time: checkpointTime,
      logStarted,
    },
    signer: { subject: 'O=Clinic & Sons,CN=Kubevidence documents', fingerprint: hex(3) },
    logKey: 'kubevidence.example/prod-eu+1a2b3c4d+AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGh',
    timestamped: false,
    timestampGaps: [],
    authorityUnknown: false,
    custody: [],
    keeping: ['Kept at least: evidence 6 years.', 'Holds in force: 0.'],
    redactions: [
      {
        leaf: 70,
        at: '2026-08-01T10:00:00.000Z',
        what: 'objects',
        kind: 'k8s.rbac/rolebindings',
        count: 2,
        legalBasis: hostile.formula,
        requester: 'Data protection office',
        approver: null,
        overrideRetention: true,
      },
    ],
    reviews: [
      {
        leaf: 40,
        at: '2026-07-20T09:00:00.000Z',
        run: 12,
        keep: 40,
        revoke: 3,
        change: 1,
        open: 2,
        reviewer: [hostile.formula, 'Head of operations'],
        preparer: hostile.plus,
        complete: false,
      },
      {
        leaf: 44,
        at: '2026-08-20T09:00:00.000Z',
        run: 40,
        keep: 46,
        revoke: 0,
        change: 0,
        open: 0,
        reviewer: null,
        preparer: null,
        complete: null,
      },
    ],
    exceptions: [
      {
        id: 'EXC-1',
        control: 'RBAC-008',
        item: hostile.formula,
        status: 'inForce',
        expires: '2026-12-31T23:00:00.000Z',
        requester: hostile.plus,
        requestedAt: '2026-07-13T08:00:00.000Z',
        approver: 'Head of operations',
        approvedAt: '2026-07-14T08:00:00.000Z',
        revokedBy: null,
        revokedAt: null,
        justification: hostile.long,
        compensatingControl: hostile.override,
        ticket: 'OPS-7',
        findings: 1,
      },
      {
        id: 'EXC-2',
        control: 'POD-001',
        item: null,
        status: 'requested',
        expires: '2026-12-31T23:00:00.000Z',
        requester: null,
        requestedAt: '2026-07-13T08:00:00.000Z',
        approver: null,
        approvedAt: null,
        revokedBy: null,
        revokedAt: null,
        justification: null,
        compensatingControl: null,
        ticket: null,
        findings: 0,
      },
    ],
    definitionChanges: [
      {
        leaf: 90,
        at: '2026-09-07T04:00:00.000Z',
        what: 'params RBAC-001',
        before: null,
        after: '{"allowed":["User/clinic-breakglass"]}',
        reason: hostile.at,
        requester: 'Operations',
        approver: 'CISO',
        approvedLaterAt: '2026-09-08T04:00:00.000Z',
      },
      {
        leaf: 95,
        at: '2026-09-08T04:00:00.000Z',
        what: 'control POD-001',
        before: `SHA-256 ${hex(1)}`,
        after: `SHA-256 ${hex(2)}`,
        reason: null,
        requester: null,
        approver: null,
        approvedLaterAt: null,
      },
    ],
    cluster: {
      name: 'prod-eu',
      uid: uuid(1),
      version: '1.36.3',
      server: 'https://k8s-api.prod-eu.clinic.example:6443',
      caFingerprint: hex(4),
      actor: 'system:serviceaccount:audit:collector',
    },
    catalog,
    params: { 'RBAC-001': { allowed: ['Group/system:masters', 'Group/kubeadm:cluster-admins', `User/${hostile.long}`] } },
    assessment,
    first: {
      assessment: {
        ...assessment,
        run: { number: first.summary.number, startedAt: first.summary.startedAt, endedAt: first.summary.endedAt },
        controls: before,
      },
      objects: [
        { kind: 'k8s.core/pods', added: 14, removed: 9, changed: 31 },
        { kind: 'k8s.rbac/clusterrolebindings', added: 1, removed: 0, changed: 0 },
        { kind: 'k8s.rbac/roles', added: 0, removed: 0, changed: 0 },
      ],
    },
    runs: allRuns,
    bindings: { rows, gaps: [] },
    paths: manyPaths,
    auditPolicies: manyPolicies,
    auditLogAt: () => ({ servers: 3, complete: true, withoutFile: 0, elsewhere: 0, days: 30 }),
    owners: { of: (namespace) => (namespace === 'team' ? hostile.markup : null), read: true },
  };
}
