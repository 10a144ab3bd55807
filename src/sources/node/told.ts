/** Which files programs are told to use: flags whose value is a path, and what the file at that path is to the node. */
import { posix } from 'node:path';
import type { NodeProgram } from '../../collectors/index.ts';
import type { FileRole } from './installers.ts';
import type { Command } from './processes.ts';
import type { Failure } from './root.ts';

/** A program as it was seen or is started, with the paths in its arguments as those of the node. */
export interface Told extends Command {
  readonly from: 'process' | 'unit' | 'manifest' | 'config';
  readonly path: string;
  /** Of a configuration file: a process that runs names it. */
  readonly byProcess?: true;
  /** What relative paths are relative to, where that is known. */
  readonly cwd?: string;
  /** Null where a path of the program's container comes from no place of the node. */
  readonly onNode: (path: string) => string | null;
}

const roles: Readonly<Partial<Record<NodeProgram, Readonly<Record<string, FileRole>>>>> = {
  'kube-apiserver': {
    'audit-policy-file': 'audit-policy',
    'encryption-provider-config': 'encryption-configuration',
    'admission-control-config-file': 'admission-configuration',
    'client-ca-file': 'pki-certificate',
    'etcd-cafile': 'etcd-ca',
    'etcd-certfile': 'etcd-pki-certificate',
    'etcd-keyfile': 'etcd-pki-key',
    'kubelet-certificate-authority': 'pki-certificate',
    'kubelet-client-certificate': 'pki-certificate',
    'kubelet-client-key': 'pki-key',
    'proxy-client-cert-file': 'pki-certificate',
    'proxy-client-key-file': 'pki-key',
    'requestheader-client-ca-file': 'pki-certificate',
    'service-account-signing-key-file': 'pki-key',
    'tls-cert-file': 'pki-certificate',
    'tls-private-key-file': 'pki-key',
  },
  'kube-controller-manager': {
    kubeconfig: 'controller-manager-kubeconfig',
    'client-ca-file': 'pki-certificate',
    'cluster-signing-cert-file': 'pki-certificate',
    'cluster-signing-key-file': 'pki-key',
    'root-ca-file': 'pki-certificate',
    'service-account-private-key-file': 'pki-key',
    'tls-cert-file': 'pki-certificate',
    'tls-private-key-file': 'pki-key',
  },
  'kube-scheduler': { kubeconfig: 'scheduler-kubeconfig', 'tls-cert-file': 'pki-certificate', 'tls-private-key-file': 'pki-key' },
  etcd: {
    'data-dir': 'etcd-data',
    'trusted-ca-file': 'etcd-ca',
    'peer-trusted-ca-file': 'etcd-ca',
    'cert-file': 'etcd-pki-certificate',
    'peer-cert-file': 'etcd-pki-certificate',
    'key-file': 'etcd-pki-key',
    'peer-key-file': 'etcd-pki-key',
  },
  kubelet: {
    kubeconfig: 'kubelet-kubeconfig',
    config: 'kubelet-config',
    'client-ca-file': 'kubelet-client-ca',
    'tls-cert-file': 'kubelet-serving-certificate',
    'tls-private-key-file': 'pki-key',
    'container-runtime-endpoint': 'container-runtime-socket',
  },
  'kube-proxy': { kubeconfig: 'kube-proxy-kubeconfig', config: 'kube-proxy-config' },
  containerd: { config: 'container-runtime-config' },
};

export interface ToldPath {
  readonly role: FileRole;
  readonly path: string;
  /** Why the program reads a file that was not to be found on the node: it is on none (absent), or nobody knows where. */
  readonly missing?: Failure;
}

/** Every path that the program is told, as one of the node. */
export function* toldPaths(told: Told): Generator<ToldPath> {
  for (const [flag, role] of Object.entries(roles[told.program] ?? {})) {
    for (const value of flagValues(told.arguments, flag).slice(-1)) {
      const given = value.replace(/^unix:\/\//, '');
      if (given === '' || given.includes('\0')) continue;
      const absolute = absolutePath(given, told.cwd);
      const path = absolute === null ? null : told.onNode(absolute);
      if (path !== null) yield { role, path };
      else {
        const where =
          absolute === null ? 'from a directory that was not to be seen' : 'in its container, where no volume of the node brings it';
        yield {
          role,
          path: given,
          missing: { reason: absolute === null ? 'error' : 'absent', detail: `${told.program} reads it ${where}` },
        };
      }
    }
  }
}

/** Null for a relative path where nobody knows what it is relative to. */
export function absolutePath(path: string, cwd: string | undefined): string | null {
  if (!path.startsWith('/') && cwd === undefined) return null;
  return posix.resolve(cwd ?? '/', path);
}

/** Values of a flag in their order: `--name=value` or `--name value`, with underscores for dashes as pflag takes them. */
export function flagValues(args: readonly string[], flag: string): readonly string[] {
  const values: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const [, name = '', value] = /^--?([A-Za-z][\w-]*)(?:=([^]*))?$/.exec(args[i] ?? '') ?? [];
    if (name.replaceAll('_', '-') !== flag) continue;
    if (value !== undefined) values.push(value);
    else if (args[i + 1]?.startsWith('-') === false) values.push(args[i + 1] ?? '');
  }
  return values;
}
