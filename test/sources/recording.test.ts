import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { collectors, declarationOf } from '../../src/collectors/index.ts';
import { createMemorySnapshot } from '../../src/ledger/storage/memory-snapshot.ts';
import type { ClusterIdentity, Collector, EvidenceReader, EvidenceSink } from '../../src/model/index.ts';
import { canonicalize } from '../../src/model/index.ts';
import { createIngest, createRecordingSink, isRecording, replayRecording } from '../../src/sources/index.ts';

const at = '2026-11-21T00:00:00.000Z';
const identity: ClusterIdentity = { name: 'prod', uid: 'u', version: '1.36.3', server: 'https://x', caFingerprint: null, actor: null };
const end = { status: 'succeeded', identity, endedAt: '2026-11-21T00:05:00.000Z' } as const;
let root = '';
let file = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'recording-'));
  file = join(root, 'a.kvr');
});
afterEach(() => rmSync(root, { recursive: true }));

const header = (uuid: string) => ({ tool: 'kubevidence 0.1.0', uuid, identity, observedAt: at });
const podPage = (names: string[]) =>
  Buffer.from(
    JSON.stringify({
      kind: 'PodList',
      apiVersion: 'v1',
      metadata: {},
      items: names.map((name) => ({
        metadata: { name, namespace: 'ü', uid: `u-${name}`, resourceVersion: '3' },
        spec: { containers: [{ name: 'c', args: ['--token=cAnArYcAnArY'] }] },
      })),
    }),
  );

/** Records what two listings of a run read, into the recording and into memory beside it. */
function record(uuid: string, names: string[], append = false): EvidenceReader {
  const memory = createMemorySnapshot({ scope: 'cluster', cluster: identity, at: end.endedAt });
  const sink = createRecordingSink(file, header(uuid), { append });
  const both: EvidenceSink = {
    put: (kind, objects) => {
      for (const one of [memory, sink]) one.put(kind, objects);
    },
    restart: (kind) => {
      for (const one of [memory, sink]) one.restart(kind);
    },
    close: (listing) => {
      for (const one of [memory, sink]) one.close(listing);
    },
  };
  const ingest = createIngest({ collectors, sink: both, clock: () => new Date(at) });
  const [request] = declarationOf('k8s.pods/pods')?.requests({}) ?? [];
  if (request === undefined) throw new Error('no request');
  ingest.page('k8s.pods/pods', 0, request, podPage(['gone']));
  ingest.restart('k8s.pods/pods');
  ingest.page('k8s.pods/pods', 0, request, podPage(names));
  ingest.close('k8s.pods/pods', { requests: [], gaps: [], observedAt: at });
  ingest.close('k8s.nodes/nodes', { requests: [], gaps: [{ reason: 'forbidden', what: 'nodes' }], observedAt: at });
  sink.end(end);
  return memory;
}

async function replay(path = file, known: readonly Collector[] = collectors) {
  const snapshots: EvidenceReader[] = [];
  const ended: string[] = [];
  const runs = await replayRecording(path, {
    collectors: known,
    startRun: (run) => {
      const snapshot = createMemorySnapshot({ scope: 'cluster', cluster: run.identity, at: run.observedAt });
      snapshots.push(snapshot);
      return snapshot;
    },
    endRun: (run) => ended.push(run.uuid),
  });
  return { snapshots, runs, ended };
}

// Ids are salted per snapshot, so they are the one thing that differs.
const withoutId = <T extends { id: string }>({ id: _id, ...rest }: T) => rest;
const contents = (reader: EvidenceReader) =>
  reader.listings().map((listing) => ({ listing: withoutId(listing), objects: Array.from(reader.objects(listing.kind), withoutId) }));

test('several runs replay with the same result', async () => {
  const first = record('r-1', ['a', 'b']);
  const second = record('r-2', ['a', 'c'], true);
  const { snapshots, runs, ended } = await replay();
  expect(snapshots.map(contents)).toEqual([contents(first), contents(second)]);
  expect(runs).toMatchObject([{ uuid: 'r-1', status: 'succeeded', identity, startedAt: at, observedAt: end.endedAt }, { uuid: 'r-2' }]);
  expect(ended).toEqual(['r-1', 'r-2']);
  expect(gunzipSync(readFileSync(file)).toString()).not.toContain('cAnArY');
  expect(statSync(file).mode & 0o077).toBe(0);
  expect(isRecording(file)).toBe(true);
});

test('a run that is abandoned or still open leaves the recording as it was', async () => {
  record('r-1', ['a']);
  const before = readFileSync(file);
  const sink = createRecordingSink(file, header('r-2'), { append: true });
  sink.close({ ...contentsListing(), kind: 'k8s.nodes/nodes' });
  expect(readFileSync(file)).toEqual(before);
  sink.abandon();
  expect(readFileSync(file)).toEqual(before);
  expect((await replay()).runs).toHaveLength(1);
});

function contentsListing() {
  return {
    kind: 'k8s.nodes/nodes',
    collectorVersion: 1,
    keepDigest: '',
    assurance: 'observed',
    requests: [],
    gaps: [],
    items: 0,
    scrubbed: {},
    observedAt: at,
  } as const;
}

