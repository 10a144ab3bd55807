/** An EncryptionConfiguration handed in as a file: the order of its providers, for which resources, names of keys and what they are like, never a key. */
import type { Collector, Keep } from '../model/index.ts';
import { decodeNothing } from './decode.ts';
import { keyPaths } from './encryption-keys.ts';

const provider = 'resources.providers';
export const encryptionKeep: readonly Keep[] = [
  ...[
    'resources.resources',
    'unknownFields',
    ...keyPaths.map((path) => `${provider}.${path}`),
    ...['apiVersion', 'name', 'endpoint', 'cachesize', 'timeout'].map((field) => `${provider}.kms.${field}`),
  ].map((path): Keep => ({ path, as: 'text' })),
  // It has no fields: what stands there slipped in from another provider, and may be its keys.
  { path: `${provider}.identity`, as: 'names' },
];

export const encryptionFile: Collector = {
  kind: 'files.encryption',
  version: 3,
  title: 'Encryption configuration files',
  listings: [
    {
      kind: 'files.encryption/encryptionconfigurations',
      needs: [],
      withoutIt: 'which provider encrypts first is known only from what the API server was seen to write',
      requests: () => [],
      decode: decodeNothing,
      keep: encryptionKeep,
      since: 2,
      assurance: 'configured',
      accepts: [{ group: 'apiserver.config.k8s.io', kind: 'EncryptionConfiguration' }],
    },
  ],
};
