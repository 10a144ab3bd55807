/** What the parts of a verification write to: how much there was, and what is wrong with it. */

export interface LedgerCounts {
  records: number;
  /** Of a type or version that this Kubevidence does not know; part of the proof all the same. */
  unknownRecords: number;
  /** After the last checkpoint: in the tree, but not yet signed. */
  unsignedRecords: number;
  runs: number;
  checkpoints: number;
  payloads: number;
  trees: number;
  objects: number;
  catalogs: number;
  /** Time-stamp tokens over checkpoints. */
  tokens: number;
}

export interface Findings {
  readonly counts: LedgerCounts;
  readonly problem: (message: string) => void;
  /** What holds and has to be known all the same. */
  readonly notice: (message: string) => void;
  /** Runs one check; what it throws is a problem, and the next check runs. */
  readonly attempt: (what: string, check: () => void) => void;
}
