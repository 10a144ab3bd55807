/**
 * What can be said of the keys of an EncryptionConfiguration without keeping one: how long each is as the API server decodes it, whether it
 * could be guessed, whether it stands there twice. The file has to be parsed anyway; keys are looked at there, in memory, and nothing
 * leaves this module but a number and three booleans (docs/decisions/0017).
 */
import type { Json, JsonObject, RawObject } from '../model/index.ts';
import { isObject } from '../model/index.ts';

const keyProviders = ['aescbc', 'aesgcm', 'secretbox'] as const;

/** Where names of keys, and what was found about them, stand below `providers`, as the keep-list says it. */
export const keyPaths: readonly string[] = keyProviders.flatMap((provider) =>
  ['name', ...['bits', 'guessable', 'text', 'repeated'].map((fact) => `material.${fact}`)].map((field) => `${provider}.keys.${field}`),
);

// apiserver.config.k8s.io/v1: the API server reads strictly, so one field that it does not know makes it refuse the file.
const known: Readonly<Record<string, readonly string[]>> = {
  configuration: ['apiVersion', 'kind', 'resources'],
  resources: ['resources', 'providers'],
  providers: [...keyProviders, 'identity', 'kms'],
  ...Object.fromEntries(keyProviders.map((provider) => [provider, ['keys']])),
  keys: ['name', 'secret'],
  kms: ['apiVersion', 'name', 'cachesize', 'endpoint', 'timeout'],
  identity: [],
};

/** Keys that documentation shows: kubernetes.io, the sources of Kubernetes, and what tutorials made of them. */
const samples: ReadonlySet<string> = new Set([
  'secret is secure',
  'secret is secure, or is it?',
  'secret is secure, I think',
  'this is password',
  'abcdefghijklmnopqrstuvwxyz123456',
  'abcdefghijklmnopqrstuvwxyz012345',
]);

/**
 * The configuration with `material` beside the name of each key that has a secret, without the secret, and `unknownFields`: in which parts
 * of it stand fields that the API server does not know. What was looked at before stays as it is.
 */
export function withKeyFacts(configuration: RawObject): RawObject {
  if (Array.isArray(configuration['unknownFields'])) return configuration;
  const unknown = new Set<string>();
  const check = (part: string, value: unknown) => {
    if (isObject(value) && Object.keys(value).some((field) => !known[part]?.includes(field))) unknown.add(part);
  };
  check('configuration', configuration);
  const looked: Looked[] = [];
  const resources = mapList(configuration['resources'], (entry) => {
    check('resources', entry);
    return { ...entry, providers: mapList(entry['providers'], (provider) => lookAtProvider(provider, looked, check)) };
  });
  for (const { bytes, owner, material } of looked) {
    material['repeated'] = looked.some((other) => other.owner !== owner && bytes !== null && other.bytes?.equals(bytes) === true);
  }
  for (const { bytes } of looked) bytes?.fill(0);
  return { ...configuration, ...(resources === undefined ? {} : { resources }), unknownFields: [...unknown].sort() };
}

interface Looked {
  readonly bytes: Buffer | null;
  /** Provider and name: a key that serves several entries is one key. */
  readonly owner: string;
  /** Null bits: no base64, so that the API server refuses the file. */
  readonly material: Record<string, Json>;
}

function lookAtProvider(provider: JsonObject, looked: Looked[], check: (part: string, value: unknown) => void): Json {
  check('providers', provider);
  const out: Record<string, Json> = {};
  for (const [name, settings] of Object.entries(provider)) {
    if (settings === undefined) continue;
    check(name, settings);
    const withKeys = isObject(settings) && keyProviders.some((each) => each === name);
    out[name] = withKeys
      ? { ...settings, keys: mapList(settings['keys'], (key) => lookAtKey(name, key, looked, check)) ?? null }
      : settings;
  }
  return out;
}

function lookAtKey(provider: string, key: JsonObject, looked: Looked[], check: (part: string, value: unknown) => void): Json {
  check('keys', key);
  const { secret, ...rest } = key;
  // Whoever masks keys before handing a file in says nothing about them, rather than something wrong.
  if (secret === undefined || (typeof secret === 'string' && isMask(secret))) return rest;
  const bytes = typeof secret === 'string' ? decodeKey(secret) : null;
  const material: Record<string, Json> = {
    bits: bytes === null ? null : bytes.length * 8,
    guessable: bytes !== null && isGuessable(bytes),
    text: bytes !== null && bytes.length > 0 && bytes.every((byte) => (byte >= 0x20 && byte < 0x7f) || (byte >= 0x09 && byte <= 0x0d)),
    repeated: false,
  };
  looked.push({ bytes, owner: `${provider} ${JSON.stringify(key['name'] ?? '')}`, material });
  return { ...rest, material };
}

function isMask(secret: string): boolean {
  return /^(?:\*+|\.+|[<[({].*[>\])}]|-*(?:redacted|removed|masked|hidden|omitted)-*)$/i.test(secret.trim());
}

/** As base64.StdEncoding of Go decodes: padded, line breaks ignored. Null for what it refuses. */
function decodeKey(secret: string): Buffer | null {
  const text = secret.replace(/[\r\n]/g, '');
  return /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text) ? Buffer.from(text, 'base64') : null;
}

/** A pattern of up to 8 bytes over and over (all zeros first of all), bytes that count up or down, or a sample of documentation. */
function isGuessable(bytes: Buffer): boolean {
  if (samples.has(bytes.toString('latin1').trimEnd())) return true;
  const repeats = (length: number) => bytes.length > length && bytes.every((byte, i) => byte === bytes[i % length]);
  if ([1, 2, 3, 4, 5, 6, 7, 8].some(repeats)) return true;
  const step = ((bytes[1] ?? 0) - (bytes[0] ?? 0) + 256) % 256;
  return bytes.length > 2 && bytes.every((byte, i) => i === 0 || (byte - (bytes[i - 1] ?? 0) + 256) % 256 === step);
}

function mapList(value: Json | undefined, change: (element: JsonObject) => Json): Json[] | undefined {
  return Array.isArray(value) ? (value as Json[]).map((element) => (isObject(element) ? change(element) : element)) : undefined;
}
