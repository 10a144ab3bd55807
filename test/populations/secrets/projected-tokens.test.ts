import { expect, test } from 'vitest';
import type { Json, JsonObject } from '../../../src/model/index.ts';
import { projectedTokens } from '../../../src/populations/secrets/projected-tokens.ts';
import { podListings } from '../../../src/populations/workloads/pod-specs.ts';
import { type Given, read, snapshot } from '../snapshots.ts';

const token = (more: JsonObject): JsonObject => ({ serviceAccountToken: { path: 'token', ...more } });
const volume = (name: string, ...sources: Json[]): JsonObject => ({ name, projected: { sources } });
const pod = (name: string, volumes: Json): JsonObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', uid: name, ownerReferences: [{ kind: 'StatefulSet', name: 'web', uid: 's', controller: true }] },
  spec: { serviceAccountName: 'web', volumes },
});

test('what a pod asks for itself, once for its workload, and not what the API server adds', () => {
  const volumes = [
    volume('vault', token({ audience: 'vault', expirationSeconds: 7200 }), { configMap: { name: 'ca' } }),
    volume('plain', token({})),
    volume('kube-api-access-x7k2p', token({ expirationSeconds: 3607 })),
    // Of that name, but for longer: somebody else's.
    volume('kube-api-access-aaaaa', token({ expirationSeconds: 99_999 })),
    { name: 'other', emptyDir: {} },
  ];
  const given = Object.fromEntries(podListings.map((kind) => [kind, []])) as Given;
  const { rows } = read(projectedTokens, snapshot({ ...given, 'k8s.pods/pods': [pod('web-0', volumes), pod('web-1', volumes)] }));
  expect(rows.map(({ item, seconds, audience }) => [item, seconds, audience])).toEqual([
    ['shop/StatefulSet/web/vault/token', 7200, 'vault'],
    ['shop/StatefulSet/web/plain/token', 3600, ''],
    ['shop/StatefulSet/web/kube-api-access-aaaaa/token', 99_999, ''],
  ]);
});
