/**
 * Encryption at rest on the real API server: six configurations and a key service, by restart and by reload. For each, what lies in etcd
 * begins as the product's reading of the file says, outcomes differ as they must, and no key is in anything that was written.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Assessment } from '../../src/model/index.ts';
import { type CommandLine, openCommandLine, outcomeOf } from './command-line.ts';
import { judgeText, prefixOf } from './encryption-oracle.ts';
import { startCluster, type TestCluster } from './index.ts';
import { type KmsPlugin, startKmsPlugin } from './kms-plugin.ts';

const keys = Array.from({ length: 4 }, () => randomBytes(32).toString('base64'));
const [k1 = '', k2 = '', k3 = '', k4 = ''] = keys;
const configuration = (...entries: readonly (readonly [readonly string[], ...object[]])[]) =>
  JSON.stringify({
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'EncryptionConfiguration',
    resources: entries.map(([resources, ...providers]) => ({ resources, providers })),
  });
const keyed = (provider: string, ...list: readonly (readonly [string, string])[]) => ({
  [provider]: { keys: list.map(([name, secret]) => ({ name, secret })) },
});
const identity = { identity: {} };
const all = [keyed('secretbox', ['k1', k1]), keyed('aescbc', ['k2', k2]), keyed('aesgcm', ['k3', k3]), identity];
const [secretbox, aescbc, aesgcm] = all as [object, object, object, object];

interface Step {
  readonly name: string;
  /** Undefined: none. */
  readonly text?: string;
  /** Secrets of earlier steps that are deleted first. */
  readonly without?: readonly number[];
  /** In the order of `controls`. */
  readonly outcomes: string;
}
const controls = ['ENC-001', 'ENC-002', 'ENC-003', 'ENC-005', 'ENC-006', 'ENC-007', 'ENC-008', 'ENC-009', '1.2.27', '1.2.28'];
/** Each can read what those before it wrote. */
const steps: readonly Step[] = [
  { name: 'none', outcomes: 'fail fail fail fail notApplicable notApplicable notApplicable notApplicable fail fail' },
  { name: 'secretbox first', text: configuration([['secrets'], ...all]), outcomes: 'pass pass fail fail fail pass pass pass pass pass' },
  {
    name: 'aescbc first',
    text: configuration([['secrets'], aescbc, secretbox, aesgcm, identity]),
    without: [1],
    outcomes: 'pass pass pass fail fail pass pass pass pass pass',
  },
  {
    name: 'aesgcm first',
    text: configuration([['secrets'], aesgcm, secretbox, aescbc, identity]),
    outcomes: 'pass fail pass fail fail pass pass pass pass fail',
  },
  {
    name: 'identity first',
    text: configuration([['secrets', 'configmaps'], identity, secretbox, aescbc, aesgcm]),
    outcomes: 'pass fail fail fail notApplicable pass pass pass pass fail',
  },
  {
    name: 'everything, by a wildcard',
    text: configuration([['events'], identity], [['*.*'], secretbox, aescbc, aesgcm, identity]),
    without: [2, 3, 4, 5],
    outcomes: 'pass pass pass pass pass pass pass pass pass pass',
  },
];

let cluster: TestCluster;
let line: CommandLine;
let plugin: KmsPlugin | undefined;
const printed: string[] = [];
const rows: string[] = [];

beforeAll(async () => {
  cluster = await startCluster({ encryption: 'none', audit: 'none' });
  line = openCommandLine(cluster.kubeconfig, 'params: {ENC-005: {resources: [configmaps]}}\n');
});
afterAll(async () => {
  plugin?.close();
  line.remove();
  await cluster.stop();
});

let objects = 0;
async function write(): Promise<void> {
  objects += 1;
  const named = (kind: string, data: object) => ({ apiVersion: 'v1', kind, metadata: { name: `written-${objects}` }, ...data });
  await cluster.admin.json('POST', '/api/v1/namespaces/default/secrets', { body: named('Secret', { stringData: { a: 'b' } }) });
  await cluster.admin.json('POST', '/api/v1/namespaces/default/configmaps', { body: named('ConfigMap', { data: { a: 'b' } }) });
}

