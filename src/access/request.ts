/** What is asked of an authorizer, and the right that a question is about; in the words of authorization.k8s.io/v1. */
import type { Gap } from '../model/index.ts';
import type { Binding, Grant } from './bindings.ts';
import type { Rule } from './rules.ts';

/** A request on objects. What is left out is empty, as in a SubjectAccessReview. */
export interface ResourceAttributes {
  readonly verb: string;
  readonly group?: string;
  readonly resource: string;
  readonly subresource?: string;
  /** Empty: across all namespaces, or a cluster-scoped resource. */
  readonly namespace?: string;
  /** Empty where the request names no object (list, watch, create, deletecollection). */
  readonly name?: string;
}

/** A request on a URL that is no resource, such as `/metrics`. */
export interface NonResourceAttributes {
  readonly path: string;
  readonly verb: string;
}

/** SubjectAccessReviewSpec (authorization.k8s.io/v1): exactly one of the attributes. No group is implied. */
export interface AccessRequest {
  readonly user: string;
  readonly groups: readonly string[];
  readonly resourceAttributes?: ResourceAttributes;
  readonly nonResourceAttributes?: NonResourceAttributes;
}

/** The grant and the rule that a yes stands on. */
export interface Via extends Grant {
  /** Position of the rule in its role, from 0. */
  readonly ruleIndex: number;
  readonly rule: Rule;
}

export interface Decision {
  readonly allowed: boolean;
  /** Null when it is not allowed, and for `system:masters`, which needs no binding. */
  readonly via: Via | null;
  /** `binding → role → rule`; without a yes, why not. Untrusted text. */
  readonly reason: string;
  /** What could not be read and might have allowed it. A "no" with gaps is "not known". Empty for a yes. */
  readonly gaps: readonly Gap[];
}

/** A right to look for. With a path the rest but the verb is ignored. */
export interface Right {
  readonly verb: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  /** Empty: held cluster-wide. `*`: held cluster-wide or in any namespace. */
  readonly namespace?: string;
  /** Empty: on every name. */
  readonly name?: string;
  /** Also where it is limited to some names (the rule says which). */
  readonly anyName?: boolean;
  readonly path?: string;
}

/** Who holds a right, with each grant that gives it. */
export interface Holder {
  /** `User/alice`, `Group/dev`, `ServiceAccount/ns/name`. */
  readonly subject: Binding['subjects'][number];
  readonly grants: readonly Via[];
}
