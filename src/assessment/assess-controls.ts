/**
 * Judges one snapshot: every control over its population, each population read exactly once, however many controls test it. Pure: the
 * same snapshot, catalog and parameters give the same results.
 */
import { effectiveParams } from '../catalog/index.ts';
import type { Control, ControlResult, EvidenceReader, Row } from '../model/index.ts';
import { createItems } from './equal-rows.ts';
import { type Evaluation, type PreparedRow, startEvaluation } from './evaluate.ts';
import type { JudgedInput } from './judged-input.ts';
import { keepRows, openMemory, type Remembering, type RowMemory } from './memory.ts';
import { tallyByNamespace } from './memory-parts.ts';
import { type PopulationReading, readPopulation } from './read-population.ts';
import { addVerdict, createTally, type Tally, type Verdict } from './tally.ts';

export interface AssessmentInput extends JudgedInput {
  /** Left by judging an earlier snapshot of the cluster; taken and filled anew. */
  readonly remembering?: Remembering | undefined;
}

/** Results in the order of `controls`. Errors: `configuration`, for parameters that do not fit. */
export function assessControls(controls: readonly Control[], input: AssessmentInput): readonly ControlResult[] {
  const { reader, populations, params = {}, namespace, exceptions = [], managed = null, techniques } = input;
  const results = new Map<string, ControlResult>();
  const recallFor = input.remembering === undefined ? undefined : openMemory(input.remembering, controls, input);
  for (const population of populations) {
    const own = controls.filter((control) => control.population === population.name);
    if (own.length === 0) continue;
    const recall = recallFor?.(population);
    if (recall?.results) {
      for (const result of recall.results) results.set(result.id, result);
      continue;
    }
    const start = () =>
      own.map((control) => startEvaluation(control, { params: effectiveParams(control, params[control.id]), exceptions, managed }));
    let items: ((row: Row) => unknown) | undefined;
    const itemOf = (row: Row) => (items ??= createItems(own))(row);
    let outside = 0;
    /** Rows of a whole population, or of a part of it. */
    const judgeRows = (
      from: EvidenceReader,
      memory: RowMemory | undefined,
      evaluations: readonly Evaluation[],
      tallies: readonly Tally[],
    ) => {
      const kept = memory === undefined ? undefined : keepRows(memory);
      const visit = (row: Row) => {
        if (namespace !== undefined && row.resource.namespace !== namespace) {
          outside += 1;
          return;
        }
        judgeRow(row, kept?.keep(row).verdicts, evaluations, tallies, itemOf);
      };
      const reading = readPopulation(population, from, visit, techniques);
      kept?.end();
      return reading;
    };
    const conclude = (evaluations: readonly Evaluation[], tallies: readonly Tally[], reading: PopulationReading) =>
      evaluations.map((evaluation, place) => evaluation.conclude(tallies[place] as Tally, reading, outside));
    const byNamespace = (): ControlResult[] | null => {
      if (recall === undefined || population.byNamespace !== true) return null;
      const reading = readPopulation({ ...population, rows: () => [] }, recall.reader, () => {});
      const evaluations = start();
      const tallies = tallyByNamespace({ kinds: population.from, recall, reading, evaluations }, judgeRows);
      return tallies === null ? null : conclude(evaluations, tallies, reading);
    };
    const asWhole = (): ControlResult[] => {
      const [evaluations, tallies] = [start(), own.map(() => createTally())];
      return conclude(evaluations, tallies, judgeRows(recall?.reader ?? reader, recall?.rows, evaluations, tallies));
    };
    const concluded = byNamespace() ?? asWhole();
    for (const result of recall?.conclude(concluded) ?? concluded) results.set(result.id, result);
  }
  return controls.map((control) => {
    const result = results.get(control.id);
    if (result === undefined) throw new Error(`no population is called ${control.population}`);
    return result;
  });
}

/** `verdicts`: those that the same row had before, to be taken and filled. */
function judgeRow(
  row: Row,
  verdicts: (Verdict | undefined)[] | undefined,
  evaluations: readonly Evaluation[],
  tallies: readonly Tally[],
  itemOf: (row: Row) => unknown,
): void {
  let prepared: PreparedRow | undefined;
  for (let place = 0; place < evaluations.length; place++) {
    const evaluation = evaluations[place] as Evaluation;
    const known = verdicts?.[place];
    const isAmple = evaluation.isAmple();
    let verdict: Verdict;
    if (known !== undefined && isAmple) evaluation.charge((verdict = known));
    else verdict = evaluation.judge((prepared ??= { row, cel: itemOf(row) }));
    if (verdicts !== undefined && isAmple) verdicts[place] = verdict;
    addVerdict(tallies[place] as Tally, row, verdict);
  }
}
