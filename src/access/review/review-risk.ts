/**
 * How much a grant matters to whoever reviews it: high, medium or low, decided by the dangerous rights that it gives, by how far they reach,
 * and by who holds them. The same grant always gets the same answer, and the answer says why.
 */
import type { Binding, Role } from '../bindings.ts';
import { rightsThrough } from '../bindings.ts';
import type { Power, Rights } from '../powers.ts';
import { powerNames } from '../powers.ts';
import { describeRule, type Rule } from '../rules.ts';
import type { Subject } from '../subjects.ts';

export type Risk = 'high' | 'medium' | 'low';
/** Worst first. */
export const risks: readonly Risk[] = ['high', 'medium', 'low'];

export interface JudgedRisk {
  readonly risk: Risk;
  /** Untrusted text. */
  readonly because: string;
}

const powerWords: Readonly<Record<Power, string>> = {
  readsSecrets: 'reads secrets',
  createsPods: 'creates pods',
  escalates: 'binds or escalates roles, or acts as others',
  mintsTokens: 'issues tokens of service accounts',
  entersPods: 'runs commands in pods',
  reachesPods: 'connects to pods',
  labelsNamespaces: 'relabels namespaces',
  createsVolumes: 'creates volumes on nodes',
  proxiesNodes: 'reaches the kubelet',
  approvesCertificates: 'approves certificates',
  changesWebhooks: 'changes admission webhooks',
  changesPolicies: 'changes admission policies',
};

/** Where the control plane's own accounts and tokens lie: a right there reaches the whole cluster. */
const controlPlaneNamespace = 'kube-system';

/** A right on objects that the rule names; see `describe` in powers.ts. */
function isLimited(right: string): boolean {
  return right.endsWith(')') && right.includes(' (only: ');
}

/** Named roles and accounts may be the very ones that matter, so names lower nothing where somebody gives himself more. */
function isOnNames(power: Power, rights: Rights): boolean {
  return power !== 'escalates' && rights[power].every(isLimited);
}

function riskOfPower(power: Power, rights: Rights, widely: boolean): Risk {
  const full: Risk = !widely || power === 'reachesPods' ? 'medium' : 'high';
  if (!isOnNames(power, rights)) return full;
  return full === 'high' ? 'medium' : 'low';
}

const heldBy: Readonly<Record<Exclude<Subject['everyone'], ''>, string>> = {
  anonymous: 'whoever reaches the API server, without logging in',
  authenticated: 'everyone who can log in',
  serviceaccounts: 'every service account, and so every pod',
};

export function riskOf(binding: Binding, { everyone }: Subject): JudgedRisk {
  if (binding.gaps.length > 0)
    return { risk: 'high', because: `the rules of the role were not ${binding.role === undefined ? '' : 'all '}read` };
  if (binding.role === undefined) return { risk: 'low', because: 'the role does not exist' };
  const rights = rightsThrough(binding);
  const { namespace } = binding;
  const widely = namespace === '' || namespace === controlPlaneNamespace;
  const where = namespace === '' ? 'cluster-wide' : widely ? `in ${controlPlaneNamespace}` : 'in one namespace';
  const held = powerNames.filter((power) => rights[power].length > 0);
  if (everyone !== '') {
    const harmful = rights.everything || held.length > 0;
    return { risk: harmful ? 'high' : everyone === 'anonymous' ? 'medium' : 'low', because: `held by ${heldBy[everyone]}` };
  }
  if (rights.everything) return { risk: 'high', because: where };
  for (const risk of risks) {
    const decisive = held.filter((power) => riskOfPower(power, rights, widely) === risk);
    if (decisive.length === 0) continue;
    const named = decisive.every((power) => isOnNames(power, rights)) ? ', on named objects only' : '';
    return { risk, because: `${where}${named}${decisive.length === held.length ? '' : `: ${wordsOf(decisive)}`}` };
  }
  return { risk: 'low', because: 'no dangerous right' };
}

function wordsOf(powers: readonly Power[]): string {
  return powers.map((power) => powerWords[power]).join(', ');
}

/** Rules, and objects of each, that are written out for a role without dangerous rights. */
const shown = { rules: 2, objects: 4 } as const;

function shorten(rule: Rule): string {
  const { resources, nonResourceURLs } = rule;
  const more = Math.max(0, resources.length - shown.objects) + Math.max(0, nonResourceURLs.length - shown.objects);
  const first = { resources: resources.slice(0, shown.objects), nonResourceURLs: nonResourceURLs.slice(0, shown.objects) };
  return `${describeRule({ ...rule, ...first })}${more === 0 ? '' : ` and ${more} more`}`;
}

/** What a binding gives, in short: its dangerous rights, else its first rules; those that were added to a default role. Untrusted text. */
export function describeRight(binding: Binding): string {
  const { role, gaps } = binding;
  const isKnown = gaps.length === 0;
  if (role === undefined) return isKnown ? 'nothing: the role does not exist' : 'not known';
  if (isKnown) return describeRules(binding, role);
  return role.rules.length === 0 ? 'not known' : `${describeRules(binding, role)}; the rest is not known`;
}

function describeRules(binding: Binding, role: Role): string {
  const rights = rightsThrough(binding);
  if (rights.everything) return 'everything: every verb on every resource';
  if (role.given !== undefined) return `beyond the default: ${rulesOf(role.rules)}`;
  const held = powerNames.filter((power) => rights[power].length > 0);
  if (held.length > 0) return held.map((power) => `${powerWords[power]}${namesOf(rights[power])}`).join(', ');
  if (role.rules.length === 0) return 'nothing: the role has no rules';
  return rulesOf(role.rules);
}

function rulesOf(rules: readonly Rule[]): string {
  const more = rules.length - shown.rules;
  return [...rules.slice(0, shown.rules).map(shorten), ...(more > 0 ? [`and ${more} more ${more === 1 ? 'rule' : 'rules'}`] : [])].join(
    '; ',
  );
}

/** ` (only: a, b)` where all the rights of a power are limited to names. */
function namesOf(rights: readonly string[]): string {
  if (!rights.every(isLimited)) return '';
  const names = new Set(rights.map((right) => right.slice(right.indexOf(' (only: '))));
  return names.size === 1 ? ([...names][0] ?? '') : ' (on named objects only)';
}
