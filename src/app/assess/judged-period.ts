/**
 * Every run that a period needs, judged by the definitions that held when it was planned, and what that says over time. Where definitions
 * changed, the first run after the change is judged by both, so that an outcome that flipped by definition is told from one that flipped
 * by what was found. docs/audit-pack: "What makes it evidence", 1 and 2.
 */
import { hash } from 'node:crypto';
import { assess } from '../../assess.ts';
import { buildTimeline, type Timeline, type TimelineResult, type TimelineRun } from '../../assessment/index.ts';
import { effectiveParams, parseCatalog, readPrepared } from '../../catalog/index.ts';
import type { Definition, Ledger } from '../../ledger/index.ts';
import type { Assessment, Catalog, EvidenceReader, ExactTime, Finding, Gap, Instant, ListingKind, RunSummary } from '../../model/index.ts';
import { canonicalBytes, isObject, textAt } from '../../model/index.ts';
import { populations } from '../../populations/index.ts';
import { managedOf } from './assess.ts';
import type { CatalogInForce, Params } from '../catalog.ts';
import type { Config } from '../config.ts';
import { shipped } from '../context.ts';
import type { Period } from '../period.ts';
import { rememberObjects } from './remembering-reader.ts';
import { defaultTimeToLiveSeconds } from './time-to-live.ts';

export interface PeriodOptions {
  readonly ledger: Ledger;
  readonly cluster: string;
  readonly period: Pick<Period, 'start' | 'end'>;
  /** Size and time of the checkpoint that everything stands on. */
  readonly size: number;
  readonly asOf: Instant;
  readonly config: Config;
  /** Where the ledger has recorded no definitions. */
  readonly inForce: CatalogInForce;
}

export interface JudgedPeriod {
  readonly timeline: Timeline;
  /** By run number, as judged by the definitions that held then. */
  readonly assessments: ReadonlyMap<number, Assessment>;
}

/** What judges: a catalog and the parameters that are configured for its controls. */
interface Rules {
  readonly catalog: Catalog;
  readonly configured: Params;
  /** SHA-256 over the effective parameters of all controls, as the ledger records it. */
  readonly paramsDigest: string;
  /** Equal for rules that judge alike. */
  readonly key: string;
}

export async function judgePeriod(options: PeriodOptions): Promise<JudgedPeriod> {
  const { ledger, cluster, period, size, asOf, config } = options;
  const runs = runsFor(
    // One that ended later is no part of this size of the log.
    ledger.runs(cluster).filter(({ leaf, endedAt }) => leaf < size && endedAt !== null),
    period,
  );
  const rulesOf = rulesReader(options);
  const assessments = new Map<number, Assessment>();
  const told: TimelineRun[] = [];
  let before: { readonly rules: Rules; readonly assessment: Assessment; readonly observedAt: Instant } | undefined;
  for (const run of runs) {
    if (!hasSnapshot(run)) {
      told.push(tell(run, ledger, new Map()));
      continue;
    }
    const rules = rulesOf(run.leaf);
    const snapshot = ledger.snapshot(cluster, run.number);
    let reader: EvidenceReader | undefined;
    const judge = (by: Rules): Assessment => {
      const recorded = ledger
        .assessments(cluster, run.number)
        .find((each) => each.leaf < size && each.catalogDigest === by.catalog.digest && each.paramsDigest === by.paramsDigest);
      if (recorded !== undefined) return recorded.assessment;
      reader ??= rememberObjects(snapshot);
      const managed = managedOf(config, reader);
      return assess({ reader, catalog: by.catalog, populations, params: by.configured, managed });
    };
    const assessment = judge(rules);
    const old = before === undefined || before.rules.key === rules.key ? undefined : judge(before.rules);
    assessments.set(run.number, assessment);
    told.push(tell(run, ledger, resultsOf(assessment, old, createdSince(assessment, before?.observedAt, snapshot))));
    before = { rules, assessment, observedAt: observedAt(run) };
  }
  const controls = rulesOf(size).catalog.controls.map(({ id }) => id);
  const timeline = buildTimeline({
    period: { from: period.start, to: period.end },
    asOf,
    genesis: ledger.status().genesis.at,
    runs: told,
    controls,
    exceptions: ledger.exceptions(cluster, size).flatMap((exception) => {
      const { id, control, item, expires, approved, revoked } = exception;
      if (approved === null || item === null) return [];
      return [{ id, control, item, from: approved.at, to: revoked === null || revoked.at > expires ? expires : revoked.at }];
    }),
    due: await dueSlots(options),
    defaultTimeToLiveSeconds,
  });
  return { timeline, assessments };
}

