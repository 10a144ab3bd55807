/**
 * Every property draws the same cases in each run, so that a test fails because of a change and not by chance.
 * `npm run fuzz` draws others: `KUBEVIDENCE_SEED=random`, or a number that a failure printed.
 */
import { configureGlobal } from 'fast-check';

const asked = process.env['KUBEVIDENCE_SEED'] ?? '20261121';
if (asked !== 'random') {
  const seed = Number(asked);
  if (!Number.isInteger(seed)) throw new Error(`KUBEVIDENCE_SEED: an integer or "random", not ${JSON.stringify(asked)}`);
  configureGlobal({ seed });
}
