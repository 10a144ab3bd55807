/**
 * `clusters[].nodeKeys` in kubevidence.yaml: who may sign what node collectors read. A fingerprint with a node's name speaks for that node
 * alone, and such a node is spoken for by no other key; a fingerprint alone speaks for every node that no entry names.
 */
import { z } from 'zod';
import type { NodeCheck } from '../../sources/index.ts';
import { clip, type JsonObject, textAt } from '../../model/index.ts';
import { verifyJson } from '../../signing/index.ts';

const fingerprint = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 in hex, as `node collect --key` prints it');

const nodeName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/, 'a Node’s name, as kubectl get nodes shows it');

const nodeKeySchema = z.union(
  [fingerprint, z.strictObject({ node: nodeName, key: fingerprint })],
  'a fingerprint, or {node: NAME, key: FINGERPRINT}',
);

export const nodeKeysSchema = z
  .array(nodeKeySchema)
  .min(1)
  .describe(
    'Fingerprints of the keys that sign what node collectors read, each with the node that it is of ({node, key}); one alone may sign for any node that no entry names. Where they are listed, no other document of a node is taken',
  );

export type NodeKey = z.infer<typeof nodeKeySchema>;

/** Fingerprints that may sign in the name of any node. */
export function unboundKeys(listed: readonly NodeKey[]): readonly string[] {
  return listed.filter((entry) => typeof entry === 'string');
}

/** Whether a document's signature holds and is by a listed key of its node; where none are listed every document is taken. */
export function checkNodeWith(listed: readonly NodeKey[]): NodeCheck {
  return (document) => {
    const check = verifyJson(document);
    if ('problem' in check)
      return {
        broken: true,
        refused: check.problem,
        closedBy: 'collect from the node again, and find out who changed the file',
      };
    if (listed.length === 0) return { signer: check.fingerprint === null ? null : { fingerprint: check.fingerprint, listed: false } };
    if (check.fingerprint === null)
      return {
        broken: false,
        refused: 'nobody signed it, and nodeKeys lists who may',
        closedBy: 'kubevidence node collect --key FILE on the node',
      };
    return refusal(check.fingerprint, document, listed) ?? { signer: { fingerprint: check.fingerprint, listed: true } };
  };
}

/** Why a key that signed may not speak for the node that the document names. */
function refusal(
  key: string,
  document: JsonObject,
  listed: readonly NodeKey[],
): Extract<ReturnType<NodeCheck>, { refused: string }> | undefined {
  const node = textAt(document, 'metadata', 'name') ?? '';
  const called = `node ${clip(node, 253)}`;
  const nodesOfKey = listed.flatMap((entry) => (typeof entry !== 'string' && entry.key === key ? [entry.node] : []));
  const isUnbound = unboundKeys(listed).includes(key);
  const hasOwn = listed.some((entry) => typeof entry !== 'string' && entry.node === node);
  if (nodesOfKey.includes(node) || (isUnbound && !hasOwn)) return undefined;
  if (nodesOfKey.length > 0)
    return {
      broken: false,
      refused: `it is of ${called}, and nodeKeys lists its key ${key} as that of ${nodesOfKey.join(', ')}`,
      closedBy: `sign on ${called} with a key of its own, and find out who signed in its name`,
    };
  if (isUnbound)
    return {
      broken: false,
      refused: `it is of ${called}, for which nodeKeys lists another key than ${key}`,
      closedBy: `sign on ${called} with the key that is listed for it, or list this one: {node: ${clip(node, 253)}, key: …}`,
    };
  return {
    broken: false,
    refused: `its key ${key} is not among the nodeKeys`,
    closedBy: 'compare the fingerprint with what `node collect --key` prints on the node, and add it to clusters[].nodeKeys',
  };
}
