/**
 * Bindings that came, or that give other subjects a role, since the latest earlier run that read them all. Net differences: what came and
 * went between two runs, and what was deleted, leaves no binding that could carry anything. Each kind is compared for itself.
 */
import { isBootstrapGrant, readSubject, roleRefOf } from '../../access/index.ts';
import type {
  EvidenceReader,
  Gap,
  Json,
  ListingKind,
  Population,
  PopulationInput,
  Row,
  StoredListing,
  StoredObject,
} from '../../model/index.ts';
import { at, canonicalize, isComplete, isObject, listAt, textAt } from '../../model/index.ts';
import { nameOf, resourceOf, uniqueKeys } from '../identity.ts';

const kinds: readonly ListingKind[] = ['k8s.rbac/clusterrolebindings', 'k8s.rbac/rolebindings'];

const noEarlierRun = (kind: ListingKind): Gap => ({
  reason: 'absent',
  what: `an earlier run that read all ${kind.slice('k8s.rbac/'.length)}`,
  detail: 'changes only show as a difference',
  closedBy: 'collect a second time',
});

/** More snapshots without the listing are not looked through. */
const farthest = 100;

/** The latest snapshot before this one in which the listing is complete: a change made beside a failed run is not lost. */
function findEarlier(reader: EvidenceReader, kind: ListingKind): { reader: EvidenceReader; listing: StoredListing } | null {
  let earlier = reader.previous();
  for (let steps = 0; earlier !== null && steps < farthest; steps++, earlier = earlier.previous()) {
    const listing = earlier.listing(kind);
    if (listing !== undefined && isComplete(listing)) return { reader: earlier, listing };
  }
  return null;
}

/** There is one at a time; who deletes it and makes it anew gives it another uid. */
function fullNameOf({ type, namespace, name }: StoredObject): string {
  return `${type}/${namespace}/${name}`;
}

/** What a binding gives: its role and the set of its subjects. */
function meaningOf({ body }: StoredObject): string {
  const subjects = new Set(listAt(body, 'subjects').map((subject) => canonicalize(subject)));
  return canonicalize([at(body, 'roleRef') ?? null, [...subjects].sort()]);
}

/** Annotations with their values, and the names of those whose values were not kept. */
function annotationsOf({ body }: StoredObject): { annotations: Record<string, Json>; hidden: string[] } {
  const given = at(body, 'metadata', 'annotations');
  const entries = isObject(given) ? Object.entries(given) : [];
  return {
    annotations: Object.fromEntries(entries.filter(([, value]) => typeof value === 'string')) as Record<string, Json>,
    hidden: entries.filter(([, value]) => typeof value !== 'string').map(([key]) => key),
  };
}

/** Annotations stay on an object, and in the file that it is made anew from, so those of a change are told from those of before. */
function annotationsBefore(before: StoredObject | undefined): { annotationsBefore: Record<string, Json>; hiddenBefore: string[] } {
  const { annotations, hidden } = before === undefined ? { annotations: {}, hidden: [] } : annotationsOf(before);
  return { annotationsBefore: annotations, hiddenBefore: hidden };
}

function toRow(item: string, binding: StoredObject, before: StoredObject | undefined): Row {
  const { bindingKey, roleKey, namespace } = roleRefOf(binding);
  const subjects = listAt(binding.body, 'subjects').flatMap((subject) => readSubject(subject, namespace)?.text ?? []);
  const created = textAt(binding.body, 'metadata', 'creationTimestamp');
  const isSame = before?.uid === binding.uid;
  const since = !isSame && created !== undefined && !Number.isNaN(Date.parse(created)) ? new Date(created) : undefined;
  return {
    item,
    resource: resourceOf(binding),
    evidence: before === undefined ? [binding.id] : [binding.id, before.id],
    ...(since && { since: { at: since.toISOString(), source: `creationTimestamp of ${bindingKey}` } }),
    binding: bindingKey,
    role: roleKey,
    change: before === undefined ? 'created' : isSame ? 'changed' : 'deleted and made anew',
    subjects,
    builtin: subjects.length > 0 && subjects.every((subject) => isBootstrapGrant(bindingKey, roleKey, subject)),
    ...annotationsOf(binding),
    ...annotationsBefore(before),
  };
}

function* changesOf(input: PopulationInput, kind: ListingKind, unique: (key: string) => string): Iterable<Row> {
  const earlier = findEarlier(input.reader, kind);
  if (earlier === null) {
    input.gap(noEarlierRun(kind));
    return;
  }
  input.cite(earlier.listing);
  // A reader of many snapshots gives the very same list where nothing changed, and the very same objects.
  if (earlier.reader.objects(kind) === input.reader.objects(kind)) return;
  const all = new Set(earlier.reader.objects(kind));
  const others = [...input.each(kind)].filter((binding) => !all.has(binding));
  const names = new Set(others.map(({ name }) => name));
  const before = new Map<string, StoredObject>();
  for (const binding of all) if (names.has(binding.name)) before.set(fullNameOf(binding), binding);
  for (const binding of others) {
    const old = before.get(fullNameOf(binding));
    if (old?.uid === binding.uid && (old.id === binding.id || meaningOf(old) === meaningOf(binding))) continue;
    yield toRow(unique(nameOf(binding.type, binding.type === 'ClusterRoleBinding' ? '' : binding.namespace, binding.name)), binding, old);
  }
}

export const bindingChanges: Population = {
  name: 'bindingChanges',
  doc: 'A binding that was created, or whose subjects changed, since the earlier run',
  from: kinds,
  *rows(input) {
    const unique = uniqueKeys();
    for (const kind of kinds) yield* changesOf(input, kind, unique);
  },
};
