/**
 * The exhibits of a pack, each up to the record of its run, and what they leave open: which objects are shown is up to the signer, but for
 * those that findings of the enclosed assessment cite. The assessments of other runs are not enclosed.
 */
import { type Checkpoint, type VerifierKey, verifyTlogProof, type LogRecord } from '../log/index.ts';
import { KubevidenceError, visible } from '../model/index.ts';
import type { Contents } from './contents.ts';
import { checkExhibit, type ExhibitFacts } from './exhibit.ts';
import { exhibitPath, proofPath } from './layout.ts';
import type { Manifest } from './manifest.ts';
import { countPseudonymised, describePseudonymised, isPseudonymous, unannounced } from './pseudonymised.ts';
import { type Findings, type Proof, sentenceOf } from './verification.ts';

interface LogOfExhibits {
  readonly checkpoint: Checkpoint;
  readonly key: VerifierKey;
  readonly stored: readonly Uint8Array[];
  readonly records: readonly (LogRecord | null)[];
}

export function readExhibits(
  contents: Contents,
  { stored, records, key, checkpoint }: LogOfExhibits,
  { pack, pseudonyms }: Manifest,
  { problem, notProved }: Findings,
): Proof<ExhibitFacts[]> {
  const facts: ExhibitFacts[] = [];
  const erased = new Set(records.flatMap((record) => (record?.type === 'payload-erased' ? record.ids : [])));
  /** What an exhibit is of → the first that is. */
  const known = new Map<string, string>();
  for (const id of contents.exhibits) {
    const path = exhibitPath(id);
    const check = checkExhibit(contents.bytes(path), stored, erased);
    for (const each of check.problems) problem(`${path}: ${each}`);
    if (check.facts === null) continue;
    const { leaf, cluster, kind, listing } = check.facts;
    if (check.facts.id !== id) problem(`${path} is the exhibit ${visible(check.facts.id)}`);
    if (cluster !== pack.cluster.name) problem(`${path} is of another cluster than the pack`);
    const first = known.get(listing) ?? known.get(`${leaf} ${kind}`);
    if (first !== undefined) problem(`${path} is of the same listing as ${exhibitPath(first)}`);
    known.set(listing, id).set(`${leaf} ${kind}`, id);
    if (pseudonyms === undefined && isPseudonymous(check.facts)) problem(unannounced(path));
    facts.push(check.facts);
    try {
      const proof = verifyTlogProof(contents.text(proofPath(id)), stored[leaf] as Uint8Array, key);
      if (proof.index !== leaf || proof.checkpoint.note !== checkpoint.note)
        problem(`${proofPath(id)} is the proof of another record or checkpoint`);
    } catch (error) {
      if (error instanceof KubevidenceError) problem(`${proofPath(id)}: ${sentenceOf(error)}`);
      else throw error;
    }
  }
  const hidden = countPseudonymised(facts);
  notProved.push(...describePseudonymised(hidden));
  const [items, objects] = [sum(facts, ({ tied }) => tied.items), sum(facts, ({ tied }) => tied.objects)];
  const computed =
    hidden.exhibits === 0
      ? `${counted(facts.length, 'exhibit')} of ${counted(items, 'item')}: every id is the one computed anew, from ${counted(objects, 'object')} that ${objects === 1 ? 'is' : 'are'} shown up to the records of the runs`
      : `${counted(facts.length, 'exhibit')}, in part shown with pseudonyms: ids computed anew tie ${counted(items, 'item')} and what ${counted(objects, 'object')} ${objects === 1 ? 'says' : 'say'} to the records of the runs`;
  return { sentence: `${computed}, and every inclusion proof holds`, value: facts };
}

/**
 * What of the items that ids tie to the log is not proved. `cited`: ids of the objects that findings of the assessment cite, all of which
 * are shown; null where the assessment does not hold, or is the signer's word.
 */
export function describeNotShown(facts: readonly ExhibitFacts[], cited: ReadonlySet<string> | null): string[] {
  const redacted = sum(facts, ({ tied }) => tied.redacted);
  const further = sum(facts, ({ tied }) => tied.items - tied.objects - tied.pseudonymised - tied.redacted);
  const uncited = sum(facts, ({ objects }) => [...objects].filter((id) => cited?.has(id) !== true).length);
  const finding = cited === null ? 'no finding of which it is proved that the log recorded it' : 'no finding of the enclosed assessment';
  return [
    ...(redacted > 0
      ? [`the content of ${counted(redacted, 'item')}, which was erased: records of the log say when, and under which ids`]
      : []),
    ...(further > 0
      ? [`the content of ${counted(further, 'further item')}, which ${finding} cites: the pack holds the ids, the ledger the rest`]
      : []),
    ...(uncited > 0
      ? [
          `that anything cites ${uncited} of the objects that exhibits show: ${finding} does, and which others are shown or left out is the signer's choice`,
        ]
      : []),
  ];
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function sum<T>(list: readonly T[], of: (each: T) => number): number {
  return list.reduce((total, each) => total + of(each), 0);
}
