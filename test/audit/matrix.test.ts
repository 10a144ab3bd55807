import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { columns, events } from '../../src/audit/events.ts';
import { highestAudit, levels, lowestAudit, makeMatrix, nameKind, tellRule } from '../../src/audit/index.ts';
import { anybody, personOrWorkload } from '../../src/audit/callers.ts';
import { stagesOf } from '../../src/audit/stages.ts';
import { anyRules, getPath, getSecret, policyOf, secrets } from './given.ts';

const metadata = { level: 'Metadata' };
const bodies = { level: 'RequestResponse' };
const matrixOf = (...rules: object[]) => makeMatrix(policyOf(rules));
const mistakesOf = (...rules: object[]) =>
  matrixOf(...rules).mistakes.map(({ kind, rule, whom, instead }) => [kind, rule, whom, instead?.rule ?? null]);
const cell = (matrix: ReturnType<typeof makeMatrix>, event: string, column: string) => {
  const found = matrix.rows.find(({ id }) => id === event)?.cells[matrix.columns.findIndex(({ id }) => id === column)];
  if (found === undefined) throw new Error(`there is no ${event} or ${column}`);
  return found;
};

describe('a cell', () => {
  test('tells the rules of all requests of the event, and of which', () => {
    expect(cell(matrixOf({ level: 'None', verbs: ['watch'] }, metadata), 'secretReads', 'person')).toEqual({
      column: 'person',
      lowest: 'None',
      highest: 'Metadata',
      lowestForSome: null,
      parts: [
        { level: 'None', rule: 0, requests: ['watch secrets'], whom: 'all' },
        { level: 'Metadata', rule: 1, requests: ['get secrets', 'list secrets'], whom: 'all' },
      ],
    });
  });

  test('tells apart who causes it', () => {
    const matrix = matrixOf(
      { level: 'None', userGroups: ['system:nodes'] },
      { level: 'Request', userGroups: ['system:masters'] },
      metadata,
    );
    const lowest = (column: string) => cell(matrix, 'secretWrites', column)?.lowest;
    expect(columns.map(({ id }) => [id, lowest(id)])).toEqual([
      ['person', 'Metadata'],
      ['clusterAdmin', 'Request'],
      ['workload', 'Metadata'],
      ['platform', 'Metadata'],
      ['node', 'None'],
      ['anonymous', 'Metadata'],
    ]);
  });

  test('tells what a rule for some gives', () => {
    const matrix = matrixOf({ level: 'None', users: ['bob'] }, { level: 'Request', namespaces: ['shop'] }, metadata);
    const found = cell(matrix, 'secretReads', 'person');
    expect([found?.lowest, found?.highest, found?.lowestForSome]).toEqual(['Metadata', 'Metadata', 'None']);
    expect(found?.parts.map(({ level, whom }) => [level, whom])).toEqual([
      ['Metadata', 'all'],
      ['None', 'some'],
      ['Request', 'some'],
    ]);
    expect(cell(matrix, 'secretReads', 'workload')?.lowestForSome).toBeNull();
  });

  test('is empty where the event is none of theirs', () => {
    const matrix = matrixOf(metadata);
    expect(matrix.rows.flatMap(({ id, cells }) => cells.flatMap((each, i) => (each === null ? [`${id}/${columns[i]?.id}`] : [])))).toEqual(
      ['anonymous', 'failedAuthentication'].flatMap((id) => columns.slice(0, -1).map((column) => `${id}/${column.id}`)),
    );
  });

  test('of refused credentials is decided for nobody, so that rules for users and groups say nothing', () => {
    const matrix = matrixOf({ level: 'None', userGroups: ['system:unauthenticated'] }, metadata);
    expect(cell(matrix, 'anonymous', 'anonymous')?.highest).toBe('None');
    expect(cell(matrix, 'failedAuthentication', 'anonymous')?.lowest).toBe('Metadata');
  });
});

