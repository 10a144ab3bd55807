/** What is said of other authorizers than RBAC: of one API server, and of several that differ or were not all read. */
import { describe, expect, test } from 'vitest';
import { readAuthorizers } from '../../src/access/index.ts';
import { readSettings } from '../../src/access/escalation/settings.ts';
import type { Gap, Json, JsonObject, ListingKind } from '../../src/model/index.ts';
import { family, flagz, lease, mirrorPod, now, snapshot } from '../populations/snapshots.ts';

const pod = (node: string, ...args: readonly Json[]) => mirrorPod('kube-apiserver', node, args);
const decided = (...types: string[]) => [family('apiserver_authorization_decisions_total', ...types.map((type) => [{ type }, 1] as const))];

describe('one API server', () => {
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
    ['a static pod', { 'k8s.pods/pods': [pod('n', '--authorization-mode=Node,RBAC')] }, ['Node', 'RBAC'], null],
    [
      'a static pod whose value was not kept',
      { 'k8s.pods/pods': [pod('n', { $scrubbed: true, flag: 'authorization-config' })] },
      null,
      /AuthorizationConfiguration/,
    ],
    ['only what decided', { 'k8s.apiserver/metrics': decided('RBAC', 'Node') }, ['Node', 'RBAC'], /does not show/],
  ])('%s', (_name, given, modes, note) => {
    const authorizers = readAuthorizers(snapshot(given));
    expect(authorizers.modes).toEqual(modes);
    expect(authorizers.note ?? '').toMatch(note ?? /^$/);
  });

  test('a pod that anybody could have made says nothing in a cluster, and a manifest does among files', () => {
    const { metadata: _made, ...spec } = pod('n', '--authorization-mode=Node,RBAC');
    const labelled = { ...spec, metadata: { name: 'kube-apiserver-n', namespace: 'kube-system', labels: { component: 'kube-apiserver' } } };
    const given = { 'k8s.pods/pods': [labelled] };
    expect(readAuthorizers(snapshot(given)).modes).toBeNull();
    expect(readAuthorizers(snapshot(given, { scope: 'files' }))).toEqual({ modes: ['Node', 'RBAC'], note: null });
  });
});

/** Host → its `--authorization-mode`, or its flags; null where it did not answer. */
type Replicas = Readonly<Record<string, string | JsonObject | null>>;

const replicaFlags = (told: string | JsonObject) => (typeof told === 'string' ? { 'authorization-mode': told } : told);

/** Each asked for itself. */
function each(replicas: Replicas, more: Readonly<Record<ListingKind, readonly Json[]>> = {}): Record<ListingKind, readonly Json[]> {
  const answered = Object.entries(replicas).flatMap(([host, told]) =>
    told === null
      ? []
      : [{ ...flagz(replicaFlags(told)), metadata: { name: `apiserver@${host}:6443` }, replica: `${host}:6443` } satisfies JsonObject],
  );
  const endpoints = Object.keys(replicas).map((host) => ({ addresses: [host] }));
  const slice = { kind: 'EndpointSlice', metadata: { name: 'kubernetes', namespace: 'default' }, endpoints, ports: [{ port: 6443 }] };
  return { 'k8s.apiservers/endpointslices': [slice], 'k8s.apiservers/flagz': answered, ...more };
}

const leases = (...names: string[]) => ({
  'k8s.apiserver/leases': names.map((name) => lease(name, { renewTime: now, leaseDurationSeconds: 3600 })),
});
const answering = (told: string | JsonObject) => ({ 'k8s.apiserver/flagz': [flagz(replicaFlags(told))] });
const unheard = 'the API server at 10.0.0.2:6443 does not show its flags';

