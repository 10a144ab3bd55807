/**
 * Writes the zip of a pack: the same files give the same bytes (sorted names, one fixed DOS time, one mode). Files that are compressed
 * already (PDF, xlsx) are stored.
 */
import { ZipFile } from 'yazl';

const dosEpoch = new Date(1980, 0, 1, 0, 0, 0);

export async function writeZip(files: ReadonlyMap<string, Uint8Array>): Promise<Uint8Array> {
  const zip = new ZipFile();
  for (const name of [...files.keys()].sort()) {
    zip.addBuffer(Buffer.from(files.get(name) as Uint8Array), name, {
      mtime: dosEpoch,
      forceDosTimestamp: true,
      mode: 0o100644,
      compress: !/\.(pdf|xlsx|zip)$/.test(name),
    });
  }
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