/** The last snapshot before the period, whatever was attempted in it, and the first snapshot after it, which bounds what was open. */
function runsFor(runs: readonly RunSummary[], { start, end }: PeriodOptions['period']): readonly RunSummary[] {
  const opening = runs.findLast((run) => hasSnapshot(run) && observedAt(run) < start);
  const next = runs.find((run) => hasSnapshot(run) && observedAt(run) >= end);
  return runs.filter((run) => run === opening || run === next || (observedAt(run) >= start && observedAt(run) < end));
}

function hasSnapshot({ status }: RunSummary): boolean {
  return status === 'succeeded' || status === 'partial';
}

function observedAt({ observedAt, endedAt, slot, startedAt }: RunSummary): Instant {
  return observedAt ?? slot ?? endedAt ?? startedAt;
}

function tell(run: RunSummary, ledger: Ledger, results: ReadonlyMap<string, TimelineResult>): TimelineRun {
  const { cluster, number, kind, status, slot, startedAt } = run;
  const seen = hasSnapshot(run) ? observedAt(run) : null;
  const timeToLive = ledger.timesToLive(cluster, number);
  const imported = importedLate(run) ? { imported: { provenFrom: run.endedAt } } : {};
  return { number, kind, status, slot, startedAt, observedAt: seen, timeToLive, results, ...imported };
}

/** A recording that was taken over as it was made is as good as a run; a later one proves nothing of the time before. */
function importedLate({ observedAt: observed, endedAt }: RunSummary): boolean {
  return observed !== null && endedAt !== null && Date.parse(endedAt) - Date.parse(observed) > 60_000;
}

type Since = (finding: Finding) => ExactTime | undefined;

function resultsOf(assessment: Assessment, old: Assessment | undefined, since: Since): ReadonlyMap<string, TimelineResult> {
  const before = new Map(old?.controls.map(({ id, outcome }) => [id, outcome]));
  return new Map(
    assessment.controls.map((control): [string, TimelineResult] => {
      const { id, outcome, gaps, evidence } = control;
      const byOldDefinitions = before.get(id);
      return [
        id,
        {
          outcome,
          findings: control.findings.map((finding) => {
            const moment = finding.since ?? since(finding);
            const { uid } = finding.resource;
            return { item: finding.item, ...(uid !== '' && { uid }), ...(moment && { since: moment }) };
          }),
          gaps: gaps as readonly Gap[],
          kinds: [...new Set(evidence.map(({ kind }) => kind as ListingKind))],
          ...(control.since && { since: control.since }),
          ...(byOldDefinitions !== undefined && { byOldDefinitions }),
        },
      ];
    }),
  );
}

/**
 * An object that was created since the run before shows by its creationTimestamp since when a finding about it has been there: before, it
 * was not. Of an older object nobody knows when it came to be so.
 */
function createdSince(assessment: Assessment, before: Instant | undefined, snapshot: EvidenceReader): Since {
  if (before === undefined) return () => undefined;
  const wanted = new Map<string, Set<ListingKind>>();
  for (const control of assessment.controls)
    for (const { resource, since } of control.findings)
      if (since === undefined && resource.uid !== '')
        wanted.set(
          resource.uid,
          new Set([...(wanted.get(resource.uid) ?? []), ...control.evidence.map(({ kind }) => kind as ListingKind)]),
        );
  const created = new Map<string, Instant>();
  const kinds = new Set([...wanted.values()].flatMap((each) => [...each].values().toArray()));
  for (const kind of kinds)
    for (const { uid, body } of snapshot.objects(kind)) {
      const at = wanted.has(uid) ? textAt(body, 'metadata', 'creationTimestamp') : undefined;
      if (at !== undefined && Date.parse(at) > Date.parse(before) && Date.parse(at) <= Date.parse(snapshot.at))
        created.set(uid, new Date(at).toISOString());
    }
  return ({ resource: { kind, namespace, name, uid } }) => {
    const at = created.get(uid);
    return at === undefined ? undefined : { at, source: `creationTimestamp of ${[kind, namespace, name].filter(Boolean).join('/')}` };
  };
}