describe('several API servers', () => {
  test.each<[string, Parameters<typeof snapshot>[0], readonly string[] | null, string | null]>([
    ['that agree', each({ '10.0.0.1': '[Node,RBAC]', '10.0.0.2': 'Node,RBAC' }, answering('Node,RBAC')), ['Node', 'RBAC'], null],
    [
      'that all ask a webhook',
      each({ '10.0.0.1': 'Node,RBAC,Webhook', '10.0.0.2': 'Node,RBAC,Webhook' }),
      ['Node', 'RBAC', 'Webhook'],
      'RBAC only: each API server also asks Webhook, which may allow or deny more',
    ],
    [
      'one of which allows everything',
      each({ '10.0.0.1': 'Node,RBAC', '10.0.0.2': 'AlwaysAllow' }, answering('Node,RBAC')),
      ['AlwaysAllow'],
      'the API server at 10.0.0.2:6443 allows everything (AlwaysAllow), whatever RBAC objects say; the API servers differ: ' +
        'the API server at 10.0.0.1:6443 asks Node, RBAC, the API server at 10.0.0.2:6443 asks AlwaysAllow',
    ],
    [
      'one of which asks ABAC too',
      each({ '10.0.0.1': 'Node,RBAC', '10.0.0.2': 'Node,RBAC,ABAC' }),
      ['Node', 'RBAC', 'ABAC'],
      'RBAC only: the API server at 10.0.0.2:6443 also asks ABAC, which may allow or deny more; the API servers differ: ' +
        'the API server at 10.0.0.1:6443 asks Node, RBAC, the API server at 10.0.0.2:6443 asks Node, RBAC, ABAC',
    ],
    [
      'one of which does not ask RBAC',
      each({ '10.0.0.1': 'Node,RBAC,Webhook', '10.0.0.2': 'ABAC' }),
      ['ABAC'],
      'the API server at 10.0.0.2:6443 does not ask RBAC at all, only ABAC; the API servers differ: ' +
        'the API server at 10.0.0.1:6443 asks Node, RBAC, Webhook, the API server at 10.0.0.2:6443 asks ABAC',
    ],
    [
      'one of which reads a file',
      each(
        { '10.0.0.1': 'Node,RBAC', '10.0.0.2': { 'authorization-config': '/a.yaml' } },
        {
          'k8s.apiservers/metrics': [
            family('apiserver_authorization_decisions_total@10.0.0.1:6443', [{ type: 'Other' }, 1]),
            family('apiserver_authorization_decisions_total@10.0.0.2:6443', [{ type: 'Webhook' }, 1]),
          ],
        },
      ),
      ['Webhook'],
      'RBAC only: the authorizers stand in an AuthorizationConfiguration that is not in the evidence (seen: Webhook); a webhook may allow or ' +
        'deny more; the API servers differ: the API server at 10.0.0.1:6443 asks Node, RBAC, the API server at 10.0.0.2:6443 asks those of a ' +
        'file that is not in the evidence',
    ],
    [
      'one of which was not heard',
      each({ '10.0.0.1': 'Node,RBAC', '10.0.0.2': null }, answering('Node,RBAC')),
      null,
      `RBAC only: which authorizers others ask is not known: ${unheard}`,
    ],
    [
      'one of which was not heard, and another asks a webhook',
      each({ '10.0.0.1': 'Node,RBAC,Webhook', '10.0.0.2': null }),
      null,
      `RBAC only: the API server at 10.0.0.1:6443 also asks Webhook, which may allow or deny more; which authorizers others ask is not known: ${unheard}`,
    ],
    [
      'one of which was not heard, and another allows everything: that is enough',
      each({ '10.0.0.1': 'AlwaysAllow', '10.0.0.2': null }),
      ['AlwaysAllow'],
      `the API server at 10.0.0.1:6443 allows everything (AlwaysAllow), whatever RBAC objects say; which authorizers others ask is not known: ${unheard}`,
    ],
    [
      'one of which was not heard, but its static pod shows it',
      each(
        { '10.0.0.1': 'Node,RBAC', '10.0.0.2': null },
        { 'k8s.pods/pods': [pod('cp-2', '--authorization-mode=AlwaysAllow', '--advertise-address=10.0.0.2')] },
      ),
      ['AlwaysAllow'],
      'the API server on cp-2 allows everything (AlwaysAllow), whatever RBAC objects say; the API servers differ: ' +
        'the API server at 10.0.0.1:6443 asks Node, RBAC, the API server on cp-2 asks AlwaysAllow',
    ],
    [
      'of which one answered, and nobody asked the others',
      { ...answering('Node,RBAC'), ...leases('a', 'b', 'c') },
      null,
      'RBAC only: which authorizers others ask is not known: 2 of 3 API servers do not show their flags (set apiServers: each)',
    ],
    [
      'of which one answered, and the static pods of all show it',
      {
        ...answering('Node,RBAC'),
        ...leases('a', 'b'),
        'k8s.pods/pods': [pod('cp-1', '--authorization-mode=Node,RBAC'), pod('cp-2', '--authorization-mode=Node,RBAC')],
      },
      ['Node', 'RBAC'],
      null,
    ],
    [
      'whose static pods differ',
      {
        ...leases('a', 'b'),
        'k8s.pods/pods': [pod('cp-1', '--authorization-mode=AlwaysAllow'), pod('cp-2', '--authorization-mode=Node,RBAC')],
      },
      ['AlwaysAllow'],
      'the API server on cp-1 allows everything (AlwaysAllow), whatever RBAC objects say; the API servers differ: ' +
        'the API server on cp-1 asks AlwaysAllow, the API server on cp-2 asks Node, RBAC',
    ],
    [
      'behind an address at which yet another answered',
      each({ '10.0.0.1': 'Node,RBAC', '10.0.0.2': 'Node,RBAC' }, answering('Node,RBAC,Webhook')),
      ['Node', 'RBAC', 'Webhook'],
      'RBAC only: the API server that answered also asks Webhook, which may allow or deny more; the API servers differ: ' +
        'the API server that answered asks Node, RBAC, Webhook, the API server at 10.0.0.1:6443 asks Node, RBAC, the API server at 10.0.0.2:6443 asks Node, RBAC',
    ],
  ])('%s', (_name, given, modes, note) => {
    expect(readAuthorizers(snapshot(given))).toEqual({ modes, note });
  });

  test('that nobody could name are not known', () => {
    const gaps: Record<ListingKind, readonly Gap[]> = {
      'k8s.apiservers/endpointslices': [{ reason: 'forbidden', what: 'addresses of the API servers' }],
    };
    const given = { ...each({}), 'k8s.apiservers/endpointslices': [], ...answering('Node,RBAC') };
    expect(readAuthorizers(snapshot(given, { gaps }))).toEqual({
      modes: null,
      note: 'RBAC only: which authorizers others ask is not known: which API servers there are was not all read',
    });
    // Where the configuration does not ask for it nothing is missed.
    expect(readAuthorizers(snapshot(answering('Node,RBAC'))).note).toBeNull();
  });
});

