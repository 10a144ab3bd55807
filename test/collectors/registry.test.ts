import { describe, expect, test } from 'vitest';
import { collectorOf, collectors, declarationOf, declarations, enabledCollectors, optionsOf, whatOf } from '../../src/collectors/index.ts';
import type { CollectorOptions } from '../../src/model/index.ts';

const asked: CollectorOptions = { namespaces: ['a'], startedAt: '2026-03-01T12:00:00.000Z' };

const listings = collectors.flatMap((collector) => collector.listings.map((listing) => ({ collector, listing })));

test('kinds are unique and lie under their collector', () => {
  expect(new Set(listings.map(({ listing }) => listing.kind)).size).toBe(listings.length);
  for (const { collector, listing } of listings) {
    expect(listing.kind.startsWith(`${collector.kind}/`)).toBe(true);
    expect(declarationOf(listing.kind)).toBe(listing);
    expect(collectorOf(listing.kind)).toBe(collector);
  }
});

test('Secrets are off unless they are asked for', () => {
  const kinds = (settings: Parameters<typeof declarations>[0]) => declarations(settings).map(({ kind }) => kind);
  expect(kinds({})).not.toContain('k8s.secrets/secrets');
  expect(kinds({ secrets: true })).toContain('k8s.secrets/secrets');
  expect(kinds({ secrets: { namespaces: ['a'] } })).toContain('k8s.secrets/secrets');
  expect(kinds({ 'k8s.secrets': { enabled: false } })).not.toContain('k8s.secrets/secrets');
  expect(kinds({ pods: false })).not.toContain('k8s.pods/pods');
  const secrets = enabledCollectors({ secrets: { namespaces: ['a', 'b'] } }).find(({ kind }) => kind === 'k8s.secrets');
  expect(secrets && optionsOf(secrets, { secrets: { namespaces: ['a', 'b'] } })).toEqual({ enabled: true, namespaces: ['a', 'b'] });
});

test('what holds credentials, or is in few clusters, is off unless it is asked for', () => {
  const off = collectors.filter(({ optIn }) => optIn === true).map(({ kind }) => kind);
  expect(off).toEqual(expect.arrayContaining(['k8s.secrets', 'k8s.configmaps', 'k8s.certmanager', 'k8s.externalsecrets']));
  const asked = declarations({ configmaps: { namespaces: ['a', 'b'] } }).find(({ kind }) => kind === 'k8s.configmaps/configmaps');
  expect(asked?.requests({ namespaces: ['a', 'b'] }).map(({ path }) => path)).toEqual([
    '/api/v1/namespaces/a/configmaps',
    '/api/v1/namespaces/b/configmaps',
  ]);
  expect(asked?.requests({}).map(({ path }) => path)).toEqual(['/api/v1/configmaps']);
});

test('Secrets are asked as a Table only, without objects and without a second media type', () => {
  for (const { listing } of listings.filter(({ collector }) => collector.kind === 'k8s.secrets')) {
    const inBoth: CollectorOptions = { ...asked, namespaces: ['a', 'b'] };
    const requests = listing.requests(inBoth);
    expect(requests.map(({ what }) => what)).toEqual(['secrets in a', 'secrets in b']);
    for (const request of requests) {
      expect(request.accept).toBe('application/json;as=Table;g=meta.k8s.io;v=v1');
      expect(request.query?.['includeObject']).toBe('None');
    }
    expect(listing.requests({})).toEqual([]);
  }
});

test('which legacy tokens were used lately is asked by the days, and not at all where they are not known', () => {
  const listing = declarationOf('k8s.secrets/legacy-token-used-lately');
  const selector = listing?.requests(asked)[0]?.query?.['labelSelector'] ?? '';
  const days = /^kubernetes\.io\/legacy-token-last-used in \((.*)\)$/.exec(selector)?.[1]?.split(',') ?? [];
  expect([days[0], days.at(-1), days.length, new Set(days).size]).toEqual(['2026-03-02', '2026-01-30', 32, 32]);
  expect(listing?.requests({ namespaces: ['a'] })).toEqual([]);
});

describe.each(listings.map(({ listing }) => [listing.kind, listing] as const))('%s', (_kind, listing) => {
  test('declares the rights that its requests need, and no more', () => {
    const requests = listing.requests(asked);
    expect(listing.needs.every((rule) => rule.verb === 'get' || rule.verb === 'list')).toBe(true);
    expect(listing.needs.some((rule) => rule.resource === '*' || rule.apiGroup === '*')).toBe(false);
    expect(requests.length === 0).toBe(listing.needs.length === 0);
    expect(listing.withoutIt).not.toBe('');
    expect(whatOf(listing)).not.toBe('');
    for (const request of requests) {
      expect(request.accept ?? 'application/json').not.toContain(',');
      const resource = listing.needs[0]?.resource;
      expect(resource === undefined ? request.path === listing.needs[0]?.nonResourceURL : request.path.includes(`/${resource}`)).toBe(true);
    }
  });

  test('its keep-list says each path once', () => {
    const paths = listing.keep.map((entry) => (typeof entry === 'string' ? entry : entry.path));
    expect(new Set(paths).size).toBe(paths.length);
    // Secrets have no annotations here, and no listing keeps the one that repeats whole objects.
    expect(paths.some((path) => path.includes('managedFields') || path === 'metadata' || path === 'data' || path === 'spec')).toBe(
      listing.kind.endsWith('/configmaps'),
    );
    expect(listing.keep.some((entry) => entry === 'data' || entry === 'binaryData')).toBe(false);
  });
});
