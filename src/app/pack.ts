/**
 * Composes an audit pack: freezes the log at a checkpoint, judges or takes the recorded judgement, builds the report, and hands all of it
 * to the packer. For the same checkpoint everything comes from the ledger, so a pack can be made again; only then is `pack-issued` logged.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { readPopulation } from '../assessment/index.ts';
import { effectiveParams, makeCatalog } from '../catalog/index.ts';
import { type Ledger, openLedger, type StoredAssessment } from '../ledger/index.ts';
import { type Checkpoint, leafHash } from '../log/index.ts';
import type { Assessment, Catalog, Control, EvidenceReader, Framework, Gap, RunSummary } from '../model/index.ts';
import { KubevidenceError, textAt, visible } from '../model/index.ts';
import { createPack, verifyPack, writeZip } from '../packs/index.ts';
import { populations } from '../populations/index.ts';
import {
  buildReportModel,
  loadReportDefinition,
  renderPdf,
  renderWorkbook,
  type ReportBinding,
  type ReportChanges,
  type RunInput,
} from '../reporting/index.ts';
import { addSignaturePlaceholder, certificateInfo, type DocumentSigner } from '../signing/index.ts';
import { judge } from './assess.ts';
import { type CatalogInForce, loadCatalogInForce } from './catalog.ts';
import { type Config, pickCluster } from './config.ts';
import { type AppContext, packageRoot, toolName, toolVersion } from './context.ts';
import { loadDocumentSigner, loadLogSigner } from './keys.ts';
import { parsePeriod, type Period, quarterOf } from './period.ts';
import { rememberObjects } from './remembering-reader.ts';

export interface PackOptions {
  readonly config: Config;
  readonly cluster?: string | undefined;
  readonly period?: string | undefined;
  /** Size of the log to stand on. */
  readonly checkpoint?: number | undefined;
  readonly out: string;
  readonly form: 'both' | 'zip' | 'directory';
  readonly demo?: boolean;
}

export interface PackReport {
  readonly directory: string | null;
  readonly zip: string | null;
  readonly period: Period & { readonly over: boolean };
  readonly fingerprint: string;
  readonly checkpoint: { readonly size: number; readonly root: string };
  readonly assessment: Assessment;
  readonly catalog: Catalog;
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
  readonly catalog: Catalog;
}

export async function createPackCommand(context: AppContext, options: PackOptions): Promise<PackReport> {
  const { config } = options;
  const cluster = pickCluster(config, options.cluster).name;
  const out = resolve(context.cwd, options.out);
  refuseOverwrite(out, options.form);
  const signer = await loadDocumentSigner(config.keys);
  const inForce = loadCatalogInForce(config);
  const log = await loadLogSigner(config.keys.log, config.keys.passphraseFile);
  const ledger = openLedger({ path: config.ledgerPath, mode: 'write', clock: context.clock, signer: log });
  try {
    const period = choosePeriod(ledger.runs(cluster), options.period, config.timezone, context.clock().toISOString());
    const frozen =
      options.checkpoint === undefined
        ? freezeNow(context, ledger, config, cluster, period, inForce)
        : freezeAt(ledger, options.checkpoint, cluster, period, inForce);
    const files = await buildFiles(ledger, options, cluster, period, frozen, inForce, signer);
    const written = await writeFiles(out, options.form, files);
    await checkWritten(written.directory ?? written.zip ?? out, signer.fingerprint);
    const manifest = files.get('manifest.json') ?? new Uint8Array();
    const { size } = frozen.checkpoint;
    ledger.recordPack({
      cluster,
      period: { from: period.start, to: period.end },
      checkpoint: size,
      manifestDigest: createHash('sha256').update(manifest).digest('hex'),
      documentKeyFingerprint: signer.fingerprint,
    });
    ledger.checkpoint();
    return {
      ...written,
      period: { ...period, over: period.end <= frozen.time },
      fingerprint: signer.fingerprint,
      checkpoint: { size, root: Buffer.from(frozen.checkpoint.root).toString('base64') },
      assessment: frozen.stored.assessment,
      catalog: frozen.catalog,
      files: files.size,
      bytes: [...files.values()].reduce((sum, file) => sum + file.length, 0),
    };
  } finally {
    ledger.close();
  }
}

/** When a run's evidence was observed, which decides the period it belongs to. */
function observed(run: RunSummary): string {
  return run.observedAt ?? run.endedAt ?? run.plannedAt;
}

