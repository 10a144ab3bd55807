/**
 * Reads evidence from files: output of kubectl get, manifests, and configuration that the API never shows. A kind that is there counts as
 * complete as given; one that is not is a gap; a file that could not be read is a gap for every kind, because it could have held any.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  isNodeEvidence,
  itemsFromFile,
  nodeEvidenceKind,
  nodeGaps,
  nodeListings,
  providerAnswerType,
  readProviderAnswers,
  whatOf,
} from '../../collectors/index.ts';
import type { ReadAnswer } from '../../collectors/index.ts';
import type { Assurance, Clock, Gap, JsonObject, Listing, ListingDeclaration, ListingKind, RequestRecord } from '../../model/index.ts';
import { clip, textAt } from '../../model/index.ts';
import { parseFile, type ParseProblem } from './files-parse.ts';
import { wrongShape } from './files-shapes.ts';
import { keepLatest, type NodeCheck, type NodeDocument, unsignedOnly } from './files-nodes.ts';
import { walkFiles } from './files-walk.ts';
import type { Ingest, RawItem } from '../ingest.ts';

export interface FilesOptions {
  readonly paths: readonly string[];
  /** The listings to fill and close; objects of other kinds are ignored, and said to be. */
  readonly declarations: readonly ListingDeclaration[];
  readonly ingest: Ingest;
  readonly clock: Clock;
  /** What a path is that cannot be read: an error (default), or a gap as a file below it would be, so that a run goes on. */
  readonly unreadable?: 'throw' | 'tell';
  /** Absent: as each listing declares. What a node collector read was observed, however it came here. */
  readonly assurance?: Assurance;
  /** Absent: what nobody signed enters, and no other. */
  readonly checkNode?: NodeCheck;
}

export interface FilesReport {
  /** Every listing that was to be filled, as it was closed. */
  readonly listings: readonly Pick<Listing, 'kind' | 'items' | 'gaps'>[];
  readonly files: number;
  readonly objects: number;
  /** What was there and is no evidence of a known kind; `line` 0 stands for a whole file. */
  readonly ignored: readonly { readonly file: string; readonly line: number; readonly kind: string }[];
  readonly problems: readonly FileProblem[];
}

export interface FileProblem {
  readonly file: string;
  readonly line?: number;
  readonly key?: string;
  readonly message: string;
  /** A signature in it does not hold. */
  readonly integrity?: true;
}

/** One listing while files are read. */
interface Filling {
  readonly declaration: ListingDeclaration;
  readonly items: RawItem[];
  readonly byName: Map<string, RawItem>;
  readonly requests: RequestRecord[];
  readonly gaps: Gap[];
  present: boolean;
}

