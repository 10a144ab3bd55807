/**
 * Aggregated roles as kube-controller-manager fills them in: what the collectors read of them is what the authorizer decides by, and what
 * somebody gains or loses through a label on another role is told as that, with the path that it opens.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccessCan, AccessIndex, AccessPaths, AccessRequest } from '../../src/access/index.ts';
import { createAccessIndex } from '../../src/access/index.ts';
import type { Drift } from '../../src/app/index.ts';
import { rbacManifests } from '../../src/app/index.ts';
import { openLedger } from '../../src/ledger/index.ts';
import type { EvidenceReader } from '../../src/model/index.ts';
import { canonicalize, listAt, textAt } from '../../src/model/index.ts';
import type { CommandLine } from './command-line.ts';
import { openCommandLine } from './command-line.ts';
import type { KubeObject } from './index.ts';
import { startCluster, type TestCluster } from './index.ts';

const rbac = 'rbac.authorization.k8s.io';
const rolesPath = `/apis/${rbac}/v1/clusterroles`;
interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
}
const rule = (verbs: string, resources: string, apiGroup = ''): Rule => ({
  verbs: verbs.split(' '),
  apiGroups: [apiGroup],
  resources: resources.split(' '),
});
const role = (name: string, rules: readonly Rule[], labels: Readonly<Record<string, string>> = {}, selector?: object): KubeObject => ({
  apiVersion: `${rbac}/v1`,
  kind: 'ClusterRole',
  metadata: { name, labels },
  ...(selector === undefined ? { rules } : { aggregationRule: { clusterRoleSelectors: [selector] }, rules: [] }),
});
const bind = (name: string, to: string, subject: object, namespace?: string): KubeObject => ({
  apiVersion: `${rbac}/v1`,
  kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
  metadata: { name, ...(namespace !== undefined && { namespace }) },
  roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: to },
  subjects: [subject],
});
const user = (name: string) => ({ apiGroup: rbac, kind: 'User', name });
const names = { serviceAccount: 'collector', namespace: 'kubevidence' };

const begin: readonly KubeObject[] = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'clinic' } },
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'bank' } },
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'deployer', namespace: 'clinic' } },
  role('everything', [rule('*', '*', '*')]),
  bind('deployer', 'everything', { kind: 'ServiceAccount', namespace: 'clinic', name: 'deployer' }),
  role('monitors', [], { level: 'senior' }, { matchLabels: { team: 'monitors' } }),
  role('seniors', [], {}, { matchExpressions: [{ key: 'level', operator: 'In', values: ['senior'] }] }),
  role('anything', [], {}, {}),
  role('reading', [rule('get list', 'pods configmaps')], { team: 'monitors' }),
  // Alice holds it, bob through a role that takes in the aggregated one, and carol one whose selector takes every role.
  bind('alice', 'monitors', user('alice'), 'clinic'),
  bind('bob', 'seniors', user('bob')),
  bind('carol', 'anything', user('carol'), 'bank'),
];

let cluster: TestCluster;
let line: CommandLine;

beforeAll(async () => {
  cluster = await startCluster({ controllerManager: true, audit: 'none', encryption: 'none' });
  await cluster.apply(rbacManifests({}, names));
  await cluster.apply(begin.slice(0, 3));
  await cluster.apply(begin.slice(3));
  line = openCommandLine(await cluster.serviceAccountKubeconfig(names.namespace, names.serviceAccount));
});
afterAll(async () => {
  line?.remove();
  await cluster?.stop();
});

async function review(spec: AccessRequest): Promise<boolean> {
  const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
  const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
  return (await cluster.admin.json<{ status: { allowed: boolean } }>('POST', path, { body })).status.allowed;
}

const request = (name: string, verb: string, resource: string, namespace: string, group = ''): AccessRequest => ({
  user: name,
  groups: ['system:authenticated'],
  resourceAttributes: { verb, group, resource, namespace },
});
const requests: readonly AccessRequest[] = ['alice', 'bob', 'carol', 'dave'].flatMap((name) =>
  ['clinic', 'bank', ''].flatMap((namespace) =>
    ['get', 'create', 'delete'].flatMap((verb) =>
      [['pods'], ['secrets'], ['configmaps'], ['clusterroles', rbac]].map(([resource = '', group]) =>
        request(name, verb, resource, namespace, group),
      ),
    ),
  ),
);

/** Until the controller has materialised it, and the authorizer has seen it. */
const settled = (name: string, verb: string, resource: string, namespace: string, allowed: boolean) =>
  expect.poll(() => review(request(name, verb, resource, namespace)), { interval: 50, timeout: 60_000 }).toBe(allowed);

