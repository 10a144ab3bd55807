/**
 * Who may do what, by the RBAC objects of one snapshot, exactly as the API server's RBAC authorizer decides (Kubernetes
 * plugin/pkg/auth/authorizer/rbac and pkg/registry/rbac/validation): a yes names the binding, the role and the rule that it stands on. A no over
 * objects that were not all read carries the gaps that make it "not known". Other authorizers are not seen: see authorizers.ts.
 */
import type { EvidenceReader, Gap, ListingKind } from '../model/index.ts';
import { isComplete } from '../model/index.ts';
import type { Binding, Grant, Role } from './bindings.ts';
import { rbacListings, readBindings } from './bindings.ts';
import type { AccessRequest, Decision, Holder, NonResourceAttributes, ResourceAttributes, Right, Via } from './request.ts';
import type { Rule } from './rules.ts';
import { coversGroup, coversName, coversPath, coversResource, coversVerb, describeRule } from './rules.ts';
import type { Subject } from './subjects.ts';
import { userNameOf } from './subjects.ts';

/** Whoever is in this group is asked nothing: the API server allows it everything before any authorizer. */
export const mastersGroup = 'system:masters';

export interface AccessIndex {
  /** Cluster role bindings first, in the order of their names. */
  readonly bindings: readonly Binding[];
  /** Every subject that a binding names, in the order of their texts. */
  readonly subjects: readonly Subject[];
  /** What of the four listings was not read, over all. */
  readonly gaps: readonly Gap[];
  /** What bindings give and is not known, each once. Where roles could not all be listed, {@link gaps} says it. */
  readonly roleGaps: readonly Gap[];
  /** What of the two was not read on which cluster-wide rights stand. */
  readonly clusterGaps: readonly Gap[];
  /** Answers as a SubjectAccessReview would. */
  can(request: AccessRequest): Decision;
  /**
   * Every grant that gives the right, binding by binding; a subject comes once per binding. `system:masters`, which needs no binding, is not
   * among them unless bound. Iterate it backwards from a right: it costs one look at each role and one at each binding.
   */
  holders(right: Right): Iterable<Via>;
  /** The same by subject, in the order of the subjects' texts, and what may be missing. */
  whoCan(right: Right): { readonly holders: readonly Holder[]; readonly gaps: readonly Gap[] };
  /** The grants of a subject by its text (`User/alice`, `ServiceAccount/ns/name`), not those of its groups. An account is also found as a user. */
  grantsOf(subject: string): readonly Grant[];
  /** The grants that reach a user: its own and those of the groups given. */
  grantsFor(user: string, groups: readonly string[]): readonly Grant[];
}

/** What one name of a user or group is granted. */
interface Granted {
  readonly clusterWide: Grant[];
  readonly inNamespace: Map<string, Grant[]>;
}

