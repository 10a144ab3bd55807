/**
 * Draws the graph of one snapshot: states and memberships, grants with the rights that their roles give, and for each right the techniques
 * that it opens. A technique is drawn for what is there and for the names that rules name, never for what nobody has a right on.
 */
import type { Technique } from '../../model/index.ts';
import type { Binding, Role } from '../bindings.ts';
import { nameOf, segment } from '../names.ts';
import { widenedOf } from '../widened.ts';
import { Graph } from './graph.ts';
import type { Named, Plan, Premise, Variant } from './plan.ts';
import { planTechniques } from './plan.ts';
import type { Placed } from './constrained.ts';
import { commonRights, grantsOn, placesOf } from './constrained.ts';
import { isBuiltinGrant } from './setup-grants.ts';
import type { RoleMatch } from './rights.ts';
import { fullRules, givesEverything, matchRole, noMatch } from './rights.ts';
import { stateOf } from './states.ts';
import { Targets, type Place } from './targets.ts';
import { isRight } from './technique.ts';
import type { World } from './world.ts';

export interface Drawing {
  readonly graph: Graph;
  /** States that somebody can be, by their text. */
  readonly sources: ReadonlyMap<string, number>;
  readonly everything: number;
}

/** A drawing in which nobody is bound yet: of each binding only what it gives. */
export interface Ground extends Drawing {
  /** By the key of a binding: what it gives. */
  readonly grants: ReadonlyMap<string, Grants>;
  /** Whether something was drawn by what single subjects are granted. */
  readonly isPersonal: boolean;
}

interface Grants {
  /** By a grant that somebody added. */
  readonly added: number | undefined;
  /** By one that the cluster is made with; and what was added to its role. */
  readonly builtin: number | undefined;
  readonly widened: number | undefined;
}

/** `secrets`: those that a search is after, `namespace/name`; of others only token Secrets are drawn. */
export function drawGraph(world: World, techniques: readonly Technique[], secrets: readonly (readonly [string, string])[]): Drawing {
  const ground = drawGround(world, techniques, secrets);
  bindSubjects(ground.graph, ground.grants, world);
  return ground;
}

export function drawGround(world: World, techniques: readonly Technique[], secrets: readonly (readonly [string, string])[]): Ground {
  return new Drawer(world, planTechniques(techniques), secrets).draw();
}

/** On a ground that was drawn for the same bindings, whoever is bound by them. */
export function drawOn({ graph: ground, sources, everything, grants }: Ground, world: World): Drawing {
  const graph = ground.copy();
  bindSubjects(graph, grants, world);
  return { graph, sources, everything };
}

/**
 * Whom bindings name comes last, so that a ground serves as long as the same subjects are bound by the same bindings in another way. Each
 * subject is a state of the ground.
 */
function bindSubjects(graph: Graph, grants: Ground['grants'], { index }: World): void {
  for (const binding of index.bindings) {
    const { added, builtin, widened } = grants.get(binding.key) ?? {};
    for (const subject of binding.subjects)
      for (const node of isBuiltinGrant(binding, subject.text) ? [builtin, widened] : [added])
        if (node !== undefined) graph.edge(graph.node('state', stateOf(subject)), node);
  }
}

/** What a person takes away of such a grant is not the binding. */
const widenedNote = '(what was added to its role)';
const fullRole = { rules: fullRules };

class Drawer {
  readonly #world: World;
  readonly #plan: Plan;
  readonly #graph = new Graph();
  readonly #targets: Targets;
  /** Scopes in which a role is bound, by its key; and of any role of a kind. */
  readonly #heldIn = new Map<string, Set<string>>();
  readonly #provided = new Set<number>();
  readonly #queue: { readonly right: number; readonly scope: string; readonly name: string }[] = [];
  /** Right nodes by right, scope and name. */
  readonly #rights: Map<string, Map<string, number>>[] = [];
  /** By variant and namespace: names, and what is held with them. */
  readonly #drawn: Map<string, Set<string>>[] = [];
  readonly #grants = new Map<string, Grants>();
  #isPersonal = false;
  /** By role (or kind, for any): who may edit it. */
  readonly #editing = new Map<string, { readonly variant: Variant; readonly namespace: string; readonly role: string }[]>();

