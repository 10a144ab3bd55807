/** What somebody sees who opens a ledger, or how it is refused. */
import { openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { exitCodeOf, type KubevidenceError } from '../../src/model/index.ts';
import { clockFrom, pods, signerOf } from './given.ts';

export interface Question {
  readonly path: string;
  readonly mode: 'read' | 'write';
  /** Where temporary files go. */
  readonly tmp: string;
}

export interface Answer {
  readonly exit: number;
  /** How many pods each succeeded run of `prod` has. */
  readonly objects?: readonly number[];
  readonly problems?: readonly string[];
  readonly message?: string;
  readonly next?: string | undefined;
}

export function look({ path, mode }: Omit<Question, 'tmp'>): Answer {
  try {
    const ledger = openLedger({ path, mode, clock: clockFrom(), signer: signerOf() });
    try {
      const runs = ledger.runs('prod').filter(({ status }) => status === 'succeeded');
      const objects = runs.map(({ number }) => [...ledger.snapshot('prod', number).objects(pods)].length);
      return { exit: 0, objects, problems: verifyLedger(path).problems };
    } finally {
      ledger.close();
    }
  } catch (error) {
    const { message, next } = error as KubevidenceError;
    return { exit: exitCodeOf(error), message, next };
  }
}
