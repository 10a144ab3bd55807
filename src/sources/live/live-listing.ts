/**
 * Reads one listing to its last page, or says what is missing. Nothing that the server does makes it throw: a right that is not there, an
 * API that is not there, an answer that breaks off each leave a gap, and the rest of the listing is still read. A list that expires (410)
 * is started again once; if it expires again it is continued and marked inconsistent, as the API server offers it.
 */
import {
  at,
  clip,
  type Clock,
  type Gap,
  type GapReason,
  KubevidenceError,
  type ListingKind,
  type RequestRecord,
  type RequestSpec,
} from '../../model/index.ts';
import { type ListHead, peekHead } from './live-head.ts';
import { type HttpAnswer, type LiveProgress, messageOf, type Requester } from './live-requests.ts';

export interface PlannedListing {
  readonly kind: ListingKind;
  readonly requests: readonly RequestSpec[];
}

export interface ListingOutcome {
  readonly requests: RequestRecord[];
  /** `closedBy` is left to the caller, who knows which right is missing. */
  readonly gaps: Gap[];
}

export interface PageResult {
  readonly items: number;
  readonly resourceVersion?: string;
  readonly continue?: string;
}

/** Where pages go. Calls for one listing come in the order of its pages; those of different listings are interleaved. */
export interface PageFeed {
  /**
   * Takes a page; its ArrayBuffer may be transferred. Resolves when it was parsed; rejects with KubevidenceError('input') when the bytes
   * are not what was asked for. Any other rejection ends the run.
   */
  page(kind: ListingKind, requestIndex: number, request: RequestSpec, body: Uint8Array): Promise<PageResult>;
  /** Resolves when another page may be downloaded. */
  room(): Promise<void>;
  /** Drops what was taken for this request so far. Called for every request of a listing that has given pages, then all are read again. */
  restart(kind: ListingKind, requestIndex: number): void;
  /** The listing is over; nothing comes after it. */
  close(kind: ListingKind, outcome: ListingOutcome): void | Promise<void>;
}

export interface ListingContext {
  readonly requester: Requester;
  readonly clock: Clock;
  readonly onProgress?: ((event: LiveProgress) => void) | undefined;
}

