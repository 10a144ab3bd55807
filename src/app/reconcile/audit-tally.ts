/**
 * Counts what an audit log says of the collector, event by event, in bounded memory: whoever can send requests can also choose their
 * Audit-IDs, paths and agents, so every list has an end, and what came after it is counted.
 */
import { type Instant, type RunSummary, visible } from '../../model/index.ts';
import { parseAuditId } from '../audit-ids.ts';
import type { Claims } from './audit-claims.ts';
import type { AuditEvent } from './audit-log.ts';

/** Requests that belong together; `requests` counts each once, however many of its stages were logged. */
interface Counted {
  readonly requests: number;
  /** As the server received them. */
  readonly first: Instant;
  readonly last: Instant;
}

export interface UnknownRun extends Counted {
  readonly uuid: string;
  readonly user: string;
  /** One of the paths. */
  readonly path: string;
}

/** What calls itself `doctor` or `collect --dry-run`. Nothing vouches for that, so it tells where it came from, too. */
export interface UnrecordedCheck extends Counted {
  readonly uuid: string;
  readonly user: string;
  /** One of the paths. */
  readonly path: string;
  readonly client: string;
  readonly address: string;
}

export interface OtherRequests extends Counted {
  readonly user: string;
  readonly verb: string;
  readonly path: string;
  readonly client: string;
  readonly address: string;
}

interface SeenRequest {
  readonly received: Instant;
  readonly path: string;
  readonly verb: string;
}

/** What the log has under one known uuid. */
export interface SeenRun {
  readonly requests: ReadonlyMap<number, SeenRequest>;
  /** What is wrong with events, and how often. */
  readonly wrong: ReadonlyMap<string, number>;
}

export interface Tally {
  take(event: AuditEvent): void;
  seen(uuid: string): SeenRun;
  /** Every path that any known run was seen to ask. */
  readonly paths: ReadonlySet<string>;
  unknownRuns(): UnknownRun[];
  checks(): UnrecordedCheck[];
  otherRequests(): OtherRequests[];
  /** Runs of other clusters whose Audit-IDs stand in this log. */
  readonly strayRuns: ReadonlySet<RunSummary>;
  /** Events that found their list full. */
  readonly dropped: number;
}

const mostGroups = 1000;
const mostRequests = 100_000;
const mostPaths = 100_000;
const mostKindsOfWrong = 20;
const nothing: SeenRun = { requests: new Map(), wrong: new Map() };
/** A collector reads, and asks who it is and what it may. */
const selfReview = /^\/apis\/(?:authentication|authorization)\.k8s\.io\/[a-z0-9]+\/selfsubject[a-z]*reviews$/;

export function createTally(
  claims: ReadonlyMap<string, Claims>,
  others: ReadonlyMap<string, RunSummary>,
  collectors: ReadonlySet<string>,
): Tally {
  const known = new Map<string, { readonly requests: Map<number, SeenRequest>; readonly wrong: Map<string, number> }>();
  const paths = new Set<string>();
  const unknown = createGroups<Pick<UnknownRun, 'uuid' | 'user' | 'path'>>();
  const checks = createGroups<Pick<UnrecordedCheck, 'uuid' | 'user' | 'path' | 'client' | 'address'>>();
  const other = createGroups<Pick<OtherRequests, 'user' | 'verb' | 'path' | 'client' | 'address'>>();
  const strayRuns = new Set<RunSummary>();
  let dropped = 0;

  const takeOwn = (claim: Claims, uuid: string, number: number, event: AuditEvent): void => {
    const { received, path, verb } = event;
    const state = known.get(uuid) ?? { requests: new Map<number, SeenRequest>(), wrong: new Map<string, number>() };
    known.set(uuid, state);
    const wrong = (what: string) => {
      if (state.wrong.has(what) || state.wrong.size < mostKindsOfWrong) state.wrong.set(what, (state.wrong.get(what) ?? 0) + 1);
      else dropped++;
    };
    const before = state.requests.get(number);
    if (before === undefined) {
      if (state.requests.size < mostRequests) state.requests.set(number, { received, path, verb });
      else dropped++;
      if (paths.size < mostPaths) paths.add(path);
    } else if (before.received === received && before.path === path) {
      // Another stage of the same request, or the same part of the log again.
      return;
    } else {
      wrong('the same Audit-ID stands for two requests');
    }
    const who = event.as ?? event.user;
    if (claim.actor !== null && who !== claim.actor) wrong(`made by ${visible(who)}, and the run was made by ${visible(claim.actor)}`);
    const time = Date.parse(received);
    if (time < claim.window.from || time > claim.window.to) wrong('outside of the time of the run');
    if (!isRead(event)) wrong(`${visible(verb)} ${visible(path)}, and a collector only reads`);
  };

  return {
    paths,
    strayRuns,
    get dropped() {
      return dropped + unknown.dropped() + checks.dropped() + other.dropped();
    },
    seen: (uuid) => known.get(uuid) ?? nothing,
    unknownRuns: () => unknown.list(),
    checks: () => checks.list(),
    otherRequests: () => other.list(),
    take(event) {
      // Nobody was let in: whoever sent it was not the collector.
      if (event.code === 401) return;
      const id = parseAuditId(event.auditId);
      const claim = id === undefined ? undefined : claims.get(id.uuid);
      if (id !== undefined && claim !== undefined) return takeOwn(claim, id.uuid, id.number, event);
      const who = event.as ?? event.user;
      if (!collectors.has(who) && !collectors.has(event.user)) return;
      const stray = id === undefined ? undefined : others.get(id.uuid);
      const { verb, path, client, address } = event;
      if (stray !== undefined) strayRuns.add(stray);
      else if (id?.isCheck === true && isRead(event))
        checks.add(JSON.stringify([id.uuid, who, client, address]), () => ({ uuid: id.uuid, user: who, path, client, address }), event);
      else if (id?.isCheck === false) unknown.add(`${id.uuid} ${who}`, () => ({ uuid: id.uuid, user: who, path }), event);
      else other.add(JSON.stringify([who, verb, path, client, address]), () => ({ user: who, verb, path, client, address }), event);
    },
  };
}

function isRead({ verb, path }: AuditEvent): boolean {
  return verb === 'get' || verb === 'list' || (verb === 'create' && selfReview.test(path));
}

function createGroups<T>() {
  const groups = new Map<string, { readonly what: T; first: Instant; last: Instant; readonly stages: Map<string, number> }>();
  let dropped = 0;
  return {
    dropped: () => dropped,
    add(key: string, make: () => T, { received, stage }: AuditEvent): void {
      let group = groups.get(key);
      if (group === undefined) {
        if (groups.size >= mostGroups) {
          dropped++;
          return;
        }
        group = { what: make(), first: received, last: received, stages: new Map() };
        groups.set(key, group);
      }
      if (received < group.first) group.first = received;
      if (received > group.last) group.last = received;
      if (group.stages.size < 8 || group.stages.has(stage)) group.stages.set(stage, (group.stages.get(stage) ?? 0) + 1);
    },
    /** The most frequent first. */
    list: (): (T & Counted)[] =>
      [...groups.values()]
        .map(({ what, first, last, stages }) => Object.assign({}, what, { requests: Math.max(...stages.values()), first, last }))
        .sort((a, b) => b.requests - a.requests || (a.first < b.first ? -1 : 1)),
  };
}
