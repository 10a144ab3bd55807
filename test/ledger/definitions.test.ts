import { hash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultRetention, type Ledger, type PresentDefinitions, verifyLedger } from '../../src/ledger/index.ts';
import { salted } from '../../src/ledger/storage/payloads.ts';
import { createStores } from '../../src/ledger/stores.ts';
import { createRecordOrder, decodeRecord } from '../../src/log/index.ts';
import { canonicalBytes } from '../../src/model/index.ts';
import { collect, definitions, digest, pod, signerOf } from './given.ts';
import { openForTest } from './temporary.ts';

const who = { reason: 'ticket 7', requester: 'Alice', approver: 'Bob' };
const records = (ledger: Ledger, from = 2) =>
  [...ledger.records(from)].map(({ bytes }) => JSON.parse(Buffer.from(bytes).toString()) as object);

/** A run that is planned by the definitions as recorded. */
function run(ledger: Ledger, present: PresentDefinitions): void {
  const at = ledger.recordDefinitions(present);
  const { number } = ledger.planRun({
    cluster: 'prod',
    uuid: crypto.randomUUID(),
    kind: 'manual',
    collectors: [],
    tool: 't',
    definitions: at,
  });
  const identity = { name: 'prod', uid: null, version: null, server: null, caFingerprint: null, actor: null };
  ledger
    .startRun({ cluster: 'prod', number, identity, scope: 'cluster', listings: [] })
    .end({ status: 'failed', error: 'nothing', identity, serverClockSkewMs: null });
}

