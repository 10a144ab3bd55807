/**
 * Composes an audit pack: freezes the log at a checkpoint, judges or takes the recorded judgement, builds the report, and hands all of it
 * to the packer. For the same checkpoint everything comes from the ledger, so a pack can be made again; only then is `pack-issued` logged.
 */
import { join, resolve } from 'node:path';
import { readNamespaceOwners } from '../../access/index.ts';
import { countLabelled } from '../../assessment/index.ts';
import { effectiveParams, makeCatalog } from '../../catalog/index.ts';
import { type Ledger, type StoredAssessment } from '../../ledger/index.ts';
import type { Checkpoint } from '../../log/index.ts';
import type { Assessment, Catalog, EvidenceReader, ListingKind, RunSummary } from '../../model/index.ts';
import { KubevidenceError, textAt } from '../../model/index.ts';
import { type PackedException, type PackInputs, writePack } from '../../packs/index.ts';
import {
  buildReportModel,
  describeRead,
  loadReportDefinition,
  renderPdf,
  renderWorkbook,
  type ReadInput,
  type ReportModel,
} from '../../reporting/index.ts';
import { addSignaturePlaceholder, certificateInfo, type DocumentSigner } from '../../signing/index.ts';
import { judge } from '../assess/assess.ts';
import { type CatalogInForce, loadCatalogInForce } from '../catalog.ts';
import { type Config, pickCluster } from '../config.ts';
import { type AppContext, packageRoot, toolName, toolVersion } from '../context.ts';
import { describeRetention, readRedactions } from '../keys/keeping.ts';
import { loadDocumentSigner } from '../keys/keys.ts';
import { openLedgerForWriting } from '../open-ledger.ts';
import type { Period } from '../period.ts';
import { describeDefinitions } from '../govern/definitions.ts';
import { labelsAt } from '../assess/labels.ts';
import { ownerKeysOf } from '../assess/owner-keys.ts';
import { describePlatform } from '../assess/platform.ts';
import { type Rules, rulesReader } from '../assess/rules-in-force.ts';
import { readDefinitionChanges, readExceptions, readReviews } from './pack-governance.ts';
import { checkWritten, openPackOutput, type PackForm, refuseOverwrite } from './pack-files.ts';
import { readAuditPolicies } from './pack-audit.ts';
import { readAuditLog } from './pack-audit-log.ts';
import { readPaths } from './pack-paths.ts';
import { choosePeriod, citedObjects, isInside, readPackPeriod, shownRun } from './pack-period.ts';
import { changesSince, readBindings } from './pack-snapshot.ts';
import { tellRuns } from './pack-runs.ts';
import { collectAtOnce, giveBackGrown, giveBackMemory, withSmallHeap } from './small-heap.ts';
import { pseudonymise } from './pseudonymised-pack.ts';
import { recordDefinitions } from '../collect/prepare-run.ts';
import { type FrozenTimes, readPackTimestamps, stampFrozen } from './pack-timestamps.ts';
import { rememberObjects } from '../assess/remembering-reader.ts';
import { createStamper } from '../keys/timestamps.ts';

export interface PackOptions {
  readonly config: Config;
  readonly cluster?: string | undefined;
  readonly period?: string | undefined;
  /** Size of the log to stand on. */
  readonly checkpoint?: number | undefined;
  readonly out: string;
  readonly form: PackForm;
  readonly demo?: boolean;
}

export interface PackReport {
  readonly directory: string | null;
  readonly zip: string | null;
  readonly period: Period & { readonly over: boolean };
  /** The report's one sentence. */
  readonly result: string;
  /** What keeps the period from being covered, in sentences. */
  readonly notices: readonly string[];
  readonly fingerprint: string;
  readonly checkpoint: { readonly size: number; readonly root: string };
  readonly assessment: Assessment;
  readonly catalog: Catalog;
  /** How many names are shown as pseudonyms, made with which key, and how many objects they change; null: none are. */
  readonly pseudonyms: { readonly key: string; readonly names: number; readonly objects: number } | null;
  readonly files: number;
  readonly bytes: number;
}

