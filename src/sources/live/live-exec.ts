/**
 * Runs an exec credential plugin by the protocol of `client.authentication.k8s.io` (KEP-541): bounded in time and output, without
 * standard input or a terminal, so that a plugin that wants to ask a person fails instead of hanging. What the plugin prints to standard
 * output is a credential and never reaches a message; of standard error a clipped, visible excerpt does, unless that holds one as well.
 * (client-node's own runner has no deadline, leaves standard input open and keeps one token per user name.)
 */
import { spawn } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { at, clip, isObject, type Json, type JsonObject, KubevidenceError, listAt, type Place, textAt } from '../../model/index.ts';
import { suggestsCredential, withoutCredential } from '../scrub/credential-rules.ts';

/** What authenticates a request. `cert` and `key` are PEM. The same object as long as nothing changed. */
export interface Credentials {
  readonly authorization?: string;
  readonly cert?: string;
  readonly key?: string;
}

interface ExecPlugin {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly apiVersion: string;
  readonly installHint: string | undefined;
  /** `spec.cluster` of the request, when the plugin asked for it. */
  readonly cluster: JsonObject | undefined;
}

export interface ExecAnswer {
  readonly credentials: Credentials;
  readonly expiresAt: Date | undefined;
}

const apiVersions = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];
const largestOutput = 1024 * 1024;
// A plugin's background process may hold the pipes open after the plugin itself has ended.
const graceAfterExitMs = 1000;

/** Reads the `exec` member of a user. Throws KubevidenceError('configuration'). */
export function readExecPlugin(exec: JsonObject, file: string, place: Place, cluster: () => JsonObject): ExecPlugin {
  const command = textAt(exec, 'command');
  if (!command) throw new KubevidenceError('configuration', 'the exec plugin of the kubeconfig has no command', { place });
  const apiVersion = textAt(exec, 'apiVersion') ?? '';
  if (!apiVersions.includes(apiVersion)) {
    throw new KubevidenceError('configuration', `the exec plugin speaks "${clip(apiVersion, 80)}", which Kubernetes no longer has`, {
      place,
      next: `set its apiVersion to ${apiVersions.join(' or ')}, or update the plugin`,
    });
  }
  if (at(exec, 'interactiveMode') === 'Always') {
    throw new KubevidenceError('configuration', `the exec plugin ${clip(command, 80)} wants to ask a person (interactiveMode: Always)`, {
      place,
      next: 'use a context whose credentials need no terminal',
    });
  }
  const env: Record<string, string> = {};
  for (const entry of listAt(exec, 'env')) {
    const name = textAt(entry, 'name');
    if (name) env[name] = textAt(entry, 'value') ?? '';
  }
  return {
    // As kubectl: a bare name is looked up in PATH, any other relative path is relative to the kubeconfig.
    command: /[\\/]/.test(command) ? resolve(dirname(file), command) : command,
    args: listAt(exec, 'args').map(String),
    env,
    apiVersion,
    installHint: textAt(exec, 'installHint') || undefined,
    cluster: at(exec, 'provideClusterInfo') === true ? cluster() : undefined,
  };
}

