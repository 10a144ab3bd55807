/**
 * One way to gain more than one has, as data: techniques/*.yaml, validated by the catalog. The words (`over`, `when`, `what`) are carried
 * out by access/escalation; a technique adds no code of its own.
 */

/** A right that one request needs. Any of the verbs on any of the resources is enough. */
export interface RightNeed {
  readonly verbs: readonly string[];
  /** As kubectl writes them: `pods`, `pods/exec`, `deployments.apps`, `certificatesigningrequests.certificates.k8s.io/approval`. */
  readonly resources: readonly string[];
  /**
   * What a rule with resourceNames must name: `none` (default; the request carries no name, so such a rule never allows it), `any` (whoever
   * climbs chooses the name), `object` (what the technique is about), `role` (the role of the binding that it is about), `namespace` (the namespace itself), or one of
   * these names.
   */
  readonly names?: 'none' | 'any' | 'object' | 'role' | 'namespace' | readonly string[];
  /** Where it must hold. Default: in the namespace that the technique is about, cluster-wide where it is about no namespace. */
  readonly scope?: 'cluster' | 'namespace' | 'anywhere';
}

/** `together`: one request asks for all of them, so one identity must hold them. Other needs may be met by different identities. */
export type Need =
  | RightNeed
  | { readonly together: readonly RightNeed[] }
  | { readonly controls: 'object' | 'anyNode' | 'everything' }
  | { readonly holds: 'object' };

/** What one instance of a technique is about. */
export const overKinds = [
  'cluster',
  'namespace',
  'pod',
  'workload',
  'account',
  'missingAccount',
  'secret',
  'node',
  'nodeIdentity',
  'user',
  'group',
  'clusterRole',
  'clusterRoleInNamespace',
  'role',
  'clusterRoleBinding',
  'roleBinding',
] as const;
export type Over = (typeof overKinds)[number];

/** What has to be so besides the rights; see access/escalation/conditions.ts. */
export const conditionNames = [
  'podsAreAdmitted',
  'podsReachNodes',
  'podSecurityRefuses',
  'volumesReachNodes',
  'guarded',
  'guardedOnly',
  'defaultPodSecurity',
  'tokenController',
  'podRuns',
  'podIsNoMirror',
  'podHasToken',
  'podReachesNode',
  'ephemeralReachesNode',
  'getOpensExec',
  'nodeAuthorizer',
  'controlPlane',
  'clientSigner',
  'tokenSecretsUnread',
  'bootstrapTokens',
  'roleAggregates',
  'redirectedClients',
  'isMasters',
  'constrainedImpersonation',
  'mutatingPolicies',
] as const;
export type ConditionName = (typeof conditionNames)[number];

/** What is controlled then; see access/escalation/targets.ts. */
export const yieldNames = [
  'object',
  'objectInPart',
  'accounts',
  'allAccounts',
  'accountOfPod',
  'accountsOfNode',
  'accountOfSecret',
  'controllerAccounts',
  'secrets',
  'allSecrets',
  'secretsOfPod',
  'secretsOfNode',
  'podsOfNode',
  'nodeOfPod',
  'allNodes',
  'identityOfNode',
  'allNodeIdentities',
  'allSubjects',
  'bootstrapGroups',
  'boundRole',
  'fullRole',
  'everything',
] as const;
export type YieldName = (typeof yieldNames)[number];

export interface Yield {
  readonly what: YieldName;
  readonly when?: ConditionName;
  /** Why no evidence of ours decides it: then the hop is possible, never certain. */
  readonly undecided?: string;
}

export interface TechniqueExample {
  readonly name: string;
  /** Kubernetes objects as multi-document YAML; listings that hold none of them were read and are empty. */
  readonly given: string;
  /** Listings that were not read, e.g. `service-account-tokens`. */
  readonly absent?: readonly string[];
  /** `User/alice`, `Pod/ns/name`, `Node/name`. */
  readonly from: string;
  readonly to: string;
  readonly hop: 'certain' | 'possible' | 'none';
}

export interface Technique {
  readonly id: string;
  readonly title: string;
  readonly why: string;
  /** 1: a right that everybody has and nobody looks at … 5: administration of the cluster. Sums make the least privileged path. */
  readonly privilege: number;
  readonly over: Over;
  readonly needs: readonly Need[];
  readonly yields: readonly Yield[];
  /** What of the evidence decides it, and what no evidence does. */
  readonly evidence: string;
  readonly reference: string;
  readonly examples: readonly TechniqueExample[];
}
