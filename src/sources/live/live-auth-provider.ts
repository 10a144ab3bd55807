/**
 * Credentials of a legacy `auth-provider` (oidc, gcp, azure), refreshed by the one that knows their flows, client-node: in a process of
 * its own under a deadline, because it asks the issuer and runs helper commands without one (docs/decisions/0005). An id-token that is
 * still valid is used as it is. New tokens are kept in memory and never written to the kubeconfig. No token reaches a message.
 */
import { fork } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { at, clip, type Clock, findNearest, isObject, type JsonObject, KubevidenceError, textAt } from '../../model/index.ts';
import type { AuthProviderAnswer, AuthProviderRequest } from './auth-provider-process.ts';
import { type KubeconfigEntry, readNamedFile } from './kubeconfig.ts';
import type { Credentials, ExecAnswer } from './live-exec.ts';

interface AuthProviderOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** What the user gives beside the provider: a client certificate. */
  readonly beside: Credentials;
  /** Told once for each thing about the credentials that people should know; safe to print. */
  readonly warn: (sentence: string) => void;
}

type Settings = Readonly<Record<string, string>>;

/** What replaces each provider: kubectl itself dropped gcp and azure in 1.26. */
const replacements: Readonly<Record<string, string>> = {
  oidc: 'log in again with the tool that wrote the kubeconfig, or use the exec plugin `kubectl oidc-login`',
  gcp: 'use the exec plugin instead: `gcloud container clusters get-credentials` with gke-gcloud-auth-plugin installed',
  azure: 'use the exec plugin instead: `kubelogin convert-kubeconfig`',
};

/** Reads the `auth-provider` of a user. The function gives credentials as a CredentialSource does. Throws 'configuration'. */
export function authProviderCredentials(user: KubeconfigEntry, provider: JsonObject, options: AuthProviderOptions) {
  const name = textAt(provider, 'name') ?? '';
  const place = user.placeOf('auth-provider');
  const replacement = Object.hasOwn(replacements, name) ? replacements[name] : undefined;
  if (replacement === undefined) {
    const known = Object.keys(replacements);
    const close = findNearest(name, known);
    throw new KubevidenceError('configuration', `the user "${clip(user.name, 80)}" has an unknown auth-provider "${clip(name, 80)}"`, {
      place,
      next: `${close === undefined ? '' : `did you mean "${close}"? `}known are ${known.join(', ')}; for others use an exec plugin`,
    });
  }
  const what = `the auth-provider ${name} of the user "${clip(user.name, 80)}"`;
  const given = readSettings(user, provider, name);
  const issuerCa = name === 'oidc' ? readIssuerCa(given, user) : undefined;
  let { 'idp-certificate-authority': _file, 'idp-certificate-authority-data': _data, ...settings } = given;
  let known: ExecAnswer | undefined;
  if (name === 'oidc') {
    known = answerOf(name, `Bearer ${settings['id-token'] ?? ''}`, settings, options.beside);
    checkRefreshable(settings, known?.expiresAt, what, user, options.clock);
  }
  let running: Promise<ExecAnswer> | undefined;

  const refresh = async (): Promise<ExecAnswer> => {
    const unreachable = (why: string): never => {
      const secret = settings['client-secret'] ? ' (the refresh is made without the client-secret)' : '';
      throw new KubevidenceError('unreachable', `${what} gave no credentials: ${clip(why, 400)}${secret}`, { place, next: replacement });
    };
    if (name === 'oidc' && !refreshKeys.every((key) => settings[key])) return unreachable('the id-token is no longer valid');
    const answer = await askInProcess(
      { name, issuerCa, config: known === undefined && name !== 'oidc' ? settings : outdated(name, settings) },
      options,
    );
    if (answer === undefined) return unreachable(`no answer within ${options.timeoutMs / 1000} s`);
    if ('failure' in answer) return unreachable(answer.failure);
    const fresh = answerOf(name, answer.authorization, answer.config, options.beside);
    if (fresh === undefined) return unreachable('the answer has no usable token');
    if (fresh.expiresAt !== undefined && fresh.expiresAt <= options.clock()) return unreachable('the new token has expired already');
    const newToken = answer.config['refresh-token'];
    if (newToken !== undefined && newToken !== settings['refresh-token'])
      options.warn(`${what} gave a new refresh-token, which is not written to the kubeconfig: kubectl may ask for a new login`);
    // client-node drops the refresh-token when the issuer gives no new one, which means that the old one stays (RFC 6749 §6).
    settings = { ...settings, ...answer.config };
    return fresh;
  };

  return async (refused?: Credentials): Promise<Credentials> => {
    const isRefused = known !== undefined && refused === known.credentials;
    const expired = known?.expiresAt !== undefined && known.expiresAt <= options.clock();
    if (known !== undefined && !expired && !isRefused) return known.credentials;
    // Requests that run side by side share one refresh.
    running ??= refresh().finally(() => {
      running = undefined;
    });
    known = await running;
    return known.credentials;
  };
}

const refreshKeys = ['idp-issuer-url', 'client-id', 'refresh-token'] as const;

