/**
 * What differs between two snapshots of one cluster: objects, found by walking only what differs, and outcomes, judged on both sides by
 * the same catalog and parameters, so that a changed definition is never drift. Net differences: what came and went between the two runs
 * leaves no trace in them.
 */
import { concernsPaths, nameOf, pathListings, rbacListings } from '../../access/index.ts';
import { compareOutcomes, countNotAssessed, type Drift, type OutcomeChange } from '../../assessment/index.ts';
import { type Baseline, type KindDifference, type Ledger } from '../../ledger/index.ts';
import type { Assessment, ListingKind, RunSummary } from '../../model/index.ts';
import { canonicalize, KubevidenceError, visible, observedAt } from '../../model/index.ts';
import { judge } from '../assess/assess.ts';
import { type CatalogInForce, loadCatalogInForce } from '../catalog.ts';
import { type Config, loadConfig, pickCluster } from '../config.ts';
import { type AppContext, toolName } from '../context.ts';
import { durationForm, formatDuration, parseDuration } from '../duration.ts';
import { accessDrift, countPaths, noPathDrift, pathDrift, readSide, type Side } from './drift-access.ts';
import { requireText } from './exceptions.ts';
import { type Labels, labelsAt } from '../assess/labels.ts';
import { openLedgerForReading, openLedgerForWriting } from '../open-ledger.ts';
import { rememberObjects } from '../assess/remembering-reader.ts';

export interface DriftOptions {
  readonly configPath?: string | undefined;
  readonly cluster?: string | undefined;
  readonly fromRun?: number | undefined;
  readonly toRun?: number | undefined;
  /** A length of time back from now. */
  readonly since?: string | undefined;
  readonly namespace?: string | undefined;
  /** Compare with the accepted baseline. */
  readonly baseline?: boolean | undefined;
}

export interface BaselineOrder {
  readonly cluster?: string | undefined;
  /** Default: the latest snapshot. */
  readonly run?: number | undefined;
  readonly reason: string;
  readonly by: string;
}

/** Counters, gauges, heartbeats and the runs before: they differ in every run, and controls judge them. */
const measurements: readonly ListingKind[] = [
  'k8s.apiserver/leases',
  'k8s.apiserver/metrics',
  'k8s.apiservers/metrics',
  'kubevidence.ledger/runs',
];
/** More differing objects are counted, not listed. */
const mostObjects = 10_000;

export async function driftCommand(context: AppContext, options: DriftOptions): Promise<Drift> {
  const config = loadConfig({ cwd: context.cwd, path: options.configPath, uid: context.uid });
  const cluster = pickCluster(config, options.cluster).name;
  const inForce = loadCatalogInForce(config);
  const ledger = openLedgerForReading(context, config);
  try {
    const baseline = options.baseline ? requireBaseline(ledger.baseline(cluster), cluster, options) : null;
    const chosen = baseline === null ? options : { ...options, fromRun: baseline.run };
    const [from, to] = chooseSnapshots(ledger.runs(cluster), cluster, chosen, context);
    warnOfUnlike(ledger, from, to, context);
    const { exceptions } = labelsAt(ledger, cluster, context.clock().toISOString());
    const drift = compareSnapshots(ledger, config, inForce, from, to, { namespace: options.namespace, exceptions });
    return baseline === null ? drift : { ...drift, baseline: { acceptedAt: baseline.at, by: baseline.by, reason: baseline.reason } };
  } finally {
    ledger.close();
  }
}

/** What differs between these is no change of one cluster. */
function warnOfUnlike(ledger: Ledger, from: RunSummary, to: RunSummary, { warn }: Pick<AppContext, 'warn'>): void {
  const [was, is] = [ledger.snapshot(from.cluster, from.number), ledger.snapshot(to.cluster, to.number)];
  const both = `run ${from.number} and run ${to.number} of ${visible(to.cluster)}`;
  if (was.scope !== is.scope) warn(`${both}: one is of files, the other of a cluster, so what no file holds counts as added or removed`);
  if (was.cluster.uid !== null && is.cluster.uid !== null && was.cluster.uid !== is.cluster.uid)
    warn(`${both} are of two clusters: the name was bound to another one between them`);
}

/** Records the snapshot with which later ones are to be compared. */
export async function acceptBaseline(context: AppContext, config: Config, order: BaselineOrder): Promise<Baseline> {
  const cluster = pickCluster(config, order.cluster).name;
  const [reason, by] = [requireText('--reason', order.reason), requireText('--by', order.by, 200)];
  const ledger = await openLedgerForWriting(context, config);
  try {
    const run = order.run ?? ledger.runs(cluster).findLast(isSnapshot)?.number;
    if (run === undefined) throw nothingRead(visible(cluster));
    const accepted = ledger.acceptBaseline({ cluster, run, reason, by });
    ledger.checkpoint();
    return accepted;
  } finally {
    ledger.close();
  }
}

