/**
 * README-verify.txt: how an outsider checks a pack with tools of others, and what those print. Plain ASCII lines but for names, which are
 * made visible; every command is run by the test suite as it stands here. The commands write to a directory outside the pack, because one
 * more file in it would be a file that the manifest does not list.
 */
import { visible } from '../model/index.ts';
import {
  authorityChainPath,
  authorityPath,
  certificatePath,
  checkpointPath,
  logKeyPemPath,
  manifestPath,
  manifestSealPath,
  manifestTimestampPath,
  reportPath,
  workbookPath,
} from './layout.ts';
import type { PackFacts } from './manifest.ts';
import type { TimestampFacts } from './timestamps.ts';

export interface ReadmeInputs extends PackFacts {
  readonly documentKeyFingerprint: string;
  readonly signer: string;
  readonly exhibits: number;
  readonly timestamps: TimestampFacts;
  readonly pseudonyms?: { readonly key: string };
}

/** Each step: why, what to type, what is printed. */
interface Step {
  readonly title: string;
  readonly about: readonly string[];
  readonly type: readonly string[];
  readonly prints: readonly string[];
}

export const verificationSteps = (fingerprint: string): readonly Step[] => [
  {
    title: 'The signing key',
    about: [
      'Get the fingerprint of the signing key through a second channel (a call, a letter, the file of',
      'last year) BEFORE you open the pack. This prints the one of the key in the pack. It must be the same:',
    ],
    type: [`openssl x509 -in ${certificatePath} -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r`],
    prints: [`${fingerprint} *stdin`],
  },
  {
    title: 'The manifest',
    about: ['Signed by that key, and by no other:'],
    type: [
      `openssl cms -verify -binary -inform DER -in ${manifestSealPath} -content ${manifestPath} \\`,
      `  -CAfile ${certificatePath} -certfile ${certificatePath} -nointern -purpose any -out /dev/null`,
    ],
    prints: ['CMS Verification successful'],
  },
  {
    title: 'The files',
    about: [
      'Each as the manifest lists it (macOS: shasum -a 256 -c -). A line that does not end in OK is a',
      'changed or missing file; a file that has no line at all is not part of the pack.',
    ],
    type: [
      `grep -o '"path":"[^"]*","sha256":"[0-9a-f]*"' ${manifestPath} |`,
      `  sed 's/"path":"\\(.*\\)","sha256":"\\(.*\\)"/\\2  \\1/' | sha256sum -c -`,
    ],
    prints: ['README-verify.txt: OK', '(and so on, one line for each file)'],
  },
  {
    title: 'The report',
    about: [
      'A PDF signature over the whole file. "Certificate issuer is unknown" is right, too: the',
      'certificate is self-signed, which is why step 1 comes first.',
    ],
    type: [`pdfsig ${reportPath}`],
    prints: ['  - Total document signed', '  - Signature Validation: Signature is Valid.'],
  },
  {
    title: 'The checkpoint',
    about: [
      'The head of the evidence log (a C2SP signed note), signed with Ed25519 by the log key. The record',
      '"key-bound" in ledger/records.jsonl binds that key to the fingerprint of step 1. OpenSSL 3 or later.',
    ],
    type: [
      'T=$(mktemp -d)',
      `sed '/^$/,$d' ${checkpointPath} > $T/text`,
      `tail -n 1 ${checkpointPath} | cut -d ' ' -f 3 | openssl base64 -d -A | tail -c 64 > $T/signature`,
      `openssl pkeyutl -verify -rawin -pubin -inkey ${logKeyPemPath} -in $T/text -sigfile $T/signature`,
    ],
    prints: ['Signature Verified Successfully'],
  },
];

/** For the tokens that are there. Without a CA in the pack its own certificates are all that there is, and they need not end at a root. */
export function timestampSteps({ isManifestStamped, checkpoints, hasCa }: TimestampFacts): readonly Step[] {
  const trust = hasCa ? `-CAfile ${authorityPath} -untrusted ${authorityChainPath}` : `-CAfile ${authorityChainPath} -partial_chain`;
  const whose = [
    'A time-stamping authority (RFC 3161) saw it. Whose certificate that must be, the pack only says of itself',
    `(${hasCa ? authorityPath : authorityChainPath}): get it from the authority, and put your file after -CAfile. When it has`,
    'expired one day, add -attime SECONDS (since 1970, of the time that the token shows).',
  ];
  const manifest: Step = {
    title: 'The time of the manifest',
    about: whose,
    type: [
      `openssl ts -verify -data ${manifestPath} -in ${manifestTimestampPath} \\`,
      `  ${trust}`,
      `openssl ts -reply -in ${manifestTimestampPath} -token_out -text | grep '^Time stamp'`,
    ],
    prints: ['Verification: OK', '(and the time before which all of this existed)'],
  };
  const log: Step = {
    title: 'The times of the log',
    about: [
      ...(isManifestStamped ? [] : whose),
      'Each stamped checkpoint says in its second line how many records there were by its time: the first',
      'so many lines of ledger/records.jsonl. Of the lines behind those its token says nothing.',
    ],
    type: [`for X in ledger/*.tsr; do openssl ts -verify -data "\${X%.tsr}" -in "$X" ${trust}; done`],
    prints: ['Verification: OK', `(${checkpoints === 1 ? 'once' : `${checkpoints} times`})`],
  };
  return [...(isManifestStamped ? [manifest] : []), ...(checkpoints > 0 ? [log] : [])];
}

