import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { KubevidenceError } from '../../src/model/index.ts';
import { loadReportDefinition } from '../../src/reporting/index.ts';
import { definitionPath } from './fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'kubevidence-report-'));
afterAll(() => rmSync(folder, { recursive: true }));
const shipped = readFileSync(definitionPath, 'utf8');

function problemOf(text: string): { message: string; place: KubevidenceError['place'] } {
  const path = join(folder, 'report.yaml');
  writeFileSync(path, text);
  try {
    loadReportDefinition(path);
  } catch (error) {
    const { message, place } = error as KubevidenceError;
    return { message, place };
  }
  return { message: 'no error', place: undefined };
}

describe('the report definition', () => {
  test('that is shipped loads, and never words a law as compliance', () => {
    const { outcomes, sections, sheets } = loadReportDefinition(definitionPath);
    expect(JSON.stringify(outcomes.law)).not.toMatch(/complian|conform|certif/i);
    expect([sections.length, sheets.length]).toEqual([22, 19]);
  });

  const cases: readonly (readonly [string, string, RegExp, string | undefined])[] = [
    [
      'a law worded as compliance',
      shipped.replace('word: no deviation found', 'word: compliant'),
      /never worded as compliance/,
      'outcomes.law',
    ],
    ['an unknown key', `${shipped}\ncolour: green\n`, /colour/, ''],
    [
      'an unknown section',
      shipped.replace('- {id: summary, title: In short}', '- {id: sumary, title: In short}'),
      /not valid/,
      'sections.1.id',
    ],
    [
      'a section named twice',
      shipped.replace('- {id: limitations, title: Limitations}', '- {id: cover, title: Limitations}'),
      /names cover twice/,
      'sections',
    ],
    [
      'a sheet title that Excel refuses',
      shipped.replace('Population - bindings', "'Population: bindings'"),
      /not valid/,
      'sheets.11.title',
    ],
  ];
  test.each(cases)('refuses %s, naming the key', (_, text, message, key) => {
    const problem = problemOf(text);
    expect(problem.message).toMatch(message);
    expect(problem.place?.key).toBe(key);
  });

  test('refuses broken YAML, naming the line', () => {
    expect(problemOf('schema: [\n')).toMatchObject({ message: expect.stringContaining('not valid YAML') as string, place: { line: 2 } });
  });
});