export function createAccessIndex(reader: EvidenceReader): AccessIndex {
  const input = {
    reader,
    listing: (kind: ListingKind) => reader.listing(kind),
    *each(...kinds: readonly ListingKind[]) {
      for (const kind of kinds) yield* reader.objects(kind);
    },
  };
  const users = new Map<string, Granted>();
  const groups = new Map<string, Granted>();
  const subjects = new Map<string, Subject>();
  const bindings = [...readBindings(input)];
  for (const binding of bindings) {
    for (const subject of binding.subjects) {
      const known = subjects.get(subject.text) ?? subject;
      subjects.set(subject.text, known);
      const [names, name] = subject.kind === 'Group' ? [groups, subject.name] : [users, userNameOf(subject)];
      addGrant(names, name, { subject: known, binding });
    }
  }
  const gapsOf = (...resources: readonly string[]) => resources.flatMap((resource) => unread(reader, `k8s.rbac/${resource}`));
  const clusterGaps = gapsOf('clusterrolebindings');
  const allGaps = gapsOf('clusterrolebindings', 'rolebindings');

  const grantedTo = ({ user, groups: names }: Pick<AccessRequest, 'user' | 'groups'>): Granted[] => {
    const found = users.get(user);
    const all = found === undefined ? [] : [found];
    for (const name of names) {
      const group = groups.get(name);
      if (group !== undefined) all.push(group);
    }
    return all;
  };

  const can = (request: AccessRequest): Decision => {
    if (request.groups.includes(mastersGroup)) return masters;
    const covers = questionOf(request);
    const namespace = request.resourceAttributes?.namespace ?? '';
    const unresolved: Gap[] = [];
    for (const granted of grantedTo(request)) {
      for (const grants of [granted.clusterWide, namespace === '' ? undefined : granted.inNamespace.get(namespace)]) {
        for (const grant of grants ?? []) {
          const { role, gaps } = grant.binding;
          const ruleIndex = role === undefined ? -1 : role.rules.findIndex(covers);
          const rule = role?.rules[ruleIndex];
          if (rule !== undefined) return new Allowed({ ...grant, ruleIndex, rule });
          unresolved.push(...gaps);
        }
      }
    }
    const gaps = [...(namespace === '' ? clusterGaps : allGaps), ...distinct(unresolved)];
    return gaps.length === 0 ? refused : { allowed: false, via: null, reason: `not known: ${describeGaps(gaps)}`, gaps };
  };

  function* holders(right: Right): Iterable<Via> {
    const covers = ruleQuestion(right);
    const matching = new Map<Role, { readonly ruleIndex: number; readonly rule: Rule } | null>();
    const matchOf = (role: Role) => {
      let match = matching.get(role);
      if (match === undefined) {
        const ruleIndex = role.rules.findIndex(covers);
        const rule = role.rules[ruleIndex];
        match = rule === undefined ? null : { ruleIndex, rule };
        matching.set(role, match);
      }
      return match;
    };
    for (const binding of bindings) {
      if (binding.role === undefined || !reaches(binding, right)) continue;
      const match = matchOf(binding.role);
      if (match !== null) for (const subject of binding.subjects) yield { subject, binding, ...match };
    }
  }

  const whoCan = (right: Right) => {
    const bySubject = new Map<string, { readonly subject: Subject; readonly grants: Via[] }>();
    for (const via of holders(right)) {
      const holder = bySubject.get(via.subject.text);
      if (holder === undefined) bySubject.set(via.subject.text, { subject: via.subject, grants: [via] });
      else holder.grants.push(via);
    }
    const unresolved = distinct(bindings.filter((binding) => reaches(binding, right)).flatMap((binding) => binding.gaps));
    const clusterOnly = right.path !== undefined || (right.namespace ?? '') === '';
    return { holders: [...bySubject.values()].sort(byText), gaps: [...(clusterOnly ? clusterGaps : allGaps), ...unresolved] };
  };

  const flatten = ({ clusterWide, inNamespace }: Granted): Grant[] => [...clusterWide, ...[...inNamespace.values()].flat()];
  return {
    bindings,
    subjects: [...subjects.values()].sort((a, b) => (a.text < b.text ? -1 : 1)),
    gaps: rbacListings.flatMap((kind) => unread(reader, kind)),
    roleGaps: gapsOf('roles', 'clusterroles').length > 0 ? [] : distinct(bindings.flatMap((binding) => binding.gaps)),
    clusterGaps: gapsOf('clusterroles', 'clusterrolebindings'),
    can,
    holders,
    whoCan,
    grantsOf(text) {
      const subject = subjects.get(text);
      if (subject === undefined) return [];
      const granted = subject.kind === 'Group' ? groups.get(subject.name) : users.get(userNameOf(subject));
      return granted === undefined ? [] : flatten(granted);
    },
    grantsFor: (user, names) => grantedTo({ user, groups: names }).flatMap(flatten),
  };
}

