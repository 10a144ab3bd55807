import { describe, expect, test } from 'vitest';
import { nameResource, readAuthorizers, servedGroups } from '../../src/access/index.ts';
import type { JsonObject } from '../../src/model/index.ts';
import { family, flagz, snapshot } from '../populations/snapshots.ts';

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

describe('other authorizers', () => {
  const pod = (...args: JsonObject[] | string[]) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'kube-apiserver-n', namespace: 'kube-system', labels: { component: 'kube-apiserver' } },
    spec: { containers: [{ name: 'kube-apiserver', command: ['kube-apiserver', ...args] }] },
  });
  const decided = (...types: string[]) => [
    family('apiserver_authorization_decisions_total', ...types.map((type) => [{ type }, 1] as const)),
  ];
  test.each<[string, Parameters<typeof snapshot>[0], readonly string[] | null, RegExp | null]>([
    ['nothing is known', {}, null, /does not show/],
    ['RBAC and kubelets', { 'k8s.apiserver/flagz': [flagz({ 'authorization-mode': '[Node,RBAC]' })] }, ['Node', 'RBAC'], null],
    [
      'a webhook',
      { 'k8s.apiserver/flagz': [flagz({ 'authorization-mode': 'Node,RBAC,Webhook' })] },
      ['Node', 'RBAC', 'Webhook'],
      /also asks Webhook/,
    ],
    ['no RBAC', { 'k8s.apiserver/flagz': [flagz({ 'authorization-mode': 'ABAC' })] }, ['ABAC'], /does not ask RBAC/],
    ['nothing is set', { 'k8s.apiserver/flagz': [flagz({ 'authorization-mode': '[]' })] }, ['AlwaysAllow'], /allows everything/],
    [
      'a file, and what decided',
      { 'k8s.apiserver/flagz': [flagz({ 'authorization-config': '/x' })], 'k8s.apiserver/metrics': decided('RBAC', 'Webhook') },
      ['RBAC', 'Webhook'],
      /AuthorizationConfiguration.*seen: Webhook/,
    ],
    ['a file alone', { 'k8s.apiserver/flagz': [flagz({ 'authorization-config': '/x' })] }, null, /AuthorizationConfiguration/],
    ['a static pod', { 'k8s.pods/pods': [pod('--authorization-mode=Node,RBAC')] }, ['Node', 'RBAC'], null],
    [
      'a static pod whose value was not kept',
      { 'k8s.pods/pods': [pod({ $scrubbed: true, flag: 'authorization-config' })] },
      null,
      /AuthorizationConfiguration/,
    ],
    ['only what decided', { 'k8s.apiserver/metrics': decided('RBAC', 'Node') }, ['Node', 'RBAC'], /does not show/],
  ])('%s', (_name, given, modes, note) => {
    const authorizers = readAuthorizers(snapshot(given));
    expect(authorizers.modes).toEqual(modes);
    expect(authorizers.note ?? '').toMatch(note ?? /^$/);
  });
});
