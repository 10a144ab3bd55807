/**
 * Which fields of a provider's answers are ever kept, and of which type each is: the same lines are the keep-list and the check of types,
 * so nothing of another shape can come along. `[]` marks a list; whatever is not named here is dropped unread, newer fields too.
 */
import type { Json, JsonObject } from '../model/index.ts';
import { isObject } from '../model/index.ts';

export type AnswerKind =
  | 'eks-cluster'
  | 'eks-nodegroup'
  | 'eks-addon'
  | 'eks-log-group'
  | 'gke-cluster'
  | 'aks-cluster'
  | 'aks-diagnostics';

type LeafType = 'text' | 'flag' | 'number';

interface Field {
  readonly list: boolean;
  readonly type: LeafType | null;
  readonly children: ReadonlyMap<string, Field>;
}

/** Of each name in small letters, as it is kept. */
const names = new Map<string, string>();

const eksCluster = {
  text: [
    ...words('name arn version platformVersion status endpoint accessConfig.authenticationMode upgradePolicy.supportType'),
    ...words('encryptionConfig[].resources[] encryptionConfig[].provider.keyArn health.issues[].code'),
    ...words('logging.clusterLogging[].types[] resourcesVpcConfig.publicAccessCidrs[]'),
  ],
  flag: [
    ...words('accessConfig.bootstrapClusterCreatorAdminPermissions computeConfig.enabled deletionProtection'),
    ...words('logging.clusterLogging[].enabled resourcesVpcConfig.endpointPublicAccess resourcesVpcConfig.endpointPrivateAccess'),
  ],
};

const gkePool = [
  ...words('name version status config.imageType config.serviceAccount config.bootDiskKmsKey config.workloadMetadataConfig.mode'),
];

const gkeCluster = {
  text: [
    ...words('name selfLink location status endpoint currentMasterVersion databaseEncryption.state databaseEncryption.currentState'),
    ...words('databaseEncryption.keyName networkConfig.datapathProvider workloadIdentityConfig.workloadPool releaseChannel.channel'),
    ...words('binaryAuthorization.evaluationMode loggingService monitoringService securityPostureConfig.mode'),
    ...words('securityPostureConfig.vulnerabilityMode authenticatorGroupsConfig.securityGroup anonymousAuthenticationConfig.mode'),
    ...words('loggingConfig.componentConfig.enableComponents[] monitoringConfig.componentConfig.enableComponents[]'),
    ...words('privateClusterConfig.privateEndpoint privateClusterConfig.publicEndpoint'),
    'controlPlaneEndpointsConfig.dnsEndpointConfig.endpoint',
    'controlPlaneEndpointsConfig.ipEndpointsConfig.privateEndpoint',
    'controlPlaneEndpointsConfig.ipEndpointsConfig.publicEndpoint',
    'controlPlaneEndpointsConfig.ipEndpointsConfig.authorizedNetworksConfig.cidrBlocks[].cidrBlock',
    'masterAuthorizedNetworksConfig.cidrBlocks[].cidrBlock',
    ...gkePool.map((path) => `nodePools[].${path}`),
  ],
  flag: [
    ...words('binaryAuthorization.enabled networkPolicy.enabled addonsConfig.networkPolicyConfig.disabled legacyAbac.enabled'),
    ...words('masterAuth.clientCertificateConfig.issueClientCertificate shieldedNodes.enabled authenticatorGroupsConfig.enabled'),
    ...words('networkConfig.enableIntraNodeVisibility networkConfig.defaultEnablePrivateNodes autopilot.enabled'),
    ...words('privateClusterConfig.enablePrivateNodes privateClusterConfig.enablePrivateEndpoint secretManagerConfig.enabled'),
    'rbacBindingConfig.enableInsecureBindingSystemAuthenticated',
    'rbacBindingConfig.enableInsecureBindingSystemUnauthenticated',
    'controlPlaneEndpointsConfig.dnsEndpointConfig.allowExternalTraffic',
    'controlPlaneEndpointsConfig.ipEndpointsConfig.enabled',
    'controlPlaneEndpointsConfig.ipEndpointsConfig.enablePublicEndpoint',
    'controlPlaneEndpointsConfig.ipEndpointsConfig.authorizedNetworksConfig.enabled',
    'masterAuthorizedNetworksConfig.enabled',
    ...words('management.autoRepair management.autoUpgrade networkConfig.enablePrivateNodes').map((path) => `nodePools[].${path}`),
    'nodePools[].config.shieldedInstanceConfig.enableIntegrityMonitoring',
    'nodePools[].config.shieldedInstanceConfig.enableSecureBoot',
  ],
};

