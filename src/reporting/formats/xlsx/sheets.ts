/** What each sheet holds: columns and rows, in the order of the model. No style and no file format here. */
import type { ReportControl, ReportModel, SheetId } from '../../report-model.ts';
import { catchUpText, exceptionStates, notGiven, reachText, standingText, stateWords } from '../wording.ts';
import { auditPolicies } from './audit-sheet.ts';
import { list, moment, number, type SheetContent, type Value, words } from './content.ts';
import { paths } from './path-sheet.ts';
import { deviations, exhibitCell, timeline } from './period-sheets.ts';

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
  paths,
  auditPolicies,
  evidence,
  ipe,
  exceptions,
  reviews,
  timeline,
  deviations,
  definitions,
  redactions: (model) => ({
    columns: [
      number('Record'),
      moment('Erased'),
      ...words({ What: 24, 'Kind of evidence': 30 }),
      number('Count'),
      ...words({ 'Legal basis': 40, Requester: 24, Approver: 24, Retention: 30 }),
    ],
    rows: model.redactions.map(({ leaf, at, what, kind, count, legalBasis, requester, approver, overrideRetention }) => [
      leaf,
      { moment: at },
      what,
      kind,
      count,
      legalBasis ?? 'erased',
      requester ?? 'erased',
      approver ?? 'erased',
      overrideRetention ? 'the legal basis went before it' : 'was over',
    ]),
  }),
  limitations: (model) => ({
    columns: [number('No.'), ...words({ Limitation: 60 })],
    rows: model.limitations.map((limitation, index) => [index + 1, limitation]),
  }),
  verification: (model) => ({
    columns: [number('No.'), ...words({ Step: 30, 'What it shows': 50, Type: 40, Expect: 40 })],
    rows: model.verification.map(({ title, text, command, expect }, index) => [index + 1, title, text, command, expect]),
  }),
};

function exceptions(model: ReportModel): SheetContent {
  return {
    columns: [
      ...words({ Exception: 11, Control: 10, Item: 40, State: 22 }),
      moment('Expires'),
      number('Findings labelled'),
      ...words({ Justification: 40, 'Compensating control': 30, Ticket: 16, 'Requested by (asserted)': 22 }),
      moment('Requested'),
      ...words({ 'Approved by (asserted)': 22 }),
      moment('Approved'),
      ...words({ 'Revoked by (asserted)': 22 }),
      moment('Revoked'),
    ],
    rows: model.exceptions.map((each) => [
      each.id,
      each.control,
      each.item ?? 'erased',
      exceptionStates[each.status],
      { moment: each.expires },
      each.findings,
      each.justification ?? 'erased',
      each.compensatingControl,
      each.ticket,
      each.requester ?? 'erased',
      { moment: each.requestedAt },
      each.approver,
      { moment: each.approvedAt },
      each.revokedBy,
      { moment: each.revokedAt },
    ]),
  };
}

function reviews(model: ReportModel): SheetContent {
  return {
    columns: [
      number('Record'),
      moment('Done'),
      number('Of run'),
      number('Keep'),
      number('Revoke'),
      number('Change'),
      number('Open'),
      ...words({ 'All read': 10, 'Reviewed by (asserted)': 30, 'Prepared by (asserted)': 24 }),
    ],
    rows: model.reviews.map(({ leaf, at, run, keep, revoke, change, open, complete, reviewer, preparer }) => [
      leaf,
      { moment: at },
      run,
      keep,
      revoke,
      change,
      open,
      complete === null ? 'erased' : complete ? 'yes' : 'no',
      reviewer === null ? 'erased' : list(reviewer),
      preparer ?? (reviewer === null ? 'erased' : 'not named'),
    ]),
  };
}

function definitions(model: ReportModel): SheetContent {
  return {
    columns: [
      number('Record'),
      moment('Changed'),
      ...words({ Definition: 30, Before: 40, After: 40, Reason: 36, 'Requested by (asserted)': 22, 'Approved by (asserted)': 22 }),
      moment('Approved only later'),
    ],
    rows: model.definitionChanges.map((each) => [
      each.leaf,
      { moment: each.at },
      each.what,
      each.before ?? 'none',
      each.after ?? 'none',
      each.reason ?? notGiven.reason,
      each.requester,
      each.approver ?? notGiven.approver,
      { moment: each.approvedLaterAt },
    ]),
  };
}

/** `cis-kubernetes 1.1.1, 1.1.2; gdpr 32(1)`. */
function requirementList(keys: readonly string[]): string {
  const groups = Map.groupBy(keys, (key) => key.slice(0, key.indexOf(' ')));
  return [...groups].map(([framework, group]) => `${framework} ${list(group.map((key) => key.slice(framework.length + 1)))}`).join('; ');
}

function requirements(model: ReportModel): SheetContent {
  const inPeriod = model.period !== null;
  return {
    columns: words({
      Framework: 20,
      Version: 16,
      Requirement: 21,
      Section: 20,
      Title: 32,
      Standing: 13,
      ...(inPeriod && { 'Over the period': 19 }),
      [inPeriod ? 'At the end' : 'Outcome']: 19,
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
          ...(inPeriod ? [requirement.period === null ? null : { verdict: requirement.period }] : []),
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

const standingColumns = [
  ...words({ 'Verdict for the period': 19, 'Opening state': 13 }),
  number('% of time pass'),
  number('% fail'),
  number('% unknown'),
  number('% other'),
  moment('Longest fail from'),
  moment('Longest fail to'),
  ...words({ Deviations: 16 }),
];

function standingCells({ period }: ReportControl): readonly Value[] {
  if (period === null) return standingColumns.map(() => null);
  const { opening, percent, longestFail } = period.timeline;
  const other = percent.manual + percent.providerResponsibility + percent.notApplicable;
  return [
    { verdict: period.verdict },
    opening === null ? 'none' : stateWords[opening.state],
    percent.pass,
    percent.fail,
    percent.unknown,
    Math.round(other * 10) / 10,
    { moment: longestFail?.from ?? null },
    { moment: longestFail?.to ?? null },
    list(period.deviations),
  ];
}

function controls(model: ReportModel): SheetContent {
  const inPeriod = model.period !== null;
  return {
    columns: [
      ...words({ Control: 10, Title: 32, Severity: 10 }),
      ...(inPeriod ? standingColumns : []),
      ...words({ [inPeriod ? 'State at the end' : 'Outcome']: 19, Population: 14 }),
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
      ...(inPeriod ? standingCells(control) : []),
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
      Owner: 18,
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
      finding.owner,
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
  const { catchUps } = model.coverage;
  const madeGood = new Map(catchUps.map((each) => [each.missed, catchUpText(each, model.period?.total ?? 0, model.meta.timezone)]));
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
      ...words({ 'Record hash': 34, 'In the period': 10, 'Made good': 40 }),
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
      { before: 'no, before it', inside: 'yes', after: 'no, after it' }[run.place],
      madeGood.get(run.number) ?? null,
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
