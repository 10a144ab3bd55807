/**
 * Exhibits and their IPE. Every listing of the assessed run is an exhibit, and every listing of another run that a result stands on. They
 * are numbered by run, then kind, so that the same checkpoint gives the same numbers.
 */
import {
  type ClusterIdentity,
  type ControlResult,
  isComplete,
  KubevidenceError,
  type ListingKind,
  type RequestRecord,
  type StoredListing,
} from '../model/index.ts';
import type { ReportInputs, RunInput } from './report-inputs.ts';
import type { ReportExhibit, ReportGap, ReportIpe } from './report-model.ts';

/** An exhibit before it is known which controls and requirements cite it. */
export interface ExhibitSource {
  readonly id: string;
  readonly run: RunInput;
  readonly listing: StoredListing;
}

/** A listing of a run that something of the period stands on. */
export interface CitedListing {
  readonly run: number;
  readonly kind: ListingKind;
}

export function selectExhibits(inputs: ReportInputs, ofPeriod: readonly CitedListing[] = []): readonly ExhibitSource[] {
  const ofPeriodByRun = Map.groupBy(ofPeriod, ({ run }) => run);
  const assessed = inputs.assessment.run?.number;
  // Differences of counters stand on an earlier run too; most often on the one before.
  const missing = new Set(inputs.assessment.controls.flatMap((control) => control.evidence.map((evidence) => evidence.id)));
  const selected = inputs.runs
    .toSorted((a, b) => b.summary.number - a.summary.number)
    .flatMap((run) => {
      const { number } = run.summary;
      const kinds = new Set(ofPeriodByRun.get(number)?.map(({ kind }) => kind));
      if (number !== assessed && kinds.size === 0 && missing.size === 0) return [];
      const shown = run.listings().filter(({ id, kind }) => [missing.delete(id), number === assessed, kinds.has(kind)].includes(true));
      return [shown.toSorted((a, b) => (a.kind < b.kind ? -1 : Number(a.kind > b.kind))).map((listing) => ({ run, listing }))];
    })
    .toReversed()
    .flat();
  const sources = Array.from(selected, (source, index) => ({ ...source, id: `EX-${String(index + 1).padStart(4, '0')}` }));
  const known = new Set(sources.map((source) => source.listing.id));
  for (const control of inputs.assessment.controls) {
    const lost = control.evidence.find((evidence) => !known.has(evidence.id));
    if (lost !== undefined) {
      throw new KubevidenceError('integrity', `${control.id} stands on ${lost.kind}, which is in no run of this report`, {
        means: 'A report must show the evidence of every result.',
      });
    }
  }
  return sources;
}

/** Exhibit ids that a control stands on, in order. */
export function exhibitsOf(control: ControlResult, sources: readonly ExhibitSource[]): readonly string[] {
  const ids = new Set(control.evidence.map((evidence) => evidence.id));
  return sources.filter((source) => ids.has(source.listing.id)).map((source) => source.id);
}

export function describeExhibit(source: ExhibitSource, controls: readonly string[], requirements: readonly string[]): ReportExhibit {
  const { listing, run } = source;
  const [collector = '', name = ''] = listing.kind.split('/');
  return {
    id: source.id,
    title: `${name} (${collector})`,
    kind: listing.kind,
    run: run.summary.number,
    observedAt: listing.observedAt,
    items: listing.items,
    complete: isComplete(listing),
    leaf: run.summary.leaf,
    recordHash: run.recordHash,
    listing: listing.id,
    assurance: listing.assurance,
    scrubbed: sum(Object.values(listing.scrubbed)),
    controls,
    requirements,
  };
}

export function describeIpe(source: ExhibitSource, cluster: ClusterIdentity, toolVersion: string): ReportIpe {
  const { listing, run } = source;
  return {
    exhibit: source.id,
    source: [
      cluster.server ?? 'API server address not recorded',
      `CA SHA-256 ${cluster.caFingerprint ?? 'not recorded'}`,
      `kube-system UID ${cluster.uid ?? 'not recorded'}`,
      `Kubernetes ${cluster.version ?? 'version not recorded'}`,
    ].join('; '),
    actor: `${cluster.actor ?? 'actor not recorded'}, ${run.summary.kind === 'scheduled' ? 'by schedule' : 'started by a person'}`,
    tool: `kubevidence ${toolVersion}, collector ${listing.kind.split('/')[0] ?? ''} version ${listing.collectorVersion}`,
    requests: listing.requests.map((request) => ({
      query: queryOf(request),
      status: request.status,
      startedAt: request.startedAt,
      endedAt: request.endedAt,
      serverDate: request.serverDate ?? null,
      resourceVersion: request.resourceVersion ?? null,
      pages: request.pages,
      items: request.items,
      consistent: request.consistency === 'consistent',
      auditId: request.auditId ?? null,
    })),
    completeness: completenessOf(listing),
    handling: handlingOf(listing),
    assurance: listing.assurance,
  };
}

/** Of a listing or of an assessment, whose schema gives optional members as `undefined`. */
export function describeGap(
  gap: Pick<ReportGap, 'reason' | 'what'> & { readonly detail?: string | undefined; readonly closedBy?: string | undefined },
): ReportGap {
  return { reason: gap.reason, what: gap.what, detail: gap.detail ?? null, closedBy: gap.closedBy ?? null };
}

function queryOf(request: RequestRecord): string {
  const verb = request.auditId === undefined ? 'read file' : 'GET';
  return `${verb} ${request.path}${request.accept === undefined ? '' : ` (Accept: ${request.accept})`}`;
}

function completenessOf(listing: StoredListing): string {
  const gaps = listing.gaps.map((gap) => `${gap.what} (${gap.reason}${gap.detail === undefined ? '' : `: ${gap.detail}`})`);
  if (gaps.length > 0) return `Not complete: ${gaps.join('; ')}`;
  if (!isComplete(listing)) return 'Not complete: a list expired while it was read, so its items are not of one resourceVersion';
  const pages = sum(listing.requests.map((request) => request.pages));
  return `Complete: ${pages} ${pages === 1 ? 'page' : 'pages'} read to the last, ${listing.items} ${listing.items === 1 ? 'item' : 'items'}`;
}

function handlingOf(listing: StoredListing): string {
  const rules = Object.entries(listing.scrubbed)
    .filter(([, count]) => count > 0)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  const removed = rules.length === 0 ? 'no value removed' : rules.map(([rule, count]) => `${rule} ${count}`).join(', ');
  return `Fields kept by keep-list ${listing.keepDigest.slice(0, 12)}; scrubbed: ${removed}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