function requireBaseline(baseline: Baseline | undefined, cluster: string, { fromRun, since }: DriftOptions): Baseline {
  if (fromRun !== undefined || since !== undefined)
    throw new KubevidenceError('usage', '--baseline says where to begin, as --from-run and --since do', { next: 'Leave one of them out.' });
  if (baseline !== undefined) return baseline;
  throw new KubevidenceError('usage', `no baseline of ${visible(cluster)} was accepted yet`, {
    next: 'Accept one: kubevidence drift baseline accept --reason TEXT --by NAME',
  });
}

function isSnapshot({ status }: RunSummary): boolean {
  return status === 'succeeded' || status === 'partial';
}

function nothingRead(name: string): KubevidenceError {
  return new KubevidenceError('usage', `there is no snapshot of ${name} yet`, { next: 'Collect first: kubevidence collect' });
}

function compareSnapshots(
  ledger: Ledger,
  config: Config,
  inForce: CatalogInForce,
  from: RunSummary,
  to: RunSummary,
  { namespace, exceptions }: Pick<DriftOptions, 'namespace'> & Pick<Labels, 'exceptions'>,
): Drift {
  const { cluster } = to;
  const isWanted = (kind: ListingKind) => !measurements.includes(kind);
  const objects: Drift['objects'] = [];
  const kinds: Drift['kinds'] = [];
  const onPaths = new Map<string, 'added' | 'removed' | 'changed'>();
  let pathsDiffer = false;
  let notListed = 0;
  for (const difference of ledger.differences(cluster, from.number, to.number, { namespace, isWanted })) {
    const { kind, items } = difference;
    const room = Math.max(0, mostObjects - objects.length);
    for (const { paths, ...item } of items.slice(0, room)) objects.push({ kind, ...item, paths: [...paths] });
    notListed += Math.max(0, items.length - room);
    kinds.push(describeKind(difference));
    if (!pathListings.includes(kind)) continue;
    pathsDiffer ||= difference.unknown > 0 || difference.before?.complete !== difference.after?.complete;
    for (const { change, type, namespace: inside, name, paths, more } of items)
      if (
        concernsPaths(
          kind,
          change,
          Array.from(paths, ({ path }) => path),
          more,
        )
      )
        onPaths.set(nameOf(type, inside, name), change);
  }
  const { judgedBy, before, after } = assessments(ledger, config, inForce, from, to, namespace);
  // Where no object of RBAC differs, nobody's access does.
  const isAccess = ({ kind, added, removed, changed, before, after }: Drift['kinds'][number]) =>
    rbacListings.some((each) => each === kind) && (added + removed + changed > 0 || before?.complete !== true || after?.complete !== true);
  // Cluster roles are bound in namespaces, and are not among the kinds of one.
  const sides = lazily(() => [from, to].map(({ number }) => readSide(ledger.snapshot(cluster, number))) as [Side, Side]);
  const access =
    namespace !== undefined || kinds.some(isAccess)
      ? accessDrift(...sides(), namespace)
      : { gained: [], lost: [], notListed: 0, unknown: 0, gaps: [] };
  pathsDiffer ||= onPaths.size > 0 || before.cluster.version !== after.cluster.version;
  const paths = namespace !== undefined ? null : pathsDiffer ? pathDrift(...sides(), inForce.catalog.techniques, onPaths) : noPathDrift;
  const outcomes = compareOutcomes(before, after, exceptions).filter((change) => namespace === undefined || concernsNamespace(change));
  return {
    schema: 'kubevidence/drift/v1',
    cluster: { name: cluster, uid: after.cluster.uid },
    namespace: namespace ?? null,
    from: { run: from.number, status: from.status, at: observedAt(from) },
    to: { run: to.number, status: to.status, at: observedAt(to) },
    baseline: null,
    drift: objects.length + outcomes.length + access.gained.length + access.lost.length + countPaths(paths) > 0,
    judgedBy,
    outcomes,
    notAssessed: countNotAssessed(before, after),
    access,
    paths,
    objects,
    notListed,
    kinds,
    notCompared: [...measurements],
  };
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** Whether a namespace has nothing to test, or passes, can depend on what others have. */
function concernsNamespace({ before, after, appeared, resolved }: OutcomeChange): boolean {
  const isGood = (outcome: OutcomeChange['before']) => outcome === 'pass' || outcome === 'notApplicable';
  return appeared.length + resolved.length > 0 || !isGood(before) || !isGood(after);
}

function describeKind({ kind, before, after, readDifferently, items, unknown }: KindDifference): Drift['kinds'][number] {
  const side = (read: KindDifference['before']) => (read === null ? null : { ...read, gaps: [...read.gaps] });
  const count = (change: string) => items.filter((item) => item.change === change).length;
  const counts = { added: count('added'), removed: count('removed'), changed: count('changed'), unknown };
  return { kind, before: side(before), after: side(after), readDifferently, ...counts };
}

/**
 * As recorded with today's definitions, when both are; else both are judged now. Besides catalog and parameters, which frameworks are
 * configured and who runs the control plane decide what is judged and how.
 */
function assessments(
  ledger: Ledger,
  config: Config,
  inForce: CatalogInForce,
  from: RunSummary,
  to: RunSummary,
  namespace: string | undefined,
): Pick<Drift, 'judgedBy'> & { readonly before: Assessment; readonly after: Assessment } {
  const { managed } = config.clusters.find(({ name }) => name === to.cluster) ?? {};
  const today = canonicalize([config.frameworks, managed ?? null]);
  const choicesAt = (leaf: number): string => {
    const list = ledger.definitionState(leaf)?.list ?? [];
    const valueOf = (name: string) => list.find(({ what }) => what === name)?.value ?? null;
    return canonicalize([valueOf('frameworks'), valueOf(`managed ${to.cluster}`)]);
  };
  const recorded = (run: RunSummary): Assessment | undefined =>
    ledger
      .assessments(run.cluster, run.number)
      .findLast(
        ({ catalogDigest, paramsDigest, toolVersion, leaf }) =>
          catalogDigest === inForce.catalog.digest &&
          paramsDigest === inForce.paramsDigest &&
          toolVersion === toolName &&
          choicesAt(leaf) === today,
      )?.assessment;
  const [before, after] = namespace === undefined ? [recorded(from), recorded(to)] : [];
  if (before !== undefined && after !== undefined) return { judgedBy: 'recorded', before, after };
  const judged = (run: RunSummary): Assessment =>
    judge(rememberObjects(ledger.snapshot(run.cluster, run.number)), inForce, { namespace }, config).assessment;
  return { judgedBy: 'today', before: judged(from), after: judged(to) };
}

/** By default the latest snapshot and the one before it. Errors: `usage`; `incomplete` when nothing was read in the time asked for. */
export function chooseSnapshots(
  runs: readonly RunSummary[],
  cluster: string,
  { fromRun, toRun, since }: Pick<DriftOptions, 'fromRun' | 'toRun' | 'since'>,
  { clock, warn }: Pick<AppContext, 'clock' | 'warn'>,
): readonly [from: RunSummary, to: RunSummary] {
  const name = visible(cluster);
  const next = 'See the runs: kubevidence ledger status';
  if (fromRun !== undefined && since !== undefined)
    throw new KubevidenceError('usage', '--from-run and --since both say where to begin', { next: 'Leave one of them out.' });
  const snapshots = runs.filter(isSnapshot);
  const named = (number: number): RunSummary => {
    const found = snapshots.find((run) => run.number === number);
    if (found !== undefined) return found;
    const run = runs.find((each) => each.number === number);
    const why =
      run === undefined ? `there is no run ${number} of ${name}` : `run ${number} of ${name} is ${run.status}: it has no snapshot`;
    throw new KubevidenceError('usage', why, { next });
  };
  const to = toRun === undefined ? snapshots.at(-1) : named(toRun);
  if (to === undefined) throw nothingRead(name);
  const earlier = snapshots.filter((run) => run.number < to.number);
  if (fromRun !== undefined) {
    const from = named(fromRun);
    if (from.number >= to.number)
      throw new KubevidenceError('usage', `run ${from.number} is not before run ${to.number}`, {
        next: 'Name the earlier run with --from-run.',
      });
    return [from, to];
  }
  const from = since === undefined ? earlier.at(-1) : heldBefore(earlier, to, since, name, { clock, warn });
  if (from === undefined)
    throw new KubevidenceError('usage', `there is no snapshot of ${name} before run ${to.number}`, {
      next: 'Collect again: kubevidence collect',
    });
  return [from, to];
}

/** The snapshot that held so long ago; the first one where the ledger is younger. */
function heldBefore(
  earlier: readonly RunSummary[],
  to: RunSummary,
  since: string,
  name: string,
  { clock, warn }: Pick<AppContext, 'clock' | 'warn'>,
): RunSummary | undefined {
  const seconds = parseDuration(since);
  if (seconds === null) throw new KubevidenceError('usage', `${visible(since)} is no length of time`, { next: durationForm });
  const begin = new Date(clock().getTime() - seconds * 1000).toISOString();
  if (observedAt(to) <= begin)
    throw new KubevidenceError('incomplete', `nothing was read of ${name} in the last ${formatDuration(seconds)}`, {
      means: `Its latest snapshot, run ${to.number}, is of ${observedAt(to)}`,
      next: 'Collect first: kubevidence collect',
    });
  const held = earlier.findLast((run) => observedAt(run) <= begin);
  if (held === undefined && earlier[0] !== undefined)
    warn(`there is no snapshot from before ${begin}: compared with the first one, run ${earlier[0].number} of ${observedAt(earlier[0])}`);
  return held ?? earlier[0];
}
