/** `access matrix`: effective access as CSV, for whoever reviews it in a spreadsheet. No cell can become a formula there. */
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { accessRows, createAccessIndex, readAuthorizers } from '../../access/index.ts';
import type { Gap } from '../../model/index.ts';
import { KubevidenceError, reasonOf, visible } from '../../model/index.ts';
import type { AppContext } from '../context.ts';
import type { EvidenceOptions } from './evidence.ts';
import { sourceOf, withEvidence } from './evidence.ts';

export interface MatrixReport extends ReturnType<typeof sourceOf> {
  readonly out: string;
  readonly rows: number;
  readonly subjects: number;
  readonly complete: boolean;
  readonly gaps: readonly Gap[];
  readonly notes: readonly string[];
}

const header = ['subject', 'scope', 'verb', 'apiGroup', 'resource', 'resourceName', 'nonResourceURL', 'through'];

/** Replaces the file when it is whole. What was not read stands in it as rows of their own: the file must not look complete. */
export function accessMatrix(context: AppContext, options: EvidenceOptions, out: string): Promise<MatrixReport> {
  const path = resolve(context.cwd, out);
  return withEvidence(context, options, (reader) => {
    const index = createAccessIndex(reader);
    const gaps = [...index.gaps, ...index.roleGaps];
    const { note } = readAuthorizers(reader);
    let rows = 0;
    writeWhole(path, function* () {
      yield header;
      for (const gap of gaps) yield ['(not read)', '', '', '', '', '', '', `${gap.what}: ${gap.reason}`];
      for (const { subject, namespace, verb, apiGroup, resource, resourceName, path: url, through } of accessRows(index)) {
        rows += 1;
        yield [subject, namespace === '' ? 'cluster-wide' : namespace, verb, apiGroup, resource, resourceName, url, through.join(' ; ')];
      }
    });
    return {
      ...sourceOf(reader),
      out,
      rows,
      subjects: index.subjects.length,
      complete: gaps.length === 0,
      gaps,
      notes: note === null ? [] : [note],
    };
  });
}

const bufferedLines = 2000;

function writeWhole(path: string, rows: () => Iterable<readonly string[]>): void {
  const partial = `${path}.${process.pid}.part`;
  let file: number | null = null;
  try {
    file = openSync(partial, 'wx', 0o600);
    let lines: string[] = [];
    for (const row of rows()) {
      lines.push(row.map(csvCell).join(','));
      if (lines.length < bufferedLines) continue;
      writeSync(file, `${lines.join('\r\n')}\r\n`);
      lines = [];
    }
    writeSync(file, `${lines.join('\r\n')}${lines.length > 0 ? '\r\n' : ''}`);
    closeSync(file);
    file = null;
    renameSync(partial, path);
  } catch (error) {
    if (file !== null) closeSync(file);
    rmSync(partial, { force: true });
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    throw new KubevidenceError('usage', `${visible(path)} cannot be written: ${visible(reasonOf(error))}`, { next: 'Name another file.' });
  }
}

/**
 * A cell of RFC 4180. Spreadsheets run what begins with one of these (also their full-width forms) as a formula, also behind spaces: an
 * apostrophe makes it text.
 */
export function csvCell(text: string): string {
  const shown = visible(text);
  const safe = /^\s*[=+\-@＝＋－＠|%]/.test(shown) ? `'${shown}` : shown;
  return /[",;\r\n']/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe;
}
