/**
 * Changes of definitions for people: what differs now from what was recorded last, what was recorded, and who answers for it. A person
 * explains a change before a run records it, or approves it afterwards, and then it stays visible that it was in force unapproved.
 */
import { type DefinitionChange, type Explanation, type Ledger } from '../../ledger/index.ts';
import { isSamePerson } from '../../log/index.ts';
import { KubevidenceError } from '../../model/index.ts';
import type { Config } from '../config.ts';
import type { AppContext } from '../context.ts';
import { describeDefinitions } from './definitions.ts';
import { openLedgerForReading, openLedgerForWriting } from '../open-ledger.ts';
import { recordDefinitions } from '../collect/prepare-run.ts';
import { isUnexplained } from '../reconcile/unexplained.ts';

export interface DefinitionReport {
  /** True when the next run or assessment would record a change. */
  readonly pending: boolean;
  /** In order; the state that the ledger began with first. */
  readonly changes: readonly DefinitionChange[];
}

export function listDefinitionChanges(context: Pick<AppContext, 'clock'>, config: Config): DefinitionReport {
  const ledger = openLedgerForReading(context, config);
  try {
    return { pending: isPending(ledger, config), changes: ledger.definitionChanges() };
  } finally {
    ledger.close();
  }
}

export function isPending(ledger: Ledger, config: Config): boolean {
  return ledger.definitionState() !== undefined && ledger.differingDefinitions(describeDefinitions(config)) !== undefined;
}

/**
 * Records what differs now with its explanation, or, for a `change` on record, its approval. Errors: `usage`, for one person in both
 * parts, and where there is nothing to explain.
 */
export async function approveDefinitions(
  context: AppContext,
  config: Config,
  explanation: Explanation,
  change: number | undefined,
): Promise<DefinitionChange> {
  if (isSamePerson(explanation.requester, explanation.approver))
    throw new KubevidenceError('usage', 'whoever requests a change cannot approve it', {
      next: 'Another person approves: --approved-by NAME.',
    });
  const ledger = await openLedgerForWriting(context, config);
  try {
    const changed = change === undefined ? await recordPending(context, ledger, config, explanation) : change;
    if (change !== undefined) ledger.approveDefinitions(change, explanation);
    ledger.checkpoint();
    const found = ledger.definitionChanges().find(({ leaf }) => leaf === changed);
    if (found === undefined) throw new KubevidenceError('defect', `the change of record ${changed} was not recorded`);
    return found;
  } finally {
    ledger.close();
  }
}

/** Returns the record that closes the change. */
async function recordPending(
  context: Pick<AppContext, 'clock'>,
  ledger: Ledger,
  config: Config,
  explanation: Explanation,
): Promise<number> {
  if (!isPending(ledger, config)) {
    const open = ledger.definitionChanges().filter(isUnexplained);
    throw new KubevidenceError('usage', 'the definitions are those that were recorded last', {
      next:
        open.length === 0
          ? 'Change them first; see kubevidence definitions list.'
          : `To approve what is recorded, name it: ${open.map(({ leaf }) => leaf).join(', ')}`,
    });
  }
  await recordDefinitions(ledger, describeDefinitions(config), { now: context.clock().toISOString(), explanation });
  return ledger.definitionState()?.leaf ?? -1;
}
