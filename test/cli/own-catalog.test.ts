/** A company's own controls, frameworks and techniques: directories that kubevidence.yaml names count like what ships with the package. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { typist } from './type.ts';

const home = mkdtempSync(join(tmpdir(), 'own-catalog-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const type = typist({ home, clock: () => new Date('2026-08-14T13:00:00.000Z'), columns: 140 });
const shipped = (path: string) => readFileSync(join(import.meta.dirname, '..', '..', path), 'utf8');

function write(path: string, text: string): void {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), text);
}

const world = (resource: string) => `
apiVersion: v1
kind: Namespace
metadata: {name: clinic}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: deployer, namespace: clinic, uid: '1'}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: builds}
rules:
  - {verbs: [create], apiGroups: ['ci.clinic.example'], resources: [${resource}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: builds, namespace: clinic}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: builds}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: alice}]
`;
const indent = (text: string) => text.trim().split('\n').join('\n      ');
const technique = `
id: create-pipeline
title: Run a pipeline under any account of its namespace
why: The operator of pipelines starts pods as the account that a Pipeline names.
privilege: 1
over: namespace
needs:
  - {verbs: [create], resources: [pipelines.ci.clinic.example]}
yields:
  - {what: accounts, undecided: the operator may refuse accounts}
evidence: Nothing shows what the operator refuses.
reference: https://ci.clinic.example/docs/pipelines
examples:
  - name: a pipeline runs as the account
    given: |
      ${indent(world('pipelines'))}
    from: User/alice
    to: ServiceAccount/clinic/deployer
    hop: possible
  - name: 'fixed: status only'
    given: |
      ${indent(world('pipelines/status'))}
    from: User/alice
    to: ServiceAccount/clinic/deployer
    hop: none
`;
const policy = `
id: clinic-policy
title: Access policy of the clinic
kind: policy
version: "7"
source: https://intranet.clinic.example/policies/access
notice: The clinic's own.
sections: [{id: access, title: Access}]
requirements:
  - id: A-1
    title: Nobody is a cluster administrator for good
    section: access
    needs: The list of people who may use the break-glass group
    controls:
      - {id: RBAC-001, strength: partial, because: its findings are the standing administrators}
      - {id: OWN-001, strength: supporting, because: the same for one group}
`;

beforeAll(() => {
  write(
    'kubevidence.yaml',
    'organization: Clinic\nclusters: [{name: prod, context: x}]\ncontrols: [own/controls]\nmappings: [own/mappings]\ntechniques: [own/techniques]\n',
  );
  write(
    'own/controls/OWN-001.yaml',
    shipped('controls/access/RBAC-001.yaml')
      .replace('id: RBAC-001', 'id: OWN-001')
      .replace(/^cis:.*\n/m, ''),
  );
  write('own/mappings/clinic-policy.yaml', policy);
  write('own/techniques/create-pipeline.yaml', technique);
  write('cluster/rbac.yaml', world('pipelines'));
  write(
    'cluster/admin.yaml',
    `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: cluster-admin}
rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}, {verbs: ['*'], nonResourceURLs: ['*']}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: deployer-is-admin}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: deployer, namespace: clinic}]
`,
  );
});

describe("a catalog with a company's own parts", () => {
  it('tries the examples of its techniques, and says which does not hold', async () => {
    expect(await type('techniques', 'test', 'own/techniques')).toEqual({ code: 0, out: '2 of 2 examples hold', err: '' });
    write('broken/create-pipeline.yaml', technique.replace('hop: possible', 'hop: certain'));
    const { code, out } = await type('techniques', 'test', 'broken');
    expect(code).toBe(1);
    expect(out).toContain('failed  create-pipeline: a pipeline runs as the account');
    expect(out).toContain('the hop from User/alice to ServiceAccount/clinic/deployer is possible, not certain');
    expect(out).toContain('1 of 2 examples hold');
  });

  it('lists and shows them beside the shipped ones', async () => {
    const names = (await type('techniques', 'list', '-o', 'name')).out.split('\n');
    expect(names).toContain('create-pipeline');
    expect(names.length).toBeGreaterThan(50);
    const { out } = await type('techniques', 'show', 'create-pipeline');
    expect(out).toContain('create-pipeline · privilege 1 of 5 · Run a pipeline under any account of its namespace');
    expect(out).toContain('create pipelines.ci.clinic.example');
    expect((await type('techniques', 'show', 'nothing')).code).toBe(2);
  });

  it('finds the way to cluster-admin that only the own technique knows', async () => {
    const found = await type('access', 'paths', '--from', 'cluster', '--config', 'kubevidence.yaml', '-o', 'json');
    const document = JSON.parse(found.out) as { paths: { from: string; certain: boolean; hops: { technique: string }[] }[] };
    const path = document.paths.find(({ from }) => from === 'User/alice');
    expect({ certain: path?.certain, hops: path?.hops.map(({ technique: id }) => id) }).toEqual({
      certain: false,
      hops: ['create-pipeline', expect.any(String)],
    });
    // Files are judged by what ships, unless a configuration is named.
    const plain = await type('access', 'paths', '--from', 'cluster', '-o', 'json');
    expect((JSON.parse(plain.out) as typeof document).paths.filter(({ from }) => from === 'User/alice')).toEqual([]);
  });

  it('judges the own framework by shipped and own controls', async () => {
    expect((await type('frameworks', 'list', '-o', 'name')).out.split('\n')).toContain('clinic-policy');
    const { out } = await type('assess', '--from', 'cluster', '--config', 'kubevidence.yaml', '-o', 'json');
    const { requirements } = JSON.parse(out) as {
      requirements: { framework: string; version: string; id: string; outcome: string; controls: { id: string }[] }[];
    };
    const own = requirements.find(({ framework }) => framework === 'clinic-policy');
    expect(own).toMatchObject({ version: '7', id: 'A-1', outcome: 'fail' });
    expect(own?.controls.map(({ id }) => id)).toEqual(['RBAC-001', 'OWN-001']);
  });

  it('refuses a framework with an unknown control, and names file, line and key', async () => {
    write('kubevidence.yaml', 'organization: Clinic\nclusters: [{name: prod, context: x}]\nmappings: [wrong]\n');
    write('wrong/clinic-policy.yaml', policy);
    const { code, err } = await type('frameworks', 'list');
    expect(code).toBe(2);
    expect(err).toContain('clinic-policy.yaml:');
    expect(err).toContain('OWN-001');
  });
});