const withSnapshot = (run: RunSummary) => run.status === 'succeeded' || run.status === 'partial';

/** The named period; else the last closed quarter with a snapshot in it; else the quarter of the latest snapshot. */
function choosePeriod(runs: readonly RunSummary[], name: string | undefined, timezone: string, now: string): Period {
  const read = runs.filter(withSnapshot);
  const latest = read.at(-1);
  if (latest === undefined)
    throw new KubevidenceError('usage', 'no run has read anything yet, so there is nothing to pack', {
      next: 'Collect first: kubevidence collect',
    });
  if (name !== undefined) {
    const period = parsePeriod(name, timezone);
    if (period.start > now)
      throw new KubevidenceError('usage', `the period ${visible(name)} has not begun`, {
        next: 'Choose one that has evidence: kubevidence ledger status',
      });
    if (!read.some((run) => observed(run) >= period.start && observed(run) < period.end))
      throw new KubevidenceError('usage', `no run of the period ${visible(name)} read anything`, {
        next: 'Choose one that has evidence: kubevidence ledger status',
      });
    return period;
  }
  const quarters = read.map((run) => quarterOf(observed(run), timezone));
  return quarters.findLast((quarter) => quarter.end <= now) ?? quarterOf(observed(latest), timezone);
}

function lastOf(runs: readonly RunSummary[], period: Period): RunSummary {
  const run = runs.findLast((each) => withSnapshot(each) && observed(each) >= period.start && observed(each) < period.end);
  if (run === undefined)
    throw new KubevidenceError('usage', `no run of the period ${period.name} read anything by then`, {
      next: 'See the runs: kubevidence ledger status',
    });
  return run;
}

function freezeNow(context: AppContext, ledger: Ledger, config: Config, cluster: string, period: Period, inForce: CatalogInForce): Frozen {
  const run = lastOf(ledger.runs(cluster), period);
  const reader = rememberObjects(ledger.snapshot(cluster, run.number));
  const stored = ledger.recordAssessment({
    cluster,
    run: run.number,
    at: context.clock().toISOString(),
    toolVersion: toolName,
    catalogDigest: inForce.catalog.digest,
    catalogBytes: inForce.catalog.bytes,
    paramsDigest: inForce.paramsDigest,
    assessment: judge(reader, inForce, {}, config).assessment,
  });
  return freeze(ledger, ledger.checkpoint(), cluster, period, stored);
}

function freezeAt(ledger: Ledger, size: number, cluster: string, period: Period, inForce: CatalogInForce): Frozen {
  const checkpoint = ledger.checkpoints().find((each) => each.size === size);
  if (checkpoint === undefined) {
    const sizes = ledger.checkpoints().map((each) => each.size);
    throw new KubevidenceError('usage', `there is no checkpoint of size ${size}`, { next: `Checkpoints: ${sizes.slice(-12).join(', ')}` });
  }
  const run = lastOf(
    ledger.runs(cluster).filter((each) => each.leaf < size),
    period,
  );
  const stored = ledger.assessments(cluster, run.number).findLast((each) => each.leaf < size && each.paramsDigest === inForce.paramsDigest);
  if (stored === undefined) {
    throw new KubevidenceError('usage', `the log at size ${size} holds no assessment of run ${run.number} with today's parameters`, {
      next: 'Leave --checkpoint out: the run is then judged, logged and packed.',
    });
  }
  return freeze(ledger, checkpoint, cluster, period, stored);
}

function freeze(ledger: Ledger, checkpoint: Checkpoint, cluster: string, period: Period, stored: StoredAssessment): Frozen {
  const runs = ledger.runs(cluster).filter((run) => run.leaf < checkpoint.size && run.endedAt !== null);
  const { controls, frameworks } = JSON.parse(Buffer.from(ledger.catalog(stored.catalogDigest)).toString('utf8')) as {
    controls: Control[];
    frameworks: Framework[];
  };
  const [first] = ledger.records(0, 1);
  const [last] = ledger.records(checkpoint.size - 1, checkpoint.size);
  const timeOf = (record: { readonly bytes: Uint8Array } | undefined) =>
    textAt(JSON.parse(Buffer.from(record?.bytes ?? '{}').toString('utf8')), 'at') ?? '';
  return {
    checkpoint,
    time: timeOf(last),
    logStarted: timeOf(first),
    runs,
    run: lastOf(runs, period),
    stored,
    catalog: makeCatalog(controls, frameworks),
  };
}

