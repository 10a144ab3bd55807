/**
 * The access index against the authorizer itself: random worlds are loaded into a real API server, and every answer to a request near what
 * they grant must be the SubjectAccessReview's. All worlds stay loaded, so later ones are judged among the objects of the earlier.
 */
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AccessIndex, AccessRequest, Rule } from '../../src/access/index.ts';
import { createAccessIndex } from '../../src/access/index.ts';
import type { JsonObject } from '../../src/model/index.ts';
import { canonicalize, listAt } from '../../src/model/index.ts';
import { rbacSnapshot } from '../access/snapshot.ts';
import { dice, namespacesOf, objectsOf, requestNear, world } from '../access/worlds.ts';
import type { CommandLine } from './command-line.ts';
import { openCommandLine } from './command-line.ts';
import { startCluster, type TestCluster } from './index.ts';

const worlds = 25;
const requestsPerWorld = 400;
const rbacPath = '/apis/rbac.authorization.k8s.io/v1';
const kinds = { Role: 'roles', ClusterRole: 'clusterroles', RoleBinding: 'rolebindings', ClusterRoleBinding: 'clusterrolebindings' };

let cluster: TestCluster;
let line: CommandLine;
beforeAll(async () => {
  // No controllers: what nobody materialised is not in force. Nobody asked about is in system:nodes, so the Node authorizer adds nothing.
  cluster = await startCluster({ audit: 'none', encryption: 'none' });
  line = openCommandLine(cluster.kubeconfig);
});
afterAll(async () => {
  line?.remove();
  await cluster?.stop();
});

function pathOf(object: JsonObject): string {
  const { namespace } = object['metadata'] as { namespace?: string };
  if (object['kind'] === 'Namespace') return '/api/v1/namespaces';
  const plural = kinds[object['kind'] as keyof typeof kinds];
  return `${rbacPath}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${plural}`;
}

const create = (objects: readonly JsonObject[]) => Promise.all(objects.map((body) => cluster.admin.json('POST', pathOf(body), { body })));

async function review(spec: AccessRequest): Promise<boolean> {
  const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
  const { status } = await cluster.admin.json<{ status: { allowed: boolean } }>(
    'POST',
    '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    { body },
  );
  return status.allowed;
}

/** Loads the world; the authorizer has seen all of it once it has seen what was made last of each kind. */
async function load(prefix: string, made: ReturnType<typeof objectsOf>): Promise<void> {
  await create(made.namespaces);
  await create([...made.roles, ...made.bindings]);
  const user = `${prefix}-sentinel`;
  const [namespace] = namespacesOf(prefix);
  const own = (kind: string, inside?: string) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind,
    metadata: { name: user, ...(inside !== undefined && { namespace: inside }) },
  });
  const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }];
  const roleRef = (kind: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name: user });
  await create([
    { ...own('ClusterRole'), rules: [{ verbs: ['get'], nonResourceURLs: ['/sentinel'] }] },
    { ...own('ClusterRoleBinding'), roleRef: roleRef('ClusterRole'), subjects },
    { ...own('Role', namespace), rules: [{ verbs: ['get'], apiGroups: [''], resources: ['sentinels'] }] },
    { ...own('RoleBinding', namespace), roleRef: roleRef('Role'), subjects },
  ]);
  const seen: readonly AccessRequest[] = [
    { user, groups: [], nonResourceAttributes: { verb: 'get', path: '/sentinel' } },
    { user, groups: [], resourceAttributes: { verb: 'get', resource: 'sentinels', namespace } },
  ];
  for (const request of seen) await expect.poll(() => review(request), { interval: 20, timeout: 20_000 }).toBe(true);
}

/** The server's own RBAC objects, as a collection would file them. */
async function readIndex(): Promise<AccessIndex> {
  const objects = await Promise.all(
    Object.entries(kinds).map(async ([kind, plural]) => {
      const { items } = await cluster.admin.json<{ items: JsonObject[] }>('GET', `${rbacPath}/${plural}`);
      return items.map((item) => Object.assign(item, { kind }));
    }),
  );
  return createAccessIndex(rbacSnapshot(objects.flat()));
}

interface Answered {
  readonly request: AccessRequest;
  readonly allowed: boolean;
}

async function reviewAll(requests: readonly AccessRequest[]): Promise<Answered[]> {
  return Promise.all(requests.map(async (request) => ({ request, allowed: await review(request) })));
}

let last: { readonly prefix: string; readonly answered: readonly Answered[] } = { prefix: '', answered: [] };

