/**
 * Runs the examples that controls carry: the objects go the way of real evidence (filed by kind, scrubbed, stored, read by the
 * population), so an example that holds shows the whole way and not the expression alone. Whatever an example does not mention was read
 * and is empty.
 */
import { parseAllDocuments } from 'yaml';
import { assessControls } from './assessment/index.ts';
import { collectors, itemsFromFile, whatOf } from './collectors/index.ts';
import { createMemorySnapshot } from './ledger/index.ts';
import {
  type Control,
  type ControlExample,
  type ControlResult,
  type EvidenceReader,
  type Gap,
  isObject,
  KubevidenceError,
  type Listing,
  type ListingDeclaration,
  type ListingKind,
  type Population,
  type RawObject,
  reasonOf,
  type Technique,
  textAt,
} from './model/index.ts';
import { createIngest } from './sources/index.ts';

export interface ExampleResult {
  readonly control: string;
  readonly example: string;
  /** What differs from what the example says; empty when it holds. */
  readonly problems: readonly string[];
  readonly result: ControlResult;
}

const now = new Date('2026-10-01T12:00:00.000Z');
const before = new Date('2026-09-30T12:00:00.000Z');

/** Evidence that is no Kubernetes object, as the collectors make it, so that no file source accepts it. */
const ownKinds: Readonly<Record<string, ListingKind>> = {
  AccessReview: 'kubevidence.ledger/reviews',
  ApiGroup: 'k8s.cluster/groups',
  Exception: 'kubevidence.ledger/exceptions',
  MetricFamily: 'k8s.apiserver/metrics',
  Run: 'kubevidence.ledger/runs',
  SecretSummary: 'k8s.secrets/secrets',
  SelfSubjectRules: 'k8s.self/rules',
  ServerCertificate: 'k8s.apiserver/handshakes',
  Version: 'k8s.cluster/version',
};

/** What examples are judged by beside their control. */
export interface ExampleRules {
  readonly populations: readonly Population[];
  readonly techniques: readonly Technique[];
}

/** All examples of the given controls, in order. Errors: `configuration`, for an example that cannot be read. */
export function* runExamples(controls: readonly Control[], rules: ExampleRules): Iterable<ExampleResult> {
  for (const control of controls) for (const example of control.examples) yield runExample(control, example, rules);
}

export function runExample(control: Control, example: ControlExample, rules: ExampleRules): ExampleResult {
  const where = `example "${example.name}" of ${control.id}`;
  const previous = example.before === undefined ? undefined : snapshot(readDocuments(example.before, where), [], before, undefined);
  const reader = snapshot(readDocuments(example.given ?? '', where), example.gaps ?? [], now, previous);
  const [result] = assessControls([control], {
    reader,
    ...rules,
    ...(example.params !== undefined && { params: { [control.id]: example.params } }),
  });
  if (result === undefined) throw new Error(`${control.id} has no result`);
  return { control: control.id, example: example.name, problems: [...compare(example, result), ...uncited(result, reader)], result };
}

/** A finding names objects of the listings that its control stands on: what it cites is then always among the exhibits. */
function uncited({ evidence, findings }: ControlResult, reader: EvidenceReader): readonly string[] {
  if (findings.length === 0) return [];
  const standsOn = new Set(evidence.map(({ id }) => id));
  const shown = new Set<string>();
  for (let at: EvidenceReader | null = reader; at !== null; at = at.previous())
    for (const { id, kind } of at.listings()) if (standsOn.has(id)) for (const object of at.objects(kind)) shown.add(object.id);
  const cited = findings.flatMap((finding) => finding.evidence);
  return cited.every((id) => shown.has(id)) ? [] : ['a finding cites an object of a listing that the control does not stand on'];
}

/** A snapshot of objects as multi-document YAML, filed and scrubbed as real evidence is. `absent`: listings that were not read. */
export function exampleSnapshot(given: string, where: string, absent: readonly string[] = []): EvidenceReader {
  const gaps = absent.map((what) => ({ what, reason: 'absent' as const }));
  return snapshot(readDocuments(given, where), gaps, now, undefined);
}

function compare(example: ControlExample, result: ControlResult): readonly string[] {
  const problems: string[] = [];
  const gaps = result.gaps.map((gap) => `${gap.what} (${gap.reason}${gap.detail === undefined ? '' : `: ${gap.detail}`})`).join('; ');
  if (result.outcome !== example.outcome)
    problems.push(`the outcome is ${result.outcome}, not ${example.outcome}${gaps === '' ? '' : `; missing: ${gaps}`}`);
  const found = result.findings.map((finding) => finding.item);
  const expected = example.findings ?? [];
  for (const item of expected) if (!found.includes(item)) problems.push(`${item} is no finding`);
  for (const item of found) if (!expected.includes(item)) problems.push(`${item} is a finding that the example does not name`);
  for (const gap of example.gaps ?? [])
    if (example.outcome === 'notAssessed' && !result.gaps.some((each) => each.what === gap.what && each.reason === gap.reason))
      problems.push(`there is no gap ${gap.what} (${gap.reason})`);
  return problems;
}

