import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import {
  checkConfiguredParams,
  effectiveParams,
  loadCatalog,
  makeCatalog,
  pickFrameworks,
  prepareCatalog,
  readPrepared,
} from '../../src/catalog/index.ts';
import { complaint, control, directory, framework, load, requirement } from './given.ts';

const withControl = (changes: Parameters<typeof control>[0]) => () => load({ 'controls/toys/TOY-001.yaml': stringify(control(changes)) });
const withFramework = (changes: Parameters<typeof framework>[0]) => () =>
  load({ 'mappings/toy-benchmark.yaml': stringify(framework(changes)) });

describe('what is loaded', () => {
  test('all controls and frameworks, sorted, with a digest over the canonical bytes', () => {
    const catalog = load({
      'controls/a/TOY-000.yaml': stringify(control({ id: 'TOY-000' })),
      'mappings/a-law.yaml': stringify(framework({ id: 'a-law', kind: 'law' })),
      'controls/README.md': 'not a control',
    });
    expect(catalog.controls.map((each) => each.id)).toEqual(['TOY-000', 'TOY-001']);
    expect(catalog.frameworks.map((each) => each.id)).toEqual(['toy-benchmark', 'a-law']);
    expect(catalog.digest).toBe(createHash('sha256').update(catalog.bytes).digest('hex'));
    expect(JSON.parse(Buffer.from(catalog.bytes).toString())).toEqual({ controls: catalog.controls, frameworks: catalog.frameworks });
  });

  test('the same catalog has the same digest, and any change another one', () => {
    const digest = load({}).digest;
    expect(load({}).digest).toBe(digest);
    expect(withControl({ expect: '!(item.sharp)' })().digest).not.toBe(digest);
  });
});