async function rewriteSecrets(): Promise<void> {
  const { items } = await cluster.admin.json<{ readonly items: readonly Named[] }>('GET', '/api/v1/secrets');
  for (const secret of items) {
    const { namespace, name } = secret.metadata;
    await cluster.admin.json('PUT', `/api/v1/namespaces/${namespace}/secrets/${name}`, { body: secret });
  }
}

interface Named {
  readonly metadata: { readonly namespace: string; readonly name: string };
}

/** What the stored object begins with: the prefix of a transformer, empty for plain text. Nothing else of it leaves this function. */
async function stored(resource: string): Promise<string> {
  const flagz = await cluster.admin.send('GET', '/flagz', { accept: 'application/json;v=v1beta1;g=config.k8s.io;as=Flagz' });
  const etcd = /https:[^\]",]+/.exec((JSON.parse(flagz.body) as { flags: Record<string, string> }).flags['etcd-servers'] ?? '')?.[0] ?? '';
  const pki = (file: string) => readFileSync(join(cluster.dir, 'pki', file));
  const body = JSON.stringify({ key: Buffer.from(`/registry/${resource}/default/written-${objects}`).toString('base64') });
  const answer = await new Promise<string>((resolve, reject) => {
    const tls = { ca: pki('etcd/ca.crt'), cert: pki('apiserver-etcd-client.crt'), key: pki('apiserver-etcd-client.key') };
    const sent = request(new URL('/v3/kv/range', etcd), { method: 'POST', ...tls }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve(text));
    });
    sent.on('error', reject);
    sent.end(body);
  });
  const value = Buffer.from((JSON.parse(answer) as { kvs: [{ value: string }] }).kvs[0].value, 'base64');
  const [prefix = ''] = /^k8s:enc:[a-z]+:v\d:[^:]*:/.exec(value.subarray(0, 80).toString('latin1')) ?? [];
  return prefix;
}

async function collect(file?: string): Promise<Assessment> {
  const { code, stdout, stderr } = await line.run('collect', ...(file === undefined ? [] : ['--files', file]));
  printed.push(stdout, stderr);
  if (code !== 0) throw new Error(`collect ended with ${code}: ${stderr}`);
  const assessment = await line.assess();
  printed.push(JSON.stringify(assessment));
  return assessment;
}

const outcomes = (assessment: Assessment, ids: readonly string[]) => ids.map((id) => outcomeOf(assessment, id)).join(' ');

async function metrics(): Promise<string> {
  return (await cluster.admin.send('GET', '/metrics')).body;
}

function replaceFile(text: string): string {
  writeFileSync(`${cluster.encryptionFile}.new`, text, { mode: 0o600 });
  renameSync(`${cluster.encryptionFile}.new`, cluster.encryptionFile);
  return createHash('sha256').update(text).digest('hex');
}

describe.each(steps.map((step) => [step.name, step] as const))('%s', (name, { text, without = [], outcomes: expected }) => {
  test('is stored as the file says, and told apart', async () => {
    for (const number of without) await cluster.admin.json('DELETE', `/api/v1/namespaces/default/secrets/written-${number}`);
    await cluster.restartApiServer({ encryption: text === undefined ? 'none' : { yaml: text } });
    await write();
    const verdict = text === undefined ? undefined : judgeText(text, { version: cluster.version, kmsV1: false, reload: true });
    const [secret, configMap] = [await stored('secrets'), await stored('configmaps')];
    const said = (resource: string) =>
      verdict === undefined || typeof verdict === 'string' ? (verdict ?? '') : prefixOf(verdict, resource);
    expect({ secret, configMap }).toEqual({ secret: said('secrets'), configMap: said('configmaps') });
    const found = outcomes(await collect(text === undefined ? undefined : cluster.encryptionFile), controls);
    rows.push([name, secret || 'plain text', configMap || 'plain text', found].join(' | '));
    expect(found).toBe(expected);
  }, 60_000);
});

