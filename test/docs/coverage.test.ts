import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'coverage.md'), 'utf8');
const rows = text
  .slice(text.indexOf('\n## 1.1 '))
  .split('\n')
  .filter((line) => /^\| \d/.test(line))
  .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')));

test('every recommendation has a row, and at least 100 of the 131 are decided by controls', () => {
  expect(rows).toHaveLength(131);
  const [, recommendations, decided] = /^\| all \| (\d+) \| (\d+) \|/m.exec(text) ?? [];
  expect(Number(recommendations)).toBe(131);
  expect(Number(decided)).toBeGreaterThanOrEqual(100);
});

test('in sections 1 to 4 only what no evidence shows is left to a person', () => {
  const left = rows.filter(([id = '', , , how = '']) => /^[1-4]\./.test(id) && /(^|; )a person/.test(how)).map(([id]) => id);
  expect(left).toEqual(['1.2.9', '3.1.1', '3.1.2']);
});

test('each version of the benchmark has a row, and an older one says what it has otherwise', () => {
  const versions = [...text.matchAll(/^\| (\d+\.\d+\.\d+) \| ([^|]+) \| 131 \|/gm)].map(([, version, kubernetes]) => [version, kubernetes]);
  expect(versions).toEqual([
    ['2.0.1', '1.34, 1.35'],
    ['1.12.0', '1.32, 1.33, 1.34'],
  ]);
  const [, differing = ''] = /^Version 1\.12\.0 has .*?\n\n([^#]*)\n\n##/ms.exec(text) ?? [];
  expect(differing.match(/^\| \d\S*/gm)).toEqual(['| 3.2.2', '| 5.2.9']);
});
