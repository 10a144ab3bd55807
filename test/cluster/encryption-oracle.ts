/**
 * What the API server's own code makes of an EncryptionConfiguration (k8s.io/apiserver of the version that the test cluster runs), without
 * starting one: thousands of files in a second. Beside it, what the product says of the same bytes, read the way that files are.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { declarationOf, itemsFromFile } from '../../src/collectors/index.ts';
import type { StoredObject } from '../../src/model/index.ts';
import type { FileVerdict } from '../../src/populations/secrets/encryption-files.ts';
import { judgeFile } from '../../src/populations/secrets/encryption-files.ts';
import type { Loader } from '../../src/populations/secrets/encryption-refusals.ts';
import { parseFile } from '../../src/sources/files/files-parse.ts';
import { wrongShape } from '../../src/sources/files/files-shapes.ts';
import { createScrubber } from '../../src/sources/scrub/scrub.ts';
import { cacheDir, findOnPath } from './binaries.ts';

const recipe = import.meta.dirname;
const name = 'encryption-oracle';

export interface Question {
  readonly file: string;
  readonly reload: boolean;
  readonly resources: readonly string[];
}

export interface Answer {
  /** Why the file is refused; empty when it is not. */
  readonly error: string;
  /** What stored objects begin with: empty for plain text, `fails` for a key service that does not answer. */
  readonly prefixes: Readonly<Record<string, string>> | null;
}

/** Of Kubernetes, as go.mod pins it. */
export const oracleVersion = /^\s*k8s\.io\/kubernetes v(\S+)/m.exec(readFileSync(join(recipe, 'go.mod'), 'utf8'))?.[1] ?? '';

/** The path of the program, built from the pinned modules when it is not there; undefined without Go, or where nothing is to be built. */
export function buildOracle(): string | undefined {
  const go = findOnPath('go', '/usr/local/go/bin');
  if (go === undefined || process.env['KUBEBUILDER_ASSETS']) return undefined;
  const files = ['go.mod', 'go.sum', join(name, 'main.go')];
  const digest = createHash('sha256');
  for (const file of files) digest.update(readFileSync(join(recipe, file)));
  const built = join(cacheDir, `${name}-${digest.digest('hex').slice(0, 16)}`);
  if (existsSync(built)) return built;
  mkdirSync(cacheDir, { recursive: true });
  const source = mkdtempSync(join(tmpdir(), 'oracle-'));
  try {
    mkdirSync(join(source, name));
    for (const file of files) copyFileSync(join(recipe, file), join(source, file));
    const env = { ...process.env, GOFLAGS: '-mod=mod' };
    const { status } = spawnSync(go, ['build', '-trimpath', '-o', 'oracle', `./${name}`], { cwd: source, env, stdio: ['ignore', 2, 2] });
    if (status !== 0) throw new Error(`${name} could not be built: see go's message above`);
    const temporary = `${built}.${process.pid}`;
    copyFileSync(join(source, 'oracle'), temporary);
    renameSync(temporary, built);
    return built;
  } finally {
    rmSync(source, { recursive: true, force: true });
  }
}

/** Answers in the order of the questions. `gates`: as `--feature-gates` takes them. */
export async function askOracle(oracle: string, questions: readonly Question[], gates?: string): Promise<readonly Answer[]> {
  const dir = mkdtempSync(join(tmpdir(), 'oracle-'));
  const child = spawn(oracle, [dir, ...(gates === undefined ? [] : [gates])], { stdio: ['pipe', 'pipe', 'ignore'] });
  try {
    child.stdin.end(questions.map((question) => `${JSON.stringify(question)}\n`).join(''));
    const answers: Answer[] = [];
    for await (const line of createInterface({ input: child.stdout })) answers.push(JSON.parse(line) as Answer);
    if (answers.length !== questions.length) throw new Error(`${answers.length} answers to ${questions.length} questions`);
    return answers;
  } finally {
    child.kill();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** What the product says of the bytes of a file; a text where it does not even take them in. */
export function judgeText(text: string, loader: Loader): FileVerdict | string {
  const kind = 'files.encryption/encryptionconfigurations';
  const declaration = declarationOf(kind);
  if (declaration === undefined) throw new Error(`there is no ${kind}`);
  const { objects, problems } = parseFile(Buffer.from(text));
  const [object] = objects;
  const [problem] = problems;
  if (problem !== undefined || object === undefined) return problem?.message ?? 'it holds no object';
  const wrong = wrongShape(object.value, 'apiserver.config.k8s.io', 'EncryptionConfiguration');
  if (wrong !== undefined) return `${wrong.key}: ${wrong.message}`;
  const [item] = itemsFromFile(object.value, [declaration]) ?? [];
  if (item === undefined) return 'it is of another kind';
  const stored: StoredObject = { ...createScrubber(declaration).scrub(item.item), id: '' };
  const verdict = judgeFile(stored, loader);
  return verdict.problem === '' ? verdict : verdict.problem;
}

/** The prefix that a verdict stands for, as {@link Answer.prefixes} has it. */
export function prefixOf(verdict: FileVerdict, resource: string): string {
  const { writes, provider, key } = verdict.decide(resource);
  if (writes === 'plain') return '';
  return provider.startsWith('kms') ? 'fails' : `k8s:enc:${provider}:v1:${key}:`;
}
