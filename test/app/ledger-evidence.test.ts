/** What the ledger says of itself, stored with each run, and what controls make of it. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { storeLedgerEvidence } from '../../src/app/assess/ledger-evidence.ts';
import { assessControls } from '../../src/assessment/index.ts';
import { loadCatalog } from '../../src/catalog/index.ts';
import { collectors } from '../../src/collectors/index.ts';
import { verifyLedger } from '../../src/ledger/index.ts';
import { type Instant, type ListingKind, type RunKind, textAt } from '../../src/model/index.ts';
import { populations } from '../../src/populations/index.ts';
import { createIngest } from '../../src/sources/index.ts';
import { reviewRow, reviewStatement } from '../ledger/given.ts';
import { openForTest, temporaryPath } from '../ledger/temporary.ts';

const identity = { name: 'prod', uid: null, version: null, server: null, caFingerprint: null, actor: null };
const root = join(import.meta.dirname, '..', '..');
const { controls } = loadCatalog({
  controlDirs: [join(root, 'controls')],
  mappingDirs: [],
  populations: populations.map(({ name }) => name),
});
const own: readonly ListingKind[] = ['kubevidence.ledger/runs', 'kubevidence.ledger/exceptions'];
const namespaces: ListingKind = 'k8s.namespaces/namespaces';

interface Attempt {
  readonly kind?: RunKind;
  readonly slot?: Instant | null;
  readonly status?: 'succeeded' | 'partial' | 'failed' | 'interrupted';
  readonly timeToLiveSeconds?: number;
  /** The ledger's own listings that are collected. */
  readonly kinds?: readonly ListingKind[];
}

