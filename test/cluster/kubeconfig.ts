/** Who is who in a test cluster: its certificates, and kubeconfig files with embedded credentials, readable by their owner only. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeName } from './node.ts';
import type { Certificate, Pki } from './pki.ts';

type Place = { readonly dir: string; readonly server: string; readonly caFile: string };
export type Credential = { readonly user: string; readonly certificate: Certificate } | { readonly user: string; readonly token: string };

/** Writes `file` in the cluster's directory and returns its path. JSON, which every reader of YAML reads; the context is called `test`. */
export function writeKubeconfig(cluster: Place, file: string, credential: Credential): string {
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

/** Makes every certificate and key that the processes' flags name, and the kubeconfigs of the admin and the components. */
export async function makeCredentials(cluster: Place, pki: Pki): Promise<void> {
  const nodeUser = `system:node:${nodeName}`;
  const [ca, etcdCa] = await Promise.all([pki.authority('ca', 'kubernetes'), pki.authority('etcd/ca', 'etcd-ca'), pki.keyPair('sa')]);
  const client = (name: string, commonName: string, ...organizations: string[]) =>
    pki.issue({ name, commonName, organizations, signer: ca, usage: 'client' });
  const names = 'IP:127.0.0.1,IP:10.96.0.1,DNS:localhost,DNS:kubernetes.default.svc';
  const loopback = 'IP:127.0.0.1,DNS:localhost';
  const [admin, controllerManager, scheduler, kubelet] = await Promise.all([
    client('admin', 'kubernetes-admin', 'system:masters'),
    client('controller-manager', 'system:kube-controller-manager'),
    client('scheduler', 'system:kube-scheduler'),
    client('kubelet', nodeUser, 'system:nodes'),
    client('apiserver-kubelet-client', 'kube-apiserver-kubelet-client', 'kubeadm:cluster-admins'),
    pki.issue({ name: 'apiserver', commonName: 'kube-apiserver', signer: ca, usage: 'server', alternativeNames: names }),
    pki.issue({ name: 'etcd/server', commonName: 'etcd', signer: etcdCa, usage: 'peer', alternativeNames: loopback }),
    pki.issue({ name: 'etcd/peer', commonName: 'etcd', signer: etcdCa, usage: 'peer', alternativeNames: loopback }),
    pki.issue({ name: 'apiserver-etcd-client', commonName: 'kube-apiserver-etcd-client', signer: etcdCa, usage: 'client' }),
  ]);
  writeKubeconfig(cluster, 'admin.conf', { user: 'kubernetes-admin', certificate: admin });
  writeKubeconfig(cluster, 'controller-manager.conf', { user: 'system:kube-controller-manager', certificate: controllerManager });
  writeKubeconfig(cluster, 'scheduler.conf', { user: 'system:kube-scheduler', certificate: scheduler });
  writeKubeconfig(cluster, 'kubelet.conf', { user: nodeUser, certificate: kubelet });
}
