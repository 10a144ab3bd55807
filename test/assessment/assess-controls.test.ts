import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assessControls, type AssessmentInput } from '../../src/assessment/index.ts';
import { type Control, type ControlResult, type Gap, KubevidenceError, type Population } from '../../src/model/index.ts';
import { control } from '../catalog/given.ts';
import { labelsListing, type Shop, snapshot, type Toy, toys, toysListing } from './given.ts';

function judge(shop: Shop, changes: Partial<Control> = {}, input: Partial<AssessmentInput> = {}): ControlResult {
  const [result] = assessControls([control(changes)], { reader: snapshot(shop), populations: [toys], ...input });
  if (result === undefined) throw new Error('no result');
  return result;
}

/** What the schema of an assessment promises and cannot say. */
function brokenInvariants(result: ControlResult): string[] {
  const { outcome, gaps, evidence, findings, population } = result;
  const broken = {
    'a pass without whole evidence': outcome === 'pass' && (evidence.length === 0 || !evidence.every((each) => each.complete)),
    'a pass or notApplicable with a gap': (outcome === 'pass' || outcome === 'notApplicable') && gaps.length > 0,
    'open without a gap': (outcome === 'notAssessed' || outcome === 'manual') && gaps.length === 0,
    'findings without fail': findings.length > 0 !== (outcome === 'fail'),
    'more tested than read': population.tested > population.size,
  };
  return Object.entries(broken).flatMap(([name, is]) => (is ? [name] : []));
}

const blunt: Toy = { name: 'ball', fields: { sharp: false } };
const sharp: Toy = { name: 'knife', fields: { sharp: true } };
const forbidden: Gap = { reason: 'forbidden', what: 'toys', closedBy: 'a right' };
const forPerson = { when: 'item.name == "knife"', outcome: 'manual', because: 'kitchen or toy?', closedBy: 'a cook' } as const;
const rowGap: Gap = { reason: 'redacted', what: 'the colour' };

describe('the outcome law', () => {
  test.each<[string, Shop, Partial<Control>, ControlResult['outcome']]>([
    ['all rows hold', { toys: [blunt] }, {}, 'pass'],
    ['a row fails', { toys: [blunt, sharp] }, {}, 'fail'],
    ['a row fails and something is missing', { toys: [sharp], gaps: [forbidden] }, {}, 'fail'],
    ['no row fails and something is missing', { toys: [blunt], gaps: [forbidden] }, {}, 'notAssessed'],
    ['nothing was collected', { toys: [], unread: true }, {}, 'notAssessed'],
    ['nothing was collected, and empty would be good', { toys: [], unread: true }, { whenEmpty: 'pass' }, 'notAssessed'],
    ['the list was continued after it expired', { toys: [blunt], inconsistent: true }, {}, 'notAssessed'],
    ['there are no rows', { toys: [] }, {}, 'notApplicable'],
    ['there are no rows, and that is good', { toys: [] }, { whenEmpty: 'pass' }, 'pass'],
    ['no row is left', { toys: [sharp] }, { where: 'item.name == "ball"' }, 'notApplicable'],
    ['no row is left, and that is good', { toys: [sharp] }, { where: 'item.name == "ball"', whenEmpty: 'pass' }, 'pass'],
    [
      'no row is left, and something is missing',
      { toys: [sharp], gaps: [forbidden] },
      { where: 'false', whenEmpty: 'pass' },
      'notAssessed',
    ],
    ['a row has no answer', { toys: [blunt, { name: 'x' }] }, {}, 'notAssessed'],
    ['the filter has no answer', { toys: [blunt] }, { where: 'item.colour == "red"' }, 'notAssessed'],
    [
      'the filter has no answer, and another row fails',
      { toys: [{ ...sharp, fields: { sharp: true, colour: 'red' } }, blunt] },
      { where: 'item.colour == "red"' },
      'fail',
    ],
    ['a row holds, but something about it is unknown', { toys: [{ ...blunt, gaps: [rowGap] }] }, {}, 'notAssessed'],
    ['a row fails whatever is unknown about it', { toys: [{ ...sharp, gaps: [rowGap] }] }, {}, 'fail'],
    [
      'a row is filtered out, perhaps because of what is unknown',
      { toys: [{ ...blunt, gaps: [rowGap] }] },
      { where: 'item.sharp', whenEmpty: 'pass' },
      'notAssessed',
    ],
    ['a row is for a person', { toys: [blunt, sharp] }, { undecided: forPerson }, 'manual'],
    ['a row is for a person, and another fails', { toys: [{ ...sharp, name: 'saw' }, sharp] }, { undecided: forPerson }, 'fail'],
    ['a row is for a person, and something is missing', { toys: [sharp], gaps: [forbidden] }, { undecided: forPerson }, 'notAssessed'],
    ['a row for a person is filtered out', { toys: [blunt, sharp] }, { undecided: forPerson, where: '!item.sharp' }, 'pass'],
    ['no evidence decides a row', { toys: [blunt, sharp] }, { undecided: { ...forPerson, outcome: 'notAssessed' } }, 'notAssessed'],
    [
      'whether a row is for a person has no answer',
      { toys: [{ name: 'x' }] },
      { undecided: { ...forPerson, when: 'item.a' } },
      'notAssessed',
    ],
    ['an optional listing is not there', { toys: [blunt] }, {}, 'pass'],
    ['an optional listing could not be read', { toys: [blunt], labels: [forbidden] }, {}, 'pass'],
  ])('%s: %s', (_, shop, changes, outcome) => {
    const result = judge(shop, changes);
    expect(result.outcome).toBe(outcome);
    expect(brokenInvariants(result)).toEqual([]);
  });
});

