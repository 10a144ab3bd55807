/**
 * The roles that the API servers of Kubernetes 1.29 to 1.36 make for themselves, and what they gave each of them. Over all versions: what any
 * gave counts as given, also one before 1.29, because an upgrade adds to a role what is missing and takes nothing out. Read when it is first
 * asked for.
 */
import { defaultRolesText } from './default-roles-data.ts';
import type { Rule } from './rules.ts';

/** By key (`ClusterRole/view`, `Role/kube-system/...`), the lines of its rules. */
let lines: ReadonlyMap<string, readonly string[]> | undefined;

function readLines(): ReadonlyMap<string, readonly string[]> {
  return new Map(
    defaultRolesText
      .trim()
      .split(/\n(?! )/)
      .map((text) => {
        const [key = '', ...rules] = text.split('\n ');
        return [key, rules] as const;
      }),
  );
}

export function isDefaultKey(roleKey: string): boolean {
  return (lines ??= readLines()).has(roleKey);
}

/** The names of the ClusterRoles among them, in order. */
export function defaultClusterRoles(): readonly string[] {
  return [...(lines ??= readLines()).keys()].flatMap((key) => /^ClusterRole\/(.+)$/.exec(key)?.[1] ?? []).sort((a, b) => (a < b ? -1 : 1));
}

const known = new Map<string, readonly Rule[]>();

/** Undefined for other roles, and for `admin`, `edit` and `view`, to which whoever labels a role adds. */
export function defaultRulesOf(roleKey: string): readonly Rule[] | undefined {
  const found = known.get(roleKey);
  const own = found === undefined ? (lines ??= readLines()).get(roleKey) : undefined;
  if (own === undefined || own.length === 0) return found;
  const rules = [...own, ...(older[roleKey] ?? [])].map(readRule);
  known.set(roleKey, rules);
  return rules;
}

/** What versions before 1.16 gave, and what clusters that were upgraded since still have. */
const older: Readonly<Record<string, readonly string[]>> = {
  'ClusterRole/system:discovery': ['get|/swagger.json,/swagger-2.0.0.pb-v1,/swaggerapi,/swaggerapi/*'],
};

function readRule(line: string): Rule {
  const [verbs = [], first = [], resources, resourceNames = []] = line.split('|').map((values) => values.split(','));
  return resources === undefined
    ? { verbs, apiGroups: [], resources: [], resourceNames, nonResourceURLs: first }
    : { verbs, apiGroups: first, resources, resourceNames, nonResourceURLs: [] };
}