describe('definitions', () => {
  it('are recorded once for all at first, then each difference, and nothing when nothing changed', () => {
    const runs = ['run-planned', 'run-ended'];
    const ledger = openForTest();
    const first = { ...definitions({ schedule: 'a', 'params X': '1' }), texts: new Map([[digest, 'old text']]) };
    run(ledger, first);
    run(ledger, first);
    const second = definitions({ schedule: 'b', timezone: 'UTC' });
    ledger.recordDefinitions(second, who);
    run(ledger, second);
    expect(records(ledger).map((record) => ('what' in record ? record.what : 'type' in record ? record.type : ''))).toEqual([
      'definitions',
      ...runs,
      ...runs,
      'params X',
      'schedule',
      'timezone',
      'definitions',
      'definition-explained',
      ...runs,
    ]);
    const [born, change] = ledger.definitionChanges();
    expect(born).toMatchObject({ first: true, differences: [], explanation: null, approval: null, tool: 'kubevidence 0.1.0' });
    expect(change).toMatchObject({
      first: false,
      explanation: who,
      differences: [
        { what: 'params X', oldValue: '1', newDigest: null, newValue: null },
        { what: 'schedule', oldValue: 'a', newValue: 'b' },
        { what: 'timezone', oldDigest: null, oldValue: null, newValue: 'UTC' },
      ],
    });
    expect(JSON.stringify(records(ledger))).not.toMatch(/Alice|Bob|ticket/);
    expect(ledger.definitionState()?.list.map(({ what }) => what)).toEqual(['schedule', 'timezone']);
    expect(ledger.definitionState(born === undefined ? 0 : born.leaf + 1)?.list.map(({ value }) => value)).toEqual(['1', 'a']);
    expect(ledger.differingDefinitions(second)).toBeUndefined();
    expect(verifyLedger(ledger.path)).toMatchObject({ ok: true, problems: [] });
  });

  it('that nobody explained can be approved afterwards, once', () => {
    const ledger = openForTest();
    ledger.recordDefinitions(definitions({ a: '1' }));
    ledger.recordDefinitions(definitions({ a: '2' }));
    const leaf = ledger.definitionChanges().at(-1)?.leaf ?? 0;
    expect(() => ledger.approveDefinitions(leaf - 1, who)).toThrow('no change of definitions');
    ledger.approveDefinitions(leaf, who);
    expect(ledger.definitionChanges().at(-1)).toMatchObject({ explanation: null, approval: who });
    expect(() => ledger.approveDefinitions(leaf, who)).toThrow('approved already');
    expect(verifyLedger(ledger.path)).toMatchObject({ ok: true, problems: [] });
  });

  it('stay when the people who changed them are erased', () => {
    const ledger = openForTest();
    ledger.recordDefinitions(definitions({ a: '1' }));
    ledger.recordDefinitions(definitions({ a: '2' }), who);
    const request = {
      cluster: 'prod',
      objects: [],
      ids: [],
      payloads: [],
      persons: ['Alice'],
      expired: false,
      before: null,
      assessments: false,
    };
    const order = { legalBasis: 'GDPR Art. 17', requester: 'DPO', approver: 'CISO', overrideRetention: false };
    const { targets, stays } = ledger.planErasure(request, defaultRetention);
    expect({ targets: targets.length, stays }).toEqual({ targets: 1, stays: [] });
    expect(targets[0]).toMatchObject({
      class: 'people',
      retainUntil: null,
      title: expect.stringContaining('definition-explained') as string,
    });
    // What they answer for is in force.
    expect(() => ledger.erase(request, defaultRetention, order)).toThrow(/still in effect/);
    ledger.erase(request, defaultRetention, { ...order, overrideRetention: true });
    expect(JSON.stringify(ledger.definitionChanges())).not.toMatch(/Alice|Bob|ticket 7/);
    expect(ledger.definitionChanges().at(-1)).toMatchObject({
      explanation: { reason: '', requester: '', approver: '' },
      differences: [{ what: 'a', oldValue: '1', newValue: '2' }],
    });
    expect(() => ledger.approveDefinitions(ledger.definitionChanges().at(-1)?.leaf ?? 0, who)).toThrow('approved already');
    run(ledger, definitions({ a: '2' }));
    run(ledger, definitions({ a: '3' }));
    expect(ledger.definitionState()?.list.map(({ value }) => value)).toEqual(['3']);
    expect(verifyLedger(ledger.path)).toMatchObject({ ok: true, problems: [] });
    for (const suffix of ['', '-wal']) {
      const bytes = existsSync(ledger.path + suffix) ? readFileSync(ledger.path + suffix) : Buffer.alloc(0);
      expect(bytes.includes('Alice')).toBe(false);
    }
  });

  it('keep their people for as long as retention says from when others took their place', () => {
    const ledger = openForTest();
    ledger.recordDefinitions(definitions({ a: '1' }), who);
    ledger.recordDefinitions(definitions({ a: '2' }));
    const at = ledger.definitionChanges().at(-1)?.at ?? '';
    const request = {
      cluster: 'prod',
      objects: [],
      ids: [],
      payloads: [],
      persons: ['Bob'],
      expired: false,
      before: null,
      assessments: false,
    };
    const [target] = ledger.planErasure(request, defaultRetention).targets;
    expect(target?.retainUntil).toBe(`${Number(at.slice(0, 4)) + 6}${at.slice(4)}`);
  });

  it('that an older version recorded with their people in them are read as they are', () => {
    // As recordDefinitions wrote them before there was a record for the people.
    const [name, of] = ['schedule', definitions({ schedule: 'a' }).list[0]?.digest ?? ''];
    const ledger = openForTest();
    ledger.close();
    const raw = new Database(ledger.path);
    const details = salted({ ...who, tool: 't', list: [[name, of, 'a']], texts: {} });
    const newDigest = hash('sha256', canonicalBytes([[name, of]]));
    const at = '2026-08-14T12:30:00.000Z';
    const stores = createStores(raw);
    const leaf = stores.log.append({
      type: 'definition-changed',
      v: 1,
      at,
      what: 'definitions',
      oldDigest: null,
      newDigest,
      details: details.id,
    });
    stores.payloads.write(leaf, [details]);
    stores.log.sign(signerOf());
    raw.close();
    const again = openForTest(ledger.path);
    expect(again.definitionChanges()).toMatchObject([{ explanation: who, approval: null, tool: 't' }]);
    expect(() => again.approveDefinitions(leaf, who)).toThrow('approved already');
    again.recordDefinitions(definitions({ schedule: 'b' }), { ...who, requester: 'Carol' });
    expect(again.definitionChanges().map(({ explanation }) => explanation?.requester)).toEqual(['Alice', 'Carol']);
    expect(verifyLedger(again.path)).toMatchObject({ ok: true, problems: [] });
  });

  it('keep the text of both sides', () => {
    const ledger = openForTest();
    const of = (text: string): PresentDefinitions => {
      const id = definitions({ x: text }).list[0]?.digest ?? '';
      return { list: [{ what: 'control X', digest: id, value: null }], texts: new Map([[id, JSON.stringify(text)]]), tool: 't' };
    };
    for (const text of ['one', 'two']) ledger.recordDefinitions(of(text));
    for (const text of ['one', 'two']) expect(ledger.definitionText(of(text).list[0]?.digest ?? '')).toBe(JSON.stringify(text));
    expect(() => ledger.definitionText(digest)).toThrow('does not have the text');
  });

  it('that a run does not stand on are a problem', () => {
    const ledger = openForTest();
    ledger.recordDefinitions(definitions({ a: '1' }));
    collect(ledger, [pod({ name: 'a' })]);
    expect(verifyLedger(ledger.path).problems).toEqual([
      expect.stringContaining('planned by other definitions than those that were recorded'),
    ]);
  });

  it('in whatever order they change, are the last state, and the records are what changed', () => {
    const state = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'control X'), fc.constantFrom('1', '2', '3'));
    fc.assert(
      fc.property(fc.array(state, { minLength: 1, maxLength: 5 }), (states) => {
        const ledger = openForTest();
        for (const each of states) ledger.recordDefinitions(definitions(each));
        const last = states.at(-1) ?? {};
        expect(Object.fromEntries(ledger.definitionState()?.list.map(({ what, value }) => [what, value]) ?? [])).toEqual({ ...last });
        let replayed: Record<string, unknown> = { ...states[0] };
        for (const { differences } of ledger.definitionChanges().slice(1))
          for (const { what, newDigest, newValue } of differences) {
            const { [what]: _old, ...rest } = replayed;
            replayed = newDigest === null ? rest : { ...rest, [what]: newValue };
          }
        expect(replayed).toEqual({ ...last });
        expect(verifyLedger(ledger.path).problems).toEqual([]);
        ledger.close();
      }),
      { numRuns: 12 },
    );
  });
});

