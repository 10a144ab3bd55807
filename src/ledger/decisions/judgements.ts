/**
 * What was said about the evidence: assessments with the catalog they used, changes of definitions, packs. Each is one record; what it says
 * at length, and of whom, is a salted payload.
 */
import { hash } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { RecordOf } from '../../log/index.ts';
import type { Assessment, Instant } from '../../model/index.ts';
import { KubevidenceError, textAt } from '../../model/index.ts';
import { createExceptions } from './exceptions.ts';
import { isErased, lastErasure } from '../erasure/erased.ts';
import { payloadId, salted } from '../storage/payloads.ts';
import type { Stores } from '../stores.ts';

export interface AssessmentEntry {
  readonly cluster: string;
  readonly run: number;
  readonly at: Instant;
  readonly toolVersion: string;
  /** SHA-256 over `catalogBytes`, hex. */
  readonly catalogDigest: string;
  readonly catalogBytes: Uint8Array;
  /** SHA-256 over the canonical effective parameters, hex. */
  readonly paramsDigest: string;
  readonly assessment: Assessment;
  /** The moment whose exceptions label the findings; null where none was ever requested. */
  readonly exceptionsAt?: Instant | null;
  /** A record written earlier is not taken: a period that is over is judged after its end. */
  readonly notBefore?: Instant;
}

export interface StoredAssessment extends Omit<AssessmentEntry, 'catalogBytes' | 'exceptionsAt' | 'notBefore'> {
  readonly exceptionsAt: Instant | null;
  readonly leaf: number;
  /** Salted id of the assessment. */
  readonly id: string;
  readonly salt: Uint8Array;
}

/** What the log itself says of an assessment. */
export type AssessmentHead = Pick<StoredAssessment, 'leaf' | 'toolVersion' | 'catalogDigest' | 'paramsDigest'>;

export interface PackEntry {
  readonly cluster: string;
  readonly period: { readonly from: Instant; readonly to: Instant };
  /** Size of the checkpoint that the pack stands on. */
  readonly checkpoint: number;
  /** SHA-256 over manifest.json, hex. */
  readonly manifestDigest: string;
  readonly documentKeyFingerprint: string;
}

export interface StoredPack extends PackEntry {
  readonly leaf: number;
  /** Counts the packs of this cluster and period from 1. */
  readonly number: number;
}

export type Judgements = ReturnType<typeof createJudgements>;

// A catalog is a few MB of YAML as JSON.
const largestCatalog = 256 * 1024 * 1024;

