/**
 * Certificates of the test cluster by the openssl command: authorities, and what they sign (P-256 keys).
 * Everything lies in the cluster's own directory, which only its owner can enter.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ClusterUnavailable, findOnPath } from './binaries.ts';

const run = promisify(execFile);
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** A certificate's paths, relative to the cluster's directory (the processes run there, so their flags name no path of this machine). */
export type Certificate = { readonly cert: string; readonly key: string };
export type Usage = 'client' | 'server' | 'peer';

export type Pki = {
  /** Makes `pki/NAME.crt` and `.key`, self-signed, able to sign. */
  authority(name: string, commonName: string): Promise<Certificate>;
  /** Makes `pki/NAME.crt` and `.key`. `organizations` become the user's groups when the API server reads it. */
  issue(request: CertificateRequest): Promise<Certificate>;
  /** A key pair for service account tokens: `pki/NAME.key` and `pki/NAME.pub`. */
  keyPair(name: string): Promise<{ readonly key: string; readonly publicKey: string }>;
};

export type CertificateRequest = {
  readonly name: string;
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly signer: Certificate;
  readonly usage: Usage;
  readonly alternativeNames?: string;
};

const extendedKeyUsage: Record<Usage, string> = { client: 'clientAuth', server: 'serverAuth', peer: 'serverAuth,clientAuth' };

/** Throws ClusterUnavailable where there is no openssl. */
export function requireOpenssl(): void {
  if (!findOnPath('openssl')) throw new ClusterUnavailable('no openssl found on PATH: the test cluster makes its certificates with it.');
}

/** Days. */
export type Validity = { readonly authorities: number; readonly certificates: number };

/** Certificates below `dir`/pki. Throws ClusterUnavailable where there is no openssl. */
export function openPki(dir: string, validity: Validity = { authorities: 30, certificates: 30 }): Pki {
  requireOpenssl();
  mkdirSync(join(dir, 'pki', 'etcd'), { recursive: true, mode: 0o700 });
  const openssl = (...args: string[]) => run('openssl', args, { cwd: dir });
  const files = (name: string): Certificate => ({ cert: join('pki', `${name}.crt`), key: join('pki', `${name}.key`) });

  return {
    async authority(name, commonName) {
      const made = files(name);
      const subject = subjectOf(commonName, []);
      await openssl(
        'req',
        '-x509',
        ...newKey,
        '-keyout',
        made.key,
        '-out',
        made.cert,
        '-days',
        `${validity.authorities}`,
        '-subj',
        subject,
      );
      return made;
    },
    async issue({ name, commonName, organizations = [], signer, usage, alternativeNames }) {
      const made = files(name);
      const request = join('pki', `${name}.csr`);
      const extensions = join('pki', `${name}.ext`);
      const lines = ['basicConstraints=CA:FALSE', `extendedKeyUsage=${extendedKeyUsage[usage]}`];
      if (alternativeNames) lines.push(`subjectAltName=${alternativeNames}`);
      writeFileSync(join(dir, extensions), `${lines.join('\n')}\n`);
      const serial = `0x4${randomBytes(15).toString('hex')}`;
      await openssl('req', ...newKey, '-keyout', made.key, '-out', request, '-subj', subjectOf(commonName, organizations));
      const signed = [
        '-CA',
        signer.cert,
        '-CAkey',
        signer.key,
        '-set_serial',
        serial,
        '-days',
        `${validity.certificates}`,
        '-extfile',
        extensions,
      ];
      await openssl('x509', '-req', '-in', request, '-out', made.cert, ...signed);
      return made;
    },
    async keyPair(name) {
      const pair = { key: join('pki', `${name}.key`), publicKey: join('pki', `${name}.pub`) };
      await openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', pair.key);
      await openssl('pkey', '-in', pair.key, '-pubout', '-out', pair.publicKey);
      return pair;
    },
  };
}

function subjectOf(commonName: string, organizations: readonly string[]): string {
  const escape = (value: string) => value.replaceAll(/[\\/+]/g, '\\$&');
  return `${organizations.map((organization) => `/O=${escape(organization)}`).join('')}/CN=${escape(commonName)}`;
}