/** Throws KubevidenceError('input') only for a path that does not exist or cannot be evidence, if that; all else is in report and gaps. */
export async function readFiles(options: FilesOptions): Promise<FilesReport> {
  const listings = options.declarations;
  const fillings = new Map<ListingKind, Filling>(
    listings.map((declaration) => [
      declaration.kind,
      { declaration, items: [], byName: new Map(), requests: [], gaps: [], present: false },
    ]),
  );
  const report = {
    files: 0,
    objects: 0,
    ignored: [] as FilesReport['ignored'][number][],
    problems: [] as FilesReport['problems'][number][],
  };

  const problem = (file: string, { line, key, message, about, integrity, closedBy }: FileFault) => {
    report.problems.push({
      file,
      ...(line === undefined ? {} : { line }),
      ...(key === undefined ? {} : { key }),
      message,
      ...(integrity === true ? { integrity } : {}),
    });
    const gap: Gap = { reason: 'error', what: clip(file, 200), detail: message, closedBy: closedBy ?? 'repair the file, or leave it out' };
    for (const { declaration, gaps } of fillings.values()) if (about === undefined || couldHold(declaration, about)) gaps.push(gap);
  };

  /** By name: the last word of each node, which is filed when all files were seen. */
  const nodes = new Map<string, NodeDocument>();
  const told = (outcome: Outcome, file: string, line: number, touched: Set<ListingKind>) => {
    if (typeof outcome === 'string') report.ignored.push({ file, line, kind: outcome });
    else if ('problem' in outcome) problem(file, outcome.problem);
    else {
      report.objects += outcome.added;
      for (const kind of outcome.kinds) touched.add(kind);
    }
  };
  const recordIn = (touched: ReadonlySet<ListingKind>, before: ReadonlyMap<ListingKind, number>, record: RequestRecord) => {
    for (const kind of touched) {
      const filling = fillings.get(kind);
      filling?.requests.push({ ...record, items: filling.items.length - (before.get(kind) ?? 0) });
    }
  };
  const countItems = () => new Map([...fillings].map(([kind, { items }]) => [kind, items.length]));

  for await (const walked of walkFiles(options.paths, options.unreadable)) {
    if ('ignored' in walked) report.ignored.push({ file: walked.file, line: 0, kind: walked.ignored });
    else if ('problem' in walked) problem(walked.file, { message: walked.problem });
    else {
      const { file, bytes, modifiedAt } = walked;
      const startedAt = options.clock().toISOString();
      const before = countItems();
      const documents: Omit<NodeDocument, 'record'>[] = [];
      report.files += 1;
      const parsed = parseFile(bytes);
      for (const found of parsed.problems) problem(file, found);
      const touched = new Set<ListingKind>();
      for (const { value, line } of parsed.foreign) {
        for (const answer of readProviderAnswers(value, modifiedAt) ?? [null]) {
          if (answer === null) report.ignored.push({ file, line, kind: '(no apiVersion and kind)' });
          else if ('problem' in answer) problem(file, wrongAnswer(answer, line));
          else told(fileObject(answer.object, { file, line }, fillings, listings), file, line, touched);
        }
      }
      for (const type of parsed.empty) for (const kind of present(fillings, type)) touched.add(kind);
      for (const { value, line } of parsed.objects) {
        const outcome = judged(value, line, options);
        if (typeof outcome === 'string' || 'problem' in outcome) told(outcome, file, line, touched);
        else if (isNodeEvidence(outcome.object)) documents.push({ object: outcome.object, place: { file, line } });
        else told(fileObject(outcome.object, { file, line }, fillings, listings), file, line, touched);
      }
      const record: RequestRecord = {
        path: file,
        status: null,
        startedAt,
        endedAt: options.clock().toISOString(),
        pages: 1,
        items: 0,
        bytes: bytes.byteLength,
        attempts: 1,
        consistency: 'consistent',
      };
      recordIn(touched, before, record);
      for (const document of documents) {
        const settled = keepLatest(nodes, { ...document, record });
        if (settled?.conflicts === false)
          report.ignored.push({ ...settled.other, kind: 'an older document of a node that another file has' });
        else if (settled !== undefined) problem(file, conflicting(document));
      }
    }
  }
  for (const { object, place, record } of nodes.values()) {
    const before = countItems();
    const touched = new Set<ListingKind>();
    told(fileObject(object, place, fillings, listings), place.file, place.line, touched);
    recordIn(touched, before, record);
  }
  return { ...report, listings: [...fillings.values()].map((filling) => finish(filling, options)) };
}

interface FileFault extends ParseProblem {
  readonly integrity?: true;
  readonly closedBy?: string;
}

type Outcome = string | { readonly problem: FileFault } | { readonly added: number; readonly kinds: readonly ListingKind[] };

function conflicting({ object, place: { line } }: Pick<NodeDocument, 'object' | 'place'>): FileFault {
  const about = { apiVersion: textAt(object, 'apiVersion') ?? '', kind: 'NodeEvidence' };
  const name = clip(textAt(object, 'metadata', 'name') ?? '', 200);
  return { line, key: 'collectedAt', message: `another document of node ${name} is of the same moment, and differs`, about };
}

function wrongAnswer({ problem: { key, message }, command }: Extract<ReadAnswer, { readonly problem: object }>, line: number): FileFault {
  return {
    line,
    key,
    message: `it looks like what ${command} prints, but ${message}`,
    about: providerAnswerType,
    closedBy: `write it again: ${command} … > FILE`,
  };
}

/** The object as it may be filed, with who signed it where that is known; a text says why it is no evidence here. */
function judged(
  value: JsonObject,
  line: number,
  { declarations, checkNode = unsignedOnly }: FilesOptions,
): Exclude<Outcome, { readonly added: number }> | { readonly object: JsonObject } {
  const about = { apiVersion: textAt(value, 'apiVersion') ?? '', kind: textAt(value, 'kind') ?? '' };
  // Whose an answer is, and of when, is worked out here, and never what an object says of itself.
  if (about.kind === providerAnswerType.kind && groupOf(about.apiVersion) === groupOf(providerAnswerType.apiVersion))
    return 'a form of our own: give the file that the provider’s tool printed';
  if (!declarations.some((declaration) => acceptsKind(declaration, about))) return clip(`${about.apiVersion} ${about.kind}`, 200);
  const check = isNodeEvidence(value) ? checkNode(value) : undefined;
  if (check !== undefined && 'refused' in check) {
    const { refused: message, broken, closedBy } = check;
    return { problem: { line, message, about, closedBy, ...(broken ? { integrity: true } : {}) } };
  }
  const wrong = wrongShape(value, groupOf(about.apiVersion), about.kind);
  if (wrong !== undefined) return { problem: { line, ...wrong, about } };
  // What a document says of its signer itself is nothing.
  return { object: check === undefined ? value : { ...value, signer: check.signer } };
}