export function buildReadme(inputs: ReadmeInputs): Uint8Array {
  const {
    organization,
    cluster,
    period,
    time,
    demo,
    checkpoint,
    documentKeyFingerprint: fingerprint,
    signer,
    exhibits,
    timestamps,
    pseudonyms,
  } = inputs;
  const all = [...verificationSteps(fingerprint), ...timestampSteps(timestamps)];
  const steps = all.flatMap(stepLines);
  const lines = [
    ...(demo ? ['DEMO: made from a recording, to show what a pack is.', ''] : []),
    'HOW TO VERIFY THIS AUDIT PACK',
    '',
    `Organization   ${visible(organization)}`,
    `Cluster        ${visible(cluster.name)} (kube-system UID ${visible(cluster.uid ?? 'not recorded')})`,
    `Period         ${period === null ? 'one moment' : `${visible(period.name)}, from ${period.from} up to, not including, ${period.to}`}`,
    `Made at        ${time} (the collector's clock)`,
    `Log            ${visible(checkpoint.origin)}, ${checkpoint.size} records, root ${checkpoint.root}`,
    `Signed by      ${visible(signer)}`,
    `Fingerprint    ${fingerprint}`,
    '               (what the pack says of itself: it proves nothing until you have it from somewhere else)',
    '',
    'Type these lines in the directory of the unpacked pack. $ begins a line to type; what it prints is below it.',
    '',
    ...steps,
    `${all.length + 1}. Everything at once`,
    '   kubevidence needs nothing but the pack. It recomputes every hash, id, proof and signature, and says',
    '   what it cannot prove.',
    '',
    '   $ kubevidence verify . --trust FINGERPRINT-THAT-YOU-WERE-GIVEN',
    '',
    'Exit 0 means intact, not compliant.',
    '',
    '',
    'FROM AN EXHIBIT TO THE SIGNATURE, WITH A PROGRAM OF YOUR OWN',
    '',
    `There are ${exhibits} exhibits, evidence/EX-nnnn.json. All JSON here is canonical (RFC 8785), so the bytes that`,
    'a hash covers stand in the file as they are. A salted payload is {"id", "salt", "value"}:',
    'id = HMAC-SHA256(key: the 16 bytes of salt, message: the bytes of value), in hex.',
    '  a. objects[]       what is shown: each object that a finding of the assessment cites, and what else the',
    '                     signer chose; its id stands in the value of one of',
    '  b. namespaces[]    whose values list the ids of all items, also of those not shown; their ids stand in',
    '  c. tree            whose id stands, as "objects", in the value of',
    '  d. listingPayload  (what was asked, when, how completely), whose id stands under "listings" in',
    '  e. runPayload      (of which cluster, by whom), whose id stands, as "snapshot", in',
    '  f. the record      line record.leaf + 1 of ledger/records.jsonl;',
    '                     record.hash = SHA-256(a zero byte, the line without its newline).',
    '  g. the root        the Merkle tree of RFC 6962 over all those lines gives line 3 of',
    '                     ledger/checkpoint.txt (base64). proofs/EX-nnnn.tlog-proof (c2sp.org/tlog-proof)',
    '                     shows the same for one record alone.',
    '  h. the signature   of step 5.',
    'assessments/run-N.json is a salted payload as well. The "assessed" record that it names holds its id,',
    'the SHA-256 of controls/catalog.json ("catalog") and the outcomes by count.',
    `${workbookPath} carries a signature that Excel and LibreOffice show.`,
    '',
    ...(pseudonyms === undefined ? [] : aboutPseudonyms(pseudonyms.key)),
    '',
    'WHAT NONE OF THIS PROVES',
    '',
    'Compare the log with a checkpoint that you kept earlier: without one, rewriting it before today cannot',
    ...whatTimesRestOn(timestamps),
    "Look at the log's birth (its first line), at gaps between runs, and at manual runs. Whoever",
    'controls collector and key could have fed it false input, and no signature can exclude that: pick one',
    'exhibit, and repeat its query live; later changes should explain the differences. Hashes cover the',
    'redacted form of objects.',
    '',
  ];
  return Buffer.from(lines.join('\n'), 'utf8');
}

function aboutPseudonyms(key: string): readonly string[] {
  return [
    '',
    'NAMES OF PERSONS',
    '',
    'are shown as pseudonyms (person-...). They are made with a key that stays with the organization: the same',
    `name is the same pseudonym in every pack of this cluster and this key (${key}), and other names are`,
    'others. A payload in which a name was replaced is {"id", "pseudonymised", "value"}: the id is that of the log, and',
    '"pseudonymised" says how many names were replaced in value. There is no salt, because with it names could be',
    'tried until the id fits; so the id cannot be computed from it, and its value is the word of the signer. Ask the',
    'signer to show you the originals of a sample, with their salts, where you can look without taking them along.',
    '',
  ];
}

function whatTimesRestOn({ isManifestStamped, checkpoints }: TimestampFacts): readonly string[] {
  return isManifestStamped || checkpoints > 0
    ? [
        'be excluded. A time-stamp proves that something existed before its time, not since when, and not that it',
        'is true. From the time that a record gives to the first time-stamp over a checkpoint that covers it,',
        'times rest on the clock of the collector.',
      ]
    : ['be excluded. There is no timestamp of an authority (RFC 3161): all times rest on the clock of the', 'collector.'];
}

function stepLines({ title, about, type, prints }: Step, index: number): string[] {
  const indent = (by: string, lines: readonly string[]) => lines.map((line) => by + line);
  // A line that ends in \ or | goes on in the next.
  const commands = type.map((line, n) => `${/[\\|]$/.test(type[n - 1] ?? '') ? ' ' : '$'} ${line}`);
  return [`${index + 1}. ${title}`].concat(indent('   ', about), '', indent('   ', commands), indent('     ', prints), '');
}
