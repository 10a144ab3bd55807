/**
 * Keys that we never see: an external command signs (a KMS, a token, a vault). It is given as an argument vector and runs without a shell;
 * the bytes to sign are its standard input, and the signature, raw or as base64, is all of its standard output. It has a deadline, and what
 * it answers is verified with the public key before anybody uses it.
 */
import { spawnSync } from 'node:child_process';
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { clip, KubevidenceError, reasonOf, visible } from '../model/index.ts';
import { fingerprintOf, readCertificate } from './certificate.ts';
import type { DocumentSigner, LogSigner } from './keys.ts';

export interface KeyCommand {
  /** Program and arguments. */
  readonly argv: readonly string[];
  readonly cwd: string;
  /** Default: 30 s. */
  readonly deadlineMs?: number;
}

const patienceMs = 30_000;
/** Public keys and signatures are far below. */
const largestAnswer = 65_536;

/** `publicKey`: a PEM file (SubjectPublicKeyInfo), the command that prints one, or the 32 bytes of the key. */
export function createCommandLogSigner(command: KeyCommand, publicKey: string | KeyCommand | Uint8Array): LogSigner {
  const key = readPublicKey(publicKey);
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new KubevidenceError('configuration', `the public log key is ${key.asymmetricKeyType ?? 'no asymmetric key'}, not Ed25519`, {
      next: 'Name the public half of the key that the command signs with (`signing.logPublicKey`).',
    });
  }
  const spki = key.export({ type: 'spki', format: 'der' });
  return {
    publicKey: key,
    rawPublicKey: new Uint8Array(spki.subarray(-32)),
    fingerprint: fingerprintOf(spki),
    sign(data) {
      const signature = signatureIn(run(command, data), 64, command);
      if (!verify(null, data, key, signature)) throw foreign(command, 'the public log key');
      return signature;
    },
  };
}

/** The command gets the data, not its hash, and answers with RSASSA-PKCS1-v1_5 over its SHA-256. */
export function createCommandDocumentSigner(command: KeyCommand, certificate: Uint8Array): DocumentSigner {
  const { publicKey, info } = readCertificate(certificate);
  if (publicKey.asymmetricKeyType !== 'rsa')
    throw new KubevidenceError('configuration', `the certificate of ${info.subject} is not of an RSA key`);
  const length = (publicKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8;
  return {
    certificate,
    fingerprint: info.fingerprint,
    sign: async (data) => {
      const signature = signatureIn(run(command, data), length, command);
      if (!verify('sha256', data, publicKey, signature)) throw foreign(command, `the certificate of ${info.subject}`);
      return signature;
    },
  };
}

function readPublicKey(from: string | KeyCommand | Uint8Array): KeyObject {
  if (from instanceof Uint8Array)
    return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(from).toString('base64url') }, format: 'jwk' });
  const what = typeof from === 'string' ? visible(from) : nameOf(from);
  const pem = typeof from === 'string' ? readPem(from) : run(from, Buffer.alloc(0));
  try {
    return createPublicKey(Buffer.from(pem));
  } catch (cause) {
    throw new KubevidenceError('configuration', `${what} gives no public key in PEM`, { cause });
  }
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new KubevidenceError('unreachable', `cannot read the public key ${visible(path)}: ${reasonOf(cause)}`, { cause });
  }
}

/** Standard output. Throws `unreachable` when the command cannot be run, fails, or takes too long. */
function run(command: KeyCommand, input: Uint8Array): Buffer {
  const { argv, cwd, deadlineMs: timeout = patienceMs } = command;
  const [program = '', ...args] = argv;
  const { stdout, stderr, status, signal, error } = spawnSync(program, args, {
    cwd,
    input,
    timeout,
    killSignal: 'SIGKILL',
    maxBuffer: largestAnswer,
    shell: false,
    windowsHide: true,
  });
  if (error === undefined && status === 0) return stdout;
  const late = error !== undefined && 'code' in error && error.code === 'ETIMEDOUT';
  const why = late
    ? `it gave no answer within ${timeout / 1000} s`
    : error === undefined
      ? `it ended with ${status === null ? `signal ${signal ?? 'unknown'}` : `status ${status}`}`
      : reasonOf(error);
  const said = clip(
    String(stderr ?? '')
      .trim()
      .replaceAll(/\s*\n\s*/g, '; '),
    400,
  );
  throw new KubevidenceError('unreachable', `the key command ${nameOf(command)} failed: ${why}${said === '' ? '' : `; it says: ${said}`}`, {
    next: 'Run it by hand with some bytes on its standard input; nothing was signed.',
  });
}

function signatureIn(answer: Buffer, length: number, command: KeyCommand): Uint8Array {
  if (answer.length === length) return new Uint8Array(answer);
  const text = answer.toString('latin1').replaceAll(/\s/g, '');
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length === length && bytes.toString('base64') === text) return new Uint8Array(bytes);
  throw new KubevidenceError(
    'configuration',
    `the key command ${nameOf(command)} answers with ${answer.length} bytes that are no signature`,
    {
      next: `It has to print the ${length} bytes of the signature, raw or as base64, and nothing else.`,
    },
  );
}

function foreign(command: KeyCommand, whose: string): KubevidenceError {
  return new KubevidenceError('configuration', `the answer of the key command ${nameOf(command)} is no signature by ${whose}`, {
    means: 'It was not used.',
    next: 'Name the command and the public key that belong together.',
  });
}

/** Only the program: its arguments may say more than a message should. */
function nameOf({ argv }: KeyCommand): string {
  return visible(argv[0] ?? '');
}
