import { describe, expect, test } from 'vitest';
import { nameResource, servedGroups } from '../../src/access/index.ts';
import { snapshot } from '../populations/snapshots.ts';

describe('resources by the names that people use', () => {
  test.each<[string, string, boolean | null]>([
    ['pods', 'pods', true],
    ['po', 'pods', true],
    ['Pod', 'pods', true],
    ['pods/log', 'pods/log', true],
    ['deploy', 'deployments.apps', true],
    ['deployments.apps', 'deployments.apps', true],
    ['deployment.v1.apps', 'deployments.apps', true],
    ['pods.v1.', 'pods', true],
    ['ns', 'namespaces', false],
    ['ingress', 'ingresses.networking.k8s.io', true],
    ['ing.networking', 'ingresses.networking.k8s.io', true],
    ['netpol', 'networkpolicies.networking.k8s.io', true],
    ['endpoints', 'endpoints', true],
    ['events', 'events', true],
    ['events.events.k8s.io', 'events.events.k8s.io', true],
    ['csr/approval', 'certificatesigningrequests.certificates.k8s.io/approval', false],
    ['storageclass', 'storageclasses.storage.k8s.io', false],
    ['users', 'users', false],
    ['userextras/scopes.x', 'userextras.authentication.k8s.io/scopes.x', false],
    ['*', '*', null],
    ['*.apps', '*.apps', null],
    ['*/scale', '*/scale', null],
    ['*.*', '*.*', null],
  ])('%s', (text, name, namespaced) => {
    const found = nameResource(text, null);
    const shown = `${found.resource}${found.group === '' ? '' : `.${found.group}`}${found.subresource === '' ? '' : `/${found.subresource}`}`;
    expect([shown, found.namespaced, found.note]).toEqual([name, namespaced, null]);
  });

  const groups = (...names: string[]) =>
    servedGroups(
      snapshot({ 'k8s.cluster/groups': names.map((name) => ({ apiVersion: 'kubevidence/v1', kind: 'ApiGroup', metadata: { name } })) }),
    );
  test.each<[string, string, ReadonlySet<string> | null, string, RegExp | null]>([
    ['a word nobody knows', 'widgets', null, 'widgets', /no resource widgets/],
    ['of Kubernetes itself, but not there', 'widgets.apps', null, 'widgets.apps', /no resource widgets in its group apps/],
    ['a group, and nobody knows what is served', 'widgets.example.com', null, 'widgets.example.com', /not in the evidence/],
    ['a group that is served', 'Widgets.example.com', groups('apps', 'example.com'), 'widgets.example.com', null],
    ['with a version', 'widgets.v1beta1.example.com', groups('example.com'), 'widgets.example.com', null],
    ['a group that is not', 'widgets.example.com', groups('apps'), 'widgets.example.com', /serves no API group example.com/],
    [
      'a served group is not taken for the beginning of another',
      'ingresses.networking',
      groups('networking'),
      'ingresses.networking',
      null,
    ],
  ])('%s', (_name, text, served, expected, note) => {
    const found = nameResource(text, served);
    expect(`${found.resource}${found.group === '' ? '' : `.${found.group}`}`).toBe(expected);
    expect(found.note ?? '').toMatch(note ?? /^$/);
  });
});
