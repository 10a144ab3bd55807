/**
 * Signed notes and checkpoints (c2sp.org/signed-note, c2sp.org/tlog-checkpoint), Ed25519 only. What {@link openNote} returns was signed
 * by the key that the caller trusts; nothing of an unverified note is ever returned as a checkpoint.
 */
import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto';
import { KubevidenceError, visible } from '../model/index.ts';

/** Signs checkpoints. `name` is the key's name in the note and the log's origin. */
export interface NoteSigner {
  readonly name: string;
  /** The 32 bytes of RFC 8032, section 5.1.5. */
  readonly publicKey: Uint8Array;
  /** Ed25519: 64 bytes. */
  sign(data: Uint8Array): Uint8Array;
}

export interface VerifierKey {
  readonly name: string;
  readonly publicKey: Uint8Array;
}

/** The head of a log: the RFC 6962 root over its first `size` records. */
export interface TreeHead {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

export interface Checkpoint extends TreeHead {
  /** The signed note as text: what is published. */
  readonly note: string;
}

interface NoteSignature {
  readonly name: string;
  readonly keyId: string;
  readonly signature: Uint8Array;
}

const ed25519 = 0x01;
// Notes of logs are a few hundred bytes; cosignatures of witnesses add some, so the limit is far above the required 16 signatures.
const largestNote = 262_144;
const keyName = /^[^\s+\p{Zs}\p{Cc}]+$/u;
// Every ASCII control character but the newline: exactly these are what the specification forbids.
// oxlint-disable-next-line no-control-regex
const forbidden = /[\u0000-\u0009\u000b-\u001f]/;
const decimal = /^(0|[1-9][0-9]{0,15})$/;

/** `<name>+<8 hex digits>+<base64 of 0x01 and the key>`. */
export function formatVerifierKey({ name, publicKey }: VerifierKey): string {
  requireKey(name, publicKey);
  return `${name}+${keyIdOf({ name, publicKey })}+${Buffer.concat([Buffer.of(ed25519), publicKey]).toString('base64')}`;
}

export function parseVerifierKey(text: string): VerifierKey {
  // The base64 part may itself hold "+", so only the first two separate.
  const [, name = '', keyId = '', encoded = ''] = /^([^+]*)\+([^+]*)\+(.*)$/u.exec(text) ?? [];
  const key = decodeBase64(encoded);
  if (key?.length !== 33 || key[0] !== ed25519 || !keyName.test(name)) {
    throw new KubevidenceError('input', `this is no Ed25519 verifier key: ${visible(text.slice(0, 120))}`, {
      next: 'It looks like name+01234567+AbC…, as `kubevidence keys show` prints it.',
    });
  }
  const parsed = { name, publicKey: key.subarray(1) };
  if (keyIdOf(parsed) !== keyId)
    throw new KubevidenceError('input', `the id of the verifier key ${visible(name)} is not that of its bytes`);
  return parsed;
}

/** Signs `text`, which ends in a newline. */
export function signNote(text: string, signer: NoteSigner): string {
  requireKey(signer.name, signer.publicKey);
  requireText(text);
  const data = Buffer.from(text, 'utf8');
  const signature = signer.sign(data);
  if (!verify(null, data, keyOf(signer.publicKey), signature)) {
    throw new KubevidenceError('configuration', `the signature of ${visible(signer.name)} does not fit its public key`, {
      next: 'Name the private and the public key that were made together.',
    });
  }
  const line = Buffer.concat([Buffer.from(keyIdOf(signer), 'hex'), signature]).toString('base64');
  return `${text}\n— ${signer.name} ${line}\n`;
}

/**
 * The text that `key` signed. Throws `integrity` when the note is malformed, carries no signature of this key, or one that does not hold.
 * Signatures by other keys are ignored, as the specification demands.
 */
export function openNote(note: string, key: VerifierKey): string {
  const { text, signatures } = splitNote(note);
  const keyId = keyIdOf(key);
  const own = signatures.filter((signature) => signature.name === key.name && signature.keyId === keyId);
  if (own.length === 0) throw new KubevidenceError('integrity', `the note is not signed by ${visible(key.name)} (key ${keyId})`);
  const [data, publicKey] = [Buffer.from(text, 'utf8'), keyOf(key.publicKey)];
  if (!own.every(({ signature }) => verify(null, data, publicKey, signature))) {
    throw new KubevidenceError('integrity', `the signature of ${visible(key.name)} (key ${keyId}) does not hold`);
  }
  return text;
}

/** Ids (8 hex digits) of the keys that a note says it is signed by; nothing is verified. None for what is no note. */
export function signerIdsOf(note: string): string[] {
  try {
    return splitNote(note).signatures.map(({ keyId }) => keyId);
  } catch {
    return [];
  }
}

/** What a checkpoint claims, whoever signed it. For messages, and where the claim alone is reason enough to stop; never as a proof. */
export function claimedHead(note: string): TreeHead {
  return parseTreeHead(splitNote(note).text);
}

export function signCheckpoint(head: TreeHead, signer: NoteSigner): Checkpoint {
  return { ...head, note: signNote(formatTreeHead(head), signer) };
}

/** Verifies and reads a checkpoint; its origin must be the key's name, so that one log's checkpoint never passes for another's. */
export function openCheckpoint(note: string, key: VerifierKey): Checkpoint {
  const head = parseTreeHead(openNote(note, key));
  if (head.origin !== key.name) {
    throw new KubevidenceError('integrity', `the checkpoint is of the log ${visible(head.origin)}, not of ${visible(key.name)}`);
  }
  return { ...head, note };
}

/** The text of a checkpoint, without extension lines. */
export function formatTreeHead({ origin, size, root }: TreeHead): string {
  return `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`;
}

function parseTreeHead(text: string): TreeHead {
  const [origin = '', size = '', encoded = '', ...rest] = text.split('\n');
  const root = decodeBase64(encoded);
  // The last piece is what follows the final newline: nothing. Extension lines are allowed, opaque, and not empty.
  const extensions = rest.slice(0, -1);
  const wellFormed = rest.at(-1) === '' && extensions.every((line) => line !== '');
  if (origin === '' || !decimal.test(size) || !Number.isSafeInteger(Number(size)) || root?.length !== 32 || !wellFormed) {
    throw new KubevidenceError('integrity', 'the signed text is no checkpoint (origin, size, root hash; c2sp.org/tlog-checkpoint)');
  }
  return { origin, size: Number(size), root };
}

function splitNote(note: string): { text: string; signatures: NoteSignature[] } {
  const end = note.lastIndexOf('\n\n');
  if (note.length > largestNote || end < 0 || !note.endsWith('\n') || forbidden.test(note) || !note.isWellFormed()) {
    throw new KubevidenceError('integrity', 'this is no signed note (c2sp.org/signed-note)');
  }
  const lines = note.slice(end + 2, -1).split('\n');
  return { text: note.slice(0, end + 1), signatures: lines.map(parseSignature) };
}

function parseSignature(line: string): NoteSignature {
  const [, name = '', encoded = ''] = /^— (\S+) (\S+)$/u.exec(line) ?? [];
  const bytes = decodeBase64(encoded);
  if (!keyName.test(name) || bytes === undefined || bytes.length < 5) {
    throw new KubevidenceError('integrity', `the signed note has a malformed signature line: ${visible(line.slice(0, 120))}`);
  }
  return { name, keyId: bytes.toString('hex', 0, 4), signature: bytes.subarray(4) };
}

/** SHA-256(name || 0x0A || 0x01 || key), first four bytes, hex. */
function keyIdOf({ name, publicKey }: VerifierKey): string {
  return hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(ed25519), publicKey])).slice(0, 8);
}

function keyOf(publicKey: Uint8Array): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKey).toString('base64url') }, format: 'jwk' });
}

function requireKey(name: string, publicKey: Uint8Array): void {
  if (!keyName.test(name)) throw new KubevidenceError('configuration', `a key's name has no spaces and no "+": ${visible(name)}`);
  if (publicKey.length !== 32) throw new KubevidenceError('configuration', 'an Ed25519 public key has 32 bytes');
}

function requireText(text: string): void {
  if (!text.endsWith('\n') || forbidden.test(text) || !text.isWellFormed()) {
    throw new KubevidenceError('input', 'the text of a note ends in a newline and has no control characters');
  }
}

/** Undefined unless it is the one standard base64 form of its bytes. */
function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return text !== '' && bytes.toString('base64') === text ? bytes : undefined;
}
