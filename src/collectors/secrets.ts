/**
 * The inventory of Secrets: name, type, number of keys, and when each was created. Only the Table form is ever asked for, with
 * includeObject=None and no other media type, so that no value leaves the server (docs/evidence-sources, section 3). The body is not
 * even parsed unless it begins as a Table.
 *
 * Age is a rounded text that changes with every run, so what is kept are calendar months (UTC) that surely hold the creation, as
 * `createdBetween: [first instant, first instant after]`. Months, because then the stored object stays the same from run to run: only a
 * Secret created within a day of a month's end can show one month in one run and two in the next. There is no uid in this form: a Secret
 * that was deleted and created anew is not seen unless its months, type or keys differ.
 */
import type { AccessRule, Collector, Decoder, Instant, Json, ListingDeclaration, RawObject, RequestSpec } from '../model/index.ts';
import { at, isObject, listAt, textAt } from '../model/index.ts';
import { notWhatWasAsked, parseObject, textOf, withListMetadata } from './decode.ts';
import { ownApiVersion } from './listing.ts';

/** A request as the parser hands it on: `observedAt` is when the page was answered, which ages count back from. */
export interface ObservedRequest extends RequestSpec {
  readonly observedAt?: Instant;
}

const tableForm = 'application/json;as=Table;g=meta.k8s.io;v=v1';
const tableStart = /^\s*\{\s*"kind"\s*:\s*"Table"\s*,/;

const decodeTable: Decoder = (body, request: ObservedRequest) => {
  if (!tableStart.test(textOf(body.subarray(0, 64), request))) throw notWhatWasAsked(request, 'it does not begin as a Table');
  const table = parseObject(body, request);
  const columns = listAt(table, 'columnDefinitions').map((column) => textAt(column, 'name'));
  const [name, type, data, age] = ['Name', 'Type', 'Data', 'Age'].map((column) => columns.indexOf(column));
  if (name === -1 || type === -1 || data === -1 || age === -1) throw notWhatWasAsked(request, 'its columns are not Name, Type, Data, Age');
  const namespace = /\/namespaces\/([^/]+)\/secrets$/.exec(request.path)?.[1] ?? '';
  const rows = table['rows'] ?? [];
  if (!Array.isArray(rows)) throw notWhatWasAsked(request, 'it has no rows');
  const items = (rows as Json[]).map((row): RawObject => {
    if (isObject(at(row, 'object'))) throw notWhatWasAsked(request, 'a row carries an object although none was asked for');
    const cells = listAt(row, 'cells');
    const text = (index = -1) => {
      const cell = cells[index];
      return typeof cell === 'string' ? cell : '';
    };
    const keys = Number(cells[data ?? -1]);
    if (text(name) === '' || !Number.isInteger(keys)) throw notWhatWasAsked(request, 'a row has no name or no count');
    const created = request.observedAt === undefined ? null : createdBetween(text(age), request.observedAt);
    return secretSummary(text(name), namespace, text(type), keys, created);
  });
  return withListMetadata(table, items);
};

export type Bounds = readonly [Instant, Instant];

export function secretSummary(name: string, namespace: string, type: string, keys: number, created: Bounds | null): RawObject {
  return { apiVersion: ownApiVersion, kind: 'SecretSummary', metadata: { name, namespace }, type, keys, createdBetween: created };
}

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;

/**
 * Seconds [at least, less than] that an age text of the API server stands for, or null for what it could not know. The text is made by
 * k8s.io/apimachinery/pkg/util/duration.HumanDuration, which drops its smallest unit as the age grows.
 */
export function ageBounds(text: string): readonly [number, number] | null {
  const match = /^(?:(\d{1,6})y)?(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?$/.exec(text);
  if (match === null || text === '') return null;
  const [years, days, hours, minutes, seconds] = match.slice(1).map((digits) => (digits === undefined ? 0 : Number(digits)));
  const age = (years ?? 0) * year + (days ?? 0) * day + (hours ?? 0) * hour + (minutes ?? 0) * minute + (seconds ?? 0);
  const unit =
    age < 10 * minute
      ? 1
      : age < 3 * hour
        ? minute
        : age < 8 * hour
          ? minute
          : age < 2 * day
            ? hour
            : age < 8 * day
              ? hour
              : age < 8 * year
                ? day
                : year;
  return [age, age + unit];
}

/** The whole months (UTC) that surely hold the creation of something of this age, seen at `observedAt`; null when the age says nothing. */
export function createdBetween(age: string, observedAt: Instant): Bounds | null {
  const bounds = ageBounds(age);
  if (bounds === null) return null;
  const seen = Date.parse(observedAt);
  // Two minutes of tolerance: the age counts from the server's clock, observedAt may be ours.
  const earliest = new Date(seen - (bounds[1] + 2 * minute) * 1000);
  const latest = new Date(seen - (bounds[0] - 2 * minute) * 1000);
  const month = (date: Date, add: number) => new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + add, 1)).toISOString();
  return [month(earliest, 0), month(latest, 1)];
}

