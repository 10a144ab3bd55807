/** The registry of populations, in the order in which they are read. Adding one is one line here. */
import type { Population } from '../model/index.ts';
import { accessReviews, accessRevokes } from './access/access-reviews.ts';
import { accountGrants } from './access/account-grants.ts';
import { admissionPolicies } from './admission/admission-policies.ts';
import { apiServers } from './control-plane/api-servers.ts';
import { auditGrowth, auditLosses } from './audit/audit-counters.ts';
import { auditPolicyRequests } from './audit/audit-policies.ts';
import { auditRecording } from './audit/audit-recording.ts';
import { bindingChanges } from './access/binding-changes.ts';
import { bootstrapTokens } from './access/bootstrap-tokens.ts';
import { certificateRequests } from './access/certificate-requests.ts';
import { collectorRights } from './access/collector-rights.ts';
import { kubeadmFlags, runningFlags } from './control-plane/flag-sources.ts';
import { controllerManagers, etcdMembers, schedulers } from './control-plane/components.ts';
import { containers } from './workloads/containers.ts';
import { encryptionCoverage, resourceWrites, secretWrites, storedSecrets } from './secrets/encryption.ts';
import { kmsReads } from './secrets/encryption-kms-reads.ts';
import { kmsKeys, kmsServices } from './secrets/encryption-kms.ts';
import { encryptionAgreement, encryptionKeys, encryptionReloads, secretReads } from './secrets/encryption-state.ts';
import { escalationPaths } from './access/escalation-paths.ts';
import { exceptions } from './collection/exceptions.ts';
import { grantOverlaps } from './access/grant-overlaps.ts';
import { grants } from './access/grants.ts';
import { ingressHosts } from './network/ingresses.ts';
import { legacyTokens } from './access/legacy-tokens.ts';
import { mastersUses } from './access/masters-uses.ts';
import { namespaces } from './workloads/namespaces.ts';
import { serverCertificates } from './control-plane/server-certificates.ts';
import { etcdTrust, nodeCertificates } from './nodes/node-certificates.ts';
import { controlPlaneFiles, etcdFiles, nodeFiles } from './nodes/node-files.ts';
import { kubeletSettings, kubeProxies } from './nodes/node-kubelets.ts';
import { podAdmission } from './workloads/pod-admission.ts';
import { podGuards } from './workloads/pod-guards.ts';
import { pods } from './workloads/pods.ts';
import { providerClusters, providerNodePools } from './provider/provider-clusters.ts';
import { roleUses } from './access/role-uses.ts';
import { roles } from './access/roles.ts';
import { issuedCertificates } from './secrets/issued-certificates.ts';
import { managedSecrets } from './secrets/managed-secrets.ts';
import { referredSecrets } from './secrets/referred-secrets.ts';
import { annotationCredentials, configMaps } from './secrets/literal-credentials.ts';
import { projectedTokens } from './secrets/projected-tokens.ts';
import { secretReaders } from './secrets/secret-readers.ts';
import { secretStores, secrets } from './secrets/secret-stores.ts';
import { secretUses } from './secrets/secret-uses.ts';
import { scheduledRuns } from './collection/scheduled-runs.ts';
import { segments } from './network/segments.ts';
import { serviceAccounts } from './access/service-accounts.ts';
import { services } from './network/services.ts';
import { tokenMounts } from './secrets/token-mounts.ts';
import { kubelets, serverVersions } from './control-plane/versions.ts';
import { volumes } from './secrets/volumes.ts';
import { webhooks, webhookServices } from './admission/webhooks.ts';

export { grants };
export { unusedAnswers } from './provider/answers.ts';
export { describeDistribution, detectDistribution } from './provider/distribution.ts';
export { detectManaged } from './provider/managed.ts';

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
  runningFlags,
  kubeadmFlags,
  controlPlaneFiles,
  etcdFiles,
  nodeFiles,
  kubeletSettings,
  kubeProxies,
  nodeCertificates,
  serverCertificates,
  etcdTrust,
  providerClusters,
  providerNodePools,
  auditRecording,
  auditGrowth,
  auditLosses,
  auditPolicyRequests,
  encryptionCoverage,
  secretWrites,
  storedSecrets,
  resourceWrites,
  secretReads,
  encryptionKeys,
  encryptionReloads,
  encryptionAgreement,
  kmsKeys,
  kmsReads,
  kmsServices,
  legacyTokens,
  bootstrapTokens,
  secretStores,
  secrets,
  secretUses,
  secretReaders,
  projectedTokens,
  configMaps,
  annotationCredentials,
  issuedCertificates,
  managedSecrets,
  referredSecrets,
  collectorRights,
  scheduledRuns,
  exceptions,
  accessReviews,
  accessRevokes,
];
