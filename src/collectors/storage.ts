/**
 * Storage classes, volumes and claims. Of the parameters of a class only those that say how data is encrypted keep their values: some
 * provisioners take passwords there. Keys of a key service leave a marker that one is named.
 */
import type { Collector, Keep } from '../model/index.ts';
import { apiListing } from './listing.ts';

const annotations: Keep = { path: 'metadata.annotations', as: 'annotations' };

// core/v1 PersistentVolumeSource beside csi, hostPath and local: which type it is, and the names of its options.
const otherSources = [
  'awsElasticBlockStore',
  'azureDisk',
  'azureFile',
  'cephfs',
  'cinder',
  'fc',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'glusterfs',
  'iscsi',
  'nfs',
  'photonPersistentDisk',
  'portworxVolume',
  'quobyte',
  'rbd',
  'scaleIO',
  'storageos',
  'vsphereVolume',
];

// core/v1 CSIPersistentVolumeSource: the names of Secrets that a driver is given, in any namespace.
const secretReferences = [
  'controllerExpandSecretRef',
  'controllerPublishSecretRef',
  'nodeExpandSecretRef',
  'nodePublishSecretRef',
  'nodeStageSecretRef',
].flatMap((reference) => [`spec.csi.${reference}.name`, `spec.csi.${reference}.namespace`]);

export const storage: Collector = {
  kind: 'k8s.storage',
  version: 2,
  title: 'Storage classes, volumes and claims',
  listings: [
    apiListing({
      kind: 'k8s.storage/storageclasses',
      group: 'storage.k8s.io',
      version: 'v1',
      resource: 'storageclasses',
      type: 'StorageClass',
      withoutIt: 'whether volumes are made encrypted cannot be assessed',
      keep: [
        annotations,
        { path: 'parameters', as: 'literal' },
        // encrypted: EBS, Ceph, Longhorn; secure: Portworx.
        'parameters.encrypted',
        'parameters.secure',
        'provisioner',
        'reclaimPolicy',
      ],
      since: 1,
    }),
    apiListing({
      kind: 'k8s.storage/persistentvolumes',
      group: '',
      version: 'v1',
      resource: 'persistentvolumes',
      type: 'PersistentVolume',
      withoutIt: 'where data lies, and whether it lies there encrypted, cannot be assessed',
      keep: [
        annotations,
        'spec.claimRef.name',
        'spec.claimRef.namespace',
        'spec.claimRef.uid',
        'spec.csi.driver',
        ...secretReferences,
        'spec.hostPath',
        'spec.local.path',
        'spec.persistentVolumeReclaimPolicy',
        'spec.storageClassName',
        ...otherSources.map((source): Keep => ({ path: `spec.${source}`, as: 'names' })),
        'status.phase',
      ],
    }),
    apiListing({
      kind: 'k8s.storage/persistentvolumeclaims',
      group: '',
      version: 'v1',
      resource: 'persistentvolumeclaims',
      type: 'PersistentVolumeClaim',
      withoutIt: 'which workloads keep data, and in which class, is unknown',
      keep: [annotations, 'spec.accessModes', 'spec.storageClassName', 'spec.volumeName', 'status.phase'],
      since: 1,
    }),
  ],
};
