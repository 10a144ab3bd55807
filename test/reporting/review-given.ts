/** A small review's workbook with hostile names, its parts, and what other programs make of them. */
import { buffer } from 'node:stream/consumers';
import exceljs from 'exceljs';
import { fromBufferPromise } from 'yauzl';
import { ZipFile } from 'yazl';
import { renderReview, reviewSchema, type ReviewSheetRow } from '../../src/reporting/index.ts';

export const observed = '2026-09-28T04:00:01.000Z';
export const days = { first: observed, last: '2026-10-10T12:00:00.000Z' } as const;

const names = [
  'alice',
  '=HYPERLINK("x")',
  'a_x0041_b',
  `\u202eelba\u0000\n`,
  ' padded ',
  'Zoë\u0301\u0301\u0301\u0301',
  '<&"\'>]]>',
  '000123',
];

export const rows: readonly ReviewSheetRow[] = names.map((name, index) => ({
  id: index.toString(16).padStart(64, 'e'),
  owner: index < 4 ? '(cluster-wide)' : 'team-web',
  risk: (['high', 'medium', 'low'] as const)[index % 3] ?? 'low',
  because: 'cluster-wide',
  subject: name,
  kind: 'user',
  right: `reads ${name}`,
  where: index < 4 ? 'cluster-wide' : 'shop',
  via: `ClusterRoleBinding/${name} → ClusterRole/view`,
  firstSeen: { at: '2026-06-29T04:00:01.250Z', exact: index % 2 === 0 },
  lastChange: index === 1 ? '2026-08-14T15:52:00.000Z' : null,
  lastDecision: 'none',
  filled: null,
}));

export function makeWorkbook(given: readonly ReviewSheetRow[] = rows): Promise<Uint8Array> {
  const origin = {
    schema: reviewSchema,
    cluster: 'prod',
    clusterUid: 'u-1',
    run: '15',
    observed,
    exported: observed,
    checkpointSize: '31',
    checkpointRoot: 'cm9vdA==',
    rows: String(given.length),
    population: 'ab'.repeat(32),
    builtinIncluded: 'no',
    ownerKeys: '["owner"]',
    preparer: '=cmd|x',
    tool: 'kubevidence/0.1.0',
  };
  return renderReview({
    organization: '&Clinic',
    cluster: { name: 'prod', version: '1.36.3' },
    origin,
    rows: given,
    builtin: 56,
    gaps: [],
  });
}

export const columnOf = {
  subject: 'C',
  right: 'E',
  firstSeen: 'I',
  decision: 'L',
  reviewer: 'M',
  date: 'N',
  comment: 'O',
  id: 'P',
} as const;

/** Edited by another program: cells by address of the sheet, e.g. `L2`. */
export async function edit(bytes: Uint8Array, change: (sheet: exceljs.Worksheet, book: exceljs.Workbook) => void): Promise<Uint8Array> {
  const book = new exceljs.Workbook();
  await book.xlsx.load(bytes as unknown as exceljs.Buffer);
  change(book.getWorksheet('Access review') ?? book.addWorksheet('Access review'), book);
  return new Uint8Array(await book.xlsx.writeBuffer());
}

/** Every row decided. */
export function decideAll(sheet: exceljs.Worksheet, decision = 'keep'): void {
  for (let row = 2; row <= sheet.rowCount; row++) {
    sheet.getCell(`${columnOf.decision}${row}`).value = decision;
    sheet.getCell(`${columnOf.reviewer}${row}`).value = 'Grace';
    sheet.getCell(`${columnOf.date}${row}`).value = new Date('2026-10-02T00:00:00Z');
  }
}

export async function partsOf(bytes: Uint8Array): Promise<Map<string, Buffer>> {
  const zip = await fromBufferPromise(Buffer.from(bytes), { lazyEntries: true });
  const parts = new Map<string, Buffer>();
  for await (const entry of zip.eachEntry())
    if (!entry.fileName.endsWith('/')) parts.set(entry.fileName, await buffer(await zip.openReadStreamPromise(entry)));
  return parts;
}

export async function zipOf(parts: ReadonlyMap<string, Buffer>): Promise<Uint8Array> {
  const zip = new ZipFile();
  for (const [name, content] of parts) zip.addBuffer(content, name);
  zip.end();
  return new Uint8Array(await buffer(zip.outputStream));
}

/** The workbook with the texts of some parts changed. */
export async function rewrite(bytes: Uint8Array, changes: Readonly<Record<string, (xml: string) => string>>): Promise<Uint8Array> {
  const parts = await partsOf(bytes);
  for (const [name, change] of Object.entries(changes)) {
    const part = parts.get(name);
    if (part === undefined) throw new Error(`no part ${name}`);
    const changed = change(part.toString('utf8'));
    if (changed === part.toString('utf8')) throw new Error(`${name} did not change`);
    parts.set(name, Buffer.from(changed));
  }
  return zipOf(parts);
}
