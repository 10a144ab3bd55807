/**
 * An exhibit: one kind's listing in one run, with everything it takes to compute every id anew, from the objects that are shown up to the id
 * that stands in the run's record: object → namespace's tree → listing's tree → listing → run → record. The others are there by their ids
 * alone; which are shown is the signer's choice, but for those that the assessment cites. What {@link checkExhibit} accepts is exactly what that record committed to, but for parts that are shown with pseudonyms:
 * those stand under the id that the part above names, and their text, with every id in it, is the signer's word.
 */
import { z } from 'zod';
import { decodeRecord, leafHash } from '../log/index.ts';
import type { ListingKind } from '../model/index.ts';
import { at, canonicalBytes, type Json, listAt, parseCanonical, textAt, visible } from '../model/index.ts';
import { exhibitId } from './layout.ts';
import {
  digest,
  isAsItSays,
  isPseudonymised,
  type Pseudonymise,
  type SaltedBytes,
  type ShownJson,
  shownSchema,
  toShownJson,
} from './salted-json.ts';

/** What is needed of the ledger's Exhibit. */
export interface ExhibitSource {
  readonly run: { readonly cluster: string; readonly number: number };
  readonly listing: { readonly kind: ListingKind };
  /** The run's payload: its id stands in the run's record as `snapshot`. */
  readonly snapshot: SaltedBytes;
  readonly payload: SaltedBytes;
  readonly tree: SaltedBytes | null;
  readonly namespaces: readonly (SaltedBytes & { readonly namespace: string })[];
  /** Of all items, in order. */
  readonly ids: readonly string[];
  objectWithSalt(id: string): SaltedBytes | undefined;
}

export interface ExhibitOptions {
  /** Ids of objects that are shown whole; those of other listings may be among them. */
  readonly cited: ReadonlySet<string>;
  /** Of the `run-ended` record. */
  readonly leaf: number;
  /** The record itself. */
  readonly record: Uint8Array;
  readonly pseudonymise?: Pseudonymise | null;
}

const format = 'kubevidence/exhibit/v1';
const shown = shownSchema({});
const schema = z.strictObject({
  format: z.literal(format),
  id: z.string().regex(exhibitId),
  cluster: z.string(),
  run: z.int().positive(),
  kind: z.string(),
  /** Of the run's `run-ended` record; `hash` is the RFC 6962 leaf hash. */
  record: z.strictObject({ leaf: z.int().nonnegative(), hash: digest }),
  runPayload: shown,
  listingPayload: shown,
  /** `[["<namespace>", "<id>"], …]`; null when there are no items. A member without a namespace is `"<id>"`. */
  tree: shown.nullable(),
  /** In the order of `tree`; each `["<id>", …]`, or `["<label>", "<id>"]` for an object whose body does not say what it is. */
  namespaces: z.array(shownSchema({ namespace: z.string() })),
  /** Those that are shown whole, in the order of their ids in the trees. */
  objects: z.array(shown),
});
type Exhibit = z.infer<typeof schema>;

/** `evidence/EX-nnnn.json`, canonical JSON. Throws `integrity` when the ledger hands out what does not fit its id. */
export function buildExhibit(id: string, source: ExhibitSource, { cited, leaf, record, pseudonymise = null }: ExhibitOptions): Uint8Array {
  const { run, listing, snapshot, payload, tree, namespaces, ids } = source;
  const objects = ids.filter((each) => cited.has(each)).flatMap((each) => source.objectWithSalt(each) ?? []);
  const show = (part: SaltedBytes) => toShownJson(part, pseudonymise);
  const nameOf = (namespace: string): string => {
    const name = pseudonymise?.(namespace).value;
    return typeof name === 'string' ? name : namespace;
  };
  const exhibit: Exhibit = {
    format,
    id,
    cluster: run.cluster,
    run: run.number,
    kind: listing.kind,
    record: { leaf, hash: Buffer.from(leafHash(record)).toString('hex') },
    runPayload: show(snapshot),
    listingPayload: show(payload),
    tree: tree === null ? null : show(tree),
    namespaces: namespaces.map((each) => Object.assign(show(each), { namespace: nameOf(each.namespace) })),
    objects: objects.map(show),
  };
  return canonicalBytes(exhibit);
}

/** What an exhibit that holds says. */
export interface ExhibitFacts {
  readonly id: string;
  readonly cluster: string;
  readonly run: number;
  readonly kind: string;
  readonly leaf: number;
  /** Id of the listing, as assessments name it. */
  readonly listing: string;
  readonly items: number;
  /** No gap, and no item whose content was erased since. */
  readonly complete: boolean;
  /** Ids of the objects that are shown whole. */
  readonly objects: ReadonlySet<string>;
  readonly tied: TiedParts;
  readonly pseudonymised: PseudonymisedParts;
}

