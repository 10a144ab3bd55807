/**
 * Which tools bring Secrets from an external store, told by the API groups that they install and by what pods ask for; and the inventory
 * of Secrets with those that such a tool keeps. Nothing of a store itself is read, and a tool that marks nothing is not seen.
 */
import type { ListingKind, Population, StoredObject } from '../../model/index.ts';
import { listAt, textAt } from '../../model/index.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';
import { ofPart, readPodParts } from '../workloads/pod-parts.ts';
import { ofPod, podListings } from '../workloads/pod-specs.ts';
import { decrypts, sops } from './managed-secrets.ts';

/** API group → tool. */
const tools: Readonly<Record<string, string>> = {
  'external-secrets.io': 'External Secrets Operator',
  'onepassword.com': '1Password Operator',
  'secrets-store.csi.x-k8s.io': 'Secrets Store CSI driver',
  'secrets.doppler.com': 'Doppler Operator',
  'secrets.hashicorp.com': 'Vault Secrets Operator',
  'secrets.infisical.com': 'Infisical Operator',
};
/** Tools that keep Secrets encrypted in a repository: no store outside the cluster, but nobody types a value either. */
const sealing: Readonly<Record<string, string>> = { 'bitnami.com': 'Sealed Secrets', 'isindir.github.com': 'SOPS Secrets Operator' };
const injected = 'vault.hashicorp.com/agent-inject';

interface Use {
  /** `Secrets Store CSI driver`, `Vault Agent Injector`. */
  readonly tool: string;
  /** The pod that takes something of its store. */
  readonly key: string;
  readonly id: string;
}

const none: readonly Use[] = [];

const usesOf = ofPod(({ key, object: { id }, spec, metadata }): readonly Use[] => {
  const mounts = listAt(spec, 'volumes').some((volume) => textAt(volume, 'csi', 'driver') === 'secrets-store.csi.k8s.io');
  const injects = textAt(metadata, 'annotations', injected) === 'true';
  if (!mounts && !injects) return none;
  return [
    ...(mounts ? [{ tool: 'Secrets Store CSI driver', key, id }] : []),
    ...(injects ? [{ tool: 'Vault Agent Injector', key, id }] : []),
  ];
});

const usesIn = ofPart(({ pods }): readonly Use[] => pods.flatMap(usesOf));

export const secretStores: Population = {
  name: 'secretStores',
  doc: 'The cluster, with the tools for external secret stores that are recognised in it',
  from: ['k8s.cluster/identity', 'k8s.cluster/groups', ...podListings],
  // Flux decrypts where somebody says so; that is seen only where its objects are collected.
  also: sops.listings,
  *rows(input) {
    const evidence: string[] = [];
    const found = new Set<string>();
    const sealed = new Set<string>();
    const note = (into: Set<string>, tool: string, id: string) => {
      if (!into.has(tool)) evidence.push(id);
      into.add(tool);
    };
    for (const group of input.each('k8s.cluster/groups')) {
      const tool = Object.hasOwn(tools, group.name) ? tools[group.name] : undefined;
      if (tool !== undefined) note(found, tool, group.id);
      const sealer = Object.hasOwn(sealing, group.name) ? sealing[group.name] : undefined;
      if (sealer !== undefined) note(sealed, sealer, group.id);
    }
    for (const object of input.each(...sops.listings)) if (decrypts(object)) note(sealed, 'Flux with SOPS', object.id);
    let users = 0;
    // One example of each is evidence enough: the first by its key.
    const examples = new Map<string, Use>();
    for (const part of readPodParts(input))
      for (const use of usesIn(part)) {
        const { tool, key } = use;
        if (!found.has(tool) && key < (examples.get(tool)?.key ?? '\uffff')) examples.set(tool, use);
        users += 1;
      }
    for (const { tool, id } of [...examples.values()].sort((a, b) => (a.tool < b.tool ? -1 : 1))) {
      evidence.push(id);
      found.add(tool);
    }
    const unique = uniqueKeys();
    for (const object of input.each('k8s.cluster/identity')) {
      yield {
        item: unique('cluster'),
        resource: resourceOf(object),
        evidence: [object.id, ...evidence],
        tools: [...found].sort(),
        sealed: [...sealed].sort(),
        users,
      };
    }
  },
};

/** Secrets that a tool labels as its own. */
const kept: readonly ListingKind[] = ['k8s.secrets/external-secrets', 'k8s.secrets/secrets-store', 'k8s.secrets/vault-secrets'];

const day = 86_400_000;

/** Of the months that hold the creation, the latest moment counts: a Secret is at least so old. */
function ageOf({ body }: StoredObject, now: number) {
  const before = listAt(body, 'createdBetween')[1];
  const latest = typeof before === 'string' ? Date.parse(before) : Number.NaN;
  if (typeof before !== 'string' || Number.isNaN(latest)) return { ageKnown: false, ageDays: 0, createdBefore: '' };
  return { ageKnown: true, ageDays: Math.max(0, Math.floor((now - latest) / day)), createdBefore: before.slice(0, 10) };
}

export const secrets: Population = {
  name: 'secrets',
  doc: 'A Secret of the inventory, with its type, its age, and whether a tool for an external store keeps it',
  from: ['k8s.secrets/secrets', ...kept],
  *rows(input) {
    const key = (namespace: string, name: string) => `${segment(namespace)}/${segment(name)}`;
    const external = new Map<string, string>();
    for (const { id, namespace, name } of input.each(...kept)) external.set(key(namespace, name), id);
    const unique = uniqueKeys();
    for (const object of input.each('k8s.secrets/secrets')) {
      const keeper = external.get(key(object.namespace, object.name));
      yield {
        item: unique(key(object.namespace, object.name)),
        resource: resourceOf(object),
        evidence: keeper === undefined ? [object.id] : [...new Set([object.id, keeper])],
        namespace: object.namespace,
        secret: `${object.namespace}/${object.name}`,
        type: textAt(object.body, 'type') ?? '',
        external: keeper !== undefined,
        ...ageOf(object, Date.parse(input.reader.at)),
      };
    }
  },
};
