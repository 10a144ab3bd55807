/** `node collect`: what was read on a node, what was not and what that costs, and how it joins a run. */
import { setTimeout as pause } from 'node:timers/promises';
import { collectNodeEvidence, durationForm, type NodeCollectReport, parseDuration } from '../app/index.ts';
import { KubevidenceError, visible } from '../model/index.ts';
import type { Action } from './session.ts';
import { plural, type Terminal, wrap } from './terminal.ts';

interface Options {
  readonly root: string;
  readonly out: string;
  readonly node?: string;
  readonly key?: string;
  readonly configz?: string;
  readonly every?: string;
}

export const collectNodeAction: Action<Options> = async ({ app, terminal }, options) => {
  const toStdout = options.out === '-';
  const everyMs = options.every === undefined ? null : intervalOf(options.every);
  // As the first process of a container nothing ends us that we do not listen to.
  const stop = new AbortController();
  if (everyMs !== null) for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  for (;;) {
    const report = await collectNodeEvidence(app, {
      root: options.root,
      out: toStdout ? null : options.out,
      ...(options.node === undefined ? {} : { name: options.node }),
      ...(options.key === undefined ? {} : { key: options.key }),
      ...(options.configz === undefined ? {} : { configz: options.configz }),
    });
    // The document alone on stdout, so that it can be piped; the story beside it.
    if (toStdout) terminal.print(report.text);
    tell(terminal, report, options.out, toStdout ? (text) => terminal.note(text) : (text) => terminal.print(text));
    if (everyMs === null) return 0;
    const ended = await pause(everyMs, 'waited', { signal: stop.signal }).catch(() => 'stopped');
    if (ended === 'stopped') return 0;
  }
};

/** Milliseconds; timers hold 24 days. */
function intervalOf(text: string): number {
  const seconds = parseDuration(text);
  if (seconds === null) throw new KubevidenceError('usage', `${visible(text)} is no length of time`, { next: durationForm });
  if (seconds < 60 || seconds > 14 * 86_400)
    throw new KubevidenceError('usage', `--every ${visible(text)} is not between a minute and 14 days`, {
      next: 'Twice a day is usual: --every 12h.',
    });
  return seconds * 1000;
}

/** What cannot be said where a role or topic was not read; others cost their own file. */
const costs: Readonly<Record<string, string>> = {
  programs: 'what the programs are told may be known in part only',
  'audit-policy': 'what the audit log leaves out cannot be assessed',
  'encryption-configuration': 'how Secrets are encrypted is known only from what the API server was seen to do',
  'kubelet-config': 'the settings of the kubelet cannot be assessed',
  'kubelet-configz': 'the settings of the kubelet are known from its files and flags only',
  'kube-proxy-config': 'the settings of kube-proxy cannot be assessed',
};

function tell(terminal: Terminal, report: NodeCollectReport, out: string, print: (text: string) => void): void {
  const { name, otherNames, installer, paths, present, unreadable, unread, milliseconds, key } = report;
  const seconds = (milliseconds / 1000).toFixed(1);
  const line = (text: string, indent = '  ') => print(`${indent}${wrap(text, terminal.columns, `${indent}  `, indent.length)}`);
  print(`${visible(name)} (${installer}): ${plural(present, 'file')} of ${plural(paths, 'path')} looked at in ${seconds} s`);
  if (otherNames.length > 0) line(`its kubelet also calls it ${otherNames.map(visible).join(', ')}: is ${visible(name)} the Node's name?`);
  const topics = new Map<string, string[]>();
  const add = (what: string, text: string) => topics.set(what, [...(topics.get(what) ?? []), text]);
  for (const { what, path, detail } of unread) add(what, `${visible(path)} (${visible(detail)})`);
  for (const { role, path, problem } of unreadable) add(role, `${visible(path)} (${visible(problem)})`);
  for (const [what, texts] of topics) {
    const more = texts.length > 3 ? `, and ${texts.length - 3} more` : '';
    line(`not read: ${visible(what)}: ${texts.slice(0, 3).join(', ')}${more}`);
    line(costs[what] ?? `what depends on this ${visible(what)} cannot be assessed`, '    ');
  }
  const isForbidden = unread.some(({ reason }) => reason === 'forbidden') || unreadable.some(({ problem }) => /EACCES|EPERM/.test(problem));
  if (isForbidden) line('Run it as root, or with the capability DAC_READ_SEARCH, to read what was forbidden.');
  if (key === null) line('Nobody signed it: --key FILE signs it with a key of this node.');
  else if (!key.isNew) line(`signed by ${key.fingerprint}`);
  else {
    line(`signed by ${key.fingerprint}, a new key; list it in kubevidence.yaml: clusters[].nodeKeys:`);
    print(`    - {node: ${visible(name)}, key: ${key.fingerprint}}`);
  }
  if (out === '-') return;
  print('');
  line(`kubevidence collect --files ${visible(out)}`);
}
