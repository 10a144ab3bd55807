/**
 * `access review import`: a filled workbook becomes one signed record, or nothing at all. Every cell or row that does not fit is named; so
 * is every grant that differs from the newest snapshot, because a review of what is not there any more would attest nothing. What was
 * decided to be revoked is printed as commands for a person; nothing in a cluster is changed.
 */
import { compareReviews, type ReviewDifference, type RevokeCommand, revokeCommands } from '../../access/index.ts';
import { type AccessReview, type Ledger, type ReviewedRow, type ReviewStatement } from '../../ledger/index.ts';
import { isSamePerson } from '../../log/index.ts';
import { KubevidenceError, visible } from '../../model/index.ts';
import { type ReadReview, readReviewFile, type ReviewProblem } from '../../reporting/index.ts';
import { type Config, pickCluster } from '../config.ts';
import { type AppContext, toolName } from '../context.ts';
import { requireText } from '../govern/exceptions.ts';
import { openLedgerForReading, writeToLedger } from '../open-ledger.ts';
import { checkAgainstLedger, type ReviewAgainstLedger } from './review-check.ts';
import { chooseSnapshot, readWorkbookFile } from './review-export.ts';
import { readPopulation } from './review-sheet.ts';

export interface ReviewImportOptions {
  readonly cluster?: string | undefined;
  readonly reviewer: string;
  /** Default: whom the workbook names. */
  readonly preparer?: string | undefined;
  /** Rows may be undecided; they stay open. */
  readonly partial?: boolean | undefined;
}

export interface ReviewImport {
  readonly schema: 'kubevidence/access-review-import/v1';
  readonly cluster: string;
  /** The snapshot that was reviewed. */
  readonly run: number;
  readonly imported: boolean;
  /** Leaf of the record; null when nothing was imported. */
  readonly record: number | null;
  readonly reviewer: string;
  readonly preparer: string | null;
  readonly decisions: AccessReview['decisions'];
  readonly problems: readonly ReviewProblem[];
  /** How the newest snapshot differs from the one that was reviewed. */
  readonly changed: { readonly run: number; readonly differences: readonly ReviewDifference[] } | null;
  /** Subjects of rows that nobody decided, when that is why nothing was imported: at most 20. */
  readonly open: readonly string[];
  readonly commands: readonly RevokeCommand[];
  /** What is accepted and has to be known all the same. Untrusted text. */
  readonly notes: readonly string[];
}

export async function importReview(context: AppContext, config: Config, path: string, options: ReviewImportOptions): Promise<ReviewImport> {
  const reviewer = requireText('--reviewer', options.reviewer, 200);
  const read = await readReviewFile(readWorkbookFile(context, path));
  const cluster = pickCluster(config, options.cluster ?? clusterNamed(config, read)).name;
  const people = { reviewer, ...preparersOf(read, options.preparer) };
  const ledger = openLedgerForReading(context, config);
  let prepared: Prepared;
  try {
    prepared = prepare(context, config, ledger, cluster, read, people, options.partial === true);
  } finally {
    ledger.close();
  }
  const { statement, result, newest } = prepared;
  if (statement === null) return result;
  const review = await writeToLedger(context, config, (writer) => {
    if (chooseSnapshot(writer, cluster, {}).number !== newest)
      throw new KubevidenceError('usage', 'another run ended in this moment, and nothing was imported', { next: 'Import it again.' });
    return writer.recordReview({ cluster, run: result.run, statement });
  });
  return { ...result, imported: true, record: review.leaf, decisions: review.decisions };
}

/** The cluster that the workbook names, when it is configured; else the only one, which then is not the right one and is told so. */
function clusterNamed({ clusters }: Config, { origin }: ReadReview): string | undefined {
  return clusters.some(({ name }) => name === origin.cluster) ? origin.cluster : undefined;
}

interface People {
  readonly reviewer: string;
  readonly preparer: string | null;
  /** As the workbook says, if it is another. */
  readonly named: string | null;
}

function preparersOf({ origin }: ReadReview, given: string | undefined): Pick<People, 'preparer' | 'named'> {
  const named = origin.preparer.trim() === '' ? null : requireText('the preparer', origin.preparer, 200);
  return { preparer: given === undefined ? named : requireText('--preparer', given, 200), named };
}

interface Prepared {
  /** Null when nothing can be imported. */
  readonly statement: ReviewStatement | null;
  readonly result: ReviewImport;
  /** Number of the newest snapshot. */
  readonly newest: number;
}

