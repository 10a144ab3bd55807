/**
 * What takes grants away, as commands for a person to read and run: a binding of which nothing would be left is deleted, from any other the
 * subjects are removed in one patch that first tests that they still stand where they stood. Names are hostile: nothing in them can end a
 * word of the shell, begin an option or move a cursor. Nothing here is ever run by Kubevidence.
 */
import type { EvidenceReader } from '../../model/index.ts';
import { isObject, listAt, textAt } from '../../model/index.ts';
import { createAccessIndex } from '../access-index.ts';
import type { Binding } from '../bindings.ts';
import { isBootstrapGrant, isDefaultRole } from '../bootstrap.ts';
import { readSubject } from '../subjects.ts';
import { widenedOf } from '../widened.ts';

export interface RevokeCommand {
  /** For a POSIX shell; for bash where a name holds control characters. One line of ASCII. */
  readonly command: string;
  readonly binding: string;
  /** Subjects that lose the role. Untrusted text. */
  readonly subjects: readonly string[];
  /** What has to be known before running it. */
  readonly note: string | null;
}

export interface Revoke {
  readonly subject: string;
  readonly binding: string;
  readonly role: string;
}

/** One command per binding, in the order of the bindings. Grants that are not there any more need none. */
export function revokeCommands(reader: EvidenceReader, revokes: readonly Revoke[], context: string | null): readonly RevokeCommand[] {
  const wanted = Map.groupBy(revokes, ({ binding, role }) => JSON.stringify([binding, role]));
  return createAccessIndex(reader).bindings.flatMap((binding) => {
    const found = wanted.get(JSON.stringify([binding.key, binding.roleKey])) ?? [];
    const gone = new Set(found.map(({ subject }) => subject));
    const held = binding.subjects.filter(({ text }) => gone.has(text)).map(({ text }) => text);
    return held.length === 0 ? [] : [commandFor(binding, held, context)];
  });
}

function commandFor(binding: Binding, subjects: readonly string[], context: string | null): RevokeCommand {
  const { object, namespace, key, roleKey } = binding;
  const gone = new Set(subjects);
  const entries = listAt(object.body, 'subjects');
  const positions = entries.flatMap((entry, position) => {
    const text = readSubject(entry, namespace)?.text;
    return text !== undefined && gone.has(text) ? [position] : [];
  });
  const kubectl = ['kubectl', ...(context === null ? [] : [`--context=${context}`])];
  const where = namespace === '' ? [] : [`--namespace=${namespace}`];
  // TYPE/NAME: a name that begins with a dash stays a name.
  const target = `${object.type.toLowerCase()}.rbac.authorization.k8s.io/${object.name}`;
  const words =
    positions.length === entries.length
      ? [...kubectl, 'delete', ...where, target]
      : [...kubectl, 'patch', ...where, target, '--type=json', `--patch=${patchOf(binding, positions)}`];
  const isOwn = subjects.some((text) => isBootstrapGrant(key, roleKey, text));
  const isWidened = subjects.every((text) => isBootstrapGrant(key, roleKey, text)) && widenedOf(binding.role) !== null;
  const isDefault = object.type === 'ClusterRoleBinding' && isDefaultRole('ClusterRole', object.name);
  return {
    command: words.map(quote).join(' '),
    binding: key,
    subjects,
    note: isWidened
      ? `the API server makes this binding anew at each start: take out of ${roleKey} what was added to it instead`
      : isOwn || isDefault
        ? 'the API server makes this binding anew at each start, and its own components may need it'
        : null,
  };
}

/** RFC 6902. From the last position to the first, because each removal moves what stands behind it. */
function patchOf({ object }: Binding, positions: readonly number[]): string {
  const entries = listAt(object.body, 'subjects');
  const tests = positions.flatMap((position) =>
    ['kind', 'name'].map((field) => {
      const entry = entries[position];
      return { op: 'test', path: `/subjects/${position}/${field}`, value: isObject(entry) ? (textAt(entry, field) ?? '') : '' };
    }),
  );
  const removals = positions.toReversed().map((position) => ({ op: 'remove', path: `/subjects/${position}` }));
  const same = object.uid === '' ? [] : [{ op: 'test', path: '/metadata/uid', value: object.uid }];
  const json = JSON.stringify([...same, ...tests, ...removals]);
  return json.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** One word of a shell. Bytes beyond printable ASCII as octal escapes of `$'…'`, which bash, zsh and ksh know. */
export function quote(word: string): string {
  if (/^[A-Za-z0-9_./:=@%+,-]+$/.test(word)) return word;
  if (/^[ -~]*$/.test(word)) return `'${word.replaceAll("'", String.raw`'\''`)}'`;
  const escaped = Array.from(Buffer.from(word.toWellFormed(), 'utf8'), (byte) =>
    byte < 0x20 || byte > 0x7e || byte === 0x27 || byte === 0x5c ? `\\${byte.toString(8).padStart(3, '0')}` : String.fromCharCode(byte),
  );
  return `$'${escaped.join('')}'`;
}
