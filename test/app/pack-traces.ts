/** Finds words in every byte of a pack that somebody could read: files, parts of the workbook, streams and text of the PDF. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import type { PackReport } from '../../src/app/index.ts';
import { partsOf } from '../signing/parts-of.ts';

export function filesOf(path: string | null): Map<string, Buffer> {
  const root = path ?? '';
  const entries = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    entries.map(({ parentPath, name }) => [join(parentPath, name).slice(root.length + 1), readFileSync(join(parentPath, name))]),
  );
}

/** Everything in a pack that somebody could read, compressed or not. */
export async function readable({ directory: path, zip }: PackReport): Promise<ReadonlyMap<string, Buffer>> {
  const all = new Map<string, Buffer>([['pack.zip', readFileSync(zip ?? '')]]);
  for (const [name, bytes] of filesOf(path)) {
    all.set(name, bytes);
    if (name.endsWith('.xlsx')) for (const [part, content] of await partsOf(bytes)) all.set(`${name} ${part}`, Buffer.from(content));
    if (!name.endsWith('.pdf')) continue;
    const text = spawnSync('pdftotext', ['-raw', join(path ?? '', name), '-'], { maxBuffer: 1e8 });
    if (text.error === undefined) all.set(`${name} text`, Buffer.from(text.stdout.toString('utf8').replaceAll(/\s/g, '')));
    const raw = bytes.toString('latin1');
    for (const [n, { index }] of [...raw.matchAll(/stream\r?\n/g)].entries()) {
      try {
        const from = index + 'stream\n'.length;
        all.set(`${name} stream ${n}`, inflateSync(bytes.subarray(from, raw.indexOf('endstream', from)), { finishFlush: 2 }));
      } catch {
        // A stream that is not compressed is read with the file.
      }
    }
  }
  return all;
}

/** As it is, in UTF-16 as PDF and Office have it, in hex, and in each of the three alignments of Base64. */
function traces(word: string): readonly string[] {
  const wide = Buffer.from(word, 'utf16le');
  const inBase64 = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), Buffer.from(word)]).toString('base64');
    return text.slice(shift === 0 ? 0 : 4, -4).toLowerCase();
  });
  return [word, wide.toString('latin1'), Buffer.from(wide).swap16().toString('latin1'), Buffer.from(word).toString('hex'), ...inBase64].map(
    (each) => each.toLowerCase(),
  );
}

export const wordsOf = (list: Readonly<Record<string, string>>) =>
  Object.values(list).map((name) => /zq[a-z]+/.exec(name.toLowerCase())?.[0] ?? '');

export async function placesOf(pack: PackReport, words: readonly string[]): Promise<Map<string, string[]>> {
  const contents = [...(await readable(pack))].map(([name, bytes]) => [name, bytes.toString('latin1').toLowerCase()] as const);
  return new Map(
    words.map((word) => [word, contents.filter(([, text]) => traces(word).some((trace) => text.includes(trace))).map(([name]) => name)]),
  );
}
