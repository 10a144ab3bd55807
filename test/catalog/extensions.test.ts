import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { loadCatalog, prepareCatalog } from '../../src/catalog/index.ts';
import { complaint, control, directory, framework, load, requirement } from './given.ts';

describe('a version that says what differs from another', () => {
  const lines = (covers: 'exact' | 'broader') => [{ id: 'TOY-001', strength: 'partial', covers } as const];
  const whole = framework({
    version: '2.0.1',
    kubernetesVersions: ['1.35'],
    requirements: [requirement({ level: 2, controls: lines('exact') }), requirement({ id: '1.2', title: 'Toys are kept' })],
  });
  const extension = {
    id: 'toy-benchmark',
    version: '1.12.0',
    extends: 'toy-benchmark@2.0.1',
    source: 'made up before',
    kubernetesVersions: ['1.33'],
    requirements: [{ id: '1.1', level: 1, controls: lines('broader') }],
  };
  const files = (changes: object = {}, base: object = {}) => ({
    'mappings/toy-benchmark.yaml': stringify({ ...whole, ...base }),
    'mappings/toy-benchmark-1.12.0.yaml': stringify({ ...extension, ...changes }),
  });

  test('is a whole framework after loading, the newest version first', () => {
    const [newest, older] = load(files()).frameworks;
    expect(newest).toEqual(whole);
    expect(older).toEqual({
      ...whole,
      version: '1.12.0',
      source: 'made up before',
      kubernetesVersions: ['1.33'],
      requirements: [{ ...whole.requirements[0], level: 1, controls: lines('broader') }, whole.requirements[1]],
    });
  });

  test('has the bytes of one that is written in full', () => {
    const [, older] = load(files()).frameworks;
    expect(load({ ...files(), 'mappings/toy-benchmark-1.12.0.yaml': stringify(older) }).digest).toBe(load(files()).digest);
  });

  test('is prepared as what it is', () => {
    const root = directory({ 'controls/TOY-001.yaml': stringify(control()), ...files() });
    const from = { controlDirs: [join(root, 'controls')], mappingDirs: [join(root, 'mappings')], populations: ['toys'] };
    const prepared = new Map(Object.entries(prepareCatalog(from)));
    expect(loadCatalog({ ...from, prepared }).frameworks).toEqual(loadCatalog(from).frameworks);
  });

  test.each<[string, object, object, object]>([
    [
      'a version that is not there',
      { extends: 'toy-benchmark@2.0.0' },
      {},
      {
        message: 'toy-benchmark 1.12.0 extends toy-benchmark@2.0.0, which is no version in full',
        key: 'extends',
        next: 'In full: toy-benchmark@2.0.1.',
      },
    ],
    ['itself', { extends: 'toy-benchmark@1.12.0' }, {}, { message: expect.stringMatching(/no version in full/), key: 'extends' }],
    ['no version at all', { extends: 'toy-benchmark' }, {}, { message: expect.stringMatching(/^the version in full/), key: 'extends' }],
    [
      'a requirement that the other does not have',
      { requirements: [{ id: '1.3' }] },
      {},
      { message: 'toy-benchmark@2.0.1 has no requirement 1.3', key: 'requirements[0].id', next: 'Did you mean "1.1"?' },
    ],
    [
      'a requirement twice',
      { requirements: [{ id: '1.1' }, { id: '1.1' }] },
      {},
      { message: 'requirement 1.1 is there twice', key: 'requirements[1].id' },
    ],
    ['a key that does not differ', { title: 'Other toys' }, {}, { message: 'unknown key "title"', key: 'title' }],
    [
      'a version of what is no benchmark, beside the other',
      { kubernetesVersions: undefined, requirements: [] },
      { kind: 'policy', kubernetesVersions: undefined, requirements: [requirement()] },
      { message: expect.stringMatching(/^toy-benchmark is defined twice/) },
    ],
    [
      'a control that does not exist, in its own file',
      { requirements: [{ id: '1.2' }, { id: '1.1', controls: [{ id: 'TOY-002', strength: 'partial', covers: 'part' }] }] },
      {},
      {
        message: expect.stringMatching(/TOY-002/),
        key: 'requirements[1].controls[0].id',
        file: expect.stringMatching(/toy-benchmark-1\.12\.0\.yaml$/),
      },
    ],
    [
      'a mistake of the other version, in that one’s file',
      {},
      { requirements: [whole.requirements[0], requirement({ id: '1.2', section: '9' })] },
      { message: expect.stringMatching(/9/), key: 'requirements[1].section', file: expect.stringMatching(/toy-benchmark\.yaml$/) },
    ],
  ])('%s is refused', (_, changes, base, expected) => {
    expect(complaint(() => load(files(changes, base)))).toMatchObject(expected);
  });
});

