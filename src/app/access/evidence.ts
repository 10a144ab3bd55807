/** Which evidence the access commands look at: the latest ended run, a past one, or files without any ledger, as `assess` chooses it. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Memberships, Via } from '../../access/index.ts';
import { readMemberships } from '../../access/index.ts';
import type { EvidenceReader } from '../../model/index.ts';
import { KubevidenceError, reasonOf, visible } from '../../model/index.ts';
import { chooseRun, parseInstant, readSnapshotFrom } from '../assess/assess.ts';
import { asOf } from '../assess/time-to-live.ts';
import { loadConfig, pickCluster } from '../config.ts';
import type { AppContext } from '../context.ts';
import { openLedgerForReading } from '../open-ledger.ts';

export interface EvidenceOptions {
  readonly configPath?: string | undefined;
  readonly cluster?: string | undefined;
  readonly from?: string | undefined;
  readonly at?: string | undefined;
  readonly run?: number | undefined;
}

/** Hands the evidence to `work`; what `work` needs of it later, it must have read when it returns. */
export async function withEvidence<T>(
  context: AppContext,
  options: EvidenceOptions,
  work: (reader: EvidenceReader) => T | Promise<T>,
): Promise<T> {
  if (options.from !== undefined) {
    if (options.at !== undefined || options.run !== undefined || options.cluster !== undefined)
      throw new KubevidenceError('usage', '--from reads files; --cluster, --at and --run choose from the ledger', {
        next: 'Leave one of them out.',
      });
    return work(await readSnapshotFrom(context, options.from));
  }
  const config = loadConfig({ cwd: context.cwd, path: options.configPath, uid: context.uid });
  const cluster = pickCluster(config, options.cluster).name;
  const ledger = openLedgerForReading(context, config);
  try {
    const run = chooseRun(ledger.runs(cluster), cluster, options, (instant) => ledger.runAt(cluster, instant));
    const stored = ledger.snapshot(cluster, run.number);
    return await work(options.at === undefined ? stored : asOf(stored, parseInstant(options.at), ledger.timesToLive(cluster, run.number)));
  } finally {
    ledger.close();
  }
}

/** The part of a document that says which evidence it stands on. */
export function sourceOf({ scope, cluster: { name, uid, version }, at, run }: EvidenceReader) {
  return {
    scope,
    cluster: { name, uid, version },
    at,
    run: run === null ? null : { number: run.number, status: run.status, startedAt: run.startedAt, endedAt: run.endedAt },
  };
}

/** A file that the user named. Errors: `usage`, when it cannot be read. */
export function readNamedFile(context: AppContext, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(resolve(context.cwd, path)));
  } catch (error) {
    throw new KubevidenceError('usage', `${visible(path)} cannot be read: ${visible(reasonOf(error))}`, { next: 'Name a file in UTF-8.' });
  }
}

export function loadMemberships(context: AppContext, path: string | undefined): Memberships | null {
  return path === undefined ? null : readMemberships(readNamedFile(context, path), path);
}

/** A grant and its rule, for a document. */
export function describeVia({ subject, binding, ruleIndex, rule }: Via) {
  const { verbs, apiGroups, resources, resourceNames, nonResourceURLs } = rule;
  return {
    subject: subject.text,
    binding: binding.key,
    role: binding.roleKey,
    namespace: binding.namespace,
    ruleIndex,
    rule: {
      verbs: [...verbs],
      apiGroups: [...apiGroups],
      resources: [...resources],
      resourceNames: [...resourceNames],
      nonResourceURLs: [...nonResourceURLs],
    },
  };
}
