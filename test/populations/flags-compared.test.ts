/** Sources of flags against each other: what is a difference, what is another spelling, and what nobody knows. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/model/index.ts';
import { compareFlags, type FlagSource } from '../../src/populations/control-plane/flag-comparison.ts';
import { kubeadmFlags, runningFlags } from '../../src/populations/control-plane/flag-sources.ts';
import { readArguments, readFlagz, resolveFlags } from '../../src/populations/control-plane/flags.ts';
import type { Given } from './snapshots.ts';
import { flagz, lease, mirrorPod, node, processStart, read, snapshot } from './snapshots.ts';

const version = '1.36.3';
const given = (...args: readonly string[]): FlagSource => ({
  name: 'its static pod',
  flags: resolveFlags('kube-apiserver', readArguments(args), version),
  tells: 'given',
});
const all = (flags: JsonObject): FlagSource => ({
  name: '/flagz',
  flags: resolveFlags('kube-apiserver', readFlagz(flags), version),
  tells: 'all',
});
const differing = (one: FlagSource, other: FlagSource) => compareFlags('kube-apiserver', one, other).map(({ flag }) => flag);

describe('another spelling is no difference', () => {
  test.each<[string, string, string]>([
    ['a list', '[Node,RBAC]', '--authorization-mode=Node,RBAC'],
    ['a duration', '1h0m0s', '--event-ttl=60m'],
    ['a fraction of one', '1m30s', '--event-ttl=1.5m'],
    ['a boolean', 'false', '--profiling=F'],
    ['gates in another order', ':A=true,:B=false', '--feature-gates=B=false,A=true'],
    ['underscores', 'false', '--anonymous_auth=false'],
  ])('%s', (_name, shown, arg) => {
    const flag = /^--([\w-]+)/.exec(arg)?.[1]?.replaceAll('_', '-') ?? '';
    expect(differing(all({ [flag]: shown }), given(arg))).toEqual([]);
    expect(differing(all({ [flag]: shown === 'false' ? 'true' : `${shown}x` }), given(arg))).toEqual([flag]);
  });
});

describe('what is not known differs from nothing', () => {
  test.each<[string, FlagSource, FlagSource]>([
    ['a value that was held back', all({ 'oidc-client-id': 'CLASSIFIED' }), given('--oidc-client-id=a')],
    ['a flag that this version does not have', all({}), given('--insecure-port=0')],
    ['what a server fills in by itself', all({ 'authorization-mode': '[AlwaysAllow]', 'tls-cert-file': '/x' }), given()],
    ['a default that nobody gave', all({ 'audit-policy-file': '', profiling: 'true' }), given()],
    ['the default that one of two was given', given('--profiling=true'), given()],
  ])('%s', (_name, one, other) => {
    expect(differing(one, other)).toEqual([]);
    expect(differing(other, one)).toEqual([]);
  });
});

test('the order of authorizers is a difference', () => {
  expect(differing(all({ 'authorization-mode': '[RBAC,Node]' }), given('--authorization-mode=Node,RBAC'))).toEqual(['authorization-mode']);
});

test('a flag that runs and that nothing gives is one, both ways', () => {
  const [running, empty] = [all({ 'audit-policy-file': '/p' }), given()];
  expect(compareFlags('kube-apiserver', running, empty)).toEqual([{ flag: 'audit-policy-file', one: '/p', other: null }]);
  expect(compareFlags('kube-apiserver', empty, running)).toEqual([{ flag: 'audit-policy-file', one: null, other: '/p' }]);
});

const args = fc.array(
  fc.tuple(
    fc.constantFrom('profiling', 'audit-policy-file', 'authorization-mode', 'event-ttl', 'v'),
    fc.constantFrom('', 'true', 'a,b', '1h', '/x'),
  ),
);
const source = args.map((pairs) => given(...pairs.map(([name, value]) => `--${name}=${value}`)));

test('nothing differs from itself, and differences are the same from both sides', () => {
  fc.assert(
    fc.property(source, source, (one, other) => {
      expect(differing(one, one)).toEqual([]);
      expect(differing(one, other)).toEqual(differing(other, one));
    }),
  );
});

const pod = (args_: readonly string[], created = '2026-09-01T00:00:00Z') =>
  mirrorPod('kube-apiserver', 'cp', args_, (made) => (made['metadata'].creationTimestamp = created));
const document = (programs: readonly JsonObject[], collectedAt = '2026-09-30T00:00:00Z'): JsonObject => ({
  apiVersion: 'node.kubevidence.io/v1',
  kind: 'NodeEvidence',
  metadata: { name: 'cp' },
  collectedAt,
  host: { installer: 'kubeadm', roles: ['control-plane'] },
  programs: [...programs],
});
const told = (from: string, ...entries: readonly string[]): JsonObject => ({ program: 'kube-apiserver', from, arguments: [...entries] });

interface Told {
  readonly leases?: number;
  readonly flags?: JsonObject;
  readonly started?: number;
  readonly pods?: readonly JsonObject[];
  readonly documents?: readonly JsonObject[];
  readonly kept?: readonly string[];
}

function world({ leases = 1, flags, started, pods = [], documents = [], kept }: Told): Given {
  return {
    'k8s.apiserver/leases': Array.from({ length: leases }, (_, index) => lease(`l${index}`)),
    'k8s.apiserver/flagz': flags === undefined ? [] : [flagz(flags)],
    'k8s.apiserver/metrics': started === undefined ? [] : [processStart(started)],
    'k8s.nodes/nodes': [node('cp')],
    'k8s.pods/pods': pods,
    'node.evidence/nodes': documents,
    'k8s.kubeadm/configmaps':
      kept === undefined
        ? []
        : [
            {
              apiVersion: 'v1',
              kind: 'ConfigMap',
              metadata: { name: 'kubeadm-config', namespace: 'kube-system' },
              clusterConfiguration: { apiServer: { extraArgs: [...kept] } },
            },
          ],
  };
}

describe('what runs against what starts it', () => {
  const at = (time: string) => Date.parse(time) / 1000;
  const shown = (all_: Told) => read(runningFlags, snapshot(world(all_))).rows.map(({ item, shown: text }) => `${item}: ${text as string}`);

  test.each<[string, Told, readonly string[]]>([
    [
      '/flagz and the static pod',
      { flags: { profiling: 'true' }, pods: [pod(['--profiling=false'])] },
      ['--profiling is true in /flagz and false in its static pod'],
    ],
    [
      'the process and the manifest of the node, without the API',
      { documents: [document([told('process', '--profiling=true'), told('manifest', '--profiling=false')])] },
      ['--profiling is true in the process that its node shows and false in the manifest on its node'],
    ],
    [
      'a manifest on the node that the kubelet has not taken',
      { flags: { profiling: 'false' }, pods: [pod(['--profiling=false'])], documents: [document([told('manifest', '--profiling=true')])] },
      ['--profiling is false in /flagz and true in the manifest on its node'],
    ],
    [
      'a unit of systemd',
      { documents: [document([told('process', '--audit-policy-file=/a'), told('unit', '--v=2')])] },
      [
        '--audit-policy-file is /a in the process that its node shows and not given in the unit on its node; --v is not given in the process that its node shows and 2 in the unit on its node',
      ],
    ],
    ['a unit whose arguments are variables says nothing', { documents: [document([told('process', '--v=1'), told('unit', '$ARGS')])] }, []],
    [
      'the process as it was before the server started anew is no contradiction',
      {
        flags: { profiling: 'false' },
        started: at('2026-09-30T12:00:00Z'),
        pods: [pod(['--profiling=false'])],
        documents: [document([told('process', '--profiling=true')])],
      },
      [''],
    ],
    [
      'nor is the manifest from before the pod was made of it',
      {
        flags: { profiling: 'false' },
        pods: [pod(['--profiling=false'], '2026-09-30T12:00:00Z')],
        documents: [document([told('manifest', '--profiling=true')])],
      },
      [''],
    ],
    ['one source alone', { flags: { profiling: 'true' } }, []],
  ])('%s', (_name, all_, texts) => {
    expect(shown(all_)).toEqual(texts.map((text) => `kube-apiserver/cp: ${text}`));
  });

  test('of several API servers, one answer is nobody’s in particular', () => {
    const { rows } = read(runningFlags, snapshot(world({ leases: 2, flags: { profiling: 'true' }, pods: [pod(['--profiling=false'])] })));
    expect(rows).toMatchObject([{ item: 'kube-apiserver/cp', differs: [], gaps: [{ detail: 'another replica may have answered' }] }]);
  });

  test('many differences are counted, not listed', () => {
    const flags = Object.fromEntries(['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((letter) => [`oidc-${letter}`, '1']));
    const args_ = Object.keys(flags).map((name) => `--${name}=2`);
    const [row] = read(runningFlags, snapshot(world({ flags, pods: [pod(args_)] }))).rows;
    expect(row?.['shown']).toMatch(/--oidc-e is 1 .*; 2 more$/);
    expect(row?.['differs']).toHaveLength(7);
  });
});

describe('what kubeadm keeps for the next upgrade', () => {
  const differs = (all_: Told) => read(kubeadmFlags, snapshot(world(all_))).rows.map((row) => row['differs']);
  test.each<[string, Told, readonly (readonly string[])[]]>([
    ['no ConfigMap', { pods: [pod(['--v=2'])] }, []],
    ['what kubeadm sets by itself', { kept: [], pods: [pod(['--etcd-servers=https://127.0.0.1:2379', '--secure-port=6443'])] }, [[]]],
    ['a flag that would go', { kept: [], pods: [pod(['--audit-policy-file=/a'])] }, [['audit-policy-file']]],
    ['a flag that would come', { kept: ['--audit-policy-file=/a'], pods: [pod([])] }, [['audit-policy-file']]],
    ['kubeadm’s own flag with another value', { kept: ['--secure-port=443'], pods: [pod(['--secure-port=6443'])] }, [['secure-port']]],
    [
      'the manifest of the node, where the API shows no pod',
      { kept: ['--v=3'], documents: [document([told('manifest', '--v=2')])] },
      [['v']],
    ],
  ])('%s', (_name, all_, expected) => {
    expect(differs(all_)).toEqual(expected);
  });
});
