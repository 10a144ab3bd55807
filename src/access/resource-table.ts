/**
 * The resources that Kubernetes 1.36 serves itself, read from its discovery with every API version on, and those that only authorizers know
 * (users, groups, uids, userextras, signers). A plural, `!` when it is cluster-scoped, and its short names.
 */
export interface ResourceKind {
  readonly group: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly namespaced: boolean;
}

/** By API group, in the order in which kubectl prefers them. */
const table: Readonly<Record<string, string>> = {
  '': `
    bindings componentstatuses!=cs configmaps=cm endpoints=ep events=ev groups! limitranges=limits namespaces!=ns nodes!=no
    persistentvolumeclaims=pvc persistentvolumes!=pv pods=po podtemplates replicationcontrollers=rc resourcequotas=quota secrets
    serviceaccounts=sa services=svc users!`,
  'admissionregistration.k8s.io': `
    mutatingadmissionpolicies! mutatingadmissionpolicybindings! mutatingwebhookconfigurations! validatingadmissionpolicies!
    validatingadmissionpolicybindings! validatingwebhookconfigurations!`,
  'apiextensions.k8s.io': 'customresourcedefinitions!=crd,crds',
  'apiregistration.k8s.io': 'apiservices!',
  apps: 'controllerrevisions daemonsets=ds deployments=deploy replicasets=rs statefulsets=sts',
  'authentication.k8s.io': 'selfsubjectreviews! tokenreviews! uids! userextras!',
  'authorization.k8s.io': 'localsubjectaccessreviews selfsubjectaccessreviews! selfsubjectrulesreviews! subjectaccessreviews!',
  autoscaling: 'horizontalpodautoscalers=hpa',
  batch: 'cronjobs=cj jobs',
  'certificates.k8s.io': 'certificatesigningrequests!=csr clustertrustbundles! podcertificaterequests signers!',
  'coordination.k8s.io': 'leasecandidates leases',
  'discovery.k8s.io': 'endpointslices',
  'events.k8s.io': 'events=ev',
  'flowcontrol.apiserver.k8s.io': 'flowschemas! prioritylevelconfigurations!',
  'internal.apiserver.k8s.io': 'storageversions!',
  'networking.k8s.io': 'ingressclasses! ingresses=ing ipaddresses!=ip networkpolicies=netpol servicecidrs!',
  'node.k8s.io': 'runtimeclasses!',
  policy: 'poddisruptionbudgets=pdb',
  'rbac.authorization.k8s.io': 'clusterrolebindings! clusterroles! rolebindings roles',
  'resource.k8s.io': 'deviceclasses! devicetaintrules! resourceclaims resourceclaimtemplates resourcepoolstatusrequests! resourceslices!',
  'scheduling.k8s.io': 'podgroups priorityclasses!=pc workloads',
  'storage.k8s.io': 'csidrivers! csinodes! csistoragecapacities storageclasses!=sc volumeattachments! volumeattributesclasses!=vac',
  'storagemigration.k8s.io': 'storageversionmigrations!',
};

/** As the kinds are called, in lower case. */
function singularOf(plural: string): string {
  return plural
    .replace(/ies$/, 'y')
    .replace(/(ss|us)es$/, '$1')
    .replace(/([^s])s$/, (all, before: string) => (before === 'u' ? all : before));
}

export const builtInResources: readonly ResourceKind[] = Object.entries(table).flatMap(([group, words]) =>
  words
    .trim()
    .split(/\s+/)
    .map((word) => {
      const [, plural = '', cluster, short = ''] = /^([a-z]+)(!?)(?:=(.+))?$/.exec(word) ?? [];
      return {
        group,
        plural,
        singular: singularOf(plural),
        shortNames: short === '' ? [] : short.split(','),
        namespaced: cluster !== '!',
      };
    }),
);
