/**
 * The flags of a real control plane by all that tells of them: what a server says in /flagz is what its static pod was given, a manifest
 * that was edited since is found, and so is what kubeadm would lose. The defaults that stand in for flags nobody gives are the server's own.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Assessment } from '../../src/model/index.ts';
import { readFlagz, resolveFlags, split, type Program } from '../../src/populations/control-plane/flags.ts';
import { type CommandLine, openCommandLine } from './command-line.ts';
import { ensureBinaries, startCluster, type TestCluster } from './index.ts';
import { writeStaticPod } from './node.ts';

let cluster: TestCluster;
let line: CommandLine;

beforeAll(async () => {
  cluster = await startCluster({ node: true });
  line = openCommandLine(cluster.kubeconfig);
}, 120_000);
afterAll(async () => {
  line.remove();
  await cluster.stop();
});

async function look(): Promise<Assessment> {
  const { code, stderr } = await line.run('collect');
  if (code !== 0) throw new Error(`collect ended with ${code}: ${stderr}`);
  return line.assess();
}

function findings(assessment: Assessment, id: string): readonly string[] {
  return (assessment.controls.find((each) => each.id === id)?.findings ?? []).map(({ message }) => message);
}
const outcomes = (assessment: Assessment) => assessment.controls.filter(({ id }) => id.startsWith('FLAG-')).map(({ outcome }) => outcome);

interface Shown {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly containers: readonly { readonly command: readonly string[] }[] };
}

async function apiServerPod(): Promise<Shown> {
  const { body } = await cluster.admin.send('GET', '/api/v1/namespaces/kube-system/pods?labelSelector=component%3Dkube-apiserver');
  const [pod] = (JSON.parse(body) as { items: Shown[] }).items;
  if (pod === undefined) throw new Error('no mirror pod');
  return pod;
}

const commandOf = (pod: Shown) => pod.spec.containers[0]?.command ?? [];

describe('sources of flags', () => {
  it('agree where nothing was edited', async () => {
    const assessment = await look();
    expect(findings(assessment, 'FLAG-001')).toEqual([]);
    expect(outcomes(assessment)).toEqual(['pass', 'notApplicable']);
  }, 60_000);

  it('contradict each other after a manifest was edited, and kubeadm-config knows nothing of it', async () => {
    const [, ...args] = commandOf(await apiServerPod());
    const edited = args.map((arg) => (arg === '--profiling=false' ? '--profiling=true' : arg));
    writeStaticPod(cluster.dir, { name: 'kube-apiserver', image: `registry.k8s.io/kube-apiserver:v${cluster.version}`, args: edited });
    await expect
      .poll(async () => commandOf(await apiServerPod()).includes('--profiling=true'), { timeout: 60_000, interval: 250 })
      .toBe(true);
    const kept =
      'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\napiServer:\n  extraArgs:\n  - {name: profiling, value: "false"}\n';
    await cluster.apply([
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'kubeadm-config', namespace: 'kube-system' },
        data: { ClusterConfiguration: kept },
      },
    ]);
    const assessment = await look();
    expect(findings(assessment, 'FLAG-001')).toEqual([
      expect.stringMatching(/does not run as it is told: --profiling is false in \/flagz and true in its static pod$/),
    ]);
    expect(findings(assessment, 'FLAG-002').join()).toContain('--profiling is false in kubeadm-config and true in its static pod');
    expect(findings(assessment, 'FLAG-002').join()).toContain('--audit-policy-file is not given in kubeadm-config');
  }, 120_000);
});

describe('defaults are those of the servers', () => {
  const ca = () => readFileSync(cluster.caFile);
  const ask = (program: Program, secure: string) =>
    new Promise<string>((resolve, reject) => {
      const agent = new Agent({
        rejectUnauthorized: false,
        ca: ca(),
        cert: readFileSync(join(cluster.dir, 'pki', 'admin.crt')),
        key: readFileSync(join(cluster.dir, 'pki', 'admin.key')),
      });
      const accept = 'application/json;v=v1beta1;g=config.k8s.io;as=Flagz';
      request(`${secure}/flagz`, { agent, headers: { accept } }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () =>
          response.statusCode === 200 ? resolve(text) : reject(new Error(`${program}: ${response.statusCode}: ${text}`)),
        );
      })
        .on('error', reject)
        .end();
    });

  it.each<Program>(['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'])('%s', async (program) => {
    const { body } = await cluster.admin.send('GET', `/api/v1/namespaces/kube-system/pods?labelSelector=component%3D${program}`);
    const command = commandOf((JSON.parse(body) as { items: [Shown] }).items[0]);
    const port = command.find((arg) => arg.startsWith('--secure-port='))?.slice('--secure-port='.length) ?? '';
    const answered = readFlagz((JSON.parse(await ask(program, `https://127.0.0.1:${port}`)) as { flags: Record<string, string> }).flags);
    const given = new Set(command.map((arg) => /^--([\w-]+)/.exec(arg)?.[1]));
    const ours = resolveFlags(program, new Map(), cluster.version).flags;
    const differing = Object.entries(ours).filter(
      ([flag, usual]) => !given.has(flag) && split(answered.get(flag) ?? '(none)').join() !== split(usual).join(),
    );
    expect(differing.map(([flag, usual]) => `${flag}: ${usual}, and it says ${answered.get(flag)}`)).toEqual([]);
  });

  // Flags that the cluster's programs were given show no default above; their own help does.
  it.each<Program>(['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'])('%s, by its help', async (program) => {
    const binary = (await ensureBinaries())[program as 'kube-apiserver'];
    const lines = execFileSync(binary, ['--help'], { encoding: 'utf8', maxBuffer: 1 << 24 }).split('\n');
    const usualOf = (flag: string) => {
      const line = lines.find((each) => each.trimStart().startsWith(`--${flag} `));
      return line === undefined ? undefined : (/\(default "?([^"]*?)"?\)\s*$/.exec(line)?.[1] ?? '');
    };
    const same = (flag: string, usual: string) => usualOf(flag) === usual || (usualOf(flag) === '' && ['false', '0'].includes(usual));
    const differing = Object.entries(resolveFlags(program, new Map(), cluster.version).flags).filter(([flag, usual]) => !same(flag, usual));
    expect(differing.map(([flag, usual]) => `${flag}: ${usual}, and its help says ${usualOf(flag)}`)).toEqual([]);
  });
});
