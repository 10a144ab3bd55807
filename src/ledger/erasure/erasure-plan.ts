/**
 * What an erasure would destroy, each thing with the runs in which it was read, until when it is to be kept and which holds cover it. A
 * whole run takes with it the trees and objects that no other run names. It only reads: whoever erases plans again in the same moment.
 */
import type { ErasableClass, LogRecord } from '../../log/index.ts';
import { type Instant, KubevidenceError, listAt, textAt } from '../../model/index.ts';
import {
  findObjects,
  findPayloads,
  findPayloadsById,
  type FoundObject,
  matches,
  nameForm,
  type ObjectName,
  readRecord,
  readRuns,
  type SearchedRun,
} from './erasure-search.ts';
import { type Holdable, isCovered, observedAt, readHolds } from './holds.ts';
import { payloadId } from '../storage/payloads.ts';
import { addPeriod, readPeople, readRetention, type RetentionPolicy } from './retention.ts';
import type { Stores } from '../stores.ts';

export interface ErasureRequest {
  readonly cluster: string;
  /** All stored versions of these. */
  readonly objects: readonly ObjectName[];
  /** Salted ids of objects or payloads, hex. */
  readonly ids: readonly string[];
  /** Leaves of records whose payloads shall go; of a run, with everything that only this run read. */
  readonly payloads: readonly number[];
  /** As they are written; each spelling is a name of its own. */
  readonly persons: readonly string[];
  /** Everything of the cluster, and of no cluster, whose retention is over and that no hold covers. */
  readonly expired: boolean;
  /** Only what was last in a snapshot, or recorded, before. */
  readonly before: Instant | null;
  /** Also the assessments that quote one of the objects. */
  readonly assessments: boolean;
}

export interface ErasureTarget {
  readonly class: ErasableClass;
  /** Null for payloads that belong to no cluster. */
  readonly cluster: string | null;
  /** Of the listing; null unless it is an object. */
  readonly kind: string | null;
  /** Hex; more than one where a record names several payloads. */
  readonly ids: readonly string[];
  /** `RoleBinding/clinic/alice`, `assessment of run 3`. Untrusted text. */
  readonly title: string;
  /** Numbers of the runs that read it; empty for payloads of no run. */
  readonly runs: readonly number[];
  /** Null: what it says is still in effect. */
  readonly retainUntil: Instant | null;
  /** Ids of the holds that cover it. */
  readonly holds: readonly string[];
  /** Number of the object, or leaf of the record. */
  readonly place: number;
}

export interface ErasurePlan {
  readonly targets: readonly ErasureTarget[];
  /** What names the same and stays: one sentence each, safe to print. */
  readonly stays: readonly string[];
  /** What no run names once whole runs are gone; some of the objects may be erased already. */
  readonly orphans: { readonly trees: readonly number[]; readonly objects: readonly number[] };
}

