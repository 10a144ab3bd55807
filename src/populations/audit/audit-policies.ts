/** Every audit policy that was handed in, asked about the requests that an auditor looks for first. */
import type { AuditPolicy, Bound, ResourceKind } from '../../audit/index.ts';
import {
  anybody,
  decidePlain,
  highestAudit,
  keyOf,
  levels,
  lowestAudit,
  nameKind,
  person,
  personOrWorkload,
  readPolicy,
} from '../../audit/index.ts';
import type { Gap, ListingKind, Population, PopulationInput, Row, StoredObject } from '../../model/index.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';
import { readNodeContents } from '../nodes/node-contents.ts';
import { nodeListings, readNodeEvidence, sayMissing } from '../nodes/node-evidence.ts';

/** What an auditor asks about under one name. */
type About = '' | 'access' | 'containers';

/** `sensitive`: request or response carries credentials, so its body must not be recorded. */
interface Question extends Omit<ResourceKind, 'verb'> {
  readonly about?: About;
  readonly verbs: readonly string[];
  readonly sensitive?: boolean;
}

const read = ['get', 'list', 'watch'];
const write = ['create', 'update', 'patch', 'delete', 'deletecollection'];
function intoContainers(written: string): Question {
  const [resource = '', subresource = ''] = written.split('/');
  return { about: 'containers', verbs: ['create', 'get'], apiGroup: '', resource, subresource, clusterScoped: resource === 'nodes' };
}

const questions: readonly Question[] = [
  { verbs: [...read, ...write], apiGroup: '', resource: 'secrets', sensitive: true },
  { verbs: [...read, ...write], apiGroup: '', resource: 'configmaps', sensitive: true },
  { verbs: ['create'], apiGroup: 'authentication.k8s.io', resource: 'tokenreviews', sensitive: true, clusterScoped: true },
  { verbs: ['create'], apiGroup: '', resource: 'serviceaccounts', subresource: 'token', sensitive: true },
  { verbs: write, apiGroup: '', resource: 'pods' },
  { verbs: write, apiGroup: 'apps', resource: 'deployments' },
  ...['pods/exec', 'pods/attach', 'pods/portforward', 'pods/proxy', 'services/proxy', 'nodes/proxy'].map(intoContainers),
  { about: 'containers', verbs: ['update', 'patch'], apiGroup: '', resource: 'pods', subresource: 'ephemeralcontainers' },
  { verbs: ['create', 'delete'], apiGroup: 'certificates.k8s.io', resource: 'certificatesigningrequests', clusterScoped: true },
  {
    verbs: ['update'],
    apiGroup: 'certificates.k8s.io',
    resource: 'certificatesigningrequests',
    subresource: 'approval',
    clusterScoped: true,
  },
  ...['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'].map((resource) => ({
    about: 'access' as const,
    verbs: write,
    apiGroup: 'rbac.authorization.k8s.io',
    resource,
    clusterScoped: resource.startsWith('cluster'),
  })),
  // What no rule names: a policy that ends in level None, or just ends, does not record it.
  { verbs: ['create'], apiGroup: 'example.com', resource: 'anythingelse' },
];

export type ReadSource = { readonly policy: AuditPolicy; readonly gap: null } | { readonly policy: null; readonly gap: Gap };

export const policies: ListingKind = 'files.audit-policy/policies';

/**
 * Those that can be relied on; one that was read on a node of which that is not so is a gap. The policy of one API server is not that of
 * the others, so where they are read on nodes, hosts of the control plane that were not read are gaps too.
 */
export function* readPolicies(input: PopulationInput): Iterable<StoredObject> {
  const given = [...input.each(policies)];
  const places = given.length === 0 ? undefined : readNodeContents(input, 'auditPolicies');
  if (places !== undefined && places.size > 0) sayMissing(input, readNodeEvidence(input), 'control plane');
  for (const source of given) {
    const gap = places?.get(source.name)?.gap ?? null;
    if (gap === null) yield source;
    else input.gap(gap);
  }
}

const sources = new WeakMap<StoredObject, ReadSource>();

/** The policy, or the gap that one leaves with which no API server starts. It follows from the object alone. */
export function readSource(source: StoredObject): ReadSource {
  const known = sources.get(source) ?? parse(source);
  sources.set(source, known);
  return known;
}

function parse(source: StoredObject): ReadSource {
  const {
    policy,
    problems: [problem],
  } = readPolicy(source.body);
  if (policy !== null) return { policy, gap: null };
  const detail = problem === undefined ? {} : { detail: `${keyOf(problem.path)}: ${problem.message}` };
  const what = `audit policy ${source.place?.file ?? source.name}`;
  return { policy: null, gap: { reason: 'error', what, ...detail, closedBy: 'correct the policy' } };
}

const held = new WeakMap<AuditPolicy, { readonly name: string; readonly rows: readonly Row[] }>();

/** Of the very same policy, the very same rows. */
function heldRows(source: StoredObject, policy: AuditPolicy, name: string): readonly Row[] {
  let known = held.get(policy);
  if (known?.name !== name) held.set(policy, (known = { name, rows: [...rowsOf(source, policy, name)] }));
  return known.rows;
}

function* rowsOf(source: StoredObject, policy: AuditPolicy, name: string): Iterable<Row> {
  for (const { verbs, sensitive = false, about = '', ...target } of questions) {
    for (const verb of verbs) {
      const kind: ResourceKind = { ...target, verb };
      const usual = decideUsual(policy, kind);
      const highest = highestAudit(policy, kind, anybody);
      const lowest = lowestAudit(policy, kind, personOrWorkload);
      const request = nameKind(kind);
      yield {
        item: `${name}/${request}`,
        resource: resourceOf(source),
        evidence: [source.id],
        policy: source.place?.file ?? source.name,
        request,
        about,
        sensitive,
        level: usual.level,
        rule: nameRule(usual),
        highest: highest.level,
        highestRule: nameRule(highest),
        lowest: lowest.level,
        lowestRule: nameRule(lowest),
      };
    }
  }
}

/** What an ordinary person gets somewhere; of lists the lower of that and of one across all namespaces, which is in none. */
function decideUsual(policy: AuditPolicy, kind: ResourceKind): Bound {
  const inside = decidePlain(policy, kind, person);
  if (kind.verb !== 'list' && kind.verb !== 'watch') return inside;
  const across = decidePlain(policy, { ...kind, clusterScoped: true }, person);
  return levels.indexOf(across.level) < levels.indexOf(inside.level) ? across : inside;
}

function nameRule({ rule }: Bound): string {
  return rule === null ? 'no rule' : `rule ${rule + 1}`;
}

export const auditPolicyRequests: Population = {
  name: 'auditPolicyRequests',
  doc: 'A kind of request that an auditor looks for, with the level at which an audit policy that was handed in records it',
  from: [policies],
  also: nodeListings,
  *rows(input) {
    const unique = uniqueKeys();
    for (const source of readPolicies(input)) {
      const { policy, gap } = readSource(source);
      if (policy === null) input.gap(gap);
      else yield* heldRows(source, policy, unique(segment(source.place?.file ?? (source.name || 'policy'))));
    }
  },
};
