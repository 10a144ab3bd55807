/** The Node's name in the API: as given, or as the node says itself; the name that its kubelet has a certificate for comes first. */
import type { JsonObject } from '../../model/index.ts';
import { KubevidenceError, textAt, visible } from '../../model/index.ts';
import type { Root } from './root.ts';
import { isFailure } from './root.ts';
import { flagValues, type Told } from './told.ts';

export interface NodeNames {
  readonly name: string;
  readonly from: 'given' | 'client-certificate' | 'hostname-override' | 'hostname';
  /** Other names that it has, by its kubelet's certificate or flags. */
  readonly others: readonly string[];
}

// A Node's name is a DNS-1123 subdomain.
const form = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

export function findNames(
  root: Root,
  given: string | undefined,
  told: readonly Told[],
  kubeconfigs: readonly JsonObject[],
  certificates: readonly JsonObject[],
): NodeNames {
  if (given !== undefined && !form.test(given))
    throw new KubevidenceError('usage', `${visible(given)} is no name of a Node`, { next: 'Name it as kubectl get nodes does.' });
  const subjects = [
    ...certificates.filter((each) => each['role'] === 'kubelet-client-certificate').map((each) => textAt(each, 'subject')),
    ...kubeconfigs.filter((each) => each['role'] === 'kubelet-kubeconfig').map((each) => textAt(each, 'certificate', 'subject')),
  ];
  const certified = subjects.map((subject) => /(?:^|, )CN=system:node:([^,]+)/.exec(subject ?? '')?.[1]).filter(isName);
  const overridden = told
    .flatMap(({ program, arguments: args }) =>
      program === 'kubelet'
        ? flagValues(args, 'hostname-override')
        : program === 'k3s' || program === 'rke2'
          ? flagValues(args, 'node-name')
          : [],
    )
    .filter(isName);
  const found = (name: string, from: NodeNames['from']): NodeNames => ({
    name,
    from,
    others: [...new Set([...certified, ...overridden])].filter((other) => other !== name),
  });
  if (given !== undefined) return found(given, 'given');
  if (certified[0] !== undefined) return found(certified[0], 'client-certificate');
  if (overridden[0] !== undefined) return found(overridden[0], 'hostname-override');
  for (const path of ['/etc/hostname', '/proc/sys/kernel/hostname']) {
    const bytes = root.read(path, 4096);
    const hostname = isFailure(bytes) ? '' : new TextDecoder().decode(bytes).trim().toLowerCase();
    if (isName(hostname)) return found(hostname, 'hostname');
  }
  throw new KubevidenceError('usage', "the Node's name cannot be told from its files", {
    next: 'Give it: --node NAME, as kubectl get nodes shows it.',
  });
}

function isName(name: string | undefined): name is string {
  return name !== undefined && form.test(name);
}
