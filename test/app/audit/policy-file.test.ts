/** Audit policies as files: what kube-apiserver reads of them, and where it refuses them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { loadPolicyFile } from '../../../src/app/audit/policy-file.ts';
import { exitCodeOf, KubevidenceError } from '../../../src/model/index.ts';

const cwd = mkdtempSync(join(tmpdir(), 'audit-policy-'));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));
const head = 'apiVersion: audit.k8s.io/v1\nkind: Policy\n';
function load(text: string | Uint8Array) {
  writeFileSync(join(cwd, 'p.yaml'), text);
  return loadPolicyFile({ cwd }, 'p.yaml');
}
function refusal(text: string | Uint8Array): KubevidenceError {
  try {
    load(text);
  } catch (error) {
    if (error instanceof KubevidenceError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('refused, with the place', () => {
  test.each<[string, string, number | undefined, string | undefined]>([
    ['a level that there is not', `${head}rules:\n- level: None\n- verbs: [get]\n  level: Loud\n`, 6, 'rules[1].level'],
    ['no level', `${head}rules:\n- level: None\n- verbs: [get]\n`, 5, 'rules[1].level'],
    ['a stage', `${head}rules:\n- level: None\n  omitStages:\n  - RequestReceived\n  - Never\n`, 7, 'rules[0].omitStages[1]'],
    ['yes is no user', `${head}rules:\n- level: None\n  users: [yes]\n`, 5, 'rules[0].users[0]'],
    ['no rules', head, 1, 'rules'],
    ['another kind', 'apiVersion: audit.k8s.io/v1\nkind: Event\n', 2, 'kind'],
    ['broken YAML', `${head}rules: [\n`, 4, undefined],
    ['a first document that is empty', `---\n---\n${head}rules: [{level: None}]\n`, 1, undefined],
    ['nothing', '', 1, undefined],
    ['nested too deeply', '['.repeat(50_000), undefined, undefined],
  ])('%s', (_name, text, line, key) => {
    const { code, place } = refusal(text);
    expect(code).toBe('input');
    expect(place).toMatchObject({ file: 'p.yaml', ...(line !== undefined && { line }), ...(key !== undefined && { key }) });
  });

  test('aliases that expand without end', () => {
    const more = Array.from({ length: 12 }, (_, i) => `x${i + 1}: &x${i + 1} [${Array(9).fill(`*x${i}`).join(', ')}]\n`).join('');
    expect(refusal(`${head}x0: &x0 [a]\n${more}rules: [{level: None}]\n`).message).toContain('aliases');
  });

  test('bytes that are no text', () => {
    expect(refusal(Uint8Array.of(0x61, 0xff, 0x62)).message).toBe('it is not UTF-8');
  });

  test.each(['nothing.yaml', '.'])('no file: %s', (name) => {
    expect(() => loadPolicyFile({ cwd }, name)).toThrow(expect.toSatisfy((error) => exitCodeOf(error) === 2));
  });

  test('a directory by a name of a file', () => {
    mkdirSync(join(cwd, 'd.yaml'));
    expect(() => loadPolicyFile({ cwd }, 'd.yaml')).toThrow('d.yaml is no file');
  });
});

describe('accepted', () => {
  test('with what the API server goes on without, and what it does not read', () => {
    const text = `${head}rules:\n- level: Metadata\n  level: None\n  user: [a]\n  verbs: ["*"]\n- level: None\n---\nkind: Policy\n`;
    const { policy, remarks } = load(text);
    expect(policy.rules.map(({ level }) => level)).toEqual(['None', 'None']);
    expect(remarks).toMatchObject([
      { line: 5, message: 'a key is there twice, and the last one counts' },
      { line: 6, key: 'rules[0].user' },
      { line: 7, key: 'rules[0].verbs[0]' },
      { line: 9, message: 'another document begins here, which the API server does not read' },
    ]);
  });

  test('as JSON, with a mark at its start, with anchors', () => {
    expect(
      load(`\ufeff${JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'Request' }] })}`).policy.rules,
    ).toHaveLength(1);
    expect(load(`${head}rules:\n- &a {level: Metadata, verbs: [get]}\n- <<: *a\n  verbs: [list]\n`).policy.rules[1]).toMatchObject({
      level: 'Metadata',
      verbs: ['list'],
    });
  });

  test('with each rule as it stands there', () => {
    const { rule } = load(`${head}rules:\n  # who\n  - level: None # not these\n    users:\n      - a\n\n  - {level: Metadata}\n`);
    expect(rule(0)).toEqual({ line: 5, text: 'level: None # not these\nusers:\n  - a' });
    expect(rule(1)).toEqual({ line: 9, text: '{level: Metadata}' });
  });
});

test('whatever the file holds, it is accepted or refused as expected', () => {
  const pieces = fc.array(
    fc.constantFrom(
      head,
      'rules:\n',
      '- level: None\n',
      '  users: [a]\n',
      '---\n',
      '- ',
      '&a ',
      '*a',
      '{',
      ': ',
      '\t',
      'x: [1:20]\n',
      '? ',
    ),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        pieces.map((all) => all.join('')),
        fc.string(),
      ),
      (text) => {
        const outcome = (): unknown => {
          try {
            return load(text).policy.rules.length > 0;
          } catch (error) {
            return error instanceof KubevidenceError && [error.code, error.place?.file];
          }
        };
        expect([true, ['input', 'p.yaml']]).toContainEqual(outcome());
      },
    ),
    { numRuns: 300 },
  );
});
