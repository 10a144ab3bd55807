/** The certificates that a server showed while it was asked are told with the CAs of the kubeconfig, once each, and no request is made for them. */
import { createHash, X509Certificate } from 'node:crypto';
import { expect, it } from 'vitest';
import { open, serve } from './live-server.ts';
import { pem } from './tls.ts';

const fingerprintOf = (text: string | Buffer) => createHash('sha256').update(new X509Certificate(text).raw).digest('hex');

it('tells what was shown, and whom the kubeconfig trusts', async () => {
  let requests = 0;
  const port = await serve((_request, response) => {
    requests += 1;
    response.end('{}');
  });
  const source = await open(port);
  expect(source.certificates().map(({ role }) => role)).toEqual(['ca']);
  await Promise.all([source.get('/version'), source.get('/version'), source.get('/version')]);
  const certificates = source.certificates();
  expect(requests).toBe(3);
  expect(certificates.map(({ role, address, fingerprint }) => [role, address, fingerprint])).toEqual([
    ['serving', `127.0.0.1:${port}`, fingerprintOf(pem.serverCert)],
    ['ca', `127.0.0.1:${port}`, fingerprintOf(pem.ca)],
  ]);
  expect(certificates[0]).toMatchObject({
    notAfter: new Date(new X509Certificate(pem.serverCert).validTo).toISOString(),
    subject: expect.stringContaining('CN='),
  });
  source.close();
});
