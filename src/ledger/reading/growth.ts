/**
 * What makes a ledger grow: the bytes that each run added, and the objects of which it holds the most versions. Sizes are as stored. Versions
 * are counted among the latest objects only, so that asking costs the same however old the ledger is.
 */
import { isObject, textAt } from '../../model/index.ts';
import { objectCount } from '../storage/blocks.ts';
import type { Stores } from '../stores.ts';

export interface RunGrowth {
  readonly cluster: string;
  readonly run: number;
  /** Objects that no earlier run had stored. */
  readonly objects: number;
  /** Objects, trees, payloads and records; as long as they are not erased. */
  readonly bytes: number;
}

export interface Churner {
  readonly kind: string;
  /** Empty for cluster-scoped. */
  readonly namespace: string;
  readonly name: string;
  readonly versions: number;
}

export interface Churn {
  /** How many of the latest stored objects were looked at. */
  readonly among: number;
  /** Those with most versions first, at most twenty; only what has more than one. */
  readonly objects: readonly Churner[];
}

const latestObjects = 10_000;
const churners = 20;

/** In (cluster, run) order. */
export function readGrowth({ db }: Pick<Stores, 'db'>): RunGrowth[] {
  const runs = db
    .prepare<[], { cluster: string; run: number; plan: number; end: number | null; bytes: number }>(
      `SELECT cluster, run, max(leaf) FILTER (WHERE type = 'run-planned') AS plan, max(leaf) FILTER (WHERE type = 'run-ended') AS end,
         sum(length(bytes)) AS bytes FROM log WHERE type IN ('run-planned', 'run-ended') GROUP BY cluster, run ORDER BY cluster, run`,
    )
    .all();
  const byRun = (sql: string) => new Map(db.prepare<[], [number, number]>(sql).raw().all());
  const objects = byRun('SELECT run, sum(length(entries) / 52) FROM block GROUP BY run');
  const parts = [
    byRun('SELECT run, sum(length(entries) + length(bytes)) FROM block GROUP BY run'),
    byRun('SELECT run, sum(length(bases)) FROM difference JOIN block USING (first) GROUP BY run'),
    byRun('SELECT run, sum(length(bytes) + length(id) + length(salt)) FROM tree GROUP BY run'),
  ];
  const payloads = byRun('SELECT leaf, length(bytes) + length(salts) FROM payload');
  return runs.map(({ cluster, run, plan, end, bytes }) => ({
    cluster,
    run,
    objects: objects.get(plan) ?? 0,
    bytes: parts.reduce((sum, part) => sum + (part.get(plan) ?? 0), bytes + (payloads.get(end ?? -1) ?? 0)),
  }));
}

export function readChurn({ objects }: Pick<Stores, 'objects'>): Churn {
  const found = new Map<string, { kind: string; namespace: string; name: string; versions: number }>();
  let among = 0;
  for (const block of objects.latestBlocks()) {
    if (among >= latestObjects) break;
    among += objectCount(block);
    for (const bytes of objects.unpack(block)) {
      const metadata = bytes.length === 0 ? undefined : metadataOf(bytes);
      if (metadata === undefined) continue;
      const [namespace, name] = [textAt(metadata, 'namespace') ?? '', textAt(metadata, 'name') ?? ''];
      const key = JSON.stringify([block.kind, namespace, name]);
      const known = found.get(key);
      if (known === undefined) found.set(key, { kind: block.kind, namespace, name, versions: 1 });
      else known.versions++;
    }
  }
  const several = [...found.values()].filter(({ versions, name }) => versions > 1 && name !== '');
  return { among, objects: several.sort((a, b) => b.versions - a.versions || (a.name < b.name ? -1 : 1)).slice(0, churners) };
}

function metadataOf(bytes: Buffer) {
  const body: unknown = JSON.parse(bytes.toString('utf8'));
  return isObject(body) && isObject(body.metadata) ? body.metadata : undefined;
}