export function createJudgements(stores: Stores, now: () => Instant) {
  const { db, log, payloads, runs } = stores;
  const exceptions = createExceptions(stores, now);
  const inForce = (cluster: string, at: Instant | null, size?: number): string =>
    at === null
      ? ''
      : exceptions
          .exceptionsInForce(cluster, at, size)
          .map(({ id }) => id)
          .join();

  const insertCatalog = db.prepare<[Uint8Array, Uint8Array]>('INSERT INTO catalog (digest, bytes) VALUES (?, ?) ON CONFLICT DO NOTHING');
  const oneCatalog = db.prepare<[Uint8Array], Buffer>('SELECT bytes FROM catalog WHERE digest = ?').pluck();

  const read = (leaf: number, record: RecordOf<'assessed'>): StoredAssessment => {
    const payload = payloads.read(leaf)?.[0];
    if (payload === undefined || payloadId(payload) !== record.assessment) {
      throw new KubevidenceError('integrity', `the assessment of record ${leaf} is missing, or is not the one that the record names`);
    }
    return describe(leaf, record, payload.salt, payload.value as unknown as Assessment);
  };
  const describe = (leaf: number, record: RecordOf<'assessed'>, salt: Uint8Array, assessment: Assessment): StoredAssessment => {
    const { cluster, run, at, tool, catalog, params, assessment: id, exceptionsAt = null } = record;
    return { leaf, id, salt, cluster, run, at, toolVersion: tool, catalogDigest: catalog, paramsDigest: params, assessment, exceptionsAt };
  };
  return {
    /** One record per run, catalog, parameters, tool version and exceptions in force: returns the one there is, or writes it. Throws `usage` for an unended run. */
    recordAssessment(entry: AssessmentEntry): StoredAssessment {
      const {
        cluster,
        run,
        at,
        toolVersion: tool,
        catalogDigest: catalog,
        catalogBytes,
        paramsDigest: params,
        assessment,
        exceptionsAt = null,
        notBefore = '',
      } = entry;
      const found = log
        .find('assessed', cluster, run)
        .filter(({ record }) => record.catalog === catalog && record.params === params && record.tool === tool && record.at >= notBefore)
        // What was judged over evidence that was erased since is judged again, over what is left.
        .filter(({ leaf }) => leaf > lastErasure(stores, cluster))
        .find(({ leaf, record }) => inForce(cluster, record.exceptionsAt ?? null, leaf) === inForce(cluster, exceptionsAt));
      if (found !== undefined) return read(found.leaf, found.record);
      if (runs.ended(cluster, run) === undefined) throw new KubevidenceError('usage', `run ${run} of ${cluster} has not ended`);
      if (hash('sha256', catalogBytes) !== catalog) throw new KubevidenceError('defect', "the catalog's digest is not that of its bytes");
      const counts: Record<string, number> = {};
      for (const { outcome } of assessment.controls) counts[outcome] = (counts[outcome] ?? 0) + 1;
      const payload = salted(assessment);
      const record = { type: 'assessed', v: 1, at, cluster, run, tool, catalog, params, outcomes: counts, assessment: payload.id } as const;
      const labelled = exceptionsAt === null ? record : { ...record, exceptionsAt };
      const leaf = db
        .transaction(() => {
          const like = log.latest('assessed', cluster)?.leaf;
          insertCatalog.run(Buffer.from(catalog, 'hex'), zstdCompressSync(catalogBytes));
          const leaf = log.append(labelled);
          payloads.write(leaf, [payload], like);
          return leaf;
        })
        .immediate();
      return describe(leaf, labelled, payload.salt, assessment);
    },
    /** Without those that were erased: `erasures` tells of them. One of a large cluster is many MB: only what is wanted is read. */
    assessments(cluster: string, run: number, isWanted: (head: AssessmentHead) => boolean = () => true): StoredAssessment[] {
      const wanted = log.find('assessed', cluster, run).filter(({ leaf, record: { tool, catalog, params } }) => {
        return isWanted({ leaf, toolVersion: tool, catalogDigest: catalog, paramsDigest: params });
      });
      const kept = wanted.filter(({ leaf, record }) => !isErased(stores, leaf, record.assessment));
      return kept.map(({ leaf, record }) => read(leaf, record));
    },
    /** The catalog's bytes as they were judged with; throws `integrity` when they are missing or changed. */
    catalog(digest: string): Uint8Array {
      const stored = oneCatalog.get(Buffer.from(digest, 'hex'));
      const bytes = stored === undefined ? undefined : inflateCatalog(stored);
      if (bytes === undefined || hash('sha256', bytes) !== digest)
        throw new KubevidenceError('integrity', `the catalog ${digest} is missing or changed`);
      return bytes;
    },
    /**
     * Says that a period is over, unless a later record shows it: a checkpoint can only speak of the time up to its last record.
     */
    closePeriod(cluster: string, period: { readonly from: Instant; readonly to: Instant }): void {
      const at = now();
      if (at < period.to) return;
      db.transaction(() => {
        const [last] = log.records(log.size() - 1, log.size());
        const said = textAt(JSON.parse(Buffer.from(last?.bytes ?? '{}').toString('utf8')), 'at') ?? '';
        if (said < period.to) log.append({ type: 'period-closed', v: 1, at, cluster, period });
      }).immediate();
    },
    recordPack(entry: PackEntry): StoredPack {
      const { cluster, period, checkpoint, manifestDigest: manifest, documentKeyFingerprint } = entry;
      return db
        .transaction(() => {
          const issued = log
            .find('pack-issued', cluster)
            .filter(({ record }) => record.period.from === period.from && record.period.to === period.to);
          const number = issued.length + 1;
          const leaf = log.append({
            type: 'pack-issued',
            v: 1,
            at: now(),
            cluster,
            period,
            number,
            checkpoint,
            manifest,
            documentKeyFingerprint,
          });
          return { ...entry, leaf, number };
        })
        .immediate();
    },
    packs(cluster: string): StoredPack[] {
      return log.find('pack-issued', cluster).map(({ leaf, record }) => {
        const { period, checkpoint, manifest: manifestDigest, documentKeyFingerprint, number } = record;
        return { leaf, cluster, period, checkpoint, manifestDigest, documentKeyFingerprint, number };
      });
    },
  };
}

export function inflateCatalog(stored: Uint8Array): Buffer | undefined {
  try {
    return zstdDecompressSync(stored, { maxOutputLength: largestCatalog });
  } catch {
    return undefined;
  }
}
