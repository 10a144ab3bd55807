/** `access who-can`: every subject that a binding gives a right, with each grant; and who has it besides, as far as anybody can know. */
import type { AccessWhoCan, Memberships } from '../../access/index.ts';
import { createAccessIndex, mastersGroup, nodeAuthorizerNote, nodesGroup, readAuthorizers } from '../../access/index.ts';
import type { EvidenceReader } from '../../model/index.ts';
import type { AppContext } from '../context.ts';
import type { EvidenceOptions } from './evidence.ts';
import { describeVia, loadMemberships, sourceOf, withEvidence } from './evidence.ts';
import type { Question } from './question.ts';
import { ask } from './question.ts';

export interface WhoCanOptions extends EvidenceOptions {
  readonly memberships?: string | undefined;
}

/** Without a namespace: held cluster-wide or in any namespace. Without a name: on every name, or on some. */
export function accessWhoCan(context: AppContext, options: WhoCanOptions, question: Question): Promise<AccessWhoCan> {
  const memberships = loadMemberships(context, options.memberships);
  return withEvidence(context, options, (reader) => answer(reader, question, memberships));
}

function answer(reader: EvidenceReader, question: Question, memberships: Memberships | null): AccessWhoCan {
  const asked = ask(reader, question);
  const { verb, path } = asked;
  const namespace = asked.namespace ?? '*';
  const resource =
    asked.resource === null
      ? null
      : {
          group: asked.resource.group,
          resource: asked.resource.resource,
          subresource: asked.resource.subresource,
          name: asked.name ?? '',
        };
  const { holders, gaps } = createAccessIndex(reader).whoCan({
    verb,
    namespace,
    ...resource,
    anyName: resource?.name === '',
    ...(path !== null && { path }),
  });
  const isLimited = (names: readonly string[]) => resource?.name === '' && names.length > 0;
  const authorizers = readAuthorizers(reader);
  const closed = holders
    .filter(({ subject }) => subject.kind === 'Group' && !subject.name.startsWith('system:'))
    .map(({ subject }) => subject.name);
  const unlisted = closed.filter((group) => memberships === null || memberships.membersOf(group).length === 0);
  return {
    schema: 'kubevidence/access-who-can/v1',
    ...sourceOf(reader),
    verb,
    resource,
    namespace,
    path,
    holders: holders.map(({ subject, grants }) => ({
      subject: subject.text,
      limited: grants.every(({ rule }) => isLimited(rule.resourceNames)),
      grants: grants.map((via) => {
        const { subject: _same, ...rest } = describeVia(via);
        return rest;
      }),
      members: subject.kind !== 'Group' || memberships === null ? null : [...memberships.membersOf(subject.name)],
    })),
    always: [`Group/${mastersGroup}`],
    complete: gaps.length === 0,
    gaps: [...gaps],
    authorizers: authorizers.modes === null ? null : [...authorizers.modes],
    notes: [
      ...asked.notes,
      ...(unlisted.length === 0
        ? []
        : [
            `who is in ${unlisted.slice(0, 5).join(', ')}${unlisted.length > 5 ? ` and ${unlisted.length - 5} more groups` : ''} only the identity provider knows${memberships === null ? ': give an export with --memberships' : ', and the file names nobody'}`,
          ]),
      ...(holders.some(({ subject }) => subject.text === `Group/${nodesGroup}`) ? [nodeAuthorizerNote] : []),
      ...(authorizers.note === null ? [] : [authorizers.note]),
    ],
  };
}
