/**
 * Which authorizers the API servers ask besides RBAC, as far as the evidence tells: RBAC objects are then not the whole answer. Of several
 * API servers the one decides that asks RBAC least, and one that nothing shows leaves it not known. What is said is never more than a hint:
 * a webhook may allow or deny whatever it likes.
 */
import type { EvidenceReader, StoredObject } from '../model/index.ts';
import { listAt, textAt } from '../model/index.ts';
import { type ApiServer, componentOf, flagsOfPod, liveLeases, readApiServers, splitFlag } from './api-servers.ts';

export interface Authorizers {
  /** `Node`, `RBAC`, `Webhook`, … in their order, of the API server that decides; null when the evidence does not show them. */
  readonly modes: readonly string[] | null;
  /** Why RBAC objects are not the whole answer; null when they are, but for kubelets. Untrusted text. */
  readonly note: string | null;
}

/** Group of every kubelet; what its user `system:node:NAME` may do is mostly the Node authorizer's business. */
export const nodesGroup = 'system:nodes';

export const nodeAuthorizerNote = `of ${nodesGroup} RBAC shows the least part: the Node authorizer gives each kubelet what the pods on its node need`;

const flags = ['authorization-mode', 'authorization-config', 'authorization-webhook-config-file', 'authorization-policy-file'];
/** API servers that a sentence names. */
const shown = 5;

/** What one API server is told, and what its metrics saw decide. */
interface Told {
  readonly where: string;
  readonly modes: readonly string[] | null;
  /** The modes are what it was told, not only what decided so far. */
  readonly stated: boolean;
  /** They stand in a file that is not in the evidence. */
  readonly configured: boolean;
}

export function readAuthorizers(reader: EvidenceReader): Authorizers {
  const { each, answering, pods, registered, unread } = readApiServers(reader, staticPods(reader));
  const asked = each.length > 0 ? each.length : answering === undefined ? 0 : 1;
  const leases = reader.scope === 'cluster' ? liveLeases(reader.objects('k8s.apiserver/leases'), reader.at).length : 0;
  const uncovered = leases - Math.max(asked, pods.length);
  const withPods = asked === 0 || asked < Math.max(leases, registered);
  const told = [...each, ...(withPods ? pods : [])].map((server) => tellOf(reader, server));
  // It is one of the others, unless none of them says what it says.
  const answer = answering === undefined ? undefined : tellOf(reader, answering);
  if (answer !== undefined && !told.some((one) => sayModes(one) === sayModes(answer))) told.unshift(answer);
  const [weakest] = told.toSorted((one, other) => rankOf(one) - rankOf(other));
  if (weakest === undefined) {
    const counted = decided(reader, null);
    const modes = counted.length > 0 ? counted : null;
    return { modes, note: noteOf({ where: '', modes, stated: false, configured: false }, 'the API server') };
  }
  const missing =
    unread.length > 0
      ? unread
      : uncovered > 0
        ? [`${uncovered} of ${leases} API servers do not show their flags (set apiServers: each)`]
        : [];
  const differ = told.some((one) => sayModes(one) !== sayModes(weakest));
  const who = differ || missing.length > 0 ? weakest.where : told.length > 1 ? 'each API server' : 'this API server';
  const note = noteOf(weakest, who);
  const sentences = [
    ...(note === null ? [] : [note]),
    ...(differ ? [`the API servers differ: ${list(told.map((one) => `${one.where} asks ${sayModes(one)}`))}`] : []),
    ...(missing.length === 0 ? [] : [`${note === null ? 'RBAC only: ' : ''}which authorizers others ask is not known: ${list(missing)}`]),
  ];
  const isKnown = missing.length === 0 || allowsAll(weakest);
  return { modes: isKnown ? weakest.modes : null, note: sentences.length === 0 ? null : sentences.join('; ') };
}

