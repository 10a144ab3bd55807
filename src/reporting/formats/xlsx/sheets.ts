/** What each sheet holds: columns and rows, in the order of the model. No style and no file format here. */
import type { ReportModel, SheetId, Verdict } from '../../report-model.ts';
import { reachText, standingText } from '../wording.ts';

/** A cell: text or a number; a moment; an outcome; or a jump to a row of another sheet. Rows count from 1 below the header. */
export type Value =
  | string
  | number
  | null
  | { readonly moment: string | null }
  | { readonly verdict: Verdict }
  | { readonly jump: SheetId; readonly row: number; readonly shown: string };

export interface Column {
  readonly title: string;
  readonly kind?: 'number' | 'moment';
  /** Widest, in characters; longer text wraps. */
  readonly cap: number;
}

export interface SheetContent {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Value[])[];
}

/** Columns of text, each with its widest: sheets stay readable when they are printed on one page's width. */
const words = (caps: Readonly<Record<string, number>>): Column[] => Object.entries(caps).map(([title, cap]) => ({ title, cap }));
const number = (title: string): Column => ({ title, kind: 'number', cap: 12 });
const moment = (title: string): Column => ({ title: `${title} (UTC)`, kind: 'moment', cap: 20 });
const list = (values: readonly string[]): string => values.join(', ');

export function contentOf(model: ReportModel, id: Exclude<SheetId, 'summary'>): SheetContent {
  return makers[id](model);
}

const makers: Readonly<Record<Exclude<SheetId, 'summary'>, (model: ReportModel) => SheetContent>> = {
  requirements,
  controls,
  findings,
  open,
  runs,
  bindings,
  evidence,
  ipe,
  limitations: (model) => ({
    columns: [number('No.'), ...words({ Limitation: 60 })],
    rows: model.limitations.map((limitation, index) => [index + 1, limitation]),
  }),
  verification: (model) => ({
    columns: [number('No.'), ...words({ Step: 30, 'What it shows': 50, Type: 40, Expect: 40 })],
    rows: model.verification.map(({ title, text, command, expect }, index) => [index + 1, title, text, command, expect]),
  }),
};

/** One exhibit is a link; several are text, because a cell leads to one place only. */
function exhibitCell(model: ReportModel, ids: readonly string[]): Value {
  const [only] = ids;
  if (only === undefined || ids.length > 1) return list(ids);
  return { jump: 'evidence', row: model.exhibits.findIndex((exhibit) => exhibit.id === only) + 1, shown: only };
}

/** `cis-kubernetes 1.1.1, 1.1.2; gdpr 32(1)`. */
function requirementList(keys: readonly string[]): string {
  const groups = Map.groupBy(keys, (key) => key.slice(0, key.indexOf(' ')));
  return [...groups].map(([framework, group]) => `${framework} ${list(group.map((key) => key.slice(framework.length + 1)))}`).join('; ');
}

function requirements(model: ReportModel): SheetContent {
  return {
    columns: words({
      Framework: 20,
      Version: 16,
      Requirement: 21,
      Section: 20,
      Title: 32,
      Standing: 13,
      Outcome: 19,
      'What it means': 26,
      Counts: 18,
      Controls: 28,
      Exhibits: 20,
      'What a person must bring': 26,
    }),
    rows: model.frameworks.flatMap((framework) =>
      framework.sections.flatMap((section) =>
        section.requirements.map((requirement) => [
          framework.title,
          framework.versionLabel,
          requirement.id,
          section.title,
          requirement.title,
          standingText(requirement),
          { verdict: requirement.verdict },
          requirement.verdict.sentence,
          requirement.counts,
          list(requirement.controls.map((link) => `${link.id} ${link.verdict.word} (${reachText(link)})`)),
          exhibitCell(model, requirement.exhibits),
          requirement.needs,
        ]),
      ),
    ),
  };
}

function controls(model: ReportModel): SheetContent {
  return {
    columns: [
      ...words({ Control: 10, Title: 32, Severity: 10, Outcome: 19, Population: 14 }),
      number('Read'),
      number('Tested'),
      number('Findings'),
      number('Gaps'),
      ...words({
        'Tested where': 26,
        Expected: 28,
        'Parameters in effect': 24,
        'Changed from default': 12,
        Exhibits: 20,
        Requirements: 34,
        Why: 32,
        'Test procedure': 32,
        Remediation: 28,
      }),
    ],
    rows: model.controls.map((control) => [
      control.id,
      control.title,
      control.severity,
      { verdict: control.verdict },
      control.population.name,
      control.population.size,
      control.population.tested,
      control.findings.length,
      control.gaps.length,
      control.where,
      control.expect,
      control.params.map(({ name, value }) => `${name} = ${value}`).join('; '),
      list(control.params.filter(({ changed }) => changed).map(({ name }) => name)),
      exhibitCell(model, control.exhibits),
      requirementList(control.requirements),
      control.why,
      control.procedure,
      control.remediation,
    ]),
  };
}

function findings(model: ReportModel): SheetContent {
  return {
    columns: words({
      Finding: 9,
      Severity: 10,
      Control: 10,
      'What the control asks': 26,
      Item: 34,
      'What was found': 38,
      Kind: 16,
      Namespace: 18,
      Name: 24,
      UID: 38,
      Exception: 16,
      Exhibits: 20,
    }),
    rows: model.findings.map((finding) => [
      finding.id,
      finding.severity,
      finding.control,
      finding.controlTitle,
      finding.item,
      finding.message,
      finding.resource.kind,
      finding.resource.namespace,
      finding.resource.name,
      finding.resource.uid,
      finding.exception,
      exhibitCell(model, finding.exhibits),
    ]),
  };
}

