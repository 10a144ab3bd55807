/**
 * Every PersistentVolume, and every claim that still waits for one, with what its class asks the provisioner for. A volume that a person
 * made only names a class: nothing asked for its parameters. Parameters of a class cannot be changed, but a class can be deleted and made
 * anew: one that is younger than the volume, or has another provisioner, says nothing about it.
 */
import type { Json, Population, PopulationInput, StoredObject } from '../../model/index.ts';
import { at, isObject, textAt } from '../../model/index.ts';
import { nameOf, resourceOf, uniqueKeys } from '../identity.ts';

const other = new Set(['accessModes', 'capacity', 'claimRef', 'mountOptions', 'nodeAffinity', 'persistentVolumeReclaimPolicy']);
const plain = new Set(['storageClassName', 'volumeAttributesClassName', 'volumeMode']);

/** The member of the spec that says where the data lies: `csi`, `hostPath`, `nfs`. */
function typeOf(volume: StoredObject): string {
  const spec = at(volume.body, 'spec');
  if (!isObject(spec)) return '';
  return Object.keys(spec).find((key) => !other.has(key) && !plain.has(key) && isObject(spec[key])) ?? '';
}

interface Class {
  readonly id: string;
  readonly created: string;
  readonly provisioner: string;
  /** `ebs.csi.aws.com`, `ebs.csi.aws.com encrypted`, `ebs.csi.aws.com encrypted=true`. */
  readonly settings: readonly string[];
}

function settingsOf(provisioner: string, parameters: Json | undefined): readonly string[] {
  const settings = [provisioner];
  for (const [key, value] of isObject(parameters) ? Object.entries(parameters) : []) {
    if (value === '' || value === null) continue;
    settings.push(`${provisioner} ${key}`);
    if (typeof value === 'string') settings.push(`${provisioner} ${key}=${value.toLowerCase()}`);
  }
  return settings;
}

function readClasses(input: PopulationInput): ReadonlyMap<string, Class> {
  const classes = new Map<string, Class>();
  for (const { id, name, body } of input.each('k8s.storage/storageclasses')) {
    const provisioner = textAt(body, 'provisioner') ?? '';
    const created = textAt(body, 'metadata', 'creationTimestamp') ?? '';
    classes.set(name, { id, created, provisioner, settings: settingsOf(provisioner, at(body, 'parameters')) });
  }
  return classes;
}

/** The class that a volume was made from, or that a claim waits for; not one that is known to be younger. */
function classOf(classes: ReadonlyMap<string, Class>, name: string, object: StoredObject): Class | undefined {
  const found = classes.get(name);
  if (found === undefined) return undefined;
  const created = textAt(object.body, 'metadata', 'creationTimestamp') ?? '';
  if (found.created !== '' && created !== '' && Date.parse(found.created) > Date.parse(created)) return undefined;
  return object.type === 'PersistentVolumeClaim' || wasMadeBy(found.provisioner, object) ? found : undefined;
}

/** What volumes of the provisioners in the tree of Kubernetes are: of the type of old, or of the driver that does their work by now. */
const inTree: ReadonlyMap<string, readonly string[]> = new Map([
  ['kubernetes.io/aws-ebs', ['awsElasticBlockStore', 'ebs.csi.aws.com']],
  ['kubernetes.io/azure-disk', ['azureDisk', 'disk.csi.azure.com']],
  ['kubernetes.io/azure-file', ['azureFile', 'file.csi.azure.com']],
  ['kubernetes.io/cinder', ['cinder', 'cinder.csi.openstack.org']],
  ['kubernetes.io/gce-pd', ['gcePersistentDisk', 'pd.csi.storage.gke.io']],
  ['kubernetes.io/portworx-volume', ['portworxVolume', 'pxd.portworx.com']],
  ['kubernetes.io/vsphere-volume', ['vsphereVolume', 'csi.vsphere.vmware.com']],
]);

/**
 * Provisioners leave an annotation, which whoever writes a volume by hand can write too, and of whose value only a marker is kept. So the
 * volume must also be one that the provisioner of the class makes: what is on another driver, or on none, is of somebody else.
 */
function wasMadeBy(provisioner: string, volume: StoredObject): boolean {
  if (at(volume.body, 'metadata', 'annotations', 'pv.kubernetes.io/provisioned-by') === undefined) return false;
  const medium = textAt(volume.body, 'spec', 'csi', 'driver') ?? typeOf(volume);
  return (inTree.get(provisioner) ?? [provisioner]).includes(medium);
}

export const volumes: Population = {
  name: 'volumes',
  doc: 'A PersistentVolume, or a claim that waits for one, with what its class asks the provisioner for',
  from: ['k8s.storage/persistentvolumes', 'k8s.storage/persistentvolumeclaims', 'k8s.storage/storageclasses'],
  *rows(input) {
    const classes = readClasses(input);
    const unique = uniqueKeys();
    for (const object of input.each('k8s.storage/persistentvolumes', 'k8s.storage/persistentvolumeclaims')) {
      const isClaim = object.type === 'PersistentVolumeClaim';
      // A claim that has its volume counts through the volume.
      if (isClaim && (textAt(object.body, 'spec', 'volumeName') ?? '') !== '') continue;
      const storageClass = textAt(object.body, 'spec', 'storageClassName') ?? '';
      const made = classOf(classes, storageClass, object);
      const [namespace, claim] = ['namespace', 'name'].map((field) => textAt(object.body, 'spec', 'claimRef', field) ?? '');
      yield {
        item: unique(nameOf(object.type, object.namespace, object.name)),
        resource: resourceOf(object),
        evidence: made === undefined ? [object.id] : [object.id, made.id],
        namespace: isClaim ? object.namespace : (namespace ?? ''),
        volume: isClaim ? `${object.namespace}/${object.name}` : object.name,
        claim: isClaim ? `${object.namespace}/${object.name}` : claim ? `${namespace}/${claim}` : '',
        type: isClaim ? 'claim' : typeOf(object),
        path: textAt(object.body, 'spec', 'hostPath', 'path') ?? textAt(object.body, 'spec', 'local', 'path') ?? '',
        storageClass,
        provisioner: made?.provisioner ?? '',
        settings: made?.settings ?? [],
      };
    }
  },
};
