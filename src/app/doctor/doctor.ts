/**
 * `doctor`: what would go wrong, before it does. Each check says what it looked at, and for what is missing, what that costs. It changes
 * nothing: no run, no record, no key.
 */
import { existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { assessControls } from '../../assessment/index.ts';
import { collectors, type CollectorSettings, enabledCollectors, selfSubjectRules } from '../../collectors/index.ts';
import { createMemorySnapshot, verifyLedger } from '../../ledger/index.ts';
import type { AccessRule, Json, RawObject } from '../../model/index.ts';
import { at, describeRule, KubevidenceError, listAt, reasonOf, textAt, visible } from '../../model/index.ts';
import { populations } from '../../populations/index.ts';
import { certificateInfo } from '../../signing/index.ts';
import type { LiveSource } from '../../sources/index.ts';
import { createIngest, type CredentialExpiry, expiryOf, openLiveSource, resolveCluster } from '../../sources/index.ts';
import { nameCheck } from '../audit-ids.ts';
import { loadCatalogInForce } from '../catalog.ts';
import { giveRights } from '../collect/collect.ts';
import { type ClusterConfig, collectorSettings, type Config } from '../config.ts';
import type { AppContext } from '../context.ts';
import { describeKeeping, readKeeping } from '../keys/keeping.ts';
import { unboundKeys } from '../keys/node-keys.ts';
import type { PseudonymConfig } from '../keys/pseudonym-config.ts';
import { keyIdOf, readPseudonymKey } from '../keys/pseudonym-key.ts';
import { toolName } from '../context.ts';
import { readPublished } from '../keys/checkpoints.ts';
import { checkDefinitions, checkExceptions } from './doctor-definitions.ts';
import { checkPlatform } from './doctor-platform.ts';
import { checkReplicas } from './doctor-replicas.ts';
import { checkSchedule } from './doctor-schedule.ts';
import { checkTimestampAuthority, checkTokens } from './doctor-timestamps.ts';
import { haveKeys, loadDocumentSigner, loadLogSigner, readCertificateFile } from '../keys/keys.ts';
import { checkpointsDirectory } from '../checkpoints-directory.ts';
import { openLedgerForReading } from '../open-ledger.ts';

/** A run of a large cluster may write this much. */
const leastFreeBytes = 200e6;

export interface Check {
  readonly state: 'ok' | 'warning' | 'problem';
  readonly what: string;
  /** What it means, or how to close it. */
  readonly detail?: string;
  /** For the exit code when this is a problem. */
  readonly error?: KubevidenceError;
}

/** All checks, in the order in which they matter. Stops asking the cluster when it does not answer. */
export async function* doctor(context: AppContext, config: Config, cluster: ClusterConfig): AsyncGenerator<Check> {
  yield* checkKeys(context, config);
  if (config.pseudonyms !== null) yield checkPseudonyms(config.pseudonyms);
  yield* checkLedger(context, config);
  yield* checkSchedule(context.clock, config);
  yield* checkTimestampAuthority(context, config);
  for (const file of cluster.files ?? []) yield checkJoined(file);
  yield* checkNodeKeys(cluster);
  if (cluster.directory === undefined) yield* checkCluster(context, config, cluster);
  else yield checkDirectory(cluster.name, cluster.directory);
}

function checkDirectory(name: string, directory: string): Check {
  if (existsSync(directory))
    return { state: 'ok', what: `${visible(name)} is read from ${visible(directory)}`, detail: 'kinds that no file holds become gaps' };
  const error = new KubevidenceError('usage', `there is no ${visible(directory)}`, {
    next: 'Name a directory of manifests in kubevidence.yaml.',
  });
  return problem(error);
}

function checkJoined(file: string): Check {
  if (existsSync(file)) return { state: 'ok', what: `each run reads ${visible(file)} too` };
  const detail = 'each run says so as a gap: put the file there, or take it out of clusters[].files';
  return { state: 'problem', what: `there is no ${visible(file)}`, detail, error: new KubevidenceError('usage', `there is no ${file}`) };
}

function* checkNodeKeys({ nodeKeys = [] }: ClusterConfig): Generator<Check> {
  const unbound = unboundKeys(nodeKeys).length;
  if (unbound === 0) return;
  const of = nodeKeys.length === 1 ? 'the one key of nodeKeys' : `${unbound} of ${nodeKeys.length} nodeKeys`;
  yield {
    state: 'warning',
    what: `${of} may sign for any node that no entry names`,
    detail: 'bind each to its node: `nodeKeys: [{node: NAME, key: FINGERPRINT}]`',
  };
}

function checkPseudonyms({ keyFile }: PseudonymConfig): Check {
  try {
    const key = keyIdOf(readPseudonymKey(keyFile));
    return {
      state: 'ok',
      what: `packs show names as pseudonyms of the key ${key}`,
      detail: 'exports and backups show them as they were read',
    };
  } catch (error) {
    return problem(error);
  }
}

async function* checkKeys(context: AppContext, config: Config): AsyncGenerator<Check> {
  if (!haveKeys(config.keys)) {
    yield { state: 'warning', what: 'no signing keys yet', detail: 'the first collect makes them' };
    return;
  }
  try {
    await loadLogSigner(config.keys);
    const signer = await loadDocumentSigner(config.keys);
    const info = certificateInfo(readCertificateFile(config.keys.certificate));
    const days = Math.floor((Date.parse(info.notAfter) - context.clock().getTime()) / 86_400_000);
    yield days < 0
      ? { state: 'problem', what: `the document certificate expired ${-days} days ago`, detail: 'packs cannot be signed with it' }
      : {
          state: days < 90 ? 'warning' : 'ok',
          what: `signing keys are there; the certificate is valid for ${days} more days`,
          detail: `document key ${signer.fingerprint}`,
        };
  } catch (error) {
    yield problem(error);
  }
}

async function* checkLedger(context: AppContext, config: Config): AsyncGenerator<Check> {
  if (!existsSync(config.ledgerPath)) {
    yield { state: 'warning', what: 'no ledger yet', detail: 'the first collect makes it' };
    return;
  }
  try {
    const ledger = openLedgerForReading(context, config);
    const { records, runs, bytes, tokens } = ledger.status();
    const [retention = '', ...keeping] = describeKeeping(readKeeping(ledger, config));
    const now = context.clock().toISOString();
    const duties = [...checkDefinitions(ledger, config), ...checkExceptions(ledger, config, now)];
    ledger.close();
    const published = readPublished(context, config);
    const { ok, problems, notices } = verifyLedger(config.ledgerPath, published === undefined ? {} : { published });
    for (const notice of notices) yield { state: 'warning', what: notice };
    if (published === undefined) {
      yield {
        state: 'warning',
        what: `no checkpoint of this ledger is published in ${visible(checkpointsDirectory(context, config))}`,
        detail: 'whether its log was cut off cannot be seen; whatever writes to it next publishes one',
      };
    }
    const free = freeBytes(config.ledgerPath);
    if (free < leastFreeBytes)
      yield {
        state: 'problem',
        what: `only ${(free / 1e6).toFixed(0)} MB are free where the ledger is`,
        detail: 'a run that cannot be written is no evidence: make room',
      };
    yield ok
      ? { state: 'ok', what: `the ledger verifies: ${records} records, ${runs.length} runs, ${(bytes.file / 1e6).toFixed(1)} MB` }
      : {
          state: 'problem',
          what: `the ledger does not verify: ${problems[0] ?? ''}`,
          detail: 'see all: kubevidence ledger verify',
          error: new KubevidenceError('integrity', 'the ledger does not verify'),
        };
    yield* duties;
    yield* checkTokens({ tokens });
    yield { state: 'ok', what: retention, detail: keeping.join('; ') };
  } catch (error) {
    yield problem(error);
  }
}

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(dirname(path));
  return bavail * bsize;
}

