/**
 * `access review export`: the grants of one snapshot as a workbook for people to decide about. It reads the ledger and writes one file;
 * what a filled workbook of an earlier snapshot decided about grants that are still the same is taken over when it is named.
 */
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describeGaps, type Risk, risks } from '../../access/index.ts';
import type { Instant, RunSummary } from '../../model/index.ts';
import { KubevidenceError, reasonOf, visible, observedAt } from '../../model/index.ts';
import { type FilledCells, mostReviewRows, readReviewFile, renderReview, reviewSchema } from '../../reporting/index.ts';
import { parseInstant } from '../assess/assess.ts';
import { ownerKeysOf } from '../assess/owner-keys.ts';
import { loadCatalogInForce } from '../catalog.ts';
import { type Config, pickCluster } from '../config.ts';
import { type AppContext, toolName } from '../context.ts';
import { requireText } from '../govern/exceptions.ts';
import { checkAgainstLedger } from './review-check.ts';
import { makeSheetRows, type ReviewLedger, readPopulation, withFilled } from './review-sheet.ts';
import { openLedgerForReading } from '../open-ledger.ts';

export interface ReviewExportOptions {
  readonly cluster?: string | undefined;
  readonly run?: number | undefined;
  readonly at?: string | undefined;
  /** Also the grants that every API server makes for itself. */
  readonly all?: boolean | undefined;
  readonly out: string;
  /** Default: the user of this system. */
  readonly preparer?: string | undefined;
  /** A filled workbook, whose decisions are taken over where the grant is the same. */
  readonly carry?: string | undefined;
}

export interface ReviewExport {
  readonly out: string;
  readonly cluster: string;
  readonly run: number;
  readonly observed: Instant;
  readonly rows: number;
  readonly risks: Readonly<Record<Risk, number>>;
  readonly owners: number;
  readonly builtin: number;
  readonly preparer: string | null;
  /** Decisions that were taken over, and those that were not because the grant is gone or another. */
  readonly carried: { readonly taken: number; readonly left: number } | null;
  /** What could not be read, in words; empty when the population is complete. Untrusted text. */
  readonly missing: string;
  readonly population: string;
}

export async function exportReview(context: AppContext, config: Config, options: ReviewExportOptions): Promise<ReviewExport> {
  const cluster = pickCluster(config, options.cluster).name;
  const out = resolve(context.cwd, options.out);
  const preparer = options.preparer === undefined ? userOf(context) : requireText('--preparer', options.preparer, 200);
  const carried = options.carry === undefined ? null : await readReviewFile(readWorkbookFile(context, options.carry));
  const ledger = openLedgerForReading(context, config);
  try {
    const run = chooseSnapshot(ledger, cluster, options);
    const { size, root } = ledger.checkpoint();
    const order = { cluster, run: run.number, all: options.all === true, ownerKeys: ownerKeysOf(loadCatalogInForce(config)), size };
    const population = readPopulation(ledger, order);
    if (population.rows.length > mostReviewRows)
      throw new KubevidenceError('usage', `there are ${population.rows.length} grants, and a sheet holds ${mostReviewRows}`, {
        next: 'See them all: kubevidence access matrix',
      });
    const filled = carried === null ? new Map<string, FilledCells>() : takeOver(checkAgainstLedger(context, ledger, cluster, carried));
    const sheetRows = withFilled(makeSheetRows(ledger, order, population), filled);
    const { cluster: identity, at } = ledger.snapshot(cluster, run.number);
    const bytes = await renderReview({
      organization: config.organization,
      cluster: { name: cluster, version: identity.version },
      origin: {
        schema: reviewSchema,
        cluster,
        clusterUid: identity.uid ?? '',
        run: String(run.number),
        observed: at,
        exported: context.clock().toISOString(),
        checkpointSize: String(size),
        checkpointRoot: Buffer.from(root).toString('base64'),
        rows: String(population.rows.length),
        population: population.digest,
        builtinIncluded: order.all ? 'yes' : 'no',
        ownerKeys: JSON.stringify(order.ownerKeys),
        preparer: preparer ?? '',
        tool: toolName,
      },
      rows: sheetRows,
      builtin: population.builtin,
      gaps: population.gaps.map((gap) => describeGaps([gap])),
    });
    writeWhole(out, bytes);
    const taken = sheetRows.filter((row) => row.filled !== null).length;
    const count = (risk: Risk) => population.rows.filter((row) => row.risk === risk).length;
    return {
      out,
      cluster,
      run: run.number,
      observed: observedAt(run),
      rows: population.rows.length,
      risks: Object.fromEntries(risks.map((risk) => [risk, count(risk)])) as Record<Risk, number>,
      owners: new Set(population.rows.map(({ owner }) => owner)).size,
      builtin: population.builtin,
      preparer,
      carried: carried === null ? null : { taken, left: filled.size - taken },
      missing: describeGaps(population.gaps),
      population: population.digest,
    };
  } finally {
    ledger.close();
  }
}

