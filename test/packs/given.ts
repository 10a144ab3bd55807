/** What the tests of packs start from: a real ledger with two runs and a judgement, a real document key, and the pack made of them. */
import { createHmac, hash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import ExcelJS from 'exceljs';
import PdfDocument from 'pdfkit';
import { type Ledger, openLedger } from '../../src/ledger/index.ts';
import { type Assessment, canonicalBytes, canonicalize, type EvidenceReader } from '../../src/model/index.ts';
import { createPack, type PackInputs } from '../../src/packs/index.ts';
import { manifestPath, manifestSealPath } from '../../src/packs/layout.ts';
import { type Manifest, parseManifest } from '../../src/packs/manifest.ts';
import { addSignaturePlaceholder, type DocumentSigner, signDetached } from '../../src/signing/index.ts';
import { clockFrom, collect, create, identity, pod, pods, signerOf } from '../ledger/given.ts';
import { newSigner } from '../signing/fixtures.ts';

export type Files = Map<string, Uint8Array>;

export interface Given {
  readonly ledger: Ledger;
  readonly signer: DocumentSigner;
  /** As packs are made: every run that was read, at the last checkpoint. */
  readonly inputs: PackInputs;
  readonly files: Files;
  /** For files; gone after {@link close}. */
  readonly folder: string;
  close(): void;
}

export const hostileName = 'Clinic \u202e\u001b[31m"evil"\n$(reboot)';

export async function givenPack(): Promise<Given> {
  const folder = mkdtempSync(join(tmpdir(), 'packs-'));
  const { signer } = await newSigner();
  const path = join(folder, 'ledger.db');
  const ledger = openLedger({
    path,
    mode: 'write',
    clock: clockFrom(),
    signer: signerOf(),
    create: { ...create, documentKeyFingerprint: signer.fingerprint },
  });
  const [web, job, agent] = [
    pod({ name: 'web-1', uid: 'uid-1' }),
    pod({ name: 'job-1', uid: 'uid-2', namespace: 'batch' }),
    { ...pod({ name: 'agent-1', uid: 'uid-3', namespace: 'kube-system' }), place: { file: 'pods.yaml', line: 7 } },
  ];
  collect(ledger, [web, job]);
  const run = collect(ledger, [web, job, agent], { resourceVersion: '200' });
  const { id } = ledger.requestException({
    cluster: 'prod',
    control: 'POD-001',
    item: 'batch/job-1',
    expires: '2026-12-31T00:00:00.000Z',
    justification: 'a vendor image',
    compensatingControl: null,
    ticket: null,
    requester: 'Alice',
  });
  ledger.approveException({ id, approver: 'Bob' });
  const inputs = await inputsOf(ledger, signer, run.number);
  const files = await createPack(inputs);
  return { ledger, signer, inputs, files, folder, close: () => (ledger.close(), rmSync(folder, { recursive: true })) };
}

async function inputsOf(ledger: Ledger, signer: DocumentSigner, run: number): Promise<PackInputs> {
  const params = { 'POD-001': { defaults: { allowed: ['nginx'] }, effective: { allowed: [] } } };
  const control = { id: 'POD-001', params: { allowed: { type: 'list', default: ['nginx'], doc: 'Images' } } };
  const catalog = canonicalBytes({ controls: [control, { id: 'POD-002', params: {} }], frameworks: [] });
  const assessment = assessmentOf(ledger.snapshot('prod', run), run);
  const stored = ledger.recordAssessment({
    cluster: 'prod',
    run,
    at: '2026-08-14T13:00:00.000Z',
    toolVersion: 'kubevidence 0.1.0',
    catalogDigest: hash('sha256', catalog),
    catalogBytes: catalog,
    paramsDigest: hash('sha256', canonicalBytes({ 'POD-001': params['POD-001'].effective, 'POD-002': {} })),
    assessment,
    exceptionsAt: '2026-08-14T13:00:00.000Z',
  });
  const checkpoint = ledger.checkpoint();
  const records = [...ledger.records(0, checkpoint.size)].map(({ bytes }) => bytes);
  const time = new Date((JSON.parse(Buffer.from(records.at(-1) ?? []).toString()) as { at: string }).at);
  const cited = new Set(assessment.controls.flatMap((each) => each.findings.flatMap((finding) => finding.evidence)));
  return {
    organization: hostileName,
    cluster: { name: 'prod', uid: identity.uid },
    period: { name: '2026-Q3', from: '2026-07-01T00:00:00.000Z', to: '2026-10-01T00:00:00.000Z' },
    time,
    demo: false,
    reportPdf: await writePdf(time),
    workbook: await writeWorkbook(),
    signer,
    records,
    checkpoint: checkpoint.note,
    verifierKey: ledger.verifierKey(),
    exhibits: ledger.runs('prod').map(({ number, leaf }, n) => ({
      id: `EX-000${n + 1}`,
      source: ledger.exhibit('prod', number, pods),
      leaf,
      proof: ledger.inclusionProof(leaf, checkpoint.size),
      cited,
    })),
    assessment: { run, leaf: stored.leaf, salt: stored.salt, value: stored.assessment },
    exceptions: ledger.exceptions('prod').map(({ id, requested, approved }) => ({
      id,
      requested: { leaf: requested.leaf, details: ledger.exceptionPayload(requested.leaf) ?? null },
      approved: { leaf: approved?.leaf ?? 0, details: ledger.exceptionPayload(approved?.leaf ?? 0) ?? null },
    })),
    catalog: { digest: hash('sha256', catalog), bytes: catalog },
    params,
  };
}

/** POD-001 fails for two of three pods, one of them under an exception; POD-002 passes. */
function assessmentOf(reader: EvidenceReader, number: number): Assessment {
  const listing = reader.listing(pods);
  if (listing === undefined) throw new Error('the run has no pods');
  const [first, second] = [...reader.objects(pods)];
  const evidence = [{ kind: pods, id: listing.id, items: listing.items, complete: true }];
  const findings = [first, second].map((object, index) => ({
    item: `${object?.namespace}/${object?.name}`,
    resource: { apiVersion: 'v1', kind: 'Pod', namespace: object?.namespace ?? '', name: object?.name ?? '', uid: object?.uid ?? '' },
    message: 'an image that is not allowed',
    evidence: [object?.id ?? ''],
    exception: index === 0 ? 'EXC-1' : null,
  }));
  const control = { severity: 'high', labels: {}, population: { name: 'pods', size: 3, tested: 3 }, evidence, gaps: [] } as const;
  return {
    schema: 'kubevidence/assessment/v1',
    scope: 'cluster',
    cluster: { name: 'prod', uid: identity.uid, version: identity.version },
    at: '2026-08-14T13:00:00.000Z',
    run: { number, startedAt: '2026-08-14T12:00:00.000Z', endedAt: '2026-08-14T12:30:00.000Z' },
    controls: [
      { ...control, evidence, gaps: [], id: 'POD-001', title: 'Images', outcome: 'fail', findings },
      { ...control, evidence, gaps: [], id: 'POD-002', title: 'Others', outcome: 'pass', findings: [] },
    ],
    requirements: [],
    summary: {},
  };
}

async function writePdf(time: Date): Promise<Uint8Array> {
  const doc = new PdfDocument({ info: { Title: 'Report', CreationDate: time, ModDate: time } });
  doc.text('Nothing to see');
  addSignaturePlaceholder(doc, { time, fieldName: 'Seal', reason: 'Audit pack', name: 'Clinic' });
  doc.end();
  return buffer(doc);
}

async function writeWorkbook(): Promise<Uint8Array> {
  const workbook = new ExcelJS.Workbook();
  workbook.addWorksheet('Runs').addRow(['run', 2]);
  return new Uint8Array(await workbook.xlsx.writeBuffer());
}

/** Writes the files below `directory`, which is made. */
export function unpack(files: Files, directory: string): string {
  for (const [name, bytes] of files) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), bytes);
  }
  return directory;
}