/** What is frozen: nothing after it enters the pack. */
interface Frozen {
  readonly checkpoint: Checkpoint;
  /** When the last record of the checkpoint was written; every date inside the pack is at or before it. */
  readonly time: string;
  readonly logStarted: string;
  readonly runs: readonly RunSummary[];
  readonly run: RunSummary;
  readonly stored: StoredAssessment;
  /** Those that held when the run was made, and judged it. */
  readonly rules: Rules;
  readonly catalog: Catalog;
}

export async function createPackCommand(context: AppContext, options: PackOptions): Promise<PackReport> {
  return withSmallHeap(() => packPeriod(context, options));
}

async function packPeriod(context: AppContext, options: PackOptions): Promise<PackReport> {
  const { config } = options;
  const cluster = pickCluster(config, options.cluster).name;
  const out = resolve(context.cwd, options.out);
  refuseOverwrite(out, options.form);
  const signer = await loadDocumentSigner(config.keys);
  const inForce = loadCatalogInForce(config);
  const ledger = await openLedgerForWriting(context, config);
  try {
    if (options.checkpoint === undefined)
      await recordDefinitions(ledger, describeDefinitions(config), { now: context.clock().toISOString() });
    const period = choosePeriod(ledger.runs(cluster), options.period, config.timezone, context.clock().toISOString());
    const frozen =
      options.checkpoint === undefined
        ? freezeNow(context, ledger, config, cluster, period, inForce)
        : freezeAt(ledger, options.checkpoint, cluster, period, inForce);
    const stamp = createStamper(context, config);
    if (options.checkpoint === undefined) await stampFrozen(ledger, frozen.checkpoint, stamp);
    const times = readPackTimestamps(ledger, config, { ...frozen, period, stamp });
    const { manifestDigest, ...told } = await writeFiles({ ledger, options, cluster, period, frozen, inForce, signer, times, out });
    await giveBackMemory();
    await checkWritten(told.directory ?? told.zip ?? out, signer.fingerprint, times.inPack?.ca ?? undefined);
    const { size } = frozen.checkpoint;
    ledger.recordPack({
      cluster,
      period: { from: period.start, to: period.end },
      checkpoint: size,
      manifestDigest,
      documentKeyFingerprint: signer.fingerprint,
    });
    ledger.checkpoint();
    return {
      ...told,
      period: { ...period, over: period.end <= frozen.time },
      fingerprint: signer.fingerprint,
      checkpoint: { size, root: Buffer.from(frozen.checkpoint.root).toString('base64') },
      assessment: frozen.stored.assessment,
      catalog: frozen.catalog,
    };
  } finally {
    ledger.close();
  }
}

interface PackJob {
  readonly ledger: Ledger;
  readonly options: PackOptions;
  readonly cluster: string;
  readonly period: Period;
  readonly frozen: Frozen;
  readonly inForce: CatalogInForce;
  readonly signer: DocumentSigner;
  readonly times: FrozenTimes;
}

type ToldOfFiles = Pick<PackReport, 'directory' | 'zip' | 'result' | 'notices' | 'pseudonyms' | 'files' | 'bytes'>;

/** What is told of the files; they themselves may be a hundred MB, and are written as they are made. */
async function writeFiles({ out, ...job }: PackJob & { readonly out: string }): Promise<ToldOfFiles & { readonly manifestDigest: string }> {
  const { inputs, ...told } = await renderFiles(job);
  await giveBackMemory();
  const output = openPackOutput(out, job.options.form);
  try {
    const written = await writePack(inputs, output);
    await giveBackMemory();
    return { ...told, ...written, ...(await output.finish()) };
  } catch (error) {
    output.abandon();
    throw error;
  }
}

