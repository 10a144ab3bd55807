/** What the kubelet of this node is told, by the process that runs or else by what would start it, with the configuration that follows. */
import { posix } from 'node:path';
import { textAt } from '../../model/index.ts';
import type { Installer } from './installers.ts';
import { type KubeletConfig, readKubeletConfig } from './kubelet-config.ts';
import { type Started, withCarried } from './programs.ts';
import type { Root } from './root.ts';
import { isFailure } from './root.ts';
import { absolutePath, flagValues } from './told.ts';
import type { Unread } from './unread.ts';

export interface Kubelet extends KubeletConfig {
  /** Of the kubelet that was believed: the running one before a unit's. */
  readonly arguments: readonly string[];
  /** Directories of static pod manifests. */
  readonly manifests: readonly string[];
}

export function readKubelet(
  root: Root,
  installer: Pick<Installer, 'paths' | 'dataDirectory' | 'kubeletDropIns' | 'manifests'>,
  { processes, told, running }: Started,
  unread: Unread,
): Kubelet {
  const process = processes.find(({ program }) => program === 'kubelet');
  const started = withCarried(told).filter(({ program }) => program === 'kubelet');
  const isSeen = process !== undefined || started.length > 0;
  // k3s and RKE2 hand on what several files say.
  const isInside = installer.dataDirectory !== undefined && process === undefined;
  const args = process?.arguments ?? (isInside ? started : started.slice(0, 1)).flatMap((each) => each.arguments);
  // Units start in the root (systemd.exec(5)).
  const cwd = process === undefined ? '/' : process.cwd;
  const absolute = (value: string | undefined) => (value === undefined || value === '' ? null : absolutePath(value, cwd));
  const exists = (path: string) => !isFailure(root.find(path));
  const { kubeletDropIns = null, paths } = installer;
  let path = absolute(flagValues(args, 'config').at(-1));
  let dropIns = absolute(flagValues(args, 'config-dir').at(-1));
  // They give it a directory that no argument shows; and where no kubelet was seen, what the installer writes must do.
  if ((!isSeen || isInside) && dropIns === null && kubeletDropIns !== null && exists(kubeletDropIns)) dropIns = kubeletDropIns;
  if (!isSeen && path === null)
    path = paths.find((known) => known.role === 'kubelet-config' && !known.path.includes('*') && exists(known.path))?.path ?? null;
  const read = readKubeletConfig(root, path, dropIns);
  if (read.failure !== undefined) unread('kubelet-config', read.failure.path, read.failure);
  else if (path === null && flagValues(args, 'config').length > 0)
    unread('kubelet-config', flagValues(args, 'config').at(-1) ?? '', {
      reason: 'absent',
      detail: 'it is relative to a directory that was not to be seen',
    });
  else if (!isSeen && path === null && dropIns === null && running?.has('kubelet') !== false)
    unread('kubelet-config', '/', { reason: 'absent', detail: 'no kubelet was seen, nor a configuration of one' });
  const ofPods = [
    absolute(flagValues(args, 'pod-manifest-path').at(-1)),
    absolutePathIn(textAt(read.config, 'staticPodPath'), read.configPath),
  ];
  const manifests = [...new Set(ofPods.filter((each) => each !== null))];
  return { ...read, arguments: args, manifests: manifests.length > 0 ? manifests : [installer.manifests] };
}

function absolutePathIn(path: string | undefined, file: string | null): string | null {
  return path === undefined || path === '' ? null : absolutePath(path, file === null ? undefined : posix.dirname(file));
}
