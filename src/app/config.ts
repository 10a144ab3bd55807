/**
 * kubevidence.yaml: read strictly (an unknown key is an error that names the nearest known one), with paths relative to the file. What
 * this version accepts but does not act on yet is reported, never ignored in silence.
 */
import { existsSync, lstatSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { readYamlFile } from '../catalog/index.ts';
import type { CollectorSettings } from '../collectors/index.ts';
import type { Json } from '../model/index.ts';
import { KubevidenceError, visible } from '../model/index.ts';
import type { KeyCommand } from '../signing/index.ts';
import { nodeKeysSchema } from './keys/node-keys.ts';
import { type PseudonymConfig, pseudonymsSchema, readPseudonymConfig } from './keys/pseudonym-config.ts';
import { readTimestampAuthority, type TimestampAuthority, timestampAuthoritySchema } from './keys/timestamp-config.ts';

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'letters, digits, dots, dashes; at most 63 characters');

const collectorOption = z.union([
  z.boolean(),
  z.strictObject({ enabled: z.boolean().optional(), namespaces: z.array(z.string()).min(1).optional() }),
]);

/** A file, or a command's argument vector. */
const keySource = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

const keptFor = z.string().regex(/^[1-9]\d{0,4}[yd]$/, 'years or days like 6y or 400d');

export const configSchema = z.strictObject({
  organization: z.string().min(1).max(200).describe('Printed on every report'),
  ledger: z
    .string()
    .regex(/^sqlite:.+/, 'sqlite:PATH')
    .default('sqlite:kubevidence/ledger.db')
    .describe('Where evidence is kept'),
  clusters: z
    .array(
      z.strictObject({
        name: name.describe('The cluster’s key in the ledger; never reuse a name for another cluster'),
        context: z.string().optional().describe('Context of the kubeconfig; default: the current one'),
        kubeconfig: z.string().optional(),
        inCluster: z.boolean().optional(),
        directory: z.string().optional().describe('Manifests instead of a live API server'),
        files: z
          .array(z.string().min(1))
          .min(1)
          .optional()
          .describe('Joined to each live run: what the API does not show, such as the EncryptionConfiguration and the audit policy'),
        nodeKeys: nodeKeysSchema.optional(),
        apiServers: z
          .enum(['one', 'each'])
          .optional()
          .describe(
            'each: every API server behind the address is asked for itself, at the addresses in the EndpointSlice kubernetes, with its certificate verified against the CA of the kubeconfig; default: whichever answers',
          ),
        managed: z.enum(['eks', 'gke', 'aks', 'openshift', 'none']).optional().describe('Detected when left out'),
      }),
    )
    .min(1),
  frameworks: z.array(z.string()).optional().describe('Default: all that ship'),
  controls: z.array(z.string()).optional().describe('Directories with your own controls'),
  mappings: z.array(z.string()).optional().describe('Directories with your own frameworks: policies, contracts, other standards'),
  techniques: z.array(z.string()).optional().describe('Directories with your own techniques of escalation'),
  params: z.record(z.string(), z.record(z.string(), z.json())).optional().describe('Control id → parameter → value'),
  timezone: z
    .string()
    .refine((zone) => isTimezone(zone), 'an IANA time zone such as Europe/Berlin')
    .default('UTC'),
  keepAnnotations: z.array(z.string()).optional().describe('Annotation keys whose values are kept, e.g. change tickets'),
  collectors: z.record(z.string(), collectorOption).optional().describe('e.g. secrets: true'),
  signing: z
    .strictObject({
      logKey: keySource.optional().describe('A file, or a command that signs what it reads: [program, argument, …]'),
      logPublicKey: keySource.optional().describe('For a command: its public key in PEM, as a file or as a command that prints it'),
      oldLogKey: keySource.optional().describe('While keys rotate goes from another file or command to logKey'),
      documentKey: keySource.optional().describe('As logKey; its public key is in the certificate'),
      certificate: z.string().optional(),
      checkpoints: z.string().optional().describe('Where the last checkpoint is published; default: the user’s state directory'),
      passphraseFile: z.string().optional(),
      timestampAuthority: timestampAuthoritySchema
        .optional()
        .describe('RFC 3161: stamps a checkpoint every day, and packs; a URL, or {url, ca}'),
    })
    .optional(),
  timeToLive: z
    .record(z.string(), z.string().regex(/^(?:\d{1,6}[wdhms])+$/, 'a length of time like 26h or 8d'))
    .optional()
    .describe('How long what is read holds, by kind, collector or default; 26h where nothing is said'),
  schedule: z
    .strictObject({ collect: z.string(), assess: z.string(), drift: z.string(), pack: z.string() })
    .partial()
    .optional()
    .describe(
      'Cron expressions in the timezone; collect: its slots are run by `serve` or `collect --scheduled`, and those that nobody ran are recorded; assess: when `serve` judges, if not after each run',
    ),
  notify: z.array(z.json()).optional(),
  retention: z
    .strictObject({ evidence: keptFor, assessments: keptFor, people: keptFor })
    .partial()
    .optional()
    .describe('How long at least: evidence from when it was last read, assessments, payloads that name people; 6y where nothing is said'),
  redact: z
    .strictObject({ pseudonyms: pseudonymsSchema.optional().describe('Packs show names of persons as pseudonyms like person-k7m2q4x9ab') })
    .optional(),
});

