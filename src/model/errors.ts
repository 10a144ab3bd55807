/**
 * The errors that Kubevidence expects: each is one sentence, with a cause and a next step, and decides the exit code of the command
 * (docs/interface: "Exit codes"). Anything else that is thrown is a defect of ours (exit 70).
 */

/** What kind of trouble it is; one exit code each, see {@link exitCodeOf}. */
export type ErrorCode = 'usage' | 'configuration' | 'input' | 'incomplete' | 'integrity' | 'unreachable' | 'defect';

const exitCodes: Record<ErrorCode, number> = {
  usage: 2,
  configuration: 2,
  input: 2,
  incomplete: 3,
  integrity: 4,
  unreachable: 5,
  defect: 70,
};

/** Where in the user's input the trouble is; `line` counts from 1, `key` is a path such as `clusters[0].context`. */
export interface Place {
  readonly file?: string;
  readonly line?: number;
  readonly key?: string;
}

export interface ErrorDetails {
  readonly place?: Place;
  /** What it means for the evidence, when that is not obvious. One sentence. */
  readonly means?: string;
  /** What to type or do next. One sentence or command. */
  readonly next?: string;
  readonly cause?: unknown;
}

/** An expected failure. `message` is one sentence without a trailing full stop, in lower case, without untrusted control characters. */
export class KubevidenceError extends Error {
  override readonly name = 'KubevidenceError';
  readonly code: ErrorCode;
  readonly place: Place | undefined;
  readonly means: string | undefined;
  readonly next: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? {} : { cause: details.cause });
    this.code = code;
    this.place = details.place;
    this.means = details.means;
    this.next = details.next;
  }
}

/** The process exit code for anything that was thrown: 70 for what nobody expected. */
export function exitCodeOf(error: unknown): number {
  return error instanceof KubevidenceError ? exitCodes[error.code] : exitCodes.defect;
}

/** The message of anything thrown, without a stack. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
