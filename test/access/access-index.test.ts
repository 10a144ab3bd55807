/** What the access index answers, against a naive reading of the same objects and corner by corner. The real authorizer is asked in test/cluster. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AccessRequest, Right, Subject } from '../../src/access/index.ts';
import { createAccessIndex, userNameOf } from '../../src/access/index.ts';
import type { Json, JsonObject } from '../../src/model/index.ts';
import { binding, role } from '../populations/snapshots.ts';
import { naiveAllows } from './naive.ts';
import { forbidden, rbacSnapshot } from './snapshot.ts';
import { dice, objectsOf, requestNear, world } from './worlds.ts';

const user = (name: string) => ({ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name });
const groupNamed = (name: string) => ({ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name });
const rule = (verbs: string[], resources: string[], more: JsonObject = {}) => ({ verbs, apiGroups: [''], resources, ...more });
const index = (...objects: JsonObject[]) => createAccessIndex(rbacSnapshot(objects));
const get = (resource: string, namespace = '', name = ''): AccessRequest => ({
  user: 'alice',
  groups: [],
  resourceAttributes: { verb: 'get', resource, namespace, name },
});

test('random worlds: every answer is the naive one, with a grant that gives it', () => {
  fc.assert(
    fc.property(world, fc.array(dice, { minLength: 40, maxLength: 40 }), (made, rolls) => {
      const { roles, bindings } = objectsOf('w', made);
      const objects = [...roles, ...bindings];
      const access = index(...objects);
      for (const numbers of rolls) {
        const request = requestNear('w', made, numbers);
        const decision = access.can(request);
        const wanted = naiveAllows(objects as never, request);
        // The grant that is named is enough by itself; system:masters needs none.
        const alone = [...(decision.via === null ? [] : [decision.via.binding.object.body]), ...roles];
        const byItself = naiveAllows(alone as never, request);
        expect({ request, allowed: decision.allowed, byItself }).toEqual({ request, allowed: wanted, byItself: wanted });
      }
    }),
    { numRuns: 150 },
  );
});

test('who can is the same as asking for everybody', () => {
  fc.assert(
    fc.property(world, dice, (made, numbers) => {
      const { roles, bindings } = objectsOf('w', made);
      const access = index(...roles, ...bindings);
      const { resourceAttributes, nonResourceAttributes } = requestNear('w', made, numbers);
      const right: Right = resourceAttributes ?? { verb: '', ...nonResourceAttributes };
      // An account and the user of its name are two subjects, and one for the authorizer.
      const names = (subjects: readonly Subject[]) =>
        new Set(subjects.map((subject) => `${subject.kind === 'Group' ? 'group' : 'user'} ${userNameOf(subject)}`));
      const asked = access.subjects.filter((subject) => {
        const who = subject.kind === 'Group' ? { user: 'nobody', groups: [subject.name] } : { user: userNameOf(subject), groups: [] };
        return access.can({
          ...who,
          ...(resourceAttributes && { resourceAttributes }),
          ...(nonResourceAttributes && { nonResourceAttributes }),
        }).allowed;
      });
      expect(names(access.whoCan(right).holders.map(({ subject }) => subject))).toEqual(names(asked));
    }),
    { numRuns: 150 },
  );
});

describe('corners of the authorizer', () => {
  const everything = role('r', [rule(['*'], ['*'], { apiGroups: ['*'] }), { verbs: ['*'], nonResourceURLs: ['*'] }]);
  test.each<[string, JsonObject[], AccessRequest, boolean]>([
    ['system:masters needs nothing', [], { ...get('pods'), groups: ['system:masters'] }, true],
    ['a binding in a namespace gives nothing outside', [everything, binding('b', 'r', [user('alice')], 'a')], get('pods', 'b'), false],
    ['nor cluster-wide', [everything, binding('b', 'r', [user('alice')], 'a')], get('pods'), false],
    [
      'nor a path',
      [everything, binding('b', 'r', [user('alice')], 'a')],
      { user: 'alice', groups: [], nonResourceAttributes: { verb: 'get', path: '/' } },
      false,
    ],
    [
      'a request for a Namespace counts as inside it',
      [everything, binding('b', 'r', [user('alice')], 'a')],
      get('namespaces', 'a', 'a'),
      true,
    ],
    [
      'an account without a namespace is one of the binding',
      [everything, binding('b', 'r', [{ kind: 'ServiceAccount', name: 'bot' }], 'a')],
      { ...get('pods', 'a'), user: 'system:serviceaccount:a:bot' },
      true,
    ],
    [
      'and cluster-wide nobody',
      [everything, binding('b', 'r', [{ kind: 'ServiceAccount', name: 'bot' }])],
      { ...get('pods'), user: 'system:serviceaccount::bot' },
      false,
    ],
    ['a group is not a user', [everything, binding('b', 'r', [groupNamed('alice')])], get('pods'), false],
    [
      'a foreign API group is no role',
      [everything, { ...binding('b', 'r', [user('alice')]), roleRef: { apiGroup: 'example.com', kind: 'ClusterRole', name: 'r' } }],
      get('pods'),
      false,
    ],
    [
      'an empty one is RBAC',
      [everything, { ...binding('b', 'r', [user('alice')]), roleRef: { kind: 'ClusterRole', name: 'r' } }],
      get('pods'),
      true,
    ],
    [
      'a cluster role binding to a Role is none',
      [role('r', [rule(['*'], ['*'])], 'default'), binding('b', 'r', [user('alice')], '', 'Role')],
      get('pods'),
      false,
    ],
    [
      'an empty name in a rule is the name of no object',
      [role('r', [rule(['get'], ['pods'], { resourceNames: [''] })]), binding('b', 'r', [user('alice')])],
      get('pods'),
      true,
    ],
  ])('%s', (_name, objects, request, allowed) => {
    const decision = index(...objects).can(request);
    expect(decision.allowed).toBe(allowed);
    expect(decision.reason).not.toBe('');
    expect(decision.gaps).toEqual([]);
  });

  test('a yes names the binding, the role and the rule', () => {
    const { reason, via } = index(
      role('r', [rule(['list'], ['pods']), rule(['get'], ['secrets', 'pods'], { resourceNames: ['db'] })]),
      binding('b', 'r', [user('alice')], 'a'),
    ).can(get('secrets', 'a', 'db'));
    expect(reason).toBe('RoleBinding/a/b → ClusterRole/r → rule 2: get secrets, pods (only: db)');
    expect([via?.subject.text, via?.binding.key, via?.ruleIndex]).toEqual(['User/alice', 'RoleBinding/a/b', 1]);
  });
});

describe('aggregation', () => {
  const labelled = (name: string, rules: Json, labels: JsonObject, more: JsonObject = {}): JsonObject => ({
    ...role(name, rules),
    metadata: { name, labels },
    ...more,
  });
  const gathers = (match: JsonObject) => ({ aggregationRule: { clusterRoleSelectors: [{ matchLabels: match }] } });
  const bound = binding('b', 'top', [user('alice')]);
  const chain = [
    labelled('top', null, { to: 'x' }, gathers({ to: 'middle' })),
    labelled('middle', null, { to: 'middle' }, gathers({ to: 'leaf' })),
    labelled('leaf', [rule(['get'], ['pods'])], { to: 'leaf' }),
  ];
  const scope = (files: boolean) => ({ scope: files ? 'files' : 'cluster' }) as const;

  test.each([
    ['a live cluster has what the controller wrote', false, chain, false],
    ['manifests get what it would write, through several roles', true, chain, true],
    [
      'what came from an API server is as it stands there',
      true,
      chain.map((each) => Object.assign({}, each, { metadata: Object.assign({ uid: 'u' }, each['metadata']) })),
      false,
    ],
    [
      'circles end',
      true,
      [
        labelled('top', null, { to: 'x' }, gathers({ to: 'y' })),
        labelled('other', [rule(['get'], ['pods'])], { to: 'y' }, gathers({ to: 'x' })),
      ],
      true,
    ],
  ])('%s', (_name, files, roles, allowed) => {
    expect(createAccessIndex(rbacSnapshot([...roles, bound], scope(files))).can(get('pods')).allowed).toBe(allowed);
  });

  const [toAdmin, toEdit] = ['admin', 'edit'].map((name) => ({ [`rbac.authorization.k8s.io/aggregate-to-${name}`]: 'true' }));
  const selecting = (...selectors: JsonObject[]) => labelled('top', null, {}, { aggregationRule: { clusterRoleSelectors: selectors } });
  const roleGaps = (roles: readonly JsonObject[], files = true) =>
    createAccessIndex(rbacSnapshot([...roles, bound], scope(files))).roleGaps.map(({ what }) => what);
  const from = 'rules that ClusterRole/top gathers from';

  test.each<[string, JsonObject[], string[]]>([
    ['by the label of edit', [selecting({ matchLabels: toEdit ?? {} })], [`${from} system:aggregate-to-edit, view`]],
    ['by the label of admin', [selecting({ matchLabels: toAdmin ?? {} })], [`${from} edit, system:aggregate-to-admin`]],
    [
      'by one of two selectors',
      [selecting({ matchLabels: { own: 'yes' } }, { matchLabels: toAdmin ?? {} })],
      [`${from} edit, system:aggregate-to-admin`],
    ],
    [
      'by an expression',
      [selecting({ matchExpressions: [{ key: 'rbac.authorization.k8s.io/aggregate-to-view', operator: 'Exists' }] })],
      [`${from} system:aggregate-to-view`],
    ],
    [
      'by the label of all that the API server makes',
      [selecting({ matchLabels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' } })],
      [expect.stringMatching(`^${from} admin, cluster-admin, edit, system:aggregate-to-admin, system:aggregate-to-edit and \\d+ more$`)],
    ],
    ['by an empty selector', [selecting({})], [expect.stringMatching(/ and \d+ more$/)]],
    [
      'by a label that they lack',
      [selecting({ matchExpressions: [{ key: 'x', operator: 'DoesNotExist' }] })],
      [expect.stringMatching(/more$/)],
    ],
    [
      'through another role',
      [selecting({ matchLabels: { own: 'yes' } }), labelled('between', null, { own: 'yes' }, gathers(toEdit ?? {}))],
      [`${from} system:aggregate-to-edit, view`],
    ],
    ['not by labels of one’s own', [selecting({ matchLabels: { own: 'yes' } })], []],
    ['not by another value', [selecting({ matchLabels: { 'rbac.authorization.k8s.io/aggregate-to-edit': 'false' } })], []],
    [
      'not where the files hold them, with labels or without',
      [selecting({ matchLabels: toEdit ?? {} }), labelled('view', [], toEdit ?? {}), role('system:aggregate-to-edit', [])],
      [],
    ],
    [
      'of those that the files do not hold',
      [selecting({ matchLabels: toEdit ?? {} }), role('view', [])],
      [`${from} system:aggregate-to-edit`],
    ],
  ])('manifests leave out default roles that are selected: %s', (_name, roles, gaps) => {
    expect(roleGaps(roles)).toEqual(gaps);
    expect(roleGaps(roles, false)).toEqual([]);
    expect(roleGaps(roles.map((each) => Object.assign({}, each, { metadata: Object.assign({ uid: 'u' }, each['metadata']) })))).toEqual([]);
  });

  test('a default role of the files is found by the labels that it will have', () => {
    const roles = [selecting({ matchLabels: toEdit ?? {} }), role('view', [rule(['get'], ['pods'])])];
    expect(createAccessIndex(rbacSnapshot([...roles, bound], scope(true))).can(get('pods')).allowed).toBe(true);
    const off = labelled('view', [rule(['get'], ['pods'])], { 'rbac.authorization.k8s.io/aggregate-to-edit': 'false' });
    expect(createAccessIndex(rbacSnapshot([...roles.slice(0, 1), off, bound], scope(true))).can(get('pods'))).toMatchObject({
      allowed: false,
      gaps: [{ what: `${from} system:aggregate-to-edit` }],
    });
  });

  test('what is known of a role that is known in part is a yes, and the rest is no no', () => {
    const roles = [
      { ...selecting({ matchLabels: toEdit ?? {} }), rules: [rule(['get'], ['pods'])] },
      binding('b', 'top', [user('alice')], 'a'),
      binding('c', 'top', [user('alice')], 'a'),
    ];
    const index = createAccessIndex(rbacSnapshot(roles, scope(true)));
    const what = `${from} system:aggregate-to-edit, view`;
    expect(index.can(get('pods', 'a'))).toMatchObject({ allowed: true, gaps: [] });
    // Once, however many bindings refer to it.
    expect(index.can(get('secrets', 'a'))).toMatchObject({ allowed: false, reason: `not known: ${what} (absent)`, gaps: [{ what }] });
    expect(index.can(get('secrets', 'b')).gaps).toEqual([]);
    const whoCan = { verb: 'get', resource: 'pods', namespace: 'a' };
    expect(index.whoCan(whoCan)).toMatchObject({ holders: [{ subject: { text: 'User/alice' } }], gaps: [{ what }] });
    expect(index.whoCan({ ...whoCan, namespace: 'b' }).gaps).toEqual([]);
  });

  test('what nobody is bound to leaves nothing open', () => {
    const roles = [selecting({}), binding('b', 'top', []), binding('c', 'edit', null)];
    const index = createAccessIndex(rbacSnapshot(roles, scope(true)));
    expect([index.roleGaps, index.bindings.flatMap(({ gaps }) => gaps)]).toEqual([[], []]);
  });
});

describe('what was not read', () => {
  const objects = [role('r', [rule(['get'], ['pods'])]), binding('b', 'r', [user('alice')])];
  const can = (gaps: readonly string[], request: AccessRequest, given: readonly JsonObject[] = objects) =>
    createAccessIndex(rbacSnapshot(given, forbidden(...gaps))).can(request);

  test('a yes stays a yes', () => {
    expect(can(['roles', 'clusterroles', 'rolebindings', 'clusterrolebindings'], get('pods'))).toMatchObject({ allowed: true, gaps: [] });
  });

  test.each<[string, readonly string[], AccessRequest, readonly JsonObject[], readonly string[]]>([
    ['bindings of the whole cluster', ['clusterrolebindings'], get('x'), objects, ['clusterrolebindings']],
    ['bindings in namespaces, asked in one', ['rolebindings'], get('x', 'a'), objects, ['rolebindings']],
    ['bindings in namespaces, asked cluster-wide', ['rolebindings'], get('x'), objects, []],
    ['a role that is bound', ['clusterroles'], get('pods'), objects.slice(1), ['rules of ClusterRole/r']],
    ['roles that nobody named is bound to', ['clusterroles'], { ...get('pods'), user: 'bob' }, objects.slice(1), []],
    ['a role that was read', ['clusterroles'], get('x'), objects, []],
    ['a role of another namespace', ['roles'], get('x', 'a'), [binding('b', 'r', [user('alice')], 'c', 'Role')], []],
  ])('a no: %s', (_name, gaps, request, given, missing) => {
    const decision = can(gaps, request, given);
    expect(decision.allowed).toBe(false);
    expect(decision.gaps.map(({ what }) => what)).toEqual(missing);
    expect(decision.reason.startsWith('not known: ')).toBe(missing.length > 0);
  });

  test('a role that is known to be missing gives nothing, for certain', () => {
    expect(can([], get('pods'), objects.slice(1))).toMatchObject({ allowed: false, gaps: [] });
  });

  test('who can says what may be missing', () => {
    const access = createAccessIndex(rbacSnapshot(objects.slice(1), forbidden('clusterroles', 'rolebindings')));
    const missing = (right: Right) => access.whoCan(right).gaps.map(({ what }) => what);
    expect(missing({ verb: 'get', resource: 'pods' })).toEqual(['rules of ClusterRole/r']);
    expect(missing({ verb: 'get', resource: 'pods', namespace: '*' })).toEqual(['rolebindings', 'rules of ClusterRole/r']);
  });
});

describe('who can', () => {
  const access = index(
    role('all', [rule(['*'], ['*'], { apiGroups: ['*'] })]),
    role('one', [rule(['get', 'create'], ['secrets'], { resourceNames: ['db'] })], 'a'),
    binding('b1', 'all', [user('root'), groupNamed('dev')]),
    binding('b2', 'one', [user('alice'), user('root')], 'a', 'Role'),
    role('live', [{ verbs: ['get'], nonResourceURLs: ['/livez'] }]),
    binding('b3', 'live', [user('root')]),
    binding('b4', 'live', [user('carol')], 'a'),
  );
  const texts = (right: Right) => access.whoCan(right).holders.map(({ subject, grants }) => `${subject.text} ${grants.length}`);
  test.each<[string, Right, readonly string[]]>([
    ['cluster-wide', { verb: 'get', resource: 'secrets' }, ['Group/dev 1', 'User/root 1']],
    [
      'in any namespace, on any name',
      { verb: 'get', resource: 'secrets', namespace: '*', anyName: true },
      ['Group/dev 1', 'User/alice 1', 'User/root 2'],
    ],
    [
      'in one namespace, by name',
      { verb: 'get', resource: 'secrets', namespace: 'a', name: 'db' },
      ['Group/dev 1', 'User/alice 1', 'User/root 2'],
    ],
    ['in another', { verb: 'get', resource: 'secrets', namespace: 'c', name: 'db' }, ['Group/dev 1', 'User/root 1']],
    [
      'names do not help who creates',
      { verb: 'create', resource: 'secrets', namespace: '*', anyName: true },
      ['Group/dev 1', 'User/root 1'],
    ],
    ['a path is no resource', { verb: 'get', path: '/metrics' }, []],
    ['and in no namespace', { verb: 'get', path: '/livez', namespace: '*' }, ['User/root 1']],
  ])('%s', (_name, right, holders) => {
    expect(texts(right)).toEqual(holders);
  });
});

test('an account is also found by the user name that it has', () => {
  const access = index(
    role('r', [rule(['get'], ['pods'])]),
    binding('b', 'r', [{ kind: 'ServiceAccount', name: 'bot', namespace: 'a' }]),
    binding('c', 'r', [user('system:serviceaccount:a:bot')], 'x'),
  );
  expect(access.grantsOf('ServiceAccount/a/bot').map((grant) => grant.binding.key)).toEqual(['ClusterRoleBinding/b', 'RoleBinding/x/c']);
  expect(access.grantsFor('system:serviceaccount:a:bot', [])).toHaveLength(2);
  expect(access.grantsOf('User/nobody')).toEqual([]);
});

describe('bad input', () => {
  test.each<[string, JsonObject[]]>([
    ['empty names', [binding('b', '', [user(''), groupNamed(''), { kind: 'ServiceAccount', name: '', namespace: '' }], '')]],
    ['a binding without a name', [{ ...binding('', 'r', [user('alice')]), metadata: {} }]],
    ['unknown kinds of subject', [binding('b', 'r', [{ kind: 'Robot', name: 'alice' }, null, 7, [], { name: 'alice' }])]],
    ['no subjects at all', [binding('b', 'r', null), binding('c', 'r', 'alice')]],
    ['no roleRef', [{ kind: 'ClusterRoleBinding', metadata: { name: 'b' }, subjects: [user('alice')] }]],
    ['a roleRef of an odd kind', [binding('b', 'r', [user('alice')], '', 'Secret'), binding('c', 'r', [user('alice')], '', '')]],
    [
      'rules with nulls',
      [
        role('r', [
          null,
          { verbs: null, apiGroups: null, resources: null },
          { verbs: ['get', null], apiGroups: [''], resources: [null] },
          'x',
        ] as Json),
        binding('b', 'r', [user('alice')]),
      ],
    ],
    ['rules that are no list', [role('r', { verbs: ['*'] }), binding('b', 'r', [user('alice')])]],
  ])('%s give nothing and break nothing', (_name, objects) => {
    const access = index(...objects);
    expect(access.can(get('pods', 'a')).allowed).toBe(false);
    expect(access.can({ ...get('pods'), user: '' }).allowed).toBe(false);
    expect(access.whoCan({ verb: 'get', resource: 'pods', namespace: '*', anyName: true }).holders).toEqual([]);
  });

  test('entries that match nobody are counted, the others hold', () => {
    const [only] = index(role('r', []), binding('b', 'r', [user('a'), { kind: 'Robot', name: 'x' }, user('a'), user('b')])).bindings;
    expect([only?.subjects.map(({ text }) => text), only?.odd]).toEqual([['User/a', 'User/b'], [2]]);
  });

  test('10,000 subjects in one binding', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => user(`u${i}`));
    const access = index(role('r', [rule(['get'], ['pods'])]), binding('b', 'r', many));
    expect(access.can({ ...get('pods'), user: 'u9999' }).allowed).toBe(true);
    expect(access.whoCan({ verb: 'get', resource: 'pods' }).holders).toHaveLength(10_000);
  });

  test('names of objects that JavaScript has', () => {
    const access = index(role('constructor', [rule(['get'], ['pods'])]), binding('b', 'constructor', [user('__proto__')]));
    expect(access.can({ ...get('pods'), user: '__proto__' }).allowed).toBe(true);
    expect(access.can({ ...get('pods'), user: 'toString', groups: ['valueOf'] }).allowed).toBe(false);
  });
});