const pageSize = '500';
const plainJson = 'application/json';
// `as=Table` is asked for Secrets: an answer of another kind would hold their values (docs: evidence sources, section 3).
const tableStart = /^\s*\{\s*"kind"\s*:\s*"Table"/;

export async function readListing(context: ListingContext, planned: PlannedListing, feed: PageFeed): Promise<ListingOutcome> {
  const { kind, requests } = planned;
  const attempts = requests.map(() => 0);
  let mayRestart = true;
  for (;;) {
    const records: RequestRecord[] = [];
    const gaps: Gap[] = [];
    for (const [index, request] of requests.entries()) {
      const end = await readRequest(context, { kind, index, request, mayRestart, attemptsBefore: attempts[index] ?? 0 }, feed);
      attempts[index] = end.record.attempts;
      if (end.expired) {
        // All requests of the listing: what was taken is dropped by listing, and its parts should be from one time.
        for (let taken = 0; taken <= index; taken++) feed.restart(kind, taken);
        mayRestart = false;
        break;
      }
      records.push(end.record);
      if (end.gap !== undefined) gaps.push(end.gap);
    }
    if (records.length === requests.length) return { requests: records, gaps };
  }
}

interface Reading {
  readonly kind: ListingKind;
  readonly index: number;
  readonly request: RequestSpec;
  readonly mayRestart: boolean;
  readonly attemptsBefore: number;
}

/** What one request has given so far. */
interface Progress {
  pages: number;
  items: number;
  bytes: number;
  status: number | null;
  auditId: string | undefined;
  serverDate: string | undefined;
  resourceVersion: string | undefined;
  consistency: RequestRecord['consistency'];
  /** One per page handed over; never rejects. */
  parsing: Promise<void>[];
  /** The first page that was not what was asked for. */
  broken: string | undefined;
}

const untouched = (): Progress => ({
  pages: 0,
  items: 0,
  bytes: 0,
  status: null,
  auditId: undefined,
  serverDate: undefined,
  resourceVersion: undefined,
  consistency: 'consistent',
  parsing: [],
  broken: undefined,
});

async function readRequest(
  context: ListingContext,
  { kind, index, request, mayRestart, attemptsBefore }: Reading,
  feed: PageFeed,
): Promise<{ record: RequestRecord; gap: Gap | undefined; expired: boolean }> {
  const startedAt = context.clock().toISOString();
  const accept = request.accept ?? plainJson;
  const query = new URLSearchParams({
    ...request.query,
    ...(request.paged && request.query?.['limit'] === undefined && { limit: pageSize }),
  });
  const path = withQuery(request.path, query);
  const progress = untouched();
  let attempts = attemptsBefore;
  let expired = false;
  let token: string | undefined;
  let gap: Gap | undefined;
  // What ends the run (a full disk, a dead worker) waits here until the loop looks.
  let fatal: { error: unknown } | undefined;
  const miss = (reason: GapReason, detail: string) => {
    gap = { reason, what: request.what, ...(detail !== '' && { detail: clip(detail, 400) }) };
  };

  const hand = async (body: Buffer): Promise<PageResult | undefined> => {
    try {
      const result = await feed.page(kind, index, request, body);
      progress.items += result.items;
      context.onProgress?.({ type: 'page', kind, pages: progress.pages, items: progress.items });
      return result;
    } catch (error) {
      if (error instanceof KubevidenceError && error.code === 'input') progress.broken ??= error.message;
      else fatal ??= { error };
      return undefined;
    }
  };
  const agree = async (parsing: Promise<PageResult | undefined>, head: ListHead): Promise<void> => {
    const result = await parsing;
    if (result === undefined) return;
    if ((result.continue || undefined) === head.continue && (result.resourceVersion || undefined) === head.resourceVersion) return;
    progress.broken ??= 'the page says two different things about where the list continues';
  };

  for (;;) {
    await feed.room();
    if (fatal !== undefined || progress.broken !== undefined) break;
    if (token !== undefined) query.set('continue', token);
    else query.delete('continue');
    const sent = await context.requester.send({
      method: 'GET',
      path: withQuery(request.path, query),
      accept,
      ...(/;as=Table\b/.test(accept) && { beginsWith: tableStart }),
    });
    attempts += sent.attempts;
    const { answer } = sent;
    if (progress.pages === 0) {
      progress.auditId = sent.auditId;
      progress.serverDate = answer?.serverDate;
    }
    if (answer === undefined) {
      miss('error', sent.error?.message ?? 'no answer');
      break;
    }
    if (answer.status === 410 && token !== undefined) {
      if (mayRestart) {
        expired = true;
        break;
      }
      const onwards = continueOf(answer);
      if (onwards !== undefined && onwards !== token) {
        progress.consistency = 'inconsistent';
        token = onwards;
        continue;
      }
    }
    progress.status = answer.status;
    const refusal = judge(answer, accept);
    if (refusal !== undefined) {
      miss(refusal.reason, refusal.detail);
      break;
    }
    progress.pages++;
    progress.bytes += answer.body.length;
    // Looked at before the bytes are handed over: after that they may belong to another thread.
    const head = request.paged ? peekHead(answer.body) : null;
    const parsing = hand(answer.body);
    let onwards: string | undefined;
    if (head === null) {
      const result = await parsing;
      if (result === undefined) break;
      progress.resourceVersion ??= result.resourceVersion;
      onwards = request.paged ? result.continue || undefined : undefined;
    } else {
      progress.resourceVersion ??= head.resourceVersion;
      onwards = head.continue;
      progress.parsing.push(agree(parsing, head));
    }
    if (onwards === undefined) break;
    if (onwards === token) {
      miss('error', 'the server gave the same page twice, so the list would never end');
      break;
    }
    token = onwards;
  }

  await Promise.all(progress.parsing);
  if (fatal !== undefined) throw fatal.error;
  if (progress.broken !== undefined) miss('error', progress.broken);
  const { parsing: _parsing, broken: _broken, auditId, serverDate, resourceVersion, ...counted } = progress;
  const record: RequestRecord = {
    ...(auditId !== undefined && { auditId }),
    path,
    accept,
    startedAt,
    endedAt: context.clock().toISOString(),
    ...(serverDate !== undefined && { serverDate: clip(serverDate, 64) }),
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...counted,
    attempts,
  };
  return { record, gap, expired };
}

export function withQuery(path: string, query: URLSearchParams): string {
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}

/** Why this answer is no page, or undefined. */
function judge(answer: HttpAnswer, accept: string): { reason: GapReason; detail: string } | undefined {
  const { status } = answer;
  const type = answer.headers['content-type'] ?? '';
  if (/^text\/html\b/i.test(type) && !accept.startsWith('text/html')) {
    return { reason: 'error', detail: `HTML with status ${status} instead of an API answer, as from a proxy or a login page` };
  }
  if (status === 200) return undefined;
  const message = messageOf(answer);
  const detail = message === '' ? `${status}` : message.startsWith(`${status}`) ? message : `${status}: ${message}`;
  if (status === 403) return { reason: 'forbidden', detail };
  if (status === 404 || status === 406) return { reason: 'absent', detail };
  if (status >= 300 && status < 400) return { reason: 'error', detail: `${status}: redirected elsewhere, which is not followed` };
  return { reason: 'error', detail };
}

/** The token that a 410 offers for going on inconsistently. */
function continueOf(answer: HttpAnswer): string | undefined {
  try {
    const token = at(JSON.parse(answer.body.toString('utf8')), 'metadata', 'continue');
    return typeof token === 'string' && token !== '' ? token : undefined;
  } catch {
    return undefined;
  }
}