/** The rules at a size of the log: what is recorded there, else what is in force now. Each catalog is compiled once. */
function rulesReader({ ledger, inForce }: PeriodOptions): (size: number) => Rules {
  const known = new Map<string, Rules>();
  const catalogs = new Map<string, Catalog>();
  return (size) => {
    const list = ledger.definitionState(size)?.list;
    if (list === undefined) return { ...inForce, key: '' };
    const deciding = list.filter(({ what }) => /^(?:control|mapping|params) /.test(what));
    const key = digestOf(deciding);
    let rules = known.get(key);
    if (rules === undefined) {
      const files = deciding.filter(({ what }) => !what.startsWith('params '));
      const filesKey = digestOf(files);
      let catalog = catalogs.get(filesKey);
      if (catalog === undefined) catalogs.set(filesKey, (catalog = catalogOf(files, ledger, inForce.catalog)));
      const configured = Object.fromEntries(
        deciding.flatMap(({ what, value }) =>
          what.startsWith('params ') && isObject(value) ? [[what.slice('params '.length), value]] : [],
        ),
      ) as Params;
      const effective = Object.fromEntries(
        catalog.controls.map((control) => [control.id, effectiveParams(control, configured[control.id])]),
      );
      known.set(key, (rules = { catalog, configured, paramsDigest: hash('sha256', canonicalBytes(effective)), key }));
    }
    return rules;
  };
}

function digestOf(list: readonly Definition[]): string {
  return hash('sha256', canonicalBytes(list.map(({ what, digest }) => [what, digest])));
}

/** The texts of old controls and mappings are in the ledger. The catalog in force is taken where it is the same. */
function catalogOf(files: readonly Definition[], ledger: Ledger, inForce: Catalog): Catalog {
  const texts = (kind: string) =>
    files
      .filter(({ what }) => what.startsWith(`${kind} `))
      .map(({ what, digest }) => ({ file: `${what.slice(kind.length + 1)}.yaml`, text: ledger.definitionText(digest) }));
  const catalog = parseCatalog({
    controls: texts('control'),
    mappings: texts('mapping'),
    populations: populations.map(({ name }) => name),
    prepared: readPrepared(shipped.prepared),
  });
  return catalog.digest === inForce.digest ? inForce : catalog;
}

/** Slots of the schedules that were in force, each for its time. */
async function dueSlots({ ledger, period, asOf, size }: PeriodOptions): Promise<Instant[]> {
  const changes = ledger.definitionChanges().filter(({ leaf }) => leaf < size);
  if (changes.length === 0) return [];
  const { parseSchedule, slotsBetween } = await import('../../schedule/index.ts');
  const until = asOf < period.end ? asOf : period.end;
  return changes.flatMap(({ leaf, at }, index) => {
    const list = ledger.definitionState(leaf + 1)?.list ?? [];
    const valueOf = (what: string) => list.find((each) => each.what === what)?.value;
    const [expression, timezone] = [textAt(valueOf('schedule'), 'collect'), valueOf('timezone')];
    if (expression === undefined || typeof timezone !== 'string') return [];
    const next = changes[index + 1]?.at ?? until;
    const [from, to] = [at < period.start ? period.start : at, next < until ? next : until];
    // Half-open as the period: a slot at its very beginning is due in it.
    const justBefore = new Date(Date.parse(from) - 1).toISOString();
    return slotsBetween(parseSchedule(expression), timezone, justBefore, to).filter((slot) => slot < to);
  });
}