function tellOf(reader: EvidenceReader, { where, address, flags: given }: ApiServer): Told {
  const mode = given.get('authorization-mode') ?? '';
  const configured = (given.get('authorization-config') ?? '') !== '';
  if (!configured && mode !== 'set') {
    const modes = splitFlag(mode);
    // AlwaysAllow is what runs when nothing is set.
    return { where, modes: modes.length === 0 ? ['AlwaysAllow'] : modes, stated: true, configured };
  }
  const counted = decided(reader, address);
  return { where, modes: counted.length > 0 ? counted : null, stated: false, configured };
}

function sayModes({ modes, configured }: Told): string {
  if (configured) return 'those of a file that is not in the evidence';
  return modes === null ? 'what nobody shows' : modes.join(', ');
}

function allowsAll({ modes }: Told): boolean {
  return modes?.includes('AlwaysAllow') === true;
}

function othersOf({ modes }: Told): readonly string[] {
  return (modes ?? []).filter((mode) => mode !== 'RBAC' && mode !== 'Node');
}

/** From what makes RBAC objects mean least. */
function rankOf(told: Told): number {
  if (allowsAll(told)) return 0;
  if (told.stated && told.modes?.includes('RBAC') !== true) return 1;
  if (!told.stated) return told.configured ? 2 : 3;
  return othersOf(told).length > 0 ? 4 : 5;
}

function noteOf(told: Told, who: string): string | null {
  const { modes, stated, configured } = told;
  if (allowsAll(told)) return `${who} allows everything (AlwaysAllow), whatever RBAC objects say`;
  const others = othersOf(told);
  const seen = others.length === 0 ? '' : ` (seen: ${others.join(', ')})`;
  if (configured)
    return `RBAC only: the authorizers stand in an AuthorizationConfiguration that is not in the evidence${seen}; a webhook may allow or deny more`;
  // What has not decided anything yet is not counted.
  if (modes === null || !stated) return `RBAC only: the evidence does not show which other authorizers the API server asks${seen}`;
  if (!modes.includes('RBAC')) return `${who} does not ask RBAC at all, only ${modes.join(', ')}`;
  return others.length === 0 ? null : `RBAC only: ${who} also asks ${others.join(', ')}, which may allow or deny more`;
}

function list(texts: readonly string[]): string {
  return texts.length > shown ? `${texts.slice(0, shown).join(', ')} and ${texts.length - shown} more` : texts.join(', ');
}

/** Of the kube-apiserver, with a word on authorizers. In a cluster anybody who may make pods there could make one that looks like it, so only mirror pods count. */
function staticPods(reader: EvidenceReader): readonly StoredObject[] {
  if (reader.listing('k8s.pods/pods') === undefined) return [];
  const isServer = (pod: StoredObject) =>
    componentOf(pod) === 'kube-apiserver' ||
    (reader.scope === 'files' &&
      pod.namespace === 'kube-system' &&
      textAt(pod.body, 'metadata', 'labels', 'component') === 'kube-apiserver');
  const saysHow = (pod: StoredObject) => {
    const given = flagsOfPod(pod);
    return flags.some((flag) => given.has(flag));
  };
  const pods = reader.objectsIn?.('k8s.pods/pods', 'kube-system') ?? reader.objects('k8s.pods/pods');
  return [...pods].filter((pod) => isServer(pod) && saysHow(pod));
}

/** Types that decided something since the server's start: `apiserver_authorization_decisions_total{type,name,decision}`. */
function decided(reader: EvidenceReader, address: string | null): readonly string[] {
  const kind = address === null ? 'k8s.apiserver/metrics' : 'k8s.apiservers/metrics';
  if (reader.listing(kind) === undefined) return [];
  const family = `apiserver_authorization_decisions_total${address === null ? '' : `@${address}`}`;
  const types = new Set<string>();
  for (const { name, body } of reader.objects(kind)) {
    if (name !== family) continue;
    for (const sample of listAt(body, 'samples')) {
      const type = textAt(sample, 'labels', 'type');
      if (type !== undefined) types.add(type);
    }
  }
  return [...types].sort();
}
