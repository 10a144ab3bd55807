/**
 * The two keys of an installation: the log key (Ed25519) signs checkpoints, the document key (RSA-3072 with a certificate) signs what
 * people open. Private keys exist as PKCS#8 PEM files that only their owner (and the group that the owner chose) can read; a file that
 * others could have read or written is refused, because a signature by a leaked key proves nothing.
 */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { KubevidenceError, reasonOf, visible } from '../model/index.ts';
import { type CertificateSubject, certificateToPem, fingerprintOf, readCertificate, selfSign } from './certificate.ts';

/** Signs documents. Asynchronous, so that the key can live in a token (PKCS#11) or in a key management service. */
export interface DocumentSigner {
  /** X.509, DER. */
  readonly certificate: Uint8Array;
  /** See {@link fingerprintOf}. */
  readonly fingerprint: string;
  /** RSASSA-PKCS1-v1_5 with SHA-256 over `data` (not over its hash). */
  sign(data: Uint8Array): Promise<Uint8Array>;
}

/** Signs checkpoints and records of the log. */
export interface LogSigner {
  readonly publicKey: KeyObject;
  /** The 32 bytes of RFC 8032 section 5.1.5, as signed notes carry them. */
  readonly rawPublicKey: Uint8Array;
  /** See {@link fingerprintOf}. */
  readonly fingerprint: string;
  /** Ed25519: 64 bytes. */
  sign(data: Uint8Array): Uint8Array;
}

/** A new log key. Both are PEM: PKCS#8 and SubjectPublicKeyInfo. */
export interface LogKey {
  readonly privateKey: string;
  readonly publicKey: string;
  readonly fingerprint: string;
}

/** A new document key. Both are PEM: PKCS#8 and X.509. */
export interface DocumentKey {
  readonly privateKey: string;
  readonly certificate: string;
  readonly fingerprint: string;
}

/** A key file is a few kB; what is larger is none. */
const largestKeyFile = 65_536;

const generate = promisify(generateKeyPair);

/** Draws an Ed25519 key. With a passphrase the PEM is encrypted (PBES2, AES-256-CBC). */
export async function generateLogKey(passphrase?: string): Promise<LogKey> {
  const { privateKey, publicKey } = await generate('ed25519');
  return {
    privateKey: privateKeyToPem(privateKey, passphrase),
    publicKey: String(publicKey.export({ type: 'spki', format: 'pem' })),
    fingerprint: fingerprintOf(publicKey.export({ type: 'spki', format: 'der' })),
  };
}

/** Draws an RSA key of 3072 bits and signs its certificate with it, see {@link selfSign}. A passphrase as in {@link generateLogKey}. */
export async function generateDocumentKey({ passphrase, ...subject }: CertificateSubject & { passphrase?: string }): Promise<DocumentKey> {
  const { privateKey, publicKey } = await generate('rsa', { modulusLength: 3072, publicExponent: 0x1_0001 });
  return {
    privateKey: privateKeyToPem(privateKey, passphrase),
    certificate: certificateToPem(selfSign(privateKey, publicKey, subject)),
    fingerprint: fingerprintOf(publicKey.export({ type: 'spki', format: 'der' })),
  };
}

