/** A small catalog in memory and on disk, for tests that change one thing about it. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Control, Framework, Requirement } from '../../src/model/index.ts';

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
