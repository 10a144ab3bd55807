/**
 * The Kubernetes binaries of the test cluster: those in KUBEBUILDER_ASSETS when it is set, else built once from the Go modules pinned
 * beside this file, into a cache outside the checkout that is named by the digest of the recipe. A binary is built under a temporary
 * name and renamed, so an interrupted build is never taken for a finished one. What is missing is said in one sentence (ClusterUnavailable).
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const recipe = import.meta.dirname;
const recipeFiles = ['go.mod', 'go.sum', join('fakecri', 'main.go')];

const packages = {
  etcd: 'go.etcd.io/etcd/server/v3',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  kubectl: 'k8s.io/kubernetes/cmd/kubectl',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
  'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
  kubelet: 'k8s.io/kubernetes/cmd/kubelet',
  fakecri: './fakecri',
} as const;

export type BinaryName = keyof typeof packages;
const names = Object.keys(packages) as BinaryName[];
const required: readonly BinaryName[] = ['etcd', 'kube-apiserver', 'kubectl'];

/** Paths of what is there; etcd, kube-apiserver and kubectl always are. */
export type Binaries = Readonly<Partial<Record<BinaryName, string>> & Record<'etcd' | 'kube-apiserver' | 'kubectl', string>>;

/** Why a cluster, or a part of it, cannot run on this machine; the message is one sentence for people. */
export class ClusterUnavailable extends Error {
  override name = 'ClusterUnavailable';
}

/** Where built binaries and the cluster of `npm run cluster:up` live. */
export const cacheDir = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'kubevidence', 'cluster');

/** The first executable called `name` on PATH or in `extra`, or undefined. */
export function findOnPath(name: string, ...extra: string[]): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), ...extra];
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Finds or builds the binaries; `say` gets a line per step. Throws ClusterUnavailable when the machine cannot provide them. */
export async function ensureBinaries(say: (line: string) => void = (line) => process.stderr.write(`${line}\n`)): Promise<Binaries> {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  if (assets) return takeFrom(assets, `KUBEBUILDER_ASSETS (${assets}) has no`);
  const root = join(cacheDir, recipeDigest());
  const bin = join(root, 'bin');
  if (!names.every((name) => isExecutable(join(bin, name)))) await build(root, bin, say);
  return takeFrom(bin, 'the build left no');
}

/** What a cluster with these binaries cannot show, one line each, e.g. for `skip:` lines. */
export function missingFeatures(binaries: Binaries): string[] {
  const without = (feature: string, ...needed: BinaryName[]) =>
    needed.filter((name) => !binaries[name]).length === 0 ? [] : [`${feature}: no ${needed.filter((name) => !binaries[name]).join(', ')}`];
  return [
    ...without('controllers and scheduling', 'kube-controller-manager', 'kube-scheduler'),
    ...without('a node and mirror pods', 'kubelet', 'fakecri'),
    ...(process.platform === 'linux' && process.getuid?.() === 0
      ? []
      : ['a node and mirror pods: the kubelet runs only on Linux and as root']),
  ];
}

function takeFrom(directory: string, complaint: string): Binaries {
  const lacking = required.filter((name) => !isExecutable(join(directory, name)));
  if (lacking.length > 0) throw new ClusterUnavailable(`${complaint} executable ${lacking.join(', ')}.`);
  return Object.fromEntries(
    names.map((name) => [name, join(directory, name)] as const).filter(([, path]) => isExecutable(path)),
  ) as Binaries;
}

function recipeDigest(): string {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch} ${JSON.stringify(packages)}`);
  for (const file of recipeFiles) hash.update(`\0${file}\0`).update(readFileSync(join(recipe, file)));
  return hash.digest('hex').slice(0, 16);
}

async function build(root: string, bin: string, say: (line: string) => void): Promise<void> {
  const go = findGo();
  mkdirSync(bin, { recursive: true });
  // Built in a copy, because `-mod=mod` may rewrite go.mod and go.sum, and the checkout has to stay as it is.
  const source = join(root, 'source');
  await withLock(join(root, 'lock'), say, () => {
    mkdirSync(join(source, 'fakecri'), { recursive: true });
    for (const file of recipeFiles) copyFileSync(join(recipe, file), join(source, file));
    for (const leftover of readdirSync(bin).filter((file) => file.startsWith('.'))) rmSync(join(bin, leftover), { force: true });
    for (const name of names) if (!isExecutable(join(bin, name))) buildOne(go, source, bin, name, say);
  });
}

function buildOne(go: string, source: string, bin: string, name: BinaryName, say: (line: string) => void): void {
  const version = /^\s*k8s\.io\/kubernetes (v\S+)/m.exec(readFileSync(join(source, 'go.mod'), 'utf8'))?.[1] ?? 'v0.0.0';
  const stamp = (key: string, value: string) => `-X k8s.io/component-base/version.${key}=${value}`;
  const ldflags = `-s -w ${stamp('gitVersion', version)} ${stamp('gitMajor', '1')} ${stamp('gitMinor', version.split('.')[1] ?? '')}`;
  const temporary = join(bin, `.${name}.${process.pid}`);
  const started = Date.now();
  say(`building ${name} from ${packages[name]} …`);
  const { status } = spawnSync(go, ['build', '-trimpath', '-ldflags', ldflags, '-o', temporary, packages[name]], {
    cwd: source,
    env: { ...process.env, GOFLAGS: '-mod=mod' },
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) {
    rmSync(temporary, { force: true });
    throw new ClusterUnavailable(`${name} could not be built from its Go module: see go's message above.`);
  }
  renameSync(temporary, join(bin, name));
  say(`built ${name} in ${((Date.now() - started) / 1000).toFixed(0)} s`);
}

/** The go command, when it is new enough for go.mod's `go` line; go itself may bring a newer toolchain (GOTOOLCHAIN). */
function findGo(): string {
  const wanted = /^go (\d+)\.(\d+)/m.exec(readFileSync(join(recipe, 'go.mod'), 'utf8'));
  const needs = `the test cluster is built from its Go modules: install Go >= ${wanted?.[1]}.${wanted?.[2]}, or set KUBEBUILDER_ASSETS to a directory with etcd, kube-apiserver and kubectl.`;
  const go = findOnPath('go', '/usr/local/go/bin');
  if (!go) throw new ClusterUnavailable(`no Go toolchain found; ${needs}`);
  let said: string;
  try {
    said = execFileSync(go, ['version'], { cwd: recipe, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
  } catch (cause) {
    throw new ClusterUnavailable(`${go} version fails; ${needs}`, { cause });
  }
  const found = /go(\d+)\.(\d+)/.exec(said);
  const number = (match: RegExpExecArray | null) => Number(match?.[1]) * 1000 + Number(match?.[2]);
  if (!(number(found) >= number(wanted))) throw new ClusterUnavailable(`${said} is too old; ${needs}`);
  return go;
}

/** Runs `work` in one process at a time. A dead holder's lock is taken over; should two waiters do so at once, both build, harmlessly. */
async function withLock(path: string, say: (line: string) => void, work: () => void): Promise<void> {
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
  try {
    for (let told = false; !tryLink(mine, path); told = true) {
      const holder = existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0;
      if (holder > 0 && isAlive(holder)) {
        if (!told) say(`waiting for the build in process ${holder} …`);
        await wait(500);
      } else rmSync(path, { force: true });
    }
    try {
      work();
    } finally {
      rmSync(path, { force: true });
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