function freezeNow(context: AppContext, ledger: Ledger, config: Config, cluster: string, period: Period, inForce: CatalogInForce): Frozen {
  const run = shownRun(ledger.runs(cluster), period);
  const rules = rulesReader({ ledger, inForce })(run.leaf);
  const reader = rememberObjects(ledger.snapshot(cluster, run.number));
  const now = context.clock().toISOString();
  const lastMoment = new Date(Date.parse(period.end) - 1).toISOString();
  // What was approved after a period does not label its findings.
  const { exceptions, exceptionsAt } = labelsAt(ledger, cluster, now < lastMoment ? now : lastMoment);
  const stored = ledger.recordAssessment({
    cluster,
    run: run.number,
    at: context.clock().toISOString(),
    toolVersion: toolName,
    catalogDigest: rules.catalog.digest,
    catalogBytes: rules.catalog.bytes,
    paramsDigest: rules.paramsDigest,
    assessment: judge(reader, rules, {}, config, exceptions).assessment,
    exceptionsAt,
    // So that the log itself is witness that the period was over.
    ...(now >= period.end && { notBefore: period.end }),
  });
  ledger.closePeriod(cluster, { from: period.start, to: period.end });
  return freeze(ledger, ledger.checkpoint(), cluster, period, stored, rules);
}

function freezeAt(ledger: Ledger, size: number, cluster: string, period: Period, inForce: CatalogInForce): Frozen {
  const checkpoint = ledger.checkpoints().find((each) => each.size === size);
  if (checkpoint === undefined) {
    const sizes = ledger.checkpoints().map((each) => each.size);
    throw new KubevidenceError('usage', `there is no checkpoint of size ${size}`, { next: `Checkpoints: ${sizes.slice(-12).join(', ')}` });
  }
  const run = shownRun(
    ledger.runs(cluster).filter((each) => each.leaf < size),
    period,
  );
  const erased = ledger.erasures().find((each) => each.leaf >= size && each.cluster === cluster);
  if (erased !== undefined) {
    throw new KubevidenceError('usage', `evidence was erased since the checkpoint of size ${size} (record ${erased.leaf})`, {
      means: 'A pack on that checkpoint would claim what nobody can check any more.',
      next: 'Leave --checkpoint out: what is left is then judged, logged and packed.',
    });
  }
  const rules = rulesReader({ ledger, inForce })(run.leaf);
  const stored = ledger.assessments(cluster, run.number).findLast((each) => each.leaf < size && each.paramsDigest === rules.paramsDigest);
  if (stored === undefined) {
    throw new KubevidenceError('usage', `the log at size ${size} holds no assessment of run ${run.number} by the parameters of its time`, {
      next: 'Leave --checkpoint out: the run is then judged, logged and packed.',
    });
  }
  return freeze(ledger, checkpoint, cluster, period, stored, rules);
}

function freeze(ledger: Ledger, checkpoint: Checkpoint, cluster: string, period: Period, stored: StoredAssessment, rules: Rules): Frozen {
  const runs = ledger.runs(cluster).filter((run) => run.leaf < checkpoint.size && run.endedAt !== null);
  const recorded = JSON.parse(Buffer.from(ledger.catalog(stored.catalogDigest)).toString('utf8')) as Pick<
    Catalog,
    'controls' | 'frameworks'
  > &
    Partial<Pick<Catalog, 'techniques'>>;
  const [first] = ledger.records(0, 1);
  const [last] = ledger.records(checkpoint.size - 1, checkpoint.size);
  const timeOf = (record: { readonly bytes: Uint8Array } | undefined) =>
    textAt(JSON.parse(Buffer.from(record?.bytes ?? '{}').toString('utf8')), 'at') ?? '';
  return {
    checkpoint,
    time: timeOf(last),
    logStarted: timeOf(first),
    runs,
    run: shownRun(runs, period),
    stored,
    rules,
    catalog: makeCatalog({ techniques: [], ...recorded }),
  };
}

type ToldOfModel = Pick<ToldOfFiles, 'result' | 'notices' | 'pseudonyms'>;

