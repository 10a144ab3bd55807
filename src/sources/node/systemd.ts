/**
 * Which command line a systemd unit starts: the unit that wins among the directories, its drop-ins in their order, ExecStart with the
 * variables of Environment and EnvironmentFile filled in (systemd.unit(5), systemd.exec(5), systemd.syntax(7)). Variables only ever leave
 * this module inside a command line, whose arguments are scrubbed.
 */
import type { Root } from './root.ts';
import { isFailure } from './root.ts';

/** From the highest precedence to the lowest (systemd.unit(5), "Unit File Load Path"). */
const directories = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
];
const largest = 256 * 1024;
const mostFiles = 64;

export interface UnitCommand {
  /** The unit's file. */
  readonly path: string;
  readonly words: readonly string[];
}

export interface UnitProblem {
  readonly path: string;
  readonly reason: 'forbidden' | 'absent' | 'error';
  readonly detail: string;
}

/** Undefined when there is no such unit, or it is masked. */
export function readUnit(root: Root, name: string, problem: (problem: UnitProblem) => void): UnitCommand | undefined {
  const files = unitFiles(root, name, problem);
  const [main] = files;
  if (main === undefined) return undefined;
  const commands: string[] = [];
  const variables: Assignment[] = [];
  for (const { text } of files) {
    for (const { key, value } of assignments(text, 'Service')) {
      if (key === 'ExecStart') {
        if (value === '') commands.length = 0;
        else commands.push(value);
      } else if (key === 'Environment' || key === 'EnvironmentFile') {
        if (value === '') for (let i = variables.length - 1; i >= 0; i--) if (variables[i]?.key === key) variables.splice(i, 1);
        variables.push({ key, value });
      }
    }
  }
  const command = commands.at(-1);
  if (command === undefined) return undefined;
  const words = expand(split(command.replace(/^[-@:+!|]*/, '')), environment(root, variables, problem));
  return { path: main.path, words };
}

function unitFiles(root: Root, name: string, problem: (problem: UnitProblem) => void) {
  const files: { path: string; text: string }[] = [];
  const take = (path: string): 'read' | 'masked' | 'absent' => {
    const found = root.find(path);
    if (isFailure(found)) {
      if (found.reason !== 'absent') problem({ path, ...found });
      // A link to /dev/null masks; in a mounted root there may be no /dev.
      return found.reason === 'absent' && found.leadsTo === undefined ? 'absent' : 'masked';
    }
    if (!found.stats.isFile()) return 'masked';
    const bytes = root.read(path, largest);
    if (isFailure(bytes)) problem({ path, reason: bytes.reason, detail: bytes.detail });
    else files.push({ path, text: new TextDecoder().decode(bytes) });
    return 'read';
  };
  for (const directory of directories) {
    const taken = take(`${directory}/${name}`);
    if (taken === 'masked') return [];
    if (taken === 'read') break;
  }
  if (files.length === 0) return [];
  const dropIns = new Map<string, string>();
  for (const directory of directories) {
    const listed = root.list(`${directory}/${name}.d`, mostFiles);
    if (isFailure(listed)) {
      if (listed.reason !== 'absent') problem({ path: `${directory}/${name}.d`, ...listed });
      continue;
    }
    if (listed.more) problem({ path: `${directory}/${name}.d`, reason: 'error', detail: `it has more than ${mostFiles} files` });
    for (const file of listed.names) if (file.endsWith('.conf') && !dropIns.has(file)) dropIns.set(file, `${directory}/${name}.d/${file}`);
  }
  for (const [, path] of [...dropIns].sort(([a], [b]) => (a < b ? -1 : 1))) take(path);
  return files;
}

interface Assignment {
  readonly key: string;
  readonly value: string;
}

