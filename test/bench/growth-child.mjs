// One task on a ledger in a process of its own, for the peak of its memory; plain JavaScript on the built package, so that nothing is
// stripped for it. Arguments: the package's dist, `write` | `read` | `verify` | `diff`, the ledger, and for `write` the directory of pages.
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isMainThread, Worker } from 'node:worker_threads';

const [dist, task, path, pages] = process.argv.slice(2);
const load = (folder) => import(pathToFileURL(join(dist, folder, 'index.js')).href);
const digest = 'ab'.repeat(32);
const clock = () => new Date();

function write({ openLedger }, { collectors }, { createIngest, createScrubber }) {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, 1)]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(-32);
  const signer = { name: 'bench.example/log', publicKey, sign: (data) => sign(null, data, key) };
  const create = { organization: 'Bench', tool: 'kubevidence bench', documentKeyFingerprint: digest };
  const ledger = openLedger({ path, mode: 'write', clock, signer, create });
  const uuid = crypto.randomUUID();
  const cluster = 'bench';
  const identity = { name: cluster, uid: digest.slice(0, 8), version: '1.36.3', server: null, caFingerprint: digest, actor: null };
  const tool = 'kubevidence bench';
  const planned = { cluster, uuid, kind: 'manual', collectors: [{ kind: 'k8s.pods', version: 1 }], tool, definitions: digest };
  const { number } = ledger.planRun(planned);
  const files = Map.groupBy(readdirSync(pages).sort(), (file) => file.replace(/^\d+ (.*) \d+\.json$/, '$1').replace(' ', '/'));
  const declared = collectors.flatMap(({ version, listings }) => listings.map((listing) => ({ version, listing })));
  const wanted = declared.filter(({ listing }) => files.has(listing.kind));
  const listings = wanted.map(({ version, listing }) => ({
    kind: listing.kind,
    collectorVersion: version,
    keepDigest: createScrubber(listing).keepDigest,
    reusable: listing.reusable === true,
  }));
  const writer = ledger.startRun({ cluster, number, identity, scope: 'cluster', listings });
  const ingest = createIngest({ collectors, sink: writer, clock });
  for (const { listing } of wanted) {
    const { kind } = listing;
    const [request] = listing.requests({});
    const at = clock().toISOString();
    const exchange = { auditId: `${uuid}-1`, path: request.path, status: 200, startedAt: at, endedAt: at, attempts: 1 };
    let [items, bytes] = [0, 0];
    for (const file of files.get(kind)) {
      const read = readFileSync(join(pages, file));
      const page = new Uint8Array(read.buffer, read.byteOffset, read.length);
      bytes += page.length;
      items += ingest.page(kind, 0, request, page).items;
      page.buffer.transfer(0);
    }
    const requests = [{ ...exchange, resourceVersion: '1', pages: files.get(kind).length, items, bytes, consistency: 'consistent' }];
    ingest.close(kind, { requests, gaps: [], observedAt: at });
  }
  writer.end({ status: 'succeeded', error: null, identity, serverClockSkewMs: 0 });
  ledger.close();
}

function read({ openLedger }) {
  const ledger = openLedger({ path, mode: 'read', clock });
  const snapshot = ledger.snapshot('bench', ledger.clusters()[0].lastRun.number);
  let objects = 0;
  for (const { kind } of snapshot.listings()) for (const object of snapshot.objects(kind)) objects += object.id.length / 64;
  ledger.close();
  return objects;
}

function verify({ verifyLedger }) {
  const { ok, problems, counts } = verifyLedger(path);
  if (!ok) throw new Error(problems.join('\n'));
  return counts.objects;
}

/** What differs between the first two runs, ten times: milliseconds of CPU of each. */
function diff({ openLedger }) {
  const ledger = openLedger({ path, mode: 'read', clock });
  let found = 0;
  const times = Array.from({ length: 10 }, () => {
    const before = process.cpuUsage();
    found = [...ledger.differences('bench', 1, 2)].reduce((sum, { items }) => sum + items.length, 0);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  ledger.close();
  return { found, times };
}

if (task === 'write' && isMainThread) {
  // As a collection's worker is started (src/app/collect/worker-client.ts).
  const worker = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2), resourceLimits: { maxYoungGenerationSizeMb: 24 } });
  worker.on('error', (error) => {
    throw error;
  });
} else {
  const folders = task === 'write' ? ['ledger', 'collectors', 'sources'] : ['ledger'];
  const modules = await Promise.all(folders.map(load));
  const [started, before] = [performance.now(), process.cpuUsage()];
  const result = await { write, read, verify, diff }[task](...modules);
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(`${JSON.stringify({ ms: performance.now() - started, cpuMs: (user + system) / 1000, result })}\n`);
}