  constructor(world: World, plan: Plan, secrets: readonly (readonly [string, string])[]) {
    this.#world = world;
    this.#plan = plan;
    this.#targets = new Targets(world, this.#graph, secrets, (role, namespace) => this.#bound(role, namespace));
  }

  draw(): Ground {
    const sources = this.#targets.drawSubjects();
    for (const binding of this.#world.index.bindings) this.#drawBinding(binding);
    for (const variant of this.#plan.variants)
      if (variant.premises.every((premise) => 'controls' in premise)) this.#drawForObjects(variant);
    for (let next = this.#queue.pop(); next !== undefined; next = this.#queue.pop())
      for (const variant of this.#plan.rights[next.right]?.variants ?? []) this.#open(variant, next.scope, next.name);
    const { everything } = this.#targets;
    return { graph: this.#graph, sources, everything, grants: this.#grants, isPersonal: this.#isPersonal };
  }

  #drawBinding(binding: Binding): void {
    const { role, roleKey, key } = binding;
    if (role === undefined) return;
    const draw = (text: string, builtin: boolean, gives: Pick<Role, 'rules'>): number => {
      const node = this.#graph.grant(text, { binding, builtin });
      this.#give(node, gives, binding.namespace);
      return node;
    };
    const drawHeld = (...grant: Parameters<typeof draw>): number => {
      const node = draw(...grant);
      this.#hold(node, roleKey, binding.namespace);
      return node;
    };
    const added = hasGrant(binding, false) ? drawHeld(key, false, role) : undefined;
    if (!hasGrant(binding, true)) return void this.#grants.set(key, { added, builtin: undefined, widened: undefined });
    const parts = widenedOf(role);
    const builtin = drawHeld(`${key} (built in)`, true, parts?.given ?? role);
    // That the role is held comes from the grant, and not from what was added to it.
    const widened = parts === null ? undefined : draw(`${key} ${widenedNote}`, false, parts.added);
    this.#grants.set(key, { added, builtin, widened });
  }

  /** Who has this node holds the role there: a role that is edited while it is bound gives its holders more. */
  #hold(node: number, roleKey: string, namespace: string): void {
    const kind = roleKey.slice(0, roleKey.indexOf('/'));
    for (const held of [roleKey, kind]) {
      this.#graph.edge(node, this.#graph.node('choice', `holds ${held} in ${segment(namespace)}`));
      const scopes = this.#heldIn.get(held) ?? new Set();
      if (scopes.has(namespace)) continue;
      this.#heldIn.set(held, scopes.add(namespace));
      // A role that is bound on the way may be the one to edit.
      for (const edit of this.#editing.get(held) ?? []) this.#drawHeld(edit, held, namespace);
    }
  }

  /** Edges from a node to every right that the role gives where it holds; `namespace` is empty for cluster-wide. */
  #give(node: number, role: Pick<Role, 'rules'>, namespace: string): void {
    const everything = givesEverything(role);
    for (const [right, match] of this.#matchesOf(role)) {
      const planned = this.#plan.rights[right] as Plan['rights'][number];
      // Whoever has everything has no need to climb by its parts; nor, in a namespace, by what is less than the rest.
      if (
        everything &&
        (namespace === '' ? !planned.need.verbs.includes('*') : planned.need.verbs.some((verb) => verb.startsWith('impersonate:')))
      )
        continue;
      for (const [scope, name, by] of placesOf(match, planned, namespace)) this.#provide(node, { right, scope, name, match: by });
    }
  }

  #matchesOf(role: Pick<Role, 'rules'>): readonly (readonly [right: number, match: RoleMatch])[] {
    const known = this.#plan.matches.get(role);
    if (known !== undefined) return known;
    const matches: (readonly [number, RoleMatch])[] = [];
    for (const [right, { need }] of this.#plan.rights.entries()) {
      const match = matchRole(role, need);
      if (match !== noMatch) matches.push([right, match]);
    }
    this.#plan.matches.set(role, matches);
    return matches;
  }

  #provide(node: number, { right, scope, name, match }: Placed): void {
    const to = this.#right(right, scope, name);
    this.#graph.edge(node, to, '', match);
    if (this.#provided.has(to)) return;
    this.#provided.add(to);
    this.#queue.push({ right, scope, name });
  }

  /** A right node, had by whoever has the same right in more places or on more names. */
  #right(right: number, scope: string, name: string): number {
    const scopes = (this.#rights[right] ??= new Map());
    let names = scopes.get(scope);
    if (names === undefined) scopes.set(scope, (names = new Map<string, number>()));
    const known = names.get(name);
    if (known !== undefined) return known;
    const node = this.#graph.add('right');
    names.set(name, node);
    if (scope !== '') this.#graph.edge(this.#right(right, '', name), node);
    if (name !== '') this.#graph.edge(this.#right(right, scope, ''), node);
    return node;
  }

  /**
   * A role that is bound to whoever climbs: a state that gives what the role gives; `roleKey` is empty for any role. Undefined for a role
   * that is not among the evidence.
   */
  #bound(roleKey: string, namespace: string): number | undefined {
    const any = roleKey === '';
    if (any && namespace === '') return this.#targets.everything;
    const role = any ? fullRole : this.#world.roles.get(roleKey);
    if (role === undefined) return undefined;
    const text = any ? `every right in ${namespace}` : `${roleKey}${namespace === '' ? '' : ` in ${namespace}`}`;
    const known = this.#graph.find('state', text);
    if (known !== undefined) return known;
    const node = this.#graph.node('state', text);
    this.#give(node, role, namespace);
    if (!any) this.#hold(node, roleKey, namespace);
    return node;
  }

  #drawForObjects(variant: Variant): void {
    for (const place of this.#targets.places(variant)) this.#drawAt(variant, place);
  }

  /** Draws what a right opens: in each namespace when it holds in all. */
  #open(variant: Variant, scope: string, name: string): void {
    const named = variant.premises.some((premise) => isNamed(premise));
    const object = named ? name : '';
    const namespaces = !variant.spread ? [''] : scope === '' ? this.#world.namespaces.keys() : [scope];
    for (const namespace of namespaces) {
      if (namespace !== '' && !this.#world.namespaces.has(namespace)) continue;
      if (variant.premises.some((premise) => 'holds' in premise)) {
        this.#openEditing(variant, namespace, object, named);
      } else if (variant.technique.over === 'clusterRoleBinding' || variant.technique.over === 'roleBinding') {
        this.#drawBindings(variant, namespace, object);
      } else this.#drawAt(variant, { namespace, name: object });
    }
  }

  #openEditing(variant: Variant, namespace: string, name: string, named: boolean): void {
    const kind = variant.technique.over === 'role' ? 'Role' : 'ClusterRole';
    const keyOf = (role: string) => nameOf(kind, namespace, role);
    // Whoever may edit every role edits one that is held; a technique that names no role is about each that fits its condition.
    const held = !named
      ? [...this.#world.gathering].map((role) => [role, keyOf(role)] as const)
      : [[name, name === '' ? kind : keyOf(name)] as const];
    for (const [role, key] of held) {
      const edit = { variant, namespace, role };
      const edits = this.#editing.get(key) ?? [];
      this.#editing.set(key, edits);
      edits.push(edit);
      for (const scope of this.#heldIn.get(key) ?? []) this.#drawHeld(edit, key, scope);
    }
  }

  /** Where a role is bound, its holders gain by an edit; a Role only in its own namespace. */
  #drawHeld(edit: { readonly variant: Variant; readonly namespace: string; readonly role: string }, key: string, scope: string): void {
    const { variant, namespace, role } = edit;
    if (variant.technique.over === 'role' && scope !== namespace) return;
    this.#drawAt(variant, { namespace, name: role, held: { key, scope } });
  }

  /** All bindings there at once, or each that the name is of, or whose role it is of. */
  #drawBindings(variant: Variant, namespace: string, name: string): void {
    if (name === '') this.#drawAt(variant, { namespace, name });
    else
      for (const { binding, role } of this.#targets.boundIn(namespace, variant.roleKind))
        if (name === binding || name === role) this.#drawAt(variant, { namespace, name: binding, role });
  }

  #drawAt(variant: Variant, place: Place): void {
    const { technique } = variant;
    const drawn = (this.#drawn[variant.index] ??= new Map());
    let names = drawn.get(place.namespace);
    if (names === undefined) drawn.set(place.namespace, (names = new Set<string>()));
    const held = place.held === undefined ? '' : `|${place.held.key}|${segment(place.held.scope)}`;
    const key = segment(place.name) + held;
    if (names.has(key)) return;
    names.add(key);
    if (technique.yields.some(({ what }) => what === 'objectInPart')) {
      this.#drawInPart(variant, place, `${variant.index}|${segment(place.namespace)}|${key}`);
      return;
    }
    const found = [...this.#targets.of(variant, place)];
    if (found.length === 0) return;
    const ability = this.#graph.ability({ technique, namespace: place.namespace });
    for (const [target, reason] of found) this.#graph.edge(ability, target, reason);
    const premises = variant.premises.map((premise) => this.#premise(premise, place, variant.technique.over));
    const [only, second] = premises;
    if (only === undefined) return;
    if (second === undefined) this.#graph.edge(only, ability);
    else this.#graph.edge(this.#join(premises, false), ability);
  }

  /** For each binding that grants requests under the impersonation: a state that has what is then left of the impersonated one's rights. */
  #drawInPart(variant: Variant, place: Place, key: string): void {
    this.#isPersonal = true;
    const [need] = variant.technique.needs;
    const verb =
      (need === undefined ? [] : 'together' in need ? need.together : isRight(need) ? [need] : []).flatMap(({ verbs }) => verbs)[0] ?? '';
    const mode = verb.slice(verb.indexOf(':') + 1);
    const premises = variant.premises.flatMap((premise) => {
      const node = this.#premise(premise, place, variant.technique.over);
      return this.#graph.joins.get(node)?.premises ?? [node];
    });
    for (const binding of this.#world.index.bindings) {
      if (!grantsOn(binding, mode)) continue;
      for (const { text, held, reason } of this.#targets.impersonated(variant, place)) {
        const rights = [...commonRights(this.#plan, mode, binding, held)];
        if (rights.length === 0) continue;
        const name = `${text} within ${binding.key}`;
        const known = this.#graph.find('state', name);
        const state = this.#graph.node('state', name);
        if (known === undefined) for (const right of rights) this.#provide(state, right);
        for (const grant of [binding.key, `${binding.key} (built in)`, `${binding.key} ${widenedNote}`].flatMap(
          (each) => this.#graph.find('grant', each) ?? [],
        )) {
          const ability = this.#graph.ability(
            { technique: variant.technique, namespace: place.namespace },
            `${key}|${grant}|${segment(text)}`,
          );
          this.#graph.edge(ability, state, reason);
          const all = [...premises, grant];
          this.#graph.edge(this.#join(all, true), ability);
        }
      }
    }
  }

  #premise(premise: Premise, place: Place, over: Technique['over']): number {
    const right = ({ right: number, named }: { readonly right: number; readonly named: Named }) => {
      const scope = this.#plan.rights[number]?.scope === 'namespace' ? place.namespace : '';
      return this.#right(number, scope, named === 'object' ? place.name : named === 'role' ? (place.role ?? '') : '');
    };
    if ('right' in premise) return right(premise);
    if ('together' in premise) return this.#join(premise.together.map(right), true);
    if ('controls' in premise) return this.#targets.controlled(premise.controls, place, over);
    return this.#graph.node('choice', `holds ${place.held?.key ?? ''} in ${segment(place.held?.scope ?? '')}`);
  }

  /** One join for the same premises, whatever they open. */
  #join(premises: readonly number[], together: boolean): number {
    return this.#graph.join(`${together ? 'one' : 'all'} ${premises.join('&')}`, { premises, together });
  }
}

/** Whether it names a subject that the cluster is made to be granted this by it, or one that is not. */
export function hasGrant(binding: Binding, builtin: boolean): boolean {
  return binding.subjects.some(({ text }) => isBuiltinGrant(binding, text) === builtin);
}

function isNamed(premise: Premise): boolean {
  if ('right' in premise) return premise.named !== '';
  return 'together' in premise && premise.together.some(({ named }) => named !== '');
}
