/** `--from` names files as seen from where the user stands, which need not be where this process does. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { accessPaths, type AppContext, assessCommand } from '../../src/app/index.ts';

const home = mkdtempSync(join(tmpdir(), 'kubevidence-from-'));
afterAll(() => rmSync(home, { recursive: true }));
const context: AppContext = {
  cwd: join(home, 'stands', 'here'),
  env: { HOME: home },
  clock: () => new Date('2026-08-14T12:00:00Z'),
  uid: null,
  warn: () => {},
  progress: () => {},
};
mkdirSync(context.cwd, { recursive: true });
const manifest = 'apiVersion: v1\nkind: Namespace\nmetadata: {name: clinic}\n';
for (const path of ['stands/here/own.yaml', 'stands/above.yaml']) writeFileSync(join(home, path), manifest);

test.each(['own.yaml', './own.yaml', '../above.yaml', '.', join(home, 'stands', 'above.yaml')])('%s is found', async (from) => {
  const { listings } = await assessCommand(context, { from });
  expect(listings.find(({ kind }) => kind === 'k8s.namespaces/namespaces')?.items).toBe(1);
  expect((await accessPaths(context, { from })).scope).toBe('files');
});

test('an error names the file as it was typed', async () => {
  await expect(assessCommand(context, { from: 'none.yaml' })).rejects.toThrow('there is no none.yaml');
});

describe('a role that gathers default roles by label', () => {
  const rbac = 'rbac.authorization.k8s.io';
  const ours = (rules: string) => `
apiVersion: ${rbac}/v1
kind: ClusterRole
metadata: {name: ours}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {${rbac}/aggregate-to-edit: "true"}}]}
rules: [${rules}]
---
apiVersion: ${rbac}/v1
kind: ClusterRoleBinding
metadata: {name: ours}
roleRef: {apiGroup: ${rbac}, kind: ClusterRole, name: ours}
subjects: [{kind: Group, apiGroup: ${rbac}, name: dev}]
---
apiVersion: ${rbac}/v1
kind: Role
metadata: {name: none, namespace: clinic}
rules: []
---
apiVersion: ${rbac}/v1
kind: RoleBinding
metadata: {name: none, namespace: clinic}
roleRef: {apiGroup: ${rbac}, kind: Role, name: none}
subjects: [{kind: Group, apiGroup: ${rbac}, name: dev}]
---
${manifest}---
`;
  const defaults = ['view', 'system:aggregate-to-edit'].map(
    (name) =>
      `apiVersion: ${rbac}/v1\nkind: ClusterRole\nmetadata: {name: "${name}"}\nrules: [{apiGroups: [""], resources: [pods], verbs: [get]}]\n---\n`,
  );
  const secrets = '{apiGroups: [""], resources: [secrets], verbs: [get]}';
  // By what the controls test: wildcards, each right of a grant, readers of Secrets, grants that others cover.
  const concerned = ['RBAC-001', 'RBAC-002', 'RBAC-003', 'RBAC-004', 'RBAC-005', 'RBAC-015', 'RBAC-023', 'SEC-010', 'SEC-011'];

  test.each<[string, string, Readonly<Record<string, string>>]>([
    ['that the files leave out is nothing that passes', ours(''), {}],
    ['that they leave out in part is none either', ours('') + defaults.slice(1).join(''), {}],
    ['fails by what the files show', ours(secrets), { 'RBAC-003': 'fail' }],
    ['that they hold is known', ours('') + defaults.join(''), Object.fromEntries(concerned.map((id) => [id, 'pass']))],
  ])('%s', async (_name, files, known) => {
    writeFileSync(join(context.cwd, 'gathers.yaml'), files);
    const { assessment } = await assessCommand(context, { from: 'gathers.yaml' });
    const outcomes = concerned.map((id) => [id, assessment.controls.find((control) => control.id === id)?.outcome]);
    expect(outcomes).toEqual(concerned.map((id) => [id, known[id] ?? 'notAssessed']));
  });
});

test.each([
  ['cluster-admin', ['rules of ClusterRole/cluster-admin']],
  ['nobody-has-it', []],
])('a way through a role that may be bound by name, %s, is unknown where files leave the role out', async (name, unknown) => {
  const rbac = 'rbac.authorization.k8s.io';
  const rules = `[{apiGroups: [${rbac}], resources: [clusterroles], verbs: [bind], resourceNames: [${name}]}]`;
  const given = `roleRef: {apiGroup: ${rbac}, kind: ClusterRole, name: binder}\nsubjects: [{kind: Group, apiGroup: ${rbac}, name: dev}]`;
  const files = [
    `apiVersion: ${rbac}/v1\nkind: ClusterRole\nmetadata: {name: binder}\nrules: ${rules}\n`,
    `apiVersion: ${rbac}/v1\nkind: ClusterRoleBinding\nmetadata: {name: binder}\n${given}\n`,
  ];
  writeFileSync(join(context.cwd, 'binds.yaml'), files.join('---\n'));
  const { assessment } = await assessCommand(context, { from: 'binds.yaml' });
  const gaps = assessment.controls.find(({ id }) => id === 'RBAC-024')?.gaps ?? [];
  expect(gaps.map(({ what }) => what).filter((what) => what.startsWith('rules of'))).toEqual(unknown);
});
