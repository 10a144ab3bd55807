/** Whether one technique leads from a state to another in one hop, as its examples say: what else would lead there does not count. */
import type { EvidenceReader, Technique } from '../../model/index.ts';
import { createAccessIndex } from '../access-index.ts';
import { drawGraph } from './draw.ts';
import { adjacency } from './graph.ts';
import { closeJoins } from './joins.ts';
import { readWorld } from './world.ts';

/** `from`, `to`: states as paths print them (`User/alice`, `Secret/ns/name`). With nothing possible in the way it is certain. */
export function findHop(
  reader: EvidenceReader,
  techniques: readonly Technique[],
  { id, from, to }: { readonly id: string; readonly from: string; readonly to: string },
): 'certain' | 'possible' | 'none' {
  const secret = /^Secret\/([^/]+)\/(.+)$/.exec(to);
  const { graph } = drawGraph(
    readWorld(reader, createAccessIndex(reader)),
    techniques,
    secret === null ? [] : [[secret[1] ?? '', secret[2] ?? '']],
  );
  const start = graph.find('state', from);
  const goal = graph.find('state', to);
  if (start === undefined || goal === undefined) return 'none';
  closeJoins(graph, goal);
  const out = adjacency(graph, 'from');
  for (const certain of [true, false]) {
    const inHand = new Map([[start, false]]);
    for (const [node, used] of inHand) {
      for (let i = out.start[node] ?? 0; i < (out.start[node + 1] ?? 0); i++) {
        const edge = out.edges[i] ?? 0;
        if (certain && graph.reason[edge] !== 0) continue;
        const next = graph.to[edge] ?? 0;
        const technique = graph.abilities.get(next)?.technique.id;
        if (technique !== undefined && technique !== id) continue;
        if (next === goal && used) return certain ? 'certain' : 'possible';
        // One hop: behind the technique nothing but its choices.
        if (used && graph.kindOf(next) !== 'choice') continue;
        if (!inHand.has(next)) inHand.set(next, used || technique !== undefined);
      }
    }
  }
  return 'none';
}
