/**
 * What the subjects of bindings may do in one snapshot and not in another, whoever edited what: a right is gained where no grant of the
 * subject covered it before, in whatever words. Wildcards are compared as wildcards. Groups stand for themselves: who is in them is not seen.
 */
import type { Gap } from '../model/index.ts';
import type { AccessIndex } from './access-index.ts';
import type { Binding } from './bindings.ts';
import { type Power, powerNames, rightsOf } from './powers.ts';
import { coversGroup, coversName, coversPath, coversResource, coversVerb, type Rule, splitResource } from './rules.ts';

/** What was done to the objects that a gained or lost right stands on. */
export type AccessCause = 'binding' | 'subject' | 'role' | 'aggregation';

export interface AccessChange {
  readonly subject: string;
  /** Where it holds. Empty: cluster-wide. */
  readonly namespace: string;
  /** `get, list secrets`; in the order of the role's rules. Untrusted text. */
  readonly rights: readonly string[];
  /** Rights that are not listed. */
  readonly more: number;
  /** The dangerous ones among them. */
  readonly powers: readonly Power[];
  /** The binding and the role that give it, or gave it. */
  readonly binding: string;
  readonly role: string;
  /** `binding`: it appeared or is gone; `subject`: so did its entry; `role`: what the role allows changed; `aggregation`: through other roles. */
  readonly cause: AccessCause;
}

export interface AccessDrift {
  readonly gained: readonly AccessChange[];
  readonly lost: readonly AccessChange[];
  /** Rights of one snapshot of which the other, not read whole, says nothing: as many subjects and bindings. */
  readonly unknown: number;
  /** What either snapshot did not read. */
  readonly gaps: readonly Gap[];
}

/** Rights of one change that are listed; a hostile role can have millions. */
const mostRights = 40;

/** By subject, then by scope; of one namespace when it is named, without what holds cluster-wide. */
export function compareAccess(before: AccessIndex, after: AccessIndex, namespace?: string): AccessDrift {
  const gaps = new Map([...gapsOf(before), ...gapsOf(after)].map((gap) => [JSON.stringify(gap), gap]));
  const [gained, lost] = [without(after, before, namespace), without(before, after, namespace)];
  return { gained: gained.known, lost: lost.known, unknown: gained.unknown + lost.unknown, gaps: [...gaps.values()] };
}

function gapsOf({ gaps, bindings }: AccessIndex): readonly Gap[] {
  return [...gaps, ...bindings.flatMap((binding) => binding.gaps)];
}

/** What a snapshot says of rights: cluster-wide ones come from cluster-wide objects alone. */
function readsWhole({ clusterGaps, gaps, bindings }: AccessIndex): { readonly cluster: boolean; readonly namespaces: boolean } {
  const unresolved = bindings.filter((binding) => binding.gaps.length > 0);
  return {
    cluster: clusterGaps.length === 0 && unresolved.every(({ namespace }) => namespace !== ''),
    namespaces: gaps.length + unresolved.length === 0,
  };
}

/** What `one` gives and `other` does not. */
function without(
  one: AccessIndex,
  other: AccessIndex,
  wanted: string | undefined,
): { readonly known: AccessChange[]; readonly unknown: number } {
  const whole = readsWhole(other);
  let unknown = 0;
  const known = new Map(other.bindings.map((binding) => [binding.key, binding]));
  const texts = createRuleTexts();
  const changes = one.subjects.flatMap(({ text }) => {
    const held = other.grantsOf(text).map(({ binding }) => binding);
    return one.grantsOf(text).flatMap(({ binding }): AccessChange[] => {
      const { namespace, role } = binding;
      if (role === undefined || (wanted !== undefined && namespace !== wanted) || held.some((each) => isSame(each, binding, texts)))
        return [];
      const reaching = held
        .filter((each) => each.namespace === '' || each.namespace === namespace)
        .flatMap((each) => each.role?.rules ?? []);
      const gained = role.rules.flatMap((rule) => uncovered(rule, reaching, namespace === ''));
      if (gained.length === 0) return [];
      if (!(namespace === '' ? whole.cluster : whole.namespaces)) {
        unknown += 1;
        return [];
      }
      const rights = describe(gained);
      return [
        {
          subject: text,
          namespace,
          rights: rights.slice(0, mostRights),
          more: Math.max(0, rights.length - mostRights),
          powers: powersOf(gained, namespace === ''),
          binding: binding.key,
          role: role.key,
          cause: causeOf(binding, known.get(binding.key), text),
        },
      ];
    });
  });
  return { known: changes, unknown };
}

