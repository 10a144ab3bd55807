/** Where a pack is written: never over another, whole or not at all, and verified as an outsider would before it counts as issued. */
import { createWriteStream, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { KubevidenceError, visible } from '../../model/index.ts';
import { type PackSink, streamZip, verifyPack } from '../../packs/index.ts';
import { giveBackGrown } from './small-heap.ts';

export type PackForm = 'both' | 'zip' | 'directory';

export function refuseOverwrite(out: string, form: PackForm): void {
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
export async function checkWritten(path: string, fingerprint: string, timestampCa: string | undefined): Promise<void> {
  const { ok, problems } = await verifyPack(path, { trust: fingerprint, timestampCa, onRead: () => giveBackGrown() });
  if (ok) return;
  throw new KubevidenceError('integrity', `the pack that was written does not verify: ${problems[0] ?? 'no reason given'}`, {
    means: 'It was left where it is, and was not logged as issued.',
    next: `See all: kubevidence verify ${visible(path)}`,
  });
}

/** Where a pack is written: {@link finish} gives it its name, so that it appears whole or not at all. */
export interface PackOutput extends PackSink {
  /** Leaves nothing. */
  abandon(): void;
  finish(): Promise<{ readonly directory: string | null; readonly zip: string | null }>;
}

/** Each file goes where it belongs as it is made; the zip is made of the files. */
export function openPackOutput(out: string, form: PackForm): PackOutput {
  const partial = `${out}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial);
  const names = new Set<string>();
  const partialZip = `${out}.zip.partial`;
  return {
    abandon() {
      rmSync(partial, { recursive: true, force: true });
      rmSync(partialZip, { force: true });
    },
    write(name, bytes) {
      mkdirSync(dirname(join(partial, name)), { recursive: true });
      writeFileSync(join(partial, name), bytes);
      names.add(name);
      giveBackGrown();
    },
    async finish() {
      if (form !== 'directory') {
        const zip = streamZip([...names], (name) => readFileSync(join(partial, name)));
        await pipeline(zip, createWriteStream(partialZip));
        renameSync(partialZip, `${out}.zip`);
      }
      if (form === 'zip') rmSync(partial, { recursive: true });
      else renameSync(partial, out);
      return { directory: form === 'zip' ? null : out, zip: form === 'directory' ? null : `${out}.zip` };
    },
  };
}
