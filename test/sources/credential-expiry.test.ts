/** Until when credentials may be used. */
import * as fc from 'fast-check';
import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { expiryOf } from '../../src/sources/index.ts';
import { pem } from './tls.ts';

const token = (claims: unknown) => `Bearer e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;
const certificateEnds = new Date(new X509Certificate(pem.clientCert).validTo).toISOString();

describe('the end of credentials', () => {
  it.each([
    ['none', {}, null],
    ['a password', { authorization: 'Basic YTpi' }, null],
    ['an opaque token', { authorization: 'Bearer abcdef.0123456789abcdef' }, null],
    ['a token without an end', { authorization: token({ iss: 'x' }) }, null],
    ['an end that is no number', { authorization: token({ exp: 'soon' }) }, null],
    ['an end in no calendar', { authorization: token({ exp: 1e300 }) }, null],
    ['a token', { authorization: token({ exp: 1_800_000_000 }) }, { what: 'bearer token', expires: '2027-01-15T08:00:00.000Z' }],
    ['a certificate', { cert: pem.clientCert }, { what: 'client certificate', expires: certificateEnds }],
    [
      'both, and the token ends first',
      { cert: pem.clientCert, authorization: token({ exp: 946_684_800 }) },
      { what: 'bearer token', expires: '2000-01-01T00:00:00.000Z' },
    ],
  ])('of %s', (_what, credentials, expected) => {
    expect(expiryOf(credentials)).toEqual(expected);
  });

  it('is never an error, whatever the token', () => {
    fc.assert(
      fc.property(fc.string(), fc.json(), (text, claims) => {
        expect(() => expiryOf({ authorization: `Bearer ${text}` })).not.toThrow('');
        expect(() => expiryOf({ authorization: `Bearer a.${Buffer.from(claims).toString('base64url')}.b` })).not.toThrow('');
      }),
    );
  });
});