function open(start: Instant) {
  let now = Date.parse(start);
  const clock = () => new Date(now);
  const path = temporaryPath();
  const ledger = openForTest(path, clock);
  return {
    ledger,
    path,
    at: (time: Instant) => (now = Date.parse(time)),
    run(at: Instant, attempt: Attempt = {}): number {
      const {
        kind = 'scheduled',
        slot = kind === 'scheduled' ? at : null,
        status = 'succeeded',
        timeToLiveSeconds = 93_600,
        kinds = own,
      } = attempt;
      now = Date.parse(at);
      const plan = { cluster: 'prod', uuid: crypto.randomUUID(), kind, slot, definitions: '0'.repeat(64), collectors: [], tool: 't' };
      const { number } = ledger.planRun(plan);
      const listings = [namespaces, ...kinds].map((each) => ({
        kind: each,
        collectorVersion: 1,
        keepDigest: '',
        reusable: false,
        timeToLiveSeconds,
      }));
      const sink = ledger.startRun({ cluster: 'prod', number, identity, scope: 'cluster', listings });
      if (status !== 'failed') {
        const ingest = createIngest({ collectors, sink, clock });
        ingest.putRaw(namespaces, [{ raw: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a', uid: 'a' } } }]);
        ingest.close(namespaces, { requests: [], gaps: [], observedAt: clock().toISOString() });
        storeLedgerEvidence({ ledger, cluster: 'prod', number, sink, kinds, clock });
      }
      now += 60_000;
      sink.end({ status, error: null, identity, serverClockSkewMs: null });
      return number;
    },
    judge(number: number, id: string) {
      const [result] = assessControls(
        controls.filter((control) => control.id === id),
        { reader: ledger.snapshot('prod', number), populations },
      );
      return { outcome: result?.outcome, findings: result?.findings.map(({ item, message }) => `${item} ${message}`) };
    },
  };
}
type Opened = ReturnType<typeof open>;

const runsIn = ({ ledger }: Opened, number: number) =>
  [...ledger.snapshot('prod', number).objects('kubevidence.ledger/runs')].map(({ name, body }) => `${name} ${textAt(body, 'status')}`);

const day = (date: number, hour = '06:00') => `2026-08-${String(date).padStart(2, '0')}T${hour}:00.000Z`;

describe('the runs', () => {
  it('are those of the schedule since the last that read anything, and this one', () => {
    const opened = open(day(1));
    const run = (at: Instant, attempt?: Attempt) => opened.run(at, attempt);
    const first = run(day(1));
    const second = run(day(2), { status: 'failed' });
    const manual = run(day(2, '12:00'), { kind: 'manual' });
    const third = run(day(3), { status: 'partial' });
    const fourth = run(day(4));
    expect(runsIn(opened, first)).toEqual(['1 running']);
    expect(runsIn(opened, manual)).toEqual(['1 succeeded', '2 failed', '3 running']);
    expect(runsIn(opened, third)).toEqual(['1 succeeded', '2 failed', '4 running']);
    expect(runsIn(opened, fourth)).toEqual(['4 partial', '5 running']);
    expect(second).toBe(2);
    expect(opened.judge(first, 'RUN-001')).toEqual({ outcome: 'pass', findings: [] });
    expect(opened.judge(third, 'RUN-001')).toEqual({
      outcome: 'fail',
      findings: [
        'slot/2026-08-02T06:00:00.000Z The run of 2026-08-02 06:00 UTC ended as failed',
        'slot/2026-08-03T06:00:00.000Z The run of 2026-08-03 06:00 UTC began 47 h after the last scheduled run that read anything',
      ],
    });
    expect(opened.judge(fourth, 'RUN-001').findings).toEqual([
      'slot/2026-08-03T06:00:00.000Z The run of 2026-08-03 06:00 UTC ended as partial',
    ]);
    expect(verifyLedger(opened.path).problems).toEqual([]);
  });

  it('name missed slots, also a range of them, which the next run finds', () => {
    const opened = open(day(1));
    opened.run(day(1), { timeToLiveSeconds: 864_000 });
    opened.at(day(5, '09:00'));
    opened.ledger.recordMissedSlots('prod', [{ slot: day(2), through: day(5), slots: 4 }]);
    const late = opened.run(day(5, '09:00'), { slot: null });
    expect(opened.judge(late, 'RUN-001')).toEqual({
      outcome: 'fail',
      findings: [
        'slot/2026-08-02T06:00:00.000Z The run of 2026-08-02 06:00 UTC was missed, and stands for 4 slots, the last of them 2026-08-05T06:00:00.000Z',
      ],
    });
    expect(opened.judge(opened.run(day(6)), 'RUN-001').outcome).toBe('pass');
  });

  it('by hand alone are for a person to judge, and not collected ones are a gap', () => {
    const opened = open(day(1));
    opened.run(day(1), { kind: 'manual' });
    expect(opened.judge(opened.run(day(2), { kind: 'manual' }), 'RUN-001').outcome).toBe('manual');
    const without = opened.run(day(3), { kinds: [] });
    expect(opened.judge(without, 'RUN-001').outcome).toBe('notAssessed');
    expect(opened.judge(without, 'EXC-001').outcome).toBe('notAssessed');
  });

  it('are few, however many there are: hourly for a day and more', () => {
    const opened = open(day(1));
    let last = 0;
    for (let hour = 0; hour < 30; hour++) last = opened.run(new Date(Date.parse(day(1)) + hour * 3_600_000).toISOString());
    expect(runsIn(opened, last)).toHaveLength(2);
    expect(opened.judge(last, 'RUN-001')).toEqual({ outcome: 'pass', findings: [] });
  });
});

describe('the exceptions', () => {
  it('are judged as they were when the run ended, and name nobody', () => {
    const opened = open(day(1));
    const { ledger } = opened;
    const run = (at: Instant) => opened.run(at);
    const judge = (number: number, id: string) => opened.judge(number, id);
    const none = run(day(1));
    const request = {
      cluster: 'prod',
      control: 'RBAC-001',
      item: 'User/carol|x',
      justification: 'because of Dora',
      compensatingControl: null,
    };
    const waiting = ledger.requestException({ ...request, expires: day(20), ticket: 'T-1', requester: 'Erika Example' });
    const asked = run(day(2));
    const tooLong = run(day(17));
    ledger.approveException({ id: waiting.id, approver: 'Frank Other' });
    const approved = run(day(18));
    const expired = run(day(21));
    ledger.revokeException({ id: waiting.id, reason: 'gone', by: 'Frank Other' });
    const revoked = run(day(22));
    ledger.requestException({ ...request, cluster: 'other', expires: day(25), ticket: null, requester: 'X' });
    expect([none, asked, tooLong, approved, expired, revoked].map((number) => judge(number, 'EXC-001').outcome)).toEqual([
      'pass',
      'pass',
      'fail',
      'pass',
      'fail',
      'pass',
    ]);
    expect(judge(expired, 'EXC-001').findings).toEqual(['EXC-1 EXC-1 for RBAC-001 expired at 2026-08-20T06:00:00.000Z']);
    const [object] = ledger.snapshot('prod', approved).objects('kubevidence.ledger/exceptions');
    expect(object?.body).toMatchObject({ control: 'RBAC-001', approvedByAnother: true });
    expect(JSON.stringify(object)).not.toMatch(/carol|Dora|Erika|Frank|T-1/);
  });
});

describe('the reviews', () => {
  it('are the last forty, and those before in which somebody is still to be revoked', () => {
    const reviews: ListingKind = 'kubevidence.ledger/reviews';
    const opened = open(day(1));
    opened.run(day(1));
    const record = (decision: 'keep' | 'revoke', items: readonly string[]) => {
      const statement = reviewStatement(items.map((item) => reviewRow(item, decision)));
      return opened.ledger.recordReview({ cluster: 'prod', run: 1, statement }).leaf;
    };
    const [revoked, kept] = [record('revoke', ['alice']), record('keep', ['bob'])];
    const others = Array.from({ length: 40 }, (_, n) => record('keep', [`user-${n}`]));
    const number = opened.run(day(2), { kinds: [...own, reviews] });
    const stored = [...opened.ledger.snapshot('prod', number).objects(reviews)].map(({ name }) => Number(name.replace('REV-', '')));
    expect(stored.sort((a, b) => a - b)).toEqual([revoked, ...others]);
    expect(stored).not.toContain(kept);
  });
});
