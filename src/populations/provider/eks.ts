/**
 * What `aws eks describe-cluster` says (EKS API reference, DescribeCluster), with the cluster's add-on vpc-cni and its log group where they
 * were given: a type of log under `enabled: false` is off, and no key of the customer's is not no encryption (from 1.28 AWS documents one of
 * its own, which no answer shows).
 */
import type { StoredObject } from '../../model/index.ts';
import { at, isObject, listAt, textAt } from '../../model/index.ts';
import { type ClusterFacts, flagOf, knownOf, nothingSaid, nothingSaidOfPool, type PoolFacts, textsOf, tooWide } from './facts.ts';

const logTypes = ['api', 'audit', 'authenticator', 'controllerManager', 'scheduler'];

export function readEks(answer: StoredObject, parts: readonly StoredObject[]): ClusterFacts {
  const settings = at(answer.body, 'settings');
  const version = textAt(settings, 'version') ?? null;
  return {
    ...nothingSaid,
    ...logs(settings),
    ...key(settings, at(answer.body, 'whole') === true, version),
    ...endpoint(settings),
    logDays: daysOf(parts),
    networkPolicy: networkPolicyOf(parts),
    accessMode: knownOf(textAt(settings, 'accessConfig', 'authenticationMode'), ['API', 'API_AND_CONFIG_MAP', 'CONFIG_MAP']),
    version,
  };
}

function logs(settings: unknown): Pick<ClusterFacts, 'auditLog' | 'logsOn' | 'logsOff'> {
  if (at(settings, 'logging') === undefined) return { auditLog: null, logsOn: null, logsOff: null };
  const typesWhere = (enabled: boolean) =>
    listAt(settings, 'logging', 'clusterLogging').flatMap((group) =>
      at(group, 'enabled') === enabled ? textsOf(listAt(group, 'types')) : [],
    );
  const off = new Set(typesWhere(false));
  const on = [...new Set(typesWhere(true))].filter((type) => !off.has(type)).sort();
  return {
    auditLog: on.includes('audit') ? 'full' : 'off',
    logsOn: on,
    logsOff: [...new Set([...logTypes, ...off])].filter((type) => !on.includes(type)).sort(),
  };
}

function key(settings: unknown, whole: boolean, version: string | null): Pick<ClusterFacts, 'secretsKey' | 'keyName'> {
  const entry = listAt(settings, 'encryptionConfig').find((each) => listAt(each, 'resources').includes('secrets'));
  const arn = textAt(entry, 'provider', 'keyArn');
  if (arn !== undefined && arn !== '') {
    // The key is disabled, gone, or no longer granted: AWS says so in the health of the cluster.
    const lost = listAt(settings, 'health', 'issues').some((issue) => textAt(issue, 'code')?.startsWith('Kms') === true);
    return { secretsKey: lost ? 'changing' : 'customer', keyName: arn };
  }
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version ?? '') ?? [];
  if (!whole || major === undefined) return { secretsKey: null, keyName: null };
  return { secretsKey: Number(major) > 1 || Number(minor) >= 28 ? 'documented' : 'none', keyName: null };
}

function endpoint(settings: unknown): Pick<ClusterFacts, 'publicEndpoint' | 'privateEndpoint' | 'allowedNetworks' | 'wideNetworks'> {
  const vpc = at(settings, 'resourcesVpcConfig');
  const publicEndpoint = flagOf(at(vpc, 'endpointPublicAccess'));
  const allowed = isObject(vpc) && Object.hasOwn(vpc, 'publicAccessCidrs') ? textsOf(listAt(vpc, 'publicAccessCidrs')) : null;
  return {
    publicEndpoint,
    privateEndpoint: flagOf(at(vpc, 'endpointPrivateAccess')),
    allowedNetworks: allowed,
    wideNetworks: publicEndpoint === false ? [] : allowed === null ? null : allowed.length === 0 ? ['all networks'] : tooWide(allowed),
  };
}

/** Of the log group that the control plane writes to. */
function daysOf(parts: readonly StoredObject[]): number | null {
  const group = parts.find((part) => textAt(part.body, 'answer') === 'eks-log-group');
  if (group === undefined) return null;
  const days = at(group.body, 'settings', 'retentionInDays');
  return typeof days === 'number' ? days : 0;
}

/** Another network plugin may enforce policies, so an add-on that does not is no answer. */
function networkPolicyOf(parts: readonly StoredObject[]): boolean | null {
  const cni = parts.find((part) => textAt(part.body, 'settings', 'addonName') === 'vpc-cni');
  const given = textAt(cni?.body, 'settings', 'configurationValues');
  if (given === undefined || textAt(cni?.body, 'settings', 'status') !== 'ACTIVE') return null;
  return /(^|[\s{,"'])enableNetworkPolicy["']?\s*:\s*["']?true["']?\s*([,}\n]|$)/.test(given) ? true : null;
}

/** Node groups that were given; what CIS asks of them stands on the nodes themselves. */
export function readEksPools(parts: readonly StoredObject[]): readonly PoolFacts[] {
  return parts.flatMap(({ body }) => {
    const name = textAt(body, 'settings', 'nodegroupName');
    return name === undefined ? [] : [{ ...nothingSaidOfPool, name }];
  });
}
