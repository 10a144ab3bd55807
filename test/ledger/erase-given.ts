/** What the tests of erasure share: bindings that name people, judgements, definitions, and the bytes that lie on the disk. */
import { hash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { zstdDecompressSync } from 'node:zlib';
import Database from 'better-sqlite3';
import type { ErasureOrder, ErasureRequest, Ledger } from '../../src/ledger/index.ts';
import type { Assessment, EvidenceObject, ListingKind } from '../../src/model/index.ts';
import { digest } from './given.ts';

export const bindings: ListingKind = 'k8s.rbac/rolebindings';
export const order: ErasureOrder = {
  legalBasis: 'GDPR Art. 17, ticket 4711',
  requester: 'DPO office',
  approver: 'CISO',
  overrideRetention: true,
};
export const nothing: ErasureRequest = {
  cluster: 'prod',
  objects: [],
  ids: [],
  payloads: [],
  persons: [],
  expired: false,
  before: null,
  assessments: false,
};
export const alice = 'alice.wonder@clinic.example';
export const later = '2026-08-15T00:00:00.000Z';

export function binding(name: string, user: string, resourceVersion = '1', uid = `uid-${name}`): EvidenceObject {
  const body = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { namespace: 'clinic', name, uid, annotations: { note: `${user} `.repeat(20).trim() } },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
  };
  return { apiVersion: body.apiVersion, type: 'RoleBinding', namespace: 'clinic', name, uid, resourceVersion, body };
}

export const others = (count: number) => Array.from({ length: count }, (_, index) => binding(`team-${index}`, `user-${index}`));
const assessment = (item: string) =>
  ({
    controls: [{ id: 'RBAC-001', outcome: 'fail', findings: [{ item, message: `${item} may read`.repeat(5), evidence: [] }] }],
  }) as unknown as Assessment;
const catalogBytes = Buffer.from('{"controls":[]}');

export function judge(ledger: Ledger, run: number, item: string, params = digest): void {
  const catalogDigest = hash('sha256', catalogBytes);
  const at = later;
  ledger.recordAssessment({
    cluster: 'prod',
    run,
    at,
    toolVersion: '1',
    catalogDigest,
    catalogBytes,
    paramsDigest: params,
    assessment: assessment(item),
  });
}

/** Records a change of one parameter; the leaf of the record that closes it. */
export function define(ledger: Ledger, digit: string, requester = 'a', value = digit): number {
  const list = [{ what: 'params RBAC-001', digest: digit.repeat(32), value }];
  ledger.recordDefinitions({ list, texts: new Map(), tool: 'kubevidence 0.1.0' }, { reason: 'r', requester, approver: 'b' });
  return ledger.definitionState()?.leaf ?? -1;
}

/** Every byte that lies beside the ledger under its name, and what every compressed frame in it says. */
export function bytesOf(path: string): { readonly raw: Buffer; readonly text: string } {
  const raw = Buffer.concat(
    ['', '-wal', '-shm', '-journal'].map((end) => (existsSync(path + end) ? readFileSync(path + end) : Buffer.alloc(0))),
  );
  const frames: string[] = [];
  const magic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
  for (let at = raw.indexOf(magic); at >= 0; at = raw.indexOf(magic, at + 1)) {
    // The end of a frame is not marked; what follows it is refused, so try from what SQLite's pages leave together.
    for (const length of [4096, 1024, 512]) {
      try {
        frames.push(zstdDecompressSync(raw.subarray(at, at + length), { finishFlush: 0 }).toString('latin1'));
        break;
      } catch {}
    }
  }
  return { raw, text: `${raw.toString('latin1')}${frames.join('\n')}` };
}

export const blobs = (path: string, sql: string): Buffer[] => {
  const raw = new Database(path, { readonly: true });
  const found = raw.prepare<[], Buffer>(sql).pluck().all();
  raw.close();
  return found;
};

/** Whether any 24 bytes of `needle` in a row are in `raw`. */
export const hasPiece = (raw: Buffer, needle: Buffer): boolean => {
  for (let at = 0; at + 24 <= needle.length; at += 8) if (raw.includes(needle.subarray(at, at + 24))) return true;
  return false;
};
