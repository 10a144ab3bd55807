/** A control and a framework as the catalog gives them after validation. The files are documented by schemas/control.schema.json. */
import type { Json } from './json.ts';
import type { Technique } from './technique.ts';
import type { Gap } from './evidence.ts';

export type Severity = 'critical' | 'high' | 'medium' | 'low' | 'info';
export const severities: readonly Severity[] = ['critical', 'high', 'medium', 'low', 'info'];

export type Outcome = 'pass' | 'fail' | 'notAssessed' | 'notApplicable' | 'manual' | 'providerResponsibility';
export const outcomes: readonly Outcome[] = ['fail', 'notAssessed', 'manual', 'providerResponsibility', 'pass', 'notApplicable'];

export interface ControlParameter {
  readonly type: 'list' | 'string' | 'number' | 'boolean';
  readonly default: Json;
  readonly doc: string;
}

export interface ControlExample {
  readonly name: string;
  readonly outcome: Outcome;
  /** Natural keys of the rows that must fail; exactly these. */
  readonly findings?: readonly string[];
  /** Listings that are missing: `{what: clusterrolebindings, reason: forbidden}`. */
  readonly gaps?: readonly Pick<Gap, 'what' | 'reason'>[];
  /** Kubernetes objects as multi-document YAML. Listings that hold none of them count as read and empty. */
  readonly given?: string;
  /** The run before, for controls over differences; same form as `given`. */
  readonly before?: string;
  readonly params?: Readonly<Record<string, Json>>;
}

/** Asked before `expect`; a row for which it is true is a gap, so it never passes. */
export interface Undecided {
  /** CEL over `item`, `params`. */
  readonly when: string;
  /** `manual`: a person judges what was read. `notAssessed`: something was not read. */
  readonly outcome: 'manual' | 'notAssessed';
  readonly because: string;
  readonly closedBy: string;
}

export interface Control {
  readonly id: string;
  readonly title: string;
  readonly severity: Severity;
  readonly why: string;
  readonly population: string;
  /** CEL over `item`, `params`; rows for which it is false are not tested. */
  readonly where?: string;
  /** CEL over `item`, `params`; a row for which it is false is a finding. */
  readonly expect: string;
  /** Rows that no evidence of ours can decide, and what that makes of the control. */
  readonly undecided?: Undecided;
  /** Default `notApplicable`. */
  readonly whenEmpty?: 'pass' | 'notApplicable';
  /** Text with `{field}` placeholders of the row. */
  readonly message: string;
  readonly params: Readonly<Record<string, ControlParameter>>;
  readonly procedure: string;
  readonly remediation: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly examples: readonly ControlExample[];
}

/** How far a control decides a CIS recommendation: wholly, one part of it (see `partsAreExact`), or more than it asks. */
export type Covers = 'exact' | 'part' | 'broader';
export type Strength = 'partial' | 'supporting';

export interface ControlLink {
  readonly id: string;
  readonly strength: Strength;
  readonly covers?: Covers;
  readonly because?: string;
}

export interface Requirement {
  readonly id: string;
  readonly title: string;
  /** CIS: section number; laws: family, e.g. `technical`. */
  readonly section: string;
  /** CIS profile level. */
  readonly level?: 1 | 2;
  /** The benchmark's own status; stays visible beside our outcome. */
  readonly assessment?: 'automated' | 'manual';
  /** HIPAA. */
  readonly obligation?: 'required' | 'addressable';
  /** `none`: the cluster shows nothing of it, a person must. */
  readonly kubernetes?: 'none';
  /** Which evidence a person must bring. */
  readonly needs?: string;
  /** True where the `part` lines together decide the recommendation exactly. */
  readonly partsAreExact?: boolean;
  /** The cloud provider's side on managed clusters. */
  readonly providerOnManaged?: boolean;
  /** CIS recommendations that support a law requirement; those without a control count as not assessed. */
  readonly cis?: readonly string[];
  readonly controls: readonly ControlLink[];
}

/** Who runs the control planes that a benchmark of its own is written for. */
export type Platform = 'eks' | 'gke' | 'aks';

export interface Framework {
  readonly id: string;
  readonly title: string;
  readonly kind: 'benchmark' | 'law' | 'policy';
  readonly version: string;
  readonly source: string;
  readonly notice: string;
  /** Kubernetes minor versions that the benchmark lists, e.g. `1.35`. */
  readonly kubernetesVersions?: readonly string[];
  /** A benchmark for the clusters of one provider, beside the general one: chosen for them only, and its ids are its own. */
  readonly platform?: Platform;
  readonly sections: readonly { readonly id: string; readonly title: string }[];
  readonly requirements: readonly Requirement[];
}

/** Everything that decides outcomes, validated and cross-checked. `digest` is SHA-256 over `bytes`, the canonical JSON of the rest. */
export interface Catalog {
  readonly controls: readonly Control[];
  readonly frameworks: readonly Framework[];
  /** What somebody who has a right can do with it; see access/escalation. */
  readonly techniques: readonly Technique[];
  readonly digest: string;
  readonly bytes: Uint8Array;
}
