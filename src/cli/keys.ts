/** `keys show|generate|rotate|revoke`. */
import { generateKeys, loadConfig, parseInstant, readKeys, revokeKey, type Rotation, rotateKey } from '../app/index.ts';
import { visible } from '../model/index.ts';
import { checkFormat, printDocument } from './output.ts';
import type { Action } from './session.ts';
import { type Terminal, wrap } from './terminal.ts';

interface Common {
  readonly config?: string;
  readonly output?: string;
}

export const showKeysAction: Action<Common> = async ({ app, terminal }, options) => {
  const format = checkFormat(options.output ?? 'table', ['table', 'json']);
  const keys = await readKeys(app, loadConfig({ cwd: app.cwd, path: options.config, uid: app.uid }));
  if (format === 'json') {
    printDocument(terminal, 'json', keys);
    return 0;
  }
  const { document, log, history } = keys;
  terminal.print(`document key  ${document.fingerprint}`);
  terminal.print(
    `              ${visible(document.subject)}, valid ${document.notBefore.slice(0, 10)} to ${document.notAfter.slice(0, 10)}`,
  );
  terminal.print(`log key       ${visible(log.verifierKey)}`);
  const older = [...(history?.log.slice(0, -1) ?? []), ...(history?.document.slice(0, -1) ?? [])];
  const revoked = (from: string | null) => (from === null ? '' : `, revoked from ${from}`);
  for (const each of older) {
    const [what, name] = 'id' in each ? ['log key', each.id] : ['document key', each.fingerprint];
    terminal.print(`before        ${what} ${name}, from record ${each.fromRecord}${revoked(each.revokedFrom)}`);
  }
  return 0;
};

export const generateKeysAction: Action<Common> = async ({ app, terminal }, options) => {
  const fingerprint = await generateKeys(app, loadConfig({ cwd: app.cwd, path: options.config, uid: app.uid }));
  terminal.print(fingerprint === null ? 'made the log key' : 'made the signing keys');
  if (fingerprint !== null) printFingerprint(terminal, fingerprint);
  return 0;
};

export const rotateKeyAction: Action<Common & { key: 'log' | 'document'; reason: string; by: string }> = async (
  { app, terminal },
  { config, key, reason, by },
) => {
  printRotation(terminal, await rotateKey(app, loadConfig({ cwd: app.cwd, path: config, uid: app.uid }), key, { reason, by }));
  return 0;
};

export const revokeKeyAction: Action<Common & { reason: string; by: string; from?: string }> = async (
  { app, terminal },
  { config, reason, by, from },
  [id = ''],
) => {
  const since = from === undefined ? undefined : await parseInstant(from);
  const revoked = await revokeKey(app, loadConfig({ cwd: app.cwd, path: config, uid: app.uid }), { id, from: since, reason, by });
  if (revoked.rotation !== null) printRotation(terminal, revoked.rotation);
  terminal.print(`revoked the ${revoked.key} key ${revoked.id}, with effect from ${revoked.from}`);
  terminal.print(wrap('Tell whoever trusts it: what it signed from then on is not to be believed on its own.', terminal.columns, '  '));
  return 0;
};

function printRotation(terminal: Terminal, { key, before, now, kept, finished }: Rotation): void {
  terminal.print(finished ? `finished the rotation of the ${key} key that was cut short` : `the ${key} key ${before} is replaced by`);
  if (key === 'document') printFingerprint(terminal, now);
  else terminal.print(`  ${now}, for which the old one vouches: kubevidence keys show`);
  if (kept !== null) terminal.print(`  the old key is kept: ${visible(kept)}`);
}

function printFingerprint(terminal: Terminal, fingerprint: string): void {
  terminal.print('  Give this fingerprint to whoever will verify your packs, by a way that is not the pack:');
  terminal.print(`  ${fingerprint}`);
}