describe('records of definitions', () => {
  it.each([
    ['are not closed', [change('schedule', null, digest), planned(digest)], 'the change of schedule is not closed'],
    ['come from other ones', [change('definitions', null, digest), change('definitions', null, digest)], 'from others than those'],
    ['are others than a run names', [change('definitions', null, digest), planned('00'.repeat(32))], 'planned by other definitions'],
    ['are approved where nothing changed', [approved(7)], 'record 7 is none'],
    ['are explained where nothing changed', [explained(0)], 'record 0, which is named as it, is none'],
    ['are explained later', [change('definitions', null, digest), planned(digest), explained(1)], 'none that was just closed'],
    ['are explained and approved', [change('definitions', null, digest), explained(1), approved(1)], 'approved a second time'],
  ])('that %s', (_what, given, expected) => {
    const order = createRecordOrder();
    expect(given.flatMap((record, index) => order.take(index + 1, record)).join()).toContain(expected);
  });

  it('that fit together are right', () => {
    const order = createRecordOrder();
    const given = [change('definitions', null, digest), planned(digest), approved(1), change('definitions', digest, digest), explained(4)];
    expect(given.flatMap((record, index) => order.take(index + 1, record))).toEqual([]);
  });
});

function explained(of: number) {
  return read({ type: 'definition-explained', change: of, details: digest });
}

function change(what: string, oldDigest: string | null, newDigest: string) {
  return read({ type: 'definition-changed', what, oldDigest, newDigest, details: digest });
}
function approved(of: number) {
  return read({ type: 'definition-approved', change: of, details: digest });
}
function planned(of: string) {
  const uuid = '11111111-2222-4333-8444-555555555555';
  const run = { cluster: 'prod', run: 1, uuid, kind: 'manual', slot: null, tool: 't', collectors: { count: 0, digest }, definitions: of };
  return read({ type: 'run-planned', ...run });
}
function read(record: object) {
  const sorted = Object.entries({ ...record, v: 1, at: '2026-08-14T12:00:00.000Z' }).sort(([a], [b]) => (a < b ? -1 : 1));
  const decoded = decodeRecord(Buffer.from(JSON.stringify(Object.fromEntries(sorted))));
  if (!decoded.known) throw new Error('unknown record');
  return decoded.record;
}
