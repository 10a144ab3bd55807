/**
 * `npm run bench -- growth [--only growth,memory,log,diff,year --pods N --days N --objects N --records N --out FILE]`: what the ledger stores and how that grows, and how fast and
 * in how much memory it is written, read and verified, on synthetic clusters (synthetic.ts). Prints tables in Markdown.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { openLedger, verifyLedger } from '../../src/ledger/index.ts';
import { createLogStore } from '../../src/ledger/storage/log-store.ts';
import { type BenchLedger, collectSynthetic, identity, openBenchLedger } from './fill.ts';
import { measure } from './measure.ts';
import { createSyntheticCluster } from './synthetic.ts';

const { values } = parseArgs({
  options: {
    pods: { type: 'string', default: '5000' },
    days: { type: 'string', default: '365' },
    objects: { type: 'string', default: '100000' },
    records: { type: 'string', default: '1000000' },
    only: { type: 'string', default: 'growth,memory,log,diff,year' },
    dist: { type: 'string', default: join(import.meta.dirname, '..', '..', 'dist') },
    out: { type: 'string' },
  },
});
const hour = 3_600_000;
const work = mkdtempSync(join(tmpdir(), 'kubevidence-growth-'));
const say = (text: string) => process.stderr.write(`${text}\n`);
const kB = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`;
const MB = (bytes: number) => `${(bytes / 1e6).toFixed(2)} MB`;
const percent = (part: number, whole: number) => `${((part / whole) * 100).toFixed(2)} %`;

const middle = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

/** Pages of the database that hold something, in bytes. */
function usedBytes(path: string): number {
  const db = new Database(path, { readonly: true });
  const [pages, free, size] = ['page_count', 'freelist_count', 'page_size'].map((name) => Number(db.pragma(name, { simple: true })));
  db.close();
  return ((pages ?? 0) - (free ?? 0)) * (size ?? 0);
}

/** What all tables and indexes hold, in bytes: without the room that is left in their pages, which a run may use or open another page. */
function storedBytes(path: string): number {
  const db = new Database(path, { readonly: true });
  const bytes = db.prepare<[], number>('SELECT sum(payload) FROM dbstat').pluck().get() ?? 0;
  db.close();
  return bytes;
}

/** How many bytes each of `count` runs adds, and by how many the file grows for each in the mean. */
function growthOf(path: string, count: number, run: () => void): { readonly each: readonly number[]; readonly file: number } {
  const start = usedBytes(path);
  const each = Array.from({ length: count }, () => {
    const before = storedBytes(path);
    run();
    return storedBytes(path) - before;
  });
  return { each, file: (usedBytes(path) - start) / count };
}

function benchGrowth(name: string, alike: boolean): string[] {
  const path = join(work, `growth-${name}.db`);
  const pods = Number(values.pods);
  const cluster = createSyntheticCluster(pods, { alike, keep: true });
  const opened = openBenchLedger(path);
  let gzipped = 0;
  const first = collectSynthetic(opened, cluster, (page) => {
    gzipped += gzipSync(page).length;
  });
  const size = usedBytes(path);
  let unchangedMs = { ms: 0, ledgerMs: 0 };
  const unchanged = growthOf(path, 24, () => {
    opened.pass(hour);
    unchangedMs = collectSynthetic(opened, cluster);
  });
  const changed = growthOf(path, 24, () => {
    opened.pass(hour);
    cluster.changePods(pods / 100);
    collectSynthetic(opened, cluster);
  });
  opened.ledger.close();
  const limit = size / 1000 + 4096;
  const share = ({ ms, ledgerMs }: { ms: number; ledgerMs: number }) => `${ledgerMs.toFixed(0)} of ${ms.toFixed(0)} ms`;
  const time = `${share(first)}, ${share(unchangedMs)}`;
  const what = `${cluster.objects} objects, ${MB(first.pageBytes)} of pages, gzip ${MB(gzipped)}`;
  const unchangedMost = `${kB(Math.max(...unchanged.each))} (file ${kB(unchanged.file)}; bar ${kB(limit)})`;
  const changedMost = `${kB(Math.max(...changed.each))}, ${percent(Math.max(...changed.each), size)} (file ${kB(changed.file)}, ${percent(changed.file, size)}; bar 2 %)`;
  return [`| ${name}: ${what} | ${MB(size)} | ${(size / gzipped).toFixed(2)}x | ${unchangedMost} | ${changedMost} | ${time} |`];
}

