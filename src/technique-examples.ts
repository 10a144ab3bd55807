/**
 * Runs the examples that techniques of escalation carry: the objects go the way of real evidence, and the hop is looked for in the graph
 * that `access paths` searches, by that technique alone.
 */
import { findHop } from './access/index.ts';
import { exampleSnapshot } from './control-examples.ts';
import type { Technique } from './model/index.ts';

export interface TechniqueExampleResult {
  readonly technique: string;
  readonly example: string;
  /** What differs from what the example says; empty when it holds. */
  readonly problems: readonly string[];
}

/** Those of `techniques`, among `all`. Errors: `configuration`, for an example that cannot be read. */
export function* runTechniqueExamples(techniques: readonly Technique[], all: readonly Technique[]): Iterable<TechniqueExampleResult> {
  for (const { id, examples } of techniques) {
    for (const { name, given, absent, from, to, hop } of examples) {
      const found = findHop(exampleSnapshot(given, `example "${name}" of ${id}`, absent), all, { id, from, to });
      const problems = found === hop ? [] : [`the hop from ${from} to ${to} is ${found}, not ${hop}`];
      yield { technique: id, example: name, problems };
    }
  }
}
