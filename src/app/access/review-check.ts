/**
 * Holds a filled workbook against the ledger: that it was made of this ledger and cluster, of the snapshot that it names, and that every
 * locked cell says what an export says that is made anew. It only reads.
 */
import type { ReviewPopulation } from '../../access/index.ts';
import type { Ledger } from '../../ledger/index.ts';
import { KubevidenceError, visible } from '../../model/index.ts';
import { type CheckedReview, checkReview, type ReadReview, type ReviewProblem } from '../../reporting/index.ts';
import { type AppContext, toolName } from '../context.ts';
import { makeSheetRows, type ReviewLedger, readPopulation } from './review-sheet.ts';

export interface ReviewAgainstLedger extends CheckedReview {
  readonly run: number;
  readonly all: boolean;
  readonly ownerKeys: readonly string[];
  readonly checkpoint: { readonly size: number; readonly root: string };
  readonly population: ReviewPopulation;
}

/** Throws `input` or `integrity` for a workbook that was not made of this ledger; what is wrong with cells are problems. */
export function checkAgainstLedger(
  context: Pick<AppContext, 'clock'>,
  ledger: ReviewLedger & Pick<Ledger, 'rootAt'>,
  cluster: string,
  read: ReadReview,
): ReviewAgainstLedger {
  const { origin } = read;
  if (origin.cluster !== cluster)
    throw new KubevidenceError('usage', `this is a review of ${visible(origin.cluster)}, not of ${visible(cluster)}`, {
      next: 'Name its cluster with --cluster.',
    });
  const [run, size] = [wholeNumber(origin.run, 'run'), wholeNumber(origin.checkpointSize, 'checkpointSize')];
  if (rootAt(ledger, size) !== origin.checkpointRoot) throw foreign('it stands on a checkpoint that this log does not extend');
  const summary = ledger.runs(cluster).find(({ number }) => number === run);
  if (summary === undefined || (summary.status !== 'succeeded' && summary.status !== 'partial') || summary.leaf >= size)
    throw foreign(`this ledger had no snapshot of run ${run} then`);
  const snapshot = ledger.snapshot(cluster, run);
  if ((snapshot.cluster.uid ?? '') !== origin.clusterUid || snapshot.at !== origin.observed)
    throw foreign(`run ${run} read another cluster, or at another time`);
  if (origin.builtinIncluded !== 'yes' && origin.builtinIncluded !== 'no') throw foreign('it does not say which grants it holds');
  const order = { cluster, run, size, all: origin.builtinIncluded === 'yes', ownerKeys: readOwnerKeys(origin.ownerKeys) };
  const population = readPopulation(ledger, order);
  if (population.digest !== origin.population || String(population.rows.length) !== origin.rows)
    throw foreign(`the population of run ${run} has another digest`, origin.tool);
  const rows = makeSheetRows(ledger, order, population);
  const checked = checkReview(read, rows, { first: origin.observed, last: context.clock().toISOString() });
  const { all, ownerKeys } = order;
  const checkpoint = { size, root: origin.checkpointRoot };
  return { ...checked, problems: explain(checked.problems, origin.tool), run, all, ownerKeys, checkpoint, population };
}

/** Base64; null where the log is shorter. */
function rootAt(ledger: Pick<Ledger, 'rootAt'>, size: number): string | null {
  try {
    return Buffer.from(ledger.rootAt(size)).toString('base64');
  } catch (error) {
    if (error instanceof KubevidenceError && error.code === 'usage') return null;
    throw error;
  }
}

function foreign(why: string, tool = toolName): KubevidenceError {
  return new KubevidenceError('integrity', `this workbook was changed, or was not exported from this ledger: ${why}`, {
    means: 'Nothing was imported.',
    next:
      tool === toolName
        ? 'Export again: kubevidence access review export --out review.xlsx'
        : `It was exported by ${visible(tool).slice(0, 60)}, and this is ${toolName}: import it with that version, or export again.`,
  });
}

/** Another version may choose other words. */
function explain(problems: readonly ReviewProblem[], tool: string): readonly ReviewProblem[] {
  if (tool === toolName) return problems;
  const hint = ` (exported by ${visible(tool).slice(0, 60)}, and this is ${toolName}: another version may choose other words)`;
  return problems.map((each) => (each.kind === 'tampered' && each.row !== null ? { ...each, text: `${each.text}${hint}` } : each));
}

function wholeNumber(text: string, what: string): number {
  if (!/^[1-9]\d{0,9}$/.test(text)) throw foreign(`its ${what} is no number`);
  return Number(text);
}

function readOwnerKeys(text: string): readonly string[] {
  try {
    const keys: unknown = JSON.parse(text);
    if (Array.isArray(keys) && keys.every((key) => typeof key === 'string')) return keys;
  } catch {
    // Said below.
  }
  throw foreign('it does not say which labels name owners');
}
