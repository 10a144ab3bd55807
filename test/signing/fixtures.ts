/** Shared by the signing tests: one document key per test file, and the tools that check signatures independently. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { createPrivateKey } from 'node:crypto';
import { delimiter, join } from 'node:path';
import * as fc from 'fast-check';
import {
  certificateFromPem,
  createDocumentSigner,
  type DocumentKey,
  type DocumentSigner,
  generateDocumentKey,
} from '../../src/signing/index.ts';

export const validFrom = new Date('2026-01-01T00:00:00Z');
export const signedAt = new Date('2026-10-02T08:00:00Z');

export async function newSigner(): Promise<{ key: DocumentKey; signer: DocumentSigner }> {
  const key = await generateDocumentKey({ organization: 'Acme, Inc.', commonName: 'Audit evidence', notBefore: validFrom, years: 5 });
  return { key, signer: createDocumentSigner(createPrivateKey(key.privateKey), certificateFromPem(key.certificate)) };
}

export function hasCommand(name: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export function run(command: string, args: readonly string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return { status, output: `${stdout}${stderr}` };
}

/** A copy with one bit of one byte flipped. */
export function flip(bytes: Uint8Array, position: number, bit: number): Uint8Array {
  const copy = new Uint8Array(bytes);
  copy[position] = (copy[position] ?? 0) ^ (1 << bit);
  return copy;
}

/** Any one changed bit of something with this many bytes. */
export function anyFlip(length: number): fc.Arbitrary<{ position: number; bit: number }> {
  return fc.record({ position: fc.nat(length - 1), bit: fc.nat(7) });
}
