/**
 * What an assessment says, as a timeline takes it. An object that was created since the run before shows by its creationTimestamp since
 * when a finding about it has been there: before, it was not. Of an older object nobody knows when it came to be so.
 */
import type { SinceNew, TimelineFinding, TimelineResult } from '../../assessment/index.ts';
import type { ControlResult, EvidenceReader, Gap, Instant, ListingKind, StoredObject } from '../../model/index.ts';
import { textAt } from '../../model/index.ts';

export interface Judged {
  readonly controls: readonly ControlResult[];
  /** By the definitions of the run before, where they were others. */
  readonly old: readonly ControlResult[] | undefined;
  readonly snapshot: Pick<EvidenceReader, 'at' | 'objects' | 'parts'>;
  /** When the run before was observed. */
  readonly before: Instant | undefined;
}

/** Tells one run after the other; lists of kinds are the same value as long as they say the same. */
export function createTeller(): (judged: Judged) => { readonly results: ReadonlyMap<string, TimelineResult>; readonly sinceNew: SinceNew } {
  const lists = new Map<string, readonly ListingKind[]>();
  /** Controls of one population share their evidence. */
  const known = new WeakMap<ControlResult['evidence'], readonly ListingKind[]>();
  const kindsOf = ({ evidence }: ControlResult): readonly ListingKind[] => {
    let same = known.get(evidence);
    if (same === undefined) {
      const kinds = [...new Set(evidence.map(({ kind }) => kind as ListingKind))];
      const key = kinds.join();
      same = lists.get(key) ?? kinds;
      lists.set(key, same);
      known.set(evidence, same);
    }
    return same;
  };
  return ({ controls, old, snapshot, before }) => {
    const byOld = new Map(old?.map(({ id, outcome }) => [id, outcome]));
    const results = controls.map((control): [string, TimelineResult] => {
      const { id, outcome, findings, gaps, since } = control;
      const byOldDefinitions = byOld.get(id);
      return [
        id,
        {
          outcome,
          findings,
          gaps: gaps as readonly Gap[],
          kinds: kindsOf(control),
          ...(since && { since }),
          ...(byOldDefinitions !== undefined && { byOldDefinitions }),
        },
      ];
    });
    const created = before === undefined ? new Map<string, Instant>() : createdSince(controls, before, snapshot);
    const sinceNew = (finding: TimelineFinding) => {
      const { resource } = finding as ControlResult['findings'][number];
      const at = resource.uid === '' ? undefined : created.get(resource.uid);
      return at === undefined ? undefined : { at, source: `creationTimestamp of ${nameOf(resource)}` };
    };
    return { results: new Map(results), sinceNew };
  };
}

function nameOf({ kind, namespace, name }: ControlResult['findings'][number]['resource']): string {
  return [kind, namespace, name].filter(Boolean).join('/');
}

/** When the objects of a list were created, the latest first; as long as the list is held. */
const creations = new WeakMap<readonly StoredObject[], readonly { readonly uid: string; readonly at: number }[]>();

function creationsIn(list: readonly StoredObject[]) {
  let known = creations.get(list);
  if (known === undefined) {
    known = list
      .map(({ uid, body }) => ({ uid, at: Date.parse(textAt(body, 'metadata', 'creationTimestamp') ?? '') }))
      .filter(({ uid, at }) => uid !== '' && !Number.isNaN(at))
      .sort((a, b) => b.at - a.at);
    creations.set(list, known);
  }
  return known;
}

/** When the latest object of some lists was created; as long as their map is held, which is as long as nothing of the kind changes. */
const latest = new WeakMap<ReadonlyMap<string, readonly StoredObject[]>, number>();

function latestIn(lists: ReadonlyMap<string, readonly StoredObject[]>): number {
  let known = latest.get(lists);
  if (known === undefined) {
    known = -Infinity;
    for (const list of lists.values()) known = Math.max(known, creationsIn(list)[0]?.at ?? -Infinity);
    latest.set(lists, known);
  }
  return known;
}

/** By uid: when what failing controls read was created, as far as that was after the run before. */
function createdSince(controls: readonly ControlResult[], before: Instant, snapshot: Judged['snapshot']): ReadonlyMap<string, Instant> {
  const failing = controls.filter(({ findings }) => findings.length > 0);
  const kinds = new Set(failing.flatMap(({ evidence }) => evidence.map(({ kind }) => kind as ListingKind)));
  const [from, to] = [Date.parse(before), Date.parse(snapshot.at)];
  const created = new Map<string, Instant>();
  for (const kind of kinds) {
    const parts = snapshot.parts?.(kind) ?? null;
    if (parts !== null && latestIn(parts) <= from) continue;
    for (const list of parts?.values() ?? [[...snapshot.objects(kind)]])
      for (const { uid, at } of creationsIn(list)) {
        if (at <= from) break;
        if (at <= to) created.set(uid, new Date(at).toISOString());
      }
  }
  return created;
}
