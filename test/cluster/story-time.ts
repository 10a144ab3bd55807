/**
 * The time of a story that is lived through in minutes: anchors say which moment of the story an instant of the recording stands for.
 * What happened after an anchor and before the next keeps its distance to the first, and never reaches the second.
 */

export interface StoryClock {
  /** From the next whole second on, it is `story` (RFC 3339). Kubernetes writes whole seconds, so nothing falls between two anchors. */
  reach(story: string): Promise<void>;
  /** The moment of the story for a real one; milliseconds since the epoch. */
  toStory(real: number): number;
  /** For heartbeats: as far before the last anchor as they were in reality, whatever the story says lay between. */
  beforeLast(real: number): number;
}

interface Anchor {
  readonly real: number;
  readonly story: number;
}

export function openStoryClock(now: () => number, sleep: (ms: number) => Promise<void>): StoryClock {
  const anchors: Anchor[] = [];
  const last = (): Anchor => {
    const found = anchors.at(-1);
    if (found === undefined) throw new Error('the story has not begun');
    return found;
  };
  return {
    async reach(text) {
      const story = Date.parse(text);
      const before = anchors.at(-1);
      if (Number.isNaN(story) || (before !== undefined && story <= before.story)) throw new Error(`${text} is not after what was told`);
      const real = (Math.floor(now() / 1000) + 1) * 1000;
      await sleep(real - now());
      anchors.push({ real, story });
    },
    toStory(real) {
      const index = anchors.findLastIndex((anchor) => anchor.real <= real);
      const [anchor, next] = [anchors[index], anchors[index + 1]];
      if (anchor === undefined) return last() && (anchors[0] as Anchor).story - ((anchors[0] as Anchor).real - real);
      const told = anchor.story + (real - anchor.real);
      return next === undefined ? told : Math.min(told, next.story - 1);
    },
    beforeLast: (real) => last().story + (real - last().real),
  };
}

/** An RFC 3339 time, as Kubernetes writes it: whole seconds, microseconds, or our milliseconds. */
const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.(\d{1,9}))?Z$/;
/** In the name that a kubelet gives the file of a certificate. */
const inFileName = /-(\d{4}-\d{2}-\d{2})-(\d{2})-(\d{2})-(\d{2})\.pem$/;
/** In the subject of a certificate that a kubelet made for itself. */
const inSubject = /@(\d+)$/;
const day = /\d{4}-\d{2}-\d{2}/g;
const dayMs = 86_400_000;
/** Fields that are renewed all the time. */
const heartbeats = new Set(['renewTime', 'lastHeartbeatTime']);
const secondsMetric = /_(?:time|timestamp)_seconds$/;

/**
 * Every time in a recorded value that lies within `window` (real, milliseconds), told in the story's time and in the form it had. Times
 * outside the window are no times of the recording: they stay.
 */
export function retell(value: unknown, clock: StoryClock, window: readonly [from: number, to: number]): unknown {
  const within = (ms: number) => ms >= window[0] && ms <= window[1];
  const walk = (each: unknown, key: string): unknown => {
    if (typeof each === 'string') return retellText(each, key);
    if (Array.isArray(each)) return each.map((member) => walk(member, key));
    if (typeof each !== 'object' || each === null) return each;
    if (isSeconds(each)) return retellSamples(each);
    const told = Object.fromEntries(Object.entries(each).map(([name, member]) => [name, walk(member, name)]));
    return { ...told, ...retellValidity(each), ...retellSelectedDays(each, told) };
  };
  const retellText = (text: string, key: string): string => {
    if (key === 'serverDate') return httpDate(text);
    const fraction = instant.exec(text)?.[1];
    const real = Date.parse(text);
    // The day on which the API server began to track tokens.
    if (key === 'since' && real <= window[1] && real + dayMs > window[0]) return dateOf(clock.toStory(Math.max(real, window[0])));
    const [, date, hour, minute, second] = inFileName.exec(text) ?? [];
    if (date !== undefined) {
      const made = Date.parse(`${date}T${hour}:${minute}:${second}Z`);
      return within(made)
        ? text.replace(inFileName, `-${new Date(clock.toStory(made)).toISOString().slice(0, 19).replaceAll(/[T:]/g, '-')}.pem`)
        : text;
    }
    const seconds = Number(inSubject.exec(text)?.[1]) * 1000;
    if (within(seconds)) return text.replace(inSubject, `@${Math.floor(clock.toStory(seconds) / 1000)}`);
    if (!instant.test(text) || !within(real)) return text;
    const told = new Date(heartbeats.has(key) ? clock.beforeLast(real) : clock.toStory(real)).toISOString();
    if (fraction === undefined) return `${told.slice(0, 19)}Z`;
    return `${told.slice(0, 20)}${told.slice(20, 23).padEnd(fraction.length, '0').slice(0, fraction.length)}Z`;
  };
  const httpDate = (text: string): string => {
    const real = Date.parse(text);
    // The header has whole seconds, so it may lie before the anchor by less than one.
    return Number.isNaN(real) || !within(real) ? text : new Date(clock.beforeLast(real)).toUTCString();
  };
  /** A certificate of the recording is valid in the story for as long as it is in reality. */
  const retellValidity = ({ notBefore, notAfter }: { readonly notBefore?: unknown; readonly notAfter?: unknown }): object => {
    if (typeof notBefore !== 'string' || typeof notAfter !== 'string' || !within(Date.parse(notBefore))) return {};
    const shift = clock.toStory(Date.parse(notBefore)) - Date.parse(notBefore);
    const end = new Date(Date.parse(notAfter) + shift).toISOString();
    return { notAfter: notAfter.includes('.') ? end : `${end.slice(0, 19)}Z` };
  };
  /** A selector that names the last days, tomorrow first, names those before the request in the story. */
  const retellSelectedDays = ({ path }: { readonly path?: unknown }, told: { readonly startedAt?: unknown }): object => {
    if (typeof path !== 'string' || typeof told.startedAt !== 'string' || !path.includes('legacy-token-last-used')) return {};
    const latest = path.match(day)?.sort().at(-1);
    if (latest === undefined) return {};
    const shift = Date.parse(told.startedAt.slice(0, 10)) + dayMs - Date.parse(latest);
    return { path: path.replaceAll(day, (each) => dateOf(Date.parse(each) + shift)) };
  };
  /** Samples of `process_start_time_seconds` and its like count seconds since the epoch. */
  const retellSamples = (family: Family): unknown => ({
    ...family,
    samples: family.samples.map((sample) => {
      const real = Number(sample.value) * 1000;
      return Number.isFinite(real) && within(real) ? { ...sample, value: String(clock.toStory(real) / 1000) } : sample;
    }),
  });
  return walk(value, '');
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/**
 * What the server's table says of the age of something that is some hours old or more, in the form of
 * k8s.io/apimachinery/pkg/util/duration.HumanDuration; milliseconds. Throws for less than 8 hours.
 */
export function ageText(ms: number): string {
  const hours = Math.floor(ms / 3_600_000);
  if (hours < 8) throw new Error(`${ms} ms is too young for a story`);
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (days < 8) return hours % 24 === 0 ? `${days}d` : `${days}d${hours % 24}h`;
  if (days >= 2 * 365) throw new Error(`${days} days are too old for a story`);
  return `${days}d`;
}

interface Family {
  readonly metadata: { readonly name: string };
  readonly samples: readonly { readonly value: string }[];
}

function isSeconds(value: object): value is Family {
  const { metadata, samples } = value as Partial<Family>;
  return Array.isArray(samples) && typeof metadata?.name === 'string' && secondsMetric.test(metadata.name);
}
