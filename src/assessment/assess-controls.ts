/**
 * Judges one snapshot: every control over its population, each population read exactly once, however many controls test it. Pure: the
 * same snapshot, catalog and parameters give the same results.
 */
import { effectiveParams } from '../catalog/index.ts';
import type { Control, ControlResult, EvidenceReader, Population, Row } from '../model/index.ts';
import { type Evaluation, startEvaluation } from './evaluate.ts';
import type { JudgedInput } from './judged-input.ts';
import { namespaceReaders } from './large-snapshots.ts';
import { isParted, openMemory, type Recall, type Remembering, type Whole } from './memory.ts';
import { tallyByNamespace } from './memory-parts.ts';
import { keepRows, type KeptRow, type RowMemory } from './memory-rows.ts';
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
  const controlsOf = byPopulation(controls);
  const jobs = input.populations.flatMap((population) => {
    const own = controlsOf.get(population.name);
    return own === undefined ? [] : [createJob(population, own, input)];
  });
  const apart = recallFor === undefined ? judgeByNamespace(jobs, input.reader) : new Map<Job, readonly ControlResult[]>();
  for (const job of jobs) {
    const recall = recallFor?.(job.population);
    const found = recall === undefined ? (apart.get(job) ?? judgeWhole(job, input.reader)) : (recall.results ?? judgeRecalled(job, recall));
    for (const result of found) results.set(result.id, result);
  }
  return controls.map((control) => {
    const result = results.get(control.id);
    if (result === undefined) throw new Error(`no population is called ${control.population}`);
    return result;
  });
}

const grouped = new WeakMap<readonly Control[], ReadonlyMap<string, readonly Control[]>>();

/** The same controls judge one snapshot after the other. */
function byPopulation(controls: readonly Control[]): ReadonlyMap<string, readonly Control[]> {
  let known = grouped.get(controls);
  if (known === undefined) grouped.set(controls, (known = Map.groupBy(controls, ({ population }) => population)));
  return known;
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
  /** Has no row judged. */
  readWhole(reader: EvidenceReader, memory: RowMemory): Whole;
  judge(rows: RowJudge, row: Row, kept?: KeptRow): void;
  conclude(evaluations: readonly Evaluation[], tallies: readonly Tally[], reading: PopulationReading): readonly ControlResult[];
}

function createJob(population: Population, own: readonly Control[], input: AssessmentInput): Job {
  const { params = {}, namespace, exceptions = [], managed = null, techniques } = input;
  let outside = 0;
  const judge: Job['judge'] = (rows, row, kept) => {
    if (namespace === undefined || row.resource.namespace === namespace) rows.judge(row, kept);
    else outside += 1;
  };
  return {
    population,
    start: () =>
      own.map((control) => startEvaluation(control, { params: effectiveParams(control, params[control.id]), exceptions, managed })),
    tallies: () => own.map(() => createTally()),
    rows: (evaluations, tallies) => createRowJudge(own, evaluations, tallies),
    read(from, rows, memory) {
      if (memory === undefined) return readPopulation(population, from, (row) => judge(rows, row), techniques);
      const kept = keepRows(memory, own);
      const visit = (row: Row) => judge(rows, row, kept.keep(row));
      const reading = readPopulation(population, from, visit, techniques, kept.isRepeated);
      kept.end();
      return reading;
    },
    readWhole(from, memory) {
      const kept = keepRows(memory, own);
      const rows: KeptRow[] = [];
      const reading = readPopulation(population, from, (row) => rows.push(kept.keep(row)), techniques, kept.isRepeated);
      kept.end();
      return { rows, reading };
    },
    judge,
    conclude: (evaluations, tallies, reading) =>
      evaluations.map((evaluation, place) => evaluation.conclude(tallies[place] as Tally, reading, outside)),
  };
}

function judgeWhole(job: Job, reader: EvidenceReader): readonly ControlResult[] {
  const [evaluations, tallies] = [job.start(), job.tallies()];
  const rows = job.rows(evaluations, tallies);
  const reading = job.read(reader, rows);
  rows.end();
  return job.conclude(evaluations, tallies, reading);
}

function judgeRecalled(job: Job, recall: Recall): readonly ControlResult[] {
  const ofParts = judgeParts(job, recall);
  if (ofParts !== null) return recall.conclude(ofParts, null);
  const whole = job.readWhole(recall.reader, recall.rows);
  return recall.conclude(recall.resultsOf(whole) ?? judgeRead(job, whole), whole);
}

function judgeRead(job: Job, { rows, reading }: Whole): readonly ControlResult[] {
  const [evaluations, tallies] = [job.start(), job.tallies()];
  const judged = job.rows(evaluations, tallies);
  for (const kept of rows) job.judge(judged, kept.row, kept);
  judged.end();
  return job.conclude(evaluations, tallies, reading);
}

/** By what changed since the snapshot before. */
function judgeParts(job: Job, recall: Recall): readonly ControlResult[] | null {
  const { population } = job;
  if (!isParted(population)) return null;
  let besideIn: ReturnType<NonNullable<Population['besideIn']>> | undefined;
  const rows: Population['rows'] = (input) => {
    besideIn = population.besideIn?.(input);
    return [];
  };
  const reading = readPopulation({ ...population, rows }, recall.reader, () => {});
  const evaluations = job.start();
  const tallies = tallyByNamespace({ recall, reading, besideIn, evaluations }, (reader, memory, of, into) => {
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
