/**
 * What `doctor` says of the distribution: which it is and what that was concluded from, and on a provider's cluster, whether a run is given
 * files that could hold the provider's answer. It asks for the version and for one page of nodes, and keeps nothing.
 */
import { collectors } from '../../collectors/index.ts';
import { createMemorySnapshot } from '../../ledger/index.ts';
import type { EvidenceReader, RawObject } from '../../model/index.ts';
import { at, isObject, listAt, textAt, visible } from '../../model/index.ts';
import { detectDistribution } from '../../populations/index.ts';
import { createIngest, type LiveSource } from '../../sources/index.ts';
import { describePlatform } from '../assess/platform.ts';
import type { ClusterConfig, Config } from '../config.ts';
import type { AppContext } from '../context.ts';

interface Check {
  readonly state: 'ok' | 'warning';
  readonly what: string;
  readonly detail?: string;
}

/** More nodes say nothing more. */
const mostNodes = 500;

export async function* checkPlatform(
  context: AppContext,
  source: LiveSource,
  config: Config,
  cluster: ClusterConfig,
  server: string,
): AsyncGenerator<Check> {
  const reader = await readNodes(context, source, cluster.name, server);
  const platform = describePlatform(config, reader);
  if (platform === null) {
    yield {
      state: 'ok',
      what: 'neither its version nor its nodes name a distribution',
      detail: 'it is held against the general benchmark',
    };
    return;
  }
  yield { state: 'ok', what: visible(platform) };
  const managed = cluster.managed === undefined ? detectDistribution(reader)?.managed === true : cluster.managed !== 'none';
  if (managed && (cluster.files ?? []).length === 0)
    yield {
      state: 'warning',
      what: 'no files bring what the provider keeps to itself: audit logs, keys, who reaches the API',
      detail: 'write what its tool says of the cluster into a directory, and name that in clusters[].files (docs/managed-clusters.md)',
    };
}

async function readNodes(context: AppContext, source: LiveSource, name: string, server: string): Promise<EvidenceReader> {
  const version = textAt(parse((await source.get('/version')).body), 'gitVersion')?.replace(/^v/, '') ?? null;
  const page = await source.get('/api/v1/nodes', { query: { limit: String(mostNodes) } });
  const now = context.clock().toISOString();
  const sink = createMemorySnapshot({
    scope: 'cluster',
    cluster: { name, uid: null, version, server, caFingerprint: null, actor: null },
    at: now,
  });
  const ingest = createIngest({ collectors, sink, clock: context.clock });
  const list = parse(page.body);
  if (page.status !== 200 || !isObject(list)) return sink;
  const nodes = listAt(list, 'items').flatMap((item) =>
    isObject(at(item, 'metadata')) ? [{ raw: { ...(item as RawObject), ...nodeType } }] : [],
  );
  ingest.putRaw('k8s.nodes/nodes', nodes);
  const request = {
    path: '/api/v1/nodes',
    status: 200,
    startedAt: now,
    endedAt: now,
    pages: 1,
    items: nodes.length,
    bytes: 0,
    attempts: 1,
  } as const;
  ingest.close('k8s.nodes/nodes', { requests: [{ ...request, consistency: 'consistent' }], gaps: [], observedAt: now });
  return sink;
}

const nodeType = { apiVersion: 'v1', kind: 'Node' } as const;

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}
