/** The paths that a pack tells of: whole chains with their bindings, the same each time; what was not read is no absence of paths. */
import { expect, test } from 'vitest';
import { readPaths } from '../../src/app/pack/pack-paths.ts';
import { loadTechniquesInForce } from '../../src/app/catalog.ts';
import { exampleSnapshot } from '../../src/control-examples.ts';
import { account, asFile, bind, group, hostile, world } from './access/paths-world.ts';

const techniques = loadTechniquesInForce(null);
const long = 'a-service-account-with-a-name-that-is-as-long-as-its-team-is-old-';
const team = (index: number) => {
  const accounts = Array.from({ length: 20 }, (_, each) => account(`team-${index}`, `${long}${each}`));
  return [
    bind(`team-${index}`, 'ClusterRole/pod-maker', accounts, 'clinic'),
    ...accounts.map(({ kind, ...metadata }) => ({ apiVersion: 'v1', kind, metadata })),
  ];
};
const crowd = [...world, ...[0, 1, 2].flatMap(team), bind('ops', 'ClusterRole/everything', [group('ops')])];
const read = (absent: readonly string[] = [], documents: readonly object[] = crowd) => exampleSnapshot(asFile(documents), 'crowd', absent);

test('every path is a whole chain to cluster-admin, with titles, and the bindings that its rights come through', () => {
  const told = readPaths(read(), { techniques });
  expect(told).toMatchObject({ techniques: techniques.length, certain: 65, possible: 0, run: null });
  const subjects = new Set(told.paths.map(({ from }) => from));
  expect(subjects.size).toBe(65);
  for (const { from, hops, certain } of told.paths) {
    expect([from, ...hops.map(({ to }) => to)]).toEqual([...hops.map((hop) => hop.from), 'cluster-admin']);
    expect(certain).toBe(hops.every((hop) => hop.certain));
    for (const hop of hops) {
      expect(hop.title).not.toBe(hop.technique);
      expect([hop.because === null, hop.bindings.length > 0]).toEqual([hop.certain, hop.right !== '']);
      for (const binding of hop.bindings) expect(hop.through).toContain(binding);
    }
  }
  const ofTeam = told.paths.find(({ from }) => from === `ServiceAccount/team-1/${long}7`);
  expect(ofTeam?.hops.map(({ technique, to, bindings }) => [technique, to, bindings])).toEqual([
    ['create-pod', 'ServiceAccount/clinic/deployer', ['RoleBinding/clinic/team-1']],
    ['hold-everything', 'cluster-admin', ['ClusterRoleBinding/deployer']],
  ]);
  expect(told.paths.find(({ from }) => from === `User/${hostile}`)?.hops[0]?.bindings).toEqual(['RoleBinding/clinic/dev']);
  expect(told.removals[0]).toMatchObject({ binding: 'ClusterRoleBinding/deployer', of: 65 });
});

test('is the same for the same evidence, in whatever order it comes', () => {
  const again = readPaths(read([], crowd.toReversed()), { techniques });
  expect(JSON.stringify(again)).toBe(JSON.stringify(readPaths(read(), { techniques })));
});

test('a catalog without techniques is a gap, and no sign that there are no paths', () => {
  expect(readPaths(read(), { techniques: [] })).toMatchObject({
    techniques: 0,
    paths: [],
    cut: null,
    gaps: [{ reason: 'absent', what: 'techniques of escalation' }],
  });
});

test('what was not read is a gap', () => {
  const documents = crowd.filter((each) => !('kind' in each) || each.kind !== 'Pod');
  const { gaps } = readPaths(read(['pods'], documents), { techniques });
  expect(gaps.map(({ what }) => what)).toContain('pods');
});
