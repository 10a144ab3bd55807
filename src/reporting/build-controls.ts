/**
 * Controls, findings and open points of the report. Findings are ranked worst first and numbered in that order; what could not be
 * concluded is grouped by the one action that closes it.
 */
import { type Catalog, type Control, type ControlResult, type Json, KubevidenceError, severities } from '../model/index.ts';
import { describeGap, type ExhibitSource, exhibitsOf } from './build-exhibits.ts';
import type { ReportDefinition } from './report-definition.ts';
import { ownerOf } from './owners.ts';
import type { ReportInputs } from './report-inputs.ts';
import type { ReportStanding } from './report-period.ts';
import type { OpenPoint, ReportControl, ReportFinding, ReportGap, ReportRequirement } from './report-model.ts';
import { isExcepted, shownOf, verdictsOf } from './verdict.ts';

export function buildControls(
  inputs: ReportInputs,
  sources: readonly ExhibitSource[],
  requirementsOf: (control: string) => readonly string[],
  standings: ReadonlyMap<string, ReportStanding | null>,
): { readonly controls: readonly ReportControl[]; readonly findings: readonly ReportFinding[] } {
  const verdicts = verdictsOf(inputs.definition, 'benchmark');
  const findings = rankFindings(inputs, sources);
  const byControl = Map.groupBy(findings, (finding) => finding.control);
  const controls = inputs.assessment.controls
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map((result): ReportControl => {
      const control = definitionOf(inputs.catalog, result.id);
      return {
        id: result.id,
        title: result.title,
        severity: result.severity,
        verdict: verdicts[shownOf(result.outcome, isExcepted(result))],
        period: standings.get(result.id) ?? null,
        why: control.why,
        population: result.population,
        where: control.where ?? null,
        expect: control.expect,
        params: describeParams(control, inputs.params[result.id] ?? {}),
        exhibits: exhibitsOf(result, sources),
        findings: byControl.get(result.id) ?? [],
        gaps: result.gaps.map(describeGap),
        procedure: control.procedure,
        remediation: control.remediation,
        requirements: requirementsOf(result.id),
      };
    });
  return { controls, findings };
}

function definitionOf(catalog: Catalog, id: string): Control {
  const control = catalog.controls.find((candidate) => candidate.id === id);
  if (control === undefined) throw new KubevidenceError('integrity', `${id} was assessed but is not in the catalog of this report`);
  return control;
}

function describeParams(control: Control, effective: Readonly<Record<string, Json>>): ReportControl['params'] {
  return Object.entries(control.params).map(([name, parameter]) => {
    const value = JSON.stringify(effective[name] ?? parameter.default);
    return { name, value, changed: value !== JSON.stringify(parameter.default), doc: parameter.doc };
  });
}

/** By severity, items without an exception first, then control and item. */
function rankFindings(
  { assessment, owners }: Pick<ReportInputs, 'assessment' | 'owners'>,
  sources: readonly ExhibitSource[],
): readonly ReportFinding[] {
  const findings = assessment.controls.flatMap((control: ControlResult) => {
    const exhibits = exhibitsOf(control, sources);
    return control.findings.map((finding): Omit<ReportFinding, 'id'> => {
      const { kind, namespace, name, uid } = finding.resource;
      const resource = { kind, namespace, name, uid };
      const { item, message, exception } = finding;
      const own = { control: control.id, controlTitle: control.title, severity: control.severity };
      return { ...own, item, resource, message, exception, owner: ownerOf(owners, resource), exhibits };
    });
  });
  const rank = (finding: Omit<ReportFinding, 'id'>): readonly (string | number)[] => [
    severities.indexOf(finding.severity),
    finding.exception === null ? 0 : 1,
    finding.control,
    finding.item,
  ];
  const width = Math.max(4, String(findings.length).length);
  const ranked = findings.toSorted((a, b) => compare(rank(a), rank(b)));
  return Array.from(ranked, (finding, index) => ({ id: `F-${String(index + 1).padStart(width, '0')}`, ...finding }));
}

/** Groups the gaps of all controls by what closes them; what keeps most requirements open comes first. */
export function buildOpenPoints(
  controls: readonly ReportControl[],
  requirements: readonly ReportRequirement[],
  definition: ReportDefinition,
): readonly OpenPoint[] {
  const unsettled = new Set(requirements.filter(({ verdict }) => verdict.outcome === 'notAssessed').map(({ key }) => key));
  const entries = controls.flatMap((control) => control.gaps.map((gap) => ({ control, gap, closedBy: closingOf(gap, definition) })));
  const points = [...Map.groupBy(entries, (entry) => entry.closedBy)].map(([closedBy, group]): OpenPoint => {
    const affected = new Set(group.flatMap(({ control }) => control.requirements).filter((key) => unsettled.has(key)));
    return {
      closedBy,
      gaps: [...new Map(group.map(({ gap }) => [JSON.stringify(gap), gap])).values()],
      controls: [...new Set(group.map(({ control }) => control.id))],
      requirements: requirements.filter(({ key }) => affected.has(key)).map(({ key }) => key),
    };
  });
  return points.toSorted((a, b) =>
    compare([-a.requirements.length, -a.controls.length, a.closedBy], [-b.requirements.length, -b.controls.length, b.closedBy]),
  );
}

/** What closes a gap; where the gap does not say, the definition's sentence for its reason. */
export function closingOf(gap: ReportGap, definition: ReportDefinition): string {
  return gap.closedBy ?? definition.closedBy[gap.reason].replaceAll('{what}', () => gap.what);
}

function compare(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  for (const [index, left] of a.entries()) {
    const right = b[index];
    if (right !== undefined && left !== right) return left < right ? -1 : 1;
  }
  return 0;
}
