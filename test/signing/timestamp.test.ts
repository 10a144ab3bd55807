/** RFC 3161 tokens: what is accepted, what is refused and in which words, and that no byte of a stored one can change unnoticed. */
import { createHash, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { KubevidenceError } from '../../src/model/index.ts';
import {
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
  utf8,
  write,
  yes,
} from '../../src/signing/der.ts';
import { acceptTimestamp, certificatesFromPem, createTimestampRequest, verifyTimestamp } from '../../src/signing/index.ts';
import {
  answer,
  anyPolicy,
  type Authority,
  type KeyKind,
  makeAuthority,
  makeCertificate,
  makeOpensslAuthority,
  refuse,
  stampedAt,
  timeStamping,
  tokenIn,
  type Wrong,
} from './authority.ts';
import { anyFlip, flip, hasCommand, run } from './fixtures.ts';

const data = Buffer.from('a checkpoint\n');
const imprint = new Uint8Array(createHash('sha256').update(data).digest());
const trust = ({ root }: Authority) => ({ anchors: [root.certificate] });
const authority = makeAuthority();

function accept(wrong: Wrong = {}, by = authority, policy: string | null = null) {
  const request = createTimestampRequest(imprint, policy);
  return acceptTimestamp(answer(request.der, by, wrong), request, trust(by));
}

function failure(act: () => unknown): KubevidenceError {
  try {
    act();
  } catch (error) {
    if (error instanceof KubevidenceError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('a request', () => {
  it('asks for SHA-256, with a nonce of its own and the certificate', () => {
    const [a, b] = [createTimestampRequest(imprint), createTimestampRequest(imprint)];
    const [version, digest, nonce, certReq, ...others] = childrenOf(read(a.der));
    expect([version?.content, digest?.source, nonce?.content, certReq?.content, others]).toEqual([
      Uint8Array.of(1),
      sequence(sequence(oid('2.16.840.1.101.3.4.2.1'), nothing()), octets(imprint)),
      a.nonce,
      Uint8Array.of(0xff),
      [],
    ]);
    expect(a.nonce).not.toEqual(b.nonce);
    expect(a.nonce).toHaveLength(16);
  });

  it('has a positive nonce in its shortest form, whatever was drawn', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (drawn) => {
        const [first = 0] = createTimestampRequest(imprint, null, drawn).nonce;
        expect(first > 0 && first < 0x80).toBe(true);
      }),
    );
  });

  it('names a policy when one is wanted', () => {
    expect(childrenOf(read(createTimestampRequest(imprint, anyPolicy).der))[2]?.source).toEqual(oid(anyPolicy));
  });

  it.skipIf(!hasCommand('openssl'))('is read by openssl', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tsq-'));
    try {
      writeFileSync(join(folder, 'q'), createTimestampRequest(imprint, anyPolicy).der);
      const { status, output } = run('openssl', ['ts', '-query', '-in', join(folder, 'q'), '-text']);
      expect(status).toBe(0);
      expect(output).toMatch(
        /Hash Algorithm: sha256[^]*Policy OID: 1\.3\.6\.1\.4\.1\.99999\.1\nNonce: 0x[0-9A-F]{32}\nCertificate required: yes/,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe.each<KeyKind>(['rsa', 'ec'])('a token signed with %s', (kind) => {
  const by = makeAuthority(kind);

  it('holds, and says when, by whom, how exactly', () => {
    const stamp = accept({}, by);
    expect(stamp).toMatchObject({
      time: stampedAt.toISOString(),
      accuracyMs: 1100,
      policy: anyPolicy,
      authority: `CN=Stamps ${kind}`,
      established: true,
    });
    expect(stamp.certificates).toEqual([by.unit.certificate, by.root.certificate]);
    expect(verifyTimestamp(stamp.der, data, trust(by))).toEqual({ timestamp: stamp, problems: [] });
  });

  it('is not established without a certificate that is trusted', () => {
    const request = createTimestampRequest(imprint);
    const stamp = acceptTimestamp(answer(request.der, by), request, { anchors: null });
    expect(stamp.established).toBe(false);
    expect(verifyTimestamp(stamp.der, data, { anchors: null }).timestamp?.established).toBe(false);
    const { timestamp, problems } = verifyTimestamp(stamp.der, data, trust(makeAuthority(kind === 'rsa' ? 'ec' : 'rsa')));
    expect(timestamp).toBeNull();
    expect(problems).toEqual([`the certificate of CN=Stamps ${kind} does not lead to one that is trusted for time-stamping`]);
  });

  it('does not survive any changed bit, but in what a root says of its own issuer, which changes nothing', () => {
    const whole = accept({}, by);
    const { der } = whole;
    const start = Buffer.from(der).indexOf(by.root.certificate);
    fc.assert(
      fc.property(anyFlip(der.length), ({ position, bit }) => {
        const { timestamp } = verifyTimestamp(flip(der, position, bit), data, trust(by));
        const isInRoot = position >= start && position < start + by.root.certificate.length;
        const { der: _der, certificates: _certificates, ...rest } = whole;
        expect(timestamp ?? rest).toMatchObject(rest);
        expect(timestamp === null || isInRoot).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('is of one piece of data', () => {
    expect(verifyTimestamp(accept({}, by).der, Buffer.from('other'), trust(by)).problems).toEqual([
      'it is of other data: its imprint is not the SHA-256 of this',
    ]);
  });
});

const fraction = (at: string) => accept({ at }).time;

describe('accepts what the standards allow', () => {
  test.each<[string, string, string]>([
    ['whole seconds', '20261002080005Z', '2026-10-02T08:00:05.000Z'],
    ['tenths', '20261002080005.1Z', '2026-10-02T08:00:05.100Z'],
    ['more digits than a clock has', '20261002080005.123456789Z', '2026-10-02T08:00:05.123Z'],
  ])('a time in %s', (_, at, time) => expect(fraction(at)).toBe(time));

  const digest1 = (certificate: Uint8Array) => createHash('sha1').update(certificate).digest();
  const { unit, root } = authority;
  const issuerSerial = (issuer: Uint8Array, serial: Uint8Array) => sequence(sequence(tagged(4, issuer)), serial);
  const [, serial] = childrenOf(descend(read(unit.certificate), 0));
  const v1 = (...parts: Uint8Array[]) =>
    sequence(oid('1.2.840.113549.1.9.16.2.12'), setOf(sequence(sequence(sequence(octets(digest1(unit.certificate)), ...parts)))));

  test.each<[string, Wrong]>([
    ['granted with changes', { status: sequence(smallInteger(1)) }],
    ['words in the status', { status: sequence(smallInteger(0), sequence(utf8('Operation Okay'))) }],
    ['signing-certificate with SHA-1', { attributes: ([a, b]) => [a, b, v1()] as Uint8Array[] }],
    [
      'signing-certificate with issuer and serial',
      { attributes: ([a, b]) => [a, b, v1(issuerSerial(root.name, serial?.source ?? nothing()))] as Uint8Array[] },
    ],
    ['both signing-certificate attributes', { attributes: (all) => [...all, v1()] }],
    ['no accuracy', { statement: (fields) => fields.filter((_, n) => n !== 5) }],
    ['ordering', { statement: (fields) => [...fields.slice(0, 6), yes(), ...fields.slice(6)] }],
    ['a name of the authority', { statement: (fields) => [...fields, tagged(0, tagged(4, unit.name))] }],
    ['an extension', { statement: (fields) => [...fields, tagged(1, sequence(oid('1.3.6.1.5.5.7.1.3'), octets(nothing())))] }],
    [
      'a signer named by its key',
      {
        signerInfo: ([, , ...rest]) => [
          smallInteger(3),
          write(0x80, createHash('sha256').update('Stamps ec').digest().subarray(0, 20)),
          ...rest,
        ],
      },
    ],
    ['CRLs', { signedData: (fields) => [...fields.slice(0, 4), tagged(1, sequence()), ...fields.slice(4)] }],
    ['an unsigned attribute', { signerInfo: (fields) => [...fields, tagged(1, sequence(oid('1.2.3'), setOf(nothing())))] }],
    [
      'an attribute certificate',
      { signedData: (fields) => [...fields.slice(0, 3), tagged(0, unit.certificate, tagged(2, nothing())), ...fields.slice(4)] },
    ],
    [
      'a certificate that has nothing to do with it',
      { certificates: [unit.certificate, root.certificate, makeAuthority('rsa').root.certificate] },
    ],
    ['only its own certificate', { certificates: [unit.certificate] }],
  ])('%s', (_, wrong) => {
    const stamp = accept(wrong);
    expect(stamp.established).toBe(true);
    expect(verifyTimestamp(stamp.der, data, trust(authority)).problems).toEqual([]);
  });

  it('and keeps what was not signed by nobody out of what is stored', () => {
    const request = createTimestampRequest(imprint);
    const plain = acceptTimestamp(answer(request.der, authority), request, trust(authority));
    const more = answer(request.der, authority, {
      status: sequence(smallInteger(1), sequence(utf8('words'))),
      signedData: (fields) => [...fields.slice(0, 4), tagged(1, sequence()), ...fields.slice(4)],
    });
    // Two ECDSA signatures differ, also in length by a byte or two.
    expect(Math.abs(acceptTimestamp(more, request, trust(authority)).der.length - plain.der.length)).toBeLessThan(5);
    expect(verifyTimestamp(more, data, trust(authority)).problems[0]).toMatch(/not in the one strict form/);
  });
});

describe('refuses', () => {
  const other = new Uint8Array(32).fill(7);
  const stranger = makeCertificate({ name: 'Stranger', purposes: [timeStamping] });
  const { unit } = authority;
  const attribute = (id: string, ...values: Uint8Array[]) => sequence(oid(id), setOf(...values));
  const nameFor = (certificate: Uint8Array) =>
    attribute('1.2.840.113549.1.9.16.2.47', sequence(sequence(sequence(octets(createHash('sha256').update(certificate).digest())))));

  test.each<[string, Wrong, RegExp]>([
    ['another nonce', { nonce: Uint8Array.of(0x11, 0x22) }, /answers another request: its nonce/],
    ['no nonce', { nonce: null }, /answers another request: its nonce/],
    ['another imprint', { imprint: other }, /of other data/],
    [
      'a digest that is not SHA-256',
      {
        statement: ([a, b, , ...rest]) =>
          [a, b, sequence(sequence(oid('1.3.14.3.2.26')), octets(other.subarray(12))), ...rest] as Uint8Array[],
      },
      /no SHA-256/,
    ],
    ['a changed signature', { signature: (bytes) => flip(bytes, bytes.length - 1, 0) }, /not made by the key/],
    ['a signature that is none', { signature: () => new Uint8Array() }, /not made by the key/],
    ['a certificate that is not inside', { certificates: [] }, /does not hold the certificate of its signer/],
    ['the certificate of somebody else', { certificates: [stranger.certificate] }, /does not hold the certificate of its signer/],
    ['no signing-certificate', { attributes: (all) => all.slice(0, 2) }, /does not name its certificate/],
    [
      'a signing-certificate of another',
      { attributes: ([a, b]) => [a, b, nameFor(stranger.certificate)] as Uint8Array[] },
      /names another certificate/,
    ],
    [
      'another content than was signed',
      { attributes: ([a, , c]) => [a, attribute('1.2.840.113549.1.9.4', octets(other)), c] as Uint8Array[] },
      /content is not what was signed/,
    ],
    [
      'another content type',
      { attributes: ([, b, c]) => [attribute('1.2.840.113549.1.9.3', oid('1.2.840.113549.1.7.1')), b, c] as Uint8Array[] },
      /content type/,
    ],
    ['an attribute twice', { attributes: (all) => [...all, all[1] as Uint8Array] }, /not exactly one value/],
    [
      'two signers',
      {
        signedData: (fields) => [
          ...fields.slice(0, 4),
          setOf(read(fields[4] as Uint8Array).content, read(fields[4] as Uint8Array).content),
        ],
      },
      /exactly one signer/,
    ],
    ['no signer', { signedData: (fields) => [...fields.slice(0, 4), setOf()] }, /exactly one signer/],
    ['no signed attributes', { signerInfo: (fields) => fields.filter((_, n) => n !== 3) }, /signed no attributes|incomplete/],
    [
      'SHA-1 for the signature',
      { signerInfo: (fields) => fields.map((each, n) => (n === 4 ? sequence(oid('1.2.840.10045.4.1')) : each)) },
      /neither RSA nor ECDSA/,
    ],
    [
      'an RSA signature by an elliptic key',
      { signerInfo: (fields) => fields.map((each, n) => (n === 4 ? sequence(oid('1.2.840.113549.1.1.11'), nothing()) : each)) },
      /neither RSA nor ECDSA/,
    ],
    ['another version', { statement: ([, ...rest]) => [smallInteger(2), ...rest] }, /another version than 1/],
    [
      'a critical extension',
      { statement: (fields) => [...fields, tagged(1, sequence(oid('1.2.3.4'), yes(), octets(nothing())))] },
      /critical extension that is not known: 1\.2\.3\.4/,
    ],
    ['a field that is not known', { statement: (fields) => [...fields, utf8('x')] }, /not known, or out of order/],
    [
      'fields out of order',
      { statement: (fields) => [...fields.slice(0, 5), fields[6] as Uint8Array, fields[5] as Uint8Array] },
      /not known, or out of order/,
    ],
    ['a local time', { at: '20261002080005+0200' }, /time is malformed/],
    ['a day that does not exist', { at: '20260230080005Z' }, /time is malformed/],
    ['a fraction that ends in 0', { at: '20261002080005.10Z' }, /time is malformed/],
    [
      'an indefinite length',
      { signedData: (fields) => [...fields.slice(0, 3), Buffer.of(0xa0, 0x80, 0, 0), ...fields.slice(4)] },
      /length that DER does not allow/,
    ],
    ['a time before the certificate', { at: '20251231235959Z' }, /was not valid at 2025-12-31T23:59:59\.000Z/],
    ['a time after it', { at: '20310101000001Z' }, /was not valid at 2031-01-01/],
  ])('%s', (_, wrong, message) => {
    const error = failure(() => accept(wrong));
    expect(error.code).toBe('integrity');
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^the answer of the time-stamping authority does not hold: /);
  });

  test('another policy than was asked for', () => {
    expect(failure(() => accept({ policy: '1.2.3' }, authority, anyPolicy)).message).toMatch(
      /under the policy 1\.2\.3, and 1\.3\.6\.1\.4\.1\.99999\.1 was asked for/,
    );
    expect(accept({}, authority, '1.2.3').policy).toBe('1.2.3');
  });

  test.each<[string, Parameters<typeof makeAuthority>[1], RegExp]>([
    ['no extended key usage', { purposes: [] }, /not for time-stamping alone/],
    ['another purpose', { purposes: ['1.3.6.1.5.5.7.3.3'] }, /not for time-stamping alone/],
    ['a further purpose', { purposes: [timeStamping, '1.3.6.1.5.5.7.3.3'] }, /not for time-stamping alone/],
    ['a purpose that may be overlooked', { critical: false }, /does not mark its purpose/],
    ['a key for other uses', { keyUsage: 0b0010_0000 }, /not for signatures \(key usage\)/],
    ['the certificate of a CA', { ca: true }, /is that of a CA/],
    ['an expired certificate', { from: '2020-01-01T00:00:00Z', to: '2021-01-01T00:00:00Z' }, /was not valid at 2026-10-02/],
    [
      'a critical extension that nobody knows',
      { extensions: [sequence(oid('1.2.3.4'), yes(), octets(nothing()))] },
      /critical extension that is not understood: 1\.2\.3\.4/,
    ],
  ])('a signer with %s', (_, unitOptions, message) => {
    expect(failure(() => accept({}, makeAuthority('ec', unitOptions))).message).toMatch(message);
  });

  test.each<[string, Uint8Array, RegExp]>([
    [
      'a refusal',
      refuse(2, 'no such policy', 15),
      /granted no token: rejected; it does not follow the policy that was asked for; it says "no such policy"$/,
    ],
    ['a refusal without a reason', refuse(2, ''), /granted no token: rejected$/],
    ['a failure that is not known', refuse(2, '', 30), /rejected; failure 30$/],
    ['words that could control a terminal', refuse(3, '\u001b[31mwait\u202e'), /waiting; it says "\\u\{1b\}\[31mwait\\u\{202e\}"/],
    ['nothing granted', sequence(sequence(smallInteger(0))), /holds no token/],
    ['nothing', new Uint8Array(), /ends too early/],
    ['a web page', Buffer.from('<html><body>Please log in</body></html>'), /cannot be read/],
    ['more than any answer has', new Uint8Array(70_000).fill(0x30), /70000 bytes, more than 65536/],
    ['PEM', Buffer.from('-----BEGIN PKCS7-----\n'), /cannot be read/],
    ['a status alone', smallInteger(0), /no parts|no TimeStampResp/],
  ])('%s', (_, response, message) => {
    const request = createTimestampRequest(imprint);
    expect(failure(() => acceptTimestamp(response, request, { anchors: null })).message).toMatch(message);
  });

  test('an answer that was cut anywhere', () => {
    const request = createTimestampRequest(imprint);
    const whole = answer(request.der, authority);
    for (let end = 0; end < whole.length; end += 7)
      expect(failure(() => acceptTimestamp(whole.subarray(0, end), request, { anchors: null })).code).toBe('integrity');
  });

  test('an old answer to a new question', () => {
    const first = createTimestampRequest(imprint);
    const replayed = answer(first.der, authority);
    expect(failure(() => acceptTimestamp(replayed, createTimestampRequest(imprint), trust(authority))).message).toMatch(/another request/);
  });

  test('a key of 1024 bits is no signer', () => {
    expect(unit.key.asymmetricKeyType).toBe('ec');
    expect(() => certificatesFromPem('-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n', 'ca.pem')).toThrow(
      /a certificate in ca\.pem cannot be used/,
    );
    expect(failure(() => certificatesFromPem('nothing', 'ca.pem'))).toMatchObject({
      code: 'configuration',
      message: 'ca.pem holds no PEM certificate',
    });
  });
});

describe('the way to a trusted certificate', () => {
  const root = makeCertificate({ name: 'Root', ca: true });
  const stamp = (unit: ReturnType<typeof makeCertificate>, certificates: Uint8Array[], anchors: Uint8Array[]) => {
    const request = createTimestampRequest(imprint);
    return acceptTimestamp(answer(request.der, { unit, root }, { certificates: [unit.certificate, ...certificates] }), request, {
      anchors,
    });
  };
  const chain = (...between: Partial<Parameters<typeof makeCertificate>[0]>[]) => {
    const middle: ReturnType<typeof makeCertificate>[] = [];
    for (const [n, options] of between.entries())
      middle.push(makeCertificate({ name: `CA ${n} ${JSON.stringify(options)}`, ca: true, by: middle.at(-1) ?? root, ...options }));
    return { middle, unit: makeCertificate({ name: 'Unit', by: middle.at(-1) ?? root, purposes: [timeStamping] }) };
  };

  test.each<[string, Partial<Parameters<typeof makeCertificate>[0]>[], boolean]>([
    ['straight', [], true],
    ['through one', [{}], true],
    ['through three', [{}, {}, { keyUsage: 0b0000_0100 }], true],
    ['through one that issues for time-stamping', [{ purposes: [timeStamping] }], true],
    ['through one that issues for any purpose', [{ purposes: ['2.5.29.37.0'] }], true],
    ['within a limit of length', [{ pathLength: 1 }, { pathLength: 0 }], true],
    ['beyond a limit of length', [{ pathLength: 0 }, {}], false],
    ['through one that is no CA', [{ ca: false }], false],
    ['through one that may not sign certificates', [{ keyUsage: 0b1000_0000 }], false],
    ['through one that issues for servers', [{ purposes: ['1.3.6.1.5.5.7.3.1'] }], false],
    ['through one that had expired', [{ from: '2020-01-01T00:00:00Z', to: '2021-01-01T00:00:00Z' }], false],
    ['through one that limits names', [{ extensions: [sequence(oid('2.5.29.30'), yes(), octets(sequence()))] }], false],
  ])('%s', (_, between, holds) => {
    const { middle, unit } = chain(...between);
    const certificates = middle.map(({ certificate }) => certificate);
    const outcome = () => {
      try {
        return String(stamp(unit, certificates, [root.certificate]).established);
      } catch (error) {
        return error instanceof KubevidenceError ? error.message : 'a defect';
      }
    };
    expect(outcome()).toMatch(holds ? /^true$/ : /does not lead to one that is trusted/);
  });

  it('ends at any certificate that is trusted: an intermediate, or the unit itself', () => {
    const { middle, unit } = chain({}, {});
    expect(stamp(unit, [], [middle[1]?.certificate ?? new Uint8Array()]).established).toBe(true);
    expect(stamp(unit, [], [unit.certificate]).established).toBe(true);
  });

  it('needs the certificates between, from the token or beside it', () => {
    const { middle, unit } = chain({}, {});
    const between = middle.map(({ certificate }) => certificate);
    expect(failure(() => stamp(unit, [], [root.certificate])).message).toMatch(/does not lead/);
    const { der } = stamp(unit, [], [unit.certificate]);
    expect(verifyTimestamp(der, data, { anchors: [root.certificate], others: between }).timestamp?.established).toBe(true);
  });

  it('is not found through a certificate that only bears the name of the issuer', () => {
    const impostor = { ...makeCertificate({ name: 'Other', ca: true }), name: root.name };
    const unit = makeCertificate({ name: 'Unit', by: impostor, purposes: [timeStamping] });
    expect(failure(() => stamp(unit, [root.certificate], [root.certificate])).message).toMatch(/does not lead/);
  });

  it('is looked for with bounded work', () => {
    const ring = Array.from({ length: 14 }, () => makeCertificate({ name: 'Root', ca: true }).certificate);
    const unit = makeCertificate({ name: 'Unit', by: root, purposes: [timeStamping] });
    // Each order of fourteen roots would outlast this test's time limit.
    expect(failure(() => stamp(unit, ring, [authority.root.certificate])).message).toMatch(/does not lead/);
  });
});

describe('any bytes', () => {
  it('are refused without throwing anything unexpected', () => {
    const request = createTimestampRequest(imprint);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(verifyTimestamp(bytes, data, { anchors: null }).timestamp).toBeNull();
        expect(failure(() => acceptTimestamp(bytes, request, { anchors: null }))).toBeInstanceOf(KubevidenceError);
      }),
    );
  });

  /** DER that is well formed and means nothing: it reaches further into the parser than random bytes do. */
  const { anyElement } = fc.letrec<{ anyElement: Uint8Array }>((tie) => ({
    anyElement: fc.oneof(
      { maxDepth: 6, depthSize: 'small' },
      fc
        .tuple(fc.constantFrom(...Object.values(tags), 0x18, 0x80), fc.uint8Array({ maxLength: 12 }))
        .map(([tag, content]) => write(tag & ~0x20, content)),
      fc
        .tuple(fc.constantFrom(0x30, 0x31, 0xa0, 0xa1), fc.array(tie('anyElement'), { maxLength: 7 }))
        .map(([tag, parts]) => write(tag, ...parts)),
    ),
  }));

  it('in the place of any element of a real answer are refused, or change nothing that counts', () => {
    const request = createTimestampRequest(imprint);
    const whole = answer(request.der, authority);
    /** What is accepted holds when it is looked at again; what is not is refused in words. */
    const outcomeOf = (act: () => Uint8Array): string => {
      try {
        return verifyTimestamp(act(), data, trust(authority)).problems.length === 0 ? 'kept' : 'kept, and does not hold';
      } catch (error) {
        return error instanceof KubevidenceError ? 'refused' : 'a defect';
      }
    };
    const paths: number[][] = [];
    const walk = (path: number[], element = read(whole)) => {
      paths.push(path);
      if ((element.tag & 0x20) !== 0 && path.length < 9) for (const [n, child] of childrenOf(element).entries()) walk([...path, n], child);
    };
    walk([]);
    const replace = (path: readonly number[], by: Uint8Array, element = read(whole)): Uint8Array => {
      const [index, ...rest] = path;
      return index === undefined
        ? by
        : write(element.tag, ...childrenOf(element).map((child, n) => (n === index ? replace(rest, by, child) : child.source)));
    };
    fc.assert(
      fc.property(fc.constantFrom(...paths), anyElement, (path, by) => {
        expect(outcomeOf(() => acceptTimestamp(replace(path, by), request, trust(authority)).der)).toMatch(/^(?:refused|kept)$/);
      }),
      { numRuns: 500 },
    );
  });
});

describe.skipIf(!hasCommand('openssl')).each<KeyKind>(['rsa', 'ec'])('the authority of openssl, %s', (kind) => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tsa-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('gives tokens that hold, and openssl verifies what is stored of them', async () => {
    const tsa = makeOpensslAuthority(folder, kind);
    const anchors = certificatesFromPem(readFileSync(tsa.ca, 'utf8'), 'root.pem');
    const request = createTimestampRequest(imprint);
    const stamp = acceptTimestamp(await tsa.answer(request.der), request, { anchors });
    expect(stamp).toMatchObject({ established: true, policy: anyPolicy, accuracyMs: 1000, authority: 'CN=Test Stamping Unit,O=Test' });
    expect(Math.abs(Date.parse(stamp.time) - Date.now())).toBeLessThan(60_000);
    expect(stamp.certificates).toHaveLength(2);
    const [file, content] = [join(folder, 'x.tsr'), join(folder, 'x')];
    writeFileSync(file, stamp.der);
    writeFileSync(content, data);
    const verify = () => run('openssl', ['ts', '-verify', '-in', file, '-data', content, '-CAfile', tsa.ca]);
    expect(verify().output).toContain('Verification: OK');
    writeFileSync(content, 'something else');
    expect(verify().status).not.toBe(0);
  });
});

test('the token of an answer is what a CMS signature carries', () => {
  const request = createTimestampRequest(imprint);
  const response = answer(request.der, authority);
  expect(tokenIn(response)).toEqual(descend(read(response), 1).source);
  expect(sign('sha256', data, authority.unit.key).length).toBeGreaterThan(60);
});