/** Everything that the packer needs, and nothing of what that was made from. */
async function renderFiles(job: PackJob): Promise<ToldOfModel & { readonly inputs: PackInputs }> {
  const { model, inputs, ...told } = await readContent(job);
  await giveBackMemory();
  const { organization: name } = inputs;
  const reportPdf = await renderPdf(model, {
    prepareSignature: (doc, structParent) =>
      addSignaturePlaceholder(doc, { time: inputs.time, fieldName: 'Kubevidence', reason: 'Audit pack', name, structParent }),
    onSection: () => giveBackGrown(),
  });
  await giveBackMemory();
  return { ...told, inputs: { ...inputs, reportPdf, workbook: await renderWorkbook(model, { onSheet: () => giveBackGrown() }) } };
}

interface PackContent extends ToldOfModel {
  readonly model: ReportModel;
  readonly inputs: Omit<PackInputs, 'reportPdf' | 'workbook'>;
}

/** Bytes of the process: what dies soon is most of it then, and V8 collects it anyway. */
const whileJudging = 460e6;

/** What the runs said is no longer held once the report is built. */
async function readContent({ ledger, options, cluster, period, frozen, inForce, signer, times }: PackJob): Promise<PackContent> {
  const { config } = options;
  const { checkpoint, stored, rules, catalog, run } = frozen;
  const certificate = certificateInfo(signer.certificate);
  const reader = ledger.snapshot(cluster, run.number);
  const records = [...ledger.records(0, checkpoint.size)];
  const inPeriod = frozen.runs.filter((each) => isInside(each, period));
  const read = new Map<number, ReadInput>();
  collectAtOnce(true);
  const { judged, shown } = await readPackPeriod({
    ledger,
    cluster,
    period,
    config,
    inForce,
    catalog,
    reader,
    run,
    size: checkpoint.size,
    asOf: frozen.time,
    assessment: stored.assessment,
    onSnapshot({ number }, listings) {
      read.set(number, describeRead(listings));
      giveBackGrown(whileJudging);
    },
    onJudged() {
      collectAtOnce(false);
      return giveBackMemory();
    },
  });
  await giveBackMemory();
  const record = (leaf: number) => records[leaf]?.bytes ?? new Uint8Array();
  const runs = tellRuns({ ledger, cluster, period, ...frozen, judged: judged.judged, read, record });
  const definition = loadReportDefinition(join(packageRoot, 'reports', 'audit-pack.yaml'));
  // Each takes much for a moment.
  const first = changesSince(ledger, cluster, inPeriod, run, reader, { catalog, configured: rules.configured }, config);
  giveBackGrown();
  const paths = readPaths(reader, catalog);
  giveBackGrown();
  const bindings = readBindings(reader);
  await giveBackMemory();
  const asRead = buildReportModel({
    definition,
    organization: config.organization,
    timezone: config.timezone,
    pack: `${cluster} ${period.name}`,
    period,
    demo: options.demo ?? false,
    draft: false,
    toolVersion,
    checkpoint: {
      origin: checkpoint.origin,
      size: checkpoint.size,
      root: Buffer.from(checkpoint.root).toString('hex'),
      time: frozen.time,
      logStarted: frozen.logStarted,
    },
    signer: { subject: certificate.subject, fingerprint: certificate.fingerprint },
    logKey: ledger.verifierKey(checkpoint.size),
    ...times.inReport,
    custody: ledger.custody(checkpoint.size),
    keeping: describeRetention(ledger, config, cluster, frozen.time),
    redactions: readRedactions(ledger, cluster, checkpoint.size),
    exceptions: readExceptions(ledger, cluster, period, { moment: stored.exceptionsAt ?? frozen.time, size: checkpoint.size }, shown),
    reviews: readReviews(ledger, cluster, period, checkpoint.size),
    definitionChanges: readDefinitionChanges(ledger, period, checkpoint.size),
    cluster: reader.cluster,
    ...platformOf(config, reader),
    catalog,
    params: rules.configured,
    assessment: shown,
    judged,
    first,
    runs,
    bindings,
    paths,
    auditPolicies: readAuditPolicies(reader),
    auditLogAt: (number) => readAuditLog(ledger.snapshot(cluster, number)),
    owners: readNamespaceOwners(reader, ownerKeysOf(rules)),
  });
  const time = new Date(frozen.time);
  const cited = citedObjects(stored.assessment, judged, asRead.period?.deviations ?? []);
  const content = {
    exhibits: readExhibits(ledger, cluster, asRead.exhibits, cited, checkpoint.size),
    assessment: { run: run.number, leaf: stored.leaf, salt: stored.salt, value: stored.assessment },
    exceptions: exceptionsShown(ledger, cluster, stored, checkpoint.size),
    catalog: { digest: stored.catalogDigest, bytes: ledger.catalog(stored.catalogDigest) },
    params: describeParams(catalog, rules),
  };
  const pseudonyms = pseudonymise({
    ledger,
    cluster,
    config,
    inForce: rules,
    definition,
    model: asRead,
    runs: runs.map(({ summary }) => summary),
    shown: content,
    record,
  });
  const model = pseudonyms?.model ?? asRead;
  const inputs = {
    organization: config.organization,
    cluster: { name: cluster, uid: reader.cluster.uid },
    period: { name: period.name, from: period.start, to: period.end },
    time,
    demo: options.demo ?? false,
    signer,
    records: records.map((record) => record.bytes),
    checkpoint: checkpoint.note,
    verifierKey: ledger.verifierKey(checkpoint.size),
    ...content,
    ...(pseudonyms !== null && { pseudonyms: pseudonyms.inPack }),
    ...(times.inPack !== null && { timestamps: times.inPack }),
  };
  return {
    model,
    inputs,
    result: model.result,
    notices: model.period?.notices ?? [],
    pseudonyms: pseudonyms === null ? null : { key: pseudonyms.inPack.key, names: pseudonyms.names, objects: pseudonyms.objects },
  };
}

