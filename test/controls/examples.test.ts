import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadCatalog } from '../../src/catalog/index.ts';
import { runExample } from '../../src/control-examples.ts';
import { populations } from '../../src/populations/index.ts';

const root = join(import.meta.dirname, '..', '..');
const catalog = loadCatalog({
  controlDirs: [join(root, 'controls')],
  mappingDirs: [],
  populations: populations.map((population) => population.name),
});

describe.each(catalog.controls.map((control) => [control.id, control] as const))('%s', (_, control) => {
  test.each(control.examples.map((example) => [example.name, example] as const))('%s', (_name, example) => {
    expect(runExample(control, example, populations).problems).toEqual([]);
  });
});
