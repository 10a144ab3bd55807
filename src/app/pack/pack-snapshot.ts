/** What a pack tells of its last snapshot beside the judgement: who is bound to what, and what differs from the first snapshot of the period. */
import { readPopulation } from '../../assessment/index.ts';
import type { Ledger } from '../../ledger/index.ts';
import type { EvidenceReader, Gap, RunSummary } from '../../model/index.ts';
import { KubevidenceError, textAt, observedAt } from '../../model/index.ts';
import { populations } from '../../populations/index.ts';
import type { ReportBinding, ReportChanges } from '../../reporting/index.ts';
import { judge } from '../assess/assess.ts';
import { labelsAt } from '../assess/labels.ts';
import type { CatalogInForce } from '../catalog.ts';
import type { Config } from '../config.ts';
import { withSnapshot } from './pack-period.ts';

export function readBindings(reader: EvidenceReader): { rows: ReportBinding[]; gaps: readonly Gap[] } {
  const created = new Map<string, string>();
  for (const kind of ['k8s.rbac/clusterrolebindings', 'k8s.rbac/rolebindings'] as const)
    for (const { uid, body } of reader.objects(kind)) created.set(uid, textAt(body, 'metadata', 'creationTimestamp') ?? '');
  const rows: ReportBinding[] = [];
  const grants = populations.find((population) => population.name === 'grants');
  if (grants === undefined) throw new KubevidenceError('defect', 'there is no population of grants');
  const { gaps } = readPopulation(grants, reader, (row) => {
    const text = (key: string) => (typeof row[key] === 'string' ? row[key] : '');
    rows.push({
      subject: text('subject'),
      role: text('role'),
      scope: text('scope'),
      binding: text('binding'),
      created: created.get(row.resource.uid) || null,
      uid: row.resource.uid,
    });
  });
  return { rows, gaps };
}

/** What differs between the first snapshot of the period and the assessed one, when they are two. */
export function changesSince(
  ledger: Ledger,
  cluster: string,
  runs: readonly RunSummary[],
  run: RunSummary,
  reader: EvidenceReader,
  inForce: Pick<CatalogInForce, 'catalog' | 'configured'>,
  config: Config,
) {
  const opening = runs.find(withSnapshot);
  if (opening === undefined || opening.number === run.number) return null;
  const first = ledger.snapshot(cluster, opening.number);
  const { exceptions } = labelsAt(ledger, cluster, observedAt(opening));
  return { assessment: judge(first, inForce, {}, config, exceptions).assessment, objects: countChanges(first, reader) };
}

/** Net differences by kind; only kinds that both snapshots read completely, because a gap is no change. */
function countChanges(before: EvidenceReader, after: EvidenceReader): ReportChanges['objects'] {
  const changes: ReportChanges['objects'][number][] = [];
  for (const { kind, gaps } of after.listings()) {
    // Metrics, own rights and server descriptions change by themselves; they are evidence, not objects.
    if (!/^k8s\.(?!apiserver|self|cluster)/.test(kind) || gaps.length > 0 || before.listing(kind)?.gaps.length !== 0) continue;
    const known = new Map<string, string>();
    for (const object of before.objects(kind)) known.set(`${object.namespace}/${object.name}/${object.uid}`, object.id);
    let [added, changed] = [0, 0];
    for (const object of after.objects(kind)) {
      const key = `${object.namespace}/${object.name}/${object.uid}`;
      const id = known.get(key);
      if (id === undefined) added += 1;
      else if (id !== object.id) changed += 1;
      known.delete(key);
    }
    if (added + known.size + changed > 0) changes.push({ kind, added, removed: known.size, changed });
  }
  return changes;
}
