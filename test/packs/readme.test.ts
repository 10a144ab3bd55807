/** The lines of README-verify.txt, typed as they are printed, into the tools of others. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verificationSteps } from '../../src/packs/readme.ts';
import { flip, hasCommand, run } from '../signing/fixtures.ts';
import { type Given, givenPack, unpack } from './given.ts';

let given: Given;
let path: string;
beforeAll(async () => {
  given = await givenPack();
  path = unpack(given.files, join(given.folder, 'pack'));
});
afterAll(() => given.close());

const steps = verificationSteps('FINGERPRINT');
const toolsOf = (title: string) => (title === 'The report' ? ['pdfsig'] : title === 'The files' ? ['sha256sum', 'grep'] : ['openssl']);

/** What README-verify.txt tells to type in one step, taken from the file itself. */
function typed(title: string): { commands: string; prints: string[] } {
  const readme = Buffer.from(given.files.get('README-verify.txt') ?? []).toString();
  const [, section = ''] = new RegExp(`\\n\\d\\. ${title}\\n([^]*?)\\n\\d\\. `).exec(readme) ?? [];
  const lines = section.split('\n');
  const isTyped = (line: string, n: number) => line.startsWith('   $ ') || (n > 0 && /[\\|]$/.test(lines[n - 1] ?? ''));
  return {
    commands: lines
      .filter(isTyped)
      .map((line) => line.slice(5))
      .join('\n'),
    prints: lines.filter((line, n) => line.startsWith('     ') && !isTyped(line, n)).map((line) => line.slice(5)),
  };
}

const type = (title: string) => run('bash', ['-c', `cd "${path}" && set -o pipefail && ${typed(title).commands}`]);

describe.each(steps.map(({ title, type: lines }) => ({ title, lines })))('$title', ({ title, lines }) => {
  it.skipIf(!toolsOf(title).every(hasCommand))('prints what it says', () => {
    const { commands, prints } = typed(title);
    expect(commands.split('\n')).toHaveLength(lines.length);
    const { status, output } = type(title);
    expect(output).not.toBe('');
    expect(status).toBe(0);
    for (const line of prints.filter((each) => !each.startsWith('('))) expect(output).toContain(line.trim());
  });
});

it.skipIf(!hasCommand('openssl'))('prints the fingerprint of the key', () => {
  expect(type('The signing key').output.slice(0, 64)).toBe(given.signer.fingerprint);
});

it.skipIf(!hasCommand('sha256sum'))('checks every file', () => {
  expect(type('The files').output.match(/: OK$/gm)).toHaveLength(given.files.size - 2);
});

/** Wherever the bit is, what is typed must not print what README-verify.txt promises. */
describe.each([
  ['The manifest', 'manifest.json', 0.5, 'openssl'],
  ['The manifest', 'manifest.json.p7s', 0.95, 'openssl'],
  ['The manifest', 'keys/document-certificate.pem', 0.5, 'openssl'],
  ['The files', 'evidence/EX-0001.json', 0.5, 'sha256sum'],
  ['The report', 'report.pdf', 0.99, 'pdfsig'],
  ['The checkpoint', 'ledger/checkpoint.txt', 0.2, 'openssl'],
  ['The checkpoint', 'ledger/checkpoint.txt', 0.9, 'openssl'],
  ['The checkpoint', 'keys/log-key.pem', 0.5, 'openssl'],
] as const)('%s, with a changed %s at %d', (title, name, part, tool) => {
  it.skipIf(!hasCommand(tool))('is not what it was', () => {
    const bytes = given.files.get(name) ?? new Uint8Array();
    try {
      writeFileSync(join(path, name), flip(bytes, Math.floor(bytes.length * part), 0));
      const { status, output } = type(title);
      expect(status === 0 && /successful|Successfully|Signature is Valid|: OK\n$/.test(output)).toBe(false);
    } finally {
      writeFileSync(join(path, name), bytes);
    }
  });
});
