/** Where things stand in a pack. A file that is not named here may be in a pack all the same: the manifest covers it, nobody looks inside. */
export const readmePath = 'README-verify.txt';
export const reportPath = 'report.pdf';
export const workbookPath = 'workbook.xlsx';
export const recordsPath = 'ledger/records.jsonl';
export const checkpointPath = 'ledger/checkpoint.txt';
export const catalogPath = 'controls/catalog.json';
export const paramsPath = 'controls/params.json';
export const certificatePath = 'keys/document-certificate.pem';
export const logKeyPath = 'keys/log-key.txt';
export const logKeyPemPath = 'keys/log-key.pem';
export const manifestPath = 'manifest.json';
export const manifestSealPath = 'manifest.json.p7s';
export const manifestTimestampPath = 'manifest.json.tsr';
/** Certificates that the collector trusts for time-stamping, and those that came with the tokens. */
export const authorityPath = 'keys/tsa-ca.pem';
export const authorityChainPath = 'keys/tsa-chain.pem';

/** `EX-0001`, and more digits from the ten-thousandth on. */
export const exhibitId = /^EX-[0-9]{4,6}$/;
export const exhibitPath = (id: string) => `evidence/${id}.json`;
export const proofPath = (id: string) => `proofs/${id}.tlog-proof`;
/** A checkpoint that was stamped; that of the pack itself stands at {@link checkpointPath}. */
export const stampedCheckpointPath = (size: number) => `ledger/checkpoint-${size}.txt`;
/** A token stands beside what it covers. */
export const timestampPath = (path: string) => `${path}.tsr`;
/** Only where findings are labelled by exceptions. */
export const exceptionsPath = 'assessments/exceptions.json';
export const assessmentPath = (run: number) => `assessments/run-${run}.json`;

/** Every pack has these, beside its exhibits, their proofs and one assessment. */
export const requiredPaths: readonly string[] = [
  readmePath,
  reportPath,
  workbookPath,
  recordsPath,
  checkpointPath,
  catalogPath,
  paramsPath,
  certificatePath,
  logKeyPath,
  logKeyPemPath,
];