describe('a mistake is named with file, line and key', () => {
  test('an unknown key, with the nearest known one', () => {
    const text = stringify(control()).replace('remediation:', 'remedation:');
    const found = complaint(() => load({ 'controls/toys/TOY-001.yaml': text }));
    expect(found).toMatchObject({ message: 'unknown key "remedation"', key: 'remedation', next: 'Did you mean "remediation"?' });
    expect(found.file).toMatch(/TOY-001\.yaml$/);
    expect(text.split('\n')[(found.line ?? 0) - 1]).toMatch(/^remedation:/);
  });

  test('an unknown key deep inside', () => {
    const text = stringify(
      framework({ requirements: [requirement({ controls: [{ id: 'TOY-001', strength: 'partial', covers: 'exact' }] })] }),
    ).replace('covers:', 'cover:');
    const found = complaint(() => load({ 'mappings/toy-benchmark.yaml': text }));
    expect(found).toMatchObject({ key: 'requirements[0].controls[0].cover', next: 'Did you mean "covers"?' });
    expect(text.split('\n')[(found.line ?? 0) - 1]).toMatch(/cover:/);
  });

  test.each<[string, () => unknown, RegExp, string]>([
    ['broken YAML', () => load({ 'controls/toys/TOY-001.yaml': 'id: [TOY-001' }), /not valid YAML/, ''],
    [
      'a duplicate key',
      () => load({ 'controls/toys/TOY-001.yaml': `${stringify(control())}title: again\n` }),
      /not valid YAML: Map keys must be unique/,
      '',
    ],
    ['two documents', () => load({ 'controls/toys/TOY-001.yaml': `${stringify(control())}---\nid: x\n` }), /not valid YAML/, ''],
    ['a file name', () => load({ 'controls/toys/TOY-002.yaml': stringify(control()) }), /in a file named TOY-002/, 'id'],
    ['an id twice', () => load({ 'controls/other/TOY-001.yaml': stringify(control()) }), /TOY-001 is defined twice/, 'id'],
    ['a severity', withControl({ severity: 'severe' as 'high' }), /invalid option/, 'severity'],
    ['a population', withControl({ population: 'toy' }), /names the population "toy"/, 'population'],
    ['an expression', withControl({ expect: 'item.sharp ==' }), /expect of TOY-001 is not an expression/, 'expect'],
    ['a filter', withControl({ where: 'size(item.name)' }), /where of TOY-001 .*int, not bool/, 'where'],
    ['three loops', withControl({ expect: 'item.a.all(x, item.a.all(y, item.a.all(z, x == y)))' }), /TOY-001 .*at most 2/, 'expect'],
    ['a parameter in an expression', withControl({ expect: 'item.sharp in params.ok' }), /names the parameter "ok"/, 'expect'],
    ['a parameter in the message', withControl({ message: '{params.ok} {name}' }), /names the parameter "ok"/, 'message'],
    ['a placeholder', withControl({ message: '{item.name()} is sharp' }), /is not the name of a field/, 'message'],
    ['a lone brace', withControl({ message: '{name is sharp' }), /a brace stands alone/, 'message'],
    [
      'a default',
      withControl({ expect: 'item.a in params.b', params: { b: { type: 'list', default: 'x', doc: 'b' } } }),
      /default of b is not a list/,
      'params.b.default',
    ],
    [
      'no failing example',
      withControl({
        examples: [
          { name: 'a', outcome: 'pass' },
          { name: 'b', outcome: 'notAssessed' },
        ],
      }),
      /no example for fail/,
      'examples',
    ],
    [
      'a failing example without rows',
      withControl({
        examples: [
          { name: 'a', outcome: 'fail' },
          { name: 'b', outcome: 'pass' },
          { name: 'c', outcome: 'notAssessed' },
        ],
      }),
      /names the rows/,
      'examples[0]',
    ],
    ['a section', withFramework({ requirements: [requirement({ section: '9' })] }), /names the section "9"/, 'requirements[0].section'],
    ['a requirement twice', withFramework({ requirements: [requirement(), requirement()] }), /1\.1 is there twice/, 'requirements[1].id'],
    [
      'a control that does not exist',
      withFramework({ requirements: [requirement({ controls: [{ id: 'TOY-002', strength: 'partial', covers: 'exact' }] })] }),
      /names the control "TOY-002"/,
      'requirements[0].controls[0].id',
    ],
    [
      'a line without covers',
      withFramework({ requirements: [requirement({ controls: [{ id: 'TOY-001', strength: 'partial' }] })] }),
      /how far it covers/,
      'requirements[0].controls[0]',
    ],
    [
      'parts that are none',
      withFramework({ requirements: [requirement({ partsAreExact: true })] }),
      /no part lines/,
      'requirements[0].partsAreExact',
    ],
    [
      'a law of a provider',
      withFramework({ kind: 'law', platform: 'eks', requirements: [requirement()] }),
      /only a benchmark is for/,
      'platform',
    ],
    [
      "a law that names a recommendation of a provider's benchmark",
      () =>
        load({
          'mappings/toy-benchmark.yaml': stringify(framework({ platform: 'eks' })),
          'mappings/toy-law.yaml': stringify(framework({ id: 'toy-law', kind: 'law', requirements: [requirement({ cis: ['1.1'] })] })),
        }),
      /names the CIS recommendation "1\.1", which does not exist/,
      'requirements[0].cis[0]',
    ],
    [
      'nothing to see, nothing needed',
      withFramework({ requirements: [requirement({ kubernetes: 'none' })] }),
      /which evidence a person brings/,
      'requirements[0]',
    ],
    [
      'a recommendation that only an older version has',
      () =>
        load({
          'mappings/toy-benchmark.yaml': stringify(framework({ version: '10.0.0' })),
          'mappings/toy-benchmark-9.0.0.yaml': stringify(framework({ version: '9.0.0', requirements: [requirement({ id: '1.2' })] })),
          'mappings/toy-law.yaml': stringify(framework({ id: 'toy-law', kind: 'law', requirements: [requirement({ cis: ['1.2'] })] })),
        }),
      /names the CIS recommendation "1\.2", which does not exist/,
      'requirements[0].cis[0]',
    ],
    [
      'a recommendation that no benchmark has',
      withFramework({ requirements: [requirement({ cis: ['1.2'] })] }),
      /names the CIS recommendation "1\.2"/,
      'requirements[0].cis[0]',
    ],
  ])('%s', (_, run, message, key) => {
    const found = complaint(run);
    expect(found.message).toMatch(message);
    expect(found.file).toMatch(/\.yaml$/);
    expect(found.key ?? '').toBe(key);
    expect(found.line).toBeGreaterThan(0);
  });

  test('the nearest name is offered', () => {
    expect(complaint(withControl({ population: 'toy' })).next).toBe('Did you mean "toys"?');
    expect(complaint(withControl({ population: 'elephants' })).next).toBe('There are: toys.');
  });

  test('an empty or missing directory', () => {
    expect(complaint(() => loadCatalog({ controlDirs: [directory({})], mappingDirs: [], populations: [] })).message).toMatch(
      /no \.yaml file/,
    );
    expect(complaint(() => loadCatalog({ controlDirs: ['/nowhere/at/all'], mappingDirs: [], populations: [] })).message).toMatch(
      /cannot read the directory/,
    );
  });

  test('an alias bomb', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefgh'.split('').map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`),
    ].join('\n');
    expect(complaint(() => load({ 'controls/toys/TOY-001.yaml': bomb })).message).toMatch(/not valid YAML|alias/);
  });
});

