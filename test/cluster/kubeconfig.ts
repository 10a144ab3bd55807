/** Kubeconfig files of a test cluster, credentials embedded, readable by their owner only. JSON, which every reader of YAML reads. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Certificate } from './pki.ts';

export type Credential = { readonly user: string; readonly certificate: Certificate } | { readonly user: string; readonly token: string };

/** Writes `file` in the cluster's directory and returns its path. The context is called `test`. */
export function writeKubeconfig(cluster: { readonly dir: string; readonly server: string; readonly caFile: string }, file: string, credential: Credential): string {
  const path = join(cluster.dir, file);
  const encode = (name: string) => readFileSync(name).toString('base64');
  const user =
    'token' in credential
      ? { token: credential.token }
      : {
          'client-certificate-data': encode(join(cluster.dir, credential.certificate.cert)),
          'client-key-data': encode(join(cluster.dir, credential.certificate.key)),
        };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server: cluster.server, 'certificate-authority-data': encode(cluster.caFile) } }],
    users: [{ name: credential.user, user }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: credential.user } }],
    'current-context': 'test',
  };
  writeFileSync(path, `${JSON.stringify(config, undefined, 2)}\n`, { mode: 0o600 });
  return path;
}
