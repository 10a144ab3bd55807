/**
 * What no single file can show to be right: references between controls, populations and frameworks, expressions that compile, and
 * examples for the three outcomes that matter. A catalog that passes decides every row of every population, or says why not.
 */
import {
  type Control,
  type ControlExample,
  type Framework,
  KubevidenceError,
  type Outcome,
  type Place,
  clip,
  findNearest,
} from '../model/index.ts';
import { CelProblem, compilePredicate } from './cel.ts';
import { placeholdersOf } from './message.ts';
import { effectiveParams, isOfType } from './params.ts';
import type { YamlFile } from './yaml-file.ts';

type PlaceOf = YamlFile<unknown>['placeOf'];

export function checkControl(control: Control, populations: ReadonlySet<string>, placeOf: PlaceOf): void {
  const refuse = refuserOf(control.id);
  if (!populations.has(control.population))
    throw unknownName('population', control.population, populations, placeOf('population'), control.id);
  checkExpression(control, 'where', control.where, placeOf('where'));
  checkExpression(control, 'undecided.when', control.undecided?.when, placeOf('undecided', 'when'));
  checkExpression(control, 'expect', control.expect, placeOf('expect'));
  const { paths, problem } = placeholdersOf(control.message);
  if (problem !== null) refuse(problem, placeOf('message'));
  for (const path of paths) if (path.startsWith('params.')) checkParam(control, path.slice('params.'.length), placeOf('message'));
  for (const [name, parameter] of Object.entries(control.params))
    if (!isOfType(parameter.default, parameter.type))
      refuse(`the default of ${name} is not a ${parameter.type}`, placeOf('params', name, 'default'));
  for (const [i, example] of control.examples.entries()) checkExample(control, example, (...path) => placeOf('examples', i, ...path));
  const names = control.examples.map((example) => example.name);
  const twice = names.findIndex((name, i) => names.indexOf(name) !== i);
  if (twice !== -1) refuse(`two examples are named "${names[twice]}"`, placeOf('examples', twice, 'name'));
  const demanded = new Set<Outcome>(['pass', 'fail', 'notAssessed']);
  if (control.undecided) demanded.add(control.undecided.outcome);
  // Every row is a finding or a person's: such a control never passes.
  if (control.undecided && control.expect === 'false') demanded.delete('pass');
  const missing = [...demanded].filter((outcome) => control.examples.every((example) => example.outcome !== outcome));
  if (missing.length > 0)
    refuse(`there is no example for ${missing.join(' and ')}`, placeOf('examples'), 'Add one; the test suite runs it.');
}

function checkExample(control: Control, example: ControlExample, placeOf: PlaceOf): void {
  const refuse = refuserOf(control.id);
  if (example.outcome === 'fail' && (example.findings ?? []).length === 0)
    refuse('an example that fails names the rows that do: findings', placeOf());
  if (example.outcome !== 'fail' && (example.findings ?? []).length > 0)
    refuse(`an example with outcome ${example.outcome} has no findings`, placeOf('findings'));
  if (example.outcome === 'pass' && (example.gaps ?? []).length > 0 && example.given === undefined)
    refuse('an example that passes on missing listings proves nothing', placeOf('gaps'));
  try {
    effectiveParams(control, example.params);
  } catch (error) {
    if (error instanceof KubevidenceError)
      throw new KubevidenceError('configuration', error.message, {
        place: placeOf('params'),
        ...(error.next !== undefined && { next: error.next }),
      });
    throw error;
  }
}

function checkExpression(control: Control, key: string, source: string | undefined, place: Place): void {
  if (source === undefined) return;
  try {
    for (const name of compilePredicate(source).params) checkParam(control, name, place);
  } catch (error) {
    if (!(error instanceof CelProblem)) throw error;
    throw new KubevidenceError(
      'configuration',
      `${key} of ${control.id} is not an expression that can be used: ${clip(error.message, 300)}`,
      {
        place,
        next: 'Write CEL over item and params: comprehensions at most two deep, patterns as RE2 knows them, has() for fields that may be missing.',
        cause: error,
      },
    );
  }
}