describe('parameters', () => {
  const given = control({
    params: {
      allowed: { type: 'list', default: ['a'], doc: 'who' },
      days: { type: 'number', default: 30, doc: 'how long' },
    },
  });

  test('defaults, and what the configuration sets', () => {
    expect(effectiveParams(given)).toEqual({ allowed: ['a'], days: 30 });
    expect(effectiveParams(given, { days: 7 })).toEqual({ allowed: ['a'], days: 7 });
  });

  test('an unknown one and another type are refused', () => {
    expect(complaint(() => effectiveParams(given, { allow: [] }))).toMatchObject({
      message: 'TOY-001 has no parameter "allow"',
      next: 'Did you mean "allowed"?',
    });
    expect(complaint(() => effectiveParams(given, { days: '7' })).message).toBe('days of TOY-001 must be a number');
    expect(complaint(() => effectiveParams(given, { allowed: [{ a: 1 }] })).message).toMatch(/must be a list/);
    expect(complaint(() => effectiveParams(given, JSON.parse('{"__proto__": 1}') as Record<string, number>)).message).toMatch(
      /has no parameter/,
    );
    expect(complaint(() => checkConfiguredParams([given], { 'TOY-01': {} })).next).toBe('Did you mean "TOY-001"?');
  });
});

describe('the benchmark that fits the cluster', () => {
  const old = framework({ version: '1.12.0', kubernetesVersions: ['1.32', '1.33', '1.34'] });
  const current = framework({ version: '2.0.1', kubernetesVersions: ['1.34', '1.35'] });
  const law = framework({ id: 'a-law', kind: 'law' });
  test.each([
    ['1.35.2', '2.0.1'],
    ['v1.34.0', '2.0.1'],
    ['1.33.9-eks-1', '1.12.0'],
    ['1.36.3', '2.0.1 (not published for 1.36)'],
    ['1.31.0', '1.12.0 (not published for 1.31)'],
    [null, '2.0.1'],
  ])('%s → %s', (version, expected) => {
    expect(pickFrameworks([old, law, current], { version }).map((each) => `${each.id} ${each.version}`)).toEqual([
      `toy-benchmark ${expected}`,
      'a-law 1.0.0',
    ]);
  });

  const ofEks = framework({ id: 'a-cloud', platform: 'eks', version: '2.0.0', kubernetesVersions: ['1.34', '1.35'] });
  const ofGke = framework({ id: 'b-cloud', platform: 'gke', version: '1.9.0' });
  const { frameworks } = makeCatalog({ controls: [], frameworks: [ofGke, ofEks, old, law, current], techniques: [] });
  test.each([
    ['eks', '1.35.1-eks-3abcdef', ['toy-benchmark 2.0.1', 'a-cloud 2.0.0', 'a-law 1.0.0']],
    ['eks', '1.33.1-eks-3abcdef', ['toy-benchmark 1.12.0', 'a-cloud 2.0.0 (not published for 1.33)', 'a-law 1.0.0']],
    ['gke', null, ['toy-benchmark 2.0.1', 'b-cloud 1.9.0', 'a-law 1.0.0']],
    ['openshift', '1.35.1', ['toy-benchmark 2.0.1', 'a-law 1.0.0']],
    [null, '1.35.1', ['toy-benchmark 2.0.1', 'a-law 1.0.0']],
  ])('managed by %s, %s: the general one first, and its own beside it', (managed, version, expected) => {
    expect(pickFrameworks(frameworks, { version, managed }).map((each) => `${each.id} ${each.version}`)).toEqual(expected);
  });
});