describe('what a result says', () => {
  test('sizes, findings in order, messages, evidence', () => {
    const reader = snapshot({ toys: [sharp, blunt, { name: 'axe', namespace: 'shed', fields: { sharp: true } }], labels: [] });
    const [result] = assessControls([control({ where: 'item.name != "ball"', labels: { side: 'shop' } })], { reader, populations: [toys] });
    expect(result).toEqual({
      id: 'TOY-001',
      title: 'No toy is sharp',
      severity: 'high',
      outcome: 'fail',
      labels: { side: 'shop' },
      population: { name: 'toys', size: 3, tested: 2 },
      evidence: [
        { kind: toysListing, id: reader.listing(toysListing)?.id, items: 3, complete: true },
        { kind: labelsListing, id: reader.listing(labelsListing)?.id, items: 0, complete: true },
      ],
      findings: ['axe', 'knife'].map((name) => ({
        item: name,
        resource: { apiVersion: 'v1', kind: 'Toy', namespace: name === 'axe' ? 'shed' : '', name, uid: name },
        message: `${name} is sharp`,
        evidence: [[...reader.objects(toysListing)].find((object) => object.name === name)?.id],
        exception: null,
      })),
      gaps: [],
    });
  });

  test('an incomplete optional listing is no evidence of a pass', () => {
    expect(judge({ toys: [blunt], labels: [forbidden] }).evidence.map((each) => each.kind)).toEqual([toysListing]);
    expect(judge({ toys: [sharp], labels: [forbidden] }).evidence.map((each) => [each.kind, each.complete])).toEqual([
      [toysListing, true],
      [labelsListing, false],
    ]);
  });

  test('hostile text in a message is visible and stays one line', () => {
    const name = 'a\u001b[31m\n\u202eb{name}';
    const [finding] = judge(
      { toys: [{ name, fields: { sharp: true, list: ['x', 1], none: [], deep: { a: '\u0007' } } }] },
      { message: '{name}|{list}|{none}|{deep}|{missing}|{params.p}', params: { p: { type: 'string', default: 'P', doc: 'p' } } },
    ).findings;
    expect(finding?.message).toBe('a\\u{1b}[31m\\u{a}\\u{202e}b{name}|x, 1|none|{"a":"\\u0007"}|unknown|P');
  });

  test('gaps that are the same are one gap, and rows without an answer are counted', () => {
    const shop = { toys: ['a', 'b', 'c'].map((name) => ({ name })), gaps: [forbidden, { ...forbidden }] };
    expect(judge(shop).gaps).toEqual([
      forbidden,
      {
        reason: 'error',
        what: 'a and 2 more toys',
        detail: 'the evidence does not tell sharp',
      },
    ]);
  });

  test('what a person must decide is said once, with what to do', () => {
    const shop = { toys: ['knife', 'saw'].map((name) => ({ name, fields: { sharp: true } })) };
    expect(judge(shop, { undecided: { ...forPerson, when: 'item.sharp' } }).gaps).toEqual([
      { reason: 'absent', what: 'knife and 1 more toys', detail: 'kitchen or toy?', closedBy: 'a cook' },
    ]);
  });

  test('what the population knows about a row says more than the error that it causes', () => {
    expect(judge({ toys: [{ name: 'a', gaps: [rowGap] }] }).gaps).toEqual([rowGap]);
  });

  test('a listing that is missing says how to get it', () => {
    expect(judge({ toys: [], unread: true }).gaps).toMatchObject([{ reason: 'absent', what: 'toys' }]);
    expect(judge({ toys: [], unread: true, scope: 'files' }).gaps).toMatchObject([
      { reason: 'absent', what: 'toys', closedBy: 'add toys to the files' },
    ]);
    expect(judge({ toys: [], inconsistent: true }).gaps).toMatchObject([{ reason: 'stale', what: 'toys' }]);
  });

  test('exceptions mark findings and change no outcome', () => {
    const result = judge(
      { toys: [sharp, { name: 'saw', fields: { sharp: true } }] },
      {},
      {
        exceptions: [
          { id: 'EXC-1', control: 'TOY-001', item: 'saw' },
          { id: 'EXC-2', control: 'TOY-002', item: 'knife' },
        ],
      },
    );
    expect(result.outcome).toBe('fail');
    expect(result.findings.map((finding) => finding.exception)).toEqual([null, 'EXC-1']);
  });

  test('parameters: the default, what is configured, and what does not fit', () => {
    const changes: Partial<Control> = {
      expect: 'item.name in params.known',
      params: { known: { type: 'list', default: ['ball'], doc: 'known' } },
    };
    expect(judge({ toys: [sharp] }, changes).outcome).toBe('fail');
    expect(judge({ toys: [sharp] }, changes, { params: { 'TOY-001': { known: ['knife'] } } }).outcome).toBe('pass');
    expect(() => judge({ toys: [sharp] }, changes, { params: { 'TOY-001': { known: 3 } } })).toThrow(KubevidenceError);
  });
});

