/** An audit Policy handed in as a file: its rules in their order, whole. They name users, groups and resources, no values. */
import type { Collector, Keep } from '../model/index.ts';
import { decodeNothing } from './decode.ts';

const rule = ['level', 'users', 'userGroups', 'verbs', 'resources', 'namespaces', 'nonResourceURLs', 'omitStages', 'omitManagedFields'];

export const auditPolicyKeep: readonly Keep[] = [...rule.map((field) => `rules.${field}`), 'omitStages', 'omitManagedFields'];

export const auditPolicyFile: Collector = {
  kind: 'files.audit-policy',
  version: 1,
  title: 'Audit policy files',
  listings: [
    {
      kind: 'files.audit-policy/policies',
      needs: [],
      withoutIt: 'what the audit log leaves out cannot be assessed: the API shows the path of the policy, never its rules',
      requests: () => [],
      decode: decodeNothing,
      keep: auditPolicyKeep,
      assurance: 'configured',
      accepts: [{ group: 'audit.k8s.io', kind: 'Policy' }],
    },
  ],
};
