/**
 * What people call a resource, as the API server calls it: plural, singular, short name, `deployments.apps`, `deployments.v1.apps`,
 * `pods/log`. Resources of Kubernetes itself come from a table; of others only the plural with its group is enough, because what a cluster
 * serves besides is not in the evidence, except for the names of its groups.
 */
import type { EvidenceReader } from '../model/index.ts';
import { isComplete } from '../model/index.ts';
import { builtInResources } from './resource-table.ts';
import { splitResource } from './rules.ts';

export interface NamedResource {
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  /** Null: not known. */
  readonly namespaced: boolean | null;
  /** What should be known about the reading. Untrusted text. */
  readonly note: string | null;
}

/** Groups that the cluster serves; null where that was not read. */
export function servedGroups(reader: EvidenceReader): ReadonlySet<string> | null {
  const listing = reader.listing('k8s.cluster/groups');
  if (listing === undefined || !isComplete(listing)) return null;
  return new Set([...reader.objects('k8s.cluster/groups')].map(({ name }) => name));
}

export function nameResource(text: string, served: ReadonlySet<string> | null): NamedResource {
  const [written, subresource] = splitResource(text);
  const dot = written.indexOf('.');
  const name = (dot < 0 ? written : written.slice(0, dot)).toLowerCase();
  // `deployments.v1.apps`, `pods.v1.`: rules know no versions.
  const group = dot < 0 ? null : written.slice(dot + 1).replace(/^v\d+((alpha|beta)\d+)?(\.|$)/, '');
  if (name === '*') return { group: group ?? '', resource: '*', subresource, namespaced: null, note: null };
  const called = builtInResources.filter(
    ({ plural, singular, shortNames }) => plural === name || singular === name || shortNames.includes(name),
  );
  const known =
    group === null
      ? called[0]
      : (called.find((each) => each.group === group) ??
        (group === '' || served?.has(group) ? undefined : called.find((each) => each.group.startsWith(`${group}.`))));
  if (known !== undefined) return { group: known.group, resource: known.plural, subresource, namespaced: known.namespaced, note: null };
  return { group: group ?? '', resource: name, subresource, namespaced: null, note: doubtOf(name, group, served) };
}

function doubtOf(name: string, group: string | null, served: ReadonlySet<string> | null): string | null {
  if (group === null)
    return `Kubernetes has no resource ${name}: asked as one of the core group; write ${name}.GROUP for one of another group`;
  if (builtInResources.some((each) => each.group === group))
    return `Kubernetes 1.36 has no resource ${name} in its group ${group || '(core)'}`;
  if (served === null) return `${group} is no group of Kubernetes itself, and which others the cluster serves is not in the evidence`;
  return served.has(group) ? null : `the cluster serves no API group ${group}`;
}
