import { expect, test } from 'vitest';
import type { JsonObject } from '../../../src/model/index.ts';
import { legacyTokens } from '../../../src/populations/access/legacy-tokens.ts';
import { type Given, read, snapshot } from '../snapshots.ts';

const token = (name: string): JsonObject => ({
  apiVersion: 'kubevidence/v1',
  kind: 'SecretSummary',
  metadata: { name, namespace: 'ci' },
  type: 'kubernetes.io/service-account-token',
  keys: 3,
});
const tracking: JsonObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'kube-apiserver-legacy-service-account-token-tracking', namespace: 'kube-system' },
  data: { since: '2025-03-01' },
};
const all: Given = { 'k8s.secrets/service-account-tokens': [token('t')] };
const never: Given = { ...all, 'k8s.secrets/legacy-token-last-used': [] };
const used: Given = { ...all, 'k8s.secrets/legacy-token-last-used': [token('t')] };

test.each<[string, Given]>([
  ['unknown', all],
  ['never', never],
  ['never since 2025-03-01', { ...never, 'k8s.kubeadm/configmaps': [tracking] }],
  // An older recording did not ask for the days.
  ['at some time', used],
  ['more than 30 days ago', { ...used, 'k8s.secrets/legacy-token-used-lately': [] }],
  ['within the last 30 days', { ...used, 'k8s.secrets/legacy-token-used-lately': [token('t')] }],
])('used %s', (lastUse, given) => {
  expect(read(legacyTokens, snapshot(given)).rows.map((row) => row['lastUse'])).toEqual([lastUse]);
});

test('files say nothing of the last days', () => {
  const reader = snapshot({ ...used, 'k8s.secrets/legacy-token-used-lately': [] }, { scope: 'files' });
  expect(read(legacyTokens, reader).rows.map((row) => row['lastUse'])).toEqual(['at some time']);
});