/** `Key=value` lines of one section; a backslash at the end of a line continues it, comments in between are skipped. */
function* assignments(text: string, section: string): Generator<Assignment> {
  let inside = false;
  let line = '';
  for (const each of text.split('\n')) {
    const comment = /^\s*[#;]/.test(each);
    if (comment) continue;
    const continued = each.endsWith('\\');
    line += continued ? `${each.slice(0, -1)} ` : each;
    if (continued) continue;
    const header = /^\s*\[(.*)\]\s*$/.exec(line);
    if (header !== null) inside = header[1] === section;
    const equals = line.indexOf('=');
    if (inside && header === null && equals > 0) yield { key: line.slice(0, equals).trim(), value: line.slice(equals + 1).trim() };
    line = '';
  }
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', s: ' ', '\\': '\\', '"': '"', "'": "'" };

interface Word {
  readonly text: string;
  /** Whether a `$NAME` in it may become several words: only where it stands alone, without quotes. */
  readonly bare: boolean;
}

/** Words as systemd splits them: blanks outside quotes part, and a backslash escapes, `\xHH` too (systemd.syntax(7), "Quoting"). */
function split(text: string): Word[] {
  const words: Word[] = [];
  let word = '';
  let quote = '';
  let open = false;
  let bare = true;
  for (let i = 0; i < text.length; i++) {
    const character = text[i] as string;
    if (character === '\\' && i + 1 < text.length) {
      const next = text[(i += 1)] as string;
      const [hex] = next === 'x' ? (/^[0-9a-f]{2}/i.exec(text.slice(i + 1)) ?? []) : [];
      word += hex === undefined ? (escapes[next] ?? `\\${next}`) : String.fromCharCode(Number.parseInt(hex, 16));
      if (hex !== undefined) i += 2;
      open = true;
    } else if (quote !== '') {
      if (character === quote) quote = '';
      else word += character;
    } else if (character === '"' || character === "'") {
      quote = character;
      open = true;
      bare = false;
    } else if (/\s/.test(character)) {
      if (open) words.push({ text: word, bare });
      word = '';
      open = false;
      bare = true;
    } else {
      word += character;
      open = true;
    }
  }
  if (open) words.push({ text: word, bare });
  return words;
}

/** `$NAME` alone becomes the words of the variable, `${NAME}` anywhere its text; what is not set becomes nothing. */
function expand(words: readonly Word[], variables: ReadonlyMap<string, string>): string[] {
  return words.flatMap(({ text, bare }) => {
    const alone = bare ? /^\$([A-Za-z_]\w*)$/.exec(text) : null;
    if (alone !== null) return split(variables.get(alone[1] ?? '') ?? '').map((word) => word.text);
    return [
      text
        .replace(/\$\{([A-Za-z_]\w*)\}/g, (_, name: string) => variables.get(name) ?? '')
        .replaceAll('$$', '$')
        .replaceAll('%%', '%'),
    ];
  });
}

/** What EnvironmentFile says overrides Environment; the later of several the earlier (systemd.exec(5)). */
function environment(root: Root, settings: readonly Assignment[], problem: (problem: UnitProblem) => void): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  const set = (text: string) => {
    const equals = text.indexOf('=');
    if (equals > 0) variables.set(text.slice(0, equals).trim(), text.slice(equals + 1));
  };
  for (const { key, value } of settings) if (key === 'Environment') for (const { text } of split(value)) set(text);
  for (const { key, value } of settings) {
    if (key !== 'EnvironmentFile' || value === '') continue;
    const optional = value.startsWith('-');
    const path = optional ? value.slice(1) : value;
    const bytes = root.read(path, largest);
    if (!isFailure(bytes)) for (const line of environmentLines(new TextDecoder().decode(bytes))) set(line);
    else if (!optional || bytes.reason !== 'absent') problem({ path, reason: bytes.reason, detail: bytes.detail });
  }
  return variables;
}

/** `NAME=value` with quotes around the value, or a part of it, taken off. */
function* environmentLines(text: string): Generator<string> {
  for (const line of text.replaceAll('\\\n', '').split('\n')) {
    const equals = line.indexOf('=');
    if (equals <= 0 || /^\s*[#;]/.test(line)) continue;
    const value = line.slice(equals + 1).trim();
    const quoted = /^(["'])(.*)\1$/.exec(value);
    yield `${line.slice(0, equals).trim()}=${quoted === null ? value : (quoted[2] ?? '').replace(/\\(["\\$`])/g, '$1')}`;
  }
}
