/** What populations hold from one snapshot to the next, of objects that are the very same in both: it follows from more than the object. */
import { expect, test } from 'vitest';
import type { EvidenceReader, Gap, JsonObject, ListingKind, Population, PopulationInput } from '../../src/model/index.ts';
import { auditPolicyRequests } from '../../src/populations/audit/audit-policies.ts';
import { readOnce } from '../../src/populations/read-once.ts';
import { podAdmission } from '../../src/populations/workloads/pod-admission.ts';
import { podGuards } from '../../src/populations/workloads/pod-guards.ts';
import { flagz, type Given, lease, read, snapshot } from './snapshots.ts';

/** Reads it, with objects of this kind as another snapshot has them. */
function holding(of: EvidenceReader, kind: ListingKind, from: EvidenceReader): EvidenceReader {
  return { ...of, objects: (each) => (each === kind ? from : of).objects(each) };
}

const none = Object.fromEntries(podAdmission.from.map((kind) => [kind, []]));
const shop: JsonObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: { tier: 'web' } } };
const pod: JsonObject = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'shop' }, spec: {} };
const plain: Given = { ...none, 'k8s.namespaces/namespaces': [shop], 'k8s.apiserver/leases': [lease('a')] };

function rowsOverTime(population: Population, ...given: readonly Given[]) {
  const snapshots = given.map((each) => snapshot(each));
  const [first] = snapshots as [EvidenceReader];
  return snapshots.map((each) => read(population, holding(each, 'k8s.namespaces/namespaces', first)).rows[0]);
}

test('a namespace tells of its workloads and of the file of the API server as they are now', () => {
  const filed = { ...plain, 'k8s.apiserver/flagz': [flagz({ 'admission-control-config-file': '/a.yaml' })] };
  const rows = rowsOverTime(podAdmission, plain, { ...plain, 'k8s.pods/pods': [pod] }, filed, plain);
  expect(rows.map((row) => [row?.['hasWorkloads'], row?.gaps?.length, row?.['enforces']])).toEqual([
    [false, undefined, ''],
    [true, undefined, ''],
    [false, 1, undefined],
    [false, undefined, ''],
  ]);
});

test('a namespace tells whether its label is heeded now, and what shows that it is not', () => {
  const labelled = { ...shop, metadata: { name: 'shop', labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } };
  const heeded = { ...plain, 'k8s.namespaces/namespaces': [labelled] };
  const disabled = { ...heeded, 'k8s.apiserver/flagz': [flagz({ 'disable-admission-plugins': '[PodSecurity]' })] };
  const rows = rowsOverTime(podAdmission, heeded, disabled, heeded);
  expect(rows.map((row) => [row?.['enforces'], row?.evidence.length])).toEqual([
    ['restricted', 1],
    ['', 3],
    ['restricted', 1],
  ]);
});

test('a namespace tells of the guards that reach it now', () => {
  const hook = (failurePolicy: string, tier: string): Given => ({
    ...plain,
    'k8s.admission/mutatingwebhookconfigurations': [],
    'k8s.admission/validatingwebhookconfigurations': [
      {
        apiVersion: 'v1',
        kind: 'ValidatingWebhookConfiguration',
        metadata: { name: 'hook' },
        webhooks: [
          {
            name: 'x',
            failurePolicy,
            namespaceSelector: { matchLabels: { tier } },
            rules: [{ apiGroups: [''], resources: ['pods'], operations: ['CREATE'] }],
          },
        ],
      },
    ],
  });
  const guard = 'ValidatingWebhookConfiguration/hook/x';
  const rows = rowsOverTime(podGuards, hook('Fail', 'web'), hook('Ignore', 'web'), hook('Fail', 'db'), hook('Fail', 'web'));
  expect(rows.map((row) => row?.['guards'])).toEqual([[guard], [], [], [guard]]);
  expect(rows.map((row) => row?.evidence.length)).toEqual([2, 1, 1, 2]);
});

test('an audit policy is told under the name that it has among the others', () => {
  const policy = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', metadata: { name: 'p' }, rules: [{ level: 'Metadata' }] };
  const all = snapshot({ 'files.audit-policy/policies': [policy, { ...policy, rules: [{ level: 'None' }] }] });
  const [, second] = [...all.objects('files.audit-policy/policies')];
  const itemsOf = (reader: EvidenceReader) => read(auditPolicyRequests, reader).rows.map(({ item }) => item.split('/')[0]);
  expect(new Set(itemsOf(all))).toEqual(new Set(['p', 'p#2']));
  expect(new Set(itemsOf({ ...all, objects: () => (second === undefined ? [] : [second]) }))).toEqual(new Set(['p']));
});

test('what is read once is said to everybody who asks, and read again at another time', () => {
  let times = 0;
  const count = readOnce((input) => {
    times += 1;
    input.gap({ reason: 'absent', what: 'something' });
    return [...input.each('k8s.pods/pods')].length + (input.listing('k8s.nodes/nodes') === undefined ? 0 : 1);
  });
  const reader = snapshot({ ...plain, 'k8s.pods/pods': [pod] });
  const ask = (of: EvidenceReader) => {
    const [gaps, kinds]: [Gap[], ListingKind[]] = [[], []];
    const input: PopulationInput = {
      reader: of,
      techniques: [],
      each(...asked) {
        kinds.push(...asked);
        return asked.flatMap((kind) => Array.from(of.objects(kind)));
      },
      listing(kind) {
        kinds.push(kind);
        return of.listing(kind);
      },
      cite: () => undefined,
      gap: (gap) => gaps.push(gap),
    };
    return { value: count(input), gaps: gaps.length, kinds: [...new Set(kinds)] };
  };
  const told = { value: 1, gaps: 1, kinds: ['k8s.pods/pods', 'k8s.nodes/nodes'] };
  expect([ask(reader), ask(reader), times]).toEqual([told, told, 1]);
  const moving = { ...reader, at: '2026-10-01T12:00:00.000Z' };
  ask(moving);
  moving.at = '2026-10-01T13:00:00.000Z';
  expect([ask(moving), times]).toEqual([told, 3]);
});