export function planErasure(stores: Stores, request: ErasureRequest, policy: RetentionPolicy, now: Instant): ErasurePlan {
  const { cluster, before } = request;
  const runs = readRuns(stores, cluster);
  const holds = readHolds(stores);
  const heldBy = (items: readonly Holdable[]) => holds.filter((hold) => items.some((item) => isCovered(hold, item))).map(({ id }) => id);
  const people = new Map(readPeople(stores).map((each) => [each.leaf, each]));

  const { found, stays } = findObjects(stores, { cluster, names: request.objects, ids: new Set(request.ids), persons: request.persons });
  const readBy = runsOf(stores, runs, found);
  const objects = found.map((object): ErasureTarget => {
    const by = readBy.get(object.ref) ?? [];
    const last = by.reduce((latest, { at }) => (at > latest ? at : latest), '');
    return {
      class: 'object',
      cluster,
      kind: object.kind,
      ids: [object.id],
      title: titleOf(object.name),
      runs: by.map(({ number }) => number),
      retainUntil: last === '' ? now : addPeriod(last, policy.evidence),
      holds: heldBy(by.map(({ number, at }) => ({ cluster, run: number, at }))),
      place: object.ref,
    };
  });
  const lastSeen = (target: ErasureTarget) => Math.max(-1, ...(readBy.get(target.place) ?? []).map(({ at }) => Date.parse(at)));
  const chosen = before === null ? objects : objects.filter((target) => lastSeen(target) < Date.parse(before));

  const describe = (leaf: number): ErasureTarget => {
    const record = readRecord(stores, leaf);
    const of = 'cluster' in record ? record.cluster : null;
    if (of !== null && of !== cluster)
      throw new KubevidenceError('usage', `record ${leaf} is of another cluster than ${cluster}`, { next: 'Name its cluster: --cluster' });
    if (stores.payloads.erased(leaf)) throw new KubevidenceError('usage', `the payload of record ${leaf} is erased already`);
    const ids = payloadIds(stores, leaf, record);
    const run = 'run' in record ? record.run : null;
    const summary = run === null || of === null ? undefined : stores.runs.get(of, run);
    const at = summary === undefined ? record.at : observedAt(summary);
    const common = {
      cluster: of,
      kind: null,
      ids,
      runs: run === null ? [] : [run],
      holds: heldBy([{ cluster: of, run, at }]),
      place: leaf,
    };
    if (record.type === 'run-ended')
      return { ...common, class: 'run', title: `run ${record.run}, all that it read`, retainUntil: addPeriod(at, policy.evidence) };
    if (record.type === 'assessed')
      return {
        ...common,
        class: 'assessment',
        title: `assessment of run ${record.run}`,
        retainUntil: addPeriod(record.at, policy.assessments),
      };
    const { until, needed } = people.get(leaf) ?? { until: null, needed: true };
    if (needed)
      throw new KubevidenceError(
        'usage',
        `record ${leaf} holds definitions that are in force: what is collected and judged rests on them`,
        {
          next: 'It can go when later definitions have taken their place.',
        },
      );
    return {
      ...common,
      class: 'people',
      title: `what the ${record.type} record ${leaf} says of people`,
      retainUntil: until === null ? null : addPeriod(until, policy.people),
    };
  };
  const leaves = new Set([...request.payloads, ...findPayloadsById(stores, new Set(request.ids))]);
  const naming: number[] = [];
  const inForce: number[] = [];
  for (const leaf of findPayloads(stores, request.persons.map(nameForm))) {
    const record = readRecord(stores, leaf);
    if ('cluster' in record && record.cluster !== null && record.cluster !== cluster) continue;
    // A run's payload holds its whole evidence together: it goes only when somebody says so.
    if (record.type === 'run-ended') naming.push(leaf);
    else if (people.get(leaf)?.needed === true) inForce.push(leaf);
    else leaves.add(leaf);
  }
  if (naming.length > 0)
    stays.push(
      `${naming.length === 1 ? 'the payload of a run names' : `the payloads of ${naming.length} runs name`} it too, as the collector's user or in an error (record ${naming.join(', ')}): only the whole run can go, with --payload`,
    );
  if (inForce.length > 0)
    stays.push(
      `the definitions in force contain it, in their text, in a parameter, or, as an older version recorded it, as who asked for or approved them (record ${inForce.join(', ')}): that goes when later ones take their place`,
    );
  if (request.assessments) for (const leaf of quoting(stores, cluster, chosen, found)) leaves.add(leaf);
  if (request.expired) for (const leaf of expired(stores, cluster, policy, now)) leaves.add(leaf);
  const payloads = [...leaves]
    .toSorted((a, b) => a - b)
    .map(describe)
    .filter(({ place }) => before === null || readRecord(stores, place).at < before);
  const gone = new Set(payloads.flatMap((target) => (target.class === 'run' ? [target.place] : [])));
  const orphans = gone.size === 0 ? { trees: [], objects: [] } : findOrphans(stores, runs, gone);
  return { targets: [...chosen, ...payloads], stays, orphans };
}

export function titleOf({ type, namespace, name }: ObjectName): string {
  return [type, namespace, name].filter((part) => part !== '').join('/');
}

/** The ids by which the record names its payloads; throws `usage` when it has none, `integrity` when they are not what it names. */
function payloadIds({ payloads }: Stores, leaf: number, record: LogRecord): string[] {
  const stored = payloads.read(leaf);
  if (stored === undefined) throw new KubevidenceError('usage', `record ${leaf} (${record.type}) has no payload`);
  if (record.type === 'run-ended') return record.snapshot === null ? [] : [record.snapshot];
  const named = JSON.stringify(record);
  const ids = stored.map(payloadId);
  if (ids.every((id) => named.includes(id))) return ids;
  throw new KubevidenceError('integrity', `the payload of record ${leaf} is not the one that the record names`);
}

