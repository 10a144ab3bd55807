/** `ledger checkpoint|restored`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { declareRestored, loadConfig, signCheckpoint } from '../app/index.ts';
import { KubevidenceError, reasonOf, visible } from '../model/index.ts';
import type { Action } from './session.ts';
import { wrap } from './terminal.ts';

interface CheckpointOptions {
  readonly config?: string;
  readonly out?: string;
  readonly against?: string;
  readonly proof?: string;
}

export const checkpointAction: Action<CheckpointOptions> = async ({ app, terminal }, { config: path, out, against, proof }) => {
  if (proof !== undefined && against === undefined) {
    throw new KubevidenceError('usage', 'a proof needs the older checkpoint that it starts from', { next: 'Name it: --against FILE.' });
  }
  const config = loadConfig({ cwd: app.cwd, path, uid: app.uid });
  const head = await signCheckpoint(app, config, against === undefined ? undefined : readText(resolve(app.cwd, against)));
  if (out === undefined) terminal.print(head.note.trimEnd());
  else {
    writeText(resolve(app.cwd, out), head.note);
    terminal.print(`wrote ${visible(out)}. Keep it where whoever runs this tool cannot change it.`);
  }
  if (head.extends !== null) {
    if (proof !== undefined) writeText(resolve(app.cwd, proof), head.extends.proof);
    const written = proof === undefined ? '' : ` The proof is in ${visible(proof)}: docs/verify-by-hand.md shows how to check it.`;
    terminal.note(
      wrap(
        `the log of ${head.size} records extends the checkpoint of ${head.extends.size} that you kept.${written}`,
        terminal.columns,
        '  ',
      ),
    );
  }
  return 0;
};

export const restoredAction: Action<{ config?: string; reason: string; by: string }> = async (
  { app, terminal },
  { config: path, reason, by },
) => {
  const config = loadConfig({ cwd: app.cwd, path, uid: app.uid });
  const { said, size } = await declareRestored(app, config, { reason, by });
  terminal.print(wrap(`recorded: ${said}`, terminal.columns, '  ', 0));
  terminal.print(wrap('Every verification, the status and each pack will say so from now on.', terminal.columns, '  ', 0));
  terminal.print();
  terminal.print(`  kubevidence ledger checkpoint --out FILE   (${size} records: give it to whoever kept the older one)`);
  return 0;
};

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new KubevidenceError('usage', `cannot read ${visible(path)}: ${reasonOf(cause)}`, { cause });
  }
}

function writeText(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (cause) {
    throw new KubevidenceError('unreachable', `cannot write ${visible(path)}: ${reasonOf(cause)}`, { cause });
  }
}
