/**
 * Decides, once and before anything else sees an object, what of it is kept: the fields that its listing declares, and nothing more.
 * What a person typed as a value leaves a marker; never the value, its length, or a hash of it. Scrubbing what was scrubbed changes
 * nothing, so recordings pass through here again when they are replayed.
 */
import { createHash } from 'node:crypto';
import { controlPlaneFlags, nodeEvidenceKind, nodeFlags } from '../../collectors/index.ts';
import type { EvidenceObject, Json, JsonObject, Keep, ListingDeclaration, ListingKind, RawObject, ScrubCounts } from '../../model/index.ts';
import { canonicalize, isObject, KubevidenceError, textAt } from '../../model/index.ts';
import { contentRule, credentialPatterns, credentialRule } from './credential-rules.ts';
import { harmlessAnnotations, isHarmlessAnnotation } from './harmless-annotations.ts';
import type { Genuine } from './scrub-arguments.ts';
import { genuineOf, isKeptVariable, scrubArguments } from './scrub-arguments.ts';
import { cleanMarker, marker } from './scrub-marker.ts';

export interface ScrubOptions {
  /** Annotations beside the harmless ones that keep their values; `example.com/*` keeps all of a prefix. */
  readonly keepAnnotations?: readonly string[];
}

export interface Scrubber {
  /** SHA-256, hex, over everything that decides what is kept: paths, lists of flags, annotations and rules. */
  readonly keepDigest: string;
  /** Throws KubevidenceError('input') when apiVersion, kind or metadata are missing. `place` marks an object of a file. */
  scrub(raw: RawObject, place?: EvidenceObject['place']): EvidenceObject;
  /** Since the scrubber was made: by treatment, `undeclared` fields, and `credential:<rule>`. */
  counts(): ScrubCounts;
}

type Treatment = Exclude<Keep, string>['as'];
interface Node {
  /** Kept whole, or treated; undefined where only children are kept. */
  as?: Treatment | 'whole';
  readonly children: Map<string, Node>;
}

const always: readonly Keep[] = [
  'apiVersion',
  'kind',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'metadata.creationTimestamp',
  'metadata.labels',
  ...['apiVersion', 'controller', 'kind', 'name', 'uid'].map((field) => `metadata.ownerReferences.${field}`),
];

function compile(keep: readonly Keep[]): Node {
  const root: Node = { children: new Map() };
  for (const entry of keep) {
    const [path, as] = typeof entry === 'string' ? [entry, 'whole' as const] : [entry.path, entry.as];
    let node = root;
    for (const key of path.split('.')) {
      let child = node.children.get(key);
      if (child === undefined) node.children.set(key, (child = { children: new Map() }));
      node = child;
    }
    node.as = as;
  }
  return root;
}

