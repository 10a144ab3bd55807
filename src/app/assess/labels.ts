/** The exceptions that label findings, as the ledger tells them at a moment. */
import { type ItemException, labelsOf } from '../../assessment/index.ts';
import type { Ledger } from '../../ledger/index.ts';
import type { Instant } from '../../model/index.ts';

/** Labels of findings at a moment, and that moment for the record; null where no exception was ever requested. */
export interface Labels {
  readonly exceptions: readonly ItemException[];
  readonly exceptionsAt: Instant | null;
}

export function labelsAt(ledger: Pick<Ledger, 'exceptions' | 'exceptionsInForce'>, cluster: string, at: Instant): Labels {
  if (ledger.exceptions(cluster).length === 0) return { exceptions: [], exceptionsAt: null };
  return { exceptions: labelsOf(ledger.exceptionsInForce(cluster, at)), exceptionsAt: at };
}
