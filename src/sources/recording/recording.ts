/**
 * Writes what a run reads, scrubbed, into a file, and replays such a file into any sink with the same result. A run is written beside its
 * target and joins it only when it has ended, so a crash never leaves half a run in a recording.
 */
import { appendFileSync, closeSync, existsSync, openSync, readFileSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import type { Collector, EvidenceObject, EvidenceSink, Instant, Json, Listing, ListingKind, RawObject } from '../../model/index.ts';
import { clip, KubevidenceError, reasonOf, visible } from '../../model/index.ts';
import { gapOfVersion } from '../../collectors/index.ts';
import type { RecordedObject, RecordingEnd, RecordingHeader, RecordingLine } from './recording-format.ts';
import { damaged, readRecordingLines, recordingFormat, runDigest } from './recording-format.ts';
import type { Scrubber } from '../scrub/scrub.ts';
import { createScrubber } from '../scrub/scrub.ts';

export interface RecordingSink extends EvidenceSink {
  /** Seals the run and puts it into the recording. */
  end(end: RecordingEnd): void;
  /** Leaves the recording as it was. */
  abandon(): void;
}

/** Uncompressed bytes that are compressed together. */
const memberSize = 1024 * 1024;

/**
 * Opens a recording for one more run. `append` adds to a file that holds runs already; without it, a file that exists is an error.
 * What cannot be written (no directory, disk full) is KubevidenceError('input') with the cause.
 */
export function createRecordingSink(
  path: string,
  header: RecordingHeader,
  { append = false }: { readonly append?: boolean } = {},
): RecordingSink {
  if (existsSync(path) && !append) {
    throw new KubevidenceError('usage', `${visible(path)} exists already`, {
      place: { file: path },
      next: 'name another file, or remove it',
    });
  }
  if (existsSync(path) && !isRecording(path)) throw damaged(path, 0, 'it is no recording, so nothing is added to it');
  const partial = `${path}.partial`;
  const descriptor = attempt(partial, () => openSync(partial, 'w', 0o600));
  const digest = runDigest();
  let count = 0;
  let waiting = '';
  let isOpen = true;

  function write(line: RecordingLine): void {
    const text = JSON.stringify(line);
    if (line.line !== 'end') {
      count += 1;
      digest.add(text);
    }
    waiting += `${text}\n`;
    if (waiting.length >= memberSize || line.line === 'end') flush();
  }
  function flush(): void {
    const member = gzipSync(waiting);
    waiting = '';
    attempt(partial, () => {
      for (let written = 0; written < member.length; ) written += writeSync(descriptor, member, written);
    });
  }
  function close(): void {
    if (isOpen) closeSync(descriptor);
    isOpen = false;
  }

  write({ line: 'run', format: recordingFormat, ...header });
  return {
    put(kind, objects) {
      if (objects.length > 0) write({ line: 'objects', kind, objects: objects.map(recorded) });
    },
    restart(kind) {
      write({ line: 'restart', kind });
    },
    close(listing) {
      write({ line: 'listing', listing: structuredClone(listing) as Extract<RecordingLine, { line: 'listing' }>['listing'] });
    },
    end(end) {
      write({ line: 'end', ...end, lines: count, sha256: digest.hex() });
      close();
      attempt(path, () => {
        if (existsSync(path)) {
          appendFileSync(path, readFileSync(partial));
          rmSync(partial);
        } else renameSync(partial, path);
      });
    },
    abandon() {
      close();
      rmSync(partial, { force: true });
    },
  };
}

function recorded({ body, resourceVersion, place }: EvidenceObject): RecordedObject {
  return { body, ...(resourceVersion === undefined ? {} : { resourceVersion }), ...(place === undefined ? {} : { place }) };
}

function attempt<T>(file: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    throw new KubevidenceError('input', `cannot write the recording ${visible(file)}: ${reasonOf(cause)}`, { place: { file }, cause });
  }
}

