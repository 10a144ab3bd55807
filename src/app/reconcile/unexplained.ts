/** Which changes of definitions every report points at. */
import type { DefinitionChange } from '../../ledger/index.ts';

/** In force, and nobody answers for it. */
export function isUnexplained({ first, explanation, approval }: DefinitionChange): boolean {
  return !first && explanation === null && approval === null;
}
