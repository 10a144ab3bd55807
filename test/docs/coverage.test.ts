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
  const versions = [...text.matchAll(/^\| (\d+\.\d+\.\d+) \| ([^|]+) \| (\d+) \| \d+ \|$/gm)].map((found) => found.slice(1));
  expect(versions).toEqual([
    ['2.0.1', '1.34, 1.35', '131'],
    ['1.12.0', '1.32, 1.33, 1.34', '131'],
    ['1.11.1', '1.29, 1.30, 1.31', '134'],
  ]);
  const differing = (version: string) =>
    text
      .split(`\nVersion ${version} has `)[1]
      ?.split(/\n\n(?!\|)/)[0]
      ?.match(/(?<=^\| )\d\S*/gm);
  expect(differing('1.12.0')).toEqual(['3.2.2', '5.2.9']);
  const inPods = ['5.2.9', '5.2.10', '5.2.11', '5.2.12', '5.2.13'];
  expect(differing('1.11.1')).toEqual(['2.2', '2.3', '2.4', '2.5', '2.6', '2.7', '2.8', '3.2.2', '4.2.15', ...inPods]);
});
