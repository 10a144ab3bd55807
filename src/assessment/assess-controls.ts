/**
 * Judges one snapshot: every control over its population, each population read exactly once, however many controls test it. Pure: the
 * same snapshot, catalog and parameters give the same results.
 */
import { effectiveParams } from '../catalog/index.ts';
import type { Control, ControlResult, EvidenceReader, Population, Row } from '../model/index.ts';
import { type Evaluation, startEvaluation } from './evaluate.ts';
import type { JudgedInput } from './judged-input.ts';
import { namespaceReaders } from './large-snapshots.ts';
import { isParted, keepRows, openMemory, type Recall, type Remembering, type RowMemory } from './memory.ts';
import { tallyByNamespace } from './memory-parts.ts';
import { mergeReadings, type PopulationReading, readPopulation } from './read-population.ts';
import { createRowJudge, type RowJudge } from './row-judge.ts';
import { createTally, type Tally } from './tally.ts';

export interface AssessmentInput extends JudgedInput {
  /** Left by judging an earlier snapshot of the cluster; taken and filled anew. */
  readonly remembering?: Remembering | undefined;
}

/** Results in the order of `controls`. Errors: `configuration`, for parameters that do not fit. */
export function assessControls(controls: readonly Control[], input: AssessmentInput): readonly ControlResult[] {
  const results = new Map<string, ControlResult>();
  const recallFor = input.remembering === undefined ? undefined : openMemory(input.remembering, controls, input);
  const jobs = input.populations.flatMap((population) => {
    const own = controls.filter((control) => control.population === population.name);
    return own.length === 0 ? [] : [createJob(population, own, input)];
  });
  const apart = recallFor === undefined ? judgeByNamespace(jobs, input.reader) : new Map<Job, readonly ControlResult[]>();
  for (const job of jobs) {
    const recall = recallFor?.(job.population);
    const concluded = recall?.results ?? apart.get(job) ?? judgeRecalled(job, recall) ?? judgeWhole(job, input.reader, recall);
    const final = recall === undefined || recall.results ? concluded : recall.conclude([...concluded]);
    for (const result of final) results.set(result.id, result);
  }
  return controls.map((control) => {
    const result = results.get(control.id);
    if (result === undefined) throw new Error(`no population is called ${control.population}`);
    return result;
  });
}

/** A population with the controls that test it. */
interface Job {
  readonly population: Population;
  /** With whole budgets. */
  start(): readonly Evaluation[];
  tallies(): readonly Tally[];
  rows(evaluations: readonly Evaluation[], tallies: readonly Tally[]): RowJudge;
  /** Has the rows of a whole population judged, or of a part of it. */
  read(reader: EvidenceReader, rows: RowJudge, memory?: RowMemory): PopulationReading;
  conclude(evaluations: readonly Evaluation[], tallies: readonly Tally[], reading: PopulationReading): readonly ControlResult[];
}

function createJob(population: Population, own: readonly Control[], input: AssessmentInput): Job {
  const { params = {}, namespace, exceptions = [], managed = null, techniques } = input;
  let outside = 0;
  return {
    population,
    start: () =>
      own.map((control) => startEvaluation(control, { params: effectiveParams(control, params[control.id]), exceptions, managed })),
    tallies: () => own.map(() => createTally()),
    rows: (evaluations, tallies) => createRowJudge(own, evaluations, tallies),
    read(from, rows, memory) {
      const kept = memory === undefined ? undefined : keepRows(memory);
      const visit = (row: Row) => {
        if (namespace === undefined || row.resource.namespace === namespace) rows.judge(row, kept?.keep(row).verdicts);
        else outside += 1;
      };
      const reading = readPopulation(population, from, visit, techniques);
      kept?.end();
      return reading;
    },
    conclude: (evaluations, tallies, reading) =>
      evaluations.map((evaluation, place) => evaluation.conclude(tallies[place] as Tally, reading, outside)),
  };
}

function judgeWhole(job: Job, reader: EvidenceReader, recall: Recall | undefined): readonly ControlResult[] {
  const [evaluations, tallies] = [job.start(), job.tallies()];
  const rows = job.rows(evaluations, tallies);
  const reading = job.read(recall?.reader ?? reader, rows, recall?.rows);
  rows.end();
  return job.conclude(evaluations, tallies, reading);
}

/** By what changed since the snapshot before. */
function judgeRecalled(job: Job, recall: Recall | undefined): readonly ControlResult[] | null {
  const { population } = job;
  if (recall === undefined || !isParted(population)) return null;
  const reading = readPopulation({ ...population, rows: () => [] }, recall.reader, () => {});
  const evaluations = job.start();
  const tallies = tallyByNamespace({ recall, reading, evaluations }, (reader, memory, of, into) => {
    const rows = job.rows(of, into);
    const own = job.read(reader, rows, memory);
    rows.end();
    return own;
  });
  return tallies === null ? null : job.conclude(evaluations, tallies, reading);
}

/** What of a large snapshot can be judged namespace by namespace, in one passage for all. */
function judgeByNamespace(jobs: readonly Job[], reader: EvidenceReader): ReadonlyMap<Job, readonly ControlResult[]> {
  const fitting = jobs.filter(({ population }) => population.byNamespace === true);
  const readers = namespaceReaders(reader, [...new Set(fitting.flatMap(({ population }) => population.from))]);
  if (readers === null) return new Map();
  const started = fitting.map((job) => {
    const [evaluations, tallies] = [job.start(), job.tallies()];
    return { job, evaluations, tallies, rows: job.rows(evaluations, tallies), readings: [] as PopulationReading[] };
  });
  for (const part of readers) for (const { job, rows, readings } of started) readings.push(job.read(part, rows));
  return new Map(
    started.map(({ job, evaluations, tallies, rows, readings }) => {
      rows.end();
      return [job, job.conclude(evaluations, tallies, mergeReadings(readings))];
    }),
  );
}
