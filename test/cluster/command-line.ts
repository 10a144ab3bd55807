/** Runs the command line from source against a test cluster, in a directory of its own, as a user would: a process, its output, its exit code. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../src/app/index.ts';
import type { Assessment } from '../../src/model/index.ts';

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandLine {
  readonly dir: string;
  /** The kubeconfig that commands see. */
  kubeconfig: string;
  run(...args: readonly string[]): Promise<Finished>;
  /** `assess -o json`; throws when it prints no document. */
  assess(...args: readonly string[]): Promise<Assessment>;
  write(name: string, text: string): string;
  remove(): void;
}

const main = join(packageRoot, 'src', 'cli', 'main.ts');

/** `config`: further lines of kubevidence.yaml after the first four. */
export function openCommandLine(kubeconfig: string, config = ''): CommandLine {
  const dir = mkdtempSync(join(tmpdir(), 'kubevidence-cli-'));
  writeFileSync(
    join(dir, 'kubevidence.yaml'),
    `organization: Example\nledger: sqlite:evidence/ledger.db\nclusters:\n  - {name: test}\n${config}`,
    { mode: 0o600 },
  );
  const line: CommandLine = {
    dir,
    kubeconfig,
    run: (...args) =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args], {
          cwd: dir,
          env: { PATH: process.env['PATH'], HOME: dir, KUBECONFIG: line.kubeconfig, NO_COLOR: '1' },
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        let [stdout, stderr] = ['', ''];
        child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
        child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
        child.on('error', reject);
        child.on('close', (code) => resolve({ code: code ?? 128, stdout, stderr }));
      }),
    async assess(...args) {
      const { stdout, stderr } = await line.run('assess', '-o', 'json', ...args);
      if (stdout === '') throw new Error(`assess printed nothing: ${stderr}`);
      return JSON.parse(stdout) as Assessment;
    },
    write(name, text) {
      writeFileSync(join(dir, name), text, { mode: 0o600 });
      return join(dir, name);
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
  return line;
}

/** Outcome of a control or of a CIS recommendation. */
export function outcomeOf(assessment: Assessment, id: string): string | undefined {
  return (
    assessment.controls.find((control) => control.id === id)?.outcome ??
    assessment.requirements.find((requirement) => requirement.framework === 'cis-kubernetes' && requirement.id === id)?.outcome
  );
}
