/** Lengths of time as people write them in configuration and options: `26h`, `8d`, `1d12h`, `90m`. */

const units: Readonly<Record<string, number>> = { w: 604_800, d: 86_400, h: 3600, m: 60, s: 1 };
const form = /^(?:\d{1,6}[wdhms])+$/;

export const durationForm = 'Write a length of time like 26h, 8d or 1d12h.';

/** Seconds; null for anything that is no length of time, and for none at all. */
export function parseDuration(text: string): number | null {
  if (!form.test(text)) return null;
  const seconds = [...text.matchAll(/(\d+)([wdhms])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (units[unit as string] ?? 0),
    0,
  );
  return seconds > 0 ? seconds : null;
}

/** The same length in its two largest units: `8 d 23 h`, `26 h`, `0 s`. Hours go up to two days. */
export function formatDuration(seconds: number): string {
  const parts: string[] = [];
  let rest = Math.max(0, Math.floor(seconds));
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ] as const) {
    if (unit === 'd' && rest < 2 * size) continue;
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? '0 s' : parts.join(' ');
}
