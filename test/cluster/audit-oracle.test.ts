/**
 * The audit simulator against the API server itself: random policies, each in force on a real one that writes its log, and random requests
 * by different callers. For every request the events that the log has, and those alone, must be the ones that the simulator said: level
 * and stages. Neither a refused credential, nor a 404, nor impersonation is left out.
 */
import { readFileSync } from 'node:fs';
import { Agent, request as httpsRequest } from 'node:https';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isBroken, readRequestLine } from '../../src/app/audit/request-line.ts';
import { decideAudit, readPolicy, stagesOf } from '../../src/audit/index.ts';
import type { Json } from '../../src/model/index.ts';
import { anyPolicy, anyRequest, type CallerName, identities, type Sent } from './audit-requests.ts';
import { type ApiServerChanges, startCluster, type TestCluster } from './index.ts';

const policies = 5;
const requestsPerPolicy = 2400;
const seed = Number(process.env['SEED'] ?? 20_261_121);

type Send = (method: string, url: string, headers: Readonly<Record<string, string>>) => Promise<void>;

let cluster: TestCluster;
const senders = new Map<CallerName, Send>();

/** `kubeconfig` null: no credential at all. */
function sender(kubeconfig: string | null, extra: Readonly<Record<string, string>> = {}): Send {
  const config =
    kubeconfig === null
      ? {}
      : (JSON.parse(readFileSync(kubeconfig, 'utf8')) as { users: [{ user: Record<string, string> }] }).users[0].user;
  const decoded = (key: string) => (config[key] === undefined ? undefined : Buffer.from(config[key], 'base64'));
  const [cert, key] = [decoded('client-certificate-data'), decoded('client-key-data')];
  const agent = new Agent({ keepAlive: true, maxSockets: 12, ca: readFileSync(cluster.caFile), ...(cert && key ? { cert, key } : {}) });
  const authorization = config['token'] === undefined ? {} : { authorization: `Bearer ${config['token']}` };
  return (method, url, headers) =>
    new Promise((resolve, reject) => {
      const body = method === 'POST' || method === 'PUT' || method === 'PATCH' ? '{}' : undefined;
      const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
      const length = body === undefined ? {} : { 'content-type': type, 'content-length': body.length };
      const all = { ...authorization, ...extra, ...headers, ...length };
      const request = httpsRequest(new URL(url, cluster.server), { method, agent, headers: all, timeout: 20_000 }, (response) => {
        response.resume();
        response.on('end', resolve);
        response.on('error', reject);
      });
      request.on('timeout', () => request.destroy(new Error(`no answer to ${method} ${url}`)));
      request.on('error', reject);
      request.end(body);
    });
}

beforeAll(async () => {
  cluster = await startCluster({ encryption: 'none' });
  const admin = cluster.kubeconfig;
  senders.set('admin', sender(admin));
  senders.set('alice', sender(await cluster.userKubeconfig('alice', ['dev', 'ops'])));
  senders.set('node', sender(await cluster.userKubeconfig('system:node:n1', ['system:nodes'])));
  await cluster.admin.json('POST', '/api/v1/namespaces', { body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } } });
  senders.set('account', sender(await cluster.serviceAccountKubeconfig('shop', 'app')));
  senders.set('anonymous', sender(null));
  senders.set('refused', sender(null, { authorization: 'Bearer nonsense' }));
  senders.set('impersonator', sender(admin, { 'impersonate-user': 'alice', 'impersonate-group': 'dev' }));
});
afterAll(() => cluster?.stop());

interface Told {
  readonly level: string;
  readonly stages: readonly string[];
}

function simulate(policy: Json, { caller, line }: Sent): Told {
  const { policy: read } = readPolicy(policy);
  const request = readRequestLine(JSON.stringify({ ...identities[caller], ...line }));
  if (read === null || request === null || isBroken(request))
    throw new Error(`not understood: ${JSON.stringify({ caller, line, request })}`);
  const decision = decideAudit(read, request);
  return { level: decision.level, stages: stagesOf(request, decision) };
}

/** What a log without any event of a request tells is None, and so is a level whose stages are all left out. */
const silent: Told = { level: 'None', stages: [] };

function logged(ids: ReadonlySet<string>): ReadonlyMap<string, Told> {
  const found = new Map<string, { level: string; stages: string[] }>();
  for (const { auditID, level, stage } of cluster.auditLog()) {
    if (!ids.has(auditID)) continue;
    const told = found.get(auditID) ?? { level, stages: [] };
    found.set(auditID, { level: told.level === level ? level : `${told.level} and ${level}`, stages: [...told.stages, stage] });
  }
  return found;
}

