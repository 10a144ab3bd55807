/** Static pod manifests: which program each container starts, with which arguments, and where on the node the paths in them lie. */
import type { Json, JsonObject } from '../../model/index.ts';
import { isObject, listAt, textAt } from '../../model/index.ts';
import { type Command, programIn } from './processes.ts';
import type { Failure, Root } from './root.ts';
import { isFailure } from './root.ts';
import { readObjects } from './yaml.ts';

const mostManifests = 64;

export interface ManifestProgram extends Command {
  /** The manifest. */
  readonly path: string;
  /** Started by a script: its arguments are not to be seen here. */
  readonly isScripted: boolean;
  /** Where a path of the container lies on the node; null when no hostPath volume brings it in. */
  readonly onNode: (path: string) => string | null;
}

export interface Manifests {
  readonly programs: readonly ManifestProgram[];
  readonly problems: readonly (Failure & { readonly path: string })[];
}

export function readManifests(root: Root, directory: string): Manifests {
  const listed = root.list(directory, mostManifests);
  if (isFailure(listed)) return { programs: [], problems: listed.reason === 'absent' ? [] : [{ ...listed, path: directory }] };
  const programs: ManifestProgram[] = [];
  const problems: (Failure & { path: string })[] = [];
  if (listed.more) problems.push({ reason: 'error', detail: `it has more than ${mostManifests} files`, path: directory });
  for (const name of listed.names) {
    // The kubelet takes every file but those that begin with a dot (pkg/kubelet/config/file.go).
    const path = `${directory}/${name}`;
    const found = root.find(path);
    if (name.startsWith('.') || (!isFailure(found) && found.stats.isDirectory())) continue;
    const objects = readObjects(root, path);
    if (isFailure(objects)) problems.push({ reason: objects.reason, detail: objects.detail, path });
    else for (const pod of objects) if (pod['kind'] === 'Pod') programs.push(...programsOf(pod, path));
  }
  return { programs, problems };
}

function programsOf(pod: JsonObject, path: string): ManifestProgram[] {
  return listAt(pod, 'spec', 'containers').flatMap((container: Json) => {
    const words = [...listAt(container, 'command'), ...listAt(container, 'args')].filter((word) => typeof word === 'string');
    const found = programIn(words);
    const named = programIn([textAt(container, 'name') ?? '']);
    const command = found ?? (/(?:^|\/)(?:ba)?sh$/.test(words[0] ?? '') ? named : undefined);
    if (command === undefined) return [];
    return [{ ...command, path, isScripted: found === undefined, onNode: mapping(pod, container) }];
  });
}

/** The longest mount that covers a path wins, as in the container's own mount table. */
function mapping(pod: JsonObject, container: Json): (path: string) => string | null {
  const hostPaths = new Map(
    listAt(pod, 'spec', 'volumes').flatMap((volume) => {
      const at = textAt(volume, 'hostPath', 'path');
      return isObject(volume) && at !== undefined ? [[textAt(volume, 'name') ?? '', at] as const] : [];
    }),
  );
  const mounts = listAt(container, 'volumeMounts')
    .map((mount) => {
      const host = hostPaths.get(textAt(mount, 'name') ?? '');
      const sub = textAt(mount, 'subPath');
      const from = host === undefined ? null : sub === undefined ? host : `${host}/${sub}`;
      return { at: (textAt(mount, 'mountPath') ?? '').replace(/\/+$/, ''), from };
    })
    .filter(({ at }) => at !== '')
    .sort((a, b) => b.at.length - a.at.length);
  return (path) => {
    const mount = mounts.find(({ at }) => path === at || path.startsWith(`${at}/`));
    return mount === undefined || mount.from === null ? null : `${mount.from.replace(/\/+$/, '')}${path.slice(mount.at.length)}` || '/';
  };
}