function benchYear(): string[] {
  const path = join(work, 'year.db');
  const pods = 1000;
  const days = Number(values.days);
  const cluster = createSyntheticCluster(pods, { keep: true });
  const opened: BenchLedger = openBenchLedger(path);
  collectSynthetic(opened, cluster);
  const first = usedBytes(path);
  const marks = new Set([1, 7, 30, 91, 182, 365]);
  const lines = [
    '| age | runs | ledger | times the first run | a day |',
    '|---|---|---|---|---|',
    `| first run | 1 | ${MB(first)} | 1 | |`,
  ];
  let owed = 0;
  let last = { day: 0, bytes: first };
  for (let day = 1; day <= days; day++) {
    for (let each = 0; each < 24; each++) {
      opened.pass(hour);
      owed += (pods * 0.01) / 24;
      cluster.changePods(Math.floor(owed));
      owed -= Math.floor(owed);
      collectSynthetic(opened, cluster);
    }
    if (!marks.has(day) && day !== days) continue;
    const bytes = usedBytes(path);
    const daily = (bytes - last.bytes) / (day - last.day);
    last = { day, bytes };
    lines.push(`| ${day} days | ${day * 24 + 1} | ${MB(bytes)} | ${(bytes / first).toFixed(2)} | ${kB(daily)} |`);
    say(lines.at(-1) ?? '');
  }
  const { ledger } = opened;
  const number = ledger.clusters()[0]?.lastRun.number ?? 1;
  const timeOf = (act: () => unknown) => {
    const started = performance.now();
    act();
    return `${(performance.now() - started).toFixed(0)} ms`;
  };
  const readAll = (run: number) => {
    const snapshot = ledger.snapshot(identity.name, run);
    for (const { kind } of snapshot.listings()) for (const object of snapshot.objects(kind)) if (object.id === '') throw new Error('no id');
  };
  const [early, late] = [timeOf(() => readAll(1)), timeOf(() => readAll(number))];
  ledger.close();
  let objects = 0;
  const verified = timeOf(() => {
    const { ok, problems, counts } = verifyLedger(path);
    if (!ok) throw new Error(problems.slice(0, 3).join('\n'));
    objects = counts.objects;
  });
  return [
    ...lines,
    '',
    `${cluster.objects} objects, of which ${pods} pods; ${objects} versions stored. Reading the first snapshot takes ${early}, the last ${late}; verifying all of it ${verified}.`,
  ];
}

