/**
 * What is kept of a pod, wherever its spec stands (Pod, workload template). Values that people type (env, arguments, headers, hook
 * commands) leave a marker; which Secrets and ConfigMaps are named, and everything that decides what the pod may do, stays.
 */
import type { Keep } from '../model/index.ts';

// core/v1 Volume: types of which only the presence and the option names matter; many carry addresses, users or secret references.
const otherVolumes = [
  'awsElasticBlockStore',
  'azureDisk',
  'azureFile',
  'cephfs',
  'cinder',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'fc',
  'flocker',
  'gcePersistentDisk',
  'gitRepo',
  'glusterfs',
  'iscsi',
  'photonPersistentDisk',
  'portworxVolume',
  'quobyte',
  'rbd',
  'scaleIO',
  'storageos',
  'vsphereVolume',
];

const userAndProfile = [
  'appArmorProfile',
  'runAsGroup',
  'runAsNonRoot',
  'runAsUser',
  'seLinuxOptions',
  'seccompProfile',
  'windowsOptions.gmsaCredentialSpecName',
  'windowsOptions.hostProcess',
  'windowsOptions.runAsUserName',
];

const handler = (path: string): Keep[] => [
  { path: `${path}.exec.command`, as: 'literal' },
  `${path}.httpGet.host`,
  `${path}.httpGet.httpHeaders.name`,
  { path: `${path}.httpGet.httpHeaders.value`, as: 'literal' },
  `${path}.tcpSocket.host`,
];

const container: readonly Keep[] = [
  'name',
  'image',
  'imagePullPolicy',
  'restartPolicy',
  'targetContainerName',
  { path: 'command', as: 'arguments' },
  { path: 'args', as: 'arguments' },
  'env.name',
  { path: 'env.value', as: 'literal' },
  'env.valueFrom.secretKeyRef',
  'env.valueFrom.configMapKeyRef',
  'env.valueFrom.fieldRef.fieldPath',
  'env.valueFrom.resourceFieldRef.resource',
  'env.valueFrom.fileKeyRef.key',
  'envFrom.prefix',
  'envFrom.secretRef',
  'envFrom.configMapRef',
  'ports',
  'volumeMounts',
  ...userAndProfile.map((field) => `securityContext.${field}`),
  'securityContext.allowPrivilegeEscalation',
  'securityContext.capabilities',
  'securityContext.privileged',
  'securityContext.procMount',
  'securityContext.readOnlyRootFilesystem',
  ...['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle.postStart', 'lifecycle.preStop'].flatMap(handler),
];

const spec: readonly Keep[] = [
  'automountServiceAccountToken',
  'hostIPC',
  'hostNetwork',
  'hostPID',
  'hostUsers',
  'imagePullSecrets.name',
  'nodeName',
  'os.name',
  'priorityClassName',
  'runtimeClassName',
  'serviceAccount',
  'serviceAccountName',
  'shareProcessNamespace',
  ...userAndProfile.map((field) => `securityContext.${field}`),
  'securityContext.fsGroup',
  'securityContext.supplementalGroups',
  'securityContext.sysctls',
  'volumes.name',
  'volumes.configMap.name',
  'volumes.configMap.optional',
  'volumes.csi.driver',
  'volumes.csi.nodePublishSecretRef.name',
  'volumes.csi.volumeAttributes.secretProviderClass',
  'volumes.flexVolume.driver',
  'volumes.flexVolume.secretRef.name',
  'volumes.hostPath',
  'volumes.image.reference',
  'volumes.nfs',
  'volumes.persistentVolumeClaim',
  'volumes.projected.sources.clusterTrustBundle.name',
  'volumes.projected.sources.configMap.name',
  'volumes.projected.sources.downwardAPI.items.path',
  'volumes.projected.sources.secret.name',
  'volumes.projected.sources.secret.optional',
  'volumes.projected.sources.serviceAccountToken',
  'volumes.secret.optional',
  'volumes.secret.secretName',
  ...otherVolumes.map((type): Keep => ({ path: `volumes.${type}`, as: 'names' })),
  ...['containers', 'initContainers', 'ephemeralContainers'].flatMap((list) => under(list, container)),
];

function under(prefix: string, keep: readonly Keep[]): Keep[] {
  return keep.map((entry) => (typeof entry === 'string' ? `${prefix}.${entry}` : { ...entry, path: `${prefix}.${entry.path}` }));
}

/** The keep-list of a pod spec at `path` (`spec`, `spec.template.spec`). */
export function podSpecKeep(path: string): readonly Keep[] {
  return under(path, spec);
}
