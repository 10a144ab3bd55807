/** The part of the report model on escalation: who can climb to cluster-admin, by which steps, and what to take away. */
import type { Instant } from '../model/index.ts';
import type { ReportGap } from './report-gap.ts';

/** One step. All of it but `title` is text of the cluster. */
export interface ReportHop {
  /** Id of the technique, and what it does in words of ours. */
  readonly technique: string;
  readonly title: string;
  /** `User/alice`, `Group/dev`, `ServiceAccount/ns/name`, `Pod/ns/name`, `Node/name`, `Secret/ns/name`, `ClusterRole/edit in ns`, `cluster-admin`. */
  readonly from: string;
  readonly to: string;
  /** `create pods in clinic`; empty where it takes none. */
  readonly right: string;
  /** `binding → role → rule`; where it takes no right, what the technique does. */
  readonly through: string;
  /** Of `through`, without the roles and rules: `RoleBinding/ns/name`. Empty where it takes no right. */
  readonly bindings: readonly string[];
  readonly certain: boolean;
  /** Why it is only possible. */
  readonly because: string | null;
}

export interface ReportPath {
  readonly from: string;
  /** The second only where it is another. */
  readonly kind: 'shortest' | 'leastPrivileged';
  /** Every hop is. */
  readonly certain: boolean;
  readonly hops: readonly ReportHop[];
}

export interface ReportPaths {
  /** Whose snapshot was searched, and when it was observed. */
  readonly run: number | null;
  readonly at: Instant;
  /** How many techniques were searched with; the catalog has them. */
  readonly techniques: number;
  /** Subjects with a path that somebody added a grant for: every step certain, or not. */
  readonly certain: number;
  readonly possible: number;
  /** Subjects that only what the API server or the installer granted leads there; their paths are left out. */
  readonly builtin: number;
  /** By subject; the shortest before the least privileged. */
  readonly paths: readonly ReportPath[];
  /** Single bindings, those first whose removal takes most subjects their last path. */
  readonly removals: readonly { readonly binding: string; readonly role: string; readonly cuts: number; readonly of: number }[];
  /** Bindings that together take every subject its paths; null where there is none to take. */
  readonly cut: {
    readonly bindings: readonly string[];
    readonly cuts: number;
    /** Subjects that keep a path by what the cluster is made with. */
    readonly keep: number;
    /** Proven to be the smallest. */
    readonly minimum: boolean;
  } | null;
  /** Ids of the deviations by which such rights, or a way to them, came or went in the period. */
  readonly moved: readonly string[];
  /** What was not read, and which steps are missing for it. */
  readonly gaps: readonly ReportGap[];
  /** What else decides in this cluster, beside RBAC. */
  readonly notes: readonly string[];
}
