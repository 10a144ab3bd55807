/** Kubeconfigs and certificates among the files: what they say, never what they keep secret. */
import type { JsonObject } from '../../model/index.ts';
import { describeCertificate } from '../certificate-facts.ts';
import { readCertificates } from './certificates.ts';
import type { FileEntry } from './files.ts';
import type { FileRole } from './installers.ts';
import { readKubeconfig } from './kubeconfigs.ts';
import type { Root } from './root.ts';
import { isFailure } from './root.ts';
import type { Unread } from './unread.ts';

const mostKubeconfigs = 64;
const mostCertificates = 2000;

export function readKubeconfigs(root: Root, files: readonly FileEntry[], unread: Unread): readonly JsonObject[] {
  const all = files.filter(({ role, isFile }) => role.endsWith('-kubeconfig') && isFile);
  for (const { role, path } of all.slice(mostKubeconfigs))
    unread(role, path, { reason: 'error', detail: `there are more than ${mostKubeconfigs} kubeconfigs` });
  return all.slice(0, mostKubeconfigs).flatMap(({ role, path }) => {
    const read = readKubeconfig(root, path);
    if (isFailure(read)) {
      unread(role, path, read);
      return [];
    }
    if (read.problem !== undefined) unread(role, read.problem.path, read.problem);
    const { server, credential, certificate } = read;
    return [{ role, path, server, credential, certificate: certificate === null ? null : { role, path, ...certificate } }];
  });
}

const certificateRoles: ReadonlySet<FileRole> = new Set([
  'pki-certificate',
  'kubelet-client-ca',
  'kubelet-client-certificate',
  'kubelet-serving-certificate',
  'etcd-ca',
  'etcd-pki-certificate',
]);

export function readAllCertificates(root: Root, files: readonly FileEntry[], unread: Unread): readonly JsonObject[] {
  const certificates: JsonObject[] = [];
  for (const { role, path, isFile } of files) {
    if (!certificateRoles.has(role) || !isFile || path.endsWith('.pub')) continue;
    const read = readCertificates(root, path);
    if (isFailure(read)) {
      unread(role, path, read);
      continue;
    }
    const described = read.pems.map((pem) => describeCertificate(pem));
    if (described.includes(undefined)) unread(role, path, { reason: 'error', detail: 'a certificate in it cannot be read' });
    for (const [position, certificate] of described.entries())
      if (certificate !== undefined && certificates.length < mostCertificates) certificates.push({ role, path, position, ...certificate });
    if (certificates.length >= mostCertificates)
      unread(role, path, { reason: 'error', detail: `there are more than ${mostCertificates} certificates` });
  }
  return certificates;
}
