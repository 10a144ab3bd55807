/**
 * What decides what is collected and judged, as it stands now: every file of a control, mapping or technique by its bytes, the configured parameters, the
 * schedule, times to live, and how each listing is read and scrubbed. Bytes are enough to see a change, so a collection neither waits for
 * controls to be compiled nor fails because of a mistake in one; judging says what is wrong with it.
 */
import { hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { collectors, optionsOf } from '../../collectors/index.ts';
import type { Definition, PresentDefinitions } from '../../ledger/index.ts';
import { type Json, KubevidenceError, canonicalBytes, clip, reasonOf, visible } from '../../model/index.ts';
import { createScrubber } from '../../sources/index.ts';
import type { Config } from '../config.ts';
import { shipped, toolName } from '../context.ts';

/** Longest name of a definition (records.ts, label). */
const longestName = 253;

/**
 * Throws `configuration` for a directory of controls, mappings or techniques that cannot be read. `keepDigests`: of listings whose keep-list was compiled anyway,
 * without annotations that the configuration keeps.
 */
export function describeDefinitions(config: Config, keepDigests: ReadonlyMap<string, string> = new Map()): PresentDefinitions {
  const texts = new Map<string, string>();
  const files = [
    ...[shipped.controls, ...config.controlDirs].flatMap((directory) => readFiles(directory, 'control', texts)),
    ...[shipped.mappings, ...config.mappingDirs].flatMap((directory) => readFiles(directory, 'mapping', texts)),
    ...[shipped.techniques, ...config.techniqueDirs].flatMap((directory) => readFiles(directory, 'technique', texts)),
  ];
  const { schedule } = config;
  const scheduled = Object.entries(schedule).filter(([, expression]) => expression !== null);
  const small: readonly (readonly [string, Json])[] = [
    ...Object.entries(config.params).map(([control, values]) => [`params ${control}`, values] as const),
    ['timezone', config.timezone],
    ...when(scheduled.length > 0, 'schedule', Object.fromEntries(scheduled)),
    ...when(Object.keys(config.timeToLive).length > 0, 'timeToLive', config.timeToLive),
    ...when(config.frameworks !== null, 'frameworks', config.frameworks ?? []),
    ...when(config.keepAnnotations.length > 0, 'keepAnnotations', [...config.keepAnnotations].sort()),
    ...config.clusters.flatMap(({ name, apiServers }) => (apiServers === undefined ? [] : [[`apiServers ${name}`, apiServers] as const])),
    ...config.clusters.flatMap(({ name, managed }) => (managed === undefined ? [] : [[`managed ${name}`, managed] as const])),
    ...collectors.flatMap((collector): (readonly [string, Json])[] => {
      const { enabled, ...options } = optionsOf(collector, config.collectors);
      return enabled ? [[`collector ${collector.kind}`, { version: collector.version, ...options }]] : [];
    }),
  ];
  const list: Definition[] = [
    ...files,
    ...small.map(([what, value]) => ({ what, digest: hash('sha256', canonicalBytes(value)), value })),
    // Without the annotations that the configuration keeps: they are a definition of their own.
    ...collectors.flatMap(({ listings }) =>
      listings.map((listing) => ({
        what: `keep-list ${listing.kind}`,
        digest: keepDigests.get(listing.kind) ?? createScrubber(listing).keepDigest,
        value: null,
      })),
    ),
  ];
  return { list: nameApart(list), texts, tool: toolName };
}

function when(holds: boolean, what: string, value: Json): readonly (readonly [string, Json])[] {
  return holds ? [[what, value]] : [];
}

/** Every YAML file below a directory, named as the catalog demands: after the id of what it defines. Puts the texts aside. */
function readFiles(directory: string, kind: 'control' | 'mapping' | 'technique', texts: Map<string, string>): Definition[] {
  try {
    return readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
      .map((entry) => {
        const bytes = readFileSync(join(entry.parentPath, entry.name));
        const digest = hash('sha256', bytes);
        texts.set(digest, bytes.toString('utf8'));
        return { what: `${kind} ${basename(entry.name).replace(/\.ya?ml$/, '')}`, digest, value: null };
      });
  } catch (cause) {
    const message = `cannot read the directory of ${kind}s: ${visible(reasonOf(cause))}`;
    throw new KubevidenceError('configuration', message, { place: { file: directory }, cause });
  }
}

/** The catalog refuses two files of one name, but a collection does not wait for it: they are told apart by their number. */
function nameApart(list: readonly Definition[]): Definition[] {
  const seen = new Map<string, number>();
  const sorted = list.toSorted((a, b) => (a.what < b.what ? -1 : a.what > b.what ? 1 : a.digest < b.digest ? -1 : 1));
  return sorted.map(({ what: given, digest, value }) => {
    const what = clip(given, longestName - 10);
    const count = (seen.get(what) ?? 0) + 1;
    seen.set(what, count);
    return { what: count === 1 ? what : `${what} (${count})`, digest, value };
  });
}
