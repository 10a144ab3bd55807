/**
 * The key of pseudonyms: at least 256 bits in hex, in a file that only its owner and group can read. Whoever has it can tell for any name
 * which pseudonym is its; whoever loses it makes other pseudonyms from then on.
 */
import { createHmac } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { KubevidenceError, reasonOf, visible } from '../../model/index.ts';

/** Begins everything that is computed under the key. */
export const pseudonymDomain = 'kubevidence/pseudonyms/v1';

/** Tells packs of one key from those of another: 16 hex digits that say nothing else of a key that nobody can guess. */
export function keyIdOf(key: Uint8Array): string {
  return createHmac('sha256', key).update(`${pseudonymDomain} key`).digest('hex').slice(0, 16);
}

/** Errors: `configuration`, and what to do about it. */
export function readPseudonymKey(path: string): Uint8Array {
  const name = visible(path);
  const next = `Make one, and keep it: (umask 077; openssl rand -hex 32 > ${name})`;
  let [text, mode] = ['', 0];
  try {
    // A link is followed, as mounted Kubernetes Secrets are links.
    mode = statSync(path).mode;
    text = readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new KubevidenceError('configuration', `the key of pseudonyms cannot be read: ${visible(reasonOf(cause))}`, { cause, next });
  }
  if ((mode & 0o007) !== 0)
    throw new KubevidenceError(
      'configuration',
      `the key file ${name} is open to everybody on this machine (mode ${(mode & 0o777).toString(8)})`,
      {
        means: 'Whoever read it can tell which name a pseudonym stands for.',
        next: `chmod 600 ${name}`,
      },
    );
  if (!/^(?:[0-9a-f]{2}){32,}$/i.test(text))
    throw new KubevidenceError('configuration', `${name} holds no key of pseudonyms: 64 hexadecimal digits or more`, { next });
  return Buffer.from(text, 'hex');
}
