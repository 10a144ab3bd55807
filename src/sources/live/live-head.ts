/**
 * Looks at the beginning of a list, so that its next page can be fetched while this one is still being parsed. Only the form that the API
 * server writes for its own types is understood (`kind`, `apiVersion`, `metadata`, then the items); everything else gives null, and the
 * parser's answer is waited for. What is seen here is always compared with the parser's answer afterwards.
 */
import { at, isObject, textAt } from '../../model/index.ts';

export interface ListHead {
  readonly resourceVersion: string | undefined;
  /** Undefined on the last page. */
  readonly continue: string | undefined;
}

const headBytes = 16_384;
const endOfHead = /,\s*"(?:items|columnDefinitions)"\s*:\s*\[/;

export function peekHead(body: Uint8Array): ListHead | null {
  const text = Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, headBytes)).toString('utf8');
  const end = endOfHead.exec(text);
  if (end === null) return null;
  let head: unknown;
  try {
    head = JSON.parse(`${text.slice(0, end.index)}}`);
  } catch {
    return null;
  }
  if (!isObject(head) || !isObject(at(head, 'metadata')) || !/List$|^Table$/.test(textAt(head, 'kind') ?? '')) return null;
  return {
    resourceVersion: textAt(head, 'metadata', 'resourceVersion') || undefined,
    continue: textAt(head, 'metadata', 'continue') || undefined,
  };
}