async function benchMemory(): Promise<string[]> {
  const objects = Number(values.objects);
  const pages = join(work, 'pages');
  const path = join(work, 'memory.db');
  mkdirSync(pages);
  // Pods, and three objects for every five of them.
  const cluster = createSyntheticCluster(Math.floor((objects * 5) / 8));
  for (const [place, kind] of cluster.kinds.entries()) {
    let number = 0;
    const nameOf = () => `${place} ${kind.replace('/', ' ')} ${String(number++).padStart(5, '0')}.json`;
    for (const page of cluster.pages(kind)) writeFileSync(join(pages, nameOf()), page);
  }
  const pageBytes = readdirSync(pages).reduce((sum, file) => sum + statSync(join(pages, file)).size, 0);
  say(`${cluster.objects} objects, ${MB(pageBytes)} of pages`);
  const child = join(import.meta.dirname, 'growth-child.mjs');
  const run = async (task: string) => {
    const measured = await measure([child, values.dist, task, path, pages], { cwd: work });
    if (measured.code !== 0 || measured.stdout === '') throw new Error(`${task}: ${measured.stderr}`);
    return { ...(JSON.parse(measured.stdout) as { ms: number; cpuMs: number }), peakMb: measured.peakMb };
  };
  const lines = ['| 100,000 objects in one snapshot | time | CPU | peak memory (bar: 300 MB) |', '|---|---|---|---|'];
  lines[0] = lines[0]?.replace('100,000', cluster.objects.toLocaleString('en')) ?? '';
  for (const [task, title] of [
    ['write', 'first run: parse, scrub, store'],
    ['write', 'second run, unchanged'],
    ['read', 'read the snapshot, every id checked'],
    ['verify', 'verify the ledger'],
  ] as const) {
    const { ms, cpuMs, peakMb } = await run(task);
    const speed = task === 'verify' ? ` (${(rawBytes(path) / 1e6 / (cpuMs / 1000)).toFixed(0)} MB/s of objects; bar: 200)` : '';
    lines.push(`| ${title} | ${(ms / 1000).toFixed(1)} s | ${(cpuMs / 1000).toFixed(1)} s${speed} | ${peakMb.toFixed(0)} MB |`);
    say(lines.at(-1) ?? '');
  }
  return lines;
}

/** Of all objects, as hashed. */
function rawBytes(path: string): number {
  const db = new Database(path, { readonly: true });
  let bytes = 0;
  for (const entries of db.prepare<[], Buffer>('SELECT entries FROM block').pluck().iterate())
    for (let at = 48; at < entries.length; at += 52) bytes += entries.readUInt32LE(at);
  db.close();
  return bytes;
}

function benchLog(): string[] {
  const path = join(work, 'log.db');
  const records = Number(values.records);
  const cluster = createSyntheticCluster(5);
  const opened = openBenchLedger(path);
  collectSynthetic(opened, cluster);
  opened.ledger.close();
  const db = new Database(path);
  const log = createLogStore(db);
  const digest = 'cd'.repeat(32);
  const start = log.size();
  const append = db.transaction((from: number, to: number) => {
    for (let leaf = from; leaf < to; leaf += 2) {
      const [run, at] = [2 + (leaf - start) / 2, new Date(Date.UTC(2026, 1, 1) + leaf * 1000).toISOString()];
      const common = { v: 1, at, cluster: identity.name, run, uuid: randomUUID() } as const;
      const [tool, collected] = ['kubevidence bench', { count: 20, digest }];
      log.append({ type: 'run-planned', ...common, kind: 'scheduled', slot: at, tool, collectors: collected, definitions: digest });
      log.append({
        type: 'run-ended',
        ...common,
        status: 'failed',
        startedAt: at,
        endedAt: at,
        observedAt: null,
        clusterUid: null,
        caFingerprint: null,
        listings: 0,
        complete: 0,
        items: 0,
        gaps: 0,
        serverClockSkewMs: null,
        snapshot: null,
        reusable: null,
      });
    }
    log.sign(opened.signer);
  });
  for (let from = start; from < records; from += 20_000) append(from, Math.min(from + 20_000, records));
  db.close();
  const again = openBenchLedger(path);
  collectSynthetic(again, cluster);
  again.ledger.close();

  const timeOf = <T>(act: () => T): [T, number] => {
    const started = performance.now();
    return [act(), performance.now() - started];
  };
  const ms = (numbers: readonly number[]) =>
    `${middle(numbers).toFixed(1)} ms (slowest of ${numbers.length}: ${Math.max(...numbers).toFixed(1)} ms)`;
  const opening: Record<'read' | 'write', number[]> = { read: [], write: [] };
  const proofs: number[] = [];
  let size = 0;
  for (let i = 0; i < 3; i++) {
    const [ledger, readMs] = timeOf(() => openLedger({ path, mode: 'read', clock: again.clock }));
    opening.read.push(readMs);
    size = ledger.checkpoint().size;
    for (let j = 0; j < 20; j++) {
      proofs.push(timeOf(() => ledger.inclusionProof(Math.floor((size * j) / 20), size))[1]);
      proofs.push(timeOf(() => ledger.consistencyProof(1 + Math.floor((size * j) / 21), size))[1]);
    }
    ledger.close();
    const [writer, writeMs] = timeOf(() => openBenchLedger(path));
    opening.write.push(writeMs);
    writer.ledger.close();
  }
  const before = process.cpuUsage();
  const [verified, verifyMs] = timeOf(() => verifyLedger(path));
  const { user, system } = process.cpuUsage(before);
  const verifyCpuMs = (user + system) / 1000;
  if (!verified.ok) throw new Error(verified.problems.slice(0, 3).join('\n'));
  return [
    `A log of ${size.toLocaleString('en')} records (${MB(statSync(path).size)}): opened for reading in ${ms(opening.read)}, for writing in ${ms(opening.write)}, bar 200 ms; a proof of inclusion or consistency takes ${ms(proofs)}, bar 10 ms; verified in ${(verifyMs / 1000).toFixed(1)} s (${(verifyCpuMs / 1000).toFixed(1)} s of CPU, ${Math.round(size / (verifyCpuMs / 1000)).toLocaleString('en')} records/s; bar: 100,000).`,
  ];
}

