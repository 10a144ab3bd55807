/**
 * The kubelet and kube-proxy of every node with the settings that they run with. A setting that was not read stands in `unknown`, so that a
 * control over it cannot pass; a node whose evidence cannot be relied on is a gap.
 */
import type { Json, Population, PopulationInput, Row } from '../../model/index.ts';
import { at, isObject, listAt, textAt } from '../../model/index.ts';
import { readArguments } from '../control-plane/flags.ts';
import { segment, uniqueKeys } from '../identity.ts';
import type { KubeletSettings } from './kubelet-settings.ts';
import { readKubelet, settingNames } from './kubelet-settings.ts';
import type { NodeDocument } from './node-evidence.ts';
import { isThrownAway } from './node-certificates.ts';
import { nodeListings, readNodeEvidence, sawProcesses, sayMissing } from './node-evidence.ts';

/** All nodes of the cluster; says which are missing. */
function readWorkers(input: PopulationInput): readonly NodeDocument[] {
  const reading = readNodeEvidence(input);
  sayMissing(input, reading, 'nodes');
  return reading.documents.filter(({ runsKubelet }) => runsKubelet);
}

function servingCertificate(
  { values, certDirectory, namesNoCertificate }: KubeletSettings,
  { document }: NodeDocument,
): 'requested' | 'given' | 'selfSigned' | undefined {
  const { serverTLSBootstrap, tlsCertFile } = values;
  if (serverTLSBootstrap === true) return 'requested';
  if (serverTLSBootstrap === undefined || typeof tlsCertFile !== 'string') return undefined;
  if (tlsCertFile === '' || namesNoCertificate === true) return 'selfSigned';
  const read = listAt(document.body, 'certificates').find((each) => textAt(each, 'path') === tlsCertFile && at(each, 'position') === 0);
  if (read !== undefined) return isThrownAway(textAt(read, 'issuer') ?? '') ? 'selfSigned' : 'given';
  if (tlsCertFile === `${certDirectory ?? '/var/lib/kubelet/pki'}/kubelet.crt`) return 'selfSigned';
  return namesNoCertificate === false || !tlsCertFile.endsWith('/kubelet.crt') ? 'given' : undefined;
}

function kubeletRow(node: NodeDocument, item: string): Row {
  const kubelet = readKubelet(node);
  const { source, values, defaulted, rotatesServing, hostnameOverride, differs } = kubelet;
  const read: Record<string, Json | undefined> = {
    ...values,
    servingCertificate: servingCertificate(kubelet, node),
    rotatesServing,
    hostnameOverride,
    differs,
  };
  const known = Object.fromEntries(Object.entries(read).filter(([, value]) => value !== undefined));
  const unknown = [...new Set([...settingNames, ...Object.keys(read)])].filter((name) => !Object.hasOwn(known, name));
  return {
    item,
    resource: node.resource,
    evidence: node.evidence,
    node: node.name,
    version: node.kubeletVersion ?? '',
    source,
    defaulted,
    unknown,
    ...known,
  };
}

export const kubeletSettings: Population = {
  name: 'kubeletSettings',
  doc: 'A kubelet with the settings that it runs with: its own word, else flags over configuration file over the defaults of its version',
  from: [],
  also: nodeListings,
  *rows(input) {
    const unique = uniqueKeys();
    for (const node of readWorkers(input)) yield kubeletRow(node, unique(segment(node.name)));
  },
};

/** `127.0.0.1:10249`, `[::1]:10249`, `localhost`; empty is the default, which is loopback. */
function isLoopback(address: string): boolean {
  if (address === '') return true;
  const host = /^\[(.*)\](?::\d+)?$/.exec(address)?.[1] ?? (address.split(':').length > 2 ? address : address.replace(/:\d*$/, ''));
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** Undefined: no kube-proxy runs there. Null: nobody knows what it is told. */
function metricsAddress({ document }: NodeDocument): string | null | undefined {
  const programs = listAt(document.body, 'programs');
  const named = (name: string) => programs.find((each) => textAt(each, 'program') === name);
  const config = at(document.body, 'kubeProxy', 'config');
  const proxy = named('kube-proxy');
  const given = proxy === undefined ? undefined : readArguments(listAt(proxy, 'arguments'));
  if (isObject(config) && (given === undefined || given.has('config'))) {
    const address = at(config, 'metricsBindAddress') ?? '';
    return typeof address === 'string' ? address : null;
  }
  // With a configuration file the flag is ignored.
  if (given !== undefined)
    return given.has('config') ? null : given.has('metrics-bind-address') ? (given.get('metrics-bind-address') ?? null) : '';
  // k3s runs it inside its own process, and without all processes nobody knows whether it runs.
  return named('k3s') !== undefined || !sawProcesses(document) ? null : undefined;
}

export const kubeProxies: Population = {
  name: 'kubeProxies',
  doc: 'A kube-proxy with the address on which it shows its metrics',
  from: [],
  also: nodeListings,
  *rows(input) {
    const unique = uniqueKeys();
    for (const node of readWorkers(input)) {
      const address = metricsAddress(node);
      if (address === undefined) continue;
      const base = { item: unique(segment(node.name)), resource: node.resource, evidence: node.evidence, node: node.name };
      yield address === null ? { ...base, known: false } : { ...base, known: true, metricsAddress: address, loopback: isLoopback(address) };
    }
  },
};