type ConfigFile = z.infer<typeof configSchema>;
export type ClusterConfig = ConfigFile['clusters'][number];

/** A file, or a command that is asked each time. */
export type KeySource = string | KeyCommand;

export interface LogKeyPaths {
  readonly log: KeySource;
  /** Null when `log` is a file. */
  readonly logPublicKey: KeySource | null;
  readonly passphraseFile: string | null;
}

export interface KeyPaths extends LogKeyPaths {
  /** Null unless a rotation goes from another file or command to `log`. */
  readonly oldLog: KeySource | null;
  readonly document: KeySource;
  readonly certificate: string;
}

export interface Config {
  /** Where it was read, or null for the defaults. */
  readonly file: string | null;
  readonly organization: string;
  readonly ledgerPath: string;
  readonly clusters: readonly ClusterConfig[];
  readonly frameworks: readonly string[] | null;
  readonly controlDirs: readonly string[];
  readonly mappingDirs: readonly string[];
  readonly techniqueDirs: readonly string[];
  readonly params: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  readonly timezone: string;
  /** Cron expressions; null where none is set. */
  readonly schedule: {
    readonly collect: string | null;
    readonly assess: string | null;
    readonly drift: string | null;
    readonly pack: string | null;
  };
  /** Per kind of listing, as written; in order of the kinds. */
  readonly timeToLive: Readonly<Record<string, string>>;
  readonly keepAnnotations: readonly string[];
  readonly collectors: CollectorSettings;
  /** As written; see retentionOf in keeping.ts. */
  readonly retention: Readonly<Partial<Record<'evidence' | 'assessments' | 'people', string | undefined>>>;
  readonly keys: KeyPaths;
  /** Directory of published checkpoints; null: in the user's state directory. */
  readonly checkpoints: string | null;
  readonly timestampAuthority: TimestampAuthority | null;
  /** Null: packs show names as they were read. */
  readonly pseudonyms: PseudonymConfig | null;
  /** Keys that are accepted and have no effect in this version. */
  readonly idle: readonly string[];
}

/** What decides the catalog in force. */
export type CatalogConfig = Pick<Config, 'controlDirs' | 'mappingDirs' | 'techniqueDirs' | 'params'>;

const idleKeys = ['notify'] as const;

/** Reads `path`, or kubevidence.yaml in `cwd`. Errors: `configuration`, naming file, line and key. */
export function loadConfig({
  cwd,
  path,
  uid,
}: {
  readonly cwd: string;
  readonly path?: string | undefined;
  readonly uid: number | null;
}): Config {
  const file = resolve(cwd, path ?? 'kubevidence.yaml');
  if (path === undefined) refuseForeign(file, uid);
  const parsed = readYamlFile(file, configSchema, {
    missing: path === undefined ? 'Write one: kubevidence init' : 'Name an existing file with --config.',
  });
  const base = dirname(file);
  const within = (each: string) => (isAbsolute(each) ? each : join(base, each));
  const names = parsed.clusters.map((cluster) => cluster.name);
  const twice = names.find((each, i) => names.indexOf(each) !== i);
  if (twice !== undefined)
    throw new KubevidenceError('configuration', `two clusters are named ${visible(twice)}`, { place: { file, key: 'clusters' } });
  const joined = parsed.clusters.findIndex(({ directory, files }) => directory !== undefined && files !== undefined);
  if (joined !== -1)
    throw new KubevidenceError('configuration', 'files join a live run, and directory stands in its place', {
      place: { file, key: `clusters[${joined}].files` },
      next: 'Put the files into the directory.',
    });
  const ledgerPath = within(parsed.ledger.slice('sqlite:'.length));
  const keys = join(dirname(ledgerPath), 'keys');
  // A program without a slash is looked for in PATH, as everywhere.
  const source = (each: string | string[] | undefined): KeySource | null => {
    if (each === undefined) return null;
    if (typeof each === 'string') return within(each);
    const [program = '', ...rest] = each;
    return { argv: [program.includes('/') ? within(program) : program, ...rest], cwd: base };
  };
  if (Array.isArray(parsed.signing?.logKey) && parsed.signing.logPublicKey === undefined) {
    throw new KubevidenceError('configuration', 'a log key behind a command needs its public key', {
      place: { file, key: 'signing.logKey' },
      next: 'Name it as `signing.logPublicKey`: a PEM file, or a command that prints one.',
    });
  }
  return {
    file,
    organization: parsed.organization,
    ledgerPath,
    clusters: parsed.clusters.map((cluster) => ({
      ...cluster,
      ...(cluster.kubeconfig !== undefined && { kubeconfig: within(cluster.kubeconfig) }),
      ...(cluster.directory !== undefined && { directory: within(cluster.directory) }),
      ...(cluster.files !== undefined && { files: cluster.files.map(within) }),
    })),
    frameworks: parsed.frameworks ?? null,
    controlDirs: (parsed.controls ?? []).map(within),
    mappingDirs: (parsed.mappings ?? []).map(within),
    techniqueDirs: (parsed.techniques ?? []).map(within),
    params: parsed.params ?? {},
    timezone: parsed.timezone,
    schedule: {
      collect: parsed.schedule?.collect ?? null,
      assess: parsed.schedule?.assess ?? null,
      drift: parsed.schedule?.drift ?? null,
      pack: parsed.schedule?.pack ?? null,
    },
    timeToLive: parsed.timeToLive ?? {},
    keepAnnotations: parsed.keepAnnotations ?? [],
    collectors: (parsed.collectors ?? {}) as CollectorSettings,
    retention: parsed.retention ?? {},
    keys: {
      log: source(parsed.signing?.logKey) ?? join(keys, 'log.key'),
      logPublicKey: source(parsed.signing?.logPublicKey),
      oldLog: source(parsed.signing?.oldLogKey),
      document: source(parsed.signing?.documentKey) ?? join(keys, 'document.key'),
      certificate: within(parsed.signing?.certificate ?? join(keys, 'document.crt')),
      passphraseFile: parsed.signing?.passphraseFile === undefined ? null : within(parsed.signing.passphraseFile),
    },
    checkpoints: parsed.signing?.checkpoints === undefined ? null : within(parsed.signing.checkpoints),
    timestampAuthority: readTimestampAuthority(parsed.signing?.timestampAuthority, within),
    pseudonyms: readPseudonymConfig(parsed.redact?.pseudonyms, parsed.keepAnnotations ?? [], within),
    idle: [...idleKeys.filter((key) => parsed[key] !== undefined), ...idleSchedules(parsed.schedule)],
  };
}

