/**
 * Compares what two sources say of one program's flags. Different spellings of one value are no difference, and neither is what one of them
 * does not know: a value that was not kept, a flag that it was never told of. Values are those of flags that are kept, nothing else.
 */
import type { Flags, Program } from './flags.ts';
import { readBoolean, split } from './flags.ts';

/** What tells of flags: all of them with their defaults (`/flagz`), or those that were given. */
export interface FlagSource {
  /** `its static pod`, as a sentence goes on after "in". */
  readonly name: string;
  readonly flags: Flags;
  readonly tells: 'all' | 'given';
}

export interface Difference {
  readonly flag: string;
  /** Of the first source; null where it was not given. */
  readonly one: string | null;
  readonly other: string | null;
}

/**
 * Flags that stay empty or as they are when nobody sets them, so that a value in `/flagz` which nothing gave is a difference. Others are
 * filled in by the server itself (authorizers, serving certificates, keys).
 */
const steady = new Set([
  'admission-control-config-file',
  'audit-log-path',
  'audit-policy-file',
  'audit-webhook-config-file',
  'authentication-config',
  'authorization-config',
  'client-ca-file',
  'disable-admission-plugins',
  'enable-admission-plugins',
  'encryption-provider-config',
  'kubelet-certificate-authority',
  'kubelet-client-certificate',
  'kubelet-client-key',
  'profiling',
  'token-auth-file',
]);

/** Printed in a form of its own, which nothing compares with. */
const unlike = new Set(['tls-sni-cert-key', 'kubeconfig', 'vmodule']);

/** Flags that both know and that differ, in the order of their names. */
export function compareFlags(program: Program, one: FlagSource, other: FlagSource): readonly Difference[] {
  const names = new Set([...one.flags.given, ...other.flags.given].filter((name) => !unlike.has(name)));
  const differences: Difference[] = [];
  for (const flag of [...names].sort()) {
    const [a, b] = [valueIn(one, flag), valueIn(other, flag)];
    if (a === undefined || b === undefined) continue;
    if (a === null || b === null) {
      // A variable of etcd's environment can give what no argument does, and a server fills in what nobody gave.
      const told = a === null ? one : other;
      const whole = a === null ? other : one;
      if (program === 'etcd' || (whole.tells === 'all' && !steady.has(flag))) continue;
      const usual = told.flags.flags[flag];
      const value = a ?? b ?? '';
      if (usual === undefined ? whole.tells === 'all' : isSame(flag, usual, value)) continue;
      differences.push({ flag, one: a, other: b });
    } else if (!isSame(flag, a, b)) differences.push({ flag, one: a, other: b });
  }
  return differences;
}

/** Null: not given. Undefined: unknown. */
function valueIn({ flags, tells }: FlagSource, flag: string): string | null | undefined {
  if (!flags.given.includes(flag)) return tells === 'given' ? null : undefined;
  const value = flags.flags[flag];
  // k8s.io/component-base/zpages/flagz prints this for what it holds back.
  return value === 'CLASSIFIED' ? undefined : value;
}

const sets = new Set(['feature-gates', 'runtime-config']);

function isSame(flag: string, one: string, other: string): boolean {
  const [a, b] = [plain(flag, one), plain(flag, other)];
  return a === b;
}

function plain(flag: string, text: string): string {
  const entries = split(text).map((entry) => entry.replace(/^:/, ''));
  if (sets.has(flag)) return [...entries].sort().join();
  const whole = entries.join();
  return readBoolean(whole) ?? duration(whole) ?? whole;
}

const seconds: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 0.001, us: 1e-6, µs: 1e-6, ns: 1e-9 };

/** `1m0s` and `60s` are one duration (Go, time.ParseDuration). */
function duration(text: string): string | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:h|ms|m|us|µs|ns|s))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|us|µs|ns|s)/g)) sum += Number(number) * (seconds[unit ?? ''] ?? 0);
  return `${Number(sum.toFixed(9))}s`;
}
