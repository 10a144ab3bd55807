/** Reads the node that this runs on (or whose root is mounted here) into one document, signs it when a key is named, and writes it. */
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { canonicalize, type JsonObject, KubevidenceError, reasonOf, visible } from '../../model/index.ts';
import { createLogSigner, generateLogKey, type LogSigner, readKeyFile, signJson, writeKeyFile } from '../../signing/index.ts';
import { collectNode, type NodeReading, readConfigz, readKubeletAccess, withConfigz } from '../../sources/index.ts';
import { type AppContext, toolVersion } from '../context.ts';

export interface NodeCollectOptions {
  readonly root: string;
  /** The Node's name; absent: found out. */
  readonly name?: string;
  /** Key file to sign with; made where there is none. */
  readonly key?: string;
  /** A kubeconfig whose server is the node's own kubelet, to ask it for `/configz`. */
  readonly configz?: string;
  /** Null: the caller prints the document. */
  readonly out: string | null;
}

export interface NodeCollectReport extends Omit<NodeReading, 'document'> {
  /** One line of JSON, in its canonical form (RFC 8785). */
  readonly text: string;
  readonly milliseconds: number;
  /** Null when nothing was signed. */
  readonly key: { readonly fingerprint: string; readonly isNew: boolean } | null;
}

/** Errors: those of {@link collectNode}, of key files, and `unreachable` when the file cannot be written. */
export async function collectNodeEvidence(context: AppContext, options: NodeCollectOptions): Promise<NodeCollectReport> {
  const started = performance.now();
  const signing = options.key === undefined ? null : await openKey(resolve(context.cwd, options.key));
  const kubelet = options.configz === undefined ? null : readKubeletAccess(resolve(context.cwd, options.configz));
  const files = collectNode({
    root: resolve(context.cwd, options.root),
    ...(options.name === undefined ? {} : { name: options.name }),
    tool: { name: 'kubevidence', version: toolVersion },
    clock: context.clock,
  });
  const { document, ...reading } =
    kubelet === null ? files : withConfigz(files, `https://${kubelet.url.host}/configz`, await readConfigz(kubelet, files.name));
  const signed: JsonObject = signing === null ? document : signJson(document, signing.signer);
  const text = canonicalize(signed);
  if (options.out !== null) writeWhole(resolve(context.cwd, options.out), `${text}\n`);
  return {
    ...reading,
    text,
    milliseconds: performance.now() - started,
    key: signing === null ? null : { fingerprint: signing.signer.fingerprint, isNew: signing.isNew },
  };
}

async function openKey(path: string): Promise<{ readonly signer: LogSigner; readonly isNew: boolean }> {
  const isNew = !existsSync(path);
  if (isNew) await writeKeyFile(path, (await generateLogKey()).privateKey);
  return { signer: createLogSigner(await readKeyFile(path)), isNew };
}

/** A reader never sees half a document. It names users and files of the node, so only its owner may read it. */
function writeWhole(path: string, text: string): void {
  const partial = `${path}.${process.pid}.part`;
  try {
    writeFileSync(partial, text, { flag: 'wx', mode: 0o600 });
    renameSync(partial, path);
  } catch (cause) {
    rmSync(partial, { force: true });
    throw new KubevidenceError('unreachable', `cannot write ${visible(path)}: ${visible(reasonOf(cause))}`, {
      next: 'Name a file in a directory that can be written, or --out - for the terminal.',
      cause,
    });
  }
}