function withSnapshot<T>(run: number, work: (reader: EvidenceReader) => T): T {
  const ledger = openLedger({ path: join(line.dir, 'evidence', 'ledger.db'), mode: 'read', clock: () => new Date() });
  try {
    return work(ledger.snapshot('test', run));
  } finally {
    ledger.close();
  }
}

/** Collects, and holds every answer over the new run against the authorizer's. */
async function collectAndCompare(run: number): Promise<void> {
  const { code, stderr } = await line.run('collect');
  expect([code, stderr]).toEqual([0, expect.not.stringContaining('defect')]);
  const allowed = await Promise.all(requests.map(review));
  const index: AccessIndex = withSnapshot(run, createAccessIndex);
  expect(index.gaps).toEqual([]);
  const wrong = requests.filter((each, i) => index.can(each).allowed !== allowed[i]);
  expect(wrong).toEqual([]);
  expect(allowed.filter(Boolean).length).toBeGreaterThan(10);
  expect(allowed.filter((each) => !each).length).toBeGreaterThan(10);
}

const json = async <T>(...args: readonly string[]): Promise<T> => {
  const { stdout, stderr } = await line.run(...args, '-o', 'json');
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as T;
};
const pathsOf = async (subject: string) => (await json<AccessPaths>('access', 'paths', '--subject', subject)).paths;

