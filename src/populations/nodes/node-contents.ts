/**
 * Contents of files that node collectors read, which are listed beside those that were handed in: from which node each of them is, and why
 * it is not to be relied on where the document that brought it is not. A policy is as old as the node that it was read on says.
 */
import type { Gap, Json, PopulationInput } from '../../model/index.ts';
import { listAt, textAt } from '../../model/index.ts';
import { gapOfNode, readNodeEvidence } from './node-evidence.ts';

export interface NodeContent {
  readonly node: string;
  readonly path: string;
  /** Null where the document counts. */
  readonly gap: Gap | null;
}

/** By the name of the object, as collectors/node-evidence gives it. Of a node that has gone there is nothing to say: its gap is one as well. */
export function readNodeContents(
  input: PopulationInput,
  list: 'auditPolicies' | 'encryptionConfigurations',
): ReadonlyMap<string, NodeContent> {
  const found = new Map<string, NodeContent>();
  const bringing = [...input.each('node.evidence/nodes')].filter(({ body }) => listAt(body, list).length > 0);
  if (bringing.length === 0) return found;
  const reading = readNodeEvidence(input);
  for (const node of bringing) {
    const gap = gapOfNode(reading, node.name);
    for (const [index, entry] of listAt(node.body, list).entries())
      found.set(nameOf(node.name, index, entry), { node: node.name, path: textAt(entry, 'path') ?? '', gap });
  }
  return found;
}

function nameOf(node: string, index: number, entry: Json): string {
  return index === 0 ? node : `${node} ${textAt(entry, 'path') ?? index}`;
}
