/**
 * A ledger of many scheduled runs, in a directory with its keys and kubevidence.yaml, made in a process of its own (arguments: a JSON of
 * {@link LedgerOrder}). What the API would list is fed to the ledger as a collection feeds it; only the listing's bytes are left out.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig, toolName } from '../../src/app/index.ts';
import { storeLedgerEvidence } from '../../src/app/assess/ledger-evidence.ts';
import { recordDefinitions } from '../../src/app/collect/prepare-run.ts';
import { describeDefinitions } from '../../src/app/govern/definitions.ts';
import { ensureKeys, loadDocumentSigner } from '../../src/app/keys/keys.ts';
import { openLedgerForWriting } from '../../src/app/open-ledger.ts';
import { collectors } from '../../src/collectors/index.ts';
import type { PlannedRun } from '../../src/ledger/index.ts';
import type { EvidenceObject, ListingKind } from '../../src/model/index.ts';
import { certificateInfo } from '../../src/signing/index.ts';
import { createScrubber } from '../../src/sources/index.ts';
import { createLivingCluster, type LivingCluster } from './period-cluster.ts';

export interface LedgerOrder {
  readonly directory: string;
  /** RFC 3339, UTC; hourly from there on. */
  readonly begins: string;
  readonly runs: number;
  readonly objects: number;
  /** Share of the objects that changes from run to run. */
  readonly churn: number;
}

export interface BuiltLedger {
  readonly runs: number;
  readonly missed: number;
  readonly objects: number;
  readonly changed: number;
  readonly bytes: number;
}

const hourMs = 3_600_000;
/** Slots after which the collector is once not there. */
const missedEvery = 400;
const recording = '2026-09-28.jsonl.gz';
const order = JSON.parse(process.argv[2] ?? '{}') as LedgerOrder;
process.stdout.write(`${JSON.stringify(await build(order))}\n`);

async function build({ directory, begins, runs, objects, churn }: LedgerOrder): Promise<BuiltLedger> {
  mkdirSync(directory, { recursive: true });
  const lines = [
    'organization: Bench',
    'timezone: Europe/Berlin',
    'clusters: [{name: bench}]',
    'schedule: {collect: "0 * * * *"}',
    'signing: {checkpoints: checkpoints}',
  ];
  writeFileSync(join(directory, 'kubevidence.yaml'), `${lines.join('\n')}\n`, { mode: 0o600 });
  const config = loadConfig({ cwd: directory, uid: null });
  let now = Date.parse(begins) - hourMs;
  const clock = () => new Date((now += 3));
  const context = { cwd: directory, env: process.env, clock, uid: null, warn: () => {}, progress: () => {} };
  await ensureKeys(context, config);
  const { certificate } = await loadDocumentSigner(config.keys);
  const documentKeyFingerprint = certificateInfo(certificate).fingerprint;
  const create = { organization: config.organization, tool: toolName, documentKeyFingerprint };
  const ledger = await openLedgerForWriting(context, config, { create });
  try {
    const digest = await recordDefinitions(ledger, describeDefinitions(config), { now: clock().toISOString() });
    const cluster = await createLivingCluster(recording, objects, new Date(begins));
    const feed = createFeed(cluster, clock);
    let [owed, changed] = [0, 0];
    for (let index = 0; index < runs; index++) {
      if (index % missedEvery === missedEvery - 1) continue;
      const slot = new Date(Date.parse(begins) + index * hourMs);
      now = Math.max(now, slot.getTime() + 1000);
      if (index > 0) {
        owed += cluster.size * churn;
        const done = owed >= 1 ? cluster.change(Math.floor(owed), slot) : 0;
        changed += done;
        owed -= done;
      }
      cluster.live(new Date(now));
      feed(ledger, { cluster: 'bench', uuid: randomUUID(), kind: 'scheduled', slot: slot.toISOString(), definitions: digest });
      if (index % 100 === 0) process.stderr.write(`${index} of ${runs} runs\n`);
    }
    const missed = Math.floor(runs / missedEvery);
    return { runs: runs - missed, missed, objects: cluster.size, changed, bytes: statSync(config.ledgerPath).size };
  } finally {
    ledger.close();
  }
}

type Ledger = Awaited<ReturnType<typeof openLedgerForWriting>>;

function createFeed(cluster: LivingCluster, clock: () => Date) {
  const own: readonly ListingKind[] = ['kubevidence.ledger/runs', 'kubevidence.ledger/exceptions'];
  const listings = collectors.flatMap(({ version, listings: declared }) =>
    declared
      .filter(({ kind }) => cluster.kinds.includes(kind) || own.includes(kind))
      .map((listing) => ({
        kind: listing.kind,
        collectorVersion: version,
        keepDigest: createScrubber(listing).keepDigest,
        reusable: listing.reusable === true,
        assurance: listing.assurance,
        paths: listing.requests({}).map(({ path }) => path),
      })),
  );
  return (ledger: Ledger, plan: Pick<PlannedRun, 'cluster' | 'uuid' | 'kind' | 'slot' | 'definitions'>): void => {
    const planned = { ...plan, tool: toolName, collectors: listings.map(({ kind, collectorVersion: version }) => ({ kind, version })) };
    const { number } = ledger.planRun(planned);
    const writer = ledger.startRun({ cluster: plan.cluster, number, identity: cluster.identity, scope: 'cluster', listings });
    for (const { kind, paths, collectorVersion, keepDigest, assurance } of listings) {
      if (own.includes(kind)) continue;
      const startedAt = clock().toISOString();
      const reusable = writer.listedAt(kind, cluster.resourceVersion());
      const objects = cluster.objects(kind);
      const isKnown = (object: EvidenceObject) => {
        const { namespace, name, uid, resourceVersion } = object;
        return reusable && resourceVersion !== undefined && writer.reuse(kind, { namespace, name, uid, resourceVersion });
      };
      const fresh = objects.filter((object) => !isKnown(object));
      if (fresh.length > 0) writer.put(kind, fresh);
      const gaps = cluster.gaps(kind);
      const observedAt = clock().toISOString();
      const request = {
        auditId: `${plan.uuid}-1`,
        path: paths[0] ?? `/${kind}`,
        status: 200,
        startedAt,
        endedAt: observedAt,
        resourceVersion: cluster.resourceVersion(),
        pages: Math.max(1, Math.ceil(objects.length / 500)),
        items: objects.length,
        bytes: objects.length * 5000,
        attempts: 1,
        consistency: 'consistent',
      } as const;
      const items = objects.length;
      writer.close({ kind, collectorVersion, keepDigest, assurance, requests: [request], gaps, items, scrubbed: {}, observedAt });
    }
    storeLedgerEvidence({ ledger, cluster: plan.cluster, number, sink: writer, kinds: own, clock });
    writer.end({ status: 'succeeded', error: null, identity: cluster.identity, serverClockSkewMs: 12 });
  };
}
