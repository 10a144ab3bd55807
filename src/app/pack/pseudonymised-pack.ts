/**
 * A pack that shows names as pseudonyms: finds who is named in everything that goes into it, and replaces every such name in everything
 * that shows it. Records of the log hold no names, and stay as they are; so do the controls that ship with the program.
 */
import { collectors } from '../../collectors/index.ts';
import type { Ledger } from '../../ledger/index.ts';
import {
  canonicalBytes,
  isObject,
  type Json,
  listAt,
  type ListingKind,
  parseCanonical,
  type RunSummary,
  textAt,
} from '../../model/index.ts';
import { buildExhibit, type PackInputs, type PackPseudonyms, readPseudonymised } from '../../packs/index.ts';
import { type ReportDefinition, type ReportModel, tellPseudonyms } from '../../reporting/index.ts';
import { type CatalogInForce, loadCatalogInForce } from '../catalog.ts';
import type { Config } from '../config.ts';
import type { PseudonymConfig } from '../keys/pseudonym-config.ts';
import { readPseudonymKey } from '../keys/pseudonym-key.ts';
import { documentWords } from './document-words.ts';
import { createNameFinder, type NameScope } from './personal-names.ts';
import { createPseudonyms, type Pseudonyms } from './pseudonyms.ts';

export interface Pseudonymised {
  /** The model with pseudonyms, and with what it has to say of them. */
  readonly model: ReportModel;
  readonly inPack: PackPseudonyms;
  /** Objects that are shown with pseudonyms. */
  readonly objects: number;
  /** Names that were found. */
  readonly names: number;
}

export interface PseudonymInputs {
  readonly ledger: Ledger;
  readonly cluster: string;
  readonly config: Config;
  readonly inForce: CatalogInForce;
  readonly definition: ReportDefinition;
  readonly model: ReportModel;
  /** Those that the report tells of. */
  readonly runs: readonly RunSummary[];
  /** What the pack shows, as {@link PackInputs} has it. */
  readonly shown: Pick<PackInputs, 'exhibits' | 'assessment' | 'exceptions' | 'params' | 'catalog'>;
  /** Of the log, by leaf. */
  readonly record: (leaf: number) => Uint8Array;
}

/** Null unless it is configured. Throws `configuration` for a key that cannot be used. */
export function pseudonymise(inputs: PseudonymInputs): Pseudonymised | null {
  const { pseudonyms: configured } = inputs.config;
  if (configured === null) return null;
  const key = readPseudonymKey(configured.keyFile);
  const scope = scopeOf(configured);
  const shipped = loadCatalogInForce(null).catalog;
  const shippedIds = new Map(parts.map((part) => [part, new Set(shipped[part].map(({ id }) => id))]));
  const isOwn = (part: Part, each: Json) => shippedIds.get(part)?.has(textAt(each, 'id') ?? '') !== true;
  const pseudonyms = createPseudonyms(findNames(inputs, scope, configured, isOwn), {
    key,
    cluster: inputs.cluster,
    scope,
    words: wordsOf(inputs, shipped),
  });
  const exhibits = new Map(
    inputs.shown.exhibits.map(({ id, source, leaf, cited }) => {
      const options = { cited, leaf, record: inputs.record(leaf), pseudonymise: pseudonyms.replace };
      return [id, readPseudonymised(buildExhibit(id, source, options))] as const;
    }),
  );
  const told = tellPseudonyms(inputs.model, inputs.definition, { key: pseudonyms.key, exhibits });
  return {
    // A report model is plain data.
    model: pseudonyms.replace(told as unknown as Json, fixedInModel).value as unknown as ReportModel,
    inPack: {
      key: pseudonyms.key,
      replace: (value) => pseudonyms.replace(value),
      catalog: replaceInCatalog(inputs.shown.catalog.bytes, isOwn, pseudonyms),
    },
    objects: [...exhibits.values()].reduce((sum, { objects }) => sum + objects, 0),
    names: pseudonyms.all.size,
  };
}

const parts = ['controls', 'frameworks', 'techniques'] as const;
/** Of a catalog. What the user added to it can name people. */
type Part = (typeof parts)[number];
type IsOwn = (part: Part, each: Json) => boolean;

/** Keys of the model whose values are no texts of the cluster or of people. */
const fixedInModel: ReadonlySet<string> = new Set(['fonts', 'checkpoint', 'signer', 'logKey']);