/** What ids computed anew tie to the record: all, unless pseudonyms stand in between. */
export interface TiedParts {
  readonly items: number;
  /** Shown, and computed anew. */
  readonly objects: number;
  /** Shown with pseudonyms: the id alone is tied. */
  readonly pseudonymised: number;
  /** Erased since. */
  readonly redacted: number;
}

/** What is shown with pseudonyms, and so not computed anew. */
export interface PseudonymisedParts {
  readonly objects: number;
  /** Lists of what a namespace, or the listing, holds. */
  readonly lists: number;
  readonly listing: boolean;
  readonly run: boolean;
}

export interface ExhibitCheck {
  /** Null unless every id holds. */
  readonly facts: ExhibitFacts | null;
  /** One sentence each, safe to print. */
  readonly problems: readonly string[];
}

/**
 * Recomputes everything. `records` are the log's records from its first on, `erased` the ids that they say were erased. Takes any bytes;
 * throws nothing.
 */
export function checkExhibit(bytes: Uint8Array, records: readonly Uint8Array[], erased: ReadonlySet<string> = new Set()): ExhibitCheck {
  const exhibit = parse(bytes);
  if (exhibit === undefined)
    return { facts: null, problems: ['it is not in the form of an exhibit (kubevidence/exhibit/v1, canonical JSON)'] };
  const problems = [
    ...problemsOfIds(exhibit),
    ...problemsOfTrees(exhibit),
    ...problemsOfPayloads(exhibit),
    ...problemsOfRecord(exhibit, records),
    ...exhibit.objects.flatMap(({ id: shown }) =>
      erased.has(shown) ? [`it shows the object ${shown}, which the log says was erased`] : [],
    ),
  ];
  return { facts: problems.length === 0 ? factsOf(exhibit, erased) : null, problems };
}

function parse(bytes: Uint8Array): Exhibit | undefined {
  try {
    return schema.safeParse(parseCanonical(bytes)).data;
  } catch {
    return undefined;
  }
}

/** Each payload for itself: HMAC over what is there. */
function problemsOfIds({ runPayload, listingPayload, tree, namespaces, objects }: Exhibit): string[] {
  const parts: [string, ShownJson | null][] = [
    ['the run', runPayload],
    ['the listing', listingPayload],
    ["the listing's tree", tree],
    ...namespaces.map((each): [string, ShownJson] => [`the tree of namespace "${visible(each.namespace)}"`, each]),
    ...objects.map((each): [string, ShownJson] => [`the object ${each.id}`, each]),
  ];
  return parts.flatMap(([what, part]) => (part === null || isAsItSays(part) ? [] : [`${what} is not what its id says`]));
}

/** Each tree names exactly what stands below it. */
function problemsOfTrees({ tree, namespaces, objects, listingPayload }: Exhibit): string[] {
  const problems: string[] = [];
  const members = tree === null ? [] : membersOf(tree.value);
  const below = namespaces.map(({ namespace, id }) => ({ label: namespace, id }));
  if (
    members === null ||
    members.length !== below.length ||
    members.some(({ label, id }, n) => label !== below[n]?.label || id !== below[n]?.id)
  )
    problems.push("the listing's tree names other namespaces than those shown");
  const ids = new Set<string>();
  let items = 0;
  for (const { namespace, value } of namespaces) {
    const inside = membersOf(value);
    if (inside === null) problems.push(`the tree of namespace "${visible(namespace)}" is no list of ids`);
    for (const { id } of inside ?? []) ids.add(id);
    items += inside?.length ?? 0;
  }
  for (const { id } of objects) if (!ids.has(id)) problems.push(`the object ${id} is in no tree`);
  if (new Set(objects.map(({ id }) => id)).size !== objects.length) problems.push('an object is shown twice');
  const said = at(listingPayload.value, 'listing', 'items');
  if (said !== items) problems.push(`the listing says ${JSON.stringify(said)} items, and its trees hold ${items}`);
  return problems;
}