/** What somebody with a key can do: the files as they are, with a manifest that fits them, signed. */
export async function reseal(files: Files, signer: DocumentSigner, change: (manifest: Manifest) => unknown = () => {}): Promise<Files> {
  const copy = new Map(files);
  const manifest = parseManifest(copy.get(manifestPath) ?? new Uint8Array());
  manifest.documentKeyFingerprint = signer.fingerprint;
  manifest.files = [...copy]
    .filter(([name]) => name !== manifestPath && name !== manifestSealPath)
    .map(([path, bytes]) => ({ path, sha256: hash('sha256', bytes), size: bytes.length }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  change(manifest);
  copy.set(manifestPath, canonicalBytes(manifest));
  copy.set(manifestSealPath, await signDetached(canonicalBytes(manifest), signer));
  return copy;
}

export interface Salted<T> {
  id: string;
  salt: string;
  value: T;
}

/** The parts of an exhibit that an outsider looks at. */
export interface ExhibitFile {
  cluster: string;
  run: number;
  kind: string;
  record: { leaf: number; hash: string };
  runPayload: Salted<{ identity: { actor: string }; listings: Record<string, string> }>;
  listingPayload: Salted<{ listing: { gaps: unknown[] }; objects: string }>;
  tree: Salted<unknown[]>;
  namespaces: (Salted<unknown[]> & { namespace: string })[];
  objects: Salted<{ spec: { containers: { image: string }[] } }>[];
}

type Path = readonly (string | number)[];

/** Changes one place of a JSON file, or removes it (undefined), and keeps the file canonical; `sealed` names a payload whose id is made anew. */
export function edit(files: Files, name: string, path: Path, to: unknown, sealed?: Path): void {
  const value: unknown = JSON.parse(Buffer.from(files.get(name) ?? []).toString());
  Reflect.set(at(value, path.slice(0, -1)), path.at(-1) ?? '', to);
  if (sealed !== undefined) {
    const payload = at(value, sealed) as Salted<unknown>;
    payload.id = createHmac('sha256', Buffer.from(payload.salt, 'hex')).update(canonicalize(payload.value)).digest('hex');
  }
  files.set(name, canonicalBytes(value));
}

function at(value: unknown, path: Path): object {
  const found = path.reduce((current, key) => Reflect.get(current as object, key) as unknown, value);
  if (typeof found !== 'object' || found === null) throw new Error(`nothing at ${path.join('.')}`);
  return found;
}
