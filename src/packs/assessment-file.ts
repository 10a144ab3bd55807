/**
 * The judgement in a pack: the assessment with its salt, checked against the `assessed` record that names it, the catalog and the parameters
 * that judged, and the exhibits that it stands on. Outcomes are not recomputed here; what is proved is that these were logged, over this
 * evidence, by these rules.
 */
import { hash } from 'node:crypto';
import { z } from 'zod';
import { leafHash, type LogRecord, type RecordOf } from '../log/index.ts';
import {
  type Assessment,
  assessmentSchema,
  at,
  canonicalBytes,
  canonicalPieces,
  isObject,
  type Json,
  KubevidenceError,
  listAt,
  parseCanonical,
  textAt,
  visible,
} from '../model/index.ts';
import { countPseudonymisedSteps, problemsOfExceptions } from './exception-file.ts';
import type { ExhibitFacts } from './exhibit.ts';
import type { PseudonymisedJudgement } from './pseudonymised.ts';
import { digest, isAsItSays, isPseudonymised, isSealed, type Pseudonymise, shownSchema } from './salted-json.ts';

const format = 'kubevidence/logged-assessment/v1';
const schema = shownSchema({
  format: z.literal(format),
  /** Of its `assessed` record; `hash` is the RFC 6962 leaf hash. */
  record: z.strictObject({ leaf: z.int().nonnegative(), hash: digest }),
});

const values = z.record(
  z.string(),
  z.custom<Json>((value) => value !== undefined),
);
/** The digest that the log recorded is over what is effective, and the catalog has the defaults: there must be nothing else. */
const paramsSchema = z.strictObject({
  format: z.literal('kubevidence/params/v1'),
  controls: z.record(z.string(), z.strictObject({ defaults: values, effective: values })),
  pseudonymised: z.int().positive().optional(),
});

export interface AssessmentInputs {
  readonly leaf: number;
  readonly salt: Uint8Array;
  readonly value: Assessment;
}

/** `assessments/run-N.json`, canonical JSON. Throws `integrity` when the record does not name this assessment. */
export function buildAssessmentFile(
  { leaf, salt, value }: AssessmentInputs,
  record: Uint8Array,
  pseudonymise: Pseudonymise | null = null,
): Uint8Array {
  const id = textAt(JSON.parse(Buffer.from(record).toString('utf8')), 'assessment') ?? '';
  const head = { format, record: { leaf, hash: Buffer.from(leafHash(record)).toString('hex') }, id };
  const file = { ...head, salt: Buffer.from(salt).toString('hex'), value: value as unknown as Json };
  if (!isSealed(file)) throw new KubevidenceError('integrity', `record ${leaf} of the log does not name this assessment`);
  const shown = pseudonymise?.(file.value) ?? { value: file.value, replaced: 0 };
  return canonicalPieces(shown.replaced === 0 ? file : { ...head, pseudonymised: shown.replaced, value: shown.value });
}

export interface AssessmentContext {
  /** As the manifest names it. */
  readonly expected: { readonly run: number; readonly leaf: number };
  readonly cluster: string;
  readonly stored: readonly Uint8Array[];
  readonly records: readonly (LogRecord | null)[];
  readonly catalog: Uint8Array;
  readonly params: Uint8Array;
  /** `assessments/exceptions.json`; null where there is none. */
  readonly exceptions: Uint8Array | null;
  /** Those that hold. */
  readonly exhibits: readonly ExhibitFacts[];
}

