/**
 * The law of judging with a memory: run by run, whatever changes in a cluster and around it, the assessment is the one of judging without,
 * to the byte. All shipped controls over real evidence; gaps, times, counters, restarts, parameters and exceptions change as well.
 */
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadCatalogInForce } from '../../src/app/catalog.ts';
import { assess } from '../../src/assess.ts';
import { createAssessmentMemory } from '../../src/assessment/index.ts';
import type { Assessment, EvidenceReader, Json, ListingKind, Population, StoredListing } from '../../src/model/index.ts';
import { populations } from '../../src/populations/index.ts';
import { apply, type Change, copyOf, createSeries, readWorld, unseen, type World } from './living-snapshots.ts';

const { catalog } = loadCatalogInForce(null);
let quiet: World;
let reloaded: World;
beforeAll(async () => {
  quiet = await readWorld('2026-09-28');
  // The EncryptionConfiguration was reloaded while the process ran, so counters are compared over many runs.
  reloaded = await readWorld('2026-09-18-manual');
});

const small = fc.nat({ max: 400 });
const change: fc.Arbitrary<Change> = fc.record({
  what: fc.constantFrom(
    'edit',
    'edit',
    'edit',
    'edit',
    'copy',
    'remove',
    'gap',
    'heal',
    'mix',
    'drop',
    'status',
    'version',
    'counters',
    'restart',
  ),
  kind: fc.nat({ max: 60 }),
  object: small,
  place: small,
  value: small,
});

/** What decides besides the evidence. */
interface Around {
  readonly params: Record<string, Record<string, Json>>;
  readonly exceptions: readonly { readonly id: string; readonly control: string; readonly item: string }[];
  readonly managed: string | null;
  readonly namespace: string | undefined;
}
const plain: Around = { params: {}, exceptions: [], managed: null, namespace: undefined };
const around = fc.constantFrom<Around>(
  plain,
  plain,
  plain,
  { ...plain, params: { 'RBAC-001': { allowed: ['alice'] } } },
  { ...plain, exceptions: [{ id: 'EXC-1', control: '', item: '' }] },
  { ...plain, managed: 'eks' },
  { ...plain, namespace: 'kube-system' },
);
const step = fc.record({ changes: fc.array(change, { maxLength: 3 }), hours: fc.constantFrom(1, 1, 24, 24 * 400), around });

/** Parameters that the catalog has, and an exception for what fails. */
function fitting(given: Around, last: Assessment | undefined): Around {
  const known = (id: string) => catalog.controls.find((control) => control.id === id);
  const params = Object.fromEntries(
    Object.entries(given.params).flatMap(([id]) => {
      const [name, declared] = Object.entries(known(id)?.params ?? {})[0] ?? [];
      return name === undefined || declared === undefined || declared.type !== 'list' ? [] : [[id, { [name]: ['alice'] }]];
    }),
  );
  const [failed] = last?.controls.flatMap(({ id, findings }) => findings.map(({ item }) => ({ id: 'EXC-1', control: id, item }))) ?? [];
  return { ...given, params, exceptions: given.exceptions.length === 0 || failed === undefined ? [] : [failed] };
}

