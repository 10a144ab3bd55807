/** Erasure: what is gone is gone from the bytes of the file, what stays still verifies, and nothing goes that must stay. */
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import {
  defaultRetention,
  type ErasureOrder,
  type ErasureRequest,
  openLedger,
  type RetentionPolicy,
  verifyLedger,
} from '../../src/ledger/index.ts';
import { type EvidenceObject, exitCodeOf } from '../../src/model/index.ts';
import { alice, binding, bindings, blobs, bytesOf, define, hasPiece, judge, later, nothing, order, others } from './erase-given.ts';
import { clockFrom, collect, digest, identity, signerOf } from './given.ts';
import { openForTest, temporaryPath } from './temporary.ts';

describe('an erased object', () => {
  it('is gone from every byte of the files, in all its versions, and everything else verifies', () => {
    const path = temporaryPath();
    const ledger = openForTest(path);
    collect(ledger, [binding('for-alice', alice)], { kind: bindings });
    collect(ledger, [binding('for-alice', `${alice} 2`, '2'), ...others(3)], { kind: bindings, resourceVersion: '101' });
    collect(ledger, [{ ...binding('for-alice', `${alice} 3`, '3') }, ...others(3)], { kind: bindings, resourceVersion: '102' });
    const [first] = [...ledger.snapshot('prod', 1).objects(bindings)];
    const salts = [1, 2, 3].map((run) => {
      const exhibit = ledger.exhibit('prod', run, bindings);
      return Buffer.from(
        exhibit.ids.flatMap((id) => exhibit.objectWithSalt(id) ?? []).find(({ object }) => object.name === 'for-alice')?.salt ?? [],
      );
    });
    const old = blobs(path, 'SELECT bytes FROM block WHERE first = 1');
    const before = bytesOf(path);
    expect(before.text).toContain(alice);
    expect(salts.map((salt) => before.raw.includes(salt))).toEqual([true, true, true]);
    expect(old.map((blob) => hasPiece(before.raw, blob))).toEqual([true]);

    const request = { ...nothing, objects: [{ type: 'RoleBinding', namespace: 'clinic', name: 'for-alice' }] };
    const report = ledger.erase(request, defaultRetention, order);
    expect(report).toMatchObject({ swept: true, plan: { targets: [{ runs: [1] }, { runs: [2] }, { runs: [3] }], stays: [] } });
    ledger.checkpoint();

    for (const state of ['open', 'closed']) {
      if (state === 'closed') ledger.close();
      const after = bytesOf(path);
      expect(after.text, state).not.toContain(alice);
      expect(salts.map((salt) => after.raw.includes(salt))).toEqual([false, false, false]);
      expect(old.map((blob) => hasPiece(after.raw, blob))).toEqual([false]);
      expect(after.raw.includes(Buffer.from(first?.id ?? '', 'hex'))).toBe(true);
    }
    expect(verifyLedger(path)).toMatchObject({ ok: true, problems: [] });
  });

  it('leaves a gap in every snapshot that read it, and the others whole', () => {
    const ledger = openForTest();
    collect(ledger, others(3), { kind: bindings });
    collect(ledger, [binding('for-alice', alice), ...others(3)], { kind: bindings, resourceVersion: '101' });
    ledger.erase({ ...nothing, persons: [alice] }, defaultRetention, order);
    const read = (run: number) => {
      const reader = ledger.snapshot('prod', run);
      return {
        names: [...reader.objects(bindings)].map(({ name }) => name),
        gaps: reader.listing(bindings)?.gaps.map(({ reason }) => reason),
      };
    };
    const names = ['team-0', 'team-1', 'team-2'];
    expect([read(1), read(2)]).toEqual([
      { names, gaps: [] },
      { names, gaps: ['redacted'] },
    ]);
  });

  it('costs the next run nothing but what is new, and is stored anew where it is still there', () => {
    const path = temporaryPath();
    const ledger = openForTest(path);
    const all = [binding('for-alice', alice), ...others(40)];
    collect(ledger, all, { kind: bindings });
    ledger.erase({ ...nothing, persons: [alice] }, defaultRetention, order);
    const ids = () => [...ledger.snapshot('prod', ledger.runs('prod').length).objects(bindings)].map(({ id }) => id);
    const kept = ids();
    collect(ledger, all, { kind: bindings, resourceVersion: '101' });
    expect(ids()).toHaveLength(41);
    expect(ids()).toEqual(expect.arrayContaining(kept));
    collect(ledger, all.slice(1), { kind: bindings, resourceVersion: '102' });
    expect(ids()).toEqual(kept);
    ledger.close();
    expect(verifyLedger(path).problems).toEqual([]);
  });

  it('is found by its id, and by nothing that only resembles its name', () => {
    const ledger = openForTest();
    collect(ledger, [binding('a', 'alice'), binding('b', 'alice-admin'), binding('c', 'malice'), binding('d', 'oidc:Alice')], {
      kind: bindings,
    });
    const plan = (request: Partial<ErasureRequest>) =>
      ledger.planErasure({ ...nothing, ...request }, defaultRetention).targets.map(({ title }) => title);
    const id = [...ledger.snapshot('prod', 1).objects(bindings)][2]?.id ?? '';
    expect(plan({ ids: [id] })).toEqual(['RoleBinding/clinic/c']);
    expect(plan({ persons: ['alice'] })).toEqual(['RoleBinding/clinic/a', 'RoleBinding/clinic/d']);
    expect(plan({ objects: [{ type: 'RoleBinding', namespace: '', name: 'a' }] })).toEqual([]);
    expect(plan({ persons: ['alice'], before: '2026-08-14T12:00:00.000Z' })).toEqual([]);
    expect(plan({ persons: ['alice'], before: later })).toHaveLength(2);
    expect(plan({ persons: ['alice'], cluster: 'test' })).toEqual([]);
  });
});