/** Puts one object under its listings. */
function fileObject(
  value: JsonObject,
  place: { readonly file: string; readonly line: number },
  fillings: ReadonlyMap<ListingKind, Filling>,
  listings: readonly ListingDeclaration[],
): Outcome {
  const about = { apiVersion: textAt(value, 'apiVersion') ?? '', kind: textAt(value, 'kind') ?? '' };
  const { line } = place;
  let items;
  try {
    items = itemsFromFile(value, listings) ?? [];
  } catch (error) {
    return { problem: { line, message: error instanceof Error ? error.message : 'it cannot be read', about } };
  }
  const kinds: ListingKind[] = [...present(fillings, about)];
  let added = 0;
  for (const { listing, item } of items) {
    const filling = fillings.get(listing.kind);
    if (filling === undefined) continue;
    filling.present = true;
    kinds.push(listing.kind);
    const name = textAt(item, 'metadata', 'name') ?? '';
    const key = `${textAt(item, 'metadata', 'namespace') ?? ''}/${name}`;
    const known = name === '' ? undefined : filling.byName.get(key);
    if (known !== undefined) {
      if (isDeepStrictEqual(known.raw, item)) continue;
      const other = known.place === undefined ? '' : ` (the other is in ${known.place.file}, line ${known.place.line})`;
      return {
        problem: { line, key: 'metadata.name', message: `there are two versions of ${about.kind} ${clip(key, 200)}${other}`, about },
      };
    }
    const entry: RawItem = { raw: item, place };
    filling.byName.set(key, entry);
    filling.items.push(entry);
    added = 1;
  }
  for (const { kind, gap } of isNodeEvidence(value) ? nodeGaps(value) : []) {
    const filling = fillings.get(kind);
    if (filling !== undefined) filling.present = true;
    filling?.gaps.push(gap);
  }
  return added === 0 && items.length === 0 ? clip(`${about.apiVersion} ${about.kind}`, 200) : { added, kinds };
}

/** Listings that ask for all objects of this kind are now known to be there. Those that ask by name or label need one to be found. */
function* present(fillings: ReadonlyMap<ListingKind, Filling>, type: { apiVersion: string; kind: string }): Generator<ListingKind> {
  for (const [kind, filling] of fillings) {
    if (byName(filling.declaration) || !acceptsKind(filling.declaration, type)) continue;
    filling.present = true;
    yield kind;
  }
}

function byName({ kind }: ListingDeclaration): boolean {
  return (
    kind === 'k8s.cluster/identity' ||
    kind === 'k8s.apiserver/leases' ||
    kind.startsWith('k8s.apiservers/') ||
    kind === 'k8s.kubeadm/configmaps'
  );
}

function finish(
  { declaration, items, requests, gaps, present: isPresent }: Filling,
  { ingest, clock, assurance }: FilesOptions,
): Pick<Listing, 'kind' | 'items' | 'gaps'> {
  const closedBy = closingStep(declaration);
  if (!isPresent) gaps.push({ reason: 'absent', what: whatOf(declaration), detail: 'no file holds it', closedBy });
  const names = new Set(items.map(({ raw }) => textAt(raw, 'metadata', 'name')));
  for (const name of isPresent ? (declaration.needs[0]?.resourceNames ?? []) : []) {
    if (!names.has(name))
      gaps.push({ reason: 'absent', what: `${declaration.needs[0]?.resource ?? ''}/${name}`, detail: 'no file holds it', closedBy });
  }
  ingest.putRaw(declaration.kind, items);
  const end = {
    requests,
    gaps,
    observedAt: clock().toISOString(),
    ...(assurance === undefined || declaration.kind === nodeEvidenceKind ? {} : { assurance }),
  };
  return ingest.close(declaration.kind, end);
}

function closingStep({ accepts, needs }: ListingDeclaration): string {
  if (accepts === undefined) return 'collect from the cluster itself: no file shows it';
  if (needs.length === 0) return 'add the file: --files in a live run, or into the directory given to --from';
  const [need] = needs;
  const question = need?.nonResourceURL === undefined ? (need?.resource ?? '') : `--raw ${need.nonResourceURL}`;
  return `add what kubectl get ${question} prints, as YAML or JSON`;
}

function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
}

/** A node's document holds what other listings are for, too. */
function couldHold(declaration: ListingDeclaration, about: { readonly apiVersion: string; readonly kind: string }): boolean {
  return acceptsKind(declaration, about) || (about.kind === 'NodeEvidence' && nodeListings.has(declaration.kind));
}

function acceptsKind(
  declaration: ListingDeclaration,
  { apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
): boolean {
  return declaration.accepts?.some((accepted) => accepted.kind === kind && accepted.group === groupOf(apiVersion)) ?? false;
}
