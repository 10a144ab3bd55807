/**
 * Time-stamps of a pack (RFC 3161): tokens over checkpoints of its log as the ledger kept them, and those over the PDF's signature and the
 * manifest that are asked for while it is made. A token that cannot be had is left out, and the pack says so by not naming it.
 */
import { certificatesFromPem, certificateToPem, type Stamper, type Timestamp, verifyPdf, verifyTimestamp } from '../signing/index.ts';
import { KubevidenceError } from '../model/index.ts';
import {
  authorityChainPath,
  authorityPath,
  checkpointPath,
  manifestTimestampPath,
  stampedCheckpointPath,
  timestampPath,
} from './layout.ts';
import type { PackedFiles } from './packed-files.ts';

export interface PackTimestamps {
  /** Asks the authority. */
  readonly stamp: Stamper | null;
  /** PEM of the certificates that the collector trusts for time-stamping; null when it knows none. */
  readonly ca: string | null;
  /** Over checkpoints of this log, at most as large as the pack's. */
  readonly tokens: readonly { readonly size: number; readonly note: string; readonly tsr: Uint8Array }[];
}

/** What README-verify.txt says of them. */
export interface TimestampFacts {
  readonly isManifestStamped: boolean;
  readonly checkpoints: number;
  readonly hasCa: boolean;
}

/** Certificates that came with tokens, as far as the pack lists them: PEM. */
export interface AuthorityChain {
  pem: string;
}

/**
 * Adds the stored tokens, with the checkpoints that they are over, and the certificates. `size` is that of the pack's checkpoint; `pdf` the
 * signed report.
 */
export function addStoredTokens(files: PackedFiles, size: number, { tokens, ca }: PackTimestamps, pdf: Uint8Array): AuthorityChain {
  const chain: AuthorityChain = { pem: '' };
  for (const token of tokens) {
    const path = token.size === size ? checkpointPath : stampedCheckpointPath(token.size);
    files.put(path, Buffer.from(token.note));
    files.put(timestampPath(path), token.tsr);
    extend(chain, files, needTimestamp(token.tsr, Buffer.from(token.note)));
  }
  if (ca !== null) files.put(authorityPath, Buffer.from(certificatesFromPem(ca, authorityPath).map(certificateToPem).join('')));
  const { timestamp } = verifyPdf(pdf);
  if (timestamp !== null) extend(chain, files, timestamp);
  return chain;
}

/**
 * Builds the manifest and has it stamped. `build` is told whether it will be, and may be called again: when no token could be had, or when
 * the token came with certificates that the pack does not list yet.
 */
export async function stampManifest(
  files: PackedFiles,
  chain: AuthorityChain,
  stamp: Stamper | null,
  build: (isStamped: boolean) => Uint8Array,
): Promise<Uint8Array> {
  if (stamp === null) return build(false);
  // An authority answers with the certificates of one unit or another, hardly with a third.
  for (let round = 0; round < 3; round += 1) {
    const manifest = build(true);
    const tsr = await stamp(manifest);
    if (tsr === null) break;
    if (extend(chain, files, needTimestamp(tsr, manifest))) continue;
    files.put(manifestTimestampPath, tsr);
    return manifest;
  }
  return build(false);
}

/** Whether `certificate` stands in a PEM text; issuers in tokens must, because no signature in a token covers all of them. */
export function isListed(certificate: Uint8Array, pem: string): boolean {
  return pem.includes(certificateToPem(certificate));
}

/** True when the chain grew. */
function extend(chain: AuthorityChain, files: PackedFiles, { certificates }: Timestamp): boolean {
  const before = chain.pem;
  chain.pem = certificates.reduce((pem, each) => (isListed(each, pem) ? pem : pem + certificateToPem(each)), before);
  files.put(authorityChainPath, Buffer.from(chain.pem));
  return chain.pem !== before;
}

function needTimestamp(tsr: Uint8Array, data: Uint8Array): Timestamp {
  const { timestamp, problems } = verifyTimestamp(tsr, data, { anchors: null });
  if (timestamp === null) throw new KubevidenceError('integrity', `a time-stamp token for the pack does not hold: ${problems[0] ?? ''}`);
  return timestamp;
}
