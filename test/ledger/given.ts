/** What the ledger's tests start from: a key, a clock that moves with every look, objects, and whole runs in one call. */
import { createPrivateKey, createPublicKey, hash, randomUUID, sign } from 'node:crypto';
import type { Ledger, PresentDefinitions, ReviewStatement, RunWriter } from '../../src/ledger/index.ts';
import type { NoteSigner } from '../../src/log/index.ts';
import type { ClusterIdentity, EvidenceObject, Listing, ListingKind, RunSummary } from '../../src/model/index.ts';

export const digest = 'ab'.repeat(32);
export const pods: ListingKind = 'k8s.workloads/pods';

/** RFC 8410 section 7: a PKCS#8 Ed25519 key is this prefix and a 32-byte seed. */
export function signerOf(name = 'audit.example/log', seed = 1): NoteSigner {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, seed)]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(-32);
  return { name, publicKey, sign: (data) => sign(null, data, key) };
}

/** A second passes with every look. */
export function clockFrom(start = '2026-08-14T12:00:00.000Z') {
  let now = Date.parse(start);
  return () => new Date((now += 1000));
}

export const create = { organization: 'Example Clinic', tool: 'kubevidence 0.1.0', documentKeyFingerprint: digest };

export const identity: ClusterIdentity = {
  name: 'prod',
  uid: '11111111-2222-4333-8444-555555555555',
  version: '1.36.3',
  server: 'https://127.0.0.1:6443',
  caFingerprint: digest,
  actor: 'system:serviceaccount:audit:collector',
};

export interface GivenPod {
  readonly namespace?: string;
  readonly name: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly image?: string;
}

export function pod({ namespace = 'default', name, uid = randomUUID(), resourceVersion = '1', image = 'nginx' }: GivenPod): EvidenceObject {
  const metadata = { namespace, name, uid, labels: { app: name.split('-')[0] ?? '' } };
  const body = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: { containers: [{ name: 'main', image, securityContext: { privileged: false } }] },
  };
  return { apiVersion: 'v1', type: 'Pod', namespace, name, uid, resourceVersion, body };
}

export function listing(kind: ListingKind, items: number, change: Partial<Listing> & { resourceVersion?: string } = {}): Listing {
  const at = '2026-08-14T12:00:00.000Z';
  const { resourceVersion = '100', ...rest } = change;
  const request = {
    auditId: `${identity.uid}-1`,
    path: '/api/v1/pods?limit=500',
    status: 200,
    startedAt: at,
    endedAt: at,
    resourceVersion,
    pages: 1,
    items,
    bytes: 1000,
    attempts: 1,
    consistency: 'consistent' as const,
  };
  return {
    kind,
    collectorVersion: 1,
    keepDigest: digest,
    assurance: 'observed',
    requests: [request],
    gaps: [],
    items,
    scrubbed: {},
    observedAt: at,
    ...rest,
  };
}

/** Definitions, each with a value of its own. */
export function definitions(values: Readonly<Record<string, string>>): PresentDefinitions {
  const list = Object.entries(values).map(([what, value]) => ({ what, digest: hash('sha256', JSON.stringify(value)), value }));
  return { list, texts: new Map(), tool: 'kubevidence 0.1.0' };
}

export function plan(ledger: Ledger, cluster = 'prod', definitions = digest): RunSummary {
  return ledger.planRun({
    cluster,
    uuid: randomUUID(),
    kind: 'manual',
    collectors: [{ kind: 'k8s.workloads', version: 1 }],
    tool: 'kubevidence 0.1.0',
    definitions,
  });
}

export function start(
  ledger: Ledger,
  who: ClusterIdentity = identity,
  kinds: readonly ListingKind[] = [pods],
  definitions = digest,
): RunWriter {
  const { number } = plan(ledger, who.name, definitions);
  const listings = kinds.map((kind) => ({ kind, collectorVersion: 1, keepDigest: digest, reusable: true }));
  return ledger.startRun({ cluster: who.name, number, identity: who, scope: 'cluster', listings });
}

export interface Collection {
  readonly resourceVersion?: string;
  readonly identity?: ClusterIdentity;
  readonly kind?: ListingKind;
  readonly page?: number;
  readonly listing?: Partial<Listing>;
  /** Digest that the run is planned by. */
  readonly definitions?: string;
}

/** One listing as a live collection writes it: what can be reused is, the rest is put page by page. */
export function collect(ledger: Ledger, objects: readonly EvidenceObject[], options: Collection = {}): RunSummary {
  const { resourceVersion = '100', identity: who = identity, kind = pods, page = 500 } = options;
  const writer = start(ledger, who, [kind], options.definitions);
  for (let at = 0; at === 0 || at < objects.length; at += page) {
    writer.listedAt(kind, resourceVersion);
    const changed = objects
      .slice(at, at + page)
      .filter((object) => !writer.reuse(kind, { ...object, resourceVersion: object.resourceVersion ?? '' }));
    writer.put(kind, changed);
  }
  writer.close(listing(kind, objects.length, { resourceVersion, ...options.listing }));
  return writer.end({ status: 'succeeded', error: null, identity: who, serverClockSkewMs: 12 });
}

/** A row of an access review. */
export const reviewRow = (item: string, decision: 'keep' | 'revoke' | 'change', reviewer = 'Grace') => ({
  id: 'ab'.repeat(32),
  item,
  subject: item,
  binding: 'ClusterRoleBinding/b',
  role: 'ClusterRole/r',
  namespace: '',
  risk: 'low',
  decision,
  reviewer,
  date: '2026-08-14',
  comment: '',
});

/** An access review that two people made. */
export const reviewStatement = (rows: ReviewStatement['rows'], more: Partial<ReviewStatement> = {}): ReviewStatement => ({
  reviewer: 'Grace',
  preparer: 'Ada',
  population: { digest: 'cd'.repeat(32), rows: 3, builtinIncluded: false, complete: true },
  checkpoint: { size: 4, root: 'cm9vdA==' },
  tool: 'kubevidence/0',
  rows,
  ...more,
});