async function buildFiles(
  ledger: Ledger,
  options: PackOptions,
  cluster: string,
  period: Period,
  frozen: Frozen,
  inForce: CatalogInForce,
  signer: DocumentSigner,
): Promise<Map<string, Uint8Array>> {
  const { config } = options;
  const { checkpoint, stored, catalog, run } = frozen;
  const certificate = certificateInfo(signer.certificate);
  const reader = ledger.snapshot(cluster, run.number);
  const records = [...ledger.records(0, checkpoint.size)];
  const inPeriod = frozen.runs.filter((each) => observed(each) >= period.start && observed(each) < period.end);
  const earlier = runsStoodOn(ledger, frozen).filter((each) => !inPeriod.includes(each));
  const shown = [...earlier, ...inPeriod];
  const runs: RunInput[] = shown.map((summary) => ({
    summary,
    recordHash: Buffer.from(leafHash(records[summary.leaf]?.bytes ?? new Uint8Array())).toString('hex'),
    listings: withSnapshot(summary) ? ledger.snapshot(cluster, summary.number).listings() : [],
  }));
  const model = buildReportModel({
    definition: loadReportDefinition(join(packageRoot, 'reports', 'audit-pack.yaml')),
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
    logKey: ledger.verifierKey(),
    timestamped: false,
    cluster: reader.cluster,
    catalog,
    params: inForce.configured,
    assessment: stored.assessment,
    first: changesSince(ledger, cluster, inPeriod, run, reader, { catalog, configured: inForce.configured }, config),
    runs,
    bindings: readBindings(reader),
  });
  const time = new Date(frozen.time);
  const cited = citedBy(stored.assessment);
  const reportPdf = await renderPdf(model, {
    prepareSignature: (doc, structParent) =>
      addSignaturePlaceholder(doc, { time, fieldName: 'Kubevidence', reason: 'Audit pack', name: config.organization, structParent }),
  });
  const workbook = await renderWorkbook(model);
  return createPack({
    organization: config.organization,
    cluster: { name: cluster, uid: reader.cluster.uid },
    period: { name: period.name, from: period.start, to: period.end },
    time,
    demo: options.demo ?? false,
    reportPdf,
    workbook,
    signer,
    records: records.map((record) => record.bytes),
    checkpoint: checkpoint.note,
    verifierKey: ledger.verifierKey(),
    exhibits: model.exhibits.map((exhibit) => ({
      id: exhibit.id,
      source: ledger.exhibit(cluster, exhibit.run, exhibit.kind as `${string}/${string}`),
      leaf: exhibit.leaf,
      proof: ledger.inclusionProof(exhibit.leaf, checkpoint.size),
      cited: cited,
    })),
    assessment: { run: run.number, leaf: stored.leaf, salt: stored.salt, value: stored.assessment },
    catalog: { digest: stored.catalogDigest, bytes: ledger.catalog(stored.catalogDigest) },
    params: describeParams(catalog, inForce),
  });
}

/** Runs that the results stand on: differences of counters also stand on an earlier one, which may lie before the period. */
function runsStoodOn(ledger: Ledger, { runs, run, stored }: Frozen): readonly RunSummary[] {
  const missing = new Set(stored.assessment.controls.flatMap((control) => control.evidence.map(({ id }) => id)));
  const found: RunSummary[] = [];
  for (const each of runs.filter(withSnapshot).toReversed()) {
    if (missing.size === 0) break;
    if (each.number > run.number) continue;
    const cited = ledger
      .snapshot(each.cluster, each.number)
      .listings()
      .filter(({ id }) => missing.delete(id));
    if (cited.length > 0) found.unshift(each);
  }
  return found;
}

/** Ids of all objects that a finding stands on. */
function citedBy(assessment: Assessment): ReadonlySet<string> {
  return new Set(assessment.controls.flatMap((control) => control.findings.flatMap((finding) => finding.evidence)));
}

/** Per control: shipped defaults beside what was in force. */
function describeParams(catalog: Catalog, { configured }: CatalogInForce) {
  return Object.fromEntries(
    catalog.controls.flatMap((control) => {
      const defaults = effectiveParams(control);
      return Object.keys(defaults).length === 0
        ? []
        : [[control.id, { defaults, effective: effectiveParams(control, configured[control.id]) }]];
    }),
  );
}

