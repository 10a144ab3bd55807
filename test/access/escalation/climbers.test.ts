/** Climbers against all paths of the whole graph, and one snapshot after the other against each alone. */
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findClimbers, findPaths } from '../../../src/access/index.ts';
import { loadTechniques } from '../../../src/catalog/index.ts';
import { exampleSnapshot } from '../../../src/control-examples.ts';
import type { EvidenceReader } from '../../../src/model/index.ts';
import { randomWorld, readerOf } from './random-world.ts';

const techniques = loadTechniques({ techniqueDirs: [join(import.meta.dirname, '../../../techniques')] });
const numRuns = Number(process.env['FC_RUNS'] ?? 60);

/** One for all: whatever was looked at before, in whichever test, must not show. */
const series = {};

/** As the ledger gives one snapshot of many, which are read one after the other. */
function ofSeries(reader: EvidenceReader): EvidenceReader {
  return { ...reader, series, parts: (kind) => Map.groupBy(reader.objects(kind), ({ namespace }) => namespace) };
}

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
        for (const reader of [...worlds, ...worlds].map((world) => ofSeries(readerOf(world))))
          expect(JSON.stringify(findClimbers(reader, techniques))).toBe(JSON.stringify(findClimbers(reader, [...techniques])));
      }),
      { numRuns: Math.ceil(numRuns / 3) },
    );
  });

  it('are the same when the same subjects were bound otherwise before', () => {
    fc.assert(
      fc.property(randomWorld(techniques), fc.array(fc.nat(12), { minLength: 1, maxLength: 12 }), (world, moves) => {
        const dealt = world.bindings.map(({ subjects }) => subjects);
        // The same lists, on other bindings each time; those of one length, so that each binding names as many as before.
        const turned = (by: number) =>
          world.bindings.map((binding, place) => {
            const alike = dealt.filter(({ length }) => length === binding.subjects.length);
            const at = dealt.slice(0, place).filter(({ length }) => length === binding.subjects.length).length;
            return { ...binding, subjects: alike[(at + by) % alike.length] ?? [] };
          });
        for (const reader of moves.map((by) => ofSeries(readerOf({ ...world, bindings: turned(by) }))))
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

  it('climb by what somebody else is granted now, not by what he was before', () => {
    const given = (owner: string, reader: string) => `
apiVersion: kubevidence/v1
kind: Version
metadata: {name: version}
gitVersion: v1.36.3
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: owner}
rules: [{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: acts}
rules:
  - {verbs: ['impersonate:user-info'], apiGroups: [authentication.k8s.io], resources: [users], resourceNames: [bob]}
  - {verbs: ['impersonate-on:user-info:create'], apiGroups: [rbac.authorization.k8s.io], resources: [clusterrolebindings]}
${[
  ['owner', owner],
  ['reader', reader],
  ['acts', 'alice'],
]
  .map(
    ([role, user]) => `---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: ${role}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ${role}}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: ${user}}]
`,
  )
  .join('')}`;
    const isClimber = (text: string) =>
      findClimbers(ofSeries(exampleSnapshot(text, 'test')), techniques).some(
        ({ subject, path }) => subject.text === 'User/alice' && path !== undefined,
      );
    expect(['bob', 'carol', 'bob'].map((owner) => isClimber(given(owner, owner === 'bob' ? 'carol' : 'bob')))).toEqual([true, false, true]);
  });

  it('hold nothing of a series once nobody reads it', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const worlds = fc.sample(randomWorld(techniques), { numRuns: 5, seed: 7 });
    const objects = worlds.flatMap((world) => {
      const reader = {
        ...ofSeries(readerOf(world)),
        series: {},
      };
      expect(findClimbers(reader, techniques).length).toBeGreaterThan(0);
      return [...reader.objects('k8s.rbac/clusterroles')].map((each) => new WeakRef(each));
    });
    expect(objects.length).toBeGreaterThan(0);
    await setImmediate();
    collect();
    expect(objects.filter((each) => each.deref() !== undefined)).toEqual([]);
  });
});
