/** `access paths` as people type it: 80 columns, a document that the published schema describes, names that do no harm, and the exit code. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { accessPathsSchema } from '../../src/access/index.ts';
import { packageRoot } from '../../src/app/index.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { asFile, bind, hostile, nothingElse, role, user, world } from '../app/access/paths-world.ts';
import { clockFrom, create, identity, pods, signerOf, start } from '../ledger/given.ts';
import { typist } from './type.ts';

const home = mkdtempSync(join(tmpdir(), 'access-paths-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const typeLine = typist({ home, clock: clockFrom('2026-08-14T13:00:00.000Z'), columns: 80, env: { XDG_STATE_HOME: join(home, 'state') } });
const type = (...args: readonly string[]) => typeLine('access', 'paths', ...args);

/** What no output may hold, besides the ends of lines. */
const harmful = /[^\P{Cc}\n]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
/** For programs: C0 and DEL; JSON has an escape for each. */
const controls = /[^\P{Cc}\n\u0080-\u009f]/u;
const published = z.fromJSONSchema(
  JSON.parse(readFileSync(join(packageRoot, 'schemas', 'access-paths.schema.json'), 'utf8')) as Parameters<typeof z.fromJSONSchema>[0],
);

const complete = [...world, ...nothingElse];
/** Names as long as Kubernetes takes them, in every place that is printed. */
const long = (letter: string) => letter.repeat(253);
const sprawl = [
  ...complete,
  ...Array.from({ length: 12 }, (_, i) => [
    role(`${long('r').slice(3)}-${i}`, [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }]),
    bind(`${long('b').slice(3)}-${i}`, `ClusterRole/${long('r').slice(3)}-${i}`, [
      user(`${long('u')}${i}@example.com`),
      user(`=cmd|'${i}'`),
    ]),
  ]).flat(),
];

beforeAll(() => {
  writeFileSync(join(home, 'world.yaml'), asFile(complete));
  writeFileSync(join(home, 'sprawl.yaml'), asFile(sprawl));
  writeFileSync(join(home, 'roles.yaml'), asFile(complete.filter((each) => !(each as { kind: string }).kind.endsWith('Binding'))));
});

const from = ['--from', join(home, 'world.yaml')];

describe('on a terminal', () => {
  it('tells the worst ways first, who else goes them, and what to remove', async () => {
    const { code, out, err } = await type(...from);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^world · files · 4 subjects can reach cluster-admin, certainly\n/);
    expect(out).toMatch(/\n {2}ServiceAccount\/clinic\/deployer · 1 hop\n {4}1\. hold-everything → cluster-admin\n/);
    expect(out).toMatch(/\n {2}Group\/dev and 2 more · 2 hops\n {4}1\. create-pod → ServiceAccount\/clinic\/deployer\n/);
    expect(out).toMatch(/remove ClusterRoleBinding\/deployer \(ClusterRole\/everything\) and 4 of 4 paths\s+vanish/);
    expect(out).toMatch(/1 subject of the control plane can by what the cluster is made with: --all/);
    expect(out.indexOf('1 hop')).toBeLessThan(out.indexOf('2 hops'));
  });

  it.each<[string, string[], number, RegExp]>([
    ['nobody climbs, and all was read', ['--subject', 'bob', ...from], 0, /no path by the techniques that are known/],
    [
      'nobody climbs as far as was read',
      ['--from', join(home, 'roles.yaml')],
      0,
      /no path through what was read; what was not read may hold one/,
    ],
    ['and strictly', ['--from', join(home, 'roles.yaml'), '--strict'], 3, /not read: [^]*rolebindings[^]*\(absent\)/],
    ['all was read, strictly', [...from, '--strict'], 0, /4 subjects/],
    ['paths are no failure', ['--to', 'secret:clinic/db', ...from], 0, /5 subjects can reach secret:clinic\/db/],
    ['the paths of the cluster itself', ['--all', ...from], 0, /clusterrole-aggregation-controller · 1 hop · built\s+in/],
    ['a subject alone: nothing to remove for others', ['--subject', 'Group/dev', ...from], 0, /^(?![^]*remove )[^]*Group\/dev · 2 hops/],
  ])('%s', async (_name, args, expected, said) => {
    const { code, out } = await type(...args);
    expect([code, out]).toEqual([expected, expect.stringMatching(said)]);
  });

  it.each([
    ['a small world', from],
    ['long names and many ways', ['--from', join(home, 'sprawl.yaml')]],
    ['everything not read', ['--from', join(home, 'roles.yaml')]],
    ['to a Secret', ['--to', 'secret:clinic/db', '--from', join(home, 'sprawl.yaml')]],
  ])('keeps to 80 columns, and no name does harm: %s', async (_name, args) => {
    const { out } = await type(...args);
    expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(out).not.toMatch(harmful);
  });

  it('shows a name that writes on the terminal as what it is', async () => {
    const { out } = await type('--subject', hostile, ...from);
    expect(out).toContain('User/\\u{1b}[31m\\u{1b}]0;owned\\u{7}=cmd\\u{202e} · 2 hops');
    expect(out).not.toMatch(harmful);
  });

  it('counts the ways that it does not print', async () => {
    const { out } = await type('--from', join(home, 'sprawl.yaml'));
    expect(out).toMatch(/and \d+ more ways?: -o json/);
    expect(out.split('\n').length).toBeLessThan(200);
  });
});

