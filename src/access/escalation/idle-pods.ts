/**
 * Leaves out the pods that no way to cluster-admin leads through: whoever is in such a pod has gained nothing. Not for searches that are
 * after a Secret or a node. It goes by what the techniques say about pods, so that one that says something new leaves every pod in.
 */
import type { RightNeed, Technique } from '../../model/index.ts';
import type { Role } from '../bindings.ts';
import { segment } from '../names.ts';
import type { Plan } from './plan.ts';
import { planTechniques } from './plan.ts';
import type { PodFacts } from './pod-facts.ts';
import { matchRole } from './rights.ts';
import { isSameSet } from './same.ts';
import { impliedGroups } from './states.ts';
import { isRight } from './technique.ts';
import type { World } from './world.ts';

/** Of the pods of a namespace, those that are not idle, and what that goes by. */
interface Sifted {
  readonly gains: Gains;
  readonly isPassed: boolean;
  readonly tokens: string;
  readonly busy: readonly PodFacts[];
}

/** As long as the pods of a namespace are the same. */
const known = new WeakMap<readonly PodFacts[], Sifted>();

export function withoutIdlePods(world: World, techniques: readonly Technique[]): World {
  const { gains, changes } = rulesOf(world, techniques);
  if (changes === null) return world;
  const isPassed = passing(world, changes);
  const isSame = createComparison(gains);
  const kept = new Map<string, readonly PodFacts[]>();
  for (const [namespace, pods] of world.pods) {
    const tokens = world.tokenSecrets === undefined ? 'not read' : JSON.stringify([...(world.tokenSecrets.get(namespace) ?? [])]);
    let sifted = known.get(pods);
    if (sifted === undefined || !isSame(sifted.gains) || sifted.isPassed !== isPassed(namespace) || sifted.tokens !== tokens) {
      const isIdle = idleness(world, gains, isPassed);
      sifted = { gains, isPassed: isPassed(namespace), tokens, busy: pods.filter((pod) => !isIdle(pod)) };
      known.set(pods, sifted);
    }
    if (sifted.busy.length > 0) kept.set(namespace, sifted.busy);
  }
  return { ...world, pods: kept };
}

function idleness(world: World, gains: Gains, isPassed: (namespace: string) => boolean): (pod: PodFacts) => boolean {
  // Where they were not read, those whose names are as the control plane gives them; see targets.ts.
  const isToken = (namespace: string, secret: string) =>
    world.tokenSecrets === undefined ? secret.includes('-token-') : world.tokenSecrets.get(namespace)?.has(secret) === true;
  return ({ component, mirror, reach, namespace, account, secrets, pullSecrets }) =>
    component === '' &&
    !mirror &&
    reach === undefined &&
    (account === '' || !gains.of(namespace, account)) &&
    !secrets.some((secret) => isToken(namespace, secret)) &&
    !pullSecrets.some((secret) => isToken(namespace, secret)) &&
    isPassed(namespace);
}

/** Which accounts have more than every account has. */
interface Gains {
  /** Accounts that are bound, `namespace/name`. */
  readonly bound: ReadonlySet<string>;
  /** Groups that are worth climbing for. */
  readonly groups: ReadonlySet<string>;
  of(namespace: string, account: string): boolean;
}

/** Roles and bindings change, and the same accounts are bound all the same. */
function createComparison(now: Gains): (before: Gains) => boolean {
  const known = new Map<Gains, boolean>([[now, true]]);
  return (before) => {
    let isSame = known.get(before);
    if (isSame === undefined) known.set(before, (isSame = isSameSet(before.bound, now.bound) && isSameSet(before.groups, now.groups)));
    return isSame;
  };
}

/** Of each role that opens pods: the workloads that it may change; null where it may create what it likes. */
type Changes = readonly (ReadonlySet<string> | null)[];

interface Rules {
  readonly gains: Gains;
  /** Null when a technique says of pods what is not known here: then any pod could matter. */
  readonly changes: Changes | null;
}

/** What roles, bindings and techniques say; by the index, which is made of the first two. */
const knownRules = new WeakMap<World['index'], { readonly techniques: readonly Technique[]; readonly rules: Rules }>();

function rulesOf(world: World, techniques: readonly Technique[]): Rules {
  const before = knownRules.get(world.index);
  if (before?.techniques === techniques) return before.rules;
  const rules = { gains: gainingAccounts(world, techniques), changes: changesBy(world, techniques) };
  knownRules.set(world.index, { techniques, rules });
  return rules;
}