describe('ways that one API server leaves open', () => {
  const settingsOf = (given: Parameters<typeof snapshot>[0]) => readSettings(snapshot(given), new Map());
  const plain = { 'authorization-mode': 'Node,RBAC' };
  const open = { ...plain, 'enable-bootstrap-token-auth': 'true', 'disable-admission-plugins': 'PodSecurity' };

  test.each<[string, Parameters<typeof snapshot>[0], Partial<ReturnType<typeof settingsOf>>]>([
    [
      'are open',
      each({ '10.0.0.1': plain, '10.0.0.2': open }),
      { bootstrapTokens: true, podSecurityDisabled: true, nodeAuthorizer: true, admissionFile: '' },
    ],
    ['are closed when all were heard', each({ '10.0.0.1': plain, '10.0.0.2': plain }), { bootstrapTokens: false, admissionFile: '' }],
    [
      'are not known when one was not',
      each({ '10.0.0.1': plain, '10.0.0.2': null }),
      { bootstrapTokens: undefined, podSecurityDisabled: undefined, nodeAuthorizer: true, admissionFile: undefined },
    ],
    ['are open whoever was not heard', each({ '10.0.0.1': open, '10.0.0.2': null }), { bootstrapTokens: true, podSecurityDisabled: true }],
    [
      'are closed by the one that answered, where no other was to be asked',
      answering(plain),
      { bootstrapTokens: false, admissionFile: '' },
    ],
    ['of a Node authorizer', each({ '10.0.0.1': 'RBAC', '10.0.0.2': 'Node,RBAC' }), { nodeAuthorizer: true }],
    ['of no Node authorizer', each({ '10.0.0.1': 'RBAC', '10.0.0.2': 'RBAC' }), { nodeAuthorizer: false }],
    ['of authorizers in a file', each({ '10.0.0.1': 'RBAC', '10.0.0.2': { 'authorization-config': '/a' } }), { nodeAuthorizer: undefined }],
  ])('%s', (_name, given, settings) => {
    expect(settingsOf(given)).toMatchObject(settings);
  });
});
