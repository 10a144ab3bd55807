/**
 * Four audit policies on a real API server, side by side: what the controls say of each, from what the server was seen doing (AUD-007,
 * AUD-008) and from the file (AUD-009 to AUD-012), and the log has or lacks what they say.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CommandLine, openCommandLine, outcomeOf } from './command-line.ts';
import { startCluster, type TestCluster } from './index.ts';

const head = 'apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nomitManagedFields: true\nrules:\n';
const components = '  - {level: None, users: ["system:kube-scheduler", "system:apiserver"], verbs: [get, list, watch]}\n';
const policies = {
  careful: `${head}${components}  - level: Metadata
    resources:
      - {group: "", resources: [secrets, configmaps, serviceaccounts/token]}
      - {group: authentication.k8s.io}
  - {level: RequestResponse, resources: [{group: rbac.authorization.k8s.io}]}
  - level: Metadata
`,
  bodies: `${head}  - {level: RequestResponse, omitManagedFields: false, resources: [{group: rbac.authorization.k8s.io}]}
  - level: RequestResponse
`,
  'reads hidden': `${head}  - {level: None, verbs: [get, list, watch]}\n  - level: Metadata\n`,
  nothing: `${head}  - level: None\n`,
} as const;
type Name = keyof typeof policies;
const controls = ['AUD-007', 'AUD-008', 'AUD-009', 'AUD-010', 'AUD-011', 'AUD-012'] as const;

let cluster: TestCluster;
let line: CommandLine;
beforeAll(async () => {
  cluster = await startCluster({ encryption: 'none', audit: { policyYaml: policies.careful } });
  line = openCommandLine(cluster.kubeconfig);
});
afterAll(async () => {
  line?.remove();
  await cluster?.stop();
});

const table: Record<string, readonly (string | undefined)[]> = {};
let looks = 0;

interface Seen {
  readonly outcomes: readonly (string | undefined)[];
  /** What the log has: the Secret's value, the reading of it, the change of rights, the way into a container. */
  readonly log: readonly [value: boolean, read: boolean, rights: boolean, exec: boolean];
  /** Whose bodies there hold managed fields. */
  readonly managed: readonly string[];
}

/** The policy in force; a Secret written and read, a role deleted, a pod entered: what is not there is asked for all the same. */
async function look(name: Name): Promise<Seen> {
  looks += 1;
  if (looks > 1) await cluster.restartApiServer({ audit: { policyYaml: policies[name] } });
  const of = `look-${looks}`;
  const value = `CANARY-${looks}`;
  const core = '/api/v1/namespaces/default';
  const roles = '/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles';
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: of }, stringData: { password: value } };
  await cluster.admin.json('POST', `${core}/secrets`, { body: secret });
  await cluster.admin.json('GET', `${core}/secrets/${of}`);
  const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: of }, rules: [] };
  await cluster.admin.json('POST', roles, { body: role });
  await cluster.admin.send('DELETE', `${roles}/${of}`);
  await cluster.admin.send('GET', `${core}/pods/${of}/exec?command=id`);
  const { code, stderr } = await line.run('collect', '--files', cluster.auditPolicyFile);
  if (code !== 0) throw new Error(`collect ended with ${code}: ${stderr}`);
  const assessment = await line.assess();
  const events = cluster.auditLog();
  const has = (part: string) => events.some(({ requestURI }) => requestURI.includes(`${part}/${of}`));
  const text = JSON.stringify(events);
  // What came in as text went out as bytes.
  const told = [value, Buffer.from(value).toString('base64')].some((each) => text.includes(each));
  const managed = ['secrets', 'roles'].filter((resource) =>
    events.some((event) => {
      const body = JSON.stringify(event['responseObject'] ?? null);
      return new RegExp(`/${resource}(/|$)`).test(event.requestURI) && body.includes(of) && body.includes('"managedFields"');
    }),
  );
  return { managed, outcomes: controls.map((id) => outcomeOf(assessment, id)), log: [told, has('secrets'), has('roles'), has('pods')] };
}

describe('four policies', () => {
  test.each<[Name, readonly string[], Seen['log'], readonly string[]]>([
    ['careful', ['pass', 'pass', 'pass', 'pass', 'pass', 'pass'], [false, true, true, true], []],
    ['bodies', ['pass', 'pass', 'fail', 'pass', 'pass', 'pass'], [true, true, true, true], ['roles']],
    ['reads hidden', ['pass', 'pass', 'pass', 'fail', 'pass', 'fail'], [false, false, true, false], []],
    ['nothing', ['pass', 'fail', 'pass', 'fail', 'fail', 'fail'], [false, false, false, false], []],
  ])(
    '%s',
    async (name, outcomes, log, managed) => {
      const seen = await look(name);
      table[name] = seen.outcomes;
      expect(seen).toEqual({ outcomes, log, managed });
    },
    60_000,
  );

  test('side by side', () => {
    const rows = controls.map(
      (id, i) =>
        `${id}  ${Object.values(table)
          .map((outcomes) => (outcomes[i] ?? '').padEnd(14))
          .join('')}`,
    );
    process.stdout.write(
      `audit policies   ${Object.keys(table)
        .map((name) => name.padEnd(14))
        .join('')}\n${rows.join('\n')}\n`,
    );
    expect(Object.keys(table)).toEqual(Object.keys(policies));
  });
});
