/**
 * Loads the techniques of escalation, techniques/*.yaml, as strictly as controls: what it returns is whole, or it throws naming file, line
 * and key. The names of conditions and yields come from whoever carries them out.
 */
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { KubevidenceError, reasonOf, visible } from '../model/index.ts';
import type { Prepared } from './prepared.ts';
import { prepareKey } from './prepared.ts';
import { parseYaml, readText } from './yaml-file.ts';

const text = z.string().trim().min(1);
const id = z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'an id such as create-pod');

const right = z.strictObject({
  verbs: z.array(text).min(1).describe('Any of them is enough'),
  resources: z.array(text).min(1).describe('Any of them is enough; as kubectl writes them: pods/exec, deployments.apps'),
  names: z
    .union([z.enum(['none', 'any', 'object', 'role', 'namespace']), z.array(text).min(1)])
    .exactOptional()
    .describe('What a rule with resourceNames must name; default none, because the request carries no name'),
  scope: z
    .enum(['cluster', 'namespace', 'anywhere'])
    .exactOptional()
    .describe('Where it must hold; default: in the namespace that the technique is about, else cluster-wide'),
});

const need = z.union([
  right,
  z.strictObject({ together: z.array(right).min(2).describe('One request asks for all of them, so one identity must hold them') }),
  z.strictObject({ controls: z.enum(['object', 'anyNode', 'everything']).describe('What must be in hand already') }),
  z.strictObject({ holds: z.literal('object').describe('The role must be bound to an identity in hand') }),
]);

/** The schema of a technique, with the words that exist. */
export function techniqueSchema(words: {
  readonly over: readonly string[];
  readonly conditions: readonly string[];
  readonly yields: readonly string[];
}) {
  return z.strictObject({
    id: id.describe('Equal to the file name'),
    title: text.describe('What somebody does, in a few words'),
    why: text.describe('Why it gives more than the right says'),
    privilege: z.int().min(1).max(5).describe('1: a right that nobody looks at, 5: administration of the cluster'),
    over: z.enum(words.over).describe('What one instance is about'),
    needs: z.array(need).min(1).describe('All of them; different identities may meet different ones'),
    yields: z
      .array(
        z.strictObject({
          what: z.enum(words.yields).describe('What is controlled then'),
          when: z.enum(words.conditions).exactOptional().describe('What must be so in the evidence'),
          undecided: text.exactOptional().describe('Why no evidence decides it; then it is possible, never certain'),
        }),
      )
      .min(1),
    evidence: text.describe('What of the evidence decides it, and what no evidence does'),
    reference: z.url(),
    examples: z
      .array(
        z.strictObject({
          name: text,
          given: z.string().describe('Kubernetes objects as multi-document YAML; all other listings are read and empty'),
          absent: z.array(text).exactOptional().describe('Listings that were not read'),
          from: text,
          to: text,
          hop: z.enum(['certain', 'possible', 'none']),
        }),
      )
      .min(2),
  });
}

export interface TechniqueSources {
  readonly directory: string;
  readonly schema: ReturnType<typeof techniqueSchema>;
  readonly prepared?: Prepared;
}

type LoadedTechnique = z.output<ReturnType<typeof techniqueSchema>>;

/** In the order of their ids. Errors: `configuration`. */
export function loadTechniques(sources: TechniqueSources): readonly LoadedTechnique[] {
  return readTexts(sources.directory).map(({ file, content }) => {
    const known = sources.prepared?.get(prepareKey('technique', content));
    return known === undefined ? parseTechnique(file, content, sources.schema) : (known as LoadedTechnique);
  });
}

/** What the build keeps for `prepared`. Errors as {@link loadTechniques}. */
export function prepareTechniques({ directory, schema }: TechniqueSources): Record<string, unknown> {
  return Object.fromEntries(
    readTexts(directory).map(({ file, content }) => [prepareKey('technique', content), parseTechnique(file, content, schema)]),
  );
}

function parseTechnique(file: string, content: string, schema: TechniqueSources['schema']): LoadedTechnique {
  const { value, placeOf } = parseYaml(content, file, schema);
  const refuse = (problem: string, place: ReturnType<typeof placeOf>): never => {
    throw new KubevidenceError('configuration', `${value.id}: ${problem}`, { place });
  };
  if (`${value.id}.yaml` !== basename(file)) refuse(`it is in a file named ${visible(basename(file))}`, placeOf('id'));
  // Both ways, so that a technique that finds everything or nothing does not pass.
  if (value.examples.every(({ hop }) => hop === 'none')) refuse('no example shows the hop', placeOf('examples'));
  if (value.examples.every(({ hop }) => hop !== 'none')) refuse('no example shows the fixed variant', placeOf('examples'));
  return value;
}

function readTexts(directory: string): readonly { readonly file: string; readonly content: string }[] {
  let names: string[];
  try {
    names = readdirSync(directory)
      .filter((name) => name.endsWith('.yaml'))
      .sort();
  } catch (cause) {
    throw new KubevidenceError('configuration', `cannot read the directory: ${visible(reasonOf(cause))}`, {
      place: { file: directory },
      cause,
    });
  }
  if (names.length === 0)
    throw new KubevidenceError('configuration', 'there is no .yaml file in this directory', { place: { file: directory } });
  return names.map((name) => join(directory, name)).map((file) => ({ file, content: readText(file) }));
}
