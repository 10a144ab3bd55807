/**
 * What `doctor` says of API servers behind one address: how many there are, and, where each of them is to be asked, whether each answers
 * with a certificate of the cluster. Only `/statusz` is asked, or whatever it refuses with.
 */
import { type CollectorSettings, collectors, enabledCollectors, replicaAddresses, replicaAddressesKind } from '../../collectors/index.ts';
import { type Json, KubevidenceError, listAt, visible } from '../../model/index.ts';
import type { LiveSource } from '../../sources/index.ts';

interface Check {
  readonly state: 'ok' | 'warning' | 'problem';
  readonly what: string;
  readonly detail?: string;
}

export async function* checkReplicas(source: LiveSource, settings: CollectorSettings): AsyncGenerator<Check> {
  const on = enabledCollectors(settings).some(({ listings }) => listings.some(({ kind }) => kind === replicaAddressesKind));
  if (!on) {
    const count = await countLeases(source);
    if (count > 1)
      yield {
        state: 'warning',
        what: `${count} API servers are behind this address, and a run asks the one that answers`,
        detail: 'ask each of them: set `apiServers: each` for this cluster, and give the right (kubevidence manifests rbac)',
      };
    return;
  }
  const request = listingOf(replicaAddressesKind).requests({})[0];
  const answer = await source.get(request?.path ?? '');
  if (answer.status !== 200) return; // the right or the slice is missing, which the checks of rights tell
  const addresses = replicaAddresses(parse(answer.body));
  if (addresses.length === 0) yield { state: 'problem', what: 'the EndpointSlice kubernetes in default names no API server' };
  for (const address of addresses.slice(0, 16)) {
    try {
      await source.get(`https://${address}/statusz`, { accept: 'text/plain' });
      yield { state: 'ok', what: `the API server at ${visible(address)} answers for itself` };
    } catch (error) {
      if (!(error instanceof KubevidenceError)) throw error;
      const detail = error.next === undefined ? {} : { detail: error.next };
      yield { state: 'problem', what: `the API server at ${visible(address)} is not heard: ${visible(error.message)}`, ...detail };
    }
  }
}

async function countLeases(source: LiveSource): Promise<number> {
  const request = listingOf('k8s.apiserver/leases').requests({})[0];
  const answer = await source.get(request?.path ?? '', request?.query === undefined ? {} : { query: request.query });
  return answer.status === 200 ? listAt(parse(answer.body), 'items').length : 0;
}

function listingOf(kind: string) {
  const found = collectors.flatMap(({ listings }) => listings).find((listing) => listing.kind === kind);
  if (found === undefined) throw new Error(`no listing ${kind}`);
  return found;
}

function parse(body: Buffer): Json {
  try {
    return JSON.parse(body.toString('utf8')) as Json;
  } catch {
    return null;
  }
}
