/** Where credentials stand in annotations: read as people write it, and never two places under one key. */
import { expect, test } from 'vitest';
import { annotationCredentials } from '../../../src/populations/secrets/literal-credentials.ts';
import { read, snapshot, type Given } from '../snapshots.ts';

const nothing = Object.fromEntries(annotationCredentials.from.map((kind) => [kind, []])) as Given;
const withCredentials = (...keys: readonly string[]) =>
  Object.fromEntries(keys.map((key) => [key, { $scrubbed: true, credential: 'rule' }]));
const deployment = (name: string, annotations: object, ofTemplate: object = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'shop', uid: `uid of ${name}`, annotations },
  spec: { template: { metadata: { annotations: ofTemplate }, spec: { containers: [{ name: 'app', image: 'app' }] } } },
});
const items = (...deployments: readonly ReturnType<typeof deployment>[]) =>
  read(annotationCredentials, snapshot({ ...nothing, 'k8s.workloads/deployments': deployments } as Given)).rows.map(({ item }) => item);

test('are named by namespace, kind, name and annotation, as they are written', () => {
  const key = 'kubectl.kubernetes.io/last-applied-configuration';
  expect(items(deployment('web', withCredentials(key, 'plain'), withCredentials('example.com/hook')))).toEqual([
    'shop/pods of Deployment/web/example.com/hook',
    `shop/Deployment/web/${key}`,
    'shop/Deployment/web/plain',
  ]);
});

test('are found each, whatever names files give', () => {
  // Of a name with a slash the API knows nothing, but files may have one.
  const found = items(deployment('web', withCredentials('a/b', 'a%2Fb', 'a|b')), deployment('web/a', withCredentials('b')));
  expect(found).toEqual([
    'shop/Deployment/web/a/b',
    'shop/Deployment/web/a%252Fb',
    'shop/Deployment/web/a%7Cb',
    'shop/Deployment/web%2Fa/b',
  ]);
  const templates = items(deployment('web', {}, withCredentials('a/b')), deployment('web/a', {}, withCredentials('b')));
  expect(new Set(templates).size).toBe(2);
});
