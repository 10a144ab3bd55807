/**
 * Which authorizers the API server asks besides RBAC, as far as the evidence tells: RBAC objects are then not the whole answer. What is said is
 * never more than a hint: a page answers for one replica, and a webhook may allow or deny whatever it likes.
 */
import type { EvidenceReader } from '../model/index.ts';
import { at, isComplete, listAt, textAt } from '../model/index.ts';

export interface Authorizers {
  /** `Node`, `RBAC`, `Webhook`, … in their order; null when the evidence does not show them. */
  readonly modes: readonly string[] | null;
  /** Why RBAC objects are not the whole answer; null when they are, but for kubelets. Untrusted text. */
  readonly note: string | null;
}

/** Group of every kubelet; what its user `system:node:NAME` may do is mostly the Node authorizer's business. */
export const nodesGroup = 'system:nodes';

export const nodeAuthorizerNote = `of ${nodesGroup} RBAC shows the least part: the Node authorizer gives each kubelet what the pods on its node need`;

const flags = ['authorization-mode', 'authorization-config', 'authorization-webhook-config-file', 'authorization-policy-file'] as const;
/** Stands for a value that the scrubber did not keep. */
const notKept = '?';

type Given = Partial<Record<(typeof flags)[number], string>>;

export function readAuthorizers(reader: EvidenceReader): Authorizers {
  const given = fromFlagz(reader) ?? fromPods(reader);
  const counted = fromMetrics(reader);
  const listed = given?.['authorization-mode'] ?? '';
  const file = given?.['authorization-config'] ?? '';
  const stated = given === null || file !== '' || listed === notKept ? null : modesOf(listed);
  const modes = stated ?? (counted.length > 0 ? counted : null);
  return { modes, note: noteOf(modes, stated !== null, file !== '') };
}

function modesOf(listed: string): readonly string[] {
  // AlwaysAllow is what runs when nothing is set.
  return listed === '' ? ['AlwaysAllow'] : listed.split(',').map((mode) => mode.trim());
}

function noteOf(modes: readonly string[] | null, stated: boolean, configured: boolean): string | null {
  if (modes?.includes('AlwaysAllow')) return 'this API server allows everything (AlwaysAllow), whatever RBAC objects say';
  const others = (modes ?? []).filter((mode) => mode !== 'RBAC' && mode !== 'Node');
  const seen = others.length === 0 ? '' : ` (seen: ${others.join(', ')})`;
  if (configured)
    return `RBAC only: the authorizers stand in an AuthorizationConfiguration that is not in the evidence${seen}; a webhook may allow or deny more`;
  // What has not decided anything yet is not counted.
  if (modes === null || !stated) return `RBAC only: the evidence does not show which other authorizers the API server asks${seen}`;
  if (!modes.includes('RBAC')) return `this API server does not ask RBAC at all, only ${modes.join(', ')}`;
  return others.length === 0 ? null : `RBAC only: this API server also asks ${others.join(', ')}, which may allow or deny more`;
}

/** `[Node,RBAC]` as /flagz prints lists. */
const unbracketed = (text: string) => text.replace(/^\[(.*)\]$/s, '$1');

function fromFlagz(reader: EvidenceReader): Given | null {
  const listing = reader.listing('k8s.apiserver/flagz');
  if (listing === undefined || !isComplete(listing)) return null;
  for (const { body } of reader.objects('k8s.apiserver/flagz'))
    return Object.fromEntries(flags.map((flag) => [flag, unbracketed(textAt(body, 'flags', flag) ?? '')]));
  return null;
}

/** Anybody could make such a pod; it can only add a doubt or fail to, and flagz goes before it. */
function fromPods(reader: EvidenceReader): Given | null {
  if (reader.listing('k8s.pods/pods') === undefined) return null;
  const found: Record<string, string> = {};
  for (const { namespace, body } of reader.objectsIn?.('k8s.pods/pods', 'kube-system') ?? reader.objects('k8s.pods/pods')) {
    if (namespace !== 'kube-system' || textAt(body, 'metadata', 'labels', 'component') !== 'kube-apiserver') continue;
    for (const container of listAt(body, 'spec', 'containers')) {
      for (const entry of [...listAt(container, 'command'), ...listAt(container, 'args')]) {
        const [, flag, value = ''] = (typeof entry === 'string' ? /^--([a-z-]+)=(.*)$/s.exec(entry) : null) ?? [];
        if (flags.some((each) => each === flag)) found[flag as string] = value;
        // A value that was not kept: that it is given is what matters.
        else if (flags.some((each) => each === at(entry, 'flag'))) found[at(entry, 'flag') as string] = notKept;
      }
    }
  }
  return Object.keys(found).length === 0 ? null : found;
}

/** Types that decided something since the server's start: `apiserver_authorization_decisions_total{type,name,decision}`. */
function fromMetrics(reader: EvidenceReader): readonly string[] {
  if (reader.listing('k8s.apiserver/metrics') === undefined) return [];
  const types = new Set<string>();
  for (const { name, body } of reader.objects('k8s.apiserver/metrics')) {
    if (name !== 'apiserver_authorization_decisions_total') continue;
    for (const sample of listAt(body, 'samples')) {
      const type = textAt(sample, 'labels', 'type');
      if (type !== undefined) types.add(type);
    }
  }
  return [...types].sort();
}