function checkParam(control: Control, name: string, place: Place): void {
  if (!Object.hasOwn(control.params, name)) throw unknownName('parameter', name, Object.keys(control.params), place, control.id);
}

export function checkFramework(framework: Framework, controls: ReadonlySet<string>, placeOf: PlaceOf): void {
  const refuse = refuserOf(framework.id);
  const sections = new Set(framework.sections.map((section) => section.id));
  const seen = new Set<string>();
  if (framework.kind !== 'benchmark' && framework.kubernetesVersions !== undefined)
    refuse('only a benchmark lists Kubernetes versions', placeOf('kubernetesVersions'));
  if (framework.kind !== 'benchmark' && framework.platform !== undefined)
    refuse('only a benchmark is for the clusters of one provider', placeOf('platform'));
  for (const [i, requirement] of framework.requirements.entries()) {
    const here = (...path: (string | number)[]) => placeOf('requirements', i, ...path);
    if (seen.has(requirement.id)) refuse(`requirement ${requirement.id} is there twice`, here('id'));
    seen.add(requirement.id);
    if (!sections.has(requirement.section)) throw unknownName('section', requirement.section, sections, here('section'), requirement.id);
    if (requirement.kubernetes === 'none' && requirement.controls.length > 0)
      refuse(`${requirement.id} is marked kubernetes: none, so no control can support it`, here('controls'));
    if (requirement.kubernetes === 'none' && requirement.needs === undefined)
      refuse(`${requirement.id} must say which evidence a person brings: needs`, here());
    if (
      requirement.partsAreExact === true &&
      requirement.controls.every((link) => link.covers === 'exact' || link.strength === 'supporting')
    )
      refuse(`${requirement.id} has no part lines that could be exact together`, here('partsAreExact'));
    const linked = requirement.controls.map((link) => link.id);
    for (const [n, link] of requirement.controls.entries()) {
      if (!controls.has(link.id)) throw unknownName('control', link.id, controls, here('controls', n, 'id'), requirement.id);
      if (linked.indexOf(link.id) !== n) refuse(`${requirement.id} names ${link.id} twice`, here('controls', n, 'id'));
      if (framework.kind === 'benchmark' && link.covers === undefined)
        refuse(`${link.id} must say how far it covers ${requirement.id}: exact, part or broader`, here('controls', n));
      if (framework.kind !== 'benchmark' && link.covers !== undefined)
        refuse(`covers is for benchmarks; a law has strength only`, here('controls', n, 'covers'));
    }
  }
}

/** Every CIS recommendation that a law names is one of the general benchmark, by its id in the newest version. */
export function checkCisReferences(framework: Framework, recommendations: ReadonlySet<string>, placeOf: PlaceOf): void {
  for (const [i, requirement] of framework.requirements.entries())
    for (const [n, id] of (requirement.cis ?? []).entries())
      if (!recommendations.has(id))
        throw unknownName('CIS recommendation', id, recommendations, placeOf('requirements', i, 'cis', n), requirement.id);
}

function refuserOf(id: string): (problem: string, place: Place, next?: string) => never {
  return (problem, place, next) => {
    throw new KubevidenceError('configuration', `${id}: ${clip(problem, 300)}`, { place, ...(next !== undefined && { next }) });
  };
}

function unknownName(what: string, name: string, known: Iterable<string>, place: Place, by: string): KubevidenceError {
  const near = findNearest(name, known);
  const list = [...known];
  return new KubevidenceError('configuration', `${by} names the ${what} "${clip(name, 80)}", which does not exist`, {
    place,
    next:
      near !== undefined
        ? `Did you mean "${near}"?`
        : list.length === 0
          ? `There is no ${what} here.`
          : `There are: ${clip(list.join(', '), 300)}.`,
  });
}