function idleSchedules(schedule: ConfigFile['schedule'] = {}): string[] {
  return Object.keys(schedule).flatMap((key) => (['collect', 'assess'].includes(key) ? [] : [`schedule.${key}`]));
}

/** A configuration that someone else put into the current directory must not decide which programs and files we use. */
function refuseForeign(file: string, uid: number | null): void {
  const stat = lstatSync(file, { throwIfNoEntry: false });
  if (!stat || uid === null) return;
  const problem =
    stat.uid !== uid && stat.uid !== 0
      ? 'belongs to another user'
      : (stat.mode & 0o022) !== 0 && !stat.isSymbolicLink()
        ? 'can be written by others'
        : null;
  if (problem !== null)
    throw new KubevidenceError('configuration', `${visible(file)} ${problem}, so it is not used`, {
      next: 'Check it, then: chmod go-w kubevidence.yaml, or name it with --config.',
    });
}

/** What is collected of this cluster. */
export function collectorSettings({ collectors }: Pick<Config, 'collectors'>, { apiServers }: ClusterConfig): CollectorSettings {
  return apiServers === undefined ? collectors : { ...collectors, 'k8s.apiservers': apiServers === 'each' };
}

/** The cluster to work on: the named one, or the only one. */
export function pickCluster(config: Config, wanted: string | undefined): ClusterConfig {
  const names = config.clusters.map((cluster) => cluster.name);
  const found =
    wanted === undefined && config.clusters.length === 1 ? config.clusters[0] : config.clusters.find((cluster) => cluster.name === wanted);
  if (found) return found;
  throw new KubevidenceError(
    'usage',
    wanted === undefined
      ? `there are ${names.length} clusters in the configuration`
      : `there is no cluster ${visible(wanted)} in the configuration`,
    { next: `Name one: --cluster ${names.join('|')}` },
  );
}

function isTimezone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** For what needs no configuration and reads none that is not named: null. */
export function loadNamedConfig(
  { cwd, uid }: { readonly cwd: string; readonly uid: number | null },
  path: string | undefined,
): Config | null {
  return path === undefined ? null : loadConfig({ cwd, path, uid });
}

/** Of all clusters together: one manifest gives the rights for them all. */
function settingsOfAll({ collectors, clusters }: Config): CollectorSettings {
  return clusters.some(({ apiServers }) => apiServers === 'each') ? { ...collectors, 'k8s.apiservers': true } : collectors;
}

/** The configuration, or what holds without one: for commands that need neither cluster nor ledger. */
export function loadConfigOrDefaults(options: Parameters<typeof loadConfig>[0]): CatalogConfig & Pick<Config, 'collectors'> {
  const none = options.path === undefined && !existsSync(join(options.cwd, 'kubevidence.yaml'));
  if (none) return { controlDirs: [], mappingDirs: [], techniqueDirs: [], params: {}, collectors: {} };
  const config = loadConfig(options);
  return { ...config, collectors: settingsOfAll(config) };
}
