/** Audit packs: making one from what was frozen at a checkpoint, and verifying one with nothing but the pack. */
export { createPack, type PackInputs, type PackPseudonyms, writePack, type WrittenPack } from './create-pack.ts';
export type { PackedException } from './exception-file.ts';
export { buildExhibit, type ExhibitSource, type PseudonymisedParts, readPseudonymised } from './exhibit.ts';
export type { Pseudonymise } from './salted-json.ts';
export type { PackVerification, VerifyOptions } from './verification.ts';
export { readLogTrust } from './log-trust.ts';
export { verifyCheckpointFile } from './verify-checkpoint.ts';
export type { PackSink } from './packed-files.ts';
export type { PackTimestamps } from './timestamps.ts';
export { verifyPack } from './verify-pack.ts';
export { streamZip, writeZip } from './zip.ts';
