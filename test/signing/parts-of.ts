import { readZip } from '../../src/signing/zip.ts';

/** Every part of an office document, inflated. */
export async function partsOf(bytes: Uint8Array): Promise<Map<string, Uint8Array>> {
  const parts = new Map<string, Uint8Array>();
  for (const [name, part] of (await readZip(bytes, () => false)).parts) parts.set(name, await part.read());
  return parts;
}
