/**
 * Judging: chooses the evidence (latest run, a past one, or files without any ledger), the catalog and its parameters, and calls the pure
 * assessment. An unfiltered judgement of the latest run is written into the ledger; everything else only reads.
 */
import { existsSync } from 'node:fs';
import { basename, isAbsolute, relative, resolve } from 'node:path';
import { assess } from '../../assess.ts';
import type { ItemException } from '../../assessment/index.ts';
import { collectors, enabledCollectors } from '../../collectors/index.ts';
import { createMemorySnapshot, type DefinitionChange } from '../../ledger/index.ts';
import type { Assessment, EvidenceReader, EvidenceSink, ListingKind, RunSummary, StoredListing } from '../../model/index.ts';
import { KubevidenceError, visible } from '../../model/index.ts';
import { detectManaged, populations } from '../../populations/index.ts';
import { createIngest, isRecording, readFiles, replayRecording } from '../../sources/index.ts';
import type { CatalogInForce } from '../catalog.ts';
import { loadCatalogInForce } from '../catalog.ts';
import type { Config } from '../config.ts';
import { loadConfig, loadNamedConfig, pickCluster } from '../config.ts';
import type { AppContext } from '../context.ts';
import { toolName } from '../context.ts';
import { checkNodeWith } from '../keys/node-keys.ts';
import { describeProblem, requireIntegrity } from '../describe-problem.ts';
import { describeDefinitions } from '../govern/definitions.ts';
import { labelsAt } from './labels.ts';
import { haveLogKey } from '../keys/keys.ts';
import { openLedgerForReading, openLedgerForWriting } from '../open-ledger.ts';
import { recordDefinitions } from '../collect/prepare-run.ts';
import { rememberObjects } from './remembering-reader.ts';
import { describePlatform } from './platform.ts';
import { isUnexplained } from '../reconcile/unexplained.ts';
import { asOf } from './time-to-live.ts';

export interface AssessOptions {
  readonly configPath?: string | undefined;
  readonly cluster?: string | undefined;
  readonly from?: string | undefined;
  readonly at?: string | undefined;
  readonly run?: number | undefined;
  readonly framework?: string | undefined;
  readonly control?: string | undefined;
  /** Only those, and the requirements that they support. */
  readonly controls?: readonly string[] | undefined;
  readonly namespace?: string | undefined;
  readonly auditPolicy?: string | undefined;
}

export interface AssessReport extends CatalogInForce {
  readonly assessment: Assessment;
  readonly listings: readonly StoredListing[];
  readonly run: RunSummary | null;
  /** What the cluster is made of and who runs its control plane, where that is known. */
  readonly platform: string | null;
  /** Changes of definitions that nobody answers for, up to now. */
  readonly unexplained: readonly DefinitionChange[];
}

/** What the commands that judge share. `close` releases the ledger; evidence must be read before. */
export async function assessCommand(context: AppContext, options: AssessOptions): Promise<AssessReport> {
  if (options.from !== undefined) {
    if (options.at !== undefined || options.run !== undefined || options.cluster !== undefined)
      throw new KubevidenceError('usage', '--from judges files; --cluster, --at and --run choose from the ledger', {
        next: 'Leave one of them out.',
      });
    const inForce = loadCatalogInForce(loadNamedConfig(context, options.configPath));
    const reader = await readSnapshotFrom(context, options.from);
    return {
      ...inForce,
      ...judge(await withAuditPolicy(context, reader, options.auditPolicy), inForce, options, null),
      run: reader.run,
      unexplained: [],
    };
  }
  const config = loadConfig({ cwd: context.cwd, path: options.configPath, uid: context.uid });
  const inForce = loadCatalogInForce(config);
  const cluster = pickCluster(config, options.cluster).name;
  const ledger = openLedgerForReading(context, config);
  try {
    const runs = ledger.runs(cluster);
    const run = chooseRun(runs, cluster, options, (instant) => ledger.runAt(cluster, instant));
    const stored = ledger.snapshot(cluster, run.number);
    const held = options.at === undefined ? stored : asOf(stored, parseInstant(options.at), ledger.timesToLive(cluster, run.number));
    const reader = rememberObjects(held);
    const latest = runs.findLast(hasEnded)?.number === run.number;
    const missed = runs.filter(({ number, status }) => number > run.number && status === 'missed').length;
    if (latest && missed > 0) context.warn(`nobody collected at ${missed} of the schedule's slots since: what was so then is not known`);
    // Of the past, what held then; of the latest run, what holds now.
    const moment =
      options.at !== undefined ? parseInstant(options.at) : latest ? context.clock().toISOString() : (run.endedAt ?? reader.at);
    const labels = labelsAt(ledger, cluster, moment);
    const judged = judge(await withAuditPolicy(context, reader, options.auditPolicy), inForce, options, config, labels.exceptions);
    const whole =
      options.at === undefined &&
      options.framework === undefined &&
      options.control === undefined &&
      options.namespace === undefined &&
      options.auditPolicy === undefined;
    if (latest && whole) await record(context, config, cluster, run, inForce, judged.assessment, labels.exceptionsAt);
    return { ...inForce, ...judged, run, unexplained: ledger.definitionChanges().filter(isUnexplained) };
  } finally {
    ledger.close();
  }
}