describe('for programs', () => {
  it.each([
    ['a small world', from],
    ['all of it', ['--all', ...from]],
    ['long names', ['--from', join(home, 'sprawl.yaml')]],
    ['what was not read', ['--from', join(home, 'roles.yaml')]],
    ['a Secret', ['--to', 'secret:clinic/db', ...from]],
    ['a node', ['--to', 'node:worker-1', ...from]],
    ['nothing found', ['--subject', 'bob', ...from]],
  ])('is one document that the published schema describes: %s', async (_name, args) => {
    const { code, out, err } = await type(...args, '-o', 'json');
    expect([code, err]).toEqual([0, '']);
    expect(out).not.toMatch(controls);
    const document: unknown = JSON.parse(out);
    expect(published.safeParse(document).error?.issues ?? []).toEqual([]);
    expect(accessPathsSchema.parse(document)).toEqual(document);
  });

  it('the published schema refuses what is not described', async () => {
    const document = JSON.parse((await type(...from, '-o', 'json')).out) as Record<string, unknown>;
    for (const wrong of [
      { ...document, more: 1 },
      { ...document, paths: [{}] },
      { ...document, schema: 'kubevidence/access-paths/v0' },
    ])
      expect(published.safeParse(wrong).success).toBe(false);
  });

  it('has the paths as interface.md says, an empty list when there is none', async () => {
    const { out } = await type('--subject', hostile, ...from, '-o', 'json');
    const { paths } = accessPathsSchema.parse(JSON.parse(out));
    expect(paths.map((path) => [path.from, path.to])).toEqual([[`User/${hostile}`, 'cluster-admin']]);
    for (const hop of paths[0]?.hops ?? [])
      expect(Object.keys(hop)).toEqual(expect.arrayContaining(['technique', 'from', 'to', 'right', 'through']));
    expect(accessPathsSchema.parse(JSON.parse((await type('--subject', 'bob', ...from, '-o', 'json')).out)).paths).toEqual([]);
  });

  it('says the same in YAML', async () => {
    const [json, yaml] = [await type('--subject', 'alice', ...from, '-o', 'json'), await type('--subject', 'alice', ...from, '-o', 'yaml')];
    expect({ ...(parse(yaml.out) as object), at: '' }).toEqual({ ...(JSON.parse(json.out) as object), at: '' });
    expect((await type(...from, '-o', 'yaml')).out).not.toMatch(harmful);
  });
});

describe('wrong usage', () => {
  it.each<[string, string[], RegExp]>([
    ['a target', ['--to', 'admin', ...from], /admin is no target[^]*Write cluster-admin, secret:NAMESPACE\/NAME or node:NAME/],
    ['a node', ['--to', 'node:worker-2', ...from], /there is no node worker-2[^]*Did you mean worker-1\?/],
    ['a subject', ['--subject', 'ServiceAccount/deployer', ...from], /is no subject[^]*Write User\/alice, Group\/dev or ServiceAccount/],
    ['a format', ['-o', 'csv', ...from], /csv[^]*json/],
    ['a file', ['--from', join(home, 'gone')], /gone/],
    ['a hostile target', ['--to', `node:${hostile}`, ...from], /there is no node \\u\{1b\}/],
  ])('%s: exit 2, and what to write', async (_name, args, said) => {
    const { code, out, err } = await type(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(said);
    expect(err.split('\n').length).toBeLessThanOrEqual(5);
    expect(err).not.toMatch(harmful);
  });
});

describe('from a ledger', () => {
  it('over a run that read nothing exits 3 whatever the options', async () => {
    writeFileSync(join(home, 'kubevidence.yaml'), 'organization: Example Clinic\nclusters: [{name: prod}]\n', { mode: 0o600 });
    const path = join(home, 'kubevidence', 'ledger.db');
    const ledger = openLedger({ path, mode: 'write', clock: clockFrom(), signer: signerOf(), create });
    start(ledger, identity, [pods]).end({ status: 'failed', error: 'nothing was read', identity, serverClockSkewMs: null });
    ledger.close();
    const { code, out } = await type('--run', '1', '-o', 'json');
    expect(code).toBe(3);
    expect(accessPathsSchema.parse(JSON.parse(out))).toMatchObject({
      scope: 'cluster',
      run: { number: 1, status: 'failed' },
      paths: [],
      complete: false,
    });
    expect((await type('--run', '7')).code).toBe(2);
  });
});