describe('judging with a memory', () => {
  it.each([
    ['a quiet cluster', () => quiet],
    ['a cluster whose configuration was reloaded', () => reloaded],
  ])('says of %s what judging without says', { timeout: 120_000 }, (_, world) => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 2, maxLength: 6 }), (steps) => {
        const [living, take, memory] = [copyOf(world()), createSeries(), createAssessmentMemory()];
        const arounds = new Map<Around, Around>();
        let at = Date.parse('2026-09-28T06:00:00.000Z');
        let last: Assessment | undefined;
        for (const { changes, hours, around: given } of steps) {
          for (const each of changes) apply(living, each);
          at += hours * 3_600_000;
          const reader = take(living, new Date(at).toISOString());
          // The same values for the same rules, as in a period.
          const rules = arounds.get(given) ?? fitting(given, last);
          arounds.set(given, rules);
          const options = { reader, catalog, populations, ...rules };
          const remembered = assess({ ...options, remembering: { memory, contentOf: (kind) => reader.contentOf(kind) } });
          last = assess({ ...options, reader: unseen(reader) });
          expect(JSON.stringify(remembered)).toBe(JSON.stringify(last));
        }
      }),
      { numRuns: Number(process.env['LAW_RUNS'] ?? 6) },
    );
  });

  it('gives what is the same as the same value, and asks nothing again of what did not change', () => {
    const [take, memory] = [createSeries(), createAssessmentMemory()];
    let rows = 0;
    const counting = populations.map(
      (population): Population => ({
        ...population,
        *rows(input) {
          for (const row of population.rows(input)) {
            rows += 1;
            yield row;
          }
        },
      }),
    );
    const living = copyOf(quiet);
    const judge = (at: string) => {
      const reader = take(living, at);
      rows = 0;
      return assess({ reader, catalog, populations: counting, remembering: { memory, contentOf: (kind) => reader.contentOf(kind) } });
    };
    const first = judge('2026-09-28T06:00:00.000Z');
    const all = rows;
    const second = judge('2026-09-28T07:00:00.000Z');
    expect(rows).toBeLessThan(all / 4);
    const findingsOf = (id: string) => [first, second].map(({ controls }) => controls.find((control) => control.id === id)?.findings);
    const failing = first.controls.filter(({ findings }) => findings.length > 0).map(({ id }) => id);
    expect(failing.length).toBeGreaterThan(3);
    for (const id of failing) expect(findingsOf(id)[0] === findingsOf(id)[1] || id === 'CHG-001').toBe(true);
  });
});

describe('what a memory relies on', () => {
  const volatile = ['id', 'observedAt', 'scrubbed'];
  const volatileOfRequest = ['auditId', 'startedAt', 'endedAt', 'serverDate', 'resourceVersion', 'pages', 'items', 'bytes', 'attempts'];

  /** A listing of which only what a memory compares can be read. */
  function veiled(listing: StoredListing): StoredListing {
    const refuse = (names: readonly string[], where: string) => ({
      get(target: object, name: string | symbol) {
        if (typeof name === 'string' && names.includes(name)) throw new Error(`${where}.${name} is of one run only`);
        return Reflect.get(target, name) as unknown;
      },
    });
    const requests = listing.requests.map(
      (request) => new Proxy<StoredListing['requests'][number]>(request, refuse(volatileOfRequest, 'request')),
    );
    return new Proxy<StoredListing>({ ...listing, requests }, refuse(volatile, 'listing'));
  }

  it('is that populations look at nothing of a listing that is of one run only', () => {
    const take = createSeries();
    const readers = [quiet, reloaded, quiet].map((world, index) => take(world, `2026-09-2${index}T06:00:00.000Z`));
    for (const reader of readers) {
      const hidden: EvidenceReader = {
        ...reader,
        listing: (kind) => {
          const listing = reader.listing(kind);
          return listing === undefined ? undefined : veiled(listing);
        },
      };
      for (const population of populations) {
        const rows = population.rows({
          reader: hidden,
          techniques: catalog.techniques,
          *each(...kinds: readonly ListingKind[]) {
            for (const kind of kinds) yield* hidden.objects(kind);
          },
          listing: (kind) => hidden.listing(kind),
          cite: () => {},
          gap: () => {},
        });
        expect([...rows].length, population.name).toBeGreaterThanOrEqual(0);
      }
    }
  });

  it('is that what populations share never looks at the time or at earlier runs', () => {
    const take = createSeries();
    const reader = take(reloaded, '2026-09-29T06:00:00.000Z');
    const looksOf = (shared: boolean): readonly string[] => {
      const looked = new Set<string>();
      const make = (): EvidenceReader => ({
        ...reader,
        get at() {
          looked.add('at');
          return reader.at;
        },
        get run() {
          looked.add('run');
          return reader.run;
        },
        previous: () => {
          looked.add('previous');
          return reader.previous();
        },
      });
      const one = make();
      return populations.map((population) => {
        looked.clear();
        const watched = shared ? one : make();
        const input = {
          reader: watched,
          techniques: catalog.techniques,
          *each(...kinds: readonly ListingKind[]) {
            for (const kind of kinds) yield* watched.objects(kind);
          },
          listing: (kind: ListingKind) => watched.listing(kind),
          cite: () => {},
          gap: () => {},
        };
        for (const row of population.rows(input)) expect(row.item).not.toBe('');
        return `${population.name}: ${[...looked].sort().join(' ')}`;
      });
    };
    const alone = looksOf(false);
    expect(alone.filter((each) => !each.endsWith(': ')).length).toBeGreaterThan(3);
    expect(looksOf(true)).toEqual(alone);
  });
});
