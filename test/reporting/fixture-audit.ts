/** Audit policies of a large and unfriendly cluster: good ones, bad ones, one that no API server starts with, names that misbehave. */
import { readAuditPolicies } from '../../src/app/pack/pack-audit.ts';
import type { Json } from '../../src/model/index.ts';
import type { ReportAuditPolicy } from '../../src/reporting/index.ts';
import { snapshot } from '../populations/snapshots.ts';
import { hostile } from './fixture-catalog.ts';

const policy = (name: string, rules: readonly object[]): Json => ({
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  metadata: { name },
  rules: rules as Json[],
});
const body = { level: 'RequestResponse', resources: [{ group: '' }, { group: 'rbac.authorization.k8s.io' }] };
const careless = [
  { level: 'None', verbs: ['get', 'list', 'watch'] },
  { level: 'None', users: ['ci-bot', hostile.markup, hostile.long] },
  { level: 'None', namespaces: ['kube-system', 'sandbox'] },
  body,
  { level: 'Metadata', userGroups: ['system:authenticated'] },
];
const careful = [
  { level: 'None', users: ['system:kube-proxy'], verbs: ['watch'], resources: [{ group: '', resources: ['endpoints', 'services'] }] },
  { level: 'None', userGroups: ['system:nodes'], verbs: ['get'], resources: [{ group: '', resources: ['nodes', 'nodes/status'] }] },
  { level: 'None', nonResourceURLs: ['/healthz*', '/version'] },
  {
    level: 'Metadata',
    resources: [
      { group: '', resources: ['secrets', 'configmaps', 'serviceaccounts/token'] },
      { group: 'authentication.k8s.io', resources: ['tokenreviews'] },
    ],
  },
  body,
  { level: 'Metadata' },
];

const policiesOf = (...bodies: Json[]): readonly ReportAuditPolicy[] =>
  readAuditPolicies(snapshot({ 'files.audit-policy/policies': bodies }));

export const carefulPolicy = policiesOf(policy('cp-1.yaml', careful), policy('cp-2.yaml', careful));
export const manyPolicies = [
  ...policiesOf(policy('audit-policy.yaml', careless), policy('broken.yaml', [{ level: 'Loud' }])),
  ...carefulPolicy,
];