test('none of the keys is in anything that was printed or stored', () => {
  process.stdout.write(`configuration | Secret | ConfigMap | ${controls.join(' ')}\n${rows.join('\n')}\n`);
  const forms = keys.flatMap((key) => {
    const bytes = Buffer.from(key, 'base64');
    const digests = [bytes, Buffer.from(key)].map((each) => createHash('sha256').update(each).digest());
    return [bytes, ...digests].flatMap((each) => [
      each,
      Buffer.from(each.toString('base64').slice(0, 20)),
      Buffer.from(each.toString('hex').slice(0, 20)),
    ]);
  });
  const holds = (bytes: Buffer) => forms.some((form) => bytes.includes(form));
  expect(holds(Buffer.from(`x${k4}x`))).toBe(true);
  expect(printed.filter((text) => holds(Buffer.from(text)))).toEqual([]);
  const files = readdirSync(line.dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(files.length).toBeGreaterThan(3);
  expect(files.map((file) => join(file.parentPath, file.name)).filter((path) => holds(readFileSync(path)))).toEqual([]);
});

describe('a key service, a file that is refused, and a change back', () => {
  test('are told from what the server counts', async () => {
    plugin = await startKmsPlugin(join(cluster.dir, 'kms.sock'));
    const kms = { kms: { apiVersion: 'v2', name: 'vault', endpoint: plugin.endpoint, timeout: '3s' } };
    const others = [['*.*'], ...all] as const;
    const text = configuration([['secrets'], kms, ...all], others);
    const apiserverArgs = ['--feature-gates=StorageVersionMigrator=true', '--runtime-config=storagemigration.k8s.io/v1beta1=true'];
    const restart = () => cluster.restartApiServer({ encryption: { yaml: text }, apiserverArgs });
    await restart();
    await write();
    expect(await stored('secrets')).toBe('k8s:enc:kms:v2:vault:');
    const ids = ['ENC-002', 'ENC-008', 'ENC-009', 'ENC-010', 'ENC-011'];
    expect(outcomes(await collect(cluster.encryptionFile), ids)).toBe('pass pass pass notAssessed pass');

    // What the former key wrote is read when the server starts, until it is rewritten.
    plugin.keyId = 'key-2';
    await restart();
    expect(outcomes(await collect(cluster.encryptionFile), ['ENC-010', 'ENC-012'])).toBe('pass fail');
    await rewriteSecrets();
    await restart();
    await write();
    expect(outcomes(await collect(cluster.encryptionFile), ['ENC-003', 'ENC-006', 'ENC-012'])).toBe('pass pass pass');

    plugin.keyId = 'key-3';
    const { asked } = plugin;
    const until = { interval: 500, timeout: 90_000 };
    replaceFile(configuration([['*.'], secretbox], [['secrets'], secretbox]));
    await expect.poll(metrics, until).toMatch(/^apiserver_encryption_config_controller_automatic_reloads_total\{[^}]*status="failure"/m);
    await expect.poll(() => plugin?.asked, until).toBeGreaterThan(asked);
    // Whatever was read of the former key was read before the change.
    expect(outcomes(await collect(), [...ids, 'ENC-012'])).toBe('pass fail notAssessed pass pass notAssessed');

    const hash = replaceFile(configuration([['secrets'], keyed('secretbox', ['k4', k4]), kms, ...all], others));
    await expect.poll(metrics, until).toContain(hash);
    await collect(cluster.encryptionFile);
    await write();
    await cluster.admin.send('GET', `/api/v1/namespaces/default/secrets/written-${objects - 1}`);
    expect(await stored('secrets')).toBe('k8s:enc:secretbox:v1:k4:');
    expect(outcomes(await collect(cluster.encryptionFile), ['ENC-002', 'ENC-006', 'ENC-008', 'ENC-009'])).toBe('pass fail pass pass');

    // No controller migrates here: what counts is that the object is collected, and from when it is believed.
    const path = '/apis/storagemigration.k8s.io/v1beta1/storageversionmigrations';
    const migration = {
      apiVersion: 'storagemigration.k8s.io/v1beta1',
      kind: 'StorageVersionMigration',
      metadata: { name: 'secrets' },
      spec: { resource: { group: '', resource: 'secrets' } },
    };
    const made = await cluster.admin.json<object>('POST', path, { body: migration });
    const conditions = [{ type: 'Succeeded', status: 'True', reason: 'Done', message: '', lastTransitionTime: new Date().toISOString() }];
    await cluster.admin.json('PUT', `${path}/secrets/status`, { body: { ...made, status: { conditions, resourceVersion: '1' } } });
    expect(outcomes(await collect(cluster.encryptionFile), ['ENC-003', 'ENC-006'])).toBe('pass pass');
  }, 240_000);
});
