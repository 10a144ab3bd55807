/** How a fault in a file of evidence is told: by its place, in text that is safe to print. */
import { KubevidenceError, visible } from '../model/index.ts';
import type { FileProblem } from '../sources/index.ts';

/** `FILE:LINE: KEY: message`. */
export function describeProblem({ file, line, key, message }: FileProblem): string {
  return visible(`${file}${line === undefined ? '' : `:${line}`}: ${key === undefined ? '' : `${key}: `}${message}`);
}

/** Throws `integrity` for the first file whose signature does not hold. */
export function requireIntegrity(problems: readonly FileProblem[]): void {
  const broken = problems.find(({ integrity }) => integrity === true);
  if (broken === undefined) return;
  throw new KubevidenceError('integrity', `${visible(broken.file)}: ${visible(broken.message)}`, {
    means: 'Nothing of that file was used.',
    next: 'Collect from the node again, and find out who changed the file.',
  });
}