function prepare(
  context: AppContext,
  config: Config,
  ledger: Ledger,
  cluster: string,
  read: ReadReview,
  people: People,
  partial: boolean,
): Prepared {
  const checked = checkAgainstLedger(context, ledger, cluster, read);
  const { population, run, all, ownerKeys } = checked;
  const newest = chooseSnapshot(ledger, cluster, {}).number;
  const differences = newest === run ? [] : compareReviews(population, readPopulation(ledger, { cluster, run: newest, all, ownerKeys }));
  const today = context.clock().toISOString().slice(0, 10);
  const rows = decidedRows(checked, earlierRows(ledger, cluster, checked), people.reviewer, today);
  refusePreparer(rows, people);
  const decided = new Set(rows.map(({ item }) => item));
  const open = population.rows.filter(({ item }) => !decided.has(item));
  const count = (decision: ReviewedRow['decision']) => rows.filter((row) => row.decision === decision).length;
  const refusedOpen = open.length > 0 && !partial;
  const fits = checked.problems.length === 0 && differences.length === 0 && !refusedOpen;
  const revokes = rows.filter(({ decision }) => decision === 'revoke');
  const contextName = config.clusters.find(({ name }) => name === cluster)?.context ?? null;
  const result: ReviewImport = {
    schema: 'kubevidence/access-review-import/v1',
    cluster,
    run,
    imported: false,
    record: null,
    reviewer: people.reviewer,
    preparer: people.preparer,
    decisions: { keep: count('keep'), revoke: count('revoke'), change: count('change'), open: open.length },
    problems: checked.problems,
    changed: differences.length === 0 ? null : { run: newest, differences },
    open: refusedOpen ? open.slice(0, 20).map(({ subject, binding }) => `${subject} through ${binding}`) : [],
    commands: fits ? revokeCommands(ledger.snapshot(cluster, newest), revokes, contextName) : [],
    notes: fits ? notesOn(rows, people, checked) : [],
  };
  const statement: ReviewStatement = {
    reviewer: people.reviewer,
    preparer: people.preparer,
    population: {
      digest: population.digest,
      rows: population.rows.length,
      builtinIncluded: all,
      complete: population.gaps.length === 0,
    },
    checkpoint: checked.checkpoint,
    tool: toolName,
    rows,
  };
  return { statement: fits ? statement : null, result, newest };
}

/** What earlier imports of the same population decided. */
function earlierRows(ledger: Ledger, cluster: string, { population, run }: ReviewAgainstLedger): ReadonlyMap<string, ReviewedRow> {
  const last = ledger.reviews(cluster).at(-1);
  const same = last?.run === run && last.statement?.population.digest === population.digest;
  return new Map(same ? last.statement?.rows.map((row) => [row.item, row]) : []);
}

/** In the order of the population; what this workbook leaves open keeps its earlier decision. */
function decidedRows(
  { population, filled }: ReviewAgainstLedger,
  earlier: ReadonlyMap<string, ReviewedRow>,
  reviewer: string,
  today: string,
): readonly ReviewedRow[] {
  return population.rows.flatMap(({ id, item, subject, binding, role, namespace, risk }) => {
    const found = filled.get(id);
    const before = earlier.get(item);
    if (found === undefined) return before === undefined ? [] : [before];
    const { decision, comment } = found;
    const who = { reviewer: found.reviewer === '' ? reviewer : found.reviewer, date: found.date === '' ? today : found.date };
    return [{ id, item, subject, binding, role, namespace, risk, decision, ...who, comment }];
  });
}

function refusePreparer(rows: readonly ReviewedRow[], { reviewer, preparer, named }: People): void {
  const reviewers = [...new Set([reviewer, ...rows.map((row) => row.reviewer)])];
  for (const name of reviewers) {
    if (![preparer, named].some((each) => each !== null && isSamePerson(each, name))) continue;
    throw new KubevidenceError('usage', `${visible(name)} prepared this review, and cannot be its reviewer`, {
      means: 'Nothing was imported.',
      next: 'Another person reviews: --reviewer NAME, and the column Reviewer.',
    });
  }
}

function notesOn(rows: readonly ReviewedRow[], { preparer }: People, { population, all }: ReviewAgainstLedger): readonly string[] {
  const own = rows.filter(
    ({ decision, reviewer, subject }) => decision === 'keep' && subject.startsWith('User/') && isSamePerson(subject.slice(5), reviewer),
  );
  const vague = rows.filter(({ decision, comment }) => decision === 'change' && comment === '');
  return [
    ...own.map(({ subject, binding }) => `${subject} decided to keep its own grant through ${binding}`),
    ...(vague.length === 0 ? [] : [`rows that say change, and not to what: ${vague.length}`]),
    ...(preparer === null ? ['nobody is named who prepared the review'] : []),
    ...(population.gaps.length === 0 ? [] : ['not all roles and bindings were read, so there may be more to review']),
    ...(all || population.builtin === 0 ? [] : [`built-in grants, which were not reviewed: ${population.builtin}`]),
  ];
}