/** The run to judge: the named one, the last one that had ended at an instant, or the latest ended one. */
export function chooseRun(
  runs: readonly RunSummary[],
  cluster: string,
  options: Pick<AssessOptions, 'run' | 'at'>,
  runAt: (instant: string) => RunSummary | undefined,
): RunSummary {
  const next = 'See the runs: kubevidence ledger status';
  if (options.run !== undefined) {
    const found = runs.find((run) => run.number === options.run);
    if (found === undefined) throw new KubevidenceError('usage', `there is no run ${options.run} of ${visible(cluster)}`, { next });
    if (found.status === 'missed')
      throw new KubevidenceError('usage', `nobody collected at the slot that is run ${options.run} of ${visible(cluster)}`, { next });
    if (found.endedAt === null) throw new KubevidenceError('usage', `run ${options.run} of ${visible(cluster)} has not ended`, { next });
    return found;
  }
  const found = options.at === undefined ? runs.findLast(hasEnded) : runAt(parseInstant(options.at));
  if (found === undefined)
    throw new KubevidenceError(
      'usage',
      options.at === undefined
        ? `there is no finished run of ${visible(cluster)} yet`
        : `no run of ${visible(cluster)} had ended by ${visible(options.at)}`,
      {
        next: options.at === undefined ? 'Collect first: kubevidence collect' : next,
      },
    );
  return found;
}

/** A slot that was missed is no run that anybody ran: the one before it is judged, and what was so since is told apart. */
function hasEnded({ endedAt, status }: RunSummary): boolean {
  return endedAt !== null && status !== 'missed';
}

const instantForm = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;

/** RFC 3339, or a date (its midnight, UTC). Throws `usage`: a time without zone would mean another moment elsewhere. */
export function parseInstant(text: string): string {
  const time = instantForm.test(text) ? new Date(text.length === 10 ? `${text}T00:00:00Z` : text) : new Date(Number.NaN);
  const rolled = time.getTime() - Date.parse(`${text.slice(0, 10)}T00:00:00Z`);
  if (Number.isNaN(rolled) || Math.abs(rolled) > 2 * 86_400_000)
    throw new KubevidenceError('usage', `${visible(text)} is not a time`, { next: 'Write it like 2026-08-14T12:00Z, with its zone.' });
  return time.toISOString();
}

/** Judges one snapshot by the catalog in force, with what the options and the configuration leave of it. */
export function judge(
  reader: EvidenceReader,
  { catalog, configured }: Pick<CatalogInForce, 'catalog' | 'configured'>,
  options: AssessOptions,
  config: Config | null,
  exceptions: readonly ItemException[] = [],
) {
  const frameworks = options.framework === undefined ? (config?.frameworks ?? undefined) : [options.framework];
  const assessment = assess({
    reader,
    catalog,
    populations,
    params: configured,
    frameworks,
    controlIds: options.control === undefined ? options.controls : [options.control],
    namespace: options.namespace,
    managed: managedOf(config, reader),
    exceptions,
  });
  return { assessment, listings: reader.listings(), platform: describePlatform(config, reader) };
}

/** Who runs the control plane: what the configuration says, else what the evidence shows. Null: the cluster's owner. */
export function managedOf(config: Config | null, reader: EvidenceReader): string | null {
  const said = config?.clusters.find((each) => each.name === reader.cluster.name)?.managed;
  return said === undefined ? detectManaged(reader) : said === 'none' ? null : said;
}

