/** The templates that pods are made from, also those that have no pod at the moment. */
import type { Collector, Keep } from '../model/index.ts';
import { apiListing } from './listing.ts';
import { podSpecKeep } from './pod-spec.ts';

const template = (path: string): readonly Keep[] => [
  `${path}.metadata.labels`,
  { path: `${path}.metadata.annotations`, as: 'annotations' },
  ...podSpecKeep(`${path}.spec`),
];

const listing = (group: string, resource: string, type: string, templateAt: string, ...keep: readonly Keep[]) =>
  apiListing({
    kind: `k8s.workloads/${resource}`,
    group,
    version: 'v1',
    resource,
    type,
    withoutIt: `${resource} without a running pod are not seen`,
    keep: [{ path: 'metadata.annotations', as: 'annotations' }, ...template(templateAt), ...keep],
  });

export const workloads: Collector = {
  kind: 'k8s.workloads',
  version: 2,
  title: 'Workload templates',
  listings: [
    listing('apps', 'deployments', 'Deployment', 'spec.template', 'spec.replicas'),
    listing('apps', 'statefulsets', 'StatefulSet', 'spec.template', 'spec.replicas'),
    listing('apps', 'daemonsets', 'DaemonSet', 'spec.template'),
    listing('apps', 'replicasets', 'ReplicaSet', 'spec.template', 'spec.replicas'),
    listing('batch', 'jobs', 'Job', 'spec.template', 'spec.suspend'),
    listing('batch', 'cronjobs', 'CronJob', 'spec.jobTemplate.spec.template', 'spec.schedule', 'spec.suspend'),
  ],
};
