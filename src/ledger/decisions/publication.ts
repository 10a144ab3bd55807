/**
 * The last published checkpoint: it lives outside the ledger's directory, so that a log that was cut off, or an older copy that was put in
 * its place, is noticed before anything is signed over it. It is replaced only by a checkpoint of a log that extends it, and only after the
 * log is on the disk: a crash between the two leaves a log that is ahead.
 */
import { closeSync, constants, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Checkpoint, claimedHead, type TreeHead } from '../../log/index.ts';
import { KubevidenceError, reasonOf, visible } from '../../model/index.ts';
import type { LogStore } from '../storage/log-store.ts';

/** Where one signed note per ledger is kept. Both throw what the place throws. */
export interface PublishedHeads {
  /** For messages. */
  readonly place: string;
  /** Null when none was published here. */
  read(ledger: string): string | null;
  write(ledger: string, note: string): void;
}

/** How a log fails to extend its published checkpoint. */
export interface Divergence {
  /** `cut`: it is shorter. `forked`: it says something else at that size. */
  readonly kind: 'cut' | 'forked';
  readonly published: TreeHead & { readonly note: string };
  readonly kept: { readonly size: number; readonly root: Uint8Array };
}

/** `<directory>/<ledger uuid>.checkpoint`, mode 0600, replaced as a whole. */
export function createPublishedHeads(directory: string): PublishedHeads {
  const pathOf = (ledger: string) => join(directory, `${ledger}.checkpoint`);
  return {
    place: directory,
    read(ledger) {
      try {
        return readFileSync(pathOf(ledger), 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error;
      }
    },
    write(ledger, note) {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      // One name: only the process that holds the ledger's lock writes here.
      const next = `${pathOf(ledger)}.new`;
      const file = openSync(next, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW, 0o600);
      try {
        writeFileSync(file, note);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(next, pathOf(ledger));
    },
  };
}

/** Null when the log extends what was published, says itself that it does not, or when nothing was. Throws `integrity` for a note that is no checkpoint of this log. */
export function findDivergence(log: LogStore, note: string | null): Divergence | null {
  if (note === null) return null;
  let published: TreeHead;
  try {
    published = claimedHead(note);
  } catch (cause) {
    throw unusable(reasonOf(cause), cause);
  }
  const { origin } = log.genesis();
  if (published.origin !== origin) throw unusable(`it is of the log ${visible(published.origin)}, not of ${visible(origin)}`);
  const size = log.size();
  const kept = { size, root: log.rootAt(size) };
  if (isDeclared(log, published)) return null;
  // Claims are enough: whoever could have written a false one could as well have taken the true one away.
  if (published.size > size) return { kind: 'cut', published: { ...published, note }, kept };
  if (Buffer.compare(published.root, log.rootAt(published.size)) === 0) return null;
  return { kind: 'forked', published: { ...published, note }, kept };
}

/** The log went on without it, and says so; then whoever declared it was cut short before the next checkpoint was published. */
function isDeclared(log: LogStore, { size, root }: TreeHead): boolean {
  const text = Buffer.from(root).toString('base64');
  return log.find('ledger-restored').some(({ record }) => record.published.size === size && record.published.root === text);
}

export type Publication = ReturnType<typeof createPublication>;

/** Warns where the place cannot be used; a log that does not extend what was published there is `integrity`. */
export function createPublication(log: LogStore, heads: PublishedHeads | undefined, warn: (text: string) => void = () => {}) {
  const ledger = () => log.genesis().ledger;
  let warned = false;
  const tolerate = <T>(what: string, act: () => T): T | undefined => {
    try {
      return act();
    } catch (error) {
      if (error instanceof KubevidenceError) throw error;
      if (!warned) warn(`${what} ${visible(heads?.place ?? '')}: ${visible(reasonOf(error))}. A log that is cut off would not be noticed`);
      warned = true;
      return undefined;
    }
  };
  const read = () => tolerate('cannot read the published checkpoint in', () => heads?.read(ledger()) ?? null);
  return {
    /** What differs from the published checkpoint; null when nothing does. */
    divergence(): Divergence | null {
      const note = read();
      if (note === null && heads !== undefined && log.size() > 2)
        warn(`no checkpoint of this ledger was published in ${visible(heads.place)} so far: whether its log was cut off cannot be seen`);
      return findDivergence(log, note ?? null);
    },
    /** After the checkpoint was committed. */
    publish(checkpoint: Checkpoint): void {
      if (heads === undefined) return;
      const note = read();
      if (note === undefined || note === checkpoint.note) return;
      const divergence = findDivergence(log, note);
      if (divergence !== null) throw refusal(divergence);
      tolerate('the checkpoint cannot be published in', () => heads.write(ledger(), checkpoint.note));
    },
  };
}

/** Says what is known, and how to go on honestly. */
export function refusal({ kind, published, kept }: Divergence): KubevidenceError {
  const { size } = published;
  const message =
    kind === 'cut'
      ? `the log has ${kept.size} records, and its last published checkpoint covers ${size}: the last ${size - kept.size} are gone, or an older copy was put in its place`
      : `the log and its last published checkpoint disagree on the first ${size} records: it was forked or rewritten`;
  return new KubevidenceError('integrity', message, {
    means: 'Nothing was signed: a signature over it would hide what is missing.',
    next: 'Put the newest copy back. If it is lost, say so in the log, and go on: `kubevidence ledger restored --reason TEXT --by NAME`.',
  });
}

function unusable(why: string, cause?: unknown): KubevidenceError {
  return new KubevidenceError('integrity', `the published checkpoint of this ledger cannot be compared with it: ${why}`, {
    means: 'Nothing was signed: whether the log was cut off cannot be seen.',
    next: 'Compare it with a copy that somebody else kept (`ledger verify --against FILE`); then put that in its place.',
    cause,
  });
}