function readBindings(reader: EvidenceReader): { rows: ReportBinding[]; gaps: readonly Gap[] } {
  const created = new Map<string, string>();
  for (const kind of ['k8s.rbac/clusterrolebindings', 'k8s.rbac/rolebindings'] as const)
    for (const { uid, body } of reader.objects(kind)) created.set(uid, textAt(body, 'metadata', 'creationTimestamp') ?? '');
  const rows: ReportBinding[] = [];
  const grants = populations.find((population) => population.name === 'grants');
  if (grants === undefined) throw new KubevidenceError('defect', 'there is no population of grants');
  const { gaps } = readPopulation(grants, reader, (row) => {
    const text = (key: string) => (typeof row[key] === 'string' ? row[key] : '');
    rows.push({
      subject: text('subject'),
      role: text('role'),
      scope: text('scope'),
      binding: text('binding'),
      created: created.get(row.resource.uid) || null,
      uid: row.resource.uid,
    });
  });
  return { rows, gaps };
}

/** What differs between the first snapshot of the period and the assessed one, when they are two. */
function changesSince(
  ledger: Ledger,
  cluster: string,
  runs: readonly RunSummary[],
  run: RunSummary,
  reader: EvidenceReader,
  inForce: Pick<CatalogInForce, 'catalog' | 'configured'>,
  config: Config,
) {
  const opening = runs.find(withSnapshot);
  if (opening === undefined || opening.number === run.number) return null;
  const first = ledger.snapshot(cluster, opening.number);
  return { assessment: judge(first, inForce, {}, config).assessment, objects: countChanges(first, reader) };
}

/** Net differences by kind; only kinds that both snapshots read completely, because a gap is no change. */
function countChanges(before: EvidenceReader, after: EvidenceReader): ReportChanges['objects'] {
  const changes: ReportChanges['objects'][number][] = [];
  for (const { kind, gaps } of after.listings()) {
    // Metrics, own rights and server descriptions change by themselves; they are evidence, not objects.
    if (!/^k8s\.(?!apiserver|self|cluster)/.test(kind) || gaps.length > 0 || before.listing(kind)?.gaps.length !== 0) continue;
    const known = new Map<string, string>();
    for (const object of before.objects(kind)) known.set(`${object.namespace}/${object.name}/${object.uid}`, object.id);
    let [added, changed] = [0, 0];
    for (const object of after.objects(kind)) {
      const key = `${object.namespace}/${object.name}/${object.uid}`;
      const id = known.get(key);
      if (id === undefined) added += 1;
      else if (id !== object.id) changed += 1;
      known.delete(key);
    }
    if (added + known.size + changed > 0) changes.push({ kind, added, removed: known.size, changed });
  }
  return changes;
}

function refuseOverwrite(out: string, form: PackOptions['form']): void {
  try {
    mkdirSync(dirname(out), { recursive: true });
    if (form !== 'zip') mkdirSync(out);
    else writeFileSync(`${out}.zip`, '', { flag: 'wx' });
    rmSync(form === 'zip' ? `${out}.zip` : out, { recursive: true });
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    throw new KubevidenceError(
      exists ? 'usage' : 'unreachable',
      exists ? `${visible(out)} exists already` : `cannot write to ${visible(out)}`,
      {
        cause,
        next: 'Name a new directory with --out; a pack is never written over another.',
      },
    );
  }
}

/** What an outsider could not verify is not handed over, and not logged as issued. */
async function checkWritten(path: string, fingerprint: string): Promise<void> {
  const { ok, problems } = await verifyPack(path, { trust: fingerprint });
  if (ok) return;
  throw new KubevidenceError('integrity', `the pack that was written does not verify: ${problems[0] ?? 'no reason given'}`, {
    means: 'It was left where it is, and was not logged as issued.',
    next: `See all: kubevidence verify ${visible(path)}`,
  });
}

/** The directory appears whole or not at all. */
async function writeFiles(
  out: string,
  form: PackOptions['form'],
  files: ReadonlyMap<string, Uint8Array>,
): Promise<{ directory: string | null; zip: string | null }> {
  const partial = `${out}.partial`;
  rmSync(partial, { recursive: true, force: true });
  if (form !== 'zip') {
    for (const [name, bytes] of files) {
      mkdirSync(dirname(join(partial, name)), { recursive: true });
      writeFileSync(join(partial, name), bytes);
    }
    renameSync(partial, out);
  }
  if (form !== 'directory') writeFileSync(`${out}.zip`, await writeZip(files));
  return { directory: form === 'zip' ? null : out, zip: form === 'directory' ? null : `${out}.zip` };
}
