/** What one replica answered is told apart from what another did, and from what the one behind the cluster's address did. */
import { describe, expect, test } from 'vitest';
import { declarationOf, itemsFromFile, requestsOfReplicas } from '../../src/collectors/index.ts';
import type { ListingKind } from '../../src/model/index.ts';
import { createScrubber } from '../../src/sources/index.ts';

function declared(kind: ListingKind) {
  const found = declarationOf(kind);
  if (found === undefined) throw new Error(`no ${kind}`);
  return found;
}

const flagz = {
  kind: 'Flagz',
  apiVersion: 'config.k8s.io/v1beta1',
  metadata: { name: 'kube-apiserver' },
  flags: { profiling: 'false', 'new-token': 's3cret' },
};
const page = '# TYPE x counter\nprocess_start_time_seconds 7\napiserver_audit_event_total 3\n';

describe('an answer of one replica', () => {
  test('bears its address in name and body, and keeps what any answer keeps', () => {
    const listing = declared('k8s.apiservers/flagz');
    const [request] = requestsOfReplicas(listing, ['[fd00::1]:6443']);
    if (request === undefined) throw new Error('no request');
    const [item] = listing.decode(Buffer.from(JSON.stringify(flagz)), request).items;
    if (item === undefined) throw new Error('no item');
    const { name, body } = createScrubber(listing).scrub(item);
    expect(name).toBe('kube-apiserver@[fd00::1]:6443');
    expect(body).toMatchObject({ replica: '[fd00::1]:6443', flags: { profiling: 'false' } });
    expect(JSON.stringify(body)).not.toContain('s3cret');
  });

  test('is read family by family where it is metrics', () => {
    const listing = declared('k8s.apiservers/metrics');
    const [one, two] = requestsOfReplicas(listing, ['10.0.0.1:6443', '10.0.0.2:6443']).map(
      (request) => listing.decode(Buffer.from(page), request).items,
    );
    expect([...(one ?? []), ...(two ?? [])].map((item) => [item['metadata'], item['replica']])).toEqual(
      ['10.0.0.1:6443', '10.0.0.2:6443'].flatMap((address) =>
        ['process_start_time_seconds', 'apiserver_audit_event_total'].map((name) => [{ name: `${name}@${address}` }, address]),
      ),
    );
  });

  test('is none without the address that was asked', () => {
    const listing = declared('k8s.apiservers/metrics');
    expect(() => listing.decode(Buffer.from(page), { path: '/metrics', paged: false, what: 'metrics' })).toThrow('no replica was asked');
  });
});

test('a file is filed under the listing that it came from', () => {
  const listings = (['k8s.apiserver/flagz', 'k8s.apiservers/flagz', 'k8s.apiservers/endpointslices'] as const).map(declared);
  const kinds = (object: object) => itemsFromFile(object as typeof flagz, listings)?.map(({ listing }) => listing.kind);
  expect(kinds(flagz)).toEqual(['k8s.apiserver/flagz']);
  expect(kinds({ ...flagz, replica: '10.0.0.1:6443' })).toEqual(['k8s.apiservers/flagz']);
  const slice = (name: string) => ({ kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1', metadata: { name, namespace: 'default' } });
  expect(kinds(slice('kubernetes'))).toEqual(['k8s.apiservers/endpointslices']);
  expect(kinds(slice('web'))).toEqual([]);
});
