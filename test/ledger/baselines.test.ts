/** Baselines are records: the one accepted last holds, and the ledger that has them verifies. */
import { expect, it } from 'vitest';
import { verifyLedger } from '../../src/ledger/index.ts';
import { createRecordOrder } from '../../src/log/index.ts';
import { collect, identity, plan, pod } from './given.ts';
import { openForTest, temporaryPath } from './temporary.ts';

it('is the snapshot that was accepted last, with who and why', () => {
  const path = temporaryPath();
  const ledger = openForTest(path);
  expect(ledger.baseline('prod')).toBeUndefined();
  for (let i = 0; i < 3; i++) collect(ledger, [pod({ name: 'a', uid: 'a' })]);
  ledger.acceptBaseline({ cluster: 'prod', run: 3, reason: 'go-live', by: 'Eve' });
  const accepted = ledger.acceptBaseline({ cluster: 'prod', run: 1, reason: 'rolled back', by: 'Bob' });
  expect(accepted).toMatchObject({ cluster: 'prod', run: 1, reason: 'rolled back', by: 'Bob' });
  expect(ledger.baseline('prod')).toEqual(accepted);
  expect(ledger.baseline('other')).toBeUndefined();
  expect(verifyLedger(path)).toMatchObject({ ok: true, problems: [] });
});

it('cannot be a run without a snapshot', () => {
  const ledger = openForTest();
  const { number } = plan(ledger);
  const accept = () => ledger.acceptBaseline({ cluster: 'prod', run: number, reason: 'x', by: 'y' });
  expect(accept).toThrow('run 1 of prod has no snapshot');
  const writer = ledger.startRun({ cluster: 'prod', number, identity, scope: 'cluster', listings: [] });
  writer.end({ status: 'failed', error: null, identity, serverClockSkewMs: null });
  expect(accept).toThrow('run 1 of prod has no snapshot');
});

it('follows the end of its run in the log', () => {
  const at = '2026-08-14T12:00:00.000Z';
  const record = { type: 'baseline-accepted', v: 1, at, cluster: 'prod', run: 1, details: 'ab'.repeat(32) } as const;
  expect(createRecordOrder().take(5, record)).toEqual(['record 5: run 1 of prod is accepted as a baseline before it ended']);
});
