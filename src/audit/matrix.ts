/**
 * What an audit policy records of the events that auditors ask for, by who causes them, and the mistakes that people make: bodies with
 * credentials in the log, and rules of level None that hide something before a later rule would record it. A cell says what a plain caller
 * of its kind gets; where a rule for some of them (a user, a group, a namespace, a name) decides otherwise, it says that too.
 */
import { anybody, personOrWorkload } from './callers.ts';
import type { AskedEvent, AskedKind, Column, Holds } from './events.ts';
import { columns, events } from './events.ts';
import type { AuditPolicy, Level } from './policy.ts';
import { levels } from './policy.ts';
import { decidePlain, matching, nameKind, type Reached, reachable } from './reach.ts';

export interface CellPart {
  readonly level: Level;
  /** Index of the rule, or null where none matches. */
  readonly rule: number | null;
  /** Which of the event's requests: `get secrets`. */
  readonly requests: readonly string[];
  /** `some`: only for some of these callers, namespaces or names. */
  readonly whom: 'all' | 'some';
}

export interface MatrixCell {
  readonly column: Column['id'];
  /** The lowest and the highest level of a plain caller; equal where all requests of the event are treated alike. */
  readonly lowest: Level;
  readonly highest: Level;
  /** The lowest that a rule for some of them gives, where that is lower still. */
  readonly lowestForSome: Level | null;
  /** In the order of the rules, those for all first; no rule at the end. */
  readonly parts: readonly CellPart[];
}

export interface MatrixRow {
  readonly id: string;
  readonly title: string;
  readonly requests: readonly string[];
  /** One for each column; null where the event is none of theirs. */
  readonly cells: readonly (MatrixCell | null)[];
}

/** `bodies`: credentials in the log. `hidden`: a later rule would record it. `unrecorded`: no later rule does. */
export type MistakeKind = 'bodies' | 'hidden' | 'unrecorded';

export interface Mistake {
  readonly kind: MistakeKind;
  /** The rule that does it, or null: no rule matches. */
  readonly rule: number | null;
  readonly level: Level;
  /** Titles of the events, and which of their requests. */
  readonly events: readonly string[];
  readonly requests: readonly string[];
  readonly whom: 'all' | 'some';
  /** `hidden`: the first rule behind it that would record one of these requests. */
  readonly instead: { readonly rule: number; readonly level: Level } | null;
}

export interface AuditMatrix {
  readonly columns: readonly Pick<Column, 'id' | 'title'>[];
  readonly rows: readonly MatrixRow[];
  /** Worst first: bodies, hidden, unrecorded; by rule. */
  readonly mistakes: readonly Mistake[];
}

export function makeMatrix(policy: AuditPolicy): AuditMatrix {
  return {
    columns: columns.map(({ id, title }) => ({ id, title })),
    rows: events.map((event) => ({
      id: event.id,
      title: event.title,
      requests: event.kinds.map(nameKind),
      cells: columns.map((column) => cellOf(policy, event, column)),
    })),
    mistakes: findMistakes(policy),
  };
}

function cellOf(policy: AuditPolicy, { kinds, only }: AskedEvent, column: Column): MatrixCell | null {
  if (only !== undefined && only.column !== column.id) return null;
  const caller = only?.caller ?? column.caller;
  const parts = new Map<string, { level: Level; rule: number | null; requests: string[]; whom: 'all' | 'some' }>();
  const add = (level: Level, rule: number | null, whom: 'all' | 'some', request: string) => {
    const key = `${whom}/${rule ?? 'none'}`;
    const part = parts.get(key) ?? { level, rule, requests: [], whom };
    part.requests.push(request);
    parts.set(key, part);
  };
  for (const kind of kinds) {
    const { level, rule } = decidePlain(policy, kind, caller);
    add(level, rule, 'all', nameKind(kind));
    for (const reached of reachable(policy, kind, caller))
      if (reached.rule !== rule && reached.level !== level) add(reached.level, reached.rule, 'some', nameKind(kind));
  }
  const sorted = [...parts.values()].toSorted((a, b) => orderOf(a) - orderOf(b));
  const plain = sorted.filter(({ whom }) => whom === 'all').map(({ level }) => level);
  const lowest = lowestOf(plain);
  const some = lowestOf(sorted.map(({ level }) => level));
  return {
    column: column.id,
    lowest,
    highest: highestOf(plain),
    lowestForSome: rank(some) < rank(lowest) ? some : null,
    parts: sorted,
  };
}

function orderOf({ whom, rule }: Pick<CellPart, 'whom' | 'rule'>): number {
  return (whom === 'all' ? 0 : 1e6) + (rule ?? 1e5);
}

const rank = (level: Level) => levels.indexOf(level);
const lowestOf = (all: readonly Level[]) => levels.find((level) => all.includes(level)) ?? 'None';
const highestOf = (all: readonly Level[]) => levels.findLast((level) => all.includes(level)) ?? 'None';

type Found = Omit<Mistake, 'events' | 'requests'>;

function findMistakes(policy: AuditPolicy): readonly Mistake[] {
  const found = new Map<string, Found & { readonly events: Set<string>; readonly requests: Set<string> }>();
  for (const event of events)
    for (const kind of event.kinds)
      for (const mistake of [...bodiesIn(policy, kind), ...hiddenIn(policy, event, kind)]) {
        const key = `${mistake.kind}/${mistake.rule ?? 'none'}/${mistake.whom}`;
        const known = found.get(key) ?? { ...mistake, events: new Set(), requests: new Set() };
        known.events.add(event.title);
        known.requests.add(nameKind(kind));
        found.set(key, known);
      }
  const order: readonly MistakeKind[] = ['bodies', 'hidden', 'unrecorded'];
  const place = ({ rule, whom }: Pick<Mistake, 'rule' | 'whom'>) => (rule ?? 1e6) + (whom === 'all' ? 0 : 0.5);
  return [...found.values()]
    .map(({ events: titles, requests, ...each }): Mistake => Object.assign(each, { events: [...titles], requests: [...requests] }))
    .toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || place(a) - place(b));
}

function* bodiesIn(policy: AuditPolicy, kind: AskedKind): Iterable<Found> {
  const { holds } = kind;
  if (holds === undefined) return;
  for (const { rule, level, match } of reachable(policy, kind, anybody))
    if (copies(level, holds)) yield { kind: 'bodies', rule, level, whom: match === 'always' ? 'all' : 'some', instead: null };
}

function copies(level: Level, holds: Holds): boolean {
  return level === 'RequestResponse' || (level === 'Request' && holds !== 'response');
}

/** By people and workloads, also not signed in: leaving out a component's own requests is no mistake. */
function* hiddenIn(policy: AuditPolicy, { only }: AskedEvent, kind: AskedKind): Iterable<Found> {
  const all = [...matching(policy, kind, only?.caller ?? personOrWorkload)];
  const end = all.findIndex(({ match }) => match === 'always');
  const reached = end < 0 ? all : all.slice(0, end + 1);
  for (const [i, each] of reached.entries()) if (each.level === 'None') yield hides(each, all.slice(i + 1));
  if (end < 0) yield { kind: 'unrecorded', rule: null, level: 'None', whom: reached.length === 0 ? 'all' : 'some', instead: null };
}

function hides({ rule, match }: Reached, behind: readonly Reached[]): Found {
  const later = behind.find(({ level }) => level !== 'None');
  return {
    kind: later === undefined ? 'unrecorded' : 'hidden',
    rule,
    level: 'None',
    whom: match === 'always' ? 'all' : 'some',
    instead: later === undefined ? null : { rule: later.rule, level: later.level },
  };
}
