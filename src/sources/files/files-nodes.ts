/** Documents of nodes among the files: whose word each is, and which of several of one node counts. */
import { isDeepStrictEqual } from 'node:util';
import type { JsonObject, RequestRecord } from '../../model/index.ts';
import { textAt } from '../../model/index.ts';

/** Whether a node's document may enter, and as whose; `broken` when its signature does not hold. */
export type NodeCheck = (
  document: JsonObject,
) =>
  | { readonly signer: { readonly fingerprint: string; readonly listed: boolean } | null }
  | { readonly refused: string; readonly broken: boolean; readonly closedBy: string };

/** Where nobody can check signatures: what nobody signed enters, and no other. */
export const unsignedOnly: NodeCheck = (document) =>
  Object.hasOwn(document, 'signature')
    ? { refused: 'its signature cannot be checked here', broken: false, closedBy: 'collect it into a ledger' }
    : { signer: null };

/** A node's document whose signature was checked, and the file that it came in. */
export interface NodeDocument {
  readonly object: JsonObject;
  readonly place: { readonly file: string; readonly line: number };
  readonly record: RequestRecord;
}

/**
 * A node that was read every day has a file for each: the last one counts. What becomes of the other, if there is one: it is older, or it
 * says to be of the same moment and says something else.
 */
export function keepLatest(
  nodes: Map<string, NodeDocument>,
  document: NodeDocument,
): { readonly other: NodeDocument['place']; readonly conflicts: boolean } | undefined {
  const name = textAt(document.object, 'metadata', 'name') ?? '';
  const timeOf = ({ object }: NodeDocument) => Date.parse(textAt(object, 'collectedAt') ?? '');
  const known = nodes.get(name);
  if (known === undefined || timeOf(known) < timeOf(document)) {
    nodes.set(name, document);
    return known === undefined ? undefined : { other: known.place, conflicts: false };
  }
  if (isDeepStrictEqual(known.object, document.object)) return undefined;
  return { other: document.place, conflicts: timeOf(known) === timeOf(document) };
}
