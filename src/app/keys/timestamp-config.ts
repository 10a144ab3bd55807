/** `signing.timestampAuthority` in kubevidence.yaml: who stamps times (RFC 3161), as an address alone or with what its tokens must lead to. */
import { z } from 'zod';

/** Asked for RFC 3161 tokens. */
export interface TimestampAuthority {
  readonly url: string;
  /** PEM file of the certificates that may vouch for it; null: it is not established. */
  readonly ca: string | null;
  /** Null for whatever policy it follows. */
  readonly policy: string | null;
}

const url = z.string().refine(isPlainUrl, 'an http or https address without a user name or password');

export const timestampAuthoritySchema = z.union([
  url,
  z.strictObject({
    url,
    ca: z.string().min(1).optional().describe('PEM file of the authority’s root; without it the authority is not established'),
    policy: z
      .string()
      .regex(/^[0-2](\.(0|[1-9]\d*))+$/, 'dotted numbers')
      .optional()
      .describe('The policy that tokens must be under'),
  }),
]);

export function readTimestampAuthority(
  value: z.infer<typeof timestampAuthoritySchema> | undefined,
  within: (path: string) => string,
): TimestampAuthority | null {
  if (value === undefined) return null;
  if (typeof value === 'string') return { url: value, ca: null, policy: null };
  return { url: value.url, ca: value.ca === undefined ? null : within(value.ca), policy: value.policy ?? null };
}

/** What a URL holds of credentials would be printed and logged with it. */
function isPlainUrl(text: string): boolean {
  const parsed = URL.parse(text);
  return parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.username === '' && parsed.password === '';
}
