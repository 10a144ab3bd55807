/** What an older version of a collector recorded shows less than today's controls read: it may fail, but it passes nothing. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadCatalogInForce } from '../../src/app/index.ts';
import { openLedgerForReading } from '../../src/app/open-ledger.ts';
import { assessControls } from '../../src/assessment/index.ts';
import { collectorOf } from '../../src/collectors/index.ts';
import { openLedger } from '../../src/ledger/index.ts';
import type { EvidenceObject, EvidenceReader, ListingKind } from '../../src/model/index.ts';
import { populations } from '../../src/populations/index.ts';
import { clockFrom, create, digest, identity, listing, plan, pod, signerOf } from '../ledger/given.ts';

const pods: ListingKind = 'k8s.pods/pods';
const kinds = populations.find(({ name }) => name === 'containers')?.from ?? [];
const present = collectorOf(pods)?.version ?? 0;
const clock = clockFrom();

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kubevidence-older-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function privileged(): EvidenceObject {
  const { body, ...rest } = pod({ name: 'b', namespace: 'default' });
  return { ...rest, body: { ...body, spec: { containers: [{ name: 'main', image: 'nginx', securityContext: { privileged: true } }] } } };
}

/** POD-001 of a run that the given version recorded, as one snapshot and as one of a series. */
async function judged(collectorVersion: number, objects: readonly EvidenceObject[]) {
  const path = join(folder, 'l.db');
  const ledger = openLedger({ path, mode: 'write', clock, signer: signerOf(), create });
  const { number } = plan(ledger);
  const versionOf = (kind: ListingKind) => (kind === pods ? collectorVersion : (collectorOf(kind)?.version ?? 0));
  const listings = kinds.map((kind) => ({ kind, collectorVersion: versionOf(kind), keepDigest: digest, reusable: true }));
  const writer = ledger.startRun({ cluster: 'prod', number, identity, scope: 'cluster', listings });
  writer.put(pods, objects);
  for (const kind of kinds) writer.close(listing(kind, kind === pods ? objects.length : 0, { collectorVersion: versionOf(kind) }));
  writer.end({ status: 'succeeded', error: null, identity, serverClockSkewMs: 0 });
  ledger.close();
  const { catalog } = await loadCatalogInForce(null);
  const controls = catalog.controls.filter(({ id }) => id === 'POD-001');
  const reading = openLedgerForReading({ clock }, { ledgerPath: path });
  const outcomeOf = (reader: EvidenceReader) => {
    const [result] = assessControls(controls, { reader, populations });
    return { outcome: result?.outcome, gaps: result?.gaps.map(({ detail }) => detail) };
  };
  try {
    return [outcomeOf(reading.snapshot('prod', number)), outcomeOf(reading.snapshots('prod')(number))];
  } finally {
    reading.close();
  }
}

const old = `recorded by version ${present - 1} of its collector; this is version ${present}, which keeps other fields`;

test('of what this version recorded, a harmless pod passes', async () => {
  const result = { outcome: 'pass', gaps: [] };
  expect(await judged(present, [pod({ name: 'a' })])).toEqual([result, result]);
});

test.each([
  ['passes nothing', 'notAssessed', [pod({ name: 'a' })]],
  ['fails where it shows what fails', 'fail', [pod({ name: 'a' }), privileged()]],
])('of what the version before recorded: %s', async (_, outcome, objects) => {
  const result = { outcome, gaps: [old] };
  expect(await judged(present - 1, objects)).toEqual([result, result]);
});
