/**
 * Everything that tells what programs of Kubernetes do on this node: running processes, systemd units, static pod manifests, and the
 * configuration files of k3s and RKE2.
 */
import { carriedBy, type NodeProgram } from '../../collectors/index.ts';
import { readFlagFile } from './flag-files.ts';
import type { Installer } from './installers.ts';
import { readManifests } from './manifests.ts';
import { programIn, readProcesses, type RunningProgram } from './processes.ts';
import type { Root } from './root.ts';
import { isFailure } from './root.ts';
import { readUnit } from './systemd.ts';
import { flagValues, type Told } from './told.ts';
import type { Unread } from './unread.ts';

const units = [
  'kubelet.service',
  'kube-proxy.service',
  'kube-apiserver.service',
  'kube-controller-manager.service',
  'kube-scheduler.service',
  'etcd.service',
  'k3s.service',
  'k3s-agent.service',
  'rke2-server.service',
  'rke2-agent.service',
  'containerd.service',
];

const asIs = (path: string) => path;

export interface Programs {
  readonly told: readonly Told[];
  /** Null where the node's processes were not to be seen. */
  readonly running: ReadonlySet<NodeProgram> | null;
}

/** What is known before static pods are: where those lie is in the kubelet's configuration. */
export interface Started {
  readonly processes: readonly RunningProgram[];
  /** By units and by configuration files of k3s and RKE2. */
  readonly told: readonly Told[];
  readonly running: Programs['running'];
}

export function readStarted(root: Root, installer: Pick<Installer, 'flagFiles'>, unread: Unread): Started {
  const processes = readProcesses(root);
  if (isFailure(processes))
    unread('programs', '/proc', { ...processes, detail: `which programs run was not to be seen: ${processes.detail}` });
  else if (processes.problem !== undefined) unread('programs', '/proc', processes.problem);
  const started = units.flatMap((name): Told[] => {
    const unit = readUnit(root, name, ({ path, ...failure }) => unread('programs', path, failure));
    const command = unit === undefined ? undefined : programIn(unit.words);
    return command === undefined || unit === undefined ? [] : [{ ...command, from: 'unit', path: unit.path, cwd: '/', onNode: asIs }];
  });
  const seen = isFailure(processes) ? [] : processes.programs;
  return {
    processes: seen,
    told: [...started, ...flagFilePrograms(root, installer, [...seen, ...started], unread)],
    running: isFailure(processes) ? null : new Set([...seen.map(({ program }) => program), ...processes.hidden]),
  };
}

/** Processes first: what runs goes before what would be started. `directories`: of static pod manifests. */
export function readPrograms(root: Root, { processes, told, running }: Started, directories: readonly string[], unread: Unread): Programs {
  const manifests = directories.map((directory) => readManifests(root, directory));
  for (const { path, ...failure } of manifests.flatMap(({ problems }) => problems)) unread('programs', path, failure);
  const inManifests = manifests.flatMap(({ programs }) => programs);
  return {
    told: [
      ...processes.map(({ inPod, ...program }): Told => {
        const own = inPod ? inManifests.find((each) => each.program === program.program) : undefined;
        return { ...program, from: 'process', onNode: own?.onNode ?? asIs };
      }),
      ...told,
      ...inManifests.flatMap(({ isScripted, ...program }): Told[] => (isScripted ? [] : [{ ...program, from: 'manifest' }])),
    ],
    running,
  };
}

function flagFilePrograms(
  root: Root,
  { flagFiles = [] }: Pick<Installer, 'flagFiles'>,
  told: readonly Pick<Told, 'program' | 'arguments' | 'as'>[],
  unread: Unread,
): Told[] {
  if (flagFiles.length === 0) return [];
  const program: NodeProgram = flagFiles.some((path) => path.includes('/rke2/')) ? 'rke2' : 'k3s';
  const own = told.find((each) => each.program === program);
  const named = told.filter((each) => each.program === program).flatMap((each) => flagValues(each.arguments, 'config'));
  const files = named.length > 0 ? named : flagFiles.slice(0, 1);
  const directories = files.map((path) => `${path}.d`);
  const dropIns = directories.flatMap((directory) => {
    const listed = root.list(directory, 100);
    if (isFailure(listed)) {
      if (listed.reason !== 'absent') unread('programs', directory, listed);
      return [];
    }
    return listed.names.filter((name) => /\.ya?ml$/.test(name)).map((name) => `${directory}/${name}`);
  });
  return [...files, ...dropIns].flatMap((path): Told[] => {
    const args = readFlagFile(root, path);
    if (!isFailure(args))
      return [{ program, from: 'config', path, arguments: args, onNode: asIs, ...(own?.as === undefined ? {} : { as: own.as }) }];
    if (args.reason !== 'absent') unread('programs', path, args);
    return [];
  });
}

/** With the programs that k3s and RKE2 run themselves and hand flags on to. */
export function withCarried(told: readonly Told[]): readonly Told[] {
  return told.flatMap((each) => [
    each,
    ...Object.entries(carriedBy).flatMap(([flag, program]): Told[] => {
      if (each.program !== 'k3s' && each.program !== 'rke2') return [];
      const values = flagValues(each.arguments, flag);
      return values.length === 0 ? [] : [{ ...each, program, arguments: values.map((value) => `--${value}`) }];
    }),
  ]);
}
