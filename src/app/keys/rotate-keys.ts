/**
 * `keys generate|rotate|revoke`. A new key is written beside the old one first, then the log says that it signs from here on, then the files
 * change their names: cut short anywhere, the next `keys rotate` finishes what the log says. Old key files are kept, never deleted.
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { KubevidenceError, visible } from '../../model/index.ts';
import { type Accountable, type Ledger } from '../../ledger/index.ts';
import { keyIdIn, parseVerifierKey } from '../../log/index.ts';
import { certificateInfo } from '../../signing/index.ts';
import type { Config, KeySource } from '../config.ts';
import type { AppContext } from '../context.ts';
import {
  drawDocumentKey,
  drawLogKey,
  ensureKeys,
  haveKeys,
  loadDocumentSigner,
  loadLogSigner,
  readCertificateFile,
  signerOf,
} from './keys.ts';
import { openLedgerForReading, openLedgerForWriting } from '../open-ledger.ts';

export type KeyName = 'log' | 'document';

export interface Rotation {
  readonly key: KeyName;
  /** Key id (log) or fingerprint (document) of each. */
  readonly before: string;
  readonly now: string;
  /** Where the old private key is; null when it is no file of ours. */
  readonly kept: string | null;
  /** An earlier rotation was in the log already, and its files have their names now. */
  readonly finished: boolean;
}

/** Draws the keys. Throws `usage` where there are some. */
export async function generateKeys(context: AppContext, config: Config): Promise<string | null> {
  if (haveKeys(config.keys)) {
    throw new KubevidenceError('usage', 'there are signing keys already; they were left as they are', {
      next: 'See them: kubevidence keys show. Replace one: kubevidence keys rotate',
    });
  }
  return ensureKeys(context, config);
}

/** From here on another key signs; the ledger says so, and by whom. */
export async function rotateKey(context: AppContext, config: Config, key: KeyName, who: Accountable): Promise<Rotation> {
  return key === 'log' ? rotateLogKey(context, config, who) : rotateDocumentKey(context, config, who);
}

async function rotateLogKey(context: AppContext, config: Config, who: Accountable): Promise<Rotation> {
  const { keys } = config;
  if (keys.oldLog !== null) return changeLogKey(context, config, keys.oldLog, who);
  const { log: path, passphraseFile } = keys;
  if (typeof path !== 'string') {
    throw new KubevidenceError('usage', 'the log key is behind a command, and cannot be drawn here', {
      next: 'Put the new command into `signing.logKey` and `logPublicKey`, the old one into `signing.oldLogKey`, and rotate again.',
    });
  }
  const next = `${path}.new`;
  const finished = await finishRotation(context, config, path, next);
  if (finished !== null) return finished;
  const ledger = await openLedgerForWriting(context, config);
  let [before, now] = ['', ''];
  try {
    rmSync(next, { force: true }); // of a rotation that the log does not know
    await drawLogKey(keys, next);
    before = keyIdIn(ledger.verifierKey());
    ledger.rotateLogKey(await signerOf(next, null, passphraseFile), who);
    now = keyIdIn(ledger.verifierKey());
  } finally {
    ledger.close();
  }
  return { key: 'log', before, now, kept: replaceFile(path, next, before), finished: false };
}

/** The log is at the new key already, and the files are not: what a crash between the two leaves. */
async function finishRotation(context: AppContext, config: Config, path: string, next: string): Promise<Rotation | null> {
  if (!existsSync(next)) return null;
  const { passphraseFile } = config.keys;
  const signer = await signerOf(next, null, passphraseFile);
  let ledger: Ledger;
  try {
    ledger = await openLedgerForWriting(context, config, { signer });
  } catch (error) {
    if (error instanceof KubevidenceError && error.code === 'configuration') return null;
    throw error;
  }
  const [before = '', now = ''] = ledger
    .keyHistory()
    .periods.slice(-2)
    .map(({ text }) => keyIdIn(text));
  ledger.close();
  return { key: 'log', before, now, kept: replaceFile(path, next, before), finished: true };
}

/** The public key of an old command is the one that the ledger knows. */
function currentKey({ clock }: AppContext, { ledgerPath }: Config): Uint8Array {
  const ledger = openLedgerForReading({ clock }, { ledgerPath });
  try {
    return parseVerifierKey(ledger.verifierKey()).publicKey;
  } finally {
    ledger.close();
  }
}