function scopeOf({ of, annotations }: PseudonymConfig): NameScope {
  const has = (whose: Parameters<typeof of.has>[0]) => of.has(whose);
  return { users: has('users'), groups: has('groups'), collector: has('collector'), people: has('people'), annotations };
}

/** Listings whose objects name users: what a report says of them may come from any run. */
const naming: readonly ListingKind[] = [
  'k8s.rbac/clusterrolebindings',
  'k8s.rbac/rolebindings',
  'k8s.rbac/clusterroles',
  'k8s.rbac/roles',
  'k8s.certificates/certificatesigningrequests',
  'files.audit-policy/policies',
  // Client certificates in kubeconfigs.
  'node.evidence/nodes',
  // Annotations of a namespace can name its owner.
  'k8s.namespaces/namespaces',
];

function findNames(
  { ledger, cluster, model, runs, shown, inForce }: PseudonymInputs,
  scope: NameScope,
  { names }: PseudonymConfig,
  isOwn: IsOwn,
) {
  const finder = createNameFinder(scope, names);
  const seen = new Set<string>();
  const takeObjects = (
    source: { readonly ids: readonly string[]; objectWithSalt(id: string): { readonly bytes: Uint8Array } | undefined },
    wanted: ReadonlySet<string> | null,
  ) => {
    for (const id of source.ids) {
      if (seen.has(id) || wanted?.has(id) === false) continue;
      seen.add(id);
      const object = source.objectWithSalt(id);
      if (object !== undefined) finder.take(parseCanonical(object.bytes));
    }
  };
  for (const { source, cited } of shown.exhibits) {
    finder.take(parseCanonical(source.snapshot.bytes));
    takeObjects(source, cited);
  }
  for (const run of runs) {
    if (run.status !== 'succeeded' && run.status !== 'partial') continue;
    const reader = ledger.snapshot(cluster, run.number);
    finder.take(reader.cluster);
    for (const kind of naming) if (reader.listing(kind) !== undefined) takeObjects(ledger.exhibit(cluster, run.number, kind), null);
  }
  for (const each of [model, shown.assessment.value, shown.params, inForce.configured]) finder.take(each);
  for (const { requested, approved } of shown.exceptions) finder.take([requested.details?.value ?? null, approved.details?.value ?? null]);
  const catalog = parseCanonical(shown.catalog.bytes);
  for (const part of parts) finder.take(listAt(catalog, part).filter((each) => isOwn(part, each)));
  finder.take(ledger.exceptions(cluster));
  finder.take(ledger.holds());
  for (const { differences, explanation, approval } of ledger.definitionChanges())
    finder.take([
      differences.map(({ oldValue, newValue }) => [oldValue, newValue]),
      explanation as unknown as Json,
      approval as unknown as Json,
    ]);
  return finder.names;
}

/** What must stay as it is: the program's own texts, values that it reads again, and what the signed log says of the cluster. */
function wordsOf({ model, config, definition }: PseudonymInputs, shipped: CatalogInForce['catalog']): string {
  const { controls, frameworks, techniques } = shipped;
  // Examples speak of people that do not exist.
  const texts = JSON.stringify([controls, frameworks, techniques, definition], (key, value: unknown) =>
    key === 'examples' ? undefined : value,
  );
  const kinds = collectors.flatMap(({ kind, listings }) => [kind, listings.map((listing) => listing.kind).join('\n')]);
  const { name, uid, version } = model.cluster;
  const ours = [config.organization, name, uid, version, model.meta.pack, model.signer.subject, model.checkpoint.origin];
  return [documentWords, texts, ...kinds, ...ours].join('\n');
}

function replaceInCatalog(bytes: Uint8Array, isOwn: IsOwn, pseudonyms: Pseudonyms): Uint8Array {
  const catalog = parseCanonical(bytes);
  if (!isObject(catalog)) return bytes;
  let replaced = 0;
  const shown = parts
    .filter((part) => catalog[part] !== undefined)
    .map((part): readonly [string, Json] => [
      part,
      listAt(catalog, part).map((own) => {
        if (!isOwn(part, own)) return own;
        const each = pseudonyms.replace(own);
        replaced += each.replaced;
        return each.value;
      }),
    ]);
  return replaced === 0 ? bytes : canonicalBytes({ ...catalog, ...Object.fromEntries(shown), pseudonymised: replaced });
}