describe('what cannot be taken out of something larger', () => {
  it('is said: names in lists, a run that names its user, definitions in force', () => {
    const ledger = openForTest();
    define(ledger, '01', 'alice', 'User/alice');
    const file = { ...binding('from-file', 'alice'), place: { file: 'alice/rbac.yaml', line: 3 } };
    const namespaced = binding('b', 'bob');
    (namespaced.body['metadata'] as { namespace: string }).namespace = 'alice';
    const who = { ...identity, actor: 'oidc:alice' };
    collect(ledger, [file, { ...namespaced, namespace: 'alice' }], { kind: bindings, identity: who });
    const { targets, stays } = ledger.planErasure({ ...nothing, persons: ['alice'] }, defaultRetention);
    expect(targets.map(({ title }) => title).toSorted()).toEqual([
      'RoleBinding/alice/b',
      'RoleBinding/clinic/from-file',
      'what the definition-explained record 3 says of people',
    ]);
    expect(stays.join('\n')).toMatch(/lists keep kind, name and file of 1 of these/);
    expect(stays.join('\n')).toMatch(/the namespace alice bears the name/);
    expect(stays.join('\n')).toMatch(/the payload of a run names it too.*record 5.*only the whole run can go, with --payload/);
    expect(stays.join('\n')).toMatch(/the definitions in force contain it.*record 2/);
  });
});

