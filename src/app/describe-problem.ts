/** How a fault in a file of evidence is told: by its place, in text that is safe to print. */
import { visible } from '../model/index.ts';

interface FileProblem {
  readonly file: string;
  readonly line?: number;
  readonly key?: string;
  readonly message: string;
}

/** `FILE:LINE: KEY: message`. */
export function describeProblem({ file, line, key, message }: FileProblem): string {
  return visible(`${file}${line === undefined ? '' : `:${line}`}: ${key === undefined ? '' : `${key}: `}${message}`);
}
