import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ExceptionFacts, exceptionStatus } from '../../src/assessment/index.ts';
import { verifyLedger } from '../../src/ledger/index.ts';
import { isSamePerson } from '../../src/log/index.ts';
import { KubevidenceError } from '../../src/model/index.ts';
import { clockFrom, collect, identity, start } from './given.ts';
import { openForTest, temporaryPath } from './temporary.ts';

const request = {
  cluster: 'prod',
  control: 'NET-001',
  item: 'clinic/booking',
  expires: '2026-12-31T23:00:00.000Z',
  justification: 'a vendor sandbox',
  compensatingControl: null,
  ticket: 'T-1',
  requester: 'Alice',
};

describe('an exception', () => {
  it('is in force from its approval until it expires or is revoked, and nobody’s name stands in the log', () => {
    const ledger = openForTest();
    const { id } = ledger.requestException(request);
    expect(id).toBe('EXC-1');
    expect(ledger.exceptionsInForce('prod', '2026-08-15T00:00:00.000Z')).toEqual([]);
    const { approved } = ledger.approveException({ id, approver: 'Bob' });
    const at = approved?.at ?? '';
    const inForce = (instant: string, size?: number) => ledger.exceptionsInForce('prod', instant, size).map((each) => each.id);
    expect(inForce(at)).toEqual(['EXC-1']);
    expect(inForce(new Date(Date.parse(at) - 1).toISOString())).toEqual([]);
    expect(inForce(request.expires)).toEqual([]);
    expect(inForce('2026-12-31T22:59:59.999Z')).toEqual(['EXC-1']);
    expect(inForce('2026-12-31T22:59:59.999Z', approved?.leaf)).toEqual([]);
    expect(ledger.exceptionsInForce('other', at)).toEqual([]);
    const { revoked } = ledger.revokeException({ id, reason: 'gone', by: 'Carol' });
    expect(inForce(revoked?.at ?? '')).toEqual([]);
    expect(inForce(at)).toEqual(['EXC-1']);
    expect(ledger.exceptions('prod')).toMatchObject([{ ...request, id, approver: 'Bob', revocation: { reason: 'gone', by: 'Carol' } }]);
    const log = [...ledger.records()].map(({ bytes }) => Buffer.from(bytes).toString()).join();
    expect(log).not.toMatch(/Alice|Bob|Carol|sandbox|clinic/);
    expect(verifyLedger(ledger.path)).toMatchObject({ ok: true, problems: [] });
  });

  it('is over once the name stands for another cluster, of which nobody accepted anything', () => {
    const ledger = openForTest();
    collect(ledger, []);
    const [{ id }, waiting] = [ledger.requestException(request), ledger.requestException({ ...request, item: 'clinic/other' })];
    const { approved } = ledger.approveException({ id, approver: 'Bob' });
    const other = { ...identity, uid: randomUUID() };
    start(ledger).end({ status: 'failed', error: 'another cluster', identity: other, serverClockSkewMs: null });
    ledger.rebindCluster({ cluster: 'prod', reason: 'rebuilt', by: 'Dana' });
    const [first] = ledger.exceptions('prod');
    const over = first?.rebound?.at ?? '';
    expect(ledger.exceptionsInForce('prod', over)).toEqual([]);
    expect(ledger.exceptionsInForce('prod', approved?.at ?? '')).toMatchObject([{ id }]);
    expect([exceptionStatus(first as ExceptionFacts, over), exceptionStatus(first as ExceptionFacts, approved?.at ?? '')]).toEqual([
      'rebound',
      'inForce',
    ]);
    expect(() => ledger.approveException({ id: waiting.id, approver: 'Bob' })).toThrow('was requested of the cluster that prod stood for');
    const again = ledger.requestException(request);
    const { approved: anew } = ledger.approveException({ id: again.id, approver: 'Bob' });
    expect(ledger.exceptionsInForce('prod', anew?.at ?? '')).toMatchObject([{ id: again.id }]);
    expect(verifyLedger(ledger.path)).toMatchObject({ ok: true, problems: [] });
  });

  it.each(['Alice', ' alice ', 'ALICE', 'Ａlice'])('is not approved by %s, who requested it', (approver) => {
    const ledger = openForTest();
    ledger.requestException(request);
    expect(() => ledger.approveException({ id: 'EXC-1', approver })).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining('cannot approve it') }),
    );
    expect(ledger.exceptions('prod')).toMatchObject([{ approved: null, approver: null }]);
  });

  it.each([
    ['past', '2026-08-14T11:00:00.000Z', 'would have expired'],
    ['more than a year away', '2027-08-20T00:00:00.000Z', '366 days at most'],
  ])('does not expire at a time that is %s', (_what, expires, message) => {
    expect(() => openForTest().requestException({ ...request, expires })).toThrow(message);
  });

  it('is approved once, in time, and not after it was revoked', () => {
    let now = Date.parse('2026-08-14T12:00:00.000Z');
    const ledger = openForTest(temporaryPath(), () => new Date((now += 1000)));
    for (let count = 0; count < 3; count++) ledger.requestException({ ...request, expires: '2026-08-15T12:00:00.000Z' });
    ledger.approveException({ id: 'EXC-1', approver: 'Bob' });
    expect(() => ledger.approveException({ id: 'EXC-1', approver: 'Bob' })).toThrow('already');
    ledger.revokeException({ id: 'EXC-2', reason: 'r', by: 'Alice' });
    expect(() => ledger.approveException({ id: 'EXC-2', approver: 'Bob' })).toThrow('was revoked');
    expect(() => ledger.revokeException({ id: 'EXC-2', reason: 'r', by: 'Alice' })).toThrow('already');
    now += 86_400_000;
    expect(() => ledger.approveException({ id: 'EXC-3', approver: 'Bob' })).toThrow('expired at');
    expect(() => ledger.approveException({ id: 'EXC-9', approver: 'Bob' })).toThrow('there is no exception EXC-9');
    expect(verifyLedger(ledger.path)).toMatchObject({ ok: true, problems: [] });
  });

  it('is in force exactly between its records, whatever happened in between', () => {
    const step = fc.constantFrom('request', 'approve', 'revoke', 'wait');
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fc.integer({ min: 1, max: 3 })), { maxLength: 14 }), (steps) => {
        const clock = clockFrom();
        const ledger = openForTest(temporaryPath(), clock);
        const truth = new Map<string, 'requested' | 'inForce' | 'revoked'>();
        for (const [what, number] of steps) {
          const id = `EXC-${number}`;
          const before = truth.get(id);
          const act = () => {
            if (what === 'request') truth.set(ledger.requestException(request).id, 'requested');
            if (what === 'approve') truth.set(ledger.approveException({ id, approver: 'Bob' }).id, 'inForce');
            if (what === 'revoke') truth.set(ledger.revokeException({ id, reason: 'r', by: 'c' }).id, 'revoked');
          };
          const allowed =
            what === 'approve' ? before === 'requested' : what === 'revoke' ? before !== undefined && before !== 'revoked' : true;
          expect(outcomeOf(act)).toBe(allowed ? 'done' : 'usage');
        }
        const expected = [...truth].filter(([, state]) => state === 'inForce').map(([id]) => id);
        expect(ledger.exceptionsInForce('prod', clock().toISOString()).map(({ id }) => id)).toEqual(expected);
        expect(verifyLedger(ledger.path).problems).toEqual([]);
        ledger.close();
      }),
      { numRuns: 15 },
    );
  });
});

function outcomeOf(act: () => void): string {
  try {
    act();
    return 'done';
  } catch (error) {
    return error instanceof KubevidenceError ? error.code : String(error);
  }
}

describe('two names', () => {
  it('of one person are recognised by their letters', () => {
    expect(isSamePerson('Dr.  Ada  Lovelace', 'dr. ada lovelace')).toBe(true);
    expect(isSamePerson('Ada', 'Adam')).toBe(false);
  });
});
