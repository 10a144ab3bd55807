import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadCatalog } from '../../src/catalog/index.ts';
import { runExample } from '../../src/control-examples.ts';
import { populations } from '../../src/populations/index.ts';

const root = join(import.meta.dirname, '..', '..');
const catalog = loadCatalog({
  controlDirs: [join(root, 'controls')],
  mappingDirs: [],
  techniqueDirs: [join(root, 'techniques')],
  populations: populations.map((population) => population.name),
});

const rules = { populations, techniques: catalog.techniques };

describe.each(catalog.controls.map((control) => [control.id, control] as const))('%s', (_, control) => {
  test.each(control.examples.map((example) => [example.name, example] as const))('%s', (_name, example) => {
    expect(runExample(control, example, rules).problems).toEqual([]);
  });
});

test('a difference of counters stands on the listings of both runs', () => {
  const control = catalog.controls.find(({ id }) => id === 'AUD-002');
  const example = control?.examples.find(({ outcome, before }) => outcome === 'pass' && before !== undefined);
  if (control === undefined || example === undefined) throw new Error('AUD-002 has no such example');
  const { evidence } = runExample(control, example, rules).result;
  const pages = evidence.filter(({ kind }) => kind === 'k8s.apiserver/metrics');
  expect(new Set(pages.map(({ id }) => id)).size).toBe(2);
});