describe('mistakes', () => {
  test.each<[string, object[], unknown[]]>([
    ['none', [metadata], []],
    ['bodies of everything', [bodies], [['bodies', 0, 'all', null]]],
    [
      'bodies behind Metadata for what is secret',
      [{ ...metadata, resources: [{ group: '' }, { group: 'authentication.k8s.io' }] }, bodies],
      [],
    ],
    ['bodies of reads hold nothing that was sent', [{ level: 'Request', verbs: ['get', 'list', 'watch'] }, metadata], []],
    ['what was written is in the request', [{ level: 'Request', resources: [secrets] }, metadata], [['bodies', 0, 'all', null]]],
    ['for one user', [{ ...bodies, users: ['bob'] }, metadata], [['bodies', 0, 'some', null]]],
    ['a token is in the response', [{ level: 'Request', resources: [{ group: '', resources: ['serviceaccounts/token'] }] }, metadata], []],
    [
      'and a token that is reviewed in the request',
      [{ level: 'Request', resources: [{ group: 'authentication.k8s.io' }] }, metadata],
      [['bodies', 0, 'all', null]],
    ],
    ['reads hidden', [{ level: 'None', verbs: ['get'] }, metadata], [['hidden', 0, 'all', 1]]],
    ['a namespace hidden', [{ level: 'None', namespaces: ['ci'] }, metadata], [['hidden', 0, 'some', 1]]],
    [
      'components left out',
      [{ level: 'None', users: ['system:kube-proxy'] }, { level: 'None', userGroups: ['system:nodes'] }, metadata],
      [],
    ],
    ['health checks left out', [{ level: 'None', nonResourceURLs: ['/healthz*', '/version'] }, metadata], []],
    [
      'nothing behind it',
      [{ level: 'None', verbs: ['get'] }, { ...metadata, verbs: ['list'] }, { level: 'None' }].slice(0, 3),
      [
        ['unrecorded', 0, 'all', null],
        ['unrecorded', 2, 'all', null],
      ],
    ],
    [
      'a rule of level None behind another',
      [{ level: 'None', users: ['bob'] }, { level: 'None' }, metadata],
      [
        ['hidden', 0, 'some', 2],
        ['hidden', 1, 'all', 2],
      ],
    ],
    [
      'no rule at the end',
      [{ ...metadata, userGroups: ['system:authenticated'] }],
      [
        ['unrecorded', null, 'all', null],
        ['unrecorded', null, 'some', null],
      ],
    ],
  ])('%s', (_name, rules, expected) => {
    expect(mistakesOf(...rules)).toEqual(expected);
  });

  test('name the events and the requests', () => {
    const [mistake] = matrixOf({ level: 'None', resources: [{ group: '', resources: ['pods/exec'] }], verbs: ['get'] }, metadata).mistakes;
    expect(mistake).toMatchObject({
      events: ['Exec, attach, port-forward'],
      requests: ['get pods/exec'],
      instead: { rule: 1, level: 'Metadata' },
    });
  });
});

describe('laws', () => {
  const rank = (level: string) => (levels as readonly string[]).indexOf(level);

  test('no cell is outside of what anybody reaches, and a mistake is there exactly where a bound says so', () => {
    fc.assert(
      fc.property(anyRules, (rules) => {
        const policy = policyOf(rules);
        const { rows, mistakes } = makeMatrix(policy);
        for (const [i, event] of events.entries()) {
          const highest = Math.max(...event.kinds.map((kind) => rank(highestAudit(policy, kind, anybody).level)));
          for (const each of rows[i]?.cells ?? []) {
            if (each === null) continue;
            expect(rank(each.lowest)).toBeLessThanOrEqual(rank(each.highest));
            expect(
              each.parts
                .filter(({ whom }) => whom === 'all')
                .flatMap(({ requests }) => requests)
                .toSorted(),
            ).toEqual(event.kinds.map(nameKind).toSorted());
            expect(event.only !== undefined || rank(each.highest) <= highest).toBe(true);
          }
          for (const kind of event.kinds) {
            if (lowestAudit(policy, kind, event.only?.caller ?? personOrWorkload).level !== 'None') continue;
            const of = { events: expect.arrayContaining([event.title]), requests: expect.arrayContaining([nameKind(kind)]) };
            expect(mistakes.filter((mistake) => mistake.kind !== 'bodies')).toContainEqual(expect.objectContaining(of));
          }
        }
        const lost = events.some(({ kinds, only }) =>
          kinds.some((kind) => lowestAudit(policy, kind, only?.caller ?? personOrWorkload).level === 'None'),
        );
        expect(mistakes.some(({ kind }) => kind !== 'bodies')).toBe(lost);
      }),
      { numRuns: 60 },
    );
  });

  test('with Metadata for all in front of it, no policy makes a mistake', () => {
    fc.assert(
      fc.property(anyRules, (rules) => {
        expect(mistakesOf(metadata, ...rules)).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });
});

describe('stages', () => {
  const decision = { level: 'Metadata', rule: 0, omitStages: [], omitManagedFields: false } as const;
  test.each<[string, Parameters<typeof stagesOf>, string[]]>([
    ['a request', [getSecret, decision], ['RequestReceived', 'ResponseComplete']],
    ['one that takes long', [{ ...getSecret, verb: 'watch' }, decision], ['RequestReceived', 'ResponseStarted', 'ResponseComplete']],
    [
      'exec',
      [{ ...getSecret, resource: 'pods', subresource: 'exec' }, decision],
      ['RequestReceived', 'ResponseStarted', 'ResponseComplete'],
    ],
    ['a refused credential', [{ ...getPath, user: null, groups: [] }, decision], ['ResponseStarted']],
    ['stages left out', [getSecret, { ...decision, omitStages: ['RequestReceived', 'Panic'] }], ['ResponseComplete']],
    ['None', [getSecret, { ...decision, level: 'None' }], []],
  ])('%s', (_name, [request, decided], expected) => {
    expect(stagesOf(request, decided)).toEqual(expected);
  });
});

test('a rule is told in one line', () => {
  const [rule, all] = policyOf([
    {
      level: 'None',
      users: ['alice'],
      userGroups: ['dev'],
      verbs: ['get', 'list'],
      namespaces: ['', 'shop'],
      resources: [
        { group: '', resources: ['pods', 'pods/log'], resourceNames: ['a', 'b'] },
        { group: 'apps' },
        { group: '*', resources: ['*/scale'] },
      ],
    },
    metadata,
  ]).rules;
  expect(rule === undefined ? '' : tellRule(rule)).toBe(
    'User/alice · Group/dev · verbs get, list · resources pods, pods/log of the core group named a or b, all of apps, */scale of all groups · namespaces "", shop',
  );
  expect(all === undefined ? '' : tellRule(all)).toBe('everything');
});
