/**
 * Bootstrap tokens that are there, where the API servers let anybody sign in with one. Where every API server has that switched off there is
 * nothing to look for; where one has it on, or does not show it, the Secrets of kube-system must be known, all of them.
 */
import type { Gap, Population, PopulationInput } from '../../model/index.ts';
import { isComplete, listAt, textAt } from '../../model/index.ts';
import { apiServers } from '../control-plane/api-servers.ts';
import { requireListing } from '../control-plane/control-plane.ts';
import { resourceOf, segment, uniqueKeys } from '../identity.ts';

const flag = 'enable-bootstrap-token-auth';

/** Whether an API server has it on, as far as they were seen, and what was not seen of them. */
function readFlags(input: PopulationInput): { readonly isOn: boolean; readonly gaps: readonly Gap[] } {
  const gaps: Gap[] = [];
  let isOn = false;
  for (const { flags, gaps: own = [] } of apiServers.rows({ ...input, gap: (gap) => gaps.push(gap) })) {
    isOn ||= own.length === 0 && textAt(flags, flag) !== 'false';
    gaps.push(...own);
  }
  return { isOn, gaps };
}

/** The inventory can be limited to namespaces; then kube-system must be one of them. */
function requireSystemSecrets(input: PopulationInput): void {
  requireListing(input, 'k8s.secrets/secrets');
  const requests = input.listing('k8s.secrets/secrets')?.requests ?? [];
  const namespaces = requests.flatMap(({ path }) => /\/namespaces\/([^/?]+)\/secrets/.exec(path)?.[1] ?? []);
  if (input.reader.scope === 'cluster' && namespaces.length > 0 && !namespaces.includes('kube-system'))
    input.gap({
      reason: 'absent',
      what: 'secrets in kube-system',
      detail: 'the inventory of Secrets leaves this namespace out',
      closedBy: 'add kube-system to collectors.secrets.namespaces',
    });
}

export const bootstrapTokens: Population = {
  name: 'bootstrapTokens',
  doc: 'A bootstrap token, where the API servers accept such tokens, with the least age that it has',
  from: [],
  also: [...new Set([...(apiServers.also ?? []), 'k8s.secrets/secrets' as const])],
  *rows(input) {
    const { isOn, gaps } = readFlags(input);
    if (!isOn && gaps.length === 0) return;
    requireSystemSecrets(input);
    // Knowing the Secrets is enough; where they are not known either, the flags would do as well.
    const listing = input.listing('k8s.secrets/secrets');
    if (!isOn && (listing === undefined || !isComplete(listing))) for (const gap of gaps) input.gap(gap);
    const unique = uniqueKeys();
    for (const object of input.each('k8s.secrets/secrets')) {
      if (object.namespace !== 'kube-system' || textAt(object.body, 'type') !== 'bootstrap.kubernetes.io/token') continue;
      const before = listAt(object.body, 'createdBetween')[1];
      const created = typeof before === 'string' ? Date.parse(before) : Number.NaN;
      const hours = Math.floor((Date.parse(input.reader.at) - created) / 3_600_000);
      yield {
        item: unique(segment(object.name)),
        resource: resourceOf(object),
        evidence: [object.id],
        secret: object.name,
        hours: Number.isNaN(hours) ? 0 : Math.max(0, hours),
      };
    }
  },
};
