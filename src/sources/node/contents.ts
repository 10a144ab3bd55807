/** Configuration of the API server, kube-proxy and the container runtime: what is in use, read through the one bounded reader. */
import { posix } from 'node:path';
import type { JsonObject, RawObject } from '../../model/index.ts';
import { wrongShape } from '../files/files-shapes.ts';
import type { FileEntry } from './files.ts';
import type { FileRole } from './installers.ts';
import type { Root } from './root.ts';
import { isFailure } from './root.ts';
import { flagValues, type Told, toldPaths } from './told.ts';
import type { Unread } from './unread.ts';
import { readObject } from './yaml.ts';

/** What an API server is told to read; where none was seen on its own (k3s runs it inside), what stands where the installer writes it. */
export function readContents(
  root: Root,
  files: readonly FileEntry[],
  told: readonly Told[],
  { role, ...type }: { readonly role: FileRole; readonly group: string; readonly kind: string },
  unread: Unread,
): readonly { readonly path: string; readonly object: JsonObject }[] {
  const servers = told.filter(({ program }) => program === 'kube-apiserver');
  const seen = servers.some(({ from }) => from !== 'unit' && from !== 'config');
  const used = new Set(
    servers.flatMap((server) =>
      [...toldPaths(server)].filter((each) => each.role === role && each.missing === undefined).map(({ path }) => path),
    ),
  );
  const entries = files.filter((entry) => entry.role === role && (used.has(entry.path) || (!seen && entry.isFile)));
  return entries.flatMap(({ path }) => {
    const object = readObject(root, path, type);
    // One that the API server would not load would make the whole document unfit where it is taken in.
    const wrong = isFailure(object) ? undefined : wrongShape(object, type.group, type.kind);
    if (!isFailure(object) && wrong === undefined) return [{ path, object }];
    unread(role, path, isFailure(object) ? object : { reason: 'error', detail: `${wrong?.key ?? ''}: ${wrong?.message ?? ''}` });
    return [];
  });
}

export function kubeProxyOf(root: Root, files: readonly FileEntry[], told: readonly Told[], unread: Unread): RawObject {
  const candidates = files.filter(({ role, isFile }) => role === 'kube-proxy-config' && isFile);
  if (candidates.length === 0) {
    const path = told.find(({ program }) => program === 'kube-proxy')?.path;
    return path === undefined ? {} : { kubeProxy: { configPath: null, config: null } };
  }
  const [first] = candidates as [FileEntry];
  const config = readObject(root, first.path, { group: 'kubeproxy.config.k8s.io', kind: 'KubeProxyConfiguration' });
  if (isFailure(config)) {
    unread('kube-proxy-config', first.path, config);
    return { kubeProxy: { configPath: first.path, config: null, problem: config.detail } };
  }
  const several = candidates.length > 1 ? { problem: `${candidates.length} files could be its configuration` } : {};
  return { kubeProxy: { configPath: first.path, config, ...several } };
}

/** The runtime that the kubelet is told to use, or whose socket is there. */
export function runtimeOf(files: readonly FileEntry[], kubelet: readonly string[]): RawObject {
  const told = flagValues(kubelet, 'container-runtime-endpoint').at(-1);
  const socket = files.find(({ role, json }) => role === 'container-runtime-socket' && json['mode'] !== undefined)?.path;
  const endpoint = told?.replace(/^unix:\/\//, '') ?? socket;
  if (endpoint === undefined) return {};
  const name = /crio/.test(endpoint)
    ? 'cri-o'
    : /containerd/.test(endpoint)
      ? 'containerd'
      : /docker/.test(endpoint)
        ? 'cri-dockerd'
        : posix.basename(endpoint);
  const configPath = files.find(
    ({ role, isFile, path }) => role === 'container-runtime-config' && isFile && (name === 'cri-o') === path.includes('crio'),
  )?.path;
  return { containerRuntime: { name, endpoint, ...(configPath === undefined ? {} : { configPath }) } };
}
