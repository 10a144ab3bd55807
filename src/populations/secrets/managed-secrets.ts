/**
 * What brings Secrets into the cluster instead of a person: from an external store, or decrypted from a repository. Each says itself whether
 * it could, and for how long that holds only an ExternalSecret; that a store renews its values, or who may read them there, is not seen
 * from here.
 */
import type { Gap, ListingKind, Population, Row, StoredObject } from '../../model/index.ts';
import { at, isObject, listAt, textAt } from '../../model/index.ts';
import { nameOf, resourceOf, uniqueKeys } from '../identity.ts';
import { readSeconds } from '../nodes/kubelet-settings.ts';
import { type Extension, groupListing, requireExtension } from './extensions.ts';
import { readiness } from './issued-certificates.ts';

const of = (group: string, version: string, ...resources: readonly string[]): Extension => ({
  group,
  version,
  collector: 'externalsecrets',
  listings: resources.map((resource): ListingKind => `k8s.externalsecrets/${resource}`),
});

/** Stores of the External Secrets Operator sign in with Secrets whose names are not kept. */
export const storesOfOperator = of('external-secrets.io', 'v1', 'secretstores', 'clustersecretstores');
export const sops = of('kustomize.toolkit.fluxcd.io', 'v1', 'kustomizations');
const extensions: readonly Extension[] = [
  of('external-secrets.io', 'v1', 'externalsecrets', 'secretstores', 'clustersecretstores'),
  of('secrets-store.csi.x-k8s.io', 'v1', 'secretproviderclasses'),
  of('bitnami.com', 'v1alpha1', 'sealedsecrets'),
  sops,
];
const listings = extensions.flatMap((extension) => extension.listings);

/** A Kustomization counts where it decrypts something. */
export function decrypts({ body }: StoredObject): boolean {
  return textAt(body, 'spec', 'decryption', 'provider') !== undefined;
}

type Facts = { readonly tool: string; readonly origin: string; readonly secrets: readonly string[]; readonly condition?: string };

/** By kind: the tool, where the values come from, which Secrets it makes, and the condition that says whether it did. */
const kinds: Readonly<Record<string, (object: StoredObject) => Facts>> = {
  ExternalSecret: ({ name, body }) => ({
    tool: 'External Secrets Operator',
    origin: `${textAt(body, 'spec', 'secretStoreRef', 'kind') || 'SecretStore'}/${textAt(body, 'spec', 'secretStoreRef', 'name') ?? ''}`,
    secrets: [textAt(body, 'spec', 'target', 'name') || name],
    condition: 'Ready',
  }),
  SecretStore: ({ body }) => ({ tool: 'External Secrets Operator', origin: provider(body), secrets: [], condition: 'Ready' }),
  ClusterSecretStore: ({ body }) => ({ tool: 'External Secrets Operator', origin: provider(body), secrets: [], condition: 'Ready' }),
  SecretProviderClass: ({ body }) => ({
    tool: 'Secrets Store CSI driver',
    origin: textAt(body, 'spec', 'provider') ?? '',
    secrets: listAt(body, 'spec', 'secretObjects').flatMap((each) => textAt(each, 'secretName') ?? []),
  }),
  SealedSecret: ({ name, body }) => ({
    tool: 'Sealed Secrets',
    origin: 'repository',
    secrets: [textAt(body, 'spec', 'template', 'metadata', 'name') || name],
    condition: 'Synced',
  }),
  Kustomization: ({ body }) => ({
    tool: `Flux with ${textAt(body, 'spec', 'decryption', 'provider') ?? ''}`,
    origin: `${textAt(body, 'spec', 'sourceRef', 'kind') ?? ''}/${textAt(body, 'spec', 'sourceRef', 'name') ?? ''}`,
    secrets: [],
    condition: 'Ready',
  }),
};

function provider(body: StoredObject['body']): string {
  const map = at(body, 'spec', 'provider');
  return isObject(map) ? Object.keys(map).sort().join(', ') : '';
}

const hour = 3_600_000;

/**
 * That it could says an ExternalSecret until it is looked at again, and nobody does where the operator stands still. Twice its interval and
 * an hour are given to a busy one; what is fetched once, or when it changes, says nothing later.
 * external-secrets.io/latest/api/externalsecret, `refreshInterval`, `refreshPolicy`
 */
function sayOld({ type, body }: StoredObject, item: string, at: string): readonly Gap[] {
  if (type !== 'ExternalSecret') return [];
  const interval = textAt(body, 'spec', 'refreshInterval') || '1h0m0s';
  const policy = textAt(body, 'spec', 'refreshPolicy') || 'Periodic';
  const milliseconds = (readSeconds(interval) ?? 0) * 1000;
  if (policy !== 'Periodic' || milliseconds <= 0) return [];
  const fetched = textAt(body, 'status', 'refreshTime') ?? '';
  const last = Date.parse(fetched);
  if (Date.parse(at) - last <= 2 * milliseconds + hour) return [];
  const detail = Number.isNaN(last)
    ? 'it says that it is ready, and not since when'
    : `what it says is of ${fetched.slice(0, 16)}Z, and it is to be fetched every ${interval}`;
  return [{ reason: 'stale', what: item, detail, closedBy: 'see whether the External Secrets Operator runs, and collect again' }];
}

export const managedSecrets: Population = {
  name: 'managedSecrets',
  doc: 'What brings Secrets from an external store or out of a repository, with whether it could',
  from: [groupListing],
  also: listings,
  *rows(input) {
    for (const extension of extensions) requireExtension(input, extension);
    const unique = uniqueKeys();
    for (const object of input.each(...listings)) {
      const facts = Object.hasOwn(kinds, object.type) ? kinds[object.type]?.(object) : undefined;
      if (facts === undefined || (object.type === 'Kustomization' && !decrypts(object))) continue;
      const { tool, origin, secrets, condition } = facts;
      const item = unique(nameOf(object.type, object.namespace, object.name));
      const says = condition === undefined ? { ready: false, reason: '' } : readiness(object, condition);
      const gaps = says.ready ? sayOld(object, item, input.reader.at) : [];
      const row: Row = {
        item,
        resource: resourceOf(object),
        evidence: [object.id],
        ...(gaps.length > 0 && { gaps }),
        namespace: object.namespace,
        kind: object.type,
        name: object.name,
        tool,
        origin,
        secrets,
        // Only pods ask for what has no condition of its own.
        reports: condition !== undefined,
        ...says,
      };
      yield row;
    }
  },
};
