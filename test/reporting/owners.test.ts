/** Whose findings and deviations are: by the item's namespace at the last run, and never a guess. */
import { describe, expect, it } from 'vitest';
import { readNamespaceOwners } from '../../src/access/index.ts';
import { buildReportModel } from '../../src/reporting/index.ts';
import { ownerOf } from '../../src/reporting/owners.ts';
import { snapshot } from '../populations/snapshots.ts';
import { makeInputs } from './fixture.ts';

const namespace = (name: string, labels: Record<string, string>, annotations: Record<string, unknown> = {}) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels, annotations },
});
const kind = 'k8s.namespaces/namespaces';
const given = {
  [kind]: [
    namespace('shop', { owner: 'team-shop' }),
    namespace('lab', { owner: '', team: 'lab' }),
    namespace('web', {}, { owner: 'jane@clinic.example' }),
    namespace('old', {}),
  ],
} as never;
const forbidden = { gaps: { [kind]: [{ reason: 'forbidden' as const, what: 'namespaces' }] } };

describe('the owner of what is in a namespace', () => {
  const owners = readNamespaceOwners(snapshot(given), ['owner', 'team']);
  it.each([
    ['its label', { namespace: 'shop', kind: 'Pod', name: 'x' }, 'team-shop'],
    ['the next label, where the first is empty', { namespace: 'lab' }, 'lab'],
    ['its annotation', { namespace: 'web' }, 'jane@clinic.example'],
    ['nobody', { namespace: 'old' }, 'nobody named'],
    ['nobody, where the namespace is gone', { namespace: 'gone' }, 'nobody named'],
    ['of a namespace itself', { kind: 'Namespace', namespace: '', name: 'shop' }, 'team-shop'],
    ['the cluster', { kind: 'ClusterRoleBinding', namespace: '', name: 'shop' }, 'cluster'],
    ['the cluster, where no item is named', undefined, 'cluster'],
  ] as const)('is %s', (_what, resource, expected) => {
    expect(ownerOf(owners, resource)).toBe(expected);
  });

  it('is not known where namespaces were not all read', () => {
    for (const reader of [snapshot({}), snapshot({ [kind]: [] }, forbidden)])
      expect(ownerOf(readNamespaceOwners(reader, ['owner']), { namespace: 'shop' })).toMatch(/^not known/);
    expect(ownerOf(readNamespaceOwners(snapshot(given, forbidden), ['owner']), { namespace: 'shop' })).toBe('team-shop');
  });
});

describe('a report', () => {
  const model = buildReportModel(makeInputs());
  it('says of every finding and every deviation whose it is', () => {
    const seen = new Set(model.findings.map(({ owner }) => owner));
    expect([...seen].every((owner) => owner.length > 0)).toBe(true);
    const without = model.findings.filter(({ resource }) => resource.namespace === '' && resource.kind !== 'Namespace');
    expect(without.filter(({ owner }) => owner !== 'cluster')).toEqual([]);
    expect(model.period?.deviations.length).toBeGreaterThan(0);
    // The deviations of the fixture are pods of a team whose owner is hostile markup.
    expect(model.period?.deviations.some(({ owner }) => owner !== 'cluster')).toBe(true);
  });
});