/** As the system calls whoever runs this: asserted, like every name. */
function userOf({ env }: AppContext): string | null {
  const name = (env['USER'] ?? env['LOGNAME'] ?? env['USERNAME'] ?? '').trim();
  return name === '' ? null : name.slice(0, 200);
}

/** A snapshot: the named run, the last one by an instant, or the latest. */
export function chooseSnapshot(
  ledger: Pick<ReviewLedger, 'runs'>,
  cluster: string,
  { run, at }: Pick<ReviewExportOptions, 'run' | 'at'>,
): RunSummary {
  const until = at === undefined ? null : parseInstant(at);
  const snapshots = ledger.runs(cluster).filter(({ status }) => status === 'succeeded' || status === 'partial');
  const found =
    run === undefined
      ? snapshots.findLast((each) => until === null || observedAt(each) <= until)
      : snapshots.find((each) => each.number === run && (until === null || observedAt(each) <= until));
  if (found !== undefined) return found;
  const which = run === undefined ? (until === null ? 'no snapshot' : `no snapshot from before ${until}`) : `no snapshot of run ${run}`;
  throw new KubevidenceError('usage', `there is ${which} of ${visible(cluster)}`, {
    next: snapshots.length === 0 ? 'Collect first: kubevidence collect' : 'See the runs: kubevidence ledger status',
  });
}

function takeOver({ filled, problems }: ReturnType<typeof checkAgainstLedger>): ReadonlyMap<string, FilledCells> {
  if (problems.length === 0) return filled;
  throw new KubevidenceError(
    'integrity',
    `nothing is taken over: ${problems.length} cells or rows of that workbook do not fit its export`,
    {
      next: 'See which: kubevidence access review import FILE --reviewer NAME',
    },
  );
}

/** A workbook that could be a review's: a plain file that is not too large. */
export function readWorkbookFile(context: AppContext, path: string): Uint8Array {
  const file = resolve(context.cwd, path);
  try {
    const stat = statSync(file);
    if (!stat.isFile()) throw new KubevidenceError('usage', `${visible(path)} is no file`);
    if (stat.size > largestFile)
      throw new KubevidenceError('input', `${visible(path)} has ${stat.size} bytes; ${largestFile} is the most`, {
        next: 'Import the workbook that was exported, without anything added to it.',
      });
    return readFileSync(file);
  } catch (error) {
    if (error instanceof KubevidenceError) throw error;
    throw new KubevidenceError('usage', `${visible(path)} cannot be read: ${visible(reasonOf(error))}`, {
      next: 'Name a workbook that `kubevidence access review export` wrote.',
    });
  }
}

const largestFile = 64 * 1024 * 1024;

function writeWhole(path: string, bytes: Uint8Array): void {
  const partial = `${path}.${process.pid}.part`;
  try {
    writeFileSync(partial, bytes, { flag: 'wx', mode: 0o600 });
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw new KubevidenceError('usage', `${visible(path)} cannot be written: ${visible(reasonOf(error))}`, { next: 'Name another file.' });
  }
}
