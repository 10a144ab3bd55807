/** Climbers against all paths of the whole graph, and one snapshot after the other against each alone. */
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findClimbers, findPaths } from '../../../src/access/index.ts';
import { loadTechniques } from '../../../src/catalog/index.ts';
import { exampleSnapshot } from '../../../src/control-examples.ts';
import { randomWorld, readerOf } from './random-world.ts';

const techniques = loadTechniques({ techniqueDirs: [join(import.meta.dirname, '../../../techniques')] });
const numRuns = Number(process.env['FC_RUNS'] ?? 60);

describe('climbers', () => {
  it('are those of the whole graph, with ways as long and as sure', () => {
    fc.assert(
      fc.property(randomWorld(techniques), (world) => {
        const reader = readerOf(world);
        const { paths } = findPaths(reader, techniques, { target: { kind: 'cluster-admin' }, withoutRemovals: true });
        const shortest = new Map(paths.flatMap((path) => (path.kind === 'shortest' ? [[path.from, path] as const] : [])));
        for (const { subject, path } of findClimbers(reader, techniques)) {
          const whole = shortest.get(subject.account === '' ? subject.text : `ServiceAccount/${subject.account}`);
          const told = (each: typeof path) => [subject.text, each?.certain, each?.hops.length];
          expect(told(path)).toEqual(told(whole));
        }
      }),
      { numRuns },
    );
  });

  it('are the same whatever was looked at before', () => {
    fc.assert(
      fc.property(fc.array(randomWorld(techniques), { minLength: 2, maxLength: 3 }), (worlds) => {
        for (const reader of [...worlds, ...worlds].map((world) => readerOf(world)))
          expect(JSON.stringify(findClimbers(reader, techniques))).toBe(JSON.stringify(findClimbers(reader, [...techniques])));
      }),
      { numRuns: Math.ceil(numRuns / 3) },
    );
  });

  const ladder = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: deployer, namespace: ci, uid: '1'}
---
apiVersion: v1
kind: Pod
metadata: {name: runner, namespace: ci, uid: '2'}
spec: {serviceAccountName: deployer, automountServiceAccountToken: true, nodeName: n1, containers: [{name: c, image: x}], volumes: [{name: t, projected: {sources: [{serviceAccountToken: {path: token}}]}}]}
status: {phase: Running}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: cluster-admin}
rules: [{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: enters, namespace: ci}
rules: [{apiGroups: [""], resources: [pods/exec], verbs: [create]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: enters, namespace: ci}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: enters}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: alice}]`;
  const grant = `
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: deployer}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, namespace: ci, name: deployer}]`;

  it('climb through a pod that runs as an account that somebody granted something, and only then', () => {
    const stepsOf = (given: string) =>
      findClimbers(exampleSnapshot(given, 'test'), techniques).map(({ subject, path }) => [subject.text, path?.hops.length]);
    expect(stepsOf(ladder)).toEqual([['User/alice', undefined]]);
    expect(stepsOf(ladder + grant)).toEqual([
      ['ServiceAccount/ci/deployer', 1],
      ['User/alice', 3],
    ]);
    expect(stepsOf(ladder)).toEqual([['User/alice', undefined]]);
  });
});
