/** Markers: what stands where a value was. A marker says at most which flag it was and which rule recognised a credential. */
import type { ScrubMarker } from '../../model/index.ts';
import { isMarker } from '../../model/index.ts';
import { credentialRules } from './credential-rules.ts';

/** In lists of arguments a marker can name the flag, so that a finding can say `--password` without its value. */
export interface ArgumentMarker extends ScrubMarker {
  readonly flag?: string;
}

const plain: ArgumentMarker = Object.freeze({ $scrubbed: true });
const flagName = /^[a-z][a-z0-9-]{0,39}$/;

export function marker(credential?: string, flag?: string): ArgumentMarker {
  if (credential === undefined && flag === undefined) return plain;
  return { $scrubbed: true, ...(flag === undefined ? {} : { flag }), ...(credential === undefined ? {} : { credential }) };
}

/** A marker that came in (replayed, or forged by whoever wrote the object) keeps only what we could have written ourselves. */
export function cleanMarker(value: unknown): ArgumentMarker | undefined {
  if (!isMarker(value)) return undefined;
  const { credential, flag } = value as { credential?: unknown; flag?: unknown };
  return marker(
    typeof credential === 'string' && credentialRules.has(credential) ? credential : undefined,
    typeof flag === 'string' && isFlagName(flag) ? flag : undefined,
  );
}

export function isFlagName(text: string): boolean {
  return flagName.test(text);
}
