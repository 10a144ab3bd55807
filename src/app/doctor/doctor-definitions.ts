/** What `doctor` says of definitions and exceptions: what is about to be recorded, and what nobody answers for. */
import { exceptionStatus } from '../../assessment/index.ts';
import type { Ledger } from '../../ledger/index.ts';
import type { Config } from '../config.ts';
import { isPending } from '../govern/definition-changes.ts';
import { isUnexplained } from '../reconcile/unexplained.ts';

/** A check of `doctor`. */
interface Check {
  readonly state: 'ok' | 'warning' | 'problem';
  readonly what: string;
  readonly detail?: string;
}

export function* checkDefinitions(ledger: Ledger, config: Config): Generator<Check> {
  const changes = ledger.definitionChanges();
  const open = changes.filter(isUnexplained);
  if (isPending(ledger, config))
    yield {
      state: 'warning',
      what: 'the definitions differ from those on record',
      detail: 'the next run records that without a reason, unless: kubevidence definitions approve',
    };
  for (const { leaf, at, differences } of open.slice(-3))
    yield {
      state: 'warning',
      what: `a change of definitions at ${at} has no reason and no approver: ${differences
        .map(({ what }) => what)
        .slice(0, 4)
        .join(', ')}`,
      detail: `approve it: kubevidence definitions approve ${leaf}`,
    };
  if (open.length > 3) yield { state: 'warning', what: `${open.length - 3} earlier changes of definitions have none either` };
  if (changes.length > 0 && open.length === 0) yield { state: 'ok', what: 'somebody answers for every change of definitions' };
}

export function* checkExceptions(ledger: Ledger, config: Config, now: string): Generator<Check> {
  const soon = new Date(Date.parse(now) + 30 * 86_400_000).toISOString();
  const waiting = [];
  for (const exception of config.clusters.flatMap(({ name }) => ledger.exceptions(name))) {
    const status = exceptionStatus(exception, now);
    if (status === 'requested') waiting.push(exception.id);
    if (status === 'inForce' && exception.expires < soon)
      yield {
        state: 'warning',
        what: `the exception ${exception.id} expires at ${exception.expires}`,
        detail: 'then its findings are plain deviations',
      };
  }
  if (waiting.length > 0)
    yield {
      state: 'warning',
      what: `exceptions wait for approval: ${waiting.slice(0, 5).join(', ')}`,
      detail: 'kubevidence exception approve',
    };
}
