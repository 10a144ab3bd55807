/** A small catalog in memory and on disk, for tests that change one thing about it. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { loadCatalog } from '../../src/catalog/index.ts';
import { type Catalog, type Control, type Framework, KubevidenceError, type Requirement } from '../../src/model/index.ts';

export function control(changes: Partial<Control> = {}): Control {
  return {
    id: 'TOY-001',
    title: 'No toy is sharp',
    severity: 'high',
    why: 'Sharp toys cut',
    population: 'toys',
    expect: '!item.sharp',
    message: '{name} is sharp',
    params: {},
    procedure: 'Look at every toy',
    remediation: 'Blunt it',
    examples: [
      { name: 'blunt', outcome: 'pass' },
      { name: 'sharp', outcome: 'fail', findings: ['knife'] },
      { name: 'unread', outcome: 'notAssessed', gaps: [{ what: 'toys', reason: 'forbidden' }] },
    ],
    ...changes,
  };
}

export function requirement(changes: Partial<Requirement> = {}): Requirement {
  return { id: '1.1', title: 'Toys are safe', section: '1', controls: [], ...changes };
}

export function framework(changes: Partial<Framework> = {}): Framework {
  return {
    id: 'toy-benchmark',
    title: 'Toys',
    kind: 'benchmark',
    version: '1.0.0',
    source: 'made up',
    notice: 'none',
    sections: [{ id: '1', title: 'All' }],
    requirements: [requirement()],
    ...changes,
  };
}

/** Writes files (name → text) into a new directory and returns it. */
export function directory(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'kubevidence-catalog-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

/** A catalog of one control and one framework, but for the files that are given. */
export function load(files: Readonly<Record<string, string>>, populations = ['toys']): Catalog {
  const root = directory({
    'controls/toys/TOY-001.yaml': stringify(control()),
    'mappings/toy-benchmark.yaml': stringify(framework()),
    ...files,
  });
  return loadCatalog({ controlDirs: [join(root, 'controls')], mappingDirs: [join(root, 'mappings')], populations });
}

/** What a mistake in a file is refused with. */
export function complaint(run: () => unknown): {
  message: string;
  file?: string;
  line?: number | undefined;
  key?: string | undefined;
  next?: string | undefined;
} {
  try {
    run();
  } catch (error) {
    if (!(error instanceof KubevidenceError) || error.code !== 'configuration') throw error;
    return { message: error.message, file: error.place?.file ?? '', line: error.place?.line, key: error.place?.key, next: error.next };
  }
  throw new Error('nothing was refused');
}
