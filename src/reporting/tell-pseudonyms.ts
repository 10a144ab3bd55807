/**
 * What a report says of the pseudonyms in it, beside showing them: in the limitations, with every control that passed on what is shown so,
 * in redactions and retention, and in the handling of each exhibit.
 */
import type { ReportDefinition } from './report-definition.ts';
import type { ReportModel } from './report-model.ts';

/** What of an exhibit is shown with pseudonyms. */
export interface PseudonymisedExhibit {
  readonly objects: number;
  readonly lists: number;
  readonly listing: boolean;
  readonly run: boolean;
}

export interface ReportPseudonyms {
  /** Tells packs of one key from those of another. */
  readonly key: string;
  /** By id. */
  readonly exhibits: ReadonlyMap<string, PseudonymisedExhibit>;
}

export function tellPseudonyms(model: ReportModel, { conditions }: ReportDefinition, { key, exhibits }: ReportPseudonyms): ReportModel {
  const shownSo = new Map([...exhibits].filter(([, { objects, lists, listing, run }]) => objects > 0 || lists > 0 || listing || run));
  const counts = {
    key,
    objects: [...shownSo.values()].reduce((sum, { objects }) => sum + objects, 0),
    exhibits: shownSo.size,
    runs: [...shownSo.values()].filter(({ run }) => run).length,
  };
  const passes = model.controls
    .filter(
      ({ verdict, period, exhibits: own }) =>
        [verdict, period?.verdict].some((each) => each?.outcome === 'pass') && own.some((id) => shownSo.has(id)),
    )
    .map(({ id }) => id);
  const told = fill(conditions.pseudonyms, counts);
  return {
    ...model,
    keeping: [...model.keeping, told],
    limitations: [
      ...model.limitations,
      told,
      ...(counts.runs > 0 ? [fill(conditions.pseudonymsInRuns, counts)] : []),
      ...(passes.length > 0 ? [fill(conditions.passedOnPseudonyms, { count: passes.length, controls: passes.join(', ') })] : []),
    ],
    ipe: model.ipe.map((each) => {
      const own = shownSo.get(each.exhibit);
      return own === undefined ? each : { ...each, handling: `${each.handling}; pseudonyms: ${partsOf(own)}` };
    }),
  };
}

function partsOf({ objects, lists, listing, run }: PseudonymisedExhibit): string {
  const counted = (count: number, noun: string) => (count === 0 ? [] : [`${count} ${noun}${count === 1 ? '' : 's'}`]);
  return [...counted(objects, 'object'), ...counted(lists, 'list'), ...(listing ? ['the listing'] : []), ...(run ? ['the run'] : [])].join(
    ', ',
  );
}

function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (placeholder, name: string) => String(values[name] ?? placeholder));
}
