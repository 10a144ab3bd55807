/** `verify` for a ledger's own file: what its verification says, in the form in which packs are reported. */
import { verifyLedger } from '../ledger/index.ts';
import { certificatesFromPem } from '../signing/index.ts';
import { type PackVerification, readLogTrust } from '../packs/index.ts';

/** `trust`: a key of the log, or the document key's fingerprint. Throws `usage` for what is no key or certificate. */
export function verifyLedgerFile(path: string, trust: string | undefined, timestampCa: string | undefined): PackVerification {
  const trusted = trust === undefined ? {} : readLogTrust(trust);
  const authorities =
    timestampCa === undefined ? {} : { authorities: certificatesFromPem(timestampCa, 'the trusted certificate for time-stamping') };
  const { ok, problems, notices, counts } = verifyLedger(path, { ...trusted, ...authorities });
  const known = ok && trust !== undefined;
  const proved = `${counts.records} records, ${counts.runs} runs, ${counts.objects} objects under ${known ? 'the key that you trust' : 'the log’s own key'}`;
  return {
    ok,
    signer: null,
    known,
    headline: ok ? 'intact; every record, hash, id and signature holds' : 'does NOT hold',
    proved: ok ? [proved] : [],
    notProved: [
      ...(ok
        ? ['that the log was not rewritten: compare it with a checkpoint that you kept (kubevidence ledger verify --against FILE)']
        : []),
      ...notices,
    ],
    problems,
  };
}
