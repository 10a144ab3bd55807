/**
 * The exceptions by which findings of a pack are labelled: what was requested and who approved it, each payload with its salt, checked
 * against the records that name it. A label holds when its exception was in force at the moment that the assessment names, is for this
 * control and this item, and was approved by another name than requested it. Names are asserted, not authenticated.
 */
import { z } from 'zod';
import { createExceptionHistory, isInForce, isSamePerson, type LogRecord, type RecordOf } from '../log/index.ts';
import { type Assessment, canonicalBytes, type Json, KubevidenceError, parseCanonical, textAt, visible } from '../model/index.ts';
import { isAsItSays, isPseudonymised, type Pseudonymise, shownSchema, toShownJson } from './salted-json.ts';

const format = 'kubevidence/exceptions/v1';
const step = z.strictObject({ leaf: z.int().nonnegative(), details: shownSchema({}).nullable() });
const schema = z.strictObject({
  format: z.literal(format),
  /** `details` is null where it was erased. */
  exceptions: z.array(z.strictObject({ id: z.string(), requested: step, approved: step })),
});

export interface PackedStep {
  readonly leaf: number;
  /** What the record's `details` names; null where it was erased. */
  readonly details: { readonly id: string; readonly salt: Uint8Array; readonly value: Json } | null;
}

export interface PackedException {
  readonly id: string;
  readonly requested: PackedStep;
  readonly approved: PackedStep;
}

/** `assessments/exceptions.json`, canonical JSON. Throws `integrity` for a payload that is not what its id says. */
export function buildExceptionFile(exceptions: readonly PackedException[], pseudonymise: Pseudonymise | null = null): Uint8Array {
  const show = ({ leaf, details }: PackedStep) => ({
    leaf,
    details: details === null ? null : toShownJson({ ...details, bytes: canonicalBytes(details.value) }, pseudonymise),
  });
  const shown = exceptions.map(({ id, requested, approved }) => ({ id, requested: show(requested), approved: show(approved) }));
  return canonicalBytes({ format, exceptions: shown });
}

/** Everything that is wrong with the labels of an assessment. `bytes` is null where the pack has no such file. */
export function problemsOfExceptions(
  bytes: Uint8Array | null,
  assessment: Assessment,
  assessed: { readonly leaf: number; readonly record: RecordOf<'assessed'> },
  records: readonly (LogRecord | null)[],
): string[] {
  const labels = assessment.controls.flatMap(({ id, findings }) =>
    findings.flatMap(({ item, exception }) => (exception === null ? [] : [{ control: id, item, exception }])),
  );
  const file = bytes === null ? { exceptions: [] } : schema.safeParse(parseCanonical(bytes)).data;
  if (file === undefined) throw new KubevidenceError('integrity', `the exceptions are not in the form ${format}`);
  const { cluster, exceptionsAt } = assessed.record;
  const history = createExceptionHistory();
  for (const [leaf, record] of records.slice(0, assessed.leaf).entries()) if (record !== null) history.take(leaf, record);
  const erased = new Set(records.flatMap((record) => (record?.type === 'payload-erased' ? record.ids : [])));
  const shown = new Map(file.exceptions.map((each) => [each.id, each]));
  const problems = new Set<string>();
  for (const { id } of file.exceptions)
    if (!labels.some(({ exception }) => exception === id)) problems.add(`the exception ${visible(id)} is shown, and labels no finding`);

  /** The payload that the record names; undefined where it is another one or missing, null where it was erased. */
  const saidBy = ({ leaf, details }: z.infer<typeof step>, expected: number): Json | null | undefined => {
    const record = records[leaf];
    const named = record !== null && record !== undefined && 'details' in record ? record.details : undefined;
    if (leaf !== expected || named === undefined) return undefined;
    if (details === null) return erased.has(named) ? null : undefined;
    return details.id === named && isAsItSays(details) ? details.value : undefined;
  };
  for (const { control, item, exception } of labels) {
    const what = `${visible(exception)}, by which a finding of ${visible(control)} is labelled,`;
    const state = history.all.get(exception);
    if (state?.cluster !== cluster || state.control !== control || exceptionsAt === undefined || !isInForce(state, exceptionsAt)) {
      problems.add(`${what} was not in force for it when it was judged`);
      continue;
    }
    const entry = shown.get(exception);
    const requested = entry === undefined ? undefined : saidBy(entry.requested, state.requested.leaf);
    const approved = entry === undefined || state.approved === null ? undefined : saidBy(entry.approved, state.approved.leaf);
    if (requested === undefined || approved === undefined) {
      problems.add(`${what} is not shown as the log recorded it`);
      continue;
    }
    if (requested !== null && textAt(requested, 'item') !== item) problems.add(`${what} is for another item than ${visible(item)}`);
    const [requester, approver] = [textAt(requested, 'requester'), textAt(approved, 'approver')];
    if (requester !== undefined && approver !== undefined && isSamePerson(requester, approver))
      problems.add(`${what} was approved by whoever requested it`);
  }
  return [...problems];
}

/** Of requests and approvals, how many are shown with pseudonyms; 0 for what is no such file. */
export function countPseudonymisedSteps(bytes: Uint8Array | null): number {
  const file = bytes === null ? undefined : schema.safeParse(parseCanonical(bytes)).data;
  const steps = file?.exceptions.flatMap(({ requested, approved }) => [requested, approved]) ?? [];
  return steps.filter(({ details }) => details !== null && isPseudonymised(details)).length;
}
