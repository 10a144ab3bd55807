/** The registry of populations, in the order in which they are read. Adding one is one line here. */
import type { Population } from '../model/index.ts';
import { apiServers } from './api-servers.ts';
import { auditGrowth, auditLosses } from './audit-counters.ts';
import { auditPolicyRequests } from './audit-policies.ts';
import { auditRecording } from './audit-recording.ts';
import { collectorRights } from './collector-rights.ts';
import { controllerManagers, etcdMembers, schedulers } from './components.ts';
import { containers } from './containers.ts';
import { encryptionCoverage, secretWrites, storedSecrets } from './encryption.ts';
import { grants } from './grants.ts';
import { legacyTokens } from './legacy-tokens.ts';
import { namespaces } from './namespaces.ts';
import { podAdmission } from './pod-admission.ts';
import { pods } from './pods.ts';
import { roles } from './roles.ts';
import { segments } from './segments.ts';
import { serviceAccounts } from './service-accounts.ts';
import { tokenMounts } from './token-mounts.ts';

export { grants };
export { detectManaged } from './managed.ts';

export const populations: readonly Population[] = [
  grants,
  roles,
  serviceAccounts,
  containers,
  pods,
  tokenMounts,
  namespaces,
  podAdmission,
  segments,
  apiServers,
  controllerManagers,
  schedulers,
  etcdMembers,
  auditRecording,
  auditGrowth,
  auditLosses,
  auditPolicyRequests,
  encryptionCoverage,
  secretWrites,
  storedSecrets,
  legacyTokens,
  collectorRights,
];