describe('the RBAC authorizer', () => {
  let asked = 0;
  let allowed = 0;

  test(`agrees on every one of ${worlds * requestsPerWorld} requests in ${worlds} random worlds`, async () => {
    let number = 0;
    const rolls = fc.array(dice, { minLength: requestsPerWorld, maxLength: requestsPerWorld, size: 'max' });
    await fc.assert(
      fc.asyncProperty(world, rolls, async (made, all) => {
        const prefix = `w${++number}`;
        await load(prefix, objectsOf(prefix, made));
        const index = await readIndex();
        const answered = await reviewAll(all.map((numbers) => requestNear(prefix, made, numbers)));
        last = { prefix, answered };
        asked += answered.length;
        allowed += answered.filter((each) => each.allowed).length;
        const wrong = answered.filter(({ request, allowed: server }) => index.can(request).allowed !== server);
        expect(wrong.slice(0, 3).map(({ request, allowed: server }) => ({ request, server, ours: index.can(request).reason }))).toEqual([]);
      }),
      { numRuns: worlds, interruptAfterTimeLimit: 150_000, markInterruptAsFailure: true },
    );
    process.stdout.write(`oracle: ${asked} of ${asked} SubjectAccessReviews agree in ${worlds} worlds; ${allowed} allowed\n`);
    expect(asked).toBeGreaterThanOrEqual(10_000);
    // Near the granted set: neither nearly all yes nor nearly all no.
    expect(allowed / asked).toBeGreaterThan(0.2);
    expect(allowed / asked).toBeLessThan(0.8);
  });

  test('agrees with the rules that it lists for users and for our own account', async () => {
    const index = await readIndex();
    const [namespace] = namespacesOf(last.prefix);
    const admin = { user: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] };
    const users = last.answered.map(({ request }) => request).filter(({ user }) => user !== '' && !user.startsWith('system:'));
    let rules = 0;
    for (const { user, groups } of [admin, ...users.slice(0, 12)]) {
      const given = [...new Set([...groups, 'system:authenticated'])];
      const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', metadata: {}, spec: { namespace } };
      const as = ['--as', user, ...given.flatMap((group) => ['--as-group', group])];
      const answer = await cluster.kubectl(['create', '--validate=false', '-f', '-', '-o', 'json', ...as], {
        input: JSON.stringify(review),
      });
      const { status } = JSON.parse(answer) as { status: JsonObject };
      const held = index
        .grantsFor(user, given)
        .filter(({ binding }) => binding.namespace === '' || binding.namespace === namespace)
        // The authorizer lists a binding's rules once, however many of its subjects are meant.
        .filter(({ binding }, i, all) => all.findIndex((other) => other.binding === binding) === i)
        .flatMap(({ binding }) => binding.role?.rules ?? []);
      rules += held.length;
      expect({ user, ...listed(listAt(status, 'resourceRules') as never, listAt(status, 'nonResourceRules') as never) }).toEqual({
        user,
        ...listed(
          held.filter(({ resources }) => resources.length > 0),
          held.filter(({ nonResourceURLs }) => nonResourceURLs.length > 0),
        ),
      });
    }
    expect(rules).toBeGreaterThan(50);
  });
});

/** Rules as sorted texts; what is absent is empty. */
function listed(resource: readonly Partial<Rule>[], paths: readonly Partial<Rule>[]) {
  const texts = (rules: readonly Partial<Rule>[], keys: readonly (keyof Rule)[]) =>
    rules.map((rule) => canonicalize(keys.map((key) => rule[key] ?? []))).sort();
  return {
    resource: texts(resource, ['verbs', 'apiGroups', 'resources', 'resourceNames']),
    paths: texts(paths, ['verbs', 'nonResourceURLs']),
  };
}

describe('access check agrees', () => {
  const tuples = () => last.answered.map(({ request }) => JSON.stringify(request)).join('\n');
  const check = async (...args: string[]) => {
    line.write('tuples.jsonl', tuples());
    const { code, stdout, stderr } = await line.run('access', 'check', '--file', 'tuples.jsonl', '-o', 'jsonl', ...args);
    expect([code, stderr]).toEqual([0, '']);
    return stdout
      .trimEnd()
      .split('\n')
      .map((each) => JSON.parse(each) as { allowed: boolean; reason: string });
  };

  test('from the ledger', async () => {
    expect((await line.run('collect')).code).toBe(0);
    const answers = await check();
    expect(answers.map(({ allowed }) => allowed)).toEqual(last.answered.map(({ allowed }) => allowed));
    expect(answers.filter(({ allowed, reason }) => allowed && reason === '')).toEqual([]);
  });

  test('from what kubectl wrote', async () => {
    for (const plural of Object.values(kinds))
      line.write(`dump-${plural}.yaml`, await cluster.kubectl(['get', plural, '-A', '-o', 'yaml']));
    mkdirSync(join(line.dir, 'dump'));
    for (const plural of Object.values(kinds)) renameSync(join(line.dir, `dump-${plural}.yaml`), join(line.dir, 'dump', `${plural}.yaml`));
    const answers = await check('--from', 'dump');
    expect(answers.map(({ allowed }) => allowed)).toEqual(last.answered.map(({ allowed }) => allowed));
  });
});