describe('one namespace only', () => {
  const shop = { toys: [blunt, { ...sharp, namespace: 'shed' }] };
  test.each([
    ['shed', 'fail', 1],
    ['garden', 'notApplicable', 0],
    [undefined, 'fail', 2],
  ])('%s', (namespace, outcome, size) => {
    expect(judge(shop, { whenEmpty: 'pass' }, { namespace })).toMatchObject({ outcome, population: { size } });
  });
});

describe('a control plane that a provider runs', () => {
  const labels = { side: 'controlPlane' };
  test.each<[string, Shop, Partial<Control>, ControlResult['outcome']]>([
    ['nothing shows it', { toys: [] }, { labels }, 'providerResponsibility'],
    ['nothing shows it, and empty would be good', { toys: [] }, { labels, whenEmpty: 'pass' }, 'providerResponsibility'],
    ['the population says so', { toys: [], gaps: [{ reason: 'absent', what: 'mirror pods' }] }, { labels }, 'providerResponsibility'],
    ['a right is missing', { toys: [], gaps: [forbidden] }, { labels }, 'notAssessed'],
    ['evidence is there, good', { toys: [blunt] }, { labels }, 'pass'],
    ['evidence is there, bad', { toys: [sharp], gaps: [{ reason: 'absent', what: 'x' }] }, { labels }, 'fail'],
    ['a control of the user’s side', { toys: [] }, {}, 'notApplicable'],
  ])('%s', (_, shop, changes, outcome) => {
    const result = judge(shop, changes, { managed: 'eks' });
    expect(result.outcome).toBe(outcome);
    const provider = { reason: 'provider', detail: 'the control plane is run by eks' };
    expect(result.gaps.slice(0, 1)).toMatchObject(outcome === 'providerResponsibility' ? [provider] : result.gaps.slice(0, 1));
    expect(judge(shop, changes, { managed: null }).outcome).not.toBe('providerResponsibility');
  });
});

describe('defects of a population', () => {
  const with_ = (rows: Population['rows']): Population => ({ ...toys, rows });
  test('two rows with one key', () => {
    const twice = with_(function* rows(input) {
      yield* toys.rows(input);
      yield* toys.rows(input);
    });
    expect(() => judge({ toys: [blunt] }, {}, { populations: [twice] })).toThrow(/two rows with the key "ball"/);
  });

  test('reading what is not declared', () => {
    const sneaky = with_(function* rows(input) {
      yield* [...input.each('shop.toys/other')].map(() => ({}) as never);
    });
    expect(() => judge({ toys: [blunt] }, {}, { populations: [sneaky] })).toThrow(/does not declare/);
  });
});