export function createScrubber(declaration: Pick<ListingDeclaration, 'kind' | 'keep'>, options: ScrubOptions = {}): Scrubber {
  const keepAnnotations = [...(options.keepAnnotations ?? [])].sort();
  const root = compile([...always, ...declaration.keep]);
  const counts: Record<string, number> = {};
  const count = (rule: string, by = 1) => {
    counts[rule] = (counts[rule] ?? 0) + by;
  };
  const counted = (rule: string, value: { readonly credential?: string }) => {
    count(rule);
    if (value.credential !== undefined) count(`credential:${value.credential}`);
    return value as Json;
  };

  function object(node: Node, value: JsonObject, genuine: Genuine): JsonObject {
    const out: Record<string, Json> = {};
    let undeclared = 0;
    for (const key in value) {
      const child = node.children.get(key);
      if (child === undefined) {
        undeclared += 1;
        continue;
      }
      const kept = child.as === 'whole' ? value[key] : member(child, value[key], value, genuine);
      if (kept === undefined) undeclared += 1;
      else out[key] = kept;
    }
    if (undeclared > 0) count('undeclared', undeclared);
    return out;
  }

  function member(node: Node, value: Json | undefined, parent: JsonObject, genuine: Genuine): Json | undefined {
    if (value === undefined || node.as === 'whole') return value;
    if (node.as !== undefined) return treat(node, node.as, value, parent, genuine);
    if (Array.isArray(value)) {
      // Positions stay (the order of providers and rules is evidence), so an element that is no object leaves an empty one.
      return (value as Json[]).map((element) => object(node, isObject(element) ? element : {}, genuine));
    }
    return isObject(value) ? object(node, value, genuine) : undefined;
  }

  function treat(node: Node, as: Treatment, value: Json, parent: JsonObject, genuine: Genuine): Json {
    if (as === 'text') return Array.isArray(value) ? (value as Json[]).map(evidence) : evidence(value);
    if (as === 'arguments') {
      if (!Array.isArray(value)) return literal(value);
      return scrubArguments(value as Json[], parent, genuine).map((entry) => (typeof entry === 'string' ? entry : counted(as, entry)));
    }
    if (isObject(value) && cleanMarker(value) === undefined) return entries(node, as, value);
    if (Array.isArray(value)) {
      return scrubArguments(value as Json[], {}, 'no').map((entry) => (typeof entry === 'string' ? entry : counted(as, entry)));
    }
    const name = textAt(parent, 'name');
    if (name !== undefined && typeof value === 'string' && isKeptVariable(name, genuine)) return evidence(value);
    return literal(value, name);
  }

  /** A map: its keys stay, as they are what tells one entry from another; values by treatment, or by a path of their own. */
  function entries(node: Node, as: Treatment, map: JsonObject): JsonObject {
    const out: Record<string, Json> = {};
    for (const key of Object.keys(map)) {
      const value = map[key];
      if (value === undefined || key === '__proto__') continue;
      const own = node.children.get(key);
      if (own?.as === 'whole' && typeof value === 'string') out[key] = evidence(value);
      else if (as === 'annotations' && typeof value === 'string' && isHarmlessAnnotation(key, keepAnnotations)) out[key] = value;
      else if (as === 'names') out[key] = counted(as, marker());
      else out[key] = literal(value, key, as);
    }
    return out;
  }

  /** A value that is evidence, unless someone put a credential into it (a password in the URL of an etcd server), or a whole structure. */
  function evidence(value: Json): Json {
    if (typeof value === 'object' && value !== null) return literal(value);
    const credential = typeof value === 'string' ? contentRule(value) : undefined;
    return credential === undefined ? value : counted('literal', marker(credential));
  }

  function literal(value: Json, name?: string, as: Treatment = 'literal'): Json {
    if (value === '' || value === null) return value;
    const clean = cleanMarker(value);
    if (clean !== undefined) return clean as unknown as Json;
    return counted(as, marker(typeof value === 'string' ? credentialRule(value, as === 'literal' ? name : undefined) : undefined));
  }

  return {
    keepDigest: createHash('sha256')
      .update(
        canonicalize({ kind: declaration.kind, keep: [...always, ...declaration.keep], keepAnnotations, ...decisiveFor(declaration.kind) }),
      )
      .digest('hex'),
    scrub(raw, place) {
      const apiVersion = textAt(raw, 'apiVersion');
      const type = textAt(raw, 'kind');
      if (apiVersion === undefined || type === undefined || !isObject(raw['metadata'])) {
        throw new KubevidenceError('input', `an object of ${declaration.kind} has no apiVersion, kind or metadata`, place ? { place } : {});
      }
      const body = object(root, raw, genuineOf(raw, place));
      const metadata = (key: string) => textAt(raw, 'metadata', key);
      const resourceVersion = metadata('resourceVersion');
      return {
        apiVersion,
        type,
        namespace: metadata('namespace') ?? '',
        name: metadata('name') ?? '',
        uid: metadata('uid') ?? '',
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
        body,
        ...(place === undefined ? {} : { place }),
      };
    },
    counts: () => Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

// What decides besides the keep-list, for the digest.
const decisiveFor = (kind: ListingKind) => (kind === nodeEvidenceKind ? { ...decisive, flags: sorted(nodeFlags) } : decisive);
const sorted = (flags: Readonly<Record<string, ReadonlySet<string>>>) =>
  Object.fromEntries(Object.entries(flags).map(([program, each]) => [program, [...each].sort()]));
const decisive = {
  flags: sorted(controlPlaneFlags),
  annotations: harmlessAnnotations,
  credentialPatterns,
};
