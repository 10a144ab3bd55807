/**
 * The two keys of an installation on disk. They are made where they are first needed, and announced; from then on a missing or exchanged
 * key is an error, because a silently new key would make every older checkpoint unverifiable.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { KubevidenceError, reasonOf, visible } from '../model/index.ts';
import type { DocumentSigner } from '../signing/index.ts';
import {
  certificateFromPem,
  certificateInfo,
  createDocumentSigner,
  createLogSigner,
  generateDocumentKey,
  generateLogKey,
  readKeyFile,
  writeKeyFile,
} from '../signing/index.ts';
import { openLedger } from '../ledger/index.ts';
import { formatVerifierKey, type NoteSigner } from '../log/index.ts';
import type { AppContext } from './context.ts';
import type { Config } from './config.ts';

export type KeyPaths = Config['keys'];

/** Years that a self-signed document certificate lasts: the six of HIPAA 164.316(b)(2)(i) and a margin. */
const certificateYears = 10;

/** True when any key file is there; then none is made. */
export function haveKeys(keys: KeyPaths): boolean {
  return [keys.log, keys.document, keys.certificate].some((path) => existsSync(path));
}

/** Draws both keys where there is none yet. Returns the document key's fingerprint when it made them, else null. */
export async function ensureKeys(
  context: Pick<AppContext, 'clock'>,
  config: Pick<Config, 'keys' | 'organization'>,
): Promise<string | null> {
  const { keys, organization } = config;
  if (haveKeys(keys)) return null;
  const passphrase = readPassphrase(keys.passphraseFile);
  const logKey = await generateLogKey(passphrase);
  const documentKey = await generateDocumentKey({
    organization,
    commonName: 'Kubevidence audit packs',
    notBefore: context.clock(),
    years: certificateYears,
    ...(passphrase !== undefined && { passphrase }),
  });
  for (const path of [keys.log, keys.document, keys.certificate]) mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  await writeKeyFile(keys.log, logKey.privateKey);
  await writeKeyFile(keys.document, documentKey.privateKey);
  writeFileSync(keys.certificate, documentKey.certificate, { mode: 0o644 });
  return documentKey.fingerprint;
}

export function readPassphrase(file: string | null): string | undefined {
  if (file === null) return undefined;
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    throw new KubevidenceError('configuration', `cannot read the passphrase file ${visible(file)}: ${reasonOf(cause)}`, { cause });
  }
}

/** The signer of the log; its name in checkpoints is the log's origin. */
export async function loadLogSigner(path: string, passphraseFile: string | null): Promise<NoteSigner> {
  const signer = createLogSigner(await readKeyFile(path, readPassphrase(passphraseFile)));
  // The origin must be unique to the log, and stable: derived from its key (c2sp.org/tlog-checkpoint).
  return { name: `kubevidence/${signer.fingerprint.slice(0, 16)}`, publicKey: signer.rawPublicKey, sign: (data) => signer.sign(data) };
}

export async function loadDocumentSigner(keys: KeyPaths): Promise<DocumentSigner> {
  return createDocumentSigner(await readKeyFile(keys.document, readPassphrase(keys.passphraseFile)), readCertificateFile(keys.certificate));
}

export function readCertificateFile(path: string): Uint8Array {
  let pem: string;
  try {
    pem = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new KubevidenceError('configuration', `cannot read the certificate ${visible(path)}: ${reasonOf(cause)}`, {
      cause,
      next: 'Restore the key files from your backup; a new key cannot continue an old ledger.',
    });
  }
  return certificateFromPem(pem);
}

/** What `keys show` prints. */
export async function readKeys({ keys }: Pick<Config, 'keys'>) {
  const certificate = certificateInfo((await loadDocumentSigner(keys)).certificate);
  const log = await loadLogSigner(keys.log, keys.passphraseFile);
  return { document: certificate, log: { origin: log.name, verifierKey: formatVerifierKey(log) } };
}

/** The signed head of the log, signed now. */
export async function signCheckpoint(context: Pick<AppContext, 'clock'>, config: Config): Promise<string> {
  const signer = await loadLogSigner(config.keys.log, config.keys.passphraseFile);
  const ledger = openLedger({ path: config.ledgerPath, mode: 'write', clock: context.clock, signer });
  try {
    return ledger.checkpoint().note;
  } finally {
    ledger.close();
  }
}