/** Each is read when the packer comes to it: together they take many times what is shown of them. */
function readExhibits(
  ledger: Ledger,
  cluster: string,
  exhibits: ReportModel['exhibits'],
  cited: ReturnType<typeof citedObjects>,
  size: number,
): PackInputs['exhibits'] {
  return exhibits.map(({ id, run, kind, leaf, listing }) => ({
    id,
    leaf,
    get source() {
      return ledger.exhibit(cluster, run, kind as ListingKind);
    },
    get proof() {
      return ledger.inclusionProof(leaf, size);
    },
    get cited() {
      return cited({ id, listing });
    },
  }));
}

/** Requests and approvals behind the labels of an assessment, as the log names them. */
function platformOf(config: Config, reader: EvidenceReader): { readonly platform?: string } {
  const platform = describePlatform(config, reader);
  return platform === null ? {} : { platform: `The cluster: ${platform}.` };
}

function exceptionsShown(ledger: Ledger, cluster: string, { assessment }: StoredAssessment, size: number): PackedException[] {
  const labels = countLabelled(assessment);
  const step = (leaf: number) => ({ leaf, details: ledger.exceptionPayload(leaf) ?? null });
  return ledger
    .exceptions(cluster, size)
    .flatMap(({ id, requested, approved }) =>
      labels.has(id) && approved !== null ? [{ id, requested: step(requested.leaf), approved: step(approved.leaf) }] : [],
    );
}

/** Per control: shipped defaults beside what was in force. */
function describeParams(catalog: Catalog, { configured }: Pick<CatalogInForce, 'configured'>) {
  return Object.fromEntries(
    catalog.controls.flatMap((control) => {
      const defaults = effectiveParams(control);
      return Object.keys(defaults).length === 0
        ? []
        : [[control.id, { defaults, effective: effectiveParams(control, configured[control.id]) }]];
    }),
  );
}
