/**
 * Programs that run on the node, by the host's /proc. Anybody may name a process `kubelet` in a pod, so a process counts only as what it
 * can be: a service of the host that a system account runs, a static pod's (their uid has no dashes, an API pod's always has), or a
 * kube-proxy that may change the host's network.
 */
import { type NodeProgram, nodeFlags } from '../../collectors/index.ts';
import type { Failure, Root } from './root.ts';
import { isFailure } from './root.ts';

export interface RunningProgram extends Command {
  /** `/proc/<pid>`. */
  readonly path: string;
  /** Its paths are those of its container, not of the node. */
  readonly inPod: boolean;
  /** Its working directory, where that was to be seen: as root with every capability. */
  readonly cwd?: string;
}

export interface Processes {
  readonly programs: readonly RunningProgram[];
  /** That run and do not show their arguments. */
  readonly hidden: ReadonlySet<NodeProgram>;
  /** Why some processes were not to be seen. */
  readonly problem?: Failure;
}

const largest = 512 * 1024;
const names = new Set(Object.keys(nodeFlags));

/** System accounts have ids below 1000 (login.defs(5)), people and containers' users above. */
const firstPerson = 1000;
const netAdmin = 1n << 12n;

export function readProcesses(root: Root): Processes | Failure {
  // Far more than a node runs; pids are sorted as numbers, so that the same node gives the same order.
  const listed = root.list('/proc', 200_000);
  if (isFailure(listed)) return listed;
  const found: RunningProgram[] = [];
  const hidden = new Set<NodeProgram>();
  let problem: Failure | undefined;
  const pids = listed.names.filter((name) => /^\d{1,10}$/.test(name)).map(Number);
  if (pids.length === 0) return { reason: 'absent', detail: 'it shows no processes' };
  for (const pid of pids.sort((a, b) => a - b)) {
    const path = `/proc/${pid}`;
    const bytes = root.read(`${path}/cmdline`, largest);
    if (isFailure(bytes)) {
      // One that has ended since is gone; one that may not be looked at could be any program.
      if (bytes.reason !== 'absent' && bytes.detail !== 'ESRCH') problem ??= { reason: bytes.reason, detail: `${path}: ${bytes.detail}` };
      continue;
    }
    if (bytes.length === 0) continue;
    const words = new TextDecoder().decode(bytes).replace(/\0+$/, '').split('\0');
    // k3s and RKE2 write over their arguments, which can hold the token: the unit and the configuration file tell them.
    const isTitle = words.length === 1 && words[0]?.includes(' ') === true;
    const command = programIn(isTitle ? (words[0] ?? '').split(' ') : words);
    if (command === undefined) continue;
    const place = placeOf(root, path, command.program);
    if (place === undefined) continue;
    if (isTitle) hidden.add(command.program);
    else {
      const cwd = place === 'host' ? root.find(`${path}/cwd`) : undefined;
      found.push({ ...command, path, inPod: place === 'pod', ...(cwd === undefined || isFailure(cwd) ? {} : { cwd: cwd.path }) });
    }
  }
  return { programs: found, hidden, ...(problem === undefined ? {} : { problem }) };
}

/** A command line as far as it matters: which program, with which arguments. */
export interface Command {
  readonly program: NodeProgram;
  readonly arguments: readonly string[];
  /** Of k3s and RKE2. */
  readonly as?: 'server' | 'agent';
}

/** Which program a command line starts: itself, through hyperkube, or behind a runner that takes it as an argument. */
export function programIn(words: readonly string[]): Command | undefined {
  const own = nameOf(words[0] ?? '');
  if (own === 'k3s' || own === 'rke2') {
    // `k3s kubectl` and its like are no servers.
    const as = words[1];
    return as === 'server' || as === 'agent' ? { program: own, arguments: joined(words.slice(2)), as } : undefined;
  }
  if (own !== undefined) return { program: own, arguments: words.slice(1) };
  const runner = (words[0] ?? '').slice((words[0] ?? '').lastIndexOf('/') + 1);
  if (!/^(?:hyperkube|go-runner|env|nice|ionice|chrt|taskset|kube-log-runner)$/.test(runner)) return undefined;
  const index = words.slice(1, 16).findIndex((word) => nameOf(word) !== undefined) + 1;
  const program = index === 0 ? undefined : nameOf(words[index] ?? '');
  return program === undefined ? undefined : { program, arguments: words.slice(index + 1) };
}

/** `--kubelet-arg VALUE` as `--kubelet-arg=VALUE`: what it carries is judged as one. */
function joined(words: readonly string[]): readonly string[] {
  const out: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    const next = words[i + 1];
    if (/^--[a-z-]+-arg$/.test(word) && next !== undefined && !next.startsWith('-')) out.push(`${word}=${words[(i += 1)]}`);
    else out.push(word);
  }
  return out;
}

function nameOf(word: string): NodeProgram | undefined {
  const name = word.slice(word.lastIndexOf('/') + 1);
  return names.has(name) ? (name as NodeProgram) : undefined;
}

/** Undefined: no such process, or one that only bears the name. */
function placeOf(root: Root, path: string, program: NodeProgram): 'host' | 'pod' | undefined {
  const status = text(root.read(`${path}/status`, largest));
  const cgroup = text(root.read(`${path}/cgroup`, largest));
  if (status === undefined || cgroup === undefined) return undefined;
  const uid = Number(/^Uid:\t(\d+)/m.exec(status)?.[1] ?? Number.NaN);
  if (!inSomePod.test(cgroup)) return uid < firstPerson && (uid === 0 || !ofRoot.has(program)) ? 'host' : undefined;
  if (inStaticPod.test(cgroup)) return ofRoot.has(program) && program !== 'kube-proxy' ? undefined : 'pod';
  const capabilities = BigInt(`0x${/^CapEff:\t([0-9a-f]{16})$/m.exec(status)?.[1] ?? '0'}`);
  return program === 'kube-proxy' && (capabilities & netAdmin) !== 0n ? 'pod' : undefined;
}

// Seen from a container, a path begins where the container's own does, and `kubepods` can be missing (cgroup_namespaces(7)).
const inSomePod = /kubepods|[/-]pod[0-9a-f]{8}[-_][0-9a-f]{4}[-_]|[/-]pod[0-9a-f]{32}/;
const inStaticPod = /[/-]pod[0-9a-f]{32}(?:\.slice|\/|$)/m;

const ofRoot: ReadonlySet<NodeProgram> = new Set(['kubelet', 'kube-proxy', 'k3s', 'rke2', 'containerd']);

function text(bytes: Uint8Array | Failure): string | undefined {
  return isFailure(bytes) ? undefined : new TextDecoder().decode(bytes);
}
