/** Where the time goes: CPU profiles of one run, main thread and worker together, summed by what the code is there for. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measure } from './measure.ts';

interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string; readonly url: string } }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** The first that matches `file function` says what a sample is for. Native work counts for the JavaScript that calls it. */
const purposes: readonly (readonly [purpose: string, pattern: RegExp])[] = [
  ['idle', /^ \(idle\)/],
  ['garbage collection', /garbage collector/],
  [
    'loading code',
    /^wasm:|amaro|internal\/modules|internal\/bootstrap|internal\/process\/(execution|pre_execution)|internal\/vm|internal\/url|compileForInternalLoader|package_json_reader/,
  ],
  ['parse', /collectors\/|latin1Slice|RegExp: \\\\u|ledger\/identity/],
  ['scrub', /sources\/(scrub|credential|harmless|ingest)/],
  ['canonical JSON', /model\/json|RegExp: \["/],
  ['hash', /salted|internal\/crypto/],
  ['store', /ledger\/|log\/|better-sqlite3|zlib/],
  ['evaluate', /cel-js|catalog\/|assessment\/|mapping\/|re2js/],
  ['populations', /populations\//],
  ['read YAML', /node_modules\/(yaml|zod)/],
  ['download', /sources\/|_http|internal\/streams|tls|net|readable|undici|app\/collect|node:events|timers|task_queues/],
  ['loading code', /node_modules\//],
];

/** Milliseconds by purpose, largest first; without the time in which a thread waited. */
export async function profile(
  cli: readonly string[],
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<[string, number][]> {
  const dir = mkdtempSync(join(tmpdir(), 'kubevidence-profile-'));
  try {
    const flags = ['--cpu-prof', '--cpu-prof-interval=500', `--cpu-prof-dir=${dir}`];
    const { code, stderr } = await measure([...cli, ...args], { cwd, env, flags });
    if (code !== 0) throw new Error(`${args.join(' ')}: exit ${code}: ${stderr}`);
    const sums = new Map<string, number>();
    for (const file of readdirSync(dir)) {
      const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(join(dir, file), 'utf8')) as Profile;
      const names = new Map(nodes.map(({ id, callFrame: { url, functionName } }) => [id, `${url} ${functionName}`]));
      for (const [index, sample] of samples.entries()) {
        const name = names.get(sample) ?? '';
        const purpose = purposes.find(([, pattern]) => pattern.test(name))?.[0] ?? 'other';
        sums.set(purpose, (sums.get(purpose) ?? 0) + (timeDeltas[index] ?? 0) / 1000);
      }
    }
    sums.delete('idle');
    return [...sums].sort(([, a], [, b]) => b - a);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
