import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ageBounds, createdBetween } from '../../src/collectors/secrets.ts';

const [minute, hour, day, year] = [60, 3600, 86_400, 31_536_000];

/** k8s.io/apimachinery/pkg/util/duration.HumanDuration, as the API server prints ages. */
function humanDuration(seconds: number): string {
  const minutes = Math.floor(seconds / minute);
  const hours = Math.floor(seconds / hour);
  const rest = (whole: number, unit: string, part: number, small: string) =>
    part === 0 ? `${whole}${unit}` : `${whole}${unit}${part}${small}`;
  if (seconds < 120) return `${seconds}s`;
  if (minutes < 10) return rest(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  if (hours < 8) return rest(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  if (hours < 192) return rest(Math.floor(hours / 24), 'd', hours % 24, 'h');
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24)}d`;
  if (hours < 24 * 365 * 8) return rest(Math.floor(hours / 24 / 365), 'y', Math.floor(hours / 24) % 365, 'd');
  return `${Math.floor(hours / 24 / 365)}y`;
}

test('the bounds of an age hold the age that was printed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 20 * year }), (seconds) => {
      const [least, less] = ageBounds(humanDuration(seconds)) ?? [NaN, NaN];
      expect(least).toBeLessThanOrEqual(seconds);
      expect(less).toBeGreaterThan(seconds);
      expect(less - least).toBeLessThanOrEqual(seconds < 8 * year ? day : year);
    }),
    { numRuns: 2000 },
  );
});

test.each(['', '<unknown>', '<invalid>', 'x', '5', '1h1y', '-5s'])('%s says nothing', (text) => {
  expect(ageBounds(text)).toBeNull();
  expect(createdBetween(text, '2026-11-21T00:00:00Z')).toBeNull();
});

test('the months hold the creation, and mostly stay the same from run to run', () => {
  const created = Date.parse('2026-03-14T10:20:30Z');
  const seen = new Set<string>();
  for (let hours = 1; hours < 24 * 400; hours += 7) {
    const at = created + hours * 3_600_000;
    const bounds = createdBetween(humanDuration(hours * 3600), new Date(at).toISOString());
    expect(Date.parse(bounds?.[0] ?? '')).toBeLessThanOrEqual(created);
    expect(Date.parse(bounds?.[1] ?? '')).toBeGreaterThan(created);
    seen.add(JSON.stringify(bounds));
  }
  expect([...seen]).toEqual(['["2026-03-01T00:00:00.000Z","2026-04-01T00:00:00.000Z"]']);
});
