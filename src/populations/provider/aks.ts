/**
 * What `az aks show` says (AKS REST reference, managedClusters), with the diagnostic settings where they were given: kube-audit-admin leaves
 * out reads, a category group may stand for categories, and a key may be the platform's (kubernetesResourceObjectEncryptionProfile).
 */
import type { Json, StoredObject } from '../../model/index.ts';
import { at, listAt, textAt } from '../../model/index.ts';
import { type ClusterFacts, flagOf, nothingSaid, nothingSaidOfPool, type PoolFacts, textsOf, tooWide } from './facts.ts';

export function readAks(answer: StoredObject, parts: readonly StoredObject[]): ClusterFacts {
  const settings = at(answer.body, 'settings');
  const whole = at(answer.body, 'whole') === true;
  const flag = (...path: readonly string[]) => flagOf(at(settings, ...path)) ?? (whole ? false : null);
  const oidc = flag('oidcIssuerProfile', 'enabled');
  const workload = flag('securityProfile', 'workloadIdentity', 'enabled');
  const locked = flag('disableLocalAccounts');
  return {
    ...nothingSaid,
    ...logs(
      parts.filter((part) => textAt(part.body, 'answer') === 'aks-diagnostics'),
      flag('aadProfile', 'managed') === true,
    ),
    ...key(settings, whole),
    ...endpoint(settings, flag('apiServerAccessProfile', 'enablePrivateCluster'), whole),
    networkPolicy: networkPolicyOf(settings, whole),
    workloadIdentity: oidc === null || workload === null ? null : oidc && workload,
    localCredentials: locked === null ? null : !locked,
    providerSignIn: flag('aadProfile', 'managed'),
    providerRbac: flag('aadProfile', 'enableAzureRbac'),
    threatDetection: flag('securityProfile', 'defender', 'securityMonitoring', 'enabled'),
    version: textAt(settings, 'currentKubernetesVersion') ?? textAt(settings, 'kubernetesVersion') ?? null,
  };
}

/** Without any setting that was given nobody knows whether there is one: an empty list names no cluster. `guard` holds sign-ins by Entra ID. */
function logs(settings: readonly StoredObject[], signsIn: boolean): Pick<ClusterFacts, 'auditLog' | 'logsOn' | 'logsOff'> {
  if (settings.length === 0) return { auditLog: null, logsOn: null, logsOff: null };
  const on = new Set<string>();
  let isUnknown = false;
  for (const { body } of settings) {
    const said = at(body, 'settings');
    const isSent = ['workspaceId', 'storageAccountId', 'eventHubAuthorizationRuleId', 'marketplacePartnerId'].some(
      (key) => (textAt(said, key) ?? '') !== '',
    );
    for (const log of isSent ? listAt(said, 'logs') : []) {
      if (at(log, 'enabled') !== true) continue;
      const group = textAt(log, 'categoryGroup')?.toLowerCase() ?? '';
      const categories = group === '' ? [textAt(log, 'category') ?? ''] : groups.get(group);
      if (categories === undefined) isUnknown = true;
      for (const category of categories ?? []) on.add(category);
    }
  }
  const recorded = on.has('kube-audit') ? 'full' : on.has('kube-audit-admin') ? 'withoutReads' : 'off';
  // A group that this version does not know may hold any category.
  if (isUnknown && recorded !== 'full') return { auditLog: null, logsOn: [...on].sort(), logsOff: null };
  return {
    auditLog: recorded,
    logsOn: [...on].sort(),
    logsOff: [...(signsIn && !on.has('guard') ? ['guard'] : []), ...(recorded === 'off' ? ['kube-audit'] : [])],
  };
}

/** Azure's groups of categories that hold the audit logs. */
const groups: ReadonlyMap<string, readonly string[]> = new Map([
  ['alllogs', ['kube-audit', 'kube-audit-admin', 'guard']],
  ['audit', ['kube-audit', 'kube-audit-admin', 'guard']],
]);

function key(settings: Json | undefined, whole: boolean): Pick<ClusterFacts, 'secretsKey' | 'keyName'> {
  const kms = at(settings, 'securityProfile', 'azureKeyVaultKms');
  const keyName = textAt(kms, 'keyId') || null;
  if (flagOf(at(kms, 'enabled')) === true) return { secretsKey: keyName === null ? null : 'customer', keyName };
  const platform = textAt(settings, 'securityProfile', 'kubernetesResourceObjectEncryptionProfile', 'infrastructureEncryption');
  if (platform === 'Enabled') return { secretsKey: 'provider', keyName: null };
  return { secretsKey: (whole && platform === undefined) || platform === 'Disabled' ? 'none' : null, keyName: null };
}

function endpoint(
  settings: Json | undefined,
  isPrivate: boolean | null,
  whole: boolean,
): Pick<ClusterFacts, 'publicEndpoint' | 'privateEndpoint' | 'allowedNetworks' | 'wideNetworks'> {
  const access = textAt(settings, 'publicNetworkAccess') ?? 'Enabled';
  const closed = access === 'Disabled';
  const ranges = textsOf(listAt(settings, 'apiServerAccessProfile', 'authorizedIpRanges'));
  const isPublic = closed || isPrivate === true ? false : isPrivate === null || access !== 'Enabled' ? null : true;
  const wide = ranges.length === 0 ? (whole ? ['all networks'] : null) : tooWide(ranges);
  return {
    publicEndpoint: isPublic,
    privateEndpoint: isPrivate,
    allowedNetworks: ranges.length === 0 ? null : ranges,
    wideNetworks: isPublic === false ? [] : access === 'Enabled' ? wide : null,
  };
}

/** Without a plugin of Azure's another one may enforce policies. */
function networkPolicyOf(settings: Json | undefined, whole: boolean): boolean | null {
  const policy = textAt(settings, 'networkProfile', 'networkPolicy') ?? '';
  if (['azure', 'calico', 'cilium'].includes(policy)) return true;
  if (textAt(settings, 'networkProfile', 'networkPlugin') === 'none') return null;
  return whole && (policy === '' || policy === 'none') ? false : null;
}

export function readAksPools(answer: StoredObject): readonly PoolFacts[] {
  const settings = at(answer.body, 'settings');
  const whole = at(answer.body, 'whole') === true;
  const channel = textAt(settings, 'autoUpgradeProfile', 'upgradeChannel');
  return listAt(settings, 'agentPoolProfiles').map((pool, index) =>
    Object.assign({}, nothingSaidOfPool, {
      name: textAt(pool, 'name') ?? String(index),
      publicAddresses: flagOf(at(pool, 'enableNodePublicIp')) ?? (whole ? false : null),
      autoUpgrade: channel === undefined ? (whole ? false : null) : channel !== 'none',
    }),
  );
}
