/**
 * What `kubevidence node collect` read on a node: modes and owners of files, what programs are told, certificates and configuration.
 * The keep-list says what may ever stand in such a document: the reader writes through it, and it is applied again where one is taken in.
 */
import type { Collector, Gap, Json, Keep, ListingKind, RawObject } from '../model/index.ts';
import { at, clip, isObject, listAt, textAt } from '../model/index.ts';
import { auditPolicyKeep } from './audit-policy-file.ts';
import { decodeNothing } from './decode.ts';
import { encryptionKeep } from './encryption-file.ts';
import { kubeletFields } from './kubelet-file.ts';

export const nodeEvidenceKind: ListingKind = 'node.evidence/nodes';

const certificateFields = words('role path position subject issuer notBefore notAfter ca key signature fingerprint spki');
const below = (path: string, fields: readonly string[]) => fields.map((field) => `${path}.${field}`);

const keep: readonly Keep[] = [
  'collectedAt',
  ...below('tool', ['name', 'version']),
  ...below('host', words('nameFrom os installer installerSigns roles')),
  ...below('files', words('role path type mode uid gid owner group target problem')),
  ...below('programs', words('program from path')),
  { path: 'programs.arguments', as: 'arguments' },
  ...below('kubelet', ['configPath', 'dropIns', 'problem']),
  ...below('kubelet.config', kubeletFields),
  ...below('kubelet.configz', kubeletFields),
  ...below('kubeProxy', ['configPath', 'problem']),
  ...below('kubeProxy.config', ['metricsBindAddress', 'mode', 'clientConnection.kubeconfig']),
  ...below('kubeconfigs', words('role path server credential')),
  ...below('kubeconfigs.certificate', certificateFields),
  ...below('certificates', certificateFields),
  'auditPolicies.path',
  ...under('auditPolicies.policy', auditPolicyKeep),
  'encryptionConfigurations.path',
  'encryptionConfigurations.configuration.apiVersion',
  ...under('encryptionConfigurations.configuration', encryptionKeep),
  ...below('containerRuntime', words('name version endpoint configPath')),
  ...below('unread', words('what path reason detail')),
  ...below('signature', words('algorithm publicKey value')),
  ...below('signer', ['fingerprint', 'listed']),
];

export const nodeEvidence: Collector = {
  kind: 'node.evidence',
  version: 3,
  title: 'What node collectors read on the nodes',
  listings: [
    {
      kind: nodeEvidenceKind,
      needs: [],
      withoutIt: 'modes and owners of files on the nodes, and what their kubelets are really told, cannot be assessed',
      requests: () => [],
      decode: decodeNothing,
      keep,
      since: 2,
      assurance: 'observed',
      accepts: [{ group: 'node.kubevidence.io', kind: 'NodeEvidence' }],
    },
  ],
};

export function isNodeEvidence(object: RawObject): boolean {
  return object['kind'] === 'NodeEvidence' && (textAt(object, 'apiVersion') ?? '').startsWith('node.kubevidence.io/');
}

const listingsByTopic: Readonly<Record<string, ListingKind>> = {
  'audit-policy': 'files.audit-policy/policies',
  'encryption-configuration': 'files.encryption/encryptionconfigurations',
  'kubelet-config': 'files.kubelet/kubeletconfigurations',
};

/** Listings besides its own that a node's document has objects for. */
export const nodeListings: ReadonlySet<ListingKind> = new Set(Object.values(listingsByTopic));

/** What was not read on the node and belongs to one of {@link nodeListings}: those listings are not complete then. */
export function nodeGaps(node: RawObject): readonly { readonly kind: ListingKind; readonly gap: Gap }[] {
  const name = textAt(node, 'metadata', 'name') ?? '';
  return listAt(node, 'unread').flatMap((entry) => {
    const topic = textAt(entry, 'what') ?? '';
    const kind = listingsByTopic[topic];
    if (kind === undefined) return [];
    const forbidden = textAt(entry, 'reason') === 'forbidden';
    const gap: Gap = {
      reason: forbidden ? 'forbidden' : 'error',
      what: `${topic.replaceAll('-', ' ')} of node ${clip(name, 253)}`,
      detail: clip(`${textAt(entry, 'path') ?? ''}: ${textAt(entry, 'detail') ?? ''}`, 300),
      closedBy: forbidden ? 'kubevidence node collect as root on the node' : 'repair the file on the node, and collect from it again',
    };
    return [{ kind, gap }];
  });
}

export interface NodeItem {
  readonly kind: ListingKind;
  readonly item: RawObject;
}

/** What a node's document holds for other listings, as a file of its own would bring it; named after the node. */
export function nodeItems(node: RawObject): readonly NodeItem[] {
  const name = textAt(node, 'metadata', 'name') ?? '';
  const config = at(node, 'kubelet', 'config');
  return [
    ...each(node, 'auditPolicies', 'policy', name, { apiVersion: 'audit.k8s.io/v1', kind: 'Policy' }, 'files.audit-policy/policies'),
    ...each(
      node,
      'encryptionConfigurations',
      'configuration',
      name,
      { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'EncryptionConfiguration' },
      'files.encryption/encryptionconfigurations',
    ),
    ...(isObject(config)
      ? [
          {
            kind: 'files.kubelet/kubeletconfigurations' as const,
            item: { ...config, apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration', metadata: { name } },
          },
        ]
      : []),
  ];
}

/** A node can have several of a kind: the first bears its name, the others their path too. */
function each(
  node: RawObject,
  list: string,
  field: string,
  name: string,
  type: { readonly apiVersion: string; readonly kind: string },
  kind: ListingKind,
): readonly NodeItem[] {
  return listAt(node, list).flatMap((entry: Json, index) => {
    const body = at(entry, field);
    if (!isObject(body)) return [];
    const item = {
      ...body,
      ...type,
      apiVersion: textAt(body, 'apiVersion') ?? type.apiVersion,
      metadata: { name: index === 0 ? name : `${name} ${textAt(entry, 'path') ?? index}` },
    };
    return [{ kind, item }];
  });
}

function under(path: string, list: readonly Keep[]): Keep[] {
  return list.map((entry) => (typeof entry === 'string' ? `${path}.${entry}` : { path: `${path}.${entry.path}`, as: entry.as }));
}

function words(text: string): string[] {
  return text.split(' ');
}
