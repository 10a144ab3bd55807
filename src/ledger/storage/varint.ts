/** Whole numbers from 0 on, seven bits a byte, the lowest first; the high bit says that another byte follows. */

export function writeNumber(out: number[], value: number): void {
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) + 128);
  out.push(rest);
}

/** Undefined for bytes that end within a number, or hold one that is not exact. */
export function readNumbers(bytes: Uint8Array): number[] | undefined {
  const numbers: number[] = [];
  let [value, scale] = [0, 1];
  for (const byte of bytes) {
    if (scale > 2 ** 49) return undefined;
    value += (byte & 127) * scale;
    scale *= 128;
    if (byte >= 128) continue;
    if (!Number.isSafeInteger(value)) return undefined;
    numbers.push(value);
    [value, scale] = [0, 1];
  }
  return scale === 1 ? numbers : undefined;
}