describe('a version with other ids', () => {
  const titled = (id: string, title: string, section = '1') => requirement({ id, title, section });
  const whole = framework({
    version: '2.0.1',
    kubernetesVersions: ['1.35'],
    sections: [
      { id: '1', title: 'Toys' },
      { id: '2', title: 'Games' },
    ],
    requirements: [
      titled('1.1', 'blunt'),
      requirement({ id: '1.2', title: 'kept', level: 2, controls: [{ id: 'TOY-001', strength: 'partial', covers: 'exact' }] }),
      titled('1.3', 'clean'),
      titled('2.1', 'fair', '2'),
    ],
  });
  const files = (changes: object) => {
    const extension = { id: 'toy-benchmark', version: '1.11.1', extends: 'toy-benchmark@2.0.1', source: 'made up', requirements: [] };
    return {
      'mappings/toy-benchmark.yaml': stringify(whole),
      'mappings/toy-benchmark-1.11.1.yaml': stringify({ ...extension, kubernetesVersions: ['1.30'], ...changes }),
    };
  };
  const older = (changes: object) => load(files(changes)).frameworks[1]?.requirements ?? [];

  test.each<[string, object, readonly string[]]>([
    [
      'moved, what was there moved on',
      {
        requirements: [
          { id: '1.3', was: '1.2' },
          { id: '1.4', was: '1.3' },
        ],
      },
      ['1.1 blunt', '1.3 kept', '1.4 clean', '2.1 fair'],
    ],
    [
      'moved, and the id taken by another',
      {
        requirements: [
          { id: '1.2', was: '1.1' },
          { id: '1.1', was: '1.2' },
        ],
      },
      ['1.2 blunt', '1.1 kept', '1.3 clean', '2.1 fair'],
    ],
    [
      'there twice',
      { requirements: [{ id: '1.3' }, { id: '1.4', was: '1.3', title: 'clean again' }] },
      ['1.1 blunt', '1.2 kept', '1.3 clean', '1.4 clean again', '2.1 fair'],
    ],
    ['not there', { without: ['1.1', '2.1'] }, ['1.2 kept', '1.3 clean']],
    [
      'added, last in their section',
      { added: [titled('1.4', 'light'), titled('1.5', 'round')] },
      ['1.1 blunt', '1.2 kept', '1.3 clean', '1.4 light', '1.5 round', '2.1 fair'],
    ],
    [
      'added under the id of one that is not there, and of one that moved',
      { requirements: [{ id: '1.4', was: '1.3' }], without: ['2.1'], added: [titled('2.1', 'short', '2'), titled('1.3', 'light')] },
      ['1.1 blunt', '1.2 kept', '1.4 clean', '1.3 light', '2.1 short'],
    ],
  ])('%s', (_, changes, expected) => {
    expect(older(changes).map(({ id, title }) => `${id} ${title}`)).toEqual(expected);
  });

  test('a requirement takes its level and controls along, and says nothing of where it was', () => {
    const moved = older({ requirements: [{ id: '1.4', was: '1.2', level: 1 }] });
    expect(moved[1]).toEqual({ ...whole.requirements[1], id: '1.4', level: 1 });
  });

  test.each<[string, object, object]>([
    [
      'an earlier id that the other version does not have',
      { requirements: [{ id: '1.4', was: '1.5' }] },
      { message: 'toy-benchmark@2.0.1 has no requirement 1.5', key: 'requirements[0].was', next: 'Did you mean "1.1"?' },
    ],
    [
      'an id that was not moved away',
      { requirements: [{ id: '1.3', was: '1.2' }] },
      { message: 'toy-benchmark@2.0.1 has another requirement 1.3, and nothing says what became of it', key: 'requirements[0].id' },
    ],
    [
      'an id for two',
      {
        requirements: [
          { id: '1.4', was: '1.2' },
          { id: '1.4', was: '1.3' },
        ],
      },
      { message: 'requirement 1.4 is there twice', key: 'requirements[1].id' },
    ],
    [
      'an addition that is there',
      { added: [titled('1.3', 'light')] },
      { message: expect.stringMatching(/^toy-benchmark@2\.0\.1 has another requirement 1\.3/), key: 'added[0].id' },
    ],
    [
      'two additions under one id',
      { added: [titled('1.4', 'light'), titled('1.4', 'round')] },
      { message: 'requirement 1.4 is there twice', key: 'added[1].id' },
    ],
    [
      'an addition to a section that does not exist',
      { added: [titled('1.4', 'light', '3')] },
      { message: expect.stringMatching(/names the section "3"/), key: 'added[0].section' },
    ],
    [
      'a control of a moved requirement that does not exist',
      { requirements: [{ id: '1.4', was: '1.1', controls: [{ id: 'TOY-002', strength: 'partial', covers: 'part' }] }] },
      { message: expect.stringMatching(/TOY-002/), key: 'requirements[0].controls[0].id' },
    ],
    [
      'one to leave out that the other version does not have',
      { without: ['1.1', '9.9'] },
      { message: 'toy-benchmark@2.0.1 has no requirement 9.9', key: 'without[1]' },
    ],
    [
      'one to leave out that moved',
      { requirements: [{ id: '1.4', was: '1.1' }], without: ['1.1'] },
      { message: 'requirement 1.1 is said to differ and not to be there', key: 'without[0]' },
    ],
  ])('%s is refused, in its own file', (_, changes, expected) => {
    const found = complaint(() => load(files(changes)));
    expect(found).toMatchObject(expected);
    expect(found.file).toMatch(/toy-benchmark-1\.11\.1\.yaml$/);
    expect(found.line).toBeGreaterThan(0);
  });
});