describe('an erased payload', () => {
  it('of an assessment is gone also where others stood on it as their dictionary', () => {
    const path = temporaryPath();
    const ledger = openForTest(path);
    collect(ledger, others(2), { kind: bindings });
    judge(ledger, 1, `RoleBinding/clinic/${alice}`, '01'.repeat(32));
    judge(ledger, 1, 'RoleBinding/clinic/a', '02'.repeat(32));
    judge(ledger, 1, 'RoleBinding/clinic/b', '03'.repeat(32));
    const [target, ...rest] = ledger.assessments('prod', 1);
    const old = blobs(path, `SELECT bytes FROM payload WHERE leaf = ${target?.leaf}`);
    expect(blobs(path, `SELECT base FROM payload WHERE base = ${target?.leaf}`)).not.toEqual([]);
    expect(bytesOf(path).text).toContain(alice);
    const { swept } = ledger.erase({ ...nothing, payloads: [target?.leaf ?? 0] }, defaultRetention, order);
    const after = bytesOf(path);
    expect(swept).toBe(true);
    expect(after.text).not.toContain(alice);
    expect(after.raw.includes(Buffer.from(target?.salt ?? []))).toBe(false);
    expect(old.map((blob) => hasPiece(after.raw, blob))).toEqual([false]);
    expect(ledger.assessments('prod', 1)).toEqual(rest);
    expect(ledger.erasures()).toMatchObject([{ class: 'assessment', ids: [target?.id], legalBasis: order.legalBasis, approver: 'CISO' }]);
    ledger.close();
    expect(verifyLedger(path).problems).toEqual([]);
  });

  it('of people is found by their name, wherever a record has one', () => {
    const path = temporaryPath();
    const ledger = openForTest(path);
    define(ledger, '01', alice);
    define(ledger, '02', 'bob');
    const request = { cluster: 'prod', control: 'RBAC-001', item: alice, expires: later, justification: 'j' };
    ledger.requestException({ ...request, compensatingControl: null, ticket: null, requester: 'bob' });
    ledger.placeHold({ scope: { cluster: 'prod', runs: { from: 7, to: 7 }, period: null }, reason: 'case 1', by: alice });
    const { plan } = ledger.erase({ ...nothing, persons: [alice] }, defaultRetention, order);
    expect(plan.targets.map((target) => target.class)).toEqual(['people', 'people', 'people']);
    expect(plan.targets.map(({ cluster }) => cluster)).toEqual([null, 'prod', null]);
    expect(ledger.exceptions('prod')).toMatchObject([{ item: null }]);
    expect(ledger.holds()).toMatchObject([{ reason: null, by: null, released: null }]);
    expect(bytesOf(path).text).not.toContain(alice);
    ledger.close();
    expect(verifyLedger(path).problems).toEqual([]);
  });
});

describe('a whole run', () => {
  it('goes with everything that only it read; what others read stays, and both verify', () => {
    const path = temporaryPath();
    const ledger = openForTest(path);
    const objects = others(100);
    collect(ledger, [binding('for-alice', alice), ...objects], { kind: bindings });
    collect(ledger, objects, { kind: bindings, resourceVersion: '101' });
    collect(ledger, objects.slice(1), { kind: bindings, resourceVersion: '102' });
    const shown = (run: number) => [...ledger.snapshot('prod', run).objects(bindings)].map(({ id }) => id);
    const kept = [shown(2), shown(3)];
    const leaf = ledger.run('prod', 1)?.leaf ?? 0;
    ledger.erase({ ...nothing, payloads: [leaf] }, defaultRetention, order);
    expect([shown(2), shown(3)]).toEqual(kept);
    expect(ledger.snapshot('prod', 1).listings()).toEqual([]);
    expect(bytesOf(path).text).not.toContain(alice);
    collect(ledger, objects.slice(1), { kind: bindings, resourceVersion: '103' });
    expect(shown(4)).toEqual(kept[1]);
    ledger.erase({ ...nothing, payloads: [3, 4].map((run) => ledger.run('prod', run)?.leaf ?? 0) }, defaultRetention, order);
    expect(shown(2)).toEqual(kept[0]);
    collect(ledger, objects, { kind: bindings, resourceVersion: '104' });
    expect(shown(5)).toHaveLength(100);
    ledger.close();
    expect(verifyLedger(path).problems).toEqual([]);
  });
});

