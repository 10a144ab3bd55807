/**
 * The conditions that techniques name: what must be so in the evidence besides the rights. Each answers true, false, or why it cannot be
 * decided; then the hop is possible and not certain. Nothing unread answers true or false.
 */
import type { ConditionName } from '../../model/index.ts';
import type { AccountFacts, NamespaceFacts, World } from './world.ts';
import { podsOn } from './world.ts';
import type { PodFacts } from './pod-facts.ts';

export type Verdict = boolean | string;

/** What a technique is about, as far as its kind has it. */
export interface Subject {
  readonly namespace?: NamespaceFacts;
  readonly pod?: PodFacts;
  readonly account?: AccountFacts;
  /** Of a node, secret, user, group or role. */
  readonly name?: string;
}

/** All must hold: false wins, then doubt. */
function both(...verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes(false)) return false;
  return verdicts.find((verdict) => typeof verdict === 'string') ?? true;
}

function admitted({ namespace }: Subject): Verdict {
  if (namespace === undefined) return true;
  const { name, guards } = namespace;
  if (guards === undefined) return `what else may refuse pods in ${name} was not all read`;
  return guards.length === 0 ? true : `${guards[0]}${guards.length === 1 ? '' : ` and ${guards.length - 1} more`} may refuse the pod`;
}

function podSecurityLets({ namespace }: Subject, restricted: Verdict): Verdict {
  if (namespace === undefined) return true;
  switch (namespace.podSecurity) {
    case 'privileged':
      return true;
    case 'unknown':
      return `which Pod Security level ${namespace.name} enforces is not known`;
    default:
      return restricted;
  }
}

const checks: Readonly<Record<ConditionName, (world: World, subject: Subject) => Verdict>> = {
  podsAreAdmitted: (_world, subject) => admitted(subject),
  podsReachNodes: (_world, subject) => both(podSecurityLets(subject, false), admitted(subject)),
  podSecurityRefuses: (_world, { namespace }) => namespace !== undefined && ['baseline', 'restricted'].includes(namespace.podSecurity),
  volumesReachNodes: (_world, subject) =>
    both(
      subject.namespace?.podSecurity === 'baseline'
        ? true
        : podSecurityLets(subject, 'Pod Security lets the pod mount the volume, but not run as root'),
      admitted(subject),
    ),
  guarded: (_world, { namespace }) => (namespace?.guards?.length ?? 0) > 0,
  guardedOnly: (_world, subject) => ((subject.namespace?.guards?.length ?? 0) > 0 ? podSecurityLets(subject, false) : false),
  defaultPodSecurity: ({ settings: { admissionFile, podSecurityDisabled } }) =>
    podSecurityDisabled === true || admissionFile === '' ? true : 'what a namespace without a label enforces is not known',
  tokenController: ({ settings }) => settings.tokenController !== false,
  podRuns: (_world, { pod }) => pod?.running ?? 'whether the pod runs is not known',
  podIsNoMirror: (_world, { pod }) => pod !== undefined && !pod.mirror,
  podHasToken: (_world, { pod }) =>
    pod === undefined || pod.account === '' ? false : (pod.token ?? 'whether its token is mounted is not known'),
  podReachesNode: (_world, { pod }) => {
    if (pod?.reach === undefined || pod.node === '') return false;
    return pod.reach.certain ? true : `${pod.reach.by}, which is enough on some hosts`;
  },
  ephemeralReachesNode: (_world, subject) =>
    subject.pod === undefined || subject.pod.node === '' ? false : both(subject.pod.running ?? true, podSecurityLets(subject, false)),
  getOpensExec: ({ settings }) => settings.execByGet ?? 'since Kubernetes 1.35 it takes create as well, and the version is not known',
  nodeAuthorizer: ({ settings }) => settings.nodeAuthorizer ?? 'whether the Node authorizer is on is not known',
  controlPlane: (world, { name = '' }) =>
    podsOn(world, name).some(({ component }) => ['kube-apiserver', 'etcd', 'kube-controller-manager'].includes(component)),
  clientSigner: ({ settings }) => settings.signsClients ?? 'whether a controller signs client certificates is not known',
  tokenSecretsUnread: ({ tokenSecrets }) => (tokenSecrets === undefined ? 'which Secrets hold tokens was not read' : false),
  bootstrapTokens: ({ settings }, { namespace }) =>
    namespace?.name === 'kube-system' && (settings.bootstrapTokens ?? 'whether bootstrap tokens are accepted is not known'),
  roleAggregates: ({ gathering }, { name = '' }) => gathering.has(name),
  redirectedClients: ({ reader }) => {
    const [, minor, patch] = /^1\.(\d+)\.(\d+)/.exec(reader.cluster.version ?? '') ?? [];
    if (minor === undefined)
      return 'the version is not known: before 1.22.14, 1.23.11, 1.24.5 and 1.25.1 clients follow redirects (CVE-2022-3172)';
    const fixed = { 22: 14, 23: 11, 24: 5, 25: 1 }[Number(minor)];
    const open = fixed === undefined ? Number(minor) < 22 : Number(patch) < fixed;
    return open ? 'a client has to ask for the group first' : false;
  },
  constrainedImpersonation: ({ reader }) => {
    const minor = /^1\.(\d+)/.exec(reader.cluster.version ?? '')?.[1];
    if (minor === undefined || Number(minor) === 35)
      return 'constrained impersonation is on since Kubernetes 1.36, and off unless asked for in 1.35';
    return Number(minor) >= 36;
  },
  isMasters: (_world, { name }) => name === 'system:masters',
  mutatingPolicies: ({ reader }) => {
    const minor = /^1\.(\d+)/.exec(reader.cluster.version ?? '')?.[1];
    if (minor === undefined || (Number(minor) >= 32 && Number(minor) < 36))
      return 'MutatingAdmissionPolicy is on since Kubernetes 1.36, and off unless asked for since 1.32';
    return Number(minor) >= 36 ? 'it takes hold when the next pod of the account is created' : false;
  },
};

export function check(condition: ConditionName | undefined, world: World, subject: Subject): Verdict {
  return condition === undefined ? true : checks[condition](world, subject);
}
