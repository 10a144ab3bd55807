/**
 * From a requirement back to what decides it: controls, the populations that they test, the listings that those read, and the rights that
 * bring them. Says only what the declarations say; coverage tables and explanations both stand on it, so they cannot differ.
 */
import type {
  Collector,
  Control,
  ControlLink,
  Framework,
  ListingDeclaration,
  ListingKind,
  Population,
  Requirement,
} from '../model/index.ts';

export interface TraceSources {
  readonly controls: readonly Control[];
  readonly populations: readonly Population[];
  readonly collectors: readonly Collector[];
}

export interface TracedControl {
  readonly link: ControlLink;
  readonly control: Control;
  readonly population: Population;
}

export interface TracedListing {
  readonly collector: Collector;
  readonly listing: ListingDeclaration;
  /** Ids of the controls whose populations read it. */
  readonly controls: readonly string[];
  /** Not to have read it is a gap; else the population says what that means. */
  readonly required: boolean;
}

export interface RequirementTrace {
  readonly requirement: Requirement;
  /** Whether evidence can pass and fail it (`whole`), fail it or show a part of it, or says nothing of it. */
  readonly decided: 'whole' | 'part' | 'person';
  readonly controls: readonly TracedControl[];
  /** In the order of the collectors. */
  readonly listings: readonly TracedListing[];
  /** What brings the evidence where the cluster's owner runs the control plane; null where a person does. */
  readonly from: 'api' | 'nodes' | 'file' | null;
  /** Programs that do not run as static pods are seen on their hosts only: then the evidence of nodes brings what the API cannot show. */
  readonly orNodes: boolean;
  /** Who answers for it on a managed cluster. */
  readonly onManaged: 'provider' | 'person' | 'same';
}

export function traceRequirement(
  requirement: Requirement,
  { kind }: Pick<Framework, 'kind'>,
  { controls, populations, collectors }: TraceSources,
): RequirementTrace {
  const traced = requirement.controls.flatMap((link): TracedControl[] => {
    const control = controls.find(({ id }) => id === link.id);
    const population = populations.find(({ name }) => name === control?.population);
    return control === undefined || population === undefined ? [] : [{ link, control, population }];
  });
  const listings = collectors.flatMap((collector) =>
    collector.listings.flatMap((listing): TracedListing[] => {
      const reading = traced.filter(({ population: { from, also = [] } }) => from.includes(listing.kind) || also.includes(listing.kind));
      if (reading.length === 0) return [];
      const required = reading.some(({ population: { from } }) => from.includes(listing.kind));
      return [{ collector, listing, controls: reading.map(({ control: { id } }) => id), required }];
    }),
  );
  const from = sourceOf(traced);
  return {
    requirement,
    decided: decidedBy(requirement, kind),
    controls: traced,
    listings,
    from,
    orNodes: from === 'api' && isOfControlPlane(traced) && listings.some(({ listing: { kind } }) => kind === 'node.evidence/nodes'),
    onManaged: onManaged(requirement, traced),
  };
}

/** A failing part fails a recommendation; only the whole can pass it. Of a law, partial lines show their part, and nothing shows the whole. */
function decidedBy({ controls, partsAreExact, kubernetes }: Requirement, kind: Framework['kind']): RequirementTrace['decided'] {
  if (kind !== 'benchmark') return kubernetes !== 'none' && controls.some(({ strength }) => strength === 'partial') ? 'part' : 'person';
  if (controls.length === 0) return 'person';
  return partsAreExact === true || controls.some(({ covers }) => covers === 'exact') ? 'whole' : 'part';
}

/** Programs of the control plane are seen as static pods or on their hosts; all else that stands on the evidence of nodes needs it. */
function sourceOf(controls: readonly TracedControl[]): RequirementTrace['from'] {
  const kinds = new Set<ListingKind>(controls.flatMap(({ population: { from, also = [] } }) => from.concat(also)));
  if (controls.length === 0) return null;
  if (kinds.has('node.evidence/nodes') && !kinds.has('k8s.pods/pods')) return 'nodes';
  return [...kinds].some((kind) => kind.startsWith('files.')) ? 'file' : 'api';
}

function onManaged({ providerOnManaged }: Requirement, controls: readonly TracedControl[]): RequirementTrace['onManaged'] {
  return providerOnManaged === true || isOfControlPlane(controls) ? 'provider' : controls.length === 0 ? 'person' : 'same';
}

function isOfControlPlane(controls: readonly TracedControl[]): boolean {
  return controls.length > 0 && controls.every(({ control: { labels } }) => labels?.['side'] === 'controlPlane');
}
