/** Grants that give nothing of their own can all go together, and nobody loses a right. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAccessIndex, overlapsOf } from '../../src/access/index.ts';
import type { JsonObject } from '../../src/model/index.ts';
import { binding, gathersAs, role, type SnapshotOptions } from '../populations/snapshots.ts';
import { rbacSnapshot } from './snapshot.ts';
import { dice, objectsOf, requestNear, world } from './worlds.ts';

const alice = { kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'alice' };
const rule = (verbs: string[], resources: string[], more: JsonObject = {}) => ({ verbs, apiGroups: [''], resources, ...more });
const grantsOf = (objects: readonly JsonObject[], options: SnapshotOptions = {}) =>
  createAccessIndex(rbacSnapshot(objects, options)).bindings.flatMap((each) =>
    each.subjects.map((subject) => ({ subject, binding: each })),
  );
const covered = (objects: readonly JsonObject[], options: SnapshotOptions = {}) =>
  [...overlapsOf(grantsOf(objects, options))].flatMap(({ binding: { key }, coveredBy }) =>
    coveredBy.length === 0 ? [] : [`${key} by ${coveredBy.map((each) => each.key).join(', ')}`],
  );

const read = role('read', [rule(['get'], ['pods'])]);
const wild = role('wild', [rule(['*'], ['*'])]);
const both = role('both', [rule(['get'], ['pods', 'secrets'])]);
const secrets = role('secrets', [rule(['get'], ['secrets'])]);

describe('covered by others', () => {
  test.each<[string, JsonObject[], readonly string[]]>([
    ['one grant', [read, binding('a', 'read', [alice])], []],
    [
      'of two alike one',
      [read, binding('a', 'read', [alice]), binding('b', 'read', [alice])],
      ['ClusterRoleBinding/b by ClusterRoleBinding/a'],
    ],
    [
      'in a namespace what holds everywhere',
      [read, binding('a', 'read', [alice]), binding('b', 'read', [alice], 'ns')],
      ['RoleBinding/ns/b by ClusterRoleBinding/a'],
    ],
    [
      'by a wildcard',
      [read, wild, binding('a', 'read', [alice]), binding('b', 'wild', [alice])],
      ['ClusterRoleBinding/a by ClusterRoleBinding/b'],
    ],
    [
      'not the other way round',
      [read, both, binding('a', 'read', [alice]), binding('b', 'both', [alice])],
      ['ClusterRoleBinding/a by ClusterRoleBinding/b'],
    ],
    [
      'by two together',
      [read, secrets, both, binding('a', 'read', [alice]), binding('b', 'secrets', [alice]), binding('c', 'both', [alice], 'ns')],
      ['RoleBinding/ns/c by ClusterRoleBinding/a, ClusterRoleBinding/b'],
    ],
    ['in another namespace', [read, binding('a', 'read', [alice], 'x'), binding('b', 'read', [alice], 'y')], []],
    ['of another subject', [read, binding('a', 'read', [alice]), binding('b', 'read', [{ ...alice, name: 'bob' }])], []],
    [
      'a name of all names',
      [
        read,
        role('named', [rule(['get'], ['pods'], { resourceNames: ['a'] })]),
        binding('a', 'read', [alice]),
        binding('b', 'named', [alice]),
      ],
      ['ClusterRoleBinding/b by ClusterRoleBinding/a'],
    ],
    [
      'two names by one',
      [
        role('two', [rule(['get'], ['pods'], { resourceNames: ['a', 'b'] })]),
        role('named', [rule(['get'], ['pods'], { resourceNames: ['a'] })]),
        binding('a', 'named', [alice]),
        binding('b', 'two', [alice]),
      ],
      ['ClusterRoleBinding/a by ClusterRoleBinding/b'],
    ],
    [
      'a path by a prefix',
      [
        role('x', [{ verbs: ['get'], nonResourceURLs: ['/a/b'] }]),
        role('y', [{ verbs: ['get'], nonResourceURLs: ['/a*'] }]),
        binding('a', 'x', [alice]),
        binding('b', 'y', [alice]),
      ],
      ['ClusterRoleBinding/a by ClusterRoleBinding/b'],
    ],
    [
      'a role without rules, and one that is missing',
      [role('none', []), binding('a', 'none', [alice]), binding('b', 'none', [alice]), binding('c', 'gone', [alice])],
      [],
    ],
  ])('%s', (_name, objects, expected) => {
    expect(covered(objects)).toEqual(expected);
  });
});

test('what files hold in part is covered by none but the same role, and may cover others', () => {
  const part = { ...read, metadata: { name: 'part' }, ...gathersAs('edit') };
  const inFiles = (...objects: JsonObject[]) => covered(objects, { scope: 'files' });
  expect(inFiles(part, wild, binding('a', 'part', [alice]), binding('b', 'wild', [alice]))).toEqual([]);
  expect(inFiles(part, binding('a', 'part', [alice]), binding('b', 'part', [alice]))).toEqual([
    'ClusterRoleBinding/b by ClusterRoleBinding/a',
  ]);
  expect(inFiles(read, part, binding('a', 'read', [alice]), binding('b', 'part', [alice]))).toEqual([
    'ClusterRoleBinding/a by ClusterRoleBinding/b',
  ]);
});

test('a wildcard would narrow to what the same subject holds by name', () => {
  const overlaps = [
    ...overlapsOf(
      grantsOf([read, wild, binding('a', 'read', [alice]), binding('b', 'wild', [alice]), binding('c', 'read', [alice], 'ns')]),
    ),
  ];
  const narrows = overlaps.map(({ binding: { key }, wildcards, narrowsTo }) => [key, wildcards, narrowsTo.map((each) => each.key)]);
  expect(narrows).toEqual([
    ['ClusterRoleBinding/a', [], []],
    ['ClusterRoleBinding/b', ['resources *', 'verbs *'], ['ClusterRoleBinding/a', 'RoleBinding/ns/c']],
    ['RoleBinding/ns/c', [], []],
  ]);
});

test('taking all of them away changes no answer', () => {
  let taken = 0;
  fc.assert(
    fc.property(world, fc.array(dice, { minLength: 30, maxLength: 30 }), (random, rolls) => {
      // One subject, so that its grants meet.
      const one = [{ kind: 'User' as const, name: 'alice', place: -1 }];
      const made = { ...random, bindings: random.bindings.map((each) => ({ ...each, subjects: one })) };
      const { roles, bindings } = objectsOf('w', made);
      const gone = new Set<string>();
      for (const {
        subject,
        binding: { key },
        coveredBy,
      } of overlapsOf(grantsOf([...roles, ...bindings])))
        if (coveredBy.length > 0) gone.add(`${key} ${subject.text}`);
      taken += gone.size;
      const keyOf = ({ kind, metadata }: JsonObject) => {
        const { namespace, name } = metadata as { namespace?: string; name: string };
        return `${kind as string}/${namespace === undefined ? '' : `${namespace}/`}${name}`;
      };
      const before = createAccessIndex(rbacSnapshot([...roles, ...bindings]));
      const textOf = (each: JsonObject, inside: JsonObject) => {
        const [found] = createAccessIndex(rbacSnapshot([...roles, { ...inside, subjects: [each] }])).subjects;
        return `${keyOf(inside)} ${found?.text ?? ''}`;
      };
      const less = bindings.map((each) => {
        const subjects = (each['subjects'] as JsonObject[]).filter((subject) => !gone.has(textOf(subject, each)));
        return Object.assign({}, each, { subjects });
      });
      const after = createAccessIndex(rbacSnapshot([...roles, ...less]));
      for (const numbers of rolls) {
        const request = requestNear('w', made, numbers);
        expect(after.can(request).allowed).toBe(before.can(request).allowed);
      }
    }),
    { numRuns: 100 },
  );
  expect(taken).toBeGreaterThan(10);
});
