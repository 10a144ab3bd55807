/**
 * Which rights that techniques need a role gives: asked once for each role and need, whatever the number of bindings. A right is known by its
 * key; bindings say in which scope it holds.
 */
import type { RightNeed } from '../../model/index.ts';
import type { Role } from '../bindings.ts';
import { coversGroup, coversResource, coversVerb } from '../rules.ts';
import { parseResource } from './technique.ts';

/** What makes a rule give the right, for people: `create pods`. */
export interface RightMatch {
  /** Position of the rule in its role, from 0. */
  readonly rule: number;
  readonly text: string;
  /** What gives the rule, where the edge does not start at a grant. */
  readonly by?: string;
}

export interface RoleMatch {
  /** On every name. */
  readonly free: RightMatch | undefined;
  /** On these names only; empty when it is free. */
  readonly named: ReadonlyMap<string, RightMatch>;
}

const noNames: RoleMatch['named'] = new Map();
/** What a role that gives nothing is matched to: this very one. */
export const noMatch: RoleMatch = { free: undefined, named: noNames };

/** The same right under every technique that needs it. */
export function rightKey({ verbs, resources, names = 'none' }: RightNeed): string {
  return `${verbs.join(',')} ${resources.join(',')} ${typeof names === 'string' ? names : `=${names.join(',')}`}`;
}

/** What is created has no name yet when the authorizer is asked; a subresource has that of its object. */
function isNameless(verb: string, subresource: string): boolean {
  return subresource === '' && /(^|:)create$/.test(verb);
}

/** `role` against `need`. A request that creates has no name, so rules with resourceNames do not allow it (`names: none`). */
export function matchRole({ rules }: Pick<Role, 'rules'>, { verbs, resources, names = 'none' }: RightNeed): RoleMatch {
  let named: Map<string, RightMatch> | undefined;
  for (const text of resources) {
    const { group, resource, subresource } = parseResource(text);
    for (let index = 0; index < rules.length; index++) {
      const rule = rules[index] as Role['rules'][number];
      if (!coversGroup(rule, group) || !coversResource(rule, resource, subresource)) continue;
      const limited = rule.resourceNames.length > 0;
      const verb = verbs.find((each) => coversVerb(rule, each) && !(limited && isNameless(each, subresource)));
      if (verb === undefined) continue;
      const match = { rule: index, text: `${verb} ${text}` };
      if (!limited) return { free: match, named: noNames };
      if (names === 'none') continue;
      for (const name of rule.resourceNames) {
        // No object has an empty name.
        if (name === '' || (typeof names !== 'string' && !names.includes(name))) continue;
        named ??= new Map();
        if (!named.has(name)) named.set(name, { rule: index, text: `${verb} ${text} ${name}` });
      }
    }
  }
  if (named === undefined) return noMatch;
  const [first] = named.values();
  // Any of the names will do.
  if (names === 'any' || typeof names !== 'string') return { free: first, named: noNames };
  return { free: undefined, named };
}

/** Every verb on every resource: nothing is left to climb for. */
export function givesEverything({ rules }: Pick<Role, 'rules'>): boolean {
  return rules.some(
    (rule) => rule.verbs.includes('*') && rule.apiGroups.includes('*') && rule.resources.includes('*') && rule.resourceNames.length === 0,
  );
}

/** A role that gives all there is where it is bound, whatever it is called. */
export const fullRules: Role['rules'] = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], resourceNames: [], nonResourceURLs: ['*'] }];
