/**
 * What `gcloud container clusters describe` says (GKE API reference, projects.locations.clusters). Its JSON leaves out what is false, so
 * in an answer that is whole an absent flag is off. `currentState` of the encryption is the fact, `state` the intent; newer clusters have
 * their endpoints under controlPlaneEndpointsConfig, and Dataplane V2 enforces network policies while networkPolicy says disabled.
 */
import type { Json, StoredObject } from '../../model/index.ts';
import { at, isObject, listAt, textAt } from '../../model/index.ts';
import { type ClusterFacts, flagOf, knownOf, nothingSaid, type PoolFacts, textsOf, tooWide } from './facts.ts';

type Flag = (...path: readonly string[]) => boolean | null;

function flagReader(settings: Json | undefined, whole: boolean): Flag {
  return (...path) => flagOf(at(settings, ...path)) ?? (whole ? false : null);
}

export function readGke(answer: StoredObject): ClusterFacts {
  const settings = at(answer.body, 'settings');
  const whole = at(answer.body, 'whole') === true;
  const flag = flagReader(settings, whole);
  const text = (...path: readonly string[]) => textAt(settings, ...path) ?? (whole ? '' : null);
  const channel = text('releaseChannel', 'channel');
  const posture = text('securityPostureConfig', 'mode');
  const pool = text('workloadIdentityConfig', 'workloadPool');
  return {
    ...nothingSaid,
    ...key(settings),
    ...endpoint(settings, whole),
    ...logs(settings, whole),
    networkPolicy: networkPolicyOf(settings, flag, whole),
    workloadIdentity: pool === null ? null : pool !== '',
    localCredentials: at(answer.body, 'issued') === true || flag('masterAuth', 'clientCertificateConfig', 'issueClientCertificate'),
    providerSignIn: null,
    providerGroups: flag('authenticatorGroupsConfig', 'enabled'),
    legacyAbac: flag('legacyAbac', 'enabled'),
    releaseChannel: channel === 'UNSPECIFIED' ? '' : channel,
    shieldedNodes: flag('shieldedNodes', 'enabled'),
    imagePolicy: imagePolicyOf(settings, whole),
    intranodeVisibility: flag('networkConfig', 'enableIntraNodeVisibility'),
    posture: posture === 'DISABLED' || posture === 'MODE_UNSPECIFIED' ? '' : knownOf(posture, ['', 'BASIC', 'ENTERPRISE']),
    version: textAt(settings, 'currentMasterVersion') ?? null,
  };
}

function logs(settings: Json | undefined, whole: boolean): Pick<ClusterFacts, 'logsOn' | 'logsOff'> {
  const components = (config: string) => textsOf(listAt(settings, config, 'componentConfig', 'enableComponents'));
  if (!whole && at(settings, 'loggingConfig') === undefined) return { logsOn: null, logsOff: null };
  const logging = components('loggingConfig');
  const wanted = ['SYSTEM_COMPONENTS logs', 'SYSTEM_COMPONENTS metrics'];
  const on = [...logging.map((each) => `${each} logs`), ...components('monitoringConfig').map((each) => `${each} metrics`)].sort();
  return { logsOn: on, logsOff: wanted.filter((each) => !on.includes(each)) };
}

function key(settings: Json | undefined): Pick<ClusterFacts, 'secretsKey' | 'keyName'> {
  const keyName = textAt(settings, 'databaseEncryption', 'keyName') || null;
  const current = textAt(settings, 'databaseEncryption', 'currentState')?.replace(/^CURRENT_STATE_/, '');
  const state = current === undefined || current === 'UNSPECIFIED' ? textAt(settings, 'databaseEncryption', 'state') : current;
  if (state === undefined || state === 'UNKNOWN') return { secretsKey: null, keyName };
  if (state === 'ENCRYPTED' || state === 'ALL_OBJECTS_ENCRYPTION_ENABLED')
    return { secretsKey: keyName === null ? null : 'customer', keyName };
  if (state === 'DECRYPTED') return { secretsKey: 'none', keyName };
  // A state that this version does not know is no verdict.
  return { secretsKey: /_(PENDING|ERROR)$/.test(state) ? 'changing' : null, keyName };
}

