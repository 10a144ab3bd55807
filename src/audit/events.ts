/**
 * The events that auditors ask for, as kinds of requests, and who may cause them. What a request of each kind carries that must not be in a
 * log is said where it holds: a level may record the request's body, the response's, or both.
 */
import type { CallerKind } from './callers.ts';
import { anonymous, clusterAdmin, node, person, platform, unknown, workload } from './callers.ts';
import type { RequestKind } from './reach.ts';

export interface Column {
  readonly id: 'person' | 'clusterAdmin' | 'workload' | 'platform' | 'node' | 'anonymous';
  readonly title: string;
  readonly caller: CallerKind;
  /** Components of Kubernetes: leaving them out is no mistake. */
  readonly component?: boolean;
}

export const columns: readonly Column[] = [
  { id: 'person', title: 'Person', caller: person },
  { id: 'clusterAdmin', title: 'system:masters', caller: clusterAdmin },
  { id: 'workload', title: 'Workload', caller: workload },
  { id: 'platform', title: 'kube-system account', caller: platform, component: true },
  { id: 'node', title: 'Node', caller: node, component: true },
  { id: 'anonymous', title: 'Not signed in', caller: anonymous },
];

/** Where a credential or other content is that a log must not copy. */
export type Holds = 'request' | 'response' | 'both';

export type AskedKind = RequestKind & { readonly holds?: Holds };

export interface AskedEvent {
  readonly id: string;
  readonly title: string;
  readonly kinds: readonly AskedKind[];
  /** Only this column; its caller is another one then. */
  readonly only?: { readonly column: Column['id']; readonly caller: CallerKind };
}

const reads = ['get', 'list', 'watch'];
const writes = ['create', 'update', 'patch', 'delete', 'deletecollection'];

function kinds(verbs: readonly string[], apiGroup: string, resources: readonly string[], clusterScoped = false): AskedKind[] {
  return resources.flatMap((written) => {
    const [resource = '', subresource] = written.split('/');
    const target = { apiGroup, resource, ...(subresource !== undefined && { subresource }), ...(clusterScoped && { clusterScoped }) };
    return verbs.map((verb) => ({ verb, ...target }));
  });
}

/** A watch answers with a stream, which is not recorded; a deletion may answer with the object, one of a collection does. */
function holding(asked: readonly AskedKind[]): AskedKind[] {
  return asked.map((kind) => (kind.verb === 'watch' ? kind : { ...kind, holds: isWrite(kind.verb) ? 'both' : 'response' }));
}

function isWrite(verb: string): boolean {
  return verb === 'create' || verb === 'update' || verb === 'patch';
}

const rbac = 'rbac.authorization.k8s.io';
const admission = 'admissionregistration.k8s.io';
/** Whatever somebody does: impersonation and failures to sign in are no requests of their own. */
const anything: readonly AskedKind[] = [
  ...kinds(['get', 'list', 'create', 'patch', 'delete'], '', ['pods']),
  ...kinds(['list'], '', ['nodes'], true),
  ...kinds(['get', 'create'], 'example.com', ['anythingelse']),
];
/** Paths are what somebody without a right tries first. */
const withPaths: readonly AskedKind[] = [...anything, { verb: 'get', path: '/api' }];

export const events: readonly AskedEvent[] = [
  { id: 'secretReads', title: 'Secrets read', kinds: holding(kinds(reads, '', ['secrets'])) },
  { id: 'secretWrites', title: 'Secrets written or deleted', kinds: holding(kinds(writes, '', ['secrets'])) },
  { id: 'configMaps', title: 'ConfigMaps read or written', kinds: holding(kinds([...reads, ...writes], '', ['configmaps'])) },
  {
    id: 'tokenRequests',
    title: 'Tokens requested for service accounts',
    kinds: [{ verb: 'create', apiGroup: '', resource: 'serviceaccounts', subresource: 'token', holds: 'response' }],
  },
  {
    id: 'tokenReviews',
    title: 'Tokens reviewed',
    kinds: [{ verb: 'create', apiGroup: 'authentication.k8s.io', resource: 'tokenreviews', clusterScoped: true, holds: 'request' }],
  },
  {
    id: 'intoContainers',
    title: 'Exec, attach, port-forward',
    kinds: kinds(['create', 'get'], '', ['pods/exec', 'pods/attach', 'pods/portforward']),
  },
  {
    id: 'proxies',
    title: 'Proxies and ephemeral containers',
    kinds: [
      ...kinds(['create', 'get'], '', ['pods/proxy', 'services/proxy']),
      ...kinds(['create', 'get'], '', ['nodes/proxy'], true),
      ...kinds(['update', 'patch'], '', ['pods/ephemeralcontainers']),
    ],
  },
  {
    id: 'rights',
    title: 'Roles and bindings changed',
    kinds: [...kinds(writes, rbac, ['roles', 'rolebindings']), ...kinds(writes, rbac, ['clusterroles', 'clusterrolebindings'], true)],
  },
  {
    id: 'admission',
    title: 'Webhooks and admission policies changed',
    kinds: kinds(
      writes,
      admission,
      [
        'validatingwebhookconfigurations',
        'mutatingwebhookconfigurations',
        'validatingadmissionpolicies',
        'validatingadmissionpolicybindings',
        'mutatingadmissionpolicies',
        'mutatingadmissionpolicybindings',
      ],
      true,
    ),
  },
  { id: 'impersonation', title: 'Anything done as somebody else', kinds: anything },
  { id: 'anonymous', title: 'Anything done without signing in', kinds: withPaths, only: { column: 'anonymous', caller: anonymous } },
  { id: 'failedAuthentication', title: 'Credentials refused', kinds: withPaths, only: { column: 'anonymous', caller: unknown } },
  {
    id: 'traces',
    title: 'Events, namespaces and log shippers deleted',
    kinds: [
      ...kinds(['delete', 'deletecollection'], '', ['events', 'pods', 'persistentvolumeclaims']),
      ...kinds(['delete', 'deletecollection'], 'events.k8s.io', ['events']),
      ...kinds(['delete', 'deletecollection'], 'apps', ['daemonsets']),
      ...kinds(['delete'], '', ['namespaces'], true),
    ],
  },
];