function isSame(one: Binding, other: Binding, texts: (rules: readonly Rule[]) => string): boolean {
  if (one.namespace !== other.namespace || one.role === undefined || other.role === undefined) return false;
  // What the very same aggregated role gives, others say.
  return (one.role.id === other.role.id && !one.role.aggregated) || texts(one.role.rules) === texts(other.role.rules);
}

function createRuleTexts(): (rules: readonly Rule[]) => string {
  const known = new WeakMap<readonly Rule[], string>();
  return (rules) => {
    const text = known.get(rules) ?? JSON.stringify(rules);
    known.set(rules, text);
    return text;
  };
}

function causeOf(binding: Binding, other: Binding | undefined, subject: string): AccessCause {
  if (other === undefined || other.roleKey !== binding.roleKey) return 'binding';
  if (!other.subjects.some(({ text }) => text === subject)) return 'subject';
  return binding.role?.aggregated === true ? 'aggregation' : 'role';
}

/** One right, a rule with one entry each. */
interface Atom {
  readonly verb: string;
  readonly group: string;
  /** `pods/exec`; of a URL: its path, and the group is of no use. */
  readonly what: string;
  readonly isPath: boolean;
  /** Null: every name. An empty one is that of requests that name no object. */
  readonly name: string | null;
}

/** A binding in a namespace gives no URLs. */
function uncovered(rule: Rule, others: readonly Rule[], clusterWide: boolean): Atom[] {
  const names = rule.resourceNames.length === 0 ? [null] : rule.resourceNames;
  // Only what covers at least one of its verbs can cover an atom of it: most rules are left out here.
  const near = others.filter((other) => rule.verbs.some((verb) => coversVerb(other, verb)));
  const isCovered = ({ verb, group, what, isPath, name }: Atom) =>
    near.some((other) =>
      isPath
        ? coversVerb(other, verb) && coversPath(other, what)
        : coversVerb(other, verb) && coversGroup(other, group) && coversResource(other, ...splitResource(what)) && coversNames(other, name),
    );
  const atoms: Atom[] = [];
  for (const verb of new Set(rule.verbs)) {
    for (const group of new Set(rule.apiGroups))
      for (const what of new Set(rule.resources)) for (const name of new Set(names)) add({ verb, group, what, isPath: false, name });
    if (clusterWide) for (const what of new Set(rule.nonResourceURLs)) add({ verb, group: '', what, isPath: true, name: null });
  }
  return atoms;

  function add(atom: Atom): void {
    if (!isCovered(atom)) atoms.push(atom);
  }
}

/** A rule with names never gives every name, whatever they are. */
function coversNames(rule: Rule, name: string | null): boolean {
  return name === null ? rule.resourceNames.length === 0 : coversName(rule, name);
}

/** Verbs of one resource together, then resources that have the same verbs. */
function describe(atoms: readonly Atom[]): string[] {
  const verbs = new Map<string, { readonly atom: Atom; readonly verbs: Set<string> }>();
  for (const atom of atoms) {
    const key = JSON.stringify([atom.isPath, atom.group, atom.what, atom.name]);
    const known = verbs.get(key);
    if (known === undefined) verbs.set(key, { atom, verbs: new Set([atom.verb]) });
    else known.verbs.add(atom.verb);
  }
  const together = new Map<string, { readonly verbs: string; readonly name: string | null; readonly what: string[] }>();
  for (const { atom, verbs: own } of verbs.values()) {
    const text = [...own].join(', ');
    const key = JSON.stringify([atom.isPath, text, atom.name]);
    const what = atom.isPath || atom.group === '' ? atom.what : `${atom.what}.${atom.group}`;
    const known = together.get(key);
    if (known === undefined) together.set(key, { verbs: text, name: atom.name, what: [what] });
    else known.what.push(what);
  }
  return [...together.values()].map(
    ({ verbs: text, name, what }) => `${text} ${what.join(', ')}${name === null ? '' : ` (only: ${name === '' ? '""' : name})`}`,
  );
}

function powersOf(atoms: readonly Atom[], clusterWide: boolean): readonly Power[] {
  const rights = rightsOf(
    atoms.map(({ verb, group, what, isPath, name }): Rule => {
      const [own, none] = [[what], [] as string[]];
      return {
        verbs: [verb],
        apiGroups: isPath ? none : [group],
        resources: isPath ? none : own,
        resourceNames: name === null ? none : [name],
        nonResourceURLs: isPath ? own : none,
      };
    }),
    clusterWide,
  );
  return powerNames.filter((power) => rights[power].length > 0);
}