async function record(
  context: AppContext,
  config: Config,
  cluster: string,
  run: RunSummary,
  inForce: CatalogInForce,
  assessment: Assessment,
  exceptionsAt: string | null,
): Promise<void> {
  // Without the key or the right to write, judging still works; it leaves no trace then.
  if (!haveLogKey(config.keys)) return;
  try {
    const ledger = await openLedgerForWriting(context, config);
    try {
      await recordDefinitions(ledger, describeDefinitions(config), { now: context.clock().toISOString() });
      ledger.recordAssessment({
        cluster,
        run: run.number,
        at: context.clock().toISOString(),
        toolVersion: toolName,
        catalogDigest: inForce.catalog.digest,
        catalogBytes: inForce.catalog.bytes,
        paramsDigest: inForce.paramsDigest,
        assessment,
        exceptionsAt,
      });
      ledger.checkpoint();
    } finally {
      ledger.close();
    }
  } catch (error) {
    if (!(error instanceof KubevidenceError) || error.code === 'integrity') throw error;
    context.warn(`this assessment was not recorded in the ledger: ${error.message}`);
  }
}

/** Everything that a file can hold, the opt-in kinds too: whoever hands over a file has opted in. */
const allCollectors = enabledCollectors({ secrets: true, ledger: false });
const nobody = { uid: null, version: null, server: null, caFingerprint: null, actor: null };

/** A snapshot in memory from a recording (its last run), or from a directory or file of objects. */
export async function readSnapshotFrom(context: AppContext, given: string): Promise<EvidenceReader> {
  // As the user wrote it where this process stands in the same directory: evidence names the file.
  const path = isAbsolute(given) ? given : relative('', resolve(context.cwd, given)) || '.';
  if (!existsSync(path))
    throw new KubevidenceError('usage', `there is no ${visible(given)}`, {
      next: 'Name a recording, or a directory or file of manifests.',
    });
  if (isRecording(path)) {
    let last: (EvidenceSink & EvidenceReader) | undefined;
    await replayRecording(path, {
      collectors,
      startRun: ({ identity, observedAt }) =>
        (last = createMemorySnapshot({ scope: 'cluster', cluster: identity, at: observedAt, ...(last && { previous: last }) })),
    });
    if (last === undefined) throw new KubevidenceError('input', `${visible(given)} holds no run`);
    return last;
  }
  const name = basename(given).replace(/\.[^.]+$/, '') || 'files';
  const sink = createMemorySnapshot({ scope: 'files', cluster: { name, ...nobody }, at: context.clock().toISOString() });
  const ingest = createIngest({ collectors: allCollectors, sink, clock: context.clock });
  const report = await readFiles({
    paths: [path],
    declarations: allCollectors.flatMap((collector) => collector.listings),
    ingest,
    clock: context.clock,
    assurance: 'configured',
    checkNode: checkNodeWith([]),
  });
  requireIntegrity(report.problems);
  for (const problem of report.problems) context.warn(describeProblem(problem));
  return sink;
}

/** The evidence with the audit policy of a file in place of the snapshot's. */
async function withAuditPolicy(context: AppContext, reader: EvidenceReader, path: string | undefined): Promise<EvidenceReader> {
  if (path === undefined) return reader;
  if (!existsSync(path)) throw new KubevidenceError('usage', `there is no ${visible(path)}`, { next: 'Name the file of an audit policy.' });
  const kind: ListingKind = 'files.audit-policy/policies';
  const extra = createMemorySnapshot({ scope: 'files', cluster: reader.cluster, at: reader.at });
  const report = await readFiles({
    paths: [path],
    declarations: collectors.flatMap((collector) => collector.listings).filter((listing) => listing.kind === kind),
    ingest: createIngest({ collectors, sink: extra, clock: context.clock }),
    clock: context.clock,
    assurance: 'configured',
  });
  const [problem] = report.problems;
  if (problem !== undefined) throw new KubevidenceError('input', describeProblem(problem));
  const of = (wanted: ListingKind) => (wanted === kind ? extra : reader);
  return {
    ...reader,
    listings: () => [...reader.listings().filter((listing) => listing.kind !== kind), ...extra.listings()],
    listing: (wanted) => of(wanted).listing(wanted),
    objects: (wanted) => of(wanted).objects(wanted),
  };
}
