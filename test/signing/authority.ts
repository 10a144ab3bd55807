/**
 * Time-stamping authorities for tests: one in memory that can be made to answer wrongly in any way, one of openssl (`openssl ts -reply`),
 * and a server in front of either.
 */
import { execFile } from 'node:child_process';
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { certificateToPem } from '../../src/signing/certificate.ts';
import {
  bits,
  childrenOf,
  descend,
  nothing,
  octets,
  oid,
  read,
  sequence,
  setOf,
  smallInteger,
  tagged,
  tags,
  time,
  utf8,
  write,
  yes,
} from '../../src/signing/der.ts';
import { run } from './fixtures.ts';

export type KeyKind = 'rsa' | 'ec';

export interface Holder {
  readonly certificate: Uint8Array;
  readonly key: KeyObject;
  readonly name: Uint8Array;
}

export const timeStamping = '1.3.6.1.5.5.7.3.8';
export const anyPolicy = '1.3.6.1.4.1.99999.1';
export const stampedAt = new Date('2026-10-02T08:00:05Z');

const keys = new Map<string, { publicKey: KeyObject; privateKey: KeyObject }>();
/** RSA keys are dear to draw, so tests share them by name. */
function keyPair(kind: KeyKind, name: string) {
  const known = keys.get(`${kind} ${name}`);
  const pair =
    known ?? (kind === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  keys.set(`${kind} ${name}`, pair);
  return pair;
}

const nameOf = (text: string) => sequence(setOf(sequence(oid('2.5.4.3'), utf8(text))));
const signatureOid = (key: KeyObject) =>
  key.asymmetricKeyType === 'rsa' ? sequence(oid('1.2.840.113549.1.1.11'), nothing()) : sequence(oid('1.2.840.10045.4.3.2'));

export interface CertificateOptions {
  readonly name: string;
  readonly kind?: KeyKind;
  readonly by?: Holder;
  readonly from?: string;
  readonly to?: string;
  readonly ca?: boolean;
  readonly pathLength?: number;
  /** Extended key usages; none when empty. */
  readonly purposes?: readonly string[];
  readonly critical?: boolean;
  readonly keyUsage?: number;
  /** More extensions, DER. */
  readonly extensions?: readonly Uint8Array[];
}

let serial = 0;
export function makeCertificate(options: CertificateOptions): Holder {
  const {
    name,
    kind = 'ec',
    by,
    from = '2026-01-01T00:00:00Z',
    to = '2031-01-01T00:00:00Z',
    ca = false,
    purposes = [],
    critical = true,
  } = options;
  const { publicKey, privateKey } = keyPair(kind, name);
  const subject = nameOf(name);
  const constraints = sequence(...(ca ? [yes()] : []), ...(options.pathLength === undefined ? [] : [smallInteger(options.pathLength)]));
  const extensions = [
    sequence(oid('2.5.29.19'), yes(), octets(constraints)),
    sequence(oid('2.5.29.14'), octets(octets(createHash('sha256').update(name).digest().subarray(0, 20)))),
    ...(options.keyUsage === undefined ? [] : [sequence(oid('2.5.29.15'), yes(), octets(bits(Uint8Array.of(options.keyUsage))))]),
    ...(purposes.length === 0 ? [] : [sequence(oid('2.5.29.37'), ...(critical ? [yes()] : []), octets(sequence(...purposes.map(oid))))]),
    ...(options.extensions ?? []),
  ];
  serial += 1;
  const signer = by?.key ?? privateKey;
  const body = sequence(
    tagged(0, smallInteger(2)),
    smallInteger(serial),
    signatureOid(signer),
    by?.name ?? subject,
    sequence(time(new Date(from)), time(new Date(to))),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(3, sequence(...extensions)),
  );
  return { certificate: sequence(body, signatureOid(signer), bits(sign('sha256', body, signer))), key: privateKey, name: subject };
}

export interface Authority {
  readonly root: Holder;
  readonly unit: Holder;
}

export function makeAuthority(kind: KeyKind = 'ec', unit: Partial<CertificateOptions> = {}): Authority {
  const root = makeCertificate({ name: `Root ${kind}`, kind, ca: true });
  return { root, unit: makeCertificate({ name: `Stamps ${kind}`, kind, by: root, purposes: [timeStamping], ...unit }) };
}

/** How an answer may differ from what was asked for, and from what is right. */
export interface Wrong {
  readonly imprint?: Uint8Array;
  readonly nonce?: Uint8Array | null;
  readonly policy?: string;
  readonly at?: string;
  readonly status?: Uint8Array;
  readonly certificates?: readonly Uint8Array[];
  /** Fields of the TSTInfo, in place of what is built. */
  readonly statement?: (fields: Uint8Array[]) => Uint8Array[];
  readonly attributes?: (attributes: Uint8Array[]) => Uint8Array[];
  readonly signerInfo?: (fields: Uint8Array[]) => Uint8Array[];
  readonly signedData?: (fields: Uint8Array[]) => Uint8Array[];
  readonly signature?: (signature: Uint8Array) => Uint8Array;
}

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest();
const sha256Algorithm = sequence(oid('2.16.840.1.101.3.4.2.1'));

/** A TimeStampResp, DER. */
export function answer(query: Uint8Array, { unit, root }: Authority, wrong: Wrong = {}): Uint8Array {
  const asked = childrenOf(read(query));
  const imprint =
    wrong.imprint === undefined
      ? (asked[1]?.source ?? new Uint8Array())
      : sequence(sequence(oid('2.16.840.1.101.3.4.2.1'), nothing()), octets(wrong.imprint));
  const askedNonce = asked.findLast(({ tag }) => tag === tags.integer)?.content ?? null;
  const nonce = wrong.nonce === undefined ? askedNonce : wrong.nonce;
  const askedPolicy = asked.find(({ tag }) => tag === tags.oid)?.source;
  const fields = [
    smallInteger(1),
    wrong.policy === undefined ? (askedPolicy ?? oid(anyPolicy)) : oid(wrong.policy),
    imprint,
    smallInteger(7),
    write(0x18, Buffer.from(wrong.at ?? stampedAt.toISOString().replaceAll(/[-T:]|\.\d+/g, ''))),
    sequence(smallInteger(1), write(0x80, Uint8Array.of(100))),
    ...(nonce === null ? [] : [write(tags.integer, nonce)]),
  ];
  const statement = sequence(...(wrong.statement?.(fields) ?? fields));
  const parts = childrenOf(read(unit.certificate));
  const [, serialNumber, , issuer] = childrenOf(parts[0] ?? read(unit.certificate));
  const plain = [
    sequence(oid('1.2.840.113549.1.9.3'), setOf(oid('1.2.840.113549.1.9.16.1.4'))),
    sequence(oid('1.2.840.113549.1.9.4'), setOf(octets(sha256(statement)))),
    sequence(oid('1.2.840.113549.1.9.16.2.47'), setOf(sequence(sequence(sequence(octets(sha256(unit.certificate))))))),
  ];
  const attributes = wrong.attributes?.(plain) ?? plain;
  const signature = sign('sha256', setOf(...attributes), unit.key);
  const signer = [
    smallInteger(1),
    sequence(issuer?.source ?? new Uint8Array(), serialNumber?.source ?? new Uint8Array()),
    sha256Algorithm,
    tagged(0, ...attributes),
    unit.key.asymmetricKeyType === 'rsa' ? sequence(oid('1.2.840.113549.1.1.1'), nothing()) : sequence(oid('1.2.840.10045.4.3.2')),
    octets(wrong.signature?.(signature) ?? signature),
  ];
  const certificates = [...(wrong.certificates ?? [unit.certificate, root.certificate])].sort((a, b) => Buffer.compare(a, b));
  const signedData = [
    smallInteger(3),
    setOf(sha256Algorithm),
    sequence(oid('1.2.840.113549.1.9.16.1.4'), tagged(0, octets(statement))),
    tagged(0, ...certificates),
    setOf(sequence(...(wrong.signerInfo?.(signer) ?? signer))),
  ];
  const token = sequence(oid('1.2.840.113549.1.7.2'), tagged(0, sequence(...(wrong.signedData?.(signedData) ?? signedData))));
  return sequence(wrong.status ?? sequence(smallInteger(0)), token);
}

/** A refusal: PKIStatusInfo alone. */
export function refuse(status: number, text: string, failure?: number): Uint8Array {
  const info =
    failure === undefined ? [] : [bits(Uint8Array.from({ length: 4 }, (_, n) => (n === failure >> 3 ? 0x80 >> (failure & 7) : 0)))];
  return sequence(sequence(smallInteger(status), sequence(utf8(text)), ...info));
}

/** A token of openssl's kind, from a response. */
export const tokenIn = (response: Uint8Array): Uint8Array => descend(read(response), 1).source;

export interface OpensslAuthority {
  /** PEM file of the root. */
  readonly ca: string;
  /** Answers one after the other: openssl keeps its serial number in a file. */
  readonly answer: (query: Uint8Array) => Promise<Uint8Array>;
}

/** An authority whose unit was issued by an intermediate CA, all of it made by openssl in `folder`. */
export function makeOpensslAuthority(folder: string, kind: KeyKind = 'rsa'): OpensslAuthority {
  mkdirSync(folder, { recursive: true });
  const file = (name: string) => join(folder, name);
  const config = file('tsa.cnf');
  writeFileSync(
    config,
    [
      '[tsa]\ndefault_tsa = unit',
      `[unit]\nserial = ${file('serial')}\ncrypto_device = builtin\nsigner_cert = ${file('unit.pem')}\nsigner_key = ${file('unit.key')}`,
      `certs = ${file('middle.pem')}\nsigner_digest = sha256\ndefault_policy = ${anyPolicy}\ndigests = sha256\naccuracy = secs:1\nclock_precision_digits = 3\ness_cert_id_chain = yes\ness_cert_id_alg = sha256`,
      '[unit_ext]\nbasicConstraints = critical,CA:FALSE\nkeyUsage = critical,digitalSignature\nextendedKeyUsage = critical,timeStamping\nsubjectKeyIdentifier = hash',
      '[ca_ext]\nbasicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign,cRLSign\nsubjectKeyIdentifier = hash',
      '[req]\ndistinguished_name = dn\n[dn]',
      '',
    ].join('\n'),
  );
  writeFileSync(file('serial'), '01\n');
  const openssl = (...args: string[]) => {
    const { status, output } = run('openssl', args);
    if (status !== 0) throw new Error(output);
  };
  const newKey = kind === 'rsa' ? ['rsa:2048'] : ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  const issue = (name: string, subject: string, section: string, by?: string) => {
    openssl(
      'req',
      '-new',
      '-newkey',
      ...newKey,
      '-nodes',
      '-keyout',
      file(`${name}.key`),
      '-out',
      file(`${name}.csr`),
      '-subj',
      subject,
      '-config',
      config,
    );
    const issuer =
      by === undefined ? ['-signkey', file(`${name}.key`)] : ['-CA', file(`${by}.pem`), '-CAkey', file(`${by}.key`), '-CAcreateserial'];
    openssl(
      'x509',
      '-req',
      '-in',
      file(`${name}.csr`),
      ...issuer,
      '-days',
      '3650',
      '-sha256',
      '-extfile',
      config,
      '-extensions',
      section,
      '-out',
      file(`${name}.pem`),
    );
  };
  issue('root', '/CN=Test Root', 'ca_ext');
  issue('middle', '/CN=Test Intermediate', 'ca_ext', 'root');
  issue('unit', '/O=Test/CN=Test Stamping Unit', 'unit_ext', 'middle');
  let last: Promise<unknown> = Promise.resolve();
  let count = 0;
  const reply = async (query: Uint8Array) => {
    count += 1;
    const [asked, answered] = [file(`${count}.tsq`), file(`${count}.tsr`)];
    writeFileSync(asked, query);
    await promisify(execFile)('openssl', ['ts', '-reply', '-config', config, '-queryfile', asked, '-out', answered]);
    return readFileSync(answered);
  };
  return {
    ca: file('root.pem'),
    answer: (query) => {
      const next = last.then(() => reply(query));
      last = next.catch(() => {});
      return next;
    },
  };
}

export interface Server {
  readonly url: string;
  /** Queries so far. */
  readonly queries: readonly Uint8Array[];
  close(): Promise<void>;
}

/** `respond` gives the body, or does everything itself. */
export async function serve(
  respond: (query: Uint8Array, request: IncomingMessage, response: ServerResponse) => Uint8Array | Promise<Uint8Array> | null,
): Promise<Server> {
  const queries: Uint8Array[] = [];
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    const query = new Uint8Array(await buffer(request));
    queries.push(query);
    const body = await respond(query, request, response);
    if (body !== null) response.writeHead(200, { 'content-type': 'application/timestamp-reply' }).end(body);
  };
  const server = createServer((request, response) => {
    take(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/tsa`,
    queries,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

export const pemOf = (...holders: readonly Holder[]) => holders.map(({ certificate }) => certificateToPem(certificate)).join('');