test('a population is read once, however many controls test it', () => {
  let reads = 0;
  const counting: Population = {
    ...toys,
    *rows(input) {
      reads += 1;
      yield* toys.rows(input);
    },
  };
  const controls = ['TOY-003', 'TOY-001', 'TOY-002'].map((id) => control({ id }));
  const results = assessControls(controls, { reader: snapshot({ toys: [sharp] }), populations: [counting] });
  expect(reads).toBe(1);
  expect(results.map((result) => result.id)).toEqual(['TOY-003', 'TOY-001', 'TOY-002']);
});

describe('laws', () => {
  const gap = fc.constantFrom<Gap>(
    forbidden,
    { reason: 'absent', what: 'toys' },
    { reason: 'error', what: 'toys' },
    { reason: 'provider', what: 'toys' },
  );
  const toy = fc.record(
    {
      name: fc.string({ minLength: 1, maxLength: 4 }),
      fields: fc.oneof(fc.constant({}), fc.record({ sharp: fc.oneof(fc.boolean(), fc.constant(null)), kind: fc.constantFrom('a', 'b') })),
      gaps: fc.array(gap, { maxLength: 1 }),
    },
    { requiredKeys: ['name', 'fields'] },
  );
  const shops = fc.record({
    toys: fc.uniqueArray(toy, { selector: (each) => each.name, maxLength: 6 }),
    gaps: fc.array(gap, { maxLength: 1 }),
  });
  const variants = fc.record({
    where: fc.constantFrom('true', 'item.kind == "a"', 'item.sharp', 'has(item.kind)'),
    whenEmpty: fc.constantFrom<'pass' | 'notApplicable'>('pass', 'notApplicable'),
    labels: fc.constantFrom<Record<string, string>>({}, { side: 'controlPlane' }),
  });
  const managed = fc.constantFrom('eks', null);
  const good = (outcome: ControlResult['outcome']) => outcome === 'pass' || outcome === 'notApplicable';

  test('a gap more never makes anything good', () => {
    fc.assert(
      fc.property(shops, variants, gap, managed, (shop, changes, more, provider) => {
        const before = judge(shop, changes, { managed: provider });
        const after = judge({ ...shop, gaps: [...shop.gaps, more] }, changes, { managed: provider });
        expect(good(after.outcome)).toBe(false);
        expect(before.outcome !== 'fail' || after.outcome === 'fail').toBe(true);
      }),
    );
  });

  test('a gap about a row never makes anything good', () => {
    fc.assert(
      fc.property(shops, variants, gap, (shop, changes, more) => {
        fc.pre(shop.toys.length > 0);
        const [first, ...rest] = shop.toys as unknown as [Toy, ...Toy[]];
        const after = judge({ ...shop, toys: [{ ...first, gaps: [...(first.gaps ?? []), more] }, ...rest] }, changes);
        expect(good(after.outcome)).toBe(false);
      }),
    );
  });

  test('removing the evidence never makes anything good', () => {
    fc.assert(
      fc.property(shops, variants, managed, (shop, changes, provider) => {
        expect(good(judge({ ...shop, unread: true }, changes, { managed: provider }).outcome)).toBe(false);
      }),
    );
  });

  test('the schema’s invariants hold', () => {
    fc.assert(
      fc.property(shops, variants, managed, (shop, changes, provider) => {
        const result = judge(shop, changes, { managed: provider });
        expect(brokenInvariants(result)).toEqual([]);
      }),
    );
  });
});

describe('since when', () => {
  const at = (time: string) => ({ at: time, source: 'the toy' });
  const early = at('2026-09-01T00:00:00.000Z');
  const late = at('2026-09-09T08:14:00.000Z');
  const toy = (name: string, fields: NonNullable<Toy['fields']>): Toy => ({ name, fields });
  test('a finding says it where its row does', () => {
    expect(judge({ toys: [toy('saw', { sharp: true, since: late }), sharp] }).findings.map(({ since }) => since)).toEqual([
      undefined,
      late,
    ]);
  });
  test.each([
    ['the latest of all rows', [early, late], late],
    ['a row that follows others does not count', [null, early], early],
    ['one row does not say', [early, undefined], undefined],
    ['no row has a time of its own', [null, null], undefined],
  ])('a pass: %s', (_, times, since) => {
    const rows = times.map((time, index) => toy(`ball-${index}`, { sharp: false, ...(time !== undefined && { since: time }) }));
    expect(judge({ toys: rows }).since).toEqual(since);
  });
});