async function* checkCluster(context: AppContext, config: Config, cluster: ClusterConfig): AsyncGenerator<Check> {
  let source: LiveSource | undefined;
  try {
    const access = await resolveCluster({
      kubeconfig: cluster.kubeconfig,
      context: cluster.context,
      inCluster: cluster.inCluster,
      env: context.env,
      clock: context.clock,
    });
    for (const warning of access.warnings) yield { state: 'warning', what: warning };
    source = openLiveSource(access, { runUuid: nameCheck(), clock: context.clock, userAgent: toolName, deadlineMs: 120_000 });
    const before = context.clock().getTime();
    const version = await source.get('/version');
    const skew =
      version.serverDate === undefined ? null : Math.abs(Date.parse(version.serverDate) + 500 - (before + context.clock().getTime()) / 2);
    const kubernetes = textAt(parse(version.body), 'gitVersion');
    yield version.status === 200
      ? { state: 'ok', what: `${visible(cluster.name)} answers: Kubernetes ${visible(kubernetes ?? 'of unknown version')}` }
      : { state: 'warning', what: `${visible(cluster.name)} answers, but /version gives status ${version.status}` };
    if (skew !== null)
      yield skew > 60_000
        ? {
            state: 'problem',
            what: `the clocks differ by ${Math.round(skew / 1000)} s`,
            detail: 'times of evidence are doubtful above 60 s: set the clock',
          }
        : { state: 'ok', what: 'the clock agrees with the server’s within a minute' };
    const review = await source.post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'SelfSubjectReview',
    });
    const user = textAt(parse(review.body), 'status', 'userInfo', 'username');
    const groups = listAt(parse(review.body), 'status', 'userInfo', 'groups').filter((group) => typeof group === 'string');
    yield { state: 'ok', what: `asked as ${visible(user ?? 'unknown')}` };
    const expiry = expiryOf(await access.credentials());
    if (expiry !== null) yield checkExpiry(expiry, context.clock());
    if (groups.includes('system:masters'))
      yield {
        state: 'warning',
        what: 'this account is in system:masters: it may do everything',
        detail: 'collect with an account of its own: kubevidence manifests rbac',
      };
    const settings = collectorSettings(config, cluster);
    yield* checkRights(source, settings);
    yield* checkReplicas(source, settings);
    yield* checkPlatform(context, source, config, cluster, access.server);
    yield* checkExcess(context, source, config, settings);
  } catch (error) {
    yield problem(error);
  } finally {
    source?.close();
  }
}

