/** Every technique's examples: the evidence goes the way of real evidence, and the fixed variant of each has no such hop. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadTechniques } from '../../../src/catalog/index.ts';
import { runTechniqueExamples } from '../../../src/technique-examples.ts';

const techniques = loadTechniques({ techniqueDirs: [join(import.meta.dirname, '../../../techniques')] });

describe.each(techniques)('$id', (technique) => {
  it.each(technique.examples)('$name', (example) => {
    const results = [...runTechniqueExamples([{ ...technique, examples: [example] }], techniques)];
    expect(results).toEqual([{ technique: technique.id, example: example.name, problems: [] }]);
  });
});
