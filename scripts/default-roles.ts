/**
 * Writes src/access/default-roles-data.ts: the roles that the API servers of Kubernetes make for themselves, with the rules that they give
 * them. Run by hand for a new version of Kubernetes (`node scripts/default-roles.ts`, with Go): it needs the network, so no gate does.
 *
 * Of the versions that are supported the roles are asked of their own code (k8s.io/kubernetes, plugin/pkg/auth/authorizer/rbac/
 * bootstrappolicy), with all feature gates off, as they are, and all on: its test data leaves out most of what an alpha gate adds. Of the
 * versions before them the test data says which rules these roles had: an upgrade takes nothing out of a role. Before 1.16 one of them,
 * the aggregation controller's, had everything, beside which nothing would show.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';

const supported = '1.29.15 1.30.14 1.31.14 1.32.13 1.33.13 1.34.9 1.35.6 1.36.4'.split(' ');
const before = '1.16.15 1.17.17 1.18.20 1.19.16 1.20.15 1.21.14 1.22.17 1.23.17 1.24.17 1.25.16 1.26.15 1.27.16 1.28.15'.split(' ');
const gates = ['AllAlpha=false,AllBeta=false', 'AllAlpha=false', 'AllAlpha=true,AllBeta=true'];
const target = 'src/access/default-roles-data.ts';

interface RawRole {
  readonly kind?: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly Readonly<Record<string, readonly string[] | undefined>>[] | null;
}

const go = (cwd: string, ...args: readonly string[]) =>
  execFileSync('go', args, { cwd, encoding: 'utf8', maxBuffer: 1 << 26, env: { ...process.env, GOFLAGS: '-mod=mod' } });

function rolesOf(text: string): readonly RawRole[] {
  return (parse(text) as { readonly items: readonly RawRole[] }).items;
}

/** The module's own parts are replaced by paths of its repository, and are modules of the same version elsewhere. */
function* askRoles(dir: string, version: string): Iterable<RawRole> {
  const { GoMod } = JSON.parse(go(dir, 'mod', 'download', '-json', `k8s.io/kubernetes@v${version}`)) as { readonly GoMod: string };
  const own = readFileSync(GoMod, 'utf8');
  const parts = new Set(Array.from(own.matchAll(/^\t(k8s\.io\/[a-z-]+) (?:v0\.0\.0$|=> \.\/staging\/)/gm), ([, name]) => name));
  const replaced = [...parts].map((name) => `replace ${name} => ${name} v0${version.slice(1)}`);
  writeFileSync(
    join(dir, 'go.mod'),
    ['module roles', /^go .+$/m.exec(own)?.[0], `require k8s.io/kubernetes v${version}`, ...replaced, ''].join('\n'),
  );
  // That of the version before.
  rmSync(join(dir, 'go.sum'), { force: true });
  copyFileSync('scripts/default-roles.go', join(dir, 'main.go'));
  go(dir, 'build', '-o', 'roles', '.');
  for (const each of gates) yield* rolesOf(execFileSync(join(dir, 'roles'), [each], { encoding: 'utf8', maxBuffer: 1 << 26 }));
}

function* readRoles(dir: string, version: string): Iterable<RawRole> {
  const { Dir } = JSON.parse(go(dir, 'mod', 'download', '-json', `k8s.io/kubernetes@v${version}`)) as { readonly Dir: string };
  for (const name of ['cluster-roles', 'cluster-roles-featuregates', 'controller-roles', 'namespace-roles']) {
    const path = join(Dir, 'plugin/pkg/auth/authorizer/rbac/bootstrappolicy/testdata', `${name}.yaml`);
    if (existsSync(path)) yield* rolesOf(readFileSync(path, 'utf8'));
  }
}

/** By what a right is on (`GROUP|RESOURCE|NAME`, or a path): its verbs. */
type Rights = Map<string, Set<string>>;

function addRights(rights: Rights, { rules }: RawRole): void {
  const add = (on: string, verbs: readonly string[]) => rights.set(on, new Set([...(rights.get(on) ?? []), ...verbs]));
  for (const { verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } of rules ?? []) {
    for (const url of nonResourceURLs) add(url, verbs);
    for (const group of apiGroups)
      for (const resource of resources)
        for (const name of resourceNames.length === 0 ? [''] : resourceNames) add(`${group}|${resource}|${name}`, verbs);
  }
}

const list = (values: Iterable<string>) => [...values].sort().join(',');

/** Rules in the fewest words: `VERBS|GROUP|RESOURCES|NAMES`, `VERBS|PATHS`. */
function ruleLines(rights: Rights): readonly string[] {
  const join = (entries: Iterable<readonly [string, string]>) =>
    Array.from(
      Map.groupBy(entries, ([key]) => key),
      ([key, same]) => [key, list(same.map(([, value]) => value))] as const,
    );
  const [urls, objects] = [[...rights].filter(([on]) => !on.includes('|')), [...rights].filter(([on]) => on.includes('|'))];
  const names = objects.map(([on, verbs]) => {
    const [group = '', resource = '', name = ''] = on.split('|');
    return [`${list(verbs)}|${group}|${resource}`, name] as const;
  });
  const resources = join(names).map(([key, all]) => {
    const [verbs = '', group = '', resource = ''] = key.split('|');
    // All names: those that are listed beside it say nothing more.
    return [`${verbs}|${group}|${all.startsWith(',') ? '' : all}`, resource] as const;
  });
  return [
    ...join(resources).map(([key, all]) => {
      const [verbs = '', group = '', only = ''] = key.split('|');
      return `${verbs}|${group}|${all}${only === '' ? '' : `|${only}`}`;
    }),
    ...join(urls.map(([url, verbs]) => [list(verbs), url] as const)).map(([verbs, all]) => `${verbs}|${all}`),
  ].sort();
}

const roles = new Map<string, Rights>();
const keyOf = ({ metadata: { name, namespace } }: RawRole) =>
  namespace === undefined ? `ClusterRole/${name}` : `Role/${namespace}/${name}`;
const dir = mkdtempSync(join(tmpdir(), 'default-roles-'));
try {
  for (const version of supported) {
    process.stdout.write(`${version}\n`);
    for (const role of askRoles(dir, version)) {
      const rights = roles.get(keyOf(role)) ?? new Map<string, Set<string>>();
      roles.set(keyOf(role), rights);
      addRights(rights, role);
    }
  }
  for (const version of before) {
    process.stdout.write(`${version}\n`);
    for (const role of readRoles(dir, version)) {
      const rights = roles.get(keyOf(role));
      // What gathers other roles has rules of its own in no version.
      if (rights !== undefined && rights.size > 0) addRights(rights, role);
    }
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}

const lines = [...roles.keys()].sort().map((key) => [key, ...ruleLines(roles.get(key) ?? new Map())].join('\n '));
const [first, last] = [supported[0], supported.at(-1)].map((version) => version?.split('.').slice(0, 2).join('.'));
const text = `/**
 * Made by scripts/default-roles.ts, and not by hand: the roles that the API servers of Kubernetes ${first} to ${last} make, and what any of them,
 * or of those since 1.16, gave each. From k8s.io/kubernetes, plugin/pkg/auth/authorizer/rbac/bootstrappolicy (Apache-2.0).
 * A role, and its rules: \`VERBS|GROUP|RESOURCES|NAMES\`, \`VERBS|PATHS\`. Those without rules gather other roles.
 */
export const defaultRolesText = \`
${lines.join('\n')}
\`;
`;
writeFileSync(target, text);
process.stdout.write(`wrote ${target}: ${roles.size} roles, ${text.length} bytes\n`);
