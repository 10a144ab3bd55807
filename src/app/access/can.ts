/**
 * `access can`: whether somebody may do something, why, and on what the answer stands. The groups that the API server's authenticator would
 * add are implied and named; groups of an identity provider are only known from a file.
 */
import type { AccessCan, Memberships } from '../../access/index.ts';
import { createAccessIndex, nodeAuthorizerNote, nodesGroup, readAuthorizers } from '../../access/index.ts';
import type { EvidenceReader } from '../../model/index.ts';
import { KubevidenceError } from '../../model/index.ts';
import type { AppContext } from '../context.ts';
import type { EvidenceOptions } from './evidence.ts';
import { describeVia, loadMemberships, sourceOf, withEvidence } from './evidence.ts';
import type { Question } from './question.ts';
import { ask } from './question.ts';

export interface CanOptions extends EvidenceOptions {
  /** A user name as the API server knows it, or `ServiceAccount/ns/name`, or `User/name`. Default: the account that collected. */
  readonly as?: string | undefined;
  readonly asGroup?: readonly string[] | undefined;
  /** File of memberships. */
  readonly memberships?: string | undefined;
}

export function accessCan(context: AppContext, options: CanOptions, question: Question): Promise<AccessCan> {
  const memberships = loadMemberships(context, options.memberships);
  return withEvidence(context, options, (reader) => answer(reader, identify(reader, options, memberships), question, memberships !== null));
}

interface Identity {
  readonly user: string;
  readonly groups: readonly string[];
  readonly implied: readonly string[];
  readonly notes: readonly string[];
}

function identify(reader: EvidenceReader, { as: written, asGroup = [] }: CanOptions, memberships: Memberships | null): Identity {
  const { actor } = reader.cluster;
  if (written === undefined && asGroup.length > 0)
    throw new KubevidenceError('usage', '--as-group needs --as', { next: 'Say who it is: --as USER --as-group GROUP' });
  if (written === undefined && actor === null)
    throw new KubevidenceError('usage', 'this evidence does not say whose account collected it', { next: 'Say who may: --as USER' });
  const user = userNamed(written ?? actor ?? '');
  if (user === '') throw new KubevidenceError('usage', '--as is empty', { next: 'Name a user: --as alice' });
  const implied = impliedGroups(user, asGroup).filter((group) => !asGroup.includes(group));
  const imported = (memberships?.groupsOf(user) ?? []).filter((group) => !asGroup.includes(group) && !implied.includes(group));
  const notes: string[] = [];
  if (written === undefined) notes.push(`asked as ${user}, who collected this evidence`);
  if (memberships !== null)
    notes.push(
      imported.length === 0
        ? `the file of memberships names no further group of ${user}`
        : `groups by the file of memberships: ${imported.join(', ')}`,
    );
  return { user, groups: [...new Set([...asGroup, ...imported, ...implied])], implied, notes };
}

/** `ServiceAccount/ns/name` and `User/name` as the API server knows them; anything else is such a name already. */
export function userNamed(text: string): string {
  const [, namespace, name] = /^ServiceAccount\/([^/]+)\/([^/]+)$/.exec(text) ?? [];
  if (namespace !== undefined && name !== undefined) return `system:serviceaccount:${namespace}:${name}`;
  return text.startsWith('User/') ? text.slice('User/'.length) : text;
}

/** What authenticators add: k8s.io/apiserver pkg/authentication/group and serviceaccount. */
export function impliedGroups(user: string, given: readonly string[]): readonly string[] {
  if (user === 'system:anonymous' || given.includes('system:unauthenticated')) return ['system:unauthenticated'];
  const [, namespace] = /^system:serviceaccount:([^:]+):[^:]+$/.exec(user) ?? [];
  return [...(namespace === undefined ? [] : ['system:serviceaccounts', `system:serviceaccounts:${namespace}`]), 'system:authenticated'];
}

function answer(reader: EvidenceReader, { user, groups, implied, notes }: Identity, question: Question, membersKnown: boolean): AccessCan {
  const asked = ask(reader, question);
  const { verb, path } = asked;
  const authorizers = readAuthorizers(reader);
  const resource =
    asked.resource === null
      ? null
      : {
          group: asked.resource.group,
          resource: asked.resource.resource,
          subresource: asked.resource.subresource,
          namespace: asked.namespace ?? '',
          name: asked.name ?? '',
        };
  const attributes = {
    ...(resource !== null && { resourceAttributes: { verb, ...resource } }),
    ...(path !== null && { nonResourceAttributes: { verb, path } }),
  };
  const index = createAccessIndex(reader);
  const decision = index.can({ user, groups, ...attributes });
  // Accounts and components are in no group of an identity provider.
  const opening =
    decision.allowed || membersKnown || user.startsWith('system:')
      ? []
      : index.subjects
          .filter(({ kind, name }) => kind === 'Group' && !name.startsWith('system:') && !groups.includes(name))
          .filter(({ name }) => index.can({ user: '', groups: [name], ...attributes }).allowed)
          .map(({ name }) => name);
  return {
    schema: 'kubevidence/access-can/v1',
    ...sourceOf(reader),
    user,
    groups: [...groups],
    implied: [...implied],
    verb,
    resource,
    path,
    answer: decision.allowed ? 'yes' : decision.gaps.length > 0 ? 'notKnown' : 'no',
    reason: decision.reason,
    via: decision.via === null ? null : describeVia(decision.via),
    gaps: [...decision.gaps],
    authorizers: authorizers.modes === null ? null : [...authorizers.modes],
    notes: [
      ...notes,
      ...asked.notes,
      ...(opening.length === 0
        ? []
        : [`${membersMay(opening)}; whether ${user} is one only the identity provider knows: --as-group, or --memberships`]),
      ...(groups.includes(nodesGroup) ? [nodeAuthorizerNote] : []),
      ...(authorizers.note === null ? [] : [authorizers.note]),
    ],
  };
}

function membersMay(groups: readonly string[]): string {
  return `members of ${groups.slice(0, 5).join(', ')}${groups.length > 5 ? ` and ${groups.length - 5} more groups` : ''} may`;
}
