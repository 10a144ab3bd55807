/**
 * What a quarterly access review is about: every grant of one snapshot, as a row that says in short words who may do what, where, through
 * which binding and role, and how much that matters. The population has one digest, so that a review says exactly what was reviewed; owners
 * of namespaces come beside it, because they decide who is asked and not what is granted.
 */
import { hash } from 'node:crypto';
import type { EvidenceReader, Gap, ListingKind } from '../../model/index.ts';
import { canonicalBytes, isComplete } from '../../model/index.ts';
import { createAccessIndex } from '../access-index.ts';
import type { Binding } from '../bindings.ts';
import { readNamespaceOwners } from '../namespace-owners.ts';
import type { Subject } from '../subjects.ts';
import { subjectKey } from '../subjects.ts';
import { addedPart } from '../widened.ts';
import { describeRight, type Risk, riskOf, risks } from './review-risk.ts';

/** Texts are untrusted. */
export interface ReviewRow {
  /** SHA-256, hex, over the item and what its role gives: when anything of that changes, so does the id, and with no other version of ours. */
  readonly id: string;
  /** `subject|binding|role`: the natural key, as in the population `grants`. */
  readonly item: string;
  readonly subject: string;
  readonly kind: Subject['kind'];
  readonly name: string;
  /** Of a service account; else empty. */
  readonly account: string;
  readonly binding: string;
  readonly role: string;
  /** Where the role holds. Empty: cluster-wide. */
  readonly namespace: string;
  readonly right: string;
  readonly risk: Risk;
  readonly because: string;
  readonly owner: string;
}

export interface ReviewPopulation {
  /** Grouped by owner, the owner of the worst risk first; the worst risk first in each group. */
  readonly rows: readonly ReviewRow[];
  /** Grants of the control plane that every API server makes for itself; among the rows only when they were asked for. */
  readonly builtin: number;
  readonly gaps: readonly Gap[];
  /** Whether all of either were read: only then a grant that is not here is gone, and what it gives is known. */
  readonly read: { readonly bindings: boolean; readonly roles: boolean };
  /** SHA-256, hex, over the canonical rows in the order of their items, and over what could not be read. */
  readonly digest: string;
}

export interface ReviewOptions {
  /** Labels or annotations of a namespace that name its owner; the first that has a value counts. */
  readonly ownerKeys: readonly string[];
  /** Also the built-in grants. */
  readonly all: boolean;
}

export function readReview(reader: EvidenceReader, { ownerKeys, all }: ReviewOptions): ReviewPopulation {
  const index = createAccessIndex(reader);
  const ownerOf = readOwners(reader, ownerKeys);
  const gaps: Gap[] = [...index.gaps, ...index.roleGaps];
  const rows: ReviewRow[] = [];
  const items = new Map<string, number>();
  let builtin = 0;
  for (const binding of index.bindings) {
    const { type, name } = binding.object;
    for (const position of binding.odd) gaps.push({ reason: 'error', what: `subject ${position} of ${type} ${name}` });
    for (const subject of binding.subjects) {
      const added = addedPart(binding, subject);
      if (added === undefined) builtin += 1;
      if (added === undefined && !all) continue;
      const key = `${subjectKey(subject)}|${binding.key}|${binding.roleKey}`;
      const times = (items.get(key) ?? 0) + 1;
      items.set(key, times);
      rows.push(toRow(times === 1 ? key : `${key}#${times}`, all || added === undefined ? binding : added, subject, ownerOf));
    }
  }
  const canonical = rows.map(({ item, id }) => [item, id] as const).sort(([a], [b]) => (a < b ? -1 : 1));
  const missing = gaps.map(({ reason, what }) => `${reason} ${what}`).sort();
  const digest = hash('sha256', canonicalBytes({ rows: canonical, missing }));
  const isRead = (...kinds: readonly ListingKind[]) =>
    kinds.every((kind) => {
      const listing = reader.listing(kind);
      return listing !== undefined && isComplete(listing);
    });
  const read = {
    bindings: isRead('k8s.rbac/clusterrolebindings', 'k8s.rbac/rolebindings'),
    roles: isRead('k8s.rbac/clusterroles', 'k8s.rbac/roles'),
  };
  return { rows: inGroups(rows), builtin, gaps, read, digest };
}

type OwnerOf = (binding: Binding, subject: Subject) => string;

function toRow(item: string, binding: Binding, subject: Subject, ownerOf: OwnerOf): ReviewRow {
  const { role, gaps } = binding;
  const unread = gaps.map(({ what }) => what);
  const rules = role === undefined ? (unread.length > 0 ? 'not read' : 'missing') : unread.length > 0 ? [role.rules, unread] : role.rules;
  return {
    id: hash('sha256', canonicalBytes({ item, rules })),
    item,
    subject: subject.text,
    kind: subject.kind,
    name: subject.name,
    account: subject.account,
    binding: binding.key,
    role: binding.roleKey,
    namespace: binding.namespace,
    right: describeRight(binding),
    ...riskOf(binding, subject),
    owner: ownerOf(binding, subject),
  };
}

const nobody = { clusterWide: '(cluster-wide)', noOwner: '(no owner)', notRead: '(namespaces not read)' } as const;

/** Who owns the namespace in which a grant holds; of one that holds cluster-wide, the namespace of the service account that has it. */
function readOwners(reader: EvidenceReader, keys: readonly string[]): OwnerOf {
  const owners = readNamespaceOwners(reader, keys);
  return (binding, subject) => {
    const namespace = binding.namespace || subject.account.split('/')[0] || '';
    if (namespace === '') return nobody.clusterWide;
    return owners.of(namespace) ?? (owners.read ? nobody.noOwner : nobody.notRead);
  };
}

function inGroups(rows: readonly ReviewRow[]): readonly ReviewRow[] {
  const rank = ({ risk }: ReviewRow) => risks.indexOf(risk);
  const worst = new Map<string, number>();
  for (const row of rows) worst.set(row.owner, Math.min(worst.get(row.owner) ?? risks.length, rank(row)));
  const order = (a: string | number, b: string | number) => (a < b ? -1 : a > b ? 1 : 0);
  return rows.toSorted(
    (a, b) =>
      order(worst.get(a.owner) ?? 0, worst.get(b.owner) ?? 0) ||
      order(a.owner, b.owner) ||
      order(rank(a), rank(b)) ||
      order(a.subject, b.subject) ||
      order(a.item, b.item),
  );
}
