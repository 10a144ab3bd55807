/** `serve` on a clock that is set by hand, over a real ledger: the application's port with the faults that a script asks for. */
import { hash, randomUUID } from 'node:crypto';
import { prepareRun, attemptsSince, recordDefinitions } from '../../src/app/collect/prepare-run.ts';
import { type Ledger, openLedger, type PresentDefinitions } from '../../src/ledger/index.ts';
import { KubevidenceError, type RunSummary } from '../../src/model/index.ts';
import { type Alarm, parseSchedule, serve, type ServeApp, type ServeEvent } from '../../src/schedule/index.ts';
import { create, signerOf } from '../ledger/given.ts';

const identityOf = (name: string) => ({ name, uid: null, version: null, server: null, caFingerprint: null, actor: null });

/** What happens to the attempts to collect until the next ring. */
export type Fault = 'none' | 'unreachable' | 'locked' | 'fullDisk' | 'killed' | 'partial';

export interface Step {
  /** Until the next ring, in minutes; negative where the clock is set back. */
  readonly minutes: number;
  readonly fault?: Fault;
  /** How long the run takes. */
  readonly takes?: number;
  /** Somebody else's run before the ring. */
  readonly other?: 'manual' | 'scheduled';
  /** The process ends, and starts again after the step. */
  readonly restart?: boolean;
}

class Killed extends Error {}

export interface World {
  readonly ledger: () => Ledger;
  readonly events: ServeEvent[];
  readonly assessed: number[];
  readonly now: () => string;
  /** Serves until the steps are used up. */
  run(
    steps: readonly Step[],
    config?: { schedule?: string; timezone?: string; clusters?: readonly string[]; assess?: string },
  ): Promise<void>;
  close(): void;
}

export function openWorld(path: string, start: string): World {
  let time = Date.parse(start);
  const clock = () => new Date(time);
  const now = () => clock().toISOString();
  const open = () => openLedger({ path, mode: 'write', clock, signer: signerOf(), create });
  let ledger = open();
  const events: ServeEvent[] = [];
  const assessed: number[] = [];
  const reopen = () => {
    ledger.close();
    ledger = open();
  };

  return {
    ledger: () => ledger,
    events,
    assessed,
    now,
    close: () => ledger.close(),
    async run(steps, { schedule = '0 6 * * *', timezone = 'UTC', clusters = ['prod'], assess } = {}) {
      const script = [...steps];
      const definitions = definitionsOf(schedule, timezone);
      let step: Step = { minutes: 0 };
      const locked = () => new KubevidenceError('unreachable', 'the ledger is being written', { next: 'Wait.' });

      const plan = async (cluster: string, scheduled: { slot: string | null } | null): Promise<RunSummary> => {
        const prepared = await prepareRun(ledger, { cluster, definitions, scheduled, now: now() });
        return ledger.planRun({ cluster, uuid: randomUUID(), ...prepared, collectors: [], tool: 't' });
      };
      const end = (cluster: string, number: number, status: 'succeeded' | 'partial' | 'failed'): RunSummary =>
        ledger
          .startRun({ cluster, number, identity: identityOf(cluster), scope: 'cluster', listings: [] })
          .end({ status, error: null, identity: identityOf(cluster), serverClockSkewMs: null });

      const app: ServeApp = {
        plan: () => ({
          collect: parseSchedule(schedule),
          assess: assess === undefined ? null : parseSchedule(assess),
          timezone,
          clusters,
        }),
        async begin() {
          if (step.fault === 'locked') throw locked();
          const before = ledger.runs().length;
          await recordDefinitions(ledger, definitions, { now: now() });
          return ledger.runs().slice(before);
        },
        history: (cluster, slot) => ({
          dueSince: ledger.dueSince(cluster),
          missed: ledger.runsOfSlot(cluster, slot).some(({ status }) => status === 'missed'),
          attempts: attemptsSince(ledger, cluster, slot),
        }),
        async collect(cluster, slot) {
          const before = ledger.runs(cluster).length;
          const { fault = 'none', takes = 0 } = step;
          if (fault === 'locked') return { run: null, problem: plain(locked()), missed: [] };
          let run: RunSummary;
          try {
            run = await plan(cluster, { slot });
          } catch (error) {
            if (!(error instanceof KubevidenceError)) throw error;
            return { run: null, problem: plain(error), missed: [] };
          }
          time += takes * 60_000;
          if (fault === 'killed') throw new Killed();
          if (fault === 'fullDisk') {
            // The end could not be written; the thread that held the ledger is gone.
            reopen();
            run = ledger.run(cluster, run.number) ?? run;
          } else run = end(cluster, run.number, fault === 'unreachable' ? 'failed' : fault === 'partial' ? 'partial' : 'succeeded');
          return { run, problem: null, missed: ledger.runs(cluster).slice(before, run.number - 1) };
        },
        async assess(cluster) {
          const last = ledger.runs(cluster).at(-1)?.number ?? 0;
          assessed.push(last);
          return { run: last, outcomes: { pass: 1 } };
        },
      };

      while (script.length > 0) {
        const stop = new AbortController();
        const alarm: Alarm = {
          async wait() {
            const next = script.shift();
            if (next === undefined || next.restart === true) stop.abort();
            step = next ?? { minutes: 0 };
            time += step.minutes * 60_000;
            if (step.other === 'manual') end('prod', (await plan('prod', null)).number, 'succeeded');
            if (step.other === 'scheduled') {
              try {
                end('prod', (await plan('prod', { slot: null })).number, 'succeeded');
              } catch (error) {
                if (!(error instanceof KubevidenceError) || error.code !== 'usage') throw error;
              }
            }
          },
          close: () => {},
        };
        try {
          await serve(app, { alarm, clock, log: (event) => events.push(event), stop: stop.signal });
        } catch (error) {
          if (!(error instanceof Killed)) throw error;
          step = { minutes: 0 };
        }
        // As a new process finds it.
        reopen();
      }
    },
  };
}

function plain({ message, next }: KubevidenceError): { message: string; next?: string } {
  return { message, ...(next !== undefined && { next }) };
}

function definitionsOf(collect: string, timezone: string): PresentDefinitions {
  const values = { timezone, schedule: { collect } };
  const list = Object.entries(values).map(([what, value]) => ({ what, digest: hash('sha256', JSON.stringify(value)), value }));
  return { list, texts: new Map(), tool: 't' };
}

export const minutes = (count: number, given: Omit<Step, 'minutes'> = {}): Step[] =>
  Array.from({ length: count }, () => ({ minutes: 1, ...given }));