async function sendAll(requests: readonly (readonly [string, Sent])[]): Promise<void> {
  const waiting = requests.values();
  const work = async () => {
    for (const [id, { caller, method, url }] of waiting) await senders.get(caller)?.(method, url, { 'audit-id': id });
  };
  await Promise.all(Array.from({ length: 24 }, work));
}

const totals = { requests: 0, agree: 0, recorded: 0, rules: 0, levels: {} as Record<string, number> };

describe.each(fc.sample(anyPolicy, { numRuns: policies, seed }).map((policy, i) => [i + 1, policy] as const))(
  'policy %i',
  (number, policy) => {
    const body = policy as unknown as Json;
    const text = JSON.stringify(policy);
    test('records what the simulator says', async () => {
      expect(readPolicy(body).problems).toEqual([]);
      await cluster.restartApiServer({ audit: { policyYaml: text } });
      const sent = fc
        .sample(anyRequest, { numRuns: requestsPerPolicy, seed: seed + number })
        .map((each, i) => [`${number}-${i}`, each] as const);
      await sendAll(sent);
      const expected = new Map(sent.map(([id, each]) => [id, simulate(body, each)] as const));
      const ids = new Set(expected.keys());
      const events = [...expected.values()].reduce((sum, told) => sum + told.stages.length, 0);
      const count = () => [...logged(ids).values()].reduce((sum, told) => sum + told.stages.length, 0);
      // An event is written after the answer was.
      await expect.poll(count, { interval: 200, timeout: 10_000 }).toBeGreaterThanOrEqual(events);
      const seen = logged(ids);
      const differing = sent.flatMap(([id, each]) => {
        const [said, got] = [expected.get(id) ?? silent, seen.get(id) ?? silent];
        const level = said.stages.length === 0 ? 'None' : said.level;
        const same = level === got.level && said.stages.toSorted().join() === got.stages.toSorted().join();
        return same ? [] : [{ ...each, said, got }];
      });
      totals.requests += sent.length;
      totals.agree += sent.length - differing.length;
      totals.recorded += seen.size;
      totals.rules += policy.rules.length;
      for (const { level } of expected.values()) totals.levels[level] = (totals.levels[level] ?? 0) + 1;
      expect(differing.slice(0, 5)).toEqual([]);
    }, 120_000);
  },
);

test('all of them agree', () => {
  const { requests, agree, recorded, rules, levels } = totals;
  process.stdout.write(
    `audit simulator: ${agree} of ${requests} requests agree with the API server's log (${policies} policies, ${rules} rules, ${recorded} recorded, ${JSON.stringify(levels)})\n`,
  );
  expect(agree).toBe(policies * requestsPerPolicy);
  // Requests that all end in one level would show little.
  expect(Object.values(levels).every((count) => count > requests / 50)).toBe(true);
  expect(Object.keys(levels)).toHaveLength(4);
});

describe('a policy that the API server does not start with', () => {
  const good = { level: 'Metadata' };
  test.each<[string, object, boolean]>([
    ['an unknown level', { rules: [{ level: 'Loud' }] }, false],
    ['no rules', { rules: [] }, false],
    ['one user instead of a list', { rules: [{ ...good, users: 'alice' }] }, false],
    ['names without resources', { rules: [{ ...good, resources: [{ group: '', resourceNames: ['a'] }] }] }, false],
    ['paths and namespaces', { rules: [{ ...good, nonResourceURLs: ['/a'], namespaces: ['b'] }] }, false],
    ['a group with a version', { rules: [{ ...good, resources: [{ group: 'apps/v1' }] }] }, false],
    ['an old version', { apiVersion: 'audit.k8s.io/v1beta1', rules: [good] }, false],
    ['fields that it does not know', { rules: [{ ...good, resource: [], usergroups: ['dev'] }, null].slice(0, 1), extra: 1 }, true],
  ])('is one that the simulator refuses: %s', async (_name, rest, starts) => {
    const policy = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', ...rest };
    const audit: ApiServerChanges['audit'] = { policyYaml: JSON.stringify(policy) };
    const started = await cluster.restartApiServer({ audit }).then(
      () => true,
      () => false,
    );
    expect(started).toBe(starts);
    expect(readPolicy(policy as unknown as Json).policy !== null).toBe(starts);
  });
});
