/** The ledger that is tampered with: three runs of two clusters, a judgement and a first state of definitions. */
import { hash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Assessment } from '../../src/model/index.ts';
import { collect, definitions, digest, pod } from './given.ts';
import { openForTest, temporaryPath } from './temporary.ts';

let known: Buffer | undefined;

/** A copy; the ledger is made once for each test file. */
export function tamperVictim(): string {
  known ??= makeVictim();
  const path = temporaryPath();
  writeFileSync(path, known);
  return path;
}

function makeVictim(): Buffer {
  const path = temporaryPath();
  const ledger = openForTest(path);
  const objects = Array.from({ length: 150 }, (_, index) => pod({ namespace: `ns-${index % 3}`, name: `p-${index}` }));
  collect(ledger, objects);
  collect(ledger, [...objects.slice(0, 140), pod({ name: 'new' })], { resourceVersion: '101' });
  collect(ledger, objects.slice(5), { resourceVersion: '102', identity: { ...ledger.snapshot('prod', 1).cluster, name: 'test' } });
  const catalogBytes = Buffer.from('{"controls":[]}');
  const assessment = { controls: [{ outcome: 'fail' }] } as unknown as Assessment;
  ledger.recordAssessment({
    cluster: 'prod',
    run: 2,
    at: '2026-08-14T12:30:00.000Z',
    toolVersion: '1',
    catalogDigest: hash('sha256', catalogBytes),
    catalogBytes,
    paramsDigest: digest,
    assessment,
  });
  ledger.recordDefinitions(definitions({ params: 'strict' }), { reason: 'r', requester: 'alice', approver: 'bob' });
  ledger.checkpoint();
  ledger.close();
  return readFileSync(path);
}