function problemsOfPayloads({ cluster, kind, runPayload, listingPayload, tree }: Exhibit): string[] {
  const problems: string[] = [];
  if (at(listingPayload.value, 'objects') !== (tree?.id ?? null)) problems.push('the listing names another tree than the one shown');
  if (textAt(listingPayload.value, 'listing', 'kind') !== kind) problems.push('the listing is of another kind than the exhibit says');
  if (textAt(runPayload.value, 'listings', kind) !== listingPayload.id)
    problems.push('the run names another listing of this kind than the one shown');
  if (textAt(runPayload.value, 'identity', 'name') !== cluster) problems.push('the run is of another cluster than the exhibit says');
  return problems;
}

function problemsOfRecord(exhibit: Exhibit, records: readonly Uint8Array[]): string[] {
  const { leaf, hash } = exhibit.record;
  const bytes = records[leaf];
  if (bytes === undefined) return [`the log has no record ${leaf}`];
  if (Buffer.from(leafHash(bytes)).toString('hex') !== hash) return [`record ${leaf} of the log is another one than the exhibit names`];
  try {
    const read = decodeRecord(bytes);
    if (!read.known || read.record.type !== 'run-ended') return [`record ${leaf} of the log does not end a run`];
    const { cluster, run, snapshot, clusterUid } = read.record;
    if (cluster !== exhibit.cluster || run !== exhibit.run) return [`record ${leaf} of the log ends another run`];
    if (snapshot !== exhibit.runPayload.id) return [`record ${leaf} of the log names another payload of the run than the one shown`];
    if (at(exhibit.runPayload.value, 'identity', 'uid') !== clusterUid)
      return [`record ${leaf} of the log names another kube-system UID than the run`];
    return [];
  } catch {
    return [`record ${leaf} of the log is malformed`];
  }
}

function factsOf(exhibit: Exhibit, erased: ReadonlySet<string>): ExhibitFacts {
  const { id, cluster, run, kind, record, listingPayload, namespaces, objects } = exhibit;
  const named = erased.size === 0 ? [] : namespaces.flatMap(({ value }) => membersOf(value) ?? []);
  // Everything here was signed by the pack's own key, and nobody says that this one keeps to our types.
  const listing = at(listingPayload.value, 'listing');
  return {
    id,
    cluster,
    run,
    kind,
    leaf: record.leaf,
    listing: listingPayload.id,
    items: Number(at(listing, 'items')),
    complete:
      !named.some((member) => erased.has(member.id)) &&
      listAt(listing, 'gaps').length === 0 &&
      listAt(listing, 'requests').every((each) => textAt(each, 'consistency') === 'consistent'),
    objects: new Set(objects.map((object) => object.id)),
    tied: tiedOf(exhibit, erased),
    pseudonymised: partsOf(exhibit),
  };
}

/** A part with pseudonyms may say anything, so the ids that it names tie nothing below it. */
function tiedOf({ runPayload, listingPayload, tree, namespaces, objects }: Exhibit, erased: ReadonlySet<string>): TiedParts {
  const above = [runPayload, listingPayload, ...(tree === null ? [] : [tree])];
  const lists = above.some(isPseudonymised) ? [] : namespaces.filter((each) => !isPseudonymised(each));
  const ids = lists.flatMap(({ value }) => (membersOf(value) ?? []).map((member) => member.id));
  const named = new Set(ids);
  const shown = objects.filter(({ id }) => named.has(id));
  const pseudonymised = shown.filter(isPseudonymised).length;
  return {
    items: ids.length,
    objects: shown.length - pseudonymised,
    pseudonymised,
    redacted: erased.size === 0 ? 0 : ids.filter((id) => erased.has(id)).length,
  };
}

function partsOf({ runPayload, listingPayload, tree, namespaces, objects }: Exhibit): PseudonymisedParts {
  return {
    objects: objects.filter(isPseudonymised).length,
    lists: [...(tree === null ? [] : [tree]), ...namespaces].filter(isPseudonymised).length,
    listing: isPseudonymised(listingPayload),
    run: isPseudonymised(runPayload),
  };
}

/** What of an exhibit that {@link buildExhibit} made is shown with pseudonyms. */
export function readPseudonymised(bytes: Uint8Array): PseudonymisedParts {
  return partsOf(schema.parse(parseCanonical(bytes)));
}

/** Null for what is no tree. */
function membersOf(value: Json): { readonly label: string; readonly id: string }[] | null {
  if (!Array.isArray(value)) return null;
  const members = (value as readonly unknown[]).map((member) => {
    const [label, id] =
      typeof member === 'string' ? ['', member] : Array.isArray(member) && member.length === 2 ? (member as unknown[]) : [];
    return typeof label === 'string' && typeof id === 'string' && digest.safeParse(id).success ? { label, id } : null;
  });
  return members.every((member) => member !== null) ? members : null;
}
