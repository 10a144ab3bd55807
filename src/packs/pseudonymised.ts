/**
 * What a verification says of names that are shown as pseudonyms: how much of the pack is shown so, what of it is proved all the same, and
 * that the rest is the signer's word. A pack that shows any without saying so in its manifest does not hold.
 */
import type { ExhibitFacts } from './exhibit.ts';

export interface PseudonymisedCounts {
  /** Exhibits of which a part is shown so. */
  readonly exhibits: number;
  readonly objects: number;
  /** Of the exhibits with such objects. */
  readonly withObjects: number;
  readonly lists: number;
  readonly listings: number;
  /** Exhibits whose run is shown so. */
  readonly runs: number;
}

export function isPseudonymous({ pseudonymised: { objects, lists, listing, run } }: ExhibitFacts): boolean {
  return objects > 0 || lists > 0 || listing || run;
}

export function countPseudonymised(facts: readonly ExhibitFacts[]): PseudonymisedCounts {
  const parts = facts.map(({ pseudonymised }) => pseudonymised);
  const sum = (of: (part: ExhibitFacts['pseudonymised']) => number) => parts.reduce((total, part) => total + of(part), 0);
  return {
    exhibits: facts.filter(isPseudonymous).length,
    objects: sum(({ objects }) => objects),
    withObjects: sum(({ objects }) => Number(objects > 0)),
    lists: sum(({ lists }) => lists),
    listings: sum(({ listing }) => Number(listing)),
    runs: sum(({ run }) => Number(run)),
  };
}

/** What is not proved because of them; nothing where there are none. */
export function describePseudonymised({ objects, withObjects, lists, listings, runs }: PseudonymisedCounts): string[] {
  const word = 'the text is the word of the signer, who alone can show the original that the id is of';
  return [
    ...(objects > 0
      ? [
          `what ${counted(objects, 'object')} of ${counted(withObjects, 'exhibit')} ${objects === 1 ? 'says, which is' : 'say, which are'} shown with pseudonyms: the ids are those in the lists, and ${word}`,
        ]
      : []),
    ...(lists > 0
      ? [
          `which items ${counted(lists, 'list')} of exhibits held, which are shown with pseudonyms, as a namespace or a file bears a name: ${word}`,
        ]
      : []),
    ...(listings > 0
      ? [
          `how ${counted(listings, 'listing')} ${listings === 1 ? 'was' : 'were'} read, as ${listings === 1 ? 'it is' : 'they are'} shown with pseudonyms: ${word}`,
        ]
      : []),
    ...(runs > 0
      ? [
          `that the listings of ${counted(runs, 'exhibit')} are those of the runs that the log recorded, because what the runs say of themselves names a person and is shown with pseudonyms: ${word}`,
        ]
      : []),
  ];
}

/** `what`: see AssessmentCheck. */
export function describeJudgement(what: string): string {
  return `that the log recorded, word for word, ${what}: pseudonyms stand in the place of names`;
}

export function unannounced(what: string): string {
  return `${what} is shown with pseudonyms, and the manifest does not say that the pack shows any`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