function endpoint(
  settings: Json | undefined,
  whole: boolean,
): Pick<ClusterFacts, 'publicEndpoint' | 'privateEndpoint' | 'allowedNetworks' | 'wideNetworks'> {
  const control = at(settings, 'controlPlaneEndpointsConfig');
  const ip = at(control, 'ipEndpointsConfig');
  const ipOn = isObject(ip) ? (flagOf(at(ip, 'enabled')) ?? true) : true;
  const privateOnly = flagOf(at(settings, 'privateClusterConfig', 'enablePrivateEndpoint'));
  const publicIp = isObject(ip)
    ? ipOn && flagOf(at(ip, 'enablePublicEndpoint')) === true
    : privateOnly === null
      ? whole
        ? true
        : null
      : !privateOnly;
  const dns = flagOf(at(control, 'dnsEndpointConfig', 'allowExternalTraffic')) === true;
  if (publicIp === null) return { publicEndpoint: dns ? true : null, privateEndpoint: null, allowedNetworks: null, wideNetworks: null };
  const authorized =
    at(ip, 'authorizedNetworksConfig', 'enabled') === undefined
      ? at(settings, 'masterAuthorizedNetworksConfig')
      : at(ip, 'authorizedNetworksConfig');
  const isRestricted = flagOf(at(authorized, 'enabled')) === true;
  const allowed = isRestricted ? listAt(authorized, 'cidrBlocks').flatMap((block) => textAt(block, 'cidrBlock') ?? []) : null;
  const wide = !publicIp ? [] : allowed === null ? ['all networks'] : tooWide(allowed);
  return {
    publicEndpoint: publicIp || dns,
    privateEndpoint: null,
    allowedNetworks: allowed,
    // Who may sign in reaches it from everywhere, past the list of networks.
    wideNetworks: dns ? [...(wide ?? []), 'all networks by the DNS endpoint'] : wide,
  };
}

function networkPolicyOf(settings: Json | undefined, flag: Flag, whole: boolean): boolean | null {
  const datapath = textAt(settings, 'networkConfig', 'datapathProvider') ?? 'LEGACY_DATAPATH';
  if (datapath === 'ADVANCED_DATAPATH') return true;
  if (datapath !== 'LEGACY_DATAPATH' && datapath !== 'DATAPATH_PROVIDER_UNSPECIFIED') return null;
  const enabled = flag('networkPolicy', 'enabled');
  if (enabled !== true) return enabled;
  const disabled = flagOf(at(settings, 'addonsConfig', 'networkPolicyConfig', 'disabled'));
  return disabled === null ? (whole ? true : null) : !disabled;
}

const imagePolicies = ['PROJECT_SINGLETON_POLICY_ENFORCE', 'POLICY_BINDINGS', 'POLICY_BINDINGS_AND_PROJECT_SINGLETON_POLICY_ENFORCE'];

function imagePolicyOf(settings: Json | undefined, whole: boolean): string | null {
  const mode = textAt(settings, 'binaryAuthorization', 'evaluationMode');
  if (mode !== undefined && mode !== 'EVALUATION_MODE_UNSPECIFIED') return mode === 'DISABLED' ? '' : knownOf(mode, imagePolicies);
  const enabled = flagOf(at(settings, 'binaryAuthorization', 'enabled'));
  return enabled === true ? 'enabled' : whole || enabled === false ? '' : null;
}

const openMetadata = new Set(['', 'GCE_METADATA', 'MODE_UNSPECIFIED']);

export function readGkePools(answer: StoredObject): readonly PoolFacts[] {
  const settings = at(answer.body, 'settings');
  const whole = at(answer.body, 'whole') === true;
  const cluster =
    flagOf(at(settings, 'networkConfig', 'defaultEnablePrivateNodes')) ??
    flagOf(at(settings, 'privateClusterConfig', 'enablePrivateNodes'));
  return listAt(settings, 'nodePools').map((pool, index) => {
    const flag = flagReader(pool, whole);
    const isPrivate = flagOf(at(pool, 'networkConfig', 'enablePrivateNodes')) ?? cluster ?? (whole ? false : null);
    const account = textAt(pool, 'config', 'serviceAccount') ?? (whole ? 'default' : null);
    const mode = textAt(pool, 'config', 'workloadMetadataConfig', 'mode') ?? (whole ? '' : null);
    const bootDiskKey = textAt(pool, 'config', 'bootDiskKmsKey') ?? (whole ? '' : null);
    return {
      name: textAt(pool, 'name') ?? String(index),
      publicAddresses: isPrivate === null ? null : !isPrivate,
      autoRepair: flag('management', 'autoRepair'),
      autoUpgrade: flag('management', 'autoUpgrade'),
      integrityMonitoring: flag('config', 'shieldedInstanceConfig', 'enableIntegrityMonitoring'),
      secureBoot: flag('config', 'shieldedInstanceConfig', 'enableSecureBoot'),
      metadataShielded: mode === 'GKE_METADATA' ? true : mode !== null && openMetadata.has(mode) ? false : null,
      account,
      defaultAccount: account === null ? null : account === 'default' || /^\d+-compute@/.test(account),
      bootDiskKey,
      ownBootDiskKey: bootDiskKey === null ? null : bootDiskKey !== '',
    };
  });
}
