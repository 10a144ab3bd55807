/**
 * A consistency proof as text that stands alone: the form in which logs hand them to witnesses (c2sp.org/tlog-witness, "add-checkpoint"):
 * the old size, the hashes, an empty line, and the new checkpoint verbatim. With the old checkpoint, anybody can check one
 * (docs/verify-by-hand.md).
 */
export function formatConsistency(oldSize: number, hashes: readonly Uint8Array[], checkpoint: string): string {
  const lines = [`old ${oldSize}`, ...hashes.map((hash) => Buffer.from(hash).toString('base64'))];
  return `${lines.join('\n')}\n\n${checkpoint}`;
}
