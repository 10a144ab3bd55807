/**
 * Who can read the Secrets of each namespace through RBAC: one row for those who can everywhere, if anybody can, and one for each namespace
 * with those who can there besides. Whoever may start a pod reads the Secrets that it mounts, and whoever may bind a role takes one that reads them: such ways
 * are found by the population `escalationPaths`. `system:masters` and nodes, which no binding names, are not among them. A group of service
 * accounts stands for accounts of other namespaces too, unless it is the group of that very namespace.
 */
import type { AccessIndex, Binding, Subject, Via } from '../../access/index.ts';
import { addedPart, createAccessIndex, rbacListings } from '../../access/index.ts';
import type { Gap, ListingKind, Population, ResourceRef, Row } from '../../model/index.ts';
import { resourceOf, segment } from '../identity.ts';

const namespaceListing: ListingKind = 'k8s.namespaces/namespaces';
const verbs = ['get', 'list', 'watch'];

/** Those who can read in one namespace, or everywhere. */
class Readers {
  readonly subjects = new Map<string, Subject>();
  /** Who is limited to Secrets of some names: the names. */
  readonly limited = new Map<string, Set<string>>();
  readonly evidence = new Set<string>();
  readonly gaps: Gap[] = [];
  /** What gives some of them the right. */
  binding: Binding | undefined;

  addEvidence(binding: Binding): void {
    const { object, role } = binding;
    this.binding ??= binding;
    this.evidence.add(object.id);
    if (role !== undefined) this.evidence.add(role.id);
  }
}

function* holdersOf(index: AccessIndex, anyName: boolean): Iterable<Via> {
  for (const verb of verbs)
    for (const via of index.holders({ verb, resource: 'secrets', namespace: '*', anyName }))
      if (addedPart(via.binding, via.subject)?.role?.rules.includes(via.rule) === true) yield via;
}

/** By namespace; '' is everywhere. */
function readReaders(index: AccessIndex): ReadonlyMap<string, Readers> {
  const found = new Map<string, Readers>();
  const of = (namespace: string) => {
    let readers = found.get(namespace);
    if (readers === undefined) found.set(namespace, (readers = new Readers()));
    return readers;
  };
  for (const { subject, binding } of holdersOf(index, false)) {
    const readers = of(binding.namespace);
    readers.subjects.set(subject.text, subject);
    readers.addEvidence(binding);
  }
  for (const { subject, binding, rule } of holdersOf(index, true)) {
    const readers = of(binding.namespace);
    if (readers.subjects.has(subject.text)) continue;
    readers.limited.set(subject.text, new Set([...(readers.limited.get(subject.text) ?? []), ...rule.resourceNames]));
    readers.addEvidence(binding);
  }
  for (const binding of index.bindings) {
    if (binding.gaps.length === 0) continue;
    of(binding.namespace).gaps.push(...binding.gaps);
    of(binding.namespace).addEvidence(binding);
  }
  return found;
}

const nobody = new Readers();

/**
 * Whether this is an account of another namespace, or holds such accounts. Those who did not sign in are among them: a pod of any
 * namespace can leave its token out.
 */
function isForeign({ account, everyone, text }: Subject, namespace: string): boolean {
  if (account !== '') return !account.startsWith(`${namespace}/`);
  return everyone !== '' && text !== `Group/system:serviceaccounts:${namespace}`;
}

function describe(namespace: string, own: Readers, everywhere: Readers): Pick<Row, string> {
  // Whoever can everywhere is no reader of one namespace.
  const subjects = [...own.subjects.values()].filter(({ text }) => namespace === '' || !everywhere.subjects.has(text));
  const names = (wanted: (subject: Subject) => boolean) =>
    subjects
      .filter(wanted)
      .map(({ text }) => text)
      .sort();
  return {
    namespace,
    scope: namespace === '' ? 'all namespaces' : `namespace ${namespace}`,
    readers: names(() => true),
    users: names(({ kind, account }) => kind === 'User' && account === ''),
    groups: names(({ kind }) => kind === 'Group'),
    accounts: names(({ account }) => account !== ''),
    foreignAccounts: namespace === '' ? [] : names((subject) => isForeign(subject, namespace)),
    everyone: names(({ everyone }) => everyone !== ''),
    limited: [...own.limited].map(([text, secrets]) => `${text} (only ${[...secrets].sort().join(', ')})`).sort(),
    readersEverywhere: everywhere.subjects.size,
  };
}

export const secretReaders: Population = {
  name: 'secretReaders',
  doc: 'A namespace, or all of them, with who can read its Secrets through RBAC',
  from: [...rbacListings, namespaceListing],
  *rows(input) {
    const found = readReaders(createAccessIndex(input.reader));
    const everywhere = found.get('') ?? nobody;
    const row = (namespace: string, item: string, resource: ResourceRef, evidence: readonly string[]): Row => {
      const own = found.get(namespace) ?? nobody;
      return {
        item,
        resource,
        evidence: [...evidence, ...own.evidence],
        ...(own.gaps.length > 0 && { gaps: own.gaps }),
        ...describe(namespace, own, everywhere),
      };
    };
    if (everywhere.binding !== undefined) yield row('', 'all namespaces', resourceOf(everywhere.binding.object), []);
    const seen = new Set<string>();
    for (const object of input.each(namespaceListing)) {
      const resource = { ...resourceOf(object), namespace: object.name };
      if (!seen.has(object.name)) yield row(object.name, `namespace/${segment(object.name)}`, resource, [object.id]);
      seen.add(object.name);
    }
    // Files can hold bindings of a namespace that they do not describe.
    for (const namespace of found.keys()) {
      if (namespace === '' || seen.has(namespace)) continue;
      const resource = { apiVersion: 'v1', kind: 'Namespace', namespace, name: namespace, uid: '' };
      yield row(namespace, `namespace/${segment(namespace)}`, resource, []);
    }
  },
};
