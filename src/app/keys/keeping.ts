/**
 * How long things are kept, what may be erased, what is held, and what was erased: what `ledger status`, `doctor` and a pack say of it.
 */
import { defaultRetention, type Ledger, type RetentionPolicy } from '../../ledger/index.ts';
import type { ReportRedaction } from '../../reporting/index.ts';
import type { Config } from '../config.ts';

/** How long things are kept: as configured, else six years. */
export function retentionOf({ retention }: Pick<Config, 'retention'>): RetentionPolicy {
  const read = (text: string) => {
    const [, count, unit] = /^(\d+)([yd])$/.exec(text) ?? [];
    return unit === 'y' ? { years: Number(count), days: 0 } : { years: 0, days: Number(count) };
  };
  const set = Object.entries(retention).flatMap(([name, text]) => (text === undefined ? [] : [[name, read(text)]]));
  return { ...defaultRetention, ...(Object.fromEntries(set) as Partial<RetentionPolicy>) };
}

/** What `ledger status` and `doctor` say of it. */
export interface Keeping {
  /** As in force, e.g. `6y`. */
  readonly retention: Readonly<Record<'evidence' | 'assessments' | 'people', string>>;
  /** Past their retention and under no hold. Nothing is erased by itself. */
  readonly erasable: { readonly runs: number; readonly assessments: number; readonly people: number };
  /** Past their retention, and under a hold. */
  readonly held: number;
  /** When the next may be erased. */
  readonly next: string | null;
  /** Ids of the holds in force. */
  readonly holds: readonly string[];
  /** False: what was erased may still lie in free pages of the file; the next command that writes sees to it. */
  readonly swept: boolean;
  /** What the log records as erased, by class. */
  readonly erased: Readonly<Record<string, number>>;
}

export function readKeeping(ledger: Ledger, config: Config): Keeping {
  const policy = retentionOf(config);
  const { runs, assessments, people, held, next } = ledger.retention(policy);
  const erased: Record<string, number> = {};
  for (const each of ledger.erasures()) erased[each.class] = (erased[each.class] ?? 0) + each.ids.length;
  const text = ({ years, days }: RetentionPolicy['evidence']) => (years > 0 ? `${years}y` : `${days}d`);
  return {
    retention: { evidence: text(policy.evidence), assessments: text(policy.assessments), people: text(policy.people) },
    erasable: { runs: runs.length, assessments: assessments.length, people: people.length },
    held,
    next,
    holds: ledger
      .holds()
      .filter(({ released }) => released === null)
      .map(({ id }) => id),
    swept: ledger.isSwept(),
    erased,
  };
}

/** In sentences, safe to print. */
export function describeKeeping({ retention, erasable, held, next, holds, swept, erased }: Keeping): string[] {
  const { runs, assessments, people } = erasable;
  const counted = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .filter(([, count]) => count > 0)
      .map(([what, count]) => `${count} ${what}`)
      .join(', ');
  const may = counted({ runs, assessments, 'payloads that name people': people });
  return [
    `retention: evidence ${retention.evidence}, assessments ${retention.assessments}, people ${retention.people}; nothing is erased by itself`,
    may === ''
      ? `nothing may be erased yet${next === null ? '' : `; the first on ${next.slice(0, 10)}`}`
      : `may be erased: ${may} (kubevidence ledger erase --expired --dry-run)`,
    ...(holds.length === 0
      ? []
      : [
          `${holds.length} ${holds.length === 1 ? 'hold is' : 'holds are'} in force${held === 0 ? '' : `, over ${held} things past their retention`}`,
        ]),
    ...(swept ? [] : ['the last erasure is not finished: kubevidence ledger checkpoint writes the file anew']),
    ...(Object.keys(erased).length === 0
      ? []
      : [
          `erased so far: ${counted({ objects: erased['object'] ?? 0, assessments: erased['assessment'] ?? 0, 'payloads that named people': erased['people'] ?? 0, 'whole runs': erased['run'] ?? 0 })}`,
        ]),
  ];
}

const classWords = { object: 'objects', assessment: 'assessments', people: 'payloads that named people', run: 'whole runs' } as const;

/** For a pack: what was erased of the cluster, and of no cluster, as the log of a size tells it. */
export function readRedactions(ledger: Ledger, cluster: string, size: number): ReportRedaction[] {
  return ledger
    .erasures()
    .filter((each) => each.leaf < size && (each.cluster === null || each.cluster === cluster))
    .map(({ leaf, at, class: of, kind, ids, legalBasis, requester, approver, overrideRetention }) => {
      const said = { legalBasis, requester, approver, overrideRetention };
      return Object.assign(said, { leaf, at, what: classWords[of], kind, count: ids.length });
    });
}

/** For a pack: how long things are kept, and what was held at the moment for which it speaks. */
export function describeRetention(ledger: Ledger, config: Config, cluster: string, at: string): string[] {
  const { evidence, assessments, people } = retentionOf(config);
  const text = ({ years, days }: RetentionPolicy['evidence']) => (years > 0 ? `${years} years` : `${days} days`);
  const held = ledger
    .holds()
    .filter(({ placedAt, released }) => placedAt <= at && (released === null || released.at > at))
    .filter(({ scope }) => scope.cluster === null || scope.cluster === cluster);
  const issued = held.filter(({ id }) => id.startsWith('P-')).length;
  return [
    `Kept at least: evidence ${text(evidence)} from when it was last read, assessments ${text(assessments)}, payloads that name people ${text(people)} from when they were last in effect. Nothing is erased by itself.`,
    `Holds in force: ${held.length}, ${issued} of them of earlier packs. What a hold covers cannot be erased. This pack holds its runs from when it is issued.`,
  ];
}
