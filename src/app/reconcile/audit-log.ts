/**
 * Reads a cluster's own audit log (audit.k8s.io/v1, one Event or EventList a line, also gzip) of any length in little memory. Only lines
 * that can be of interest are parsed; of all others only their time is taken. What cannot be read is counted and named, never skipped in
 * silence, but for a last line without its line feed: the server is still writing it.
 */
import { closeSync, createReadStream, fstatSync, openSync, readSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { at, isObject, type Json, KubevidenceError, listAt, reasonOf, textAt, visible } from '../../model/index.ts';

/** One stage of one request, as the API server saw it. All text is untrusted. */
export interface AuditEvent {
  readonly auditId: string;
  readonly stage: string;
  readonly verb: string;
  /** Without its query, which may hold what a person typed. */
  readonly path: string;
  readonly user: string;
  /** Whom the user impersonated. */
  readonly as: string | null;
  /** As the server writes it: RFC 3339, UTC, microseconds. */
  readonly received: string;
  readonly code: number | null;
  readonly client: string;
  readonly address: string;
}

export interface AuditLogSummary {
  /** Lines that are events, also those that nobody asked for. */
  events: number;
  unreadable: number;
  firstUnreadable: { readonly file: string; readonly line: number } | null;
  /** When the first and the last request was received; null in an empty log. */
  first: string | null;
  last: string | null;
}

export interface Interest {
  /** User names; lines without one of them, and without an Audit-ID that is ours, are not parsed. */
  readonly users: ReadonlySet<string>;
  readonly isOurs: (auditId: string) => boolean;
  readonly onEvent: (event: AuditEvent) => void;
}

// Request and response bodies stand in one line at the highest level; an object has at most a few MB.
const longestLine = 32 * 1024 * 1024;
const idMark = Buffer.from('"auditID":"');
const timeMark = Buffer.from('"requestReceivedTimestamp":"');
const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/;
const instantLength = 27;

export function emptySummary(): AuditLogSummary {
  return { events: 0, unreadable: 0, firstUnreadable: null, first: null, last: null };
}

/** Adds what the file holds to `summary`. Throws `input` for a file without a single event, `usage` for one that is not there. */
export async function readAuditLog(file: string, { users, isOurs, onEvent }: Interest, summary: AuditLogSummary): Promise<void> {
  const before = summary.events;
  const needles = [...users].map((user) => Buffer.from(JSON.stringify(user)));
  const seen = (received: string) => {
    summary.events++;
    if (summary.first === null || received < summary.first) summary.first = received;
    if (summary.last === null || received > summary.last) summary.last = received;
  };
  /** True when the line's time is taken, and nothing else in it is of interest. */
  const isPassedBy = (line: Buffer): boolean => {
    // The marks are written by the server; a second one is part of somebody's object, and the whole line is then read properly.
    const [id, time] = [onlyPlace(line, idMark), onlyPlace(line, timeMark)];
    if (id < 0 || time < 0 || line.includes('\\u')) return false;
    const received = line.toString('latin1', time, time + instantLength);
    const end = line.indexOf(0x22, id);
    if (!instant.test(received) || end < 0 || isOurs(line.toString('latin1', id, end))) return false;
    if (needles.some((needle) => line.includes(needle))) return false;
    seen(received);
    return true;
  };
  const take = (event: Json): boolean => {
    const received = textAt(event, 'requestReceivedTimestamp');
    if (!isObject(event) || received === undefined || !instant.test(received) || textAt(event, 'auditID') === undefined) return false;
    seen(received);
    onEvent(describe(event, received));
    return true;
  };
  const read = (line: Buffer): boolean => {
    let value: Json;
    try {
      value = JSON.parse(line.toString('utf8')) as Json;
    } catch {
      return false;
    }
    if (textAt(value, 'kind') !== 'EventList') return take(value);
    return listAt(value, 'items').every(take);
  };
  await forEachLine(file, (line, number) => {
    if (line !== null && (line.length === 0 || isPassedBy(line) || read(line))) return;
    summary.unreadable++;
    summary.firstUnreadable ??= { file, line: number };
  });
  if (summary.events > before) return;
  throw new KubevidenceError('input', `${visible(file)} has no audit event in it`, {
    place: { file },
    next: "Name the API server's audit log: audit.k8s.io/v1 Events, one JSON document a line (--audit-log-path).",
  });
}

/** Where the text after the one occurrence begins; -1 when there is none, or more than one. */
function onlyPlace(line: Buffer, mark: Buffer): number {
  const place = line.indexOf(mark);
  return place < 0 || line.lastIndexOf(mark) !== place ? -1 : place + mark.length;
}

function describe(event: Json, received: string): AuditEvent {
  const code = at(event, 'responseStatus', 'code');
  const text = (...path: string[]) => textAt(event, ...path) ?? '';
  return {
    auditId: text('auditID'),
    stage: text('stage'),
    verb: text('verb'),
    path: text('requestURI').replace(/\?.*/s, ''),
    user: text('user', 'username'),
    as: textAt(event, 'impersonatedUser', 'username') ?? null,
    received,
    code: typeof code === 'number' ? code : null,
    client: text('userAgent'),
    address: listAt(event, 'sourceIPs').find((each) => typeof each === 'string') ?? '',
  };
}

/** Null stands for a line that is too long. What follows the last line feed is not given. */
async function forEachLine(file: string, act: (line: Buffer | null, number: number) => void): Promise<void> {
  let parts: Buffer[] = [];
  let length = 0;
  let number = 1;
  try {
    for await (const chunk of openLog(file) as AsyncIterable<Buffer>) {
      for (let start = 0; start < chunk.length; ) {
        const end = chunk.indexOf(10, start);
        const part = chunk.subarray(start, end < 0 ? chunk.length : end);
        length += part.length;
        if (length > longestLine) parts = [];
        else if (end < 0 || parts.length > 0) parts.push(part);
        if (end < 0) break;
        act(length > longestLine ? null : parts.length === 0 ? part : Buffer.concat(parts), number++);
        [parts, length, start] = [[], 0, end + 1];
      }
    }
  } catch (cause) {
    if (cause instanceof KubevidenceError) throw cause;
    const broken = String((cause as { code?: unknown } | null)?.code).startsWith('Z_');
    throw new KubevidenceError(broken ? 'input' : 'unreachable', `cannot read ${visible(file)}: ${reasonOf(cause)}`, {
      place: { file },
      next: broken ? 'The file is damaged: take it from the server again.' : 'Check the file and its permissions.',
      cause,
    });
  }
}

function openLog(file: string): Readable {
  let handle: number;
  try {
    handle = openSync(file, 'r');
  } catch (cause) {
    throw new KubevidenceError('usage', `cannot read ${visible(file)}: ${reasonOf(cause)}`, { place: { file }, cause });
  }
  const magic = Buffer.alloc(2);
  if (!fstatSync(handle).isFile()) {
    closeSync(handle);
    throw new KubevidenceError('usage', `${visible(file)} is no regular file`, { place: { file } });
  }
  const gzip = readSync(handle, magic, 0, 2, 0) === 2 && magic.readUInt16BE() === 0x1f8b;
  const raw = createReadStream(file, { fd: handle, start: 0, highWaterMark: 1024 * 1024 });
  if (!gzip) return raw;
  const unzipped = createGunzip({ chunkSize: 1024 * 1024 });
  raw.on('error', (error) => unzipped.destroy(error));
  return raw.pipe(unzipped);
}
