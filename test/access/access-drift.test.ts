/** Gained and lost access, against the authorizer's own answers, and told in words. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareAccess, createAccessIndex } from '../../src/access/index.ts';
import type { JsonObject, ListingKind } from '../../src/model/index.ts';
import { gathersAs } from '../populations/snapshots.ts';
import { forbidden, rbacSnapshot } from './snapshot.ts';
import { dice, objectsOf, requestNear, world } from './worlds.ts';

const apiVersion = 'rbac.authorization.k8s.io/v1';
const rule = (verbs: string, resources: string, more: JsonObject = {}) => ({
  verbs: verbs.split(' '),
  apiGroups: [''],
  resources: resources.split(' '),
  ...more,
});
const role = (name: string, rules: JsonObject[], more: JsonObject = {}) => ({
  apiVersion,
  kind: 'ClusterRole',
  metadata: { name },
  rules,
  ...more,
});
const alice = { kind: 'User', name: 'alice' };
const bind = (name: string, roleName: string, subjects: JsonObject[] = [alice], namespace?: string) => ({
  apiVersion,
  kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
  metadata: { name, ...(namespace !== undefined && { namespace }) },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: roleName },
  subjects,
});
const indexOf = (objects: readonly JsonObject[], options = {}) => createAccessIndex(rbacSnapshot(objects, options));
const reader = role('reader', [rule('get list', 'pods')]);

describe('gained access', () => {
  it.each([
    ['a binding', [reader], [reader, bind('b', 'reader')], 'binding', ['get, list pods'], []],
    ['a subject of a binding', [reader, bind('b', 'reader', [])], [reader, bind('b', 'reader')], 'subject', ['get, list pods'], []],
    [
      'a rule of a role, what was held before left out',
      [reader, bind('b', 'reader', [alice], 'prod')],
      [role('reader', [rule('get list watch', 'pods secrets')]), bind('b', 'reader', [alice], 'prod')],
      'role',
      ['get, list, watch secrets', 'watch pods'],
      ['readsSecrets'],
    ],
    [
      'a role that aggregates more',
      [role('sum', [], { aggregationRule: { clusterRoleSelectors: [] } }), bind('b', 'sum')],
      [role('sum', [rule('get', 'secrets')], { aggregationRule: { clusterRoleSelectors: [] } }), bind('b', 'sum')],
      'aggregation',
      ['get secrets'],
      ['readsSecrets'],
    ],
    [
      'the same name for more',
      [role('r', [rule('get', 'secrets', { resourceNames: ['a'] })]), bind('b', 'r')],
      [role('r', [rule('get', 'secrets', { resourceNames: ['a', 'b'] })]), bind('b', 'r')],
      'role',
      ['get secrets (only: b)'],
      ['readsSecrets'],
    ],
    [
      'a path',
      [role('r', [{ verbs: ['get'], nonResourceURLs: ['/metrics/*'] }]), bind('b', 'r')],
      [role('r', [{ verbs: ['get'], nonResourceURLs: ['/metrics/slis', '/logs'] }]), bind('b', 'r')],
      'role',
      ['get /logs'],
      [],
    ],
  ])('through %s', (_what, before, after, cause, rights, powers) => {
    const drift = compareAccess(indexOf(before), indexOf(after));
    expect(drift.gained).toMatchObject([{ subject: 'User/alice', binding: expect.stringContaining('/b'), cause, rights, powers }]);
    // And the other way round it is what is lost.
    expect(compareAccess(indexOf(after), indexOf(before)).lost).toEqual(drift.gained);
  });

  it.each([
    ['in other words', [role('r', [rule('get', 'pods'), rule('list', 'pods')])], [role('r', [rule('list get', 'pods')])]],
    ['for which a wildcard stood', [role('r', [rule('*', '*')])], [role('r', [rule('get', 'pods/exec secrets')])]],
  ])('is not what was held before %s', (_what, before, after) => {
    const binding = bind('b', 'r');
    expect(compareAccess(indexOf([...before, binding]), indexOf([...after, binding])).gained).toEqual([]);
  });

  it('is not what another binding of the subject gave there, but is where that one did not reach', () => {
    const before = [reader, bind('a', 'reader', [alice], 'prod')];
    expect(compareAccess(indexOf(before), indexOf([reader, bind('b', 'reader', [alice], 'prod')])).gained).toEqual([]);
    expect(compareAccess(indexOf(before), indexOf([reader, bind('b', 'reader', [alice], 'test')])).gained).toMatchObject([
      { namespace: 'test' },
    ]);
    expect(compareAccess(indexOf(before), indexOf([reader, bind('b', 'reader')])).gained).toMatchObject([{ namespace: '' }]);
    expect(compareAccess(indexOf([reader, bind('b', 'reader')]), indexOf(before)).gained).toEqual([]);
  });

  it('is unknown where the earlier snapshot was not read whole', () => {
    const drift = compareAccess(indexOf([reader], forbidden('clusterrolebindings')), indexOf([reader, bind('b', 'reader')]));
    expect(drift).toMatchObject({ gained: [], lost: [], unknown: 1, gaps: [{ what: 'clusterrolebindings', reason: 'forbidden' }] });
  });

  it('is what other roles of the files give to the very same role', () => {
    const part = (rules: JsonObject[]) => role('part', rules, { metadata: { name: 'part', labels: { agg: 'yes' } } });
    const sum = role('sum', [], { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { agg: 'yes' } }] } });
    // A ledger gives an object that did not change its id again.
    const index = (rules: JsonObject[]) => {
      const reader = rbacSnapshot([part(rules), sum, bind('b', 'sum')], { scope: 'files' });
      const objects = (kind: ListingKind) =>
        Iterator.from(reader.objects(kind)).map((each) => (each.name === 'sum' ? Object.assign({}, each, { id: 'sum' }) : each));
      return createAccessIndex({ ...reader, objects });
    };
    expect(compareAccess(index([]), index([rule('get', 'secrets')])).gained).toMatchObject([
      { subject: 'User/alice', cause: 'aggregation', rights: ['get secrets'] },
    ]);
  });

  it('is unknown where earlier files left out what the role gathers', () => {
    const sum = role('sum', [], gathersAs('view'));
    const index = (...more: JsonObject[]) => indexOf([sum, bind('b', 'sum'), ...more], { scope: 'files' });
    const drift = compareAccess(index(), index(role('system:aggregate-to-view', [rule('get', 'pods')])));
    expect(drift).toMatchObject({ gained: [], lost: [], unknown: 1, gaps: [{ reason: 'absent' }] });
  });

  it('cluster-wide is known whatever was not read of namespaces', () => {
    const drift = compareAccess(indexOf([reader], forbidden('roles', 'rolebindings')), indexOf([reader, bind('b', 'reader')]));
    expect(drift).toMatchObject({ gained: [{ binding: 'ClusterRoleBinding/b' }], unknown: 0 });
  });

  it('lists so many rights, and counts the others', () => {
    const names = Array.from({ length: 500 }, (_, index) => `s-${index}`);
    const wide = role('r', [rule('get', 'secrets', { resourceNames: names })]);
    expect(compareAccess(indexOf([]), indexOf([wide, bind('b', 'r')])).gained).toMatchObject([{ more: 460 }]);
  });

  it('is every name where only the empty one was held, and not the other way round', () => {
    const some = role('r', [rule('get', 'pods', { resourceNames: [''] })]);
    const every = role('r', [rule('get', 'pods')]);
    const [before, after] = [indexOf([some, bind('b', 'r')]), indexOf([every, bind('b', 'r')])];
    expect(compareAccess(before, after).gained).toMatchObject([{ subject: 'User/alice', rights: ['get pods'] }]);
    expect(compareAccess(after, before).gained).toEqual([]);
    expect(compareAccess(indexOf([]), before).gained).toMatchObject([{ rights: ['get pods (only: "")'] }]);
  });

  it('holds every request that is answered differently, whatever the worlds', () => {
    fc.assert(
      fc.property(world, world, fc.array(dice, { minLength: 20, maxLength: 20 }), (one, other, throws) => {
        const [made, makes] = [objectsOf('w', one), objectsOf('w', other)];
        const all = ({ roles, bindings }: typeof made) => [...roles, ...bindings];
        const [before, after] = [indexOf(all(made)), indexOf(all(makes))];
        const { gained } = compareAccess(before, after);
        const named = new Set(gained.map(({ subject }) => subject));
        for (const numbers of throws) {
          const request = requestNear('w', other, numbers);
          if (!after.can(request).allowed || before.can(request).allowed) continue;
          const account = /^system:serviceaccount:([^:]+):(.+)$/.exec(request.user);
          const who = [`User/${request.user}`, ...(account === null ? [] : [`ServiceAccount/${account[1]}/${account[2]}`])];
          expect([...who, ...request.groups.map((group) => `Group/${group}`)].some((text) => named.has(text))).toBe(true);
        }
        expect(compareAccess(after, after)).toMatchObject({ gained: [], lost: [] });
      }),
      { numRuns: 150 },
    );
  });
});
