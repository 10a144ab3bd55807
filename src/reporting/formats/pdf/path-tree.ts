/**
 * The worst paths as a tree whose root is the target: what paths share from some step on is there once, so that no two arrows cross.
 * Subjects whose path is the same from the second step on are one row; where there are too many rows, also those whose paths take the same
 * techniques through other objects. Rows are worst first: certain, then short, then people and groups.
 */
import type { ReportPath } from '../../report-model.ts';

export interface Step {
  readonly technique: string;
  readonly title: string;
  readonly certain: boolean;
  /** Of all who take it. */
  readonly bindings: readonly string[];
  /** Where it leads them. */
  readonly to: readonly string[];
}

/** Subjects of one kind that climb in the same way. */
export interface Lane {
  readonly subjects: readonly string[];
  readonly steps: readonly Step[];
  readonly certain: boolean;
}

/** `most`: more rows than these are made fewer, as far as they are alike. */
export function lanesOf(paths: readonly ReportPath[], most: number): readonly Lane[] {
  const shortest = paths.filter(({ kind, hops }) => kind === 'shortest' && hops.length > 0);
  // A person or group that others climb through is a box of its own, once.
  const passed = new Set(shortest.flatMap(({ hops }) => hops.map(({ to }) => to)));
  const single = shortest.map(
    ({ from, certain, hops }): Lane => ({
      subjects: [from],
      certain,
      steps: hops.map(({ technique, title, certain: sure, bindings, to }) => ({ technique, title, certain: sure, bindings, to: [to] })),
    }),
  );
  const own = (from: string) => (passed.has(from) && kindOf(from) !== 'ServiceAccount' ? from : kindOf(from));
  const sameEnd = joined(single, ({ subjects: [from = ''], steps: [first, ...others] }) => [
    own(from),
    first?.technique,
    first?.certain,
    first?.to,
    others,
  ]);
  const lanes =
    sameEnd.length <= most
      ? sameEnd
      : joined(sameEnd, ({ subjects: [from = ''], steps }) => [
          own(from),
          steps.map(({ technique, certain, to }) => [technique, certain, [...new Set(to.map(kindOf))]]),
        ]);
  return lanes.toSorted(worstFirst);
}

function joined(lanes: readonly Lane[], keyOf: (lane: Lane) => unknown): readonly Lane[] {
  const groups = Map.groupBy(lanes, (lane) => JSON.stringify(keyOf(lane)));
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined || group.length === 1) return group;
    const steps = first.steps.map((step, index) => {
      const all = group.flatMap((lane) => lane.steps[index] ?? []);
      const of = (key: 'bindings' | 'to') => [...new Set(all.flatMap((each) => each[key]))];
      return { ...step, bindings: of('bindings'), to: of('to') };
    });
    return [{ ...first, steps, subjects: group.flatMap(({ subjects }) => subjects) }];
  });
}

function worstFirst(a: Lane, b: Lane): number {
  const [left, right] = [a.subjects[0] ?? '', b.subjects[0] ?? ''];
  return (
    Number(b.certain) - Number(a.certain) ||
    a.steps.length - b.steps.length ||
    Number(kindOf(left) === 'ServiceAccount') - Number(kindOf(right) === 'ServiceAccount') ||
    b.subjects.length - a.subjects.length ||
    (left < right ? -1 : 1)
  );
}

/** `ServiceAccount` of `ServiceAccount/ns/name`. */
export function kindOf(state: string): string {
  return state.slice(0, Math.max(0, state.indexOf('/')));
}

export interface TreeNode {
  /** What stands in the box: where somebody is; or several such places with the steps between, where a path is too long to be drawn. */
  readonly places: readonly { readonly states: readonly string[]; readonly step: Step | null }[];
  /** Somebody starts here. */
  starts: boolean;
  /** Arrows to the target. */
  readonly distance: number;
  /** The arrow to the parent; null at the target. */
  readonly step: Step | null;
  readonly children: TreeNode[];
}

/** Arrows in a row at most: more would leave no room for their labels. Longer paths have several steps in their second box. */
const mostArrows = 3;

/** Null without a lane. */
export function treeOf(lanes: readonly Lane[]): TreeNode | null {
  const target = lanes[0]?.steps.at(-1)?.to;
  if (target === undefined) return null;
  const root: TreeNode = { places: [{ states: target, step: null }], starts: false, distance: 0, step: null, children: [] };
  const known = new Map<string, TreeNode>();
  for (const { subjects, steps } of lanes) {
    const states = [subjects, ...steps.map(({ to }) => to)];
    let parent = root;
    for (const box of boxesOf(steps.length).toReversed()) {
      const start = box[0] ?? 0;
      const key = JSON.stringify([states[start], box.length, steps.slice(start)]);
      const node: TreeNode = known.get(key) ?? {
        places: box.map((index) => ({ states: states[index] ?? [], step: steps[index] ?? null })),
        starts: false,
        distance: parent.distance + 1,
        step: steps[box.at(-1) ?? 0] ?? null,
        children: [],
      };
      if (!known.has(key)) parent.children.push(node);
      known.set(key, node);
      node.starts ||= start === 0;
      parent = node;
    }
  }
  return root;
}

/** Steps by the box that they lead out of, in order. */
function boxesOf(steps: number): readonly (readonly number[])[] {
  const all = Array.from({ length: steps }, (_, index) => index);
  return steps <= mostArrows ? all.map((index) => [index]) : [[0], all.slice(1, -1), [steps - 1]];
}