/** All that is text; the keys of the helper's JSON as client-go defaults them. */
function readSettings(user: KubeconfigEntry, provider: JsonObject, name: string): Settings {
  const given = at(provider, 'config') ?? {};
  const place = user.placeOf('auth-provider');
  const settings: Record<string, string> = name === 'gcp' ? { 'token-key': '{.access_token}', 'expiry-key': '{.token_expiry}' } : {};
  for (const [key, value] of isObject(given) ? Object.entries(given) : []) {
    if ((typeof value === 'string' && value !== '') || typeof value === 'number') settings[key] = String(value);
  }
  const issuer = settings['idp-issuer-url'];
  if (issuer !== undefined && URL.parse(issuer)?.protocol !== 'https:')
    throw new KubevidenceError('configuration', 'the idp-issuer-url of the auth-provider is not an https:// URL', {
      place,
      next: 'correct it; an id-token is asked for over TLS only',
    });
  return settings;
}

/** The CA of the issuer, as client-go takes it: data wins over a file, whose path is relative to the kubeconfig. */
function readIssuerCa(settings: Settings, user: KubeconfigEntry): string | undefined {
  const { 'idp-certificate-authority-data': data, 'idp-certificate-authority': file } = settings;
  const place = user.placeOf('auth-provider');
  const pem =
    data !== undefined
      ? Buffer.from(data, 'base64').toString('latin1')
      : file !== undefined
        ? readNamedFile(resolve(dirname(user.file), file), "issuer's CA", place).toString('latin1')
        : undefined;
  if (pem === undefined || pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
  throw new KubevidenceError('configuration', "the issuer's CA of the auth-provider is not a PEM certificate", {
    place,
    next: 'correct idp-certificate-authority or idp-certificate-authority-data',
  });
}

/** An id-token that is absent or has expired needs all that a refresh needs. */
function checkRefreshable(settings: Settings, expiresAt: Date | undefined, what: string, user: KubeconfigEntry, clock: Clock): void {
  const missing = refreshKeys.filter((key) => !settings[key]).join(', ');
  if (missing === '' || (expiresAt !== undefined && expiresAt > clock())) return;
  const details = { place: user.placeOf('auth-provider'), next: replacements['oidc'] ?? '' };
  if (expiresAt === undefined)
    throw new KubevidenceError('configuration', `${what} has no readable id-token, and no ${missing} to get one`, details);
  const ended = `the id-token of ${what} expired at ${expiresAt.toISOString()}`;
  throw new KubevidenceError('unreachable', `${ended}, and there is no ${missing} to renew it`, details);
}

/** Settings with which client-node refreshes whatever it believes of the token it has. */
function outdated(name: string, settings: Settings): Settings {
  const { 'access-token': _dropped, ...rest } = settings;
  return name === 'oidc' ? { ...rest, 'id-token': expiredToken } : rest;
}

/** A JWT with `exp: 1`: client-node refreshes only in place of an id-token that is there and has expired. */
const expiredToken = `${Buffer.from('{}').toString('base64url')}.${Buffer.from('{"exp":1}').toString('base64url')}.none`;

/** Undefined when there is no token, or none that an HTTP header carries, or (oidc) none that tells its expiry. */
function answerOf(name: string, authorization: string | undefined, settings: Settings, beside: Credentials): ExecAnswer | undefined {
  if (authorization === undefined || !/^Bearer [\x21-\x7e]+$/.test(authorization)) return undefined;
  const expiresAt = name === 'oidc' ? expiryOfToken(authorization) : expiryOfSettings(settings);
  return name === 'oidc' && expiresAt === undefined ? undefined : { credentials: { ...beside, authorization }, expiresAt };
}

function expiryOfToken(token: string): Date | undefined {
  try {
    const seconds = at(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')), 'exp');
    return typeof seconds === 'number' ? validDate(seconds * 1000) : undefined;
  } catch {
    return undefined;
  }
}

/** gcp writes `expiry` (RFC 3339); azure `expires-on`, in seconds. */
function expiryOfSettings(settings: Settings): Date | undefined {
  if (settings['expiry']) return validDate(Date.parse(settings['expiry']));
  return settings['expires-on'] ? validDate(Number(settings['expires-on']) * 1000) : undefined;
}

function validDate(time: number): Date | undefined {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** Undefined: no answer in time, and the process with all that it started has been ended. */
function askInProcess(request: AuthProviderRequest, { env, timeoutMs }: AuthProviderOptions): Promise<AuthProviderAnswer | undefined> {
  return new Promise((settle) => {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const child = fork(new URL(`./auth-provider-process.${extension}`, import.meta.url), {
      env,
      execArgv: ['--disable-warning=ExperimentalWarning'],
      // A session of its own: a helper command has no terminal to ask on, and the whole group can be ended.
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const finish = (answer: AuthProviderAnswer | undefined) => {
      clearTimeout(timer);
      settle(answer);
    };
    const timer = setTimeout(() => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        child.kill('SIGKILL');
      }
      finish(undefined);
    }, timeoutMs);
    child.once('message', (answer: AuthProviderAnswer) => finish(answer));
    child.once('error', (error) => finish({ failure: `the process that asks for them could not be started (${error.message})` }));
    // Not 'exit': the answer may still be on its way then.
    child.once('close', (code, signal) => finish({ failure: `the process that asks for them ended (${signal ?? `exit code ${code}`})` }));
    child.send(request, (error) => {
      if (error) finish({ failure: `the process that asks for them ended (${error.message})` });
    });
  });
}
