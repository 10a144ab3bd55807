/** `audit simulate|matrix` as people type them: what is printed, and the exit code. */
import { spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../../src/app/index.ts';
import { auditMatrixSchema, auditSimulationSchema } from '../../src/app/audit/documents.ts';
import { printError } from '../../src/cli/output.ts';
import { buildProgram } from '../../src/cli/program.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { exitCodeOf } from '../../src/model/index.ts';
import { clockFrom } from '../ledger/given.ts';

const home = mkdtempSync(join(tmpdir(), 'audit-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

interface Typed {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Pieces that were printed while the last one had not left. */
  readonly early: number;
}

async function type(...args: string[]): Promise<Typed> {
  const [out, err]: [string[], string[]] = [[], []];
  let [full, early] = [false, 0];
  const terminal: Terminal = {
    columns: 80,
    print(text = '') {
      if (full) early += 1;
      full = text.length > 1000;
      out.push(text);
    },
    async drained() {
      await wait(1);
      full = false;
    },
    note: (text) => void err.push(text),
    status: () => {},
    style: (_, text) => text,
  };
  const app = {
    cwd: home,
    env: {},
    clock: clockFrom('2026-08-14T13:00:00.000Z'),
    uid: null,
    warn: (text: string) => void err.push(text),
    progress: () => {},
  };
  let code = 0;
  try {
    await buildProgram({ app, terminal }, (result) => {
      code = result;
    }).parseAsync(['audit', ...args], { from: 'user' });
  } catch (error) {
    printError(terminal, error);
    code = exitCodeOf(error);
  }
  return { code, out: out.join('\n'), err: err.join('\n'), early };
}

const hostile = '\u001b[31mred\u202e';
const policy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: None
    users: [bob, ${JSON.stringify(hostile)}]
  - level: Metadata
    resources:
      - group: ""
        resources: [secrets]
  - {level: RequestResponse, userGroups: ["system:authenticated"]}
`;
writeFileSync(join(home, 'audit.yaml'), policy);
const simulate = (...args: string[]) => type('simulate', '--policy', 'audit.yaml', ...args);

describe('one request', () => {
  test('is told with the rule as it stands in the file', async () => {
    const { code, out, err } = await simulate(
      '--verb',
      'get',
      '--resource',
      'secrets',
      '-n',
      'shop',
      '--name',
      'db',
      '--user',
      'alice',
      '--group',
      'dev',
    );
    expect([code, err]).toEqual([0, '']);
    expect(out).toBe(`Metadata
  get secrets db in namespace shop · as alice
  groups: dev; system:authenticated (implied)
  rule 2 of 3, audit.yaml:7
    level: Metadata
    resources:
      - group: ""
        resources: [secrets]
  an event at ResponseComplete

  kubevidence audit matrix --policy audit.yaml`);
  });

  test('that no rule matches is told so', async () => {
    const { out } = await simulate('--verb', 'get', '--path', '/version', '--user', 'system:anonymous');
    expect(out).toContain(
      'None\n  get /version · as system:anonymous\n  groups: system:unauthenticated (implied)\n  no rule of audit.yaml matches, so nothing is recorded\n',
    );
  });

  test('is one document', async () => {
    const { code, out } = await simulate(
      '--verb',
      'create',
      '--resource',
      'deploy',
      '-n',
      'shop',
      '--user',
      'ServiceAccount/shop/app',
      '-o',
      'json',
    );
    expect(code).toBe(0);
    expect(auditSimulationSchema.parse(JSON.parse(out))).toMatchObject({
      schema: 'kubevidence/audit-simulation/v1',
      policy: { file: 'audit.yaml', rules: 3 },
      request: {
        user: 'system:serviceaccount:shop:app',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:shop', 'system:authenticated'],
        apiGroup: 'apps',
        resource: 'deployments',
      },
      level: 'RequestResponse',
      rule: 2,
      omitStages: ['RequestReceived'],
      omitManagedFields: false,
      stages: ['ResponseComplete'],
      why: { key: 'rules[2]', line: 11, text: '{level: RequestResponse, userGroups: ["system:authenticated"]}' },
      notes: ['deployments are in the API group apps'],
    });
    const { out: yaml } = await simulate('--verb', 'get', '--path', '/version', '-o', 'yaml');
    expect(yaml).toContain('level: "RequestResponse"\nrule: 2\n');
  });

  test('is a line, as one of many', async () => {
    const { out } = await simulate('--verb', 'get', '--resource', 'secrets', '--user', 'alice', '--group', 'dev', 'ops', '-o', 'jsonl');
    expect(out).toBe('{"level":"Metadata","rule":1,"omitStages":["RequestReceived"]}');
  });

  test.each<[string, string[], string]>([
    ['a group that was given is taken as it is', ['--resource', 'things', '--api-group', 'example.com'], 'get things.example.com'],
    ['also the core group', ['--resource', 'deployments', '--api-group', ''], 'get deployments ·'],
    ['a subresource in the name', ['--resource', 'pods/log', '-n', 'a', '--name', 'b'], 'get pods/log b in namespace a'],
    ['a Namespace is in itself', ['--resource', 'ns', '--name', 'shop'], 'get namespaces shop in namespace shop'],
    ['groups after one another', ['--resource', 'pods', '--user', 'a', '--group', 'dev', 'ops'], 'groups: dev, ops; system:authenticated'],
    ['a node', ['--resource', 'pods', '--user', 'system:node:a'], 'says the group system:nodes: add --group'],
    ['what is in no namespace', ['--resource', 'nodes', '-n', 'a'], 'nodes are in no namespace: -n has no effect'],
  ])('%s', async (_name, args, expected) => {
    expect((await simulate('--verb', 'get', ...args)).out).toContain(expected);
  });

  test('shows hostile text harmless', async () => {
    for (const format of ['table', 'json', 'yaml']) {
      const { out } = await simulate('--verb', 'get', '--resource', 'secrets', '--user', hostile, '-o', format);
      expect(out).not.toMatch(/(?!\n)[\p{Cc}\u202e]/u);
      expect(out).toContain('None');
    }
  });

  test.each<[string, string[]]>([
    ['no verb', ['--resource', 'secrets']],
    ['neither resource nor path', ['--verb', 'get']],
    ['both', ['--verb', 'get', '--resource', 'secrets', '--path', '/healthz']],
    ['the path of a resource', ['--verb', 'get', '--path', '/api/v1/secrets']],
    ['a verb in upper case', ['--verb', 'GET', '--resource', 'secrets']],
    ['two subresources', ['--verb', 'get', '--resource', 'pods/log', '--subresource', 'exec']],
    ['a format that there is not', ['--verb', 'get', '--resource', 'secrets', '-o', 'csv']],
    ['a request beside a file', ['--verb', 'get', '--file', 'r.jsonl']],
    ['a document for many', ['--file', 'r.jsonl', '-o', 'json']],
    ['a file that is not there', ['--file', 'r.jsonl']],
    ['stdin twice', ['--policy', '-', '--file', '-']],
  ])('wrong usage: %s', async (_name, args) => {
    const { code, out, err } = await simulate(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).not.toContain('defect');
  });
});

describe('many requests', () => {
  const many = (text: string) => {
    writeFileSync(join(home, 'many.jsonl'), text);
    return simulate('--file', 'many.jsonl', '-o', 'jsonl');
  };

  test('one answer a line, in order', async () => {
    const { code, out, err } = await many(
      [
        '{"user": "bob", "groups": [], "verb": "get", "apiGroup": "", "apiVersion": "v1", "resource": "pods", "namespace": "a", "name": "b"}',
        '',
        '{"user": "alice", "groups": ["system:authenticated"], "verb": "get", "path": "/version"}\r',
        '{"verb": "get", "resource": "secrets"}',
        '{"user": "alice", "verb": "get", "path": "/version"}',
      ].join('\n'),
    );
    expect([code, err]).toEqual([0, '']);
    expect(out.split('\n')).toEqual([
      '{"level":"None","rule":0,"omitStages":["RequestReceived"]}',
      '{"level":"RequestResponse","rule":2,"omitStages":["RequestReceived"]}',
      '{"level":"Metadata","rule":1,"omitStages":["RequestReceived"]}',
      '{"level":"None","rule":null,"omitStages":["RequestReceived"]}',
    ]);
  });

  test('a broken line is named, and keeps its place', async () => {
    const { code, out, err } = await many(
      `{"verb": "get", "resource": "secrets"}\n{"verb": "get", "groups": "x", "resource": "a"}\n${'x'.repeat(1_100_000)}\n`,
    );
    expect(code).toBe(2);
    expect(out.split('\n').map((line) => (JSON.parse(line) as { level: string | null }).level)).toEqual(['Metadata', null, null]);
    expect(err).toBe('kubevidence: many.jsonl:2: groups: it must be a list of texts\nkubevidence: many.jsonl:3: it is longer than 1 MiB');
  });

  test('wait for a reader that is slower', async () => {
    const { out, early } = await many('{"verb": "get", "resource": "secrets"}\n'.repeat(5000));
    expect([out.split('\n').length, early]).toEqual([5000, 0]);
  });

  test('of any number, in little memory', { timeout: 60_000 }, async () => {
    const file = join(home, 'million.jsonl');
    const lines = 50_000;
    const line = (i: number) =>
      `{"user":"user-${i}","groups":["system:authenticated"],"verb":"get","resource":"secrets","namespace":"n${i % 99}","name":"${'x'.repeat(800)}"}\n`;
    const some = Array.from({ length: 1000 }, (_, i) => line(i)).join('');
    for (let i = 0; i < lines / 1000; i++) appendFileSync(file, some);
    expect(statSync(file).size).toBeGreaterThan(40_000_000);
    const args = ['--max-old-space-size=56', '--disable-warning=ExperimentalWarning', join(packageRoot, 'src', 'cli', 'main.ts')];
    const child = spawn(process.execPath, [...args, 'audit', 'simulate', '--policy', 'audit.yaml', '--file', file, '-o', 'jsonl'], {
      cwd: home,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let answers = 0;
    for await (const chunk of child.stdout.setEncoding('utf8') as AsyncIterable<string>) answers += chunk.split('\n').length - 1;
    expect([answers, child.exitCode ?? 0]).toEqual([lines, 0]);
  });

  test('no requests are no answers', async () => {
    expect(await many('\n\n')).toEqual({ code: 0, out: '', err: '', early: 0 });
  });
});

describe('a policy', () => {
  test.each(['simulate', 'matrix'])('that no API server starts with is refused by %s, with its place', async (command) => {
    writeFileSync(join(home, 'bad.yaml'), policy.replace('level: Metadata', 'level: Meta'));
    const { code, out, err } = await type(
      command,
      '--policy',
      'bad.yaml',
      ...(command === 'simulate' ? ['--verb', 'get', '--resource', 'secrets'] : []),
    );
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/bad\.yaml:7: rules\[1\]\.level: it must be one of None, Metadata,/);
    expect(err).toContain('does not start with this audit policy');
  });

  test('with a misspelt field is one that matches more, and says so', async () => {
    writeFileSync(join(home, 'typo.yaml'), policy.replace('users:', 'user:'));
    const { code, out, err } = await type('simulate', '--policy', 'typo.yaml', '--verb', 'get', '--resource', 'secrets');
    expect([code, out.split('\n')[0]]).toEqual([0, 'None']);
    expect(err).toContain('typo.yaml:6: rules[0].user: the API server knows no such field');
  });
});

describe('the matrix', () => {
  test('fits 80 columns, and says what is wrong, worst first', async () => {
    const { code, out } = await type('matrix', '--policy', 'audit.yaml');
    expect(code).toBe(0);
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(82);
    expect(out).toMatch(/Secrets read +Meta 2~ +Meta 2~ +Meta 2 +Meta 2 +Meta 2 +Meta 2\n/);
    expect(out).toMatch(/Credentials refused +- +- +- +- +- +None 0\n/);
    expect(out).toMatch(/▲ rule 3 \(line 11\) writes bodies[^]*▲ rule 1 \(line 5\) records nothing for some[^]*○ no rule matches/);
    expect(out).toContain('kubevidence audit simulate');
  });

  test('is one document', async () => {
    const { out } = await type('matrix', '--policy', 'audit.yaml', '-o', 'json');
    expect(auditMatrixSchema.parse(JSON.parse(out))).toMatchObject({
      schema: 'kubevidence/audit-matrix/v1',
      policy: { rules: [{ line: 5 }, { line: 7 }, { line: 11 }] },
    });
    expect(out).not.toContain('\u202e');
  });
});