const needs: readonly AccessRule[] = [{ apiGroup: '', resource: 'secrets', verb: 'list' }];

type Selector = Readonly<Record<string, string>>;

const listing = (name: string, selector: Selector | ((startedAt: Instant) => Selector), withoutIt: string): ListingDeclaration => ({
  kind: `k8s.secrets/${name}`,
  needs,
  withoutIt,
  // The Table does not say the namespace of a row, so one request per namespace: the caller fills in all of them when none is configured.
  requests: ({ namespaces = [], startedAt }) => {
    const selected = typeof selector !== 'function' ? selector : startedAt === undefined ? null : selector(startedAt);
    // Not to ask leaves a gap; to ask for the wrong days would leave a wrong answer.
    if (selected === null) return [];
    return namespaces.map((namespace) => ({
      path: `/api/v1/namespaces/${namespace}/secrets`,
      query: { ...selected, includeObject: 'None' },
      accept: tableForm,
      paged: true,
      what: `secrets in ${namespace}`,
    }));
  },
  decode: decodeTable,
  keep: ['type', 'keys', 'createdBetween'],
  assurance: 'observed',
  accepts: [{ group: '', kind: 'Secret' }],
});

/** How far back {@link usedLately} looks. */
const lateDays = 30;

/**
 * The API server writes the day (UTC) of the last use into the label. The table shows no labels and a selector compares no dates, so the days
 * are named, tomorrow's too: the server's clock may be ahead.
 */
function usedLately(startedAt: Instant): Selector {
  const days = Array.from({ length: lateDays + 2 }, (_, back) => new Date(Date.parse(startedAt) + (1 - back) * day * 1000));
  return { labelSelector: `kubernetes.io/legacy-token-last-used in (${days.map((each) => each.toISOString().slice(0, 10)).join(',')})` };
}

const notExternal = 'which Secrets a tool for an external store keeps is unknown';

export const secrets: Collector = {
  kind: 'k8s.secrets',
  version: 1,
  title: 'Secrets: names, types, ages',
  optIn: true,
  listings: [
    listing('secrets', {}, 'Secrets are known only by the names that pods and service accounts refer to'),
    listing(
      'service-account-tokens',
      { fieldSelector: 'type=kubernetes.io/service-account-token' },
      'long-lived service account tokens are not counted',
    ),
    listing(
      'legacy-token-last-used',
      { labelSelector: 'kubernetes.io/legacy-token-last-used' },
      'whether legacy tokens are in use is unknown',
    ),
    listing('legacy-token-used-lately', usedLately, 'whether legacy tokens were in use in the last 30 days is unknown'),
    listing(
      'legacy-token-invalid-since',
      { labelSelector: 'kubernetes.io/legacy-token-invalid-since' },
      'which legacy tokens were invalidated is unknown',
    ),
    listing('external-secrets', { labelSelector: 'reconcile.external-secrets.io/managed=true' }, notExternal),
    listing('secrets-store', { labelSelector: 'secrets-store.csi.k8s.io/managed=true' }, notExternal),
    listing('vault-secrets', { labelSelector: 'app.kubernetes.io/managed-by=hashicorp-vso' }, notExternal),
  ],
};
