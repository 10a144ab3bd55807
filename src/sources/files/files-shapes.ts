/**
 * What an API server would refuse, and a control would misread: a file can hold a binding whose subjects are no list. Only the fields
 * that decide outcomes are checked, and only their types.
 */
import { z } from 'zod';
import type { JsonObject } from '../../model/index.ts';

const text = z.string();
const texts = z.array(text).nullish();
const named = z.looseObject({ name: text.min(1), namespace: text.nullish(), labels: z.record(text, text).nullish() });
const object = z.looseObject({ metadata: named });
const rule = z.looseObject({ verbs: z.array(text), apiGroups: texts, resources: texts, resourceNames: texts, nonResourceURLs: texts });
const binding = object.extend({
  roleRef: z.looseObject({ kind: text, name: text }),
  subjects: z.array(z.looseObject({ kind: text, name: text, namespace: text.nullish() })).nullish(),
});
const flag = z.boolean().nullish();
const securityContext = z.looseObject({ privileged: flag, runAsNonRoot: flag, allowPrivilegeEscalation: flag }).nullish();
const container = z.looseObject({
  name: text,
  command: texts,
  args: texts,
  env: z.array(z.looseObject({ name: text, value: text.nullish() })).nullish(),
  securityContext,
});
const podSpec = z.looseObject({
  containers: z.array(container).min(1),
  initContainers: z.array(container).nullish(),
  ephemeralContainers: z.array(container).nullish(),
  volumes: z.array(z.looseObject({ name: text })).nullish(),
  hostNetwork: flag,
  hostPID: flag,
  hostIPC: flag,
  automountServiceAccountToken: flag,
  securityContext,
});
const workload = object.extend({ spec: z.looseObject({ template: z.looseObject({ spec: podSpec }) }) });
const role = object.extend({ rules: z.array(rule).nullish() });

const instant = z.iso.datetime();
const encryptionConfiguration = z.looseObject({
  resources: z.array(z.looseObject({ resources: z.array(text).min(1), providers: z.array(z.looseObject({})).min(1) })).min(1),
});
const auditPolicy = z.looseObject({
  rules: z.array(z.looseObject({ level: text, users: texts, userGroups: texts, verbs: texts, namespaces: texts, nonResourceURLs: texts })),
  omitStages: texts,
});
const certificate = z.looseObject({
  path: text.nullish(),
  subject: text,
  issuer: text,
  notBefore: instant,
  notAfter: instant,
  ca: z.boolean(),
});
const nodeEvidence = object.extend({
  collectedAt: instant,
  tool: z.looseObject({ name: text, version: text }),
  host: z.looseObject({ installer: text, roles: z.array(text) }),
  files: z.array(
    z.looseObject({ role: text, path: text, type: text, mode: text.nullish(), uid: z.int().nullish(), gid: z.int().nullish() }),
  ),
  programs: z.array(z.looseObject({ program: text, from: text, arguments: z.array(z.union([text, z.looseObject({})])) })),
  kubelet: z.looseObject({ config: z.looseObject({}).nullish() }),
  kubeconfigs: z.array(z.looseObject({ path: text, certificate: certificate.nullish() })),
  certificates: z.array(certificate),
  auditPolicies: z.array(z.looseObject({ path: text, policy: auditPolicy })),
  encryptionConfigurations: z.array(z.looseObject({ path: text, configuration: encryptionConfiguration })),
  unread: z.array(z.looseObject({ what: text, path: text, reason: z.enum(['forbidden', 'absent', 'error']) })),
});

/** By `group/kind`; kinds that are not here need a name only. */
const shapes: Readonly<Record<string, z.ZodType>> = {
  'rbac.authorization.k8s.io/Role': role,
  'rbac.authorization.k8s.io/ClusterRole': role,
  'rbac.authorization.k8s.io/RoleBinding': binding,
  'rbac.authorization.k8s.io/ClusterRoleBinding': binding,
  '/Pod': object.extend({ spec: podSpec }),
  '/ServiceAccount': object.extend({ automountServiceAccountToken: flag }),
  'apps/Deployment': workload,
  'apps/StatefulSet': workload,
  'apps/DaemonSet': workload,
  'apps/ReplicaSet': workload,
  'batch/Job': workload,
  'batch/CronJob': object.extend({ spec: z.looseObject({ jobTemplate: z.looseObject({ spec: workload.shape.spec }) }) }),
  'networking.k8s.io/NetworkPolicy': object.extend({
    spec: z.looseObject({
      podSelector: z.looseObject({}),
      policyTypes: texts,
      ingress: z.array(z.looseObject({})).nullish(),
      egress: z.array(z.looseObject({})).nullish(),
    }),
  }),
  'config.k8s.io/Flagz': z.looseObject({ flags: z.record(text, text) }),
  'config.k8s.io/Statusz': z.looseObject({}),
  'apiserver.config.k8s.io/EncryptionConfiguration': encryptionConfiguration,
  'audit.k8s.io/Policy': auditPolicy,
  'node.kubevidence.io/NodeEvidence': nodeEvidence,
  'kubelet.config.k8s.io/KubeletConfiguration': z.looseObject({}),
};

/** The first field of the wrong type, or undefined. The message names types, never values. */
export function wrongShape(
  object_: JsonObject,
  group: string,
  kind: string,
): { readonly key: string; readonly message: string } | undefined {
  const result = (shapes[`${group}/${kind}`] ?? object).safeParse(object_);
  const [issue] = result.error?.issues ?? [];
  if (issue === undefined) return undefined;
  const expected = 'expected' in issue ? `${String(issue.expected)} is expected here` : 'it has too few entries';
  return { key: issue.path.map(String).join('.'), message: expected };
}
