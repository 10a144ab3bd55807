/** Which installer set the node up, by its signs, and its paths for a data directory of the user's own. */
import { installers, type Installer, unknownInstaller } from './installers.ts';
import type { Root } from './root.ts';
import { isFailure } from './root.ts';

export interface FoundInstaller {
  readonly installer: Omit<Installer, 'name' | 'signs'> & { readonly name: Installer['name'] | 'unknown' };
  readonly signs: readonly string[];
  /** PRETTY_NAME of os-release. */
  readonly os: string | null;
}

export function findInstaller(root: Root): FoundInstaller {
  const release = readRelease(root);
  const os = release.get('PRETTY_NAME')?.slice(0, 200) ?? null;
  const id = release.get('ID') ?? '';
  for (const installer of installers) {
    const signs = [
      ...installer.signs.filter((path) => !isFailure(root.find(path))),
      ...(installer.osIds?.includes(id) === true ? [`os-release ID=${id}`] : []),
    ];
    if (signs.length > 0) return { installer, signs, os };
  }
  return { installer: { ...unknownInstaller, name: 'unknown' }, signs: [], os };
}

/** The installer with the data directory that k3s or RKE2 was told in place of their own. */
export function rebased(installer: FoundInstaller['installer'], told: string | undefined): FoundInstaller['installer'] {
  const { dataDirectory: own, paths, manifests, kubeletDropIns } = installer;
  if (own === undefined || told?.startsWith('/') !== true) return installer;
  const moved = (path: string) => (path.startsWith(`${own}/`) ? `${told.replace(/\/+$/, '')}${path.slice(own.length)}` : path);
  return {
    ...installer,
    paths: paths.map((known) => Object.assign({}, known, { path: moved(known.path) })),
    manifests: moved(manifests),
    ...(kubeletDropIns === undefined ? {} : { kubeletDropIns: moved(kubeletDropIns) }),
  };
}

function readRelease(root: Root): ReadonlyMap<string, string> {
  for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
    const bytes = root.read(path, 64 * 1024);
    if (isFailure(bytes)) continue;
    const lines = new TextDecoder().decode(bytes).split('\n');
    return new Map(
      lines.flatMap((line) =>
        /^[A-Z_]+=/.test(line) ? [[line.slice(0, line.indexOf('=')), unquote(line.slice(line.indexOf('=') + 1))]] : [],
      ),
    );
  }
  return new Map();
}

function unquote(text: string): string {
  return text.trim().replace(/^(["'])(.*)\1$/, '$2');
}
