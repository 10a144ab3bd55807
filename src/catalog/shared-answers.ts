/**
 * One answer for items that are equal in all that is asked of them: who knows them to be equal passes one item for all, and has it shared.
 * An expression is then run once on it for each set of parameters, and costs each of them the same steps. An answer that the end of a
 * budget may have decided is not kept, so that nothing depends on what is shared.
 */
/** What one control may still spend in one assessment. */
export interface Budget {
  left: number;
}

/** May throw; what it takes from the budget depends on item and parameters alone as long as `ample` is left. */
export type Test = (item: unknown, params: unknown, budget: Budget) => boolean;

interface Answer {
  readonly params: unknown;
  readonly steps: number;
  readonly result: boolean | Error;
}

const shared = new WeakMap<object, Map<Test, Answer>>();

/** From now on, answers about this item are kept as long as the item is. It must not change. */
export function shareAnswers(item: object): void {
  if (!shared.has(item)) shared.set(item, new Map());
}

/** The same test, which asks about a shared item once. `ample`: what a test may take at most. */
export function rememberAnswers(test: Test, ample: number): Test {
  return (item, params, budget) => {
    const answers = typeof item === 'object' && item !== null ? shared.get(item) : undefined;
    if (answers === undefined) return test(item, params, budget);
    const known = answers.get(test);
    if (known !== undefined && known.params === params && budget.left > 0 && known.steps <= budget.left) {
      budget.left -= known.steps;
      return give(known.result);
    }
    const before = budget.left;
    const result = attempt(() => test(item, params, budget));
    if (before >= ample) answers.set(test, { params, steps: before - budget.left, result });
    return give(result);
  };
}

function attempt(act: () => boolean): boolean | Error {
  try {
    return act();
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

function give(result: boolean | Error): boolean {
  if (typeof result === 'boolean') return result;
  throw result;
}