describe('what the build has prepared', () => {
  const sources = () => {
    const controls = directory({ 'TOY-001.yaml': stringify(control()) });
    return { controlDirs: [controls], mappingDirs: [directory({ 'toy-benchmark.yaml': stringify(framework()) })], populations: ['toys'] };
  };

  test('is the same catalog', () => {
    const from = sources();
    const file = join(directory({}), 'prepared.json');
    writeFileSync(file, JSON.stringify(prepareCatalog(from)));
    const prepared = readPrepared(file);
    expect(prepared.size).toBe(4);
    const loaded = loadCatalog(from);
    expect(loadCatalog({ ...from, prepared })).toEqual({ ...loaded, bytes: Buffer.from(loaded.bytes) });
  });

  test('does not speak for a whole catalog of which one file changed', () => {
    const from = sources();
    const prepared = new Map(Object.entries(prepareCatalog(from)));
    const [dir = ''] = from.controlDirs;
    writeFileSync(join(dir, 'TOY-001.yaml'), stringify(control({ title: 'No toy is blunt' })));
    expect(loadCatalog({ ...from, prepared }).digest).toBe(loadCatalog(from).digest);
  });

  test('does not speak for a file that changed, and still places a mistake', () => {
    const from = sources();
    const prepared = new Map(Object.entries(prepareCatalog(from)));
    const [dir = ''] = from.controlDirs;
    writeFileSync(join(dir, 'TOY-001.yaml'), stringify(control({ title: 'No toy is blunt' })));
    expect(loadCatalog({ ...from, prepared }).controls[0]?.title).toBe('No toy is blunt');
    writeFileSync(join(dir, 'TOY-001.yaml'), stringify(control()));
    expect(complaint(() => loadCatalog({ ...from, populations: ['games'], prepared }))).toMatchObject({ key: 'population' });
  });

  test('does not speak for a control beside it', () => {
    const from = sources();
    const prepared = new Map(Object.entries(prepareCatalog(from)));
    const own = directory({ 'OWN-001.yaml': stringify(control({ id: 'OWN-001', expect: 'item.sharp ==' })) });
    const together = { ...from, controlDirs: [...from.controlDirs, own], prepared };
    expect(complaint(() => loadCatalog(together))).toMatchObject({ file: join(own, 'OWN-001.yaml'), key: 'expect' });
  });

  test('does not speak for a catalog of which a file is gone', () => {
    const linked = framework({ requirements: [requirement({ controls: [{ id: 'TOY-001', strength: 'partial', covers: 'exact' }] })] });
    const from = { ...sources(), mappingDirs: [directory({ 'toy-benchmark.yaml': stringify(linked) })] };
    const prepared = new Map(Object.entries(prepareCatalog(from)));
    expect(loadCatalog({ ...from, prepared }).controls).toHaveLength(1);
    expect(complaint(() => loadCatalog({ ...from, controlDirs: [], prepared })).message).toMatch('TOY-001');
  });

  test.each(['', '{', '[]', 'null'])('is ignored when it is %j', (text) => {
    expect(readPrepared(join(directory({ 'p.json': text }), 'p.json')).size).toBe(0);
  });
});