/** True for a file that begins as gzip does; whether it is a whole recording only reading shows. */
export function isRecording(path: string): boolean {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    const start = Buffer.alloc(2);
    return readSync(descriptor, start, 0, 2, 0) === 2 && start[0] === 0x1f && start[1] === 0x8b;
  } catch {
    return false;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** A run as a recording holds it: `identity` as it was known in the end, `observedAt` when it had been read. */
export interface RecordedRun extends RecordingHeader {
  readonly status: RecordingEnd['status'];
  readonly startedAt: Instant;
}

export interface ReplayOptions {
  readonly collectors: readonly Collector[];
  readonly keepAnnotations?: readonly string[];
  /** Called for each run, in the order of the recording: where its evidence goes. */
  readonly startRun: (run: RecordedRun) => EvidenceSink;
  /** Called when all of a run's listings are closed. */
  readonly endRun?: (run: RecordedRun) => void;
}

/**
 * Replays every run of a recording. The whole file is checked before the first run begins, so nothing of a damaged one is taken over:
 * KubevidenceError('input'). Objects are scrubbed again with today's keep-lists; a listing of another version of its collector gets a
 * gap, because what today's controls read may not have been kept then.
 */
export async function replayRecording(path: string, options: ReplayOptions): Promise<readonly RecordedRun[]> {
  const runs = await checkRecording(path, options.collectors);
  const declared = new Map(options.collectors.flatMap(({ listings }) => listings.map((declaration) => [declaration.kind, declaration])));
  const ownerOf = (kind: ListingKind) => options.collectors.find(({ listings }) => listings.some((listing) => listing.kind === kind));
  const scrubbers = new Map<ListingKind, Scrubber>();
  const scrubberOf = (kind: ListingKind) => {
    let scrubber = scrubbers.get(kind);
    const declaration = declared.get(kind);
    if (declaration === undefined) throw changed(path);
    if (scrubber === undefined)
      scrubbers.set(kind, (scrubber = createScrubber(declaration, { keepAnnotations: options.keepAnnotations ?? [] })));
    return scrubber;
  };
  let index = -1;
  let sink: EvidenceSink | undefined;
  for await (const line of readRecordingLines(path)) {
    if (line.line === 'run') index += 1;
    const run = runs[index];
    if (run === undefined) throw changed(path);
    if (line.line === 'run') sink = options.startRun(run);
    else if (sink === undefined) throw changed(path);
    else if (line.line === 'objects') {
      const scrubber = scrubberOf(line.kind);
      sink.put(
        line.kind,
        line.objects.map((object) => replayed(object, scrubber)),
      );
    } else if (line.line === 'restart') sink.restart(line.kind);
    else if (line.line === 'end') options.endRun?.(run);
    else sink.close(replayedListing(line.listing as Listing, ownerOf(line.listing.kind), scrubberOf(line.listing.kind)));
  }
  return runs;
}

/** Reads all of it, so that nothing is replayed before everything is known to be whole and understood. */
async function checkRecording(path: string, collectors: readonly Collector[]): Promise<readonly RecordedRun[]> {
  const known = new Set(collectors.flatMap(({ listings }) => listings.map(({ kind }) => kind)));
  const runs: RecordedRun[] = [];
  let header: RecordingHeader | undefined;
  for await (const line of readRecordingLines(path)) {
    if (line.line === 'run') header = { tool: line.tool, uuid: line.uuid, identity: line.identity, observedAt: line.observedAt };
    else if (line.line === 'end' && header !== undefined) {
      runs.push({ ...header, identity: line.identity, startedAt: header.observedAt, observedAt: line.endedAt, status: line.status });
    } else if (line.line !== 'end') {
      const kind = line.line === 'listing' ? line.listing.kind : line.kind;
      if (!known.has(kind)) throw damaged(path, 0, `it holds evidence of the kind ${clip(kind, 100)}, which this version does not know`);
    }
  }
  return runs;
}

function changed(path: string): KubevidenceError {
  return damaged(path, 0, 'it changed while it was read');
}

function replayed({ body, resourceVersion, place }: RecordedObject, scrubber: Scrubber): EvidenceObject {
  const object = scrubber.scrub(body as RawObject & Record<string, Json>, place);
  return resourceVersion === undefined ? object : { ...object, resourceVersion };
}

function replayedListing(listing: Listing, collector: Collector | undefined, { keepDigest }: Scrubber): Listing {
  const gap = gapOfVersion(listing, collector);
  return { ...listing, keepDigest, gaps: gap === null ? listing.gaps : [...listing.gaps, gap] };
}
