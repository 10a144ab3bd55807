/**
 * The hosts of etcd members among the nodes that were read, and beside them. etcd itself says how many members there are; a cluster whose
 * etcd nobody has seen is a gap, unless the hosts of its control plane show that it keeps its state in another store.
 */
import type { Gap, PopulationInput } from '../../model/index.ts';
import { at, isMarker, listAt, textAt } from '../../model/index.ts';
import { readArguments, split } from './flags.ts';
import type { NodeDocument, NodeReading } from '../nodes/node-evidence.ts';

function isEtcdHost({ etcd, document }: NodeDocument): boolean {
  return (
    etcd || listAt(document.body, 'files').some((entry) => textAt(entry, 'role') === 'etcd-manifest' && textAt(entry, 'type') !== 'absent')
  );
}

/** k3s keeps the state of one server in SQLite, below the directory where etcd's data would be; a server that names another store does not. */
function hasOwnStore({ installer, document }: NodeDocument): boolean {
  const told = listAt(document.body, 'programs').filter((each) => textAt(each, 'program') === 'k3s');
  const flags = told.flatMap((each) =>
    listAt(each, 'arguments').map((entry) =>
      isMarker(entry) ? at(entry, 'flag') : typeof entry === 'string' ? /^--([\w-]+)/.exec(entry)?.[1] : undefined,
    ),
  );
  const entries = listAt(document.body, 'files').filter((entry) => textAt(entry, 'role') === 'etcd-data');
  return (
    installer === 'k3s' &&
    told.length > 0 &&
    !flags.includes('datastore-endpoint') &&
    entries.length > 0 &&
    entries.every((entry) => textAt(entry, 'type') === 'absent')
  );
}

/** kubeadm gives a member the list of members at the time it joined, so the longest list is the latest. */
function gapOf(hosts: readonly NodeDocument[], servers: readonly NodeDocument[]): Gap | undefined {
  const lists = hosts.map(({ document }) => {
    const told = listAt(document.body, 'programs').find((each) => textAt(each, 'program') === 'etcd');
    return split(readArguments(listAt(told, 'arguments')).get('initial-cluster') ?? '').length;
  });
  const members = Math.max(1, ...lists);
  if (hosts.length >= members || (hosts.length === 0 && servers.length > 0 && servers.every(hasOwnStore))) return undefined;
  return {
    reason: 'absent',
    what: 'evidence of etcd hosts',
    detail: `${hosts.length} of ${hosts.length === 0 ? 'an unknown number' : members} are known`,
    closedBy: 'run kubevidence node collect on every host of etcd, and put the files into the directory given to collect --files',
  };
}

/** Says which hosts are missing. */
export function etcdHosts(input: PopulationInput, { documents }: NodeReading): readonly NodeDocument[] {
  const hosts = documents.filter(isEtcdHost);
  const gap = gapOf(
    hosts,
    documents.filter(({ controlPlane }) => controlPlane),
  );
  if (gap !== undefined) input.gap(gap);
  return hosts;
}