const leadsFrom = new Set(['object', 'accountOfPod', 'secretsOfPod']);

function changesBy({ roles }: World, techniques: readonly Technique[]): Changes | null {
  const opening = techniques.filter(
    ({ over, yields }) =>
      over === 'pod' && !yields.every(({ what, when }) => leadsFrom.has(what) || (what === 'nodeOfPod' && when === 'podReachesNode')),
  );
  const rights = opening.flatMap(({ needs }) => needs.filter(isRight));
  const isKnown = ({ needs, yields }: Technique) =>
    needs.every(isRight) &&
    yields.every(({ what, when }) => leadsFrom.has(what) || (what === 'nodeOfPod' && when === 'ephemeralReachesNode'));
  if (!opening.every(isKnown)) return null;
  const others = techniques.filter(
    ({ over, needs, yields }) =>
      (over === 'namespace' || over === 'workload') &&
      needs.length === 1 &&
      yields.some(({ what, when }) => what === 'allNodes' && when === 'podsReachNodes'),
  );
  return [...roles.values()].flatMap((role): (ReadonlySet<string> | null)[] => {
    if (!rights.some((need) => isGiven(role, need))) return [];
    const kinds = new Set<string>();
    for (const { over, needs } of others)
      for (const need of needs.filter(isRight))
        for (const resource of need.resources) {
          if (matchRole(role, { ...need, resources: [resource] }).free === undefined) continue;
          if (over === 'namespace') return [null];
          kinds.add(resource);
        }
    return [kinds];
  });
}

/**
 * Namespaces in which nobody gains by a right on pods what their account, their Secrets and their own hold on the node do not give: where a
 * debug container opens the node, whoever may start one may as surely change a workload there, or create a pod, that does.
 */
function passing({ workloads, namespaces }: World, changes: Changes): (namespace: string) => boolean {
  const known = new Map<string, boolean>();
  return (namespace) => {
    let isPassed = known.get(namespace);
    if (isPassed === undefined) {
      isPassed =
        changes.length === 0 ||
        (namespaces.get(namespace)?.guards?.length === 0 &&
          changes.every((kinds) => kinds === null || kinds.values().some((kind) => workloads.get(namespace)?.has(kind) === true)));
      known.set(namespace, isPassed);
    }
    return isPassed;
  };
}

function isGiven(role: Role, need: RightNeed): boolean {
  const { free, named } = matchRole(role, need);
  return free !== undefined || named.size > 0;
}

/** A binding of their own, or of a group of theirs that is worth climbing for. */
function gainingAccounts({ index, roles }: World, techniques: readonly Technique[]): Gains {
  const plan = planTechniques(techniques);
  const edited = editedByName(plan, roles.values());
  const gives = (role: Role) =>
    edited.has(role.key.slice(role.key.lastIndexOf('/') + 1)) || plan.rights.some(({ need }) => isGiven(role, need));
  const bound = new Set<string>();
  const groups = new Set<string>();
  for (const { subjects, role } of index.bindings) {
    for (const { account, everyone, name } of subjects) {
      if (account !== '') bound.add(account);
      else if (everyone !== '' && !groups.has(name) && role !== undefined && gives(role)) groups.add(name);
    }
  }
  const known = new Map<string, Map<string, boolean>>();
  const of: Gains['of'] = (namespace, name) => {
    let inside = known.get(namespace);
    if (inside === undefined) known.set(namespace, (inside = new Map()));
    let gains = inside.get(name);
    if (gains === undefined) {
      gains = bound.has(`${namespace}/${name}`) || impliedGroups('ServiceAccount', name, namespace).some((group) => groups.has(group));
      inside.set(name, gains);
    }
    return gains;
  };
  return { bound, groups, of };
}

/** Roles that somebody may edit by their name, so that whoever holds them gains. Who may edit every role holds the one that says so. */
function editedByName({ rights, variants }: Plan, roles: Iterable<Role>): ReadonlySet<string> {
  const editing = variants.filter(({ premises }) => premises.some((premise) => 'holds' in premise));
  const needs = rights.filter(({ variants: users }) => editing.some((variant) => users.has(variant))).map(({ need }) => need);
  const names = new Set<string>();
  for (const role of roles) for (const need of needs) for (const name of matchRole(role, need).named.keys()) names.add(segment(name));
  return names;
}