function snapshot(
  objects: readonly RawObject[],
  gaps: NonNullable<ControlExample['gaps']>,
  at: Date,
  previous: EvidenceReader | undefined,
): EvidenceReader {
  const all = collectors.flatMap((collector) => collector.listings);
  const version = objects.map((object) => textAt(object, 'gitVersion')).find((each) => each !== undefined);
  const memory = createMemorySnapshot({
    scope: 'cluster',
    cluster: {
      name: 'example',
      uid: 'example',
      version: version?.replace(/^v/, '') ?? null,
      server: null,
      caFingerprint: objects.map((object) => textAt(object, 'caFingerprint')).find((each) => each !== undefined) ?? null,
      actor: null,
    },
    at: at.toISOString(),
    ...(previous !== undefined && { previous }),
  });
  const ingest = createIngest({ collectors, sink: memory, clock: () => at });
  const given = new Set<ListingKind>();
  for (const object of objects) {
    for (const [kind, raw] of fileUnder(object)) {
      ingest.putRaw(kind, [{ raw }]);
      given.add(kind);
    }
  }
  for (const declaration of all) {
    const { kind } = declaration;
    const missing = gaps.filter((gap) => concerns(gap, declaration));
    // Nothing collected leaves no listing at all; what was refused or broke off leaves one that says so.
    if (missing.some((gap) => gap.reason === 'absent' && gap.what === nameOf(kind)) && !given.has(kind)) continue;
    ingest.close(kind, { requests: [requestOf(declaration, at)], gaps: missing, observedAt: at.toISOString() });
  }
  return memory;
}

/** `clusterrolebindings`, `secrets in clinic`, `EncryptionConfiguration file`. */
function concerns(gap: Pick<Gap, 'what'>, listing: ListingDeclaration): boolean {
  const name = nameOf(listing.kind);
  return gap.what === name || gap.what.startsWith(`${name} in `) || gap.what === whatOf(listing);
}

function nameOf(kind: ListingKind): string {
  return kind.slice(kind.indexOf('/') + 1);
}

function fileUnder(object: RawObject): readonly (readonly [ListingKind, RawObject])[] {
  const own = object['apiVersion'] === 'kubevidence/v1' ? ownKinds[textAt(object, 'kind') ?? ''] : undefined;
  if (own === 'k8s.apiserver/metrics' && object['replica'] !== undefined) return [['k8s.apiservers/metrics', object]];
  if (own !== undefined) {
    const token = own === 'k8s.secrets/secrets' && object['type'] === 'kubernetes.io/service-account-token';
    return (token ? ([own, 'k8s.secrets/service-account-tokens'] as const) : [own]).map((kind) => [kind, object] as const);
  }
  const items = itemsFromFile(
    object,
    collectors.flatMap((collector) => collector.listings),
  );
  if (items === undefined)
    throw new KubevidenceError('configuration', `no collector reads ${textAt(object, 'kind') ?? 'an object without a kind'}`);
  return items.map(({ listing, item }) => [listing.kind, item] as const);
}

function requestOf(listing: ListingDeclaration, at: Date): Listing['requests'][number] {
  const time = at.toISOString();
  const path = listing.requests({})[0]?.path ?? listing.kind;
  return { path, status: 200, startedAt: time, endedAt: time, pages: 1, items: 0, bytes: 0, attempts: 1, consistency: 'consistent' };
}

/** Objects of a multi-document YAML text; a List is its items. */
function readDocuments(text: string, where: string): readonly RawObject[] {
  const documents = parseAllDocuments(text, { prettyErrors: false });
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    const broken = document.errors[0];
    if (broken) throw new KubevidenceError('configuration', `${where} is not valid YAML: ${broken.message}`);
    let value: unknown;
    try {
      value = document.toJS({ maxAliasCount: 100 });
    } catch (cause) {
      throw new KubevidenceError('configuration', `${where} is not valid YAML: ${reasonOf(cause)}`, { cause });
    }
    if (value === null || value === undefined) return [];
    const objects: unknown[] =
      isObject(value) && value['kind'] === 'List' && Array.isArray(value['items']) ? (value['items'] as unknown[]) : [value];
    for (const object of objects)
      if (!isObject(object)) throw new KubevidenceError('configuration', `${where} holds something that is no object`);
    return objects as RawObject[];
  });
}
