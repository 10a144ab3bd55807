/** How API servers keep their audit log, by their flags: what a grant's report stands on when it says what can still be found. */
import { expect, test } from 'vitest';
import { readAuditLog } from '../../src/app/pack/pack-audit-log.ts';
import { exampleSnapshot } from '../../src/control-examples.ts';
import { asFile } from './access/paths-world.ts';

const server = (name: string, ...flags: readonly string[]) => {
  const id = `kube-apiserver-${name}`;
  const annotations = Object.fromEntries(['mirror', 'hash'].map((key) => [`kubernetes.io/config.${key}`, name]));
  const metadata = {
    name: id,
    namespace: 'kube-system',
    uid: id,
    labels: { component: 'kube-apiserver' },
    annotations: { ...annotations, 'kubernetes.io/config.source': 'file' },
    ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid: `node-${name}`, controller: true }],
  };
  const containers = [{ name: 'kube-apiserver', image: 'kube-apiserver', command: ['kube-apiserver', ...flags] }];
  const labels = { 'node-role.kubernetes.io/control-plane': '' };
  const identity = { 'apiserver.kubernetes.io/identity': 'kube-apiserver' };
  return [
    {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: `apiserver-${name}`, namespace: 'kube-system', labels: identity },
    },
    { apiVersion: 'v1', kind: 'Node', metadata: { name, uid: `node-${name}`, labels } },
    { apiVersion: 'v1', kind: 'Pod', metadata, spec: { nodeName: name, containers } },
  ];
};
const read = (...documents: readonly object[]) => readAuditLog(exampleSnapshot(asFile(documents), 'servers'));
const policy = '--audit-policy-file=/etc/policy.yaml';
const path = '--audit-log-path=/var/log/audit.log';

test.each([
  ['a file for seven days', [path, '--audit-log-maxage=7'], { withoutFile: 0, days: 7 }],
  ['a file without end', [path, '--audit-log-maxage=0'], { withoutFile: 0, days: null }],
  ['a file for longer than dates go', [path, '--audit-log-maxage=999999999'], { withoutFile: 0, days: null }],
  ['none', [], { withoutFile: 1, elsewhere: 0, days: null }],
  ['standard output', ['--audit-log-path=-', '--audit-log-maxage=7'], { withoutFile: 1, elsewhere: 1, days: null }],
  ['a webhook', ['--audit-webhook-config-file=/etc/audit.conf'], { withoutFile: 1, elsewhere: 1, days: null }],
  ['a file and a webhook', [path, '--audit-log-maxage=7', '--audit-webhook-config-file=/etc/a'], { withoutFile: 0, elsewhere: 0, days: 7 }],
])('%s', (_what, flags, expected) => {
  expect(read(...server('a', policy, ...flags))).toMatchObject({ servers: 1, complete: true, ...expected });
});

test('of several the least holds', () => {
  const several = [
    server('a', policy, path, '--audit-log-maxage=30'),
    server('b', policy, path, '--audit-log-maxage=7'),
    server('c', policy),
  ].flat();
  expect(read(...several)).toEqual({ servers: 3, complete: true, withoutFile: 1, elsewhere: 0, days: 7 });
});

test('what nobody can read is no setting', () => {
  expect(read(...server('a', policy, path, '--audit-log-maxage=a week'))).toMatchObject({ servers: 0, complete: false });
  const [lease] = server('b');
  expect(read(...server('a', policy, path, '--audit-log-maxage=7'), lease ?? {})).toMatchObject({ servers: 1, complete: false, days: 7 });
  expect(read()).toMatchObject({ servers: 0, complete: false });
});

test('without a policy nothing is recorded, wherever it would go', () => {
  for (const flags of [[path, '--audit-log-maxage=7'], ['--audit-log-path=-'], ['--audit-webhook-config-file=/etc/a']])
    expect(read(...server('a', ...flags))).toMatchObject({ servers: 1, withoutFile: 1, elsewhere: 0 });
});