export interface AssessmentCheck {
  readonly problems: readonly string[];
  /** What the assessment leaves open; one sentence each, safe to print. */
  readonly notProved: readonly string[];
  readonly controls: number;
  /** Ids of the objects that findings cite. */
  readonly cited: ReadonlySet<string>;
  /** How many results stand on. */
  readonly listings: number;
  /** The exhibits of those listings show them, what they held, and the cited objects without pseudonyms. */
  readonly isShown: boolean;
  /** By count, as the log recorded them; those of the assessment are the same. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly pseudonymised: PseudonymisedJudgement;
}

/** Takes any bytes; throws `integrity` for what is not in the form at all. */
export function checkAssessment(bytes: Uint8Array, context: AssessmentContext): AssessmentCheck {
  const { expected, cluster, stored, records, exhibits } = context;
  const file = schema.safeParse(parseCanonical(bytes)).data;
  const assessment = assessmentSchema.safeParse(file?.value).data;
  if (file === undefined || assessment === undefined)
    throw new KubevidenceError('integrity', 'the assessment is not in the form kubevidence/logged-assessment/v1');
  const problems: string[] = [];
  if (!isAsItSays(file)) problems.push('the assessment is not what its id says');
  const { leaf } = expected;
  const [record, raw] = [records[leaf], stored[leaf]];
  if (file.record.leaf !== leaf || raw === undefined || Buffer.from(leafHash(raw)).toString('hex') !== file.record.hash)
    problems.push('the assessment names another record of the log than the manifest');
  if (record?.type !== 'assessed') problems.push(`record ${leaf} of the log is no assessment`);
  else
    problems.push(
      ...problemsOfRecord(record, file.id, assessment, expected.run, cluster),
      ...problemsOfDefinitions(record, context),
      ...problemsOfExceptions(context.exceptions, assessment, { leaf, record }, records),
    );
  const { problems: missing, ...evidence } = problemsOfEvidence(assessment, exhibits);
  return {
    problems: [...problems, ...missing],
    notProved: isPseudonymised(file)
      ? []
      : [...describePasses(assessment), ...(countOf(context.catalog) > 0 ? [] : describeControls(assessment, context.catalog))],
    controls: assessment.controls.length,
    ...evidence,
    outcomes: record?.type === 'assessed' ? record.outcomes : {},
    pseudonymised: {
      assessment: isPseudonymised(file),
      catalog: countOf(context.catalog) > 0,
      params: countOf(context.params) > 0,
      steps: countPseudonymisedSteps(context.exceptions),
    },
  };
}

/** How many names were replaced in a file that is no salted payload. */
function countOf(bytes: Uint8Array): number {
  const count = at(parseCanonical(bytes), 'pseudonymised');
  return typeof count === 'number' && Number.isSafeInteger(count) && count > 0 ? count : 0;
}

function problemsOfRecord(record: RecordOf<'assessed'>, id: string, assessment: Assessment, run: number, cluster: string): string[] {
  const problems: string[] = [];
  if (record.assessment !== id) problems.push('the log recorded another assessment than the one in the pack');
  if (record.run !== run || assessment.run?.number !== run) problems.push(`the assessment is not of run ${run}`);
  if (record.cluster !== cluster || assessment.cluster.name !== cluster)
    problems.push('the assessment is of another cluster than the pack');
  const counts = new Map<string, number>();
  for (const { outcome } of assessment.controls) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  const said = Object.entries(record.outcomes).filter(([, count]) => count > 0);
  if (said.length !== counts.size || said.some(([outcome, count]) => counts.get(outcome) !== count))
    problems.push('the outcomes that the log counted are not those of the assessment');
  return problems;
}

/** What judged: the catalog by its digest, and the parameters of all its controls by theirs, unless they are shown with pseudonyms. */
function problemsOfDefinitions(record: RecordOf<'assessed'>, { catalog, params }: AssessmentContext): string[] {
  const [hidesInCatalog, hidesInParams] = [countOf(catalog) > 0, countOf(params) > 0];
  if (!hidesInCatalog && hash('sha256', catalog) !== record.catalog) return ['controls/catalog.json is not the catalog that judged'];
  const controls = listAt(parseCanonical(catalog), 'controls');
  const given = parseCanonical(params);
  if (!paramsSchema.safeParse(given).success) return ['controls/params.json is not in the form kubevidence/params/v1'];
  const effective = new Map<string, Json>();
  const problems: string[] = [];
  for (const control of controls) {
    const id = textAt(control, 'id') ?? '';
    effective.set(id, at(given, 'controls', id, 'effective') ?? {});
    const shipped = Object.entries(at(control, 'params') ?? {}).map(([name, parameter]) => [name, at(parameter, 'default')]);
    if (
      !hidesInCatalog &&
      !hidesInParams &&
      !canonicalBytes(Object.fromEntries(shipped)).equals(canonicalBytes(at(given, 'controls', id, 'defaults') ?? {}))
    )
      problems.push(`controls/params.json gives other defaults for ${visible(id)} than the catalog`);
  }
  const unknown = isObject(at(given, 'controls')) ? Object.keys(at(given, 'controls') ?? {}).filter((id) => !effective.has(id)) : [];
  if (unknown.length > 0) problems.push('controls/params.json speaks of controls that the catalog does not have');
  if (!hidesInParams && hash('sha256', canonicalBytes(Object.fromEntries(effective))) !== record.params)
    problems.push('controls/params.json is not what judged: its digest is not the one that the log recorded');
  return problems;
}

/** A pass stands on evidence that was read whole. */
function describePasses({ controls }: Assessment): string[] {
  const empty = controls.flatMap(({ id, outcome, evidence, gaps }) =>
    outcome === 'pass' && (evidence.length === 0 || gaps.length > 0 || evidence.some(({ complete }) => !complete)) ? [id] : [],
  );
  return empty.length === 0
    ? []
    : [`that ${someOf(empty)} could pass: the assessment names no evidence of it, or such as was not read whole`];
}

/** What judged is the catalog whose digest the log recorded, if every control of it was judged, once, and no other. */
function describeControls({ controls }: Assessment, catalog: Uint8Array): string[] {
  const judged = controls.map(({ id }) => id);
  const listed = listAt(parseCanonical(catalog), 'controls').map((control) => textAt(control, 'id') ?? '');
  const [known, seen] = [new Set(listed), new Set(judged)];
  const left = listed.filter((id) => !seen.has(id));
  const others = judged.filter((id, n) => !known.has(id) || judged.indexOf(id) !== n);
  return [
    ...(left.length === 0 ? [] : [`what ${someOf(left)} would say: the catalog has such a control, and the assessment no outcome of it`]),
    ...(others.length === 0
      ? []
      : [`by which rule ${someOf(others)} was judged: the catalog does not have it, or it has several outcomes`]),
  ];
}

function someOf(ids: readonly string[]): string {
  return visible(`${ids.slice(0, 5).join(', ')}${ids.length > 5 ? ` and ${ids.length - 5} more` : ''}`);
}

/** Every listing that a result stands on is an exhibit that says no less of itself, and shows every object that its findings cite. */
function problemsOfEvidence(assessment: Assessment, exhibits: readonly ExhibitFacts[]) {
  const problems = new Set<string>();
  const listings = new Map(exhibits.map((exhibit) => [exhibit.listing, exhibit]));
  const [usedListings, usedObjects] = [new Set<string>(), new Set<string>()];
  for (const control of assessment.controls) {
    const objects: ReadonlySet<string>[] = [];
    for (const { id, kind, items, complete } of control.evidence) {
      usedListings.add(id);
      const exhibit = listings.get(id);
      const what = `${visible(control.id)} stands on ${visible(kind)}`;
      if (exhibit === undefined) problems.add(`${what}, and no exhibit shows that listing`);
      // What the log calls whole may lack what a later version of the program asks for: an assessment may claim less of it, and never more.
      else if (exhibit.kind !== kind || exhibit.items !== items || (complete && !exhibit.complete))
        problems.add(`${what} with ${items} items, and ${exhibit.id} says something else of that listing`);
      if (exhibit !== undefined) objects.push(exhibit.objects);
    }
    for (const id of new Set(control.findings.flatMap((finding) => finding.evidence))) {
      usedObjects.add(id);
      if (!objects.some((each) => each.has(id)))
        problems.add(
          `a finding of ${visible(control.id)} cites the object ${visible(id)}, and no exhibit that the control stands on shows it`,
        );
    }
  }
  const isShown = [...usedListings].every((id) => {
    const hidden = listings.get(id)?.pseudonymised;
    return hidden !== undefined && !hidden.listing && hidden.lists === 0 && hidden.objects === 0;
  });
  return { problems: [...problems], cited: usedObjects, listings: usedListings.size, isShown };
}
