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
        id: fields.id.describe('Under which this version has it'),
        was: fields.id
          .exactOptional()
          .describe(
            'Its id in the other version, where that is another; there it then keeps its own id only if that is listed too. Default: the same',
          ),
        title: fields.title.exactOptional(),
        level: fields.level,
        assessment: fields.assessment,
        needs: fields.needs,
        partsAreExact: fields.partsAreExact,
        controls: z.array(fields.controls.unwrap().element).exactOptional().describe('In place of all lines of the other version'),
      }),
    )
    .describe('What differs, field by field'),
  added: z.array(requirementSchema).exactOptional().describe('What the other version does not have, in full; last in its section'),
  without: z.array(fields.id).exactOptional().describe('Ids of the other version for what this one does not have'),
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

/**
 * Errors: `configuration`, for a version that is not there in full, a requirement that it does not have, and an id that would then mean
 * two.
 */
export function resolveExtension(extension: LoadedExtension, frameworks: readonly LoadedFramework[]): LoadedFramework {
  const { value, file, placeOf } = extension;
  const whole = frameworks.map((framework) => `${framework.value.id}@${framework.value.version}`);
  const base = frameworks[whole.indexOf(value.extends)];
  if (base === undefined || base.value.id !== value.id)
    throw refuse(`${value.id} ${value.version} extends ${clip(value.extends, 80)}, which is no version in full`, placeOf('extends'), whole);
  checkIds(extension, base.value);

  const said = value.requirements.map(({ was, ...changed }, index) => {
    return { from: was ?? changed.id, changed, placeIn: (...rest: Path) => placeOf('requirements', index, ...rest) };
  });
  const changes = Map.groupBy(said, ({ from }) => from);
  const kept = base.value.requirements.flatMap((requirement, n): Placed[] => {
    if (value.without?.includes(requirement.id) === true) return [];
    const all = changes.get(requirement.id) ?? [{ changed: {}, placeIn: (...rest: Path) => base.placeOf('requirements', n, ...rest) }];
    return all.map(({ changed, placeIn }) => ({ requirement: { ...requirement, ...changed }, placeIn }));
  });
  const placed = (value.added ?? []).reduce<readonly Placed[]>((before, requirement, index) => {
    const after = before.findLastIndex((each) => each.requirement.section === requirement.section) + 1 || before.length;
    return before.toSpliced(after, 0, { requirement, placeIn: (...rest) => placeOf('added', index, ...rest) });
  }, kept);

  const { kubernetesVersions } = value;
  const listed = kubernetesVersions === undefined ? {} : { kubernetesVersions };
  const requirements = placed.map(({ requirement }) => requirement);
  return {
    value: { ...base.value, version: value.version, source: value.source, ...listed, requirements },
    file,
    placeOf: (...path) => {
      const [key, at, ...rest] = path;
      const found = key === 'requirements' && typeof at === 'number' ? placed[at] : undefined;
      return found === undefined ? placeOf(...path) : found.placeIn(...rest);
    },
  };
}

type Path = Parameters<YamlFile<unknown>['placeOf']>;

/** A requirement of the resolved framework, and where what it says of itself stands. */
interface Placed {
  readonly requirement: Requirement;
  readonly placeIn: YamlFile<unknown>['placeOf'];
}

/** Every id of the other version that is named is one of its own, and no id means two requirements in this version. */
function checkIds({ value, placeOf }: LoadedExtension, base: Framework): void {
  const known = base.requirements.map((requirement) => requirement.id);
  const { requirements, added = [], without = [] } = value;
  const changed = requirements.map(({ id: own, was }, index) => {
    return { from: was ?? own, place: placeOf('requirements', index, was === undefined ? 'id' : 'was') };
  });
  const gone = without.map((from, index) => ({ from, place: placeOf('without', index) }));
  for (const { from, place } of [...changed, ...gone])
    if (!known.includes(from)) throw refuse(`${value.extends} has no requirement ${clip(from, 80)}`, place, known, from);
  for (const { from, place } of gone)
    if (changed.some((each) => each.from === from)) throw refuse(`requirement ${from} is said to differ and not to be there`, place);

  const named = new Set([...changed, ...gone].map(({ from }) => from));
  const seen = new Set<string>();
  const take = (own: string, place: Place) => {
    if (seen.has(own)) throw refuse(`requirement ${clip(own, 80)} is there twice`, place);
    if (known.includes(own) && !named.has(own))
      throw refuse(`${value.extends} has another requirement ${clip(own, 80)}, and nothing says what became of it`, place);
    seen.add(own);
  };
  for (const [index, { id: own }] of requirements.entries()) take(own, placeOf('requirements', index, 'id'));
  for (const [index, { id: own }] of added.entries()) take(own, placeOf('added', index, 'id'));
}

function refuse(problem: string, place: Place, known: readonly string[] = [], wanted = ''): KubevidenceError {
  const near = findNearest(wanted, known);
  const next =
    near === undefined ? (known.length === 0 || wanted !== '' ? undefined : `In full: ${known.join(', ')}.`) : `Did you mean "${near}"?`;
  return new KubevidenceError('configuration', problem, { place, ...(next !== undefined && { next }) });
}
