/**
 * What a verification says of names that are shown as pseudonyms: how much of the pack is shown so, what of it is proved all the same, and
 * that the rest is the signer's word. A pack that shows any without saying so in its manifest does not hold.
 */
import type { ExhibitFacts } from './exhibit.ts';

export interface PseudonymisedCounts {
  /** Exhibits of which a part is shown so. */
  readonly exhibits: number;
  readonly objects: number;
  /** Of these objects, those whose ids other ids tie to the log. */
  readonly tied: number;
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
  const sum = (of: (parts: ExhibitFacts['pseudonymised']) => number) => facts.reduce((total, each) => total + of(each.pseudonymised), 0);
  return {
    exhibits: facts.filter(isPseudonymous).length,
    objects: sum(({ objects }) => objects),
    tied: facts.reduce((total, { tied }) => total + tied.pseudonymised, 0),
    withObjects: sum(({ objects }) => Number(objects > 0)),
    lists: sum(({ lists }) => lists),
    listings: sum(({ listing }) => Number(listing)),
    runs: sum(({ run }) => Number(run)),
  };
}

/** What is not proved because of them; nothing where there are none. */
export function describePseudonymised({ objects, tied, withObjects, lists, listings, runs }: PseudonymisedCounts): string[] {
  const word = 'the text is the word of the signer, who alone can show the original that the id is of';
  const ids = tied === objects ? 'the ids are those in the lists' : `the ids of ${tied} are tied to the log`;
  const below = `no id ties what is below to the log, and ${word}`;
  return [
    ...(objects > 0
      ? [
          `what ${counted(objects, 'object')} of ${counted(withObjects, 'exhibit')} ${objects === 1 ? 'says, which is' : 'say, which are'} shown with pseudonyms: ${ids}, and ${word}`,
        ]
      : []),
    ...(lists > 0
      ? [
          `which items ${counted(lists, 'list')} of exhibits held, and what the objects in ${lists === 1 ? 'it' : 'them'} say, as ${lists === 1 ? 'it is' : 'they are'} shown with pseudonyms: ${below}`,
        ]
      : []),
    ...(listings > 0
      ? [
          `how ${counted(listings, 'listing')} ${listings === 1 ? 'was' : 'were'} read, which items ${listings === 1 ? 'it' : 'they'} held and what the objects say, as ${listings === 1 ? 'it is' : 'they are'} shown with pseudonyms: ${below}`,
        ]
      : []),
    ...(runs > 0
      ? [
          `that the listings of ${counted(runs, 'exhibit')}, with their items and objects, are those of the runs that the log recorded, because what the runs say of themselves is shown with pseudonyms: ${below}`,
        ]
      : []),
  ];
}

/** What of a judgement is shown with pseudonyms. */
export interface PseudonymisedJudgement {
  readonly assessment: boolean;
  readonly catalog: boolean;
  readonly params: boolean;
  /** Requests and approvals of exceptions. */
  readonly steps: number;
}

/** What is not proved because of them; nothing where there are none. The log has one digest of each, so one name costs the whole. */
export function describeJudgement({ assessment, catalog, params, steps }: PseudonymisedJudgement): string[] {
  const because = 'shown with pseudonyms, and the signer may have changed anything in';
  return [
    ...(assessment
      ? [
          `what the assessment says: it is ${because} it: which control has which outcome, and every finding; the log has its outcomes by count`,
        ]
      : []),
    ...(catalog ? [`what the catalog says: it is ${because} it: every rule, title, severity and default, also of controls that ship`] : []),
    ...(params ? [`what the parameters say: they are ${because} them`] : []),
    ...(steps > 0
      ? [
          `what ${steps} ${steps === 1 ? 'request or approval of exceptions says: it is' : 'requests and approvals of exceptions say: they are'} ${because} ${steps === 1 ? 'it' : 'them'}`,
        ]
      : []),
  ];
}

export function unannounced(what: string): string {
  return `${what} is shown with pseudonyms, and the manifest does not say that the pack shows any`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
