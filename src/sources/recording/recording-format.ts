/**
 * The format of a recording, `kubevidence/recording/v1`: JSON lines in gzip members, one run after the other. A run begins with its
 * header and ends with the number of its lines and the SHA-256 of their bytes, so a file that was cut or damaged is noticed. That is a
 * checksum, no proof of origin: whoever edits a recording can write a new one. Bodies are scrubbed before they are written, and again
 * when they are read.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { z } from 'zod';
import type { ClusterIdentity, Instant, ListingKind, RunStatus } from '../../model/index.ts';
import { isInstant, KubevidenceError, visible } from '../../model/index.ts';

export const recordingFormat = 'kubevidence/recording/v1';

export interface RecordingHeader {
  /** Name and version of the program that recorded. */
  readonly tool: string;
  /** Of the recorded run. */
  readonly uuid: string;
  /** As far as it was known when the run began. */
  readonly identity: ClusterIdentity;
  /** When the run began to read. */
  readonly observedAt: Instant;
}

export interface RecordingEnd {
  readonly status: Extract<RunStatus, 'succeeded' | 'partial' | 'failed'>;
  readonly identity: ClusterIdentity;
  readonly endedAt: Instant;
}

const text = z.string();
const instant = text.refine(isInstant, 'no time, as 2026-08-14T12:00:00.000Z');
const gap = z.strictObject({
  reason: z.enum(['forbidden', 'absent', 'error', 'stale', 'redacted', 'provider']),
  what: text,
  detail: text.optional(),
  closedBy: text.optional(),
});
const request = z.strictObject({
  auditId: text.optional(),
  path: text,
  accept: text.optional(),
  status: z.int().nullable(),
  startedAt: text,
  endedAt: text,
  serverDate: text.optional(),
  resourceVersion: text.optional(),
  pages: z.int(),
  items: z.int(),
  bytes: z.int(),
  attempts: z.int(),
  consistency: z.enum(['consistent', 'inconsistent']),
});
const kind = z.custom<ListingKind>((value) => typeof value === 'string' && value.includes('/'));
const identity = z.strictObject({
  name: text,
  uid: text.nullable(),
  version: text.nullable(),
  server: text.nullable(),
  caFingerprint: text.nullable(),
  actor: text.nullable(),
});
const header = z.strictObject({
  line: z.literal('run'),
  format: z.literal(recordingFormat),
  tool: text,
  uuid: text,
  identity,
  observedAt: instant,
});
const objects = z.strictObject({
  line: z.literal('objects'),
  kind,
  objects: z.array(
    z.strictObject({
      body: z.record(text, z.unknown()),
      resourceVersion: text.optional(),
      place: z.strictObject({ file: text, line: z.int() }).optional(),
    }),
  ),
});
const listing = z.strictObject({
  line: z.literal('listing'),
  listing: z.strictObject({
    kind,
    collectorVersion: z.int(),
    keepDigest: text,
    assurance: z.enum(['observed', 'configured', 'inferred', 'attested', 'imported']),
    requests: z.array(request),
    gaps: z.array(gap),
    items: z.int(),
    scrubbed: z.record(text, z.int()),
    observedAt: text,
  }),
});
const end = z.strictObject({
  line: z.literal('end'),
  status: z.enum(['succeeded', 'partial', 'failed']),
  identity,
  endedAt: instant,
  lines: z.int(),
  sha256: text,
});
const anyLine = z.discriminatedUnion('line', [header, objects, z.strictObject({ line: z.literal('restart'), kind }), listing, end]);

export type RecordingLine = z.infer<typeof anyLine>;
export type RecordedObject = z.infer<typeof objects>['objects'][number];

/** The digest of a run's lines, each with its newline. */
export function runDigest(): { add(line: string): void; hex(): string } {
  const hash = createHash('sha256');
  return {
    add(line) {
      hash.update(`${line}\n`);
    },
    hex: () => hash.digest('hex'),
  };
}

export function damaged(file: string, line: number, why: string): KubevidenceError {
  return new KubevidenceError('input', `the recording ${visible(file)} cannot be used: ${why}`, {
    place: { file, ...(line === 0 ? {} : { line }) },
    means: 'nothing of it was taken over, because what is missing or changed could be anything',
    next: 'record again: kubevidence collect --record FILE',
  });
}

/** A line holds at most the objects of one page; a longer one is no recording of ours. */
const longestLine = 128 * 1024 * 1024;

/**
 * All lines, checked: their form, and that each run is whole. Throws KubevidenceError('input') at the first that does not hold, also
 * after lines have been handed out; so a caller that must not act on a damaged file reads it twice.
 */
export async function* readRecordingLines(file: string): AsyncGenerator<RecordingLine> {
  let number = 0;
  let count = 0;
  let digest: ReturnType<typeof runDigest> | undefined;
  const open = new Set<ListingKind>();
  for await (const line of textLines(file)) {
    number += 1;
    const parsed = parseLine(file, number, line);
    if ((parsed.line === 'run') !== (digest === undefined)) throw damaged(file, number, 'its runs are not one after the other');
    if (parsed.line === 'run') {
      digest = runDigest();
      count = 0;
      open.clear();
    }
    if (parsed.line === 'end') {
      if (parsed.lines !== count || parsed.sha256 !== digest?.hex()) throw damaged(file, number, 'it was changed after it was recorded');
      digest = undefined;
    } else {
      count += 1;
      digest?.add(line);
    }
    yield parsed;
  }
  if (number === 0) throw damaged(file, 0, 'it is empty');
  if (digest !== undefined) throw damaged(file, number, 'it ends early');
}

function parseLine(file: string, number: number, line: string): RecordingLine {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw damaged(file, number, 'a line is not JSON');
  }
  const result = anyLine.safeParse(value);
  if (result.success) return result.data;
  const format = typeof value === 'object' && value !== null && 'format' in value ? value.format : undefined;
  if (typeof format === 'string' && /^kubevidence\/recording\/v\d{1,4}$/.test(format) && format !== recordingFormat) {
    throw new KubevidenceError(
      'input',
      `the recording ${visible(file)} is of the format ${format}; this version reads ${recordingFormat}`,
      {
        place: { file, line: number },
        next: 'use the version of kubevidence that recorded it, or a newer one',
      },
    );
  }
  throw damaged(file, number, number === 1 ? 'it is no recording' : 'a line has another form than recorded');
}

async function* textLines(file: string): AsyncGenerator<string> {
  const source = createReadStream(file);
  const unpacked = createGunzip();
  source.on('error', (error) => unpacked.destroy(error));
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  try {
    for await (const chunk of source.pipe(unpacked)) {
      rest += decoder.decode(chunk as Buffer, { stream: true });
      let start = 0;
      for (let end_ = rest.indexOf('\n'); end_ !== -1; end_ = rest.indexOf('\n', start)) {
        yield rest.slice(start, end_);
        start = end_ + 1;
      }
      rest = rest.slice(start);
      if (rest.length > longestLine) throw damaged(file, 0, 'a line is far longer than any that is recorded');
    }
    rest += decoder.decode();
  } catch (error) {
    if (error instanceof KubevidenceError) throw error;
    const code = (error as { code?: string }).code ?? '';
    if (code === 'Z_BUF_ERROR') throw damaged(file, 0, 'it ends early');
    throw damaged(file, 0, code.startsWith('Z_') ? 'it is no gzip file, or it was damaged' : `it cannot be read (${code || 'not UTF-8'})`);
  } finally {
    source.destroy();
  }
  if (rest !== '') throw damaged(file, 0, 'it ends early');
}
