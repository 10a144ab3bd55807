/** How far the clocks of a time zone are from UTC, which they are not by the same all year. Pure: the rules are those that Node carries. */

export interface Zone {
  /** Local time minus UTC at an instant, in milliseconds. */
  offset(at: number): number;
}

const zones = new Map<string, Zone>();

/** `timezone`: an IANA name. Throws RangeError for one that does not exist. */
export function zoneOf(timezone: string): Zone {
  let zone = zones.get(timezone);
  if (zone === undefined) {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    zone = {
      offset(at) {
        const parts = new Map(format.formatToParts(new Date(at)).map(({ type, value }) => [type, Number(value)]));
        const part = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? 0;
        const local = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
        return local - Math.floor(at / 1000) * 1000;
      },
    };
    zones.set(timezone, zone);
  }
  return zone;
}