describe('aggregation by the real controller', () => {
  it('is read as the authorizer decides by it, through two levels and an empty selector', async () => {
    await settled('bob', 'get', 'pods', 'bank', true);
    await settled('alice', 'get', 'pods', 'clinic', true);
    await settled('carol', 'delete', 'secrets', 'bank', true);
    await collectAndCompare(1);
    const can = await json<AccessCan>('access', 'can', 'get', 'pods', '--as', 'bob', '-n', 'bank');
    expect(can).toMatchObject({
      answer: 'yes',
      reason: expect.stringMatching(/^ClusterRoleBinding\/bob → ClusterRole\/seniors → rule \d: get, list /),
    });
    expect(await pathsOf('alice')).toEqual([]);
  });

  it('tells who gained access through it, though nobody edited her binding, and the path that it opens', async () => {
    await cluster.apply([role('starting', [rule('create', 'pods')], { team: 'monitors' })]);
    await settled('alice', 'create', 'pods', 'clinic', true);
    await settled('bob', 'create', 'pods', 'bank', true);
    await collectAndCompare(2);

    const drift = await json<Drift>('drift', '--from-run', '1', '--to-run', '2');
    expect(drift.objects.filter(({ kind }) => kind.endsWith('bindings'))).toEqual([]);
    const gained = drift.access.gained.filter(({ subject }) => /^User\/(alice|bob)$/.test(subject));
    expect(gained).toEqual([
      expect.objectContaining({
        subject: 'User/alice',
        namespace: 'clinic',
        rights: ['create pods'],
        binding: 'RoleBinding/clinic/alice',
        role: 'ClusterRole/monitors',
        cause: 'aggregation',
      }),
      expect.objectContaining({
        subject: 'User/bob',
        namespace: '',
        rights: ['create pods'],
        role: 'ClusterRole/seniors',
        cause: 'aggregation',
      }),
    ]);
    expect(drift.access.lost).toEqual([]);
    expect(drift.paths?.gained.find(({ subject }) => subject === 'User/alice')).toMatchObject({
      cause: { what: 'aggregation', object: 'ClusterRole/monitors' },
      known: true,
    });
    const { stdout } = await line.run('drift', '--from-run', '1', '--to-run', '2');
    expect(stdout).toMatch(/the role aggregates more; nobody\s+edited the binding/);

    const [path] = await pathsOf('alice');
    expect(path?.hops.map(({ technique, to }) => [technique, to])).toEqual([
      ['create-pod', 'ServiceAccount/clinic/deployer'],
      ['hold-everything', 'cluster-admin'],
    ]);
    expect(path?.hops[0]?.through).toMatch(/^RoleBinding\/clinic\/alice → ClusterRole\/monitors → rule \d: create pods$/);
    expect(
      await review({ user: 'system:serviceaccount:clinic:deployer', groups: [], resourceAttributes: { verb: 'get', resource: 'secrets' } }),
    ).toBe(true);
  });

  it('tells who lost it when the label goes, and that the path is gone', async () => {
    await cluster.admin.json('PATCH', `${rolesPath}/starting`, {
      body: { metadata: { labels: { team: null } } },
      contentType: 'application/merge-patch+json',
    });
    await settled('alice', 'create', 'pods', 'clinic', false);
    await settled('bob', 'create', 'pods', 'bank', false);
    await collectAndCompare(3);
    const drift = await json<Drift>('drift', '--from-run', '2', '--to-run', '3');
    expect(drift.access.gained).toEqual([]);
    expect(drift.access.lost.filter(({ subject }) => /^User\/(alice|bob)$/.test(subject))).toEqual([
      expect.objectContaining({ subject: 'User/alice', namespace: 'clinic', rights: ['create pods'], cause: 'aggregation' }),
      expect.objectContaining({ subject: 'User/bob', namespace: '', rights: ['create pods'], cause: 'aggregation' }),
    ]);
    expect(drift.paths?.lost.map(({ subject }) => subject)).toContain('User/alice');
    expect(await pathsOf('alice')).toEqual([]);
    // Time travel: the run in between still has it.
    expect((await json<AccessPaths>('access', 'paths', '--subject', 'alice', '--run', '2')).paths.length).toBeGreaterThan(0);
  });

  it('is what our own account is told of itself (SelfSubjectRulesReview)', () => {
    const { told, held } = withSnapshot(3, (reader) => {
      const index = createAccessIndex(reader);
      const actor = `system:serviceaccount:${names.namespace}:${names.serviceAccount}`;
      expect(reader.cluster.actor).toBe(actor);
      const groups = ['system:serviceaccounts', `system:serviceaccounts:${names.namespace}`, 'system:authenticated'];
      return {
        told: [...reader.objects('k8s.self/rules')].map(({ name, body }) => ({
          namespace: name,
          error: textAt(body, 'evaluationError') ?? '',
          rules: textsOf(listAt(body, 'resourceRules') as never),
        })),
        held: (namespace: string) =>
          textsOf(
            index
              .grantsFor(actor, groups)
              .filter(({ binding }) => binding.namespace === '' || binding.namespace === namespace)
              .filter(({ binding }, i, all) => all.findIndex((other) => other.binding === binding) === i)
              .flatMap(({ binding }) => binding.role?.rules ?? [])
              .filter(({ resources }) => resources.length > 0),
          ),
      };
    });
    expect(told.map(({ namespace }) => namespace)).toEqual(
      expect.arrayContaining(['bank', 'clinic', 'default', 'kube-system', 'kubevidence']),
    );
    for (const { namespace, error, rules } of told) expect([namespace, error, rules]).toEqual([namespace, '', held(namespace)]);
    expect(told.some(({ rules }) => rules.length > 5)).toBe(true);
  });
});

/** Rules as sorted texts; what is absent is empty. */
function textsOf(rules: readonly (Rule & { readonly resourceNames?: readonly string[] })[]): readonly string[] {
  return rules.map((each) => canonicalize([each.verbs, each.apiGroups ?? [], each.resources ?? [], each.resourceNames ?? []])).sort();
}
