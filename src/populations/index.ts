/** The registry of populations, in the order in which they are read. Adding one is one line here. */
import type { Population } from '../model/index.ts';
import { accessReviews, accessRevokes } from './access-reviews.ts';
import { accountGrants } from './account-grants.ts';
import { admissionPolicies } from './admission-policies.ts';
import { apiServers } from './api-servers.ts';
import { auditGrowth, auditLosses } from './audit-counters.ts';
import { auditPolicyRequests } from './audit-policies.ts';
import { auditRecording } from './audit-recording.ts';
import { bindingChanges } from './binding-changes.ts';
import { bootstrapTokens } from './bootstrap-tokens.ts';
import { certificateRequests } from './certificate-requests.ts';
import { collectorRights } from './collector-rights.ts';
import { controllerManagers, etcdMembers, schedulers } from './components.ts';
import { containers } from './containers.ts';
import { encryptionCoverage, secretWrites, storedSecrets } from './encryption.ts';
import { escalationPaths } from './escalation-paths.ts';
import { exceptions } from './exceptions.ts';
import { grantOverlaps } from './grant-overlaps.ts';
import { grants } from './grants.ts';
import { ingressHosts } from './ingresses.ts';
import { legacyTokens } from './legacy-tokens.ts';
import { mastersUses } from './masters-uses.ts';
import { namespaces } from './namespaces.ts';
import { etcdTrust, nodeCertificates } from './node-certificates.ts';
import { controlPlaneFiles, etcdFiles, nodeFiles } from './node-files.ts';
import { kubeletSettings, kubeProxies } from './node-kubelets.ts';
import { podAdmission } from './pod-admission.ts';
import { podGuards } from './pod-guards.ts';
import { pods } from './pods.ts';
import { roleUses } from './role-uses.ts';
import { roles } from './roles.ts';
import { secretStores, secrets } from './secret-stores.ts';
import { scheduledRuns } from './scheduled-runs.ts';
import { segments } from './segments.ts';
import { serviceAccounts } from './service-accounts.ts';
import { services } from './services.ts';
import { tokenMounts } from './token-mounts.ts';
import { kubelets, serverVersions } from './versions.ts';
import { volumes } from './volumes.ts';
import { webhooks, webhookServices } from './webhooks.ts';

export { grants };
export { detectManaged } from './managed.ts';

export const populations: readonly Population[] = [
  grants,
  accountGrants,
  grantOverlaps,
  mastersUses,
  escalationPaths,
  bindingChanges,
  roles,
  roleUses,
  serviceAccounts,
  containers,
  pods,
  tokenMounts,
  namespaces,
  podAdmission,
  podGuards,
  segments,
  services,
  ingressHosts,
  volumes,
  webhooks,
  webhookServices,
  admissionPolicies,
  certificateRequests,
  serverVersions,
  kubelets,
  apiServers,
  controllerManagers,
  schedulers,
  etcdMembers,
  controlPlaneFiles,
  etcdFiles,
  nodeFiles,
  kubeletSettings,
  kubeProxies,
  nodeCertificates,
  etcdTrust,
  auditRecording,
  auditGrowth,
  auditLosses,
  auditPolicyRequests,
  encryptionCoverage,
  secretWrites,
  storedSecrets,
  legacyTokens,
  bootstrapTokens,
  secretStores,
  secrets,
  collectorRights,
  scheduledRuns,
  exceptions,
  accessReviews,
  accessRevokes,
];