/** Two snapshots of half as many objects again as for memory, a hundred of them changed. */
async function benchDiff(): Promise<string[]> {
  const path = join(work, 'diff.db');
  const changes = 100;
  const cluster = createSyntheticCluster(Math.floor((Number(values.objects) * 1.5 * 5) / 8));
  const opened = openBenchLedger(path);
  collectSynthetic(opened, cluster);
  cluster.changePods(changes);
  collectSynthetic(opened, cluster);
  opened.ledger.close();
  const measured = await measure([join(import.meta.dirname, 'growth-child.mjs'), values.dist, 'diff', path], { cwd: work });
  if (measured.code !== 0 || measured.stdout === '') throw new Error(measured.stderr);
  const { found, times } = (JSON.parse(measured.stdout) as { result: { found: number; times: number[] } }).result;
  return [
    `What differs between two snapshots of ${cluster.objects.toLocaleString('en')} objects, ${changes} pods changed or replaced (${found} differences): ${times[0]?.toFixed(0)} ms of CPU at first, then ${middle(times.slice(1)).toFixed(0)} ms.`,
  ];
}

function benchSizes(): string[] {
  const lines = [
    '| | first run | of the gzip | most that one of 24 unchanged runs adds | most that one of 24 with 1 % of the pods changed adds | time in the ledger, of all but the download: first, unchanged |',
    '|---|---|---|---|---|---|',
  ];
  for (const [name, alike] of [
    ['varied', false],
    ['alike', true],
  ] as const) {
    lines.push(...benchGrowth(name, alike));
    say(lines.at(-1) ?? '');
  }
  return lines;
}

const parts: Readonly<Record<string, () => string[] | Promise<string[]>>> = {
  growth: benchSizes,
  memory: benchMemory,
  log: benchLog,
  diff: benchDiff,
  year: benchYear,
};

try {
  const lines = [
    `Node ${process.version}; ${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${(totalmem() / 2 ** 30).toFixed(0)} GiB.`,
  ];
  for (const [name, part] of Object.entries(parts)) if (values.only.split(',').includes(name)) lines.push('', ...(await part()));
  const text = `${lines.join('\n')}\n`;
  process.stdout.write(text);
  if (values.out !== undefined) writeFileSync(values.out, text);
} finally {
  rmSync(work, { recursive: true, force: true });
}
