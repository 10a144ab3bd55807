/**
 * How much some networks, or some ports, hold together. What holds half of everything or more is no list of what is needed, however it is
 * cut: 0.0.0.0/1 with 128.0.0.0/1, all networks but the private ones, ports up to 32767 with those from there on.
 */

/** From the first to before the last. */
export type Span = readonly [from: bigint, to: bigint];

/** Of IPv6 the part that is given out: 2000::/3 (IANA) is the whole Internet, ::/0 no more than that. */
export interface Networks {
  readonly v4: readonly Span[];
  readonly v6: readonly Span[];
}

const allOfV4: Span = [0n, 1n << 32n];
const allOfV6: Span = [1n << 125n, 1n << 126n];
const allPorts: Span = [1n, 65_536n];

export const everywhere: Networks = { v4: [allOfV4], v6: [allOfV6] };
export const everyPort: readonly Span[] = [allPorts];

/** The same in order and without overlaps. */
function unite(spans: readonly Span[]): readonly Span[] {
  const united: [bigint, bigint][] = [];
  for (const [from, to] of spans.toSorted((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0))) {
    const last = united.at(-1);
    if (last === undefined || from > last[1]) united.push([from, to]);
    else if (to > last[1]) last[1] = to;
  }
  return united;
}

function subtract([from, to]: Span, taken: readonly Span[]): readonly Span[] {
  const left: Span[] = [];
  let next = from;
  for (const [start, end] of unite(taken)) {
    if (start > next) left.push([next, start < to ? start : to]);
    if (end > next) next = end;
  }
  if (next < to) left.push([next, to]);
  return left.filter((span) => span[0] < span[1]);
}

function isMost(spans: readonly Span[], [from, to]: Span): boolean {
  return 2n * unite(spans).reduce((sum, span) => sum + span[1] - span[0], 0n) >= to - from;
}

/** Whether they hold half of all addresses of IPv4 or of IPv6, or more. */
export function holdMostAddresses(all: readonly Networks[]): boolean {
  return (
    isMost(
      all.flatMap(({ v4 }) => v4),
      allOfV4,
    ) ||
    isMost(
      all.flatMap(({ v6 }) => v6),
      allOfV6,
    )
  );
}

export function holdMostPorts(ports: readonly Span[]): boolean {
  return isMost(ports, allPorts);
}

function readV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) return undefined;
  return parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n);
}

/** RFC 4291, 2.2: eight groups, of which one run of zeros may be left out, and the last two may be written as IPv4. */
function readV6(text: string): bigint | undefined {
  const dotted = /[^:]*\.[^:]*$/.exec(text)?.[0];
  const last = dotted === undefined ? 0n : readV4(dotted);
  if (last === undefined) return undefined;
  const plain =
    dotted === undefined ? text : `${text.slice(0, -dotted.length)}${(last >> 16n).toString(16)}:${(last & 0xffffn).toString(16)}`;
  const [head = [], tail, ...more] = plain.split('::').map((part) => (part === '' ? [] : part.split(':')));
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (more.length > 0 || (tail === undefined ? missing !== 0 : missing < 1)) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...(tail ?? [])];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}

/** The addresses of a CIDR, also of one that is written with bits beyond its length; none for what is no CIDR. */
function readCidr(cidr: string): { readonly family: 'v4' | 'v6'; readonly span: Span } | undefined {
  const [address = '', length = ''] = cidr.trim().split('/');
  const family = address.includes(':') ? 'v6' : 'v4';
  const [value, bits] = family === 'v6' ? [readV6(address), 128n] : [readV4(address), 32n];
  if (value === undefined || !/^\d{1,3}$/.test(length) || BigInt(length) > bits) return undefined;
  const free = bits - BigInt(length);
  const from = (value >> free) << free;
  return { family, span: [from, from + (1n << free)] };
}

/** A network without those that are excepted from it. */
export function networksOf(cidr: string, except: readonly string[] = []): Networks {
  const network = readCidr(cidr);
  if (network === undefined) return { v4: [], v6: [] };
  const { family, span } = network;
  const taken = except.flatMap((entry) => {
    const found = readCidr(entry);
    return found?.family === family ? [found.span] : [];
  });
  if (family === 'v4') return { v4: subtract(span, taken), v6: [] };
  const [from, to] = allOfV6;
  return { v4: [], v6: subtract(span, [...taken, [0n, from], [to, 1n << 128n]]) };
}

/** Both ends are in it. */
export function portsBetween(first: number, last: number): Span {
  return [BigInt(first), BigInt(last) + 1n];
}