/** Runs the plugin once. Throws KubevidenceError('unreachable') when it fails, answers nonsense or passes the deadline. */
export async function runExecPlugin(plugin: ExecPlugin, env: NodeJS.ProcessEnv, timeoutMs: number): Promise<ExecAnswer> {
  const name = clip(plugin.command, 120);
  const info = {
    apiVersion: plugin.apiVersion,
    kind: 'ExecCredential',
    spec: { interactive: false, ...(plugin.cluster && { cluster: plugin.cluster }) },
  };
  const end = await runBounded(plugin, { ...env, ...plugin.env, KUBERNETES_EXEC_INFO: JSON.stringify(info) }, timeoutMs);
  const said = end.stderr.trim() === '' ? '' : `: ${clip(withoutCredential(withoutSecretsOf(plugin, end.stderr.trim())), 400)}`;
  const next = `run \`kubectl get namespaces\` with the same context to see what ${name} needs`;
  if (end.error !== undefined) {
    const missing = (end.error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new KubevidenceError(
      'unreachable',
      `the exec plugin ${name} ${missing ? 'is not installed' : `could not be started (${clip(end.error.message, 160)})`}`,
      {
        next: missing && plugin.installHint ? clip(plugin.installHint, 400) : 'install it, or put it in PATH',
      },
    );
  }
  if (end.timedOut) {
    throw new KubevidenceError(
      'unreachable',
      `the exec plugin ${name} gave no credentials within ${timeoutMs / 1000} s and was ended${said}`,
      {
        next: `${next}; it gets no terminal and no input here`,
      },
    );
  }
  if (end.code !== 0) {
    throw new KubevidenceError(
      'unreachable',
      `the exec plugin ${name} failed with ${end.code === null ? `signal ${end.signal}` : `exit code ${end.code}`}${said}`,
      { next },
    );
  }
  return readAnswer(end.stdout, plugin.apiVersion, (why) => {
    throw new KubevidenceError('unreachable', `the exec plugin ${name} printed no usable credentials: ${why}`, { next });
  });
}

/** Plugins that are told to be verbose repeat what they were given. */
function withoutSecretsOf({ env }: ExecPlugin, text: string): string {
  return Object.entries(env)
    .filter(([name, value]) => value !== '' && suggestsCredential(name))
    .reduce((clean, [, secret]) => clean.replaceAll(secret, '…'), text);
}

interface PluginEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  readonly error?: Error;
}

function runBounded(plugin: ExecPlugin, env: NodeJS.ProcessEnv, timeoutMs: number): Promise<PluginEnd> {
  return new Promise((settle) => {
    // Its own session: no terminal to ask on, and the whole group can be ended.
    const child = spawn(plugin.command, [...plugin.args], { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true, windowsHide: true });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let outBytes = 0;
    let errBytes = 0;
    let timedOut = false;
    let ended: { code: number | null; signal: NodeJS.Signals | null } | undefined;
    const endGroup = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        child.kill('SIGKILL');
      }
      child.stdout.destroy();
      child.stderr.destroy();
    };
    let timer = setTimeout(() => {
      timedOut = true;
      endGroup();
      finish();
    }, timeoutMs);
    const finish = (error?: Error) => {
      clearTimeout(timer);
      settle({
        code: ended?.code ?? null,
        signal: ended?.signal ?? null,
        stdout: Buffer.concat(out).toString('utf8'),
        stderr: Buffer.concat(err).toString('utf8'),
        timedOut,
        ...(error && { error }),
      });
    };
    child.stdout.on('data', (chunk: Buffer) => {
      outBytes += chunk.length;
      if (outBytes <= largestOutput) out.push(chunk);
      else endGroup();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (errBytes < 16_384) err.push(chunk);
      errBytes += chunk.length;
    });
    child.once('error', finish);
    child.once('exit', (code, signal) => {
      ended = { code, signal };
      if (timedOut) return;
      clearTimeout(timer);
      timer = setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
        finish();
      }, graceAfterExitMs);
    });
    child.once('close', () => finish());
  });
}

function readAnswer(stdout: string, apiVersion: string, refuse: (why: string) => never): ExecAnswer {
  let answer: Json;
  try {
    answer = JSON.parse(stdout) as Json;
  } catch {
    return refuse(stdout.trim() === '' ? 'nothing' : 'not JSON');
  }
  if (textAt(answer, 'kind') !== 'ExecCredential') return refuse('no ExecCredential');
  if (textAt(answer, 'apiVersion') !== apiVersion) return refuse(`apiVersion is not ${apiVersion}`);
  if (!isObject(at(answer, 'status'))) return refuse('no status');
  const token = textAt(answer, 'status', 'token');
  const cert = textAt(answer, 'status', 'clientCertificateData');
  const key = textAt(answer, 'status', 'clientKeyData');
  if (!token && !(cert && key)) return refuse('neither a token nor a client certificate with its key');
  const expires = textAt(answer, 'status', 'expirationTimestamp');
  const expiresAt = expires === undefined ? undefined : new Date(expires);
  if (expiresAt && Number.isNaN(expiresAt.getTime())) return refuse('expirationTimestamp is no time');
  // A header takes no control characters; node would quote the value in its complaint.
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) return refuse('the token has characters that no header can carry');
  return { credentials: { ...(token && { authorization: `Bearer ${token}` }), ...(cert && key && { cert, key }) }, expiresAt };
}