/** Gaps first, by what closes them; then what people and the provider must show. */
function open(model: ReportModel): SheetContent {
  const gaps = model.open.flatMap((point) =>
    point.gaps.map((gap): Value[] => [
      'missing evidence',
      point.closedBy,
      gap.what,
      gap.reason,
      gap.detail,
      list(point.controls),
      requirementList(point.requirements),
    ]),
  );
  const parts = model.frameworks.flatMap((framework) =>
    framework.sections
      .flatMap((section) => section.requirements)
      .filter(({ verdict }) => verdict.outcome === 'manual' || verdict.outcome === 'providerResponsibility')
      .map((requirement): Value[] => [
        requirement.verdict.word,
        requirement.needs,
        requirement.title,
        null,
        null,
        list(requirement.controls.map((link) => link.id)),
        requirement.key,
      ]),
  );
  return {
    columns: words({
      'Why open': 17,
      'What would close it': 34,
      'What is missing': 30,
      Reason: 11,
      Detail: 26,
      Controls: 28,
      Requirements: 34,
    }),
    rows: [...gaps, ...parts],
  };
}

function runs(model: ReportModel): SheetContent {
  return {
    columns: [
      number('Run'),
      ...words({ Kind: 16, Status: 12 }),
      moment('Slot'),
      moment('Planned'),
      moment('Started'),
      moment('Ended'),
      moment('Observed, when replayed'),
      number('Sources complete'),
      number('Sources asked'),
      number('Items'),
      ...words({ Error: 30, 'Audit-ID prefix': 38 }),
      number('Server clock minus ours, seconds'),
      number('Leaf in the log'),
      ...words({ 'Record hash': 34 }),
    ],
    rows: model.runs.map((run) => [
      run.number,
      run.kind,
      run.status,
      { moment: run.slot },
      { moment: run.plannedAt },
      { moment: run.startedAt },
      { moment: run.endedAt },
      { moment: run.observedAt },
      run.listings.complete,
      run.listings.total,
      run.items,
      run.error,
      run.auditIdPrefix,
      run.clockSkewSeconds,
      run.leaf,
      run.recordHash,
    ]),
  };
}

function bindings(model: ReportModel): SheetContent {
  const missing = model.bindings.gaps.map((gap): Value[] => [`NOT COMPLETE: ${gap.what} (${gap.reason})`, null, null, null, null, null]);
  return {
    columns: [...words({ Subject: 44, Role: 34, Scope: 26, Binding: 40 }), moment('Binding created'), ...words({ UID: 38 })],
    rows: [
      ...missing,
      ...model.bindings.rows.map((row): Value[] => [row.subject, row.role, row.scope, row.binding, { moment: row.created }, row.uid]),
    ],
  };
}

function evidence(model: ReportModel): SheetContent {
  return {
    columns: [
      ...words({ Exhibit: 10, Title: 32 }),
      number('Run'),
      moment('Captured'),
      ...words({ Assurance: 11, Complete: 10 }),
      number('Items'),
      number('Leaf in the log'),
      ...words({ 'Record hash': 34, Listing: 34 }),
      number('Values scrubbed'),
      ...words({ 'How it came to be': 16, Controls: 28, Requirements: 34 }),
    ],
    rows: model.exhibits.map((exhibit) => [
      exhibit.id,
      exhibit.title,
      exhibit.run,
      { moment: exhibit.observedAt },
      exhibit.assurance,
      exhibit.complete ? 'yes' : 'no',
      exhibit.items,
      exhibit.leaf,
      exhibit.recordHash,
      exhibit.listing,
      exhibit.scrubbed,
      { jump: 'ipe', row: ipeRowOf(model, exhibit.id), shown: `IPE of ${exhibit.id}` },
      list(exhibit.controls),
      requirementList(exhibit.requirements),
    ]),
  };
}

/** One row per request; one row for an exhibit without any. */
function ipe(model: ReportModel): SheetContent {
  return {
    columns: [
      ...words({ Exhibit: 10, Source: 36, Query: 44 }),
      number('HTTP status'),
      ...words({ Actor: 26, Tool: 24 }),
      moment('Started'),
      moment('Ended'),
      ...words({ 'Server time': 16, resourceVersion: 16 }),
      number('Pages'),
      number('Items'),
      ...words({ 'One resourceVersion': 17, 'Audit-ID': 38, Completeness: 30, Handling: 30, Assurance: 11 }),
    ],
    rows: model.ipe.flatMap((entry) => {
      const exhibit = exhibitCell(model, [entry.exhibit]);
      const tail: Value[] = [entry.completeness, entry.handling, entry.assurance];
      if (entry.requests.length === 0) {
        return [
          [
            exhibit,
            entry.source,
            'no request was made',
            null,
            entry.actor,
            entry.tool,
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            ...tail,
          ],
        ];
      }
      return entry.requests.map((request): Value[] => [
        exhibit,
        entry.source,
        request.query,
        request.status,
        entry.actor,
        entry.tool,
        { moment: request.startedAt },
        { moment: request.endedAt },
        request.serverDate,
        request.resourceVersion,
        request.pages,
        request.items,
        request.consistent ? 'yes' : 'no',
        request.auditId,
        ...tail,
      ]);
    }),
  };
}

function ipeRowOf(model: ReportModel, exhibit: string): number {
  let row = 1;
  for (const entry of model.ipe) {
    if (entry.exhibit === exhibit) return row;
    row += Math.max(1, entry.requests.length);
  }
  return row;
}
