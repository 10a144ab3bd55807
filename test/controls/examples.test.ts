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

test.each([
  ['AUD-004', '--audit-log-path is /var/log/audit.log, --audit-log-maxage 5'],
  ['AUD-004', '--audit-log-path is none, --audit-log-maxage 366'],
  ['AUD-004', '--audit-log-path is /var/log/audit.log, --audit-log-maxage 0'],
  ['AUD-005', '--audit-log-path is /var/log/audit.log, --audit-log-maxbackup '],
  ['AUD-006', '--audit-log-path is /var/log/audit.log, --audit-log-maxsize '],
  ['API-016', 'a request timeout of 1h, not one of at most 300s'],
])('a finding of %s names what was found: %s', (id, words) => {
  const control = catalog.controls.find((each) => each.id === id);
  const messages = control?.examples.flatMap((example) =>
    runExample(control, example, rules).result.findings.map(({ message }) => message),
  );
  expect(messages).toContainEqual(expect.stringContaining(words));
  expect(messages).not.toContainEqual(expect.stringContaining('unknown'));
});