/** The runs that read each object. */
function runsOf({ trees }: Stores, runs: readonly SearchedRun[], found: readonly FoundObject[]): Map<number, SearchedRun[]> {
  const wanted = new Set(found.map(({ ref }) => ref));
  const kinds = new Set(found.map(({ kind }) => kind));
  const readBy = new Map<number, SearchedRun[]>();
  const below = new Map<number, readonly number[]>();
  const inTree = (ref: number, members: (ref: number) => readonly number[]): readonly number[] => {
    const known = below.get(ref) ?? trees.read(ref).members.flatMap((member) => members(member.ref));
    below.set(ref, known);
    return known;
  };
  const inNamespace = (ref: number) => inTree(ref, (object) => (wanted.has(object) ? [object] : []));
  for (const run of runs)
    for (const { kind, tree } of run.trees)
      if (kinds.has(kind)) for (const ref of inTree(tree, inNamespace)) readBy.set(ref, [...(readBy.get(ref) ?? []), run]);
  return readBy;
}

/** Trees and objects that the runs at `gone` name and no other. */
function findOrphans({ trees }: Stores, runs: readonly SearchedRun[], gone: ReadonlySet<number>): ErasurePlan['orphans'] {
  const lost = { trees: new Set<number>(), objects: new Set<number>() };
  const kept = new Set<number>();
  for (const run of runs.filter(({ leaf }) => gone.has(leaf))) for (const { tree } of run.trees) addAll(tree, lost.trees, lost.objects);
  for (const run of runs.filter(({ leaf }) => !gone.has(leaf))) {
    for (const { tree } of run.trees) {
      const named = new Set<number>();
      addAll(tree, kept, named);
      for (const ref of named) lost.objects.delete(ref);
    }
  }
  return { trees: [...lost.trees].filter((ref) => !kept.has(ref)), objects: [...lost.objects] };

  /** A tree that `seen` has was followed before. */
  function addAll(root: number, seen: Set<number>, members: Set<number>): void {
    if (seen.has(root)) return;
    seen.add(root);
    for (const { ref } of trees.read(root).members) {
      if (seen.has(ref)) continue;
      seen.add(ref);
      for (const { ref: object } of trees.read(ref).members) members.add(object);
    }
  }
}

/** Assessments of the cluster that have a finding on one of the objects. */
function quoting({ log, payloads }: Stores, cluster: string, chosen: readonly ErasureTarget[], found: readonly FoundObject[]): number[] {
  const ids = new Set(chosen.flatMap((target) => target.ids));
  const names = new Set(chosen.map(({ title }) => title));
  const refs = new Set(chosen.map(({ place }) => place));
  const forms = found.filter(({ ref }) => refs.has(ref)).map(({ name }) => nameForm(name.name));
  return log.find('assessed', cluster).flatMap(({ leaf }) => {
    const [assessment] = payloads.read(leaf) ?? [];
    const quotes = listAt(assessment?.value, 'controls').some((control) =>
      listAt(control, 'findings').some((finding) => {
        const part = (name: string) => textAt(finding, 'resource', name) ?? '';
        const name = titleOf({ type: part('kind'), namespace: part('namespace'), name: part('name') });
        return (
          names.has(name) ||
          listAt(finding, 'evidence').some((id) => typeof id === 'string' && ids.has(id)) ||
          matches(forms, JSON.stringify(finding))
        );
      }),
    );
    return quotes ? [leaf] : [];
  });
}

function expired(stores: Stores, cluster: string, policy: RetentionPolicy, now: Instant): number[] {
  const { runs, assessments, people } = readRetention(stores, policy, now);
  const own = (leaf: number) => {
    const record = readRecord(stores, leaf);
    return !('cluster' in record) || record.cluster === null || record.cluster === cluster;
  };
  return [...runs.map(({ leaf }) => leaf), ...assessments, ...people].filter(own);
}