/** Tokens that something renews live for an hour; only what a person must renew is worth a warning ahead of its end. */
function checkExpiry({ what, expires }: CredentialExpiry, now: Date): Check {
  const hours = Math.floor((Date.parse(expires) - now.getTime()) / 3_600_000);
  const left = hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
  if (what === 'client certificate' && hours < 30 * 24)
    return { state: 'warning', what: `the client certificate ends in ${left}`, detail: `renew it before ${expires}, or runs will fail` };
  return { state: 'ok', what: `the ${what} is valid for ${left} more` };
}

async function* checkRights(source: LiveSource, settings: CollectorSettings): AsyncGenerator<Check> {
  let missing = 0;
  let asked = 0;
  for (const collector of enabledCollectors(settings)) {
    for (const listing of collector.listings) {
      for (const rule of listing.needs) {
        asked += 1;
        if (await mayI(source, rule)) continue;
        missing += 1;
        yield { state: 'problem', what: `missing: ${describeRule(rule)}`, detail: `without it, ${listing.withoutIt}` };
      }
    }
  }
  if (missing === 0) yield { state: 'ok', what: `all ${asked} rights that the collectors need are there` };
  else yield { state: 'warning', what: `${missing} of ${asked} rights are missing`, detail: `give them: ${giveRights}` };
}

async function mayI(source: LiveSource, rule: AccessRule): Promise<boolean> {
  const attributes: Record<string, Json> =
    rule.nonResourceURL === undefined
      ? {
          group: rule.apiGroup ?? '',
          resource: rule.resource ?? '',
          verb: rule.verb,
          ...(rule.namespace && { namespace: rule.namespace }),
          ...(rule.resourceNames?.[0] && { name: rule.resourceNames[0] }),
        }
      : { path: rule.nonResourceURL, verb: rule.verb };
  const answer = await source.post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { [rule.nonResourceURL === undefined ? 'resourceAttributes' : 'nonResourceAttributes']: attributes },
  });
  return at(parse(answer.body), 'status', 'allowed') === true;
}

/** Rights beyond the declared ones, in the namespaces that every cluster has; a run looks at all of them (control RUN-002). */
async function* checkExcess(context: AppContext, source: LiveSource, config: Config, settings: CollectorSettings): AsyncGenerator<Check> {
  const objects = [];
  for (const namespace of ['default', 'kube-system']) {
    const answer = await source.post('/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectRulesReview',
      spec: { namespace },
    });
    const status = at(parse(answer.body), 'status');
    if (status !== undefined) objects.push(selfSubjectRules(namespace, status));
  }
  const excess = judgeRights(context, objects, config, settings);
  for (const message of excess.slice(0, 10)) yield { state: 'warning', what: `in excess: ${message}`, detail: 'no collector needs it' };
  if (excess.length > 10)
    yield { state: 'warning', what: `in excess: ${excess.length - 10} more`, detail: 'control RUN-002 lists them all' };
  if (objects.length > 0 && excess.length === 0) yield { state: 'ok', what: 'no right in excess in default and kube-system' };
}

/** What control RUN-002 says of these rights: one rule, for runs and for the doctor. */
function judgeRights(context: AppContext, objects: readonly RawObject[], config: Config, settings: CollectorSettings): readonly string[] {
  const { catalog, configured } = loadCatalogInForce(config);
  const at = context.clock().toISOString();
  const sink = createMemorySnapshot({
    scope: 'cluster',
    cluster: { name: 'doctor', uid: null, version: null, server: null, caFingerprint: null, actor: null },
    at,
  });
  const ingest = createIngest({ collectors, sink, clock: context.clock });
  ingest.putRaw(
    'k8s.self/rules',
    objects.map((raw) => ({ raw })),
  );
  ingest.close('k8s.self/rules', { requests: [], gaps: [], observedAt: at });
  // What a run with this configuration would read decides which rights it needs.
  for (const { listings, optIn } of enabledCollectors(settings))
    if (optIn === true) for (const { kind } of listings) ingest.close(kind, { requests: [], gaps: [], observedAt: at });
  const results = assessControls(
    catalog.controls.filter((control) => control.id === 'RUN-002'),
    { reader: sink, populations, params: configured },
  );
  return results.flatMap((result) => result.findings.map((finding) => visible(finding.message)));
}

function problem(error: unknown): Check {
  if (!(error instanceof KubevidenceError)) throw error;
  const detail = [error.means, error.next].filter((each) => each !== undefined).join(' ');
  return { state: 'problem', what: visible(reasonOf(error)), error, ...(detail !== '' && { detail }) };
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}