function addGrant(names: Map<string, Granted>, name: string, grant: Grant): void {
  let granted = names.get(name);
  if (granted === undefined) names.set(name, (granted = { clusterWide: [], inNamespace: new Map() }));
  const { namespace } = grant.binding;
  if (namespace === '') granted.clusterWide.push(grant);
  else {
    const grants = granted.inNamespace.get(namespace);
    if (grants === undefined) granted.inNamespace.set(namespace, [grant]);
    else grants.push(grant);
  }
}

/** Whether a binding holds where the right is asked for. A URL that is no resource has no namespace. */
function reaches({ namespace: held }: Binding, { namespace = '', path }: Right): boolean {
  return held === '' || (path === undefined && (namespace === '*' || held === namespace));
}

function questionOf({ resourceAttributes, nonResourceAttributes }: AccessRequest): (rule: Rule) => boolean {
  if (resourceAttributes !== undefined) return resourceQuestion(resourceAttributes);
  return nonResourceAttributes === undefined ? () => false : pathQuestion(nonResourceAttributes);
}

function resourceQuestion({ verb, group = '', resource, subresource = '', name = '' }: ResourceAttributes): (rule: Rule) => boolean {
  // What most rules differ in comes first.
  return (rule) =>
    coversGroup(rule, group) && coversResource(rule, resource, subresource) && coversVerb(rule, verb) && coversName(rule, name);
}

function pathQuestion({ verb, path }: NonResourceAttributes): (rule: Rule) => boolean {
  return (rule) => coversVerb(rule, verb) && coversPath(rule, path);
}

function ruleQuestion(right: Right): (rule: Rule) => boolean {
  const { verb, resource = '', subresource = '', path, anyName } = right;
  if (path !== undefined) return pathQuestion({ verb, path });
  const question = resourceQuestion({ ...right, resource });
  // A request that creates an object, or deletes many, has no name yet; one on a subresource has.
  const nameless = subresource === '' && (verb === 'create' || verb === 'deletecollection');
  return anyName === true && !nameless
    ? (rule) => question(rule.resourceNames.length === 0 ? rule : { ...rule, resourceNames: [] })
    : question;
}

/** Many bindings can refer to one role. */
function distinct(gaps: readonly Gap[]): readonly Gap[] {
  return gaps.length < 2 ? gaps : [...new Map(gaps.map((gap) => [gap.what, gap])).values()];
}

/** What of a listing was not read. */
function unread(reader: EvidenceReader, kind: ListingKind): readonly Gap[] {
  const listing = reader.listing(kind);
  const what = kind.slice(kind.indexOf('/') + 1);
  if (listing === undefined) return [{ reason: 'absent', what, detail: 'not among the evidence' }];
  if (listing.gaps.length > 0) return listing.gaps;
  return isComplete(listing) ? [] : [{ reason: 'stale', what, detail: 'the list expired while it was read', closedBy: 'collect again' }];
}

/** `clusterroles (forbidden), rules of ClusterRole/x (absent)`. Untrusted text. */
export function describeGaps(gaps: readonly Gap[]): string {
  return [...new Set(gaps.map(({ what, reason }) => `${what} (${reason})`))].join(', ');
}

/** The reason is made when somebody reads it: most checks are never explained. */
class Allowed implements Decision {
  readonly allowed = true;
  readonly gaps: readonly Gap[] = [];
  readonly via: Via;
  constructor(via: Via) {
    this.via = via;
  }
  get reason(): string {
    const { binding, ruleIndex, rule } = this.via;
    return `${binding.key} → ${binding.roleKey} → rule ${ruleIndex + 1}: ${describeRule(rule)}`;
  }
}

const masters: Decision = {
  allowed: true,
  via: null,
  reason: `Group/${mastersGroup} → everything → before any authorizer`,
  gaps: [],
};
const refused: Decision = { allowed: false, via: null, reason: 'no binding gives it', gaps: [] };

function byText(a: Holder, b: Holder): number {
  return a.subject.text < b.subject.text ? -1 : 1;
}
