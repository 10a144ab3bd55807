/**
 * Exceptions and what they label. An exception is management's decision about one item of one control; the finding stays, and so does its
 * outcome. What is in force was decided before (by the log's records); here it meets the findings. Pure.
 */
import type { Assessment, ControlResult, Instant } from '../model/index.ts';
import type { ItemException } from './evaluate.ts';

/** `rebound`: the name stands for another cluster than the one of which it was accepted. */
export type ExceptionStatus = 'requested' | 'inForce' | 'expired' | 'revoked' | 'rebound';

/** The part of a stored exception that decides. */
export interface ExceptionFacts {
  readonly id: string;
  readonly control: string;
  /** Null where it was erased: then nothing is labelled. */
  readonly item: string | null;
  readonly expires: Instant;
  readonly approved: { readonly at: Instant } | null;
  readonly revoked: { readonly at: Instant } | null;
  readonly rebound: { readonly at: Instant } | null;
}

/** What a reader is told of an exception at a moment; only `inForce` has an effect. */
export function exceptionStatus({ approved, revoked, rebound, expires }: ExceptionFacts, at: Instant): ExceptionStatus {
  if (revoked !== null && revoked.at <= at) return 'revoked';
  if (rebound !== null && rebound.at <= at) return 'rebound';
  if (expires <= at) return 'expired';
  return approved !== null && approved.at <= at ? 'inForce' : 'requested';
}

/** As {@link assessControls} takes them. Where two are for one item, the first one labels it. */
export function labelsOf(inForce: readonly ExceptionFacts[]): readonly ItemException[] {
  const seen = new Set<string>();
  return inForce.flatMap(({ id, control, item }) => {
    const key = JSON.stringify([control, item]);
    if (item === null || seen.has(key)) return [];
    seen.add(key);
    return [{ id, control, item }];
  });
}

/** Exception id → how many findings it labels. One that labels none is unused: its item is gone, or passes. */
export function countLabelled(assessment: Assessment): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { exception } of assessment.controls.flatMap(({ findings }) => findings))
    if (exception !== null) counts.set(exception, (counts.get(exception) ?? 0) + 1);
  return counts;
}

/** True when every failing item of a failed control is under an approved exception: then it is "deviation under approved exception". */
export function isExcepted({ outcome, findings }: Pick<ControlResult, 'outcome' | 'findings'>): boolean {
  return outcome === 'fail' && findings.length > 0 && findings.every(({ exception }) => exception !== null);
}
