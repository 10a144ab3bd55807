import { describe, expect, it } from 'vitest';
import { parsePeriod, quarterOf } from '../../src/app/period.ts';

describe('periods', () => {
  it.each([
    ['2026-Q3', 'UTC', '2026-07-01T00:00:00.000Z', '2026-10-01T00:00:00.000Z'],
    ['2026-Q3', 'Europe/Berlin', '2026-06-30T22:00:00.000Z', '2026-09-30T22:00:00.000Z'],
    ['2026-Q4', 'Europe/Berlin', '2026-09-30T22:00:00.000Z', '2026-12-31T23:00:00.000Z'],
    ['2026-10', 'America/New_York', '2026-10-01T04:00:00.000Z', '2026-11-01T04:00:00.000Z'],
    ['2026-11', 'America/New_York', '2026-11-01T04:00:00.000Z', '2026-12-01T05:00:00.000Z'],
    ['2026', 'Pacific/Auckland', '2025-12-31T11:00:00.000Z', '2026-12-31T11:00:00.000Z'],
    ['2026-07-01/2026-07-02', 'Asia/Kathmandu', '2026-06-30T18:15:00.000Z', '2026-07-01T18:15:00.000Z'],
    // Chile put its clocks forward at midnight: 6 September 2026 begins at 1:00.
    ['2026-09-06/2026-09-07', 'America/Santiago', '2026-09-06T04:00:00.000Z', '2026-09-07T03:00:00.000Z'],
  ])('%s in %s', (name, zone, start, end) => {
    expect(parsePeriod(name, zone)).toEqual({ name, start, end });
  });

  it.each(['2026-Q5', '2026-13', 'Q3', '', '2026-02-30/2026-03-01', '2026-07-02/2026-07-01', '2026-Q3 '])('refuses %j', (name) => {
    expect(() => parsePeriod(name, 'UTC')).toThrow(/period/);
  });

  it('finds the quarter of an instant in the zone, not in UTC', () => {
    expect(quarterOf('2026-06-30T23:30:00.000Z', 'Europe/Berlin').name).toBe('2026-Q3');
    expect(quarterOf('2026-06-30T23:30:00.000Z', 'UTC').name).toBe('2026-Q2');
  });
});
