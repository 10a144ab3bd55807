/**
 * The configuration of kubelets and kube-proxy as they read it: the kubelet's file, and over it each `*.conf` of its drop-in directory,
 * merged in the order of their paths as JSON merge patches (cmd/kubelet: mergeKubeletConfigurations; RFC 7396).
 */
import type { Json, JsonObject } from '../../model/index.ts';
import { isObject } from '../../model/index.ts';
import type { Failure, Root } from './root.ts';
import { isFailure } from './root.ts';
import { readObject } from './yaml.ts';

const type = { group: 'kubelet.config.k8s.io', kind: 'KubeletConfiguration' } as const;
const mostDropIns = 100;
const deepest = 8;

export interface KubeletConfig {
  readonly configPath: string | null;
  readonly dropIns: readonly string[];
  /** Null when nothing could be read, or not all of it: half a configuration would say what the kubelet does not do. */
  readonly config: JsonObject | null;
  readonly failure?: Failure & { readonly path: string };
}

export function readKubeletConfig(root: Root, configPath: string | null, directory: string | null): KubeletConfig {
  const dropIns: string[] = [];
  const failed = directory === null ? undefined : findDropIns(root, directory, dropIns, 0);
  if (failed !== undefined) return { configPath, dropIns, config: null, failure: failed };
  let config: JsonObject | null = null;
  for (const path of configPath === null ? dropIns : [configPath, ...dropIns]) {
    const object = readObject(root, path, type);
    if (isFailure(object)) return { configPath, dropIns, config: null, failure: { reason: object.reason, detail: object.detail, path } };
    config = config === null ? object : (mergePatch(config, object) as JsonObject);
  }
  return { configPath, dropIns, config };
}

/** As filepath.WalkDir goes: by name, directories where they stand; a link to a directory is not followed. */
function findDropIns(root: Root, directory: string, into: string[], depth: number): KubeletConfig['failure'] {
  const listed = root.list(directory, 1000);
  if (isFailure(listed)) return { reason: listed.reason, detail: listed.detail, path: directory };
  if (listed.more || depth > deepest) return { reason: 'error', detail: 'it holds too much', path: directory };
  for (const name of listed.names) {
    const path = `${directory}/${name}`;
    const found = root.find(path);
    if (!isFailure(found) && found.stats.isDirectory() && !found.isLink) {
      const failure = findDropIns(root, path, into, depth + 1);
      if (failure !== undefined) return failure;
    } else if (/.\.conf$|^\.conf$/.test(name)) {
      if (into.length >= mostDropIns) return { reason: 'error', detail: `it has more than ${mostDropIns} files`, path: directory };
      into.push(path);
    }
  }
  return undefined;
}

/** RFC 7396 section 2. */
function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const merged = new Map(Object.entries(isObject(target) ? target : {}));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else if (value !== undefined) merged.set(key, mergePatch(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}