const aksPool = words('name mode orchestratorVersion currentOrchestratorVersion osType osSku');
const aksCluster = {
  text: [
    ...words('id name location type fqdn privateFqdn azurePortalFqdn nodeResourceGroup provisioningState kubernetesVersion'),
    ...words('currentKubernetesVersion publicNetworkAccess networkProfile.networkPlugin networkProfile.networkPolicy'),
    ...words('networkProfile.networkDataplane autoUpgradeProfile.upgradeChannel autoUpgradeProfile.nodeOsUpgradeChannel'),
    ...words('securityProfile.azureKeyVaultKms.keyId securityProfile.azureKeyVaultKms.keyVaultNetworkAccess'),
    'securityProfile.kubernetesResourceObjectEncryptionProfile.infrastructureEncryption',
    'apiServerAccessProfile.authorizedIpRanges[]',
    ...aksPool.map((path) => `agentPoolProfiles[].${path}`),
  ],
  flag: [
    ...words('disableLocalAccounts enableRbac aadProfile.managed aadProfile.enableAzureRbac oidcIssuerProfile.enabled'),
    ...words('apiServerAccessProfile.enablePrivateCluster apiServerAccessProfile.enablePrivateClusterPublicFqdn'),
    ...words('securityProfile.azureKeyVaultKms.enabled securityProfile.workloadIdentity.enabled'),
    ...words('securityProfile.defender.securityMonitoring.enabled addonProfiles.azurepolicy.enabled'),
    ...words('addonProfiles.azureKeyvaultSecretsProvider.enabled agentPoolProfiles[].enableNodePublicIp'),
  ],
};

const fieldsOf: Readonly<Record<AnswerKind, { readonly [type in LeafType]?: readonly string[] }>> = {
  'eks-cluster': eksCluster,
  'eks-nodegroup': { text: words('nodegroupName clusterName nodegroupArn version status amiType') },
  'eks-addon': { text: words('addonName clusterName addonArn status addonVersion configurationValues') },
  'eks-log-group': { text: words('logGroupName arn kmsKeyId'), number: ['retentionInDays'] },
  'gke-cluster': gkeCluster,
  'aks-cluster': aksCluster,
  'aks-diagnostics': {
    text: words(
      'id name workspaceId storageAccountId eventHubAuthorizationRuleId marketplacePartnerId logs[].category logs[].categoryGroup',
    ),
    flag: ['logs[].enabled'],
  },
};

/** Paths as keep-lists have them: without marks of lists. */
export const providerPaths: readonly string[] = [
  ...new Set(
    Object.values(fieldsOf).flatMap((types) => Object.values(types).flatMap((paths) => paths.map((path) => path.replaceAll('[]', '')))),
  ),
].sort();

const trees: ReadonlyMap<AnswerKind, Field> = new Map(
  (Object.keys(fieldsOf) as AnswerKind[]).map((kind) => [kind, treeOf(fieldsOf[kind])]),
);

interface OpenField {
  list: boolean;
  type: LeafType | null;
  children: Map<string, OpenField>;
}

function treeOf(types: { readonly [type in LeafType]?: readonly string[] }): Field {
  const root: OpenField = { list: false, type: null, children: new Map() };
  for (const [type, paths] of Object.entries(types)) {
    for (const path of paths) {
      let node = root;
      for (const part of path.split('.')) {
        const name = part.replace('[]', '');
        let child = node.children.get(name.toLowerCase());
        if (child === undefined) node.children.set(name.toLowerCase(), (child = { list: false, type: null, children: new Map() }));
        names.set(name.toLowerCase(), name);
        child.list = part.endsWith('[]');
        node = child;
      }
      node.type = type as LeafType;
    }
  }
  return root;
}

/** What is wrong with an answer: the key as its vendor writes it. Never a value. */
export class WrongField extends Error {
  readonly key: string;

  constructor(key: string, message: string) {
    super(message);
    this.key = key;
  }
}

const longestText = 4096;
const longestList = 2000;

/**
 * The known fields of an answer, by the names that this file gives them: Azure's tools do not agree on capitals (`authorizedIPRanges`,
 * `authorizedIpRanges`). Null and what is absent are left out. Errors: {@link WrongField}; `prefix` stands before its key.
 */
export function pickFields(kind: AnswerKind, answer: JsonObject, prefix: string): JsonObject {
  return pickObject(trees.get(kind) as Field, answer, prefix);
}

function pickObject(field: Field, value: JsonObject, at: string): JsonObject {
  const out: Record<string, Json> = {};
  for (const [written, member] of Object.entries(value)) {
    const child = field.children.get(written.toLowerCase());
    if (child === undefined || member === null || member === undefined) continue;
    const key = at === '' ? written : `${at}.${written}`;
    out[names.get(written.toLowerCase()) ?? written] = child.list ? pickList(child, member, key) : pickOne(child, member, key);
  }
  return out;
}

function pickList(field: Field, value: Json, key: string): Json {
  if (!Array.isArray(value)) throw new WrongField(key, 'a list is expected here');
  if (value.length > longestList) throw new WrongField(key, `a list of at most ${longestList} entries is expected here`);
  return (value as Json[]).map((entry, index) => pickOne(field, entry, `${key}[${index}]`));
}

function pickOne(field: Field, value: Json, key: string): Json {
  if (field.type === null) {
    if (!isObject(value)) throw new WrongField(key, 'an object is expected here');
    return pickObject(field, value, key);
  }
  if (field.type === 'text') {
    if (typeof value !== 'string') throw new WrongField(key, 'a text is expected here');
    if (value.length > longestText) throw new WrongField(key, `a text of at most ${longestText} characters is expected here`);
    if (!value.isWellFormed()) throw new WrongField(key, 'its text is no Unicode');
  } else if (typeof value !== (field.type === 'flag' ? 'boolean' : 'number')) {
    throw new WrongField(key, field.type === 'flag' ? 'true or false is expected here' : 'a number is expected here');
  }
  return value;
}

function words(text: string): string[] {
  return text.split(' ');
}
