/** Every audit policy that was handed in, asked about the requests that an auditor looks for first. */
import type { Gap, Population, Row, StoredObject } from '../model/index.ts';
import { listAt, textAt } from '../model/index.ts';
import type { AuditDecision, AuditRequest } from './audit-policy.ts';
import { decideAudit, highestAudit, levels, lowestAudit } from './audit-policy.ts';
import { resourceOf, segment, uniqueKeys } from './identity.ts';

/** What an auditor asks about under one name. */
type About = '' | 'access' | 'containers';

/** `sensitive`: request or response carries credentials, so its body must not be recorded. */
interface Question {
  readonly about?: About;
  readonly verbs: readonly string[];
  readonly apiGroup: string;
  readonly resource: string;
  readonly sensitive?: boolean;
  readonly clusterScoped?: boolean;
}

const read = ['get', 'list', 'watch'];
const write = ['create', 'update', 'patch', 'delete'];
const questions: readonly Question[] = [
  { verbs: [...read, ...write], apiGroup: '', resource: 'secrets', sensitive: true },
  { verbs: [...read, ...write], apiGroup: '', resource: 'configmaps', sensitive: true },
  { verbs: ['create'], apiGroup: 'authentication.k8s.io', resource: 'tokenreviews', sensitive: true, clusterScoped: true },
  { verbs: ['create'], apiGroup: '', resource: 'serviceaccounts/token', sensitive: true },
  { verbs: write, apiGroup: '', resource: 'pods' },
  { verbs: write, apiGroup: 'apps', resource: 'deployments' },
  ...['pods/exec', 'pods/attach', 'pods/portforward', 'pods/proxy', 'services/proxy'].map((resource) => ({
    about: 'containers' as const,
    verbs: ['create', 'get'],
    apiGroup: '',
    resource,
  })),
  { about: 'containers', verbs: ['update', 'patch'], apiGroup: '', resource: 'pods/ephemeralcontainers' },
  { verbs: ['create', 'delete'], apiGroup: 'certificates.k8s.io', resource: 'certificatesigningrequests', clusterScoped: true },
  { verbs: ['update'], apiGroup: 'certificates.k8s.io', resource: 'certificatesigningrequests/approval', clusterScoped: true },
  ...['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'].map((resource) => ({
    about: 'access' as const,
    verbs: [...write, 'deletecollection'],
    apiGroup: 'rbac.authorization.k8s.io',
    resource,
    clusterScoped: resource.startsWith('cluster'),
  })),
  // What no rule names: a policy that ends in level None, or just ends, does not record it.
  { verbs: ['create'], apiGroup: 'example.com', resource: 'anythingelse' },
];

/** A person without any special group, somewhere in the cluster: what a rule for a component does not match. */
const somebody = { user: 'somebody', groups: ['system:authenticated'], namespace: 'somewhere', name: 'something' };

/** Why the API server would refuse the policy (audit.k8s.io validation), or nothing. */
function problemOf(policy: StoredObject): Gap | undefined {
  const rules = listAt(policy.body, 'rules');
  const detail =
    rules.length === 0
      ? 'it has no rules'
      : rules.some((rule) => !(levels as readonly string[]).includes(textAt(rule, 'level') ?? ''))
        ? 'a rule has no known level'
        : undefined;
  return detail === undefined
    ? undefined
    : { reason: 'error', what: `audit policy ${policy.place?.file ?? policy.name}`, detail, closedBy: 'correct the policy' };
}

function* rowsOf(policy: StoredObject, name: string): Iterable<Row> {
  const rules = listAt(policy.body, 'rules');
  for (const { verbs, apiGroup, resource, sensitive = false, about = '', clusterScoped = false } of questions) {
    for (const verb of verbs) {
      const request: AuditRequest = { ...somebody, ...(clusterScoped && { namespace: '' }), verb, apiGroup, resource };
      const usual = decideAudit(rules, request);
      const highest = highestAudit(rules, request);
      const lowest = lowestAudit(rules, request);
      const what = `${verb} ${resource}${apiGroup === '' ? '' : `.${apiGroup}`}`;
      yield {
        item: `${name}/${what}`,
        resource: resourceOf(policy),
        evidence: [policy.id],
        policy: policy.place?.file ?? policy.name,
        request: what,
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

function nameRule({ rule }: AuditDecision): string {
  return rule === null ? 'no rule' : `rule ${rule + 1}`;
}

export const auditPolicyRequests: Population = {
  name: 'auditPolicyRequests',
  doc: 'A kind of request that an auditor looks for, with the level at which an audit policy that was handed in records it',
  from: ['files.audit-policy/policies'],
  *rows(input) {
    const unique = uniqueKeys();
    for (const policy of input.each('files.audit-policy/policies')) {
      const problem = problemOf(policy);
      if (problem === undefined) yield* rowsOf(policy, unique(segment(policy.place?.file ?? (policy.name || 'policy'))));
      else input.gap(problem);
    }
  },
};
