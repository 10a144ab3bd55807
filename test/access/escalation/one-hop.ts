/** Whether one technique leads from a state to another in one hop, as an example of it says. */
import { createAccessIndex } from '../../../src/access/index.ts';
import { drawGraph } from '../../../src/access/escalation/draw.ts';
import { adjacency } from '../../../src/access/escalation/graph.ts';
import { closeJoins } from '../../../src/access/escalation/joins.ts';
import type { Technique } from '../../../src/model/index.ts';
import { readWorld } from '../../../src/access/escalation/world.ts';
import type { EvidenceReader } from '../../../src/model/index.ts';

export function oneHop(
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
  let best: 'certain' | 'possible' | 'none' = 'none';
  for (const certain of [true, false]) {
    const seen = new Set([start]);
    const inHand = new Map([[start, false]]);
    for (const [node, used] of inHand) {
      for (let i = out.start[node] ?? 0; i < (out.start[node + 1] ?? 0); i++) {
        const edge = out.edges[i] ?? 0;
        if (certain && graph.reason[edge] !== 0) continue;
        const next = graph.to[edge] ?? 0;
        const technique = graph.abilities.get(next)?.technique.id;
        if (technique !== undefined && technique !== id) continue;
        if (next === goal && used) {
          best = certain ? 'certain' : 'possible';
          return best;
        }
        // One hop: behind the technique nothing but its choices.
        if (used && graph.kindOf(next) !== 'choice') continue;
        if (!inHand.has(next)) inHand.set(next, used || technique !== undefined);
        seen.add(next);
      }
    }
  }
  return best;
}
