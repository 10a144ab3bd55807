/** Climbers against all paths of the whole graph, and one snapshot after the other against each alone. */
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findClimbers, findPaths } from '../../../src/access/index.ts';
import { loadTechniques } from '../../../src/catalog/index.ts';
import { exampleSnapshot } from '../../../src/control-examples.ts';
import type { EvidenceReader, ListingKind, StoredObject } from '../../../src/model/index.ts';
import { randomWorld, readerOf } from './random-world.ts';

const techniques = loadTechniques({ techniqueDirs: [join(import.meta.dirname, '../../../techniques')] });
const numRuns = Number(process.env['FC_RUNS'] ?? 60);

/** One for all: whatever was looked at before, in whichever test, must not show. */
const series = {};

/** As the ledger gives one snapshot of many, which are read one after the other. */
function ofSeries(reader: EvidenceReader): EvidenceReader {
  return { ...reader, series, parts: (kind) => Map.groupBy(reader.objects(kind), ({ namespace }) => namespace) };
}

/** The same, and what does not change from one snapshot to the next is the very same value. */
function livingSeries(): (reader: EvidenceReader) => EvidenceReader {
  const own = {};
  const objects = new Map<string, StoredObject>();
  const lists = new Map<string, readonly StoredObject[]>();
  const same = <T>(known: Map<string, T>, value: T): T => {
    const text = JSON.stringify(value);
    known.set(text, known.get(text) ?? value);
    return known.get(text) as T;
  };
  return (reader) => {
    const listOf = (kind: ListingKind) =>
      Array.from(reader.objects(kind), (object) => {
        const { type, namespace, name } = object;
        return same(objects, { ...object, id: `${type}/${namespace}/${name}` });
      });
    return {
      ...reader,
      series: own,
      objects: listOf,
      parts: (kind) =>
        new Map(
          Array.from(
            Map.groupBy(listOf(kind), ({ namespace }) => namespace),
            ([name, list]) => [name, same(lists, list)],
          ),
        ),
    };
  };
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

  it('are the same when only what runs is another', () => {
    const runs = fc.record({
      pods: randomWorld(techniques).map(({ pods }) => pods),
      named: fc.constantFrom('d', 'd', 'e'),
      as: fc.constantFrom('x', 'x', 'gone'),
      listed: fc.constantFrom('n1', 'n1', 'n3'),
    });
    fc.assert(
      fc.property(randomWorld(techniques), fc.array(runs, { minLength: 2, maxLength: 6 }), (world, changes) => {
        const living = livingSeries();
        for (const { pods, named, as, listed } of changes) {
          const reader = readerOf({ ...world, pods });
          const edit = (object: StoredObject): StoredObject => {
            if (object.type === 'Node' && object.name === 'n1') return { ...object, name: listed };
            if (object.type !== 'Deployment') return object;
            return { ...object, name: named, body: { spec: { template: { spec: { serviceAccountName: as } } } } };
          };
          const now = living({ ...reader, objects: (kind) => Array.from(reader.objects(kind), edit) });
          expect(JSON.stringify(findClimbers(now, techniques))).toBe(JSON.stringify(findClimbers(now, [...techniques])));
        }
      }),
      { numRuns },
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

  describe('one snapshot after the other', () => {
    const base = `${ladder}${grant}
---
apiVersion: v1
kind: Pod
metadata: {name: idle-1, namespace: ci}
spec: {serviceAccountName: default, nodeName: n1, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: kube-apiserver-n1
  namespace: kube-system
  annotations: {kubernetes.io/config.mirror: h1, kubernetes.io/config.hash: h1, kubernetes.io/config.source: file}
  ownerReferences: [{kind: Node, name: n1}]
spec: {nodeName: n1, containers: [{name: c, image: x, command: [kube-apiserver, --authorization-mode=RBAC]}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: quiet, labels: {turn: a}}
---
apiVersion: v1
kind: Pod
metadata: {name: trusting, namespace: ci}
spec: {serviceAccountName: deployer, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: idle, namespace: quiet}
spec: {serviceAccountName: default, nodeName: n1, containers: [{name: c, image: x}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: quiet}
spec: {template: {spec: {serviceAccountName: default, containers: []}}}
---
apiVersion: v1
kind: Node
metadata: {name: n1}
---
apiVersion: v1
kind: Node
metadata: {name: n2}`;

    /** Whether the roles are read for the second of two snapshots, and whether its climbers are the very same. */
    function lookAgain(
      change: (text: string) => string,
      { unread, given = base }: { readonly unread?: ListingKind; readonly given?: string } = {},
    ) {
      const living = livingSeries();
      const read = new Set<ListingKind>();
      const climbersOf = (text: string, without?: ListingKind) => {
        const reader = living(exampleSnapshot(text, 'test'));
        const objects: EvidenceReader['objects'] = (kind) => {
          read.add(kind);
          return kind === without ? [] : reader.objects(kind);
        };
        const listing: EvidenceReader['listing'] = (kind) => (kind === without ? undefined : reader.listing(kind));
        return findClimbers({ ...reader, objects, listing }, techniques);
      };
      const first = climbersOf(given);
      expect(first.map(({ path }) => path?.hops.length)).toEqual([1, 3]);
      read.clear();
      const second = climbersOf(change(given), unread);
      return { isSearched: read.has('k8s.rbac/clusterroles'), isSame: second === first };
    }

    it.each<[string, (text: string) => string]>([
      ['nothing', (text) => text],
      [
        'a pod that was replaced by another, on another node',
        (text) => text.replace('{name: idle-1', '{name: idle-2').replace('default, nodeName: n1', 'default, nodeName: n2'),
      ],
      ['an annotation of an account', (text) => text.replace("namespace: ci, uid: '1'", "namespace: ci, uid: '1', annotations: {a: b}")],
      ['a label of a namespace that nothing goes by', (text) => text.replace('labels: {turn: a}', 'labels: {turn: b}')],
      ['what a pod runs', (text) => text.replaceAll('image: x}', 'image: y}')],
    ])('look for nothing where only this is new: %s', (_, change) => {
      expect(lookAgain(change)).toEqual({ isSearched: false, isSame: true });
    });

    it.each<[string, (text: string) => string]>([
      ['an account that a pod runs as', (text) => text.replace('default, nodeName', 'other, nodeName')],
      [
        'an account that a workload runs as',
        (text) => text.replace('serviceAccountName: default, containers: []', 'serviceAccountName: other'),
      ],
      ['a pod through which a way leads', (text) => text.replace('{name: runner', '{name: walker')],
      ['the name of a workload', (text) => text.replace('{name: web', '{name: shop')],
      ['a kind of workload', (text) => text.replace('kind: Deployment', 'kind: StatefulSet')],
      ['a node that is listed', (text) => text.replace('metadata: {name: n2}', 'metadata: {name: n3}')],
      ['a node that only its pods show', (text) => text.replace('default, nodeName: n1', 'default, nodeName: n9')],
      ['a namespace', (text) => text.replaceAll('namespace: quiet', 'namespace: still')],
      ['a namespace without pods', (text) => text.replace('{name: idle, namespace: quiet}', '{name: idle, namespace: ci}')],
      ['a flag of the control plane', (text) => text.replace('mode=RBAC', 'mode=Node,RBAC')],
      ['a role', (text) => text.replace('[pods/exec]', '[pods/exec, pods/attach]')],
      ['what a namespace enforces', (text) => text.replace('turn: a}', 'turn: a, pod-security.kubernetes.io/enforce: restricted}')],
      ['a namespace that is listed', (text) => text.replace('metadata: {name: quiet, labels', 'metadata: {name: still, labels')],
      ['a Secret of an account', (text) => text.replace("namespace: ci, uid: '1'}", "namespace: ci, uid: '1'}\nsecrets: [{name: s}]")],
      [
        'whether an account mounts its token in a pod that leaves it to it',
        (text) => text.replace("uid: '1'}", "uid: '1'}\nautomountServiceAccountToken: false"),
      ],
    ])('look again where this is new: %s', (_, change) => {
      expect(lookAgain(change).isSearched).toBe(true);
    });

    it('look again where a label is new and something that refuses pods may go by it', () => {
      const given = `${base}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: guard}
webhooks: [{name: w, rules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]}]`;
      const relabel = (text: string) => text.replace('labels: {turn: a}', 'labels: {turn: b}');
      expect(lookAgain((text) => text, { given }).isSearched).toBe(false);
      expect(lookAgain(relabel, { given }).isSearched).toBe(true);
    });

    it.each<ListingKind>(['k8s.pods/pods', 'k8s.nodes/nodes', 'k8s.rbac/roles'])('look again where %s was not read', (kind) => {
      expect(lookAgain((text) => text, { unread: kind }).isSearched).toBe(true);
    });
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
    const held = () => objects.filter((each) => each.deref() !== undefined);
    // A compiler that works beside us holds for a while what the code that it compiles has worked on.
    for (let tries = 200; tries > 0 && held().length > 0; tries--) {
      await setTimeout(10);
      collect();
    }
    expect(held()).toEqual([]);
  });
});
