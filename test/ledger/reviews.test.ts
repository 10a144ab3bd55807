/** Access reviews are records: what they count is what they say, two people took part, and who did can be erased. */
import { expect, it } from 'vitest';
import {
  decisionsInForce,
  defaultRetention,
  exportLedger,
  importLedger,
  type ReviewStatement,
  verifyLedger,
} from '../../src/ledger/index.ts';
import { createDecisionCheck } from '../../src/ledger/verification/verify-decisions.ts';
import { createRecordOrder } from '../../src/log/index.ts';
import type { Json } from '../../src/model/index.ts';
import { collect, plan, pod, reviewRow as row, reviewStatement as statement } from './given.ts';
import { openForTest, temporaryPath } from './temporary.ts';

it('count what they say, and the one that decided last is in force', () => {
  const path = temporaryPath();
  const ledger = openForTest(path);
  collect(ledger, [pod({ name: 'a', uid: 'a' })]);
  expect(ledger.reviews('prod')).toEqual([]);
  const first = ledger.recordReview({ cluster: 'prod', run: 1, statement: statement([row('x', 'revoke'), row('y', 'keep')]) });
  expect(first).toMatchObject({ run: 1, decisions: { keep: 1, revoke: 1, change: 0, open: 1 }, statement: { reviewer: 'Grace' } });
  const second = ledger.recordReview({
    cluster: 'prod',
    run: 1,
    statement: statement([row('x', 'revoke'), row('y', 'change'), row('z', 'keep')]),
  });
  const inForce = [...decisionsInForce(ledger.reviews('prod'))].map(
    ([
      item,
      {
        row: { decision },
        review,
      },
    ]) => [item, decision, review.leaf],
  );
  // What the second import repeats keeps the time of the first.
  expect(inForce).toEqual([
    ['x', 'revoke', first.leaf],
    ['y', 'change', second.leaf],
    ['z', 'keep', second.leaf],
  ]);
  expect(ledger.reviews('prod', second.leaf)).toEqual([first]);
  expect(ledger.reviews('other')).toEqual([]);
  expect(verifyLedger(path)).toMatchObject({ ok: true, problems: [] });
});

it('are of a snapshot, and of two people, in each row', () => {
  const ledger = openForTest();
  const record = (review: ReviewStatement) => () => ledger.recordReview({ cluster: 'prod', run: 1, statement: review });
  plan(ledger);
  expect(record(statement([]))).toThrow('run 1 of prod has no snapshot');
  const path = temporaryPath();
  const other = openForTest(path);
  collect(other, [pod({ name: 'a', uid: 'a' })]);
  const refused = [statement([], { reviewer: ' ada' }), statement([row('x', 'keep', 'ADA')])];
  for (const each of refused)
    expect(() => other.recordReview({ cluster: 'prod', run: 1, statement: each })).toThrow(/prepared this review/);
  expect(other.reviews('prod')).toEqual([]);
  expect(other.recordReview({ cluster: 'prod', run: 1, statement: statement([], { preparer: null }) })).toMatchObject({
    decisions: { open: 3 },
  });
});

it('lose their people to an erasure, and keep their counts; an export carries both', () => {
  const path = temporaryPath();
  const ledger = openForTest(path);
  collect(ledger, [pod({ name: 'a', uid: 'a' })]);
  const { leaf } = ledger.recordReview({ cluster: 'prod', run: 1, statement: statement([row('x', 'keep')]) });
  const later = ledger.recordReview({ cluster: 'prod', run: 1, statement: statement([row('x', 'keep', 'Heidi')], { reviewer: 'Heidi' }) });
  const nothing = {
    cluster: 'prod',
    objects: [],
    ids: [],
    payloads: [],
    persons: ['Grace'],
    expired: false,
    before: null,
    assessments: false,
  };
  const order = { legalBasis: 'request', requester: 'Eve', approver: 'Bob', overrideRetention: true };
  const { targets } = ledger.planErasure(nothing, defaultRetention);
  expect(targets).toMatchObject([{ class: 'people', place: leaf, retainUntil: expect.any(String) }]);
  ledger.erase(nothing, defaultRetention, order);
  expect(ledger.reviews('prod')).toMatchObject([
    { statement: null, decisions: { keep: 1, open: 2 } },
    { statement: { reviewer: 'Heidi' } },
  ]);
  // The latest is in effect.
  expect(ledger.planErasure({ ...nothing, persons: ['Heidi'] }, defaultRetention).targets).toMatchObject([
    { place: later.leaf, retainUntil: null },
  ]);
  expect(verifyLedger(path)).toMatchObject({ ok: true, problems: [] });
  const [out, copy] = [temporaryPath(), temporaryPath()];
  ledger.close();
  exportLedger(path, out);
  importLedger(out, copy);
  expect(verifyLedger(copy)).toMatchObject({ ok: true, problems: [] });
});

it('follow the end of their run in the log', () => {
  const at = '2026-08-14T12:00:00.000Z';
  const decisions = { keep: 1, revoke: 0, change: 0, open: 0 };
  const record = { type: 'access-reviewed', v: 1, at, cluster: 'prod', run: 1, decisions, details: 'ab'.repeat(32) } as const;
  expect(createRecordOrder().take(5, record)).toEqual(['record 5: run 1 of prod is reviewed before it ended']);
});

it('do not verify when record and payload differ, or one person did both', () => {
  const at = '2026-08-14T12:00:00.000Z';
  const decisions = { keep: 1, revoke: 0, change: 0, open: 2 };
  const record = { type: 'access-reviewed', v: 1, at, cluster: 'prod', run: 1, decisions, details: 'ab'.repeat(32) } as const;
  const check = (said: unknown) => createDecisionCheck().take(7, record, said as Json);
  expect(check(statement([row('x', 'keep')]))).toEqual([]);
  expect(check(null)).toEqual([]);
  const counts = 'record 7: it counts other decisions than the access review has';
  expect(check(statement([row('x', 'revoke')]))).toEqual([counts]);
  expect(check(statement([]))).toEqual([counts]);
  const one = 'record 7: an access review was prepared and done by one person';
  expect(check(statement([row('x', 'keep', 'Ada ')]))).toEqual([one]);
  expect(check(statement([row('x', 'keep')], { reviewer: 'ADA' }))).toEqual([one]);
});