test('a file that exists is not overwritten, and nothing is added to what is no recording', () => {
  record('r-1', ['a']);
  expect(() => createRecordingSink(file, header('r-2'))).toThrow(/exists already/);
  writeFileSync(file, 'text');
  expect(() => createRecordingSink(file, header('r-2'), { append: true })).toThrow(/no recording/);
  expect(() => createRecordingSink(join(root, 'none', 'x'), header('r'))).toThrow(/cannot write the recording/);
});

/** The recording with its lines changed, and made whole again as an editor with bad intent would. */
function edit(change: (line: string) => string | undefined, seal: boolean): string {
  record('r-1', ['a']);
  const lines = gunzipSync(readFileSync(file))
    .toString()
    .trimEnd()
    .split('\n')
    .map(change)
    .filter((line) => line !== undefined);
  if (seal) {
    const last = JSON.parse(lines.pop() ?? '') as object;
    const sha256 = createHash('sha256')
      .update(lines.map((line) => `${line}\n`).join(''))
      .digest('hex');
    lines.push(JSON.stringify({ ...last, lines: lines.length, sha256 }));
  }
  const path = join(root, 'edited');
  writeFileSync(path, gzipSync(`${lines.join('\n')}\n`));
  return path;
}

describe('what is damaged is refused as a whole', () => {
  test.each<[string, (bytes: Buffer) => Buffer, RegExp]>([
    ['cut', (bytes) => bytes.subarray(0, bytes.length - 30), /ends early/],
    ['empty', () => Buffer.alloc(0), /ends early|empty/],
    ['another file', () => Buffer.from('apiVersion: v1'), /no gzip file/],
    ['gzip of something else', () => gzipSync('{"a":1}\n'), /no recording/],
    ['not JSON', () => gzipSync('hello\n'), /not JSON/],
    [
      'bytes after the end',
      (bytes) => Buffer.concat([bytes, gzipSync('{"line":"restart","kind":"k8s.pods/pods"}\n')]),
      /one after the other/,
    ],
    [
      'a run without its end',
      (bytes) =>
        Buffer.concat([bytes, gzipSync(`${JSON.stringify({ line: 'run', format: 'kubevidence/recording/v1', ...header('x') })}\n`)]),
      /ends early/,
    ],
  ])('%s', async (_name, damage, message) => {
    record('r-1', ['a']);
    writeFileSync(file, damage(readFileSync(file)));
    const started: string[] = [];
    await expect(
      replayRecording(file, {
        collectors,
        startRun: (run) => {
          started.push(run.uuid);
          return createMemorySnapshot({ scope: 'cluster', cluster: identity, at });
        },
      }),
    ).rejects.toThrow(expect.objectContaining({ code: 'input', message: expect.stringMatching(message) }));
    expect(started).toEqual([]);
  });

  test.each<[string, (line: string) => string | undefined, boolean, RegExp]>([
    ['edited', (line) => line.replace('"name":"a"', '"name":"b"'), false, /changed after it was recorded/],
    ['a line taken out', (line) => (line.includes('forbidden') ? undefined : line), false, /changed after it was recorded/],
    ['a newer format', (line) => line.replace('recording/v1', 'recording/v2'), true, /kubevidence\/recording\/v2; this version reads/],
    ['an unknown member', (line) => line.replace('"tool"', '"extra":1,"tool"'), true, /no recording/],
    [
      'a time that no clock gives',
      (line) => line.replace('2026-11-21T00:05:00.000Z', '2026-11-31T00:05:00.000Z'),
      true,
      /another form than recorded/,
    ],
    ['an unknown kind', (line) => line.replaceAll('k8s.nodes/nodes', 'k8s.new/things'), true, /k8s\.new\/things/],
  ])('%s', async (_name, change, seal, message) => {
    await expect(replay(edit(change, seal))).rejects.toThrow(
      expect.objectContaining({ code: 'input', message: expect.stringMatching(message) }),
    );
  });
});

test('a recording that was edited and sealed again cannot bring values in', async () => {
  const path = edit(
    (line) =>
      line
        .replace('"metadata":{', '"data":{"x":"cAnArY"},"metadata":{"annotations":{"y":"cAnArY"},')
        .replace(
          '{"$scrubbed":true,"flag":"token","credential":"name-suggests-credential"}',
          '"cAnArY",{"$scrubbed":true,"credential":"cAnArY"}',
        ),
    true,
  );
  expect(
    gunzipSync(readFileSync(path))
      .toString()
      .match(/cAnArY/g),
  ).toHaveLength(8);
  const { snapshots } = await replay(path);
  expect(canonicalize(snapshots.map(contents))).not.toContain('cAnArY');
});

test('what another version of a collector kept is a gap', async () => {
  record('r-1', ['a']);
  const newer = collectors.map((collector) => (collector.kind === 'k8s.pods' ? Object.assign({}, collector, { version: 99 }) : collector));
  const { snapshots } = await replay(file, newer);
  expect(snapshots[0]?.listing('k8s.pods/pods')?.gaps).toMatchObject([{ reason: 'redacted', what: 'k8s.pods/pods' }]);
  expect(snapshots[0]?.listing('k8s.nodes/nodes')?.gaps).toMatchObject([{ reason: 'forbidden' }]);
});