/** Writes a private key to a new file that only its owner can read and write. An existing file is never replaced (`usage`). */
export async function writeKeyFile(path: string, pem: string): Promise<void> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  } catch (cause) {
    if (!isErrno(cause, 'EEXIST'))
      throw new KubevidenceError('unreachable', `cannot write the key file ${visible(path)}: ${reasonOf(cause)}`, { cause });
    throw new KubevidenceError('usage', `the key file ${visible(path)} exists already`, {
      means: 'Replacing it would make the old key impossible to use again.',
      next: 'Choose another file, or `kubevidence keys rotate`.',
      cause,
    });
  }
  try {
    // The mode given to open() is cut by the umask, which can only take away from 0600.
    await file.writeFile(pem);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Reads a private key. Errors: `unreachable` when the file cannot be opened; `configuration` when others than owner and group can read
 * or write it, when it is not one PKCS#8 PEM key, or when the passphrase is missing or wrong. A symbolic link is followed, as mounted
 * Kubernetes Secrets are links.
 */
export async function readKeyFile(path: string, passphrase?: string): Promise<KeyObject> {
  const name = visible(path);
  const { pem, mode } = await readSmallFile(path);
  if ((mode & 0o007) !== 0) {
    throw new KubevidenceError(
      'configuration',
      `the key file ${name} is open to everybody on this machine (mode ${(mode & 0o777).toString(8)})`,
      {
        means: 'Whoever read it can sign in your name; treat it as known unless you are sure.',
        next: `chmod 600 ${name}, or draw a new key: \`kubevidence keys rotate\`.`,
      },
    );
  }
  const encrypted = /^-----BEGIN ENCRYPTED PRIVATE KEY-----$/m.test(pem);
  if (!encrypted && !/^-----BEGIN PRIVATE KEY-----$/m.test(pem)) {
    throw new KubevidenceError('configuration', `the key file ${name} holds no PKCS#8 private key in PEM`, {
      next: 'Convert it: openssl pkcs8 -topk8 -in KEY -out NEWKEY.',
    });
  }
  if (encrypted && passphrase === undefined) {
    throw new KubevidenceError('configuration', `the key file ${name} is protected by a passphrase, and none was given`, {
      next: 'Name a file that holds it (`passphraseFile`).',
    });
  }
  try {
    return createPrivateKey({ key: pem, format: 'pem', ...(passphrase === undefined ? {} : { passphrase }) });
  } catch (cause) {
    const reason = encrypted ? 'the passphrase is wrong, or the file is damaged' : 'the file is damaged';
    throw new KubevidenceError('configuration', `the private key in ${name} cannot be read: ${reason}`, { cause });
  }
}

/** A signer with a key in memory. Refuses (`configuration`) a key that is not the certificate's, (`input`) an unusable certificate. */
export function createDocumentSigner(privateKey: KeyObject, certificate: Uint8Array): DocumentSigner {
  const { publicKey, info } = readCertificate(certificate);
  if (privateKey.asymmetricKeyType !== 'rsa' || !createPublicKey(privateKey).equals(publicKey)) {
    throw new KubevidenceError('configuration', `the document key does not belong to the certificate of ${info.subject}`, {
      next: 'Name the key and the certificate that were made together.',
    });
  }
  return {
    certificate,
    fingerprint: info.fingerprint,
    sign: async (data) => new Uint8Array(sign('sha256', data, privateKey)),
  };
}

/** A signer with a key in memory. Refuses (`configuration`) a key that is not Ed25519. */
export function createLogSigner(privateKey: KeyObject): LogSigner {
  if (privateKey.asymmetricKeyType !== 'ed25519') {
    throw new KubevidenceError('configuration', `the log key is ${privateKey.asymmetricKeyType ?? 'no asymmetric key'}, not Ed25519`, {
      next: 'Draw one: `kubevidence keys generate`.',
    });
  }
  const publicKey = createPublicKey(privateKey);
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return {
    publicKey,
    // RFC 8410 section 4: a SubjectPublicKeyInfo for Ed25519 ends with the 32 bytes of the key.
    rawPublicKey: new Uint8Array(spki.subarray(-32)),
    fingerprint: fingerprintOf(spki),
    sign: (data) => new Uint8Array(sign(null, data, privateKey)),
  };
}

function privateKeyToPem(key: KeyObject, passphrase: string | undefined): string {
  const protection = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
  return String(key.export({ type: 'pkcs8', format: 'pem', ...protection }));
}

/** Opened without blocking, and judged by the handle: a FIFO cannot hang us, and the file cannot be exchanged after it was judged. */
async function readSmallFile(path: string): Promise<{ pem: string; mode: number }> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats: Stats = await file.stat();
    if (!stats.isFile() || stats.size > largestKeyFile) {
      throw new KubevidenceError(
        'configuration',
        `${visible(path)} is no key file: it is ${stats.isFile() ? 'too large' : 'not a regular file'}`,
      );
    }
    return { pem: await file.readFile('utf8'), mode: stats.mode };
  } catch (cause) {
    if (cause instanceof KubevidenceError) throw cause;
    throw new KubevidenceError('unreachable', `cannot read the key file ${visible(path)}: ${reasonOf(cause)}`, {
      next: 'Create the keys: `kubevidence keys generate`.',
      cause,
    });
  } finally {
    await file?.close();
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
