/**
 * Finds what a request to erase names: stored objects by their identity or by a name that they contain, and payloads that contain it. What
 * it finds but cannot take out of something larger it says, so that nobody believes it gone. It only reads.
 */
import { decodeRecord, type LogRecord } from '../../log/index.ts';
import { at, type Instant, KubevidenceError, textAt, visible } from '../../model/index.ts';
import { observedAt } from './holds.ts';
import { identify } from '../identity.ts';
import { entryAt } from '../storage/blocks.ts';
import type { Stores } from '../stores.ts';

export interface ObjectName {
  readonly type: string;
  /** Empty for cluster-scoped. */
  readonly namespace: string;
  readonly name: string;
}

export interface FoundObject {
  readonly ref: number;
  readonly kind: string;
  /** Hex. */
  readonly id: string;
  readonly name: ObjectName;
}

export interface SearchedRun {
  readonly number: number;
  readonly leaf: number;
  readonly at: Instant;
  /** Number of each listing's tree; none for a listing without items. */
  readonly trees: readonly { readonly kind: string; readonly tree: number }[];
}

/** Matches a name where it stands for itself: not inside a longer name such as `alice-admin` or `alice@example.com`. */
export function nameForm(name: string): RegExp {
  const escaped = JSON.stringify(name)
    .slice(1, -1)
    .replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  return new RegExp(`(?<![\\p{L}\\p{N}]|[\\p{L}\\p{N}][@._-])${escaped}(?![\\p{L}\\p{N}]|[@._-][\\p{L}\\p{N}])`, 'iu');
}

/** Runs of a cluster that have evidence, by number. */
export function readRuns({ log, payloads, runs }: Stores, cluster: string): SearchedRun[] {
  return log.find('run-ended', cluster).flatMap(({ leaf, record }) => {
    const [summary, stored] = [runs.get(cluster, record.run), payloads.read(leaf)];
    if (summary === undefined || stored === undefined) return [];
    const trees = stored.slice(1).flatMap(({ value }) => {
      const [kind, tree] = [textAt(value, 'listing', 'kind'), at(value, 'tree')];
      return kind === undefined || typeof tree !== 'number' ? [] : [{ kind, tree }];
    });
    return [{ number: record.run, leaf, at: observedAt(summary), trees }];
  });
}

export interface ObjectSearch {
  readonly cluster: string;
  readonly names: readonly ObjectName[];
  /** Hex. */
  readonly ids: ReadonlySet<string>;
  readonly persons: readonly string[];
}

/** Every version that is stored and not erased. `stays`: sentences on names in lists, which a list keeps. */
export function findObjects(stores: Stores, search: ObjectSearch): { readonly found: FoundObject[]; readonly stays: string[] } {
  const { log } = stores;
  const { names, ids } = search;
  const persons = search.persons.map(nameForm);
  if (names.length + ids.size + persons.length === 0) return { found: [], stays: [] };
  const plans = new Set(log.find('run-planned', search.cluster).map(({ leaf }) => leaf));
  const { labels, namespaces } = readLabels(stores, plans, search);
  const found: FoundObject[] = [];
  let inLists = 0;
  for (const block of stores.objects.blocks()) {
    if (!plans.has(block.run)) continue;
    for (const [position, bytes] of stores.objects.unpack(block).entries()) {
      if (bytes.length === 0) continue;
      const ref = block.first + position;
      const id = entryAt(block.entries, position).id.toString('hex');
      const label = labels.get(ref) ?? '';
      const text = `${label}${bytes.toString('utf8')}`;
      if (!ids.has(id) && !names.some(({ name }) => text.includes(JSON.stringify(name))) && !matches(persons, text)) continue;
      const { type, namespace, name } = identify(bytes, label);
      const wanted = names.some((each) => each.type === type && each.namespace === namespace && each.name === name);
      if (!ids.has(id) && !wanted && !matches(persons, text)) continue;
      found.push({ ref, kind: block.kind, id, name: { type, namespace, name } });
      if (label !== '') inLists++;
    }
  }
  const stays = [
    ...(inLists > 0
      ? [
          `the lists keep kind, name and file of ${inLists} of these objects, which were read from files: it is part of what the lists' ids prove`,
        ]
      : []),
    ...(namespaces.size > 0 ? [`the namespace ${[...namespaces].join(', ')} bears the name, and lists keep it`] : []),
  ];
  return { found, stays };
}

/** Leaves of records whose payload contains one of the names. */
export function findPayloads({ db, payloads }: Stores, persons: readonly RegExp[]): number[] {
  if (persons.length === 0) return [];
  const leaves = db.prepare<[], number>('SELECT leaf FROM payload WHERE length(bytes) > 0 ORDER BY leaf').pluck().all();
  return leaves.filter((leaf) => matches(persons, JSON.stringify(payloads.read(leaf)?.map(({ value }) => value) ?? null)));
}

/** Leaves of records that name one of these payloads. */
export function findPayloadsById({ log }: Stores, ids: ReadonlySet<string>): number[] {
  if (ids.size === 0) return [];
  const leaves: number[] = [];
  for (const { leaf, bytes } of log.records(0, log.size())) {
    const record = knownRecord(bytes);
    // What names an id because it is gone, or was never its own, is not what holds it.
    if (record === undefined || record.type === 'payload-erased') continue;
    const own = Object.values(record).some((value) => typeof value === 'string' && ids.has(value));
    if (own) leaves.push(leaf);
  }
  return leaves;
}

/** Throws `usage` when there is none. */
export function readRecord({ log }: Stores, leaf: number): LogRecord {
  const [stored] = leaf < log.size() ? log.records(leaf, leaf + 1) : [];
  const record = stored === undefined ? undefined : knownRecord(stored.bytes);
  if (record !== undefined) return record;
  throw new KubevidenceError('usage', `there is no record ${leaf} that this version reads`, { next: 'Records count from 0.' });
}

export function matches(forms: readonly RegExp[], text: string): boolean {
  return forms.some((form) => form.test(text));
}

function knownRecord(bytes: Uint8Array): LogRecord | undefined {
  const read = decodeRecord(bytes);
  return read.known ? read.record : undefined;
}

/** Labels of objects whose body does not say what they are; and namespaces that bear a person's name. */
function readLabels({ db, trees }: Stores, plans: ReadonlySet<number>, { persons }: ObjectSearch) {
  const labels = new Map<number, string>();
  const namespaces = new Set<string>();
  const rows = db.prepare<[], { ref: number; run: number; bytes: Buffer }>('SELECT ref, run, bytes FROM tree ORDER BY ref').all();
  for (const { ref, run, bytes } of rows) {
    // Every label stands literally in the row that first has it.
    const text = plans.has(run) ? bytes.toString('latin1').toLowerCase() : '';
    const named = persons.some((name) => text.includes(Buffer.from(name.toLowerCase()).toString('latin1')));
    if (!named && !text.includes('["')) continue;
    for (const { ref: member, label } of trees.read(ref).members) {
      if (label.startsWith('[')) labels.set(member, label);
      else if (label !== '' && matches(persons.map(nameForm), label)) namespaces.add(visible(label));
    }
  }
  return { labels, namespaces };
}
