/** `demo`: the main job, told in the order in which it happens, with what to open and what to type next. */
import { relative } from 'node:path';
import { runDemo } from '../app/index.ts';
import { printAssessment } from './assess.ts';
import { printPack, printVerification } from './pack.ts';
import type { Action } from './session.ts';
import { columnsOf } from './terminal.ts';

export const demoAction: Action<{ out: string }> = async (session, options) => {
  const { app, terminal } = session;
  const report = await runDemo(app, options.out, (text) => terminal.note(`${text} …`));
  terminal.print();
  terminal.print('DEMO · a recording of a real Kubernetes control plane, made by kubevidence’s own collectors');
  terminal.print();
  const rows = report.runs.map(({ number, kind, slot, observedAt, endedAt, status }) => [
    `  run ${number}`,
    (status === 'missed' ? slot : (observedAt ?? endedAt))?.slice(0, 16) ?? '',
    status,
    kind,
  ]);
  for (const line of columnsOf(rows)) terminal.print(line);
  terminal.print();
  printAssessment(terminal, report.judged, report.now, { next: false, most: 6 });
  terminal.print();
  printPack(session, report.pack);
  terminal.print();
  printVerification(terminal, 'pack.zip', report.verification);
  const directory = relative(app.cwd, report.directory) || '.';
  terminal.print();
  terminal.print(`Open ${directory}/pack/report.pdf and ${directory}/pack/workbook.xlsx. On your own cluster:`);
  terminal.print();
  // From a checkout the command is npm's; from the package it is its own.
  const command = import.meta.url.endsWith('.ts') ? 'npm run kubevidence --' : 'kubevidence';
  for (const line of ['init', 'collect', 'pack create --out pack']) terminal.print(`  ${command} ${line}`);
  return report.verification.ok ? 0 : 4;
};
