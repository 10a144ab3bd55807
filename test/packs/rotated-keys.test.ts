/** Packs of a log whose keys were replaced: they hold, say so, and do not hold with a key that was not in force. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { signCheckpoint } from '../../src/log/index.ts';
import { createPack, type PackInputs, type PackVerification, verifyPack } from '../../src/packs/index.ts';
import type { DocumentSigner } from '../../src/signing/index.ts';
import { clockFrom, signerOf } from '../ledger/given.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { newSigner } from '../signing/fixtures.ts';
import { type Given, givenPack, unpack } from './given.ts';

const who = { reason: 'the yearly rotation', by: 'Ann Example' };
const [first, second] = [signerOf(), signerOf('anything', 2)];
let given: Given;
let other: DocumentSigner;
beforeAll(async () => {
  given = await givenPack();
  ({ signer: other } = await newSigner());
  given.ledger.rotateLogKey(second, who);
});
afterAll(() => given.close());

/** The same evidence at the last checkpoint. */
function inputs(change: Partial<PackInputs> = {}): PackInputs {
  const { ledger } = given;
  const { size, note } = ledger.checkpoint();
  const records = [...ledger.records(0, size)].map(({ bytes }) => bytes);
  const { at } = JSON.parse(Buffer.from(records.at(-1) ?? []).toString()) as { at: string };
  const exhibits = given.inputs.exhibits.map((exhibit) => ({ ...exhibit, proof: ledger.inclusionProof(exhibit.leaf, size) }));
  return { ...given.inputs, records, checkpoint: note, verifierKey: ledger.verifierKey(), exhibits, time: new Date(at), ...change };
}

async function verified(pack: PackInputs): Promise<PackVerification> {
  const path = join(given.folder, 'pack');
  rmSync(path, { recursive: true, force: true });
  return verifyPack(unpack(await createPack(pack), path));
}

it('holds after the log key was replaced, and follows the keys', async () => {
  const { ok, problems, proved } = await verified(inputs());
  expect([ok, problems]).toEqual([true, []]);
  expect(proved.join('\n')).toContain('the log key was replaced once, and each key is vouched for by the one before');
});

it('of an older checkpoint holds with the key of then', async () => {
  const { ok, proved } = await verified(given.inputs);
  expect(ok).toBe(true);
  expect(proved.join('\n')).not.toContain('replaced');
});

it('does not hold with a checkpoint that the replaced key signed', async () => {
  const { size } = given.ledger.checkpoint();
  const { note } = signCheckpoint({ origin: first.name, size, root: given.ledger.rootAt(size) }, first);
  const { problems } = await verified(inputs({ checkpoint: note, verifierKey: given.ledger.verifierKey(2) }));
  expect(problems.join('\n')).toContain('the log is signed by another key or name than the checkpoint has');
});

it('does not hold with a document key that the log does not know, or has replaced', async () => {
  expect((await verified(inputs({ signer: other }))).problems.join('\n')).toContain(
    'no record of the log binds its key to the signing key',
  );
  given.ledger.bindDocumentKey(other.fingerprint, who);
  expect(await verified(inputs({ signer: other }))).toMatchObject({ ok: true });
  expect((await verified(inputs())).problems.join('\n')).toMatch(/the signing key [0-9a-f]{64} was replaced by another one before/);
});

it('tells what happened to the log', async () => {
  const { ledger } = given;
  ledger.revokeKey({ what: 'document', key: given.signer.fingerprint, from: '2026-08-14T12:00:00.000Z', ...who });
  const later = ledger.checkpoint().note.replace(/^(.*\n)\d+/, '$1999');
  const published = { place: 'memory', read: () => later, write: () => {} };
  ledger.close();
  const path = join(given.folder, 'ledger.db');
  const restored = openLedger({ path, mode: 'write', clock: clockFrom(), signer: second, published, restored: who });
  given = { ...given, ledger: restored, close: () => (restored.close(), rmSync(given.folder, { recursive: true })) };
  const { ok, notProved } = await verified(inputs({ signer: other }));
  expect(ok).toBe(true);
  expect(notProved.join('\n')).toMatch(/the document key [0-9a-f]{64} was revoked at/);
  expect(notProved.join('\n')).toMatch(/the log was restored at .*: its last published checkpoint covered 999 records/);
});
