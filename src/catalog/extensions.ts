/**
 * Another version of a benchmark as what differs from a version that is there in full. The result is a whole framework like any other:
 * it alone is checked, canonicalised and recorded, so that nothing after loading can tell how its file was written.
 */
import { type Framework, KubevidenceError, type Place, type Requirement, clip, findNearest } from '../model/index.ts';
import { z } from 'zod';
import { frameworkSchema, requirementSchema } from './schemas.ts';
import type { YamlFile } from './yaml-file.ts';

const { id, version, source, kubernetesVersions: minors } = frameworkSchema.shape;
const fields = requirementSchema.shape;

export const extensionSchema = z.strictObject({
  id,
  version,
  extends: z
    .string()
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*@\S+$/, 'the version in full that this one differs from, such as cis-kubernetes@2.0.1')
    .describe('Id and version of the framework that this version is, but for what is said here; one that is written in full'),
  source,
  kubernetesVersions: minors,
  requirements: z
    .array(
      z.strictObject({
        id: fields.id.describe('One that the other version has under the same id'),
        title: fields.title.exactOptional(),
        level: fields.level,
        assessment: fields.assessment,
        needs: fields.needs,
        partsAreExact: fields.partsAreExact,
        controls: z.array(fields.controls.unwrap().element).exactOptional().describe('In place of all lines of the other version'),
      }),
    )
    .describe('What differs, field by field'),
});

/** A file of mappings/: a framework in full, or a version that extends one. */
export const mappingSchema = z.union([frameworkSchema, extensionSchema]);

export type Extension = z.output<typeof extensionSchema>;

interface LoadedFramework {
  readonly value: Framework;
  readonly file: string;
  readonly placeOf: YamlFile<unknown>['placeOf'];
}

interface LoadedExtension {
  readonly value: Extension;
  readonly file: string;
  readonly placeOf: YamlFile<unknown>['placeOf'];
}

/** Tells from a text whether it is to be read as an extension. Its own top level only: YAML indents everything below. */
export function isExtension(text: string): boolean {
  return /^extends\s*:/m.test(text);
}

/** Errors: `configuration`, for a version that is not there in full or a requirement that it does not have. */
export function resolveExtension(extension: LoadedExtension, frameworks: readonly LoadedFramework[]): LoadedFramework {
  const { value, file, placeOf } = extension;
  const whole = frameworks.map((framework) => `${framework.value.id}@${framework.value.version}`);
  const base = frameworks[whole.indexOf(value.extends)];
  if (base === undefined || base.value.id !== value.id)
    throw refuse(`${value.id} ${value.version} extends ${clip(value.extends, 80)}, which is no version in full`, placeOf('extends'), whole);
  const ids = base.value.requirements.map((requirement) => requirement.id);
  const changes = new Map<string, number>();
  for (const [index, { id: changed }] of value.requirements.entries()) {
    const place = placeOf('requirements', index, 'id');
    if (!ids.includes(changed)) throw refuse(`${value.extends} has no requirement ${clip(changed, 80)}`, place, ids, changed);
    if (changes.has(changed)) throw refuse(`requirement ${changed} is there twice`, place);
    changes.set(changed, index);
  }
  const requirements = base.value.requirements.map((requirement): Requirement => {
    const index = changes.get(requirement.id);
    return index === undefined ? requirement : { ...requirement, ...value.requirements[index] };
  });
  const { kubernetesVersions } = value;
  const listed = kubernetesVersions === undefined ? {} : { kubernetesVersions };
  return {
    value: { ...base.value, version: value.version, source: value.source, ...listed, requirements },
    file,
    placeOf: (...path) => {
      const [key, at, ...rest] = path;
      if (key !== 'requirements' || typeof at !== 'number') return placeOf(...path);
      const index = changes.get(ids[at] ?? '');
      return index === undefined ? base.placeOf(...path) : placeOf('requirements', index, ...rest);
    },
  };
}

function refuse(problem: string, place: Place, known: readonly string[] = [], wanted = ''): KubevidenceError {
  const near = findNearest(wanted, known);
  const next =
    near === undefined ? (known.length === 0 || wanted !== '' ? undefined : `In full: ${known.join(', ')}.`) : `Did you mean "${near}"?`;
  return new KubevidenceError('configuration', problem, { place, ...(next !== undefined && { next }) });
}