/** From the file or command `old` to the configured one, which exists. */
async function changeLogKey(context: AppContext, config: Config, old: KeySource, who: Accountable): Promise<Rotation> {
  const next = await loadLogSigner(config.keys);
  const signer = await signerOf(old, currentKey(context, config), config.keys.passphraseFile);
  const ledger = await openLedgerForWriting(context, config, { signer });
  try {
    const before = keyIdIn(ledger.verifierKey());
    ledger.rotateLogKey(next, who);
    return { key: 'log', before, now: keyIdIn(ledger.verifierKey()), kept: typeof old === 'string' ? old : null, finished: false };
  } finally {
    ledger.close();
  }
}

async function rotateDocumentKey(context: AppContext, config: Config, who: Accountable): Promise<Rotation> {
  const { document: path, certificate } = config.keys;
  if (typeof path !== 'string') return bindCertificate(context, config, who);
  const [next, nextCertificate] = [`${path}.new`, `${certificate}.new`];
  const ledger = await openLedgerForWriting(context, config);
  try {
    const bound = ledger.documentKey();
    const rename = (before: string, now: string, finished: boolean): Rotation => {
      const kept = replaceFile(path, next, before.slice(0, 8));
      replaceFile(certificate, nextCertificate, before.slice(0, 8)); // last: its new file says that there is something to finish
      return { key: 'document', before, now, kept, finished };
    };
    const drawn = existsSync(nextCertificate) ? certificateInfo(readCertificateFile(nextCertificate)).fingerprint : null;
    if (drawn !== null && drawn === bound) {
      const known = ledger.keyHistory().bindings.filter(({ fingerprint }) => fingerprint !== bound);
      return rename(known.at(-1)?.fingerprint ?? '', drawn, true);
    }
    const before = (await loadDocumentSigner(config.keys)).fingerprint;
    rmSync(next, { force: true }); // of a rotation that the log does not know
    rmSync(nextCertificate, { force: true });
    const now = await drawDocumentKey(context, config, next, nextCertificate);
    ledger.bindDocumentKey(now, who);
    return rename(before, now, false);
  } finally {
    ledger.close();
  }
}

/** The document key is behind a command: what changes here is the certificate that the configuration names. */
async function bindCertificate(context: AppContext, config: Config, who: Accountable): Promise<Rotation> {
  const { fingerprint } = await loadDocumentSigner(config.keys);
  const ledger = await openLedgerForWriting(context, config);
  try {
    const before = ledger.documentKey() ?? '';
    ledger.bindDocumentKey(fingerprint, who);
    return { key: 'document', before, now: fingerprint, kept: null, finished: false };
  } finally {
    ledger.close();
  }
}

/** `next` becomes `path`, and what was there keeps a name of its own, which is returned. */
function replaceFile(path: string, next: string, id: string): string {
  const kept = `${path}.old-${id}`;
  // Done in part already, when a rotation was cut short between the two.
  if (existsSync(path) && !existsSync(kept)) renameSync(path, kept);
  if (existsSync(next)) renameSync(next, path);
  return kept;
}

export interface Revoked {
  readonly key: KeyName;
  readonly id: string;
  readonly from: string;
  /** Set when the key was in force: the one that took its place. */
  readonly rotation: Rotation | null;
}

/** `id`: eight hex digits (log key), or a fingerprint (document key), as `keys show` prints them. A key in force is replaced first. */
export async function revokeKey(
  context: AppContext,
  config: Config,
  { id, from, ...who }: Accountable & { readonly id: string; readonly from?: string | undefined },
): Promise<Revoked> {
  const wanted = id.replaceAll(/[:\s]/g, '').toLowerCase();
  const key: KeyName | null = /^[0-9a-f]{8}$/.test(wanted) ? 'log' : /^[0-9a-f]{64}$/.test(wanted) ? 'document' : null;
  if (key === null) {
    throw new KubevidenceError('usage', `${visible(id)} is neither the id of a log key nor the fingerprint of a document key`, {
      next: 'See them: kubevidence keys show',
    });
  }
  const at = from ?? context.clock().toISOString();
  const inForce = await keyInForce(context, config, key);
  const rotation = inForce === wanted ? await rotateKey(context, config, key, who) : null;
  const ledger = await openLedgerForWriting(context, config);
  try {
    const known = ledger.keyHistory().periods.find(({ text }) => keyIdIn(text) === wanted)?.text;
    ledger.revokeKey({ what: key, key: key === 'log' ? (known ?? wanted) : wanted, from: at, ...who });
  } finally {
    ledger.close();
  }
  return { key, id: wanted, from: at, rotation };
}

async function keyInForce(context: AppContext, config: Config, key: KeyName): Promise<string | null> {
  const ledger = await openLedgerForWriting(context, config);
  try {
    return key === 'log' ? keyIdIn(ledger.verifierKey()) : ledger.documentKey();
  } finally {
    ledger.close();
  }
}