describe('erasing is refused', () => {
  const refusal = (act: () => unknown) => {
    try {
      act();
    } catch (error) {
      return `${exitCodeOf(error)} ${(error as Error).message}`;
    }
    return 'done';
  };
  const given = () => {
    const ledger = openForTest();
    collect(ledger, [binding('for-alice', alice), ...others(2)], { kind: bindings });
    return {
      ledger,
      erase: (change: Partial<ErasureOrder> = {}, policy?: RetentionPolicy) =>
        refusal(() => ledger.erase({ ...nothing, persons: [alice] }, policy ?? defaultRetention, { ...order, ...change })),
    };
  };

  it.each<[string, Partial<ErasureOrder>, RegExp]>([
    ['without a legal basis', { legalBasis: ' ' }, /2 an erasure needs a legal basis/],
    ['when one person asks and approves', { approver: 'dpo  OFFICE' }, /2 the same person/],
    ['when the legal basis keeps the name', { legalBasis: `request of ${alice}` }, /2 .* would keep the name/],
    ['while retention lasts', { overrideRetention: false }, /2 1 of 1 things to erase are to be kept \(the last of it until 2032-08-14/],
  ])('%s', (_, change, message) => {
    const { ledger, erase } = given();
    expect(erase(change)).toMatch(message);
    expect(ledger.erasures()).toEqual([]);
    expect([...ledger.snapshot('prod', 1).objects(bindings)]).toHaveLength(3);
  });

  it('while a hold covers it, whatever the legal basis, until the hold is released', () => {
    const { ledger, erase } = given();
    const scope = { cluster: 'prod', runs: { from: 1, to: 1 }, period: null };
    const { id } = ledger.placeHold({ scope, reason: 'case 7', by: 'legal' });
    expect(erase()).toMatch(`2 1 of 1 things to erase are under a hold (${id})`);
    ledger.releaseHold({ id, reason: 'case closed', by: 'legal' });
    expect(refusal(() => ledger.releaseHold({ id, reason: 'again', by: 'legal' }))).toMatch(/2 .* was released at/);
    expect(refusal(() => ledger.releaseHold({ id: 'H-99', reason: 'r', by: 'b' }))).toMatch(/2 there is no hold H-99/);
    expect(ledger.holds()).toMatchObject([{ id, scope, reason: 'case 7', by: 'legal', released: { reason: 'case closed', by: 'legal' } }]);
    expect(erase()).toBe('done');
    expect(erase()).toMatch(/2 nothing in the ledger matches/);
  });

  it('while a pack stands on it: the pack holds its runs, and the one before', () => {
    const { ledger, erase } = given();
    collect(ledger, others(2), { kind: bindings, resourceVersion: '101' });
    collect(ledger, others(2), { kind: bindings, resourceVersion: '102' });
    const { endedAt } = ledger.run('prod', 2) ?? {};
    const period = { from: endedAt ?? '', to: later };
    const { leaf } = ledger.recordPack({
      cluster: 'prod',
      period,
      checkpoint: ledger.checkpoint().size,
      manifestDigest: digest,
      documentKeyFingerprint: digest,
    });
    collect(ledger, others(2), { kind: bindings, resourceVersion: '103' });
    const id = `P-${leaf}`;
    expect(ledger.holds()).toMatchObject([{ id, scope: { cluster: 'prod', runs: { from: 1, to: 3 } }, released: null }]);
    expect(erase()).toContain(`under a hold (${id})`);
    ledger.releaseHold({ id, reason: 'superseded', by: 'legal' });
    expect(erase()).toBe('done');
  });

  it.each([
    ['a period', { cluster: null, runs: null, period: { from: '2026-08-14T12:00:00.000Z', to: later } }, true],
    ['another period', { cluster: null, runs: null, period: { from: later, to: '2027-01-01T00:00:00.000Z' } }, false],
    ['another cluster', { cluster: 'test', runs: null, period: null }, false],
    ['everything', { cluster: null, runs: null, period: null }, true],
  ])('by a hold on %s, when that covers it', (_, scope, held) => {
    const { ledger, erase } = given();
    ledger.placeHold({ scope, reason: 'r', by: 'b' });
    expect(erase().includes('under a hold')).toBe(held);
  });
});

describe('retention', () => {
  const short: RetentionPolicy = { evidence: { years: 0, days: 1 }, assessments: { years: 0, days: 1 }, people: { years: 0, days: 1 } };

  it('counts from when an object was last in a snapshot', () => {
    const path = temporaryPath();
    let day = 14;
    const clock = () => new Date(`2026-08-${day}T12:00:00.000Z`);
    const ledger = openForTest(path, clock);
    const at = (next: number, objects: readonly EvidenceObject[], resourceVersion: string) => {
      day = next;
      collect(ledger, objects, { kind: bindings, resourceVersion });
    };
    at(14, [binding('gone', 'x'), binding('stays', 'y')], '100');
    at(15, [binding('gone', 'x'), binding('stays', 'y')], '101');
    at(17, [binding('stays', 'y')], '102');
    const plan = (name: string) =>
      ledger.planErasure({ ...nothing, objects: [{ type: 'RoleBinding', namespace: 'clinic', name }] }, short).targets[0];
    expect(plan('gone')).toMatchObject({ runs: [1, 2], retainUntil: '2026-08-16T12:00:00.000Z' });
    expect(plan('stays')).toMatchObject({ runs: [1, 2, 3], retainUntil: '2026-08-18T12:00:00.000Z' });
    expect(ledger.retention(short)).toMatchObject({ runs: [{ run: 1 }, { run: 2 }], held: 0, next: '2026-08-18T12:00:00.000Z' });
    expect(ledger.retention(defaultRetention)).toMatchObject({ runs: [], next: '2032-08-14T12:00:00.000Z' });

    const scope = { cluster: 'prod', runs: { from: 2, to: 2 }, period: null };
    const { id } = ledger.placeHold({ scope, reason: 'r', by: 'b' });
    expect(ledger.retention(short)).toMatchObject({ runs: [{ run: 1 }], held: 1 });
    ledger.releaseHold({ id, reason: 'r', by: 'b' });
    const { plan: done } = ledger.erase({ ...nothing, expired: true }, short, { ...order, overrideRetention: false });
    expect(done.targets.map(({ title }) => title)).toEqual(['run 1, all that it read', 'run 2, all that it read']);
    expect([...ledger.snapshot('prod', 3).objects(bindings)].map(({ name }) => name)).toEqual(['stays']);
    expect(ledger.retention(short).runs).toEqual([]);
    ledger.close();
    expect(verifyLedger(path).problems).toEqual([]);
  });

  it('of a definition counts from when it was last in effect', () => {
    let day = 14;
    const ledger = openForTest(temporaryPath(), () => new Date(`2026-08-${day}T12:00:00.000Z`));
    const first = define(ledger, '01');
    day = 20;
    const second = define(ledger, '02');
    const plan = (leaf: number) => ledger.planErasure({ ...nothing, payloads: [leaf] }, short).targets[0]?.retainUntil;
    expect(plan(first)).toBe('2026-08-21T12:00:00.000Z');
    expect(() => plan(second)).toThrow('definitions that are in force');
    // The change itself is in effect as long as no other of the same definition follows.
    expect(plan(second - 1)).toBeNull();
    day = 21;
    expect(ledger.retention(short).people).toEqual([first, first + 1]);
    ledger.erase({ ...nothing, payloads: [first] }, short, { ...order, overrideRetention: false });
    expect(define(ledger, '03')).toBeGreaterThan(second);
  });
});

describe('an erasure cut short', () => {
  it('is finished by the next opening for writing, and stands behind no reader for ever', () => {
    const path = temporaryPath();
    const ledger = openForTest(path);
    collect(ledger, [binding('for-alice', alice), ...others(2)], { kind: bindings });
    // A reader in the middle of its work needs what the journal holds.
    const reader = new Database(path, { readonly: true });
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM log').get();
    expect(ledger.erase({ ...nothing, persons: [alice] }, defaultRetention, order).swept).toBe(false);
    ledger.close();
    expect(bytesOf(path).text).toContain(alice);
    expect(verifyLedger(path).problems).toEqual([]);
    reader.exec('COMMIT');
    reader.close();
    openLedger({ path, mode: 'write', clock: clockFrom(), signer: signerOf() }).close();
    expect(bytesOf(path).text).not.toContain(alice);
    expect(verifyLedger(path).problems).toEqual([]);
  });
});

describe('verification', () => {
  const attack = (deed: (raw: Database.Database) => void) => {
    const path = temporaryPath();
    const ledger = openForTest(path);
    collect(ledger, [binding('for-alice', alice), ...others(2)], { kind: bindings });
    judge(ledger, 1, 'x');
    ledger.erase({ ...nothing, persons: ['user-1'] }, defaultRetention, order);
    ledger.checkpoint();
    ledger.close();
    expect(verifyLedger(path).problems).toEqual([]);
    const raw = new Database(path);
    deed(raw);
    raw.close();
    return verifyLedger(path).problems.join('\n');
  };

  it('accepts nothing as erased that no record names', () => {
    expect(attack((raw) => raw.exec('UPDATE payload SET salts = zeroblob(16), bytes = zeroblob(0) WHERE leaf = 4'))).toMatch(
      /payload of record 4/,
    );
    expect(attack((raw) => raw.exec('DELETE FROM reuse'))).toMatch(/what may be reused for prod/);
    expect(attack((raw) => raw.exec('DELETE FROM payload WHERE leaf = 4'))).toMatch(/payload of record 4/);
  });
});
