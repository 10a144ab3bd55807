/**
 * The two keys of an installation: files that are made where they are first needed, and announced, or external commands that sign. From then
 * on a missing or exchanged key is an error, because a silently new key would make every older checkpoint unverifiable.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { KubevidenceError, reasonOf, visible } from '../../model/index.ts';
import type { DocumentSigner } from '../../signing/index.ts';
import {
  certificateFromPem,
  certificateInfo,
  createCommandDocumentSigner,
  createCommandLogSigner,
  createDocumentSigner,
  createLogSigner,
  generateDocumentKey,
  generateLogKey,
  readKeyFile,
  writeKeyFile,
} from '../../signing/index.ts';
import type { NoteSigner } from '../../log/index.ts';
import type { AppContext } from '../context.ts';
import type { Config, KeyPaths, KeySource, LogKeyPaths } from '../config.ts';

/** Years that a self-signed document certificate lasts: the six of HIPAA 164.316(b)(2)(i) and a margin. */
const certificateYears = 10;

/** Files of the keys that are files. */
function keyFiles({ log, document, certificate }: KeyPaths): string[] {
  const held = typeof document === 'string' ? [document, certificate] : [certificate];
  return typeof log === 'string' ? [log, ...held] : held;
}

/** True when any key file is there; then none is made. */
export function haveKeys(keys: KeyPaths): boolean {
  return keyFiles(keys).some((path) => existsSync(path));
}

/** False only for a file that is not there. */
export function haveLogKey({ log }: LogKeyPaths): boolean {
  return typeof log !== 'string' || existsSync(log);
}

/** Draws the keys that are files where there is none yet. Returns the document key's fingerprint when it made it, else null. */
export async function ensureKeys(
  context: Pick<AppContext, 'clock'>,
  config: Pick<Config, 'keys' | 'organization'>,
): Promise<string | null> {
  const { keys } = config;
  if (haveKeys(keys)) return null;
  const fingerprint = typeof keys.document === 'string' ? await drawDocumentKey(context, config, keys.document, keys.certificate) : null;
  if (typeof keys.log === 'string') await drawLogKey(keys, keys.log);
  return fingerprint;
}

export async function drawLogKey({ passphraseFile }: Pick<KeyPaths, 'passphraseFile'>, path: string): Promise<void> {
  const { privateKey } = await generateLogKey(readPassphrase(passphraseFile));
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  await writeKeyFile(path, privateKey);
}

/** Returns the fingerprint. */
export async function drawDocumentKey(
  { clock }: Pick<AppContext, 'clock'>,
  { keys, organization }: Pick<Config, 'keys' | 'organization'>,
  path: string,
  certificatePath: string,
): Promise<string> {
  const passphrase = readPassphrase(keys.passphraseFile);
  const { privateKey, certificate, fingerprint } = await generateDocumentKey({
    organization,
    commonName: 'Kubevidence audit packs',
    notBefore: clock(),
    years: certificateYears,
    ...(passphrase !== undefined && { passphrase }),
  });
  for (const each of [path, certificatePath]) mkdirSync(dirname(each), { recursive: true, mode: 0o700 });
  await writeKeyFile(path, privateKey);
  writeFileSync(certificatePath, certificate, { mode: 0o644 });
  return fingerprint;
}

export function readPassphrase(file: string | null): string | undefined {
  if (file === null) return undefined;
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    throw new KubevidenceError('configuration', `cannot read the passphrase file ${visible(file)}: ${reasonOf(cause)}`, { cause });
  }
}

/** The signer of the log. In checkpoints it signs under the log's origin, which is the name of the first key. */
export async function loadLogSigner(keys: LogKeyPaths): Promise<NoteSigner> {
  return signerOf(keys.log, keys.logPublicKey, keys.passphraseFile);
}

/** `publicKey` is that of a command: where it comes from as PEM, or its 32 bytes. */
export async function signerOf(
  source: KeySource,
  publicKey: KeySource | Uint8Array | null,
  passphraseFile: string | null,
): Promise<NoteSigner> {
  const signer =
    typeof source === 'string'
      ? createLogSigner(await readKeyFile(source, readPassphrase(passphraseFile)))
      : createCommandLogSigner(source, publicKey ?? '');
  // The origin must be unique to the log, and stable: derived from its first key (c2sp.org/tlog-checkpoint).
  return { name: `kubevidence/${signer.fingerprint.slice(0, 16)}`, publicKey: signer.rawPublicKey, sign: (data) => signer.sign(data) };
}

export async function loadDocumentSigner({ document, certificate, passphraseFile }: KeyPaths): Promise<DocumentSigner> {
  const der = readCertificateFile(certificate);
  return typeof document === 'string'
    ? createDocumentSigner(await readKeyFile(document, readPassphrase(passphraseFile)), der)
    : createCommandDocumentSigner(document, der);
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

/** What `keys show` prints. `history`: what the ledger says of its keys; null without a ledger. */
export async function readKeys(context: Pick<AppContext, 'clock'>, { keys, ledgerPath }: Pick<Config, 'keys' | 'ledgerPath'>) {
  const certificate = certificateInfo((await loadDocumentSigner(keys)).certificate);
  const log = await loadLogSigner(keys);
  const { keyIdIn, verifierKeyFor } = await import('../../log/index.ts');
  const known = existsSync(ledgerPath) ? await readHistory(context, ledgerPath) : null;
  const origin = known?.origin ?? log.name;
  const verifierKey = verifierKeyFor(origin, log.publicKey);
  return { document: certificate, log: { origin, verifierKey, id: keyIdIn(verifierKey) }, history: known?.history ?? null };
}

/** Loads the ledger now: a collection, which only needs the keys, leaves it to its worker. */
async function readHistory({ clock }: Pick<AppContext, 'clock'>, path: string) {
  const [{ openLedger }, { keyIdIn }] = await Promise.all([import('../../ledger/index.ts'), import('../../log/index.ts')]);
  const ledger = openLedger({ path, mode: 'read', clock });
  try {
    const { periods, revocations, bindings } = ledger.keyHistory();
    const revokedFrom = (key: string) => revocations.find((each) => each.key === key)?.from ?? null;
    const history = {
      log: periods.map(({ text, from }) => ({
        verifierKey: text,
        id: keyIdIn(text),
        fromRecord: from - 1,
        revokedFrom: revokedFrom(text),
      })),
      document: bindings
        .filter(({ fingerprint }, index) => bindings.findIndex((each) => each.fingerprint === fingerprint) === index)
        .map(({ leaf, fingerprint }) => ({ fingerprint, fromRecord: leaf, revokedFrom: revokedFrom(fingerprint) })),
    };
    return { origin: periods[0]?.key.name ?? '', history };
  } finally {
    ledger.close();
  }
}
