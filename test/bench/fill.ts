/** Feeds a synthetic cluster to a ledger, page by page as a collection does, and says where the time went. */
import { createPrivateKey, createPublicKey, randomUUID, sign } from 'node:crypto';
import { collectors } from '../../src/collectors/index.ts';
import { type Ledger, openLedger, type RunWriter } from '../../src/ledger/index.ts';
import type { NoteSigner } from '../../src/log/index.ts';
import type { ClusterIdentity, EvidenceSink, ListingKind } from '../../src/model/index.ts';
import { createIngest, createScrubber } from '../../src/sources/index.ts';
import type { SyntheticCluster } from './synthetic.ts';

const digest = 'ab'.repeat(32);

export const identity: ClusterIdentity = {
  name: 'bench',
  uid: '11111111-2222-4333-8444-555555555555',
  version: '1.36.3',
  server: 'https://192.0.2.1:6443',
  caFingerprint: digest,
  actor: 'system:serviceaccount:audit:collector',
};

export interface BenchLedger {
  readonly ledger: Ledger;
  readonly clock: () => Date;
  /** The ledger's key. */
  readonly signer: NoteSigner;
  /** Sets the clock forward. */
  pass(ms: number): void;
}

export function openBenchLedger(path: string): BenchLedger {
  // RFC 8410 section 7: a PKCS#8 Ed25519 key is this prefix and a 32-byte seed.
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, 1)]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(-32);
  const signer = { name: 'bench.example/log', publicKey, sign: (data: Uint8Array) => sign(null, data, key) };
  let now = Date.UTC(2026, 0, 1);
  const clock = () => new Date((now += 7));
  const create = { organization: 'Bench', tool: 'kubevidence bench', documentKeyFingerprint: digest };
  const ledger = openLedger({ path, mode: 'write', clock, signer, create });
  return {
    ledger,
    clock,
    signer,
    pass(ms) {
      now += ms;
    },
  };
}

export interface Fed {
  readonly pageBytes: number;
  /** From the page's bytes to the end of the run. */
  readonly ms: number;
  /** Of it, in the ledger: canonical JSON, hashes, compression, SQLite. */
  readonly ledgerMs: number;
}

/** One run; `onPage` sees each page before it is read. */
export function collectSynthetic({ ledger, clock }: BenchLedger, cluster: SyntheticCluster, onPage?: (page: Uint8Array) => void): Fed {
  const declared = new Map(
    collectors.flatMap(({ version, listings }) => listings.map((listing) => [listing.kind, { version, listing }] as const)),
  );
  const known = (kind: ListingKind) => {
    const found = declared.get(kind);
    if (found === undefined) throw new Error(`no collector reads ${kind}`);
    return found;
  };
  const uuid = randomUUID();
  const { number } = ledger.planRun({
    cluster: identity.name,
    uuid,
    kind: 'manual',
    collectors: [{ kind: 'k8s.pods', version: 1 }],
    tool: 'kubevidence bench',
    definitions: digest,
  });
  const listings = cluster.kinds.map((kind) => {
    const { version, listing } = known(kind);
    return { kind, collectorVersion: version, keepDigest: createScrubber(listing).keepDigest, reusable: listing.reusable === true };
  });
  const writer = ledger.startRun({ cluster: identity.name, number, identity, scope: 'cluster', listings });
  let [ms, ledgerMs, pageBytes] = [0, 0, 0];
  const timed = <A extends unknown[], T>(act: (...args: A) => T) => {
    return (...args: A): T => {
      const started = performance.now();
      try {
        return act(...args);
      } finally {
        ledgerMs += performance.now() - started;
      }
    };
  };
  const sink: EvidenceSink = {
    put: timed((...args: Parameters<RunWriter['put']>) => writer.put(...args)),
    restart: (kind) => writer.restart(kind),
    close: timed((...args: Parameters<RunWriter['close']>) => writer.close(...args)),
    listedAt: timed((...args: Parameters<RunWriter['listedAt']>) => writer.listedAt(...args)),
    reuse: timed((...args: Parameters<RunWriter['reuse']>) => writer.reuse(...args)),
  };
  const ingest = createIngest({ collectors, sink, clock });
  for (const kind of cluster.kinds) {
    const [request] = known(kind).listing.requests({});
    if (request === undefined) throw new Error(`nothing is asked for ${kind}`);
    let [items, pages, bytes] = [0, 0, 0];
    for (const page of cluster.pages(kind)) {
      onPage?.(page);
      bytes += page.length;
      pages += 1;
      const started = performance.now();
      items += ingest.page(kind, 0, request, page).items;
      ms += performance.now() - started;
    }
    const at = clock().toISOString();
    const started = performance.now();
    ingest.close(kind, {
      requests: [
        {
          auditId: `${uuid}-1`,
          path: `${request.path}?limit=500`,
          status: 200,
          startedAt: at,
          endedAt: at,
          resourceVersion: cluster.resourceVersion(),
          pages,
          items,
          bytes,
          attempts: 1,
          consistency: 'consistent',
        },
      ],
      gaps: [],
      observedAt: at,
    });
    ms += performance.now() - started;
    pageBytes += bytes;
  }
  const started = performance.now();
  timed(() => writer.end({ status: 'succeeded', error: null, identity, serverClockSkewMs: 12 }))();
  ms += performance.now() - started;
  return { pageBytes, ms, ledgerMs };
}
