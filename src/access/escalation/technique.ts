/** How techniques write resources and needs. */
import type { Need, RightNeed } from '../../model/index.ts';

export interface Resource {
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
}

const parsed = new Map<string, Resource>();

/** `deployments.apps/scale` → its parts. There are some hundred in all, asked for again with every role. */
export function parseResource(text: string): Resource {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const resource = partsOf(text);
  parsed.set(text, resource);
  return resource;
}

function partsOf(text: string): Resource {
  const slash = text.indexOf('/');
  const full = slash < 0 ? text : text.slice(0, slash);
  const dot = full.indexOf('.');
  return {
    group: dot < 0 ? '' : full.slice(dot + 1),
    resource: dot < 0 ? full : full.slice(0, dot),
    subresource: slash < 0 ? '' : text.slice(slash + 1),
  };
}

export function isRight(need: Need): need is RightNeed {
  return 'verbs' in need;
}
