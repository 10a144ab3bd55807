/** What answers of any provider say of a cluster and of its node pools, in one form. Null is what the answer does not say: never a verdict. */
import type { Json } from '../../model/index.ts';

export interface ClusterFacts {
  /** `full`, `withoutReads` (gets and lists are left out) or `off`. */
  readonly auditLog: 'full' | 'withoutReads' | 'off' | null;
  /** Logs of the control plane that are delivered, and those that could be and are not; by the provider's names. */
  readonly logsOn: readonly string[] | null;
  readonly logsOff: readonly string[] | null;
  /** Days for which the provider keeps them where they are delivered to; 0: for ever. */
  readonly logDays: number | null;
  /**
   * Whose key encrypts Secrets in etcd; `changing` while that is being changed, or failed to; `documented` where no answer shows the
   * provider's own key, and its documentation promises one.
   */
  readonly secretsKey: 'customer' | 'provider' | 'documented' | 'none' | 'changing' | null;
  readonly keyName: string | null;
  readonly publicEndpoint: boolean | null;
  readonly privateEndpoint: boolean | null;
  /** Networks that reach a public endpoint; null where every one does, or nobody knows. */
  readonly allowedNetworks: readonly string[] | null;
  /** Of those, what is so large that it is no restriction; `all networks` where there is none. */
  readonly wideNetworks: readonly string[] | null;
  readonly networkPolicy: boolean | null;
  readonly workloadIdentity: boolean | null;
  /** EKS: how people and machines are mapped to Kubernetes. */
  readonly accessMode: string | null;
  /** A credential of the cluster itself can be had beside the provider's sign-in. */
  readonly localCredentials: boolean | null;
  readonly providerSignIn: boolean | null;
  readonly providerGroups: boolean | null;
  readonly providerRbac: boolean | null;
  readonly legacyAbac: boolean | null;
  readonly releaseChannel: string | null;
  readonly shieldedNodes: boolean | null;
  readonly imagePolicy: string | null;
  readonly intranodeVisibility: boolean | null;
  readonly posture: string | null;
  readonly threatDetection: boolean | null;
  readonly version: string | null;
}

/** Where an answer says nothing. */
export const nothingSaid: ClusterFacts = {
  auditLog: null,
  logsOn: null,
  logsOff: null,
  logDays: null,
  secretsKey: null,
  keyName: null,
  publicEndpoint: null,
  privateEndpoint: null,
  allowedNetworks: null,
  wideNetworks: null,
  networkPolicy: null,
  workloadIdentity: null,
  accessMode: null,
  localCredentials: null,
  providerSignIn: null,
  providerGroups: null,
  providerRbac: null,
  legacyAbac: null,
  releaseChannel: null,
  shieldedNodes: null,
  imagePolicy: null,
  intranodeVisibility: null,
  posture: null,
  threatDetection: null,
  version: null,
};

export interface PoolFacts {
  readonly name: string;
  readonly publicAddresses: boolean | null;
  readonly autoRepair: boolean | null;
  readonly autoUpgrade: boolean | null;
  readonly integrityMonitoring: boolean | null;
  readonly secureBoot: boolean | null;
  readonly metadataShielded: boolean | null;
  /** The account that nodes have; `default` is one that much else uses too. */
  readonly account: string | null;
  readonly defaultAccount: boolean | null;
  readonly bootDiskKey: string | null;
  readonly ownBootDiskKey: boolean | null;
}

export const nothingSaidOfPool: Omit<PoolFacts, 'name'> = {
  publicAddresses: null,
  autoRepair: null,
  autoUpgrade: null,
  integrityMonitoring: null,
  secureBoot: null,
  metadataShielded: null,
  account: null,
  defaultAccount: null,
  bootDiskKey: null,
  ownBootDiskKey: null,
};

/**
 * Networks that hold more than a /8 (or a /16 of IPv6): a list of them restricts nobody, also when it is the Internet in two halves. Null
 * where none does and one is no network: a name (a service tag of Azure) stands for networks that only the provider knows.
 */
export function tooWide(networks: readonly string[]): readonly string[] | null {
  const wide = networks.filter((network) => {
    const [address = '', length] = network.split('/');
    if (!isAddress(address) || length === undefined) return false;
    const bits = Number(length);
    return !/^\d{1,3}$/.test(length) || bits < (address.includes(':') ? 16 : 8);
  });
  return wide.length > 0 || networks.every((network) => isAddress(network.split('/')[0] ?? '')) ? wide : null;
}

function isAddress(text: string): boolean {
  return /^\d{1,3}(?:\.\d{1,3}){3}$|^[\da-f.]*:[\da-f:.]*$/i.test(text);
}

export function textsOf(list: readonly Json[]): readonly string[] {
  return list.filter((entry) => typeof entry === 'string');
}

/** One of the values that are known; a newer one is no verdict. */
export function knownOf(value: string | null | undefined, known: readonly string[]): string | null {
  return value !== null && value !== undefined && known.includes(value) ? value : null;
}

export const flagOf = (value: Json | undefined): boolean | null => (typeof value === 'boolean' ? value : null);
